"""Spike-train statistics by neuron and sample, with the names and definitions of Elephant.

Neurons that were not recorded have NaN, or no rows; a run recorded over a span of time only has no rate
outside it.

Reference: Elephant, Electrophysiology Analysis Toolkit, module `statistics`
(https://elephant.readthedocs.io); CV2: Holt et al., J. Neurophysiol. 75 (1996), 1806-1814.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, expect_trace

if TYPE_CHECKING:
    from eventsim.recording import Record
    from eventsim.spike_table import SpikeTable
    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Floats, Integers, Which


class Intervals(NamedTuple):
    """Inter-spike intervals as columns, ordered by (sample, neuron, time).

    Attributes
    ----------
    interval : numpy.ndarray
        Time between successive spikes of a neuron in ms, float64 (n,).
    neuron, sample : numpy.ndarray
        Whose they are, int64 (n,).
    """

    interval: Floats
    neuron: Integers
    sample: Integers


def mean_firing_rate(trace: Trace, population: Which, t_start: float = 0.0, t_stop: float | None = None) -> Floats:
    """Return spikes per second of every neuron in [t_start, t_stop).

    Parameters
    ----------
    trace : Trace
        The run.
    population : str
        An input or a recorded population.
    t_start, t_stop : float, optional
        The window in ms; default: all of the run, in each sample up to where it ended.

    Returns
    -------
    numpy.ndarray
        Rates in Hz, float64 (samples, neurons); NaN for neurons that were not recorded, and in a sample that ended
        before `t_start` where no `t_stop` is given.

    Raises
    ------
    InputError
        The population is unknown or was not recorded, or the window is empty, endless, or not within the span
        that was recorded.
    """
    expect_trace(trace)
    t_start = arrays.number("t_start", t_start)
    stop = trace.t_stop if t_stop is None else arrays.number("t_stop", t_stop)
    if not 0 <= t_start < stop < np.inf:
        raise InputError(
            f"the window {t_start} to {stop} ms holds no rate; give 0 <= t_start < t_stop, both finite"
        )
    table, size = _table(trace, population)
    record = _record(trace, population)
    lasted = (trace.ended if t_stop is None else np.full(trace.n_samples, stop)) - t_start
    if record is not None and not (record.start <= t_start and min(stop, trace.t_stop) <= record.stop):
        raise InputError(
            f"the window {t_start} to {stop} ms was not recorded; give one within {record.start:g} to "
            f"{min(record.stop, trace.t_stop):g} ms"
        )
    inside = (table.time >= t_start) & (table.time < stop)
    per_second = np.divide(1000.0, lasted, out=np.full(trace.n_samples, np.nan), where=lasted > 0.0)
    found = _by_train(trace, size, table.sample[inside], table.neuron[inside]) * per_second[:, None]
    if record is not None and record.neurons is not None:
        found[:, ~np.isin(np.arange(size), record.neurons)] = np.nan
    return found


rates = mean_firing_rate


def isi(trace: Trace, population: Which) -> Intervals:
    """Return the inter-spike intervals of every neuron.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str
        An input or a recorded population.

    Returns
    -------
    Intervals
        Columns `interval` (ms), `neuron`, `sample`, ordered by (sample, neuron, time); of the recorded neurons,
        within the recorded span.

    Raises
    ------
    InputError
        The population is unknown or was not recorded.
    """
    table, size = _table(trace, population)
    train = table.sample.astype(np.int64) * size + table.neuron
    order = np.argsort(train, kind="stable")  # rows are in order of time within a sample already
    train, time = train[order], table.time[order]
    same = train[1:] == train[:-1]
    owner = train[1:][same]
    return Intervals(np.diff(time)[same], owner % max(size, 1), owner // max(size, 1))


def cv(trace: Trace, population: Which) -> Floats:
    """Return the coefficient of variation of every neuron's intervals, standard deviation / mean.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str
        An input or a recorded population.

    Returns
    -------
    numpy.ndarray
        float64 (samples, neurons); the population standard deviation (ddof = 0), as in Elephant; NaN for
        trains without an interval (fewer than two spikes) or whose intervals are all 0.

    Raises
    ------
    InputError
        The population is unknown or was not recorded.
    """
    intervals = isi(trace, population)
    _, size = _table(trace, population)
    owners = intervals.sample, intervals.neuron
    count = _by_train(trace, size, *owners)
    mean = _ratio(_by_train(trace, size, *owners, intervals.interval), count)
    deviation = intervals.interval - mean[owners]
    variance = _ratio(_by_train(trace, size, *owners, deviation * deviation), count)
    return _ratio(np.sqrt(variance), mean)


def cv2(trace: Trace, population: Which) -> Floats:
    """Return the local variation CV2 of every neuron: the mean of ``2 |I_k+1 - I_k| / (I_k+1 + I_k)``.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str
        An input or a recorded population.

    Returns
    -------
    numpy.ndarray
        float64 (samples, neurons); NaN for trains with fewer than two intervals. A pair of intervals that
        are both 0 counts as 0.

    Raises
    ------
    InputError
        The population is unknown or was not recorded.
    """
    intervals = isi(trace, population)
    _, size = _table(trace, population)
    same = (np.diff(intervals.sample) == 0) & (np.diff(intervals.neuron) == 0)
    first, second = intervals.interval[:-1][same], intervals.interval[1:][same]
    total = first + second
    local = np.where(total > 0, 2.0 * np.abs(second - first) / np.where(total > 0, total, 1.0), 0.0)
    owners = intervals.sample[1:][same], intervals.neuron[1:][same]
    return _ratio(_by_train(trace, size, *owners, local), _by_train(trace, size, *owners))


def fanofactor(trace: Trace, population: Which) -> Floats:
    """Return the Fano factor of every neuron over samples: variance / mean of its spike counts.

    Parameters
    ----------
    trace : Trace
        The run; samples are the trials.
    population : str
        An input or a recorded population.

    Returns
    -------
    numpy.ndarray
        float64 (neurons,); the population variance (ddof = 0), as in Elephant; NaN for neurons that never
        fire.

    Raises
    ------
    InputError
        The population is unknown, or was neither recorded as a whole nor counted.
    """
    expect_trace(trace)
    counts = trace.counts(population).astype(np.float64)
    size = counts.shape[1]
    if trace.n_samples == 0:
        return np.full(size, np.nan)
    return _ratio(counts.var(axis=0), counts.mean(axis=0))


def _name(population: Which) -> Any:
    return getattr(population, "name", population)


def _table(trace: Trace, population: Which) -> tuple[SpikeTable, int]:
    """Return the spikes of a population given by name or handle, and its size."""
    expect_trace(trace)
    table = trace.spikes(population)
    return table, trace.network.populations[_name(population)].size


def _record(trace: Trace, population: Which) -> Record | None:
    """Return what was recorded of a population, None where it is its stimulus."""
    return trace.recording.get(_name(population))


def _by_train(trace: Trace, size: int, sample: Array, neuron: Array, values: Array | None = None) -> Floats:
    """Return the sum of `values` (None: how many) by sample and neuron, float64 (samples, neurons)."""
    train = np.asarray(sample, np.int64) * size + neuron
    total = np.bincount(train, weights=values, minlength=trace.n_samples * size)
    return total.reshape(trace.n_samples, size).astype(np.float64)


def _ratio(above: Array, below: Array) -> Floats:
    """Return above / below, NaN where below is 0 or NaN."""
    usable = below > 0
    return np.where(usable, above / np.where(usable, below, 1.0), np.nan)
