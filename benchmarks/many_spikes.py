"""MNIST with neurons that fire as often as they like: exact EventProp through 784-350-10.

    python benchmarks/many_spikes.py --out FOLDER [--epochs 20] [--samples 60000] [--threads N] [--seed 1] [--data DIR]
        [--figures benchmarks/results/many_spikes.json] [--speed]

The task of Wunderlich & Pehle 2021 (Scientific Reports 11:12829): pixels are spike times from 0 to 20 ms, the hidden
neurons leak (tau_mem 20 ms, tau_syn 5 ms) and fire any number of times, silent outputs of the same time constants vote
with the largest potential that they reach. Their network has 97.58 +- 0.06 % of the test images right. The gradient is
exact (`training.spike_time_gradient` over the recorded trace); the policy `SpikeRate`, an approximation that is named
one, only keeps the number of spikes down. The last 5,000 training images choose the epoch. The test set is looked at
once, at the end. An interrupted training goes on where it stopped.

--speed, once a training is finished, adds to its figures how long an epoch takes with one thread and with two, nothing
else running: the trained network learns on for 6,400 images, three times each by turns.
"""

import argparse
import json
import pathlib
import statistics
import sys

import numpy as np

import eventsim as es
import training
from eventsim import provenance
from eventsim.errors import InputError
from training import augment, datasets, decode, encode, experiment, looks, regularize

VALIDATION = 5000
SPEED_IMAGES, SPEED_TURNS = 6400, 3
HIDDEN = 350
PUBLISHED = 0.9758


def untrained(seed, classes):
    """Return the model: initial weights with which a third of the hidden neurons fires once."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    pixels = net.input("pixels", (28, 28, 1))
    hidden = net.population("hidden", HIDDEN, es.LIF(tau_mem=20.0, tau_syn=5.0))
    output = net.population("output", len(classes), es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    net.connect(pixels, hidden, es.Dense(rng.normal(0.05, 0.2, (784, HIDDEN))))
    net.connect(hidden, output, es.Dense(rng.normal(0.0, 0.15, (HIDDEN, len(classes)))))
    return training.Model(net, encode.Latency(t_max=20.0, threshold=0.2),
                          decode.Potential(scale=2.0, over="maximum", smoothing=0.05), "output", t_stop=25.0,
                          classes=classes)


def settings(epochs, seed):
    """Return the arguments of `training.fit`."""
    return {
        "epochs": epochs, "batch": 64, "optimizer": training.AdamW(4e-3), "schedule": "cosine",
        "seed": seed, "augment": augment.Shift(pixels=1), "clip": 1.0, "slope_floor": 0.01, "ema": 0.998,
        "policies": [regularize.Firing(minimum=0.02, strength=1.0), regularize.SpikeRate(target=0.5, strength=0.01)],
    }


def run(options):
    """Train, test once, and write and print the figures."""
    watch = provenance.Stopwatch()
    train, test = (datasets.load("mnist", part, options.data) for part in ("train", "test"))
    model = untrained(options.seed, train.classes)
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / experiment.CHECKPOINT
    last = len(train.labels) - VALIDATION
    images, labels = train.images[:min(options.samples, last)], train.labels[:min(options.samples, last)]
    history = training.fit(
        model, images, labels, validation=(train.images[last:], train.labels[last:]), threads=options.threads,
        checkpoint=checkpoint, resume=checkpoint.is_file(), log=options.out / experiment.LOG,
        **settings(options.epochs, options.seed))
    if history.interrupted:
        sys.exit("interrupted; the same command goes on")
    model.save(options.out / "model.h5")
    found = model.evaluate(test.images, test.labels, threads=options.threads)
    looks.note(options.out, "the training's end", found["accuracy"], len(test.labels), history.best_epoch)
    counts = model.simulate(test.images[:1000], threads=options.threads).counts("hidden")
    best = history.records[history.best_epoch - 1]
    figures = {
        "network": f"784-{HIDDEN}-10", "test_accuracy": found["accuracy"], "published": PUBLISHED,
        "validation_accuracy": best["validation_accuracy"], "epochs": options.epochs, "best_epoch": history.best_epoch,
        "training_images": len(labels), "threads": options.threads, "seed": options.seed,
        "seconds_an_epoch": statistics.median(history.column("seconds")),
        "hidden_spikes_a_sample": float(counts.sum() / len(counts)),
        "spikes_a_hidden_neuron": float(counts.mean()), "most_spikes_of_a_neuron": int(counts.max()),
    }
    print(json.dumps(figures, indent=2))
    if options.figures:
        figures["provenance"] = provenance.record("benchmark many_spikes", {}, options.seed, watch.resources())
        experiment.write_json(options.figures, figures)


def speed(options):
    """Add to the figures of a finished training the seconds that an epoch takes, by number of threads."""
    if not (options.figures and options.figures.is_file() and (options.out / "model.h5").is_file()):
        raise InputError(f'no finished training in "{options.out}"; train first, with --figures')
    figures = json.loads(options.figures.read_text(encoding="utf-8"))
    train = datasets.load("mnist", "train", options.data)
    images, labels = train.images[:SPEED_IMAGES], train.labels[:SPEED_IMAGES]
    seconds = {1: [], 2: []}
    for turn in range(-1, SPEED_TURNS):  # the first one compiles, and is not counted
        for threads, found in seconds.items():
            model = training.Model.load(options.out / "model.h5")
            history = training.fit(model, images, labels, threads=threads, progress=None, **settings(1, options.seed))
            if turn >= 0:
                found.append(history.records[0]["seconds"] * figures["training_images"] / len(labels))
    figures["alone"] = {f"{threads} threads": statistics.median(found) for threads, found in seconds.items()}
    print(json.dumps(figures["alone"], indent=2))
    experiment.write_json(options.figures, figures)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=20, help="%(default)s")
    parser.add_argument("--samples", type=int, default=60000, help="training images (all but the validation images)")
    parser.add_argument("--threads", type=int, help="all processors by default")
    parser.add_argument("--seed", type=int, default=1, help="%(default)s")
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    parser.add_argument("--figures", type=pathlib.Path, help="file of the figures, JSON")
    parser.add_argument("--speed", action="store_true", help="how long an epoch takes, of a finished training")
    options = parser.parse_args()
    try:
        (speed if options.speed else run)(options)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
