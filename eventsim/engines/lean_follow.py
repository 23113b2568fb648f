"""Candidates of the lean kernel: the few neurons that the line of their population does not clear.

While a neuron is a candidate its accumulators are in a row of `held`, and inf in the table `sums`: so each of its
arrivals is noticed by the one comparison that all arrivals make. A resting neuron with delta synapses has -inf there,
and its accumulator waits in the row of the second one, which has no other use.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import (
    BASE,
    DRIVE_ALL,
    FRESH,
    JUMPS,
    KIND,
    LAST,
    N_CANDIDATES,
    N_FRESH,
    N_NEARBY,
    N_RESTING,
    N_TOUCHED,
    REGIME,
    RESTING,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    THETA_ALL,
    TOUCHING,
    V_INIT,
    crossing,
    lower_bound,
)
from eventsim.engines.followed import GID, SLOPE, TIME
from eventsim.engines.lean_lines import BLUR, CAP_ONE, CAP_TWO, LINE, line_of, over
from eventsim.engines.lean_tables import (
    B0,
    B1,
    B2,
    BOUND,
    EXACT,
    FIRST_RESTING,
    H0,
    H1,
    H2,
    H_TOUCH,
    OPEN_AT,
    OWN,
    REFRACTORY,
    RESET,
    STATUS,
    SUM_ONE,
    SUM_TWO,
    TOUCH,
    UNKNOWN,
    WHERE,
    WHO,
)
from eventsim.neurons import receptors


@inlined
def hold(desk, j, p):
    """Make neuron j a candidate, without an event of its own; return its row."""
    sums, held, counts = desk.sums, desk.held, desk.counts
    n = len(desk.awake)
    row = desk.low + counts[desk.shard, N_CANDIDATES]
    counts[desk.shard, N_CANDIDATES] += 1
    held[row, H0], held[row, H1], held[row, H2] = sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j]
    held[row, H_TOUCH], held[row, OPEN_AT], held[row, OWN] = sums[TOUCH * n + j], -1.0, math.inf
    held[row, WHO], held[row, WHERE] = j, p
    sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j], sums[TOUCH * n + j] = math.inf, math.inf, math.inf, row
    return row


@inlined
def put_back(desk, row, j):
    """Let neuron j be no candidate any more."""
    sums, held = desk.sums, desk.held
    n = len(desk.awake)
    sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j] = held[row, H0], held[row, H1], held[row, H2]
    sums[TOUCH * n + j] = held[row, H_TOUCH]


@inlined
def touch(desk, row, t):
    """Keep the accumulators of a candidate from before the arrivals of this instant, and list it for the test."""
    held, lists, counts = desk.held, desk.lists, desk.counts
    if held[row, OPEN_AT] != t:
        held[row, OPEN_AT] = t
        held[row, B0], held[row, B1], held[row, B2] = held[row, H0], held[row, H1], held[row, H2]
        lists[TOUCHING, desk.low + counts[desk.shard, N_TOUCHED]] = row
        counts[desk.shard, N_TOUCHED] += 1


@inlined
def near(desk, j, p):
    """List neuron j as one that may fire in this horizon."""
    nearby, near_ones, near_in, counts = desk.nearby, desk.near_ones, desk.near_in, desk.counts
    if nearby[j] == 0:
        at = desk.low + counts[desk.shard, N_NEARBY]
        nearby[j], near_ones[at], near_in[at] = 1, j, p
        counts[desk.shard, N_NEARBY] += 1


@inlined
def _state(desk, row, j, p, t):
    """Return (V - v_inf, current, second current) of a candidate at t."""
    held, slow, pops = desk.held, desk.slow, desk.pops
    v, i, i2 = receptors.local(int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO],
                               pops[p, DRIVE_ALL], held[row, H0], held[row, H1], held[row, H2], t - pops[p, BASE])
    if t == 0.0 and pops[p, KIND] != JUMPS and slow[j, LAST] < 0.0:
        v = slow[j, V_INIT]  # see `cells.state`
    return v, i, i2


@inlined
def _slope(desk, row, p, t):
    """Return V'(t-) of a neuron that fires at t; inf where a jump, or the start of the run, made it fire."""
    held, pops = desk.held, desk.pops
    if t == 0.0:
        return math.inf
    opened = held[row, OPEN_AT] == t
    at = B0 if opened else H0
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    v, i, i2 = receptors.local(regime, tau_mem, tau_syn, tau_two, pops[p, DRIVE_ALL], held[row, at], held[row, at + 1],
                               held[row, at + 2], t - pops[p, BASE])
    if opened and pops[p, KIND] == JUMPS and v < pops[p, THETA_ALL]:
        return math.inf
    slope = receptors.slope(regime, tau_mem, tau_syn, tau_two, pops[p, DRIVE_ALL], v, i, i2)
    return slope if slope > 0.0 else math.inf


@inlined
def _predict(desk, row, j, p, t, v, i, i2):
    """Set the event of a candidate after a touch at t that left it with v, i, i2, below its threshold."""
    held, slow, pops = desk.held, desk.slow, desk.pops
    time = lower_bound(slow, pops, j, p, t, v, i, i2)
    held[row, STATUS] = BOUND
    if time < 0.0:
        held[row, STATUS] = EXACT
        time = crossing(slow, pops, j, p, t, v, i, i2)
    held[row, OWN] = time


@inlined
def _rest(desk, j, end):
    """Put neuron j into the ring of those that rest, which is in order of their release."""
    releases, lists, counts = desk.releases, desk.lists, desk.counts
    high = desk.high
    size = high - desk.low
    count = counts[desk.shard, N_RESTING]
    counts[desk.shard, N_RESTING] = count + 1
    place = desk.low + counts[desk.shard, FIRST_RESTING] + count
    while count > 0:  # where refractory periods are equal the last place is the right one
        before = place - 1 if place <= high else place - 1 - size
        if releases[before] <= end:
            break
        at = place if place < high else place - size
        releases[at], lists[RESTING, at] = releases[before], lists[RESTING, before]
        place -= 1
        count -= 1
    at = place if place < high else place - size
    releases[at], lists[RESTING, at] = end, j


@inlined
def _fire(desk, row, j, p, t):
    """Record a spike of a candidate at t and begin its refractory period, which outlasts the window."""
    sums, awake, held, shared = desk.sums, desk.awake, desk.held, desk.shared
    slow, pops, fresh, counts = desk.slow, desk.pops, desk.fresh, desk.counts
    n = len(desk.awake)
    at = counts[desk.shard, FRESH] + counts[desk.shard, N_FRESH]
    counts[desk.shard, N_FRESH] += 1
    fresh[at, TIME], fresh[at, GID], fresh[at, SLOPE] = t, j, _slope(desk, row, p, t)
    put_back(desk, row, j)
    if pops[p, KIND] == JUMPS:
        sums[SUM_ONE * n + j], sums[j] = held[row, H0], -math.inf
    held[row, OWN], held[row, WHO] = math.inf, -1.0
    awake[j] = 0
    slow[j, LAST] = t
    _rest(desk, j, t + shared[p, REFRACTORY])


@inner
def catch_up(desk, row, until):
    """Let a candidate do what it does by itself before `until`."""
    held, slow, pops = desk.held, desk.slow, desk.pops
    j, p = np.int64(held[row, WHO]), np.int64(held[row, WHERE])
    while held[row, OWN] < until:
        if held[row, STATUS] == EXACT:
            _fire(desk, row, j, p, held[row, OWN])
            continue
        t = held[row, H_TOUCH]
        v, i, i2 = _state(desk, row, j, p, t)
        if held[row, STATUS] == UNKNOWN:
            held[row, STATUS], held[row, OWN] = BOUND, lower_bound(slow, pops, j, p, t, v, i, i2)
        if held[row, OWN] < until:
            held[row, STATUS], held[row, OWN] = EXACT, crossing(slow, pops, j, p, t, v, i, i2)


@inlined
def settle(desk, t):
    """Test every candidate that was touched at t: it fires, or its next event is predicted."""
    held, pops, lists, counts = desk.held, desk.pops, desk.lists, desk.counts
    for k in range(desk.low, desk.low + counts[desk.shard, N_TOUCHED]):
        row = lists[TOUCHING, k]
        j, p = np.int64(held[row, WHO]), np.int64(held[row, WHERE])
        v, i, i2 = _state(desk, row, j, p, t)
        if v >= pops[p, THETA_ALL]:
            _fire(desk, row, j, p, t)
        else:
            _predict(desk, row, j, p, t, v, i, i2)
    counts[desk.shard, N_TOUCHED] = 0


@inlined
def release(desk, j, t):
    """Let neuron j out of its refractory period at t."""
    sums, awake, home, shared, wide, pops = desk.sums, desk.awake, desk.home, desk.shared, desk.wide, desk.pops
    n = len(desk.awake)
    p = np.int64(home[j])
    jumps = pops[p, KIND] == JUMPS
    c0, c1, c2 = sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j]
    if jumps:
        c0, c1 = c1, 0.0
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    s = t - pops[p, BASE]
    v, _, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, pops[p, DRIVE_ALL], c0, c1, c2, s)
    o0, o1 = receptors.own(regime, tau_mem, tau_syn, tau_two, s)
    reset = shared[p, RESET]
    jump = reset - v
    c0 += jump * o0
    c1 += jump * o1
    sums[j], sums[SUM_ONE * n + j], sums[TOUCH * n + j] = c0, c1, t
    awake[j] = 1
    if jumps:
        risky = c0 >= wide[p, LINE]
    else:
        unsure = wide[p, BLUR] * (abs(c0) + abs(c1) + abs(c2))
        risky = (over(line_of(wide, p), reset + unsure, unsure, c1, c2) | (c1 >= wide[p, CAP_ONE])
                 | (c2 >= wide[p, CAP_TWO]))
    if risky:
        near(desk, j, p)
        touch(desk, hold(desk, j, p), t)
