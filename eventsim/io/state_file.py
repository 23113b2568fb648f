"""A simulation between two pieces of its run, in HDF5.

Layout, version 2::

    /                     format, format_version, now, engine, seed, recorded, output, threads, n_samples, interrupted
    /network/             see `eventsim.io.network_file`
    /stimulus/<input>/    see `eventsim.io.trace_file`
    /recording/, /counts/ what is recorded, and counted so far; see `eventsim.io.trace_file`
    /ended, /labels       one entry a sample (labels only where there are some)
    /spikes/              sample, time, gid, slope, generation recorded so far, in the order of samples and time
    /samples/<number>/    attributes given (input spikes handed over), digest (of the arrays)
        ...               what the engine's sample exports, its random state included

What an engine exports is its own affair: arrays by name, from which it goes on bit for bit. That they come
back as they were is checked here.
"""

import hashlib
import json

import h5py
import numpy as np

from eventsim.choice import SAMPLES
from eventsim.errors import InputError
from eventsim.io import documents, hdf5, network_file, trace_file
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.run import Course, Run

FORMAT = "eventsim simulation"
FORMAT_VERSION = 2

_SPIKE_COLUMNS = ("time", "gid", "slope", "generation")


def write(path, run, now):
    """Write a run that stands at `now` ms.

    Raises
    ------
    InputError
        The file cannot be written, or the engine does not say what its samples hold.
    """
    if not hasattr(SAMPLES[run.engine], "export"):
        able = " or ".join(f'"{name}"' for name, sample in SAMPLES.items() if hasattr(sample, "export"))
        raise InputError(f'a simulation on engine "{run.engine}" cannot be saved; use engine={able}')
    with hdf5_aside(path) as file:
        file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, now=now, engine=run.engine,
                          reason=run.reason, seed=str(run.seed), output=json.dumps(run.output), threads=run.threads,
                          interrupted=run.interrupted, n_samples=run.n_samples)
        network_file.write(file.create_group("network"), run.net)
        stimulus = file.create_group("stimulus")
        for name, spikes in run.stimulus.items():
            trace_file.write_stimulus(stimulus.create_group(name), spikes)
        trace_file.write_recording(file, run.recording, run.recorder.counts)
        trace_file.write_column(file, "ended", run.ended)
        if run.labels is not None:
            trace_file.write_column(file, "labels", np.asarray(run.labels))
        _write_spikes(file.create_group("spikes"), run.recorder.store.pieces)
        samples = file.create_group("samples")
        for index, course in run.courses.items():
            _write_course(samples.create_group(str(index)), course)


def _write_spikes(group, pieces):
    every = [(index, piece) for index in sorted(pieces) for piece in pieces[index]]
    sample = np.repeat(np.array([index for index, _ in every], np.int64), [len(piece[0]) for _, piece in every])
    trace_file.write_column(group, "sample", sample)
    for number, name in enumerate(_SPIKE_COLUMNS):
        if every:
            trace_file.write_column(group, name, np.concatenate([piece[number] for _, piece in every]))


def _write_course(group, course):
    arrays = course.sample.export()
    for name, values in arrays.items():
        trace_file.write_column(group, name, np.asarray(values))
    group.attrs["given"], group.attrs["digest"] = course.given, _digest(arrays)


def _digest(arrays):
    """Return a hash of names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {values.dtype.str} {values.shape}".encode())
        total.update(values.tobytes())
    return total.hexdigest()


def read(path):
    """Return (run, now) of a file that `write` made.

    Raises
    ------
    InputError
        Missing, damaged or foreign file.
    """
    path = path_of(path)
    if not path.is_file():
        raise InputError(f'there is no simulation file "{path}"; check the path')
    try:
        with hdf5.open_file(path) as file:
            found = hdf5.plain(file.attrs, "format"), hdf5.plain(file.attrs, "format_version")
            if found != (FORMAT, FORMAT_VERSION):
                raise InputError(f"it is not a simulation of format version {FORMAT_VERSION}")
            return _read_run(file), float(file.attrs["now"])
    except InputError as error:
        raise InputError(f'"{path}" cannot be continued: {error}') from None
    except hdf5.DAMAGE as error:
        raise InputError(f'"{path}" is no simulation file, or damaged: {hdf5.one_line(error)}; take another copy'
                         ) from None


def _read_run(file):
    attributes = file.attrs
    n_samples = int(attributes["n_samples"])
    net = network_file.read(file["network"])
    stimulus = {name: trace_file.read_stimulus(group, n_samples) for name, group in file["stimulus"].items()}
    labels = trace_file.read_column(file, "labels") if "labels" in file else None
    recording, counts = trace_file.read_recording(file)
    run = Run(net, stimulus, hdf5.text(attributes, "engine"), threads=int(attributes["threads"]),
              seed=int(attributes["seed"]), record=recording or False, labels=labels,
              output=documents.from_json(attributes["output"]))
    run.reason = hdf5.text(attributes, "reason")
    run.interrupted = bool(attributes["interrupted"])
    run.ended[:] = trace_file.read_column(file, "ended")
    for name, values in run.recorder.counts.items():
        values[:] = counts[name]
    if "time" in file["spikes"]:
        run.recorder.store.pieces.update(_read_spikes(file["spikes"]))
    for index in file["samples"]:
        run.courses[int(index)] = _read_course(file["samples"][index], run, int(index))
    return run


def _read_spikes(group):
    sample = trace_file.read_column(group, "sample")
    columns = [trace_file.read_column(group, name) for name in _SPIKE_COLUMNS]
    held, first, count = np.unique(sample, return_index=True, return_counts=True)
    return {int(index): [tuple(column[start:start + size] for column in columns)]
            for index, start, size in zip(held, first, count, strict=True)}


def _read_course(group, run, index):
    arrays = {}
    group.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    if _digest(arrays) != group.attrs["digest"]:
        raise InputError(f"the state of sample {index} is not as it was written")
    sample, _ = run.new_course(index)
    sample.restore(arrays)
    return Course(sample, int(group.attrs["given"]))
