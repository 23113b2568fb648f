"""Kinds of connection: which neurons of a source reach which neurons of a target, with what weight."""

from eventsim.connect.base import Connection
from eventsim.connect.chance import FixedInDegree, FixedOutDegree, FixedProbability
from eventsim.connect.convolution import Conv2d, Geometry
from eventsim.connect.dense import AllToAll, Dense
from eventsim.connect.listed import OneToOne, Sparse

KINDS = {
    kind.__name__: kind
    for kind in (Dense, Conv2d, Sparse, OneToOne, AllToAll, FixedProbability, FixedInDegree, FixedOutDegree)
}
"""All kinds of connection by name."""

__all__ = [
    "KINDS",
    "AllToAll",
    "Connection",
    "Conv2d",
    "Dense",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "Geometry",
    "OneToOne",
    "Sparse",
]
