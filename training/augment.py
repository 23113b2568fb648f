"""Augmentations of image batches, drawn by counter: a function of (seed, epoch, sample), never of the order.

An augmentation is called with the batch, the numbers of its samples in the training set, the epoch and
the seed, so an interrupted training draws the same numbers again. Images keep their type and their range;
what comes in from outside of an image is 0. `part` is the part of the samples that is changed; the others
stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays, random
from eventsim.errors import InputError, choose, expect
from training.augmentation import Augmentation
from training.warp import Affine, Elastic, Rotate, Scale

if TYPE_CHECKING:
    from eventsim.type_aliases import Array
    from training.type_aliases import Report, Settings


@dataclass(frozen=True)
class Shift(Augmentation):
    """Shift each image by up to `pixels` in both directions, filling with zeros.

    Parameters
    ----------
    pixels : int
        Largest shift; each direction is drawn uniformly from -pixels to +pixels.
    part : float
        Part of the samples that is shifted, above 0 to 1; the others stay as they are.

    Raises
    ------
    InputError
        A number of pixels that is not a positive integer, or a part out of range.
    """

    kind: ClassVar[str] = "shift"
    pixels: int = 1
    part: float = 1.0

    def __post_init__(self) -> None:
        """Refuse shifts that are not a positive number of whole pixels, and parts that are none."""
        arrays.integer("pixels", self.pixels, 1)
        self._check_part()

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return shifted copies of `images` (samples, height, width[, channels])."""
        images = np.asarray(images)
        if images.ndim < 3 or min(images.shape[1:3]) <= self.pixels:
            raise InputError(
                f"images of shape {images.shape} cannot be shifted by {self.pixels}; "
                "give (samples, height, width)."
            )
        key = random.stream_key(seed, "shift")
        span = 2 * self.pixels + 1
        moved = self._chosen(key, index, epoch)
        down, right = (
            np.where(moved, np.floor(random.uniform(key, index, epoch, axis) * span).astype(int) - self.pixels, 0)
            for axis in (0, 1)
        )
        shifted = np.zeros_like(images)
        height, width = images.shape[1:3]
        for dy in range(-self.pixels, self.pixels + 1):
            for dx in range(-self.pixels, self.pixels + 1):
                chosen = np.flatnonzero((down == dy) & (right == dx))
                if len(chosen):
                    to_y, from_y = _overlap(dy, height)
                    to_x, from_x = _overlap(dx, width)
                    window = np.zeros_like(images[chosen])
                    window[:, to_y, to_x] = images[chosen][:, from_y, from_x]
                    shifted[chosen] = window
        return shifted


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Return the slices (to, from) that move an axis of `size` by `shift`."""
    return slice(max(0, shift), size + min(0, shift)), slice(max(0, -shift), size - max(0, shift))


@dataclass(frozen=True)
class Flip(Augmentation):
    """Flip images left to right.

    Parameters
    ----------
    part : float
    """

    kind: ClassVar[str] = "flip"

    part: float = 0.5

    def __post_init__(self) -> None:
        """Refuse parts that are none."""
        self._check_part()

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return `images` (samples, height, width[, channels]), some of them flipped."""
        maps = self._maps(images)
        chosen = self._chosen(random.stream_key(seed, "flip"), index, epoch)
        return np.where(chosen[:, None, None, None], maps[:, :, ::-1], maps).reshape(np.shape(images))


@dataclass(frozen=True)
class Erase(Augmentation):
    """Erase a rectangle of each image: it becomes 0 (random erasing, Zhong et al. 2020).

    Parameters
    ----------
    area : pair of float
        Smallest and largest part of the image, drawn uniformly.
    ratio : float
        Largest ratio of the sides, drawn uniformly on a logarithmic scale from 1 / ratio to ratio.
    part : float
    """

    kind: ClassVar[str] = "erase"

    area: tuple[float, float] = (0.02, 0.2)
    ratio: float = 3.0
    part: float = 0.5

    def __post_init__(self) -> None:
        """Refuse areas, ratios and parts out of range."""
        area = tuple(arrays.numbers("area", self.area).ravel().tolist())
        object.__setattr__(self, "area", area)
        if len(area) != 2 or not 0.0 < area[0] <= area[1] <= 1.0:
            raise InputError(f"area = {area} cannot be used; give the smallest and the largest part, in 0 to 1.")
        if not 1.0 <= arrays.number("ratio", self.ratio) < np.inf:
            raise InputError(f"ratio = {self.ratio!r} cannot be used; give a finite number of at least 1.")
        self._check_part()

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return `images` (samples, height, width[, channels]), a rectangle of some of them 0."""
        maps = self._maps(images).copy()
        key = random.stream_key(seed, "erase")
        rows = np.flatnonzero(self._chosen(key, index, epoch))
        number = np.asarray(index)[rows]
        size, shape, y, x = (random.uniform(key, number, epoch, place) for place in (0, 1, 3, 4))
        height, width = maps.shape[1:3]
        pixels = (self.area[0] + (self.area[1] - self.area[0]) * size) * height * width
        ratio = np.exp((2.0 * shape - 1.0) * math.log(self.ratio))
        tall = np.clip(np.rint(np.sqrt(pixels * ratio)), 1, height).astype(int)
        wide = np.clip(np.rint(np.sqrt(pixels / ratio)), 1, width).astype(int)
        top, left = ((y * (height - tall + 1)).astype(int), (x * (width - wide + 1)).astype(int))
        for row, y0, x0, y1, x1 in zip(rows, top, left, top + tall, left + wide, strict=True):
            maps[row, y0:y1, x0:x1] = 0
        return maps.reshape(np.shape(images))

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return super().to_dict() | {"area": list(self.area)}


@dataclass(frozen=True)
class Chain(Augmentation):
    """Several augmentations, one after the other, with draws of their own.

    Parameters
    ----------
    steps : sequence of Augmentation
    """

    kind: ClassVar[str] = "chain"

    steps: Sequence[Augmentation] = ()

    def __post_init__(self) -> None:
        """Refuse what is no list of augmentations."""
        expect("steps", self.steps, Sequence, "a list of augmentations")
        object.__setattr__(self, "steps", tuple(self.steps))
        for step in self.steps:
            if not isinstance(step, Augmentation):
                raise InputError(f"Chain takes augmentations; got {type(step).__name__}.")

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return `images` after all steps."""
        for place, step in enumerate(self.steps):
            # two steps of a kind must not draw the same numbers; the first draws what it draws alone
            images = step(images, index, epoch, seed + (place << 64))
        return images

    def to_dict(self) -> Report:
        """Return the kind and the steps, ready for JSON."""
        return {"kind": "chain", "steps": [step.to_dict() for step in self.steps]}


def from_dict(settings: Settings | Sequence[Settings]) -> Augmentation:
    """Return the augmentation that `to_dict` described, or the `Chain` of a list of such descriptions.

    Parameters
    ----------
    settings : dict or list of dict

    Raises
    ------
    InputError
        An unknown kind or setting.
    """
    if isinstance(settings, list):
        settings = {"kind": "chain", "steps": settings}
    if not isinstance(settings, dict):
        raise InputError(f'An augmentation is a table such as {{kind = "shift"}}; got {settings!r}.')
    settings = dict(settings)
    kind = KINDS[choose("augmentation", settings.pop("kind", None), KINDS)]
    for name in settings:
        choose("The augmentation setting", name, tuple(kind.__dataclass_fields__))
    if kind is Chain:
        settings["steps"] = [from_dict(step) for step in settings.get("steps", ())]
    return kind(**settings)


KINDS = {kind.kind: kind for kind in (Shift, Flip, Erase, Rotate, Scale, Affine, Elastic, Chain)}
"""Augmentations by the name that files use."""
