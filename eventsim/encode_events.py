"""Turn recordings of event cameras into spikes: the part of `eventsim.encode` that is about events."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose, expect
from eventsim.recordings import Recordings
from eventsim.spikes import Spikes

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Floats

POLARITIES = ("channels", "merged", "on")


def events(
    recordings: Recordings,
    pool: int | tuple[int, int] = 1,
    time_scale: float = 1.0,
    t_max: float | None = None,
    polarity: Literal["channels", "merged", "on"] = "channels",
) -> Spikes:
    """Encode every event as one spike of the input neuron that its pixel belongs to.

    Nothing is binned: a spike has the time of its event, and events of one neuron at one instant are each
    delivered.

    Parameters
    ----------
    recordings : Recordings
    pool : int or (int, int), optional
        So many rows and columns of pixels feed one neuron: one number for both, or (rows, columns). Rows and
        columns that are left over at the lower and right edge feed none.
    time_scale : float, optional
        Factor on the times of the events, finite and > 0.
    t_max : float, optional
        Spikes after this time in ms (of the spikes, so after scaling) are left out.
    polarity : {"channels", "merged", "on"}, optional
        ``"channels"``: channel 0 gets the ON events and channel 1 the OFF events, as in
        ``latency(channels="on_off")``; ``"merged"``: one channel gets both; ``"on"``: one channel, OFF events are
        left out.

    Returns
    -------
    Spikes
        For an input of the shape `events_shape`: row-major neuron numbers, channel-last.

    Raises
    ------
    InputError
        For anything but `Recordings`, a pool larger than the sensor, or a setting out of range.

    Examples
    --------
    >>> two = Recordings([0.1, 0.5], [3, 4], [0, 1], [1, 0], shape=(2, 6))
    >>> events(two).neuron, events(two, pool=2, polarity="merged").neuron
    (array([ 6, 21], dtype=int32), array([1, 2], dtype=int32))
    """
    if not isinstance(recordings, Recordings):
        raise InputError(f"events are encoded of Recordings (eventsim.recordings), got {type(recordings).__name__}; "
                         "for images use encode.latency")
    rows, columns = pools(pool)
    height, width, channels = events_shape(recordings.shape, pool, polarity)
    time_scale = arrays.number("time_scale", time_scale)
    if not 0.0 < time_scale < math.inf:
        raise InputError(f"time_scale is {time_scale}; give a factor, finite and > 0")
    t_max = math.inf if t_max is None else arrays.number("t_max", t_max)
    if not t_max >= 0.0:
        raise InputError(f"t_max is {t_max}; give a time in ms, >= 0, or None for no limit")
    with np.errstate(over="ignore"):
        time = recordings.time * time_scale
    if np.isinf(time[np.isfinite(recordings.time)]).any():
        raise InputError(f"time_scale is {time_scale:g}, which makes times infinite; give a smaller factor")
    y, x = recordings.y // rows, recordings.x // columns
    kept = (time <= t_max) & np.isfinite(time) & (y < height) & (x < width)
    if polarity == "on":
        kept &= recordings.polarity == 1
    neuron = (y * width + x) * channels
    if polarity == "channels":
        neuron += recordings.polarity == 0
    sample = np.repeat(np.arange(len(recordings), dtype=np.int32), recordings.counts)
    time, neuron, sample = time[kept], neuron[kept], sample[kept]
    return Spikes(time, _by_instant(time, neuron, sample), sample, n_samples=len(recordings))


def events_shape(
    shape: Sequence[int], pool: int | tuple[int, int] = 1, polarity: Literal["channels", "merged", "on"] = "channels"
) -> tuple[int, int, int]:
    """Return the shape (height, width, channels) of the input that `events` encodes a sensor of `shape` for.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the sensor.
    pool : int or (int, int), optional
        As in `events`.
    polarity : str, optional
        As in `events`.

    Raises
    ------
    InputError
        For a shape that is not (height, width), or a pool that is larger.
    """
    choose("polarity", polarity, POLARITIES)
    rows, columns = pools(pool)
    expect("shape", shape, Collection, "the shape of a sensor, (height, width)")
    shape = arrays.shape("shape", tuple(shape))
    if len(shape) != 2 or shape[0] < rows or shape[1] < columns:
        raise InputError(f"a sensor of shape {tuple(shape)} cannot be pooled by {rows} x {columns} pixels; give a "
                         "shape (height, width) that holds one such block")
    return shape[0] // rows, shape[1] // columns, 2 if polarity == "channels" else 1


def _by_instant(time: Floats, neuron: Array, sample: Array) -> Array:
    """Return the neurons of spikes that are in order of (sample, time), sorted where both are equal.

    `Spikes` then finds its input in order and need not sort all of it, which takes twice as long.
    """
    same = (time[1:] == time[:-1]) & (sample[1:] == sample[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    instant = np.cumsum(np.append(True, ~same))[tied] if tied.size else tied
    neuron[tied] = neuron[tied][np.lexsort((neuron[tied], instant))]
    return neuron


def pools(pool: int | tuple[int, int]) -> tuple[int, ...]:
    """Return `pool` as (rows, columns), or raise `InputError` where it is not one or two whole numbers >= 1."""
    both = arrays.shape("pool", pool)
    if len(both) > 2:
        raise InputError(f"pool is {both}; give one number, or (rows, columns)")
    return both if len(both) == 2 else both * 2
