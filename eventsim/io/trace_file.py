"""Traces in HDF5, with the spikes where SONATA readers look for them.

Layout, version 1::

    /                         magic, version (SONATA); format, format_version, t_stop, n_samples, engine, ...
    /spikes/<population>/     attribute sorting; node_ids, timestamps (attribute units: "ms"): SONATA
                              sample, slope, generation: ours, one entry a spike
    /stimulus/<input>/        timestamps, node_ids, sample, amplitude, given; attribute n_given
    /network/                 the whole network, see `eventsim.io.network_file`
    /ended, /labels           one entry a sample (labels only where there are some)
    /provenance               JSON text, see `eventsim.provenance`

What SONATA readers read is not compressed, because some cannot inflate (the wheel of libsonata 0.2.2);
every column carries checksums. Times start anew at 0 in every sample, so that a trace of several
samples is "sorted by time" only within a sample and says so (`sorting` is "none" then).

Reference: SONATA developer guide, section on spike files (Dai et al. 2020,
https://doi.org/10.1371/journal.pcbi.1007696).
"""

import json
import pathlib

import h5py
import numpy as np

from eventsim import provenance
from eventsim.errors import InputError
from eventsim.io import network_file
from eventsim.io.aside import written_aside
from eventsim.spikes import Spikes
from eventsim.trace import SpikeTable, Trace

FORMAT = "eventsim trace"
FORMAT_VERSION = 1

_SONATA_MAGIC = 0x0A7A
_SONATA_VERSION = (0, 1)
_SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="i")
_CHUNK = 65536  # entries
_LARGEST_RATIO = 1100  # deflate compresses at most 1032 to 1
DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What a damaged file can make h5py, numpy or our own checks raise."""


def write(path, trace):
    """Write `trace` to an HDF5 file, aside first, then renamed.

    Parameters
    ----------
    path : str or path-like
        The file; an existing one is replaced.
    trace : Trace
        What to write.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    with written_aside(path) as aside, h5py.File(aside, "w") as file:
        _write_run(file, trace)
        sorting = "by_time" if trace.n_samples == 1 else "none"
        spikes = file.create_group("spikes")
        for name in trace.populations:
            if trace.network.populations[name].kind != "input":
                _write_table(spikes.create_group(name), trace.arrays(name), sorting)
        stimulus = file.create_group("stimulus")
        for name, given in trace.stimulus.items():
            write_stimulus(stimulus.create_group(name), given)
        network_file.write(file.create_group("network"), trace.unchanged_network())


def read(path):
    """Read a trace from an HDF5 file.

    Parameters
    ----------
    path : str or path-like
        A file that `write` made.

    Returns
    -------
    Trace
        As it was saved.

    Raises
    ------
    InputError
        Missing, truncated, damaged or foreign file, or one of a later version.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f'there is no trace file "{path}"; check the path')
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise InputError(
            f'"{path}" is not an HDF5 file, or it is cut short; give a file that Trace.save wrote'
        ) from None
    with file:
        try:
            problem = _foreign(file)
            if problem is None:
                return _read_trace(file)
        except DAMAGE as error:
            reason = " ".join(str(error).strip("\"'").split())
            raise InputError(f'"{path}" is damaged: {reason}; simulate again or take another copy') from None
    raise InputError(f'"{path}" is {problem}')


def _foreign(file):
    """Return what is wrong with the kind of file, or None."""
    kind = file.attrs.get("format")
    if kind != FORMAT:
        ours = isinstance(kind, str) and kind.startswith("eventsim ") and kind.isprintable()
        found = f"a file of {kind}" if ours else "an HDF5 file of another program"
        return f"{found}, not a trace; give a file that Trace.save wrote"
    version = file.attrs.get("format_version")
    if version != FORMAT_VERSION:
        return f"a trace of format version {version}; this eventsim reads version {FORMAT_VERSION}"
    return None


def _write_run(file, trace):
    attributes = file.attrs
    attributes["magic"] = np.uint32(_SONATA_MAGIC)
    attributes["version"] = np.array(_SONATA_VERSION, np.uint32)
    attributes["format"] = FORMAT
    attributes["format_version"] = FORMAT_VERSION
    attributes["t_stop"] = trace.t_stop
    attributes["n_samples"] = trace.n_samples
    attributes["interrupted"] = trace.interrupted
    attributes["fingerprint"] = trace.fingerprint
    for name in ("engine", "reason", "precision"):
        attributes[name] = str(getattr(trace, name))
    attributes["seed"] = json.dumps(None if trace.seed is None else int(trace.seed))  # may exceed 64 bits
    attributes["recorded"] = json.dumps(list(trace.recorded))
    attributes["output"] = json.dumps(trace.named_output)
    write_column(file, "ended", trace.ended)
    if trace.labels is not None:
        write_column(file, "labels", trace.labels)
    parameters = {"t_stop": trace.t_stop, "engine": trace.engine, "precision": trace.precision}
    origin = trace.provenance or provenance.record("simulate", parameters, seed=trace.seed)
    file["provenance"] = provenance.to_json(origin)


def write_column(group, name, array, compressed=True):
    """Write a column with checksums; return its data set."""
    filters = {}
    if len(array):
        filters = {"chunks": (min(len(array), _CHUNK),), "fletcher32": True}
        if compressed:
            filters |= {"shuffle": True, "compression": 4}
    return group.create_dataset(name, data=array, **filters)


def _write_times(group, time, neuron, sample, compressed=True):
    write_column(group, "timestamps", time, compressed).attrs["units"] = "ms"
    write_column(group, "node_ids", neuron.astype(np.uint32), compressed)
    write_column(group, "sample", sample)


def _write_table(group, table, sorting):
    code = h5py.check_enum_dtype(_SORTING)[sorting]
    group.attrs.create("sorting", code, dtype=_SORTING)
    _write_times(group, table.time, table.neuron, table.sample, compressed=False)
    write_column(group, "slope", table.slope).attrs["units"] = "1/ms"
    write_column(group, "generation", table.generation)


def write_stimulus(group, spikes):
    """Write the `Spikes` of an input into an empty group."""
    _write_times(group, spikes.time, spikes.neuron, spikes.sample)
    write_column(group, "amplitude", spikes.amplitude)
    write_column(group, "given", spikes.given)
    group.attrs["n_given"] = spikes.n_given


def _read_trace(file):
    attributes = file.attrs
    n_samples, ended = int(attributes["n_samples"]), read_column(file, "ended")
    if len(ended) != n_samples:
        raise InputError(f"it has the ends of {len(ended)} samples, not of {n_samples}")
    network = network_file.read(file["network"])
    if network.fingerprint() != attributes["fingerprint"]:
        raise InputError("the network inside is not the one that was run (fingerprints differ)")
    return Trace(
        network,
        {name: read_stimulus(group, n_samples) for name, group in file["stimulus"].items()},
        {name: _read_table(group) for name, group in file["spikes"].items()},
        float(attributes["t_stop"]),
        n_samples,
        engine=attributes["engine"],
        reason=attributes["reason"],
        precision=attributes["precision"],
        seed=json.loads(attributes["seed"]),
        recorded=tuple(json.loads(attributes["recorded"])),
        labels=read_column(file, "labels") if "labels" in file else None,
        interrupted=bool(attributes["interrupted"]),
        provenance=json.loads(file["provenance"][()]),
        output=json.loads(attributes["output"]),
        ended=ended,
    )


def read_column(group, name):
    """Return a column, after checking that the file can hold as many entries as the column claims."""
    column = group[name]
    if column.nbytes > _LARGEST_RATIO * column.id.get_storage_size():
        raise InputError(f"{column.name} claims {column.size} entries, more than the file can hold")
    return column[()]


def _read_table(group):
    return SpikeTable(
        read_column(group, "timestamps"),
        _read_ids(group),
        *(read_column(group, name) for name in ("sample", "slope", "generation")),
    )


def _read_ids(group):
    ids = read_column(group, "node_ids")
    if len(ids) and ids.max() > np.iinfo(np.int32).max:
        raise InputError(f"node id {ids.max()} is too large")
    return ids.astype(np.int32)


def read_stimulus(group, n_samples):
    """Return the `Spikes` that `write_stimulus` wrote."""
    columns = [read_column(group, name) for name in ("timestamps", "sample", "amplitude", "given")]
    time, sample, amplitude, given = columns
    spikes = Spikes(time, _read_ids(group), sample, amplitude, n_samples=n_samples)
    if not len(time) == len(given) == len(spikes):
        raise InputError("the columns of the stimulus differ in length")
    # The rows are in the order of Spikes already; only their places in the user's own arrays are restored.
    spikes._given, spikes.n_given = given.astype(np.int64), int(group.attrs["n_given"])
    return spikes
