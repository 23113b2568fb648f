"""The tables of the lean kernel, and how the state gets into them and back."""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inner
from eventsim.engines.cells import (
    C0,
    C1,
    C2,
    DRIVE_ALL,
    HIGH,
    JUMPS,
    KIND,
    LOW,
    N_CANDIDATES,
    N_NEARBY,
    N_RESTING,
    NEAR,
    NEARBY,
    PARKED,
    PERIOD,
    REGIME,
    RELEASE,
    RESTING,
    RESTS,
    SEEN,
    T_REFRACTORY,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    V_RESET,
    third,
)
from eventsim.neurons import receptors

SUM_ONE, SUM_TWO, TOUCH = 1, 2, 3
"""Parts of `sums`, of one entry a neuron each: accumulators (the first from 0 on), time of the last touch (of a
candidate its row)."""

H0, H1, H2, H_TOUCH, B0, B1, B2, OPEN_AT, OWN, STATUS, WHO, WHERE = range(12)
HELD = 12
"""Columns of `held`, one row a candidate: accumulators, last touch, accumulators before the arrivals of the instant
OPEN_AT, time of its next event of its own, what that time is, its number (-1: it has
fired), and its population."""

UNKNOWN, BOUND, EXACT = 0.0, 1.0, 2.0
"""What a STATUS says: nothing is known yet; a lower bound; the crossing itself."""

RESET, REFRACTORY = range(2)
"""Columns of `shared`, one row a population: V after a spike, relative to v_inf, and for how long (ms)."""

FIRST_RESTING = 14
"""Column of `counts`: where the ring of resting neurons begins."""


class Desk(NamedTuple):
    """All that the kernel works on: as one argument, which costs nothing where functions are inlined.

    The tables are those of all shards. A shard uses the rows of its neurons, also of tables that list neurons.
    """

    shard: int
    low: int
    high: int
    """Its neurons: low to high - 1."""

    sums: np.ndarray
    """(4 N,): the accumulators, see above."""
    awake: np.ndarray
    """(N,) uint8: 0 in a refractory period."""
    nearby: np.ndarray
    """(N,) uint8: 1 where a neuron is among the near ones."""
    near_ones: np.ndarray
    near_in: np.ndarray
    """(N,) int64: neurons that may fire in this horizon, and their populations; `counts` says how many."""
    home: np.ndarray
    """(N,) int32: the population of a neuron."""
    releases: np.ndarray
    """(N,) ms: when the resting neurons wake; with the row RESTING of `lists` a ring in order of time, one a shard."""
    held: np.ndarray
    shared: np.ndarray
    wide: np.ndarray
    tight: np.ndarray
    """(P, LINES): lines for the horizon and for the window."""
    slow: np.ndarray
    pops: np.ndarray
    lists: np.ndarray
    fresh: np.ndarray
    counts: np.ndarray
    """As everywhere, see `cells`."""


@closed_form
def shard_of(desk, s):
    """Return a desk for shard s."""
    return Desk(s, desk.counts[s, LOW], desk.counts[s, HIGH], desk.sums, desk.awake, desk.nearby, desk.near_ones,
                desk.near_in, desk.home, desk.releases, desk.held, desk.shared, desk.wide, desk.tight, desk.slow,
                desk.pops, desk.lists, desk.fresh, desk.counts)


@inner
def enter(desk, cell, marks, offset):
    """Take the state of a shard over from the tables of the general kernel."""
    s, low, high = desk.shard, desk.low, desk.high
    sums, awake, nearby, home, releases = desk.sums, desk.awake, desk.nearby, desk.home, desk.releases
    shared, slow, pops, lists, counts = desk.shared, desk.slow, desk.pops, desk.lists, desk.counts
    n = len(cell)
    for p in range(len(pops)):
        jumps = pops[p, KIND] == JUMPS
        if offset[p] < offset[p + 1]:
            shared[p, RESET], shared[p, REFRACTORY] = slow[offset[p], V_RESET], slow[offset[p], T_REFRACTORY]
        for j in range(max(offset[p], low), min(offset[p + 1], high)):
            sums[j], sums[SUM_ONE * n + j], sums[SUM_TWO * n + j] = cell[j, C0], cell[j, C1], third(cell, j)
            sums[TOUCH * n + j] = cell[j, SEEN]
            awake[j] = slow[j, RELEASE] == -math.inf
            nearby[j], home[j] = 0, p
            if awake[j] == 0 and jumps:
                sums[SUM_ONE * n + j] = slow[j, PARKED] if cell[j, C0] == -math.inf else cell[j, C0]
                sums[j] = -math.inf
    for k in range(low, low + counts[s, N_NEARBY]):
        marks[lists[NEAR, k], NEARBY] = 0
    counts[s, N_NEARBY] = counts[s, N_CANDIDATES] = counts[s, FIRST_RESTING] = 0
    for k in range(low, low + counts[s, N_RESTING]):  # in order but where the general kernel was the last
        j, at = lists[RESTING, k], k
        while at > low and releases[at - 1] > slow[j, RELEASE]:
            releases[at], lists[RESTING, at] = releases[at - 1], lists[RESTING, at - 1]
            at -= 1
        releases[at], lists[RESTING, at] = slow[j, RELEASE], j


@inner
def leave(desk, cell, marks, offset, turned):
    """Hand the state of a shard back to the tables of the general kernel."""
    s, low, high = desk.shard, desk.low, desk.high
    sums, awake, releases, slow = desk.sums, desk.awake, desk.releases, desk.slow
    pops, lists, counts = desk.pops, desk.lists, desk.counts
    n = len(cell)
    for p in range(len(pops)):
        jumps = pops[p, KIND] == JUMPS
        for j in range(max(offset[p], low), min(offset[p + 1], high)):
            cell[j, C0], cell[j, C1], cell[j, SEEN] = sums[j], sums[SUM_ONE * n + j], sums[TOUCH * n + j]
            if cell.shape[1] > 4:
                cell[j, C2] = sums[SUM_TWO * n + j]
            slow[j, RELEASE] = -math.inf
            if awake[j] == 0 and jumps:
                slow[j, PARKED], cell[j, C1] = sums[SUM_ONE * n + j], 0.0
    first, count = low + counts[s, FIRST_RESTING], counts[s, N_RESTING]
    for k in range(count):
        at = first + k if first + k < high else first + k - (high - low)
        turned[k] = lists[RESTING, at]
        slow[turned[k], RELEASE] = releases[at]
    for k in range(count):
        lists[RESTING, low + k] = turned[k]
        marks[turned[k], RESTS] = low + k
    counts[s, N_NEARBY] = counts[s, FIRST_RESTING] = 0


@inner
def move_origin(sums, awake, pops, p, first, last, now):
    """Advance the neurons of population p to the origin that begins now: a touch of each."""
    n = len(awake)
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    period, jumps = pops[p, PERIOD], pops[p, KIND] == JUMPS
    for j in range(first, last):
        parked = jumps and awake[j] == 0
        c0 = sums[SUM_ONE * n + j] if parked else sums[j]
        c1 = 0.0 if jumps else sums[SUM_ONE * n + j]
        c0, c1, c2 = receptors.advance(regime, tau_mem, tau_syn, tau_two, period, pops[p, DRIVE_ALL], c0, c1,
                                       sums[SUM_TWO * n + j])
        if parked:
            sums[SUM_ONE * n + j] = c0
        else:
            sums[j], sums[SUM_ONE * n + j] = c0, c1
        sums[SUM_TWO * n + j], sums[TOUCH * n + j] = c2, now
