"""The arrivals of a window on the lean kernel: rows are added to their targets, the few that matter are followed."""

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import ADD_JUMP, ADD_TWO, N_CANDIDATES, N_RESTING, N_TOUCHED, RESTING
from eventsim.engines.deliveries import AHEAD, FIRST, HOW, LAST_SYNAPSE, STEP, WEIGHT, first_from
from eventsim.engines.lean_flights import TO, twins
from eventsim.engines.lean_follow import catch_up, hold, near, put_back, release, settle, touch
from eventsim.engines.lean_lines import CAP_ONE, CAP_TWO, LINE, above_after, line_of
from eventsim.engines.lean_tables import (
    FIRST_RESTING,
    H0,
    H1,
    H2,
    H_TOUCH,
    OWN,
    SUM_ONE,
    SUM_TWO,
    TOUCH,
    WHO,
)
from eventsim.engines.prefetch import LINE as LINE_OF_MEMORY
from eventsim.engines.prefetch import prefetch

SOON = 2
"""How many deliveries ahead the memory of a part of a row is asked for."""


@inlined
def _jumps(sums, touched, targets, weights, synapse, last, at, step, q0, limit, t):
    """Add to the first accumulator up to the first neuron that would reach the limit; return how far.

    Neither loop holds a call, so that all they need stays in registers. Places are unsigned: that saves the test for
    one that counts from the end.
    """
    while synapse < last:
        j = targets[synapse]
        x = sums[j] + weights[at] * q0
        if x >= limit:
            break
        sums[j] = x
        sums[touched + j] = t
        at += step
        synapse += np.uint64(1)
    return synapse


@inlined
def _currents(sums, part, touched, targets, weights, synapse, last, at, step, q0, q1, limit, t):
    """Add to the first accumulator and to a part up to the first neuron whose part would reach the limit."""
    while synapse < last:
        j = targets[synapse]
        y = sums[part + j] + weights[at] * q1
        if y >= limit:
            break
        sums[j] += weights[at] * q0
        sums[part + j] = y
        sums[touched + j] = t
        at += step
        synapse += np.uint64(1)
    return synapse


@inlined
def _hit(desk, j, p, how, weight, q0, q1, q2, t):
    """Add an arrival that the line of its population does not clear."""
    sums, awake, held, tight = desk.sums, desk.awake, desk.held, desk.tight
    n = len(desk.awake)
    row = np.int64(sums[TOUCH * n + j]) if sums[j] == np.inf else -1
    if row >= 0 and held[row, OWN] < t:
        catch_up(desk, row, t)
        if held[row, WHO] < 0.0:
            row = -1
    if row < 0:
        c0, c1, c2 = sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j]
        d0, d1, d2 = c0 + weight * q0, c1, c2
        if how == ADD_TWO:
            d2 += weight * q2
        elif how != ADD_JUMP:
            d1 += weight * q1
        alone = awake[j] == 0
        if not alone:
            near(desk, j, p)
            if how == ADD_JUMP:
                alone = d0 < tight[p, LINE]
            else:
                alone = not above_after(line_of(tight, p), c0, c1, c2, d1, d2)
        if alone:
            sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j], sums[TOUCH * n + j] = d0, d1, d2, t
            return
        row = hold(desk, j, p)
    touch(desk, row, t)
    held[row, H0] += weight * q0
    if how == ADD_TWO:
        held[row, H2] += weight * q2
    elif how != ADD_JUMP:
        held[row, H1] += weight * q1
    held[row, H_TOUCH] = t


@inlined
def _add_row(desk, targets, weights, first, last, at, step, p, how, q0, q1, q2, t):
    """Add one arrival to each target of a row; what a weight of 1 adds is (q0, q1, q2)."""
    sums, wide = desk.sums, desk.wide
    n = len(desk.awake)
    synapse, last, at, step = np.uint64(first), np.uint64(last), np.uint64(at), np.uint64(step)
    touched, one, two = np.uint64(TOUCH * n), np.uint64(SUM_ONE * n), np.uint64(SUM_TWO * n)
    limit = wide[p, LINE] if how == ADD_JUMP else wide[p, CAP_TWO] if how == ADD_TWO else wide[p, CAP_ONE]
    while True:
        before = synapse
        if how == ADD_JUMP:
            synapse = _jumps(sums, touched, targets, weights, synapse, last, at, step, q0, limit, t)
        elif how == ADD_TWO:
            synapse = _currents(sums, two, touched, targets, weights, synapse, last, at, step, q0, q2, limit, t)
        else:
            synapse = _currents(sums, one, touched, targets, weights, synapse, last, at, step, q0, q1, limit, t)
        if synapse == last:
            return
        at += (synapse - before) * step
        _hit(desk, np.int64(targets[synapse]), p, how, weights[at], q0, q1, q2, t)
        synapse += np.uint64(1)
        at += step


@inner
def _add_twins(desk, targets, weights, d, m, order, spans, amounts, synapse, stop, t):
    """Add a part of a row that arrives m times at an instant: to each neuron by weight, then by amplitude."""
    k = order[d]
    step = spans[k, STEP]
    p, how, shift = spans[k, TO], spans[k, HOW], spans[k, WEIGHT] - spans[k, FIRST] * spans[k, STEP]
    while synapse < stop:
        j, weight, last = targets[synapse], weights[shift + synapse * step], synapse
        while last < stop and targets[last] == j and weights[shift + last * step] == weight:
            last += 1
        for twin in range(d, d + m):
            k = order[twin]
            for _ in range(synapse, last):
                _hit(desk, np.int64(j), p, how, weight, amounts[k, 0], amounts[k, 1], amounts[k, 2], t)
        synapse = last


@inner
def _guess(first, last, begin, end, gid):
    """Return about where in a row, whose targets lie in begin to end - 1, those from `gid` on begin."""
    if gid <= begin:
        return first
    if gid >= end:
        return last
    return first + (last - first) * (gid - begin) // (end - begin)


@inner
def cut(targets, first, last, begin, end, gid):
    """Return where in a row, sorted by target, those from `gid` on begin.

    Targets are mostly spread evenly, so the search starts where they would be then: a search by halves alone waits
    for half a dozen lines of memory, one after the other.
    """
    at = _guess(first, last, begin, end, gid)
    if gid <= begin or gid >= end:
        return at
    low, high, step = at, at, 16
    while high < last and targets[high] < gid:
        low, high, step = high + 1, min(high + step, last), 2 * step
    while low > first and targets[low - 1] >= gid:
        low, high, step = max(low - step, first), low - 1, 2 * step
    return first_from(targets, low, high, gid)


@inner
def _ask_for(targets, weights, spans, k, offset, low):
    """Ask for the memory where the part of a delivery from neuron `low` on begins."""
    first, last, p = spans[k, FIRST], spans[k, LAST_SYNAPSE], spans[k, TO]
    at = _guess(first, last, offset[p], offset[p + 1], low)
    for synapse in range(at, min(last, at + AHEAD * LINE_OF_MEMORY // 4), LINE_OF_MEMORY // 4):
        prefetch(targets, synapse)
    if spans[k, STEP] == 1:
        for synapse in range(at, min(last, at + AHEAD * LINE_OF_MEMORY // 8), LINE_OF_MEMORY // 8):
            prefetch(weights, synapse)


@inlined
def deliver(desk, split, offset, targets, weights, size, plain, order, when, spans, amounts, instant, end):
    """Do all that happens in a window that begins at `instant`: arrivals, releases, tests, crossings, in their order.

    `when`, `spans` and `amounts` describe the deliveries, `order` their order; `plain`: no row arrives twice at once.
    `split`: the shard has a part of each row only.
    """
    releases, held, lists, counts = desk.releases, desk.held, desk.lists, desk.counts
    s, low, high = desk.shard, desk.low, desk.high
    d, last = 0, np.nextafter(end, -np.inf)
    while True:
        k, t = 0, last
        if d < size:
            k = order[d]
            t = when[k]
        rested = False
        if counts[s, N_RESTING] > 0 and releases[low + counts[s, FIRST_RESTING]] <= t:
            t, rested = releases[low + counts[s, FIRST_RESTING]], True
        ends = d == size and not rested
        if counts[s, N_TOUCHED] > 0 and (ends or t != instant):
            settle(desk, instant)
        if ends:
            break
        instant = t
        if rested:
            j = lists[RESTING, low + counts[s, FIRST_RESTING]]
            counts[s, N_RESTING] -= 1
            counts[s, FIRST_RESTING] += 1
            if counts[s, FIRST_RESTING] == high - low:
                counts[s, FIRST_RESTING] = 0
            release(desk, j, t)
            continue
        first, stop, at = spans[k, FIRST], spans[k, LAST_SYNAPSE], spans[k, WEIGHT]
        if split:
            if d + SOON < size:
                _ask_for(targets, weights, spans, order[d + SOON], offset, low)
            begin, following = offset[spans[k, TO]], offset[spans[k, TO] + 1]
            first = cut(targets, first, stop, begin, following, low)
            stop = cut(targets, first, stop, max(begin, low), following, high)
            at += (first - spans[k, FIRST]) * spans[k, STEP]
        if not plain:
            m = twins(d, size, order, when, spans)
            if m > 1:
                _add_twins(desk, targets, weights, d, m, order, spans, amounts, first, stop, t)
                d += m
                continue
        _add_row(desk, targets, weights, first, stop, at, spans[k, STEP], spans[k, TO], spans[k, HOW], amounts[k, 0],
                 amounts[k, 1], amounts[k, 2], t)
        d += 1
    for row in range(low, low + counts[s, N_CANDIDATES]):
        if held[row, OWN] < end:
            catch_up(desk, row, end)
        if held[row, WHO] >= 0.0:
            put_back(desk, row, np.int64(held[row, WHO]))
    counts[s, N_CANDIDATES] = 0
