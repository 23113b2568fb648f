"""Spikes under way on the window engine: taken in, delivered, and sent on.

A spike under way is one entry a row (see `deliveries`): it walks along its row while its synapses' delays
pass. `near` are those with an arrival within the present horizon; only they are looked at in every window. The SENDER
is the gid times SPACE, so that in the order of arrivals the neurons of other processes (`eventsim.mpi`) find their
places between those of this one.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inlined, inner
from eventsim.engines.cells import FRESH, N_FRESH, OVERFLOW
from eventsim.engines.deliveries import (
    AMPLITUDE,
    AT,
    EMITTED,
    FIRST,
    LAST_SYNAPSE,
    NEXT,
    ROW,
    SENDER,
    emit,
    has_twins,
    in_order,
    longer,
    longer_column,
    orders,
    singly,
)
from eventsim.engines.followed import GID, SLOPE, TIME
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN
from eventsim.engines.sample import ARRIVALS, CLOCK, INPUT, N_FAR, N_NEAR, N_RECORD, SPIKES, WATCHED
from eventsim.lower import piece

SPACE = 2**32
"""From the SENDER of one gid to that of the next."""


class Flights(NamedTuple):
    """Two tables of times (NEXT, EMITTED, AMPLITUDE) and two of places (ROW, AT, SENDER)."""

    near: np.ndarray
    near_at: np.ndarray
    far: np.ndarray
    far_at: np.ndarray


def new_flights(room):
    """Return tables of so many rows."""
    return Flights(*(np.zeros((room, 3), kind) for kind in (np.float64, np.int64, np.float64, np.int64)))


@inner
def _fly(flights, counters, next_time, emitted, amplitude, row, at, sender, horizon):
    """Add a spike under way."""
    if next_time < horizon:
        k = counters[N_NEAR]
        counters[N_NEAR] += 1
        times, places = flights.near, flights.near_at
    else:
        k = counters[N_FAR]
        counters[N_FAR] += 1
        times, places = flights.far, flights.far_at
    times[k, NEXT], times[k, EMITTED], times[k, AMPLITUDE] = next_time, emitted, amplitude
    places[k, ROW], places[k, AT], places[k, SENDER] = row, at, sender


@inner
def draw_near(flights, counters, horizon):
    """Move the spikes under way that arrive before the horizon from far to near."""
    kept = 0
    for k in range(counters[N_FAR]):
        if flights.far[k, NEXT] < horizon:
            at = counters[N_NEAR]
            for column in range(3):
                flights.near[at, column] = flights.far[k, column]
                flights.near_at[at, column] = flights.far_at[k, column]
            counters[N_NEAR] += 1
        else:
            for column in range(3):
                flights.far[kept, column] = flights.far[k, column]
                flights.far_at[kept, column] = flights.far_at[k, column]
            kept += 1
    counters[N_FAR] = kept


@inlined
def _send(rows, flights, counters, t, amplitude, sender, horizon):
    """Put a spike of a source under way, to each of its projections."""
    for row in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
        at = rows.row_start[row]
        delay, _ = piece(rows.row_delay, rows.row_stop, rows.synapse_delay, rows.first_delay, row, at)
        _fly(flights, counters, t + delay, t, amplitude, row, at, sender * SPACE, horizon)


@inner
def take_in(rows, flights, counters, record, kept, in_time, in_source, in_amplitude, last_input, noise_time, noise_gid,
            last_noise, horizon):
    """Put the inputs of this window under way; those of Poisson sources are recorded where `kept` says so."""
    for i in range(counters[INPUT], last_input):
        _send(rows, flights, counters, in_time[i], in_amplitude[i], np.int64(in_source[i]), horizon)
    for i in range(counters[NOISE_TAKEN], last_noise):
        t, sender = noise_time[i], np.int64(noise_gid[i])
        if kept[sender] == 1:
            r = counters[N_RECORD]
            record[r, TIME], record[r, GID], record[r, SLOPE], record[r, 3] = t, sender, math.inf, 0.0
            counters[N_RECORD] += 1
        _send(rows, flights, counters, t, 1.0, sender, horizon)
    counters[INPUT], counters[NOISE_TAKEN] = last_input, last_noise


@inner
def _take_out(pops, rows, links, targets, weights, flights, counters, first, kept, n, when, spans, amounts, end,
              horizon):
    """List what arrives before `end`, of the near spikes from `first` on, as far as there is room.

    Return the spike that has to be gone on with, the number of those that stay near, and of deliveries.
    """
    near, near_at = flights.near, flights.near_at
    for k in range(first, counters[N_NEAR]):
        following, at = near[k, NEXT], near_at[k, AT]
        if following < end:
            n, at, following = emit(pops, rows, links, targets, weights, near_at[k, ROW], at, near[k, EMITTED],
                                    near[k, AMPLITUDE], near_at[k, SENDER], end, n, when, spans, amounts)
            if following < end:
                near[k, NEXT], near_at[k, AT] = following, at
                return k, kept, n
        if following < horizon:
            near[kept, NEXT] = following
            near[kept, EMITTED], near[kept, AMPLITUDE] = near[k, EMITTED], near[k, AMPLITUDE]
            near_at[kept, ROW], near_at[kept, AT], near_at[kept, SENDER] = near_at[k, ROW], at, near_at[k, SENDER]
            kept += 1
        elif following < math.inf:
            _fly(flights, counters, following, near[k, EMITTED], near[k, AMPLITUDE], near_at[k, ROW], at,
                 near_at[k, SENDER], horizon)
    return counters[N_NEAR], kept, n


@closed_form
def deliveries_of(pops, rows, links, targets, weights, flights, counters, now, end, horizon, when, spans, amounts,
                  order, buckets):
    """Return what arrives in a window: the number of deliveries, these (see `deliveries`) and their order.

    Tables that are too short are replaced; that is done here, out of sight of numba's analysis of arrays (`has_room`).
    """
    k, kept, n = 0, 0, 0
    while k < counters[N_NEAR]:
        k, kept, n = _take_out(pops, rows, links, targets, weights, flights, counters, k, kept, n, when, spans, amounts,
                               end, horizon)
        if k < counters[N_NEAR]:
            when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
    counters[N_NEAR] = kept
    if n > len(order):
        order, buckets = orders(n)
    in_order(n, when, spans, amounts, targets, weights, now, end, order, buckets)
    if has_twins(n, when, spans, order):
        n, when, spans, amounts = singly(n, when, spans, amounts)
        order, buckets = orders(n)
        in_order(n, when, spans, amounts, targets, weights, now, end, order, buckets)
    for k in range(n):
        counters[ARRIVALS] += spans[k, LAST_SYNAPSE] - spans[k, FIRST]
    return n, when, spans, amounts, order, buckets


@inner
def send_on(rows, flights, counters, clock, record, fresh_time, fresh_gid, fresh, order, size, horizon, stop_after,
            watch_from, watch_to):
    """Record the spikes of a window, in order, and put them under way."""
    for k in range(size):
        i = order[k]
        t, sender = fresh_time[i], fresh_gid[i]
        if (counters[SPIKES] >= stop_after or counters[WATCHED] > 0) and t > clock[CLOCK]:
            break  # the sample ends with the instant before
        if counters[SPIKES] + 1 >= stop_after or watch_from <= sender < watch_to:
            clock[CLOCK] = t
        r = counters[N_RECORD]
        record[r, TIME], record[r, GID], record[r, SLOPE], record[r, 3] = t, sender, fresh[i, SLOPE], 0.0
        counters[N_RECORD] += 1
        counters[SPIKES] += 1
        if watch_from <= sender < watch_to:
            counters[WATCHED] += 1
        _send(rows, flights, counters, t, 1.0, sender, horizon)


@inner
def next_arrival(flights, counters, in_time, noise_time, until):
    """Return when the next spike arrives or is given, at the latest `until`."""
    for k in range(counters[N_NEAR]):
        until = min(until, flights.near[k, NEXT])
    if counters[INPUT] < len(in_time):
        until = min(until, in_time[counters[INPUT]])
    if counters[NOISE_TAKEN] < counters[N_NOISE]:
        until = min(until, noise_time[counters[NOISE_TAKEN]])
    return until


@inner
def taken_inputs(counters, in_time, noise_time, end):
    """Return the first input and the first Poisson spike that are not before `end`."""
    last_input, last_noise = counters[INPUT], counters[NOISE_TAKEN]
    while last_input < len(in_time) and in_time[last_input] < end:
        last_input += 1
    while last_noise < counters[N_NOISE] and noise_time[last_noise] < end:
        last_noise += 1
    return last_input, last_noise


@inner
def has_room(flights, counters, record, spikes, room):
    """Return whether so many spikes, of at most `room` rows each, can be put under way and recorded.

    In the kernel itself numba's analysis of arrays, made where loops are parallel, would take the two lengths from
    where they are first asked for, which a run that goes on after a return for room does not pass.
    """
    return (counters[N_NEAR] + counters[N_FAR] + spikes * room <= len(flights.near)
            and counters[N_RECORD] + spikes <= len(record))


@inner
def fired(counts):
    """Return how many spikes the shards have fired in this window; -1: one had no room for all."""
    total = 0
    for s in range(len(counts)):
        if counts[s, OVERFLOW] > 0:
            return -1
        total += counts[s, N_FRESH]
    return total


@inner
def gather(counts, fresh, fresh_time, fresh_gid):
    """Put the spikes of all shards together; return their number."""
    size = 0
    for s in range(len(counts)):
        first = counts[s, FRESH]
        for k in range(first, first + counts[s, N_FRESH]):
            fresh_time[size], fresh_gid[size], fresh[size, SLOPE] = fresh[k, TIME], fresh[k, GID], fresh[k, SLOPE]
            size += 1
        counts[s, N_FRESH] = 0
    return size
