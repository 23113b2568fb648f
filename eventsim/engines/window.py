"""The window engine: all neurons of a window at once, where every spike takes a while to arrive.

A window is no longer than the shortest delay between neurons, so no spike fired inside it arrives inside
it. Everything that arrives in a window is therefore known when it begins: it is put in order once, each
row is added to its targets (`followed.deliver`: two additions and a comparison a synapse), and the few
neurons that their limit does not clear (`limits`) are followed exactly. There is no global queue.

Threads own disjoint ranges of neurons (shards); a neuron's arithmetic is the same whatever the shards.
Populations of equal neurons have a faster kernel (`lean`).
"""

import math

import numba
import numpy as np

from eventsim._jit import PARALLEL, forked, kernel, parallel_kernel
from eventsim.engines import lean
from eventsim.engines.candidates import clear
from eventsim.engines.cells import (
    BASE,
    FOLLOWED,
    FRESH,
    FRESH_END,
    MOVED,
    N_NEARBY,
    PERIOD,
)
from eventsim.engines.deliveries import AMPLITUDE, AT, EMITTED, NEXT, ROW, SENDER, SPANS, spikes_in_order
from eventsim.engines.flights import (
    SPACE,
    Flights,
    deliveries_of,
    draw_near,
    fired,
    gather,
    has_room,
    new_flights,
    next_arrival,
    send_on,
    take_in,
    taken_inputs,
)
from eventsim.engines.followed import begin_shard, deliver, test_moved
from eventsim.engines.horizon import next_end, next_length, open_window
from eventsim.engines.lean_flights import ways_of
from eventsim.engines.limits import UNITS, measure
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN, draw_until, in_place
from eventsim.engines.sample import (
    CHUNK_DONE,
    CLOCK,
    END,
    FINISHED,
    HORIZON,
    INPUT,
    LENGTH,
    N_FAR,
    N_NEAR,
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


def _advance(cell, slow, marks, pops, own, lists, fresh, counts, offset, excites, rows, links, targets, weights,
             flights, record, noise, noise_time, noise_gid, in_time, in_source, in_amplitude, counters, clock, longest,
             room, t_stop, max_horizons, stop_after, watch_from, watch_to):
    """Run one sample up to t_stop; return why it returned. Writes everything but the network."""
    shards = len(counts)
    when, spans, amounts = np.empty(64), np.empty((64, SPANS), np.int64), np.empty((64, 4))
    order, buckets = np.empty(64, np.int64), np.empty(65, np.int64)
    fresh_time, fresh_gid = np.empty(len(fresh)), np.empty(len(fresh), np.int64)
    turn, places = np.empty(len(fresh), np.int64), np.empty(len(fresh) + 1, np.int64)
    units = np.zeros((len(pops), UNITS))
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
                    if pops[p, BASE] + pops[p, PERIOD] <= now:
                        pops[p, MOVED] = 1.0
                        pops[p, BASE] = math.floor(now / pops[p, PERIOD]) * pops[p, PERIOD]
                clock[HORIZON] = horizon
                draw_near(flights, counters, horizon)
                measure(pops, units, excites, now, horizon)
                for s in numba.prange(shards):
                    begin_shard(cell, slow, marks, pops, own, lists, counts, s, offset, units, now, horizon)
            end = min(max(now + longest, np.nextafter(now, math.inf)), horizon)
            last_input, last_noise = taken_inputs(counters, in_time, noise_time, end)
            fresh_inputs = last_input - counters[INPUT] + last_noise - counters[NOISE_TAKEN]
            if not has_room(flights, counters, record, fresh_inputs, room):
                return NEEDS_ROOM

            take_in(rows, flights, counters, record, noise.kept, in_time, in_source, in_amplitude, last_input,
                    noise_time, noise_gid, last_noise, horizon)
            n, when, spans, amounts, order, buckets = deliveries_of(
                pops, rows, links, targets, weights, flights, counters, now, end, horizon, when, spans, amounts, order,
                buckets)
            measure(pops, units, excites, now, end)
            for s in numba.prange(shards):
                if not begins:  # one window a horizon is the least
                    counts[s, FOLLOWED] += NEAR_COSTS * counts[s, N_NEARBY]
                open_window(cell, slow, marks, pops, own, lists, counts, s, units, end)
                test_moved(cell, slow, marks, pops, own, lists, counts, s)
                deliver(cell, slow, marks, pops, own, lists, fresh, counts, s, shards > 1, targets, weights, n, order,
                        when, spans, amounts, now, end)
                clear(marks, lists, counts, s)
            for p in range(len(pops)):
                pops[p, MOVED] = 0.0
            clock[END] = end

        total = fired(counts)
        if total < 0:
            return OVERFLOWED
        if not has_room(flights, counters, record, total, room):
            counters[PHASE] = 1
            return NEEDS_ROOM
        counters[PHASE] = 0
        now, horizon, end = clock[NOW], clock[HORIZON], clock[END]
        clock[CLOCK] = np.nextafter(end, 0.0)
        if total > 0:
            size = gather(counts, fresh, fresh_time, fresh_gid)
            spikes_in_order(fresh_time, fresh_gid, size, now, end, turn, places)
            send_on(rows, flights, counters, clock, record, fresh_time, fresh_gid, fresh, turn, size, horizon,
                    stop_after, watch_from, watch_to)
        elif n == 0:
            following = next_arrival(flights, counters, in_time, noise_time, horizon)
            for s in range(shards):
                if counts[s, N_NEARBY] > 0:
                    following = end
            end = max(end, following)
        clock[NOW] = end


_serial = kernel(_advance)
_parallel = parallel_kernel(_advance)


NEAR_COSTS = 3
"""What a look at a near neuron costs, in neurons of the filter pass, which goes through memory in order."""

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
        self._flights = new_flights(64 + 2 * len(lowered.population))
        # Where a neuron may fire several times in a window, the room for fresh spikes is a guess.
        refractory = lowered.t_refractory[lowered.theta < math.inf]
        self._guessed = bool(refractory.min(initial=math.inf) < min(self.prepared.shortest, 1e300))
        self._span = math.inf
        self._lean = not self._guessed and lean.suits(self.prepared)
        self._ways = ways_of(self.prepared) if self._lean else None
        self._highest = lean.highest_at_first(lowered, self.prepared.cells.pops)

    def again(self, index):
        """Go back to t = 0; see `EventSample.again`."""
        super().again(index)
        self._span = math.inf
        self._highest = lean.highest_at_first(self.prepared.lowered, self.prepared.cells.pops)

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
        serial, parallel, chunk, more = _serial, _parallel, self.CHUNK, ()
        if self._lean and t_stop < self.prepared.shortest * 2.0**50:
            serial = lean.advance if len(self.counts) == 1 else lean.in_turn
            parallel, chunk, more = lean.in_threads, lean.CHUNKS * self.CHUNK, (self._ways, self._highest)
        arguments = *self._arguments(inputs, t_stop, limit, longest, chunk), *more
        if len(self.counts) == 1 or forked():  # the serial kernels take one shard after the other, with the same bits
            return serial(*arguments)
        with PARALLEL:
            numba.set_num_threads(min(len(self.counts), numba.config.NUMBA_NUM_THREADS))
            return parallel(*arguments)

    def _arguments(self, inputs, t_stop, limit, longest, horizons):
        made = self.prepared
        lowered = made.lowered
        return (*self.cells, self.own, self.lists, self.fresh, self.counts, lowered.offset, made.excites, made.rows,
                made.links, made.targets, lowered.synapse_weight, self._flights, self.record, self.noise,
                self.noise_time, self.noise_gid, *inputs, self.counters, self.clocks, longest, made.room, t_stop,
                horizons, *limit)

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
        """Make room; see `EventSample.grow`."""
        grows = super().grow()
        if grows:
            self._flights = Flights(*(longer_table(table) for table in self._flights))
        return grows

    def flights(self):
        """Return the spikes under way as tables (NEXT, EMITTED, AMPLITUDE) and (ROW, AT, SENDER)."""
        near, far = self.counters[N_NEAR], self.counters[N_FAR]
        places = np.concatenate((self._flights.near_at[:near], self._flights.far_at[:far]))
        places[:, SENDER] //= SPACE
        return np.concatenate((self._flights.near[:near], self._flights.far[:far])), places

    def launch(self, times, places):
        """Take over spikes under way."""
        self._flights = new_flights(len(times) + len(self._flights.near))
        self._flights.far[:len(times)], self._flights.far_at[:len(times)] = times, places
        self._flights.far_at[:len(times), SENDER] *= SPACE
        self.counters[N_NEAR], self.counters[N_FAR] = 0, len(times)

    def receive(self, time, row, sender):
        """Put spikes of neurons that another process has under way.

        Parameters
        ----------
        time, row, sender : arrays (n,)
            When it was fired (ms); a row that it walks along; and where it comes in the order of arrivals, see SPACE.
            No row's first arrival is before the time reached.
        """
        lowered = self.prepared.lowered
        near, far = self.counters[N_NEAR], self.counters[N_FAR]
        while near + far + len(time) > len(self._flights.far):
            self._flights = Flights(*(longer_table(table) for table in self._flights))
        start, delay = lowered.row_start[row], lowered.row_delay[row]
        own = delay < 0.0
        delay[own] = lowered.synapse_delay[start[own] - lowered.first_delay]
        times, places = self._flights.far[far:far + len(time)], self._flights.far_at[far:far + len(time)]
        times[:, NEXT], times[:, EMITTED], times[:, AMPLITUDE] = time + delay, time, 1.0
        places[:, ROW], places[:, AT], places[:, SENDER] = row, start, sender
        self.counters[N_FAR] = far + len(time)
