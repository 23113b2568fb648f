"""Projections as products of matrices, for whole batches of dense activity.

What the time-stepped network of `training.discrete` is made of: each step of each sample is a row of activity
(rows, source size), from which a projection makes a row of input (rows, target size), and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.connect import Conv2d, Dense
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.projection import Projection
    from eventsim.type_aliases import Array


def of(projection: Projection) -> DenseProduct | ConvolutionProduct:
    """Return the products of a projection.

    Parameters
    ----------
    projection : eventsim.projection.Projection
        Dense or Conv2d, average pooling included.

    Returns
    -------
    DenseProduct or ConvolutionProduct

    Raises
    ------
    InputError
        Another connection.
    """
    if isinstance(projection.connection, Conv2d):
        return ConvolutionProduct(projection)
    if isinstance(projection.connection, Dense):
        return DenseProduct(projection)
    raise InputError(f'"{projection.name}" is a {type(projection.connection).__name__}; give Dense or Conv2d.')


class _Pooled:
    """Average pooling of the source map before the product."""

    def __init__(self, projection: Projection) -> None:
        self.shape, self.pool = projection.source.shape, projection.connection.pool

    def pooled(self, activity: Array) -> Array:
        """Return means over the windows, (rows, pooled height, pooled width, channels); a flat one as it is."""
        if self.pool == 1:
            return activity.reshape(len(activity), *self.shape)
        height, width, channels = self.shape
        k = self.pool
        windows = activity.reshape(len(activity), height // k, k, width // k, k, channels)
        return windows.sum(axis=(2, 4)) / activity.dtype.type(k * k)

    def spread(self, error: Array) -> Array:
        """Return the errors of the source from those of the means: the transpose of `pooled`."""
        if self.pool == 1:
            return error.reshape(len(error), -1)
        k = self.pool
        height, width, channels = self.shape
        error = error.reshape(len(error), height // k, 1, width // k, 1, channels) / error.dtype.type(k * k)
        return np.broadcast_to(error, (len(error), height // k, k, width // k, k, channels)).reshape(len(error), -1)


class DenseProduct(_Pooled):
    """``input = pooled activity @ weight``."""

    def forward(self, activity: Array, weight: Array) -> tuple[Array, Array]:
        """Return the input (rows, targets) and what `backward` needs again."""
        pooled = self.pooled(activity).reshape(len(activity), -1)
        return pooled @ weight, pooled

    def backward(self, error: Array, weight: Array, pooled: Array, wanted: bool) -> tuple[Array, Array | None]:
        """Return the errors of weights and, if `wanted`, of the activity (else None)."""
        return pooled.T @ error, self.spread(error @ weight.T) if wanted else None


class ConvolutionProduct(_Pooled):
    """The windows of the pooled map side by side, times the kernel."""

    def __init__(self, projection: Projection) -> None:
        super().__init__(projection)
        connection: Any = projection.connection  # a Conv2d
        self.g = connection.geometry(projection.source, projection.target)

    def _frame(self) -> tuple[int, int]:
        """Return height and width of the padded map that the windows lie in."""
        g = self.g
        return ((g.out_height - 1) * g.stride + g.kernel_height, (g.out_width - 1) * g.stride + g.kernel_width)

    def _inside(self) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return the part of the frame that the map covers, and the part of the map that lies in the frame."""
        g = self.g
        parts = []
        for size, frame, before in zip((g.height, g.width), self._frame(), (g.pad_top, g.pad_left), strict=True):
            length = min(size, frame - before)
            parts.append((slice(before, before + length), slice(0, length)))
        return tuple(part[0] for part in parts), tuple(part[1] for part in parts)

    def forward(self, activity: Array, weight: Array) -> tuple[Array, Array]:
        """Return the input (rows, targets) and what `backward` needs again."""
        g = self.g
        rows = len(activity)
        pooled = self.pooled(activity)
        there, here = self._inside()
        frame = np.zeros((rows, *self._frame(), g.channels), activity.dtype)
        frame[:, there[0], there[1]] = pooled[:, here[0], here[1]]
        view = np.lib.stride_tricks.sliding_window_view(frame, (g.kernel_height, g.kernel_width), axis=(1, 2))
        view = view[:, :: g.stride, :: g.stride].transpose(0, 1, 2, 4, 5, 3)
        windows = view.reshape(rows * g.out_height * g.out_width, -1)
        return (windows @ weight.reshape(-1, g.out_channels)).reshape(rows, -1), windows

    def backward(self, error: Array, weight: Array, windows: Array, wanted: bool) -> tuple[Array, Array | None]:
        """Return the errors of weights and, if `wanted`, of the activity (else None)."""
        g = self.g
        rows = len(error)
        error = error.reshape(-1, g.out_channels)
        weight_error = (windows.T @ error).reshape(weight.shape)
        if not wanted:
            return weight_error, None
        pulled = (error @ weight.reshape(-1, g.out_channels).T).reshape(
            rows, g.out_height, g.out_width, g.kernel_height, g.kernel_width, g.channels)
        frame = np.zeros((rows, *self._frame(), g.channels), error.dtype)
        down, right = g.stride * (g.out_height - 1) + 1, g.stride * (g.out_width - 1) + 1
        for i in range(g.kernel_height):
            for j in range(g.kernel_width):
                frame[:, i : i + down : g.stride, j : j + right : g.stride] += pulled[:, :, :, i, j]
        there, here = self._inside()
        pooled = np.zeros((rows, g.height, g.width, g.channels), error.dtype)
        pooled[:, here[0], here[1]] = frame[:, there[0], there[1]]
        return weight_error, self.spread(pooled)
