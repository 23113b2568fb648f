"""What a synaptic event and a synapse cost as networks grow; two threads against one; recording to disk.

    python benchmarks/scaling.py [--engine auto] [--part cost threads streaming] [--largest 20000000]
        [--out benchmarks/results/scaling.json] [--figure docs/images/scaling.png]

Cost: networks of 1,000 to 100,000 neurons with 80 or 1,000 synapses onto each, delays of 1 ms, as far as the number
of synapses stays below --largest. Next to each a loop that only adds the same weights, so that what the cache costs
shows. Threads: 20,000 neurons with 1,000 synapses each, on one and on two threads, bit by bit the same. Streaming:
the memory of a process that records a long run to disk (60 s of 100,000 neurons: --streaming-neurons 100000
--streaming-duration 60000), after every quarter of it.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import numpy as np

from eventsim import bench_networks, bench_run, cli_bench, provenance
from eventsim.errors import InputError

HERE = pathlib.Path(__file__).resolve().parent
SIZES = (1000, 2000, 5000, 10000, 20000, 50000, 100000)
SYNAPSES = (80, 1000)
PARTS = ("cost", "threads", "streaming")


def cost(options, say):
    """Return the figures of the series, one row a network."""
    rows = []
    for synapses in SYNAPSES:
        for neurons in SIZES:
            if neurons * synapses > options.largest:
                continue
            # As many events in small networks as in large ones, within limits.
            duration = float(np.clip(2e8 / (neurons * synapses) * 10.0, 50.0, 5000.0))
            figures = cli_bench.worker(network="indegree", engine=options.engine, neurons=neurons, synapses=synapses,
                                       duration=duration, repeat=options.repeat)
            rows.append({
                "neurons": neurons, "synapses_a_neuron": synapses, "engine": figures["engine"],
                "rate_hz": figures["mean_rate_hz"], "events": figures["synaptic_events"],
                "ns_an_event": 1e9 * figures["simulate_cpu_s"] / figures["synaptic_events"],
                "scatter_ns_an_event": 1e9 * figures["scatter_cpu_s"] / figures["synaptic_events"],
                "bytes_a_synapse": figures["synapse_bytes"] / figures["synapses"],
                "build_s": figures["build_s"], "peak_memory_bytes": figures["peak_memory_bytes"]})
            row = rows[-1]
            say(f"{neurons:>7,} neurons x {synapses:>5,}: {row['ns_an_event']:6.2f} ns an event, bare scatter-add "
                f"{row['scatter_ns_an_event']:5.2f}, {row['bytes_a_synapse']:.0f} bytes a synapse, "
                f"{row['rate_hz']:.1f} Hz")
    return rows


def threads(options, say):
    """Return the figures of one and of two threads on the same network, and whether their bits are the same."""
    neurons, synapses = options.threads_neurons, 1000
    results, spikes = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(options.repeat):
            for count in (1, 2):
                file = pathlib.Path(scratch) / f"{count}.npz"
                figures = cli_bench.worker(network="indegree", engine=options.engine, neurons=neurons,
                                           synapses=synapses, duration=options.threads_duration, repeat=1,
                                           threads=count, spikes=str(file))
                results.setdefault(count, []).append((figures["simulate_s"], figures["simulate_cpu_s"]))
                if turn == 0:
                    with np.load(file) as arrays:
                        spikes[count] = dict(arrays)
    same = all(np.array_equal(spikes[1][name], spikes[2][name]) for name in ("time", "neuron"))
    wall = {count: float(np.median([run[0] for run in runs])) for count, runs in results.items()}
    processor = {count: float(np.median([run[1] for run in runs])) for count, runs in results.items()}
    say(f"two threads: {wall[1] / wall[2]:.2f} times as fast, same bits: {same}")
    return {"neurons": neurons, "synapses_a_neuron": synapses, "wall_s": wall, "cpu_s": processor,
            "speed_up": wall[1] / wall[2], "same_bits": same, "spikes": len(spikes[1]["time"])}


def streaming(options, say):
    """Return the memory of this process while it records a long run to a file, at the first report of each quarter."""
    import eventsim as es

    net = bench_networks.build(bench_networks.draw("indegree", options.streaming_neurons, 80))
    memory = []

    def progress(fraction, _):
        if fraction >= (len(memory) + 1) / 4:
            memory.append({"done": fraction, "bytes": bench_run.memory("VmRSS")})
            say(f"streaming: {100 * fraction:.0f} % done, {(memory[-1]['bytes'] or 0) / 2**20:.0f} MiB")

    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "run.h5"
        trace = es.simulate(net, t_stop=options.streaming_duration, engine=options.engine, threads=1,
                            seed=bench_networks.SEED, progress=progress, out=path)
        size = path.stat().st_size
        spikes = len(trace.spikes("cells").time)
    return {"neurons": options.streaming_neurons, "duration_ms": options.streaming_duration, "spikes": spikes,
            "memory": memory, "file_bytes": size}


def draw(rows, path):
    """Draw the cost of an event over the size of the network, with the bare scatter-add below it.

    Parameters
    ----------
    rows : list of dict
        As `cost` returns them.
    path : path-like
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for color, synapses in zip(("C0", "C1"), SYNAPSES, strict=True):
        mine = [row for row in rows if row["synapses_a_neuron"] == synapses]
        neurons = [row["neurons"] for row in mine]
        axes.loglog(neurons, [row["ns_an_event"] for row in mine], "o-", color=color,
                    label=f"{synapses:,} synapses a neuron")
        axes.loglog(neurons, [row["scatter_ns_an_event"] for row in mine], "--", color=color, alpha=0.6,
                    label="bare scatter-add of the same")
    axes.set(xlabel="neurons", ylabel="processor time an event, ns", title="Cost of a synaptic event")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def main():
    """Measure, print, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto", help="%(default)s")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="all")
    parser.add_argument("--largest", type=float, default=2e7, help="synapses of the largest network (%(default)g)")
    parser.add_argument("--repeat", type=int, default=3, help="runs, for a median (%(default)s)")
    parser.add_argument("--threads-neurons", type=int, default=20000, help="%(default)s")
    parser.add_argument("--threads-duration", type=float, default=500.0, help="ms (%(default)g)")
    parser.add_argument("--streaming-neurons", type=int, default=20000, help="%(default)s")
    parser.add_argument("--streaming-duration", type=float, default=4000.0, help="ms (%(default)g)")
    parser.add_argument("--out", metavar="FILE", default=HERE / "results" / "scaling.json")
    parser.add_argument("--figure", metavar="FILE", default=HERE.parent / "docs" / "images" / "scaling.png")
    options = parser.parse_args()

    def say(line):
        print(line, file=sys.stderr, flush=True)

    results = {}
    try:
        for part, measure in zip(PARTS, (cost, threads, streaming), strict=True):
            if part in options.part:
                results[part] = measure(options, say)
    except InputError as mistake:
        sys.exit(f"scaling: {mistake}")
    parameters = {"engine": options.engine, "repeat": options.repeat, "largest": options.largest}
    record = provenance.record("benchmark", parameters, bench_networks.SEED)
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({**results, "provenance": record}, file, indent=1)
        file.write("\n")
    if "cost" in results:
        draw(results["cost"], options.figure)


if __name__ == "__main__":
    main()
