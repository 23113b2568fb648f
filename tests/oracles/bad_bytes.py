"""Readers of all files but HDF5 ones, with valid files to spoil."""

import argparse
import gzip
import io
import json
import lzma
import pathlib
import zipfile

import event_files
import numpy as np
from bad_hdf5 import handmade
from bad_reader import Reader, digest

import eventsim as es
import training
from eventsim import cli_files
from eventsim.errors import InputError
from eventsim.io import aedat, idx, nmnist
from training import config
from training.datasets import cifar10, dvs_gesture
from training.datasets import nmnist as nmnist_set
from viz.reporting import contents

EXTRA = {"report"}
"""What takes long and may be left out: figures of a log, half a second each."""


def _idx(_):
    image = b"\0\0\x08\x03" + (3).to_bytes(4, "big") + (4).to_bytes(4, "big") * 2 + bytes(range(48))
    real = b"\0\0\x0d\x01" + (2).to_bytes(4, "big") + np.array([1.5, -2.0], ">f4").tobytes()
    return [image, real, gzip.compress(image, mtime=0)]


def _read_idx(path):
    return digest(idx.read(path))


def _aedat(_):
    stream = [(5, 3, 7, 1), (9, 127, 0, 0), (9, 0, 127, 1), (300, 64, 64, 0)]
    one = event_files.AEDAT_HEADER + event_files.aedat_packet(stream) + event_files.aedat_packet(stream, kind=2)
    return [one, one + event_files.aedat_packet(stream, overflow=1, invalid=(1,), spare=2)]


def _read_aedat(path):
    found = aedat.read(path)
    return digest(found.time, found.x, found.y, found.polarity)


def _labels(_):
    return [event_files.labels([(1, 0, 10), (11, 5, 400)]).encode()]


def _read_labels(path):
    return digest(*aedat.read_labels(path))


def _nmnist(_):
    return [event_files.nmnist([(5, 3, 7, 1), (9, 33, 0, 0), (9000, 0, 33, 1)], marks=(2,))]


def _read_nmnist(path):
    found = nmnist.read(path)
    return digest(found.time, found.x, found.y, found.polarity)


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
    return digest(labels, recordings.time)


def _cifar(_):
    return [lzma.compress(bytes(1000)), lzma.compress(np.arange(5000, dtype="u2").tobytes())]


def _read_cifar(path):
    return digest(cifar10.read_records("test_batch", path.parent.parent))


def _trials(_):
    return [b"user01.aedat\nuser02.aedat\n"]


def _read_trials(path):
    for trial in ("user01", "user02"):
        (path.parent / f"{trial}.aedat").write_bytes(_aedat(None)[0])
        (path.parent / f"{trial}_labels.csv").write_bytes(_labels(None)[0])
    return digest(dvs_gesture.read("test", path.parent.parent)[1])


def _csv(folder):
    path = pathlib.Path(folder) / "seed.csv"
    es.io.to_csv(handmade(), path, ["inhibitory"])
    whole = path.read_bytes()
    plain = b'sample,population,neuron,time_ms,amplitude\n0,"a",3,1.5,1.0\n1,a,0,inf,2.0\n0,b,2147483647,0.0,1\n'
    return [whole[:3000].rsplit(b"\n", 1)[0] + b"\n", plain, b"neuron,time_ms\n1,2.5\n"]


def _read_csv(path):
    return digest(*es.io.from_csv(path, None).arrays())


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
    if "report" in EXTRA:
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
    return digest(values)


READERS = (
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
)
