"""The heap engine: one event at a time, any topology, any delay, recurrence and zero delay included.

Each neuron has at most one event of its own in an indexed heap: the crossing predicted at its last
touch, the end of its refractory period, or the next move of its origin, whichever comes first. A
spike under way is one entry that walks its delay groups. The kernel takes all events of an instant,
adds all arrivals, tests, and repeats for the consequences without delay (the next generation of the
same instant). It returns between instants only, so it can be continued, interrupted and saved.
"""

import math

import numpy as np

from eventsim import queue
from eventsim._jit import closed_form, kernel
from eventsim.engines.heap_state import (
    ARRIVALS,
    FLIGHT_SIZE,
    HEAP_SIZE,
    INPUT,
    RECORD_SIZE,
    SPIKES,
    STAMP,
    WATCHED,
    Due,
    blank,
    due_room,
    export,
    net_of,
    restored,
    take_record,
    with_room,
)
from eventsim.neurons import membrane

FINISHED, CHUNK_DONE, NEEDS_ROOM, STOPPED = 0, 1, 2, 3
"""Why the kernel returned: the end of the run, its share of instants, full buffers, a stop condition."""


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
    size = state.counters[HEAP_SIZE]
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
    state.counters[HEAP_SIZE] = size
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
    state.counters[HEAP_SIZE] = queue.schedule(
        state.key, state.ids, state.place, state.counters[HEAP_SIZE], j, min(base + net.period[p], time))


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
def _longer(values):
    out = np.empty(2 * len(values) + 16, values.dtype)
    out[:len(values)] = values
    return out


@closed_form
def _send(net, state, due, size, t, source, g, amplitude, emitted):
    """Walk the delay groups of a spike from g on.

    Those that arrive at t are added to `due`; for the next one the spike waits in the flight queue. Return
    `due` (longer where it was full) and how many entries it has.
    """
    while g < net.group_ptr[source + 1]:
        arrival = emitted + net.group_delay[g]
        if arrival > t:
            state.counters[FLIGHT_SIZE] = queue.push_flight(
                state.flight, state.counters[FLIGHT_SIZE], arrival, source, g, amplitude, emitted)
            break
        if size == len(due.group):
            due = Due(_longer(due.source), _longer(due.group), _longer(due.amplitude))
        due.source[size], due.group[size], due.amplitude[size] = source, g, amplitude
        size += 1
        g += 1
    return due, size


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
def _merged(net, due, order, first, last):
    """Return (target, weight, amplitude) of several spikes of one source in one projection, sorted so."""
    total = 0
    for k in range(first, last):
        total += net.group_stop[due.group[order[k]]] - net.group_start[due.group[order[k]]]
    target = np.empty(total, np.int32)
    weight = np.empty(total)
    amplitude = np.empty(total)
    at = 0
    for k in range(first, last):
        g = due.group[order[k]]
        for synapse in range(net.group_start[g], net.group_stop[g]):
            target[at] = net.synapse_target[synapse]
            weight[at] = net.synapse_weight[synapse]
            amplitude[at] = due.amplitude[order[k]]
            at += 1
    sequence = np.argsort(amplitude, kind="mergesort")
    sequence = sequence[np.argsort(weight[sequence], kind="mergesort")]
    sequence = sequence[np.argsort(target[sequence], kind="mergesort")]
    return target[sequence], weight[sequence], amplitude[sequence]


@closed_form
def _deliver(net, state, t, stamp, instant, due, size, touched):
    """Add the arrivals of one generation, in the order of semantics 3; return how many neurons were touched."""
    count = 0
    rank = np.empty(size, np.int64)
    for k in range(size):
        rank[k] = due.source[k] * np.int64(len(net.projection_target)) + net.group_projection[due.group[k]]
    order = np.argsort(rank, kind="mergesort")
    first = 0
    while first < size:
        last = first + 1
        while last < size and rank[order[last]] == rank[order[first]]:
            last += 1
        g = due.group[order[first]]
        p = net.projection_target[net.group_projection[g]]
        s = t - np.int64(t / net.period[p]) * net.period[p]
        p0, p1 = membrane.psi(net.regime[p], net.tau_mem[p], net.tau_syn[p], s)
        if last == first + 1:
            amplitude = due.amplitude[order[first]]
            start, stop = net.group_start[g], net.group_stop[g]
            count = _add_row(net, state, net.synapse_target, net.synapse_weight, start, stop,
                             amplitude * p0, amplitude * p1, p, t, stamp, instant, touched, count)
            state.counters[ARRIVALS] += stop - start
        else:
            target, weight, amplitude_of = _merged(net, due, order, first, last)
            for k in range(len(target)):
                count = _add_row(net, state, target, weight, k, k + 1, amplitude_of[k] * p0, amplitude_of[k] * p1,
                                 p, t, stamp, instant, touched, count)
            state.counters[ARRIVALS] += len(target)
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


@closed_form
def _own_events(net, state, t, stamp, instant, touched, waiting):
    """Take the neurons' own events of instant t off the heap; return how many were touched, how many are due.

    Releases and moves of origin are touches (listed in `touched`), crossings are due (in `waiting`).
    """
    n_touched, n_due = 0, 0
    while state.counters[HEAP_SIZE] > 0 and state.key[state.ids[0]] == t:
        j = state.ids[0]
        state.counters[HEAP_SIZE] = queue.cancel(state.key, state.ids, state.place, state.counters[HEAP_SIZE], j)
        p = net.population[j]
        released = state.release[j] == t
        if not released and state.crossing[j] == t and t < (state.origin[j] + 1) * net.period[p]:
            if state.bounded[j] == 1:
                _refine(net, state, j)
            else:
                waiting[n_due] = j
                n_due += 1
            continue
        if released:
            base = _bring(net, state, j, t)
            _restart(net, state, j, t - base)
            state.release[j] = -math.inf
        n_touched = _touch(net, state, j, t, stamp, instant, touched, n_touched)
    return n_touched, n_due


@closed_form
def _fire(net, state, j, t, generation, instant, alone):
    """Record a spike of neuron j at t and begin its refractory period."""
    record, counters = state.record, state.counters
    at = counters[RECORD_SIZE]
    record.time[at], record.neuron[at], record.generation[at] = t, j, generation
    record.slope[at] = _slope(net, state, j, t, instant)
    counters[RECORD_SIZE] += 1
    counters[SPIKES] += 1
    state.last_spike[j] = t
    end = t + net.t_refractory[j]
    if end == math.inf:
        state.release[j] = end
        counters[HEAP_SIZE] = queue.cancel(state.key, state.ids, state.place, counters[HEAP_SIZE], j)
    elif end > t:
        state.release[j] = end
        counters[HEAP_SIZE] = queue.schedule(state.key, state.ids, state.place, counters[HEAP_SIZE], j, end)
    else:
        base = _bring(net, state, j, t)
        _restart(net, state, j, t - base)
        alone[0] = j
        _settle(net, state, alone, 1, t, True, alone, 0)


@kernel
def advance(net, state, in_time, in_source, in_amplitude, due, t_stop, max_instants, stop_after, watch_from, watch_to):
    """Run one sample up to t_stop; return why it returned.

    Writes `state`. `in_*`: the sample's input spikes sorted by (time, source, amplitude). `due`: working space.
    Stops between instants once `stop_after` spikes were fired, or one by a neuron of watch_from to watch_to - 1.
    """
    n = len(net.population)
    touched, waiting, firing = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    alone = np.empty(1, np.int32)
    flight, counters = state.flight, state.counters
    for _ in range(max_instants):
        t = math.inf
        if counters[HEAP_SIZE] > 0:
            t = state.key[state.ids[0]]
        if counters[FLIGHT_SIZE] > 0 and flight.time[0] < t:
            t = flight.time[0]
        taken = counters[INPUT]
        if taken < len(in_time) and in_time[taken] < t:
            t = in_time[taken]
        if counters[SPIKES] >= stop_after or counters[WATCHED] > 0:
            return STOPPED  # first, so that a sample ends there whether or not more events would follow
        if t >= t_stop:
            return FINISHED
        last_input = taken
        while last_input < len(in_time) and in_time[last_input] == t:
            last_input += 1
        if (counters[RECORD_SIZE] + n > len(state.record.time)
                or counters[FLIGHT_SIZE] + n + last_input - taken > len(flight.time)):
            return NEEDS_ROOM
        state.clock[0] = t
        counters[STAMP] += 1
        instant = counters[STAMP]
        stamp = instant

        # Deliveries of generation 0: input spikes of this instant, then spikes under way.
        size = 0
        for k in range(taken, last_input):
            due, size = _send(net, state, due, size, t, in_source[k], net.group_ptr[in_source[k]], in_amplitude[k], t)
        counters[INPUT] = last_input
        while counters[FLIGHT_SIZE] > 0 and flight.time[0] == t:
            source, g, amplitude, emitted = flight.source[0], flight.group[0], flight.amplitude[0], flight.emitted[0]
            counters[FLIGHT_SIZE] = queue.pop_flight(flight, counters[FLIGHT_SIZE])
            due, size = _send(net, state, due, size, t, source, g, amplitude, emitted)
        n_own, n_due = _own_events(net, state, t, stamp, instant, touched, waiting)

        generation = 0
        while True:
            n_touched = n_own + _deliver(net, state, t, stamp, instant, due, size, touched[n_own:])
            n_firing = 0
            for k in range(n_due):
                if state.touched[waiting[k]] != stamp:
                    firing[n_firing] = waiting[k]
                    n_firing += 1
            n_firing = _settle(net, state, touched, n_touched, t, True, firing, n_firing)
            firing[:n_firing].sort()
            size = 0
            for k in range(n_firing):
                j = firing[k]
                _fire(net, state, j, t, generation, instant, alone)
                if watch_from <= j < watch_to:
                    counters[WATCHED] += 1
                due, size = _send(net, state, due, size, t, j, net.group_ptr[j], 1.0, t)
            if size == 0:
                break
            generation += 1
            counters[STAMP] += 1
            stamp = counters[STAMP]
            n_own = 0
            n_due = 0
    return CHUNK_DONE


class Sample:
    """One sample on the heap engine, run piece by piece."""

    CHUNK = 20000
    """Instants between two looks at `cancelled` (some milliseconds)."""

    def __init__(self, net, lowered):
        self._net = net_of(lowered)
        self._due = due_room(256)
        self.state = blank(lowered)
        _begin(self._net, self.state)

    @property
    def arrivals(self):
        """Synaptic arrivals delivered."""
        return int(self.state.counters[ARRIVALS])

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
        self.state.counters[INPUT] = 0
        while True:
            code = advance(self._net, self.state, *inputs, self._due, t_stop, self.CHUNK, *limit)
            if code == NEEDS_ROOM:
                self.state = with_room(self.state)
            elif code != CHUNK_DONE or cancelled():
                return code == STOPPED

    def take(self):
        """Return and forget the recorded spikes: arrays (time, gid, slope, generation)."""
        return take_record(self.state)

    def export(self):
        """Return all that is needed to go on, as arrays by name."""
        return export(self.state)

    def restore(self, arrays):
        """Go on where `export` was called."""
        self.state = restored(self.state, arrays)
