"""Gradients of spike times over a recorded trace: one sweep over its arrivals, from the last to the first.

The trace says when every neuron fired and how fast its membrane rose there; nothing is simulated again.
Each neuron carries gamma_j = dL/dc_j, the derivative by its accumulators. Backwards in time:

    a spike of j at T with total error g:    delta = -g / V'(T),  gamma_j += delta phi(T),  dL/dtheta_j -= delta
    an arrival (i -> j, weight w) at s:      dL/dw += gamma_j . psi(s),  dL/ds = w gamma_j . psi'(s),

and dL/ds belongs to the delay and to the spike that sent the arrival. A readout starts with
gamma = dL/dV(t_stop) phi(t_stop). An arrival at the very instant of a spike is not among its causes. For
one spike a neuron this is the implicit function theorem (Goltz et al. 2021; Mostafa 2018; Zhang 2021).
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim import arrays
from eventsim._jit import kernel
from eventsim.engines.layers import in_threads, thread_count
from eventsim.errors import InputError, choose
from eventsim.lower import lower, parameters, piece
from eventsim.neurons import membrane

SHARD = 16
"""Samples whose gradients are summed before they are added to the total, in this order always."""


class SpikeTimeGradient(NamedTuple):
    """Derivatives of a loss, summed over the samples of a trace.

    Attributes
    ----------
    weights : dict of str to ndarray
        By projection, in the shape of the user's weights.
    delays : dict of str to ndarray
        By projection, in the shape of the user's delays (a 0-d array where one delay serves all).
    thresholds : dict of str to ndarray
        By population, one value a neuron.
    input_times : dict of str to ndarray
        By input, one value a spike in the (flattened) order in which the user gave the times; zero where
        the time is inf.
    """

    weights: dict
    delays: dict
    thresholds: dict
    input_times: dict


class _Net(NamedTuple):
    population: np.ndarray
    regime: np.ndarray
    tau_mem: np.ndarray
    tau_syn: np.ndarray
    period: np.ndarray
    row_ptr: np.ndarray
    row_start: np.ndarray
    row_stop: np.ndarray
    row_delay: np.ndarray
    synapse_delay: np.ndarray
    first_delay: int
    synapse_target: np.ndarray
    synapse_weight: np.ndarray


class _Spikes(NamedTuple):
    """All spikes of a trace, inputs included, ordered by sample."""

    sample: np.ndarray
    time: np.ndarray
    gid: np.ndarray
    amplitude: np.ndarray
    slope: np.ndarray
    """V'(t-); inf for inputs, whose times are given."""
    error: np.ndarray
    """dL/dt of the loss itself."""


@kernel
def _arrivals(net, gid, time, first, last, t_stop, spike_of, starts, stops, when):
    """Write the synapses that are reached before t_stop; return how many times (only counts if arrays are empty)."""
    size = 0
    for k in range(first, last):
        for row in range(net.row_ptr[gid[k]], net.row_ptr[gid[k] + 1]):
            stop = net.row_start[row]
            while stop < net.row_stop[row]:
                start = stop
                delay, stop = piece(net.row_delay, net.row_stop, net.synapse_delay, net.first_delay, row, start)
                arrival = time[k] + delay
                if not arrival < t_stop:
                    break
                if len(when):
                    spike_of[size], starts[size], stops[size], when[size] = k, start, stop, arrival
                size += 1
    return size


@kernel
def _sweep(net, spikes, first, last, spike_of, starts, stops, when, readout_error, t_stop, error, by_synapse, by_delay,
           by_threshold):
    """Walk one sample backwards; add to `error` (by spike), `by_synapse`, `by_delay`, `by_threshold`.

    `readout_error`: dL/dV(t_stop) by gid. Spikes first to last are the sample's, ordered by time.
    """
    n = len(net.population)
    g0, g1 = np.zeros(n), np.zeros(n)
    home = np.zeros(n, np.int64)
    for j in range(n):
        if readout_error[j] != 0.0:
            p = net.population[j]
            home[j] = np.int64(t_stop / net.period[p])
            f0, f1 = membrane.phi(net.regime[p], net.tau_mem[p], net.tau_syn[p], t_stop - home[j] * net.period[p])
            g0[j], g1[j] = readout_error[j] * f0, readout_error[j] * f1
    order = np.argsort(when, kind="mergesort")
    k = len(order) - 1
    spike = last - 1
    while k >= 0 or spike >= first:
        # At one instant the arrivals come first (backwards): they are no causes of its spikes.
        if k >= 0 and (spike < first or when[order[k]] >= spikes.time[spike]):
            a = order[k]
            k -= 1
            s = when[a]
            sender = spike_of[a]
            amplitude = spikes.amplitude[sender]
            total = 0.0
            known = -1
            window = np.int64(0)
            p0, p1, d0, d1 = 0.0, 0.0, 0.0, 0.0
            for synapse in range(starts[a], stops[a]):
                j = net.synapse_target[synapse]
                if g0[j] == 0.0 and g1[j] == 0.0:
                    continue
                p = net.population[j]
                if p != known:
                    known = p
                    window = np.int64(s / net.period[p])
                    at = s - window * net.period[p]
                    p0, p1 = membrane.psi(net.regime[p], net.tau_mem[p], net.tau_syn[p], at)
                    d0, d1 = membrane.psi_slope(net.regime[p], net.tau_mem[p], net.tau_syn[p], at)
                while home[j] > window:  # gamma for the origin before: the transpose of `advance`
                    m00, m10 = membrane.advance(
                        net.regime[p], net.tau_mem[p], net.tau_syn[p], net.period[p], 0.0, 1.0, 0.0)
                    m01, m11 = membrane.advance(
                        net.regime[p], net.tau_mem[p], net.tau_syn[p], net.period[p], 0.0, 0.0, 1.0)
                    g0[j], g1[j] = m00 * g0[j] + m10 * g1[j], m01 * g0[j] + m11 * g1[j]
                    home[j] -= 1
                by_synapse[synapse] += amplitude * (g0[j] * p0 + g1[j] * p1)
                back = net.synapse_weight[synapse] * (amplitude * (g0[j] * d0 + g1[j] * d1))
                by_delay[synapse] += back
                total += back
            error[sender] += total
        else:
            j = spikes.gid[spike]
            p = net.population[j]
            if net.regime[p] >= 0:
                delta = -error[spike] / spikes.slope[spike]
                by_threshold[j] -= delta
                if delta != 0.0:
                    t = spikes.time[spike]
                    home[j] = np.int64(t / net.period[p])
                    f0, f1 = membrane.phi(net.regime[p], net.tau_mem[p], net.tau_syn[p], t - home[j] * net.period[p])
                    g0[j], g1[j] = delta * f0, delta * f1
            spike -= 1


def spike_time_gradient(net, trace, loss_gradient, threads=None):
    """Return the derivatives of a loss on spike times, or on potentials of readouts, over a recorded trace.

    Parameters
    ----------
    net : Network
        The network that was run. Every neuron population fires at most once (t_refractory = NEVER) and has
        one receptor, a current synapse (tau_syn > 0).
    trace : Trace
        All its neuron populations recorded.
    loss_gradient : dict of str to array_like
        For a population that fires: dL/dt, one value a recorded spike, in the order of
        ``trace.spikes(name)``. For a readout: dL/dV(t_stop), (samples, neurons).
    threads : int, optional
        Default: $EVENTSIM_THREADS, else all processors. The result does not depend on it.

    Returns
    -------
    SpikeTimeGradient

    Raises
    ------
    InputError
        For another network than the trace's, unknown populations, wrong shapes, NaN, delta synapses
        (spike times are piecewise constant in the weights), two receptors, or neurons that may fire more than
        once.
    """
    if net.fingerprint() != trace.network.fingerprint():
        raise InputError("the network is not the one of the trace (or was changed since); simulate it again first")
    trace.unchanged_network()
    _refuse(net, loss_gradient)
    lowered = lower(net)
    kernel_net = _Net(*(getattr(lowered, field) for field in _Net._fields))
    losses, readout_error = _losses(trace, lowered, loss_gradient)
    spikes, pieces = _all_spikes(trace, lowered, losses)
    bounds = np.searchsorted(spikes.sample, np.arange(trace.n_samples + 1))
    error = spikes.error.copy()
    none = np.zeros(0, np.int64)

    def run(first, last):
        by_synapse, by_delay = np.zeros(len(lowered.synapse_weight)), np.zeros(len(lowered.synapse_weight))
        by_threshold = np.zeros(len(lowered.population))
        for sample in range(first, last):
            here, end = bounds[sample], bounds[sample + 1]
            t_stop = float(trace.ended[sample])
            size = _arrivals(kernel_net, spikes.gid, spikes.time, here, end, t_stop, none, none, none, np.zeros(0))
            spike_of, starts, stops = (np.zeros(size, np.int64) for _ in range(3))
            when = np.zeros(size)
            if size:
                _arrivals(kernel_net, spikes.gid, spikes.time, here, end, t_stop, spike_of, starts, stops, when)
            _sweep(kernel_net, spikes, here, end, spike_of, starts, stops, when, readout_error[sample], t_stop, error,
                   by_synapse, by_delay, by_threshold)
        return by_synapse, by_delay, by_threshold

    shards = [(k, min(k + SHARD, trace.n_samples)) for k in range(0, trace.n_samples, SHARD)]
    threads = thread_count(threads)
    totals = [np.zeros(len(lowered.synapse_weight)), np.zeros(len(lowered.synapse_weight)),
              np.zeros(len(lowered.population))]
    for wave in range(0, len(shards), threads):  # as many partial sums in memory as threads
        for part in in_threads(run, shards[wave:wave + threads], threads):
            for total, values in zip(totals, part, strict=True):
                total += values
    return _by_name(net, trace, lowered, totals, error, pieces)


def _refuse(net, loss_gradient):
    for population in net.populations.values():
        if population.kind != "neurons":
            continue
        values = population.neuron.resolve(population.size)
        fires = np.isfinite(values.v_threshold)
        if len(population.neuron.receptors) > 1:
            raise InputError(f'neurons of "{population.name}" have two receptors; gradients need neurons with one')
        if values.tau_syn == 0.0:
            raise InputError(
                f'"{population.name}" has delta synapses (tau_syn = 0): its spike times are piecewise constant in the '
                "weights, so they have no useful gradient; use tau_syn > 0")
        if np.any(fires & np.isfinite(values.t_refractory)):
            raise InputError(
                f'neurons of "{population.name}" may fire more than once; gradients need t_refractory=es.NEVER')
    for name in checked_keys(loss_gradient):
        choose("population", name, tuple(net.populations))


def checked_keys(loss_gradient):
    """Return the population names of a loss gradient, whose keys may be handles of populations.

    Raises
    ------
    InputError
        If it is no dict.
    """
    if not isinstance(loss_gradient, dict):
        raise InputError(f"the loss gradient is a {type(loss_gradient).__name__}; give a dict by population name")
    return [getattr(key, "name", key) for key in loss_gradient]


def _losses(trace, lowered, loss_gradient):
    """Return dL/dt by population and dL/dV(t_stop) as (samples, gid)."""
    readout = np.zeros((trace.n_samples, len(lowered.population)))
    losses = {}
    for key, values in loss_gradient.items():
        name = getattr(key, "name", key)
        index = lowered.names.index(name)
        values = arrays.numbers(f'loss gradient of "{name}"', values)
        if trace.network.populations[name].kind != "neurons":
            raise InputError(f'loss gradient given for "{name}", an input; give it for neuron populations')
        size = int(lowered.offset[index + 1] - lowered.offset[index])
        wanted = (len(trace.arrays(name).time),) if lowered.fires[index] else (trace.n_samples, size)
        if values.shape != wanted:
            what = "one value a recorded spike" if lowered.fires[index] else "(samples, neurons) of the readout"
            raise InputError(f'loss gradient of "{name}" has shape {values.shape}; needed: {wanted}, {what}')
        if not np.isfinite(values).all():
            raise InputError(f'loss gradient of "{name}" holds NaN or infinite values')
        if lowered.fires[index]:
            losses[name] = values
        else:
            readout[:, lowered.offset[index]:lowered.offset[index + 1]] = values
    return losses, readout


def _all_spikes(trace, lowered, losses):
    """Return all spikes as `_Spikes`, and where those of each population went: {name: positions}."""
    columns, names = [], []
    for name, population in trace.network.populations.items():
        if population.kind == "poisson":
            if name not in trace.recorded:
                raise InputError(f'the Poisson input "{name}" was not recorded; simulate with record=[..., "{name}"]')
            table = trace.arrays(name)
            amplitude = np.ones(len(table.time))
        elif population.kind == "input":
            if name not in trace.stimulus:
                continue
            table = trace.stimulus[name].arrays()
            amplitude = table.amplitude
        else:
            table = trace.arrays(name)
            amplitude = np.ones(len(table.time))
        slope = table.slope if population.kind == "neurons" else np.full(len(table.time), np.inf)
        loss = losses.get(name, np.zeros(len(table.time)))
        gid = table.neuron + lowered.offset[lowered.names.index(name)]
        columns.append((table.sample, table.time, gid, amplitude, slope, loss))
        names.append(name)
    if not columns:
        columns = [(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))]
    owner = np.repeat(np.arange(len(columns)), [len(column[0]) for column in columns])
    sample, time, gid, amplitude, slope, loss = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((gid, time, sample))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    spikes = _Spikes(sample[order], time[order], gid[order], amplitude[order], slope[order], loss[order])
    return spikes, {name: place[owner == index] for index, name in enumerate(names)}


def in_given_order(spikes, values):
    """Return one value a spike of a stimulus in the order in which the user gave the times.

    Parameters
    ----------
    spikes : Spikes
        The stimulus.
    values : ndarray of float64 (n_spikes,)
        In the order of `spikes`.

    Returns
    -------
    ndarray of float64 (spikes.n_given,)
        Zero where no spike was given (time inf); the sum where a sample was selected several times.
    """
    return np.bincount(spikes.given, values, spikes.n_given)


def _by_name(net, trace, lowered, totals, error, pieces):
    by_synapse, by_delay, by_threshold = totals
    result = SpikeTimeGradient({}, {}, {}, {})
    for number, name in enumerate(lowered.projections):
        projection = net.projections[name]
        mine = slice(lowered.projection_start[number], lowered.projection_stop[number])
        parameter = parameters(net, name)
        size = math.prod(projection.weight.shape)
        summed = np.bincount(parameter, by_synapse[mine], minlength=size) * lowered.projection_scale[number]
        result.weights[name] = summed.reshape(projection.weight.shape)
        if projection.delay.ndim == 0:
            result.delays[name] = np.asarray(by_delay[mine].sum())
        else:
            result.delays[name] = np.bincount(parameter, by_delay[mine], minlength=size).reshape(projection.delay.shape)
    for index, name in enumerate(lowered.names):
        if lowered.fires[index]:
            result.thresholds[name] = by_threshold[lowered.offset[index]:lowered.offset[index + 1]].copy()
    for name, spikes in trace.stimulus.items():
        result.input_times[name] = in_given_order(spikes, error[pieces[name]])
    return result
