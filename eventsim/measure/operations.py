"""Synaptic operations: how many spikes arrived at synapses, the event-driven cost of an answer."""

import numpy as np

from eventsim._jit import kernel
from eventsim.errors import InputError
from eventsim.lower import lower
from eventsim.measure.counts import until_of
from eventsim.senders import senders


@kernel
def _count(sender, group_ptr, group_delay, group_start, group_stop, until, out):
    """Add to ``out[sample]`` the arrivals of these spikes strictly before ``until[sample]``."""
    for row in range(len(sender.time)):
        s = sender.sample[row]
        source = sender.gid + sender.neuron[row]
        for group in range(group_ptr[source], group_ptr[source + 1]):
            if sender.time[row] + group_delay[group] < until[s]:
                out[s] += group_stop[group] - group_start[group]


@kernel
def _bin(sender, group_ptr, group_delay, group_start, group_stop, until, edges, out):
    """Add arrivals strictly before ``until[sample]`` to ``out[k]``, k the first edge that is after them."""
    last = len(edges)
    for row in range(len(sender.time)):
        source = sender.gid + sender.neuron[row]
        for group in range(group_ptr[source], group_ptr[source + 1]):
            arrival = sender.time[row] + group_delay[group]
            if arrival < until[sender.sample[row]]:
                k = np.searchsorted(edges, arrival, side="right")
                if k < last:
                    out[k] += group_stop[group] - group_start[group]


def _groups(lowered):
    return lowered.group_ptr, lowered.group_delay, lowered.group_start, lowered.group_stop


def synaptic_operations(trace, until=None):
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
    ends = until_of(trace, until)
    lowered = lower(trace.unchanged_network())
    out = np.zeros(trace.n_samples, dtype=np.int64)
    for sender in senders(trace, lowered):
        _count(sender, *_groups(lowered), ends, out)
    return out


def operations_over_time(trace, times):
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
        _bin(sender, *_groups(lowered), ends, edges, out)
    return np.cumsum(out)
