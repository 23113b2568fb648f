"""What memory a training step needs: ours grows with the spikes, time-stepped training with the time.

    python benchmarks/train_memory.py [--network dense convolution] [--peers DIR]
        [--out benchmarks/results/train_memory.json]

Measured is the largest memory of a process that takes one training step (forward, backward, optimiser) on one batch
of MNIST, and how far that lies above its memory before the step, when libraries and data are loaded. Ours: the same
spikes over 1, 4 and 16 times the time (all times and time scales stretched), then 1, 4 and 16 times as many spikes
(samples in the batch). SpikingJelly: 1, 4 and 16 times as many steps. The learning rate is 0, so nothing but time or
samples differs. Every process is a new one; those of ours find their kernels on disk.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import trainers
from trainers import Program, launch

from eventsim import provenance
from eventsim.errors import InputError

OUT = pathlib.Path(__file__).resolve().parent / "results" / "train_memory.json"
FACTORS = (1, 4, 16)
NETWORKS = {"dense": (("400",), 10, 128), "convolution": (("32C5s2", "64C3s2"), 8, 32)}
"""Hidden layers, time steps and samples of a batch, each before it is multiplied."""


def one(program, samples, options, **recipe):
    """Return the figures of one training step in a process of its own.

    Parameters
    ----------
    program : trainers.Program
    samples : int
        In the batch.
    options : argparse.Namespace
        `peers`.
    **recipe
        Of `trainers.tables`, for ours.
    """
    with tempfile.TemporaryDirectory() as scratch:
        data = pathlib.Path(scratch) / "samples.npz"
        trainers.save_samples(data, samples)
        with trainers.Running(program, data, program.arguments(samples, **recipe), options.peers) as process:
            turn = process.turn()
            start, peak = process.ready["start_memory_bytes"], turn["peak_memory_bytes"]
    spikes = turn.get("spikes_a_sample")
    return {"samples": samples, "peak_bytes": peak, "step_bytes": peak - start,
            "spikes": None if spikes is None else round(spikes * samples)}


def series(network, options, say):
    """Return the figures of one network: lists by what grows, one entry a factor.

    Parameters
    ----------
    network : str
        A key of `NETWORKS`.
    options : argparse.Namespace
        `peers`, `samples`.
    say : callable
        Called with one line at a time.
    """
    hidden, steps, samples = NETWORKS[network]
    samples = options.samples or samples
    ours = Program("eventsim", "eventsim", hidden)
    one(ours, samples, options)  # compiles what is not on disk: the compiler's memory is not that of a step
    results = {"eventsim, time": [], "eventsim, spikes": [], "SpikingJelly, time": []}
    for factor in FACTORS:
        results["eventsim, time"].append(one(ours, samples, options, stretch=float(factor), rate=0.0))
        results["eventsim, spikes"].append(one(ours, factor * samples, options, rate=0.0))
        peer = Program("SpikingJelly", "spikingjelly", hidden, factor * steps)
        try:
            results["SpikingJelly, time"].append(one(peer, samples, options))
        except launch.Unavailable as reason:
            say(f"skipped {reason}")
    return {name: figures for name, figures in results.items() if figures}


def table(results):
    """Return aligned lines: MiB above the start for each factor, and spikes."""
    lines = [f"{'MiB of a step':<22}" + "".join(f"{f'x {factor}':>10}" for factor in FACTORS)]
    for name, figures in results.items():
        lines.append(f"{name:<22}" + "".join(f"{figure['step_bytes'] / 2**20:10.1f}" for figure in figures))
    return "\n".join(lines)


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", choices=tuple(NETWORKS), default=tuple(NETWORKS), help="all")
    parser.add_argument("--samples", type=int, help="of the smallest batch (128, convolution 32)")
    parser.add_argument("--peers", metavar="DIR", default=launch.FOLDER, help="folder of the environments (.peers)")
    parser.add_argument("--out", metavar="FILE", default=OUT, help="JSON (benchmarks/results/train_memory.json)")
    options = parser.parse_args()

    def say(line):
        print(line, file=sys.stderr, flush=True)

    results = {}
    try:
        for network in options.network:
            results[network] = series(network, options, say)
            print(f"\n{network}\n{table(results[network])}", flush=True)
    except (InputError, launch.Unavailable) as mistake:
        sys.exit(f"train_memory: {mistake}")
    document = {"networks": results, "factors": FACTORS,
                "provenance": provenance.record("benchmark", {"samples": options.samples}, 1)}
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
