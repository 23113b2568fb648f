"""The exact treatment of candidates: their arrivals, tests and events of their own, in a window of their shard.

A shard is a range of neurons that one thread owns, with its own candidates, touched neurons and fresh
spikes. Inside a window no spike can reach another neuron, so each neuron's events only need to be in
order with its own arrivals: before an arrival is added, what the neuron does earlier is caught up with.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.candidates import candidate, clear, predict, refine, rest, set_own
from eventsim.engines.cells import (
    ADD_BOTH,
    ADD_CURRENT,
    ADD_JUMP,
    ADD_TWO,
    BEFORE,
    C0,
    C1,
    C2,
    CANDIDATES,
    EXACT,
    FOLLOWED,
    FRESH,
    FRESH_END,
    HIGH,
    INPUTS,
    INSTANT,
    KIND,
    LAST,
    LIMIT,
    LIMIT_TWO,
    LOW,
    MOVED,
    N_CANDIDATES,
    N_FRESH,
    N_RESTING,
    N_TOUCHED,
    OPENED,
    OVERFLOW,
    POPULATION,
    RELEASE,
    RESTING,
    RESTS,
    SEEN,
    SLOT,
    STAMP,
    T_REFRACTORY,
    THETA,
    TOUCHED,
    TOUCHING,
    restart,
    slope_before,
    state,
    third,
)
from eventsim.engines.deliveries import FIRST, HOW, JUMP, LAST_SYNAPSE, STEP, WEIGHT, first_from
from eventsim.engines.horizon import begin, begin_rests, clear_near, move_origin, near

FOLLOWING_COSTS = 20
"""What following one arrival exactly costs, in neurons of the filter pass (about 60 ns against 3)."""

TIME, GID, SLOPE = range(3)
"""Columns of `fresh`: the spikes of this window."""


@inner
def fire(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon):
    """Record a spike of candidate j at t and begin its refractory period."""
    at = counts[s, FRESH] + counts[s, N_FRESH]
    if at >= counts[s, FRESH_END]:  # the window will be repeated, and what is done in it until then is void
        counts[s, OVERFLOW] = 1
        set_own(own, lists, counts, s, marks[j, SLOT], math.inf)
        return
    counts[s, N_FRESH] += 1
    fresh[at, TIME], fresh[at, GID] = t, j
    fresh[at, SLOPE] = slope_before(cell, slow, pops, j, p, t, marks[j, OPENED] == counts[s, INSTANT])
    slow[j, LAST] = t
    slot = marks[j, SLOT]
    end = t + slow[j, T_REFRACTORY]
    if end > t:
        slow[j, RELEASE] = end
        slow[j, EXACT] = 1.0
        if end == math.inf:
            slow[j, THETA] = math.inf
        else:
            marks[j, RESTS] = counts[s, LOW] + counts[s, N_RESTING]
            lists[RESTING, marks[j, RESTS]] = j
            counts[s, N_RESTING] += 1
        if end < horizon:
            set_own(own, lists, counts, s, slot, end)
        else:  # nothing can happen to it before the next horizon
            set_own(own, lists, counts, s, slot, math.inf)
            rest(cell, slow, pops, p, j)
    else:
        restart(cell, slow, pops, j, p, t)
        v, i, i2 = state(cell, slow, pops, j, p, t)
        predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)


@inner
def end_rest(cell, slow, marks, pops, lists, counts, s, j, p, t):
    """Let candidate j out of its refractory period at t."""
    restart(cell, slow, pops, j, p, t)
    slow[j, RELEASE] = -math.inf
    counts[s, N_RESTING] -= 1
    other = lists[RESTING, counts[s, LOW] + counts[s, N_RESTING]]
    lists[RESTING, marks[j, RESTS]], marks[other, RESTS] = other, marks[j, RESTS]


@inner
def test(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon):
    """After a touch at t: fire, or predict."""
    v, i, i2 = state(cell, slow, pops, j, p, t)
    if v >= slow[j, THETA] and slow[j, LAST] != t:
        fire(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon)
    else:
        predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)


@inner
def _catch_up(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, until, horizon):
    """Let candidate j do what it does by itself before `until`."""
    slot = marks[j, SLOT]
    while own[slot] < until:
        t = own[slot]
        if slow[j, RELEASE] == t:
            end_rest(cell, slow, marks, pops, lists, counts, s, j, p, t)
            test(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon)
        elif slow[j, EXACT] == 0.0:
            refine(cell, slow, marks, pops, own, lists, counts, s, j, p)
        else:
            fire(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon)


@inner
def catch_up_all(cell, slow, marks, pops, own, lists, fresh, counts, s, until, horizon):
    """Let every candidate of a shard do what it does by itself before `until`."""
    first = counts[s, LOW]
    for k in range(first, first + counts[s, N_CANDIDATES]):
        if own[k] < until:
            j = lists[CANDIDATES, k]
            p = marks[j, POPULATION]
            _catch_up(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, until, horizon)


@inner
def settle(cell, slow, marks, pops, own, lists, fresh, counts, s, t, horizon):
    """Test every neuron that was touched at t, and empty the list."""
    first = counts[s, LOW]
    for k in range(first, first + counts[s, N_TOUCHED]):
        j = lists[TOUCHING, k]
        p = marks[j, POPULATION]
        test(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon)
    counts[s, N_TOUCHED] = 0
    counts[s, STAMP] += 1


@inner
def open_instant(cell, slow, marks, lists, counts, s, j):
    """Keep the accumulators of neuron j from before the arrivals of this instant, and list it for the test."""
    if marks[j, OPENED] != counts[s, INSTANT]:
        marks[j, OPENED] = counts[s, INSTANT]
        slow[j, BEFORE], slow[j, BEFORE + 1] = cell[j, C0], cell[j, C1]
        slow[j, BEFORE + 2] = third(cell, j)
    if marks[j, TOUCHED] != counts[s, STAMP] and slow[j, RELEASE] == -math.inf:
        marks[j, TOUCHED] = counts[s, STAMP]
        lists[TOUCHING, counts[s, LOW] + counts[s, N_TOUCHED]] = j
        counts[s, N_TOUCHED] += 1


@inner
def follow(cell, slow, marks, pops, own, lists, fresh, counts, s, j, how, jump, weight, q0, q1, q2, t, horizon):
    """Add one arrival to a neuron that may fire in this horizon."""
    p = marks[j, POPULATION]
    counts[s, FOLLOWED] += FOLLOWING_COSTS
    if marks[j, SLOT] < 0:
        near(marks, lists, counts, s, j)
        candidate(cell, slow, marks, own, lists, counts, s, j)
    slot = marks[j, SLOT]
    if own[slot] < t:
        _catch_up(cell, slow, marks, pops, own, lists, fresh, counts, s, j, p, t, horizon)
    if own[slot] == t and slow[j, RELEASE] == t:
        end_rest(cell, slow, marks, pops, lists, counts, s, j, p, t)
    if slow[j, RELEASE] == math.inf:
        return
    open_instant(cell, slow, marks, lists, counts, s, j)
    if jump and (slow[j, RELEASE] > t or slow[j, LAST] == t):
        return
    cell[j, C0] += weight * q0
    if how != ADD_JUMP:
        cell[j, C1] += weight * q1
        if cell.shape[1] > 4:
            cell[j, C2] += weight * q2
    cell[j, SEEN] = t


@inner
def _add_both(cell, slow, marks, pops, own, lists, fresh, counts, s, targets, weights, first, last, at, step, jump, q0,
              q1, q2, t, horizon):
    """Two receptors of which one is delta: those that can fire are always followed."""
    for synapse in range(first, last):
        j = np.int64(targets[synapse])  # of one type everywhere: each is a compilation of all that follows
        weight = weights[at]
        at += step
        resting = slow[j, RELEASE] > -math.inf
        if cell[j, LIMIT] < math.inf:
            follow(cell, slow, marks, pops, own, lists, fresh, counts, s, j, ADD_BOTH, jump, weight, q0, q1, q2, t,
                   horizon)
        elif slow[j, RELEASE] < math.inf and not (jump and resting):
            cell[j, C0] += weight * q0
            cell[j, C1] += weight * q1
            cell[j, C2] += weight * q2


@inlined
def _jumps(cell, targets, weights, synapse, last, at, step, q0, t):
    """Add to C0 up to the first neuron that would reach its limit; return how far.

    The three loops of this kind hold no call, so that all they need stays in registers (2.7 ns a synapse with one, 1.6
    without). Places are unsigned: that saves the test for one that counts from the end.
    """
    while synapse < last:
        j = targets[synapse]
        x = cell[j, C0] + weights[at] * q0
        if x >= cell[j, LIMIT]:
            break
        cell[j, C0] = x
        cell[j, SEEN] = t
        at += step
        synapse += np.uint64(1)
    return synapse


@inlined
def _currents(cell, column, limit, targets, weights, synapse, last, at, step, q0, q1, t):
    """Add to C0 and to a column up to the first neuron whose column would reach its limit; return how far."""
    while synapse < last:
        j = targets[synapse]
        y = cell[j, column] + weights[at] * q1
        if y >= cell[j, limit]:
            break
        cell[j, C0] += weights[at] * q0
        cell[j, column] = y
        cell[j, SEEN] = t
        at += step
        synapse += np.uint64(1)
    return synapse


@inlined
def _lasting_currents(cell, targets, weights, synapse, last, at, step, q0, q1, t):
    """Add to C0 and C1 up to the first neuron whose C0 would reach its limit; return how far."""
    while synapse < last:
        j = targets[synapse]
        x = cell[j, C0] + weights[at] * q0
        if x >= cell[j, LIMIT]:
            break
        cell[j, C0] = x
        cell[j, C1] += weights[at] * q1
        cell[j, SEEN] = t
        at += step
        synapse += np.uint64(1)
    return synapse


@inlined
def add_row(cell, slow, marks, pops, own, lists, fresh, counts, s, targets, weights, first, last, at, step, how, jump,
            q0, q1, q2, t, horizon):
    """Add one arrival to each target of a run of synapses; what a weight of 1 adds is (q0, q1, q2).

    `at`: place of the first weight; `step`: how far it is to the next, 0 where all of the projection are equal.
    """
    if how == ADD_BOTH:
        _add_both(cell, slow, marks, pops, own, lists, fresh, counts, s, targets, weights, first, last, at, step, jump,
                  q0, q1, q2, t, horizon)
        return
    synapse, last, at, step = np.uint64(first), np.uint64(last), np.uint64(at), np.uint64(step)
    while True:
        before = synapse
        if how == ADD_JUMP:
            synapse = _jumps(cell, targets, weights, synapse, last, at, step, q0, t)
        elif how == ADD_CURRENT:
            synapse = _currents(cell, C1, LIMIT, targets, weights, synapse, last, at, step, q0, q1, t)
        elif how == ADD_TWO:
            synapse = _currents(cell, C2, LIMIT_TWO, targets, weights, synapse, last, at, step, q0, q2, t)
        else:
            synapse = _lasting_currents(cell, targets, weights, synapse, last, at, step, q0, q1, t)
        if synapse == last:
            return
        at += (synapse - before) * step
        follow(cell, slow, marks, pops, own, lists, fresh, counts, s, np.int64(targets[synapse]), how, jump,
               weights[at], q0, q1, q2, t, horizon)
        synapse += np.uint64(1)
        at += step


@inlined
def deliver(cell, slow, marks, pops, own, lists, fresh, counts, s, split, targets, weights, n, order, when, spans,
            amounts, start, end):
    """Add the arrivals of a window to the neurons of a shard, in order, and do all that they do before `end`.

    `when`, `spans` and `amounts` describe the deliveries (see `deliveries`), `order` their order. `split`: the shard
    has a part of each row only.
    """
    low, high = counts[s, LOW], counts[s, HIGH]
    now = start
    for d in range(n):
        k = order[d]
        t = when[k]
        if t != now:
            if counts[s, N_TOUCHED] > 0:
                settle(cell, slow, marks, pops, own, lists, fresh, counts, s, now, end)
            counts[s, INSTANT] += 1
            now = t
        first, last, at = spans[k, FIRST], spans[k, LAST_SYNAPSE], spans[k, WEIGHT]
        if split:
            first, last = _part(targets, first, last, low, high)
            at += (first - spans[k, FIRST]) * spans[k, STEP]
        if first < last:
            add_row(cell, slow, marks, pops, own, lists, fresh, counts, s, targets, weights, first, last, at,
                    spans[k, STEP], spans[k, HOW], spans[k, JUMP] == 1, amounts[k, 0], amounts[k, 1],
                    amounts[k, 2], t, end)
    if counts[s, N_TOUCHED] > 0:
        settle(cell, slow, marks, pops, own, lists, fresh, counts, s, now, end)
    counts[s, INSTANT] += 1
    catch_up_all(cell, slow, marks, pops, own, lists, fresh, counts, s, end, end)


@inner
def _part(targets, first, last, low, high):
    """Return the part of a row, sorted by target, with targets low to high - 1."""
    return first_from(targets, first, last, low), first_from(targets, first, last, high)


@inner
def begin_shard(cell, slow, marks, pops, own, lists, counts, s, offset, units, now, end):
    """Move origins that are due, set limits of one shard for the horizon [now, end)."""
    clear(marks, lists, counts, s)
    clear_near(marks, lists, counts, s)
    for p in range(len(pops)):
        first, last = max(counts[s, LOW], offset[p]), min(counts[s, HIGH], offset[p + 1])
        if first >= last or pops[p, KIND] == INPUTS:
            continue
        moved = pops[p, MOVED] == 1.0
        if moved:
            move_origin(cell, slow, pops, p, first, last, now)
        begin(cell, slow, marks, pops, own, lists, counts, s, units, p, first, last, moved)
    begin_rests(cell, slow, marks, pops, own, lists, counts, s, end)


@inner
def test_moved(cell, slow, marks, pops, own, lists, counts, s):
    """List the candidates of populations whose origin moves at this instant for the test that follows its arrivals."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_CANDIDATES]):
        j = lists[CANDIDATES, k]
        if pops[marks[j, POPULATION], MOVED] == 1.0 and slow[j, RELEASE] == -math.inf:
            set_own(own, lists, counts, s, k, math.inf)
            open_instant(cell, slow, marks, lists, counts, s, j)
