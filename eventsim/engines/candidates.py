"""Candidates: neurons that may fire before the end of a horizon, each with its next event of its own."""

import math

from eventsim._jit import inner
from eventsim.engines import queue
from eventsim.engines.cells import (
    C0,
    CANDIDATES,
    EXACT,
    JUMPS,
    KIND,
    LIMIT,
    LIMIT_TWO,
    LOW,
    N_CANDIDATES,
    PARKED,
    QUEUED,
    RELEASE,
    SEEN,
    SLOT,
    crossing,
    lower_bound,
    state,
)


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
def wake(cell, slow, marks, own, lists, counts, s, j):
    """Make a resting neuron a candidate that will come out of its refractory period."""
    if cell[j, C0] == -math.inf:
        cell[j, C0] = slow[j, PARKED]
    candidate(cell, slow, marks, own, lists, counts, s, j)
    set_own(own, lists, counts, s, marks[j, SLOT], slow[j, RELEASE])


@inner
def clear(marks, lists, counts, s):
    """Forget the candidates of a shard."""
    for k in range(counts[s, LOW], counts[s, LOW] + counts[s, N_CANDIDATES]):
        marks[lists[CANDIDATES, k], SLOT] = -1
    counts[s, N_CANDIDATES] = 0
