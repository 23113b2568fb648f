"""MNIST and Fashion-MNIST: 60,000 training and 10,000 test images of shape (28, 28, 1), uint8.

MNIST: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 86 (1998). Fashion-MNIST: H. Xiao,
K. Rasul, R. Vollgraf, arXiv:1708.07747 (2017). The files are those published, compressed with gzip
or not, and must have the published contents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eventsim.io import idx
from training.datasets import locate

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, PathLike

_PREFIX = {"train": "train", "test": "t10k"}


class Source(NamedTuple):
    """Where a data set of this family is kept, and what its files contain."""

    folder: str
    address: str
    classes: tuple
    md5: dict
    """MD5 of the uncompressed files, by (split, kind of file)."""


MNIST = Source(
    folder="mnist",
    address="http://yann.lecun.com/exdb/mnist/",
    classes=tuple("0123456789"),
    md5={
        ("train", "images"): "6bbc9ace898e44ae57da46a324031adb",
        ("train", "labels"): "a25bea736e30d166cdddb491f175f624",
        ("test", "images"): "2646ac647ad5339dbf082846283269ea",
        ("test", "labels"): "27ae3e4e09519cfbb04c329615203637",
    },
)

FASHION_MNIST = Source(
    folder="fashion_mnist",
    address="https://github.com/zalandoresearch/fashion-mnist",
    classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
             "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    md5={
        ("train", "images"): "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        ("train", "labels"): "9018921c3c673c538a1fc5bad174d6f9",
        ("test", "images"): "8181f5470baa50b63fa0f6fddb340f0a",
        ("test", "labels"): "15d484375f8d13e6eb1aabb0c3f46965",
    },
)


def read(source: Source, split: str, data: PathLike | None = None) -> tuple[Array, Array]:
    """Return images (n, 28, 28, 1) uint8 and labels (n,) int64 of the ``"train"`` or ``"test"`` split.

    Parameters
    ----------
    source : Source
        `MNIST` or `FASHION_MNIST`.
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file that is missing, damaged, or not the published one.
    """
    arrays = []
    for kind, dimensions in (("images", 3), ("labels", 1)):
        name = f"{_PREFIX[split]}-{kind}-idx{dimensions}-ubyte"
        path = locate.find(source.folder, (f"{name}.gz", name), source.address, data)
        arrays.append(idx.read(path, md5=source.md5[split, kind]))
    images, labels = arrays
    return images[..., np.newaxis], labels.astype(np.int64)
