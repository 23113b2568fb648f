"""What each ingredient buys: one small network trained with all of them, with none, and with each one removed.

    python benchmarks/ablation.py [CONFIG.toml] --out FOLDER [--seeds 1 2 3] [--epochs 6] [--samples 20000]
        [--figures benchmarks/results/ablation.json]

The ingredients are those of ETTFS (arXiv 2410.23619), each replaced by what is usual without it:

- initialisation: weights of the configuration's rule, or Kaiming's for dense activations;
- normalisation: standardised weights with gain and drive, or plain weights;
- decoder: the temporal one of the configuration, or a score that falls linearly with time;
- pooling: average, or first-arrival.

Every training has a folder in FOLDER; finished ones are left as they are, interrupted ones go on. The test set is
looked at once a training, at its end.
"""

import argparse
import json
import pathlib
import sys
from dataclasses import replace

import numpy as np

from eventsim import provenance
from eventsim.errors import InputError
from training import config as configuration
from training import datasets, experiment, looks
from training.encode import sample_shape
from training.fit import fit

HERE = pathlib.Path(__file__).resolve().parent
INGREDIENTS = ("initialisation", "normalisation", "decoder", "pooling")
VARIANTS = {"all": (), **{f"no {name}": (name,) for name in INGREDIENTS}, "none": INGREDIENTS}
"""By name, the ingredients that a variant goes without."""

REACHED = 0.85
"""Validation accuracy whose first epoch is counted."""

DIVERGED = 0.2
"""Largest validation accuracy of a training that learned nothing."""


def without(recipe, missing):
    """Return a configuration that goes without some ingredients.

    Parameters
    ----------
    recipe : training.config.Config
    missing : sequence of str
        Of `INGREDIENTS`.
    """
    network, decoder, fit_table = recipe.network, recipe.decoder, recipe.fit
    if "initialisation" in missing:
        network = replace(network, initial=configuration.Initial(rule="kaiming", law=network.initial.law))
    if "normalisation" in missing:
        fit_table = replace(fit_table, normalize=False)
    if "decoder" in missing:
        decoder = replace(decoder, kind="linear", scale=5.0)
    if "pooling" in missing:
        hidden = ["F" + layer[1:] if str(layer).startswith("P") else layer for layer in network.hidden]
        network = replace(network, hidden=hidden)
    return replace(recipe, network=network, decoder=decoder, fit=fit_table)


def trained(recipe, folder, samples, data):
    """Return the figures of one training, which is done only as far as its folder does not have it yet."""
    finished = folder / "figures.json"
    settings = recipe.resolved() | {"samples": samples}
    if (folder / experiment.CONFIG).is_file():
        if json.loads((folder / experiment.CONFIG).read_text(encoding="utf-8")) != settings:
            raise InputError(f'"{folder}" holds a training with other settings; give another --out.')
        if finished.is_file():
            return json.loads(finished.read_text(encoding="utf-8"))
    train, validation, test = configuration.read_data(recipe, data)
    train = datasets.Dataset(train.images[:samples], train.labels[:samples], train.classes)
    model = configuration.build(recipe, sample_shape(train.images), train.classes, train.images)
    folder.mkdir(parents=True, exist_ok=True)
    experiment.write_json(folder / experiment.CONFIG, settings)
    history = fit(
        model, train.images, train.labels, validation=(validation.images, validation.labels),
        checkpoint=folder / experiment.CHECKPOINT, resume=(folder / experiment.CHECKPOINT).is_file(),
        log=folder / experiment.LOG, progress="text", passes=recipe.passes(model), **recipe.fit_arguments(),
    )  # fmt: skip
    if history.interrupted:
        sys.exit("interrupted; the same command goes on")
    model.save(folder / experiment.MODEL)
    figures = figures_of(history, model, test)
    looks.note(folder, "the training's end", figures["accuracy"], len(test.labels), history.best_epoch)
    experiment.write_json(finished, figures)
    return figures


def figures_of(history, model, test):
    """Return the figures of a finished training.

    Parameters
    ----------
    history : training.History
    model : training.Model
    test : training.datasets.Dataset
    """
    final = model.evaluate(test.images, test.labels)
    last = history.records[-1]
    names = list(last["gradient_norms"])
    projections = sorted(names, key=lambda name: list(model.net.projections).index(name))
    ratios = [record["gradient_norms"][projections[0]] / record["gradient_norms"][projections[-1]]
              for record in history.records if record["gradient_norms"][projections[-1]] > 0.0]  # fmt: skip
    reached = [record["epoch"] for record in history.records if record["validation_accuracy"] >= REACHED]
    best = max(record["validation_accuracy"] for record in history.records)
    return {
        "accuracy": final["accuracy"],
        "validation_accuracy": [record["validation_accuracy"] for record in history.records],
        "epochs_to_reach": reached[0] if reached else None,
        "latency_ms": final["latency_ms"],
        "horizon_ms": model.t_stop,
        "undecided": final["undecided"],
        "silent": last["silent"],
        "gradient_ratio": float(np.mean(ratios)) if ratios else None,
        "diverged": bool(best <= DIVERGED or not np.isfinite(last["loss"])),
        "seconds": sum(history.column("seconds")),
    }


def row_of(runs):
    """Return one row of the table: the figures of a variant over its seeds.

    Parameters
    ----------
    runs : list of dict
        Of `figures_of`.
    """

    def mean(values):
        values = [value for value in values if value is not None]
        return float(np.mean(values)) if values else None

    accuracy = [run["accuracy"] for run in runs]
    reached = [run["epochs_to_reach"] for run in runs]
    return {
        "accuracy": accuracy,
        "mean": float(np.mean(accuracy)),
        "sd": float(np.std(accuracy, ddof=1)) if len(accuracy) > 1 else None,
        "epochs_to_reach": None if None in reached else mean(reached),
        "latency_ms": mean([run["latency_ms"] for run in runs]),
        "silent": {name: mean([run["silent"][name] for run in runs]) for name in runs[0]["silent"]},
        "gradient_ratio": mean([run["gradient_ratio"] for run in runs]),
        "diverged": sum(run["diverged"] for run in runs),
        "seconds": mean([run["seconds"] for run in runs]),
    }


def lines(table):
    """Return the table as lines of Markdown."""

    def number(value, form="{:.2f}"):
        return "-" if value is None else form.format(value)

    columns = ("variant", "accuracy, %", "epochs to 85 %", "decision, ms", "silent by layer, %", "first/last gradient",
               "diverged")  # fmt: skip
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for name, row in table.items():
        silent = ", ".join(f"{100 * part:.0f}" for part in row["silent"].values())
        sd = "" if row["sd"] is None else f" ± {100 * row['sd']:.2f}"
        cells = (name, f"{100 * row['mean']:.2f}{sd}", number(row["epochs_to_reach"], "{:.1f}"),
                 number(row["latency_ms"]), silent, number(row["gradient_ratio"], "{:.3g}"),
                 row["diverged"])  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", type=pathlib.Path, default=HERE / "ablation.toml", metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], metavar="SEED")
    parser.add_argument("--epochs", type=int, help="instead of those of the configuration")
    parser.add_argument("--samples", type=int, default=20_000, help="training samples (%(default)s)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    parser.add_argument("--figures", type=pathlib.Path, help="file of the figures, JSON")
    options = parser.parse_args()
    try:
        run(options)
    except InputError as error:
        sys.exit(str(error))


def run(options):
    """Train what is not trained yet, and write and print the table."""
    watch = provenance.Stopwatch()
    recipe = configuration.load(options.config)
    table = {}
    for variant in options.variants:
        runs = []
        for seed in options.seeds:
            print(f"{variant}, seed {seed}", file=sys.stderr, flush=True)
            epochs = recipe.fit.epochs if options.epochs is None else options.epochs
            one = without(recipe, VARIANTS[variant])
            one = replace(one, network=replace(one.network, seed=seed), fit=replace(one.fit, seed=seed, epochs=epochs))
            folder = options.out / f"{variant.replace(' ', '-')}-seed{seed}"
            runs.append(trained(one, folder, options.samples, options.data))
        table[variant] = row_of(runs)
    print("\n".join(lines(table)))
    if options.figures:
        settings = {"config": recipe.resolved(), "seeds": options.seeds, "epochs": options.epochs,
                    "samples": options.samples}  # fmt: skip
        record = provenance.record("benchmark ablation", settings, None, watch.resources())
        experiment.write_json(options.figures, {"table": table, "provenance": record})


if __name__ == "__main__":
    main()
