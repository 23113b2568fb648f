"""Learning: what the layers do, by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from viz import style
from viz.learning import curves_of, draw_panel, records_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eventsim.type_aliases import Array
    from viz.learning import Log


def layer_activity(history: Log, epoch: int | None = None, *, axes: Sequence[Axes] | Array | None = None) -> Array:
    """Draw what the layers did during a training: silence, gradients, and when they spiked.

    Parameters
    ----------
    history : as for `learning`
        With the entries ``silent``, ``gradient_norms`` and ``spike_times`` of `training.fit`.
    epoch : int, optional
        Which epoch's spike times; default: the last one's.
    axes : sequence of three matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        Part of silent neurons by epoch; gradient norm of each projection by epoch; histograms of the spike
        times of all layers over one time axis, one row a layer, the median marked.

    Raises
    ------
    InputError
        Something that holds no records, or no such epoch.
    """
    records = records_of(history)
    panels, x, unit = curves_of(records)
    row = style.axes_row(axes, 3, (13.0, 3.6))
    for panel, quantity in zip(row[:2], ("silent", "gradient_norms"), strict=True):
        draw_panel(panel, quantity, x, unit, panels.get(quantity, []), None)
    logged = {record.get("epoch", n): record for n, record in enumerate(records, 1) if "spike_times" in record}
    if epoch is None and logged:
        epoch = max(logged)
    if epoch is not None and arrays.integer("epoch", epoch) not in logged:
        raise InputError(f"epoch {epoch} has no spike times; recorded: {', '.join(map(str, logged)) or 'none'}.")
    colours = {line.get_label(): line.get_color() for line in row[0].lines}
    draw_histograms(row[2], logged[epoch]["spike_times"] if logged else None, colours)
    if logged:
        row[2].set_title(f"epoch {epoch}", loc="left", fontsize="small", color=style.INK)
    return row


def draw_histograms(axes: Axes, spike_times: Mapping[str, Any] | None, colours: Mapping[str, str]) -> None:
    """Draw a row of bars a layer, the first one at the top, all over the same time axis.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    spike_times : dict or None
        As in a record of `training.fit`: ``edges`` and, by layer, ``name``, ``counts``, ``mean``, ``quantiles``.
    colours : dict of str
        By layer; what has none is grey, as inputs are.
    """
    axes.set_xlabel("spike time (ms)")
    style.tidy(axes, grid="x")
    if spike_times is None:
        axes.set_xticks([])
        axes.set_yticks([])
        style.say(axes, "no spike times yet")
        return
    edges, layers = np.asarray(spike_times["edges"]), spike_times["layers"]
    for place, layer in enumerate(layers):
        floor = len(layers) - 1 - place
        counts = np.asarray(layer["counts"], dtype=float)
        if layer["mean"] is None:
            axes.text(edges.mean(), floor + 0.4, "no spikes", ha="center", va="center", color=style.FAINT)
            continue
        colour = colours.get(layer["name"], style.INPUT_GREYS[0])
        axes.stairs(floor + 0.85 * counts / counts.max(), edges, baseline=floor, fill=True, color=colour)
        median = layer["quantiles"][len(layer["quantiles"]) // 2]
        axes.plot([median, median], [floor, floor + 0.85], color=style.INK, linewidth=1.2)
    axes.set_yticks(np.arange(len(layers)), [layer["name"] for layer in layers[::-1]])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.1, len(layers)))
