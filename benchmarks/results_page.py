"""The page of training results in docs, made from the recorded figures alone.

    python benchmarks/results_page.py [--figures]

Reads ``models/`` (results, logs, looks at the test set) and ``benchmarks/results/`` and writes
``docs/training-results.md``; with --figures also the pictures in ``docs/images/`` that the page shows. A section is
there as soon as its file is. Nothing is measured here, and a number that is on the page stands in one of those files.
"""

import argparse
import json
import pathlib
import sys
from statistics import mean

from eventsim.io import json_lines

HERE = pathlib.Path(__file__).resolve().parent
RESULTS, MODELS, DOCS = HERE / "results", HERE.parent / "models", HERE.parent / "docs"
PAGE = DOCS / "training-results.md"
sys.path.append(str(HERE))  # of those whose tables and plots are shown

DATA = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "yin-yang": "Yin-Yang",
        "nmnist": "N-MNIST", "digits": "digits 8 x 8"}
PUBLISHED = {"mnist": 99.48, "fashion-mnist": 92.90, "cifar10": 90.56}
"""Test accuracy in % of ETTFS (arXiv 2410.23619), the paper whose framework is trained here."""

BEFORE = {"cifar10": "cifar10_conv"}
"""By shipped model: the training in ``benchmarks/results/training`` that its own one went on from."""


def read(path):
    """Return what a JSON file holds, None where it is missing."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def percent(part, digits=2):
    """Return a part as a percentage without its sign, "-" for None."""
    return "-" if part is None else f"{100.0 * part:.{digits}f}"


def number(value, form="{:.3g}"):
    """Return a number as text, "-" for None."""
    return "-" if value is None else form.format(value)


def table(head, rows):
    """Return the lines of a Markdown table."""
    return [*(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)), ""]


def networks():
    """Return names, results, settings, confirmations and looks of the shipped models."""
    for path in sorted(MODELS.glob("*.result.json")):
        name = path.name.removesuffix(".result.json")
        yield (name, read(path), read(MODELS / f"{name}.config.json"), read(RESULTS / f"confirm_{name}.json"),
               json_lines.read(MODELS / f"{name}.tests.jsonl", "list of looks"))


def headline():
    """Yield the section of the shipped models."""
    rows = []
    for name, result, config, confirmed, looks in networks():
        published = PUBLISHED.get(result["dataset"])
        spikes = confirmed and _of_this(confirmed, result) and confirmed["spikes_per_neuron"]
        rows.append((
            f"`{name}.h5`", DATA[result["dataset"]], "-".join(map(str, config["network"]["hidden"])), result["readout"],
            f"{result['samples']['train']:,}", result["epochs"], percent(result["test"]["accuracy"]),
            number(published, "{:.2f}"), percent(result["validation"]["accuracy"]),
            f"{result['test']['latency_ms']:.2f} of {result['horizon_ms']:.2f}", number(spikes or None, "{:.2f}"),
            len(looks)))
    yield from ["## Shipped networks", "", "Exact causal networks: all layers share one clock.", ""]
    yield from table(("model", "data", "hidden layers", "readout", "training images", "epochs", "test, %", "ETTFS, %",
                      "validation, %", "decision, ms", "spikes a neuron", "looks at the test set"), rows)
    for name, result, _, confirmed, looks in networks():
        if confirmed:
            older = "" if _of_this(confirmed, result) else " (of the network before this one)"
            yield (f"- `{name}.h5`, replayed event by event in double precision{older}: "
                   f"{confirmed['same_bits_as_layers']:,} of {confirmed['samples']:,} test images have the bits of the "
                   f"layers engine in all output times; single precision changes {confirmed['changed_by_single']} "
                   "predictions.")
        yield f"- `{name}.h5`, looks at the test set: " + "; ".join(
            f"{look['for']} ({look['samples']:,} images, {percent(look['accuracy'])} %)" for look in looks) + "."
    yield from ["", "Grey: training images as they are augmented, with dropout. Blue: validation images.", ""]
    for name, result, *_ in networks():
        silent = ", silent outputs" if result["readout"] == "potential" else ""
        yield f"![Loss and accuracy by epoch of {DATA[result['dataset']]}{silent}](images/learning_{name}.png)"
        yield ""


def _of_this(confirmed, result):
    """Return whether a confirmation is of the network of a result: as many right, where all images were replayed."""
    whole = confirmed["samples"] == result["samples"]["test"]
    return not whole or confirmed["accuracy"] == result["test"]["accuracy"]


def seeds():
    """Yield the section of recipes trained from several seeds."""
    files = sorted((RESULTS / "seeds").glob("*.json"))
    if not files:
        return
    yield from ["## Several seeds", "",
                "`benchmarks/seeds.py`, one training a seed. Where a validation accuracy is given, it chose the epoch; "
                "elsewhere all training samples were trained on and the last epoch was kept.", ""]
    rows = []
    for path in files:
        found = read(path)
        validation = [value for value in found.get("validation_accuracy", {}).values() if value is not None]
        rows.append((f"`{found['recipe']}`", len(found["accuracy"]), found["epochs"], percent(found["mean"]),
                     percent(found.get("standard_deviation")), " to ".join(percent(end) for end in found["range"]),
                     percent(sum(validation) / len(validation)) if validation else "-",
                     number(sum(found["latency_ms"].values()) / len(found["latency_ms"]), "{:.2f}")))
    yield from table(("recipe", "seeds", "epochs", "test, % (mean)", "deviation", "range", "validation, %",
                      "decision, ms"), rows)


def folds():
    """Yield the section of cross-validations."""
    files = sorted(RESULTS.glob("folds_*.json"))
    if not files:
        return
    yield from ["## Cross-validation", "",
                "`benchmarks/folds.py`: every sample is tested on once, by a network trained on all other folds for "
                "all epochs.", ""]
    rows = []
    for path in files:
        found = read(path)
        accuracy = [fold["accuracy"] for fold in found["folds"]]
        rows.append((DATA[found["dataset"]], f"`{found['recipe']}`", len(accuracy), sum(found["folds"][0]["samples"]),
                     percent(found["mean"], 1), percent(found["standard_deviation"], 1),
                     f"{percent(min(accuracy), 0)} to {percent(max(accuracy), 0)}"))
    yield from table(("data", "recipe", "folds", "samples", "test, % (mean)", "deviation", "range"), rows)


def pooling():
    """Yield the section that compares poolings in one network."""
    found = read(RESULTS / "pooling.json")
    if found is None:
        return
    yield from ["## Average, first-arrival and max pooling", "",
                f"`benchmarks/pooling.py`: the pooling of `{found['model']}` replaced in the trained network, "
                f"{found['samples']:,} images of the {found['split']} split, event by event.", ""]
    rows = []
    for kind, one in found["poolings"].items():
        pooled = [figures for name, figures in one.items() if name.endswith(" pooled")]
        rows.append((kind, percent(one["accuracy"]), one["changed"], f"{one['spikes_a_sample']:,.0f}",
                     number(pooled[0]["spikes_of_one"] if pooled else None),
                     percent(pooled[0]["several"] if pooled else None, 0)))
    yield from table(("pooling", "right, %", "decisions that differ from average", "spikes an image",
                      "spikes of a pooled neuron that fires", "of those fire several times, %"), rows)
    yield from ["The maximum over a window in every instant passes every spike on: its neurons fire several times, "
                "where one spike a neuron was asked for, and nothing is gained over the average.", ""]


def ablation():
    """Yield the section of the ablation."""
    found = read(RESULTS / "ablation.json")
    if found is None:
        return
    from ablation import lines

    done = found["provenance"]["parameters"]
    seeds = len(found["table"]["all"]["accuracy"])
    epochs = done["epochs"] or done["config"]["fit"]["epochs"]
    yield from ["## What each ingredient buys", "",
                f"`benchmarks/ablation.py` on Fashion-MNIST ({done['samples']:,} images, {epochs} epochs, {seeds} "
                "seeds, one small pooled network): the four ingredients of ETTFS together, none of them, and each of "
                "them left out. The silent-neuron policies are the same in all rows.", "", *lines(found["table"]), ""]


def anytime():
    """Yield the section of decisions at any time, and of the discrete twins."""
    found = read(RESULTS / "anytime.json")
    if found is None:
        return
    done = found["provenance"]["parameters"]
    yield from ["## Decisions at any time, and the discrete twin", "",
                f"`benchmarks/anytime.py`: the network of the ablation on {DATA[found['dataset']]}, one seed, "
                f"{done['fit']['epochs']} epochs; all {found['samples']:,} test images, "
                "event by event. Early: weight of the early-spike term. Twins: as many integer time steps.", "",
                "![Accuracy against decision time, and against synaptic operations](images/pareto.png)", ""]
    rows = []
    for name, one in found["networks"].items():
        for rule in ("first spike", "margin 0.1"):
            at = one["rules"][rule]
            rows.append((name, rule, percent(at["accuracy"]), percent(at["decision_ms"] / one["horizon_ms"], 1),
                         f"{at['spikes']:,.0f}", f"{at['operations']:,.0f}",
                         f"{one['multiply_adds'] / at['operations']:.1f}"))
    yield from table(("network", "decision by", "test, %", "decision, % of the horizon", "spikes an image",
                      "operations an image", "multiply-adds of the dense network / operations"), rows)
    yield from ["Margin 0.1: the first spike that stays alone for a tenth of the horizon.", ""]
    plain = found["networks"]["no decoder"]
    first = plain["rules"]["first spike"]
    yield from ["Decision times at equal accuracy: without the temporal decoder "
                f"{percent(first['accuracy'])} % of the images are right after "
                f"{percent(first['decision_ms'] / plain['horizon_ms'], 1)} % of the horizon on average. The others, "
                "asked by a deadline at which as many are right:", ""]
    rows = [(name, percent(one["accuracy"]), percent(one["decision_ms"] / found["networks"][name]["horizon_ms"], 1),
             percent(one["deadline_ms"] / found["networks"][name]["horizon_ms"], 1))
            for name, one in found["as_accurate_as_without_decoder"].items() if one is not None]
    yield from table(("network", "test, %", "decision, % of the horizon", "deadline, % of the horizon"), rows)
    yield from ["With outputs that never fire, whose potentials at the horizon decide:", ""]
    yield from table(("network", "test, %", "spikes an image", "operations an image"), [
        (name, percent(one["accuracy"]), f"{one['spikes']:,.0f}", f"{one['operations']:,.0f}")
        for name, one in found["silent_outputs"].items()])
    same = ", ".join(f"{one['same_bits_as_loop']:,} ({name})" for name, one in found["networks"].items()
                     if "same_bits_as_loop" in one)
    rows = [(name, percent(one["tied"], 1), percent(one["rules"]["first spike"]["accuracy"]),
             percent(one["accuracy_by_potential"])) for name, one in found["networks"].items() if "tied" in one]
    yield from ["In whole steps the first output spikes are often several. The one with the lowest number then "
                "decides, as everywhere; that with the largest potential in that step would be right more often:", ""]
    yield from table(("network", "images with several first spikes, %", "test, %", "test by potential, %"), rows)
    yield from ["Test images in which the event queue and a loop over steps have the same bits in all neurons: "
                f"{same}.", ""]


def robustness():
    """Yield the section of disturbed networks."""
    found = [read(path) for path in sorted(RESULTS.glob("robustness_*.json"))]
    if not found:
        return
    models = ", ".join(f"`{one['model']}` on {one['n_samples']:,} test images" for one in found)
    yield from ["## Disturbed networks", "", f"`benchmarks/robustness.py`: {models}, trained undisturbed, then "
                "disturbed as hardware would. Dashes: undisturbed; bands: the range over draws.", "",
                "![Accuracy against the strength of five disturbances](images/robustness.png)", ""]
    names = {"jitter_ms": "jitter, ms", "drop": "spikes lost", "weight_bits": "weight bits", "time_bits": "time bits",
             "threshold_cv": "spread of thresholds"}
    rows = [(one["model"], names[kind], ", ".join(f"{level['value']:g}: {percent(mean(level['accuracy']), 1)}"
                                                  for level in levels))
            for one in found for kind, levels in one["sweeps"].items()]
    yield from table(("model", "disturbance", "strength: right, % (mean of the draws)"), rows)


def many_spikes():
    """Yield the section of the network whose neurons fire as often as they like."""
    found = read(RESULTS / "many_spikes.json")
    if found is None:
        return
    yield from ["## Neurons that fire many times", "",
                f"`benchmarks/many_spikes.py`: MNIST, {found['network']}, leaky neurons, exact gradients over the "
                "trace.", ""]
    yield from table(
        ("test, %", "published (EventProp), %", "validation, %", "epochs", "s an epoch, 1 thread", "2 threads",
         "hidden spikes an image"),
        [(percent(found["test_accuracy"]), percent(found["published"]), percent(found["validation_accuracy"]),
          found["epochs"], *(number(found.get("alone", {}).get(f"{n} threads"), "{:.0f}") for n in (1, 2)),
          f"{found['hidden_spikes_a_sample']:.0f}")])


def speed():
    """Yield the section of training speed."""
    found = read(RESULTS / "train_speed.json")
    if found is None:
        return
    yield from ["## Training speed", "", "`benchmarks/train_speed.py`: one thread, same batch, all programs by turns. "
                "Seconds of processor time for an epoch of 60,000 images.", ""]
    for group in found["groups"].values():
        rows = [(one["name"], one["network"], number(one["steps"], "{}"), f"{one['epoch_cpu_s']:.1f}",
                 ", ".join(f"{name} {ratio:.2g}x" for name, ratio in sorted((one.get("ratios") or {}).items())) or "-")
                for one in group]
        yield from table(("program", "hidden layers", "steps", "s an epoch", "time, ratio to"), rows)


def memory():
    """Yield the section of peak memory."""
    found = read(RESULTS / "train_memory.json")
    if found is None:
        return
    yield from ["## Memory of training", "",
                "`benchmarks/train_memory.py`: memory of a step in MiB where everything takes that many times as long, "
                "or fires that many times as often.", ""]
    rows = [(name, what, *(f"{one['step_bytes'] / 2**20:.0f}" for one in column))
            for name, columns in found["networks"].items() for what, column in columns.items()]
    yield from table(("network", "what grows", *(f"x{factor:g}" for factor in found["factors"])), rows)


SECTIONS = (headline, seeds, folds, pooling, ablation, anytime, robustness, many_spikes, speed, memory)


def page():
    """Return the text of the page."""
    head = ["# Training results", "", "Made by `python benchmarks/results_page.py` from the files in `models/` and "
            "`benchmarks/results/`; what the figures mean is in [results.md](results.md).", ""]
    return "\n".join(head + [line for section in SECTIONS for line in section()]).rstrip("\n") + "\n"


def records(name):
    """Return the records of the training of a shipped model, behind those of the one that it started from."""
    earlier = BEFORE.get(name)
    before = [] if earlier is None else json_lines.read(RESULTS / "training" / earlier / "log.jsonl", "log")
    return before + [record | {"epoch": record["epoch"] + len(before)}
                     for record in json_lines.read(MODELS / f"{name}.log.jsonl", "log")]


def figures():
    """Draw the pictures that the page shows."""
    import matplotlib

    matplotlib.use("Agg")
    import viz

    for name, *_ in networks():
        axes = viz.learning(records(name))
        axes[0].figure.savefig(DOCS / "images" / f"learning_{name}.png", dpi=110)
    disturbed = [read(path) for path in sorted(RESULTS.glob("robustness_*.json"))]
    if disturbed:
        axes = viz.robustness({DATA[result["dataset"]]: result for result in disturbed})
        axes[0].figure.savefig(DOCS / "images" / "robustness.png", dpi=110)
    decisions = read(RESULTS / "anytime.json")
    if decisions:
        from anytime import plot

        plot(decisions, DOCS / "images" / "pareto.png")


def main():
    """Write the page, and the pictures where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--figures", action="store_true", help="draw the pictures too")
    if parser.parse_args().figures:
        figures()
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(HERE.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
