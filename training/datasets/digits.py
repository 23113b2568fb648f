"""The optical digits of the UCI repository, 8 x 8 pixels, inside the package.

3,823 training and 1,797 test images of shape (8, 8, 1), uint8 from 0 to 16; see
``digits.txt`` beside this file for source, citation and licence (CC BY 4.0; Alpaydin, Kaynak 1998).
"""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eventsim.type_aliases import Array

CLASSES = tuple("0123456789")


def read(split: str) -> tuple[Array, Array]:
    """Return images (n, 8, 8, 1) uint8 and labels (n,) int64 of the ``"train"`` or ``"test"`` split."""
    source = importlib.resources.files(__package__) / "digits.npz"
    with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return arrays[f"{split}_images"], arrays[f"{split}_labels"].astype(np.int64)
