"""A recipe trained from several seeds: mean, deviation and range of the test accuracy.

    python benchmarks/seeds.py examples/configs/mnist_conv.toml --out FOLDER [--seeds 1 2 3] [--epochs 16] [--data DIR]
        [--choose-epoch]

The recipe and its number of epochs are chosen beforehand, on a validation set. Here each seed, of the weights and of
the order and the augmentation of the data, trains on all training samples for that number of epochs, and the last
epoch is kept; the test set is looked at once a seed. With --choose-epoch the samples are divided as the recipe says,
and each seed keeps the epoch that is best on the validation samples, whose accuracy is printed too. Every training has
a folder of its own in FOLDER: a finished one is left as it is, an interrupted one goes on where it stopped.
FOLDER/seeds.json has the figures.
"""

import argparse
import json
import pathlib
import statistics
import sys
from dataclasses import replace

from eventsim.errors import InputError
from training import config as configuration
from training import experiment


def settings_of(recipe, seed, epochs, whole=True):
    """Return the `Config` of a recipe for one seed.

    Parameters
    ----------
    recipe : training.config.Config
    seed : int
    epochs : int or None
        Instead of those of the recipe.
    whole : bool
        Train on all training samples; otherwise some of them choose the epoch, as the recipe says.
    """
    return replace(recipe, data=replace(recipe.data, validation=0, whole=True) if whole else recipe.data,
                   network=replace(recipe.network, seed=seed),
                   fit=replace(recipe.fit, seed=seed, epochs=recipe.fit.epochs if epochs is None else epochs))


def trained(config, folder, data):
    """Return the result of one training, which is done only as far as its folder does not have it yet."""
    settings = folder / experiment.CONFIG
    if settings.is_file() and json.loads(settings.read_text(encoding="utf-8")) != config.resolved():
        raise InputError(f'"{folder}" holds a training with other settings; give another --out.')
    finished = folder / experiment.RESULT
    if finished.is_file():
        result = json.loads(finished.read_text(encoding="utf-8"))
        if not result["interrupted"]:
            return result
    return experiment.run(config, folder, resume=(folder / experiment.CHECKPOINT).is_file(), data=data)


def summary(results):
    """Return mean, deviation, smallest and largest accuracy on the test set, and the figures of each seed.

    Parameters
    ----------
    results : dict of int to dict
        By seed, as `training.experiment.run` returns them.
    """
    accuracy = {seed: result["test"]["accuracy"] for seed, result in results.items()}
    values = list(accuracy.values())
    return {"accuracy": accuracy, "mean": statistics.fmean(values),
            "standard_deviation": statistics.stdev(values) if len(values) > 1 else None,
            "range": [min(values), max(values)],
            "validation_accuracy": {seed: result["validation"]["accuracy"] for seed, result in results.items()},
            "best_epoch": {seed: result["best_epoch"] for seed, result in results.items()},
            "latency_ms": {seed: result["test"]["latency_ms"] for seed, result in results.items()},
            "undecided": {seed: result["test"]["undecided"] for seed, result in results.items()},
            "training_seconds": {seed: result["training_seconds"] for seed, result in results.items()}}


def main():
    """Run the command line."""
    try:
        run(options_given())
    except InputError as error:
        sys.exit(str(error))


def options_given():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", type=pathlib.Path, metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], metavar="SEED")
    parser.add_argument("--epochs", type=int, help="instead of those of the recipe")
    parser.add_argument("--choose-epoch", action="store_true", help="by validation samples, as the recipe divides them")
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    return parser.parse_args()


def run(options):
    """Train what is not trained yet, and write and print the figures."""
    recipe = configuration.load(options.config)
    results = {}
    for seed in options.seeds:
        print(f"seed {seed}", file=sys.stderr, flush=True)
        folder = options.out / f"seed{seed}"
        settings = settings_of(recipe, seed, options.epochs, whole=not options.choose_epoch)
        results[seed] = trained(settings, folder, options.data)
        if results[seed]["interrupted"]:
            sys.exit(f"interrupted; the same command goes on with seed {seed}")
    figures = {"recipe": options.config.name, "epochs": results[options.seeds[0]]["epochs"]} | summary(results)
    experiment.write_json(options.out / "seeds.json", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
