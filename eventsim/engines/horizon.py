"""Horizons: for how long limits are set, which neurons may fire until then, and which in the next window.

Limits (`limits`) are set for all neurons at the start of a horizon [now, end); the window engine then looks in every
window at the few that may fire until `end`. The pass costs about 1 to 6 ns a neuron. The horizon is made longer while
the pass costs more than the arrivals that had to be followed exactly, shorter otherwise; it ends at the latest where an
origin moves.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.candidates import candidate, close, predict, rest, wake
from eventsim.engines.cells import (
    ALIKE,
    BASE,
    C0,
    C1,
    C2,
    DRIVE,
    DRIVEN,
    JUMPS,
    KIND,
    LEAKY,
    LIMIT,
    LIMIT_TWO,
    LOW,
    N_NEARBY,
    N_RESTING,
    NEAR,
    NEAR_IN,
    NEARBY,
    PAIR_DRIVEN,
    PAIR_LEAKY,
    PARKED,
    PERIOD,
    POPULATION,
    QUEUED,
    REGIME,
    RELEASE,
    RESTING,
    SEEN,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    THETA,
    state,
)
from eventsim.engines.limits import LESS, ROOM, SHARE, at_limit, limits_of, limits_of_currents, line_of
from eventsim.neurons import receptors

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
        line, room, less = line_of(units, p), units[p, ROOM], units[p, LESS]
        column = C0 if pops[p, TAU_SYN] == math.inf else C1
        for j in range(first, last):
            limit, _ = limits_of_currents(line, room, less, cell[j, C0], cell[j, C1], 0.0)
            cell[j, LIMIT] = limit
            if cell[j, column] >= limit:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    elif alike and (kind == PAIR_LEAKY or kind == PAIR_DRIVEN):
        line, room, less = line_of(units, p), units[p, ROOM], units[p, LESS]
        for j in range(first, last):
            c1, c2 = cell[j, C1], cell[j, C2]
            limit, other = limits_of_currents(line, room, less, cell[j, C0], c1, c2)
            cell[j, LIMIT], cell[j, LIMIT_TWO] = limit, other
            if c1 >= limit or c2 >= other:
                _reached(cell, slow, marks, pops, own, lists, counts, s, p, j, moved)
    else:
        for j in range(first, last):
            limit, other = limits_of(cell, slow, pops, units, p, kind, j)
            cell[j, LIMIT] = limit
            if cell.shape[1] > 4:
                cell[j, LIMIT_TWO] = other
            if at_limit(cell, pops, p, kind, j):
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
            one, two = limits_of(cell, slow, pops, units, p, kind, j)
            cell[j, LIMIT] = one
            if cell.shape[1] > 4:
                cell[j, LIMIT_TWO] = two
            if not at_limit(cell, pops, p, kind, j):
                continue
        candidate(cell, slow, marks, own, lists, counts, s, j)
        t = cell[j, SEEN]
        v, i, i2 = state(cell, slow, pops, j, p, t)
        predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)


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
