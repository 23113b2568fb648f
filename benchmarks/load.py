"""Large networks, many input spikes, large batches: the memory that `describe()` states beforehand, and what was used.

    python benchmarks/load.py [--cases ...] [--scale 1.0] [--out benchmarks/results/load.json]

Each case is a process of its own. Measured is how far the largest resident memory lies above the memory before: while
`describe()` prepares the network (its flat form is made then, and kept), while the stimulus is put in order, and while
`simulate` runs. Stated is what `describe()` says of these (`memory_bytes`). Kernels are compiled before, on a small
network of the same kind. Linux only: /proc tells the largest memory and forgets it when asked to.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import numpy as np

import eventsim as es
from eventsim import bench_run, provenance
from eventsim.lower import lower
from training.experiment import write_json

OUT = pathlib.Path(__file__).resolve().parent / "results" / "load.json"
FORGET = pathlib.Path("/proc/self/clear_refs")
RECURRENT = {
    "100,000 neurons x 1,000 synapses": (100_000, 1000, 1.5),
    "1,000,000 neurons x 50 synapses": (1_000_000, 50, 1.5),
    "20,000 neurons x 1,000 synapses, each with its delay": (20_000, 1000, es.Uniform(1.0, 3.0)),
}
CASES = (*RECURRENT, "10,000,000 input spikes", "10,000 samples, layers", "10,000 samples, heap")


def recurrent(size, fan_in, delay):
    """Return a network of leaky neurons that drive each other, and how long it runs."""
    net = es.Network(seed=1)
    net.poisson("noise", 1000, rate=50.0)
    net.population("cells", size, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("noise", "cells", es.FixedInDegree(10, es.Normal(0.4, 0.1)))
    net.connect("cells", "cells", es.FixedInDegree(fan_in, es.Normal(0.0, 0.05)), delay=delay)
    return net, None, 20.0


def driven(spikes):
    """Return 100 neurons, so many input spikes of 1,000 trains, and how long they last."""
    rng = np.random.default_rng(0)
    net = es.Network(seed=1)
    net.input("in", 1000)
    net.population("cells", 100, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("in", "cells", es.FixedProbability(0.02, es.Normal(0.0, 0.02)), delay=1.0)
    t_stop = spikes / 1000.0
    return net, (rng.uniform(0.0, t_stop, spikes), rng.integers(0, 1000, spikes, dtype=np.int32), 0), t_stop


def batch(samples, refractory):
    """Return 784-400-10 and so many samples of 150 spikes."""
    rng = np.random.default_rng(0)
    net = es.Network(seed=1)
    net.input("in", 784)
    for name, size in (("hidden", 400), ("out", 10)):
        net.population(name, size, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=refractory))
    net.connect("in", "hidden", es.Dense(es.Normal(0.05, 0.1)))
    net.connect("hidden", "out", es.Dense(es.Normal(0.05, 0.1)))
    shape = samples, 150
    return net, (rng.uniform(0.0, 1.0, shape), rng.integers(0, 784, shape, dtype=np.int32),
                 np.arange(samples, dtype=np.int32)[:, None]), 30.0


def made(case, scale):
    """Return the network, the columns of the stimulus (None: no stimulus) and the duration of a case."""
    if case in RECURRENT:
        size, fan_in, delay = RECURRENT[case]
        return recurrent(max(int(scale * size), fan_in + 1), fan_in, delay)
    if "input spikes" in case:
        return driven(int(scale * 10_000_000))
    return batch(int(scale * 10_000), es.NEVER if case.endswith("layers") else 50.0)


def watched(task):
    """Return what `task()` returns, by how much memory grew at most, and the seconds it took."""
    before = bench_run.memory("VmRSS")
    FORGET.write_text("5")  # the largest memory so far
    began = time.perf_counter()
    result = task()
    return result, bench_run.memory("VmHWM") - before, time.perf_counter() - began


def one(case, scale):
    """Return the figures of a case, measured in this process."""
    net, columns, t_stop = made(case, 0.02 if case in RECURRENT else 0.001)  # compiles
    net.describe()
    es.simulate(net, columns and {"in": es.Spikes(*columns)}, t_stop, threads=1)
    (net, columns, t_stop), _, building = watched(lambda: made(case, scale))
    facts, preparing, describing = watched(lambda: net.describe().as_dict())
    stated = facts["memory_bytes"]
    stimulus, ordering, n_input = None, 0, 0
    if columns is not None:
        spikes, ordering, _ = watched(lambda: es.Spikes(*columns))
        stimulus, n_input = {"in": spikes}, len(spikes.time)
    a_sample, a_spike = stated["a_sample"], stated["a_recorded_spike"]
    trace, running, seconds = watched(lambda: es.simulate(net, stimulus, t_stop, threads=1))
    recorded = sum(int(trace.counts(name).sum()) for name in trace.recorded)
    kept = sum(column.nbytes for column in lower(net) if isinstance(column, np.ndarray))
    return {
        "case": case, "scale": scale, "engine": trace.engine, "synapses": facts["n_synapses"],
        "input_spikes": n_input, "recorded_spikes": recorded, "samples": trace.n_samples,
        "build_s": building, "describe_s": describing, "simulate_s": seconds,
        "network_bytes": stated["network"],
        "preparing_stated": stated["preparing"], "preparing": preparing,
        "ordering_stated": stated["an_input_spike"] * n_input, "ordering": ordering,
        "running_stated": stated["engine"] + a_sample * trace.n_samples + a_spike * recorded,
        "running": running + kept,
    }


def table(results):
    """Return the figures as lines to read: measured over stated for each part."""
    lines = [f"{'case':54} {'engine':7} {'stored':>9} {'prepare':>9} {'/stated':>7} {'run':>9} {'/stated':>7} {'s':>6}"]
    for r in results:
        ratio = [f"{r[part] / r[f'{part}_stated']:7.2f}" if r[f"{part}_stated"] > 10e6 else "      -"
                 for part in ("preparing", "running")]
        stored, preparing, running = (r[part] / 1e6 for part in ("network_bytes", "preparing", "running"))
        lines.append(f"{r['case']:54} {r['engine']:7} {stored:6.0f} MB {preparing:6.0f} MB {ratio[0]} "
                     f"{running:6.0f} MB {ratio[1]} {r['simulate_s']:6.1f}")
        if r["input_spikes"]:
            lines.append(f"  {r['input_spikes']:,} input spikes put in order: {r['ordering'] / 1e6:.0f} MB, "
                         f"{r['ordering'] / r['ordering_stated']:.2f} of what is stated")
    return "\n".join(lines)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes (%(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=OUT, help="file of the figures, JSON")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not FORGET.is_file():
        sys.exit("this benchmark reads the memory of a process from /proc, which this system does not have")
    if options.one:
        print(json.dumps(one(options.cases[0], options.scale)))
        return
    watch = provenance.Stopwatch()
    results = []
    for case in options.cases:
        run = subprocess.run([sys.executable, __file__, "--one", "--scale", str(options.scale), "--cases", case],
                             check=False, stdout=subprocess.PIPE, text=True)
        if run.returncode:
            sys.exit(f"{case}: ended with {run.returncode}")
        results.append(json.loads(run.stdout))
        print(table(results[-1:]), flush=True)
    print(table(results))
    write_json(options.out, {"results": results,
                             "provenance": provenance.record("benchmark load", {}, None, watch.resources())})


if __name__ == "__main__":
    main()
