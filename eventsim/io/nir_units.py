"""What differs between NIR's numbers and ours: seconds, channel order, strict thresholds, the area of a spike.

NIR counts seconds, and its maps are (channels, height, width). Its neurons fire where v > v_threshold, ours where
V >= v_threshold. A spike in NIR has no area of its own: a tool that steps by dt gives the next node a 1 for one
step, so a spike is a pulse of area dt (docs/nir.md).
"""

import math
import sys

import numpy as np

from eventsim.errors import InputError

STEP = 0.1
"""Area of a spike in ms where nobody says it: the step that snnTorch and SpikingJelly write their graphs with."""

_EXACT = 16 * np.finfo(np.float64).eps


def milliseconds(seconds):
    """Return times in ms for times in s, float64."""
    return np.asarray(seconds, dtype=np.float64) * 1000.0


def seconds(milliseconds):
    """Return times in s for times in ms; of two candidates the one that reads back as the same number."""
    result = np.float64(milliseconds) / 1000.0
    for near in (result, np.nextafter(result, 0.0), np.nextafter(result, math.inf)):
        if near * 1000.0 == milliseconds:
            return near
    return result


def step_of(dt):
    """Return the area of a spike in ms as a float, checked."""
    number = isinstance(dt, int | float | np.integer | np.floating) and not isinstance(dt, bool)
    if not number or not 0.0 < dt <= sys.float_info.max:
        raise InputError(f"dt = {dt!r} cannot be used; give the area of a spike in ms, finite and above 0.")
    return float(dt)


def exactly_one(factor):
    """Return a factor, with 1 in the place of what differs from it by rounding only.

    The factors of a written network cancel when it is read: tau / dt on one side, dt / tau on the other.
    """
    return 1.0 if abs(factor - 1.0) <= _EXACT else factor


def above(threshold):
    """Return the smallest V that is above a threshold: V >= it says the same as v > threshold."""
    return np.nextafter(np.asarray(threshold, dtype=np.float64), math.inf)


def below(threshold):
    """Return the largest number below a threshold: v > it says the same as V >= threshold."""
    threshold = np.asarray(threshold, dtype=np.float64)
    return np.where(np.isinf(threshold), threshold, np.nextafter(threshold, -math.inf))


def our_shape(shape):
    """Return (height, width, channels) for NIR's (channels, height, width); other shapes as they are."""
    return (*shape[1:], shape[0]) if len(shape) == 3 else tuple(shape)


def nir_shape(shape):
    """Return (channels, height, width) for our (height, width, channels); other shapes as they are."""
    return (shape[2], *shape[:2]) if len(shape) == 3 else tuple(shape)


def ours_from_nir(values):
    """Return values (channels, height, width) as one row in the order of our neurons; others row-major."""
    return (values.transpose(1, 2, 0) if values.ndim == 3 else values).reshape(-1)


def nir_from_ours(values, shape):
    """Return values of our neurons, a row, as NIR orders a population of our `shape`."""
    values = np.asarray(values).reshape(shape)
    return np.ascontiguousarray(values.transpose(2, 0, 1) if values.ndim == 3 else values)


def nir_index(shape):
    """Return for each of our neurons its number in NIR's order; `shape` is NIR's, (size,) int64."""
    return ours_from_nir(np.arange(math.prod(shape)).reshape(shape))
