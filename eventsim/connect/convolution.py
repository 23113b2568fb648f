"""Convolution of a map of neurons, with stride, zero padding and average pooling before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Never

import numpy as np

from eventsim import arrays, foreign
from eventsim.connect.base import Connection, given_weight, pooled_index, pooled_map
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.population import Population
    from eventsim.type_aliases import Array, Drawn, Ids, Integers, Pairs


class Geometry(NamedTuple):
    """Sizes of a convolution, all in neurons of the pooled map and of the output map."""

    height: int
    width: int
    channels: int
    """The source map, after pooling."""
    kernel_height: int
    kernel_width: int
    stride: int
    pad_top: int
    pad_left: int
    """Zeros before the first row and the first column."""
    out_height: int
    out_width: int
    out_channels: int


class Conv2d(Connection):
    """A convolution kernel slid over a source map, shared by all places.

    Output (y, x, c) receives input (y * stride - pad_top + i, x * stride - pad_left + j, b) with weight
    ``weight[i, j, b, c]`` (a correlation, as everywhere in machine learning).

    Parameters
    ----------
    weight : array_like, float or Distribution
        Shape (kernel height, kernel width, source channels, target channels). One number or a distribution
        needs `kernel`.
    stride : int, optional
        Step between two places.
    padding : int or "same", optional
        Zeros around the (pooled) source map; "same": so many that the output has
        ceil(side / stride) rows and columns, one more at the end where the number is odd.
    pool : int, optional
        Average the source map over windows of pool x pool before the convolution.
    kernel : int or (int, int), optional
        Kernel height and width where `weight` does not say them.

    Raises
    ------
    InputError
        If a weight is NaN or infinite, has not four axes, or another argument is out of range.
    """

    def __init__(
        self,
        weight: Drawn,
        stride: int = 1,
        padding: int | Literal["same"] = 0,
        pool: int = 1,
        kernel: int | tuple[int, int] | None = None,
        **unknown: Never,
    ) -> None:
        allowed = ("weight", "stride", "padding", "pool", "kernel")
        foreign.refuse("Conv2d", unknown, allowed, foreign.CONNECTION)
        self.weight = given_weight(weight)
        self.stride = arrays.integer("stride", stride, 1)
        if isinstance(padding, str):
            if padding != "same":
                raise InputError(f'padding "{padding}" is not known; allowed: "same" or a whole number >= 0.')
            self.padding: int | Literal["same"] = padding
        else:
            self.padding = arrays.integer('padding (or "same")', padding, 0)
        self.pool = arrays.integer("pool", pool, 1)
        self.kernel = self._kernel(kernel)

    def settings(self) -> dict[str, Any]:
        """Return stride, padding, pool and kernel; see `Connection.settings`."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "pool": self.pool,
            "kernel": list(self.kernel),
        }

    def geometry(self, source: Population, target: Population) -> Geometry:
        """Return the sizes of this convolution between two populations.

        Parameters
        ----------
        source, target : Population
            Maps (height, width, channels).

        Returns
        -------
        Geometry

        Raises
        ------
        InputError
            If a population is no map, the kernel does not fit the map, or the target has another shape than
            the convolution gives.
        """
        height, width, channels = pooled_map(source, self.pool, "Conv2d")
        rows, columns = self.kernel
        out_height, pad_top = self._along("height", height, rows)
        out_width, pad_left = self._along("width", width, columns)
        if len(target.shape) != 3 or target.shape[:2] != (out_height, out_width):
            raise InputError(
                f'Conv2d from "{source.name}" {source.shape} gives a map ({out_height}, {out_width}, '
                f'channels); "{target.name}" has shape {target.shape}.'
            )
        return Geometry(
            height, width, channels, rows, columns, self.stride, pad_top, pad_left, out_height, out_width,
            target.shape[2],
        )

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return (kernel height, kernel width, source channels, target channels)."""
        sizes = self.geometry(source, target)
        return (*self.kernel, sizes.channels, sizes.out_channels)

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return the synapses, ordered by (source, target); see `Connection.ends`."""
        g = self.geometry(source, target)
        pixel, place, tap = _taps(g)
        first = np.searchsorted(pixel, np.arange(g.height * g.width + 1))
        # One row for every source neuron: the taps of its pooled pixel, each with all output channels.
        pooled = pooled_index(source, self.pool)
        row_pixel, row_channel = pooled // g.channels, pooled % g.channels
        count = first[row_pixel + 1] - first[row_pixel]
        inside = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        entry = np.repeat(first[row_pixel], count) + inside
        out = np.arange(g.out_channels)
        sources = np.repeat(np.arange(source.size, dtype=np.int32), count * g.out_channels)
        targets = (place[entry] * g.out_channels)[:, None] + out
        inner = tap[entry] * g.channels + np.repeat(row_channel, count)
        parameter = (inner * g.out_channels)[:, None] + out
        return sources, targets.reshape(-1).astype(np.int32), parameter.reshape(-1)

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return the output channel, then the place in the kernel; see `Connection.counters`."""
        rows, columns, channels, out = shape
        inner = np.arange(rows * columns * channels).reshape(rows, columns, channels, 1)
        return np.arange(out).reshape(1, 1, 1, out), inner, np.zeros((1, 1, 1, 1), dtype=np.int64)

    def _kernel(self, kernel: int | tuple[int, int] | None) -> tuple[int, ...]:
        if kernel is not None:
            parts = kernel if isinstance(kernel, tuple | list) else (kernel, kernel)
            if len(parts) != 2:
                raise InputError(f"kernel must be one whole number or (height, width); got {kernel!r}.")
            kernel = tuple(arrays.integer("kernel", part, 1) for part in parts)
        weight = self.weight
        if not isinstance(weight, np.ndarray):
            if kernel is None:
                raise InputError("Conv2d with one weight or a distribution needs kernel=(height, width).")
            return kernel
        if weight.ndim != 4 or 0 in weight.shape:
            raise InputError(
                "Conv2d weight must have shape (kernel height, kernel width, source channels, target "
                f"channels); got {weight.shape}."
            )
        if kernel is not None and kernel != weight.shape[:2]:
            raise InputError(
                f"kernel {kernel} is not the kernel of the weight, {weight.shape[:2]}; leave it out."
            )
        return weight.shape[:2]

    def _along(self, side: str, size: int, kernel: int) -> tuple[int, int]:
        """Return the number of places along one axis, and the zeros before the first pixel."""
        if self.padding == "same":
            places = -(-size // self.stride)
            return places, max((places - 1) * self.stride + kernel - size, 0) // 2
        padded = size + 2 * self.padding
        if kernel > padded:
            raise InputError(
                f"Conv2d kernel {side} {kernel} is larger than the (pooled, padded) source map, {padded}; "
                "use a smaller kernel or more padding."
            )
        return (padded - kernel) // self.stride + 1, self.padding


def _taps(g: Geometry) -> tuple[Integers, Integers, Integers]:
    """Return every meeting of a source pixel and an output place, ordered by (pixel, place).

    Returns
    -------
    pixel, place, tap : ndarray of int64
        Index of the pixel in the pooled map, of the place in the output map, and in the kernel.
    """
    y, out_y, i = _taps_along(g.height, g.kernel_height, g.out_height, g.stride, g.pad_top)
    x, out_x, j = _taps_along(g.width, g.kernel_width, g.out_width, g.stride, g.pad_left)
    pixel = (y[:, None] * g.width + x).reshape(-1)
    place = (out_y[:, None] * g.out_width + out_x).reshape(-1)
    tap = (i[:, None] * g.kernel_width + j).reshape(-1)
    order = np.lexsort((place, pixel))
    return pixel[order], place[order], tap[order]


def _taps_along(size: int, kernel: int, places: int, stride: int, padding: int) -> tuple[Integers, Integers, Integers]:
    """Return (pixel, place, offset in the kernel) of all meetings along one axis; padding pixels left out."""
    place = np.repeat(np.arange(places, dtype=np.int64), kernel)
    offset = np.tile(np.arange(kernel, dtype=np.int64), places)
    pixel = place * stride + offset - padding
    inside = (pixel >= 0) & (pixel < size)
    return pixel[inside], place[inside], offset[inside]
