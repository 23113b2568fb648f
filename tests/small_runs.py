"""Traces for the tests of converters: one of a recurrent network that was run, and ones made by hand."""

import functools

import numpy as np

import eventsim as es
from eventsim import provenance
from eventsim.trace import SpikeTable, Trace

SAMPLES = 3


def network():
    """Return two populations that excite and inhibit each other, an input and noise."""
    net = es.Network(seed=4)
    cells = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=1.0)
    net.input("onset", 5)
    net.poisson("noise", 30, rate=60.0)
    net.population("excitatory", 20, cells)
    net.population("inhibitory", 6, cells)
    net.connect("onset", "excitatory", es.AllToAll(0.8), delay=1.0)
    for target in ("excitatory", "inhibitory"):
        net.connect("noise", target, es.FixedInDegree(8, 1.0))
        net.connect("excitatory", target, es.FixedProbability(0.3, 0.5), delay=es.Uniform(0.5, 2.0), name=f"e{target}")
        net.connect("inhibitory", target, es.FixedProbability(0.5, -1.5), delay=0.7, name=f"i{target}")
    return net


def onset(samples=SAMPLES):
    """Return spikes of the input, other ones in each sample, at times that are no round numbers."""
    rng = np.random.default_rng(7)
    count = 8 * samples
    return es.Spikes(rng.random(count) * 90.0, rng.integers(0, 5, count), np.arange(count) % samples, n_samples=samples)


@functools.cache
def recurrent_run(samples=SAMPLES, **options):
    """Return the trace of 100 ms of `network`; the same object at every call."""
    return es.simulate(network(), {"onset": onset(samples)}, 100.0, seed=11, **options)


def trace_of(rows, n_samples=1, size=4, t_stop=50.0, **changes):
    """Return a trace of the population "cells" with these (sample, time, neuron), in any order."""
    sample, time, neuron = np.array(sorted(rows), dtype=float).reshape(-1, 3).T
    net = es.Network(seed=1)
    net.population("cells", size, es.LIF(tau_mem=20.0, tau_syn=5.0))
    generation = np.zeros(len(time), np.int32)
    table = SpikeTable(time, neuron.astype(np.int32), sample.astype(np.int32), 0.5 + time, generation)
    facts = {"engine": "heap", "reason": "", "precision": "double", "seed": 1, "recorded": ("cells",),
             "provenance": provenance.record("simulate", {"t_stop": t_stop}, seed=1)}
    return Trace(net, {}, {"cells": table}, t_stop, n_samples, **(facts | changes))


def as_spikes(trace, name, samples=None):
    """Return what was recorded of a population as `Spikes`, of some samples."""
    table = trace.spikes(name)
    spikes = es.Spikes(table.time, table.neuron, table.sample, n_samples=trace.n_samples)
    return spikes if samples is None else spikes.select(samples)
