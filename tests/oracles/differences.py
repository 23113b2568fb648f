"""Central differences of spike times and readout potentials, all copies of a network in one run.

A copy is the same synapses again with one weight, delay, threshold, offset or input time moved by a step;
the copies lie side by side in one larger network. The central difference is the five-point one,
(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h, formed for each spike time (or readout potential) before the
loss sums them up; of a sweep of steps the best counts. A gradient g passes where
|g - difference| <= 1e-6 max(|g|, 1e-3 max|g|), the outer maximum over all gradients of that kind in the
network.

A spike time is smooth only as long as the arrivals before it stay the same ones. Counted apart:
parameters for which every step changes which neurons fire or which arrivals precede a spike; whole
samples with a spike that grazes its threshold (V' below 1e-3 threshold/ms); and kinds whose largest
gradient is so small beside the loss (a potential long after the last spike) that no difference of
float64 numbers shows it to the tolerance.
"""

import math
from typing import NamedTuple

import numpy as np

import eventsim as es
import training
from eventsim.engines import layers
from training import layered

KINDS = ("weights", "delays", "thresholds", "input_times", "offsets")

STEPS = 10.0 ** -np.arange(1.5, 5.1, 0.5)
"""Steps of the sweep, relative to the size of what is moved (times and delays: ms)."""

POINTS = (1.0, -1.0, 2.0, -2.0)

GRAZING = 1e-3
"""V' in thresholds/ms below which a sample is counted apart."""

TOLERANCE = 1e-6


class Comparison(NamedTuple):
    """Gradients of one kind against central differences."""

    ratio: np.ndarray
    """|g - difference| / max(|g|, 1e-3 max|g|), one value a compared parameter."""
    not_zero: int
    """How many of these have a gradient."""
    order_changes: int
    """Parameters whose every step changed which arrivals precede a spike."""
    too_small: int
    """Parameters whose gradients no difference resolves."""


def sizes_of(case, kind):
    """Return {name: number of parameters of this kind}; delays that are shared count once."""
    net = case.net
    if kind in ("weights", "delays"):
        return {name: getattr(p, kind[:-1]).size for name, p in net.projections.items()}
    if kind == "input_times":
        return {name: spikes.n_given for name, spikes in case.stimulus.items()}
    chosen = (p for p in net.populations.values() if p.kind == "neurons" and not (
        kind == "thresholds" and p.is_readout))
    return {p.name: p.size for p in chosen}


def units_of(case, kind, name):
    """Return the size of a parameter, to which steps are relative."""
    if kind == "weights":
        return float(np.abs(case.net.projections[name].weight).max())
    if kind == "offsets" and math.isinf(case.net.populations[name].neuron.tau_mem):
        return 0.05
    return 1.0


def stacked(case, moves):
    """Return the network and the stimulus of all copies of a case side by side.

    Parameters
    ----------
    case : Case
    moves : dict of str to dict of str to ndarray (copies, parameters)
        What to add to the parameters, by kind and name; what is missing stays.
    """
    def moved(kind, name, values):
        values = np.asarray(values, dtype=np.float64).ravel()
        return np.broadcast_to(values, (copies, values.size)) + moves.get(kind, {}).get(name, 0.0)

    copies = next(len(move) for by_name in moves.values() for move in by_name.values())
    copy = np.arange(copies)[:, None]
    net = es.Network(seed=0)
    stimulus = {}
    for name, population in case.net.populations.items():
        if population.kind == "input":
            spikes = case.stimulus[name]
            net.input(name, copies * population.size)
            times, neurons, amplitudes = given(spikes)
            stimulus[name] = es.Spikes(
                moved("input_times", name, times), neurons + population.size * copy, amplitude=amplitudes)
            continue
        values = population.neuron.resolve(population.size)
        net.population(name, copies * population.size, es.LIF(
            values.tau_mem, values.tau_syn, v_rest=np.tile(values.v_rest, copies),
            v_threshold=moved("thresholds", name, values.v_threshold).ravel(),
            v_init=np.tile(values.v_init, copies), t_refractory=es.NEVER,
            i_offset=moved("offsets", name, values.i_offset).ravel()))
    for name, projection in case.net.projections.items():
        synapses = projection.synapses()
        weight = moved("weights", name, projection.weight)[:, synapses.parameter] * synapses.scale
        rule = es.Sparse((synapses.source + projection.source.size * copy).ravel(),
                         (synapses.target + projection.target.size * copy).ravel(), weight.ravel())
        net.connect(projection.source.name, projection.target.name, rule, name=name,
                    delay=_delays(projection, synapses, moved("delays", name, projection.delay)).ravel())
    return net, stimulus


def given(spikes):
    """Return times, neurons and amplitudes in the order in which the user gave them."""
    back = np.argsort(spikes.given)
    return spikes.time[back], spikes.neuron[back], spikes.amplitude[back]


def _delays(projection, synapses, delays):
    """Return (copies, synapses) from (copies, parameters)."""
    if projection.delay.ndim == 0:
        return np.broadcast_to(delays, (len(delays), len(synapses.source)))
    return delays[:, synapses.parameter]


def observe(case, moves):
    """Run all copies; return times and potentials by population, (copies, size), and what precedes what.

    The last is bool (copies, n): which neurons fire and which arrivals come before the spike of their
    target (before t_stop, for a readout).
    """
    net, stimulus = stacked(case, moves)
    trace = es.simulate(net, stimulus, case.t_stop, seed=0)
    times, seen, order = {}, {}, []
    for name, population in case.net.populations.items():
        copies = net.populations[name].size // population.size
        if population.kind == "input":
            times[name] = given(stimulus[name])[0].reshape(copies, -1)
            continue
        times[name] = seen[name] = trace.first_spikes(name).reshape(copies, -1)
        order.append(np.isfinite(times[name]))
        if population.is_readout:
            seen[name] = trace.potential(name).reshape(copies, -1)
            times[name] = np.full(times[name].shape, case.t_stop)
    for name, projection in case.net.projections.items():
        synapses = projection.synapses()
        row = np.asarray(projection.delay, dtype=np.float64).ravel() + moves.get("delays", {}).get(
            name, np.zeros((copies, 1)))
        delay = _delays(projection, synapses, row)
        source = projection.source
        spike_neuron = given(case.stimulus[source.name])[1] if source.kind == "input" else np.arange(source.size)
        spike, synapse = np.nonzero(spike_neuron[:, None] == synapses.source)
        order.append(times[source.name][:, spike] + delay[:, synapse]
                     < times[projection.target.name][:, synapses.target[synapse]])
    return seen, np.concatenate(order, axis=1)


def central_differences(case, kind, name, indices):
    """Return dL/d(parameter) for some parameters and every step of the sweep; NaN where the order changes.

    Returns
    -------
    ndarray (len(indices), len(STEPS))
    """
    step = STEPS * units_of(case, kind, name)
    moves = np.zeros((1 + len(indices) * len(STEPS) * len(POINTS), sizes_of(case, kind)[name]))
    by = np.multiply.outer(step, POINTS).ravel()
    for number, index in enumerate(indices):
        first = 1 + number * len(by)
        moves[first:first + len(by), index] = by
    seen, order = observe(case, {kind: {name: moves}})
    same = (order[1:] == order[0]).all(axis=1).reshape(len(indices), len(STEPS), len(POINTS)).all(axis=2)
    result = np.zeros(same.shape)
    for population, coefficient in case.loss.items():
        values = seen[population][1:].reshape(len(indices), len(STEPS), len(POINTS), -1)
        values = np.where(np.isfinite(values), values, 0.0)
        near, far = values[:, :, 0] - values[:, :, 1], values[:, :, 2] - values[:, :, 3]
        result += (8.0 * near - far) @ coefficient / (12.0 * step)
    return np.where(same, result, np.nan)


def loss_gradient_of(case, trace):
    """Return the loss gradient in the form that `training.spike_time_gradient` takes."""
    result = {}
    for name, coefficient in case.loss.items():
        if case.net.populations[name].is_readout:
            result[name] = np.tile(coefficient, (trace.n_samples, 1))
        else:
            result[name] = coefficient[trace.spikes(name).neuron]
    return result


def over_trace(case):
    """Return (trace, gradients {kind: {name: flat array}}) of `training.spike_time_gradient`."""
    trace = es.simulate(case.net, case.stimulus, case.t_stop, seed=0)
    found = training.spike_time_gradient(case.net, trace, loss_gradient_of(case, trace))
    return trace, {kind: {name: np.ravel(values) for name, values in getattr(found, kind).items()}
                   for kind in KINDS[:4]}


def in_layers(case):
    """Return the gradients {kind: {name: flat array}} of `training.layered`."""
    plan = layers.plan(case.net)
    activations = layers.forward(plan, case.stimulus, case.t_stop, keep_events=True)
    loss = {name: np.tile(coefficient, (activations.n_samples, 1)) for name, coefficient in case.loss.items()}
    found = layered.backward(plan, activations, loss, input_times=True)
    return {kind: {name: np.ravel(values) for name, values in getattr(found, kind).items()} for kind in KINDS}


def grazes(case, trace):
    """Return whether any spike crosses its threshold slower than `GRAZING`."""
    for name, population in case.net.populations.items():
        if population.kind == "neurons" and not population.is_readout:
            spikes = trace.spikes(name)
            threshold = population.neuron.resolve(population.size).v_threshold
            if np.any(spikes.slope < GRAZING * np.abs(threshold[spikes.neuron])):
                return True
    return False


def rounding(case, trace):
    """Return the rounding error of a difference of two losses: some units in the last place of its parts."""
    largest = 0.0
    for name, coefficient in case.loss.items():
        seen = trace.potential(name) if case.net.populations[name].is_readout else trace.first_spikes(name)
        largest = max(largest, float(np.abs(np.where(np.isfinite(seen), seen, 0.0) * coefficient).max()))
    return 32.0 * np.finfo(float).eps * largest


def compare(case, trace, gradients, kind, rng, limit=12):
    """Return the `Comparison` of at most `limit` parameters of one kind, chosen at random."""
    sizes = sizes_of(case, kind)
    every = [(name, index) for name, size in sizes.items() for index in range(size)]
    chosen = [every[k] for k in rng.permutation(len(every))[:limit]]
    analytic, differences = [], []
    for name in sizes:
        indices = [index for owner, index in chosen if owner == name]
        if indices:
            analytic.append(gradients[kind][name][indices])
            differences.append(central_differences(case, kind, name, indices))
    analytic, differences = np.concatenate(analytic), np.concatenate(differences)
    usable = ~np.isnan(differences).all(axis=1)
    order_changes = len(chosen) - int(usable.sum())
    analytic = analytic[usable]
    size = np.abs(analytic)
    least = 1e-3 * max(np.abs(values).max(initial=0.0) for values in gradients[kind].values())
    if 0.0 < TOLERANCE * least < rounding(case, trace) / (STEPS[0] * min(units_of(case, kind, name) for name in sizes)):
        return Comparison(np.zeros(0), 0, order_changes, len(analytic))
    error = np.nanmin(np.abs(differences[usable] - analytic[:, None]), axis=1, initial=np.inf)
    ratio = np.where(error == 0.0, 0.0, error / np.maximum(size, max(least, 1e-300)))
    return Comparison(ratio, int(np.count_nonzero(analytic)), order_changes, 0)
