"""A trained model confirmed spike by spike: the event-by-event engine against the layers engine, on a whole test set.

    python benchmarks/confirm.py models/mnist.h5 --dataset mnist [--split test] [--samples 10000]
        [--out benchmarks/results/confirm_mnist.json] [--figure docs/images/spike_times_mnist.png]

The heap engine replays every sample, one event at a time and in double precision. Its output times (or potentials)
must be the bits of the layers engine, which training uses; the program ends with status 1 where they are not.
Predictions that single precision changes are counted, and so are the spikes of every layer. The figure has the spike
times of all layers on one axis.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np

from eventsim import provenance
from training import Model, datasets
from training.passes import Passes

BATCH = 500
"""Samples at a time: the spikes of all of them are in memory."""

BINS = 60


def confirm(model, images, labels, threads, say):
    """Return the figures of a model on a labelled set.

    Parameters
    ----------
    model : training.Model
    images : ndarray (samples, ...)
    labels : ndarray of int (samples,)
    threads : int or None
    say : callable
        Gets a line of progress.

    Returns
    -------
    dict
    """
    double = Passes(model.net, model.t_stop, threads=threads)
    single = Passes(model.net, model.t_stop, "single", threads=threads)
    names = [name for name, p in model.net.populations.items() if p.kind == "input" or not p.is_readout]
    counts = {name: np.zeros(BINS, np.int64) for name in names}
    edges = np.linspace(0.0, model.t_stop, BINS + 1)
    totals = dict.fromkeys(("right", "right_single", "changed", "undecided", "same"), 0)
    fired, latency, seconds = dict.fromkeys(names, 0), [], 0.0
    for start in range(0, len(images), BATCH):
        here = slice(start, start + BATCH)
        started = time.perf_counter()
        trace = model.simulate(images[here], engine="heap", threads=threads)
        seconds += time.perf_counter() - started
        silent = model.readout == "potential"
        read = trace.potential(model.output, model.t_stop) if silent else trace.first_spikes(model.output)
        stimulus = model.encode(images[here])
        decided = model.decoder.decide(read)
        other = model.decoder.decide(model.read(single.forward(stimulus)))
        totals["same"] += int(np.all(read == model.read(double.forward(stimulus)), axis=1).sum())
        totals["right"] += int(np.sum(decided == labels[here]))
        totals["right_single"] += int(np.sum(other == labels[here]))
        totals["changed"] += int(np.sum(decided != other))
        totals["undecided"] += int(np.sum(decided < 0))
        latency.append(np.full(len(read), model.t_stop) if silent else read.min(axis=1))
        for name in names:
            spikes = stimulus[name] if name in stimulus else trace.spikes(name)
            times = np.asarray(spikes.time)[np.asarray(spikes.time) < model.t_stop]
            counts[name] += np.histogram(times, edges)[0]
            fired[name] += len(times)
        done = start + len(read)
        say(f"{done:,} of {len(images):,}: {100 * totals['right'] / done:.2f} %")
    n, times = len(images), np.concatenate(latency)
    neurons = [name for name in names if model.net[name].kind == "neurons"]
    return {
        "samples": n, "readout": model.readout, "accuracy": totals["right"] / n,
        "accuracy_single": totals["right_single"] / n, "changed_by_single": totals["changed"],
        "undecided": totals["undecided"], "same_bits_as_layers": totals["same"],
        "decision_latency_ms": {"mean": float(np.mean(times[np.isfinite(times)])),
                                "median": float(np.median(times))},
        "horizon_ms": model.t_stop, "heap_seconds": seconds,
        "spikes_per_neuron": sum(fired[name] for name in neurons) / n / sum(model.net[name].size for name in neurons),
        "inputs": [name for name in names if name not in neurons],
        "fired": {name: fired[name] / n / model.net[name].size for name in names},
        "spike_times": {"edges": edges.tolist(), "counts": {name: counts[name].tolist() for name in names}},
    }


def draw(figures, path):
    """Draw the spike times of all layers, one row a layer, on one time axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from viz import style
    from viz.layer_activity import draw_histograms

    edges = np.array(figures["spike_times"]["edges"])
    layers, colours = [], {}
    for name, counts in figures["spike_times"]["counts"].items():
        total = sum(counts)
        if total:
            bin_of_median = np.searchsorted(np.cumsum(counts), 0.5 * total)
            mean = float(np.average(0.5 * (edges[1:] + edges[:-1]), weights=counts))
        layers.append({"name": name, "counts": counts, "mean": mean if total else None,
                       "quantiles": [float(edges[bin_of_median + 1])] if total else None})
        if name not in figures["inputs"]:
            colours[name] = style.PALETTE[len(colours) % len(style.PALETTE)]
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    draw_histograms(axes, {"edges": edges, "layers": layers}, colours)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def main():
    """Confirm the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--samples", type=int, help="the first so many; all by default")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--figure", type=pathlib.Path)
    options = parser.parse_args()
    model = Model.load(options.model)
    data = datasets.load(options.dataset, options.split, options.data)
    watch = provenance.Stopwatch()
    figures = confirm(model, data.images[:options.samples], data.labels[:options.samples], options.threads,
                      lambda line: print(line, file=sys.stderr, flush=True))
    figures = {"model": options.model.name, "dataset": options.dataset, "split": options.split} | figures
    shown = {key: value for key, value in figures.items() if key != "spike_times"}
    print(json.dumps(shown, indent=2))
    if options.figure:
        draw(figures, options.figure)
    if options.out:
        figures["provenance"] = provenance.record("benchmark confirm", {"model": str(options.model)}, None,
                                                  watch.resources())
        options.out.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if figures["same_bits_as_layers"] != figures["samples"]:
        sys.exit("the engines differ")


if __name__ == "__main__":
    main()
