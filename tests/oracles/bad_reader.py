"""One kind of file of the tests with spoiled files: how valid ones are made, and how they are read."""

import hashlib
from typing import NamedTuple

import numpy as np


class Reader(NamedTuple):
    """How to read one kind of file."""

    name: str
    seeds: object
    """``seeds(folder)`` returns valid files as bytes."""
    read: object
    """``read(path)`` reads a file and returns a digest of it."""
    place: str
    """Where the file must lie in its folder."""
    hdf5: bool = False
    sealed: bool = False
    """Whether our own files end with their checksum."""


def digest(*parts):
    """Return a number of what was read, which differs where a bit does."""
    total = hashlib.sha256()
    for part in parts:
        array = np.asarray(part)
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(array.tobytes() if array.dtype != object else repr(part).encode())
    return total.hexdigest()
