"""Analytic gradients against central differences, regime by regime, on random networks.

    python benchmarks/gradient_check.py [--networks N] [--seed S] [--out FILE]

Every network is run once as it is and once with all its perturbed copies side by side in one larger
network: a copy is the same synapses again with one weight, delay, threshold, offset or input time moved
by a step. The central difference is the five-point one, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h,
formed for each spike time (or readout potential) before the loss sums them up; of a sweep of steps the
best counts. A gradient g passes where |g - difference| <= 1e-6 max(|g|, 1e-3 max|g|), the outer maximum
over all gradients of that kind in the network.

A spike time is smooth only as long as the arrivals before it stay the same ones. Counted apart:
parameters for which every step changes which neurons fire or which arrivals precede a spike; whole
samples with a spike that grazes its threshold (V' below 1e-3 threshold/ms); and kinds whose largest
gradient is so small beside the loss (a potential long after the last spike) that no difference of
float64 numbers shows it to the tolerance.
"""

import argparse
import json
import math
import pathlib
import time
from typing import NamedTuple

import numpy as np

import eventsim as es
import training
from eventsim import provenance
from eventsim.engines import layers
from eventsim.io.aside import written_aside
from training import layered

REGIMES = ((20.0, 5.0), (10.0, 5.0), (10.0, 10.0), (10.0, 10.001), (3.0, 10.0), (1000.0, 1.0),
           (math.inf, 5.0), (math.inf, math.inf), (10.0, math.inf))
"""(tau_mem, tau_syn) in ms: every regime with a current, apart, at a ratio of 2, equal, nearly so, inverted."""

LAYOUTS = ("dense", "pooled", "convolved", "skip", "lateral")

KINDS = ("weights", "delays", "thresholds", "input_times", "offsets")

STEPS = 10.0 ** -np.arange(1.5, 5.1, 0.5)
"""Steps of the sweep, relative to the size of what is moved (times and delays: ms)."""

POINTS = (1.0, -1.0, 2.0, -2.0)
FACTORS = np.array((8.0, -8.0, -1.0, 1.0)) / 12.0

GRAZING = 1e-3
"""V' in thresholds/ms below which a sample is counted apart."""

TOLERANCE = 1e-6


class Case(NamedTuple):
    """A network with one sample, and a loss that is linear in its spike times and readout potentials."""

    net: es.Network
    stimulus: dict
    t_stop: float
    loss: dict
    """By population: the coefficient of every neuron's spike time (readout: potential at t_stop)."""


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


def response(tau_mem, tau_syn, s):
    """Return the largest potential that an arrival of weight 1 causes within s ms."""
    at = np.linspace(0.0, s, 200)[1:]
    if math.isinf(tau_mem):
        return s if math.isinf(tau_syn) else -tau_syn * math.expm1(-s / tau_syn)
    if math.isinf(tau_syn):
        return -math.expm1(-s / tau_mem)
    if abs(tau_mem - tau_syn) < 0.01 * tau_mem:
        return float(np.max(at / tau_mem * np.exp(-at / tau_mem)))
    return float(np.max(tau_syn / (tau_mem - tau_syn) * (np.exp(-at / tau_mem) - np.exp(-at / tau_syn))))


def random_case(rng, taus, hidden_taus=None, layout="dense", readout=False, offset=False, per_synapse=False,
                busy=False, span=10.0):
    """Return a random network in which the loss depends on spikes of every layer.

    Parameters
    ----------
    rng : numpy.random.Generator
    taus : (float, float)
        tau_mem and tau_syn in ms.
    hidden_taus : (float, float), optional
        Those of the population "hidden", where it is of another regime.
    layout : str
        One of `LAYOUTS`.
    readout : bool
        The output is a silent readout, and the loss is on its potentials.
    offset : bool
        Every neuron has its own i_offset, some above threshold.
    per_synapse : bool
        Every weight has its own delay.
    busy : bool
        Input neurons spike several times, with amplitudes.
    span : float
        Inputs spike within so many ms.

    Returns
    -------
    Case
    """
    net = es.Network(seed=0)
    is_map = layout in ("pooled", "convolved")
    source = net.input("in", (4, 4, 1) if is_map else 5)

    def neurons(name, shape, fires=True):
        tau_mem, tau_syn = hidden_taus if name == "hidden" and hidden_taus else taus
        size = int(np.prod(shape))
        i_offset = rng.uniform(-0.01, 0.05, size) if math.isinf(tau_mem) else rng.uniform(-0.3, 1.2, size)
        lif = es.LIF(
            tau_mem, tau_syn, v_rest=-0.1, v_threshold=rng.uniform(0.8, 1.2, size) if fires else es.NEVER,
            v_init=rng.uniform(-0.4, 0.3, size), t_refractory=es.NEVER, i_offset=i_offset if offset else 0.0)
        return net.population(name, shape, lif)

    strength = rng.uniform(3.0, 9.0)

    def connect(first, second, rule, shape, active, **settings):
        tau_mem, tau_syn = second.neuron.tau_mem, second.neuron.tau_syn
        together = max(1.0, active * min(1.0, 2.0 * max(tau_mem, min(tau_syn, 100.0)) / span))
        size = strength / (together * response(tau_mem, tau_syn, 0.5 * span + 10.0))
        weight = rng.uniform(-0.3, 1.0, shape) * size * settings.get("pool", 1)**2
        delay = rng.uniform(0.1, 3.0, shape if per_synapse else ())
        if rule is es.Sparse:
            ends = np.divmod(np.arange(len(weight)), second.size)
            return net.connect(first, second, es.Sparse(*ends, weight), delay=delay)
        return net.connect(first, second, rule(weight, **settings), delay=delay)

    if layout == "pooled":
        hidden = neurons("hidden", (4, 4, 1))
        connect(source, hidden, es.Dense, (4, 16), 16, pool=2)
        output = neurons("output", 3, not readout)
        connect(hidden, output, es.Dense, (4, 3), 16, pool=2)
    elif layout == "convolved":
        hidden = neurons("hidden", (4, 4, 2))
        connect(source, hidden, es.Conv2d, (2, 2, 1, 2), 4, padding="same")
        deeper = neurons("deeper", (2, 2, 2))
        connect(hidden, deeper, es.Conv2d, (2, 2, 2, 2), 8, padding="same", pool=2)
        output = neurons("output", 3, not readout)
        connect(deeper, output, es.Dense, (8, 3), 8)
    else:
        hidden = neurons("hidden", 6)
        connect(source, hidden, es.Dense, (5, 6), 5)
        output = neurons("output", 3, not readout)
        connect(hidden, output, es.Dense, (6, 3), 6)
        if layout == "skip":
            connect(source, output, es.Dense, (5, 3), 5)
        if layout == "lateral":
            connect(hidden, hidden, es.Sparse, (36,), 24)

    repeats = 3 if busy else 1
    count = source.size * repeats
    stimulus = es.Spikes(rng.uniform(0.1, span, count), np.tile(np.arange(source.size), repeats),
                         amplitude=rng.uniform(0.5, 1.5, count) / repeats if busy else 1.0)
    firing = [name for name, p in net.populations.items() if p.kind == "neurons" and not p.is_readout]
    t_stop = span + 60.0
    for _ in range(20):
        trace = es.simulate(net, stimulus, t_stop, seed=0)
        if all(len(trace.spikes(name).time) > 1 for name in firing):
            break
        for projection in net.projections.values():
            projection.set_weight(1.25 * projection.weight)
    if readout:  # its potential forgets: look while the last spikes are fresh
        t_stop = max(trace.spikes(name).time.max(initial=1.0) for name in firing) + rng.uniform(4.0, 10.0)
    loss = {"output": rng.uniform(0.2, 1.0, 3)}
    if not readout and rng.random() < 0.5:
        loss["hidden"] = rng.uniform(-0.5, 1.0, hidden.size)
    return Case(net, {"in": stimulus}, t_stop, loss)


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
        apart = values[:, :, 0] * FACTORS[0] + values[:, :, 1] * FACTORS[1]
        apart += values[:, :, 2] * FACTORS[2] + values[:, :, 3] * FACTORS[3]
        result += apart @ coefficient / step
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


def check_regime(taus, networks, rng):
    """Return the figures of one regime: networks, how many grazed, and by kind: checked, apart, worst ratio."""
    kinds = {kind: {"checked": 0, "not_zero": 0, "apart_order_changes": 0, "apart_too_small": 0, "worst_ratio": 0.0}
             for kind in KINDS}
    grazing = spikes = 0
    for number in range(networks):
        case = random_case(
            rng, taus, REGIMES[rng.integers(len(REGIMES))] if rng.random() < 0.3 else None,
            LAYOUTS[number % len(LAYOUTS)], readout=number % 3 == 2,
            offset=rng.random() < 0.5, per_synapse=rng.random() < 0.5, busy=rng.random() < 0.5,
            span=(10.0, 150.0)[int(rng.random() < 0.3)])
        trace, gradients = over_trace(case)
        spikes += sum(len(trace.spikes(p.name).time) for p in case.net.populations.values() if p.kind == "neurons")
        if grazes(case, trace):
            grazing += 1
            continue
        if layers.unsuited(case.net) is None:
            gradients["offsets"] = in_layers(case)["offsets"]
        for kind in gradients:
            found = compare(case, trace, gradients, kind, rng)
            figures = kinds[kind]
            figures["checked"] += len(found.ratio)
            figures["not_zero"] += found.not_zero
            figures["apart_order_changes"] += found.order_changes
            figures["apart_too_small"] += found.too_small
            figures["worst_ratio"] = max(figures["worst_ratio"], float(found.ratio.max(initial=0.0)))
    return {"networks": networks, "apart_grazing": grazing, "spikes": spikes, "kinds": kinds}


def main(arguments=None):
    """Check every regime, print a table and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", type=int, default=40, help="random networks a regime")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent / "results" / "gradient_check.json")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    regimes = {}
    for number, taus in enumerate(REGIMES):
        figures = check_regime(taus, chosen.networks, np.random.default_rng((chosen.seed, number)))
        regimes["tau_mem={:g} tau_syn={:g}".format(*taus)] = figures
        row = "  ".join(f"{kind} {found['checked']} {found['worst_ratio']:.1e}"
                        for kind, found in figures["kinds"].items())
        print(f"({taus[0]:g}, {taus[1]:g}): {row}", flush=True)
    worst = max(found["worst_ratio"] for figures in regimes.values() for found in figures["kinds"].values())
    result = {
        "tolerance": TOLERANCE, "passed": worst <= TOLERANCE, "worst_ratio": worst, "regimes": regimes,
        "provenance": provenance.record(
            "gradient_check", {"networks": chosen.networks, "seed": chosen.seed}, chosen.seed,
            {"elapsed_s": time.perf_counter() - started}),
    }
    with written_aside(chosen.out) as aside:
        aside.write_text(json.dumps(result, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    print(f"worst ratio {worst:.2e} (tolerance {TOLERANCE:g})")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    raise SystemExit(main())
