"""Everything that arrives at one population, sample by sample, in the order in which engines add it."""

from typing import NamedTuple

import numpy as np

from eventsim._jit import kernel
from eventsim.lower import piece
from eventsim.senders import senders


class Arrivals(NamedTuple):
    """Arrivals at a population as columns, ordered by (sample, time, generation, source, projection).

    Attributes
    ----------
    offset : numpy.ndarray
        int64 (samples + 1,): sample s has the rows ``offset[s]:offset[s + 1]``.
    time : numpy.ndarray
        Arrival times in ms, float64 (n,).
    start, stop : numpy.ndarray
        The synapses that are delivered (see `eventsim.lower.Lowered`), int64 (n,).
    receptor : numpy.ndarray
        Which receptor of the target they feed, int64 (n,).
    amplitude : numpy.ndarray
        Factor on its weights, float64 (n,).
    generation : numpy.ndarray
        0 unless the arrival follows, without delay, a spike of its own instant, int64 (n,).
    """

    offset: np.ndarray
    time: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    receptor: np.ndarray
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
        One row a spike and set of synapses that arrive together.

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
    rows = (lowered.row_ptr, lowered.row_projection, lowered.row_start, lowered.row_stop, lowered.row_delay,
            lowered.synapse_delay, lowered.first_delay)
    count = np.zeros(trace.n_samples, dtype=np.int64)
    for source in sources:
        _count(source, *rows, feeds, ended, only, count)
    offset = np.zeros(trace.n_samples + 1, dtype=np.int64)
    np.cumsum(count, out=offset[1:])
    total = int(offset[-1])
    time, amplitude = np.empty(total), np.empty(total)
    start, stop, rank = (np.empty(total, dtype=np.int64) for _ in range(3))
    place = offset[:-1].copy()
    for source in sources:
        _gather(source, *rows, feeds, ended, only, place, time, start, stop, amplitude, rank)
    order = _order(np.repeat(np.arange(trace.n_samples), count), time, rank)
    generation = rank // (np.int64(len(lowered.row_ptr)) * np.int64(len(feeds)))
    receptor = lowered.projection_receptor[rank % len(feeds)].astype(np.int64) if total else rank
    columns = (time, start, stop, receptor, amplitude, generation)
    return Arrivals(offset, *(columns if order is None else (column[order] for column in columns)))


def _order(sample, time, rank):
    """Return the permutation to (sample, time, rank), or None where it changes nothing."""
    falls = rank[1:] < rank[:-1]
    for key in (time, sample):
        falls = (key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & falls)
    return np.lexsort((rank, time, sample)) if falls.any() else None


@kernel
def _count(sender, row_ptr, row_projection, row_start, row_stop, row_delay, synapse_delay, first_delay, feeds, ended,
           only, count):
    """Add to ``count[sample]`` the deliveries of these spikes before the end of their sample."""
    for k in range(len(sender.time)):
        source = sender.gid + sender.neuron[k]
        s = sender.sample[k]
        if only >= 0 and s != only:
            continue
        for row in range(row_ptr[source], row_ptr[source + 1]):
            at = row_start[row]
            while feeds[row_projection[row]] and at < row_stop[row]:
                delay, at = piece(row_delay, row_stop, synapse_delay, first_delay, row, at)
                if not sender.time[k] + delay < ended[s]:
                    break
                count[s] += 1


@kernel
def _gather(sender, row_ptr, row_projection, row_start, row_stop, row_delay, synapse_delay, first_delay, feeds, ended,
            only, place, out_time, out_start, out_stop, out_amplitude, out_rank):
    """Write the rows that `_count` counted from ``place[sample]`` on; `place` moves along."""
    width = np.int64(len(feeds))
    neurons = np.int64(len(row_ptr))
    for k in range(len(sender.time)):
        source = sender.gid + sender.neuron[k]
        s = sender.sample[k]
        if only >= 0 and s != only:
            continue
        for row in range(row_ptr[source], row_ptr[source + 1]):
            stop = row_start[row]
            while feeds[row_projection[row]] and stop < row_stop[row]:
                start = stop
                delay, stop = piece(row_delay, row_stop, synapse_delay, first_delay, row, start)
                arrival = sender.time[k] + delay
                if not arrival < ended[s]:
                    break
                generation = 0  # what arrives later than it was sent starts anew
                if sender.caused and arrival == sender.time[k]:
                    generation = sender.generation[k] + 1
                at = place[s]
                place[s] = at + 1
                out_time[at] = arrival
                out_start[at], out_stop[at] = start, stop
                out_amplitude[at] = sender.amplitude[k]
                out_rank[at] = (generation * neurons + source) * width + row_projection[row]
