"""N-MNIST: MNIST digits before an event camera that makes three saccades, 34 x 34 pixels, about 300 ms.

G. Orchard, A. Jayawant, G. Cohen, N. Thakor, Front. Neurosci. 9:437 (2015); 60,000 training and 10,000 test
recordings. They are read from the official layout, ``Train/<digit>/<number>.bin`` and ``Test/...``, unpacked in a
folder or inside ``Train.zip`` and ``Test.zip``, or inside ``nmnist_subset.zip``, which holds any part of both in that
layout. The number is that of the MNIST image in its split, counted from 1; recordings come in its order.

All events are kept in memory, 17 bytes each: 70 MB a thousand recordings.
"""

from __future__ import annotations

import concurrent.futures
import lzma
import os
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError
from eventsim.io import hdf5, nmnist
from eventsim.recordings import Recordings
from training.datasets import locate

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, PathLike

CLASSES = tuple("0123456789")
SOURCE = "https://www.garrickorchard.com/datasets/n-mnist"

_FOLDER = "nmnist"
_SUBSET = "nmnist_subset.zip"
_LARGEST_RATIO = 1100  # deflate compresses at most 1032 to 1


def read(split: str, data: PathLike | None = None) -> tuple[Recordings, Array]:
    """Return recordings and labels (n,) int64 of the ``"train"`` or ``"test"`` split.

    Parameters
    ----------
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For files that are missing or damaged, and for a set without a recording of the split.
    """
    part = split.capitalize()
    path = _find(part, data)
    if path.is_dir():
        found = _members(part, (f"{part}/{file.relative_to(path).as_posix()}" for file in path.glob("*/*.bin")), path)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = list(pool.map(lambda member: nmnist.read(path.parent / member), found.values()))
    else:
        found, parts = _unpacked(part, path)
    return Recordings.of(parts), np.array([int(name.split("/")[1]) for name in found.values()], np.int64)


def _find(part, data):
    """Return the folder of the split, or the archive that holds it; the first data folder that has one decides."""
    names = (f"{part}.zip", _SUBSET)
    for root in locate.roots(data):
        place = root / _FOLDER
        for path in (place / part, *(place / name for name in names)):
            if path.is_dir() or path.is_file():
                return path
    return locate.find(_FOLDER, (*names, f"{part}/<digit>/<number>.bin"), SOURCE, data)  # says what is missing


def _members(part, names, path):
    """Return the names in the official layout by their number, in its order."""
    matches = (re.fullmatch(rf"{part}/([0-9])/([0-9]+)\.bin", name, re.ASCII) for name in names)
    found = dict(sorted((int(match[2]), match[0]) for match in matches if match))
    if not found:
        raise InputError(f'"{path}" has no recording {part}/<digit>/<number>.bin; get it again, {SOURCE}')
    return found


def _unpacked(part, path):
    """Return the members of an archive and their recordings."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = _members(part, archive.namelist(), path)
            sizes = [archive.getinfo(name).file_size for name in found.values()]
            if sum(sizes) > _LARGEST_RATIO * os.path.getsize(path):
                raise InputError(f'the archive "{path}" claims {sum(sizes)} bytes of recordings, more than it can '
                                 f"hold; get it again, {SOURCE}")
            return found, [nmnist.read(archive.read(name), name=f"{path}/{name}") for name in found.values()]
    except InputError:
        raise
    except (*hdf5.DAMAGE, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error) as error:
        raise InputError(f'the archive "{path}" cannot be read ({hdf5.one_line(error)}); get it again, {SOURCE}'
                         ) from None
