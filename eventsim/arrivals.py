"""Everything that arrives at one population, sample by sample, in the order in which engines add it."""

from typing import NamedTuple

import numpy as np

from eventsim._jit import kernel
from eventsim.senders import senders


class Arrivals(NamedTuple):
    """Arrivals at a population as columns, ordered by (sample, time, generation, source, projection).

    Attributes
    ----------
    offset : numpy.ndarray
        int64 (samples + 1,): sample s has the rows ``offset[s]:offset[s + 1]``.
    time : numpy.ndarray
        Arrival times in ms, float64 (n,).
    group : numpy.ndarray
        Delay group that is delivered (see `eventsim.lower.Lowered`), int64 (n,).
    amplitude : numpy.ndarray
        Factor on its weights, float64 (n,).
    generation : numpy.ndarray
        0 unless the arrival follows, without delay, a spike of its own instant, int64 (n,).
    """

    offset: np.ndarray
    time: np.ndarray
    group: np.ndarray
    amplitude: np.ndarray
    generation: np.ndarray


def arrivals_at(trace, lowered, name, sample=None):
    """Collect what arrived at a population before the end of each sample.

    Parameters
    ----------
    trace : Trace
        The run.
    lowered : Lowered
        Its network in flat arrays.
    name : str
        The receiving population.
    sample : int, optional
        Only this sample (the others then have no rows); default: all.

    Returns
    -------
    Arrivals
        One row a spike and delay group.

    Raises
    ------
    InputError
        A population that sends to this one was not recorded.
    """
    target = lowered.names.index(name)
    feeds = lowered.projection_target == target
    sources = senders(trace, lowered, target)
    ended = np.array(trace.ended)
    only = -1 if sample is None else int(sample)
    groups = lowered.group_ptr, lowered.group_delay, lowered.group_projection
    count = np.zeros(trace.n_samples, dtype=np.int64)
    for source in sources:
        _count(source, *groups, feeds, ended, only, count)
    offset = np.zeros(trace.n_samples + 1, dtype=np.int64)
    np.cumsum(count, out=offset[1:])
    total = int(offset[-1])
    time, group, amplitude = np.empty(total), np.empty(total, dtype=np.int64), np.empty(total)
    rank = np.empty(total, dtype=np.int64)
    place = offset[:-1].copy()
    for source in sources:
        _gather(source, *groups, feeds, ended, only, place, time, group, amplitude, rank)
    order = _order(np.repeat(np.arange(trace.n_samples), count), time, rank)
    generation = rank // (np.int64(len(lowered.group_ptr)) * np.int64(len(feeds)))
    columns = (time, group, amplitude, generation)
    return Arrivals(offset, *(columns if order is None else (column[order] for column in columns)))


def _order(sample, time, rank):
    """Return the permutation to (sample, time, rank), or None where it changes nothing."""
    falls = rank[1:] < rank[:-1]
    for key in (time, sample):
        falls = (key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & falls)
    return np.lexsort((rank, time, sample)) if falls.any() else None


@kernel
def _count(sender, group_ptr, group_delay, group_projection, feeds, ended, only, count):
    """Add to ``count[sample]`` the groups that these spikes deliver before the end of their sample."""
    for row in range(len(sender.time)):
        source = sender.gid + sender.neuron[row]
        s = sender.sample[row]
        if only >= 0 and s != only:
            continue
        for group in range(group_ptr[source], group_ptr[source + 1]):
            if feeds[group_projection[group]] and sender.time[row] + group_delay[group] < ended[s]:
                count[s] += 1


@kernel
def _gather(sender, group_ptr, group_delay, group_projection, feeds, ended, only, place,
            out_time, out_group, out_amplitude, out_rank):
    """Write the rows that `_count` counted from ``place[sample]`` on; `place` moves along."""
    width = np.int64(len(feeds))
    neurons = np.int64(len(group_ptr))
    for row in range(len(sender.time)):
        source = sender.gid + sender.neuron[row]
        s = sender.sample[row]
        if only >= 0 and s != only:
            continue
        for group in range(group_ptr[source], group_ptr[source + 1]):
            arrival = sender.time[row] + group_delay[group]
            if feeds[group_projection[group]] and arrival < ended[s]:
                generation = 0  # what arrives later than it was sent starts anew
                if sender.caused and arrival == sender.time[row]:
                    generation = sender.generation[row] + 1
                at = place[s]
                place[s] = at + 1
                out_time[at] = arrival
                out_group[at] = group
                out_amplitude[at] = sender.amplitude[row]
                out_rank[at] = (generation * neurons + source) * width + group_projection[group]
