"""Figures; each draws on a figure that is closed behind it."""

import numpy as np
from nonsense import Call
from small_runs import recurrent_run

import viz
from calls.objects import classified, written

HISTORY = [
    {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "sharpness": 3.0, "silent": {"hidden": 0.1},
     "gradient_norms": {"in->hidden": 0.2}, "spike_times": {
         "edges": [0.0, 1.0, 2.0], "layers": [
             {"name": "hidden", "counts": [1, 2], "mean": 1.0, "quantiles": [0.1, 0.5, 1.0, 1.5, 1.9]}]}},
    {"epoch": 2, "loss": 0.5, "accuracy": 0.6, "sharpness": 2.0},
]
SWEEPS = {"a": {"undisturbed": 0.9, "sweeps": {"drop": [{"value": 0.1, "accuracy": [0.8, 0.7]}]}}}


def _saved(folder):
    classified().save(folder / "t.h5")


def drawn(function):
    """Return the function, with every figure closed after it."""
    def draw(**arguments):
        from matplotlib import pyplot

        try:
            figure = function(**arguments)
            np.ravel(figure)[0].figure.canvas.draw()
        finally:
            pyplot.close("all")

    return draw


def _of_classified(function, **arguments):
    return Call(drawn(function), lambda: {"trace": classified()} | arguments)


CALLS = {
    "viz.anytime": _of_classified(viz.anytime, labels=[0, 1, 0, 1], output="out", against="time", axes=None),
    "viz.first_spikes": _of_classified(
        viz.first_spikes, population="out", sample=0, axes=None, limits=(0.0, 9.0), colorbar=True),
    "viz.latency": _of_classified(
        viz.latency, by="class", populations=None, output="out", labels=[0, 1, 0, 1], class_names=["a", "b"], bins=5,
        axes=None),
    "viz.membrane": _of_classified(
        viz.membrane, population="out", neurons=[0], sample=0, t_start=0.0, t_stop=9.0, points=20, axes=None),
    "viz.raster": Call(drawn(viz.raster), lambda: {
        "trace": recurrent_run(), "sample": 0, "populations": ["excitatory"], "axes": None, "rates": True,
        "t_start": 0.0, "t_stop": 20.0, "arrange": "side", "bin_width": 1.0, "rasterize_above": 10}),
    "viz.hessian_norms": Call(drawn(viz.hessian_norms), {"norms": {"a": {"weight/x": 1.0}}, "axes": None}),
    "viz.layer_activity": Call(drawn(viz.layer_activity), {"history": HISTORY, "epoch": 1, "axes": None}),
    "viz.learning": Call(drawn(viz.learning), {"history": HISTORY, "quantities": ["loss"], "axes": None}),
    "viz.robustness": Call(drawn(viz.robustness), {"sweeps": SWEEPS, "axes": None}),
    "viz.sharpness": Call(drawn(viz.sharpness), {"history": HISTORY, "rate": 0.1, "axes": None}),
    "viz.report": Call(viz.report, lambda: {"source": written(_saved, "t.h5"), "out": "r.html"}),
}
