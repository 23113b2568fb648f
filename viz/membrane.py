"""Membrane: the exact potential between spikes, with its threshold and the spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from viz import selection, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eventsim.trace import Trace
    from eventsim.type_aliases import Which

_NEURONS = 5  # shown unless the user names some
_STYLES = ("-", "--", ":", "-.")  # a second mark of identity once the palette has been used up
_MOST_POINTS = 10_000_000  # no figure shows more, and they fit into memory
_INSTANTS = 20_000  # arrivals that get points of their own; beyond, the regular grid is dense enough to see


def membrane(
    trace: Trace,
    population: Which,
    neurons: int | Sequence[int] | None = None,
    sample: int = 0,
    *,
    t_start: float = 0.0,
    t_stop: float | None = None,
    points: int = 1000,
    axes: Axes | None = None,
) -> Axes:
    """Draw the membrane potential of some neurons, evaluated in closed form between their spikes.

    The curve has a regular grid of points and, in addition, points on both sides of every arrival and
    every spike, so that jumps are vertical and kinks are where they belong. A spike is drawn as a line up
    from the threshold.

    Parameters
    ----------
    trace : Trace
        What to show.
    population : str or Population
        A population of kind "neurons".
    neurons : int or sequence of int, optional
        Neuron ids; default: 5 of those that fire in the sample, from the first to the last of them,
        filled up with the lowest ids.
    sample : int, default 0
        Which sample.
    t_start, t_stop : float, optional
        Shown window in ms; default: the whole run.
    points : int, default 1000
        Points of the regular grid.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    InputError
        Unknown population, neuron or sample, an input, or an empty window.
    """
    population = selection.one_population(trace, population)
    if population.kind != "neurons":
        raise InputError(f'population "{population.name}" has no membrane; name one of kind "neurons"')
    sample = selection.one_sample(trace, sample)
    points = arrays.integer("points", points, 1, _MOST_POINTS)
    end = trace.t_stop if t_stop is None else min(arrays.number("t_stop", t_stop), trace.t_stop)
    start, stop = selection.window(trace, max(arrays.number("t_start", t_start), 0.0), end)
    rows = selection.rows_of_sample(trace, population.name, sample)
    ids = _neurons(population, rows, neurons)
    threshold = population.neuron.resolve(population.size).v_threshold
    times = _times(trace, population, rows, ids, sample, start, stop, points)
    potential = np.asarray(trace.membrane(population.name, ids, times, sample).v)

    axes = style.single_axes(axes, (7.5, 3.6))
    for place, (neuron, curve) in enumerate(zip(ids, potential, strict=True)):
        axes.plot(
            times,
            curve,
            color=style.colour(place),
            linewidth=1.4,
            linestyle=_STYLES[place // len(style.PALETTE) % len(_STYLES)],
            label=f"neuron {neuron}",
        )
    _thresholds(axes, ids, threshold)
    _spikes(axes, rows, ids, threshold, times, potential)
    axes.set_xlim(start, stop)
    axes.set_ylabel("membrane potential V")
    axes.set_title(
        f"{population.name}, {selection.sample_name(trace, sample)}", loc="left", fontsize="medium"
    )
    style.time_axis(axes)
    style.tidy(axes)
    style.legend_beside(axes)
    return axes


def _neurons(population, rows, neurons):
    """Return the ids to draw, checked."""
    if neurons is None:
        firing = rows.neuron[np.sort(np.unique(rows.neuron, return_index=True)[1])]  # in order of firing
        spread = np.linspace(0, firing.size - 1, min(firing.size, _NEURONS)).round().astype(np.int64)
        firing = firing[spread]
        silent = np.setdiff1d(np.arange(min(population.size, _NEURONS)), firing)
        return np.concatenate([firing, silent])[:_NEURONS].astype(np.int64)
    try:
        ids = np.atleast_1d(np.asarray(neurons))
    except ValueError:  # rows of different lengths
        ids = np.full(1, -1)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or (ids < 0).any() or (ids >= population.size).any():
        raise InputError(
            f'neurons {neurons!r} are not in "{population.name}"; give ids from 0 to {population.size - 1}'
        )
    return ids.astype(np.int64)


def _times(trace, population, rows, ids, sample, start, stop, points):
    """Return the ascending instants to evaluate: a grid, and both sides of what makes jumps and kinks."""
    events = [rows.time[np.isin(rows.neuron, ids)]]
    for projection in trace.network.projections.values():
        if projection.target.name == population.name and projection.source.name in trace.populations:
            spikes = np.unique(selection.rows_of_sample(trace, projection.source.name, sample).time)
            delays = np.unique(projection.delay)
            if spikes.size * delays.size <= _INSTANTS:
                events.append((spikes[:, None] + delays).ravel())
    events = np.concatenate(events)
    events = events[(events > start) & (events < stop)]
    sides = [np.nextafter(events, -np.inf), events, np.nextafter(events, np.inf)]
    return np.unique(np.concatenate([np.linspace(start, stop, max(points, 2)), *sides]))


def _thresholds(axes, ids, threshold):
    """Draw one threshold line where all neurons share it, else one a neuron in its colour."""
    dashes = {"linewidth": 1.0, "linestyle": (0, (4, 3)), "zorder": 1}
    shared = np.unique(threshold[ids])
    if shared.size == 1:
        if np.isfinite(shared[0]):
            axes.axhline(shared[0], color=style.FAINT, label="threshold", **dashes)
        return
    for place, neuron in enumerate(ids):
        if np.isfinite(threshold[neuron]):
            axes.axhline(threshold[neuron], color=style.colour(place), alpha=0.8, **dashes)
    axes.plot([], [], color=style.FAINT, label="thresholds", **dashes)  # one entry for all in the legend


def _spikes(axes, rows, ids, threshold, times, potential):
    """Draw each spike as a line up from the potential before it, all to one height above what is drawn."""
    bottom, top = axes.get_ylim()
    tip = top + 0.15 * (top - bottom)
    drawn = False
    for place, neuron in enumerate(ids):
        spikes = rows.time[(rows.neuron == neuron) & (rows.time >= times[0]) & (rows.time < times[-1])]
        if spikes.size:
            # A spike that a jump caused starts below the threshold.
            before = np.clip(np.searchsorted(times, spikes) - 1, 0, None)
            feet = np.minimum(potential[place, before], threshold[neuron])
            axes.vlines(spikes, feet, tip, color=style.colour(place), linewidth=1.4)
            axes.plot(
                spikes,
                np.full(spikes.size, tip),
                linestyle="none",
                marker="v",
                markersize=5,
                color=style.colour(place),
                zorder=3,
            )
            drawn = True
    if drawn:
        axes.plot([], [], linestyle="none", marker="v", markersize=5, color=style.INK, label="spike")
        axes.set_ylim(bottom, tip + 0.05 * (tip - bottom))
