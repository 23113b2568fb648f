"""The neurons of one sample as the event engines keep them, and what each does at its own events.

Tables with one row a neuron; every arrival reads and writes `cell` (one cache line), the few that may
matter the others:

    cell   C0, C1, SEEN, LIMIT (, C2, LIMIT_TWO where a population has two receptors)
    slow   RELEASE, LAST, PARKED, BEFORE and two more, THETA, V_RESET, DRIVE, T_REFRACTORY, V_INIT, EXACT
    marks  TOUCHED, OPENED, SLOT, POPULATION, NEARBY, RESTS

and `pops` with one row a population: TAU_MEM, TAU_SYN, TAU_TWO, PERIOD, BASE, REGIME, KIND, ALIKE, THETA_ALL,
DRIVE_ALL, MOVED, GRAIN, LIKE; `lists` has one column a neuron. Few wide tables, because every array that a function is
given costs time at each call.

LIMIT is the filter (see `eventsim.engines.limits`): while the accumulator that an arrival feeds stays
below it, the neuron cannot fire before the end of the present horizon, and the arrival is two additions.
A neuron at or above its limit is a *candidate*: its limit is -inf, so that each of its arrivals is
followed exactly, and it has a slot with the time of its next event of its own, or a lower bound on it.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import inner
from eventsim.neurons import membrane, receptors

C0, C1, SEEN, LIMIT, C2, LIMIT_TWO = range(6)
"""Columns of `cell`: accumulators, time of the last touch, filter."""

RELEASE, LAST, PARKED, BEFORE = range(4)
"""Columns of `slow`: end of the refractory period (-inf: none, inf: never again), last spike, the first
accumulator of a refractory neuron with delta synapses, three accumulators before the arrivals of this instant."""

THETA, V_RESET, DRIVE, T_REFRACTORY, V_INIT, EXACT = range(6, 12)
"""More columns of `slow`. THETA gets inf where a neuron never fires again; EXACT: 1 where the next own event of a
candidate is one, 0 where it is a lower bound."""

TOUCHED, OPENED, SLOT, POPULATION, NEARBY, RESTS = range(6)
"""Columns of `marks`: stamps of the last generation and instant that touched a neuron, place among the candidates
(-1: none), 1 where the neuron is listed as near, its place among the resting ones."""

TAU_MEM, TAU_SYN, TAU_TWO, PERIOD, BASE, REGIME, KIND, ALIKE, THETA_ALL, DRIVE_ALL, MOVED, GRAIN, LIKE = range(13)
"""Columns of `pops`: BASE is the time of the present origin; ALIKE: 1 where all neurons share THETA and DRIVE; MOVED: 1
while its neurons wait for the test that follows a move of the origin; GRAIN: what the largest arrival adds to the terms
that V is the sum of, which rounds it; LIKE: the first population that is the same in
all that the limits of alike neurons depend on."""

CANDIDATES, RESTING, TOUCHING, NEAR, NEAR_IN, IDS, PLACE = range(7)
"""Rows of `lists`: candidates, neurons in their refractory period, neurons touched in this generation, neurons that
may fire in this horizon (window engine) and their populations, and the heap of candidates (`queue`). The entries of a
shard begin at the column of its first neuron."""

(LOW, HIGH, FRESH, FRESH_END, N_CANDIDATES, N_RESTING, N_FRESH, N_TOUCHED, STAMP, INSTANT, FOLLOWED, OVERFLOW, QUEUED,
 N_NEARBY) = range(14)
"""Columns of `counts`, one row a shard: its neurons, its room for fresh spikes, how much of what it has, stamps of the
generation and the instant, what following cost, whether fresh spikes had no room, whether candidates are in a heap."""

INPUTS, JUMPS, LEAKY, DRIVEN, PAIR_LEAKY, PAIR_DRIVEN, PAIR_JUMPS = range(7)
"""What a KIND says: no neurons; delta synapses; a current onto a leaky membrane or one without leak; two
receptors with currents onto either; two receptors of which one is delta."""

ADD_JUMP, ADD_CURRENT, ADD_FIRST, ADD_TWO, ADD_BOTH = range(5)
"""How an arrival adds: to C0; to C0 and C1, filtered by C1; the same, filtered by C0; to C0 and C2; followed always."""


class Cells(NamedTuple):
    """The tables, see above."""

    cell: np.ndarray
    slow: np.ndarray
    marks: np.ndarray
    pops: np.ndarray


def kind_of(regime, tau_mem, tau_syn, tau_two):
    """Return the KIND of a population."""
    if regime < 0:
        return INPUTS
    if regime == membrane.PAIR:
        if tau_syn == 0.0 or tau_two == 0.0:
            return PAIR_JUMPS
        return PAIR_DRIVEN if math.isinf(tau_mem) else PAIR_LEAKY
    if tau_syn == 0.0:
        return JUMPS
    return DRIVEN if math.isinf(tau_mem) else LEAKY


def add_of(kind, regime, receptor):
    """Return how arrivals of a projection add."""
    if kind == JUMPS:
        return ADD_JUMP
    if kind == PAIR_JUMPS:
        return ADD_BOTH
    if kind in (PAIR_LEAKY, PAIR_DRIVEN):
        return ADD_TWO if receptor else ADD_CURRENT
    return ADD_FIRST if regime in (membrane.RAMP, membrane.LIF_STEP) else ADD_CURRENT


def aligned(rows, columns):
    """Return a table of zeros whose rows do not straddle cache lines (32 or 64 bytes a row)."""
    room = np.zeros(rows * columns + 8)
    first = (-room.ctypes.data // 8) % 8
    return room[first:first + rows * columns].reshape(rows, columns)


def new_cells(lowered):
    """Return the tables at t = 0: accumulators for V(0) = v_init, nobody a candidate."""
    n = len(lowered.population)
    cell = aligned(n, 8 if np.any(lowered.regime == membrane.PAIR) else 4)
    slow, marks = np.zeros((n, 12)), np.zeros((n, 6), np.int64)
    pops = np.zeros((len(lowered.names), 13))
    for p in range(len(lowered.names)):
        here = slice(lowered.offset[p], lowered.offset[p + 1])
        regime = int(lowered.regime[p])
        taus = [float(x[p]) for x in (lowered.tau_mem, lowered.tau_syn, lowered.tau_two)]
        pops[p, :5] = *taus, lowered.period[p], 0.0
        pops[p, REGIME], pops[p, KIND] = regime, kind_of(regime, *taus)
        if regime >= 0:
            o0, o1 = receptors.own(regime, *taus, 0.0)
            theta, drive = lowered.theta[here], lowered.drive[here]
            pops[p, ALIKE] = bool(np.all(theta == theta[0]) and np.all(drive == drive[0]))
            pops[p, THETA_ALL], pops[p, DRIVE_ALL] = theta[0], drive[0]
            cell[here, C0], cell[here, C1] = lowered.v_init[here] * o0, lowered.v_init[here] * o1
    slow[:, RELEASE], slow[:, LAST] = -np.inf, -1.0
    columns = lowered.theta, lowered.v_reset, lowered.drive, lowered.t_refractory, lowered.v_init
    for number, column in enumerate(columns):
        slow[:, THETA + number] = column
    marks[:, SLOT], marks[:, POPULATION] = -1, lowered.population
    return Cells(cell, slow, marks, pops)


@inner
def jumps_of(pops, p):
    """Return whether a receptor of population p is delta."""
    return pops[p, KIND] == JUMPS or pops[p, KIND] == PAIR_JUMPS


@inner
def third(cell, j):
    """Return the accumulator of the second receptor; 0 where no population has one."""
    return cell[j, C2] if cell.shape[1] > 4 else 0.0


@inner
def state(cell, slow, pops, j, p, t):
    """Return (V - v_inf, current, second current) of neuron j at t, which its last touch does not follow."""
    v, i, i2 = receptors.local(int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO],
                               slow[j, DRIVE], cell[j, C0], cell[j, C1], third(cell, j), t - pops[p, BASE])
    if t == 0.0 and slow[j, LAST] < 0.0 and not jumps_of(pops, p):
        v = slow[j, V_INIT]  # no current has acted yet; in the accumulators v_init is rounded, and touching counts
    return v, i, i2


@inner
def crossing(slow, pops, j, p, t, v, i, i2):
    """Return when neuron j crosses its threshold if nothing follows the touch at t that left (v, i, i2)."""
    theta = slow[j, THETA]
    time = t + receptors.crossing(int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO],
                                  slow[j, DRIVE], theta, v, i, i2)
    if time <= t and (slow[j, LAST] == t or v < theta):
        time = np.nextafter(t, math.inf)
    return time


@inner
def lower_bound(slow, pops, j, p, t, v, i, i2):
    """Return a lower bound on `crossing`, which costs no logarithm and no iteration; -1: none known.

    Most predictions are replaced by the next arrival before they come true.
    """
    theta, drive, regime = slow[j, THETA], slow[j, DRIVE], int(pops[p, REGIME])
    tau_mem, tau_syn, tau_two = pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    if theta == math.inf or receptors.out_of_reach(regime, tau_mem, tau_syn, tau_two, drive, theta, v, i, i2):
        return math.inf
    wait = receptors.earliest(regime, tau_mem, tau_syn, tau_two, drive, theta, v, i, i2)
    return t + wait if wait > 0.0 else -1.0


@inner
def restart(cell, slow, pops, j, p, t):
    """Put V of neuron j to its reset at t; the current goes on."""
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    s = t - pops[p, BASE]
    v, _, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, slow[j, DRIVE], cell[j, C0], cell[j, C1],
                              third(cell, j), s)
    o0, o1 = receptors.own(regime, tau_mem, tau_syn, tau_two, s)
    jump = slow[j, V_RESET] - v
    cell[j, C0] += jump * o0
    cell[j, C1] += jump * o1
    cell[j, SEEN] = t


@inner
def slope_before(cell, slow, pops, j, p, t, opened):
    """Return V'(t-) of a neuron that fires at t; inf where a jump, or the start of the run, made it fire.

    `opened`: arrivals came at t, and BEFORE holds the accumulators before them.
    """
    if t == 0.0:
        return math.inf
    regime, tau_mem, tau_syn, tau_two = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    if opened:
        c0, c1, c2 = slow[j, BEFORE], slow[j, BEFORE + 1], slow[j, BEFORE + 2]
    else:
        c0, c1, c2 = cell[j, C0], cell[j, C1], third(cell, j)
    v, i, i2 = receptors.local(regime, tau_mem, tau_syn, tau_two, slow[j, DRIVE], c0, c1, c2, t - pops[p, BASE])
    if opened and jumps_of(pops, p) and v < slow[j, THETA]:
        return math.inf
    slope = receptors.slope(regime, tau_mem, tau_syn, tau_two, slow[j, DRIVE], v, i, i2)
    return slope if slope > 0.0 else math.inf
