"""Error of spike times against processor time: ours, Brian2 and NEST, on benchmark 2 and on one neuron.

    python benchmarks/work_precision.py [--engine auto] [--peers DIR] [--inputs 100 1000 10000 100000]
        [--repeat 3] [--out benchmarks/results/work_precision.json] [--figure docs/images/work-precision.png]

Benchmark 2 for 300 ms; one neuron for 10 s under 100 to 100,000 Poisson inputs a second, the same for everybody.
The error of a run is the median distance between its spikes and the nearest ones of the same neuron in a precise
run, taken both ways, so that missed and invented spikes count. Two exact simulators are each other's truth.
Without Brian2 or NEST (`benchmarks/peers/launch.py` installs them) there is less to compare with, or nothing.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import networks
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE / "peers"))

import launch  # noqa: E402  (lies in the folder just named)
import trains  # noqa: E402

from eventsim import bench_networks, bench_run, provenance  # noqa: E402

PEERS = ("nest-precise", "nest-grid", "nest-grid-fine", "brian2-cpp", "brian2-cpp-fine")
EARLY = 20.0
"""The network's first ms, in which the runs on a grid have not yet become different runs."""

NAMES = {"eventsim": "eventsim, exact", "nest-precise": "NEST precise", "nest-grid": "NEST 0.1 ms",
         "nest-grid-fine": "NEST 0.01 ms", "brian2-cpp": "Brian2 0.1 ms", "brian2-cpp-fine": "Brian2 0.01 ms"}


def ours(circuit, duration, engine, repeat):
    """Return the figures and spikes of our own run of a circuit."""
    figures, run = bench_run.prepared({**bench_run.SETTINGS, "engine": engine, "network": circuit.name},
                                      lambda: (bench_networks.build(circuit), None), duration)
    trace = bench_run.timed(figures, run, repeat)
    spikes = trace.spikes("cells")
    return figures, trains.Trains(np.asarray(spikes.time), np.asarray(spikes.neuron, np.int64))


def measured(circuit, duration, options, say):
    """Return, by simulator, processor seconds and errors on one circuit.

    Parameters
    ----------
    circuit : eventsim.bench_networks.Circuit
    duration : float
        In ms.
    options : argparse.Namespace
        `engine`, `peers`, `repeat`.
    say : callable
        Called with one line at a time.
    """
    runs = {"eventsim": ours(circuit, duration, options.engine, options.repeat)}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        bench_networks.save(circuit, scratch / "network.npz", duration)
        for peer in PEERS:
            say(f"{circuit.name}: {NAMES[peer]}")
            times = []
            try:
                for _ in range(options.repeat):
                    figures = launch.run(peer, scratch / "network.npz", duration, options.peers,
                                         spikes=scratch / "spikes.npz", scratch=scratch / peer)
                    times.append(figures["simulate_cpu_s"])
            except launch.Unavailable as reason:
                say(f"skipped {reason}")
                continue
            figures["simulate_cpu_s"] = statistics.median(times)
            runs[peer] = figures, trains.Trains.load(scratch / "spikes.npz")
    exact = runs["eventsim"][1]
    result = {}
    for name, (figures, spikes) in runs.items():
        truth = runs.get("nest-precise", (None, exact))[1] if name == "eventsim" else exact
        result[name] = {"simulate_cpu_s": figures["simulate_cpu_s"], "spikes": len(spikes.time)}
        for key, until, percentile in (("median_error_ms", duration, 50), ("p95_error_ms", duration, 95),
                                       ("early_median_error_ms", EARLY, 50)):
            distance = trains.errors(spikes, truth, min(until, duration))
            result[name][key] = float(np.percentile(distance, percentile)) if len(distance) else 0.0
    return result


def draw(results, path):
    """Draw the error against processor time, a panel a circuit, and processor time against inputs.

    Parameters
    ----------
    results : dict
        As it is written to JSON: `network`, and `one_neuron` by inputs a second.
    path : path-like
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    styles = {name: (f"C{place}", marker) for place, (name, marker) in enumerate(zip(NAMES, "o*sDv^", strict=True))}
    for name, point in results["network"].items():
        color, marker = styles[name]
        for key, face in (("median_error_ms", color), ("early_median_error_ms", "none")):
            left.loglog(point["simulate_cpu_s"], max(point[key], 1e-16), marker, color=color, markerfacecolor=face,
                        markersize=9)
    left.set(xlabel="processor time, s", ylabel="median error of a spike time, ms",
             title=f"Benchmark 2: the first {EARLY:g} ms (hollow), and all")
    left.margins(x=0.15, y=0.15)
    inputs = sorted(results["one_neuron"], key=float)
    for name in NAMES:
        points = [(float(rate), results["one_neuron"][rate][name]["simulate_cpu_s"]) for rate in inputs
                  if name in results["one_neuron"][rate]]
        if points:
            color, marker = styles[name]
            right.loglog(*zip(*points, strict=True), marker=marker, color=color, label=NAMES[name])
    right.set(xlabel="inputs a second", ylabel="processor time, s", title="One neuron")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, linewidth=0.5)
    figure.savefig(path, dpi=150)


def main():
    """Measure, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto", help="of ours (%(default)s)")
    parser.add_argument("--duration", type=float, default=300.0, help="ms of benchmark 2 (%(default)g)")
    parser.add_argument("--one-duration", type=float, default=10000.0, help="ms of one neuron (%(default)g)")
    parser.add_argument("--inputs", type=float, nargs="*", default=[1e2, 1e3, 1e4, 1e5], help="a second (1e2 to 1e5)")
    parser.add_argument("--repeat", type=int, default=3, help="runs, for a median (%(default)s)")
    parser.add_argument("--peers", metavar="DIR", default=launch.FOLDER, help="folder of the environments (.peers)")
    parser.add_argument("--out", metavar="FILE", default=HERE / "results" / "work_precision.json")
    parser.add_argument("--figure", metavar="FILE", default=HERE.parent / "docs" / "images" / "work-precision.png")
    options = parser.parse_args()

    def say(line):
        print(line, file=sys.stderr, flush=True)

    results = {"network": measured(networks.draw("cuba"), options.duration, options, say), "one_neuron": {}}
    for rate in options.inputs:
        results["one_neuron"][f"{rate:g}"] = measured(networks.one_neuron(rate), options.one_duration, options, say)
    for title, part in (("cuba", results["network"]),
                        *((f"one neuron, {rate} inputs/s", part) for rate, part in results["one_neuron"].items())):
        print(title)
        for name, point in part.items():
            print(f"  {NAMES[name]:<16} {point['simulate_cpu_s']:9.4f} s  median {point['median_error_ms']:.1e} ms"
                  f"  95 % {point['p95_error_ms']:.1e} ms"
                  f"  first {EARLY:g} ms {point['early_median_error_ms']:.1e} ms  {point['spikes']} spikes")
    parameters = {"engine": options.engine, "duration": options.duration, "repeat": options.repeat}
    record = provenance.record("benchmark", parameters, bench_networks.SEED)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({**results, "provenance": record}, file, indent=1)
        file.write("\n")
    if options.figure:
        draw(results, options.figure)


if __name__ == "__main__":
    main()
