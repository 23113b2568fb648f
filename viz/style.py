"""The look that all figures share: a palette that colour-blind readers can tell apart, and quiet axes.

Everything here acts on the axes it is given; no global setting of matplotlib is touched, and
matplotlib itself is imported when the first figure is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventsim.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from eventsim.network import Network
    from eventsim.type_aliases import Array

# Okabe and Ito (2008), "Color universal design": their palette less yellow (too pale for thin marks
# on white) and black (kept for text), ordered so that neighbours differ in lightness too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INPUT_GREYS = ("#6B6B6B", "#9A9A9A")  # what comes from outside is grey, what the network does is coloured

INK = "#333333"  # text inside the data, median marks
FAINT = "#8C8C8C"  # secondary lines and text
RULE = "#D9D9D9"  # separators and grid
SILENT_FACE, SILENT_HATCH = "#F1F1F1", "#B8B8B8"

RIGHT, WRONG = "#0072B2", "#D55E00"
TIME_MAP = "viridis"  # perceptually even and safe for colour-blind readers; grey is left to "silent"

RASTERIZE_ABOVE = 5000  # marks; more make a vector file slow to open


def single_axes(axes: Axes | None, figsize: tuple[float, float]) -> Axes:
    """Return `axes`, or the axes of a new figure where it is None.

    Parameters
    ----------
    axes : matplotlib.axes.Axes or None
        Where to draw.
    figsize : tuple of float
        Width and height of the new figure in inches.

    Returns
    -------
    matplotlib.axes.Axes
        Axes to draw on.

    Raises
    ------
    InputError
        `axes` is something else.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=figsize, layout="constrained")[1]
    return _checked(axes)


def axes_row(
    axes: Axes | Sequence[Axes] | Array | None, count: int, figsize: tuple[float, float], sharey: bool = False
) -> Array:
    """Return `count` axes: those given, or a row of new ones where `axes` is None.

    Parameters
    ----------
    axes : None, matplotlib.axes.Axes or sequence of them
        Where to draw; a single Axes is a sequence of one.
    count : int
        Panels wanted.
    figsize : tuple of float
        Size of a new figure in inches.
    sharey : bool, default False
        Whether new panels share their y axis.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        (count,).

    Raises
    ------
    InputError
        Not `count` axes.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=figsize, layout="constrained")
        return figure.subplots(1, count, sharey=sharey, squeeze=False)[0]
    row = np.array(axes, dtype=object).ravel()
    if row.size != count:
        raise InputError(f"axes holds {row.size} Axes; this figure needs {count}, or None for a new figure")
    for one in row:
        _checked(one)
    return row


def _checked(axes: Any) -> Axes:
    from matplotlib.axes import Axes

    if not isinstance(axes, Axes):
        raise InputError(f"axes is a {type(axes).__name__}; give a matplotlib Axes, or None for a new figure")
    return axes


def colour(place: int) -> str:
    """Return the colour of curve number `place`, 0 the first: the palette again and again."""
    return PALETTE[place % len(PALETTE)]


def population_colours(network: Network) -> dict[str, Any]:
    """Return a colour for every population of a network, the same in all figures of that network.

    Parameters
    ----------
    network : Network
        Its populations in the order of creation take the palette in turn; inputs and Poisson sources
        take greys.

    Returns
    -------
    dict of str to str
        Hexadecimal colour by population name.
    """
    colours, inner, outer = {}, 0, 0
    for name, population in network.populations.items():
        if population.kind == "neurons":
            colours[name] = colour(inner)
            inner += 1
        else:
            colours[name] = INPUT_GREYS[outer % len(INPUT_GREYS)]
            outer += 1
    return colours


def darker(colour: Any, factor: float = 0.72) -> Any:
    """Return a darker shade of a colour, for text in the colour of thin marks.

    Parameters
    ----------
    colour : str or tuple of float
        Any colour that matplotlib knows.
    factor : float, default 0.72
        What red, green and blue are multiplied by.

    Returns
    -------
    tuple of float
        Red, green and blue, 0 to 1.
    """
    from matplotlib.colors import to_rgb

    return tuple(factor * part for part in to_rgb(colour))


def tidy(axes: Axes, grid: Literal["x", "y", "both"] | None = None) -> None:
    """Remove the upper and right frame, and draw a faint grid.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Changed in place.
    grid : {"x", "y", "both"}, optional
        Which ticks have grid lines; default: none.
    """
    axes.spines[["top", "right"]].set_visible(False)
    if grid is not None:
        axes.grid(True, axis=grid, color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)


def legend_beside(axes: Axes) -> None:
    """Put the legend of labelled artists to the right of the data.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Changed in place.
    """
    _legend(axes, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)


def legend_above(axes: Axes) -> None:
    """Put the legend of labelled artists above the data, up to three entries in a row.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Changed in place.
    """
    count = len(axes.get_legend_handles_labels()[0])
    _legend(
        axes,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        ncols=min(count, 3),
        handlelength=1.4,
        columnspacing=1.2,
    )


def _legend(axes: Axes, **place: Any) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize="small", **place)


def say(axes: Axes, text: str) -> Text:
    """Write into the middle of empty axes, so that nothing to show does not look like a failure.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Changed in place.
    text : str
        What to say.

    Returns
    -------
    matplotlib.text.Text
        The text.
    """
    return axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=FAINT,
        style="italic",
        bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 4.0},
    )


def time_axis(axes: Axes, label: str = "time (ms)") -> None:
    """Label the x axis and let its ticks fall on steps of 1, 2, 4 or 5.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Changed in place.
    label : str, default "time (ms)"
        With the unit.
    """
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 4, 5, 10]))


def margin_above(axes: Axes, share: float) -> Axes:
    """Return new axes above `axes`, sharing its x axis; the room is taken from `axes` itself.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Shrunk in place, inside a grid of subplots or free.
    share : float
        Part of the height that goes to the margin, between 0 and 1.

    Returns
    -------
    matplotlib.axes.Axes
        The margin.
    """
    figure, cell = axes.figure, axes.get_subplotspec()
    if cell is not None:
        parts = cell.subgridspec(2, 1, height_ratios=[share, 1 - share], hspace=0.06)
        axes.set_subplotspec(parts[1])
        margin = figure.add_subplot(parts[0], sharex=axes)
    else:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, box.width, box.height * (0.97 - share)))
        height = box.height * share
        margin = figure.add_axes((box.x0, box.y1 - height, box.width, height), sharex=axes)
    margin.tick_params(axis="x", labelbottom=False)
    return margin


def size_in_points(axes: Axes) -> tuple[float, float]:
    """Return width and height of axes, before any layout engine has moved them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Any axes.

    Returns
    -------
    tuple of float
        Width and height in points, at least 1.
    """
    scale = 72.0 / axes.figure.dpi
    return max(scale * axes.bbox.width, 1.0), max(scale * axes.bbox.height, 1.0)
