"""Augmentations of image batches, drawn by counter: a function of (seed, epoch, sample), never of the order.

An augmentation is called with the batch, the numbers of its samples in the training set, the epoch and
the seed, so an interrupted training draws the same numbers again.
"""

from dataclasses import asdict, dataclass

import numpy as np

from eventsim import random
from eventsim.errors import InputError, choose


@dataclass(frozen=True)
class Shift:
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

    pixels: int = 1
    part: float = 1.0

    def __post_init__(self):
        """Refuse shifts that are not a positive number of whole pixels, and parts that are none."""
        if not isinstance(self.pixels, int) or self.pixels < 1:
            raise InputError(f"pixels = {self.pixels!r} cannot be used; give a whole number of at least 1.")
        if not 0.0 < self.part <= 1.0:
            raise InputError(f"part = {self.part!r} cannot be used; give a number above 0 up to 1.")

    def __call__(self, images, index, epoch, seed):
        """Return shifted copies of `images` (samples, height, width[, channels])."""
        images = np.asarray(images)
        if images.ndim < 3 or min(images.shape[1:3]) <= self.pixels:
            raise InputError(
                f"images of shape {images.shape} cannot be shifted by {self.pixels}; "
                "give (samples, height, width)."
            )
        key = random.stream_key(seed, "shift")
        span = 2 * self.pixels + 1
        moved = random.uniform(key, index, epoch, 2) < self.part
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

    def to_dict(self):
        """Return the kind and the settings, ready for JSON."""
        return {"kind": "shift", **asdict(self)}


def _overlap(shift, size):
    """Return the slices (to, from) that move an axis of `size` by `shift`."""
    return slice(max(0, shift), size + min(0, shift)), slice(max(0, -shift), size - max(0, shift))


def order(n, epoch, seed):
    """Return the order of `n` samples in `epoch`: a permutation drawn by counter."""
    draws = random.uniform(random.stream_key(seed, "data order"), np.arange(n), epoch)
    return np.argsort(draws, kind="stable")


KINDS = {"shift": Shift}


def from_dict(settings):
    """Return the augmentation that `to_dict` described.

    Raises
    ------
    InputError
        An unknown kind or setting.
    """
    settings = dict(settings)
    kind = KINDS[choose("augmentation", settings.pop("kind", None), KINDS)]
    for name in settings:
        choose("The augmentation setting", name, tuple(kind.__dataclass_fields__))
    return kind(**settings)
