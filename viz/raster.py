"""Raster: every spike a mark, every population a coloured band, optionally its rate in a margin."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose
from viz import selection, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Floats, Several

_ARRANGEMENTS = ("side", "overlay")
_SIDE_BY_SIDE = 8  # samples; with more, each is too narrow to read and they are laid over each other
_MOST_BINS = 1_000_000  # no figure shows more, and they fit into memory
_SAMPLE_GAP = 0.04  # of the shown window, between two samples side by side


class Band(NamedTuple):
    """Where a population is drawn: neuron k at ``bottom + (k + 0.5) * step``, up to ``top``."""

    bottom: float
    top: float
    step: float

    def rows(self, neuron: ArrayLike) -> Floats:
        """Return the heights at which neurons are drawn."""
        return self.bottom + (np.asarray(neuron) + 0.5) * self.step


@overload
def raster(
    trace: Trace,
    sample: int | Sequence[int] | None = ...,
    *,
    populations: Several | None = ...,
    axes: Axes | None = ...,
    rates: Literal[False] = ...,
    t_start: float = ...,
    t_stop: float | None = ...,
    arrange: Literal["side", "overlay"] | None = ...,
    bin_width: float | None = ...,
    rasterize_above: int = ...,
) -> Axes: ...


@overload
def raster(
    trace: Trace,
    sample: int | Sequence[int] | None = ...,
    *,
    populations: Several | None = ...,
    axes: Axes | None = ...,
    rates: bool,
    t_start: float = ...,
    t_stop: float | None = ...,
    arrange: Literal["side", "overlay"] | None = ...,
    bin_width: float | None = ...,
    rasterize_above: int = ...,
) -> Any: ...


def raster(
    trace: Trace,
    sample: int | Sequence[int] | None = 0,
    *,
    populations: Several | None = None,
    axes: Axes | None = None,
    rates: bool = False,
    t_start: float = 0.0,
    t_stop: float | None = None,
    arrange: Literal["side", "overlay"] | None = None,
    bin_width: float | None = None,
    rasterize_above: int = style.RASTERIZE_ABOVE,
) -> Axes | Array:
    """Draw the spikes of a trace, one mark each, coloured by population.

    Populations are stacked in the order of the network, the first at the bottom. A band's height
    grows with the square root of its size, so that ten output neurons stay readable beside a thousand
    inputs. Population colours are the same in every figure of the same network.

    Parameters
    ----------
    trace : Trace
        What to show.
    sample : int, sequence of int, or None, default 0
        Samples to show; None: all.
    populations : str, sequence of str, or None
        Populations to show; None: all that were recorded and can fire.
    axes : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.
    rates : bool, default False
        Whether to add a margin above with the mean rate of each population (Hz a neuron, averaged over
        its neurons and the samples).
    t_start, t_stop : float, optional
        Shown window in ms; default: the whole run.
    arrange : {"side", "overlay"}, optional
        Several samples one after another along the time axis, or laid over each other; default: side by
        side up to 8 samples.
    bin_width : float, optional
        Bin of the rates in ms; default: a fiftieth of the window.
    rasterize_above : int, default 5000
        With more spikes than this, the marks are stored as pixels in vector formats (text and axes stay
        vectors).

    Returns
    -------
    matplotlib.axes.Axes or numpy.ndarray of matplotlib.axes.Axes
        The axes of the raster; with `rates`, the two axes [raster, rates].

    Raises
    ------
    InputError
        Unknown sample, population or arrangement, or an empty window.
    """
    samples = selection.samples_of(trace, sample)
    names = selection.populations_of(trace, populations)
    start, stop = selection.window(trace, t_start, t_stop)
    if arrange is None:
        arrange = "side" if samples.size <= _SIDE_BY_SIDE else "overlay"
    choose("arrangement", arrange, _ARRANGEMENTS)
    rates, rasterize_above = arrays.flag("rates", rates), arrays.integer("rasterize_above", rasterize_above, 0)
    width = (stop - start) / 50 if bin_width is None else arrays.number("bin_width", bin_width)
    if not 0 < width < np.inf:
        raise InputError(f"bin_width is {bin_width}; give a width in ms above 0")
    if rates and (stop - start) / width > _MOST_BINS:
        raise InputError(f"bin_width is {width:g} ms, too little for {stop - start:g} ms; give a width that "
                         f"makes at most {_MOST_BINS} bins")

    side = arrange == "side" and samples.size > 1
    wide = 7.5 if not side else min(7.5 + 1.2 * (samples.size - 1), 13.0)
    axes = style.single_axes(axes, (wide, 5.2 if rates else 4.4))
    colours = style.population_colours(trace.network)
    sizes = [trace.network.populations[name].size for name in names]
    bands = dict(zip(names, _bands(sizes), strict=True))
    shown = {name: _shown(trace, name, samples, start, stop) for name in names}
    step = (stop - start) * (1 + _SAMPLE_GAP) if side else 0.0

    top = style.margin_above(axes, 0.22) if rates else axes
    columns = samples.size if side else 1
    axes.set_xlim(start, stop + step * max(columns - 1, 0))
    _name_bands(axes, bands, dict(zip(names, sizes, strict=True)), colours)
    style.tidy(axes)
    total = sum(len(time) for time, _, _ in shown.values())
    for name in names:
        time, neuron, place = shown[name]
        axes.plot(
            time + step * place,
            bands[name].rows(neuron),
            linestyle="none",
            color=colours[name],
            label=name,
            rasterized=total > rasterize_above,
            **_mark(axes, bands[name], len(time)),
        )
    if total == 0:
        style.say(axes, _nothing(samples, names, start, stop))
    style.time_axis(axes)
    if rates:
        _rates(top, trace, shown, colours, _edges(start, stop, width), samples.size, step)
    if side:
        _columns(axes, top, trace, samples, start, stop, step)
    else:
        top.set_title(_title(trace, samples), loc="left", fontsize="medium")
    return np.array([axes, top], dtype=object) if rates else axes


def _bands(sizes):
    """Return one `Band` a population; a single population has its neuron ids as heights."""
    sizes = np.asarray(sizes, dtype=np.float64)
    if sizes.size == 1:
        return [Band(-0.5, sizes[0] - 0.5, 1.0)]
    if sizes.size == 0:
        return []
    heights = np.sqrt(sizes)
    heights = np.maximum(heights, 0.12 * heights.sum() / np.sqrt(sizes.size))  # never too thin to see
    gap = 0.035 * heights.sum() / sizes.size
    bottoms = np.concatenate([[0.0], np.cumsum(heights + gap)[:-1]]) + 0.5 * gap
    return [Band(b, b + h, h / n) for b, h, n in zip(bottoms, heights, sizes, strict=True)]


def _shown(trace, name, samples, start, stop):
    """Return time, neuron and place (index in `samples`) of the spikes to draw."""
    table, offsets = trace.spikes(name), trace.offsets(name)
    counts = offsets[samples + 1] - offsets[samples]
    place = np.repeat(np.arange(samples.size), counts)
    row = np.arange(place.size) + np.repeat(offsets[samples] - (np.cumsum(counts) - counts), counts)
    time = table.time[row]
    inside = (time >= start) & (time < stop)
    return time[inside], table.neuron[row][inside], place[inside]


def _mark(axes, band, count):
    """Return marker settings that keep few marks visible and let dense parts keep their structure.

    Marks are as long as a row, longer where they are few, and fade where they cover each other.
    """
    width, height = style.size_in_points(axes)
    bottom, top = axes.get_ylim()
    row = height * band.step / (top - bottom)
    room = width * height * (band.top - band.bottom) / (top - bottom)
    length = float(np.clip(max(0.8 * row, min(4.5, 0.015 * room / max(count, 1))), 1.6, 14.0))
    thick = float(np.clip(0.35 * length, 0.7, 1.4))
    alpha = float(np.clip(1.5 * room / max(count * length * thick, 1.0), 0.06, 1.0))
    return {"marker": "|", "markersize": length, "markeredgewidth": thick, "alpha": alpha}


def _name_bands(axes, bands, sizes, colours):
    """Set the y axis: populations by name at their bands, first and last neuron id beside them."""
    if not bands:
        axes.set_yticks([])
        return
    low, high = min(band.bottom for band in bands.values()), max(band.top for band in bands.values())
    axes.set_ylim(low, high)
    if len(bands) == 1:
        ((name, size),) = sizes.items()
        axes.set_ylabel(f"neuron of {name}")
        if size <= 12:
            axes.set_yticks(range(size))
        else:
            axes.yaxis.get_major_locator().set_params(integer=True)
        return
    points = style.size_in_points(axes)[1] / (high - low)
    ends, digits = {}, 0
    for name, band in bands.items():
        if points * (band.top - band.bottom) >= 20:  # two small numbers fit
            ends[float(band.rows(0))] = "0", "bottom"
            ends[float(band.rows(sizes[name] - 1))] = str(sizes[name] - 1), "top"
            digits = max(digits, len(str(sizes[name] - 1)))
    axes.set_yticks(
        [0.5 * (band.bottom + band.top) for band in bands.values()],
        [f"{name}\n({sizes[name]:,})" if len(bands) <= 6 else name for name in bands],
    )
    axes.tick_params(axis="y", which="major", length=0, pad=5 + 5.0 * digits)
    for text, name in zip(axes.get_yticklabels(), bands, strict=True):
        text.set_color(style.darker(colours[name]))
        text.set_fontsize("small" if len(bands) <= 12 else "xx-small")
    axes.set_yticks(list(ends), [number for number, _ in ends.values()], minor=True)
    axes.tick_params(axis="y", which="minor", length=2, pad=2, labelsize="x-small", colors=style.FAINT)
    for text, (_, side) in zip(axes.get_yticklabels(minor=True), ends.values(), strict=True):
        text.set_verticalalignment(side)
    ordered = sorted(bands.values())
    for below, above in itertools.pairwise(ordered):
        axes.axhline(0.5 * (below.top + above.bottom), color=style.RULE, linewidth=0.8, zorder=0)


def _edges(start, stop, width):
    """Return the borders of the bins; the last bin is cut off where the window ends."""
    count = max(1, int(np.ceil((stop - start) / width - 1e-9)))  # no sliver of a bin from rounding
    return np.append(start + width * np.arange(count), stop)


def _rates(margin, trace, shown, colours, edges, n_samples, step):
    """Draw the mean rate of every population: spikes a second, neuron and sample."""
    for name, (time, _, place) in shown.items():
        size = trace.network.populations[name].size
        for offset, chosen, shared in _columns_of(time, place, n_samples, step):
            hertz = 1000.0 * np.histogram(chosen, edges)[0] / (np.diff(edges) * max(size * shared, 1))
            margin.stairs(
                hertz,
                edges + offset,
                baseline=None,
                color=colours[name],
                linewidth=1.2,
                label=None if offset else name,
            )
    margin.set_ylim(bottom=0)
    margin.set_ylabel("rate (Hz)", fontsize="small")
    margin.tick_params(axis="y", labelsize="x-small")
    style.tidy(margin, grid="y")


def _columns_of(time, place, n_samples, step):
    """Yield (offset, times, samples sharing them): one histogram a column side by side, else one for all."""
    if not step:
        yield 0.0, time, n_samples
        return
    for column in range(n_samples):
        yield step * column, time[place == column], 1


def _columns(axes, top, trace, samples, start, stop, step):
    """Mark where one sample ends and the next begins, with the time axis starting anew."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(nbins=max(2, 16 // samples.size), steps=[1, 2, 4, 5, 10])
    inner = [t for t in locator.tick_values(start, stop) if start <= t < stop]
    places = [t + step * column for column in range(samples.size) for t in inner]
    axes.set_xticks(places, [f"{t:g}" for _ in samples for t in inner])
    half_gap = 0.5 * (step - (stop - start))
    for column, one in enumerate(samples):
        if column:
            for panel in {axes, top}:
                panel.axvline(start + step * column - half_gap, color=style.FAINT, linewidth=0.8)
        top.text(
            0.5 * (start + stop) + step * column,
            1.02,
            selection.sample_name(trace, one),
            transform=top.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize="small",
        )


def _title(trace, samples):
    if samples.size == 1:
        return selection.sample_name(trace, samples[0])
    return f"{samples.size:,} samples laid over each other"


def _nothing(samples, names, start, stop):
    if not names:
        return "no population was recorded"
    where = f"sample {samples[0]}" if samples.size == 1 else f"{samples.size:,} samples"
    return f"no spikes in {where} from {start:g} to {stop:g} ms"
