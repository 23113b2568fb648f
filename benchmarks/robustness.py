"""How far a model's accuracy holds under what hardware does: jitter, lost spikes, coarse weights and times, thresholds.

    python benchmarks/robustness.py models/mnist.h5 --dataset mnist [--samples 10000] [--seeds 3]
        [--out benchmarks/results/robustness_mnist.json]
    python benchmarks/robustness.py --figure docs/images/robustness.png RESULT.json [RESULT.json ...]

Every disturbance alone, at several strengths; what is drawn (all but bits) is drawn with several seeds. The second
form draws the figure of results that are there.
"""

import argparse
import json
import pathlib
import sys

from eventsim import provenance
from training import Model, datasets, disturb

LEVELS = {
    "jitter_ms": (0.003, 0.01, 0.02, 0.05, 0.1),
    "drop": (0.01, 0.02, 0.05, 0.1, 0.2),
    "weight_bits": (8, 6, 5, 4, 3, 2),
    "time_bits": (12, 10, 8, 7, 6, 5, 4),
    "threshold_cv": (0.005, 0.01, 0.02, 0.05, 0.1),
}


def sweep(model, images, labels, seeds, threads, say):
    """Return accuracy by disturbance, strength and seed.

    Parameters
    ----------
    model : training.Model
    images : ndarray (samples, ...)
    labels : ndarray of int (samples,)
    seeds : int
    threads : int or None
    say : callable
        Gets a line of progress.

    Returns
    -------
    dict
        As `viz.robustness` draws it.
    """

    def accuracy(**how):
        return disturb.evaluate(model, images, labels, disturb.Disturbance(**how), threads=threads)["accuracy"]

    found = {"undisturbed": accuracy(), "n_samples": len(images), "sweeps": {}}
    say(f"undisturbed {100 * found['undisturbed']:.2f} %")
    for name, levels in LEVELS.items():
        draws = 1 if name.endswith("_bits") else seeds
        found["sweeps"][name] = []
        for value in levels:
            right = [accuracy(**{name: value, "seed": seed}) for seed in range(draws)]
            found["sweeps"][name].append({"value": value, "accuracy": right})
            say(f"{name} {value:g}: " + ", ".join(f"{100 * r:.2f} %" for r in right))
    return found


def main():
    """Measure a model, or draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", metavar="MODEL | RESULT.json", nargs="+")
    parser.add_argument("--dataset", choices=datasets.NAMES)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--data")
    parser.add_argument("--out")
    parser.add_argument("--figure", help="draw results instead of measuring")
    arguments = parser.parse_args()
    if arguments.figure:
        import viz

        results = [json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in arguments.files]
        axes = viz.robustness({result["dataset"]: result for result in results})
        axes[0].figure.savefig(arguments.figure, dpi=150)
        return 0
    if len(arguments.files) != 1 or arguments.dataset is None:
        parser.error("give one model and --dataset, or results and --figure")
    watch = provenance.Stopwatch()
    test = datasets.load(arguments.dataset, "test", arguments.data)
    model = Model.load(arguments.files[0])
    here = slice(arguments.samples)
    found = sweep(model, test.images[here], test.labels[here], arguments.seeds, arguments.threads,
                  lambda text: print(text, flush=True))  # fmt: skip
    result = {"model": pathlib.Path(arguments.files[0]).name, "dataset": arguments.dataset} | found
    settings = {"samples": arguments.samples, "seeds": arguments.seeds}
    result["provenance"] = provenance.record("benchmark robustness", settings, None, watch.resources())
    if arguments.out:
        pathlib.Path(arguments.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
