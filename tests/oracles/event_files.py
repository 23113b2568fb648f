"""Writers of event files, by the published layouts and apart from the readers, and random streams to write."""

import struct

import h5py
import numpy as np
from hypothesis import strategies as st

from eventsim.recordings import Recordings

MARK = 240
"""Row of the N-MNIST event that adds 2^13 us."""


def streams(height, width, last, min_size=0):
    """Draw lists of events (time in us, x, y, polarity) in any order."""
    event = st.tuples(st.integers(0, last), st.integers(0, width - 1), st.integers(0, height - 1), st.integers(0, 1))
    return st.lists(event, min_size=min_size, max_size=40)


def recording(stream, shape, start=0):
    """Return the events from the microsecond `start` as they should be read: sorted by time, stably."""
    rows = sorted(stream, key=lambda event: event[0])
    time, x, y, polarity = ([row[k] for row in rows] for k in range(4))
    return Recordings((np.array(time, np.int64) - start) / 1000.0, x, y, polarity, shape=shape)


def nmnist(stream, marks=()):
    """Return an N-MNIST file; the clock steps by 2^13 us before the events `marks`, where the times behind allow it."""
    contents, stepped = b"", 0
    for number, (time, x, y, polarity) in enumerate(stream):
        if number in marks and min(event[0] for event in stream[number:]) - stepped >= 8192:
            contents += bytes((0, MARK, 0, 0, 0))
            stepped += 8192
        contents += bytes((x, y)) + (polarity << 23 | time - stepped).to_bytes(3, "big")
    return contents


def shd(path, samples, labels, classes, times="f4"):
    """Write samples, each a list of (time in s, unit), as a file of the Spiking Heidelberg Digits."""
    with h5py.File(path, "w") as file:
        for name, column, kind in (("spikes/times", 0, times), ("spikes/units", 1, "u2")):
            data = file.create_dataset(name, (len(samples),), h5py.vlen_dtype(np.dtype(kind)))
            for number, sample in enumerate(samples):
                data[number] = np.array([event[column] for event in sample], kind)
        file["labels"] = np.array(labels, "u2")
        file["extra/keys"] = np.array([name.encode() for name in classes])
        file["extra/speaker"] = np.zeros(len(samples), "u2")


AEDAT_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def aedat_packet(stream, overflow=0, kind=1, invalid=(), spare=0):
    """Return a packet of events whose times are below 2^31 us; `spare` places at its end are empty."""
    header = struct.pack("<hhiiiiii", kind, 1, 8, 4, overflow, len(stream) + spare, len(stream),
                         len(stream) - len(invalid))
    events = b"".join(
        struct.pack("<Ii", (number not in invalid) | polarity << 1 | y << 2 | x << 17, time)
        for number, (time, x, y, polarity) in enumerate(stream))
    return header + events + b"\xff" * (8 * spare)


def labels(gestures):
    """Return a file of gesture labels of rows (class, start in us, end in us)."""
    return "class,startTime_usec,endTime_usec\n" + "".join(f"{a},{b},{c}\n" for a, b, c in gestures)
