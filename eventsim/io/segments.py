"""Spikes of a long run on disk: finished segments while it lasts, one trace file at its end.

For a run to ``run.h5`` the folder ``run.h5.segments`` holds::

    run.h5            the trace without spikes: network, stimulus, parameters (see `eventsim.io.trace_file`)
    000001.h5 ...     segments; what a name in this form leads to is whole

and a segment::

    /                       format, format_version, run (the fingerprint of run.h5), number
    /samples, /reached      which samples went on in this segment, and up to what time, ms
    /spikes/<population>/   offset: sample k of the list has rows offset[k] to offset[k + 1] of
                            timestamps, node_ids, slope, generation; ordered by (time, neuron) in a sample
    /counts/<population>    (samples in the list, neurons): spikes so far, where they are counted

A segment is made in memory, written aside, brought to the disk and renamed. The folder goes once the trace
file is in its place; the description goes first, so that a folder without one holds nothing.
"""

import contextlib
import hashlib
import io
import re
import time

import h5py
import numpy as np

from eventsim.errors import InputError
from eventsim.io import hdf5, trace_file
from eventsim.io.aside import check_target, written_aside
from eventsim.io.plain_file import path_of
from eventsim.recording import tables_of
from eventsim.spike_table import Deferred, SpikeTable, joined

FORMAT = "eventsim segment"
FORMAT_VERSION = 1

ROWS = 2**20
"""Spikes that are kept in memory before they are written."""

SECONDS = 10.0
"""How long they are kept at most; longer in a run of hours, which else would fill the folder with names."""

_DESCRIPTION = "run.h5"
_NAME = re.compile(r"[0-9]{6,}\.h5")
_COLUMNS = ("timestamps", "node_ids", "slope", "generation")


def folder_of(path):
    """Return the folder of the segments of a trace file."""
    path = path_of(path)
    if not path.name:
        raise InputError(f'"{path}" names no file; give the name of a trace file')
    return path.with_name(path.name + ".segments")


class Writer:
    """Takes pieces of spikes as `eventsim.recording.Memory` does; writes segments where the run is long.

    As a context it keeps what was finished where the run fails, and says where it is.

    Parameters
    ----------
    path : str or path-like
        The trace file to be.
    lowered : Lowered
    names : tuple of str
        Populations with spikes to keep.
    description : callable
        Returns the trace without spikes.

    Raises
    ------
    InputError
        The file cannot be written there, or an unfinished run lies there.
    """

    def __init__(self, path, lowered, names, description):
        self.path = path_of(path)
        self._folder = folder_of(self.path)
        self._lowered, self._names, self._description = lowered, names, description
        self._pieces, self._reached, self._rows, self._counts = {}, {}, 0, {}
        self._written, self._run = 0, None
        self._begun = self._flushed = time.monotonic()
        check_target(self.path)
        if self._folder.is_dir():
            if (self._folder / _DESCRIPTION).exists() and _numbered(self._folder):
                raise InputError(
                    f'"{self._folder}" holds an unfinished run to this file; read it with Trace.load and save it, '
                    "or remove that folder")
            _remove(self._folder)

    def add(self, index, piece, reached, counts):
        """Keep the next piece of a sample, which has reached `reached` ms; write a segment where it is time."""
        if len(piece[0]):
            self._pieces.setdefault(index, []).append(piece)
            self._rows += len(piece[0])
        self._reached[index], self._counts = reached, counts
        now = time.monotonic()
        if self._rows >= ROWS or now - self._flushed >= max(SECONDS, 0.01 * (now - self._begun)):
            self._flush()
            self._flushed = now

    def tables(self, lowered, names):
        """Return the spikes of each population: tables while nothing was written, else what reads the segments."""
        if self._written == 0:
            return tables_of(self._pieces, lowered, names)
        self._flush()
        return _tables(_Folder(self._folder, self._run), names)

    def finished(self, trace):
        """Write the whole run to the trace file, remove the segments, and return the trace."""
        trace_file.write(self.path, trace)
        if self._written == 0:
            return trace
        tables = trace_file.deferred(self.path, self._names)
        counts = {name: trace.counts(name) for name, record in trace.recording.items() if record.counts}
        with contextlib.suppress(InputError):  # a rest without description is removed by the next run
            _remove(self._folder)
        return trace.with_spikes(tables, counts, trace.ended, trace.interrupted)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        """Say where the finished part of a failed run is."""
        if not isinstance(error, Exception):
            return
        if self._written == 0:
            if self._run is not None:
                _remove(self._folder)
            return
        kept = f'what was finished is in "{self._folder}", for Trace.load'
        if isinstance(error, InputError):
            raise InputError(f"{error}; {kept}") from None
        error.add_note(kept)

    def _flush(self):
        """Write what is in memory as the next segment."""
        if not self._reached:
            return
        if self._run is None:
            self._begin()
        number = self._written + 1
        tables = tables_of(self._pieces, self._lowered, self._names)
        image = _image(self._run, number, self._reached, tables, self._counts)
        with written_aside(self._folder / f"{number:06d}.h5") as aside:
            aside.write_bytes(image)
        self._written = number
        self._pieces, self._reached, self._rows = {}, {}, 0

    def _begin(self):
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f'"{self._folder}" cannot be made: {error.strerror}; choose another folder') from None
        description = self._folder / _DESCRIPTION
        trace_file.write(description, self._description(), link_folder=self.path.parent)
        self._run = _digest(description)


def recover(path, lazy=False):
    """Return the trace of the finished segments of a run, which says that it was interrupted.

    Parameters
    ----------
    path : str or path-like
        A folder that `Writer` left.
    lazy : bool, optional
        Leave the spikes in the segments until they are asked for.

    Returns
    -------
    Trace

    Raises
    ------
    InputError
        The folder holds no run, or one of its files is damaged or missing.
    """
    path = path_of(path)
    description = path / _DESCRIPTION
    if not description.is_file():
        raise InputError(f'"{path}" is a folder without an unfinished run; give a trace file, or a folder of segments')
    empty = trace_file.read(description)
    folder = _Folder(path, _digest(description))
    ended = np.zeros(empty.n_samples)
    counts = {name: np.zeros_like(empty.counts(name)) for name, record in empty.recording.items() if record.counts}
    for segment in folder.segments:
        folder.collect(segment, ended, counts)
    names = [name for name, record in empty.recording.items() if record.keeps_spikes]
    tables = _tables(folder, names)
    if not lazy:
        tables = {name: joined(table.blocks()) for name, table in tables.items()}
    try:
        return empty.with_spikes(tables, counts, ended, interrupted=True)
    except InputError as error:
        raise InputError(f'"{path}" is damaged: {error}; take another copy') from None


class _Folder:
    """The finished segments of a folder, opened one at a time."""

    def __init__(self, path, run):
        self.path, self._run = path, run
        self.segments = sorted(_numbered(path))
        missing = set(range(1, len(self.segments) + 1)) - set(self.segments)
        if missing:
            raise InputError(f'"{path}" lacks segment {min(missing):06d}.h5; put it back, or take another copy')

    def read(self, number, what):
        """Return ``what(file)`` of one segment."""
        path = self.path / f"{number:06d}.h5"
        try:
            with hdf5.open_file(path) as file:
                found = hdf5.plain(file.attrs, "format"), hdf5.plain(file.attrs, "format_version")
                if found != (FORMAT, FORMAT_VERSION):
                    raise InputError(f"it is no segment of format version {FORMAT_VERSION}")
                if (hdf5.plain(file.attrs, "run"), hdf5.plain(file.attrs, "number")) != (self._run, number):
                    raise InputError("it belongs to another run")
                return what(file)
        except FileNotFoundError:
            raise InputError(f'"{path}" is gone; put it back') from None
        except hdf5.DAMAGE as error:
            raise InputError(f'"{path}" is damaged: {hdf5.one_line(error)}; take another copy') from None

    def collect(self, number, ended, counts):
        """Write to `ended` and `counts` how far the samples of one segment came."""
        def what(file):
            samples = _samples(file)
            if len(samples) and not samples[-1] < len(ended):
                raise InputError(f"it has sample {samples[-1]} of {len(ended)}")
            ended[samples] = trace_file.read_column(file, "reached")
            for name, array in counts.items():
                array[samples] = trace_file.read_column(file["counts"], name)

        self.read(number, what)

    def rows(self, number, name):
        """Return the samples of a segment and where their rows begin and end, for one population."""
        def what(file):
            return _samples(file), trace_file.read_column(file["spikes"][name], "offset")

        return self.read(number, what)

    def table(self, number, name, first, last):
        """Return rows first to last - 1 of one population as a `SpikeTable`."""
        def what(file):
            samples, group = _samples(file), file["spikes"][name]
            offset = trace_file.read_column(group, "offset")
            edges = np.clip(offset, first, last)
            time, neuron, slope, generation = (
                trace_file.read_column(group, column, slice(first, last)) for column in _COLUMNS)
            return SpikeTable(time, neuron.astype(np.int32), np.repeat(samples, np.diff(edges)), slope, generation)

        return self.read(number, what)


def _tables(folder, names):
    return {name: _deferred(folder, name) for name in names}


def _deferred(folder, name):
    """Return the spikes of a population in all segments, in the order of (sample, time, neuron)."""
    samples, numbers, firsts, lasts = [], [], [], []
    for number in folder.segments:
        here, offset = folder.rows(number, name)
        held = np.flatnonzero(np.diff(offset))
        samples.append(here[held])
        numbers.append(np.full(len(held), number))
        firsts.append(offset[held])
        lasts.append(offset[held + 1])
    if not folder.segments:
        return Deferred(0, lambda: iter(()))
    sample, number, first, last = (np.concatenate(column) for column in (samples, numbers, firsts, lasts))
    order = np.lexsort((number, sample))
    number, first, last = number[order], first[order], last[order]
    # Rows that follow each other in one file are read at once: a segment may hold thousands of samples.
    starts = np.flatnonzero(np.append(True, (number[1:] != number[:-1]) | (first[1:] != last[:-1])))
    ends = np.append(starts[1:], len(number)) - 1

    def blocks():
        for start, end in zip(starts, ends, strict=True) if len(number) else ():
            for row in range(first[start], last[end], trace_file.BLOCK):
                yield folder.table(int(number[start]), name, row, min(row + trace_file.BLOCK, int(last[end])))

    return Deferred(int((last - first).sum()), blocks)


def _image(run, number, reached, tables, counts):
    """Return a segment as the bytes of an HDF5 file.

    Made in memory, because the HDF5 library does not survive a full disk in order; plain bytes do.
    """
    samples = np.array(sorted(reached), np.int32)
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, run=run, number=number)
        trace_file.write_column(file, "samples", samples, compressed=False)
        trace_file.write_column(file, "reached", np.array([reached[index] for index in samples.tolist()]), False)
        for name, table in tables.items():
            group = file.create_group(f"spikes/{name}")
            offset = np.append(np.searchsorted(table.sample, samples), len(table.sample)).astype(np.int64)
            trace_file.write_column(group, "offset", offset, compressed=False)
            columns = table.time, table.neuron, table.slope, table.generation
            for column, values in zip(_COLUMNS, columns, strict=True):
                trace_file.write_column(group, column, values, compressed=False)
        for name, array in counts.items():
            trace_file.write_column(file.require_group("counts"), name, array[samples])
    hdf5.seal(memory)
    return memory.getvalue()


def _samples(file):
    samples = trace_file.read_column(file, "samples")
    if (np.diff(samples) <= 0).any() or samples.min(initial=0) < 0:
        raise InputError("its samples do not ascend")
    return samples


def _numbered(folder):
    """Return the numbers of the finished segments in a folder."""
    return [int(entry.name[:-3]) for entry in folder.iterdir() if _NAME.fullmatch(entry.name)]


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _remove(folder):
    """Remove a folder of segments and only what belongs there; the description first."""
    (folder / _DESCRIPTION).unlink(missing_ok=True)
    try:
        for entry in list(folder.iterdir()):
            if _NAME.fullmatch(entry.name) or (entry.name.startswith(".") and entry.name.endswith(".part")):
                entry.unlink()
        folder.rmdir()
    except OSError as error:
        raise InputError(f'"{folder}" is in the way and cannot be removed: {error.strerror}; remove it') from None
