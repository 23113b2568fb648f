"""The columns of recorded spikes, their order and their checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Floats


class SpikeTable(NamedTuple):
    """Spikes of one population as columns, ordered by (sample, time, neuron).

    Attributes
    ----------
    time : numpy.ndarray
        Spike times in ms, float64 (n,).
    neuron : numpy.ndarray
        Neuron ids within the population, int32 (n,).
    sample : numpy.ndarray
        Sample of every spike, int32 (n,).
    slope : numpy.ndarray
        V'(t-) at the crossing in units of V per ms, float64 (n,); inf where a jump caused the spike and
        for inputs.
    generation : numpy.ndarray
        0, or the generation of the instant in which zero-delay arrivals caused the spike, int32 (n,).
    """

    time: np.ndarray
    neuron: np.ndarray
    sample: np.ndarray
    slope: np.ndarray
    generation: np.ndarray


COLUMN_TYPES = (np.float64, np.int32, np.int32, np.float64, np.int32)
"""Number type of every column."""


def empty_table() -> SpikeTable:
    """Return a `SpikeTable` without spikes.

    Returns
    -------
    SpikeTable
        Five arrays of length 0.
    """
    return SpikeTable(*(np.empty(0, dtype) for dtype in COLUMN_TYPES))


def joined(tables: Iterable[SpikeTable]) -> SpikeTable:
    """Return the rows of several tables, one after the other.

    Parameters
    ----------
    tables : iterable of SpikeTable

    Returns
    -------
    SpikeTable
    """
    every = list(tables)
    if len(every) == 1:
        return every[0]
    return SpikeTable(*(np.concatenate(column) for column in zip(*every, strict=True))) if every else empty_table()


class Deferred:
    """The spikes of a population in files, read when they are asked for.

    Parameters
    ----------
    count : int
        How many there are.
    blocks : callable
        Returns an iterator over the spikes as tables of bounded size, in order.
    """

    def __init__(self, count: int, blocks: Callable[[], Iterator[SpikeTable]]) -> None:
        self.count, self.blocks = count, blocks


def input_table(spikes: Spikes, ended: Floats) -> SpikeTable:
    """Return the part of a stimulus that happened as a `SpikeTable`: slope inf, generation 0.

    Parameters
    ----------
    spikes : Spikes
        A stimulus.
    ended : numpy.ndarray
        Time in ms up to which each sample was run, (samples,).

    Returns
    -------
    SpikeTable
        C-contiguous, writable columns; they share memory with `spikes` where all of it happened.
    """
    columns = spikes.arrays()[:3]
    happened = columns[0] < ended[columns[2]]
    if not happened.all():
        columns = tuple(column[happened] for column in columns)
    count = len(columns[0])
    columns = (*columns, np.full(count, np.inf), np.zeros(count))
    return SpikeTable(*(np.require(c, t, ("C", "W")) for c, t in zip(columns, COLUMN_TYPES, strict=True)))


def checked_table(table: SpikeTable, name: str, size: int, n_samples: int) -> SpikeTable:
    """Return `table` as the arrays that kernels take, its order and ranges verified.

    Parameters
    ----------
    table : SpikeTable
        Columns of equal length.
    name : str
        The population, for the error message.
    size : int
        Neurons in the population.
    n_samples : int
        Samples of the run.

    Returns
    -------
    SpikeTable
        C-contiguous, writable columns of `COLUMN_TYPES`; no copy where they are so already.

    Raises
    ------
    InputError
        Columns of unequal length, a time that is NaN, negative or infinite, an id or a sample out of
        range, or rows out of order.
    """
    columns = []
    for column, dtype in zip(table, COLUMN_TYPES, strict=True):
        array = np.require(column, dtype, ("C", "W"))  # kernels would compile again for read-only arrays
        if array.ndim != 1 or (columns and len(array) != len(columns[0])):
            raise InputError(f'spike columns of "{name}" differ in length; give all five one entry a spike')
        columns.append(array)
    time, neuron, sample, slope, _ = columns
    if len(time):
        if not np.isfinite(time).all() or time.min() < 0:
            raise InputError(f'spike times of "{name}" must be finite and >= 0 ms')
        for what, ids, count in (("neuron ids", neuron, size), ("samples", sample, n_samples)):
            if ids.min() < 0 or ids.max() >= count:
                raise InputError(f'{what} of "{name}" must be 0 to {count - 1}; got {ids.min()}, {ids.max()}')
        if np.isnan(slope).any():
            raise InputError(f'slopes of "{name}" must be numbers or inf, got NaN')
        later = (sample[1:] > sample[:-1]) | (
            (sample[1:] == sample[:-1])
            & ((time[1:] > time[:-1]) | ((time[1:] == time[:-1]) & (neuron[1:] >= neuron[:-1])))
        )
        if not later.all():
            raise InputError(f'spikes of "{name}" are not ordered by (sample, time, neuron); sort them first')
    return SpikeTable(*columns)


def first_of_table(table: SpikeTable, n_samples: int, size: int) -> Floats:
    """Return the first spike time of every neuron and sample.

    Parameters
    ----------
    table : SpikeTable
        Ordered by (sample, time, neuron).
    n_samples, size : int
        Shape of the result.

    Returns
    -------
    numpy.ndarray
        Times in ms, float64 (n_samples, size); inf where silent.
    """
    first = np.full((n_samples, size), np.inf)
    np.minimum.at(first.reshape(-1), table.sample.astype(np.int64) * size + table.neuron, table.time)
    return first
