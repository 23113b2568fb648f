"""Every reader of files with valid files to spoil, and what must come of a spoiled one.

A reader gets the path of a file and uses what it read as callers do. It either returns a digest of what it read, or
raises `InputError` with one line that names the file; anything else is a finding.
"""

import argparse
import functools
import gzip
import hashlib
import io
import json
import lzma
import pathlib
import tempfile
import zipfile
from typing import NamedTuple

import event_files
import h5py
import numpy as np
from small_runs import network, onset, trace_of

import eventsim as es
import training
from eventsim import cli_files
from eventsim.errors import InputError
from eventsim.io import aedat, file_kind, idx, nir_file, nmnist, segments, shd, sonata, trace_file
from eventsim.spike_table import SpikeTable, empty_table
from training import checkpoint, config
from training.datasets import cifar10, dvs_gesture
from training.datasets import nmnist as nmnist_set
from viz.reporting import contents

LONGEST = 700
"""Characters of a message, the path of the file included."""


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


def verdict(reader, path):
    """Return what comes of reading a file.

    Parameters
    ----------
    reader : Reader
    path : pathlib.Path

    Returns
    -------
    kind : {"read", "refused", "finding"}
    what : str
        The digest, the message, or what is wrong.
    """
    try:
        return "read", str(reader.read(path))
    except InputError as error:
        message = str(error)
        if "\n" in message or not message.isprintable() or len(message) > LONGEST:
            return "finding", f"message: {message[:300]!r}"
        if path.name not in message and path.parent.name not in message:
            return "finding", f"unnamed: {message[:300]!r}"
        return "refused", message
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        trace, where = error.__traceback__, ""
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if any(part in file for part in ("/eventsim/", "/training/", "/viz/")):
                where = f"{pathlib.Path(file).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        return "finding", f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:160]}"


def _digest(*parts):
    total = hashlib.sha256()
    for part in parts:
        array = np.asarray(part)
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(array.tobytes() if array.dtype != object else repr(part).encode())
    return total.hexdigest()


@functools.cache
def _trace():
    """Return a trace made by hand, of two samples, without and with an input."""
    net = network()
    size = {name: net.populations[name].size for name in ("excitatory", "inhibitory")}
    rng = np.random.default_rng(2)
    tables = {}
    for name, neurons in size.items():
        count = 40
        order = np.sort(rng.random(count) * 100.0)
        sample = np.repeat(np.arange(2, dtype=np.int32), count // 2)
        time = np.concatenate([np.sort(half) for half in order.reshape(2, -1)])
        tables[name] = SpikeTable(time, rng.integers(0, neurons, count).astype(np.int32), sample, 0.5 + time,
                                  np.zeros(count, np.int32))
    made = trace_of([])
    return es.Trace(net, {"onset": onset(2)}, tables, 100.0, 2, engine="heap", reason="chosen", precision="double",
                    seed=11, recorded=tuple(tables), labels=[1, 0], provenance=made.provenance)


def _of_file(write, name="seed.h5"):
    """Return a maker of seeds from a function that writes one file."""
    def seeds(folder):
        path = pathlib.Path(folder) / name
        write(path)
        return [path.read_bytes()]
    return seeds


def _small_net():
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=3)
    net.input("pixels", (4, 4, 1))
    net.population("map", (2, 2, 2), once)
    net.population("output", 3, once)
    net.connect("pixels", "map", es.Conv2d(es.Normal(0.3, 0.1), kernel=2, stride=2))
    net.connect("map", "output", es.Dense(es.Normal(0.3, 0.1)), delay=es.Uniform(0.0, 1.0))
    return net


def _model(path):
    model = training.Model(_small_net(), training.encode.Latency(), training.decode.FirstSpike(), t_stop=4.0)
    model.provenance = {"command": "none"}
    model.save(path)


def _read_model(path):
    model = training.Model.load(path)
    repr(model)
    contents.read(path)
    parts = [projection.weight for projection in model.net.projections.values()]
    return _digest(*parts, model.t_stop, repr(model.encoder), repr(model.decoder), model.net.fingerprint())


def _read_trace(path):
    trace = es.Trace.load(path)
    trace.summary()
    lazy = es.Trace.load(path, lazy=True)
    tables = [column for name in trace.populations for column in trace.spikes(name)]
    for name in lazy.populations:
        lazy.spikes(name)
    for name in trace.recorded:
        if trace.is_complete(name):
            trace.counts(name)
    return _digest(*tables, trace.ended, trace.t_stop, trace.fingerprint, json.dumps(trace.provenance, sort_keys=True))


def _network(path):
    network().save(path)


def _read_network(path):
    net = es.Network.load(path)
    str(net.describe())
    return net.fingerprint()


def _state(path):
    simulation = es.Simulation(_delta_net(), {"pixels": es.Spikes([0.5, 1.0], [3, 4])}, engine="heap", seed=1)
    simulation.run(3.0)
    simulation.save(path)


def _read_state(path):
    simulation = es.Simulation.load(path)
    return _digest(simulation.now, simulation.trace.fingerprint, *simulation.trace.spikes("map"))


def _checkpoint(path):
    checkpoint.save(path, {"parameter a": np.arange(40.0), "best a": np.zeros((3, 2))}, {"step": 3, "records": []})


def _read_checkpoint(path):
    arrays, document = checkpoint.load(path)
    return _digest(*arrays.values(), json.dumps(document, sort_keys=True))


def _segment(folder):
    """Return one segment; its description is made where it is read."""
    run = hashlib.sha256(_description()).hexdigest()
    trace = _trace()
    tables = {name: trace.spikes(name) for name in trace.recorded}
    return [segments._image(run, 1, {0: 100.0, 1: 100.0}, tables, {})]


@functools.cache
def _description():
    """Return the bytes of a trace without spikes, as it lies beside segments."""
    trace = _trace()
    names = dict.fromkeys(trace.recorded, empty_table())
    with tempfile.TemporaryDirectory() as folder:
        trace_file.write(pathlib.Path(folder) / "run.h5", trace.with_spikes(names, None, np.zeros(2), True))
        return (pathlib.Path(folder) / "run.h5").read_bytes()


def _read_segment(path):
    (path.parent / "run.h5").write_bytes(_description())
    trace = es.Trace.load(path.parent)
    return _digest(trace.ended, *(column for name in trace.populations for column in trace.spikes(name)))


def _read_sonata(path):
    names = sonata.population_names(path)
    return _digest(*(part for name in names for part in es.io.from_sonata(path, name).arrays()))


def _sonata(path):
    es.io.to_sonata(_trace(), path, ["excitatory", "inhibitory"], sample=0)


def _shd(path):
    event_files.shd(path, [[(0.1, 3), (0.2, 699)], [], [(0.5, 0)]], [0, 1, 1], ["zero", "eins"])


def _read_shd(path):
    found = shd.read(path)
    return _digest(found.labels, found.recordings.time, found.recordings.x)


def _nir(path):
    es.io.to_nir(_delta_net(), path)


def _delta_net():
    net = es.Network(seed=3)
    net.input("pixels", (6, 6, 1))
    net.population("map", (3, 3, 2), es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.population("output", 3, es.LIF(tau_mem=20.0, tau_syn=0.0))
    net.connect("pixels", "map", es.Conv2d(es.Normal(0.3, 0.1), kernel=2, stride=2))
    net.connect("map", "output", es.Dense(es.Normal(0.3, 0.1)), delay=2.0)
    return net


def _read_nir(path):
    return es.io.from_nir(path).fingerprint()


def _nwb(path):
    es.io.to_nwb(_trace(), path, ["inhibitory"])


def _read_nwb(path):
    return _digest(*es.io.from_nwb(path).arrays())


def _read_any(path):
    """What `eventsim info` and `eventsim report` do with a file of which they do not know the kind."""
    return f"{file_kind.kind_of(path)} {nir_file.is_nir(path)}"


def _idx(_):
    image = b"\0\0\x08\x03" + (3).to_bytes(4, "big") + (4).to_bytes(4, "big") * 2 + bytes(range(48))
    real = b"\0\0\x0d\x01" + (2).to_bytes(4, "big") + np.array([1.5, -2.0], ">f4").tobytes()
    return [image, real, gzip.compress(image, mtime=0)]


def _read_idx(path):
    return _digest(idx.read(path))


def _aedat(_):
    stream = [(5, 3, 7, 1), (9, 127, 0, 0), (9, 0, 127, 1), (300, 64, 64, 0)]
    one = event_files.AEDAT_HEADER + event_files.aedat_packet(stream) + event_files.aedat_packet(stream, kind=2)
    return [one, one + event_files.aedat_packet(stream, overflow=1, invalid=(1,), spare=2)]


def _read_aedat(path):
    found = aedat.read(path)
    return _digest(found.time, found.x, found.y, found.polarity)


def _labels(_):
    return [event_files.labels([(1, 0, 10), (11, 5, 400)]).encode()]


def _read_labels(path):
    return _digest(*aedat.read_labels(path))


def _nmnist(_):
    return [event_files.nmnist([(5, 3, 7, 1), (9, 33, 0, 0), (9000, 0, 33, 1)], marks=(2,))]


def _read_nmnist(path):
    found = nmnist.read(path)
    return _digest(found.time, found.x, found.y, found.polarity)


def _archive(_):
    found = []
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", how) as archive:
            for name in ("Test/3/00001.bin", "Test/7/00002.bin"):
                archive.writestr(zipfile.ZipInfo(name), _nmnist(None)[0], how)
        found.append(memory.getvalue())
    return found


def _read_archive(path):
    recordings, labels = nmnist_set.read("test", path.parent.parent)
    return _digest(labels, recordings.time)


def _cifar(_):
    return [lzma.compress(bytes(1000)), lzma.compress(np.arange(5000, dtype="u2").tobytes())]


def _read_cifar(path):
    return _digest(cifar10.read_records("test_batch", path.parent.parent))


def _trials(_):
    return [b"user01.aedat\nuser02.aedat\n"]


def _read_trials(path):
    for trial in ("user01", "user02"):
        (path.parent / f"{trial}.aedat").write_bytes(_aedat(None)[0])
        (path.parent / f"{trial}_labels.csv").write_bytes(_labels(None)[0])
    return _digest(dvs_gesture.read("test", path.parent.parent)[1])


def _csv(folder):
    path = pathlib.Path(folder) / "seed.csv"
    es.io.to_csv(_trace(), path, ["inhibitory"])
    whole = path.read_bytes()
    plain = b'sample,population,neuron,time_ms,amplitude\n0,"a",3,1.5,1.0\n1,a,0,inf,2.0\n0,b,2147483647,0.0,1\n'
    return [whole[:3000].rsplit(b"\n", 1)[0] + b"\n", plain, b"neuron,time_ms\n1,2.5\n"]


def _read_csv(path):
    return _digest(*es.io.from_csv(path, None).arrays())


def _toml(_):
    folder = pathlib.Path(__file__).resolve().parents[2] / "examples" / "configs"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]


def _read_toml(path):
    try:
        return json.dumps(config.load(path).resolved(), sort_keys=True)
    except InputError as error:  # names the table and the key, in the only configuration there is
        raise InputError(f"{path.name}: {str(error).replace(str(path), '')}") from None


def _log(_):
    record = {"epoch": 1, "loss": 0.5, "accuracy": 0.8, "silent": {"hidden": 0.2}, "gradient_norms": {"a->b": 1.0},
              "validation_accuracy": None, "spike_times": {"edges": [0.0, 1.0, 2.0], "layers": [
                  {"name": "hidden", "counts": [3, 4], "mean": 1.0, "quantiles": [0.1, 0.5, 0.9]}]},
              "warnings": {"hidden": "dead"}, "seconds": 1.0}
    return ["".join(json.dumps(record | {"epoch": epoch}) + "\n" for epoch in (1, 2)).encode()]


def _read_log(path):
    """The report of a folder that holds this log only."""
    import viz

    training.History.load(path)
    if "report" in _EXTRA:
        viz.report(path.parent, path.parent.parent / "report.html")
    else:
        contents.read(path.parent)
    return "log"


def _result(_):
    return [json.dumps({
        "dataset": "digits", "readout": "first_spike", "epochs": 2, "best_epoch": 1, "horizon_ms": 4.0,
        "test": {"accuracy": 0.9, "latency_ms": 1.0, "undecided": 0.0}, "validation": {"accuracy": 0.9},
        "samples": {"test": 100}, "training_seconds": 12.0, "interrupted": False,
        "provenance": {"command": "eventsim train", "seed": 1, "software": {"name": "eventsim", "version": "0",
                       "libraries": {"numpy": "2"}}, "environment": {"system": "x"}, "resources": {"elapsed_s": 1.0},
                       "parameters": {"fit": {"epochs": 2}}}}).encode()]


def _read_result(path):
    import viz

    viz.report(path.parent, path.parent.parent / "report.html")
    return "result"


def _arrays(folder):
    found = []
    for how in (np.savez, np.savez_compressed):
        memory = io.BytesIO()
        how(memory, images=np.zeros((2, 3, 3), np.uint8), labels=np.arange(2))
        found.append(memory.getvalue())
    return found


def _array(folder):
    memory = io.BytesIO()
    np.save(memory, np.arange(12.0).reshape(3, 4))
    return [memory.getvalue()]


def _read_arrays(path):
    values, _ = cli_files.images(argparse.Namespace(samples=slice(None)), path)
    return _digest(values)


_EXTRA = {"report"}

READERS = {reader.name: reader for reader in (
    Reader("idx", _idx, _read_idx, "file.idx"),
    Reader("aedat", _aedat, _read_aedat, "file.aedat"),
    Reader("aedat labels", _labels, _read_labels, "labels.csv"),
    Reader("n-mnist", _nmnist, _read_nmnist, "file.bin"),
    Reader("n-mnist archive", _archive, _read_archive, "nmnist/Test.zip"),
    Reader("cifar", _cifar, _read_cifar, "cifar10/test_batch.planes.xz"),
    Reader("dvs list", _trials, _read_trials, "dvs_gesture/trials_to_test.txt"),
    Reader("csv", _csv, _read_csv, "file.csv"),
    Reader("toml", _toml, _read_toml, "file.toml"),
    Reader("log", _log, _read_log, "run/log.jsonl"),
    Reader("result", _result, _read_result, "run/result.json"),
    Reader("npz", _arrays, _read_arrays, "file.npz"),
    Reader("npy", _array, _read_arrays, "file.npy"),
    Reader("model", _of_file(_model), _read_model, "file.h5", True, True),
    Reader("trace", _of_file(lambda path: _trace().save(path)), _read_trace, "file.h5", True, True),
    Reader("network", _of_file(_network), _read_network, "file.h5", True, True),
    Reader("state", _of_file(_state), _read_state, "file.h5", True, True),
    Reader("checkpoint", _of_file(_checkpoint), _read_checkpoint, "file.h5", True, True),
    Reader("segment", _segment, _read_segment, "segments/000001.h5", True, True),
    Reader("sonata", _of_file(_sonata), _read_sonata, "file.h5", True, True),
    Reader("shd", _of_file(_shd), _read_shd, "file.h5", True),
    Reader("nir", _of_file(_nir, "seed.nir"), _read_nir, "file.nir", True),
    Reader("nwb", _of_file(_nwb, "seed.nwb"), _read_nwb, "file.nwb", True, True),
    Reader("kind", _of_file(_network), _read_any, "file.h5", True, True),
)}
"""By name; NIR and NWB need their packages."""


def unsealed(data):
    """Return a file of ours without its checksum, as if made by somebody else."""
    return data[:-25] if data[-25:].startswith(b"\neventsim crc32 ") else data


def hdf5_bytes(write):
    """Return the bytes of an HDF5 file that ``write(file)`` fills."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        write(file)
    return memory.getvalue()
