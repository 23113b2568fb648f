"""What all augmentations of image batches share: see `training.augment`."""

from __future__ import annotations

from dataclasses import Field, asdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventsim import arrays, random
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Flags, Key
    from training.type_aliases import Report

_PART = 2  # counter of the draw that chooses the samples; 0 and 1 are the directions of a shift


class Augmentation:
    """Base of the augmentations.

    Attributes
    ----------
    kind : str
        The name that files use.
    part : float
        Part of the samples that is changed, above 0 to 1.
    """

    kind: ClassVar[str | None] = None
    part: float = 1.0
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # the augmentations are dataclasses

    def __call__(self, images: Array, index: Array, epoch: int, seed: int) -> Array:
        """Return augmented copies of `images`.

        Parameters
        ----------
        images : ndarray (samples, height, width[, channels])
        index : ndarray of int (samples,)
            Their numbers in the training set.
        epoch, seed : int

        Returns
        -------
        ndarray
            Of the same shape and type.
        """
        raise NotImplementedError

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def _check_part(self) -> None:
        if not 0.0 < arrays.number("part", self.part) <= 1.0:
            raise InputError(f"part = {self.part!r} cannot be used; give a number above 0 up to 1.")

    def _chosen(self, key: Key, index: Array, epoch: int) -> Flags:
        return random.uniform(key, index, epoch, _PART) < self.part

    def _maps(self, images: Array) -> Array:
        """Return `images` as an array (samples, height, width, channels)."""
        images = np.asarray(images)
        if images.ndim not in (3, 4) or images.dtype.kind not in "uif":
            raise InputError(
                f"images of shape {images.shape} cannot be augmented by {type(self).__name__}; "
                "give numbers (samples, height, width) or (samples, height, width, channels)."
            )
        return np.ascontiguousarray(images[..., None] if images.ndim == 3 else images)
