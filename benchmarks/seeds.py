"""A recipe trained from several seeds on all training samples: mean and range of the test accuracy.

    python benchmarks/seeds.py examples/configs/mnist_conv.toml --out FOLDER [--seeds 1 2 3] [--epochs 16] [--data DIR]

The recipe and its number of epochs are chosen beforehand, on a validation set. Here each seed, of the weights and of
the order and the augmentation of the data, trains on all training samples for that number of epochs, and the last
epoch is kept; the test set is looked at once a seed. Every training has a folder of its own in FOLDER: a finished one
is left as it is, an interrupted one goes on where it stopped. FOLDER/seeds.json has the figures.
"""

import argparse
import json
import pathlib
import sys
from dataclasses import replace

from eventsim.errors import InputError
from training import config as configuration
from training import experiment


def settings_of(recipe, seed, epochs):
    """Return the `Config` of a recipe for one seed, on all training samples.

    Parameters
    ----------
    recipe : training.config.Config
    seed : int
    epochs : int or None
        Instead of those of the recipe.
    """
    return replace(recipe, data=replace(recipe.data, validation=0, whole=True),
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
    """Return mean, smallest and largest accuracy on the test set, and those of each seed.

    Parameters
    ----------
    results : dict of int to dict
        By seed, as `training.experiment.run` returns them.
    """
    accuracy = {seed: result["test"]["accuracy"] for seed, result in results.items()}
    values = list(accuracy.values())
    return {"accuracy": accuracy, "mean": sum(values) / len(values), "range": [min(values), max(values)],
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
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    return parser.parse_args()


def run(options):
    """Train what is not trained yet, and write and print the figures."""
    recipe = configuration.load(options.config)
    results = {}
    for seed in options.seeds:
        print(f"seed {seed}", file=sys.stderr, flush=True)
        folder = options.out / f"seed{seed}"
        results[seed] = trained(settings_of(recipe, seed, options.epochs), folder, options.data)
        if results[seed]["interrupted"]:
            sys.exit(f"interrupted; the same command goes on with seed {seed}")
    figures = {"recipe": options.config.name, "epochs": results[options.seeds[0]]["epochs"]} | summary(results)
    experiment.write_json(options.out / "seeds.json", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
