"""Exact questions to silent readouts: who leads when, and since when for good.

The potentials of one population obey one linear equation, so the difference of two of them obeys it
too, with the difference of their states, drives and resting values. "When does a overtake b (by a
margin)" is therefore the threshold crossing of one membrane, for which each regime has a closed form
(`eventsim.neurons.membrane.crossing`, no crossing missed). Between two arrivals a difference has at
most two zeros, since its derivative has at most one. Where both lie inside one piece, the second is
found by bisection down to neighbouring floating-point numbers.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, kernel
from eventsim.arrivals import arrivals_at
from eventsim.errors import InputError, choose
from eventsim.lower import lower
from eventsim.neurons import membrane

_HALVINGS = 128
"""Enough bisections to tell floating-point numbers apart; zeros at t = 0 exactly would take 1,074."""


class Readout(NamedTuple):
    """Parameters of a silent population of n neurons with one or two receptors, as kernels read them."""

    regime: int
    tau_mem: float
    tau_syn: float
    tau_two: float
    period: float
    drive: np.ndarray
    v_inf: np.ndarray
    v_init: np.ndarray
    gid: int
    synapse_target: np.ndarray
    synapse_weight: np.ndarray


class Pieces(NamedTuple):
    """The course of one sample: between two touches the accumulators are constant."""

    start: np.ndarray
    """(pieces,) float64: when a piece begins, ms."""
    base: np.ndarray
    """(pieces,) float64: the origin that its accumulators refer to, ms."""
    c0: np.ndarray
    c1: np.ndarray
    """(pieces, n) float64."""


def course(trace, name):
    """Return what questions to potentials need: the readout's parameters, its arrivals and the ends of samples.

    Parameters
    ----------
    trace : Trace
        The run.
    name : str
        A silent readout.

    Returns
    -------
    (Readout, Arrivals, numpy.ndarray)
        The third is float64 (samples,), ms.

    Raises
    ------
    InputError
        The population is not known or can fire, the network was changed, a sender was not recorded, or the run
        has no end.
    """
    network = trace.unchanged_network()
    choose("population", name, tuple(network.populations))
    if not network.populations[name].is_readout:
        raise InputError(f'population "{name}" fires; give a readout, whose v_threshold is NEVER')
    if not np.isfinite(trace.ended).all():
        raise InputError("the run has no end up to which to read potentials; simulate with a finite t_stop")
    lowered = lower(network)
    p = lowered.names.index(name)
    here = slice(lowered.offset[p], lowered.offset[p + 1])
    readout = Readout(
        int(lowered.regime[p]), float(lowered.tau_mem[p]), float(lowered.tau_syn[p]),
        float(lowered.tau_two[p]), float(lowered.period[p]),
        lowered.drive[here], lowered.v_inf[here], lowered.v_init[here], int(lowered.offset[p]),
        lowered.synapse_target, lowered.synapse_weight)
    return readout, arrivals_at(trace, lowered, name), np.array(trace.ended)


def deciding(trace, name):
    """Return the `course` of a readout whose neurons have one receptor, which is what the questions below know.

    Raises
    ------
    InputError
        Two receptors, and what `course` refuses.
    """
    found = course(trace, name)
    if len(trace.network.populations[name].neuron.receptors) > 1:
        raise InputError(f'readout "{name}" has two receptors; potentials decide only where neurons have one')
    return found


@closed_form
def _states(r, pieces, k, t, v, i):
    """Write V and I of all neurons at t, within piece k."""
    for j in range(len(v)):
        v[j], i[j] = membrane.local(
            r.regime, r.tau_mem, r.tau_syn, r.drive[j], pieces.c0[k, j], pieces.c1[k, j], t - pieces.base[k])
        v[j] += r.v_inf[j]


@closed_form
def _ahead(a, b, v):
    """Return whether an argmax takes a rather than b (of equals the lower id)."""
    return v[a] > v[b] or (v[a] == v[b] and a < b)


@closed_form
def _leader(v):
    """Return the argmax of the potentials (of equals the lowest id)."""
    best = 0
    for j in range(1, len(v)):
        if v[j] > v[best]:
            best = j
    return best


@closed_form
def _reaches(r, a, b, margin, v, i):
    """Return how long it takes, from v and i on, until V_a - V_b >= margin without arrivals; inf: never."""
    rest = r.v_inf[a] - r.v_inf[b]
    return membrane.crossing(
        r.regime, r.tau_mem, r.tau_syn, r.drive[a] - r.drive[b], margin - rest, v[a] - v[b] - rest,
        i[a] - i[b])


@closed_form
def _follow(r, arrivals, s, end, pieces):
    """Write the pieces of sample s over [0, end); return how many.

    The state moves exactly as in the engines: origins at multiples of the period, then the arrivals of
    the instant one by one, each w * (amplitude * psi).
    """
    n = len(r.drive)
    own0, own1 = membrane.own(r.regime, r.tau_mem, r.tau_syn, 0.0)
    for j in range(n):
        pieces.c0[0, j] = r.v_init[j] * own0
        pieces.c1[0, j] = r.v_init[j] * own1
    pieces.start[0] = pieces.base[0] = 0.0
    k = 0
    origin = 0
    row, stop = arrivals.offset[s], arrivals.offset[s + 1]
    while True:
        arrival = arrivals.time[row] if row < stop else math.inf
        move = (origin + 1) * r.period
        t = min(arrival, move)
        if t >= end:
            return k + 1
        if t > pieces.start[k] or k == 0:  # arrivals at t = 0 are not part of the left limit there
            for j in range(n):
                pieces.c0[k + 1, j] = pieces.c0[k, j]
                pieces.c1[k + 1, j] = pieces.c1[k, j]
            k += 1
            pieces.start[k] = t
        if move == t:
            for j in range(n):
                pieces.c0[k, j], pieces.c1[k, j] = membrane.advance(
                    r.regime, r.tau_mem, r.tau_syn, r.period, r.drive[j], pieces.c0[k, j], pieces.c1[k, j])
            origin += 1
        pieces.base[k] = origin * r.period
        p0, p1 = membrane.psi(r.regime, r.tau_mem, r.tau_syn, t - pieces.base[k])
        while row < stop and arrivals.time[row] == t:
            q0 = arrivals.amplitude[row] * p0
            q1 = arrivals.amplitude[row] * p1
            for synapse in range(arrivals.start[row], arrivals.stop[row]):
                j = r.synapse_target[synapse] - r.gid
                pieces.c0[k, j] += r.synapse_weight[synapse] * q0
                pieces.c1[k, j] += r.synapse_weight[synapse] * q1
            row += 1


@closed_form
def _room(r, arrivals, ended):
    """Return arrays for the pieces of any sample."""
    most = 0
    for s in range(len(ended)):
        moves = np.int64(ended[s] / r.period)
        most = max(most, arrivals.offset[s + 1] - arrivals.offset[s] + moves)
    n = len(r.drive)
    return Pieces(np.empty(most + 3), np.empty(most + 3), np.empty((most + 3, n)), np.empty((most + 3, n)))


@kernel
def leaders(r, arrivals, ended, times, out):
    """Write to ``out[time, sample]`` the argmax of the potentials, left limit; `times` ascend.

    A time after the end of a sample gives the leader at the end.
    """
    pieces = _room(r, arrivals, ended)
    v, i = np.empty(len(r.drive)), np.empty(len(r.drive))
    for s in range(len(ended)):
        count = _follow(r, arrivals, s, ended[s], pieces)
        k = 0
        for q in range(len(times)):
            t = min(times[q], ended[s])
            while k + 1 < count and pieces.start[k + 1] < t:
                k += 1
            _states(r, pieces, k, t, v, i)
            out[q, s] = _leader(v)


@closed_form
def _second_zero(r, pieces, k, b, w, low, high, v, i):
    """Return when b, which rises past w at `low` and is behind at `high`, falls behind; -1: it only touches."""
    _states(r, pieces, k, low, v, i)
    rest = r.v_inf[b] - r.v_inf[w]
    rise = membrane.slope(
        r.regime, r.tau_mem, r.tau_syn, r.drive[b] - r.drive[w], v[b] - v[w] - rest, i[b] - i[w])
    if not rise > 0.0:
        return -1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        _states(r, pieces, k, middle, v, i)
        if _ahead(b, w, v):
            low = middle
        else:
            high = middle
    return high


@closed_form
def _last_change(r, pieces, k, w, end, v, i, v_end, i_end):
    """Return the last time at which w was not the argmax, from the start of piece k to `end`; -1: never.

    `v`, `i`, `v_end`, `i_end` are room for n numbers.
    """
    start = pieces.start[k]
    _states(r, pieces, k, end, v_end, i_end)
    if _leader(v_end) != w:
        return end
    _states(r, pieces, k, start, v, i)
    if k > 0 and r.tau_syn > 0.0:
        # Arrivals bend V but do not move it: the value from before keeps ties exact.
        _states(r, pieces, k - 1, start, v, i_end)
    last = -1.0
    for b in range(len(v)):
        if b == w:
            continue
        if _ahead(b, w, v):
            last = max(last, min(start + _reaches(r, w, b, 0.0, v, i), end))
        else:
            low = start + _reaches(r, b, w, 0.0, v, i)
            if low < end:
                last = max(last, _second_zero(r, pieces, k, b, w, low, end, v_end, i_end))
    return last


@kernel
def settling(r, arrivals, ended, label, time):
    """Write the argmax at the end of each sample to `label`, and to `time` when it last became the argmax."""
    pieces = _room(r, arrivals, ended)
    n = len(r.drive)
    v, i, v_end, i_end = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for s in range(len(ended)):
        end = ended[s]
        k = _follow(r, arrivals, s, end, pieces) - 1
        _states(r, pieces, k, end, v, i)
        label[s] = _leader(v)
        last = -1.0
        while k >= 0 and last < 0.0:
            last = _last_change(r, pieces, k, label[s], end, v, i, v_end, i_end)
            end = pieces.start[k]
            k -= 1
        time[s] = max(last, 0.0)


@closed_form
def _clears(r, pieces, k, a, margin, start, end, met, v, i):
    """Return the first time in [start, end) when a leads all others by `margin`, in piece k; inf: none.

    Jumps from crossing to crossing: at each, one competitor has just fallen far enough behind. A
    competitor is so during at most two stretches of a piece, so that 2 n jumps do. `met`: the
    competitor whose crossing `start` is (its distance is the margin but for rounding), or -1.
    """
    t = start
    for _ in range(4 * len(v) + 4):
        _states(r, pieces, k, t, v, i)
        jumped = False
        for b in range(len(v)):
            if b == a or b == met or v[a] - v[b] >= margin:
                continue
            reached = t + _reaches(r, a, b, margin, v, i)
            if not reached < end:
                return math.inf
            met = b
            if reached > t:
                t = reached
                jumped = True
                break
        if not jumped:
            return t
    return math.inf


@closed_form
def _first_clear(r, pieces, k, margin, start, end, v, i, v_then, i_then):
    """Return who first leads all others by `margin` in [start, end) of piece k, and when (-1, inf: nobody).

    The leader at the start is every other candidate's strongest competitor and alone refuses most of
    them. `v`, `i`, `v_then`, `i_then` are room for n numbers.
    """
    _states(r, pieces, k, start, v, i)
    leader = _leader(v)
    winner, time = -1, math.inf
    for a in range(len(v)):
        met, begin = -1, start
        if a != leader:
            met = leader
            begin += _reaches(r, a, leader, margin, v, i)
        if begin < end:
            t = _clears(r, pieces, k, a, margin, begin, end, met, v_then, i_then)
            if t < time:
                winner, time = a, t
    return winner, time


@kernel
def margins(r, arrivals, ended, margin, label, time):
    """Write who first leads all others by `margin`, and when; nobody: the argmax at the end, and inf."""
    pieces = _room(r, arrivals, ended)
    n = len(r.drive)
    v, i, v_then, i_then = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for s in range(len(ended)):
        count = _follow(r, arrivals, s, ended[s], pieces)
        time[s] = math.inf
        for k in range(count):
            end = pieces.start[k + 1] if k + 1 < count else ended[s]
            if pieces.start[k] < end:
                winner, t = _first_clear(r, pieces, k, margin, pieces.start[k], end, v, i, v_then, i_then)
                if t < math.inf:
                    label[s], time[s] = winner, t
                    break
        if time[s] == math.inf:
            _states(r, pieces, count - 1, ended[s], v, i)
            label[s] = _leader(v)
