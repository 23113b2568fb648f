"""Types that the signatures of `eventsim`, `training` and `viz` share; nothing is computed here.

``ArrayLike`` (of `numpy.typing`) is what numpy makes an array of: numbers, lists, arrays. Arrays that come back have
the type that their docstring says.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from eventsim.distributions import Distribution
    from eventsim.population import Population
    from eventsim.recording import Record
    from eventsim.recordings import Recordings
    from eventsim.spikes import Spikes
    from eventsim.stops import Standing

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.int32]
"""Neuron ids and sample numbers."""
Flags: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = NDArray[Any]
"""Of one type or another: the docstring says which."""
Arrays: TypeAlias = Mapping[str, Array]
"""By the name of a projection, a population or a parameter."""

PathLike: TypeAlias = str | os.PathLike[str]
Shape: TypeAlias = int | tuple[int, ...] | list[int]
"""Of a population: a number of neurons, or a map."""
Samples: TypeAlias = int | slice | ArrayLike
"""Which samples: one, several, or a mask."""

Which: TypeAlias = "str | Population"
"""A population by name or by handle."""
Several: TypeAlias = "str | Population | Sequence[str | Population]"
"""One or several populations."""
Drawn: TypeAlias = "ArrayLike | Distribution"
"""Weights or delays: a number, an array, or what to draw them from."""
Pairs: TypeAlias = tuple[Ids, Ids]
"""Source and target ids of synapses."""
Piece: TypeAlias = tuple[Array, ...]
"""Spikes of a sample as an engine hands them over: time, gid, slope, generation."""
Key: TypeAlias = tuple[np.uint64, np.uint64]
"""A stream of random numbers."""
Values: TypeAlias = "ArrayLike | Recordings"
"""Samples as encoders take them."""

Engine: TypeAlias = Literal["auto", "heap", "window", "layers", "reference"]
Precision: TypeAlias = Literal["double", "single"]
Stimulus: TypeAlias = "Mapping[str, Spikes] | Mapping[Population, Spikes] | Spikes"
"""Spikes by input, or those of the only input."""
Recorded: TypeAlias = "bool | Several | Mapping[Any, bool | Literal['counts'] | ArrayLike | Record]"
"""What a run records; "counts" is among the texts."""
Stop: TypeAlias = "int | Literal['decision'] | Callable[[Standing], object]"
Meter: TypeAlias = bool | Literal["text"] | Callable[[float, float], object]
"""How progress is shown: not, as text, or by a function of the fraction done and the seconds since the start."""
