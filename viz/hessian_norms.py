"""Hessian norms: how curved the loss is in each array of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays as numbers
from eventsim.errors import InputError, expect
from viz import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def hessian_norms(norms: Mapping[str, Mapping[str, float]], *, axes: Axes | None = None) -> Axes:
    """Draw the Hessian norm of every array of parameters as bars, one group a way of initialising.

    Parameters
    ----------
    norms : dict of dict of float
        By a name of your choice, what `training.curvature.block_norms` returns.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Nothing to draw, or arrays of different names.
    """
    expect("norms", norms, Mapping, "a dict of what training.curvature.block_norms returns")
    for found in norms.values():
        expect("a group of norms", found, Mapping, "what training.curvature.block_norms returns")
        for name, norm in found.items():
            numbers.number(f'the norm of "{name}"', norm)
    arrays = [tuple(found) for found in norms.values()]
    if not arrays or not arrays[0] or any(names != arrays[0] for names in arrays):
        raise InputError("Hessian norms need at least one array, and the same arrays in every group; give those.")
    panel = style.axes_row(None if axes is None else [axes], 1, (1.5 + 1.3 * len(arrays[0]), 3.0))[0]
    width = 0.8 / len(norms)
    for number, (label, found) in enumerate(norms.items()):
        x = np.arange(len(found)) + (number - 0.5 * (len(norms) - 1)) * width
        panel.bar(x, list(found.values()), 0.92 * width, color=style.colour(number), label=label)
    panel.set_xticks(range(len(arrays[0])), [name.split("/", 1)[-1] for name in arrays[0]], fontsize="small")
    panel.set_yscale("log")
    panel.set_ylabel("Hessian norm")
    if len(norms) > 1:
        panel.legend(frameon=False, fontsize="small")
    style.tidy(panel)
    return panel
