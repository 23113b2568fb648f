"""Robustness: how accuracy falls with what disturbs a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import InputError, expect
from viz import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eventsim.type_aliases import Array

QUANTITIES = {
    "jitter_ms": "jitter of spike times (ms)",
    "drop": "lost spikes (%)",
    "weight_bits": "bits of a weight",
    "time_bits": "bits of a spike time",
    "threshold_cv": "spread of thresholds (%)",
}
"""What is disturbed, and the text of its axis."""

_SHARES = ("drop", "threshold_cv")


def robustness(sweeps: Mapping[str, Mapping[str, Any]], *, axes: Sequence[Axes] | Array | None = None) -> Array:
    """Draw accuracy against the strength of each disturbance, one panel a disturbance.

    Parameters
    ----------
    sweeps : dict of dict
        By the name of a model, what `benchmarks/robustness.py` measures: ``undisturbed`` (accuracy, 0 to 1) and
        ``sweeps``, by disturbance (`training.disturb.Disturbance`) a list of ``{"value", "accuracy"}``, where
        ``accuracy`` is a list with one number a seed.
    axes : sequence of matplotlib.axes.Axes, optional
        Where to draw, one a disturbance; default: a new figure.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        Means over the seeds with their range; the accuracy without disturbance is a dashed line.

    Raises
    ------
    InputError
        Nothing to draw, or a disturbance that is not known.
    """
    expect("sweeps", sweeps, Mapping, "a dict of what benchmarks/robustness.py measures")
    for result in sweeps.values():
        expect("a model of the sweeps", result, Mapping, "a dict with undisturbed and sweeps")
        if not {"undisturbed", "sweeps"} <= set(result) or not isinstance(result["sweeps"], Mapping):
            raise InputError("a model of the sweeps lacks its figures; give a dict with undisturbed and sweeps.")
    names = [key for key in QUANTITIES if any(key in result["sweeps"] for result in sweeps.values())]
    unknown = {key for result in sweeps.values() for key in result["sweeps"]} - QUANTITIES.keys()
    if unknown or not names:
        raise InputError(
            f"robustness got {', '.join(sorted(unknown)) or 'no disturbances'}; known: {', '.join(QUANTITIES)}."
        )
    row = style.axes_row(axes, len(names), (2.9 * len(names), 3.0), sharey=True)
    for panel, name in zip(row, names, strict=True):
        for place, (model, result) in enumerate(sweeps.items()):
            colour = style.colour(place)
            points = result["sweeps"].get(name, [])
            x = np.array([point["value"] for point in points]) * (100.0 if name in _SHARES else 1.0)
            found = [np.asarray(point["accuracy"]) for point in points]
            y = 100.0 * np.array([[right.mean(), right.min(), right.max()] for right in found])
            panel.axhline(100.0 * result["undisturbed"], color=colour, linestyle="--", linewidth=0.8)
            if len(points):
                panel.fill_between(x, y[:, 1], y[:, 2], color=colour, alpha=0.2, linewidth=0.0)
                panel.plot(x, y[:, 0], color=colour, marker="o", markersize=3.5, label=model)
        if name.endswith("_bits"):
            panel.invert_xaxis()
        panel.set_xlabel(QUANTITIES[name])
        style.tidy(panel)
    row[0].set_ylabel("accuracy (%)")
    if len(sweeps) > 1:
        row[0].legend(frameon=False, fontsize="small")
    return row
