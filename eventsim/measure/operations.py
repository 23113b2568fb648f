"""Synaptic operations: how many spikes arrived at synapses, the event-driven cost of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsim._jit import kernel
from eventsim.errors import InputError
from eventsim.lower import lower, piece
from eventsim.measure.counts import until_of
from eventsim.senders import senders

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Integers


@kernel
def _count(sender, row_ptr, row_start, row_stop, row_delay, synapse_delay, first_delay, until, column, out):
    """Add to ``out[sample, column[row]]`` the arrivals of these spikes strictly before ``until[sample]``."""
    for k in range(len(sender.time)):
        s = sender.sample[k]
        source = sender.gid + sender.neuron[k]
        for row in range(row_ptr[source], row_ptr[source + 1]):
            stop = row_start[row]
            while stop < row_stop[row]:
                start = stop
                delay, stop = piece(row_delay, row_stop, synapse_delay, first_delay, row, start)
                if not sender.time[k] + delay < until[s]:
                    break
                out[s, column[row]] += stop - start


@kernel
def _bin(sender, row_ptr, row_start, row_stop, row_delay, synapse_delay, first_delay, until, edges, out):
    """Add arrivals strictly before ``until[sample]`` to ``out[k]``, k the first edge that is after them."""
    last = len(edges)
    for k in range(len(sender.time)):
        source = sender.gid + sender.neuron[k]
        for row in range(row_ptr[source], row_ptr[source + 1]):
            stop = row_start[row]
            while stop < row_stop[row]:
                start = stop
                delay, stop = piece(row_delay, row_stop, synapse_delay, first_delay, row, start)
                arrival = sender.time[k] + delay
                if not arrival < until[sender.sample[k]]:
                    break
                edge = np.searchsorted(edges, arrival, side="right")
                if edge < last:
                    out[edge] += stop - start


def _rows(lowered):
    return (lowered.row_ptr, lowered.row_start, lowered.row_stop, lowered.row_delay, lowered.synapse_delay,
            lowered.first_delay)


def synaptic_operations(trace: Trace, until: ArrayLike | None = None) -> Integers:
    """Count the synaptic arrivals of every sample.

    An operation is one spike at one synapse. It counts where it arrives (spike time + delay, rounded as
    the engines round it) strictly before the instant in question, whether or not its target is
    refractory; under average pooling each of the k^2 sources pays the whole fan-out.

    Parameters
    ----------
    trace : Trace
        The run.
    until : float or array_like of float, optional
        The instant in ms, one for all samples or one a sample (inf: to the end); default: the end of the
        run.

    Returns
    -------
    numpy.ndarray
        int64 (samples,).

    Raises
    ------
    InputError
        A population with outgoing synapses was not recorded, or `until` is not usable.
    """
    lowered = lower(trace.unchanged_network())
    return _counted(trace, lowered, np.zeros(len(lowered.row_start), dtype=np.int32), 1, until)[:, 0]


def operations_by_projection(trace: Trace, until: ArrayLike | None = None) -> dict[str, Integers]:
    """Count the synaptic arrivals of every sample, projection by projection.

    Parameters
    ----------
    trace : Trace
        The run.
    until : float or array_like of float, optional
        As for `synaptic_operations`, of which these are the parts.

    Returns
    -------
    dict of str to numpy.ndarray
        int64 (samples,) by the name of the projection, in the order of the network.

    Raises
    ------
    InputError
        As for `synaptic_operations`.
    """
    lowered = lower(trace.unchanged_network())
    counts = _counted(trace, lowered, lowered.row_projection, len(lowered.projections), until)
    by_name = dict(zip(lowered.projections, counts.T, strict=True))
    return {name: by_name[name] for name in trace.network.projections}


def _counted(trace, lowered, column, columns, until):
    """Return the arrivals by sample and by the column that each row of synapses is counted in."""
    ends = until_of(trace, until)
    out = np.zeros((trace.n_samples, columns), dtype=np.int64)
    for sender in senders(trace, lowered):
        _count(sender, *_rows(lowered), ends, column, out)
    return out


def operations_over_time(trace: Trace, times: ArrayLike) -> Integers:
    """Count the synaptic arrivals before each of some instants, summed over samples.

    Parameters
    ----------
    trace : Trace
        The run.
    times : array_like of float
        Instants in ms, ascending, (times,).

    Returns
    -------
    numpy.ndarray
        int64 (times,): arrivals strictly before each instant and before the end of their sample.

    Raises
    ------
    InputError
        A population with outgoing synapses was not recorded, or `times` do not ascend.
    """
    edges = np.array(times, dtype=np.float64)
    if edges.ndim != 1 or np.isnan(edges).any() or (np.diff(edges) < 0).any():
        raise InputError("times must be a list of times in ms that ascend")
    ends = until_of(trace, None)
    lowered = lower(trace.unchanged_network())
    out = np.zeros(len(edges), dtype=np.int64)
    for sender in senders(trace, lowered):
        _bin(sender, *_rows(lowered), ends, edges, out)
    return np.cumsum(out)
