"""How long training takes: ours beside PyTorch, snnTorch and SpikingJelly, on one thread, with MNIST.

    python benchmarks/train_speed.py [--group dense convolution] [--rounds 5] [--cold] [--peers DIR] [--install]
        [--out benchmarks/results/train_speed.json]

Every program trains the same images in batches of the same size with AdamW and a cross-entropy. A round lets each
of them train once through its samples, one after the other; the first round, in which programs compile and reserve
memory, is reported apart. Timed are encoding, forward, backward and the step of the optimiser. Times are medians of
processor time, which other work on the machine lengthens less than wall time; ratios are medians of those within a
round. An epoch of 60,000 samples is extrapolated from the time of one. The time of ours grows with the spikes, so
the part of each layer that fired stands beside it; for the others it is spikes a neuron over all steps.
Reading the images is not timed. A program that cannot run here is skipped. The C library is told to keep memory
that was freed: reserving large tensors anew for every batch may take the time-stepped ones half their time.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
from contextlib import ExitStack

import trainers
from trainers import Program, launch

from eventsim import provenance
from eventsim.errors import InputError

OUT = pathlib.Path(__file__).resolve().parent / "results" / "train_speed.json"
EPOCH = 60000
DENSE = ("400",)
POOLED = ("32C5", "P2", "64C5", "P2")
STRIDED = ("32C5s2", "64C3s2")
DEEPER = ("32C5s2", "64C3", "128C3s2")

GROUPS = {
    "dense": (
        Program("eventsim", "eventsim", DENSE),
        Program("eventsim, double", "eventsim", DENSE, precision="double"),
        Program("ReLU", "relu", DENSE),
        Program("snnTorch, T = 10", "snntorch", DENSE, 10),
        Program("SpikingJelly, T = 10", "spikingjelly", DENSE, 10),
    ),
    "convolution": (
        Program("eventsim", "eventsim", POOLED),
        Program("eventsim, a tenth fires", "eventsim", POOLED, firing=0.1),
        Program("ReLU", "relu", POOLED),
        Program("snnTorch, T = 8", "snntorch", POOLED, 8),
        Program("SpikingJelly, T = 8", "spikingjelly", POOLED, 8),
        Program("eventsim", "eventsim", DEEPER),
        Program("SpikingJelly, T = 8", "spikingjelly", DEEPER, 8),
        Program("eventsim", "eventsim", STRIDED),
        Program("eventsim, double", "eventsim", STRIDED, precision="double"),
        Program("ReLU", "relu", STRIDED),
        Program("SpikingJelly, T = 8", "spikingjelly", STRIDED, 8),
    ),
}
"""What is compared with each other, by name; the first network of a group is the one that ratios refer to."""

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
"""Variables of the GNU C library; others do not know them."""

REFERENCES = ("relu", "snntorch", "spikingjelly")


def measured(programs, data, samples, options, say):
    """Return the figures of all programs that run here, in the order given.

    Parameters
    ----------
    programs : sequence of trainers.Program
    data : path-like
        The samples, as `trainers.save_samples` writes them.
    samples : int
        How many they are.
    options : argparse.Namespace
        `rounds`, `batch`, `peers`.
    say : callable
        Called with one line at a time.
    """
    turns = {program: [] for program in programs}
    ready, last = {}, {}
    with ExitStack() as stack:
        running = {}
        for program in programs:
            try:
                running[program] = stack.enter_context(
                    trainers.Running(program, data, program.arguments(options.batch), options.peers, **KEEP_MEMORY))
                ready[program] = running[program].ready
            except launch.Unavailable as reason:
                say(f"skipped {reason}")
        for number in range(options.rounds + 1):
            say(f"round {number} of {options.rounds}" if number else "first turns")
            for program, process in running.items():
                turns[program].append(process.turn())
        for program, process in running.items():
            last[program] = process.end()
    return [figures(program, turns[program], samples, {**ready[program], **last[program]},
                    {name: turns.get(reference) for name, reference in references(programs).items()})
            for program in running]


def references(programs):
    """Return the programs that the others are compared with, by trainer: on the network of the first one."""
    return {program.trainer: program for program in reversed(programs)
            if program.trainer in REFERENCES and program.hidden == programs[0].hidden}


def figures(program, turns, samples, more, compared):
    """Return the figures of one program.

    Parameters
    ----------
    program : trainers.Program
    turns : list of dict
        Its answers; the first one is the warm-up.
    samples : int
        A turn.
    more : dict
        What it said at its start and at its end.
    compared : dict of list of dict or None
        The turns of the references.
    """
    timed, last = turns[1:], turns[-1]
    per_sample = statistics.median(turn["cpu_s"] for turn in timed) / samples
    if "rates" in more:
        firing = {f"layer {number}": rate * program.steps for number, rate in enumerate(more["rates"], 1)}
    else:
        firing = last.get("firing")
    ratios = {name: statistics.median(mine["cpu_s"] / theirs["cpu_s"]
                                      for mine, theirs in zip(timed, others[1:], strict=True))
              for name, others in compared.items() if others}
    return {
        "name": program.name, "network": "-".join(program.hidden), "program": more["program"],
        "version": more["version"], "steps": program.steps,
        "precision": program.precision if program.trainer == "eventsim" else "single",
        "cpu_s_per_1000": 1000 * per_sample, "epoch_cpu_s": EPOCH * per_sample,
        "wall_s_per_1000": 1000 / samples * statistics.median(turn["wall_s"] for turn in timed),
        "system_s_per_1000": 1000 / samples * statistics.median(turn["system_s"] for turn in timed),
        "cpu_s_per_1000_all": [1000 / samples * turn["cpu_s"] for turn in timed],
        "first_turn_wall_s": turns[0]["wall_s"], "ratios": ratios, "firing": firing,
        "spikes_a_sample": last.get("spikes_a_sample"), "loss": last["loss"],
        "peak_memory_bytes": last["peak_memory_bytes"],
    }


def table(results):
    """Return aligned lines: seconds of processor time, an epoch, ratios, firing."""
    rows = [("program", "network", "s / 1000", "epoch s", *(f"x {name}" for name in REFERENCES), "fired")]
    for result in results:
        ratios = (f"{result['ratios'][name]:.2f}" if name in result["ratios"] else "-" for name in REFERENCES)
        firing = " ".join(f"{value:.2f}" for name, value in (result["firing"] or {}).items() if name != "input")
        rows.append((result["name"], result["network"], f"{result['cpu_s_per_1000']:.3f}",
                     f"{result['epoch_cpu_s']:.1f}", *ratios, firing or "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(text.ljust(width) if place < 2 or place == len(widths) - 1 else text.rjust(width)
                               for place, (text, width) in enumerate(zip(row, widths, strict=True))).rstrip()
                     for row in rows)


def cold(program, data, options, scratch):
    """Return the wall seconds of the first turn with an empty folder of compiled kernels."""
    with trainers.Running(program, data, program.arguments(options.batch), options.peers,
                          EVENTSIM_CACHE_DIR=str(scratch)) as process:
        return process.turn()["wall_s"]


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", nargs="+", choices=tuple(GROUPS), default=tuple(GROUPS), help="all")
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s")
    parser.add_argument("--batch", type=int, default=128, help="samples a step (%(default)s)")
    parser.add_argument("--dense-samples", type=int, default=8192, help="samples a turn (%(default)s)")
    parser.add_argument("--convolution-samples", type=int, default=256, help="samples a turn (%(default)s)")
    parser.add_argument("--cold", action="store_true", help="also time a first turn that compiles everything")
    parser.add_argument("--peers", metavar="DIR", default=launch.FOLDER, help="folder of the environments (.peers)")
    parser.add_argument("--install", action="store_true", help="make the environment of the peers first")
    parser.add_argument("--out", metavar="FILE", default=OUT, help="JSON (benchmarks/results/train_speed.json)")
    options = parser.parse_args()

    def say(line):
        print(line, file=sys.stderr, flush=True)

    if options.install:
        try:
            launch.install("torch", options.peers)
        except launch.Unavailable as reason:
            say(f"skipped {reason}")
    results, first = {}, {}
    try:
        for group in options.group:
            samples = options.dense_samples if group == "dense" else options.convolution_samples
            with tempfile.TemporaryDirectory() as scratch:
                data = pathlib.Path(scratch) / "samples.npz"
                trainers.save_samples(data, samples)
                if options.cold:
                    first[group] = cold(GROUPS[group][0], data, options, scratch)
                    say(f"{group}: first turn with nothing compiled, {first[group]:.0f} s")
                results[group] = measured(GROUPS[group], data, samples, options, say)
            print(f"\n{group}, {samples} samples a turn\n{table(results[group])}", flush=True)
    except (InputError, launch.Unavailable) as mistake:
        sys.exit(f"train_speed: {mistake}")
    parameters = {"rounds": options.rounds, "batch": options.batch, "dense_samples": options.dense_samples,
                  "convolution_samples": options.convolution_samples}
    document = {"groups": results, "cold_first_turn_wall_s": first,
                "provenance": provenance.record("benchmark", parameters, 1)}
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
