"""What a gradient over a trace costs beside the run that it differentiates: time, and memory by the number of events.

    python benchmarks/gradient_cost.py [--turns 5] [--out benchmarks/results/gradient_cost.json]

Two networks of neurons that fire many times: 784-350-10 with refractory periods, fed with Poisson trains (100 samples),
and 1,000 recurrent neurons with a delay for every synapse (one sample). In turns, on one thread: the simulation (spikes
recorded), the gradient by everything but time constants, and that with them.
Printed are medians and their ratios to the simulation of the same turn. Memory is what `tracemalloc` sees of a gradient
above what is there before, for 1, 2, 4, 8 and 16 times the time.
"""

import argparse
import gc
import pathlib
import statistics
import time
import tracemalloc

import numpy as np

import eventsim as es
import training
from eventsim import provenance
from training import experiment

OUT = pathlib.Path(__file__).resolve().parent / "results" / "gradient_cost.json"
FACTORS = (1, 2, 4, 8, 16)


def layered():
    """Return the network 784-350-10, its stimulus and its horizon in ms."""
    rng = np.random.default_rng(0)
    net = es.Network(seed=0)
    net.input("in", 784)
    lif = es.LIF(20.0, 5.0, t_refractory=1.0)
    net.population("hidden", 350, lif)
    net.population("out", 10, lif)
    net.connect("in", "hidden", es.Dense(rng.normal(0.078, 0.045, (784, 350)) * 4.0), delay=0.5)
    net.connect("hidden", "out", es.Dense(rng.normal(0.2, 0.37, (350, 10))), delay=0.5)
    samples = 100
    neuron = np.tile(rng.permutation(784)[:150], samples)
    stimulus = {"in": es.Spikes(rng.uniform(0.0, 20.0, len(neuron)), neuron, np.repeat(np.arange(samples), 150))}
    return net, stimulus, 40.0


def recurrent(span=200.0):
    """Return 1,000 recurrent neurons with 100 synapses and delays each, their stimulus over `span` ms, the horizon."""
    rng = np.random.default_rng(1)
    n = 1000
    net = es.Network(seed=0)
    net.input("in", 200)
    net.population("cells", n, es.LIF(20.0, 5.0, t_refractory=2.0))
    net.connect("in", "cells", es.Dense(rng.normal(0.35, 0.1, (200, n)) * (rng.random((200, n)) < 0.1)), delay=1.0)
    ends = np.repeat(np.arange(n), 100), rng.integers(0, n, 100 * n)
    weight = np.where(ends[0] < 800, 0.12, -0.5)
    net.connect("cells", "cells", es.Sparse(*ends, weight), delay=rng.uniform(0.5, 5.0, len(weight)), name="recurrent")
    count = int(200 * span / 20.0)
    stimulus = {"in": es.Spikes(rng.uniform(0.0, span, count), rng.integers(0, 200, count))}
    return net, stimulus, span


def loss_of(trace):
    """Return a loss gradient for every spike."""
    names = [name for name, p in trace.network.populations.items() if p.kind == "neurons"]
    return {name: np.random.default_rng(2).normal(size=len(trace.spikes(name).time)) for name in names}


def timed(build, turns):
    """Return medians in s and ratios of a simulation and of gradients of its trace."""
    net, stimulus, t_stop = build()
    seconds = {"simulation": [], "gradient": [], "gradient with time constants": []}
    for turn in range(turns + 1):
        began = time.perf_counter()
        trace = es.simulate(net, stimulus, t_stop, threads=1)
        took = [time.perf_counter() - began]
        loss = loss_of(trace)
        for taus in (False, True):
            began = time.perf_counter()
            training.spike_time_gradient(net, trace, loss, threads=1, taus=taus)
            took.append(time.perf_counter() - began)
        if turn:  # the first one compiles
            for name, value in zip(seconds, took, strict=True):
                seconds[name].append(value)
    events = {"spikes": sum(len(trace.spikes(name).time) for name in loss),
              "arrivals": float(es.measure.synaptic_operations(trace).sum())}
    ratios = {name: statistics.median(a / b for a, b in zip(values, seconds["simulation"], strict=True))
              for name, values in seconds.items()}
    return events | {"engine": trace.engine, "seconds": {name: statistics.median(v) for name, v in seconds.items()},
                     "ratio": ratios}


def memory(factor):
    """Return the events of a run of so many times the time, and the peak memory of its gradient in bytes."""
    net, stimulus, t_stop = recurrent(100.0 * factor)
    trace = es.simulate(net, stimulus, t_stop, threads=1)
    loss = loss_of(trace)
    gc.collect()
    tracemalloc.start()
    training.spike_time_gradient(net, trace, loss, threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"factor": factor, "arrivals": float(es.measure.synaptic_operations(trace).sum()), "peak_bytes": peak}


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    result = {"networks": {}, "memory": []}
    for name, build in (("784-350-10", layered), ("1,000 recurrent", recurrent)):
        found = timed(build, options.turns)
        result["networks"][name] = found
        print(f"{name}: {found['spikes']:,} spikes, {found['arrivals']:,.0f} arrivals, engine {found['engine']}")
        for what, seconds in found["seconds"].items():
            print(f"  {what:30} {1e3 * seconds:9.1f} ms   {found['ratio'][what]:5.2f} of the simulation")
    for factor in FACTORS:
        found = memory(factor)
        result["memory"].append(found)
        print(f"time x {factor:2}: {found['arrivals']:12,.0f} arrivals, peak {found['peak_bytes'] / 2**20:8.1f} MiB, "
              f"{found['peak_bytes'] / found['arrivals']:6.1f} bytes an arrival")
    result["provenance"] = provenance.record("gradient_cost", {"turns": options.turns}, None, {})
    experiment.write_json(options.out, result)


if __name__ == "__main__":
    main()
