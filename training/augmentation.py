"""What all augmentations of image batches share: see `training.augment`."""

from dataclasses import asdict

import numpy as np

from eventsim import random
from eventsim.errors import InputError

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

    kind = None
    part = 1.0

    def __call__(self, images, index, epoch, seed):
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

    def to_dict(self):
        """Return the kind and the settings, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def _check_part(self):
        if not 0.0 < self.part <= 1.0:
            raise InputError(f"part = {self.part!r} cannot be used; give a number above 0 up to 1.")

    def _chosen(self, key, index, epoch):
        return random.uniform(key, index, epoch, _PART) < self.part

    def _maps(self, images):
        """Return `images` as an array (samples, height, width, channels)."""
        images = np.asarray(images)
        if images.ndim not in (3, 4) or images.dtype.kind not in "uif":
            raise InputError(
                f"images of shape {images.shape} cannot be augmented by {type(self).__name__}; "
                "give numbers (samples, height, width) or (samples, height, width, channels)."
            )
        return np.ascontiguousarray(images[..., None] if images.ndim == 3 else images)
