"""Arrivals of a population, sample by sample, in the order in which the layers engine adds them.

An arrival is (time, generation, source gid, incoming projection, amplitude), sorted by all of these.
The generation is that of semantics 2: 0 unless the arrival follows, without delay, a spike of the
same instant, then one more than that of the spike.
"""

from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, kernel


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
    return Events(np.zeros(total), np.zeros(total, np.int32), np.zeros(total, np.int32), np.zeros(total, np.int32),
                  np.zeros(total), np.zeros(total, np.int64), offsets)


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
            counts += np.count_nonzero(np.isfinite(times[link.source][first:last]), axis=1)
    events = _blank(counts)
    filled = events.offsets[:-1].copy()
    for number, link in enumerate(links):
        if link.source in inputs:
            spikes = inputs[link.source]
            _take_inputs(events, filled, number, spikes.time, spikes.neuron, spikes.amplitude, spikes.offsets,
                         first, link.delay, t_stop)
        else:
            _take_neurons(events, filled, number, times[link.source], generations[link.source], first, link.delay,
                          t_stop)
    ordered = _blank(filled - events.offsets[:-1])
    rank = np.array([link.rank for link in links], np.int64)
    _sort(events, filled, ordered, rank)
    return ordered


@kernel
def _take_inputs(events, filled, link, time, neuron, amplitude, offsets, first, delay, t_stop):
    for row in range(len(filled)):
        at = filled[row]
        for k in range(offsets[first + row], offsets[first + row + 1]):
            arrival = time[k] + delay
            if arrival < t_stop:
                events.time[at], events.generation[at], events.link[at] = arrival, 0, link
                events.source[at], events.amplitude[at], events.origin[at] = neuron[k], amplitude[k], k
                at += 1
        filled[row] = at


@kernel
def _take_neurons(events, filled, link, times, generations, first, delay, t_stop):
    for row in range(len(filled)):
        at = filled[row]
        for j in range(times.shape[1]):
            spike = times[first + row, j]
            arrival = spike + delay
            if arrival < t_stop:
                events.time[at], events.link[at] = arrival, link
                events.generation[at] = generations[first + row, j] + 1 if arrival == spike else 0
                events.source[at], events.amplitude[at], events.origin[at] = j, 1.0, -1
                at += 1
        filled[row] = at


@closed_form
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
def _sort(events, filled, ordered, rank):
    for row in range(len(filled)):
        start, stop = events.offsets[row], filled[row]
        order = np.argsort(events.time[start:stop], kind="mergesort") + start
        # Ties are runs that are nearly sorted already, so insertion is linear.
        for k in range(1, len(order)):
            item = order[k]
            at = k
            while (at > 0 and events.time[order[at - 1]] == events.time[item]
                   and _after(events, rank, order[at - 1], item)):
                order[at] = order[at - 1]
                at -= 1
            order[at] = item
        to = ordered.offsets[row]
        for k in range(len(order)):
            item = order[k]
            ordered.time[to] = events.time[item]
            ordered.generation[to] = events.generation[item]
            ordered.link[to] = events.link[item]
            ordered.source[to] = events.source[item]
            ordered.amplitude[to] = events.amplitude[item]
            ordered.origin[to] = events.origin[item]
            to += 1
