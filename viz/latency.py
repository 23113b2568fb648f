"""Latency: how first spikes and decisions spread in time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose, expect
from viz import selection, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Several

_BY = ("population", "class", "outcome")
_MOST_BINS = 1_000_000  # no figure shows more, and they fit into memory
_TEXT_UP_TO = 40  # rows; more, and the numbers beside them could not be read


class Row(NamedTuple):
    """One distribution: its name, its times in ms, and how many cases had none."""

    name: str
    times: np.ndarray
    missing: int
    colour: str


def latency(
    trace: Trace,
    by: Literal["population", "class", "outcome"] = "population",
    *,
    populations: Several | None = None,
    output: str | None = None,
    labels: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    bins: int | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw distributions of latencies, one row each, over one time axis.

    Latency counts from the onset of the stimulus (t = 0 of a sample). A row is a histogram scaled to its
    own peak, with a line at the median and a bar from the 5th to the 95th percentile (thick: quartiles);
    beside it the median and the share of cases without a time.

    Parameters
    ----------
    trace : Trace
        What to show.
    by : {"population", "class", "outcome"}, default "population"
        "population": the first spike of every neuron in every sample, by population. "class": the
        decision time of every sample, by true class. "outcome": the same by right and wrong decisions.
        A silent readout decides at the horizon; its settling time is shown instead, the last change of
        its argmax.
    populations : str, sequence of str, or None
        For "population": which; default: all that were recorded and can fire.
    output : str, optional
        For "class" and "outcome": the population that decides; default: ``trace.output``.
    labels : array_like of int, optional
        True classes, (samples,); default: the labels of the trace.
    class_names : sequence of str, optional
        Names of the classes 0, 1, ...
    bins : int, optional
        Bins over the whole span of times; default: 25 to 81, by the number of times in the largest row.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    InputError
        An unknown `by` or population, missing or unusable labels, or a number of bins below 1.
    """
    choose("grouping", by, _BY)
    if bins is not None:
        if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
            raise InputError(f"bins is {bins!r}; give a whole number from 1, or None")
        bins = arrays.integer("bins", bins, 1, _MOST_BINS)
    if by == "population":
        rows, what, lacking = _by_population(trace, populations), "first spike", "silent"
    else:
        rows, what, lacking = _by_decision(trace, by, output, labels, class_names)
    axes = style.single_axes(axes, (7.0, float(np.clip(0.62 * len(rows) + 1.1, 2.0, 12.0))))
    times = np.concatenate([np.empty(0), *(row.times for row in rows)])
    if bins is None:
        largest = max((row.times.size for row in rows), default=0)
        # An odd number, so that a single instant falls into the middle of a bin.
        bins = int(np.clip(2.0 * np.sqrt(largest), 24, 80)) // 2 * 2 + 1
    edges = _edges(times, bins, trace.t_stop)
    for place, row in enumerate(rows):
        _draw(axes, len(rows) - 1 - place, row, edges, lacking, len(rows) <= _TEXT_UP_TO)
    if times.size == 0:
        style.say(axes, "no spikes" if by == "population" else "no decisions")
    axes.set_yticks(0.3 + np.arange(len(rows))[::-1], [row.name for row in rows])
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_color(style.darker(row.colour))
    axes.tick_params(axis="y", length=0, labelsize="small" if len(rows) <= 20 else "xx-small")
    if by == "class":
        axes.set_ylabel("class")
    axes.set_ylim(-0.35, max(len(rows), 1) - 0.05)
    axes.set_xlim(edges[0], edges[-1])
    style.time_axis(axes, f"{what} (ms)")
    style.tidy(axes, grid="x")
    axes.spines["left"].set_visible(False)
    return axes


def _by_population(trace, populations):
    colours = style.population_colours(trace.network)
    rows = []
    for name in selection.populations_of(trace, populations):
        first = trace.first_spikes(name)
        times = first[np.isfinite(first)]
        rows.append(Row(name, times, first.size - times.size, colours[name]))
    return rows


def _by_decision(trace, by, output, labels, class_names):
    """Return the rows of decision times, the name of the axis and what a case without a time is called."""
    from eventsim import measure

    if class_names is not None:
        expect("class_names", class_names, Collection, "a list of names")
        class_names = list(class_names)
    truth = selection.labels_of(trace, labels)
    if truth is None:
        raise InputError(f"latency by {by} needs the true classes; give labels=, one whole number a sample")
    decision = measure.decide(trace, output)
    times, what = decision.time, f"decision of {decision.output}"
    if decision.settling_time is not None:
        times, what = decision.settling_time, f"settling time of {decision.output}"
    if by == "class":
        groups = [(_class_name(one, class_names), truth == one, style.PALETTE[0]) for one in np.unique(truth)]
    else:
        right = decision.label == truth
        groups = [("right", right, style.RIGHT), ("wrong", ~right, style.WRONG)]
    rows = []
    for name, members, colour in groups:
        chosen = times[members]
        known = chosen[np.isfinite(chosen)]
        named = f"{name}\n({chosen.size:,})" if by == "outcome" else name
        rows.append(Row(named, known, chosen.size - known.size, colour))
    return rows, what, "undecided"


def _class_name(number, names):
    if names is None or not 0 <= number < len(names):
        return str(number)
    return str(names[number])


def _edges(times, bins, t_stop):
    if times.size == 0:
        return np.linspace(0.0, t_stop, bins + 1)
    low, high = float(times.min()), float(times.max())
    pad = 0.02 * (high - low) or 0.5  # a single instant still gets an axis around it
    low = 0.0 if low < 0.25 * high else max(low - pad, 0.0)
    return np.linspace(low, high + pad, bins + 1)


def _draw(axes, base, row, edges, lacking, text):
    """Draw one row above the height `base`."""
    total = row.times.size + row.missing
    notes = []
    if row.times.size:
        counts = np.histogram(row.times, edges)[0]
        axes.stairs(
            base + 0.78 * counts / counts.max(),
            edges,
            baseline=base,
            fill=True,
            color=row.colour,
            alpha=0.75,
            linewidth=0,
            label=row.name,
        )
        p5, q1, median, q3, p95 = np.percentile(row.times, (5, 25, 50, 75, 95))
        axes.hlines(base - 0.09, p5, p95, color=row.colour, linewidth=1.0)
        axes.hlines(base - 0.09, q1, q3, color=row.colour, linewidth=3.5)
        axes.vlines(median, base - 0.17, base + 0.78, color=style.INK, linewidth=1.3)
        notes.append(f"median {median:.3g} ms")
    axes.axhline(base, color=style.RULE, linewidth=0.6, zorder=0)
    if row.missing:
        notes.append(f"{lacking} {100.0 * row.missing / total:.3g} %")
    if text and notes:
        axes.text(
            1.015,
            base + 0.3,
            "\n".join(notes),
            transform=axes.get_yaxis_transform(),
            ha="left",
            va="center",
            fontsize="x-small",
            color=style.INK,
        )
