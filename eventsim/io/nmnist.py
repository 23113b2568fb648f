"""Read recordings in the format of N-MNIST (and N-Caltech101).

A file is a row of events of 5 bytes, big-endian: x (8 bits), y (8 bits), polarity (1 bit, 1 = ON), time in
microseconds from the start of the recording (23 bits); G. Orchard, A. Jayawant, G. Cohen, N. Thakor, Front.
Neurosci. 9:437 (2015).

An event with y = 240 is no pixel but a mark of the sensor's clock: 2^13 us are added to its time and to the time of
all events behind it, and it is dropped. So does the Python reader of the data set's author; his Matlab reader does
not know the mark. No file of the subset that the tests read has one, so this is tested on made files only.
"""

import os

import numpy as np

from eventsim.errors import InputError
from eventsim.io import plain_file
from eventsim.recordings import Recordings

SHAPE = (34, 34)
"""Height and width of the N-MNIST sensor window."""

_EVENT = 5  # bytes
_OVERFLOW_ROW = 240
_OVERFLOW_US = 1 << 13
_US_PER_MS = 1000.0


def read(source, shape=SHAPE, name=None):
    """Read one recording.

    Parameters
    ----------
    source : bytes or path-like
        The contents of a file, or its path.
    shape : (int, int), optional
        Height and width of the sensor; N-Caltech101 has other ones.
    name : str, optional
        What errors call the source. Default: the path.

    Returns
    -------
    Recordings
        One recording; times in ms as the file has them, so the first event is rarely at 0.

    Raises
    ------
    InputError
        For a file that is missing, empty, cut inside an event, or has an event outside the sensor; the error names
        the byte.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        contents, name = source, name or "the given bytes"
    else:
        name = name or os.fspath(source)
        contents = plain_file.contents(source, "an N-MNIST file")
    n_bytes = len(contents)
    if n_bytes == 0 or n_bytes % _EVENT:
        place = f"ends inside the event at byte {n_bytes - n_bytes % _EVENT}" if n_bytes else "is empty (0 bytes)"
        raise InputError(f'"{name}" {place}; an N-MNIST file has 5 bytes an event: get the file again')
    x, y, high, middle, low = np.frombuffer(contents, np.uint8).reshape(-1, _EVENT).T.astype(np.int64)
    microseconds = (high & 0x7F) << 16 | middle << 8 | low
    mark = y == _OVERFLOW_ROW
    microseconds += _OVERFLOW_US * np.cumsum(mark)
    height, width = shape
    outside = np.flatnonzero(~mark & ((x >= width) | (y >= height)))
    if outside.size:
        first = outside[0]
        raise InputError(f'"{name}" has an event at x = {x[first]}, y = {y[first]} (byte {_EVENT * first}), outside '
                         f"{height} rows and {width} columns; it is damaged, or give its shape=(height, width)")
    kept = ~mark
    return Recordings(microseconds[kept] / _US_PER_MS, x[kept], y[kept], high[kept] >> 7, shape=shape)
