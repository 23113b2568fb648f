"""The largest potential of a silent readout, and the integral of its potential, in closed form.

Between two touches V is a sum of at most three exponentials (or a line). V' times e^(t / tau_mem) is then monotone on
either side of the one instant where the derivatives of the two currents cancel, so V' changes its sign once at most
on each side, and bisection finds where.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventsim._jit import inlined, inner, kernel
from eventsim.engines.layers import in_threads, thread_count
from eventsim.errors import InputError
from eventsim.measure.readout import course
from eventsim.neurons import receptors, response

if TYPE_CHECKING:
    from eventsim.trace import Trace
    from eventsim.type_aliases import Floats

_HALVINGS = 80

_SHARD = 16
"""Samples that a thread takes at a time."""


@inner
def _accumulators(r, j, v, i):
    """Return the accumulators, with the origin at the present, of neuron j at (v, i)."""
    o0, o1 = receptors.own(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0.0)
    c0, c1, c2 = v[j] * o0, v[j] * o1, 0.0
    for receptor in range(2):
        if i[j, receptor] != 0.0:
            p0, p1, p2 = receptors.psi(r.regime, r.tau_mem, r.tau_syn, r.tau_two, receptor, 0.0)
            c0, c1, c2 = c0 + i[j, receptor] * p0, c1 + i[j, receptor] * p1, c2 + i[j, receptor] * p2
    return c0, c1, c2


@inner
def _at(r, drive, c, u):
    return receptors.local(r.regime, r.tau_mem, r.tau_syn, r.tau_two, drive, c[0], c[1], c[2], u)


@inner
def _turn(r, i, i2, span):
    """Return where the derivatives of two currents cancel, 0 or span where they do not within it."""
    if r.tau_two == 0.0 or r.tau_syn == 0.0:
        return 0.0
    a, b = response.rate(r.tau_syn), response.rate(r.tau_two)
    if a == b or a == 0.0 or b == 0.0:
        return 0.0
    if i == 0.0 or i2 == 0.0 or (i > 0.0) == (i2 > 0.0):
        return 0.0
    return min(max(math.log(-i * a / (i2 * b)) / (a - b), 0.0), span)


@inner
def _climb(r, j, c, low, high, since, value, when):
    """Note the largest V of neuron j within (low, high), where V' falls from above 0 to below it."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        v, i, i2 = _at(r, r.drive[j], c, middle)
        if receptors.slope(r.regime, r.tau_mem, r.tau_syn, r.tau_two, r.drive[j], v, i, i2) > 0.0:
            low = middle
        else:
            high = middle
    top, _, _ = _at(r, r.drive[j], c, low)
    if top > value[j]:
        value[j], when[j] = top, since + low


@inlined
def _may_exceed(r, value, span, v, slope, v_end, slope_end):
    """Return whether V may exceed `value` on the way from (v, slope) to (v_end, slope_end), `span` ms later.

    Only where V' falls through 0. V' e^(t / tau_mem) falls then, so V lies below its tangent at the start (which the
    caller has seen to exceed `value`), and below the line that falls to the end e^(span / tau_mem) times as steeply as
    V does there: below where the two meet. Most stretches need no more than that.
    """
    if not slope_end < 0.0:
        return False
    steep = -slope_end * math.exp(span * response.rate(r.tau_mem))
    return v + slope * (v_end + steep * span - v) / (slope + steep) > value


@inner
def _propagator(r, span, move):
    """Write to `move` the span in ms, and what V, the drive and the currents, each 1, come to after it."""
    o0, o1 = receptors.own(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0.0)
    move[0] = span
    move[1], _, _ = receptors.local(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0.0, o0, o1, 0.0, span)
    move[2], _, _ = receptors.local(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 1.0, 0.0, 0.0, 0.0, span)
    p0, p1, p2 = receptors.psi(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0, 0.0)
    move[3], move[4], _ = receptors.local(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0.0, p0, p1, p2, span)
    move[5] = move[6] = 0.0
    if r.tau_two > 0.0:
        p0, p1, p2 = receptors.psi(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 1, 0.0)
        move[5], _, move[6] = receptors.local(r.regime, r.tau_mem, r.tau_syn, r.tau_two, 0.0, p0, p1, p2, span)


@inlined
def _stretch(r, j, span, since, v, i, move, value, when):
    """Bring neuron j forward by `span`, during which V' changes its sign once at most, and note its largest V.

    `move` keeps the propagator of the last span: where an arrival reaches all neurons, they share one.
    """
    if v[j] > value[j]:  # after a jump
        value[j], when[j] = v[j], since
    if span == 0.0:
        return
    if span != move[0]:
        _propagator(r, span, move)
    v_end = move[1] * v[j] + move[2] * r.drive[j] + move[3] * i[j, 0] + move[5] * i[j, 1]
    i_end, two_end = move[4] * i[j, 0], move[6] * i[j, 1]
    slope = receptors.slope(r.regime, r.tau_mem, r.tau_syn, r.tau_two, r.drive[j], v[j], i[j, 0], i[j, 1])
    if slope > 0.0 and v[j] + slope * span > value[j]:
        slope_end = receptors.slope(r.regime, r.tau_mem, r.tau_syn, r.tau_two, r.drive[j], v_end, i_end, two_end)
        if _may_exceed(r, value[j], span, v[j], slope, v_end, slope_end):
            _climb(r, j, _accumulators(r, j, v, i), 0.0, span, since, value, when)
    v[j], i[j, 0], i[j, 1] = v_end, i_end, two_end
    if v_end > value[j]:
        value[j], when[j] = v_end, since + span


@inlined
def _note(r, j, span, since, v, i, move, value, when):
    """Bring neuron j forward by `span` and note its largest V on the way."""
    turn = _turn(r, i[j, 0], i[j, 1], span)
    if 0.0 < turn < span:
        _stretch(r, j, turn, since, v, i, move, value, when)
        _stretch(r, j, span - turn, since + turn, v, i, move, value, when)
    else:
        _stretch(r, j, span, since, v, i, move, value, when)


@kernel
def _peaks(r, arrivals, ended, first, last, value, when):
    """Write V* - v_inf and its time of the samples first to last - 1 and every neuron."""
    n = len(r.drive)
    v, i, since, move = np.zeros(n), np.zeros((n, 2)), np.zeros(n), np.full(7, -1.0)
    for s in range(first, last):
        v[:], i[:], since[:] = r.v_init, 0.0, 0.0
        value_here, when_here = value[s], when[s]
        value_here[:], when_here[:] = r.v_init, 0.0
        for row in range(arrivals.offset[s], arrivals.offset[s + 1]):
            t, receptor = arrivals.time[row], arrivals.receptor[row]
            jumps = (r.tau_two if receptor == 1 else r.tau_syn) == 0.0
            for synapse in range(arrivals.start[row], arrivals.stop[row]):
                j = r.synapse_target[synapse] - r.gid
                _note(r, j, t - since[j], since[j], v, i, move, value_here, when_here)
                since[j] = t
                jump = r.synapse_weight[synapse] * arrivals.amplitude[row]
                if jumps:
                    v[j] += jump
                else:
                    i[j, receptor] += jump
        for j in range(n):
            _note(r, j, ended[s] - since[j], since[j], v, i, move, value_here, when_here)


@kernel
def _integrals(r, arrivals, ended, tau, value):
    """Write the integral of e^(-t / tau) V of every sample and neuron."""
    for s in range(len(ended)):
        end = ended[s]
        for j in range(len(r.drive)):
            decay, _ = response.integral_of_potential(r.tau_mem, tau, end)
            whole, _, _ = response.convolved(0.0, response.rate(tau), end)
            value[s, j] = r.v_init[j] * decay + r.v_inf[j] * whole
            if math.isinf(r.tau_mem):
                grown, _ = response.integral_of_drive(r.tau_mem, tau, end)
                value[s, j] += r.drive[j] * grown
        for row in range(arrivals.offset[s], arrivals.offset[s + 1]):
            taken = r.tau_two if arrivals.receptor[row] == 1 else r.tau_syn
            t = arrivals.time[row]
            if taken == 0.0:
                left, _ = response.integral_of_potential(r.tau_mem, tau, end - t)
            else:
                left, _, _ = response.integral_of_current(r.tau_mem, taken, tau, end - t)
            left *= arrivals.amplitude[row] * math.exp(-t * response.rate(tau))
            for synapse in range(arrivals.start[row], arrivals.stop[row]):
                value[s, r.synapse_target[synapse] - r.gid] += r.synapse_weight[synapse] * left


def peak_potential(trace: Trace, name: str, threads: int | None = None) -> tuple[Floats, Floats]:
    """Return the largest potential of every neuron of a silent readout, and when it was reached.

    Parameters
    ----------
    trace : Trace
    name : str
        A population whose v_threshold is NEVER.
    threads : int, optional
        Default: $EVENTSIM_THREADS, else all processors. The result does not depend on it.

    Returns
    -------
    values, times : ndarray (samples, neurons)
        In V, and in ms; of equal ones the first. The start and the end of the run count.

    Raises
    ------
    InputError
        A population that fires, or senders that were not recorded.
    """
    threads = thread_count(threads)
    r, arrivals, ended = course(trace, name)
    value, when = np.empty((len(ended), len(r.drive))), np.empty((len(ended), len(r.drive)))
    shards = [(k, min(k + _SHARD, len(ended))) for k in range(0, len(ended), _SHARD)]
    in_threads(lambda first, last: _peaks(r, arrivals, ended, first, last, value, when), shards, threads)
    return value + r.v_inf, when


def integrated_potential(trace: Trace, name: str, tau: float = math.inf) -> Floats:
    """Return the integral of e^(-t / tau) V(t) over every sample, for every neuron of a silent readout.

    Parameters
    ----------
    trace : Trace
    name : str
        A population whose v_threshold is NEVER.
    tau : float, optional
        Time constant in ms by which later values count less; inf: the plain integral.

    Returns
    -------
    ndarray (samples, neurons)
        In V ms.

    Raises
    ------
    InputError
        A population that fires, senders that were not recorded, or a tau that is not positive.
    """
    if not tau > 0.0:
        raise InputError(f"tau is {tau!r}; allowed: a time constant > 0 in ms, inf for the plain integral")
    r, arrivals, ended = course(trace, name)
    value = np.empty((len(ended), len(r.drive)))
    _integrals(r, arrivals, ended, float(tau), value)
    return value
