"""The heap engine: one instant at a time, any topology, any delay, recurrence and zero delay included.

An instant is treated as a window of no length (`eventsim.engines.window`): its arrivals are added row by
row, only neurons that their limit does not clear are followed, and those that fire send their spikes, the
ones without delay to the next generation of the same instant. Candidates wait in an indexed heap, each
with its next event of its own; spikes under way wait in one first-in first-out lane a delay, or in a heap
where every synapse has its own delay. The kernel returns between instants only.
"""

import math

import numpy as np

from eventsim._jit import inner, kernel
from eventsim.engines.candidates import refine, set_own
from eventsim.engines.cells import (
    BASE,
    CANDIDATES,
    EXACT,
    FOLLOWED,
    FRESH,
    IDS,
    INSTANT,
    MOVED,
    N_CANDIDATES,
    N_FRESH,
    PERIOD,
    POPULATION,
    QUEUED,
    RELEASE,
    STAMP,
    TOUCHED,
)
from eventsim.engines.deliveries import (
    AMPLITUDE,
    AT,
    EMITTED,
    FIRST,
    HOW,
    JUMP,
    LANE,
    LAST_SYNAPSE,
    NEXT,
    ROW,
    SENDER,
    SPANS,
    STEP,
    WEIGHT,
    emit,
    has_twins,
    in_order,
    longer,
    longer_column,
    orders,
    singly,
    spikes_in_order,
)
from eventsim.engines.followed import (
    GID,
    SLOPE,
    TIME,
    add_row,
    begin_shard,
    end_rest,
    fire,
    open_instant,
    settle,
    test_moved,
)
from eventsim.engines.horizon import next_end, next_length
from eventsim.engines.limits import UNITS, measure
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN, draw_until, in_place
from eventsim.engines.queue import AFTER, pop, push
from eventsim.engines.sample import (
    ARRIVALS,
    CHUNK_DONE,
    CLOCK,
    FINISHED,
    FREE,
    HORIZON,
    IN_POOL,
    INPUT,
    LENGTH,
    N_RECORD,
    N_WAITING,
    NEEDS_ROOM,
    NOW,
    PHASE,
    SPIKES,
    STOPPED,
    WATCHED,
    EventSample,
)
from eventsim.engines.sample import longer as longer_table


@inner
def _fly(times, places, waiting, lanes, lane, counters, next_time, emitted, amplitude, row, at, sender):
    """Add a spike under way to its lane, or to the heap where it has none."""
    entry = counters[FREE]
    counters[FREE] = places[entry, AFTER]
    counters[IN_POOL] += 1
    times[entry, NEXT], times[entry, EMITTED], times[entry, AMPLITUDE] = next_time, emitted, amplitude
    places[entry, ROW], places[entry, AT], places[entry, SENDER], places[entry, AFTER] = row, at, sender, -1
    if lane < 0:
        counters[N_WAITING] = push(times, waiting, counters[N_WAITING], entry)
    else:
        if lanes[lane, 0] < 0:
            lanes[lane, 0] = entry
        else:
            places[lanes[lane, 1], AFTER] = entry
        lanes[lane, 1] = entry


@inner
def _forget(places, counters, entry):
    """Give a pool entry back."""
    places[entry, AFTER] = counters[FREE]
    counters[FREE] = entry
    counters[IN_POOL] -= 1


@inner
def _next_instant(own, lists, counts, times, lanes, waiting, counters):
    """Return when the next candidate acts or the next spike arrives."""
    t = math.inf
    if counts[0, N_CANDIDATES] > 0:
        t = own[lists[IDS, 0]]
    for lane in range(len(lanes)):
        if lanes[lane, 0] >= 0:
            t = min(t, times[lanes[lane, 0], NEXT])
    if counters[N_WAITING] > 0:
        t = min(t, times[waiting[0], NEXT])
    return t


@inner
def _own_events(cell, slow, marks, pops, own, lists, counts, due, t):
    """Take the candidates' own events of instant t: ends of rest are touches, crossings are listed; return how many."""
    n_due = 0
    while counts[0, N_CANDIDATES] > 0 and own[lists[IDS, 0]] == t:
        slot = lists[IDS, 0]
        j = lists[CANDIDATES, slot]
        p = marks[j, POPULATION]
        if slow[j, RELEASE] == t:
            end_rest(cell, slow, marks, pops, lists, counts, 0, j, p, t)
            set_own(own, lists, counts, 0, slot, math.inf)
            open_instant(cell, slow, marks, lists, counts, 0, j)
        elif slow[j, EXACT] == 0.0:
            refine(cell, slow, marks, pops, own, lists, counts, 0, j, p)
        else:
            set_own(own, lists, counts, 0, slot, math.inf)
            due[n_due] = j
            n_due += 1
    return n_due


@kernel
def _advance(cell, slow, marks, pops, own, lists, fresh, counts, offset, excites, rows, links, targets, weights, times,
             places, waiting, lanes, record, noise, noise_time, noise_gid, in_time, in_source, in_amplitude, counters,
             clock, room, t_stop, max_horizons, stop_after, watch_from, watch_to):
    """Run one sample up to t_stop; return why it returned. Writes everything but the network."""
    neurons = len(cell)
    when, spans, amounts = np.empty(64), np.empty((64, SPANS), np.int64), np.empty((64, 4))
    order, buckets = orders(64)
    fresh_time, fresh_gid = np.empty(len(fresh)), np.empty(len(fresh), np.int64)
    due = np.empty(neurons, np.int64)
    units = np.zeros((len(pops), UNITS))
    done = 0
    while True:
        if counters[SPIKES] >= stop_after or counters[WATCHED] > 0:
            return STOPPED  # first, so that a sample ends there whether or not more events would follow
        horizon = clock[HORIZON]
        t = _next_instant(own, lists, counts, times, lanes, waiting, counters)
        first_input, last_input = counters[INPUT], counters[INPUT]
        first_noise, last_noise = counters[NOISE_TAKEN], counters[NOISE_TAKEN]
        if first_input < len(in_time):
            t = min(t, in_time[first_input])
        if first_noise < counters[N_NOISE]:
            t = min(t, noise_time[first_noise])
        if counters[PHASE] == 1:
            counters[PHASE], t = 0, clock[NOW]  # the instant for which there was no room
        elif t >= horizon:
            if horizon >= t_stop:
                clock[NOW] = t_stop
                return FINISHED
            if done == max_horizons:
                clock[NOW] = horizon
                return CHUNK_DONE
            t = horizon
            horizon = next_end(pops, t, clock[LENGTH], t_stop)
            if not draw_until(noise, noise_time, noise_gid, counters, horizon):
                clock[NOW] = t
                return NEEDS_ROOM
            done += 1
            in_place(noise_time, noise_gid, counters[N_NOISE], t, horizon)
            first_noise = last_noise = 0
            clock[LENGTH] = next_length(pops, clock[LENGTH], counts[0, FOLLOWED], neurons)
            counts[0, FOLLOWED] = 0
            moved = False
            for p in range(len(pops)):
                pops[p, MOVED] = pops[p, BASE] + pops[p, PERIOD] <= t
                if pops[p, MOVED] == 1.0:
                    moved = True
                    pops[p, BASE] = math.floor(t / pops[p, PERIOD]) * pops[p, PERIOD]
            clock[HORIZON] = horizon
            measure(pops, units, excites, t, horizon)
            begin_shard(cell, slow, marks, pops, own, lists, counts, 0, offset, units, t, horizon)
            test_moved(cell, slow, marks, pops, own, lists, counts, 0)
            if not moved:
                continue
        while last_input < len(in_time) and in_time[last_input] == t:
            last_input += 1
        while last_noise < counters[N_NOISE] and noise_time[last_noise] == t:
            last_noise += 1
        taken = last_input - first_input + last_noise - first_noise
        if (len(places) - counters[IN_POOL] < (neurons + taken) * room
                or len(record) - counters[N_RECORD] < neurons + taken):
            counters[PHASE], clock[NOW] = 1, t
            return NEEDS_ROOM
        after = np.nextafter(t, math.inf)

        # What arrives at t: spikes under way, inputs without delay.
        n = 0
        for lane in range(len(lanes)):
            while lanes[lane, 0] >= 0 and times[lanes[lane, 0], NEXT] == t:
                entry = lanes[lane, 0]
                lanes[lane, 0] = places[entry, AFTER]
                if n == len(when):
                    when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
                n, _, _ = emit(pops, rows, links, targets, weights, places[entry, ROW], places[entry, AT],
                               times[entry, EMITTED], times[entry, AMPLITUDE], places[entry, SENDER], after, n,
                               when, spans, amounts)
                _forget(places, counters, entry)
        while counters[N_WAITING] > 0 and times[waiting[0], NEXT] == t:
            entry = waiting[0]
            counters[N_WAITING] = pop(times, waiting, counters[N_WAITING])
            if n == len(when):
                when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
            n, at, following = emit(pops, rows, links, targets, weights, places[entry, ROW], places[entry, AT],
                                    times[entry, EMITTED], times[entry, AMPLITUDE], places[entry, SENDER], after, n,
                                    when, spans, amounts)
            if following < math.inf:
                times[entry, NEXT], places[entry, AT] = following, at
                counters[N_WAITING] = push(times, waiting, counters[N_WAITING], entry)
            else:
                _forget(places, counters, entry)
        for k in range(taken):
            if first_input + k < last_input:
                sender, amplitude = np.int64(in_source[first_input + k]), in_amplitude[first_input + k]
            else:
                q = first_noise + k - (last_input - first_input)
                sender, amplitude = noise_gid[q], 1.0
                if noise.kept[sender] == 1:
                    r = counters[N_RECORD]
                    record[r, TIME], record[r, GID], record[r, SLOPE], record[r, 3] = t, sender, math.inf, 0.0
                    counters[N_RECORD] += 1
            for row in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
                n, at, following = emit(pops, rows, links, targets, weights, row, rows.row_start[row], t, amplitude,
                                        sender, after, n, when, spans, amounts)
                while following < after:
                    when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
                    n, at, following = emit(pops, rows, links, targets, weights, row, at, t, amplitude, sender, after,
                                            n, when, spans, amounts)
                if following < math.inf:
                    _fly(times, places, waiting, lanes, links[rows.row_projection[row], LANE], counters, following, t,
                         amplitude, row, at, sender)
        counters[INPUT], counters[NOISE_TAKEN] = last_input, last_noise
        n_due = _own_events(cell, slow, marks, pops, own, lists, counts, due, t)

        generation = 0
        while True:
            if n > 1:
                if n > len(order):
                    order, buckets = orders(n)
                in_order(n, when, spans, amounts, targets, weights, t, t, order, buckets)
                if has_twins(n, when, spans, order):
                    n, when, spans, amounts = singly(n, when, spans, amounts)
                    order, buckets = orders(n)
                    in_order(n, when, spans, amounts, targets, weights, t, t, order, buckets)
            else:
                order[0] = 0
            for d in range(n):
                k = order[d]
                counters[ARRIVALS] += spans[k, LAST_SYNAPSE] - spans[k, FIRST]
                add_row(cell, slow, marks, pops, own, lists, fresh, counts, 0, targets, weights, spans[k, FIRST],
                        spans[k, LAST_SYNAPSE], spans[k, WEIGHT], spans[k, STEP], spans[k, HOW], spans[k, JUMP] == 1,
                        amounts[k, 0], amounts[k, 1], amounts[k, 2], t, horizon)
            for k in range(n_due):
                j = due[k]
                if marks[j, TOUCHED] != counts[0, STAMP]:
                    fire(cell, slow, marks, pops, own, lists, fresh, counts, 0, j, marks[j, POPULATION], t, horizon)
            settle(cell, slow, marks, pops, own, lists, fresh, counts, 0, t, horizon)
            size, n, n_due = counts[0, N_FRESH], 0, 0
            counts[0, N_FRESH] = 0
            if size == 0:
                break
            for k in range(size):
                fresh_time[k], fresh_gid[k] = t, np.int64(fresh[counts[0, FRESH] + k, GID])
            if size > len(order):
                order, buckets = orders(size)
            spikes_in_order(fresh_time, fresh_gid, size, t, t, order, buckets)
            spike_order = order[:size].copy() if size > 1 else order
            for k in range(size):
                sender = fresh_gid[spike_order[k]]
                r = counters[N_RECORD]
                record[r, TIME], record[r, GID] = t, sender
                record[r, SLOPE], record[r, 3] = fresh[counts[0, FRESH] + spike_order[k], SLOPE], generation
                counters[N_RECORD] += 1
                counters[SPIKES] += 1
                if watch_from <= sender < watch_to:
                    counters[WATCHED] += 1
                for row in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
                    n, at, following = emit(pops, rows, links, targets, weights, row, rows.row_start[row], t, 1.0,
                                            sender, after, n, when, spans, amounts)
                    while following < after:
                        when, spans, amounts = longer_column(when), longer(spans), longer(amounts)
                        n, at, following = emit(pops, rows, links, targets, weights, row, at, t, 1.0, sender, after, n,
                                                when, spans, amounts)
                    if following < math.inf:
                        _fly(times, places, waiting, lanes, links[rows.row_projection[row], LANE], counters, following,
                             t, 1.0, row, at, sender)
            if n == 0:
                break
            generation += 1
        counts[0, INSTANT] += 1
        clock[CLOCK] = t


class Sample(EventSample):
    """One sample on the heap engine, run piece by piece."""

    def __init__(self, net, lowered, seed=0, index=0, recorded=(), shards=1):
        super().__init__(net, lowered, seed, index, recorded)
        self.counts[0, QUEUED] = 1
        self._pool(64 + 2 * len(lowered.population))

    def _pool(self, room):
        self._times, self._places = np.zeros((room, 3)), np.zeros((room, 4), np.int64)
        self._waiting = np.zeros(room, np.int64)
        self._lanes = np.full((self.prepared.lanes, 2), -1, np.int64)
        self._places[:, AFTER] = np.append(np.arange(1, room), -1)
        self.counters[[FREE, IN_POOL, N_WAITING]] = 0

    def again(self, index):
        """Go back to t = 0; see `EventSample.again`."""
        super().again(index)
        self.counts[0, QUEUED] = 1
        self._lanes.fill(-1)
        self._places[:, AFTER] = np.append(np.arange(1, len(self._places)), -1)

    def advance(self, inputs, t_stop, limit):
        """Run some horizons; return why the kernel stopped."""
        made = self.prepared
        lowered = made.lowered
        return _advance(*self.cells, self.own, self.lists, self.fresh, self.counts, lowered.offset, made.excites,
                        made.rows, made.links, made.targets, lowered.synapse_weight, self._times, self._places,
                        self._waiting, self._lanes, self.record, self.noise, self.noise_time, self.noise_gid, *inputs,
                        self.counters, self.clocks, made.room, t_stop, self.CHUNK, *limit)

    def grow(self):
        """Make room; see `EventSample.grow`."""
        grows = super().grow()
        if grows:
            used = len(self._places)
            self._times, self._places = longer_table(self._times), longer_table(self._places)
            self._waiting = longer_table(self._waiting)
            self._places[used:, AFTER] = np.append(np.arange(used + 1, 2 * used), self.counters[FREE])
            self.counters[FREE] = used
        return grows

    def flights(self):
        """Return the spikes under way as tables (NEXT, EMITTED, AMPLITUDE) and (ROW, AT, SENDER)."""
        entries = list(self._waiting[:self.counters[N_WAITING]])
        for head, _ in self._lanes:
            while head >= 0:
                entries.append(head)
                head = self._places[head, AFTER]
        entries = np.array(entries, np.int64)
        return self._times[entries], self._places[entries, :AFTER]

    def launch(self, times, places):
        """Take over spikes under way."""
        self._pool(len(times) + len(self._places))
        lane_of = self.prepared.links[self.prepared.rows.row_projection[places[:, ROW]], LANE]
        for k in np.argsort(times[:, NEXT], kind="stable"):
            _fly(self._times, self._places, self._waiting, self._lanes, lane_of[k], self.counters, *times[k],
                 *places[k])
