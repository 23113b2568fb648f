"""Traces in HDF5, with the spikes where SONATA readers look for them.

Layout, version 2 (version 1 has no /recording and no /counts, and is read too)::

    /                         magic, version (SONATA); format, format_version, t_stop, n_samples, engine, ...
    /spikes/<population>/     attribute sorting; node_ids, timestamps (attribute units: "ms"): SONATA
                              sample, slope, generation: ours, one entry a spike
    /recording/<population>/  what was asked for: attributes start, stop, counts; neurons where not all
    /counts/<population>      (samples, neurons), where spikes were counted
    /stimulus/<input>/        timestamps, node_ids, sample, amplitude, given; attribute n_given
    /network/                 the whole network, or where it is, see `eventsim.io.network_link`
    /ended, /labels           one entry a sample (labels only where there are some)
    /provenance               JSON text, see `eventsim.provenance`

What SONATA readers read is not compressed, because some cannot inflate (the wheel of libsonata 0.2.2);
every column carries checksums. Times start anew at 0 in every sample, so that a trace of several
samples is "sorted by time" only within a sample and says so (`sorting` is "none" then).

Reference: SONATA developer guide, section on spike files (Dai et al. 2020,
https://doi.org/10.1371/journal.pcbi.1007696).
"""

import json

import h5py
import numpy as np

from eventsim import provenance
from eventsim.errors import InputError, choose
from eventsim.io import documents, hdf5, network_link
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.recording import Record
from eventsim.spike_table import Deferred, SpikeTable
from eventsim.spikes import Spikes
from eventsim.trace import Trace

FORMAT = "eventsim trace"
FORMAT_VERSION = 2

BLOCK = 2**20
"""Spikes in memory at once while a file is read or written block by block."""

SONATA_MAGIC = 0x0A7A
SONATA_VERSION = (0, 1)
SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="i")
_READABLE = (1, FORMAT_VERSION)
_CHUNK = 65536  # entries


def write(path, trace, link_folder=None):
    """Write `trace` to an HDF5 file, aside first, then renamed.

    Spikes are written block by block, so that a trace that was not read into memory need not be.

    Parameters
    ----------
    path : str or path-like
        The file; an existing one is replaced.
    trace : Trace
        What to write.
    link_folder : path-like, optional
        Where a large network goes into a file of its own; default: the folder of `path`.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    path = path_of(path)
    network = trace.unchanged_network()
    with hdf5_aside(path) as file:
        _write_run(file, trace)
        sorting = "by_time" if trace.n_samples == 1 else "none"
        spikes = file.create_group("spikes")
        for name in trace.populations:
            if trace.network.populations[name].kind != "input":
                _write_table(spikes.create_group(name), trace.number_of_spikes(name), trace.blocks(name), sorting)
        counted = {name: trace.counts(name) for name, record in trace.recording.items() if record.counts}
        write_recording(file, trace.recording, counted)
        stimulus = file.create_group("stimulus")
        for name, given in trace.stimulus.items():
            write_stimulus(stimulus.create_group(name), given)
        network_link.write(file.create_group("network"), network, path.parent,
                           path.parent if link_folder is None else link_folder)


def read(path, lazy=False):
    """Read a trace from an HDF5 file.

    Parameters
    ----------
    path : str or path-like
        A file that `write` made.
    lazy : bool, optional
        Leave the spikes in the file until they are asked for; the file is then not compared with its seal, which
        would read all of it (`eventsim.io.hdf5`).

    Returns
    -------
    Trace
        As it was saved.

    Raises
    ------
    InputError
        Missing, truncated, damaged or foreign file, or one of a later version.
    """
    path = path_of(path)
    if not path.is_file():
        segments = path.with_name(path.name + ".segments")
        hint = f'what a run did not finish is in "{segments}"' if segments.is_dir() else "check the path"
        raise InputError(f'there is no trace file "{path}"; {hint}')
    try:
        file = hdf5.open_file(path, sealed=not lazy)
    except OSError:
        raise InputError(
            f'"{path}" is not an HDF5 file, or it is cut short; give a file that Trace.save wrote'
        ) from None
    except InputError as error:
        raise _damaged(path, error) from None
    with file:
        try:
            problem = _foreign(file)
            if problem is None:
                return _read_trace(file, path, lazy)
        except network_link.NotThere as error:
            raise InputError(f'"{path}" cannot be read: {error}') from None
        except hdf5.DAMAGE as error:
            raise _damaged(path, error) from None
    raise InputError(f'"{path}" is {problem}')


def _damaged(path, error):
    return InputError(f'"{path}" is damaged: {hdf5.one_line(error)}; simulate again or take another copy')


def deferred(path, names):
    """Return the spikes of populations in a trace file, a `Deferred` each.

    Parameters
    ----------
    path : path-like
    names : iterable of str

    Returns
    -------
    dict of str to Deferred
        Their blocks raise `InputError` where the file has gone or is damaged.
    """
    with hdf5.open_file(path, sealed=False) as file:
        return {name: _deferred(path, name, file["spikes"][name]) for name in names}


def _deferred(path, name, group):
    def blocks():
        try:
            with hdf5.open_file(path, sealed=False) as file:
                group = file["spikes"][name]
                for first in range(0, len(group["timestamps"]), BLOCK):
                    yield _read_table(group, slice(first, first + BLOCK))
        except FileNotFoundError:
            raise InputError(f'the spikes of "{name}" are in "{path}", which is gone; put it back') from None
        except hdf5.DAMAGE as error:
            raise _damaged(path, error) from None

    return Deferred(len(group["timestamps"]), blocks)


def _foreign(file):
    """Return what is wrong with the kind of file, or None."""
    kind = hdf5.plain(file.attrs, "format")
    if kind != FORMAT:
        ours = isinstance(kind, str) and kind.startswith("eventsim ") and kind.isprintable()
        found = f"a file of {kind}" if ours else "an HDF5 file of another program"
        return f"{found}, not a trace; give a file that Trace.save wrote"
    version = hdf5.plain(file.attrs, "format_version")
    if version not in _READABLE:
        return f"a trace of format version {version}; this eventsim reads versions {_READABLE[0]} to {_READABLE[-1]}"
    return None


def _write_run(file, trace):
    attributes = file.attrs
    attributes["magic"] = np.uint32(SONATA_MAGIC)
    attributes["version"] = np.array(SONATA_VERSION, np.uint32)
    attributes["format"] = FORMAT
    attributes["format_version"] = FORMAT_VERSION
    attributes["t_stop"] = trace.t_stop
    attributes["n_samples"] = trace.n_samples
    attributes["interrupted"] = trace.interrupted
    attributes["fingerprint"] = trace.fingerprint
    for name in ("engine", "reason", "precision"):
        attributes[name] = str(getattr(trace, name))
    attributes["seed"] = json.dumps(None if trace.seed is None else int(trace.seed))  # may exceed 64 bits
    attributes["output"] = json.dumps(trace.named_output)
    write_column(file, "ended", trace.ended)
    if trace.labels is not None:
        write_column(file, "labels", trace.labels)
    parameters = {"t_stop": trace.t_stop, "engine": trace.engine, "precision": trace.precision}
    origin = trace.provenance or provenance.record("simulate", parameters, seed=trace.seed)
    file["provenance"] = provenance.to_json(origin)


def write_recording(file, recording, counts):
    """Write what was recorded, a dict of `Record` by population, and what was counted."""
    file.attrs["recorded"] = json.dumps(list(recording))
    for name, record in recording.items():
        group = file.create_group(f"recording/{name}")
        group.attrs.update(start=record.start, stop=record.stop, counts=record.counts)
        if record.neurons is not None:
            write_column(group, "neurons", record.neurons)
        if record.counts:
            write_column(file.require_group("counts"), name, counts[name])


def read_recording(file):
    """Return what `write_recording` wrote: records in the order in which they were asked for, and counts."""
    names = documents.from_json(file.attrs["recorded"])
    if "recording" not in file:
        return dict.fromkeys(names, Record()), {}
    recording = {}
    for name in names:
        group = file["recording"][name]
        neurons = read_column(group, "neurons") if "neurons" in group else None
        recording[name] = Record(neurons, float(group.attrs["start"]), float(group.attrs["stop"]),
                                 bool(group.attrs["counts"]))
    return recording, {name: read_column(file["counts"], name) for name in file.get("counts", ())}


def write_column(group, name, array, compressed=True):
    """Write an array with checksums; return its data set."""
    return group.create_dataset(name, data=array, **_filters(array, compressed))


def _filters(array, compressed):
    """Return the settings of a data set of this shape; checksums need chunks, and those need entries."""
    if not array.ndim or not array.size:
        return {}
    rows = max(_CHUNK // (array.size // len(array)), 1)
    filters = {"chunks": (min(len(array), rows), *array.shape[1:]), "fletcher32": True}
    return filters | {"shuffle": True, "compression": 4} if compressed else filters


def _write_times(group, time, neuron, sample):
    write_column(group, "timestamps", time).attrs["units"] = "ms"
    write_column(group, "node_ids", neuron.astype(np.uint32))
    write_column(group, "sample", sample)


_TABLE = {"timestamps": (np.float64, False), "node_ids": (np.uint32, False), "sample": (np.int32, True),
          "slope": (np.float64, True), "generation": (np.int32, True)}
"""Number type of the data sets of a table, in the order of `SpikeTable`, and whether they are compressed."""


def _write_table(group, count, blocks, sorting):
    code = h5py.check_enum_dtype(SORTING)[sorting]
    group.attrs.create("sorting", code, dtype=SORTING)
    columns = []
    for name, (dtype, compressed) in _TABLE.items():
        filters = _filters(np.broadcast_to(np.zeros(1, dtype), count), compressed)
        columns.append(group.create_dataset(name, (count,), dtype, **filters))
    group["timestamps"].attrs["units"] = "ms"
    group["slope"].attrs["units"] = "1/ms"
    first = 0
    for block in blocks:
        last = first + len(block.time)
        for column, values in zip(columns, block, strict=True):
            column[first:last] = values
        first = last
    if first != count:
        raise InputError(f"{group.name} has {first} spikes, not the {count} announced")


def write_stimulus(group, spikes):
    """Write the `Spikes` of an input into an empty group."""
    _write_times(group, spikes.time, spikes.neuron, spikes.sample)
    write_column(group, "amplitude", spikes.amplitude)
    write_column(group, "given", spikes.given)
    group.attrs["n_given"] = spikes.n_given


def _read_trace(file, path, lazy):
    attributes = file.attrs
    n_samples, ended = int(attributes["n_samples"]), read_column(file, "ended")
    if len(ended) != n_samples:
        raise InputError(f"it has the ends of {len(ended)} samples, not of {n_samples}")
    network = network_link.read(file["network"], path.parent)
    if network.fingerprint() != attributes["fingerprint"]:
        raise InputError("the network inside is not the one that was run (fingerprints differ)")
    recording, counts = read_recording(file)
    return Trace(
        network,
        {name: read_stimulus(group, n_samples) for name, group in file["stimulus"].items()},
        {name: _deferred(path, name, group) if lazy else _read_table(group) for name, group in file["spikes"].items()},
        float(attributes["t_stop"]),
        n_samples,
        engine=hdf5.text(attributes, "engine"),
        reason=hdf5.text(attributes, "reason"),
        precision=choose("precision", hdf5.text(attributes, "precision"), ("double", "single")),
        seed=documents.from_json(attributes["seed"]),
        recorded=recording,
        labels=read_column(file, "labels") if "labels" in file else None,
        interrupted=bool(attributes["interrupted"]),
        provenance=documents.from_json(file["provenance"][()]),
        output=documents.from_json(attributes["output"]),
        ended=ended,
        counts=counts,
    )


def read_column(group, name, rows=()):
    """Return a column of numbers, or some of its rows, from a file that `hdf5.open_file` opened."""
    column = group[name]
    if not isinstance(column, h5py.Dataset):
        raise InputError(f"it has a group {name}, where numbers are needed")
    if column.dtype.kind not in "biuf":
        raise InputError(f"it has {name} of type {column.dtype}, where numbers are needed")
    return column[rows]


def _read_table(group, rows=()):
    return SpikeTable(
        read_column(group, "timestamps", rows),
        _read_ids(group, rows),
        *(read_column(group, name, rows) for name in ("sample", "slope", "generation")),
    )


def _read_ids(group, rows=()):
    ids = read_column(group, "node_ids", rows)
    if len(ids) and ids.max() > np.iinfo(np.int32).max:
        raise InputError(f"node id {ids.max()} is too large")
    return ids.astype(np.int32)


def read_stimulus(group, n_samples):
    """Return the `Spikes` that `write_stimulus` wrote."""
    columns = [read_column(group, name) for name in ("timestamps", "sample", "amplitude", "given")]
    time, sample, amplitude, given = columns
    spikes = Spikes(time, _read_ids(group), sample, amplitude, n_samples=n_samples)
    n_given = int(group.attrs["n_given"])
    if not len(time) == len(given) == len(spikes):
        raise InputError("the columns of the stimulus differ in length")
    if given.dtype.kind not in "iu" or (len(given) and not 0 <= given.min() <= given.max() < n_given):
        raise InputError(f"a spike of the stimulus is said to have been none of the {n_given} that were given")
    # The rows are in the order of Spikes already; only their places in the user's own arrays are restored.
    spikes._given, spikes.n_given = given.astype(np.int64), n_given
    return spikes
