"""NWB files: valid for pynwb, samples one after the other as trials, and the same spikes back."""

import datetime
import warnings

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from networks import examples
from refusals import refusal
from small_runs import as_spikes, network, onset, recurrent_run, trace_of

import eventsim as es

pynwb = pytest.importorskip("pynwb", reason="needs the extra nwb: pip install eventsim[nwb]")

POPULATIONS = ("excitatory", "inhibitory")
NOW = datetime.datetime(2024, 5, 17, 12, 0, tzinfo=datetime.UTC)


def close(found, expected, atol=1e-10):
    """Tell whether both hold the same spikes but for the rounding of their times (ms)."""
    same = found.n_samples == expected.n_samples and len(found) == len(expected)
    return same and all(
        sorted(mine) == pytest.approx(sorted(yours), rel=0, abs=atol)
        for mine, yours in zip(_by_train(found), _by_train(expected), strict=True))


def _by_train(spikes):
    keys = np.unique(np.stack([spikes.sample, spikes.neuron]), axis=1).T
    return [[(int(s)), (int(n)), *spikes.time[(spikes.sample == s) & (spikes.neuron == n)]] for s, n in keys]


def foreign(path, trains, trials=None, **columns):
    """Write an NWB file as other programs do; times in s."""
    content = pynwb.NWBFile(session_description="a recording", identifier="x", session_start_time=NOW)
    for name in columns:
        content.add_unit_column(name, name)
    for row, train in enumerate(trains):
        content.add_unit(spike_times=np.array(train, float), **{name: columns[name][row] for name in columns})
    for start, stop in trials or ():
        content.add_trial(start_time=start, stop_time=stop)
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(content)
    return path


def test_pynwb_finds_the_file_valid_and_the_spikes_in_it(tmp_path):
    path, trace = tmp_path / "run.nwb", recurrent_run().with_labels([4, 0, 9])
    es.io.to_nwb(trace, path)
    assert pynwb.validate(path=str(path)) == []
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        content = io.read()
        units, trials = content.units.to_dataframe(), content.trials.to_dataframe()
        assert content.session_start_time == datetime.datetime.fromisoformat(trace.provenance["created"])
        assert trace.fingerprint[:16] in content.identifier and '"software"' in content.notes
        assert "3 samples of 100 ms" in content.session_description
    assert trials["start_time"].tolist() == [0.0, 0.1, 0.2] and trials["stop_time"].tolist() == [0.1, 0.2, 0.3]
    assert trials["sample"].tolist() == [0, 1, 2] and trials["label"].tolist() == [4, 0, 9]
    assert len(units) == 26
    for _, unit in units.iterrows():
        table = trace.spikes(unit["population"])
        mine = table.neuron == unit["neuron"]
        expected = (table.time[mine] + 100.0 * table.sample[mine]) / 1000.0
        assert unit["spike_times"] == pytest.approx(expected, rel=1e-15)
        assert unit["obs_intervals"].tolist() == [[0.0, 0.1], [0.1, 0.2], [0.2, 0.3]]


def test_a_run_survives_a_file_population_by_population(tmp_path):
    es.io.to_nwb(recurrent_run(), tmp_path / "run.nwb", [*POPULATIONS, "onset"])
    for name in POPULATIONS:
        assert close(es.io.from_nwb(tmp_path / "run.nwb", name), as_spikes(recurrent_run(), name))
    assert close(es.io.from_nwb(tmp_path / "run.nwb", "onset"), onset())


LATEST = float(np.nextafter(90.0, 0))
TIMES = st.one_of(st.floats(0, LATEST), st.sampled_from((0.0, 5e-324, LATEST)))
rows = st.lists(st.tuples(st.integers(0, 2), TIMES, st.integers(0, 1)), max_size=12)


@settings(max_examples=examples(20))
@given(rows, st.sampled_from([None, 90.0, 91.0, 1e5 / 3]))
@example([(sample, LATEST, 0) for sample in range(3)], None)
def test_no_spike_changes_its_sample_by_rounding(tmp_path_factory, rows, spacing):
    trace, path = trace_of(rows, n_samples=3, size=2, t_stop=90.0), tmp_path_factory.mktemp("nwb") / "run.nwb"
    es.io.to_nwb(trace, path, spacing=spacing)
    assert close(es.io.from_nwb(path), as_spikes(trace, "cells"))


def test_the_spike_that_ends_a_sample_belongs_to_it(tmp_path):
    trace = es.simulate(network(), {"onset": onset()}, 100.0, seed=11, stop="decision", output="inhibitory")
    assert (trace.ended < 100.0).all() and len(trace.spikes("inhibitory").time) == 3
    es.io.to_nwb(trace, tmp_path / "run.nwb")
    assert close(es.io.from_nwb(tmp_path / "run.nwb", "inhibitory"), as_spikes(trace, "inhibitory"))


def test_what_was_not_recorded_is_not_observed(tmp_path):
    record = {"excitatory": es.Record([3, 17], 20.0, 60.0)}
    trace = es.simulate(network(), {"onset": onset(2)}, 100.0, seed=11, record=record)
    es.io.to_nwb(trace, tmp_path / "run.nwb", spacing=200.0)
    with pynwb.NWBHDF5IO(str(tmp_path / "run.nwb"), "r") as io:
        units = io.read().units.to_dataframe()
    assert units["neuron"].tolist() == [3, 17]
    assert units["obs_intervals"][0] == pytest.approx(np.array([[0.02, 0.06], [0.22, 0.26]]))
    assert close(es.io.from_nwb(tmp_path / "run.nwb"), as_spikes(trace, "excitatory"))


def test_chosen_samples_lie_one_after_the_other(tmp_path):
    es.io.to_nwb(recurrent_run(), tmp_path / "run.nwb", "inhibitory", samples=[2, 0])
    assert close(es.io.from_nwb(tmp_path / "run.nwb"), as_spikes(recurrent_run(), "inhibitory", [2, 0]))


def test_metadata_can_be_given(tmp_path):
    trace = trace_of([(0, 1.0, 2)], provenance=None)
    assert "session_start_time" in refusal(es.io.to_nwb, trace, tmp_path / "run.nwb")
    naive = datetime.datetime(2024, 5, 17, 12, 0)
    assert "time zone" in refusal(es.io.to_nwb, trace, tmp_path / "run.nwb", session_start_time=naive)
    assert not list(tmp_path.iterdir())
    es.io.to_nwb(trace, tmp_path / "run.nwb", session_description="a test", identifier="t1", session_start_time=NOW)
    with pynwb.NWBHDF5IO(str(tmp_path / "run.nwb"), "r") as io:
        content = io.read()
        assert content.session_description == "a test" and content.identifier == "t1"
        assert content.session_start_time == NOW


def test_units_of_a_recording_are_read_by_row_on_its_whole_axis(tmp_path):
    path = foreign(tmp_path / "a.nwb", [[0.2, 0.1], [], [1.5]])
    assert es.io.from_nwb(path) == es.Spikes([200.0, 100.0, 1500.0], [0, 0, 2])


def test_trials_of_a_recording_are_samples_and_may_overlap(tmp_path):
    path = foreign(tmp_path / "a.nwb", [[0.5, 1.0, 2.5], [1.25, 3.0]], [(1.0, 2.0), (0.5, 3.0), (4.0, 5.0)])
    expected = es.Spikes([0.0, 250.0, 0.0, 500.0, 2000.0, 750.0], [0, 1, 0, 0, 0, 1], [0, 0, 1, 1, 1, 1], n_samples=3)
    assert es.io.from_nwb(path) == expected
    assert len(es.io.from_nwb(path, trials=False)) == 5


def test_populations_and_ids_come_from_the_columns_of_the_units(tmp_path):
    path = foreign(tmp_path / "a.nwb", [[0.1], [0.2], [0.3]], population=["a", "b", "b"], neuron=[5, 7, 3])
    assert es.io.from_nwb(path, "b") == es.Spikes([200.0, 300.0], [7, 3])
    assert '2 populations ("a", "b")' in refusal(es.io.from_nwb, path)
    assert "allowed: a, b" in refusal(es.io.from_nwb, path, "c")


def test_a_recording_that_cannot_be_used_is_refused_with_one_line(tmp_path):
    assert "no units with spike times" in refusal(es.io.from_nwb, foreign(tmp_path / "a.nwb", []))
    assert "before t = 0" in refusal(es.io.from_nwb, foreign(tmp_path / "b.nwb", [[-0.5, 1.0]]))
    assert "not a finite number" in refusal(es.io.from_nwb, foreign(tmp_path / "c.nwb", [[1.0], [np.nan]]))
    assert "trial 1 of" in refusal(es.io.from_nwb, foreign(tmp_path / "d.nwb", [[1.0]], [(0.0, 1.0), (2.0, 1.0)]))
    assert "no whole numbers" in refusal(es.io.from_nwb, foreign(tmp_path / "e.nwb", [[1.0]], neuron=["x"]))


def test_files_of_other_kinds_are_refused_with_one_line(tmp_path):
    assert "there is no file" in refusal(es.io.from_nwb, tmp_path / "no.nwb")
    (tmp_path / "a.nwb").write_text("no HDF5")
    assert "cannot be read as an NWB file" in refusal(es.io.from_nwb, tmp_path / "a.nwb")
    with h5py.File(tmp_path / "b.nwb", "w") as file:
        file["x"] = 1
    assert "cannot be read as an NWB file" in refusal(es.io.from_nwb, tmp_path / "b.nwb")
    es.io.to_nwb(recurrent_run(), tmp_path / "c.nwb")
    data = (tmp_path / "c.nwb").read_bytes()
    (tmp_path / "c.nwb").write_bytes(data[: len(data) // 2])
    assert "cannot be read as an NWB file" in refusal(es.io.from_nwb, tmp_path / "c.nwb")


def test_what_does_not_fit_a_file_is_refused_with_one_line(tmp_path):
    path = tmp_path / "run.nwb"
    assert "got Spikes" in refusal(es.io.to_nwb, es.Spikes([1.0], [0]), path)
    assert "would overlap" in refusal(es.io.to_nwb, recurrent_run(), path, spacing=99.0)
    assert "would overlap" in refusal(es.io.to_nwb, recurrent_run(), path, spacing=np.inf)
    assert "samples 0 to 2" in refusal(es.io.to_nwb, recurrent_run(), path, samples=[5])
    assert "there is no folder" in refusal(es.io.to_nwb, recurrent_run(), tmp_path / "no" / "run.nwb")
    assert not list(tmp_path.iterdir())


def test_nothing_warns_while_a_file_is_written_and_read(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        es.io.to_nwb(recurrent_run(), tmp_path / "run.nwb")
        es.io.from_nwb(tmp_path / "run.nwb", "excitatory")
