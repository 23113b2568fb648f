"""Arrivals of a population, sample by sample, in the order in which the layers engine adds them.

An arrival is (time, generation, source gid, incoming projection, amplitude), sorted by all of these.
The generation is that of semantics 2: 0 unless the arrival follows, without delay, a spike of the
same instant, then one more than that of the spike.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inlined, kernel

_CLUMP = 32
"""Most times in a bucket that insertion is left to sort."""


class Events(NamedTuple):
    """Arrivals of one population over a range of samples."""

    time: np.ndarray
    generation: np.ndarray
    """int32."""
    link: np.ndarray
    """int32: which of the incoming projections."""
    source: np.ndarray
    """int32: neuron id in the source population."""
    amplitude: np.ndarray
    origin: np.ndarray
    """int64: index of the input spike in the batch's `Spikes`; -1 for spikes of neurons."""
    offsets: np.ndarray
    """int64 (samples + 1,): arrivals of each sample."""


def _blank(counts):
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    total = int(offsets[-1])
    return Events(np.empty(total), np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total, np.int32),
                  np.empty(total), np.empty(total, np.int64), offsets)


def gather(links, inputs, times, generations, first, last, t_stop):
    """Return the arrivals before t_stop of samples first to last.

    Parameters
    ----------
    links : list
        Incoming projections in the order of (source population name, projection name), each with
        `.source` (population name), `.delay` (ms).
    inputs : dict of str to SpikeArrays
        Spikes of the input populations over the whole batch.
    times, generations : dict of str to arrays (samples, neurons)
        First spikes of the populations done so far (inf: silent).
    """
    counts = np.zeros(last - first, np.int64)
    for link in links:
        if link.source in inputs:
            offsets = inputs[link.source].offsets
            counts += offsets[first + 1:last + 1] - offsets[first:last]
        else:
            _count(times[link.source], first, link.delay, t_stop, counts)
    events = _blank(counts)
    if len(links) == 1 and links[0].source not in inputs:
        link = links[0]
        _take_and_sort(events, times[link.source], generations[link.source], first, link.delay, t_stop)
        return events
    filled = events.offsets[:-1].copy()
    for number, link in enumerate(links):
        if link.source in inputs:
            spikes = inputs[link.source]
            _take_inputs(events, filled, number, spikes.time, spikes.neuron, spikes.amplitude, spikes.offsets,
                         first, link.delay, t_stop)
        else:
            _take_neurons(events, filled, number, times[link.source], generations[link.source], first, link.delay,
                          t_stop)
    rank = np.array([link.rank for link in links], np.int64)
    if _in_order(events, filled, rank):
        return events
    ordered = _blank(filled - events.offsets[:-1])
    _sort(events, filled, ordered, rank, any(link.source in inputs for link in links))
    return ordered


@kernel
def _count(times, first, delay, t_stop, counts):
    for row in range(len(counts)):
        for j in range(times.shape[1]):
            counts[row] += times[first + row, j] + delay < t_stop


@kernel
def _take_inputs(events, filled, link, time, neuron, amplitude, offsets, first, delay, t_stop):
    at_time, at_generation, at_link = events.time, events.generation, events.link
    at_source, at_amplitude, at_origin = events.source, events.amplitude, events.origin
    for row in range(len(filled)):
        at = filled[row]
        for k in range(offsets[first + row], offsets[first + row + 1]):
            arrival = time[k] + delay
            if arrival < t_stop:
                at_time[at], at_generation[at], at_link[at] = arrival, 0, link
                at_source[at], at_amplitude[at], at_origin[at] = neuron[k], amplitude[k], k
                at += 1
        filled[row] = at


@kernel
def _take_neurons(events, filled, link, times, generations, first, delay, t_stop):
    at_time, at_generation, at_link = events.time, events.generation, events.link
    at_source, at_amplitude, at_origin = events.source, events.amplitude, events.origin
    for row in range(len(filled)):
        at = filled[row]
        for j in range(times.shape[1]):
            spike = times[first + row, j]
            arrival = spike + delay
            if arrival < t_stop:
                at_time[at], at_link[at] = arrival, link
                at_generation[at] = generations[first + row, j] + 1 if arrival == spike else 0
                at_source[at], at_amplitude[at], at_origin[at] = j, 1.0, -1
                at += 1
        filled[row] = at


@kernel
def _take_and_sort(events, times, generations, first, delay, t_stop):
    """Write the arrivals of the only projection, which starts at neurons, in order: without what others need."""
    at_time, at_generation, at_link = events.time, events.generation, events.link
    at_source, at_amplitude, at_origin = events.source, events.amplitude, events.origin
    size = times.shape[1]
    time, generation, source = np.empty(size + 1), np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
    begin, order = np.empty(size + 1, np.int64), np.empty(size, np.int64)
    for row in range(len(events.offsets) - 1):
        n = 0
        for j in range(size):  # without a branch, which would be foretold badly
            spike = times[first + row, j]
            time[n], source[n] = spike + delay, j
            generation[n] = generations[first + row, j] + 1 if time[n] == spike else 0
            n += time[n] < t_stop
        if n == 0:
            continue
        _by_buckets(time[:n], begin, order)
        for k in range(1, n):
            item = order[k]
            t, at = time[item], k
            while at > 0:
                before = order[at - 1]
                if time[before] < t or (time[before] == t and generation[before] <= generation[item]):
                    break
                order[at] = before
                at -= 1
            order[at] = item
        to = events.offsets[row]
        for k in range(n):
            item = order[k]
            at_time[to + k], at_generation[to + k], at_source[to + k] = time[item], generation[item], source[item]
        at_link[to:to + n], at_amplitude[to:to + n], at_origin[to:to + n] = 0, 1.0, -1


@inlined
def _after(events, rank, a, b):
    """Return whether arrival a comes after arrival b of the same time."""
    if events.generation[a] != events.generation[b]:
        return events.generation[a] > events.generation[b]
    rank_a, rank_b = rank[events.link[a]], rank[events.link[b]]
    if rank_a != rank_b:
        return rank_a > rank_b
    if events.source[a] != events.source[b]:
        return events.source[a] > events.source[b]
    if events.link[a] != events.link[b]:
        return events.link[a] > events.link[b]
    return events.amplitude[a] > events.amplitude[b]


@kernel
def _in_order(events, filled, rank):
    """Return whether the arrivals have no gaps and need no sorting: those of one input never do."""
    time = events.time
    for row in range(len(filled)):
        if filled[row] != events.offsets[row + 1]:
            return False
        for k in range(events.offsets[row] + 1, filled[row]):
            if time[k - 1] > time[k] or (time[k - 1] == time[k] and _after(events, rank, k - 1, k)):
                return False
    return True


@closed_form
def _by_buckets(time, begin, order):
    """Write the order by time into `order`, right up to shifts by a few places.

    As many buckets as times, of one width each: 15 ns a time where numba's merge sort takes 45. A bucket in which
    many times clump is sorted on its own, unless they are equal, like those of neurons that see the same
    background: those are in order already.
    """
    n = len(time)
    low, high = math.inf, -math.inf
    for k in range(n):
        low, high = min(low, time[k]), max(high, time[k])
    scale = (n - 1) / (high - low) if high > low else math.inf
    if scale == math.inf:
        order[:n] = np.argsort(time, kind="mergesort")
        return
    begin[:n + 1] = 0
    for k in range(n):
        begin[np.int64((time[k] - low) * scale)] += 1
    total = 0
    for bucket in range(n):
        count = begin[bucket]
        begin[bucket] = total
        total += count
    for k in range(n):
        bucket = np.int64((time[k] - low) * scale)
        order[begin[bucket]] = k
        begin[bucket] += 1
    last = 0
    for bucket in range(n):
        first, last = last, begin[bucket]
        if last - first > _CLUMP:
            here = order[first:last]
            if not _rises(time, here):
                here[:] = here[np.argsort(time[here], kind="mergesort")]


@closed_form
def _rises(time, order):
    for k in range(1, len(order)):
        if time[order[k - 1]] > time[order[k]]:
            return False
    return True


@kernel
def _sort(events, filled, ordered, rank, from_inputs):
    longest = 0
    for row in range(len(filled)):
        longest = max(longest, filled[row] - events.offsets[row])
    begin, order = np.empty(longest + 1, np.int64), np.empty(longest, np.int64)
    time = events.time
    for row in range(len(filled)):
        start, stop = events.offsets[row], filled[row]
        n = stop - start
        _by_buckets(time[start:stop], begin, order)
        # What is left to move are neighbours and ties, which are nearly in order: insertion is linear.
        for k in range(1, n):
            item = order[k]
            t = time[start + item]
            at = k
            while at > 0:
                before = start + order[at - 1]
                if time[before] < t or (time[before] == t and not _after(events, rank, before, start + item)):
                    break
                order[at] = order[at - 1]
                at -= 1
            order[at] = item
        to = ordered.offsets[row]
        for k in range(n):
            ordered.time[to + k] = time[start + order[k]]
        for column, target in ((events.generation, ordered.generation), (events.link, ordered.link),
                               (events.source, ordered.source)):
            for k in range(n):
                target[to + k] = column[start + order[k]]
        if from_inputs:
            for k in range(n):
                ordered.amplitude[to + k], ordered.origin[to + k] = (events.amplitude[start + order[k]],
                                                                     events.origin[start + order[k]])
        else:  # neither differs between spikes of neurons
            ordered.amplitude[to:to + n], ordered.origin[to:to + n] = 1.0, -1
