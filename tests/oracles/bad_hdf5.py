"""Readers of HDF5 files, our own and those of other programs, with valid files to spoil."""

import functools
import hashlib
import json
import pathlib
import tempfile

import event_files
import numpy as np
from bad_reader import Reader, digest
from small_runs import network, onset, trace_of

import eventsim as es
import training
from eventsim.io import file_kind, nir_file, segments, shd, sonata, trace_file
from eventsim.spike_table import SpikeTable, empty_table
from training import checkpoint
from viz.reporting import contents


@functools.cache
def handmade():
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
    return digest(*parts, model.t_stop, repr(model.encoder), repr(model.decoder), model.net.fingerprint())


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
    return digest(*tables, trace.ended, trace.t_stop, trace.fingerprint, json.dumps(trace.provenance, sort_keys=True))


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
    return digest(simulation.now, simulation.trace.fingerprint, *simulation.trace.spikes("map"))


def _checkpoint(path):
    checkpoint.save(path, {"parameter a": np.arange(40.0), "best a": np.zeros((3, 2))}, {"step": 3, "records": []})


def _read_checkpoint(path):
    arrays, document = checkpoint.load(path)
    return digest(*arrays.values(), json.dumps(document, sort_keys=True))


def _segment(folder):
    """Return one segment; its description is made where it is read."""
    run = hashlib.sha256(_description()).hexdigest()
    trace = handmade()
    tables = {name: trace.spikes(name) for name in trace.recorded}
    return [segments._image(run, 1, {0: 100.0, 1: 100.0}, tables, {})]


@functools.cache
def _description():
    """Return the bytes of a trace without spikes, as it lies beside segments."""
    trace = handmade()
    names = dict.fromkeys(trace.recorded, empty_table())
    with tempfile.TemporaryDirectory() as folder:
        trace_file.write(pathlib.Path(folder) / "run.h5", trace.with_spikes(names, None, np.zeros(2), True))
        return (pathlib.Path(folder) / "run.h5").read_bytes()


def _read_segment(path):
    (path.parent / "run.h5").write_bytes(_description())
    trace = es.Trace.load(path.parent)
    return digest(trace.ended, *(column for name in trace.populations for column in trace.spikes(name)))


def _read_sonata(path):
    names = sonata.population_names(path)
    return digest(*(part for name in names for part in es.io.from_sonata(path, name).arrays()))


def _sonata(path):
    es.io.to_sonata(handmade(), path, ["excitatory", "inhibitory"], sample=0)


def _shd(path):
    event_files.shd(path, [[(0.1, 3), (0.2, 699)], [], [(0.5, 0)]], [0, 1, 1], ["zero", "eins"])


def _read_shd(path):
    found = shd.read(path)
    return digest(found.labels, found.recordings.time, found.recordings.x)


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
    es.io.to_nwb(handmade(), path, ["inhibitory"])


def _read_nwb(path):
    return digest(*es.io.from_nwb(path).arrays())


def _read_any(path):
    """What `eventsim info` and `eventsim report` do with a file of which they do not know the kind."""
    return f"{file_kind.kind_of(path)} {nir_file.is_nir(path)}"


READERS = (
    Reader("model", _of_file(_model), _read_model, "file.h5", True, True),
    Reader("trace", _of_file(lambda path: handmade().save(path)), _read_trace, "file.h5", True, True),
    Reader("network", _of_file(_network), _read_network, "file.h5", True, True),
    Reader("state", _of_file(_state), _read_state, "file.h5", True, True),
    Reader("checkpoint", _of_file(_checkpoint), _read_checkpoint, "file.h5", True, True),
    Reader("segment", _segment, _read_segment, "segments/000001.h5", True, True),
    Reader("sonata", _of_file(_sonata), _read_sonata, "file.h5", True, True),
    Reader("shd", _of_file(_shd), _read_shd, "file.h5", True),
    Reader("nir", _of_file(_nir, "seed.nir"), _read_nir, "file.nir", True),
    Reader("nwb", _of_file(_nwb, "seed.nwb"), _read_nwb, "file.nwb", True, True),
    Reader("kind", _of_file(_network), _read_any, "file.h5", True, True),
)
"""NIR and NWB need their packages."""
