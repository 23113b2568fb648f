"""Trace files: whole or not there, SONATA's layout for spikes, one line for every damage."""

import json

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from eventsim import provenance
from eventsim.io.aside import written_aside
from eventsim.trace import SpikeTable, Trace


def network():
    net = es.Network(seed=2**64 - 1)
    net.population("out", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.input("in", 3)
    net.input("bias", 1)
    net.connect("in", "out", es.Dense(es.Normal(0.0, 1.0)), delay=1.0)
    return net


def table(rows):
    sample, time, neuron = np.array(rows, dtype=float).reshape(-1, 3).T
    slope = np.where(neuron == 0, np.inf, 0.1 + time)
    return SpikeTable(time, neuron.astype(np.int32), sample.astype(np.int32), slope,
                      (time == 0).astype(np.int32))


ROWS = [(0, 1.0, 1), (0, 1.5, 0), (1, 0.0, 1)]


def trace(rows=ROWS, n_samples=2, net=None, stimulus=None, **changes):
    if stimulus is None:
        spikes = es.Spikes([0.5, np.inf, 0.1], [0, 1, 2], [0, 0, 1], [1.0, 1.0, 0.5], n_samples=n_samples)
        stimulus = {"in": spikes}
    facts = {"engine": "heap", "reason": "loops", "precision": "double", "seed": 2**70, "recorded": ("out",)}
    return Trace(net or network(), stimulus, {"out": table(rows)}, 20.0, n_samples, **(facts | changes))


def same(one, other):
    assert one.populations == other.populations
    for name in one.populations:
        for mine, yours in zip(one.spikes(name), other.spikes(name), strict=True):
            assert mine.dtype == yours.dtype and np.array_equal(mine, yours)
    assert list(one.stimulus) == list(other.stimulus)
    for name, spikes in one.stimulus.items():
        assert spikes == other.stimulus[name]
        assert np.array_equal(spikes.given, other.stimulus[name].given)
        assert spikes.n_given == other.stimulus[name].n_given
    for name in ("t_stop", "n_samples", "engine", "reason", "precision", "seed", "recorded", "interrupted",
                 "fingerprint", "named_output"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.ended, other.ended)
    assert (one.labels is None) == (other.labels is None)
    assert one.labels is None or np.array_equal(one.labels, other.labels)
    assert other.network.fingerprint() == one.fingerprint


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.h5"
    trace(labels=[1, 0]).save(path)
    return path


def test_a_trace_is_loaded_as_it_was_saved(tmp_path):
    run = trace(labels=[1, 0], interrupted=True, output="out", ended=[3.0, 20.0],
                provenance=provenance.record("simulate", {"t_stop": 20.0}, seed=3))
    run.save(tmp_path / "run.h5")
    loaded = Trace.load(tmp_path / "run.h5")
    same(run, loaded)
    assert loaded.provenance == run.provenance


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 19), st.integers(0, 1)), max_size=20))
def test_every_spike_survives_a_file_bit_for_bit(tmp_path_factory, rows):
    run = trace(sorted(rows), n_samples=3)
    path = tmp_path_factory.mktemp("traces") / "run.h5"
    run.save(path)
    same(run, Trace.load(path))


def test_a_trace_without_samples_spikes_or_stimulus_survives_a_file(tmp_path):
    run = trace(rows=[], n_samples=0, stimulus={})
    run.save(tmp_path / "run.h5")
    same(run, Trace.load(tmp_path / "run.h5"))


def test_chosen_samples_keep_their_places_in_the_stimulus_that_was_given(tmp_path):
    whole = es.Spikes([0.3, 0.2, 0.1, np.inf], [0, 1, 2, 0], [0, 1, 1, 1], n_samples=2)
    run = trace(rows=[], stimulus={"in": whole.select([1, 0])})
    run.save(tmp_path / "run.h5")
    loaded = Trace.load(tmp_path / "run.h5").stimulus["in"]
    assert loaded.given.tolist() == [2, 1, 0]
    assert loaded.n_given == 4


def test_spikes_lie_where_sonata_readers_look(saved):
    with h5py.File(saved) as file:
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["version"].tolist() == [0, 1]
        group = file["spikes/out"]
        assert group["timestamps"].attrs["units"] == "ms"
        assert group["timestamps"].dtype == np.float64
        assert group["node_ids"].dtype == np.uint32
        assert group["timestamps"].compression is None and group["node_ids"].compression is None
        codes = h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype)
        assert group.attrs["sorting"] == codes["none"]
        assert sorted(group) == ["generation", "node_ids", "sample", "slope", "timestamps"]


def test_a_single_sample_is_sorted_by_time_and_says_so(tmp_path):
    trace([(0, 1.0, 1)], n_samples=1, stimulus={}).save(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["spikes/out"].attrs["sorting"] == 2


def test_libsonata_reads_the_spikes(saved):
    libsonata = pytest.importorskip("libsonata")
    population = libsonata.SpikeReader(str(saved))["out"]
    assert population.time_units == "ms"
    assert population.get() == [(1, 1.0), (0, 1.5), (1, 0.0)]


def test_provenance_is_in_every_file_as_json(saved):
    with h5py.File(saved) as file:
        record = json.loads(file["provenance"][()])
    assert record["software"]["name"] == "eventsim"
    assert record["seed"] == 2**70
    assert record["parameters"]["t_stop"] == 20.0


def one_line(path):
    with pytest.raises(es.InputError) as error:
        Trace.load(path)
    message = str(error.value)
    assert "\n" not in message and str(path) in message
    return message


def test_a_missing_file_is_named(tmp_path):
    assert "there is no trace file" in one_line(tmp_path / "run.h5")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short_is_refused_with_one_line(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    assert "cut short" in one_line(saved)


def test_a_file_of_another_kind_is_refused_with_one_line(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no HDF5 at all, but long enough to hold a signature")
    assert "not an HDF5 file" in one_line(path)


def test_hdf5_of_another_program_and_of_another_kind_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.arange(3)
    assert "another program" in one_line(tmp_path / "other.h5")
    network().save(tmp_path / "net.h5")
    assert "a file of eventsim network" in one_line(tmp_path / "net.h5")


def test_a_later_format_is_refused(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["format_version"] = 3
    assert "format version 3" in one_line(saved)


def spoil(name, value):
    def change(file):
        del file[name]
        file[name] = value
    return change


DAMAGES = {
    "a missing column": lambda file: file["spikes/out"].__delitem__("slope"),
    "a missing group": lambda file: file.__delitem__("network"),
    "a missing attribute": lambda file: file.attrs.__delitem__("t_stop"),
    "columns of two lengths": spoil("spikes/out/timestamps", [1.0]),
    "a time that is NaN": spoil("spikes/out/timestamps", [np.nan, 1.5, 0.0]),
    "rows out of order": spoil("spikes/out/timestamps", [1.6, 1.5, 0.0]),
    "a neuron out of range": spoil("spikes/out/node_ids", [5, 0, 1]),
    "a neuron that would wrap around": spoil("spikes/out/node_ids", [2**32, 0, 1]),
    "a sample out of range": spoil("spikes/out/sample", [0, 0, 2]),
    "text instead of numbers": spoil("spikes/out/slope", b"none"),
    "a stimulus of another length": spoil("stimulus/in/given", [0]),
    "a stimulus to a neuron that is not there": spoil("stimulus/in/node_ids", [3, 1]),
    "a column that claims more than the file holds": lambda file: (
        file["spikes/out"].__delitem__("slope"),
        file["spikes/out"].create_dataset("slope", (10**12,), "f8", chunks=(65536,), compression=1)),
    "another number of samples": lambda file: file.attrs.__setitem__("n_samples", 10**12),
    "labels of another length": spoil("labels", [1]),
    "provenance that is no JSON": spoil("provenance", "{"),
    "a network that was not run": lambda file: file.attrs.__setitem__("fingerprint", "0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_one_line(saved, damage):
    with h5py.File(saved, "r+") as file:
        DAMAGES[damage](file)
    assert "is damaged" in one_line(saved)


def test_flipped_bytes_in_the_data_are_noticed(tmp_path):
    path = tmp_path / "run.h5"
    rng = np.random.default_rng(1)
    trace([(0, time, 0) for time in np.sort(rng.random(2000))], n_samples=1, stimulus={}).save(path)
    with h5py.File(path) as file:
        chunk = file["spikes/out/timestamps"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    middle = chunk.byte_offset + chunk.size // 2
    data[middle : middle + 4] = bytes(255 - byte for byte in data[middle : middle + 4])
    path.write_bytes(data)
    assert "is damaged" in one_line(path)


def test_a_failed_write_leaves_the_old_file_and_no_other(saved):
    before = saved.read_bytes()
    net = network()
    run = trace(net=net)
    net.projections["in->out"].set_weight(0.0)
    with pytest.raises(es.InputError, match="changed after this run"):
        run.save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_appears_only_once_it_is_complete(tmp_path):
    path = tmp_path / "result"
    with written_aside(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
        assert aside.parent == path.parent
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_saving_into_a_missing_folder_or_onto_a_folder_is_refused_with_one_line(tmp_path):
    with pytest.raises(es.InputError, match="there is no folder"):
        trace().save(tmp_path / "no" / "run.h5")
    with pytest.raises(es.InputError, match="is a folder"):
        trace().save(tmp_path)
