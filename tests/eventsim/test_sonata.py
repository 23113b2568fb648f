"""SONATA spike files: read by libsonata itself, and read here as a stimulus, from whoever wrote them."""

import functools

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import examples
from refusals import refusal
from small_runs import as_spikes, network, onset, recurrent_run, trace_of

import eventsim as es
from eventsim import cli

POPULATIONS = ("excitatory", "inhibitory")


@pytest.fixture(scope="module")
def libsonata():
    return pytest.importorskip("libsonata", reason="needs the extra sonata: pip install eventsim[sonata]")


def foreign(path, time=(3.0, 1.0, 2.0), ids=(7, 0, 3), units="ms", sorting=None, population="cells"):
    """Write a SONATA file as other programs do."""
    with h5py.File(path, "w") as file:
        group = file.create_group(f"spikes/{population}")
        if sorting is not None:
            group.attrs["sorting"] = sorting
        group["timestamps"], group["node_ids"] = np.asarray(time), np.asarray(ids)
        if units is not None:
            group["timestamps"].attrs["units"] = units
    return path


def pairs(time, neuron):
    return list(zip(neuron.tolist(), time.tolist(), strict=True))


@pytest.mark.parametrize(("samples", "sorting"), [(1, "by_time"), (3, "none")])
def test_libsonata_reads_a_saved_trace_spike_for_spike(libsonata, samples, sorting, tmp_path):
    trace = recurrent_run(samples)
    trace.save(tmp_path / "run.h5")
    reader = libsonata.SpikeReader(str(tmp_path / "run.h5"))
    assert sorted(reader.get_population_names()) == sorted(POPULATIONS)
    for name in POPULATIONS:
        table, population = trace.spikes(name), reader[name]
        assert len(table.time) > 20
        assert population.get() == pairs(table.time, table.neuron)
        assert population.sorting == sorting
        assert population.time_units == "ms"
        assert population.times == (table.time.min(), table.time.max())


@pytest.mark.parametrize("samples", [1, 3])
def test_libsonata_finds_the_spikes_of_a_span_and_of_some_neurons_in_a_saved_trace(libsonata, samples, tmp_path):
    trace = recurrent_run(samples)
    trace.save(tmp_path / "run.h5")
    population, table = libsonata.SpikeReader(str(tmp_path / "run.h5"))["excitatory"], trace.spikes("excitatory")
    distinct = np.unique(table.time)
    start, stop = (distinct[k] + distinct[k + 1] for k in (len(distinct) // 4, len(distinct) // 2))
    inside = (table.time > start / 2) & (table.time < stop / 2)
    chosen = inside & np.isin(table.neuron, [2, 3, 11])
    assert 0 < chosen.sum() < inside.sum() < len(inside)
    assert population.get(tstart=start / 2, tstop=stop / 2) == pairs(table.time[inside], table.neuron[inside])
    found = population.get(libsonata.Selection([2, 3, 11]), start / 2, stop / 2)
    assert found == pairs(table.time[chosen], table.neuron[chosen])


rows = st.lists(st.tuples(st.just(0), st.floats(0, 49), st.integers(0, 3)), max_size=20)


@settings(max_examples=examples(25))
@given(rows, st.sampled_from(["by_time", "by_id"]))
def test_libsonata_reads_a_plain_file_in_the_order_it_names(libsonata, tmp_path_factory, rows, sorting):
    trace, path = trace_of(rows), tmp_path_factory.mktemp("sonata") / "spikes.h5"
    es.io.to_sonata(trace, path, sorting=sorting)
    population = libsonata.SpikeReader(str(path))["cells"]
    keys = [(n, t) if sorting == "by_id" else (t, n) for _, t, n in rows]
    assert [spike if sorting == "by_id" else spike[::-1] for spike in population.get()] == sorted(keys)
    assert population.sorting == sorting
    if rows:
        chosen = libsonata.Selection([1, 3])
        assert sorted(population.get(chosen)) == sorted((n, t) for _, t, n in rows if n in (1, 3))


@settings(max_examples=examples(25))
@given(rows)
def test_spikes_survive_a_sonata_file_bit_for_bit(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("sonata") / "spikes.h5"
    _, time, neuron = np.array(rows).reshape(-1, 3).T
    spikes = es.Spikes(time, neuron)
    es.io.to_sonata(spikes, path)
    assert es.io.from_sonata(path) == spikes
    es.io.to_sonata(spikes, path, "thalamus", sorting="by_id")
    assert es.io.from_sonata(path, "thalamus") == spikes


def test_each_sample_of_a_run_makes_a_file_of_its_own(tmp_path):
    trace = recurrent_run()
    for sample in range(trace.n_samples):
        es.io.to_sonata(trace, tmp_path / "spikes.h5", sample=sample)
        for name in POPULATIONS:
            assert es.io.from_sonata(tmp_path / "spikes.h5", name) == as_spikes(trace, name, sample)


def test_several_samples_do_not_fit_one_axis_of_time(tmp_path):
    message = refusal(es.io.to_sonata, recurrent_run(), tmp_path / "spikes.h5")
    assert "3 samples" in message and "sample=0 to 2" in message
    assert "sample" in refusal(es.io.to_sonata, recurrent_run(), tmp_path / "spikes.h5", sample=3)
    assert "no sample" in refusal(es.io.to_sonata, trace_of([], n_samples=0), tmp_path / "spikes.h5")
    assert not list(tmp_path.iterdir())


def test_the_spikes_of_a_trace_file_keep_their_samples(tmp_path):
    recurrent_run().save(tmp_path / "run.h5")
    for name in POPULATIONS:
        assert es.io.from_sonata(tmp_path / "run.h5", name) == as_spikes(recurrent_run(), name)


def test_inputs_go_out_where_they_are_named(tmp_path):
    es.io.to_sonata(recurrent_run(), tmp_path / "spikes.h5", ["onset", "inhibitory"], sample=1)
    with h5py.File(tmp_path / "spikes.h5") as file:
        assert sorted(file["spikes"]) == ["inhibitory", "onset"]
    assert es.io.from_sonata(tmp_path / "spikes.h5", "onset") == onset().select(1)


def test_a_stimulus_of_several_inputs_goes_out_by_name(tmp_path):
    stimulus = {"a": es.Spikes([1.0], [2]), "b": es.Spikes([3.0], [4])}
    es.io.to_sonata(stimulus, tmp_path / "spikes.h5")
    for name, spikes in stimulus.items():
        assert es.io.from_sonata(tmp_path / "spikes.h5", name) == spikes


def test_node_ids_are_64_bits_wide_and_provenance_goes_along(tmp_path):
    es.io.to_sonata(trace_of([(0, 1.0, 2)]), tmp_path / "spikes.h5")
    with h5py.File(tmp_path / "spikes.h5") as file:
        assert file["spikes/cells/node_ids"].dtype == np.uint64
        assert file.attrs["magic"] == 0x0A7A and file.attrs["version"].tolist() == [0, 1]
        assert '"software"' in file["provenance"].asstr()[()]


@pytest.mark.parametrize(("units", "scale"), [("ms", 1), ("milliseconds", 1), (None, 1), ("s", 1000), (b"s", 1000)])
def test_times_are_read_in_the_unit_that_the_file_names(units, scale, tmp_path):
    spikes = es.io.from_sonata(foreign(tmp_path / "spikes.h5", units=units))
    assert spikes == es.Spikes([3.0 * scale, 1.0 * scale, 2.0 * scale], [7, 0, 3])


def test_narrow_numbers_in_seconds_are_widened_before_they_are_scaled(tmp_path):
    time = np.array([0.1, 16.7], np.float32)
    spikes = es.io.from_sonata(foreign(tmp_path / "spikes.h5", time, [0, 1], "s"))
    assert spikes.time.tolist() == [float(t) * 1000.0 for t in time]


def test_times_in_another_unit_are_refused(tmp_path):
    assert '"us"' in refusal(es.io.from_sonata, foreign(tmp_path / "spikes.h5", units="us"))


@pytest.mark.parametrize("sorting", [None, "by_time", "by_id", 0, 2])
def test_spikes_are_sorted_whatever_the_file_says_of_their_order(sorting, tmp_path):
    spikes = es.io.from_sonata(foreign(tmp_path / "spikes.h5", sorting=sorting))
    assert spikes.time.tolist() == [1.0, 2.0, 3.0] and spikes.neuron.tolist() == [0, 3, 7]


def test_the_population_is_named_where_there_are_several(tmp_path):
    es.io.to_sonata({"a": es.Spikes([], []), "b": es.Spikes([1.0], [0])}, tmp_path / "spikes.h5")
    assert '2 populations ("a", "b")' in refusal(es.io.from_sonata, tmp_path / "spikes.h5")
    message = refusal(es.io.from_sonata, tmp_path / "spikes.h5", "c")
    assert "allowed: a, b" in message and "spikes.h5" in message


def test_what_a_sonata_file_cannot_hold_is_refused(tmp_path):
    path = tmp_path / "spikes.h5"
    assert "amplitudes" in refusal(es.io.to_sonata, es.Spikes([1.0], [0], amplitude=2.0), path)
    assert "got list" in refusal(es.io.to_sonata, [1.0], path)
    assert "one name" in refusal(es.io.to_sonata, es.Spikes([1.0], [0]), path, "a/b")
    assert "one name" in refusal(es.io.to_sonata, es.Spikes([1.0], [0]), path, ["a", "b"])
    assert "cannot be the name" in refusal(es.io.to_sonata, {"a/b": es.Spikes([1.0], [0])}, path)
    assert "numbers of samples" in refusal(
        es.io.to_sonata, {"a": es.Spikes([], []), "b": es.Spikes([], [], n_samples=2)}, path)
    assert "by_tme" in refusal(es.io.to_sonata, es.Spikes([1.0], [0]), path, sorting="by_tme")
    assert "not in the network" in refusal(es.io.to_sonata, recurrent_run(), path, "inhibitry", sample=0)
    unrecorded = trace_of([], recorded=())
    assert "no spikes of neurons were recorded" in refusal(es.io.to_sonata, unrecorded, path)
    assert not list(tmp_path.iterdir())


def test_amplitudes_of_a_recorded_input_are_not_lost_in_silence(tmp_path):
    net = es.Network(seed=1)
    net.input("in", 1)
    net.population("cells", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "cells", es.Dense([[1.0]]))
    trace = es.simulate(net, {"in": es.Spikes([1.0, 30.0], [0, 0], amplitude=[1.0, 2.0])}, 10.0, engine="reference")
    es.io.to_sonata(trace, tmp_path / "spikes.h5", "in")  # the spike of amplitude 2 came after the end
    trace = es.simulate(net, {"in": es.Spikes([1.0, 3.0], [0, 0], amplitude=[1.0, 2.0])}, 10.0, engine="reference")
    assert "amplitudes" in refusal(es.io.to_sonata, trace, tmp_path / "spikes.h5", "in")


def flat(path):
    with h5py.File(path, "w") as file:
        file["spikes/timestamps"], file["spikes/gids"] = [1.0], [0]


def without(name):
    def change(path):
        with h5py.File(foreign(path), "r+") as file:
            del file[name]
    return change


def claiming(path):
    with h5py.File(foreign(path), "r+") as file:
        del file["spikes/cells/node_ids"]
        file["spikes/cells"].create_dataset("node_ids", (10**12,), "u8", chunks=(65536,), compression=1)


BAD = {
    "no HDF5": (lambda path: path.write_text("spikes"), "not an HDF5 file"),
    "another layout": (flat, "no groups of populations in /spikes but gids, timestamps"),
    "no spikes": (without("spikes"), 'no group "spikes"'),
    "no times": (without("spikes/cells/timestamps"), 'no data set "timestamps"'),
    "no ids": (without("spikes/cells/node_ids"), 'no data set "node_ids"'),
    "two lengths": (functools.partial(foreign, ids=[1]), "shape (3,) and node_ids of shape (1,)"),
    "a table": (functools.partial(foreign, time=[[1.0]], ids=[[1]]), "shape (1, 1)"),
    "text": (functools.partial(foreign, ids=np.array([b"a", b"b", b"c"])), "node_ids of type |S1"),
    "fractions": (functools.partial(foreign, ids=[0.5, 1.0, 2.0]), "node_ids of type float64"),
    "NaN": (functools.partial(foreign, time=[1.0, np.nan, 2.0]), "time[1] of the spikes is nan"),
    "before 0": (functools.partial(foreign, time=[1.0, -0.5, 2.0]), "time[1] of the spikes is -0.5"),
    "a huge id": (functools.partial(foreign, ids=np.array([0, 2**63, 2], np.uint64)), "neuron[1] of the spikes is 922"),
    "a negative id": (functools.partial(foreign, ids=[0, -1, 2]), "neuron[1] of the spikes is -1"),
    "more than there is": (claiming, "more than the file can hold"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_used_is_refused_with_one_line(kind, tmp_path):
    make, said = BAD[kind]
    make(tmp_path / "spikes.h5")
    message = refusal(es.io.from_sonata, tmp_path / "spikes.h5")
    assert said in message and "spikes.h5" in message


def test_a_missing_file_is_named(tmp_path):
    assert "there is no file" in refusal(es.io.from_sonata, tmp_path / "spikes.h5")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_file_cut_short_is_refused_with_one_line(share, tmp_path):
    path = tmp_path / "spikes.h5"
    es.io.to_sonata(recurrent_run(), path, sample=0)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "cut short" in refusal(es.io.from_sonata, path, "excitatory")


@settings(max_examples=examples(60))
@given(st.integers(0, 2**32 - 1))
def test_flipped_bytes_change_no_spike_in_silence(tmp_path_factory, seed):
    path, rng = tmp_path_factory.mktemp("sonata") / "spikes.h5", np.random.default_rng(seed)
    spikes = as_spikes(recurrent_run(), "excitatory", 0)
    es.io.to_sonata(spikes, path)
    with h5py.File(path) as file:
        columns = [file[f"spikes/input/{name}"].id.get_chunk_info(0) for name in ("timestamps", "node_ids")]
    data = bytearray(path.read_bytes())
    chunk = columns[rng.integers(2)]
    at = chunk.byte_offset + int(rng.integers(chunk.size))
    data[at] ^= int(rng.integers(1, 256))
    path.write_bytes(data)
    assert "is damaged" in refusal(es.io.from_sonata, path)


def test_a_sonata_file_as_stimulus_gives_the_run_of_the_spikes_themselves(tmp_path):
    es.io.to_sonata(recurrent_run(), tmp_path / "spikes.h5", "onset", sample=2)
    net = network()
    found = es.simulate(net, {"onset": es.io.from_sonata(tmp_path / "spikes.h5")}, 100.0, seed=11)
    expected = es.simulate(net, {"onset": onset().select(2)}, 100.0, seed=11)
    for name in POPULATIONS:
        assert as_spikes(found, name) == as_spikes(expected, name)
        assert len(found.spikes(name).time) > 20


def test_node_ids_beyond_the_input_are_refused_by_the_run(tmp_path):
    spikes = es.io.from_sonata(foreign(tmp_path / "spikes.h5"))
    assert 'neuron 7 of population "onset"' in refusal(es.simulate, network(), {"onset": spikes}, 10.0)


@pytest.fixture
def saved_network(tmp_path):
    network().save(tmp_path / "net.h5")
    return tmp_path


@pytest.mark.parametrize("population", ["onset", "thalamus"])
def test_the_command_line_takes_a_sonata_file_as_input(population, saved_network, capsys):
    es.io.to_sonata(onset().select(1), saved_network / "spikes.h5", population)
    command = f"simulate {saved_network}/net.h5 --input {saved_network}/spikes.h5 --t-stop 100 --seed 11 "
    assert cli.main([*command.split(), "--out", f"{saved_network}/run.h5"]) == 0
    found = es.Trace.load(saved_network / "run.h5")
    expected = es.simulate(network(), {"onset": onset().select(1)}, 100.0, seed=11)
    assert found.stimulus["onset"] == onset().select(1)
    assert as_spikes(found, "excitatory") == as_spikes(expected, "excitatory")
    assert "excitatory" in capsys.readouterr().out


def test_the_command_line_refuses_populations_that_are_no_inputs(saved_network, capsys):
    es.io.to_sonata(recurrent_run(), saved_network / "spikes.h5", sample=0)
    command = f"simulate {saved_network}/net.h5 --input {saved_network}/spikes.h5 --t-stop 9 --out {saved_network}/o.h5"
    assert cli.main(command.split()) == 1
    error = capsys.readouterr().err
    assert "populations excitatory, inhibitory, but the inputs of the network are onset" in error
    assert error.count("\n") == 1 and not (saved_network / "o.h5").exists()


def test_the_command_line_says_what_is_in_a_sonata_file(tmp_path, capsys):
    foreign(tmp_path / "spikes.h5")
    assert cli.main(["info", str(tmp_path / "spikes.h5")]) == 0
    shown = capsys.readouterr().out
    assert "SONATA spike" in shown and "cells  3 spikes, 1 to 3 ms, node ids to 7" in shown
    es.io.to_sonata(trace_of([(0, 1.0, 2)]), tmp_path / "spikes.h5")
    assert cli.main(["info", str(tmp_path / "spikes.h5")]) == 0
    assert "provenance" in capsys.readouterr().out
