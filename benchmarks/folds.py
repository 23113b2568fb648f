"""Cross-validation of a recipe: the samples of a small data set in folds, each tested on once.

    python benchmarks/folds.py examples/configs/nmnist.toml --out FOLDER [--folds 11] [--data DIR]
        [--figures benchmarks/results/folds_nmnist.json]

Training and test samples are put together, shuffled by --seed and divided; every fold is tested by a network that was
trained on all the others, for all epochs of the recipe, the last one kept. Nothing is chosen by what is tested on. Each
fold has a file in FOLDER; finished ones are left as they are.
"""

import argparse
import json
import pathlib
import statistics
import sys

import numpy as np

from eventsim import provenance
from eventsim.errors import InputError
from training import config as configuration
from training import datasets, experiment
from training.encode import sample_shape
from training.fit import fit


def folds_of(count, folds, seed):
    """Return the samples of each fold, a list of int arrays."""
    return [np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(count), folds)]


def tested(recipe, samples, labels, classes, mine):
    """Return the figures of the fold `mine`: trained on all other samples, tested on these.

    Parameters
    ----------
    recipe : training.config.Config
    samples : Recordings or ndarray (samples, ...)
    labels : ndarray of int (samples,)
    classes : sequence of str
    mine : ndarray of int
        Samples of the fold.
    """
    others = np.setdiff1d(np.arange(len(labels)), mine)
    model = configuration.build(recipe, sample_shape(samples), classes, samples[others])
    history = fit(model, samples[others], labels[others], passes=recipe.passes(model), **recipe.fit_arguments())
    if history.interrupted:
        sys.exit("interrupted; the same command goes on with this fold")
    found = model.evaluate(samples[mine], labels[mine])
    return {"accuracy": found["accuracy"], "training_accuracy": history.records[-1]["accuracy"],
            "samples": [len(others), len(mine)], "seconds": sum(history.column("seconds"))}


def joined(one, other):
    """Return the samples of two parts of a data set as one."""
    if isinstance(one, np.ndarray):
        return np.concatenate([one, other])
    return type(one).of([one, other])


def run(options):
    """Train and test what has no file yet, and write and print the figures."""
    watch = provenance.Stopwatch()
    recipe = configuration.load(options.config)
    train, test = (datasets.load(recipe.data.name, part, options.data) for part in ("train", "test"))
    samples, labels = joined(train.images, test.images), np.concatenate([train.labels, test.labels])
    options.out.mkdir(parents=True, exist_ok=True)
    settings = recipe.resolved() | {"folds": options.folds, "seed": options.seed}
    results = []
    for number, mine in enumerate(folds_of(len(labels), options.folds, options.seed)):
        path = options.out / f"fold{number + 1}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if kept is not None and kept["settings"] != settings:
            raise InputError(f'"{path}" is of other settings; give another --out.')
        if kept is None:
            print(f"fold {number + 1} of {options.folds}", file=sys.stderr, flush=True)
            kept = {"settings": settings} | tested(recipe, samples, labels, train.classes, mine)
            experiment.write_json(path, kept)
        results.append({key: kept[key] for key in ("accuracy", "training_accuracy", "samples", "seconds")})
    accuracy = [result["accuracy"] for result in results]
    figures = {"recipe": options.config.name, "dataset": recipe.data.name, "folds": results,
               "mean": statistics.fmean(accuracy), "standard_deviation": statistics.stdev(accuracy)}
    print(json.dumps(figures, indent=2))
    if options.figures:
        figures["provenance"] = provenance.record("benchmark folds", settings, options.seed, watch.resources())
        experiment.write_json(options.figures, figures)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", type=pathlib.Path, metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--folds", type=int, default=11, help="%(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the division (%(default)s)")
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    parser.add_argument("--figures", type=pathlib.Path, help="file of the figures, JSON")
    options = parser.parse_args()
    if options.folds < 2:
        parser.error(f"--folds {options.folds}: give at least 2")
    try:
        run(options)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
