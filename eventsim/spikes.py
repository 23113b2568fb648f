"""Spike trains of a batch of samples, in the one order that everything else relies on.

`Spikes` is what goes into a simulation: four columns (time, neuron, sample, amplitude), sorted by
(sample, time, neuron, amplitude), with the place where each sample starts. Sorting happens once,
here, so that an engine may walk a sample from front to back.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from eventsim.arrays import LARGEST
from eventsim.constants import NEURON, TIME
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.population import Population
    from eventsim.type_aliases import Array, Flags, Floats, Ids, Integers, Samples

_LARGEST = np.iinfo(NEURON).max
_MOST_SAMPLES = 10**8  # whose offsets take 0.8 GB; of 2**31 - 1 they would take 17


class SpikeArrays(NamedTuple):
    """The columns of `Spikes` as writable C-contiguous arrays, the only kind that kernels take."""

    time: np.ndarray
    neuron: np.ndarray
    sample: np.ndarray
    amplitude: np.ndarray
    offsets: np.ndarray


class Spikes:
    """Spikes of one population over a batch of samples.

    The four arrays are broadcast against each other and flattened.

    Parameters
    ----------
    time : array_like of float
        Spike times in ms from the start of their sample, >= 0. ``inf`` means "no spike" and is
        dropped. Need not be sorted. Duplicates are kept: each of them is delivered.
    neuron : array_like of int
        Row-major index of the neuron in its population, >= 0.
    sample : array_like of int, optional
        The sample that the spike belongs to, >= 0.
    amplitude : array_like of float, optional
        Factor on the synaptic weights, finite.
    n_samples : int, optional
        Number of samples, silent ones included. Default: the largest `sample` + 1, at least 1.

    Attributes
    ----------
    time, neuron, sample, amplitude : ndarray of float64, int32, int32, float64, shape (n_spikes,)
        The spikes, ordered by (sample, time, neuron, amplitude); read-only.
    offsets : ndarray of int64, shape (n_samples + 1,)
        Sample ``s`` holds the spikes ``offsets[s]`` to ``offsets[s + 1]``; read-only.
    given : ndarray of int64, shape (n_spikes,)
        Position of each spike in the flattened arrays that the user gave; read-only.
    n_given : int
        Length of these flattened arrays, dropped spikes included.
    n_samples : int
        Number of samples.

    Raises
    ------
    InputError
        For a time that is NaN or negative, an index that is negative, fractional or too large, an
        amplitude that is not finite, a sample beyond `n_samples`, or shapes that do not broadcast.

    Examples
    --------
    >>> spikes = Spikes(time=[0.5, 0.1, 0.3], neuron=[0, 1, 2], sample=[0, 0, 1])
    >>> spikes.time, spikes.offsets
    (array([0.1, 0.5, 0.3]), array([0, 2, 3]))
    """

    __slots__ = ("_amplitude", "_given", "_neuron", "_offsets", "_sample", "_time", "n_given", "n_samples")

    def __init__(
        self,
        time: ArrayLike,
        neuron: ArrayLike,
        sample: ArrayLike = 0,
        amplitude: ArrayLike = 1,
        n_samples: int | None = None,
    ) -> None:
        time, neuron, sample, amplitude = _flat(
            _numbers("time", time), _indices("neuron", neuron), _indices("sample", sample),
            _numbers("amplitude", amplitude))
        _refuse("time", time, ~(time >= 0), "times are >= 0 ms, or inf for no spike")
        _refuse("amplitude", amplitude, ~(np.abs(amplitude) <= LARGEST),
                f"amplitudes are finite, at most {LARGEST:g} in size")
        n_samples = _count_samples(n_samples, sample)

        self.n_given = time.size
        self.n_samples = n_samples
        kept = None if np.isfinite(time).all() else np.flatnonzero(np.isfinite(time))
        columns = time + 0.0, neuron, sample, amplitude + 0.0  # + 0.0 turns -0.0 into 0.0
        if kept is not None:
            columns = tuple(column[kept] for column in columns)
        order = _order(*columns)
        if order is not None:
            columns = tuple(column[order] for column in columns)
            kept = order if kept is None else kept[order]
        self._time = np.ascontiguousarray(columns[0], TIME)
        self._neuron = np.array(columns[1], NEURON)
        self._sample = np.array(columns[2], NEURON)
        self._amplitude = np.ascontiguousarray(columns[3], np.float64)
        self._given = np.arange(time.size, dtype=np.int64) if kept is None else kept.astype(np.int64)
        self._offsets = np.searchsorted(self._sample, np.arange(n_samples + 1)).astype(np.int64)

    @classmethod
    def empty(cls, n_samples: int = 1) -> Self:
        """Return `n_samples` samples without a spike."""
        return cls([], [], n_samples=n_samples)

    @property
    def time(self) -> Floats:
        """Spike times in ms, float64, shape (n_spikes,)."""
        return _read_only(self._time)

    @property
    def neuron(self) -> Ids:
        """Neuron of each spike, int32, shape (n_spikes,)."""
        return _read_only(self._neuron)

    @property
    def sample(self) -> Ids:
        """Sample of each spike, int32, shape (n_spikes,)."""
        return _read_only(self._sample)

    @property
    def amplitude(self) -> Floats:
        """Factor on the weights of each spike, float64, shape (n_spikes,)."""
        return _read_only(self._amplitude)

    @property
    def offsets(self) -> Integers:
        """First spike of each sample, and the number of spikes; int64, shape (n_samples + 1,)."""
        return _read_only(self._offsets)

    @property
    def given(self) -> Integers:
        """Position of each spike in the flattened arrays that the user gave, int64."""
        return _read_only(self._given)

    def arrays(self) -> SpikeArrays:
        """Return the columns as `SpikeArrays` without copying, for kernels; they must not be written."""
        return SpikeArrays(self._time, self._neuron, self._sample, self._amplitude, self._offsets)

    def select(self, samples: Samples) -> Spikes:
        """Return the spikes of some samples, which are numbered 0, 1, ... in the order asked for.

        Parameters
        ----------
        samples : int, slice, or array_like of int or bool
            A sample may be asked for several times. Negative numbers count from the end.

        Returns
        -------
        Spikes
            Its `given` still points into the arrays that the user gave first. A contiguous choice
            shares memory with this object.

        Raises
        ------
        InputError
            For a sample that does not exist.
        """
        wanted = self._wanted(samples)
        lengths = self._offsets[wanted + 1] - self._offsets[wanted]
        offsets = np.zeros(wanted.size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if wanted.size and wanted[-1] - wanted[0] == wanted.size - 1 and (np.diff(wanted) == 1).all():
            chosen = slice(self._offsets[wanted[0]], self._offsets[wanted[-1] + 1])
        else:
            chosen = np.arange(offsets[-1]) + np.repeat(self._offsets[wanted] - offsets[:-1], lengths)
        part = object.__new__(type(self))
        part._time = self._time[chosen]
        part._neuron = self._neuron[chosen]
        part._sample = np.repeat(np.arange(wanted.size, dtype=NEURON), lengths)
        part._amplitude = self._amplitude[chosen]
        part._given = self._given[chosen]
        part._offsets = offsets
        part.n_given = self.n_given
        part.n_samples = wanted.size
        return part

    def _wanted(self, samples: Samples) -> Integers:
        try:
            return np.arange(self.n_samples)[samples if isinstance(samples, slice)
                                             else _selector(samples)].ravel()
        except (IndexError, OverflowError, TypeError, ValueError):
            raise InputError(f"samples {_short(samples)} cannot be selected; allowed: samples 0 to "
                             f"{self.n_samples - 1}, as an integer, a slice, integers or a mask") from None

    def check(self, population: Population) -> None:
        """Raise `InputError` where a neuron is outside `population` (which has a name and a size)."""
        if len(self) and (largest := int(self._neuron.max())) >= population.size:
            raise InputError(f'a spike names neuron {largest} of population "{population.name}", which has '
                             f"{population.size} neurons; allowed: 0 to {population.size - 1}")

    def __len__(self) -> int:
        return self._time.size

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same spikes in as many samples, bit for bit."""
        if not isinstance(other, Spikes):
            return NotImplemented
        return self.n_samples == other.n_samples and all(
            np.array_equal(mine, yours) for mine, yours in zip(self.arrays(), other.arrays(), strict=True))

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as Python itself has it

    def __repr__(self) -> str:
        span = f", {self._time.min():g} to {self._time.max():g} ms" if len(self) else ""
        return f"Spikes({len(self)} spikes, {self.n_samples} samples{span})"


def in_order(time: Floats, neuron: Ids, offsets: Integers) -> Spikes:
    """Return `Spikes` of columns that are in order already; nothing is checked or copied.

    Parameters
    ----------
    time : ndarray of float64 (n_spikes,)
        By sample; in ms, finite, >= 0, without -0.0.
    neuron : ndarray of int32 (n_spikes,)
        Rising where times are equal.
    offsets : ndarray of int64 (samples + 1,)
        First spike of each sample.
    """
    made = object.__new__(Spikes)
    made._time, made._neuron, made._offsets = time, neuron, offsets
    made._sample = np.repeat(np.arange(len(offsets) - 1, dtype=NEURON), np.diff(offsets))
    made._amplitude, made._given = np.ones(len(time)), np.arange(len(time))
    made.n_given, made.n_samples = len(time), len(offsets) - 1
    return made


def _read_only(array: Array) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _selector(samples: Samples) -> Array:
    array = np.asarray(samples)
    return array.astype(np.int64) if array.size == 0 and array.dtype != bool else array


def _array(what: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values)
    except ValueError:
        array = None
    if array is None or (array.size and array.dtype.kind not in "iuf"):
        raise InputError(f"{what} {_short(values)} cannot be used; give a number or an array of numbers")
    return array


def _numbers(what: str, values: ArrayLike) -> Floats:
    return _array(what, values).astype(np.float64, copy=False)


def _indices(what: str, values: ArrayLike) -> Array:
    """Return integers as they are, and whole numbers in floats (text files, empty lists) as int64."""
    array = _array(what, values)
    if array.dtype.kind not in "iu":
        _refuse(what, array, array != np.rint(array), f"{what} numbers are integers")
        _refuse(what, array, ~(np.abs(array) <= _LARGEST), f"{what} numbers are 0 to {_LARGEST}")
        array = array.astype(np.int64)
    _refuse(what, array, (array < 0) | (array > _LARGEST), f"{what} numbers are 0 to {_LARGEST}")
    return array


def _refuse(what: str, array: Array, bad: Flags, allowed: str) -> None:
    if bad.any():
        position = int(np.flatnonzero(bad)[0])
        raise InputError(f"{what}[{position}] of the spikes is {array.ravel()[position]}; {allowed}")


def _flat(*arrays: Array) -> list[Array]:
    try:
        return [array.ravel() for array in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError(f"time, neuron, sample and amplitude have shapes {shapes}, which do not broadcast; "
                         "give one value or one for every spike") from None


def _count_samples(n_samples: int | None, sample: Array) -> int:
    largest = int(sample.max(initial=-1))
    if largest >= _MOST_SAMPLES:
        raise InputError(f"a spike belongs to sample {largest}; there are at most {_MOST_SAMPLES} samples in a batch")
    if n_samples is None:
        return max(largest + 1, 1)
    try:
        count = operator.index(n_samples)
    except TypeError:
        count = -1
    if not 0 <= count <= _MOST_SAMPLES:
        raise InputError(f"n_samples is {_short(n_samples)}; give an integer from 0 to {_MOST_SAMPLES}")
    if largest >= count:
        raise InputError(f"a spike belongs to sample {largest}, but n_samples is {count}; "
                         f"samples are 0 to {count - 1}")
    return count


def _order(time: Array, neuron: Array, sample: Array, amplitude: Array) -> Integers | None:
    """Return the permutation to (sample, time, neuron, amplitude), or None where it changes nothing.

    Equal spikes keep the order in which they were given. Most spikes come by ascending neuron
    within a sample, so sorting by time and sample alone is tried first.
    """
    columns = time, neuron, sample, amplitude
    if _is_in_order(*columns):
        return None
    order = _by_radix(_words(sample), _by_radix(_words(time)))
    if not _is_in_order(*(column[order] for column in columns)):
        order = _by_radix(_words(neuron), np.argsort(amplitude, kind="stable"))
        order = _by_radix(_words(sample), _by_radix(_words(time), order))
    return order


def _is_in_order(time: Array, neuron: Array, sample: Array, amplitude: Array) -> bool:
    falls = amplitude[1:] < amplitude[:-1]
    for key in (neuron, time, sample):
        falls = (key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & falls)
    return not falls.any()


def _words(key: Array) -> Array:
    """Return unsigned integers that are ordered like `key`, which holds no negative number and no -0.0."""
    return key.view(np.uint64) if key.dtype.kind == "f" else key.astype(np.uint64)


def _by_radix(words: Array, order: Integers | None = None) -> Integers:
    """Return `order` sorted by `words`, stably.

    Sorts by 16 bits at a time, for which numpy has a radix sort: 3 times faster than its merge sort
    of 18,000 times, and the many keys below 65,536 need one pass.
    """
    for shift in range(0, 64, 16):
        digits = (words >> np.uint64(shift)).astype(np.uint16)
        if not digits.any():
            continue
        step = np.argsort(digits if order is None else digits[order], kind="stable")
        order = step if order is None else order[step]
    return np.arange(words.size) if order is None else order
