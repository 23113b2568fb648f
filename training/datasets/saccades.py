"""Synthetic recordings: images seen by a simulated event camera that makes the three saccades of N-MNIST.

These are NOT recordings of a camera: no noise, no refractory period, no difference between pixels. They stand in
where the recorded sets cannot be had, and make recordings as long as wanted.

The image moves over the sensor along a triangle, one saccade of 100 ms a side at constant speed. Brightness between
the pixels of the image is interpolated linearly in space; a pixel's log brightness, ``log(0.1 + value)`` for values
of 0 to 1, linearly in time between small steps of the motion. A pixel sends an ON (OFF) event each time that its
log brightness has risen (fallen) by the threshold since its last event, at the interpolated time. The triangle is
closed, so that rounds follow each other without a jump.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from eventsim.recordings import Recordings
from training.datasets import mnist

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, PathLike

MARGIN = 3
"""Pixels of the sensor around the image: 28 x 28 images give the 34 x 34 pixels of N-MNIST."""

CORNERS = ((-2.0, -2.0), (2.0, 0.0), (-2.0, 2.0))
"""Displacement of the image at the start of each saccade, (down, right) in pixels; the last leads to the first."""

SACCADE_MS = 100.0
THRESHOLD = 0.35
"""Of the default recordings, which have about as many events as those of N-MNIST."""

SAMPLES = {"train": 10_000, "test": 2_000}
"""So many images, the first of their split, are in a data set that is loaded by name."""

_DARK = 0.1  # added to values of 0 to 1: the light that a black pixel gives
_STEPS = 50  # of the motion in a saccade, at most 0.09 pixels each
_CHUNK = 64  # images at a time: the arrays of a step stay in the processor's cache


def read(source: mnist.Source, split: str, data: PathLike | None = None) -> tuple[Recordings, Array]:
    """Return recordings and labels (n,) int64 of the first images of MNIST or Fashion-MNIST (`SAMPLES`).

    Parameters
    ----------
    source : training.datasets.mnist.Source
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file of the images that is missing or damaged.
    """
    images, labels = mnist.read(source, split, data)
    n = SAMPLES[split]
    return record(images[:n]), labels[:n]


def record(images, repeats=1, threshold=THRESHOLD):
    """Return synthetic recordings of images; the same images give the same recordings.

    Parameters
    ----------
    images : array_like, shape (n, height, width) or (n, height, width, 1)
        ``uint8``, or numbers of 0 to 1.
    repeats : int, optional
        Rounds of three saccades; each takes 300 ms.
    threshold : float, optional
        Change of the log brightness from one event to the next, finite and > 0.

    Returns
    -------
    Recordings
        Of a sensor 3 pixels larger on each side; times in ms.

    Raises
    ------
    InputError
        For images of another shape or range, and for settings out of range.
    """
    values = _brightness(images)
    repeats = arrays.integer("repeats", repeats, 1)
    threshold = arrays.number("threshold", threshold)
    if not 0.0 < threshold < np.inf:
        raise InputError(f"threshold is {threshold}; give a change of the log brightness, finite and > 0")
    n, height, width = values.shape
    shape = height + 2 * MARGIN, width + 2 * MARGIN
    parts = [Recordings([], [], [], [], np.zeros(1), shape=shape)]
    for start in range(0, n, _CHUNK):
        parts.append(_recorded(values[start : start + _CHUNK], shape, repeats, threshold))
    return Recordings.of(parts)


def _brightness(images):
    """Return images as float64 (n, height, width) of 0 to 1."""
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.dtype.kind not in "biuf" or 0 in images.shape[1:]:
        raise InputError(f"images of shape {images.shape} cannot be recorded; give numbers (n, height, width)")
    values = images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise InputError("an image holds a value outside 0 to 1; give uint8, or numbers of 0 to 1")
    return values


def path(repeats=1):
    """Return the displacement (down, right) of the image at each step of the motion in pixels, and a step in ms."""
    corners = np.array([*CORNERS, CORNERS[0]])
    part = np.arange(_STEPS)[:, np.newaxis] / _STEPS
    sides = [a + (b - a) * part for a, b in itertools.pairwise(corners)]
    return np.vstack((np.tile(np.vstack(sides), (repeats, 1)), corners[:1])), SACCADE_MS / _STEPS


def _recorded(values, shape, repeats, threshold):
    """Return the recordings of a few images.

    Levels are counted in thresholds from the brightness at the start. A pixel whose last event was at level c
    waits for the levels c + 1 and c - 1; it is always between them, so that what a step crosses lies in that step.
    """
    reach = 2 * MARGIN
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach)))
    places, step_ms = path(repeats)
    start = _seen(padded, places[0], shape)
    before = np.zeros_like(start)
    count = np.zeros_like(start)
    columns = [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int8))]
    for number, place in enumerate(places[1:]):
        after = (_seen(padded, place, shape) - start) / threshold
        reached = np.where(after >= before, np.maximum(np.floor(after), count), np.minimum(np.ceil(after), count))
        changed = np.flatnonzero(reached != count)
        if changed.size:
            columns.append(_events(changed, [a.ravel()[changed] for a in (before, after, count, reached)],
                                   number * step_ms, step_ms))
        before, count = after, reached
    pixel, time, polarity = (np.concatenate(column) for column in zip(*columns, strict=True))
    sample, at = np.divmod(pixel, shape[0] * shape[1])
    order = np.argsort(sample, kind="stable")
    offset = np.searchsorted(sample[order], np.arange(len(values) + 1))
    y, x = np.divmod(at[order], shape[1])
    return Recordings(time[order], x, y, polarity[order], offset, shape=shape)


def _seen(padded, place, shape):
    """Return the log brightness at each pixel of the sensor where the images are displaced by `place`."""
    whole = np.floor(-place).astype(int)
    down, right = -place - whole
    top, left = MARGIN + whole
    rows = padded[:, top : top + shape[0] + 1, left : left + shape[1] + 1]
    rows = (1.0 - down) * rows[:, :-1] + down * rows[:, 1:]
    return np.log(_DARK + (1.0 - right) * rows[..., :-1] + right * rows[..., 1:])


def _events(pixel, levels, start, step_ms):
    """Return pixel, time in ms and polarity of the events of a step, all levels from `count` to `reached`."""
    before, after, count, reached = levels
    n = np.abs(reached - count).astype(np.int64)
    sign = np.repeat(np.sign(reached - count), n)
    number = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + 1
    before, after = np.repeat(before, n), np.repeat(after, n)
    part = (np.repeat(count, n) + sign * number - before) / (after - before)
    return np.repeat(pixel, n), start + step_ms * np.clip(part, 0.0, 1.0), (sign > 0).astype(np.int8)
