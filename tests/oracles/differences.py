"""Central differences of spike times and readout potentials, all copies of a network in one run.

A copy is the same synapses again with one weight, delay, threshold, reset, offset, start, refractory period or input
time moved by a step; the copies lie side by side in one larger network. (A time constant belongs to a population: it is
moved in a run of its own.) The central difference is the five-point one, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h,
formed for each spike time (or reading of a membrane) before the loss sums them up; of a sweep of steps the best
counts. A gradient g passes where |g - difference| <= 1e-6 max(|g|, 1e-3 max|g|), the outer maximum over all gradients
of that kind in the network.

A spike time is smooth only as long as the arrivals before it stay the same ones. Counted apart: parameters for which
every step, but one at most, changes how often a neuron fires or which arrivals precede a spike or the end of a
refractory period; those whose differences change from each step to the next by more than `SETTLED`; whole samples with
a spike that grazes its threshold (V' below 1e-3 threshold/ms); and kinds whose largest gradient is so small beside the
loss (a potential long after the last spike) that no difference of float64 numbers shows it to the tolerance.
"""

import math
from typing import NamedTuple

import numpy as np

import eventsim as es
import training
from eventsim.engines import layers
from training import layered

OF_LAYERS = ("weights", "delays", "thresholds", "input_times", "offsets")
TAUS = ("tau_mem", "tau_syn")
KINDS = (*OF_LAYERS, "resets", "initial", "refractory", *TAUS)

STEPS = 10.0 ** -np.arange(1.5, 6.1, 0.5)
"""Steps of the sweep, relative to the size of what is moved (times and delays: ms)."""

POINTS = (1.0, -1.0, 2.0, -2.0)

GRAZING = 1e-3
"""V' in thresholds/ms below which a sample is counted apart."""

TOLERANCE = 1e-6

SETTLED = 1e-5
"""Two successive steps must agree so far, relative as errors are: in a chaotic network even the smallest may not."""


class Comparison(NamedTuple):
    """Gradients of one kind against central differences."""

    ratio: np.ndarray
    """|g - difference| / max(|g|, 1e-3 max|g|), one value a compared parameter."""
    not_zero: int
    """How many of these have a gradient."""
    order_changes: int
    """Parameters of which fewer than two steps left the order of events as it was."""
    unsettled: int
    """Parameters whose differences still change from step to step where the order does not."""
    too_small: int
    """Parameters whose gradients no difference resolves."""


class Reading(NamedTuple):
    """What a loss reads of a silent readout; a plain array of coefficients reads V(t_stop)."""

    coefficient: np.ndarray
    """One value a neuron."""
    time: float | None = None
    """Of a value of V, ms."""
    tau: float | None = None
    """Of an integral of e^(-t / tau) V, ms."""


def neurons_of(case, fire=None):
    """Return the neuron populations; `fire`: only those that can, or that cannot."""
    return [p for p in case.net.populations.values() if p.kind == "neurons" and fire in (None, not p.is_readout)]


def sizes_of(case, kind):
    """Return {name: number of parameters of this kind}; delays that are shared count once."""
    net = case.net
    if kind in ("weights", "delays"):
        return {name: getattr(p, kind[:-1]).size for name, p in net.projections.items()}
    if kind == "refractory":  # a period of 0 has no smaller one
        return {p.name: p.size for p in neurons_of(case, True) if np.all(p.neuron.resolve(p.size).t_refractory > 0.0)}
    if kind == "input_times":
        return {name: spikes.n_given for name, spikes in case.stimulus.items()}
    if kind == "tau_mem":
        return {p.name: 1 for p in neurons_of(case)}
    if kind == "tau_syn":
        return {p.name: max(1, len(p.neuron.receptors)) for p in neurons_of(case)}
    return {p.name: p.size for p in neurons_of(case, None if kind in ("offsets", "initial") else True)}


def units_of(case, kind, name):
    """Return the size of a parameter, to which steps are relative."""
    if kind == "weights":
        return float(np.abs(case.net.projections[name].weight).max())
    if kind == "offsets" and math.isinf(case.net.populations[name].neuron.tau_mem):
        return 0.05
    if kind in TAUS:
        return min((tau for tau in taus_of(case, kind, name) if tau < math.inf), default=1.0)
    return 1.0


def taus_of(case, kind, name):
    """Return the time constants of a population, ms: one, or one a receptor."""
    tau = getattr(case.net.populations[name].neuron, kind)
    return tuple(tau.values()) if isinstance(tau, dict) else (tau,)


def stacked(case, moves, taus=None):
    """Return the network and the stimulus of all copies of a case side by side.

    Parameters
    ----------
    case : Case
    moves : dict of str to dict of str to ndarray (copies, parameters)
        What to add to the parameters, by kind and name; what is missing stays.
    taus : dict of str to dict, optional
        Time constants by population and kind, instead of its own.
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
        own = {kind: getattr(population.neuron, kind) for kind in TAUS} | (taus or {}).get(name, {})
        net.population(name, copies * population.size, es.LIF(
            **own, v_rest=np.tile(values.v_rest, copies),
            v_threshold=moved("thresholds", name, values.v_threshold).ravel(),
            v_reset=moved("resets", name, values.v_reset).ravel(),
            v_init=moved("initial", name, values.v_init).ravel(),
            t_refractory=moved("refractory", name, values.t_refractory).ravel(),
            i_offset=moved("offsets", name, values.i_offset).ravel()))
    for name, projection in case.net.projections.items():
        synapses = projection.synapses()
        weight = moved("weights", name, projection.weight)[:, synapses.parameter] * synapses.scale
        rule = es.Sparse((synapses.source + projection.source.size * copy).ravel(),
                         (synapses.target + projection.target.size * copy).ravel(), weight.ravel())
        net.connect(projection.source.name, projection.target.name, rule, name=name, receptor=projection.receptor,
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


def by_rank(table, size):
    """Return the spikes of one sample as (neurons, most spikes of a neuron), inf behind the last of each."""
    rank = ranks(table)
    times = np.full((size, rank.max(initial=-1) + 1), np.inf)
    times[table.neuron, rank] = table.time
    return times


def ranks(table):
    """Return which spike of its neuron (0: the first) every spike of a table of one sample is."""
    order = np.lexsort((table.time, table.neuron))
    first = np.searchsorted(table.neuron[order], table.neuron[order])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - first
    return rank


def readings(case, trace, name):
    """Return what the loss reads of a readout: the potentials, or integrals, of all copies, (copies, size)."""
    reading = case.loss.get(name)
    size = case.net.populations[name].size
    if isinstance(reading, Reading) and reading.tau is not None:
        return es.measure.integrated_potential(trace, name, reading.tau).reshape(-1, size)
    return trace.potential(name, _read_at(case, name)).reshape(-1, size)


def _read_at(case, name):
    reading = case.loss.get(name)
    return reading.time if isinstance(reading, Reading) and reading.time is not None else case.t_stop


def observe(case, moves, taus=None):
    """Run all copies; return what the loss reads by population, (copies, size) or (copies, size, spikes), and an order.

    The order is int (copies, n): how often neurons fire, and before how many spikes and ends of refractory periods
    of its target (or the reading of a readout) each arrival comes.
    """
    net, stimulus = stacked(case, moves, taus)
    trace = es.simulate(net, stimulus, case.t_stop, seed=0)
    times, bounds, seen, order = {}, {}, {}, []
    for name, population in case.net.populations.items():
        copies = net.populations[name].size // population.size
        if population.kind == "input":
            times[name] = given(stimulus[name])[0].reshape(copies, -1)
        elif population.is_readout:
            seen[name] = readings(case, trace, name)
            bounds[name] = np.full((copies, population.size, 1), _read_at(case, name))
        else:
            found = by_rank(trace.spikes(name), copies * population.size)
            ends = found + net.populations[name].neuron.resolve(len(found)).t_refractory[:, None]
            times[name] = seen[name] = found.reshape(copies, population.size, -1)
            bounds[name] = np.concatenate([times[name], ends.reshape(times[name].shape)], axis=2)
            order.append(np.isfinite(times[name]).sum(axis=2))
    for name, projection in case.net.projections.items():
        synapses = projection.synapses()
        row = np.asarray(projection.delay, dtype=np.float64).ravel() + moves.get("delays", {}).get(
            name, np.zeros((copies, 1)))
        delay = _delays(projection, synapses, row)
        source = projection.source
        if source.kind == "input":
            spike, synapse = np.nonzero(given(case.stimulus[source.name])[1][:, None] == synapses.source)
            arrival = times[source.name][:, spike] + delay[:, synapse]
            target = bounds[projection.target.name][:, synapses.target[synapse]]
            order.append((arrival[..., None] < target).sum(axis=-1))
        else:
            for rank in range(times[source.name].shape[2]):
                arrival = times[source.name][:, synapses.source, rank] + delay
                target = bounds[projection.target.name][:, synapses.target]
                order.append((arrival[..., None] < target).sum(axis=-1))
    return seen, np.concatenate(order, axis=1)


def _coefficients(case, name):
    loss = case.loss[name]
    coefficient = np.asarray(loss.coefficient if isinstance(loss, Reading) else loss)
    fires = not case.net.populations[name].is_readout
    return coefficient[:, None] if fires and coefficient.ndim == 1 else coefficient


def _of_taus(case, kind, name, indices):
    """Run a case once for every step and point of some time constants; return as `observe`, the base first."""
    runs = [observe(case, {"weights": {next(iter(case.net.projections)): np.zeros((1, 1))}})]
    for index in indices:
        for by in np.multiply.outer(STEPS * units_of(case, kind, name), POINTS).ravel():
            taus = list(taus_of(case, kind, name))
            taus[index] += by
            receptors = case.net.populations[name].neuron.receptors
            value = dict(zip(receptors, taus, strict=True)) if kind == "tau_syn" and receptors else taus[0]
            runs.append(observe(case, {"weights": {next(iter(case.net.projections)): np.zeros((1, 1))}},
                                {name: {kind: value}}))
    base = runs[0][1]
    order = np.array([run[1][0] if run[1].shape == base.shape else -1 - base[0] for run in runs])
    seen = {population: [run[0][population][0] for run in runs] for population in runs[0][0]}
    return {population: np.array([_cut(values, found[0].shape) for values in found])
            for population, found in seen.items()}, order


def _cut(values, shape):
    """Return values with as many spikes a neuron as `shape` has; where the number differs, the order does too."""
    result = np.full(shape, np.inf)
    common = tuple(slice(min(a, b)) for a, b in zip(shape, values.shape, strict=True))
    result[common] = values[common]
    return result


def central_differences(case, kind, name, indices):
    """Return dL/d(parameter) for some parameters and every step of the sweep; NaN where the order changes.

    Returns
    -------
    ndarray (len(indices), len(STEPS))
    """
    step = STEPS * units_of(case, kind, name)
    if kind in TAUS:
        seen, order = _of_taus(case, kind, name, indices)
    else:
        moves = np.zeros((1 + len(indices) * len(STEPS) * len(POINTS), sizes_of(case, kind)[name]))
        by = np.multiply.outer(step, POINTS).ravel()
        for number, index in enumerate(indices):
            first = 1 + number * len(by)
            moves[first:first + len(by), index] = by
        seen, order = observe(case, {kind: {name: moves}})
    same = (order[1:] == order[0]).all(axis=1).reshape(len(indices), len(STEPS), len(POINTS)).all(axis=2)
    result = np.zeros(same.shape)
    for population in case.loss:
        coefficient = _coefficients(case, population)
        values = seen[population]
        if coefficient.ndim == 2:
            values = np.stack([_cut(one, coefficient.shape) for one in values])
        values = values[1:].reshape(len(indices), len(STEPS), len(POINTS), -1)
        values = np.where(np.isfinite(values), values, 0.0)
        near, far = values[:, :, 0] - values[:, :, 1], values[:, :, 2] - values[:, :, 3]
        result += (8.0 * near - far) @ coefficient.ravel() / (12.0 * step)
    return np.where(same, result, np.nan)


def loss_gradient_of(case, trace):
    """Return the loss gradient in the form that `training.spike_time_gradient` takes."""
    result = {}
    for name, loss in case.loss.items():
        coefficient = _coefficients(case, name)
        if case.net.populations[name].is_readout:
            every = np.tile(coefficient, (trace.n_samples, 1))
            if isinstance(loss, Reading) and loss.tau is not None:
                every = training.Integral(every, loss.tau)
            elif isinstance(loss, Reading) and loss.time is not None:
                every = training.ValueAt(np.full(every.shape, loss.time), every)
            result[name] = every
            continue
        table = trace.spikes(name)
        rank = np.zeros(len(table.time), np.int64)
        for sample in np.unique(table.sample):
            mine = table.sample == sample
            rank[mine] = ranks(type(table)(*(column[mine] for column in table)))
        counted = rank < coefficient.shape[1]
        result[name] = np.where(counted, coefficient[table.neuron, np.where(counted, rank, 0)], 0.0)
    return result


def over_trace(case, taus=False):
    """Return (trace, gradients {kind: {name: flat array}}) of `training.spike_time_gradient`."""
    trace = es.simulate(case.net, case.stimulus, case.t_stop, seed=0)
    found = training.spike_time_gradient(case.net, trace, loss_gradient_of(case, trace), taus=taus)
    return trace, {kind: {name: np.ravel(values) for name, values in getattr(found, kind).items()}
                   for kind in KINDS if taus or kind not in TAUS}


def in_layers(case):
    """Return the gradients {kind: {name: flat array}} of `training.layered`."""
    plan = layers.plan(case.net)
    activations = layers.forward(plan, case.stimulus, case.t_stop, keep_events=True)
    loss = {name: np.tile(coefficient, (activations.n_samples, 1)) for name, coefficient in case.loss.items()}
    found = layered.backward(plan, activations, loss, input_times=True)
    return {kind: {name: np.ravel(values) for name, values in getattr(found, kind).items()} for kind in OF_LAYERS}


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
    for name in case.loss:
        coefficient = _coefficients(case, name)
        if case.net.populations[name].is_readout:
            seen = readings(case, trace, name)
        else:
            seen = _cut(by_rank(trace.spikes(name), len(coefficient)), coefficient.shape)
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
    if not analytic:
        return Comparison(np.zeros(0), 0, 0, 0, 0)
    analytic, differences = np.concatenate(analytic), np.concatenate(differences)
    usable = (~np.isnan(differences)).sum(axis=1) >= 2  # with one alone nobody sees whether it has converged
    order_changes = len(chosen) - int(usable.sum())
    analytic = analytic[usable]
    size = np.abs(analytic)
    least = 1e-3 * max(np.abs(values).max(initial=0.0) for values in gradients[kind].values())
    if 0.0 < TOLERANCE * least < rounding(case, trace) / (STEPS[0] * min(units_of(case, kind, name) for name in sizes)):
        return Comparison(np.zeros(0), 0, order_changes, 0, len(analytic))
    differences = differences[usable]
    change = np.abs(np.diff(differences, axis=1)) / np.maximum(np.abs(differences[:, 1:]), max(least, 1e-300))
    settled = np.nanmin(change, axis=1, initial=np.inf) <= SETTLED
    analytic, size, differences = analytic[settled], size[settled], differences[settled]
    error = np.nanmin(np.abs(differences - analytic[:, None]), axis=1, initial=np.inf)
    ratio = np.where(error == 0.0, 0.0, error / np.maximum(size, max(least, 1e-300)))
    return Comparison(ratio, int(np.count_nonzero(analytic)), order_changes, int(np.sum(~settled)), 0)
