"""Compiled bilinear resampling of image batches: affine maps and elastic displacement fields."""

import math

import numpy as np

from eventsim._jit import closed_form, kernel
from training.draws import philox, unit


@closed_form
def _sample(images, row, y, x, low, high, whole, out, to_y, to_x):
    """Write the bilinear value of images[row] at (y, x), 0 outside, to out[row, to_y, to_x]."""
    height, width = images.shape[1], images.shape[2]
    top, left = math.floor(y), math.floor(x)
    down, right = y - top, x - left
    y0, x0 = int(top), int(left)
    for c in range(images.shape[3]):
        a, b, d, e = 0.0, 0.0, 0.0, 0.0
        if 0 <= y0 < height:
            if 0 <= x0 < width:
                a = float(images[row, y0, x0, c])
            if 0 <= x0 + 1 < width:
                b = float(images[row, y0, x0 + 1, c])
        if 0 <= y0 + 1 < height:
            if 0 <= x0 < width:
                d = float(images[row, y0 + 1, x0, c])
            if 0 <= x0 + 1 < width:
                e = float(images[row, y0 + 1, x0 + 1, c])
        above, below = a + right * (b - a), d + right * (e - d)
        value = above + down * (below - above)
        value = min(max(value, low), high)  # rounding may leave the range by a bit
        out[row, to_y, to_x, c] = math.floor(value + 0.5) if whole else value


@closed_form
def _range(images, row):
    """Return the smallest and the largest value of an image with its surroundings of 0."""
    low, high = 0.0, 0.0
    for y in range(images.shape[1]):
        for x in range(images.shape[2]):
            for c in range(images.shape[3]):
                value = float(images[row, y, x, c])
                low, high = min(low, value), max(high, value)
    return low, high


@kernel
def affine(images, chosen, matrix, offset, whole, out):
    """Resample chosen images at ``matrix (p - centre) + centre + offset`` for every pixel p; copy the others.

    Parameters
    ----------
    images : ndarray (samples, height, width, channels)
    chosen : ndarray of bool (samples,)
    matrix : ndarray (samples, 4)
        Row by row, on (y, x).
    offset : ndarray (samples, 2)
        In pixels.
    whole : bool
        Round to whole numbers.
    out : ndarray (samples, height, width, channels)
    """
    height, width = images.shape[1], images.shape[2]
    middle_y, middle_x = 0.5 * (height - 1), 0.5 * (width - 1)
    for row in range(len(images)):
        if not chosen[row]:
            out[row] = images[row]
            continue
        low, high = _range(images, row)
        m0, m1, m2, m3 = matrix[row]
        o0, o1 = middle_y + offset[row, 0], middle_x + offset[row, 1]
        for y in range(height):
            for x in range(width):
                v, u = y - middle_y, x - middle_x
                at_y, at_x = m0 * v + m1 * u + o0, m2 * v + m3 * u + o1
                _sample(images, row, at_y, at_x, low, high, whole, out, y, x)


@closed_form
def _smooth(field, taps, between, out):
    """Write `field` (height, width), convolved with `taps` along both axes and 0 outside, to `out`."""
    height, width = field.shape
    reach = len(taps) // 2
    between[:] = 0.0
    out[:] = 0.0
    for y in range(height):
        for k in range(-reach, reach + 1):
            tap = taps[k + reach]
            for x in range(max(0, -k), min(width, width - k)):
                between[y, x] += tap * field[y, x + k]
    for y in range(height):
        for k in range(max(-reach, -y), min(reach, height - 1 - y) + 1):
            tap = taps[k + reach]
            for x in range(width):
                out[y, x] += tap * between[y + k, x]


@kernel
def elastic(images, chosen, index, epoch, key_0, key_1, alpha, taps, whole, out):
    """Resample chosen images at every pixel moved by a smooth random field; copy the others.

    The field of a sample is uniform in [-1, 1] a pixel and axis (counters: sample, epoch, pixel), smoothed,
    times `alpha` pixels. The other parameters are as in `affine`; `taps` is the kernel of the smoothing.
    """
    height, width = images.shape[1], images.shape[2]
    noise_y, noise_x = np.empty((height, width)), np.empty((height, width))
    move_y, move_x, between = np.empty((height, width)), np.empty((height, width)), np.empty((height, width))
    none = np.uint64(0)
    for row in range(len(images)):
        if not chosen[row]:
            out[row] = images[row]
            continue
        for y in range(height):
            for x in range(width):
                pixel = np.uint64(y * width + x)
                a, b, c, d = philox(np.uint64(index[row]), np.uint64(epoch), pixel, none, key_0, key_1)
                noise_y[y, x] = 2.0 * unit(a, b) - 1.0
                noise_x[y, x] = 2.0 * unit(c, d) - 1.0
        low, high = _range(images, row)
        _smooth(noise_y, taps, between, move_y)
        _smooth(noise_x, taps, between, move_x)
        for y in range(height):
            for x in range(width):
                at_y, at_x = y + alpha * move_y[y, x], x + alpha * move_x[y, x]
                _sample(images, row, at_y, at_x, low, high, whole, out, y, x)
