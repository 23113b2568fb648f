"""CIFAR-10: 50,000 training and 10,000 test images of shape (32, 32, 3), uint8, red green blue.

A. Krizhevsky: Learning multiple layers of features from tiny images (2009). A batch of 10,000
images is read from either of two files:

- ``data_batch_1.bin``, of the official binary version (also inside its folder
  ``cifar-10-batches-bin``): 10,000 records of one label byte and 3,072 pixel bytes, the planes red,
  green, blue one after another;
- ``data_batch_1.planes.xz``, a lossless packing of the same numbers of half the size: 10,000
  labels, then the planes red - green, green, blue - green of all images (mod 256), each plane stored
  as its second mixed difference d[i, j] = p[i, j] - p[i-1, j] - p[i, j-1] + p[i-1, j-1] (mod 256).

Both must give the same bytes in the official layout, which the checksums are of.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import lzma
import os
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError
from training.datasets import locate

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, PathLike

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"

BATCHES = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
    "test": ("test_batch",),
}
MD5 = {
    "data_batch_1": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch": "803d5f7f4d78ea53de84dbe85f74fb6d",
}

_IMAGES = 10_000  # in a batch
_PIXELS = 32 * 32
_RECORD = 1 + 3 * _PIXELS
_BYTES = _IMAGES * _RECORD
_UNPACKING = 2**28  # bytes of memory that the xz decoder may use


def read(split: str, data: PathLike | None = None) -> tuple[Array, Array]:
    """Return images (n, 32, 32, 3) uint8 and labels (n,) int64 of the ``"train"`` or ``"test"`` split.

    Parameters
    ----------
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file that is missing, damaged, or not the published one.
    """
    names = BATCHES[split]
    images = np.empty((len(names), _IMAGES, 32, 32, 3), np.uint8)
    labels = np.empty((len(names), _IMAGES), np.int64)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # unpacking releases the GIL
        batches = list(pool.map(lambda name: read_records(name, data), names))
    for number, records in enumerate(batches):
        labels[number] = records[:, 0]
        images[number] = records[:, 1:].reshape(_IMAGES, 3, 32, 32).transpose(0, 2, 3, 1)
    return images.reshape(-1, 32, 32, 3), labels.ravel()


def read_records(batch, data=None):
    """Return one batch in the official layout, uint8, shape (10000, 3073).

    Parameters
    ----------
    batch : str
        ``"data_batch_1"`` to ``"data_batch_5"`` or ``"test_batch"``.
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file that is missing, damaged, or not the published one.
    """
    names = (f"{batch}.bin", f"cifar-10-batches-bin/{batch}.bin", f"{batch}.planes.xz")
    path = locate.find("cifar10", names, SOURCE, data)
    packed = path.suffix == ".xz"
    contents = _contents(path, _unpacked if packed else _plain)
    records = unpack(contents) if packed else contents.reshape(_IMAGES, _RECORD)
    digest = hashlib.md5(records, usedforsecurity=False).hexdigest()
    if digest != MD5[batch]:
        raise InputError(f'the contents of "{path}" have the MD5 {digest} where {MD5[batch]} is expected; '
                         f"the file is damaged or not the published one: get it again, {SOURCE}")
    return records


def unpack(contents):
    """Return the official records, uint8 (10000, 3073), of a packed batch, uint8 (30730000,)."""
    records = np.empty((_IMAGES, _RECORD), np.uint8)
    records[:, 0] = contents[:_IMAGES]
    differences = contents[_IMAGES:].reshape(3, _IMAGES, 32, 32)
    planes = differences.cumsum(axis=2, dtype=np.uint8).cumsum(axis=3, dtype=np.uint8)
    planes[0] += planes[1]
    planes[2] += planes[1]
    records[:, 1:].reshape(_IMAGES, 3, 32, 32)[...] = planes.transpose(1, 0, 2, 3)
    return records


def _plain(path):
    with open(path, "rb") as file:
        return file.read(_BYTES + 1)


def _unpacked(path):
    """Return the bytes of an xz stream; one that asks for a larger dictionary than a batch needs is refused."""
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_UNPACKING)
    with open(path, "rb") as file:
        contents = stream.decompress(file.read(2 * _BYTES), max_length=_BYTES + 1)
    if not stream.eof and len(contents) <= _BYTES:
        raise EOFError
    return contents


def _contents(path, reader):
    """Return the (uncompressed) bytes of a batch; never makes more of a file than a batch has."""
    try:
        contents = reader(path)
    except (EOFError, MemoryError, lzma.LZMAError):
        raise InputError(f'the xz stream of "{path}" is truncated or damaged; get the file again') from None
    except OSError as error:
        raise InputError(f'"{path}" cannot be read: {error.strerror or error}') from None
    if len(contents) != _BYTES:
        compared = "fewer" if len(contents) < _BYTES else "more"
        raise InputError(f'"{path}" holds {compared} than the {_BYTES} bytes of a batch; get the file again, '
                         f"{SOURCE}")
    return np.frombuffer(contents, np.uint8)
