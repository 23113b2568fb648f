"""Random feed-forward and lateral single-spike networks of every regime with a current, for gradients."""

import math
from typing import NamedTuple

import numpy as np

import eventsim as es

REGIMES = ((20.0, 5.0), (10.0, 5.0), (10.0, 10.0), (10.0, 10.001), (3.0, 10.0), (1000.0, 1.0),
           (math.inf, 5.0), (math.inf, math.inf), (10.0, math.inf))
"""(tau_mem, tau_syn) in ms: every regime with a current, apart, at a ratio of 2, equal, nearly so, inverted."""

LAYOUTS = ("dense", "pooled", "convolved", "skip", "lateral")


class Case(NamedTuple):
    """A network with one sample, and a loss that is linear in its spike times and readout potentials."""

    net: es.Network
    stimulus: dict
    t_stop: float
    loss: dict
    """By population: the coefficient of every neuron's spike time (readout: potential at t_stop)."""


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
