"""Spikes under way on the lean kernel, where all synapses of a projection share a delay: every row arrives at once."""

from typing import NamedTuple

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import BASE, FRESH, LIKE, N_FRESH, REGIME, TAU_MEM, TAU_SYN, TAU_TWO
from eventsim.engines.deliveries import (
    ADD,
    AHEAD,
    AMPLITUDE,
    AT,
    EMITTED,
    FIRST,
    HOW,
    LAST_SYNAPSE,
    LINK,
    NEXT,
    RECEPTOR,
    ROW,
    SENDER,
    SOURCE,
    STEP,
    TARGET,
    WEIGHT,
    in_order,
)
from eventsim.engines.flights import SPACE
from eventsim.engines.followed import GID, SLOPE, TIME
from eventsim.engines.prefetch import LINE, prefetch
from eventsim.engines.sample import ARRIVALS, CLOCK, N_FAR, N_NEAR, N_RECORD, SPIKES, WATCHED
from eventsim.neurons import receptors

TO = 3
"""Column of `spans` that says here which population a row leads to (elsewhere whether it jumps)."""

START, SYNAPSES, VIA = range(3)
"""Columns of `routes`, one row of 32 bytes a row of synapses: first synapse, their number, link."""


class Ways(NamedTuple):
    """What a spike needs to know to be sent, in few lines of memory."""

    first: np.ndarray
    """(N + 1,) int32: source -> routes."""
    routes: np.ndarray
    links: np.ndarray
    """See `deliveries`."""
    delays: np.ndarray
    """(J,) ms."""
    places: np.ndarray
    """(J,) int64: place of the weight that all synapses of a projection share, -1: they differ."""


def ways_of(prepared):
    """Return the `Ways` of a network."""
    lowered, rows = prepared.lowered, prepared.rows
    routes = np.zeros((len(rows.row_start), 4), np.int64)
    routes[:, START], routes[:, SYNAPSES] = rows.row_start, rows.row_stop - rows.row_start
    routes[:, VIA] = rows.row_projection
    delays, places = np.zeros(len(prepared.links)), np.full(len(prepared.links), -1)
    delays[rows.row_projection] = rows.row_delay
    for k, (start, stop) in enumerate(zip(lowered.projection_start, lowered.projection_stop, strict=True)):
        weights = lowered.synapse_weight[start:stop]
        if len(weights) and np.all(weights == weights[0]):
            places[k] = start
    return Ways(rows.row_ptr.astype(np.int32), routes, prepared.links, delays, places)


@inlined
def _put(times, places, counters, count, following, t, route, ways, sender):
    """Add a spike under way."""
    at = counters[count]
    counters[count] = at + 1
    times[at, NEXT], times[at, EMITTED], times[at, AMPLITUDE] = following, t, 1.0
    places[at, ROW], places[at, AT], places[at, SENDER] = route, ways.routes[route, START], sender * SPACE


@inner
def put_together(counts, fresh):
    """Move the spikes of all shards to the front of their table."""
    size = counts[0, N_FRESH]
    for s in range(1, len(counts)):
        first = counts[s, FRESH]
        for k in range(first, first + counts[s, N_FRESH]):
            fresh[size, TIME], fresh[size, GID], fresh[size, SLOPE] = fresh[k, TIME], fresh[k, GID], fresh[k, SLOPE]
            size += 1
    counts[:, N_FRESH] = 0


@inlined
def order_spikes(fresh, size, order):
    """Write to `order` the sequence of few spikes by time and gid."""
    for k in range(size):
        at, t, gid = k, fresh[k, TIME], fresh[k, GID]
        while at > 0:
            other = order[at - 1]
            if fresh[other, TIME] < t or (fresh[other, TIME] == t and fresh[other, GID] <= gid):
                break
            order[at] = other
            at -= 1
        order[at] = k


@inlined
def send_on(ways, flights, counters, clock, record, fresh, order, size, horizon, stop_after, watch_from, watch_to):
    """Record the spikes of a window, in order, and put them under way; see `flights.send_on`."""
    for k in range(size):  # what follows waits for these lines, better for all at once
        prefetch(ways.routes, np.int64(ways.first[np.int64(fresh[k, GID])]))
    for k in range(size):
        i = order[k]
        t, sender = fresh[i, TIME], np.int64(fresh[i, GID])
        watched = watch_from <= sender < watch_to
        if (counters[SPIKES] >= stop_after or counters[WATCHED] > 0) and t > clock[CLOCK]:
            break
        if counters[SPIKES] + 1 >= stop_after or watched:
            clock[CLOCK] = t
        r = counters[N_RECORD]
        record[r, TIME], record[r, GID], record[r, SLOPE], record[r, 3] = t, sender, fresh[i, SLOPE], 0.0
        counters[N_RECORD] += 1
        counters[SPIKES] += 1
        counters[WATCHED] += watched
        for route in range(ways.first[sender], ways.first[sender + 1]):
            following = t + ways.delays[ways.routes[route, VIA]]
            if following < horizon:
                _put(flights.near, flights.near_at, counters, N_NEAR, following, t, route, ways, sender)
            else:
                _put(flights.far, flights.far_at, counters, N_FAR, following, t, route, ways, sender)


@inlined
def list_arrivals(pops, ways, targets, weights, flights, counters, now, end, when, spans, amounts, order, buckets):
    """List what arrives before `end`, in order; there is room for all that is near.

    Return how many rows, and whether their order is strict, so that no row is there twice at an instant.
    """
    near, near_at = flights.near, flights.near_at
    known_time, known, known_receptor, p0, p1, p2 = -1.0, -1.0, -1, 0.0, 0.0, 0.0
    size, kept, arrivals, strict = 0, 0, 0, True
    for k in range(counters[N_NEAR]):
        t = near[k, NEXT]
        if t >= end:
            for column in range(3):
                near[kept, column], near_at[kept, column] = near[k, column], near_at[k, column]
            kept += 1
            continue
        route, sender = near_at[k, ROW], near_at[k, SENDER]
        link = ways.routes[route, VIA]
        p, receptor = ways.links[link, TARGET], ways.links[link, RECEPTOR]
        if t != known_time or pops[p, LIKE] != known or receptor != known_receptor:
            known_time, known, known_receptor = t, pops[p, LIKE], receptor
            p0, p1, p2 = receptors.psi(int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO],
                                       receptor, t - pops[p, BASE])
        first, synapses = ways.routes[route, START], ways.routes[route, SYNAPSES]
        for synapse in range(first, first + min(synapses, AHEAD * LINE // 4), LINE // 4):
            prefetch(targets, synapse)
        place = ways.places[link]
        if place < 0:
            for synapse in range(first, first + min(synapses, AHEAD * LINE // 8), LINE // 8):
                prefetch(weights, synapse)
        when[size], order[size] = t, size
        spans[size, FIRST], spans[size, LAST_SYNAPSE], spans[size, HOW] = first, first + synapses, ways.links[link, ADD]
        spans[size, SOURCE], spans[size, LINK], spans[size, TO] = sender, link, p
        spans[size, WEIGHT], spans[size, STEP] = (first, 1) if place < 0 else (place, 0)
        amplitude = near[k, AMPLITUDE]
        amounts[size, 0], amounts[size, 1], amounts[size, 2] = amplitude * p0, amplitude * p1, amplitude * p2
        amounts[size, 3] = amplitude
        arrivals += synapses
        if size > 0 and strict:
            source, before = spans[size - 1, SOURCE], when[size - 1]
            strict = t > before or (t == before and (
                sender > source or (sender == source and link > spans[size - 1, LINK])))
        size += 1
    counters[N_NEAR] = kept
    counters[ARRIVALS] += arrivals
    if not strict:
        in_order(size, when, spans, amounts, targets, weights, now, end, order, buckets)
    return size, strict


@inner
def twins(d, size, order, when, spans):
    """Return how many times the row of delivery d arrives at that instant."""
    k = order[d]
    m = 1
    while d + m < size:
        other = order[d + m]
        if when[other] != when[k] or spans[other, SOURCE] != spans[k, SOURCE] or spans[other, LINK] != spans[k, LINK]:
            break
        m += 1
    return m
