"""Ours and every peer on the same network, one after the other, several times over; ratios of the medians.

    python benchmarks/peers/compare.py [--network delta --network cuba] [--duration 10000] [--repeat 3]
        [--engine auto] [--peer NAME ...] [--install] [--out benchmarks/results/peers.json]

Everybody gets the same synapses, delays, initial potentials and noise, and one thread. Seconds are those of the
simulation alone; building and compiling have columns of their own. Ratios are of processor time, which other work
on the machine lengthens less than wall time; both are in the JSON. A peer that cannot run here is skipped.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import launch
import run_scatter

from eventsim import bench_networks, cli_bench, provenance
from eventsim.errors import InputError

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results" / "peers.json"
DEFAULT = ("brian2-cpp", "brian2-cython", "nest-grid", "nest-precise", "neuron")


def compared(network, peers, options, say):
    """Return the median figures of ours and of every peer that runs here, ours first.

    Parameters
    ----------
    network : str
        A key of `eventsim.bench_networks.NETWORKS`.
    peers : sequence of str
        Keys of `launch.PEERS`.
    options : argparse.Namespace
        `duration`, `repeat`, `engine`, `peers`, `neurons`, `synapses`.
    say : callable
        Called with one line at a time.
    """
    runs = {name: [] for name in ("eventsim", "C scatter-add", *peers)}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        file, spikes = scratch / "network.npz", scratch / "spikes.npz"
        bench_networks.save(bench_networks.draw(network, options.neurons, options.synapses), file, options.duration)
        for turn in range(options.repeat):
            say(f"{network}: turn {turn + 1} of {options.repeat}")
            runs["eventsim"].append(cli_bench.worker(
                network=network, engine=options.engine, duration=options.duration, repeat=1, spikes=str(spikes),
                neurons=options.neurons, synapses=options.synapses))
            limit = run_scatter.run(file, spikes, scratch)
            if limit is not None:
                runs["C scatter-add"].append(limit)
            for peer in peers:
                if len(runs[peer]) < turn:
                    continue  # skipped in an earlier turn
                try:
                    runs[peer].append(launch.run(peer, file, options.duration, options.peers,
                                                 scratch=scratch / peer))
                except launch.Unavailable as reason:
                    say(f"skipped {reason}")
    return [{**summary(figures), "name": name} for name, figures in runs.items() if figures]


def summary(figures):
    """Return one set of figures of several runs: medians of the times, the longest compilation.

    Parameters
    ----------
    figures : list of dict
        Of one simulator; at least one.
    """
    result = dict(figures[0])
    for key in ("simulate_s", "simulate_cpu_s", "build_s", "peak_memory_bytes"):
        values = [run[key] for run in figures if run.get(key) is not None]
        if values:
            result[key] = statistics.median(values)
    result["simulate_cpu_s_all"] = [run["simulate_cpu_s"] for run in figures]
    result["compile_s"] = max(run.get("compile_s", 0.0) for run in figures)
    return result


def table(results):
    """Return aligned lines: seconds, ratio to ours, events a second, spikes, memory, build, compile."""
    ours = results[0]["simulate_cpu_s"]
    rows = [("simulator", "model", "CPU s", "wall s", "x ours", "M events/s", "spikes", "build s", "compile s", "MiB")]
    for figures in results:
        memory = figures.get("peak_memory_bytes")
        rows.append((
            figures["name"], figures["model"], f"{figures['simulate_cpu_s']:.3f}", f"{figures['simulate_s']:.3f}",
            f"{figures['simulate_cpu_s'] / ours:.2f}",
            f"{figures['synaptic_events'] / figures['simulate_cpu_s'] / 1e6:.1f}",
            f"{figures['spikes']:,}" if "spikes" in figures else "-", _seconds(figures.get("build_s")),
            _seconds(figures.get("compile_s")), "-" if memory is None else f"{memory / 2**20:.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(text.ljust(width) if place < 2 else text.rjust(width)
                               for place, (text, width) in enumerate(zip(row, widths, strict=True))).rstrip()
                     for row in rows)


def _seconds(value):
    return "-" if value is None else f"{value:.2f}"


def main():
    """Compare, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=tuple(bench_networks.NETWORKS), metavar="NAME",
                        help=f"{', '.join(bench_networks.NETWORKS)} (delta, cuba)")
    parser.add_argument("--peer", action="append", choices=tuple(launch.PEERS), metavar="NAME",
                        help=f"{', '.join(launch.PEERS)} (all but the last of Brian2's)")
    parser.add_argument("--duration", type=float, default=1000.0, help="biological time in ms (%(default)g)")
    parser.add_argument("--repeat", type=int, default=3, help="turns (%(default)s)")
    parser.add_argument("--engine", default="auto", help="of ours (%(default)s)")
    parser.add_argument("--neurons", type=int, help="size of the network (the published one)")
    parser.add_argument("--synapses", type=int, help="onto a neuron, indegree only")
    parser.add_argument("--peers", metavar="DIR", default=launch.FOLDER, help="folder of the environments (.peers)")
    parser.add_argument("--install", action="store_true", help="make the environments that are missing first")
    parser.add_argument("--out", metavar="FILE", default=RESULTS, help="JSON (benchmarks/results/peers.json)")
    options = parser.parse_args()
    peers = tuple(options.peer or DEFAULT)

    def say(line):
        print(line, file=sys.stderr, flush=True)

    if options.install:
        for name in dict.fromkeys(launch.PEERS[peer].environment for peer in peers):
            try:
                launch.install(name, options.peers)
            except launch.Unavailable as reason:
                say(f"skipped {reason}")
    everything = {}
    try:
        for network in options.network or ("delta", "cuba"):
            everything[network] = compared(network, peers, options, say)
            print(f"\n{network}, {options.duration:g} ms\n{table(everything[network])}", flush=True)
    except InputError as mistake:
        sys.exit(f"compare: {mistake}")
    parameters = {"duration": options.duration, "repeat": options.repeat, "engine": options.engine}
    record = provenance.record("benchmark", parameters, bench_networks.SEED)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({"networks": everything, "provenance": record}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
