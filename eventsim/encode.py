"""Turn images, points, lists of times and recordings of events into `eventsim.Spikes`.

Arrays have a sample axis in front: ``(samples, height, width, channels)``, ``(samples, height,
width)`` or ``(samples, n)``; one axis alone is one sample of ``n`` values. Neuron numbers are
row-major over the axes behind the samples (channel-last), as in the input population.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from eventsim import arrays, random
from eventsim.constants import NEURON
from eventsim.encode_events import POLARITIES as POLARITIES
from eventsim.encode_events import events as events
from eventsim.encode_events import events_shape as events_shape
from eventsim.encode_events import pools as pools
from eventsim.errors import InputError, choose
from eventsim.spikes import Spikes, in_order

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats

CHANNELS = ("on", "on_off", "contrast", "opponent")
"""How values become channels; all but the first double them."""

_CENTRED = ("contrast", "opponent")

_FULL_CONTRAST = 2.5  # standard deviations of a sample
_GREY = 0.05  # added to the root mean square of colours, so that grey pictures stay nearly silent
_WIDEST = 1000.0  # pixels
_MOST_LEVELS = 1 << 14  # ON and OFF levels fit 16 bits
_MS_PER_S = 1000.0
_MOST_INTERVALS = 64  # of a Poisson train drawn at a time
_MOST_DRAWS = 1 << 16  # drawn at a time, which bounds the memory


def latency(
    images: ArrayLike,
    t_max: float = 1.0,
    t_min: float = 0.0,
    threshold: float = 0.0,
    channels: Literal["on", "on_off", "contrast", "opponent"] = "on",
    scale: float | None = None,
    bias: float | Sequence[float] | None = None,
    step: float | None = None,
    surround: float | None = None,
) -> Spikes:
    """Encode every value as one spike, the larger the earlier.

    A value ``x`` (0 to 1) spikes at ``t_min + (1 - x) * (t_max - t_min)``; one at or below the
    threshold stays silent (time-to-first-spike coding; Thorpe, Delorme, Van Rullen 2001).

    Parameters
    ----------
    images : array_like
        Shape (samples, height, width, channels), (samples, height, width), (samples, n) or (n,).
        ``uint8`` is divided by 255; any other type must be in 0..1 unless `scale` is given.
    t_max, t_min : float, optional
        Times in ms of the darkest and of the brightest value.
    threshold : float, optional
        Largest scaled value that stays silent. The default silences zeros only, a negative one
        nothing.
    channels : {"on", "on_off", "contrast", "opponent"}, optional
        ``"on_off"`` doubles the channels (the last axis): first all ON channels, then as many OFF
        channels, in which ``1 - x`` is encoded. A map of shape (height, width) becomes (height,
        width, 2); ``n`` values become ``2 n``. ``"contrast"`` doubles them too: ON channels encode
        how far a value lies above a mean (see `surround`), OFF channels how far below, in units of
        2.5 standard deviations of these distances in the sample and at most 1. What lies near the
        mean stays silent (ON- and OFF-centre cells; Van Rullen, Thorpe 2001). ``"opponent"`` is for maps
        of red, green and blue, which say nearly the same: their three channels become brightness (the
        ``"contrast"`` of the mean of the three), red less green, and yellow, the mean of red and green,
        less blue, each with an ON and an OFF channel. Colours are in units of 2.5 (r + 0.05), r being
        their root mean square in the sample (colour-opponent cells; Derrington, Krauskopf, Lennie 1984).
    scale : float, optional
        The value that stands for 1, also for ``uint8`` (16 for the 8 x 8 digits).
    bias : float or sequence of float, optional
        Times in ms of further neurons, numbered after all others, that spike in every sample. The
        input population is then flat; beside a map use an input population of its own.
    step : float, optional
        Times are rounded to multiples of this many ms (half a step to the even one): 1 for networks in steps.
    surround : float, optional
        Of ``"contrast"`` and ``"opponent"``: the mean is that of all channels around a place, weighted by a
        Gaussian of this many pixels (standard deviation; at the rim the outermost pixels go on).
        The mean of the whole sample where it is not given.

    Returns
    -------
    Spikes

    Raises
    ------
    InputError
        For values outside the range, NaN, times that are negative or in the wrong order, or a
        shape that can be read in two ways.

    Examples
    --------
    >>> spikes = latency([[0.0, 0.25, 1.0]], t_max=2.0)
    >>> spikes.time, spikes.neuron
    (array([0. , 1.5]), array([2, 1], dtype=int32))
    """
    _check_span(t_min, t_max)
    if not -math.inf < arrays.number("threshold", threshold) < 1:
        raise InputError(f"threshold is {threshold}; give a number below 1, the brightest value")
    choose("channels", channels, CHANNELS)
    if surround is not None:
        if channels not in _CENTRED:
            raise InputError(f'surround is for channels="contrast" and "opponent", not "{channels}"; drop it')
        if not 0.0 < arrays.number("surround", surround) <= _WIDEST:
            raise InputError(f"surround is {surround}; give a number of pixels above 0, at most {_WIDEST:g}")
    images = _batch(images)
    bias = _bias_times(bias)

    if step is not None and not (0.0 < arrays.number("step", step) < math.inf and t_max / step < 2**53):
        raise InputError(f"step is {step}; give the distance of the spike times in ms, above 0")

    def spike_times(x: Array) -> Floats:
        times = t_min + (1.0 - x) * (t_max - t_min)
        return np.where(x > threshold, times if step is None else np.rint(times / step) * step, np.inf)

    if channels != "on" and images.ndim == 3:
        images = images[..., np.newaxis]
    levels = None if channels in _CENTRED else _levels(images, scale)
    if levels is None:
        x = _scaled(images, scale)
        if channels == "contrast":
            x = _on_off(_contrast(x, surround))
        elif channels == "opponent":
            x = _on_off(_opponents(x, surround))
        elif channels == "on_off":
            x = np.concatenate((x, 1.0 - x), axis=-1)
        return _spikes(_append(_rows(spike_times(x)), bias))

    # A few levels: one time a level, and the sort is on small integers.
    codes, x = levels
    table = spike_times(x)
    if channels == "on_off":
        table = np.concatenate((table, spike_times(1.0 - x)))
        codes = np.concatenate((codes, codes.astype(np.uint16) + np.uint16(x.size)), axis=-1)
    bias_codes = np.arange(table.size, table.size + bias.size)
    return _spikes_by_level(_append(_rows(codes), bias_codes), np.concatenate((table, bias)))


def coordinates(
    values: ArrayLike, t_min: float = 0.0, t_max: float = 1.0, bias: float | Sequence[float] | None = None
) -> Spikes:
    """Encode every coordinate of a point as one spike at ``t_min + x * (t_max - t_min)``.

    The encoding of the Yin-Yang data set (Kriener, Göltz, Petrovici 2022): zeros spike too.

    Parameters
    ----------
    values : array_like, shape (samples, n) or (n,)
        Coordinates in 0..1.
    t_min, t_max : float, optional
        Times in ms of the values 0 and 1.
    bias : float or sequence of float, optional
        Times in ms of further neurons, numbered after the coordinates, that spike in every sample.

    Returns
    -------
    Spikes

    Raises
    ------
    InputError
        For values outside 0..1, NaN, or times that are negative or in the wrong order.
    """
    _check_span(t_min, t_max)
    x = _scaled(_rows(_batch(values)), scale=1.0)
    return _spikes(_append(t_min + x * (t_max - t_min), _bias_times(bias)))


def poisson(
    images: ArrayLike, rate_max: float, t_stop: float, seed: int, scale: float | None = None, first_sample: int = 0
) -> Spikes:
    """Encode every value as a Poisson spike train whose rate is proportional to it.

    The draws are a function of (seed, neuron, sample), so that neither the batch size nor the other
    pixels change a train.

    Parameters
    ----------
    images : array_like
        Shapes and scaling as in `latency`.
    rate_max : float
        Rate in Hz of the value 1.
    t_stop : float
        Length of the trains in ms; spikes are in [0, t_stop).
    seed : int
        Key of the random draws.
    scale : float, optional
        The value that stands for 1.
    first_sample : int, optional
        Number of the first sample in the random stream, to encode a data set in batches.

    Returns
    -------
    Spikes

    Raises
    ------
    InputError
        For values outside the range, NaN, or a rate or length that is negative or infinite.
    """
    for name, value in (("rate_max", rate_max), ("t_stop", t_stop)):
        if not 0 <= arrays.number(name, value) < math.inf:
            raise InputError(f"{name} is {value}; give a finite number >= 0")
    x = _rows(_scaled(_batch(images), scale))
    rate = x.ravel() * (rate_max / _MS_PER_S)
    active = np.flatnonzero(rate)
    units = np.zeros(active.size)  # time in units of each train's mean interval
    trains = [(np.empty(0), active[:0])]
    key = random.stream_key(seed, "encode.poisson")
    drawn = 0
    while active.size:
        sample, neuron = np.divmod(active[:, np.newaxis], x.shape[1])
        draws = drawn + np.arange(max(1, min(_MOST_INTERVALS, _MOST_DRAWS // active.size)))
        intervals = -np.log(random.uniform(key, neuron, sample + first_sample, draws))
        intervals[:, 0] += units
        ends = intervals.cumsum(axis=1)  # adds one by one, so the number of draws at a time changes no bit
        with np.errstate(over="ignore"):
            times = ends / rate[active][:, np.newaxis]
        inside = times < t_stop
        trains.append((times[inside], np.repeat(active, inside.sum(axis=1))))
        active, units = active[inside[:, -1]], ends[inside[:, -1], -1]
        drawn += draws.size
    times, places = (np.concatenate(column) for column in zip(*trains))
    sample, neuron = np.divmod(places, x.shape[1])
    return Spikes(times, neuron, sample, n_samples=len(x))


def spike_list(samples: Iterable[tuple[ArrayLike, ArrayLike]]) -> Spikes:
    """Join spike trains that are given sample by sample.

    Parameters
    ----------
    samples : sequence of (time, neuron)
        For each sample the spike times in ms and, as many, the neurons that spike.

    Returns
    -------
    Spikes
        `given` counts through the samples in turn.

    Raises
    ------
    InputError
        For an entry that is not a pair of equally long sequences, and as in `eventsim.Spikes`.

    Examples
    --------
    >>> spike_list([([0.5, 0.1], [0, 3]), ([], [])])
    Spikes(2 spikes, 2 samples, 0.1 to 0.5 ms)
    """
    times, neurons = [np.empty(0)], [np.empty(0, np.int64)]
    for number, entry in enumerate(samples):
        try:
            time, neuron = (np.asarray(column) for column in entry)
        except (TypeError, ValueError):
            raise InputError(f"sample {number} is not a pair (times, neurons) of sequences") from None
        if time.ndim != 1 or time.shape != neuron.shape:
            raise InputError(f"sample {number} has times of shape {time.shape} and neurons of shape "
                             f"{neuron.shape}; give two sequences of the same length")
        times.append(time)
        neurons.append(neuron)
    lengths = [time.size for time in times[1:]]
    return Spikes(np.concatenate(times), np.concatenate(neurons),
                  np.repeat(np.arange(len(lengths)), lengths), n_samples=len(lengths))


def _check_span(t_min: float, t_max: float) -> None:
    if not 0 <= arrays.number("t_min", t_min) <= arrays.number("t_max", t_max) < math.inf:
        raise InputError(f"t_min is {t_min} and t_max is {t_max}; give finite times in ms with "
                         "0 <= t_min <= t_max")


def _bias_times(bias: float | Sequence[float] | None) -> Floats:
    if bias is None:
        return np.empty(0)
    try:
        times = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    except (OverflowError, TypeError, ValueError):
        times = np.full(1, np.nan)
    if times.ndim != 1 or not ((times >= 0) & np.isfinite(times)).all():
        raise InputError(f"bias is {bias}; give one time or a sequence of times in ms, finite and >= 0")
    return times


def _batch(images: ArrayLike) -> Array:
    """Return an array with a sample axis in front."""
    try:
        images = np.asarray(images)
    except ValueError:
        images = np.asarray(None)
    if images.dtype.kind not in "biuf":
        raise InputError("the images are not an array of numbers; give numbers with a sample axis in front")
    shape = images.shape
    images = images[np.newaxis] if images.ndim == 1 else images
    if images.ndim not in (2, 3, 4) or 0 in images.shape[1:]:
        raise InputError(f"images of shape {shape} cannot be encoded; allowed: (samples, height, width, "
                         "channels), (samples, height, width), (samples, n) or (n,)")
    if images.ndim == 3 and (shape[2] == 1 or (shape[0] == shape[1] > shape[2] and shape[2] <= 4)):
        raise InputError(f"images of shape {shape} may be one image with {shape[2]} channels or {shape[0]} "
                         f"maps; give shape {(1, *shape)} for one image, {(*shape, 1)} for maps")
    return images


def _rows(array: Array) -> Array:
    """Return the samples as rows, (samples, n)."""
    return array.reshape(len(array), math.prod(array.shape[1:]))


def _append(rows: Array, row: Array) -> Array:
    """Return `rows` with the values of `row` appended to each."""
    if row.size == 0:
        return rows
    return np.hstack((rows, np.broadcast_to(row, (len(rows), row.size))))


def _unit(images: Array, scale: float | None) -> float:
    if scale is None:
        return 255.0 if images.dtype == np.uint8 else 1.0
    if not 0 < arrays.number("scale", scale) < math.inf:
        raise InputError(f"scale is {scale}; give the value that stands for 1, finite and > 0")
    return float(scale)


def _out_of_range(value: object, unit: float) -> InputError:
    return InputError(f"an image holds the value {value}; allowed: 0 to {unit:g}; give the largest possible "
                      "value as scale=")


def _levels(images: Array, scale: float | None) -> tuple[Array, Floats] | None:
    """Return (levels, the scaled value of each level), or None where `images` are not small integers."""
    if images.dtype.kind == "f":
        return None
    unit = _unit(images, scale)
    lowest, largest = (0, 0) if images.size == 0 else (int(images.min()), int(images.max()))
    if lowest < 0 or largest > unit:
        raise _out_of_range(lowest if lowest < 0 else largest, unit)
    if largest >= _MOST_LEVELS:
        return None
    if images.dtype != np.uint8:
        images = images.astype(np.uint16)
    return images, np.arange(largest + 1) / unit


def _scaled(images: Array, scale: float | None) -> Floats:
    """Return the images as float64 in 0..1."""
    unit = _unit(images, scale)
    x = images.astype(np.float64, copy=False)
    if not (x.min(initial=0) >= 0 and x.max(initial=0) <= unit):  # NaN fails too
        raise _out_of_range(images[~((x >= 0) & (x <= unit))][0], unit)
    return x if unit == 1 else x / unit


def _contrast(x: Floats, surround: float | None) -> Floats:
    """Return how far values lie above a mean, in units of full contrast."""
    if surround is None:
        mean = np.ascontiguousarray(_rows(x)).mean(axis=1)  # one sum a row: the same bits in any batch
        mean = mean.reshape(-1, *[1] * (x.ndim - 1))
    elif x.ndim == 4:
        from scipy.ndimage import gaussian_filter1d

        down = gaussian_filter1d(x, surround, axis=1, mode="nearest")
        mean = gaussian_filter1d(down, surround, axis=2, mode="nearest").mean(axis=3, keepdims=True)
    else:
        raise InputError(f"surround needs maps; the samples have shape {x.shape[1:]}")
    deviation = _rows(x - mean)
    full = _FULL_CONTRAST * deviation.std(axis=1, keepdims=True)
    return np.divide(deviation, full, out=np.zeros_like(deviation), where=full > 0.0).reshape(x.shape)


def _opponents(x: Floats, surround: float | None) -> Floats:
    """Return brightness, red less green, and yellow less blue, in units of full contrast."""
    if x.ndim != 4 or x.shape[3] != 3:
        raise InputError(f'channels="opponent" needs maps of red, green and blue; the samples have shape {x.shape[1:]}')
    red, green, blue = np.moveaxis(x, 3, 0)
    bright = _contrast((red + green + blue)[..., np.newaxis] / 3.0, surround)
    colours = np.stack((red - green, 0.5 * (red + green) - blue), axis=-1)
    size = np.sqrt(np.square(_rows(colours)).mean(axis=1)).reshape(-1, 1, 1, 1)
    return np.concatenate((bright, colours / (_FULL_CONTRAST * (size + _GREY))), axis=-1)


def _on_off(distance: Floats) -> Floats:
    """Return what lies above 0 and what below, at most 1: ON channels, then OFF channels."""
    return np.concatenate((np.clip(distance, 0.0, 1.0), np.clip(-distance, 0.0, 1.0)), axis=-1)


def _spikes(times: Floats) -> Spikes:
    """Return the finite entries of a (samples, n) table of times as spikes."""
    kept = np.flatnonzero(np.isfinite(times))
    sample, neuron = np.divmod(kept, times.shape[1])
    return Spikes(times.ravel()[kept], neuron, sample, n_samples=len(times))


def _spikes_by_level(codes: Array, table: Floats) -> Spikes:
    """Return the spikes at ``table[codes]``, a (samples, n) table of times: ``_spikes(table[codes])``, counted out."""
    from eventsim import level_kernels

    times, rank = np.unique(table + 0.0, return_inverse=True)  # + 0.0 turns -0.0 into 0.0
    silent = int(np.count_nonzero(np.isfinite(times)))  # inf comes last
    codes = np.ascontiguousarray(codes)
    offsets = np.zeros(len(codes) + 1, np.int64)
    level_kernels.count(codes, rank, silent, offsets[1:])
    np.cumsum(offsets, out=offsets)
    time, neuron = np.empty(offsets[-1]), np.empty(offsets[-1], NEURON)
    level_kernels.fill(codes, rank, silent, times, offsets, time, neuron)
    return in_order(time, neuron, offsets)
