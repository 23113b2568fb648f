"""The heap engine: one event at a time, any topology, any delay, recurrence and zero delay included.

Each neuron has at most one event of its own in an indexed heap: the crossing predicted at its last
touch, the end of its refractory period, or the next move of its origin, whichever comes first. A
spike under way is one entry that walks its delay groups. The kernel takes all events of an instant,
adds all arrivals, tests, and repeats for the consequences without delay (the next generation of the
same instant). It returns between instants only, so it can be continued, interrupted and saved.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim import queue
from eventsim._jit import closed_form, kernel
from eventsim.neurons import membrane

FINISHED, CHUNK_DONE, NEEDS_ROOM, STOPPED = 0, 1, 2, 3
"""Why the kernel returned: the end of the run, its share of instants, full buffers, a stop condition."""

_HEAP_SIZE, _FLIGHT_SIZE, _RECORD_SIZE, _INPUT, _STAMP, _ARRIVALS, _SPIKES, _WATCHED = range(8)

COUNTER_OF = {"flight": _FLIGHT_SIZE, "record": _RECORD_SIZE}
"""Which counter says how many entries of a growing part of the state are in use."""


class Net(NamedTuple):
    """What the kernel reads of a network (see `eventsim.lower.Lowered`)."""

    population: np.ndarray
    regime: np.ndarray
    tau_mem: np.ndarray
    tau_syn: np.ndarray
    period: np.ndarray
    drive: np.ndarray
    theta: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    t_refractory: np.ndarray
    group_ptr: np.ndarray
    group_delay: np.ndarray
    group_projection: np.ndarray
    group_start: np.ndarray
    group_stop: np.ndarray
    synapse_target: np.ndarray
    synapse_weight: np.ndarray
    projection_target: np.ndarray


class Flight(NamedTuple):
    """Spikes under way, see `eventsim.queue`."""

    time: np.ndarray
    source: np.ndarray
    group: np.ndarray
    amplitude: np.ndarray
    emitted: np.ndarray


class Record(NamedTuple):
    """Spikes of neurons in the order in which they occurred."""

    time: np.ndarray
    neuron: np.ndarray
    slope: np.ndarray
    generation: np.ndarray


class State(NamedTuple):
    """All that changes while one sample runs; N neurons."""

    c0: np.ndarray
    c1: np.ndarray
    origin: np.ndarray
    """(N,) int64: number of the origin that c0, c1 refer to."""
    release: np.ndarray
    """(N,) end of the refractory period; -inf: none, inf: never again."""
    last_spike: np.ndarray
    crossing: np.ndarray
    """(N,) predicted crossing, or a lower bound on it; valid while the neuron is in the heap."""
    bounded: np.ndarray
    """(N,) int64: 1 while `crossing` is a lower bound only."""
    seen: np.ndarray
    """(N,) when the neuron was touched last: what the crossing is computed from."""
    key: np.ndarray
    ids: np.ndarray
    place: np.ndarray
    touched: np.ndarray
    """(N,) int64: generation stamp of the last touch."""
    opened: np.ndarray
    """(N,) int64: instant stamp of the last touch."""
    before0: np.ndarray
    before1: np.ndarray
    """(N,) accumulators just before the arrivals of the present instant."""
    counters: np.ndarray
    """(8,) int64: sizes of heap, flight and record, inputs taken, stamp, arrivals delivered, spikes fired,
    spikes fired by the watched neurons."""
    clock: np.ndarray
    """(1,) the last instant that was processed; -1 before the first."""
    flight: Flight
    record: Record


def net_of(lowered):
    """Return the kernel's view of a lowered network."""
    return Net(*(getattr(lowered, field) for field in Net._fields))


def _flight(room):
    return Flight(np.zeros(room), np.zeros(room, np.int32), np.zeros(room, np.int64), np.zeros(room), np.zeros(room))


def _record(room):
    return Record(np.zeros(room), np.zeros(room, np.int32), np.zeros(room), np.zeros(room, np.int32))


def start(lowered):
    """Return the state of a sample at t = 0, first predictions made."""
    n = len(lowered.population)
    state = State(
        np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.full(n, -np.inf), np.full(n, -1.0),
        np.full(n, np.inf), np.zeros(n, np.int64), np.zeros(n), np.full(n, np.inf), np.zeros(n, np.int32),
        np.full(n, -1, np.int32),
        np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(8, np.int64), np.full(1, -1.0),
        _flight(2 * n + 64), _record(2 * n + 64))
    _begin(net_of(lowered), state)
    return state


def with_room(state):
    """Return `state` with flight and record arrays twice as long."""
    def longer(arrays):
        return type(arrays)(*(np.concatenate((a, np.zeros(len(a), a.dtype))) for a in arrays))

    return state._replace(flight=longer(state.flight), record=longer(state.record))


def take_record(state):
    """Return the spikes recorded so far as arrays (time, neuron, slope, generation) and empty the record."""
    size = int(state.counters[_RECORD_SIZE])
    state.counters[_RECORD_SIZE] = 0
    return tuple(column[:size].copy() for column in state.record)


@closed_form
def _bring(net, state, j, t):
    """Move the origin of neuron j to the last one at or before t; return its time."""
    p = net.population[j]
    period = net.period[p]
    wanted = np.int64(t / period)
    while state.origin[j] < wanted:
        c0, c1 = state.c0[j], state.c1[j]
        if c0 == 0.0 and c1 == 0.0 and net.drive[j] == 0.0:
            state.origin[j] = wanted
            break
        state.c0[j], state.c1[j] = membrane.advance(
            net.regime[p], net.tau_mem[p], net.tau_syn[p], period, net.drive[j], c0, c1)
        state.origin[j] += 1
    return wanted * period


@closed_form
def _restart(net, state, j, s):
    """Put V of neuron j to its reset at s after its origin; the current goes on."""
    p = net.population[j]
    v, _ = membrane.local(net.regime[p], net.tau_mem[p], net.tau_syn[p], net.drive[j], state.c0[j], state.c1[j], s)
    o0, o1 = membrane.own(net.regime[p], net.tau_mem[p], net.tau_syn[p], s)
    jump = net.v_reset[j] - v
    state.c0[j] += jump * o0
    state.c1[j] += jump * o1


@closed_form
def _settle(net, state, neurons, count, t, test, firing, n_firing):
    """Schedule the next event of each listed neuron after a touch at t, or list it as firing; return how many fire.

    With `test`, a neuron at or above its threshold fires at t, unless it has done so at this instant. The
    arrays are unpacked once, because passing the tuples to a function for every neuron costs 1 us each.
    """
    population, regimes, tau_mems, tau_syns, periods = net.population, net.regime, net.tau_mem, net.tau_syn, net.period
    drives, thetas, v_inits = net.drive, net.theta, net.v_init
    c0, c1, origin, release, last_spike = state.c0, state.c1, state.origin, state.release, state.last_spike
    crossing, bounded, seen = state.crossing, state.bounded, state.seen
    key, ids, place = state.key, state.ids, state.place
    size = state.counters[_HEAP_SIZE]
    for k in range(count):
        j = neurons[k]
        theta = thetas[j]
        if theta == math.inf or release[j] > t:
            continue
        p = population[j]
        regime, tau_mem, tau_syn, drive = regimes[p], tau_mems[p], tau_syns[p], drives[j]
        base = origin[j] * periods[p]
        v, i = membrane.local(regime, tau_mem, tau_syn, drive, c0[j], c1[j], t - base)
        if t == 0.0 and tau_syn > 0.0 and last_spike[j] < 0.0:
            v = v_inits[j]  # no current has acted yet; in the accumulators v_init is rounded, and touching counts
        if test and v >= theta and last_spike[j] != t:
            firing[n_firing] = j
            n_firing += 1
            continue
        if membrane.out_of_reach(regime, tau_mem, tau_syn, drive, theta, v, i):
            size = queue.cancel(key, ids, place, size, j)
            continue
        # Most predictions are replaced before they come true: a tangent, which needs no logarithm and no
        # Newton iteration, holds the place of the crossing until its time has come.
        wait = membrane.earliest(regime, tau_mem, tau_syn, drive, theta, v, i)
        seen[j] = t
        if wait > 0.0:
            bounded[j] = 1
            time = t + wait
        else:
            bounded[j] = 0
            time = _crossing_time(regime, tau_mem, tau_syn, drive, theta, v, i, t, test)
        crossing[j] = time
        size = queue.schedule(key, ids, place, size, j, min(base + periods[p], time))
    state.counters[_HEAP_SIZE] = size
    return n_firing


@closed_form
def _crossing_time(regime, tau_mem, tau_syn, drive, theta, v, i, t, again):
    time = t + membrane.crossing(regime, tau_mem, tau_syn, drive, theta, v, i)
    if time <= t and (again or v < theta):
        time = np.nextafter(t, math.inf)
    return time


@closed_form
def _refine(net, state, j):
    """Replace the lower bound of neuron j by its crossing."""
    p = net.population[j]
    regime, tau_mem, tau_syn, drive = net.regime[p], net.tau_mem[p], net.tau_syn[p], net.drive[j]
    base = state.origin[j] * net.period[p]
    t = state.seen[j]
    v, i = membrane.local(regime, tau_mem, tau_syn, drive, state.c0[j], state.c1[j], t - base)
    if t == 0.0 and tau_syn > 0.0 and state.last_spike[j] < 0.0:
        v = net.v_init[j]
    time = _crossing_time(regime, tau_mem, tau_syn, drive, net.theta[j], v, i, t, True)
    state.crossing[j] = time
    state.bounded[j] = 0
    state.counters[_HEAP_SIZE] = queue.schedule(
        state.key, state.ids, state.place, state.counters[_HEAP_SIZE], j, min(base + net.period[p], time))


@closed_form
def _touch(net, state, j, t, stamp, instant, touched, count):
    """Bring neuron j to t and list it once a generation; return the length of the list."""
    if state.touched[j] == stamp:
        return count
    state.touched[j] = stamp
    if state.opened[j] != instant:
        state.opened[j] = instant
        _bring(net, state, j, t)
        state.before0[j] = state.c0[j]
        state.before1[j] = state.c1[j]
    touched[count] = j
    return count + 1


@kernel
def _begin(net, state):
    """Set the accumulators for V(0) = v_init and predict every neuron."""
    everyone = np.empty(len(net.population), np.int32)
    count = 0
    for j in range(len(net.population)):
        p = net.population[j]
        if net.regime[p] < 0:
            continue
        o0, o1 = membrane.own(net.regime[p], net.tau_mem[p], net.tau_syn[p], 0.0)
        state.c0[j] = net.v_init[j] * o0
        state.c1[j] = net.v_init[j] * o1
        everyone[count] = j
        count += 1
    _settle(net, state, everyone, count, 0.0, False, everyone, 0)


@closed_form
def _longer(values, size):
    out = np.empty(2 * size + 16, values.dtype)
    out[:size] = values[:size]
    return out


@closed_form
def _add_row(net, state, targets, weights, first, last, q0, q1, p, t, stamp, instant, touched, count):
    """Add the arrivals first to last of one row to population p; return the length of the list of touched neurons."""
    c0, c1, before0, before1 = state.c0, state.c1, state.before0, state.before1
    stamps, opened, origin, release, last_spike = (
        state.touched, state.opened, state.origin, state.release, state.last_spike)
    delta = net.tau_syn[p] == 0.0
    window = np.int64(t / net.period[p])
    for k in range(first, last):
        j = targets[k]
        if release[j] > t:
            if delta or release[j] == math.inf:
                continue
        elif delta and last_spike[j] == t:
            continue
        if stamps[j] != stamp:
            stamps[j] = stamp
            if opened[j] != instant:
                opened[j] = instant
                if origin[j] != window:
                    _bring(net, state, j, t)
                before0[j] = c0[j]
                before1[j] = c1[j]
            touched[count] = j
            count += 1
        c0[j] += weights[k] * q0
        c1[j] += weights[k] * q1
    return count


@closed_form
def _merged(net, groups, amplitudes, order, first, last):
    """Return (target, weight, amplitude) of several spikes of one source in one projection, sorted so."""
    total = 0
    for k in range(first, last):
        total += net.group_stop[groups[order[k]]] - net.group_start[groups[order[k]]]
    target = np.empty(total, np.int32)
    weight = np.empty(total)
    amplitude = np.empty(total)
    at = 0
    for k in range(first, last):
        g = groups[order[k]]
        for synapse in range(net.group_start[g], net.group_stop[g]):
            target[at] = net.synapse_target[synapse]
            weight[at] = net.synapse_weight[synapse]
            amplitude[at] = amplitudes[order[k]]
            at += 1
    sequence = np.argsort(amplitude, kind="mergesort")
    sequence = sequence[np.argsort(weight[sequence], kind="mergesort")]
    sequence = sequence[np.argsort(target[sequence], kind="mergesort")]
    return target[sequence], weight[sequence], amplitude[sequence]


@closed_form
def _deliver(net, state, t, stamp, instant, sources, groups, amplitudes, size, touched):
    """Add the arrivals of one generation, in the order of semantics 3; return how many neurons were touched."""
    count = 0
    rank = np.empty(size, np.int64)
    for k in range(size):
        rank[k] = sources[k] * np.int64(len(net.projection_target)) + net.group_projection[groups[k]]
    order = np.argsort(rank, kind="mergesort")
    first = 0
    while first < size:
        last = first + 1
        while last < size and rank[order[last]] == rank[order[first]]:
            last += 1
        g = groups[order[first]]
        p = net.projection_target[net.group_projection[g]]
        s = t - np.int64(t / net.period[p]) * net.period[p]
        p0, p1 = membrane.psi(net.regime[p], net.tau_mem[p], net.tau_syn[p], s)
        if last == first + 1:
            amplitude = amplitudes[order[first]]
            start, stop = net.group_start[g], net.group_stop[g]
            count = _add_row(net, state, net.synapse_target, net.synapse_weight, start, stop,
                             amplitude * p0, amplitude * p1, p, t, stamp, instant, touched, count)
            state.counters[_ARRIVALS] += stop - start
        else:
            target, weight, amplitude_of = _merged(net, groups, amplitudes, order, first, last)
            for k in range(len(target)):
                count = _add_row(net, state, target, weight, k, k + 1, amplitude_of[k] * p0, amplitude_of[k] * p1,
                                 p, t, stamp, instant, touched, count)
            state.counters[_ARRIVALS] += len(target)
        first = last
    return count


@closed_form
def _slope(net, state, j, t, instant):
    """Return V'(t-) of a neuron that fires at t; inf where a jump, or the start of the run, made it fire."""
    if t == 0.0:
        return math.inf
    p = net.population[j]
    regime, tau_mem, tau_syn, drive = net.regime[p], net.tau_mem[p], net.tau_syn[p], net.drive[j]
    seen = state.opened[j] == instant
    c0 = state.before0[j] if seen else state.c0[j]
    c1 = state.before1[j] if seen else state.c1[j]
    v, i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, t - state.origin[j] * net.period[p])
    if seen and tau_syn == 0.0 and v < net.theta[j]:
        return math.inf
    slope = membrane.slope(regime, tau_mem, tau_syn, drive, v, i)
    return slope if slope > 0.0 else math.inf


@kernel
def advance(net, state, in_time, in_source, in_amplitude, t_stop, max_instants, stop_after, watch_from, watch_to):
    """Run one sample up to t_stop; return why it returned.

    Writes `state`. `in_*`: the sample's input spikes sorted by (time, source, amplitude). Stops
    between instants once `stop_after` spikes were fired, or one by a neuron of watch_from to watch_to - 1.
    """
    n = len(net.population)
    touched = np.empty(n, np.int32)
    due = np.empty(n, np.int32)
    firing = np.empty(n, np.int32)
    sources = np.empty(64, np.int32)
    groups = np.empty(64, np.int64)
    amplitudes = np.empty(64)
    flight, record, counters = state.flight, state.record, state.counters
    for _ in range(max_instants):
        t = math.inf
        if counters[_HEAP_SIZE] > 0:
            t = state.key[state.ids[0]]
        if counters[_FLIGHT_SIZE] > 0 and flight.time[0] < t:
            t = flight.time[0]
        taken = counters[_INPUT]
        if taken < len(in_time) and in_time[taken] < t:
            t = in_time[taken]
        if counters[_SPIKES] >= stop_after or counters[_WATCHED] > 0:
            return STOPPED
        if t >= t_stop:
            return FINISHED
        last_input = taken
        while last_input < len(in_time) and in_time[last_input] == t:
            last_input += 1
        if (counters[_RECORD_SIZE] + n > len(record.time)
                or counters[_FLIGHT_SIZE] + n + last_input - taken > len(flight.time)):
            return NEEDS_ROOM
        state.clock[0] = t
        counters[_STAMP] += 1
        instant = counters[_STAMP]
        stamp = instant

        # Deliveries of generation 0: input spikes of this instant, then spikes under way.
        size = 0
        for k in range(taken, last_input):
            source = in_source[k]
            g = net.group_ptr[source]
            while g < net.group_ptr[source + 1]:
                arrival = t + net.group_delay[g]
                if arrival > t:
                    counters[_FLIGHT_SIZE] = queue.push_flight(
                        flight, counters[_FLIGHT_SIZE], arrival, source, g, in_amplitude[k], t)
                    break
                if size == len(groups):
                    sources, groups, amplitudes = _longer(sources, size), _longer(groups, size), _longer(amplitudes, size)
                sources[size], groups[size], amplitudes[size] = source, g, in_amplitude[k]
                size += 1
                g += 1
        counters[_INPUT] = last_input
        while counters[_FLIGHT_SIZE] > 0 and flight.time[0] == t:
            source, g, amplitude, emitted = flight.source[0], flight.group[0], flight.amplitude[0], flight.emitted[0]
            counters[_FLIGHT_SIZE] = queue.pop_flight(flight, counters[_FLIGHT_SIZE])
            while g < net.group_ptr[source + 1]:
                arrival = emitted + net.group_delay[g]
                if arrival > t:
                    counters[_FLIGHT_SIZE] = queue.push_flight(
                        flight, counters[_FLIGHT_SIZE], arrival, source, g, amplitude, emitted)
                    break
                if size == len(groups):
                    sources, groups, amplitudes = _longer(sources, size), _longer(groups, size), _longer(amplitudes, size)
                sources[size], groups[size], amplitudes[size] = source, g, amplitude
                size += 1
                g += 1

        # Events of the neurons' own: releases and moves of origin are touches, crossings are due.
        n_own = 0
        n_due = 0
        while counters[_HEAP_SIZE] > 0 and state.key[state.ids[0]] == t:
            j = state.ids[0]
            counters[_HEAP_SIZE] = queue.cancel(state.key, state.ids, state.place, counters[_HEAP_SIZE], j)
            p = net.population[j]
            if state.release[j] == t:
                base = _bring(net, state, j, t)
                _restart(net, state, j, t - base)
                state.release[j] = -math.inf
                n_own = _touch(net, state, j, t, stamp, instant, touched, n_own)
            elif state.crossing[j] == t and t < (state.origin[j] + 1) * net.period[p]:
                if state.bounded[j] == 1:
                    _refine(net, state, j)
                else:
                    due[n_due] = j
                    n_due += 1
            else:
                n_own = _touch(net, state, j, t, stamp, instant, touched, n_own)

        generation = 0
        while True:
            n_touched = n_own + _deliver(
                net, state, t, stamp, instant, sources, groups, amplitudes, size, touched[n_own:])
            n_firing = 0
            for k in range(n_due):
                if state.touched[due[k]] != stamp:
                    firing[n_firing] = due[k]
                    n_firing += 1
            n_firing = _settle(net, state, touched, n_touched, t, True, firing, n_firing)
            firing[:n_firing].sort()
            size = 0
            for k in range(n_firing):
                j = firing[k]
                at = counters[_RECORD_SIZE]
                record.time[at], record.neuron[at], record.generation[at] = t, j, generation
                record.slope[at] = _slope(net, state, j, t, instant)
                counters[_RECORD_SIZE] += 1
                counters[_SPIKES] += 1
                if watch_from <= j < watch_to:
                    counters[_WATCHED] += 1
                state.last_spike[j] = t
                end = t + net.t_refractory[j]
                if end > t:
                    state.release[j] = end
                    if end == math.inf:
                        counters[_HEAP_SIZE] = queue.cancel(
                            state.key, state.ids, state.place, counters[_HEAP_SIZE], j)
                    else:
                        counters[_HEAP_SIZE] = queue.schedule(
                            state.key, state.ids, state.place, counters[_HEAP_SIZE], j, end)
                else:
                    base = _bring(net, state, j, t)
                    _restart(net, state, j, t - base)
                    _settle(net, state, firing[k:k + 1], 1, t, True, firing, 0)
                for g in range(net.group_ptr[j], net.group_ptr[j + 1]):
                    arrival = t + net.group_delay[g]
                    if arrival > t:
                        counters[_FLIGHT_SIZE] = queue.push_flight(
                            flight, counters[_FLIGHT_SIZE], arrival, j, g, 1.0, t)
                        break
                    if size == len(groups):
                        sources, groups, amplitudes = _longer(sources, size), _longer(groups, size), _longer(amplitudes, size)
                    sources[size], groups[size], amplitudes[size] = j, g, 1.0
                    size += 1
            if size == 0:
                break
            generation += 1
            counters[_STAMP] += 1
            stamp = counters[_STAMP]
            n_own = 0
            n_due = 0
    return CHUNK_DONE


class Sample:
    """One sample on the heap engine, run piece by piece."""

    CHUNK = 20000
    """Instants between two looks at `cancelled` (some milliseconds)."""

    def __init__(self, net, lowered):
        self._net = net_of(lowered)
        self.state = start(lowered)

    @property
    def arrivals(self):
        """Synaptic arrivals delivered."""
        return int(self.state.counters[_ARRIVALS])

    @property
    def clock(self):
        """The last instant processed (ms), -1 before the first."""
        return float(self.state.clock[0])

    def run(self, inputs, t_stop, limit, cancelled):
        """Advance to t_stop; return whether a stop condition came first.

        Parameters
        ----------
        inputs : tuple of arrays (time, gid, amplitude)
            Input spikes not given before, sorted by all three.
        t_stop : float
        limit : tuple (spikes, gid, gid)
            Stop once so many spikes were fired, or one by a neuron of that range.
        cancelled : callable
            Asked between chunks; true ends the run early.
        """
        self.state.counters[_INPUT] = 0
        while True:
            code = advance(self._net, self.state, *inputs, t_stop, self.CHUNK, *limit)
            if code == NEEDS_ROOM:
                self.state = with_room(self.state)
            elif code != CHUNK_DONE or cancelled():
                return code == STOPPED

    def take(self):
        """Return and forget the recorded spikes: arrays (time, gid, slope, generation)."""
        return take_record(self.state)
