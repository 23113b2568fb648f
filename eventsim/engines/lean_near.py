"""Which neurons may fire in a horizon, and in a window, by the lines of their populations (see `lean_lines`)."""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import (
    GRAIN,
    INPUTS,
    JUMPS,
    KIND,
    LIKE,
    MOVED,
    N_NEARBY,
    THETA_ALL,
)
from eventsim.engines.lean_follow import hold, touch
from eventsim.engines.lean_lines import CAP_ONE, CAP_TWO, LINE, above, above_alone, line_of
from eventsim.engines.lean_tables import (
    BOUND,
    H0,
    H1,
    H2,
    OWN,
    STATUS,
    SUM_ONE,
    SUM_TWO,
    UNKNOWN,
)

FEW = 500
"""One neuron of so many may have a current above the cap: a lower one clears more of the others."""

RAISED, LOWERED, LEAST, LOWEST = 1.2, 0.98, 0.01, 1e-100
"""By what a cap changes from horizon to horizon; the lowest, of what the largest arrival adds, and where none does."""


@inner
def _flag(desk, flags, shift, offset):
    """Write which neurons may fire in the horizon. The loops hold no branch: eight neurons are looked at at once."""
    sums, awake, wide, pops, shift = desk.sums, desk.awake, desk.wide, desk.pops, np.uint64(shift)
    n = len(awake)
    for p in range(len(pops)):
        first, stop = max(offset[p], desk.low), min(offset[p + 1], desk.high)
        if first >= stop:
            continue
        if pops[p, KIND] == INPUTS or pops[p, THETA_ALL] == math.inf:
            for j in range(np.uint64(first), np.uint64(stop)):
                flags[j + shift] = 0
        elif pops[p, KIND] == JUMPS:
            least = wide[p, LINE]
            for j in range(np.uint64(first), np.uint64(stop)):
                flags[j + shift] = sums[j] >= least
        else:
            line, cap1, cap2 = line_of(wide, p), wide[p, CAP_ONE], wide[p, CAP_TWO]
            one, two = np.uint64(SUM_ONE * n), np.uint64(SUM_TWO * n)
            for j in range(np.uint64(first), np.uint64(stop)):
                c1, c2 = sums[one + j], sums[two + j]
                flags[j + shift] = awake[j] & (above(line, sums[j], c1, c2) | (c1 >= cap1) | (c2 >= cap2))


@inner
def find_near(desk, flags, words, offset, crowd):
    """List the neurons of a shard that may fire in the horizon; count those with currents above the caps (`crowd`).

    `flags`: one a neuron; the same memory as `words`, of eight flags each, in which every shard has words of its own.
    """
    sums, awake, nearby, near_ones = desk.sums, desk.awake, desk.nearby, desk.near_ones
    near_in, wide, counts = desk.near_in, desk.wide, desk.counts
    s, low = desk.shard, desk.low
    for k in range(low, low + counts[s, N_NEARBY]):
        nearby[near_ones[k]] = 0
    first = low // 8 + s
    shift = 8 * first - low
    _flag(desk, flags, shift, offset)
    size = np.uint64(low)
    for word in range(np.uint64(first), np.uint64(first + (desk.high - low + 7) // 8)):
        if words[word] != 0:
            for place in range(np.uint64(8) * word, np.uint64(8) * word + np.uint64(8)):
                if flags[place] != 0:
                    near_ones[size] = place - np.uint64(shift)
                    size += np.uint64(1)
    n, p = len(awake), 0
    for k in range(low, np.int64(size)):
        j = near_ones[k]
        while j >= offset[p + 1]:
            p += 1
        near_in[k], nearby[j] = p, 1
        crowd[s, p, 0] += sums[SUM_ONE * n + j] >= wide[p, CAP_ONE]
        crowd[s, p, 1] += sums[SUM_TWO * n + j] >= wide[p, CAP_TWO]
    counts[s, N_NEARBY] = np.int64(size) - low


@inner
def adapt(pops, highest, offset, crowd):
    """Raise the currents that the caps of a population allow where too many neurons are above, else lower them."""
    for p in range(len(pops)):
        if pops[p, KIND] == JUMPS or pops[p, KIND] == INPUTS:
            continue
        like, most = np.int64(pops[p, LIKE]), (offset[p + 1] - offset[p]) // FEW + 1
        least = max(LEAST * pops[p, GRAIN], LOWEST)
        for receptor in range(2):
            above_it = 0
            for s in range(len(crowd)):
                above_it += crowd[s, p, receptor]
                crowd[s, p, receptor] = 0
            highest[like, receptor] = max(highest[like, receptor] * (RAISED if above_it > most else LOWERED), least)


@inlined
def open_window(desk, now):
    """Make candidates of the near neurons that may fire in the window."""
    sums, awake, near_ones, near_in = desk.sums, desk.awake, desk.near_ones, desk.near_in
    held, tight, pops, counts = desk.held, desk.tight, desk.pops, desk.counts
    n = len(desk.awake)
    known, line = np.uint64(len(pops)), line_of(tight, 0)
    for k in range(desk.low, desk.low + counts[desk.shard, N_NEARBY]):
        j, p = near_ones[k], np.uint64(near_in[k])
        place, jumps = np.uint64(j), pops[p, KIND] == JUMPS
        if jumps:
            if sums[place] < tight[p, LINE]:
                continue
        else:
            if p != known:
                known, line = p, line_of(tight, p)
            c1, c2 = sums[np.uint64(SUM_ONE * n) + place], sums[np.uint64(SUM_TWO * n) + place]
            if not above(line, sums[place], c1, c2) or awake[place] == 0:
                continue
        row = hold(desk, j, p)
        if pops[p, MOVED] == 1.0:  # a touch
            touch(desk, row, now)
        elif jumps:  # almost all of them fire: there is no use in a lower bound
            held[row, OWN], held[row, STATUS] = -math.inf, BOUND
        elif above_alone(line, held[row, H0], held[row, H1], held[row, H2]):
            held[row, OWN], held[row, STATUS] = -math.inf, UNKNOWN
