"""Any time: how good the answer is if it is taken early, against time and against what it has cost so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import InputError, choose, expect
from viz import selection, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Array

_AGAINST = {
    "time": "time (ms)",
    "operations": "synaptic operations so far, a sample",
    "spikes": "hidden and output spikes so far, a sample",
}
_GRID, _QUANTILES = 201, 200


def anytime(
    trace: Trace,
    labels: ArrayLike | None = None,
    *,
    output: str | None = None,
    against: str | Sequence[str] | None = None,
    axes: Axes | Sequence[Axes] | Array | None = None,
) -> Axes | Any:
    """Draw accuracy against time and against synaptic operations, as `eventsim.measure.anytime` has them.

    At every time each sample has its current guess: the earliest output spike so far, or the argmax of
    a silent readout. The grey curve is the share of samples with a guess; no guess counts as wrong.

    Parameters
    ----------
    trace : Trace
        What to show.
    labels : array_like of int, optional
        True classes, (samples,); default: the labels of the trace. Without any, the share of samples whose
        guess is that of the end is drawn instead of accuracy.
    output : str, optional
        The population that guesses; default: ``trace.output``.
    against : {"time", "operations", "spikes"} or sequence of them, optional
        Horizontal axes, one panel each; default: time and operations (time only where `axes` is a single
        Axes). Operations and spikes are means over samples.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Where to draw, one a panel; default: a new figure.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes, or matplotlib.axes.Axes
        One a panel; the Axes itself where `against` is one name or `axes` a single Axes.

    Raises
    ------
    InputError
        Labels that do not fit, an output that is not clear, or a population that was not recorded.
    """
    from eventsim import measure

    truth = selection.labels_of(trace, labels)
    single = isinstance(against, str) or (axes is not None and np.ndim(np.array(axes, dtype=object)) == 0)
    if against is None:
        against = "time" if single else ("time", "operations")
    against = [against] if isinstance(against, str) else against
    expect("against", against, Sequence, f"a list of {', '.join(_AGAINST)}")
    if not against:
        raise InputError(f"against is empty; name at least one of {', '.join(_AGAINST)}.")
    for one in against:
        choose("horizontal axis", one, tuple(_AGAINST))

    row = style.axes_row(axes, len(against), (4.2 * len(against) + 0.4, 3.4), sharey=True)
    progress = measure.anytime(trace, _times(trace, output), output=output, labels=truth)
    curves = _curves(progress, trace.n_samples)
    places = {"time": progress.times, "operations": progress.operations, "spikes": progress.spikes}
    last = _last_change(curves, progress.times, trace.t_stop)
    for panel, one in zip(row, against, strict=True):
        _panel(panel, one, places[one], curves, last)
    row[0].set_ylabel("samples (%)")
    if trace.n_samples == 0 or not progress.guessed.any():
        for panel in row:
            style.say(panel, "no samples" if trace.n_samples == 0 else "no decisions")
    return row[0] if single and len(row) == 1 else row


def _times(trace, output):
    """Return the times to ask at: a regular grid, denser where samples decide."""
    from eventsim import measure

    grid = np.linspace(0.0, trace.t_stop, _GRID)
    decision = measure.decide(trace, output)
    known = decision.time[decision.decided & (decision.time < trace.t_stop)]
    if known.size == 0:
        return grid
    denser = np.quantile(known, np.linspace(0.0, 1.0, _QUANTILES), method="inverted_cdf")
    return np.unique(np.concatenate([grid, denser]))


def _curves(progress, n_samples):
    """Return (label, share of samples, colour) of what is drawn, the most important last."""
    curves = [("with a guess", progress.guessed, style.FAINT)]
    if progress.accuracy is not None:
        return [*curves, ("right", progress.accuracy, style.RIGHT)]
    agree = (progress.guess == progress.guess[-1]) & (progress.guess >= 0)
    return [*curves, ("as at the end", agree.sum(axis=1) / max(n_samples, 1), style.PALETTE[2])]


def _last_change(curves, times, t_stop):
    """Return the index of the last time to show: the horizon, or sooner where nothing changes for long."""
    changes = [np.flatnonzero(np.diff(values) != 0) for _, values, _ in curves]
    last = max((int(one[-1]) + 1 for one in changes if one.size), default=times.size - 1)
    if times[last] >= 0.5 * t_stop:
        return times.size - 1
    return min(int(np.searchsorted(times, 1.25 * times[last])), times.size - 1)


def _panel(axes, against, x, curves, last):
    from matplotlib.ticker import EngFormatter

    for label, values, colour in curves:
        axes.plot(x, 100.0 * values, drawstyle="steps-post", color=colour, linewidth=1.7, label=label)
    final = 100.0 * curves[-1][1][-1]
    if final > 0:  # False for the NaN of a trace without samples, too
        axes.text(
            1.01,
            final,
            f"{final:.1f} %",
            transform=axes.get_yaxis_transform(),
            ha="left",
            va="center",
            fontsize="small",
            color=style.darker(curves[-1][2]),
        )
    axes.set_ylim(0, 103)
    end = x[last] if np.isfinite(x[last]) and x[last] > 0 else 1.0
    begin = 0.0
    if against != "time" and final > 0:
        begin = _first_guess(axes, x, curves[0][1], end)
    axes.set_xlim(begin, end)
    style.time_axis(axes, _AGAINST[against])
    if against != "time":
        if end >= 1000:
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.get_major_locator().set_params(nbins=6)
    style.tidy(axes, grid="y")
    style.legend_above(axes)


def _first_guess(axes, x, guessed, end):
    """Return where to begin the axis: near the cost of the first guesses where that is most of all cost."""
    from matplotlib.ticker import EngFormatter

    before = x[max(int(np.argmax(guessed >= min(0.01, guessed[-1]))) - 1, 0)]
    if before < 0.5 * end or before >= end:
        return 0.0
    axes.text(
        0.03,
        0.97,
        f"{EngFormatter(places=1, sep='')(before)} before 1 % have a guess",
        transform=axes.transAxes,
        ha="left",
        va="top",
        fontsize="x-small",
        color=style.INK,
    )
    return before - 0.06 * (end - before)
