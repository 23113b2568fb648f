"""What NIR's linear nodes do to a signal: shapes, matrices and constants.

A signal is flat here, in NIR's order (row-major over channels, height, width); Flatten changes nothing then.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse

from eventsim.errors import InputError

_WIDEST = 2**12  # rows or columns of a window, and zeros around a map

KINDS = ("Linear", "Affine", "Scale", "Conv2d", "AvgPool2d", "SumPool2d", "Flatten", "Delay")


class Window(NamedTuple):
    """A kernel slid over a map (channels, height, width)."""

    kernel: tuple
    stride: tuple
    before: tuple
    """Zeros before the first row and the first column."""
    places: tuple
    """Rows and columns of the result."""


def shape_out(name, kind, node, shape):
    """Return the shape of a node's output for a signal of `shape`.

    Raises
    ------
    InputError
        The signal does not fit the node, by name.
    """
    if kind in ("Linear", "Affine"):
        weight = _weight(name, kind, node, 2)
        if shape != weight.shape[1:]:
            flatten = "; put a Flatten before it" if math.prod(shape) == weight.shape[1] else ""
            raise InputError(
                f'node "{name}" ({kind}) takes {weight.shape[1]} values; it gets a signal of shape {shape}{flatten}'
            )
        return weight.shape[:1]
    if kind == "Flatten":
        start, end = (int(side) % len(shape) for side in (node.start_dim, node.end_dim))
        if start >= end:
            return shape
        return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])
    if kind in ("Scale", "Delay"):
        values = np.shape(node.scale if kind == "Scale" else node.delay)
        if values not in (shape, (), (1,)):
            raise InputError(f'node "{name}" ({kind}) has values of shape {values}; its signal has {shape}')
        return shape
    if kind == "Conv2d":
        kernel, window = convolution(name, node, shape)
        return (kernel.shape[0], *window.places)
    if kind in ("AvgPool2d", "SumPool2d"):
        return (shape[0], *pooling(name, kind, node, shape).places)
    return shape


def matrix(name, kind, node, shape):
    """Return what a node does to a signal as a sparse matrix (values in, values out), float64."""
    size = math.prod(shape)
    if kind in ("Linear", "Affine"):
        return scipy.sparse.csr_array(np.asarray(node.weight, dtype=np.float64).T)
    if kind == "Scale":
        return scipy.sparse.diags_array(np.broadcast_to(np.asarray(node.scale, dtype=np.float64), shape).reshape(-1))
    if kind == "Conv2d":
        kernel, window = convolution(name, node, shape)
        return _slid(kernel, window, shape)
    if kind in ("AvgPool2d", "SumPool2d"):
        window = pooling(name, kind, node, shape)
        share = 1.0 / math.prod(window.kernel) if kind == "AvgPool2d" else 1.0
        kernel = np.eye(shape[0])[:, :, None, None] * np.full(window.kernel, share)
        return _slid(kernel, window, shape)
    return scipy.sparse.eye_array(size, format="csr")


def constant(name, kind, node, shape):
    """Return what a node adds to its output, flat, or None; `shape` is that of its output."""
    if kind not in ("Affine", "Conv2d") or node.bias is None:
        return None
    bias = np.asarray(node.bias, dtype=np.float64).reshape(-1)
    if len(bias) not in (1, shape[0]):
        raise InputError(f'node "{name}" ({kind}) has {len(bias)} biases for {shape[0]} outputs; give one each')
    _check_finite(name, kind, "bias", bias)
    if not np.any(bias):
        return None
    bias = np.broadcast_to(bias, shape[:1])
    return np.broadcast_to(bias.reshape(-1, *[1] * (len(shape) - 1)), shape).reshape(-1)


def convolution(name, node, shape):
    """Return the kernel of a Conv2d (channels out, channels in, rows, columns) and how it is slid.

    Groups and dilation are written out as zeros in the kernel.
    """
    weight = _weight(name, "Conv2d", node, 4)
    groups = int(node.groups)
    if len(shape) != 3 or shape[0] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise InputError(
            f'node "{name}" (Conv2d) has weights of shape {weight.shape} in {groups} group(s); it gets a signal of '
            f"shape {shape}; give (channels, height, width) with as many channels"
        )
    apart = _pair(name, "Conv2d", "dilation", node.dilation, 1)
    rows, columns = ((side - 1) * gap + 1 for side, gap in zip(weight.shape[2:], apart, strict=True))
    window = _window(name, "Conv2d", (rows, columns), node.stride, node.padding, shape)
    if groups > 1:
        out, inside = weight.shape[0] // groups, weight.shape[1]
        whole = np.zeros((weight.shape[0], shape[0], *weight.shape[2:]))
        for group in range(groups):
            mine = slice(group * out, (group + 1) * out)
            whole[mine, group * inside : (group + 1) * inside] = weight[mine]
        weight = whole
    if apart != (1, 1):
        wide = np.zeros((*weight.shape[:2], rows, columns))
        wide[:, :, :: apart[0], :: apart[1]] = weight
        weight = wide
    return weight, window


def pooling(name, kind, node, shape):
    """Return how the window of a pooling node is slid over a map."""
    if len(shape) != 3:
        raise InputError(f'node "{name}" ({kind}) needs a signal (channels, height, width); it gets {shape}')
    return _window(name, kind, _pair(name, kind, "kernel_size", node.kernel_size, 1), node.stride, node.padding, shape)


def _window(name, kind, kernel, stride, padding, shape):
    stride = _pair(name, kind, "stride", stride, 1)
    padding = padding.decode() if isinstance(padding, bytes) else padding
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise InputError(f'node "{name}" ({kind}) has padding "{padding}"; known: numbers, "same", "valid"')
        if padding == "same" and stride != (1, 1):
            raise InputError(f'node "{name}" ({kind}) has padding "same" with stride {stride}; it needs stride 1')
        same = padding == "same"
        before = tuple((side - 1) // 2 if same else 0 for side in kernel)
        total = tuple(side - 1 if same else 0 for side in kernel)
    else:
        before = _pair(name, kind, "padding", padding, 0)
        total = tuple(2 * side for side in before)
    room = [size + pad - side for size, pad, side in zip(shape[1:], total, kernel, strict=True)]
    if max(kernel) > _WIDEST or max(before) > _WIDEST:
        raise InputError(f'node "{name}" ({kind}) has a window {kernel} with padding {before}; at most {_WIDEST} can '
                         "be converted")
    if min(room) < 0:
        raise InputError(f'node "{name}" ({kind}) has a window {kernel} that is larger than its padded map {shape[1:]}')
    places = tuple(free // step + 1 for free, step in zip(room, stride, strict=True))
    return Window(tuple(kernel), stride, before, places)


def _slid(kernel, window, shape):
    """Return the sparse matrix of a kernel (out, in, rows, columns) slid over maps of `shape`."""
    pixels, places, taps = [], [], []
    height, width = shape[1:]
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            y = np.arange(window.places[0]) * window.stride[0] - window.before[0] + i
            x = np.arange(window.places[1]) * window.stride[1] - window.before[1] + j
            row, column = np.nonzero((y >= 0) & (y < height))[0], np.nonzero((x >= 0) & (x < width))[0]
            pixels.append((y[row][:, None] * width + x[column]).reshape(-1))
            places.append((row[:, None] * window.places[1] + column).reshape(-1))
            taps.append(np.full(len(row) * len(column), i * window.kernel[1] + j))
    pixel, place, tap = (np.concatenate(parts) for parts in (pixels, places, taps))
    out, inside = kernel.shape[:2]
    weight = kernel.reshape(out, inside, -1)[:, :, tap]
    at = np.nonzero(weight)
    source = at[1] * (height * width) + pixel[at[2]]
    target = at[0] * math.prod(window.places) + place[at[2]]
    sizes = math.prod(shape), out * math.prod(window.places)
    return scipy.sparse.coo_array((weight[at], (source, target)), shape=sizes).tocsr()


def _pair(name, kind, what, value, least):
    """Return (rows, columns) of a whole number or two."""
    array = np.asarray(value).reshape(-1)
    if len(array) not in (1, 2) or array.dtype.kind not in "iuf" or np.any(array != np.floor(array)):
        raise InputError(f'node "{name}" ({kind}) has {what} {value!r}; give one whole number or two')
    if array.min() < least:
        raise InputError(f'node "{name}" ({kind}) has {what} {value!r}; allowed: {least} or more')
    return int(array[0]), int(array[-1])


def _weight(name, kind, node, axes):
    weight = np.asarray(node.weight, dtype=np.float64)
    if weight.ndim != axes:
        raise InputError(f'node "{name}" ({kind}) has weights of shape {weight.shape}; give {axes} axes')
    _check_finite(name, kind, "weight", weight)
    return weight


def _check_finite(name, kind, what, values):
    if not np.all(np.isfinite(values)):
        raise InputError(f'node "{name}" ({kind}) has a {what} that is NaN or infinite; correct it')
