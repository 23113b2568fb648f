"""Accuracy against time and work: when a network may be asked, and what an earlier answer costs.

    python benchmarks/anytime.py [CONFIG.toml] --out FOLDER [--samples 20000] [--test 10000] [--epochs N]
        [--figures benchmarks/results/anytime.json] [--plot docs/images/pareto.png]

One small network is trained with more and more early-spike pressure (a Pareto front of accuracy and decision time),
without the temporal decoder, and as its discrete twin with 4, 8 and 16 steps. Of every trained network the test set is
run once, event by event in exact time; its trace gives accuracy, decision time, spikes and synaptic operations for
three rules: the first output spike, a first spike that stays alone for a margin, and the current guess at any time. The
dense network of the same shape needs its multiply-adds whatever the image. The networks with the decoder are then asked
so early, by a deadline, that as many images are right as without it: decision times at equal accuracy. Of the twins,
the event queue's times are compared with those of a loop over steps, bit for bit. In whole steps several outputs may
fire at once; beside the decision of the first one in order that of the largest potential among them is counted, and
the exact network and the middle twin are trained with outputs that never fire, whose potentials decide.

Trainings have a folder each in FOLDER; finished ones are left as they are, interrupted ones go on. The test set is
looked at twice a training, at its end and here.
"""

import argparse
import json
import pathlib
import sys
import tomllib

import numpy as np
from ablation import trained, without

import eventsim
from eventsim import measure, provenance
from eventsim.errors import InputError
from training import Model, clocked, datasets, experiment
from training import config as configuration

HERE = pathlib.Path(__file__).resolve().parent
EARLY = (0.0, 0.03, 0.1, 0.3, 1.0)
"""Weights of the early-spike term, whose time constant is the decision time without it, roughly."""

STEPS = (4, 8, 16)
LINEAR = "no decoder"
TWIN = {"gain": 0.4, "surrogate": {"kind": "arctan", "width": 4.0}}
"""Factor on the initial weights and surrogate of the twins.

With a factor of 1, 67 instead of 76 % of 1,000 validation images were right after 4 epochs of 4,000 images; half the
width was as good. A learning rate of 0.03 instead of 0.01 was better there, and worse with more images.
"""

SILENT = ", silent outputs"
"""Ends the names of networks that decide by the largest potential of outputs that never fire."""

MARGINS = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Parts of the horizon for which the first output spike must stay alone."""

TIMES = 61
CHUNK = 500
"""Test images at a time; the traces of all of them would not fit into memory."""


def variants(tables):
    """Return the configurations by name: `tables` with early-spike pressure, without the decoder, and as twins."""
    found = {}
    for early in EARLY:
        decoder = tables["decoder"] | {"early": early, "early_tau": 1.0}
        found[f"early {early:g}"] = configuration.parse(tables | {"decoder": decoder})
    found[LINEAR] = without(configuration.parse(tables), ("decoder",))
    for steps in STEPS:
        kept = {key: tables["network"][key] for key in ("hidden", "readout")}
        network = kept | {"steps": steps, "initial": {"rule": "discrete", "steps": float(steps), "gain": TWIN["gain"]}}
        encoder = {key: value for key, value in tables["encoder"].items() if key != "t_max"}
        decoder = tables["decoder"] | {"tau": steps / 8.0}
        fit = {key: value for key, value in tables["fit"].items() if key != "slope_floor"}
        twin = tables | {"network": network, "encoder": encoder, "decoder": decoder,
                         "fit": fit | {"surrogate": TWIN["surrogate"]}}
        found[f"twin, {steps} steps"] = configuration.parse(twin)
        if steps == STEPS[1]:
            found[f"twin, {steps} steps{SILENT}"] = silent(twin)
    found[f"exact{SILENT}"] = silent(tables)
    return found


def silent(tables):
    """Return the configuration of `tables` with silent outputs, whose potentials at the horizon decide."""
    policies = [one for one in tables["fit"].get("policies", []) if one["kind"] != "silent_label"]
    return configuration.parse(tables | {
        "network": tables["network"] | {"readout": "potential"}, "fit": tables["fit"] | {"policies": policies},
        "decoder": {"scale": 1.0, "smoothing": tables["decoder"].get("smoothing", 0.0)}})


def by_horizon(model, images, labels, threads):
    """Return accuracy, spikes and operations an image of a model with silent outputs."""
    sums = np.zeros(3)
    for begin in range(0, len(labels), CHUNK):
        here = slice(begin, begin + CHUNK)
        trace = model.simulate(images[here], labels[here], threads=threads)
        sums += (np.count_nonzero(measure.decide(trace).label == labels[here]), measure.spike_counts(trace).total,
                 measure.synaptic_operations(trace).sum())
    return dict(zip(("accuracy", "spikes", "operations"), (sums / len(labels)).tolist(), strict=True))


def followed(model, images, labels, threads):
    """Return the figures of a model over test images.

    Parameters
    ----------
    model : training.Model
        With spiking outputs.
    images : ndarray (samples, ...)
    labels : ndarray of int (samples,)
    threads : int or None

    Returns
    -------
    dict
        ``rules``: accuracy, mean decision time, spikes and operations a sample up to it, by rule; ``anytime``:
        columns over the times; ``multiply_adds`` of the dense network.
    ndarray (samples,), ndarray of bool (samples,)
        When the first output spike came, ``t_stop`` where none did, and whether it was right.
    """
    times = np.linspace(0.0, model.t_stop, TIMES)
    margins = {f"margin {part:g}" if part else "first spike": part * model.t_stop for part in MARGINS}
    sums = {name: np.zeros(4) for name in margins}
    first = np.zeros(len(labels)), np.zeros(len(labels), bool)
    curve = {name: np.zeros(TIMES) for name in ("accuracy", "operations", "spikes")}
    for begin in range(0, len(labels), CHUNK):
        here = slice(begin, begin + CHUNK)
        trace = model.simulate(images[here], labels[here], threads=threads)
        progress = measure.anytime(trace, times)
        for name, column in curve.items():
            column += getattr(progress, name) * trace.n_samples
        for name, margin in margins.items():
            decision = measure.decide(trace, rule="margin", margin=margin)
            until = np.where(decision.decided, np.minimum(decision.time, model.t_stop), model.t_stop)
            right = decision.label == labels[here]
            if not margin:
                first[0][here], first[1][here] = until, right
            sums[name] += (np.count_nonzero(right), until.sum(),
                           measure.spike_counts(trace, until).total, measure.synaptic_operations(trace, until).sum())
    columns = ("accuracy", "decision_ms", "spikes", "operations")
    mean = {name: (total / len(labels)).tolist() for name, total in (sums | curve).items()}
    return {
        "horizon_ms": model.t_stop, "multiply_adds": int(measure.dense_multiply_adds(model.net)),
        "rules": {name: dict(zip(columns, mean[name], strict=True)) for name in sums},
        "anytime": {"time": times.tolist()} | {name: mean[name] for name in curve},
    }, *first


def by_deadline(times, right, accuracy):
    """Return the decisions of a network that is asked so early that `accuracy` of its answers are right.

    Parameters
    ----------
    times : ndarray (samples,)
        Of the first output spike.
    right : ndarray of bool (samples,)
    accuracy : float
        An image without an output spike at the deadline counts as wrong.

    Returns
    -------
    dict or None
        ``deadline_ms``, ``accuracy``, ``decision_ms``: the mean; None where fewer are ever right.
    """
    enough = int(np.ceil(accuracy * len(times) - 1e-9))
    if not 0 < enough <= np.count_nonzero(right):
        return None
    deadline = np.sort(times[right])[enough - 1]
    return {"deadline_ms": float(deadline), "accuracy": float(np.mean(right & (times <= deadline))),
            "decision_ms": float(np.minimum(times, deadline).mean())}


def same_as_loop(model, steps, images, threads):
    """Return for how many images the event queue and the loop over steps give the same bits in all neurons."""
    same = 0
    for begin in range(0, len(images), CHUNK):
        stimulus = model.encode(images[begin:begin + CHUNK])
        trace = eventsim.simulate(model.net, stimulus, model.t_stop, engine="heap", threads=threads)
        times, _ = clocked.run(model.net, stimulus, steps)
        equal = [np.all(trace.first_spikes(name) == found, axis=1) for name, found in times.items()]
        same += int(np.count_nonzero(np.all(equal, axis=0)))
    return same


def in_one_step(passes, model, images, labels):
    """Return what becomes of outputs that fire in the same step.

    Returns
    -------
    dict
        ``tied``: part of the images whose first output spikes are several; ``accuracy_by_potential``: with the largest
        potential in that step as the one that decides among all outputs.
    """
    tied = right = 0
    for begin in range(0, len(images), CHUNK):
        here = slice(begin, begin + CHUNK)
        activity = passes.forward(model.encode(images[here]), learning=True)
        times, height = activity.time[model.output], activity.height[model.output]
        first = times.min(axis=1)
        decided = np.isfinite(first)
        at = height[np.arange(len(times)), np.where(decided, first, 0).astype(int)]
        tied += np.count_nonzero((times == first[:, None]).sum(axis=1)[decided] > 1)
        right += np.count_nonzero((at.argmax(axis=1) == labels[here])[decided])
    return {"tied": tied / len(images), "accuracy_by_potential": right / len(images)}


def plot(figures, path):
    """Draw accuracy against time, and accuracy against operations up to the decision."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from viz import style

    sheet = plt.figure(figsize=(11.0, 4.0), layout="constrained")
    time, work = sheet.subplots(1, 2)
    plain = figures["networks"]["early 0"]
    lowest = 1.0
    for place, (name, found) in enumerate(figures["networks"].items()):
        rule = found["rules"]["first spike"]
        lowest = min(lowest, rule["accuracy"])
        twin = name.startswith("twin")
        colour = style.colour(1) if twin else style.colour(0) if name != LINEAR else style.INK
        marker = "os^Dv"[place % 5]
        for panel, x in ((time, rule["decision_ms"] / found["horizon_ms"]), (work, rule["operations"])):
            panel.plot(x, 100.0 * rule["accuracy"], marker=marker, color=colour, linestyle="none", label=name)
    curve = plain["anytime"]
    time.plot(np.array(curve["time"]) / plain["horizon_ms"], 100.0 * np.array(curve["accuracy"]), color=style.FAINT,
              label="early 0, current guess", zorder=0)
    work.plot(curve["operations"], 100.0 * np.array(curve["accuracy"]), color=style.FAINT, zorder=0)
    work.axvline(plain["multiply_adds"], color=style.INK, linestyle="--", linewidth=0.8)
    work.annotate("multiply-adds of\nthe dense network", (plain["multiply_adds"], 0.5), xytext=(-6, 0), ha="right",
                  va="center", fontsize="small", xycoords=("data", "axes fraction"), textcoords="offset points")
    time.set(xlabel="mean decision time / horizon", ylabel="test accuracy (%)")
    work.set(xlabel="synaptic operations an image up to the decision", ylabel="test accuracy (%)", xlim=(0.0, None))
    for panel in (time, work):
        panel.set_ylim(bottom=100.0 * lowest - 3.0)
        style.tidy(panel)
    sheet.legend(*time.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize="small")
    sheet.savefig(path, dpi=110)


def run(options):
    """Train what is not trained yet, run the test set and write the figures."""
    watch = provenance.Stopwatch()
    tables = tomllib.loads(options.config.read_text(encoding="utf-8"))
    if options.epochs is not None:
        tables["fit"]["epochs"] = options.epochs
    networks, outputs_silent, first, test = {}, {}, {}, None
    for name, recipe in variants(tables).items():
        folder = options.out / name.replace(",", "").replace(" ", "-")
        print(name, file=sys.stderr, flush=True)
        trained(recipe, folder, options.samples, options.data)
        test = test or datasets.load(recipe.data.name, "test", options.data)
        here = slice(options.test)
        model = Model.load(folder / experiment.MODEL)
        if name.endswith(SILENT):
            outputs_silent[name] = by_horizon(model, test.images[here], test.labels[here], options.threads)
            print(json.dumps(outputs_silent[name]), flush=True)
            continue
        networks[name], *first[name] = followed(model, test.images[here], test.labels[here], options.threads)
        if recipe.network.steps is not None:
            same = same_as_loop(model, recipe.network.steps, test.images[here], options.threads)
            networks[name]["same_bits_as_loop"] = same
            networks[name] |= in_one_step(recipe.passes(model), model, test.images[here], test.labels[here])
        print(json.dumps(networks[name]["rules"]["first spike"]), flush=True)
    equal = {name: by_deadline(*first[name], networks[LINEAR]["rules"]["first spike"]["accuracy"])
             for name in networks if name.startswith("early")}
    figures = {"dataset": tables["data"]["name"], "samples": len(test.labels[:options.test]), "networks": networks,
               "silent_outputs": outputs_silent, "as_accurate_as_without_decoder": equal,
               "provenance": provenance.record("benchmark anytime", tables, None, watch.resources())}
    if options.figures:
        experiment.write_json(options.figures, figures)
    if options.plot:
        plot(figures, options.plot)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", type=pathlib.Path, default=HERE / "ablation.toml", metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--samples", type=int, default=20_000, help="training samples (%(default)s)")
    parser.add_argument("--test", type=int, default=10_000, help="test images (%(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of those of the configuration")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--data", metavar="DIR", help="folder of the data sets")
    parser.add_argument("--figures", type=pathlib.Path, help="file of the figures, JSON")
    parser.add_argument("--plot", type=pathlib.Path, help="file of the picture")
    try:
        run(parser.parse_args())
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
