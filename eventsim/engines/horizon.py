"""The filter: which neurons can fire before the end of the present horizon, and how much input it takes.

At the start of a horizon [now, end) every neuron gets a limit on the accumulator that its arrivals
feed. With v = V - v_inf, theta = v_threshold - v_inf and the largest current J that the limit allows,

    delta synapses:      V >= v_threshold needs c >= (theta - drive t) / phi(t) at some t of the horizon;
    leaky membrane:      V' <= (J - V) / tau_mem, so V stays below theta
                         while J <= v + (theta - v) tau_mem / (end - now);
    without leak:        while J <= (theta - v) / (end - now) - drive.

The comparison is one-sided by margins (1e-9) far above rounding, so a neuron below its limit has no
spike in any exact treatment, and results do not depend on the filter. Two receptors share J.

The pass costs about 1 to 3 ns a neuron. The horizon is made longer while the pass costs more than the
arrivals that had to be followed exactly, shorter otherwise; it ends at the latest where an origin moves.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines import queue
from eventsim.engines.cells import (
    ALIKE,
    BASE,
    C0,
    C1,
    C2,
    CANDIDATES,
    DRIVE,
    DRIVE_ALL,
    DRIVEN,
    EXACT,
    INPUTS,
    JUMPS,
    KIND,
    LEAKY,
    LIKE,
    LIMIT,
    LIMIT_TWO,
    LOW,
    N_CANDIDATES,
    N_NEARBY,
    N_RESTING,
    NEAR,
    NEAR_IN,
    NEARBY,
    PAIR_DRIVEN,
    PAIR_JUMPS,
    PAIR_LEAKY,
    PARKED,
    PERIOD,
    POPULATION,
    QUEUED,
    REGIME,
    RELEASE,
    RESTING,
    SEEN,
    SLOT,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    THETA,
    THETA_ALL,
    crossing,
    lower_bound,
    state,
)
from eventsim.neurons import receptors
from eventsim.neurons.membrane import IF_DELTA

_MARGIN = 1e-9
_FAR = 1e200
"""Beyond every accumulator, however small the number that it is multiplied by; inf times 0 would be no number."""
_BRIEFEST = 1e-6
"""Least length of a horizon that is aimed at (ms)."""


@inner
def move_origin(cell, slow, pops, p, first, last, now):
    """Advance the neurons first to last - 1 of population p to the origin that begins now: a touch of each."""
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    period = pops[p, PERIOD]
    wide = cell.shape[1] > 4
    for j in range(first, last):
        parked = cell[j, C0] == -math.inf
        c0 = slow[j, PARKED] if parked else cell[j, C0]
        c2 = cell[j, C2] if wide else 0.0
        c0, c1, c2 = receptors.advance(regime, tau_mem, tau_syn, tau_two, period, slow[j, DRIVE], c0, cell[j, C1], c2)
        if parked:
            slow[j, PARKED] = c0
        else:
            cell[j, C0] = c0
        cell[j, C1] = c1
        if wide:
            cell[j, C2] = c2
        cell[j, SEEN] = now


(A0, A1, A2, BLUR, SHARE, LEAK, BOTH, UP_ONE, UP_TWO, HOLD_ONE, HOLD_TWO, SINK_ONE, SINK_TWO, ROOM, LESS,
 DRIFT) = range(16)
UNITS = 16
"""Columns of `units` (one row a population), for limits over one span of time.

A: V per unit of the accumulators; BLUR: by how much less sure. SHARE: current that brings V up by 1 in the span;
LEAK: 1 where V itself counts as a current. BOTH: 1 where both receptors are excited. UP: accumulator per current
(_FAR where nothing excites the receptor). HOLD, SINK: largest current to come of an accumulator of 1, of -1 (0 where
the limit itself is on it). ROOM: how far v_inf is below the threshold, LESS: the drive, where all neurons of the
population are alike. For delta synapses: SHARE is the limit where all are alike, else from DRIFT and UP_ONE at the
start of the span, A0 and UP_TWO at its end.
"""


@inner
def measure(pops, units, excites, now, end):
    """Work out `units` for the limits of [now, end)."""
    for p in range(len(pops)):
        kind, like = pops[p, KIND], np.int64(pops[p, LIKE])
        if like < p:
            for column in range(UNITS):
                units[p, column] = units[like, column]
        elif kind == JUMPS:
            _measure_jumps(pops, units, p, now - pops[p, BASE], end - pops[p, BASE])
        elif kind != INPUTS and kind != PAIR_JUMPS:
            _measure_currents(pops, units, excites, p, now - pops[p, BASE], end - pops[p, BASE], end - now)


@inner
def _measure_jumps(pops, units, p, s, to):
    regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
    units[p, UP_ONE] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s)[0]
    units[p, UP_TWO] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, to)[0]
    units[p, DRIFT] = s if regime == IF_DELTA else 0.0
    units[p, A0] = to if regime == IF_DELTA else 0.0
    units[p, SHARE] = _limit_jump(units, p, pops[p, THETA_ALL], pops[p, DRIVE_ALL])


@inner
def _measure_currents(pops, units, excites, p, s, to, span):
    kind, regime = pops[p, KIND], int(pops[p, REGIME])
    tau_mem, tau_syn, tau_two = pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    two_receptors = kind == PAIR_LEAKY or kind == PAIR_DRIVEN
    leaky = kind == LEAKY or kind == PAIR_LEAKY
    units[p, SHARE] = (1.0 - _MARGIN) / span * (tau_mem if leaky else 1.0)
    units[p, LEAK] = 1.0 if leaky else 0.0
    units[p, DRIFT] = 0.0 if leaky else s
    a0, b0, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 1.0, 0.0, 0.0, s)
    a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)
    a2, b2, ends_one, ends_two = 0.0, 0.0, 0.0, 0.0
    if two_receptors:
        a2, _, b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)
        _, ends_one, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, to)
        _, _, ends_two = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, to)
    units[p, A0], units[p, A1], units[p, A2] = a0, a1, a2
    units[p, BLUR] = _MARGIN * max(abs(a0), abs(a1), abs(a2))
    one, two = excites[p, 0] or not two_receptors, excites[p, 1]
    units[p, BOTH] = 1.0 if one and two else 0.0
    units[p, UP_ONE] = 1.0 / (b0 if b0 > 0.0 else b1) if one else _FAR
    units[p, UP_TWO] = 1.0 / b2 if two else _FAR
    units[p, HOLD_ONE] = 0.0 if one and not two else b1 * (1.0 + _MARGIN)
    units[p, HOLD_TWO] = 0.0 if two and not one else b2 * (1.0 + _MARGIN)
    # Of a receptor that nothing excites a negative current is there until the end, decayed.
    units[p, SINK_ONE] = 0.0 if one else ends_one * (1.0 - _MARGIN)
    units[p, SINK_TWO] = 0.0 if two else ends_two * (1.0 - _MARGIN)
    units[p, ROOM], units[p, LESS] = _room(units, p, pops[p, THETA_ALL], pops[p, DRIVE_ALL])


@inner
def _low(theta):
    return theta - _MARGIN * abs(theta) if theta < math.inf else theta


@inner
def _limit_jump(units, p, theta, drive):
    """Return the limit of a neuron with delta synapses."""
    slack = _low(theta) - _MARGIN * abs(drive) * units[p, A0]
    a = (slack - drive * units[p, DRIFT]) * units[p, UP_ONE]
    b = (slack - drive * units[p, A0]) * units[p, UP_TWO]
    return a if a < b else b


@inner
def _room(units, p, theta, drive):
    """Return the ROOM and LESS of a neuron."""
    x = drive * units[p, DRIFT]
    return _low(theta) - x - _MARGIN * abs(x), (1.0 - units[p, LEAK]) * (drive + _MARGIN * abs(drive))


@inlined
def _line(units, p):
    """Return what `_limits` needs of a population, read once for a loop that writes to tables."""
    return (units[p, A0], units[p, A1], units[p, A2], units[p, BLUR], units[p, SHARE], units[p, LEAK], units[p, BOTH],
            units[p, UP_ONE], units[p, UP_TWO], units[p, HOLD_ONE], units[p, HOLD_TWO], units[p, SINK_ONE],
            units[p, SINK_TWO])


@inlined
def _limits(line, room, less, c0, c1, c2):
    """Return the limits of a neuron with one or two currents; -inf: none that is safe."""
    a0, a1, a2, blur, share, leak, both, up1, up2, hold1, hold2, sink1, sink2 = line
    v, unsure = a0 * c0 + a1 * c1 + a2 * c2, blur * (abs(c0) + abs(c1) + abs(c2))
    room -= v + unsure
    most = share * room + leak * (v - unsure) - less
    if both == 1.0:
        has1, has2 = max(c1, 0.0), max(c2, 0.0)
        most -= hold1 * has1 + hold2 * has2
        limit, other = has1 + 0.5 * most * up1, has2 + 0.5 * most * up2
    else:
        most -= c1 * (hold1 if c1 > 0.0 else sink1) + c2 * (hold2 if c2 > 0.0 else sink2)
        limit, other = most * up1, most * up2
    # A negative current that decays would rise past a negative limit by itself.
    safe = room > 0.0 and most > 0.0
    return limit if safe else -math.inf, other if safe else -math.inf


@inlined
def _limits_of(cell, slow, pops, units, p, kind, j):
    """Return the limits of neuron j, which may differ from its like in its threshold and drive."""
    theta, drive = slow[j, THETA], slow[j, DRIVE]
    if kind == JUMPS:
        return _limit_jump(units, p, theta, drive), math.inf
    if kind == PAIR_JUMPS:
        only = -math.inf if theta < math.inf else math.inf
        return only, only
    room, less = units[p, ROOM], units[p, LESS]
    if pops[p, ALIKE] == 0.0:
        room, less = _room(units, p, theta, drive)
    return _limits(_line(units, p), room, less, cell[j, C0], cell[j, C1], cell[j, C2] if cell.shape[1] > 4 else 0.0)


@inner
def candidate(cell, slow, marks, own, lists, counts, s, j):
    """Give neuron j a slot, without an event yet."""
    cell[j, LIMIT] = -math.inf
    if cell.shape[1] > 4:
        cell[j, LIMIT_TWO] = -math.inf
    slot = counts[s, LOW] + counts[s, N_CANDIDATES]
    counts[s, N_CANDIDATES] += 1
    marks[j, SLOT] = slot
    lists[CANDIDATES, slot] = j
    slow[j, EXACT] = 1.0
    own[slot] = math.inf
    if counts[s, QUEUED] == 1:
        queue.add(own, lists, counts[s, N_CANDIDATES] - 1, slot)


@inner
def set_own(own, lists, counts, s, slot, time):
    """Set when the candidate of a slot does something by itself."""
    if counts[s, QUEUED] == 1:
        queue.change(own, lists, counts[s, N_CANDIDATES], slot, time)
    else:
        own[slot] = time


@inner
def predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2):
    """Set the event of candidate j after a touch at t that left it with v, i, i2, below its threshold."""
    time = lower_bound(slow, pops, j, p, t, v, i, i2)
    slow[j, EXACT] = 0.0
    if time < 0.0:
        slow[j, EXACT] = 1.0
        time = crossing(slow, pops, j, p, t, v, i, i2)
    set_own(own, lists, counts, s, marks[j, SLOT], time)


@inner
def refine(cell, slow, marks, pops, own, lists, counts, s, j, p):
    """Replace the lower bound of candidate j by its crossing."""
    t = cell[j, SEEN]
    v, i, i2 = state(cell, slow, pops, j, p, t)
    slow[j, EXACT] = 1.0
    set_own(own, lists, counts, s, marks[j, SLOT], crossing(slow, pops, j, p, t, v, i, i2))


@inner
def _rises(cell, pops, p, kind, j):
    """Return whether the accumulators of neuron j are at a limit."""
    if kind == PAIR_LEAKY or kind == PAIR_DRIVEN or kind == PAIR_JUMPS:
        return cell[j, C1] >= cell[j, LIMIT] or cell[j, C2] >= cell[j, LIMIT_TWO]
    return cell[j, C0 if kind == JUMPS or pops[p, TAU_SYN] == math.inf else C1] >= cell[j, LIMIT]


@inner
def rest(cell, slow, pops, p, j):
    """Let neuron j rest: nothing can happen to it before the caller wakes it."""
    close(cell, j)
    if pops[p, KIND] == JUMPS and cell[j, C0] != -math.inf:  # jumps are lost from now on: -inf stays -inf
        slow[j, PARKED] = cell[j, C0]
        cell[j, C0] = -math.inf


@inner
def close(cell, j):
    """Let no arrival of neuron j be followed."""
    cell[j, LIMIT] = math.inf
    if cell.shape[1] > 4:
        cell[j, LIMIT_TWO] = math.inf


@inner
def _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved):
    """Deal with a neuron at its limit, see `begin`."""
    if slow[j, THETA] == math.inf:  # it has fired its only spike
        close(cell, j)
    elif slow[j, RELEASE] == -math.inf:
        if counts[s, QUEUED] == 0:
            near(marks, lists, counts, s, j)
            return
        candidate(cell, slow, marks, own, lists, counts, s, j)
        if not moved:
            t = cell[j, SEEN]
            v, i, i2 = state(cell, slow, pops, j, p, t)
            predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)


@inner
def begin(cell, slow, marks, pops, own, lists, counts, s, units, p, first, last, moved):
    """Set the limits of the neurons first to last - 1 of population p, in shard s, for the horizon of `units`.

    Those that may fire become candidates where candidates are in a heap (with `moved` without an event: the caller
    tests them, after the arrivals of this instant), else they are listed as near.
    """
    kind = pops[p, KIND]
    alike = pops[p, ALIKE] == 1.0
    if kind == JUMPS and alike:
        limit = units[p, SHARE]
        for j in range(first, last):
            cell[j, LIMIT] = limit
            if cell[j, C0] >= limit:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    elif alike and (kind == LEAKY or kind == DRIVEN):
        line, room, less = _line(units, p), units[p, ROOM], units[p, LESS]
        column = C0 if pops[p, TAU_SYN] == math.inf else C1
        for j in range(first, last):
            limit, _ = _limits(line, room, less, cell[j, C0], cell[j, C1], 0.0)
            cell[j, LIMIT] = limit
            if cell[j, column] >= limit:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    elif alike and (kind == PAIR_LEAKY or kind == PAIR_DRIVEN):
        line, room, less = _line(units, p), units[p, ROOM], units[p, LESS]
        for j in range(first, last):
            c1, c2 = cell[j, C1], cell[j, C2]
            limit, other = _limits(line, room, less, cell[j, C0], c1, c2)
            cell[j, LIMIT], cell[j, LIMIT_TWO] = limit, other
            if c1 >= limit or c2 >= other:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    else:
        for j in range(first, last):
            limit, other = _limits_of(cell, slow, pops, units, p, kind, j)
            cell[j, LIMIT] = limit
            if cell.shape[1] > 4:
                cell[j, LIMIT_TWO] = other
            if _rises(cell, pops, p, kind, j):
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)


@inner
def begin_rests(cell, slow, marks, pops, own, lists, counts, s, end):
    """Let the neurons in their refractory period rest, but for those that come out of it before `end`."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_RESTING]):
        j = lists[RESTING, k]
        rest(cell, slow, pops, marks[j, POPULATION], j)
        if slow[j, RELEASE] < end:
            if counts[s, QUEUED] == 0:
                near(marks, lists, counts, s, j)
            else:
                wake(cell, slow, marks, own, lists, counts, s, j)


@inner
def wake(cell, slow, marks, own, lists, counts, s, j):
    """Make a resting neuron a candidate that will come out of its refractory period."""
    if cell[j, C0] == -math.inf:
        cell[j, C0] = slow[j, PARKED]
    candidate(cell, slow, marks, own, lists, counts, s, j)
    set_own(own, lists, counts, s, marks[j, SLOT], slow[j, RELEASE])


@inner
def near(marks, lists, counts, s, j):
    """List neuron j as one that may fire in this horizon."""
    if marks[j, NEARBY] == 0:
        marks[j, NEARBY] = 1
        lists[NEAR, counts[s, LOW] + counts[s, N_NEARBY]] = j
        lists[NEAR_IN, counts[s, LOW] + counts[s, N_NEARBY]] = marks[j, POPULATION]
        counts[s, N_NEARBY] += 1


@inlined
def open_window(cell, slow, marks, pops, own, lists, counts, s, units, end):
    """Set the limits of the near neurons for the window until `end`; those that may fire in it are candidates."""
    known, kind, shared, limit = -1, 0.0, False, 0.0
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_NEARBY]):
        j, p = lists[NEAR, k], lists[NEAR_IN, k]
        if cell[j, LIMIT] == math.inf and slow[j, RELEASE] > -math.inf:
            if slow[j, RELEASE] < end:
                wake(cell, slow, marks, own, lists, counts, s, j)
            continue
        if p != known:
            known, kind, limit = p, pops[p, KIND], units[p, SHARE]
            shared = kind == JUMPS and pops[p, ALIKE] == 1.0
        if shared:
            cell[j, LIMIT] = limit
            if cell[j, C0] < limit:
                continue
        else:
            one, two = _limits_of(cell, slow, pops, units, p, kind, j)
            cell[j, LIMIT] = one
            if cell.shape[1] > 4:
                cell[j, LIMIT_TWO] = two
            if not _rises(cell, pops, p, kind, j):
                continue
        candidate(cell, slow, marks, own, lists, counts, s, j)
        t = cell[j, SEEN]
        v, i, i2 = state(cell, slow, pops, j, p, t)
        predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)


@inner
def clear(marks, lists, counts, s):
    """Forget the candidates of a shard."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_CANDIDATES]):
        marks[lists[CANDIDATES, k], SLOT] = -1
    counts[s, N_CANDIDATES] = 0


@inner
def clear_near(marks, lists, counts, s):
    """Forget which neurons of a shard are near."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_NEARBY]):
        marks[lists[NEAR, k], NEARBY] = 0
    counts[s, N_NEARBY] = 0


@inner
def next_length(pops, length, followed, neurons):
    """Return how long (ms) to make the horizon after one of such a length, in which following cost so much.

    Never longer than origins allow, so that it is short again soon after a quiet time.
    """
    if followed > neurons:
        return max(0.8 * length, _BRIEFEST)
    length *= 1.25
    for p in range(len(pops)):
        length = min(length, pops[p, PERIOD])
    return length


@inner
def next_end(pops, now, length, t_stop):
    """Return the end of the horizon that begins now: no origin moves inside it."""
    end = min(max(now + length, np.nextafter(now, math.inf)), t_stop)
    for p in range(len(pops)):
        move = pops[p, BASE] + pops[p, PERIOD]
        end = min(end, move if move > now else (math.floor(now / pops[p, PERIOD]) + 1.0) * pops[p, PERIOD])
    return end
