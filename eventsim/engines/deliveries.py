"""Spikes under way and the deliveries of a window: which synapses get what, and in which order.

A delivery is a run of synapses of one row that arrive together. It is described by `when` (its time),
`spans` (FIRST, LAST_SYNAPSE, HOW, JUMP, SOURCE, LINK, WEIGHT, STEP) and `amounts` (what a weight of 1 adds to the three
accumulators, and the amplitude). A spike under way is one entry that walks along its row.
"""

import math

import numpy as np

from eventsim._jit import closed_form, inner
from eventsim.engines.cells import BASE, REGIME, TAU_MEM, TAU_SYN, TAU_TWO
from eventsim.engines.prefetch import LINE, prefetch
from eventsim.lower import piece
from eventsim.neurons import receptors

FIRST, LAST_SYNAPSE, HOW, JUMP, SOURCE, LINK, WEIGHT, STEP = range(8)
SPANS = 8
"""Columns of `spans`. The weight of synapse FIRST + k is at WEIGHT + k STEP."""

NEXT, EMITTED, AMPLITUDE = range(3)
"""Columns of the times of spikes under way."""

ROW, AT, SENDER = range(3)
"""Columns of the places of spikes under way: row, next synapse, gid."""

TARGET, ADD, TO_DELTA, RECEPTOR, LANE = range(5)
"""Columns of `links`, one row a projection: target population, how arrivals add, whether they jump, receptor, which
lane the spikes under way wait in (-1: the heap)."""

AHEAD = 8
"""Lines of a row that are asked for in advance; those behind them the processor sees coming."""

FEW = 24
"""Up to so many deliveries an insertion sort is faster than buckets."""


@closed_form
def longer(table):
    """Return a copy of a table with twice the rows."""
    out = np.empty((2 * table.shape[0], table.shape[1]), table.dtype)
    out[:table.shape[0]] = table
    return out


@closed_form
def longer_column(values):
    """Return a copy with twice the entries."""
    out = np.empty(2 * len(values), values.dtype)
    out[:len(values)] = values
    return out


@closed_form
def orders(n):
    """Return room to put n entries in order: `order` and `buckets`."""
    return np.empty(2 * n, np.int64), np.empty(2 * n + 1, np.int64)


@inner
def emit(pops, rows, links, targets, weights, row, at, emitted, amplitude, sender, end, n, when, spans, amounts):
    """Append what a row delivers before `end`, from synapse `at` on, as far as there is room.

    Return the number of deliveries, the next synapse, and when it arrives (inf: none left).
    """
    while at < rows.row_stop[row]:
        delay, stop = piece(rows.row_delay, rows.row_stop, rows.synapse_delay, rows.first_delay, row, at)
        t = emitted + delay
        if t >= end or n == len(when):
            return n, at, t
        link = rows.row_projection[row]
        p = links[link, TARGET]
        p0, p1, p2 = receptors.psi(int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO],
                                   links[link, RECEPTOR], t - pops[p, BASE])
        when[n] = t
        spans[n, FIRST], spans[n, LAST_SYNAPSE], spans[n, HOW], spans[n, JUMP] = (
            at, stop, links[link, ADD], links[link, TO_DELTA])
        varied = rows.varied[row]
        spans[n, SOURCE], spans[n, LINK], spans[n, WEIGHT], spans[n, STEP] = sender, link, at, varied
        for synapse in range(at, min(stop, at + AHEAD * LINE // 4), LINE // 4):
            prefetch(targets, synapse)
        for synapse in range(at, min(stop, at + AHEAD * LINE // 8) if varied == 1 else at + 1, LINE // 8):
            prefetch(weights, synapse)
        amounts[n, 0], amounts[n, 1], amounts[n, 2] = amplitude * p0, amplitude * p1, amplitude * p2
        amounts[n, 3] = amplitude
        n += 1
        at = stop
    return n, at, math.inf


@inner
def _before(when, spans, amounts, targets, weights, a, b):
    """Return whether delivery a comes before b: by time, source, projection, target, weight, amplitude."""
    if when[a] != when[b]:
        return when[a] < when[b]
    if spans[a, SOURCE] != spans[b, SOURCE]:
        return spans[a, SOURCE] < spans[b, SOURCE]
    if spans[a, LINK] != spans[b, LINK]:
        return spans[a, LINK] < spans[b, LINK]
    i, k = spans[a, FIRST], spans[b, FIRST]
    if targets[i] != targets[k]:
        return targets[i] < targets[k]
    if weights[i] != weights[k]:
        return weights[i] < weights[k]
    return amounts[a, 3] < amounts[b, 3]


@inner
def _spread(times, n, start, end, order, buckets):
    """Fill `order` by buckets of time, so that only neighbours are still out of order."""
    for bucket in range(n + 1):
        buckets[bucket] = 0
    scale = n / (end - start) if end > start else 0.0
    for k in range(n):
        bucket = min(int((times[k] - start) * scale), n - 1)
        buckets[bucket + 1] += 1
    for bucket in range(n):
        buckets[bucket + 1] += buckets[bucket]
    for k in range(n):
        bucket = min(int((times[k] - start) * scale), n - 1)
        order[buckets[bucket]] = k
        buckets[bucket] += 1


@inner
def in_order(n, when, spans, amounts, targets, weights, start, end, order, buckets):
    """Write to `order` the sequence in which deliveries are added; all lie in [start, end)."""
    if n > FEW:
        _spread(when, n, start, end, order, buckets)
    else:
        for k in range(n):
            order[k] = k
    for k in range(1, n):
        item = order[k]
        at = k
        while at > 0 and _before(when, spans, amounts, targets, weights, item, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = item


@inner
def spikes_in_order(times, gids, n, start, end, order, buckets):
    """Write to `order` the sequence of spikes by time and gid; all lie in [start, end)."""
    if n > FEW:
        _spread(times, n, start, end, order, buckets)
    else:
        for k in range(n):
            order[k] = k
    for k in range(1, n):
        item = order[k]
        t, gid = times[item], gids[item]
        at = k
        while at > 0:
            other = order[at - 1]
            if times[other] < t or (times[other] == t and gids[other] <= gid):
                break
            order[at] = other
            at -= 1
        order[at] = item


@inner
def has_twins(n, when, spans, order):
    """Return whether one source delivers several runs of one projection at one instant."""
    for k in range(1, n):
        a, b = order[k - 1], order[k]
        if when[a] == when[b] and spans[a, SOURCE] == spans[b, SOURCE] and spans[a, LINK] == spans[b, LINK]:
            if spans[a, LAST_SYNAPSE] - spans[a, FIRST] > 1 or spans[b, LAST_SYNAPSE] - spans[b, FIRST] > 1:
                return True
    return False


@closed_form
def singly(n, when, spans, amounts):
    """Return the deliveries as one a synapse, so that twins can be merged by target and weight."""
    total = 0
    for k in range(n):
        total += spans[k, LAST_SYNAPSE] - spans[k, FIRST]
    out_when, out_amounts = np.empty(total), np.empty((total, amounts.shape[1]))
    out_spans = np.empty((total, spans.shape[1]), np.int64)
    at = 0
    for k in range(n):
        for synapse in range(spans[k, FIRST], spans[k, LAST_SYNAPSE]):
            out_when[at] = when[k]
            out_spans[at], out_amounts[at] = spans[k], amounts[k]
            out_spans[at, FIRST], out_spans[at, LAST_SYNAPSE] = synapse, synapse + 1
            out_spans[at, WEIGHT] = spans[k, WEIGHT] + (synapse - spans[k, FIRST]) * spans[k, STEP]
            at += 1
    return total, out_when, out_spans, out_amounts


@inner
def first_from(targets, first, last, gid):
    """Return the first place in a sorted range whose target is `gid` or more."""
    while first < last:
        middle = (first + last) // 2
        if targets[middle] < gid:
            first = middle + 1
        else:
            last = middle
    return first
