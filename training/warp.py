"""Augmentations that resample images: rotation, zoom and shift in one go, and elastic distortion.

Resampling is bilinear, with zeros outside; images of whole numbers are rounded. To rotate, zoom and shift, use
one `Affine`: a chain of several would blur the images several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays, random
from eventsim.errors import InputError
from training.augmentation import Augmentation

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Flags, Key


class _Warp(Augmentation):
    """An augmentation by a kernel of `training.resample`."""

    _resample: Callable[..., None]

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return resampled copies of `images` (samples, height, width[, channels])."""
        maps = self._maps(images)
        index = np.ascontiguousarray(index, dtype=np.int64)
        key = random.stream_key(seed, str(self.kind))
        out = np.empty_like(maps)
        self._resample(maps, self._chosen(key, index, epoch), index, epoch, key, maps.dtype.kind != "f", out)
        return out.reshape(np.shape(images))


class _Linear(_Warp):
    """Rotation, zoom and shift drawn from `_ranges`: (degrees, zoom, pixels)."""

    _ranges: Callable[[], tuple[float, float, float]]

    def _check(self, **values: float) -> None:
        arrays.not_negative(f"{type(self).__name__}'s", **values)
        if values.get("zoom", 0.0) >= 1.0:
            raise InputError(f"{type(self).__name__}'s zoom = {values['zoom']!r} must be below 1 (0.1: 90 % to 110 %).")
        if not any(values.values()):
            raise InputError(f"{type(self).__name__} changes nothing; give {' or '.join(values)} above 0.")
        self._check_part()

    def _resample(
        self, maps: Array, chosen: Flags, index: Array, epoch: int, key: Key, whole: bool, out: Array
    ) -> None:
        from training import resample

        degrees, zoom, pixels = self._ranges()
        turn, size, down, right = (2.0 * random.uniform(key, index, epoch, place) - 1.0 for place in (3, 4, 0, 1))
        angle, inverse = np.deg2rad(degrees * turn), 1.0 / (1.0 + zoom * size)
        c, s = np.cos(angle) * inverse, np.sin(angle) * inverse
        matrix = np.stack([c, -s, s, c], axis=1)
        # where a pixel comes from: back by the shift, then turned and zoomed back
        down, right = pixels * down, pixels * right
        offset = -np.stack([c * down - s * right, s * down + c * right], axis=1)
        resample.affine(maps, chosen, matrix, offset, whole, out)


@dataclass(frozen=True)
class Affine(_Linear):
    """Turn, zoom and shift each image about its middle.

    Parameters
    ----------
    degrees : float
        Largest angle, drawn uniformly from -degrees to +degrees.
    zoom : float
        Largest change of size, drawn uniformly: 0.1 means 90 % to 110 %.
    pixels : float
        Largest shift along each axis, drawn uniformly, not rounded to pixels.
    part : float

    Raises
    ------
    InputError
        A value out of range, or nothing to change.
    """

    kind: ClassVar[str] = "affine"
    degrees: float = 0.0
    zoom: float = 0.0
    pixels: float = 0.0
    part: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self._check(degrees=self.degrees, zoom=self.zoom, pixels=self.pixels)

    def _ranges(self) -> tuple[float, float, float]:
        return self.degrees, self.zoom, self.pixels


@dataclass(frozen=True)
class Rotate(_Linear):
    """Turn each image about its middle by an angle from -degrees to +degrees.

    Parameters
    ----------
    degrees : float
    part : float
    """

    kind: ClassVar[str] = "rotate"
    degrees: float = 10.0
    part: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self._check(degrees=self.degrees)

    def _ranges(self) -> tuple[float, float, float]:
        return self.degrees, 0.0, 0.0


@dataclass(frozen=True)
class Scale(_Linear):
    """Zoom each image about its middle by a factor from 1 - zoom to 1 + zoom.

    Parameters
    ----------
    zoom : float
    part : float
    """

    kind: ClassVar[str] = "scale"
    zoom: float = 0.1
    part: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self._check(zoom=self.zoom)

    def _ranges(self) -> tuple[float, float, float]:
        return 0.0, self.zoom, 0.0


@dataclass(frozen=True)
class Elastic(_Warp):
    """Distort each image by a smooth random displacement field (Simard, Steinkraus, Platt 2003).

    The displacement of a pixel along an axis is uniform from -1 to 1, smoothed by a Gaussian over the pixels
    (cut off at 3 `sigma`), times `alpha`.

    Parameters
    ----------
    alpha : float
        In pixels; after smoothing displacements have a standard deviation of about 0.16 alpha / sigma.
    sigma : float
        Of the Gaussian, in pixels.
    part : float

    Raises
    ------
    InputError
        A value that is not positive.
    """

    kind: ClassVar[str] = "elastic"
    alpha: float = 34.0
    sigma: float = 4.0
    part: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        arrays.not_negative("Elastic's", alpha=self.alpha, sigma=self.sigma)
        if self.sigma == 0.0:
            raise InputError("Elastic's sigma = 0 leaves pixels without neighbours; give a width in pixels above 0.")
        self._check_part()

    def _resample(
        self, maps: Array, chosen: Flags, index: Array, epoch: int, key: Key, whole: bool, out: Array
    ) -> None:
        from training import resample

        reach = math.ceil(3.0 * self.sigma)
        taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self.sigma) ** 2)
        taps /= taps.sum()
        resample.elastic(maps, chosen, index, epoch, *key, self.alpha, taps, whole, out)
