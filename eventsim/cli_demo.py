"""``eventsim demo``: train on the embedded digits, replay the test set spike by spike, measure, draw."""

import json
import pathlib
import time

from eventsim import cli_text

SAMPLE = 3
"""The test digit of the figures of one sample."""


def run(arguments):
    """Run the demo, print what it measured and the folder of its results."""
    started = time.monotonic()
    out = pathlib.Path(arguments.out)
    print("Training a network of single-spike neurons on the embedded digits ...", flush=True)
    from training import demo

    result = demo.run(out)
    if result["interrupted"]:
        raise KeyboardInterrupt
    if not result["same_predictions"]:
        raise RuntimeError("the event-by-event replay decided otherwise than the layer-by-layer evaluation")
    print("Drawing figures ...", flush=True)
    figures = draw(out)
    print(f"\n{_report(result)}")
    print(f"\nResults in {out}: model.h5, trace.h5, log.jsonl, {', '.join(figures)}")
    print(f"Done in {time.monotonic() - started:.0f} s.")


def _report(result):
    samples, seconds = result["training"]["samples"], result["seconds"]
    replayed = f"{samples['test']:,} test digits, one event at a time, in {seconds['replay']:.1f} s"
    return "\n".join(
        [
            cli_text.evaluation(result["measures"]),
            cli_text.pairs(
                [
                    ("trained", f"on {samples['train']:,} digits in {seconds['training']:.1f} s"),
                    ("replayed", f"{replayed}: every prediction is the same"),
                ]
            ),
        ]
    )


def draw(out):
    """Draw the figures of a finished demo into its folder; return the names of the files."""
    import matplotlib.pyplot as plt

    import training
    import viz
    from eventsim import Trace
    from eventsim.cli_plot import write

    trace = Trace.load(out / "trace.h5")
    names = []

    def keep(name, axes):
        write(axes, out / name)
        names.append(name)

    keep("raster.png", viz.raster(trace, SAMPLE))
    rows = plt.subplots(2, 1, figsize=(8.0, 6.0), layout="constrained")[1]
    viz.latency(trace, axes=rows[0])
    viz.latency(trace, "outcome", axes=rows[1])
    keep("latency.png", rows)
    keep("membrane.png", viz.membrane(trace, "output", sample=SAMPLE, t_stop=0.5 * trace.t_stop))
    keep("anytime.png", viz.anytime(trace))
    history = training.History.load(out / "log.jsonl")
    history.best_epoch = json.loads((out / "result.json").read_text(encoding="utf-8"))["best_epoch"]
    keep("learning.png", viz.learning(history))
    panels = plt.subplots(1, 2, figsize=(11.0, 3.8), width_ratios=(1, 1.9), layout="constrained")[1]
    viz.first_spikes(trace, "input", SAMPLE, axes=panels[0])
    viz.first_spikes(trace, "hidden", SAMPLE, axes=panels[1])
    keep("first_spikes.png", panels)
    return names
