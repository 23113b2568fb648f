"""Membranes rebuilt from a trace: the recorded spikes are delivered again, and V and I read in closed form.

Nothing is stored while a run goes on. The arithmetic of a neuron is the same sequence of touches as in
the engines, so a readout's potential here equals the one that the layers engine reports, bit for bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eventsim._jit import closed_form, kernel
from eventsim.arrivals import arrivals_at
from eventsim.errors import InputError
from eventsim.lower import lower
from eventsim.neurons import receptors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Floats


class Membrane(NamedTuple):
    """Potential and current of some neurons at some times."""

    v: Floats
    """float64 (neurons, times), left limits."""
    i: Floats
    """float64 (neurons, times); of two receptors the sum."""


class _Cell(NamedTuple):
    """The neurons of one population, voltages relative to v_inf."""

    regime: int
    tau_mem: float
    tau_syn: float
    tau_two: float
    period: float
    first: int
    """gid of the first neuron."""
    drive: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    t_refractory: np.ndarray


def potential(trace: Trace, name: str, t: float) -> Floats:
    """Return V of a whole population at time t (ms, left limit), float64 (samples, neurons).

    Raises
    ------
    InputError
        For an input population, a time outside [0, t_stop], or sources that were not recorded.
    """
    size = trace.network.populations[name].size
    v, _ = _rebuilt(trace, name, np.arange(trace.n_samples), np.arange(size), np.array([t], dtype=np.float64))
    return np.ascontiguousarray(v[:, :, 0])


def membrane(trace: Trace, name: str, neurons: ArrayLike, times: ArrayLike, sample: int = 0) -> Membrane:
    """Return V and I of some neurons at some times (ms, left limits) in one sample.

    Raises
    ------
    InputError
        For an input population, neurons or samples that do not exist, times outside [0, t_stop], or sources
        that were not recorded.
    """
    if isinstance(sample, bool) or not isinstance(sample, int | np.integer) or not 0 <= sample < trace.n_samples:
        raise InputError(f"sample is {sample!r}; give a whole number from 0 to {trace.n_samples - 1}")
    size = trace.network.populations[name].size
    try:
        neurons = np.atleast_1d(np.asarray(neurons))
    except ValueError:  # rows of different lengths
        raise InputError(f'neurons of "{name}" are whole numbers from 0 to {size - 1}') from None
    if neurons.dtype.kind not in "iu" or (neurons.size and not (0 <= neurons.min() and neurons.max() < size)):
        raise InputError(f'neurons of "{name}" are whole numbers from 0 to {size - 1}')
    times = np.atleast_1d(np.asarray(times, dtype=np.float64)).ravel()
    order = np.argsort(times, kind="stable")
    v, i = _rebuilt(trace, name, np.array([sample]), neurons.ravel(), times[order])
    back = np.argsort(order, kind="stable")
    return Membrane(v[0][:, back], i[0][:, back])


def _rebuilt(trace, name, samples, neurons, times):
    """Return V and I as (samples, neurons, times); times ascending."""
    net = trace.unchanged_network()
    if net.populations[name].kind != "neurons":
        raise InputError(f'population "{name}" is an input and has no membrane')
    if times.size and not (0.0 <= times.min() and times.max() <= trace.t_stop):
        raise InputError(f"times must lie in 0 to {trace.t_stop:g} ms, the span of the run; got {times.min():g} to "
                         f"{times.max():g}")
    lowered = lower(net)
    index = lowered.names.index(name)
    here = slice(lowered.offset[index], lowered.offset[index + 1])
    cell = _Cell(int(lowered.regime[index]), float(lowered.tau_mem[index]), float(lowered.tau_syn[index]),
                 float(lowered.tau_two[index]), float(lowered.period[index]), int(lowered.offset[index]),
                 lowered.drive[here].copy(), lowered.v_reset[here].copy(), lowered.v_init[here].copy(),
                 lowered.t_refractory[here].copy())
    v = np.zeros((len(samples), len(neurons), len(times)))
    i = np.zeros_like(v)
    own = trace.arrays(name)
    arrivals = arrivals_at(trace, lowered, name, samples[0] if len(samples) == 1 else None)
    bounds = np.stack((arrivals.offset[samples], arrivals.offset[samples + 1]))
    own_bounds = np.searchsorted(own.sample, np.stack((samples, samples + 1)))
    _walk(cell, arrivals, bounds, lowered.synapse_target,
          lowered.synapse_weight, own.time, own.neuron, own.generation, own_bounds,
          np.ascontiguousarray(neurons, dtype=np.int64), times, v, i)
    v += lowered.v_inf[here][neurons][None, :, None]
    return v, i


@closed_form
def _bring(cell, c, origin, j, t):
    wanted = np.int64(t / cell.period)
    while origin[j] < wanted:
        if c[0, j] == 0.0 and c[1, j] == 0.0 and c[2, j] == 0.0 and cell.drive[j] == 0.0:
            origin[j] = wanted
            break
        c[0, j], c[1, j], c[2, j] = receptors.advance(
            cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, cell.period, cell.drive[j], c[0, j], c[1, j],
            c[2, j])
        origin[j] += 1


@closed_form
def _restart(cell, c, origin, j, t):
    _bring(cell, c, origin, j, t)
    s = t - origin[j] * cell.period
    v, _, _ = receptors.local(
        cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, cell.drive[j], c[0, j], c[1, j], c[2, j], s)
    o0, o1 = receptors.own(cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, s)
    jump = cell.v_reset[j] - v
    c[0, j] += jump * o0
    c[1, j] += jump * o1


@closed_form
def _release(cell, c, origin, release, j, t):
    """End the refractory period of neuron j where it is over at t, and bring it to t."""
    if -math.inf < release[j] <= t:
        _restart(cell, c, origin, j, release[j])
        release[j] = -math.inf
    _bring(cell, c, origin, j, t)


@closed_form
def _fire(cell, c, origin, release, fired_at, j, t):
    _release(cell, c, origin, release, j, t)
    fired_at[j] = t
    end = t + cell.t_refractory[j]
    if end > t:
        release[j] = end
    else:
        _restart(cell, c, origin, j, t)


@kernel
def _walk(cell, arrivals, bounds, target, weight, own_time, own_neuron, own_generation,
          own_bounds, neurons, times, v, i):
    """Deliver the arrivals and own spikes of each sample; write V - v_inf and I of `neurons` at `times`."""
    n = len(cell.drive)
    c = np.zeros((3, n))
    origin = np.zeros(n, np.int64)
    release, fired_at = np.zeros(n), np.zeros(n)
    o0, o1 = receptors.own(cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, 0.0)
    for row in range(bounds.shape[1]):
        for j in range(n):
            c[0, j], c[1, j], c[2, j] = cell.v_init[j] * o0, cell.v_init[j] * o1, 0.0
            origin[j], release[j], fired_at[j] = 0, -math.inf, -1.0
        k, last = bounds[0, row], bounds[1, row]
        mine, mine_last = own_bounds[0, row], own_bounds[1, row]
        for at in range(len(times) + 1):
            limit = times[at] if at < len(times) else -1.0
            while at < len(times):
                arrives = k < last and arrivals.time[k] < limit
                fires = mine < mine_last and own_time[mine] < limit
                if arrives and fires:  # a spike follows the arrivals of its own generation
                    a, b = arrivals.time[k], own_time[mine]
                    fires = b < a or (b == a and own_generation[mine] < arrivals.generation[k])
                if fires:
                    _fire(cell, c, origin, release, fired_at, own_neuron[mine], own_time[mine])
                    mine += 1
                elif arrives:
                    t = arrivals.time[k]
                    s = t - np.int64(t / cell.period) * cell.period
                    receptor = arrivals.receptor[k]
                    delta = (cell.tau_two if receptor == 1 else cell.tau_syn) == 0.0
                    p0, p1, p2 = receptors.psi(cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, receptor, s)
                    amplitude = arrivals.amplitude[k]
                    q0, q1, q2 = amplitude * p0, amplitude * p1, amplitude * p2
                    for synapse in range(arrivals.start[k], arrivals.stop[k]):
                        j = target[synapse] - cell.first
                        _release(cell, c, origin, release, j, t)
                        if delta and (release[j] > t or fired_at[j] == t):
                            continue
                        c[0, j] += weight[synapse] * q0
                        c[1, j] += weight[synapse] * q1
                        c[2, j] += weight[synapse] * q2
                    k += 1
                else:
                    break
            if at == len(times):
                break
            for m in range(len(neurons)):
                j = neurons[m]
                _release(cell, c, origin, release, j, limit)
                v[row, m, at], one, two = receptors.local(
                    cell.regime, cell.tau_mem, cell.tau_syn, cell.tau_two, cell.drive[j], c[0, j], c[1, j], c[2, j],
                    limit - origin[j] * cell.period)
                i[row, m, at] = one + two
                if release[j] > limit:
                    v[row, m, at] = cell.v_reset[j]
