"""The window engine: all neurons of a window at once, where every spike takes a while to arrive.

A window is no longer than the shortest delay between neurons, so no spike fired inside it arrives inside
it. Everything that arrives in a window is therefore known when it begins: it is put in order once, each
row is added to its targets (`followed.deliver`: two additions and a comparison a synapse), and the few
neurons that their limit does not clear (`horizon`) are followed exactly. There is no global queue.

Threads own disjoint ranges of neurons (shards); a neuron's arithmetic is the same whatever the shards.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from eventsim._jit import PARALLEL, inner, kernel, parallel_kernel
from eventsim.engines.cells import (
    BASE,
    FOLLOWED,
    FRESH,
    FRESH_END,
    N_FRESH,
    N_NEARBY,
    OVERFLOW,
    PERIOD,
)
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
    spikes_in_order,
)
from eventsim.engines.followed import GID, SLOPE, TIME, begin_shard, deliver, test_moved
from eventsim.engines.horizon import clear, measure, next_end, next_length, open_window
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN, draw_until, in_place
from eventsim.engines.sample import (
    ARRIVALS,
    CHUNK_DONE,
    CLOCK,
    END,
    FINISHED,
    HORIZON,
    INPUT,
    LENGTH,
    N_FAR,
    N_NEAR,
    N_RECORD,
    NEEDS_ROOM,
    NOW,
    OVERFLOWED,
    PHASE,
    SPIKES,
    STOPPED,
    WATCHED,
    EventSample,
)
from eventsim.engines.sample import longer as longer_table
from eventsim.lower import piece


class Flights(NamedTuple):
    """Spikes under way; `near`: those with an arrival within the present horizon."""

    near: np.ndarray
    near_at: np.ndarray
    far: np.ndarray
    far_at: np.ndarray


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
def _draw_near(flights, counters, horizon):
    """Move the spikes under way that arrive before the horizon from far to near."""
    kept = 0
    for k in range(counters[N_FAR]):
        if flights.far[k, NEXT] < horizon:
            at = counters[N_NEAR]
            for column in range(3):
                flights.near[at, column], flights.near_at[at, column] = flights.far[k, column], flights.far_at[k, column]
            counters[N_NEAR] += 1
        else:
            for column in range(3):
                flights.far[kept, column], flights.far_at[kept, column] = flights.far[k, column], flights.far_at[k, column]
            kept += 1
    counters[N_FAR] = kept


def _advance(cell, slow, marks, pops, own, lists, fresh, counts, offset, excites, rows, links, targets, weights, flights,
             record, noise, noise_time, noise_gid, in_time, in_source, in_amplitude, counters, clock, longest, room, t_stop,
             max_horizons, stop_after, watch_from, watch_to):
    """Run one sample up to t_stop; return why it returned. Writes everything but the network."""
    shards = len(counts)
    when, spans, amounts = np.empty(64), np.empty((64, 8), np.int64), np.empty((64, 4))
    order, buckets = np.empty(64, np.int64), np.empty(65, np.int64)
    fresh_time, fresh_gid = np.empty(len(fresh)), np.empty(len(fresh), np.int64)
    moves, units = np.zeros(len(pops), np.bool_), np.zeros((len(pops), 9))
    done, n, now, horizon, end = 0, 0, 0.0, 0.0, 0.0
    while True:
        now, horizon = clock[NOW], clock[HORIZON]
        if counters[PHASE] == 0:
            if counters[SPIKES] >= stop_after or counters[WATCHED] > 0:
                return STOPPED
            if now >= t_stop:
                return FINISHED
            begins = now >= horizon
            if begins:
                if done == max_horizons:
                    return CHUNK_DONE
                done += 1
                horizon = next_end(pops, now, clock[LENGTH], t_stop)
                if not draw_until(noise, noise_time, noise_gid, counters, horizon):
                    return NEEDS_ROOM
                in_place(noise_time, noise_gid, counters[N_NOISE], now, horizon)
                followed = 0
                for s in range(shards):
                    followed += counts[s, FOLLOWED]
                    counts[s, FOLLOWED] = 0
                clock[LENGTH] = next_length(pops, clock[LENGTH], followed, len(cell))
                for p in range(len(pops)):
                    moves[p] = pops[p, BASE] + pops[p, PERIOD] <= now
                    if moves[p]:
                        pops[p, BASE] = math.floor(now / pops[p, PERIOD]) * pops[p, PERIOD]
                clock[HORIZON] = horizon
                _draw_near(flights, counters, horizon)
                measure(pops, units, now, horizon)
                for s in numba.prange(shards):
                    begin_shard(cell, slow, marks, pops, own, lists, fresh, counts, s, offset, units, excites, moves,
                                now, horizon)
            end = min(max(now + longest, np.nextafter(now, math.inf)), horizon)
            last_input, last_noise = counters[INPUT], counters[NOISE_TAKEN]
            while last_input < len(in_time) and in_time[last_input] < end:
                last_input += 1
            while last_noise < counters[N_NOISE] and noise_time[last_noise] < end:
                last_noise += 1
            fresh_inputs = last_input - counters[INPUT] + last_noise - counters[NOISE_TAKEN]
            if (counters[N_NEAR] + counters[N_FAR] + fresh_inputs * room > len(flights.near)
                    or counters[N_RECORD] + fresh_inputs > len(record)):
                return NEEDS_ROOM

            n, kept, near, near_at = 0, 0, flights.near, flights.near_at
            for k in range(counters[N_NEAR]):
                following = near[k, NEXT]
                at = near_at[k, AT]
                if following < end:
                    row, emitted, amplitude, sender = (
                        near_at[k, ROW], near[k, EMITTED], near[k, AMPLITUDE], near_at[k, SENDER])
                    n, at, following = emit(pops, rows, links, targets, weights, row, at, emitted, amplitude, sender, end, n, when,
                                            spans, amounts)
                    while following < end:
                        when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
                        n, at, following = emit(pops, rows, links, targets, weights, row, at, emitted, amplitude, sender, end, n, when,
                                                spans, amounts)
                if following < horizon:
                    near[kept, NEXT], near[kept, EMITTED], near[kept, AMPLITUDE] = (
                        following, near[k, EMITTED], near[k, AMPLITUDE])
                    near_at[kept, ROW], near_at[kept, AT], near_at[kept, SENDER] = near_at[k, ROW], at, near_at[k, SENDER]
                    kept += 1
                elif following < math.inf:
                    _fly(flights, counters, following, near[k, EMITTED], near[k, AMPLITUDE], near_at[k, ROW], at,
                         near_at[k, SENDER], horizon)
            counters[N_NEAR] = kept
            for k in range(fresh_inputs):
                if counters[INPUT] + k < last_input:
                    i = counters[INPUT] + k
                    t, sender, amplitude = in_time[i], np.int64(in_source[i]), in_amplitude[i]
                else:
                    i = counters[NOISE_TAKEN] + k - (last_input - counters[INPUT])
                    t, sender, amplitude = noise_time[i], np.int64(noise_gid[i]), 1.0
                    if noise.kept[sender] == 1:
                        r = counters[N_RECORD]
                        record[r, TIME], record[r, GID], record[r, SLOPE], record[r, 3] = t, sender, math.inf, 0.0
                        counters[N_RECORD] += 1
                for row in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
                    n, at, following = emit(pops, rows, links, targets, weights, row, rows.row_start[row], t, amplitude, sender, end, n,
                                            when, spans, amounts)
                    while following < end:
                        when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
                        n, at, following = emit(pops, rows, links, targets, weights, row, at, t, amplitude, sender, end, n, when, spans,
                                                amounts)
                    if following < math.inf:
                        _fly(flights, counters, following, t, amplitude, row, at, sender, horizon)
            counters[INPUT], counters[NOISE_TAKEN] = last_input, last_noise
            if n > len(order):
                order, buckets = orders(n)
            in_order(n, when, spans, amounts, targets, weights, now, end, order, buckets)
            if has_twins(n, when, spans, order):
                n, when, spans, amounts = singly(n, when, spans, amounts)
                order, buckets = orders(n)
                in_order(n, when, spans, amounts, targets, weights, now, end, order, buckets)
            for k in range(n):
                counters[ARRIVALS] += spans[k, LAST_SYNAPSE] - spans[k, FIRST]
            measure(pops, units, now, end)
            for s in numba.prange(shards):
                if not begins:  # one window a horizon is the least
                    counts[s, FOLLOWED] += counts[s, N_NEARBY]
                open_window(cell, slow, marks, pops, own, lists, counts, s, units, excites, end)
                if begins:
                    test_moved(cell, slow, marks, pops, own, lists, fresh, counts, s, moves)
                deliver(cell, slow, marks, pops, own, lists, fresh, counts, s, shards > 1, targets, weights, n, order,
                        when, spans, amounts, now, end)
                clear(marks, lists, counts, s)
            clock[END] = end

        total, overflow = 0, False
        for s in range(shards):
            total += counts[s, N_FRESH]
            overflow = overflow or counts[s, OVERFLOW] > 0
        if overflow:
            return OVERFLOWED
        if (counters[N_NEAR] + counters[N_FAR] + total * room > len(flights.near)
                or counters[N_RECORD] + total > len(record)):
            counters[PHASE] = 1
            return NEEDS_ROOM
        counters[PHASE] = 0
        now, horizon, end = clock[NOW], clock[HORIZON], clock[END]
        clock[CLOCK] = np.nextafter(end, 0.0)
        if total > 0:
            size = 0
            for s in range(shards):
                for k in range(counts[s, FRESH], counts[s, FRESH] + counts[s, N_FRESH]):
                    fresh_time[size], fresh_gid[size], fresh[size, SLOPE] = fresh[k, TIME], fresh[k, GID], fresh[k, SLOPE]
                    size += 1
                counts[s, N_FRESH] = 0
            if size > len(order):
                order, buckets = orders(size)
            spikes_in_order(fresh_time, fresh_gid, size, now, end, order, buckets)
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
                for row in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
                    at = rows.row_start[row]
                    delay, _ = piece(rows.row_delay, rows.row_stop, rows.synapse_delay, rows.first_delay, row, at)
                    _fly(flights, counters, t + delay, t, 1.0, row, at, sender, horizon)
        elif n == 0:
            following = horizon
            for k in range(counters[N_NEAR]):
                following = min(following, flights.near[k, NEXT])
            if counters[INPUT] < len(in_time):
                following = min(following, in_time[counters[INPUT]])
            if counters[NOISE_TAKEN] < counters[N_NOISE]:
                following = min(following, noise_time[counters[NOISE_TAKEN]])
            for s in range(shards):
                if counts[s, N_NEARBY] > 0:
                    following = end
            end = max(end, following)
        clock[NOW] = end


_serial = kernel(_advance)
_parallel = parallel_kernel(_advance)


MOST_FRESH = 2**17
"""From so much room for the spikes of a window on, windows with more are cut."""

SHORTEST = 1e-6
"""Windows shorter than this (ms) could fall below the distance of two times in double precision."""


def unsuited(shortest):
    """Return why the window engine cannot run a network with such a shortest delay between neurons (ms), or None."""
    if shortest == 0.0:
        return "spikes reach other neurons without delay"
    if shortest < SHORTEST:
        return f"the shortest delay between neurons, {shortest:g} ms, is below {SHORTEST:g} ms"
    return None


class Sample(EventSample):
    """One sample on the window engine, run piece by piece; with several shards, in as many threads."""

    def __init__(self, net, lowered, seed=0, index=0, recorded=(), shards=1):
        super().__init__(net, lowered, seed, index, recorded, shards)
        self._flights = _flights(64 + 2 * len(lowered.population))
        # Where a neuron may fire several times in a window, the room for fresh spikes is a guess.
        refractory = lowered.t_refractory[lowered.theta < math.inf]
        self._guessed = bool(refractory.min(initial=math.inf) < min(self.prepared.shortest, 1e300))
        self._span = math.inf

    def advance(self, inputs, t_stop, limit):
        """Run some horizons; return why the kernel stopped.

        A window with more spikes than there is room for is begun anew: with more room, or, where neurons fire
        almost without end, cut into shorter ones, so that memory stays bounded and stop conditions are seen.
        """
        if not self._guessed:
            return self._advance(inputs, t_stop, limit, self.prepared.shortest)
        kept = self._changing()
        while True:
            now = self.clocks[NOW]
            goal = min(t_stop, max(now + self._span, np.nextafter(now, math.inf)))
            code = self._advance(inputs, goal, limit, min(self._span, self.prepared.shortest))
            if code != OVERFLOWED:
                self._span *= 2.0
                return CHUNK_DONE if code == FINISHED and goal < t_stop else code
            begun, end = self.clocks[NOW], self.clocks[END]
            for table, values in zip(self._changing(copied=False), kept, strict=True):
                table[...] = values
            if len(self.fresh) < MOST_FRESH:
                self._widen()
                kept = self._changing()
            else:  # first up to that window, then a part of it
                self._span = begun - now if begun > now else 0.5 * (end - now)

    def _advance(self, inputs, t_stop, limit, longest):
        made = self.prepared
        lowered = made.lowered
        arguments = (*self.cells, self.own, self.lists, self.fresh, self.counts, lowered.offset, made.excites,
                     made.rows, made.links, made.targets, lowered.synapse_weight, self._flights, self.record,
                     self.noise, self.noise_time, self.noise_gid, *inputs, self.counters, self.clocks, longest,
                     made.room, t_stop, self.CHUNK, *limit)
        if len(self.counts) == 1:
            return _serial(*arguments)
        with PARALLEL:
            numba.set_num_threads(min(len(self.counts), numba.config.NUMBA_NUM_THREADS))
            return _parallel(*arguments)

    def _changing(self, copied=True):
        """Return everything that the kernel changes, or copies of it; recorded spikes are only appended."""
        tables = (*self.cells, self.own, self.lists, self.fresh, self.counts, *self._flights, self.counters,
                  self.clocks, self.noise.drawn, self.noise.upcoming, self.noise_time, self.noise_gid)
        return [table.copy() for table in tables] if copied else tables

    def _widen(self):
        """Make twice as much room for the spikes of a window."""
        old, first, room = self.fresh, self.counts[:, FRESH].copy(), self.counts[:, FRESH_END] - self.counts[:, FRESH]
        self.counts[:, FRESH_END] = np.cumsum(2 * room)
        self.counts[:, FRESH] = self.counts[:, FRESH_END] - 2 * room
        self.fresh = np.zeros((2 * len(old), 3))
        for at, to, size in zip(first, self.counts[:, FRESH], room, strict=True):
            self.fresh[to:to + size] = old[at:at + size]

    def grow(self):
        """Make the tables that fill up twice as long."""
        super().grow()
        self._flights = Flights(*(longer_table(table) for table in self._flights))

    def flights(self):
        """Return the spikes under way as tables (NEXT, EMITTED, AMPLITUDE) and (ROW, AT, SENDER)."""
        near, far = self.counters[N_NEAR], self.counters[N_FAR]
        return (np.concatenate((self._flights.near[:near], self._flights.far[:far])),
                np.concatenate((self._flights.near_at[:near], self._flights.far_at[:far])))

    def launch(self, times, places):
        """Take over spikes under way."""
        self._flights = _flights(len(times) + len(self._flights.near))
        self._flights.far[:len(times)], self._flights.far_at[:len(times)] = times, places
        self.counters[N_NEAR], self.counters[N_FAR] = 0, len(times)


def _flights(room):
    return Flights(*(np.zeros((room, 3), kind) for kind in (np.float64, np.int64, np.float64, np.int64)))
