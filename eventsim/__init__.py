"""Spiking neural networks simulated spike by spike, in exact time.

Names load on first use, so that ``import eventsim`` costs next to nothing: the kernels (numba),
scipy and matplotlib are imported by the first thing that needs them.
"""

from typing import TYPE_CHECKING

from eventsim.lazy import load_on_first_use

if TYPE_CHECKING:  # what the tables below load on first use, for type checkers and editors
    from eventsim import cluster as cluster
    from eventsim import encode as encode
    from eventsim import io as io
    from eventsim import measure as measure
    from eventsim import mpi as mpi
    from eventsim.connect import AllToAll as AllToAll
    from eventsim.connect import Conv2d as Conv2d
    from eventsim.connect import Dense as Dense
    from eventsim.connect import FixedInDegree as FixedInDegree
    from eventsim.connect import FixedOutDegree as FixedOutDegree
    from eventsim.connect import FixedProbability as FixedProbability
    from eventsim.connect import OneToOne as OneToOne
    from eventsim.connect import Sparse as Sparse
    from eventsim.constants import NEVER as NEVER
    from eventsim.distributions import Exponential as Exponential
    from eventsim.distributions import LogNormal as LogNormal
    from eventsim.distributions import Normal as Normal
    from eventsim.distributions import Uniform as Uniform
    from eventsim.errors import InputError as InputError
    from eventsim.network import Network as Network
    from eventsim.network import Population as Population
    from eventsim.network import Projection as Projection
    from eventsim.neurons.lif import LIF as LIF
    from eventsim.recording import Record as Record
    from eventsim.recordings import Recordings as Recordings
    from eventsim.simulate import Simulation as Simulation
    from eventsim.simulate import simulate as simulate
    from eventsim.spikes import Spikes as Spikes
    from eventsim.trace import Trace as Trace

__version__ = "0.1.0"

_HOME = {
    "NEVER": "constants",
    "InputError": "errors",
    "LIF": "neurons.lif",
    "Network": "network",
    "Population": "network",
    "Recordings": "recordings",
    "Projection": "network",
    "Dense": "connect",
    "Conv2d": "connect",
    "Sparse": "connect",
    "OneToOne": "connect",
    "AllToAll": "connect",
    "FixedProbability": "connect",
    "FixedInDegree": "connect",
    "FixedOutDegree": "connect",
    "Uniform": "distributions",
    "Normal": "distributions",
    "LogNormal": "distributions",
    "Exponential": "distributions",
    "Spikes": "spikes",
    "simulate": "simulate",
    "Simulation": "simulate",
    "Trace": "trace",
    "Record": "recording",
}
_MODULES = ("cluster", "encode", "io", "measure", "mpi")

__all__ = ["__version__", *sorted([*_HOME, *_MODULES])]

load_on_first_use(__name__)
