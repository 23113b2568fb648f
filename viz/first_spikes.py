"""First spikes: a map of when each neuron of a population fired first; silence is a pattern, not a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from viz import selection, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eventsim.trace import Trace
    from eventsim.type_aliases import Which

_WRITE_TIMES_UP_TO = 40  # neurons; more, and the numbers do not fit into the cells
_NAME_CHANNELS_UP_TO = 36
_ROW_LENGTHS = (10, 20, 25, 50, 100, 200, 250, 500, 1000)  # round numbers, so that ids are easy to read off


class Sheet(NamedTuple):
    """Where the neurons lie on a grid of cells.

    Attributes
    ----------
    row, column : numpy.ndarray
        Cell of every neuron, int64 (neurons,).
    height, width : int
        Cells of the whole sheet.
    tiles : list of tuple of int
        (row, column, height, width) of each rectangle of cells that holds neurons.
    """

    row: np.ndarray
    column: np.ndarray
    height: int
    width: int
    tiles: list


def first_spikes(
    trace: Trace,
    population: Which,
    sample: int = 0,
    *,
    axes: Axes | None = None,
    limits: tuple[float, float] | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw the first spike time of every neuron of a population as a map.

    A map (height, width) or (height, width, channels) keeps its shape, one tile a channel; any other
    population is folded into rows. Neurons that stayed silent in the sample are left hatched in grey, and
    counted in the legend.

    Parameters
    ----------
    trace : Trace
        What to show.
    population : str or Population
        An input or a recorded population.
    sample : int, default 0
        Which sample.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.
    limits : tuple of float, optional
        Times in ms at the two ends of the colour scale, to compare figures; default: the earliest and the
        latest first spike.
    colorbar : bool, default True
        Whether to add the scale; it takes its room from `axes`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the map.

    Raises
    ------
    InputError
        Unknown population or sample, or limits that do not ascend.
    """
    population = selection.one_population(trace, population)
    sample = selection.one_sample(trace, sample)
    times = _times(trace, population, sample)
    fired = np.isfinite(times)
    low, high = _limits(times[fired], limits)
    colorbar = arrays.flag("colorbar", colorbar)
    sheet = _sheet(population.shape, population.size)

    ratio = sheet.height / sheet.width
    across = float(np.clip(0.8 * sheet.width, 2.0, 4.8))  # inches of the map; beside it: labels and scale
    axes = style.single_axes(axes, (across + 1.6, float(np.clip(across * ratio + 1.2, 2.2, 7.5))))
    cells = np.full((sheet.height, sheet.width), np.nan)
    cells[sheet.row[fired], sheet.column[fired]] = times[fired]
    silence = _hatch(axes, sheet)
    image = axes.imshow(
        np.ma.masked_invalid(cells),
        cmap=style.TIME_MAP,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        zorder=1,
    )
    _name_cells(axes, population, sheet)
    if population.size <= _WRITE_TIMES_UP_TO:
        _write_times(axes, image, times, sheet)

    title = f"{population.name}, {selection.sample_name(trace, sample)}"
    silent = int(population.size - fired.sum())
    if not fired.any():
        style.say(axes, "no spikes")
    axes.set_title(title, loc="left", fontsize="medium", pad=22 if silent else 6)
    if silent:
        axes.legend(
            handles=[silence],
            labels=[f"silent: {silent:,} of {population.size:,}"],
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.2,
            borderpad=0.1,
            frameon=False,
            fontsize="small",
        )
    if fired.any() and colorbar:
        flat = ratio < 0.4
        look: dict[str, Any] = {"aspect": 40, "pad": 0.08} if flat else {"fraction": 0.06, "pad": 0.03}
        bar = axes.figure.colorbar(image, ax=axes, orientation="horizontal" if flat else "vertical", **look)
        bar.set_label("first spike (ms)")
        bar.outline.set_visible(False)
    return axes


def _times(trace, population, sample):
    """Return the first spike of every neuron in one sample in ms, inf where silent."""
    rows = selection.rows_of_sample(trace, population.name, sample)
    times = np.full(population.size, np.inf)
    times[rows.neuron[::-1]] = rows.time[::-1]  # backwards: of several spikes the earliest is written last
    return times


def _limits(times, limits):
    if limits is not None:
        given = arrays.numbers("limits", limits)
        if given.shape != (2,):
            raise InputError(f"limits has shape {given.shape}; give two times in ms that ascend")
        low, high = (float(one) for one in given)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise InputError(f"limits {limits} must be two times in ms that ascend")
        return low, high
    if times.size == 0:
        return 0.0, 1.0
    low, high = float(times.min()), float(times.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _sheet(shape, size):
    """Return the layout of a population of some shape; neuron ids are row-major."""
    if len(shape) not in (2, 3):
        return _folded(size)
    height, width, channels = (*shape, 1)[:3]
    gap = max(1, round(0.16 * max(height, width)))
    across = _tiles_across(channels, (height + gap) / (width + gap))
    down = -(-channels // across)
    tiles = [
        (c // across * (height + gap), c % across * (width + gap), height, width) for c in range(channels)
    ]
    corner = np.array(tiles)[:, :2]
    y, x, channel = np.unravel_index(np.arange(size), (height, width, channels))
    return Sheet(
        corner[channel, 0] + y,
        corner[channel, 1] + x,
        down * (height + gap) - gap,
        across * (width + gap) - gap,
        tiles,
    )


def _tiles_across(channels, ratio):
    """Return how many tiles of height / width `ratio` go into a row: nearly 5:4, few places left empty."""

    def cost(across):
        down = -(-channels // across)
        return abs(np.log(across / (1.25 * down * ratio))) + 1.5 * (across * down - channels) / channels

    return min(range(1, channels + 1), key=cost)


def _folded(size):
    """Return the layout of a plain list of neurons: rows of a round length."""
    wanted = np.sqrt(1.6 * size)
    across = size if size <= 16 else min(_ROW_LENGTHS, key=lambda length: abs(np.log(length / wanted)))
    row, column = np.divmod(np.arange(size), across)
    full, rest = divmod(size, across)
    tiles = [(0, 0, full, across)] if full else []
    if rest:
        tiles.append((full, 0, 1, rest))
    return Sheet(row, column, full + (rest > 0), across, tiles)


def _hatch(axes, sheet):
    """Hatch every place of a neuron; the cells of those that fired cover it."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    boxes = [Rectangle((left - 0.5, top - 0.5), width, height) for top, left, height, width in sheet.tiles]
    look: dict[str, Any] = {
        "facecolor": style.SILENT_FACE,
        "edgecolor": style.SILENT_HATCH,
        "hatch": "//////",
        "linewidth": 0.6,
    }
    axes.add_collection(PatchCollection(boxes, zorder=0, **look))
    return Patch(**look)


def _name_cells(axes, population, sheet):
    """Label rows and columns of a map, first ids of folded rows, or the channels of several tiles."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize="small", colors=style.FAINT)
    shape = population.shape
    if len(shape) == 3 and shape[2] > 1:
        axes.set_xticks([])
        axes.set_yticks([])
        if shape[2] <= _NAME_CHANNELS_UP_TO:
            for channel, (top, left, _, width) in enumerate(sheet.tiles):
                axes.text(
                    left + 0.5 * width - 0.5,
                    top - 0.6,
                    str(channel),
                    ha="center",
                    va="bottom",
                    fontsize="x-small",
                    color=style.FAINT,
                )
            # Room for the upper row of numbers.
            axes.set_ylim(sheet.height - 0.5, -0.5 - 0.16 * max(shape[:2]) - 0.4)
        axes.set_xlabel(f"{shape[2]} channels of {shape[0]} x {shape[1]}", fontsize="small")
    elif len(shape) in (2, 3):
        axes.set_xlabel("column", fontsize="small")
        axes.set_ylabel("row", fontsize="small")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.yaxis.get_major_locator().set_params(integer=True)
    elif sheet.height == 1:
        axes.set_yticks([])
        axes.set_xticks(range(sheet.width))
        axes.set_xlabel("neuron", fontsize="small")
    else:
        every = -(-sheet.height // 12)
        rows = range(0, sheet.height, every)
        axes.set_yticks(rows, [str(row * sheet.width) for row in rows])
        axes.set_ylabel("neuron", fontsize="small")
        columns = range(0, sheet.width, max(1, sheet.width // 5))
        axes.set_xticks(columns, [f"+{column}" for column in columns])


def _write_times(axes, image, times, sheet):
    """Write the time into each cell, dark on light colours and light on dark ones."""
    for neuron in np.flatnonzero(np.isfinite(times)):
        red, green, blue, _ = image.to_rgba(times[neuron])
        bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        axes.text(
            sheet.column[neuron],
            sheet.row[neuron],
            f"{times[neuron]:.3g}",
            ha="center",
            va="center",
            fontsize="x-small",
            color="black" if bright else "white",
        )
