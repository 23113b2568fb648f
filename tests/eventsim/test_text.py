"""Spikes as a table in plain text: the same bits back, readable by others, one line for what does not fit."""

import io
import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import examples
from refusals import refusal
from small_runs import as_spikes, onset, recurrent_run, trace_of

import eventsim as es

POPULATIONS = ("excitatory", "inhibitory")
TIMES = st.one_of(st.floats(0, 1e308), st.sampled_from((0.0, 5e-324, 0.1, 1e-7, 1e16, 2.0**53 + 2.0)))
ROWS = st.lists(st.tuples(st.integers(0, 3), TIMES, st.integers(0, 2**31 - 1)), max_size=20)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1).filter(
    lambda name: name.isprintable() and name not in (".", ".."))


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@settings(max_examples=examples(60))
@given(ROWS, NAMES, st.data())
def test_spikes_survive_a_table_bit_for_bit(tmp_path_factory, rows, name, data):
    path = tmp_path_factory.mktemp("text") / "spikes.csv"
    sample, time, neuron = np.array(rows, dtype=float).reshape(-1, 3).T
    amplitude = data.draw(st.sampled_from([1.0, 0.1, -2.5]))
    spikes = es.Spikes(time, neuron, sample, amplitude, n_samples=5)
    es.io.to_csv(spikes, path, name)
    assert es.io.from_csv(path) == spikes
    assert es.io.from_csv(path, name) == spikes


def test_a_run_survives_a_table_population_by_population(tmp_path):
    path, trace = tmp_path / "spikes.csv", recurrent_run()
    es.io.to_csv(trace, path)
    for name in POPULATIONS:
        assert es.io.from_csv(path, name) == as_spikes(trace, name)
    es.io.to_csv(trace, path, "onset")
    assert es.io.from_csv(path) == onset()


def test_slopes_go_along_where_they_are_asked_for(tmp_path):
    pandas = pytest.importorskip("pandas", reason="any reader of tables will do; this one is pandas")
    path, trace = tmp_path / "spikes.csv", recurrent_run()
    es.io.to_csv(trace, path, ["inhibitory", "onset"], slope=True)
    table = pandas.read_csv(path, comment="#")
    assert list(table) == ["sample", "population", "neuron", "time_ms", "slope"]
    for name, rows in table.groupby("population"):
        spikes = trace.spikes(name)
        assert np.array_equal(rows["sample"], spikes.sample) and np.array_equal(rows["neuron"], spikes.neuron)
        np.testing.assert_allclose(rows["time_ms"], spikes.time, rtol=1e-14)
        np.testing.assert_allclose(rows["slope"], spikes.slope, rtol=1e-14)
    assert np.isinf(table["slope"]).sum() == len(onset())


def test_pandas_reads_a_name_that_looks_like_a_comment(tmp_path):
    pandas = pytest.importorskip("pandas", reason="any reader of tables will do; this one is pandas")
    es.io.to_csv(es.Spikes([1.0], [2]), tmp_path / "spikes.csv", 'a#2, "b"')
    table = pandas.read_csv(tmp_path / "spikes.csv", comment="#")
    assert table.values.tolist() == [[0, 'a#2, "b"', 2, 1.0]]


def test_numpy_reads_the_numbers(tmp_path):
    es.io.to_csv(recurrent_run(), tmp_path / "spikes.csv", "excitatory")
    sample, neuron, time = np.loadtxt(tmp_path / "spikes.csv", delimiter=",", skiprows=7, usecols=(0, 2, 3)).T
    table = recurrent_run().spikes("excitatory")
    assert np.array_equal(time, table.time)
    assert np.array_equal(neuron, table.neuron) and np.array_equal(sample, table.sample)


def test_the_top_of_a_table_says_what_it_is(tmp_path):
    es.io.to_csv(trace_of([(1, 0.1, 3)], n_samples=4), tmp_path / "spikes.csv")
    lines = (tmp_path / "spikes.csv").read_text(encoding="utf-8").splitlines()
    facts = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    assert facts["n_samples"] == "4" and facts["t_stop_ms"] == "50.0"
    assert json.loads(facts["populations"]) == ["cells"]
    assert "time_ms in ms" in facts["units"]
    assert json.loads(facts["provenance"])["software"]["name"] == "eventsim"
    assert lines[-2:] == ["sample,population,neuron,time_ms", "1,cells,3,0.1"]


def test_silent_populations_and_samples_are_read_as_such(tmp_path):
    stimulus = {"silent": es.Spikes([], [], n_samples=7), "loud": es.Spikes([1.0], [0], n_samples=7)}
    es.io.to_csv(stimulus, tmp_path / "spikes.csv")
    for name, spikes in stimulus.items():
        assert es.io.from_csv(tmp_path / "spikes.csv", name) == spikes
    es.io.to_csv(trace_of([], n_samples=0), tmp_path / "spikes.csv")
    assert es.io.from_csv(tmp_path / "spikes.csv").n_samples == 0


def test_a_table_of_another_program_needs_two_columns_only(tmp_path):
    path = written(tmp_path / "spikes.csv", "time_ms, neuron, kind\n# a remark\n2.5,1,a\n\n0.5,3,b\n")
    assert es.io.from_csv(path) == es.Spikes([2.5, 0.5], [1, 3])


def test_amplitudes_are_a_column_where_one_is_not_1(tmp_path):
    stimulus = {"a": es.Spikes([1.0, 2.0], [0, 1], amplitude=[1.0, 0.3]), "b": es.Spikes([1.0], [0])}
    es.io.to_csv(stimulus, tmp_path / "spikes.csv")
    assert "neuron,time_ms,amplitude" in (tmp_path / "spikes.csv").read_text(encoding="utf-8")
    for name, spikes in stimulus.items():
        assert es.io.from_csv(tmp_path / "spikes.csv", name) == spikes


BAD = {
    "nothing": ("", "no column neuron and no column time_ms"),
    "other columns": ("id,time_ms\n1,2\n", "no column neuron; its columns are: id, time_ms"),
    "a row cut short": ("neuron,time_ms\n1,2.0\n3\n", "line 3 of"),
    "a long row": ("neuron,time_ms\n1,2.0,5\n", "line 2 of"),
    "no number": ("# remark\nneuron,time_ms\n1,early\n", "'early' as time_ms; a number is needed"),
    "a fraction": ("neuron,time_ms\n1.5,2\n", "line 2 of"),
    "NaN": ("neuron,time_ms\n1,nan\n", "time[0] of the spikes is nan"),
    "before 0": ("neuron,time_ms\n1,-1\n", "time[0] of the spikes is -1.0"),
    "an id out of range": ("neuron,time_ms\n99999999999,1\n", "neuron[0] of the spikes is 99999999999"),
    "an id beyond all numbers": ("neuron,time_ms\n99999999999999999999,1\n", "neuron"),
    "samples that are no number": ("# n_samples: many\nneuron,time_ms\n1,1\n", "n_samples: 'many'"),
    "too few samples": ("# n_samples: 1\nneuron,time_ms,sample\n1,1,1\n", "n_samples is 1"),
    "two populations": ("neuron,time_ms,population\n1,1,a\n1,1,b\n", '2 populations ("a", "b")'),
    "a quote without an end": ('neuron,time_ms\n1,"2.0\n', "cannot be read as a table"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_table_that_cannot_be_used_is_refused_with_one_line(kind, tmp_path):
    text, said = BAD[kind]
    message = refusal(es.io.from_csv, written(tmp_path / "spikes.csv", text))
    assert said in message and "spikes.csv" in message


def test_what_is_no_text_or_not_there_is_refused_with_one_line(tmp_path):
    (tmp_path / "spikes.csv").write_bytes(bytes(range(256)))
    assert "not text" in refusal(es.io.from_csv, tmp_path / "spikes.csv")
    assert "there is no file" in refusal(es.io.from_csv, tmp_path / "other.csv")
    es.io.to_csv(trace_of([(0, 1.0, 0)]), tmp_path / "spikes.csv")
    assert 'Did you mean "cells"' in refusal(es.io.from_csv, tmp_path / "spikes.csv", "cell")


def test_slopes_of_spikes_without_a_run_are_refused(tmp_path):
    assert "no slopes" in refusal(es.io.to_csv, es.Spikes([1.0], [0]), tmp_path / "spikes.csv", slope=True)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path):
    assert "there is no folder" in refusal(es.io.to_csv, es.Spikes([1.0], [0]), tmp_path / "no" / "spikes.csv")


@settings(max_examples=examples(100))
@given(st.binary(max_size=60), st.integers(0, 300))
def test_damage_gives_spikes_or_one_line(tmp_path_factory, noise, at):
    path = tmp_path_factory.mktemp("text") / "spikes.csv"
    es.io.to_csv(trace_of([(0, 1.25, 2), (0, 3.5, 1)]), path)
    content = io.BytesIO(path.read_bytes())
    content.seek(at)
    content.write(noise)
    path.write_bytes(content.getvalue())
    try:
        assert isinstance(es.io.from_csv(path), es.Spikes)
    except es.InputError as error:
        assert "\n" not in str(error)
