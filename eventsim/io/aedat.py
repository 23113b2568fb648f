"""Read AEDAT 3.1 files of polarity events, and the gesture labels of DVS128 Gesture beside them.

A file begins with lines of text, each starting with ``#``, up to ``#!END-HEADER``. Then come packets, little-endian:

    28 bytes    int16 eventType, int16 eventSource, int32 eventSize, int32 eventTSOffset, int32 eventTSOverflow,
                int32 eventCapacity, int32 eventNumber, int32 eventValid
    events      eventCapacity places of eventSize bytes, of which the first eventNumber hold events

A polarity event (type 1) is a uint32 (bit 0 valid, bit 1 polarity, bits 2 to 16 y, bits 17 to 31 x) and an int32,
the lower 31 bits of the time in microseconds; eventTSOverflow has the bits above. Events that are not valid, and
packets of other types, are skipped. Files have eventCapacity = eventNumber as far as we know; where they differ the
packet is as long as its capacity, as the readers do that we know of. No published recording was at hand to test on.

The labels are a CSV file, ``class,startTime_usec,endTime_usec`` by the clock of the events; A. Amir et al., CVPR 2017.
"""

import os
import re
from typing import NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.io import plain_file
from eventsim.recordings import Recordings

SHAPE = (128, 128)
"""Height and width of the DVS128."""

_HEADER = np.dtype([("type", "<i2"), ("source", "<i2"), ("size", "<i4"), ("ts_offset", "<i4"), ("overflow", "<i4"),
                    ("capacity", "<i4"), ("number", "<i4"), ("valid", "<i4")])
_EVENT = np.dtype([("data", "<u4"), ("time", "<i4")])
_POLARITY = 1
_MAGIC = b"#!AER-DAT3."
_END = b"#!END-HEADER"
_US_PER_MS = 1000.0
_COLUMNS = "class,startTime_usec,endTime_usec"


class Columns(NamedTuple):
    """The polarity events of a file, in its order."""

    time: np.ndarray
    """Microseconds by the clock of the camera, int64."""
    x: np.ndarray
    y: np.ndarray
    polarity: np.ndarray


class Gesture(NamedTuple):
    """One line of a file of labels."""

    label: int
    """Class as the file numbers it."""
    start: int
    """First microsecond."""
    stop: int
    """First microsecond behind it."""


def read(path, shape=SHAPE):
    """Read a whole file as one recording.

    Parameters
    ----------
    path : path-like
    shape : (int, int), optional
        Height and width of the sensor.

    Returns
    -------
    Recordings
        One recording; times in ms from its earliest event.

    Raises
    ------
    InputError
        As for `read_columns`.
    """
    found = read_columns(path, shape)
    time = found.time - found.time.min(initial=np.iinfo(np.int64).max)
    return Recordings(time / _US_PER_MS, found.x, found.y, found.polarity, shape=shape)


def read_gestures(path, labels, shape=SHAPE):
    """Read a file cut into labelled recordings.

    Parameters
    ----------
    path, labels : path-like
        The events, and the CSV file that says what was done when. Stretches may overlap; events outside all of them
        are dropped, and a recording without an event is kept.
    shape : (int, int), optional
        Height and width of the sensor.

    Returns
    -------
    Recordings, ndarray of int64
        A recording a line of the labels, times in ms from its start, and the classes as the file numbers them.

    Raises
    ------
    InputError
        As for `read_columns` and `read_labels`.
    """
    gestures = read_labels(labels)
    found = read_columns(path, shape)
    order = np.argsort(found.time, kind="stable")
    time, *others = (column[order] for column in found)
    parts = []
    for gesture in gestures:
        chosen = slice(*np.searchsorted(time, (gesture.start, gesture.stop)))
        parts.append(Recordings((time[chosen] - gesture.start) / _US_PER_MS, *(column[chosen] for column in others),
                                shape=shape))
    return Recordings.of(parts), np.array([gesture.label for gesture in gestures], np.int64)


def read_columns(path, shape=SHAPE):
    """Read the valid polarity events of a file, in its order, by the clock of the camera.

    Parameters
    ----------
    path : path-like
    shape : (int, int), optional
        Height and width of the sensor.

    Returns
    -------
    Columns

    Raises
    ------
    InputError
        For a file that is missing, not AEDAT 3, not in the RAW format, or damaged, truncated or with an event outside
        the sensor; the error names the byte.
    """
    name = os.fspath(path)
    contents = plain_file.contents(path, "an AEDAT 3.1 file")
    position = _after_header(contents, name)
    parts = [Columns(*(np.zeros(0, np.int64),) * 4)]
    while position < len(contents):
        header, end = _packet(contents, position, name)
        if header["type"] == _POLARITY:
            parts.append(_polarities(contents, position + _HEADER.itemsize, header, shape, name))
        position = end
    return Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read_labels(path):
    """Read the gestures of a CSV file.

    Returns
    -------
    list of Gesture
        At least one, in the order of the file.

    Raises
    ------
    InputError
        For a file that is missing or has another heading, and for a line that is not a class, a start and a later
        end; the error names the line.
    """
    name = os.fspath(path)
    try:
        lines = plain_file.contents(path, "a file of gesture labels").decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f'"{name}" cannot be read: it is not text; give a file of gesture labels') from None
    if not lines or lines[0].replace(" ", "") != _COLUMNS:
        raise InputError(f'"{name}" does not start with the line "{_COLUMNS}"; give a file of gesture labels')
    gestures = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,18})\s*,\s*(\d{1,18})\s*", line, re.ASCII)
        gesture = Gesture(*map(int, match.groups())) if match else None
        if gesture is None or gesture.stop <= gesture.start:
            raise InputError(f'line {number} of "{name}" is "{line.strip()[:60]}"; a line is a class, a start and a '
                             "later end in microseconds")
        gestures.append(gesture)
    if not gestures:
        raise InputError(f'"{name}" labels no gesture; get the file again')
    return gestures


def _after_header(contents, name):
    """Return the position of the first packet."""
    if not contents.startswith(_MAGIC):
        raise InputError(f'"{name}" starts with {contents[:11].hex(" ") or "nothing"} (byte 0), not with #!AER-DAT3.; '
                         "give an AEDAT 3.1 file")
    position = 0
    while contents.startswith(b"#", position):
        end = contents.find(b"\n", position) + 1
        if end == 0:
            break
        line = contents[position:end].rstrip()
        if line == _END:
            return end
        if line.startswith(b"#Format:") and line[8:].strip() != b"RAW":
            raise InputError(f'"{name}" has the format {line[8:].strip()[:40].decode("ascii", "replace")!r} (byte '
                             f"{position}); only RAW can be read: write it again without compression")
        position = end
    raise InputError(f'the header of "{name}" does not go on at byte {position} and has no line #!END-HEADER; '
                     "get the file again")


def _packet(contents, position, name):
    """Return the header of the packet at `position`, and the position behind the packet."""
    start = position + _HEADER.itemsize
    if start > len(contents):
        raise InputError(f'"{name}" ends inside the packet header at byte {position}; get the file again')
    header = np.frombuffer(contents, _HEADER, 1, position)[0]
    size, capacity, number, kind = (int(header[field]) for field in ("size", "capacity", "number", "type"))
    wrong = not (0 <= number <= capacity and size > 0 and kind >= 0 and header["overflow"] >= 0)
    if wrong or (kind == _POLARITY and (size != _EVENT.itemsize or header["ts_offset"] != 4)):
        raise InputError(f'"{name}" has no packet header of AEDAT 3.1 at byte {position} (type {kind}, {number} of '
                         f"{capacity} events of {size} bytes); it is damaged: get it again")
    end = start + capacity * size
    if end > len(contents):
        raise InputError(f'"{name}" ends at byte {len(contents)}, inside the packet at byte {position}, which should '
                         f"end at byte {end}; get the file again")
    return header, end


def _polarities(contents, position, header, shape, name):
    """Return the valid events of a polarity packet whose events start at `position`."""
    events = np.frombuffer(contents, _EVENT, int(header["number"]), position)
    data, low = events["data"].astype(np.int64), events["time"].astype(np.int64)
    x, y = data >> 17, data >> 2 & 0x7FFF
    valid = (data & 1).astype(bool)
    wrong = np.flatnonzero(valid & ((x >= shape[1]) | (y >= shape[0]) | (low < 0)))
    if wrong.size:
        at = wrong[0]
        raise InputError(f'"{name}" has an event at x = {x[at]}, y = {y[at]}, time {low[at]} (byte '
                         f"{position + _EVENT.itemsize * at}), outside {shape[0]} rows and {shape[1]} columns or "
                         "before 0 us; it is damaged, or give its shape=(height, width)")
    time = low + (int(header["overflow"]) << 31)
    return Columns(time[valid], x[valid], y[valid], (data >> 1 & 1)[valid])
