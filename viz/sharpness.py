"""Sharpness: the largest eigenvalue of the Hessian along a training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eventsim import arrays
from eventsim.errors import InputError
from viz import style
from viz.learning import records_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from viz.learning import Log


def sharpness(history: Log, rate: float | None = None, *, axes: Axes | None = None) -> Axes:
    """Draw the largest eigenvalue of the Hessian by epoch, and 2 / rate, above which gradient descent is unstable.

    Parameters
    ----------
    history : as for `viz.learning`
        Records with ``sharpness`` (`training.curvature.Sharpness`).
    rate : float, optional
        Learning rate of plain gradient descent; without it no line is drawn.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        No record has a sharpness, or a rate that is not positive.
    """
    if rate is not None and not 0.0 < arrays.number("rate", rate) < math.inf:
        raise InputError(f"rate is {rate!r}; give a learning rate above 0, or leave it out.")
    records = [record for record in records_of(history) if record.get("sharpness") is not None]
    if not records:
        raise InputError("No record has a sharpness; train with training.curvature.Sharpness among the callbacks.")
    panel = style.axes_row(None if axes is None else [axes], 1, (4.2, 3.0))[0]
    epochs = [record.get("epoch", number) for number, record in enumerate(records, 1)]
    panel.plot(epochs, [record["sharpness"] for record in records], color=style.PALETTE[0], marker="o", markersize=3)
    if rate is not None:
        panel.axhline(2.0 / rate, color=style.FAINT, linestyle="--", linewidth=1.0)
        panel.annotate("2 / rate", (epochs[0], 2.0 / rate), (2, 3), textcoords="offset points", color=style.FAINT,
                       fontsize="small")
    panel.set_xlabel("epoch")
    panel.set_ylabel("largest eigenvalue of the Hessian")
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
    style.tidy(panel)
    return panel
