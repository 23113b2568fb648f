"""Learned delays: which synapses share one, and within which bounds they stay.

Synaptic delays are one a weight, axonal ones belong to the source neuron and dendritic ones to the target (DelGrad:
Goeltz et al., Nature Communications 2025, who learn all three). A step of the optimiser that leaves the bounds is
brought back to them.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.connect import Conv2d, Dense
from eventsim.errors import InputError, choose, expect

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.projection import Projection
    from eventsim.type_aliases import Floats

SHARING = ("synaptic", "axonal", "dendritic")


# Annotations are no text here: `training.tables` checks files of settings against the types of the fields.
@dataclass(frozen=True)
class Delays:
    """What is learned of the delays.

    Parameters
    ----------
    sharing : {"synaptic", "axonal", "dendritic"}
        One delay a weight, a source neuron, or a target neuron. The last two need `Dense` projections.
    shortest, longest : float
        Bounds in ms.
    projections : sequence of str, optional
        Which have learned delays; all by default.

    Raises
    ------
    InputError
        Bounds out of order or range, or an unknown sharing.
    """

    sharing: str = "synaptic"
    shortest: float = 0.0
    longest: float = math.inf
    projections: list | None = None

    def __post_init__(self) -> None:
        """Refuse bounds out of order and unknown sharing."""
        choose("sharing of delays", self.sharing, SHARING)
        if self.projections is not None:
            expect("projections", self.projections, Collection, "a list of names of projections")
        shortest, longest = arrays.number("shortest", self.shortest), arrays.number("longest", self.longest)
        if not (0.0 <= shortest < math.inf and shortest <= longest):
            raise InputError(
                f"Delays from {self.shortest!r} to {self.longest!r} ms are out of order; give 0 <= shortest <= longest."
            )

    def shared(self, net: "Network") -> "dict[str, Shared]":
        """Return `Shared` by the name of each projection with learned delays.

        Parameters
        ----------
        net : Network
        """
        names = tuple(net.projections) if self.projections is None else tuple(self.projections)
        for name in names:
            choose("The projection with learned delays", name, tuple(net.projections))
        return {name: Shared(net.projections[name], self) for name in names}


class Shared:
    """The delays of one projection."""

    def __init__(self, projection: "Projection", settings: Delays) -> None:
        connection = projection.connection
        if isinstance(connection, Conv2d):
            raise InputError(f'"{projection.name}" is a convolution, whose delays are not learned; name others.')
        self._axis = {"synaptic": None, "axonal": 1, "dendritic": 0}[settings.sharing]
        if self._axis is not None and not isinstance(connection, Dense):
            raise InputError(f'"{projection.name}" is not Dense; only those have {settings.sharing} delays.')
        self._shape = projection.weight.shape
        self.bounds = settings.shortest, settings.longest
        self._delay = np.broadcast_to(np.asarray(projection.delay, dtype=np.float64), self._shape)

    def start(self) -> "Floats":
        """Return the learned array as the network has it (the mean over those that share), within the bounds."""
        own = self._delay if self._axis is None else self._delay.mean(axis=self._axis)
        return np.clip(own, *self.bounds)

    def spread(self, delays: "Floats") -> "Floats":
        """Return one delay a weight."""
        if self._axis is not None:
            delays = np.expand_dims(delays, self._axis)
        return np.broadcast_to(delays, self._shape).copy()

    def collect(self, gradient: "Floats") -> "Floats":
        """Return the gradient of the learned array from one a weight."""
        return gradient if self._axis is None else gradient.sum(axis=self._axis)

    def bound(self, delays: "Floats") -> None:
        """Bring delays back within the bounds, in place."""
        np.clip(delays, *self.bounds, out=delays)
