"""Gradients over a recorded trace: what the user asks for and gets; `training.adjoint` has the sweep.

The trace says when every neuron fired and how fast its membrane rose there; nothing is simulated again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.engines.layers import in_threads, thread_count
from eventsim.errors import InputError, choose, expect_network, expect_trace
from eventsim.lower import lower, parameters
from eventsim.neurons import receptors
from training import adjoint, sweep_order, time_constants
from training.passes import checked_floor
from training.readout_loss import Integral, ValueAt

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Floats

SHARD = 16
"""Samples whose gradients are summed before they are added to the total, in this order always."""


class SpikeTimeGradient(NamedTuple):
    """Derivatives of a loss, summed over the samples of a trace.

    Attributes
    ----------
    weights : dict of str to ndarray
        By projection, in the shape of the user's weights.
    delays : dict of str to ndarray
        By projection, in the shape of the user's delays (a 0-d array where one delay serves all); without `inputs`,
        those from neurons only.
    thresholds : dict of str to ndarray
        By population that fires, one value a neuron.
    input_times : dict of str to ndarray
        By input, one value a spike in the (flattened) order in which the user gave the times; zero where
        the time is inf. Empty without `inputs`.
    resets : dict of str to ndarray
        dL/dv_reset by population that fires, one value a neuron.
    offsets : dict of str to ndarray
        dL/di_offset by population, one value a neuron.
    initial : dict of str to ndarray
        dL/dv_init by population, one value a neuron.
    refractory : dict of str to ndarray
        dL/dt_refractory by population that fires, one value a neuron; 0 where it is NEVER.
    tau_mem, tau_syn : dict of str to ndarray
        By population, a 0-d array: 0 where the time constant is inf. `tau_syn` has shape (2,) where there are two
        receptors, in their order. Empty unless asked for.
    """

    weights: dict[str, Array]
    delays: dict[str, Array]
    thresholds: dict[str, Array]
    input_times: dict[str, Array]
    resets: dict[str, Array]
    offsets: dict[str, Array]
    initial: dict[str, Array]
    refractory: dict[str, Array]
    tau_mem: dict[str, Array]
    tau_syn: dict[str, Array]


def spike_time_gradient(
    net: Network,
    trace: Trace,
    loss_gradient: Mapping[Any, Any],
    threads: int | None = None,
    slope_floor: float = 0.0,
    taus: bool = False,
    inputs: bool = True,
) -> SpikeTimeGradient:
    """Return the derivatives of a loss on spike times, or on the membrane of readouts, over a recorded trace.

    Any topology, delays, refractory periods and numbers of spikes; the cost is proportional to the arrivals.

    Parameters
    ----------
    net : Network
        The network that was run, all of whose receptors have a current (tau_syn > 0).
    trace : Trace
        All its neuron populations recorded.
    loss_gradient : dict of str to array_like
        For a population that fires: dL/dt, one value a recorded spike, in the order of
        ``trace.spikes(name)``. For a readout: dL/dV(t_stop), (samples, neurons); or `ValueAt`, `Integral`, or a list
        of these.
    threads : int, optional
        Default: $EVENTSIM_THREADS, else all processors. The result does not depend on it.
    slope_floor : float, optional
        Least V' at a spike, in V/ms: a spike that rises slower counts as if it rose so fast. 0 gives the exact
        gradient. A spike that only touches its threshold (V' = 0) has none.
    taus : bool, optional
        Also by time constants, which takes a run through the trace from its beginning.
    inputs : bool, optional
        Also by the times of input spikes and by the delays from inputs to neurons; without them networks with many
        inputs take less time.

    Returns
    -------
    SpikeTimeGradient

    Raises
    ------
    InputError
        For another network than the trace's, unknown populations, wrong shapes, NaN, delta synapses
        (spike times are piecewise constant in the weights), or a slope floor that is no slope.

    Notes
    -----
    EventProp (Wunderlich & Pehle 2021), with delays, refractory periods, two receptors and every regime with a
    current. A gradient is that of the order of events as recorded: where a small change would create or delete a
    spike, it says nothing of that.
    """
    expect_network(net)
    expect_trace(trace)
    if net.fingerprint() != trace.network.fingerprint():
        raise InputError("the network is not the one of the trace (or was changed since); simulate it again first")
    trace.unchanged_network()
    _refuse(net, loss_gradient)
    slope_floor = checked_floor(slope_floor)
    taus, inputs = arrays.flag("taus", taus), arrays.flag("inputs", inputs)  # kernels are compiled for each type
    lowered = lower(net)
    kernel_net = adjoint.Net(*(getattr(lowered, field) for field in adjoint.Net._fields))
    losses, values, integrals = _losses(trace, lowered, loss_gradient)
    ended = np.array(trace.ended, dtype=np.float64)
    spikes, pieces, bounds = _all_spikes(trace, lowered, losses)
    events, order = _events(lowered, spikes, bounds, ended, values)
    error, delta = spikes.error.copy(), np.zeros(len(spikes.time))
    slopes = _slopes_at_release(lowered, kernel_net, spikes, bounds, events, order, ended)
    carry, consecutive = adjoint.carries(kernel_net), adjoint.consecutive_rows(kernel_net)
    by_synapse = any(projection.delay.ndim for projection in net.projections.values())
    course: Any = time_constants.Course(lowered, events, trace.n_samples) if taus else None

    def run(first, last):
        totals = adjoint.no_totals(kernel_net, by_synapse)
        adjoint.sweep(kernel_net, spikes, bounds, events, order, slopes, carry, consecutive, integrals.asked,
                      integrals.error, integrals.tau, ended, slope_floor, inputs, first, last, error, delta, totals)
        for sample in range(first, last) if taus else ():
            course.follow(kernel_net, spikes, int(bounds[sample]), int(bounds[sample + 1]), int(order.events[sample]),
                          int(order.events[sample + 1]), integrals, sample, float(ended[sample]))
        return totals

    shards = [(k, min(k + SHARD, trace.n_samples)) for k in range(0, trace.n_samples, SHARD)]
    threads = thread_count(threads)
    totals = adjoint.no_totals(kernel_net, by_synapse)
    for wave in range(0, len(shards), threads):  # as many partial sums in memory as threads
        for part in in_threads(run, shards[wave:wave + threads], threads):
            for total, partial in zip(totals, part, strict=True):
                total += partial
    result = _by_name(net, trace, lowered, totals, error, pieces, inputs)
    if taus:
        course.add(result, net, lowered, delta)
    return result


def _refuse(net, loss_gradient):
    for population in net.populations.values():
        if population.kind == "neurons" and 0.0 in _taus(population.neuron):
            raise InputError(
                f'"{population.name}" has delta synapses (tau_syn = 0): its spike times are piecewise constant in the '
                "weights, so they have no useful gradient; use tau_syn > 0")
    for name in checked_keys(loss_gradient):
        choose("population", name, tuple(net.populations))


def _taus(neuron):
    return tuple(neuron.tau_syn.values()) if neuron.receptors else (neuron.tau_syn,)


def checked_keys(loss_gradient: Mapping[Any, Any]) -> list[Any]:
    """Return the population names of a loss gradient, whose keys may be handles of populations.

    Raises
    ------
    InputError
        If it is no dict.
    """
    if not isinstance(loss_gradient, dict):
        raise InputError(f"the loss gradient is a {type(loss_gradient).__name__}; give a dict by population name")
    return [getattr(key, "name", key) for key in loss_gradient]


class _Integrals(NamedTuple):
    """Losses on integrals of V."""

    error: np.ndarray
    """(samples, N) dL/d(integral) by gid; one row of none where no loss has any."""
    tau: np.ndarray
    """(N,) ms."""
    asked: np.ndarray
    """(populations,) bool."""


def _losses(trace, lowered, loss_gradient):
    """Return dL/dt by population, the values of V asked for as columns, and the integrals."""
    n, samples = len(lowered.population), trace.n_samples
    losses, values = {}, []
    integrals = _Integrals(np.zeros((samples, n)), np.full(n, np.inf), np.zeros(len(lowered.names), bool))
    for key, given in loss_gradient.items():
        name = getattr(key, "name", key)
        index = lowered.names.index(name)
        if trace.network.populations[name].kind != "neurons":
            raise InputError(f'loss gradient given for "{name}", an input; give it for neuron populations')
        here = slice(int(lowered.offset[index]), int(lowered.offset[index + 1]))
        size = here.stop - here.start
        if lowered.fires[index]:
            losses[name] = _checked(name, given, (len(trace.arrays(name).time),), "one value a recorded spike")
            continue
        for part in given if isinstance(given, list) and _is_loss(given) else [given]:
            shape, what = (samples, size), "(samples, neurons) of the readout"
            if isinstance(part, Integral):
                if integrals.asked[index] and integrals.tau[here.start] != part.tau:
                    raise InputError(f'two integrals of "{name}" have different tau; give one tau for a population')
                integrals.asked[index], integrals.tau[here] = True, part.tau
                integrals.error[:, here] += _checked(name, part.gradient, shape, what)
                continue
            time = np.broadcast_to(np.asarray(trace.ended, dtype=np.float64)[:, None], shape)
            if isinstance(part, ValueAt):
                time = np.broadcast_to(part.time, part.gradient.shape)
            error = _checked(name, part.gradient if isinstance(part, ValueAt) else part, shape, what)
            if np.any(time > trace.ended[:, None]):
                raise InputError(f'the loss reads "{name}" after the end of a sample; give times up to t_stop')
            sample, neuron = np.nonzero(error)
            values.append((sample, time[sample, neuron], neuron + here.start, error[sample, neuron]))
    return losses, values, integrals


def _is_loss(given):
    return any(isinstance(part, Integral | ValueAt) for part in given)


def _checked(name, values, shape, what):
    values = arrays.numbers(f'loss gradient of "{name}"', values)
    if values.shape != shape:
        raise InputError(f'loss gradient of "{name}" has shape {values.shape}; needed: {shape}, {what}')
    if not np.isfinite(values).all():
        raise InputError(f'loss gradient of "{name}" holds NaN or infinite values')
    return values


def _events(lowered, spikes, bounds, ended, values):
    """Return the spikes of neurons, the ends of their refractory periods, the values asked for; and the `Order`."""
    none = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0)
    sample, time, gid, error = (np.concatenate(column) for column in zip(none, *values, strict=True))
    by_time = np.lexsort((time, sample))
    values_bounds = np.searchsorted(sample[by_time], np.arange(len(ended) + 1))
    *columns, of_spike, others, events_bounds, others_bounds = sweep_order.events_by_neuron(
        spikes.time, spikes.gid, bounds, (lowered.regime >= 0)[lowered.population], lowered.t_refractory, ended,
        time[by_time], gid[by_time], error[by_time], values_bounds)
    return adjoint.Events(*columns), adjoint.Order(of_spike, others, events_bounds, others_bounds)


def _slopes_at_release(lowered, net, spikes, bounds, events, order, ended):
    """Return V'(R+) of the ends of refractory periods, by event.

    Where a period has no length, only V has moved, by the reset, since V'(T-), which the trace has.
    """
    slopes = np.zeros(len(events.time))
    at = np.flatnonzero(events.kind == adjoint.RELEASE)
    gid, before = events.gid[at], spikes.slope[events.number[at]]
    if not np.any(lowered.t_refractory[gid]) and np.isfinite(before).all():
        by_v = np.array([0.0 if regime < 0 else receptors.slope(int(regime), *taus, 0.0, 1.0, 0.0, 0.0)
                         for regime, *taus in zip(lowered.regime, lowered.tau_mem, lowered.tau_syn, lowered.tau_two,
                                                  strict=True)])
        slopes[at] = before + by_v[lowered.population[gid]] * (lowered.v_reset[gid] - lowered.theta[gid])
        return slopes
    for sample in range(len(ended)):
        adjoint.slopes_at_release(
            net, spikes, int(bounds[sample]), int(bounds[sample + 1]), events, int(order.events[sample]),
            int(order.events[sample + 1]), float(ended[sample]), slopes)
    return slopes


def _all_spikes(trace, lowered, losses):
    """Return all spikes, where those of each population went: {name: positions}, and the bounds of samples."""
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
    starts = np.cumsum([0] + [len(column[0]) for column in columns])
    sample, time, gid, amplitude, slope, loss = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = sweep_order.merged(sample, time, gid, starts)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    spikes = adjoint.Spikes(sample[order], time[order], gid[order], amplitude[order], slope[order], loss[order])
    bounds = np.searchsorted(spikes.sample, np.arange(trace.n_samples + 1))
    return spikes, {name: place[starts[k]:starts[k + 1]] for k, name in enumerate(names)}, bounds


def in_given_order(spikes: Spikes, values: Floats) -> Floats:
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
    return np.asarray(np.bincount(spikes.given, values, spikes.n_given), np.float64)


def _by_name(net, trace, lowered, totals, error, pieces, inputs):
    result = SpikeTimeGradient(*({} for _ in SpikeTimeGradient._fields))
    for number, name in enumerate(lowered.projections):
        projection = net.projections[name]
        mine = slice(lowered.projection_start[number], lowered.projection_stop[number])
        parameter = parameters(net, name)
        size = math.prod(projection.weight.shape)
        summed = np.bincount(parameter, totals.synapse[mine], minlength=size) * lowered.projection_scale[number]
        result.weights[name] = summed.reshape(projection.weight.shape)
        if not inputs and projection.source.kind != "neurons":
            continue
        if projection.delay.ndim == 0:
            result.delays[name] = np.asarray(totals.shared_delay[number])
        else:
            result.delays[name] = np.bincount(parameter, totals.delay[mine], minlength=size).reshape(
                projection.delay.shape)
    for index, name in enumerate(lowered.names):
        if lowered.regime[index] < 0:
            continue
        here = slice(lowered.offset[index], lowered.offset[index + 1])
        result.offsets[name], result.initial[name] = totals.offset[here].copy(), totals.initial[here].copy()
        if lowered.fires[index]:
            result.thresholds[name], result.resets[name] = totals.threshold[here].copy(), totals.reset[here].copy()
            result.refractory[name] = totals.refractory[here].copy()
    for name, spikes in trace.stimulus.items() if inputs else ():
        result.input_times[name] = in_given_order(spikes, error[pieces[name]])
    return result
