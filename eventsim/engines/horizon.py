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


A0, A1, A2, DRIFT, SHARE, UP_ONE, UP_TWO, DOWN_ONE, DOWN_TWO = range(9)
UNITS = 9
"""Columns of `units` (one row a population): V per unit of the accumulators and of the drive, current that brings V up
by 1, accumulator per current, current per accumulator. For delta synapses: DRIFT and UP_ONE at the start, A0 and UP_TWO
the same at the end, SHARE the limit where all neurons are alike."""


@inner
def measure(pops, units, now, end):
    """Work out `units` for the limits of [now, end)."""
    for p in range(len(pops)):
        kind, regime = pops[p, KIND], int(pops[p, REGIME])
        tau_mem, tau_syn, tau_two = pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
        s = now - pops[p, BASE]
        if kind == JUMPS:
            to = end - pops[p, BASE]
            units[p, UP_ONE] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s)[0]
            units[p, UP_TWO] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, to)[0]
            units[p, DRIFT] = s if regime == IF_DELTA else 0.0
            units[p, A0] = to if regime == IF_DELTA else 0.0
            units[p, SHARE] = _limit_jump(units, p, pops[p, THETA_ALL], pops[p, DRIVE_ALL])
        elif kind != INPUTS and kind != PAIR_JUMPS:
            a0, b0, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 1.0, 0.0, 0.0, s)
            a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)
            a2, _, b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)
            leaky = kind == LEAKY or kind == PAIR_LEAKY
            units[p, A0], units[p, A1], units[p, A2] = a0, a1, a2
            units[p, DRIFT] = 0.0 if leaky else s
            units[p, SHARE] = (1.0 - _MARGIN) / (end - now) * (tau_mem if leaky else 1.0)
            units[p, UP_ONE] = 1.0 / (b0 if b0 > 0.0 else b1)
            units[p, UP_TWO] = 1.0 / b2 if b2 > 0.0 else 0.0
            units[p, DOWN_ONE], units[p, DOWN_TWO] = b1, b2


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


@inlined
def _limit_one(cell, units, p, leaky, theta, drive, j):
    """Return the limit of a neuron with one current."""
    x0, x1, x2 = cell[j, C0] * units[p, A0], cell[j, C1] * units[p, A1], drive * units[p, DRIFT]
    v = x0 + x1 + x2
    rounding = _MARGIN * (abs(x0) + abs(x1) + abs(x2))
    gap = _low(theta) - v - rounding
    most = gap * units[p, SHARE] + (v - rounding if leaky else -drive - _MARGIN * abs(drive))
    # A negative current that decays would rise past a negative limit by itself.
    return most * units[p, UP_ONE] if gap > 0.0 and most > 0.0 else -math.inf


@inlined
def _limit_two(cell, units, part, one, two, p, leaky, theta, drive, j):
    """Return the limits of a neuron with two currents; `part` of what is left for each, where `one`, `two` excite."""
    x0, x1, x2, x3 = (cell[j, C0] * units[p, A0], cell[j, C1] * units[p, A1], cell[j, C2] * units[p, A2],
                      drive * units[p, DRIFT])
    v = x0 + x1 + x2 + x3
    rounding = _MARGIN * (abs(x0) + abs(x1) + abs(x2) + abs(x3))
    gap = _low(theta) - v - rounding
    most = gap * units[p, SHARE] + (v - rounding if leaky else -drive - _MARGIN * abs(drive))
    c1, c2 = max(cell[j, C1], 0.0), max(cell[j, C2], 0.0)
    left = most - (c1 * units[p, DOWN_ONE] + c2 * units[p, DOWN_TWO]) * (1.0 + _MARGIN)
    if not (gap > 0.0 and left > 0.0):
        return -math.inf, -math.inf
    return (c1 + part * left * units[p, UP_ONE] if one else math.inf,
            c2 + part * left * units[p, UP_TWO] if two else math.inf)


@inlined
def _limits(cell, units, excites, p, kind, theta, drive, j):
    """Return the limits of neuron j; -inf: none that is safe."""
    if kind == JUMPS:
        return _limit_jump(units, p, theta, drive), math.inf
    if kind == LEAKY or kind == DRIVEN:
        return _limit_one(cell, units, p, kind == LEAKY, theta, drive, j), math.inf
    if kind == PAIR_JUMPS:
        only = -math.inf if theta < math.inf else math.inf
        return only, only
    one, two = excites[p, 0], excites[p, 1]
    return _limit_two(cell, units, 0.5 if one and two else 1.0, one, two, p, kind == PAIR_LEAKY, theta, drive, j)


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
def begin(cell, slow, marks, pops, own, lists, counts, s, units, excites, p, first, last, end, moved):
    """Set the limits of the neurons first to last - 1 of population p, in shard s, for the horizon that ends at `end`.

    Those that may fire become candidates where candidates are in a heap (with `moved` without an event: the caller
    tests them, after the arrivals of this instant), else they are listed as near.
    """
    kind = pops[p, KIND]
    alike, theta, drive = pops[p, ALIKE] == 1.0, pops[p, THETA_ALL], pops[p, DRIVE_ALL]
    if kind == JUMPS and alike:
        limit = units[p, SHARE]
        for j in range(first, last):
            cell[j, LIMIT] = limit
            if cell[j, C0] >= limit:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    elif kind == LEAKY and alike:
        column = C0 if pops[p, TAU_SYN] == math.inf else C1
        for j in range(first, last):
            limit = _limit_one(cell, units, p, True, theta, drive, j)
            cell[j, LIMIT] = limit
            if cell[j, column] >= limit:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    elif kind == PAIR_LEAKY and alike:
        one, two = excites[p, 0], excites[p, 1]
        part = 0.5 if one and two else 1.0
        for j in range(first, last):
            limit, other = _limit_two(cell, units, part, one, two, p, True, theta, drive, j)
            cell[j, LIMIT], cell[j, LIMIT_TWO] = limit, other
            if cell[j, C1] >= limit or cell[j, C2] >= other:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    else:
        for j in range(first, last):
            limit, other = _limits(cell, units, excites, p, kind, slow[j, THETA], slow[j, DRIVE], j)
            cell[j, LIMIT] = limit
            if cell.shape[1] > 4:
                cell[j, LIMIT_TWO] = other
            if _rises(cell, pops, p, kind, j):
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_RESTING]):
        j = lists[RESTING, k]
        if first <= j < last:
            rest(cell, slow, pops, p, j)
            if slow[j, RELEASE] >= end:
                continue
            if counts[s, QUEUED] == 0:
                near(marks, lists, counts, s, j)
                continue
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
def open_window(cell, slow, marks, pops, own, lists, counts, s, units, excites, end):
    """Set the limits of the near neurons for the window until `end`; those that may fire in it are candidates."""
    first = counts[s, LOW]
    for k in range(first, first + counts[s, N_NEARBY]):
        j, p = lists[NEAR, k], lists[NEAR_IN, k]
        if cell[j, LIMIT] == math.inf and slow[j, RELEASE] > -math.inf:
            if slow[j, RELEASE] < end:
                wake(cell, slow, marks, own, lists, counts, s, j)
            continue
        kind = pops[p, KIND]
        if kind == JUMPS and pops[p, ALIKE] == 1.0:
            limit = units[p, SHARE]
            cell[j, LIMIT] = limit
            if cell[j, C0] < limit:
                continue
        else:
            alike = pops[p, ALIKE] == 1.0
            theta, drive = (pops[p, THETA_ALL], pops[p, DRIVE_ALL]) if alike else (slow[j, THETA], slow[j, DRIVE])
            one, two = _limits(cell, units, excites, p, kind, theta, drive, j)
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
