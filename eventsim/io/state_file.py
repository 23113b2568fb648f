"""A simulation between two pieces of its run, in HDF5.

Layout, version 1::

    /                     format, format_version, now, seed, recorded, output, threads, n_samples
    /network/             see `eventsim.io.network_file`
    /stimulus/<input>/    see `eventsim.io.trace_file`
    /labels               where there are some
    /samples/<number>/    one data set a field of `eventsim.engines.heap_state.State`, filled part only
        flight/, record/  spikes under way, spikes not yet handed over
        noise/<name>/     drawn, upcoming of a Poisson input
        spikes/           time, gid, slope, generation recorded so far
"""

import json
import pathlib

import h5py
import numpy as np

from eventsim.engines import heap_state
from eventsim.errors import InputError
from eventsim.io import network_file, trace_file
from eventsim.io.aside import written_aside

FORMAT = "eventsim simulation"
FORMAT_VERSION = 1

_SPIKE_COLUMNS = ("time", "gid", "slope", "generation")


def write(path, run, now):
    """Write a run that stands at `now` ms.

    Raises
    ------
    InputError
        The file cannot be written, or the engine is not "heap".
    """
    if run.engine != "heap":
        raise InputError(f'a simulation on engine "{run.engine}" cannot be saved; use engine="heap"')
    with written_aside(path) as aside, h5py.File(aside, "w") as file:
        file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, now=now, seed=str(run.seed),
                          recorded=json.dumps(run.recorded), output=json.dumps(run.output), threads=run.threads,
                          interrupted=run.interrupted)
        network_file.write(file.create_group("network"), run.net)
        stimulus = file.create_group("stimulus")
        for name, spikes in run.stimulus.items():
            trace_file.write_stimulus(stimulus.create_group(name), spikes)
        file.attrs["n_samples"] = run.n_samples
        trace_file.write_column(file, "ended", run.ended)
        if run.labels is not None:
            trace_file.write_column(file, "labels", np.asarray(run.labels))
        samples = file.create_group("samples")
        for index in range(run.n_samples):
            _write_sample(samples.create_group(str(index)), run, index)


def _write_sample(group, run, index):
    for number, piece in enumerate(run.pieces[index]):
        part = group.create_group(f"spikes/{number}")
        for name, column in zip(_SPIKE_COLUMNS, piece, strict=True):
            trace_file.write_column(part, name, column)
    if index not in run.samples:
        return
    sample, taken = run.samples[index]
    group.attrs["taken"] = taken
    state = sample.state
    for name in heap_state.State._fields:
        value = getattr(state, name)
        if isinstance(value, np.ndarray):
            trace_file.write_column(group, name, value)
        else:
            size = int(state.counters[heap_state.COUNTER_OF[name]])
            for field, column in zip(value._fields, value, strict=True):
                trace_file.write_column(group, f"{name}/{field}", column[:size])
    for name, source in run.noise[index]:
        trace_file.write_column(group, f"noise/{name}/drawn", source.drawn)
        trace_file.write_column(group, f"noise/{name}/upcoming", source.upcoming)


def read(path, run_type):
    """Return (run, now) of a file that `write` made; `run_type` makes the run from its arguments.

    Raises
    ------
    InputError
        Missing, damaged or foreign file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f'there is no simulation file "{path}"; check the path')
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT or file.attrs.get("format_version") != FORMAT_VERSION:
                raise InputError(f"it is not a simulation of format version {FORMAT_VERSION}")
            return _read_run(file, run_type), float(file.attrs["now"])
    except InputError as error:
        raise InputError(f'"{path}" cannot be continued: {error}') from None
    except trace_file.DAMAGE as error:
        reason = " ".join(str(error).strip("\"'").split())
        raise InputError(f'"{path}" is no simulation file, or damaged: {reason}; take another copy') from None


def _read_run(file, run_type):
    attributes = file.attrs
    n_samples = int(attributes["n_samples"])
    net = network_file.read(file["network"])
    stimulus = {name: trace_file.read_stimulus(group, n_samples) for name, group in file["stimulus"].items()}
    labels = trace_file.read_column(file, "labels") if "labels" in file else None
    run = run_type(net, stimulus, "heap", "double", int(attributes["threads"]), int(attributes["seed"]),
                   json.loads(attributes["recorded"]), None, labels, json.loads(attributes["output"]))
    run.reason = "continuable run"
    run.interrupted = bool(attributes["interrupted"])
    run.ended[:] = trace_file.read_column(file, "ended")
    for index in range(n_samples):
        _read_sample(file["samples"][str(index)], run, index)
    return run


def _read_sample(group, run, index):
    for number in sorted(group.get("spikes", ()), key=int):
        piece = group["spikes"][number]
        run.pieces[index].append(tuple(trace_file.read_column(piece, name) for name in _SPIKE_COLUMNS))
    if "taken" not in group.attrs:
        return
    sample, noise = run.new_sample(index)
    values = []
    for name, fresh in zip(heap_state.State._fields, sample.state, strict=True):
        if isinstance(fresh, np.ndarray):
            values.append(_same_kind(trace_file.read_column(group, name), fresh))
        else:
            columns = [trace_file.read_column(group[name], field) for field in fresh._fields]
            room = len(columns[0]) + len(fresh[0])
            values.append(type(fresh)(*(_padded(column, like, room)
                                        for column, like in zip(columns, fresh, strict=True))))
    sample.state = heap_state.State(*values)
    for name, source in noise:
        source.drawn[:] = trace_file.read_column(group, f"noise/{name}/drawn")
        source.upcoming[:] = trace_file.read_column(group, f"noise/{name}/upcoming")
    run.samples[index], run.noise[index] = (sample, int(group.attrs["taken"])), noise


def _same_kind(values, like):
    if values.shape != like.shape or values.dtype != like.dtype:
        raise InputError(f"an array has shape {values.shape}, needed: {like.shape}")
    return values


def _padded(values, like, room):
    out = np.zeros(room, like.dtype)
    out[:len(values)] = values
    return out
