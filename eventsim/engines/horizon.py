"""The filter: which neurons can fire before the end of the present horizon, and how much input it takes.

At the start of a horizon [now, end) every neuron gets a limit on the accumulator that its arrivals
feed. With v = V - v_inf, theta = v_threshold - v_inf and the largest current J that the limit allows,

    delta synapses:      V >= v_threshold needs c >= (theta - drive t) / phi(t) at some t of the horizon;
    leaky membrane:      V' <= (J - V) / tau_mem, so V stays below theta while J <= v + (theta - v) tau_mem / (end - now);
    membrane without leak:                               while J <= (theta - v) / (end - now) - drive.

The comparison is one-sided by margins (1e-9) far above rounding, so a neuron below its limit has no
spike in any exact treatment, and results do not depend on the filter. Two receptors share J.

The pass costs about 1 to 3 ns a neuron. The horizon is made longer while the pass costs more than the
arrivals that had to be followed exactly, shorter otherwise; it ends at the latest where an origin moves.
"""

import math

from eventsim._jit import inner
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
    EXACT,
    JUMPS,
    KIND,
    LEAKY,
    LIMIT,
    LIMIT_TWO,
    LOW,
    N_CANDIDATES,
    N_RESTING,
    PAIR_DRIVEN,
    PAIR_JUMPS,
    PAIR_LEAKY,
    PARKED,
    PERIOD,
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

_MARGIN = 1e-9


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
def _limit_jumps(cell, slow, pops, p, first, last, now, end):
    """Set the limits of neurons with delta synapses."""
    regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
    s0, s1 = now - pops[p, BASE], end - pops[p, BASE]
    unit0, _, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s0)
    unit1, _, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s1)
    drift0, _, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 1.0, 0.0, 0.0, 0.0, s0)
    drift1, _, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 1.0, 0.0, 0.0, 0.0, s1)
    up0, up1 = 1.0 / unit0, 1.0 / unit1
    alike, theta, drive = pops[p, ALIKE] == 1.0, pops[p, THETA_ALL], pops[p, DRIVE_ALL]
    for j in range(first, last):
        if not alike:
            theta, drive = slow[j, THETA], slow[j, DRIVE]
        low = theta - _MARGIN * abs(theta) if theta < math.inf else theta
        slack = low - _MARGIN * abs(drive) * drift1
        a = (slack - drive * drift0) * up0
        b = (slack - drive * drift1) * up1
        cell[j, LIMIT] = a if a < b else b


@inner
def _limit_current(cell, slow, pops, p, first, last, now, end, leaky):
    """Set the limits of neurons with one current."""
    regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
    s = now - pops[p, BASE]
    a0, b0, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s)
    a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 0.0, 1.0, 0.0, s)
    drift, _, _ = receptors.local(regime, tau_mem, tau_syn, 0.0, 1.0, 0.0, 0.0, 0.0, s)
    share = (1.0 - _MARGIN) / (end - now) * (tau_mem if leaky else 1.0)
    per_unit = 1.0 / (b0 if b0 > 0.0 else b1)
    alike, theta, drive = pops[p, ALIKE] == 1.0, pops[p, THETA_ALL], pops[p, DRIVE_ALL]
    for j in range(first, last):
        if not alike:
            theta, drive = slow[j, THETA], slow[j, DRIVE]
        x0, x1, x2 = cell[j, C0] * a0, cell[j, C1] * a1, drive * drift
        v = x0 + x1 + x2
        rounding = _MARGIN * (abs(x0) + abs(x1) + abs(x2))
        gap = (theta - _MARGIN * abs(theta) if theta < math.inf else theta) - v - rounding
        most = gap * share + (v - rounding if leaky else -drive - _MARGIN * abs(drive))
        # A negative current that decays would rise past a negative limit by itself.
        cell[j, LIMIT] = most * per_unit if gap > 0.0 and most > 0.0 else -math.inf


@inner
def _limit_pair(cell, slow, pops, excites, p, first, last, now, end, leaky):
    """Set the limits of neurons with two currents; a receptor without excitation needs none."""
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    s = now - pops[p, BASE]
    a0, _, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 1.0, 0.0, 0.0, s)
    a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)
    a2, _, b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)
    drift, _, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 1.0, 0.0, 0.0, 0.0, s)
    share = (1.0 - _MARGIN) / (end - now) * (tau_mem if leaky else 1.0)
    both = excites[p, 0] and excites[p, 1]
    part = 0.5 if both else 1.0
    alike, theta, drive = pops[p, ALIKE] == 1.0, pops[p, THETA_ALL], pops[p, DRIVE_ALL]
    for j in range(first, last):
        if not alike:
            theta, drive = slow[j, THETA], slow[j, DRIVE]
        x0, x1, x2, x3 = cell[j, C0] * a0, cell[j, C1] * a1, cell[j, C2] * a2, drive * drift
        v = x0 + x1 + x2 + x3
        rounding = _MARGIN * (abs(x0) + abs(x1) + abs(x2) + abs(x3))
        gap = (theta - _MARGIN * abs(theta) if theta < math.inf else theta) - v - rounding
        most = gap * share + (v - rounding if leaky else -drive - _MARGIN * abs(drive))
        i1, i2 = max(cell[j, C1] * b1, 0.0), max(cell[j, C2] * b2, 0.0)
        left = most - (i1 + i2) * (1.0 + _MARGIN)
        if gap > 0.0 and left > 0.0:
            cell[j, LIMIT] = (i1 + part * left) / b1 if excites[p, 0] else math.inf
            cell[j, LIMIT_TWO] = (i2 + part * left) / b2 if excites[p, 1] else math.inf
        else:
            cell[j, LIMIT] = -math.inf


@inner
def candidate(cell, slow, marks, own, lists, counts, s, j):
    """Give neuron j a slot, without an event yet."""
    cell[j, LIMIT] = -math.inf
    if cell.shape[1] > 4:
        cell[j, LIMIT_TWO] = -math.inf
    slot = counts[s, LOW] + counts[s, N_CANDIDATES]
    counts[s, N_CANDIDATES] += 1
    marks[j, SLOT] = slot
    lists[slot, CANDIDATES] = j
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
def begin(cell, slow, marks, pops, own, lists, counts, s, excites, p, first, last, now, end, moved):
    """Set limits and candidates of the neurons first to last - 1 of population p, in shard s, for [now, end).

    With `moved` the candidates get no event: the caller tests them, after the arrivals of this instant.
    """
    kind = pops[p, KIND]
    pair = kind == PAIR_LEAKY or kind == PAIR_DRIVEN
    column = C0 if kind == JUMPS or (pops[p, TAU_SYN] == math.inf and not pair) else C1
    if kind == JUMPS:
        _limit_jumps(cell, slow, pops, p, first, last, now, end)
    elif pair:
        _limit_pair(cell, slow, pops, excites, p, first, last, now, end, kind == PAIR_LEAKY)
    elif kind == PAIR_JUMPS:
        for j in range(first, last):
            cell[j, LIMIT] = -math.inf if slow[j, THETA] < math.inf else math.inf
            cell[j, LIMIT_TWO] = cell[j, LIMIT]
    else:
        _limit_current(cell, slow, pops, p, first, last, now, end, kind == LEAKY)
    for j in range(first, last):
        if not cell[j, column] >= cell[j, LIMIT]:
            continue
        if slow[j, THETA] == math.inf:  # it has fired its only spike
            cell[j, LIMIT] = math.inf
            if pair:
                cell[j, LIMIT_TWO] = math.inf
        elif slow[j, RELEASE] == -math.inf:
            candidate(cell, slow, marks, own, lists, counts, s, j)
            if not moved:
                t = cell[j, SEEN]
                v, i, i2 = state(cell, slow, pops, j, p, t)
                predict(slow, marks, pops, own, lists, counts, s, j, p, t, v, i, i2)
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_RESTING]):
        j = lists[k, RESTING]
        if first <= j < last:
            if slow[j, RELEASE] < end:
                if cell[j, C0] == -math.inf:
                    cell[j, C0] = slow[j, PARKED]
                candidate(cell, slow, marks, own, lists, counts, s, j)
                set_own(own, lists, counts, s, marks[j, SLOT], slow[j, RELEASE])
            else:
                cell[j, LIMIT] = math.inf
                if cell.shape[1] > 4:
                    cell[j, LIMIT_TWO] = math.inf


@inner
def clear(marks, lists, counts, s):
    """Forget the candidates of a shard."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_CANDIDATES]):
        marks[lists[k, CANDIDATES], SLOT] = -1
    counts[s, N_CANDIDATES] = 0


@inner
def next_end(pops, now, length, t_stop):
    """Return the end of the horizon that begins now: no origin moves inside it."""
    end = min(now + length, t_stop)
    for p in range(len(pops)):
        move = pops[p, BASE] + pops[p, PERIOD]
        end = min(end, move if move > now else (math.floor(now / pops[p, PERIOD]) + 1.0) * pops[p, PERIOD])
    return end
