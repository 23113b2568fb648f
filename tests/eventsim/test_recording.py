"""What is recorded: populations, neurons, spans of time, counts; and refusals where a part is not enough."""

import functools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import SPIKE_LIMIT, examples, recurrent_cases

import eventsim as es
import training

T_STOP = 60.0


@functools.cache
def network():
    """Return a small recurrent network with noise and a silent readout."""
    net = es.Network(seed=3)
    source, noise = net.input("source", 4), net.poisson("noise", 5, rate=300.0)
    hidden = net.population("hidden", 12, es.LIF(20.0, 5.0, t_refractory=1.0))
    output = net.population("output", 3, es.LIF(20.0, 5.0, t_refractory=1.0))
    net.population("readout", 2, es.LIF(20.0, 5.0, v_threshold=es.NEVER))
    net.connect(noise, hidden, es.FixedProbability(0.5, 1.5), delay=0.5)
    net.connect(source, hidden, es.AllToAll(1.0))
    net.connect(hidden, hidden, es.FixedProbability(0.2, 0.5), delay=es.Uniform(0.5, 3.0))
    net.connect(hidden, output, es.AllToAll(1.0), delay=1.0)
    net.connect(hidden, "readout", es.AllToAll(0.5), delay=1.0)
    return net


STIMULUS = {"source": es.Spikes([1.0, 2.0, 2.0, 30.0], [0, 1, 2, 3], [0, 0, 1, 1], n_samples=2)}


@functools.cache
def whole():
    return es.simulate(network(), STIMULUS, T_STOP, seed=5, record=["noise", "hidden", "output"])


def recorded(record, **options):
    return es.simulate(network(), STIMULUS, T_STOP, seed=5, record=record, **options)


def rows(table, chosen):
    return [column[chosen].tolist() for column in table]


def counts_of(trace, name):
    table = trace.spikes(name)
    found = np.zeros((trace.n_samples, trace.network.populations[name].size), int)
    np.add.at(found, (table.sample, table.neuron), 1)
    return found


def test_chosen_neurons_are_those_of_the_whole_run():
    for neurons in ([5], [7, 2, 2], np.array([0, 11]), range(3), []):
        trace = recorded({"hidden": neurons, "output": True})
        table = whole().spikes("hidden")
        if len(neurons):
            assert rows(trace.spikes("hidden"), slice(None)) == rows(table, np.isin(table.neuron, neurons))
            assert trace.recorded == ("hidden", "output")
        else:
            assert trace.recorded == ("output",)
        assert rows(trace.spikes("output"), slice(None)) == rows(whole().spikes("output"), slice(None))


def test_a_span_of_time_holds_its_start_and_not_its_stop():
    times = np.unique(whole().spikes("hidden").time)
    start, stop = float(times[10]), float(times[40])
    trace = recorded({"hidden": es.Record(start=start, stop=stop, neurons=range(6))})
    table = whole().spikes("hidden")
    inside = (table.time >= start) & (table.time < stop) & (table.neuron < 6)
    assert rows(trace.spikes("hidden"), slice(None)) == rows(table, inside)


def test_counts_are_those_of_the_whole_run_without_a_spike_kept():
    for record in ("counts", {"hidden": "counts", "output": "counts"}, {"hidden": es.Record([], counts=True)}):
        trace = recorded(record)
        assert trace.counts("hidden").tolist() == counts_of(whole(), "hidden").tolist()
        assert trace.recorded == ()
        with pytest.raises(es.InputError, match='"hidden" was only counted; this trace holds: source'):
            trace.spikes("hidden")


def test_counts_of_a_whole_recording_and_of_an_input_need_no_counting():
    assert whole().counts("hidden").tolist() == counts_of(whole(), "hidden").tolist()
    assert whole().counts("source").tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert whole().counts("readout").tolist() == [[0, 0], [0, 0]]
    assert not whole().counts("hidden").flags.writeable


def test_noise_is_counted_too():
    trace = recorded({"noise": "counts"})
    assert trace.counts("noise").tolist() == counts_of(whole(), "noise").tolist()


def test_neurons_of_a_span_may_be_recorded_while_all_are_counted():
    trace = recorded({"hidden": es.Record(neurons=[1], start=20.0, counts=True)})
    assert trace.counts("hidden").tolist() == counts_of(whole(), "hidden").tolist()
    assert set(trace.spikes("hidden").neuron) == {1}
    assert trace.spikes("hidden").time.min() >= 20.0


@pytest.mark.parametrize("record", [False, [], {}, (), {"hidden": False}, {"hidden": []}, ["source"]])
def test_nothing_is_recorded_where_nothing_is_asked_for(record):
    trace = recorded(record)
    assert (trace.recorded, trace.recording, trace.populations) == ((), {}, ("source",))


@pytest.mark.parametrize("engine", ["heap", "reference", "layers"])
def test_every_engine_records_the_same_parts(engine):
    net = es.Network(seed=1)
    source = net.input("source", 3)
    cells = net.population("cells", 6, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect(source, cells, es.Dense(np.linspace(1.0, 9.0, 18).reshape(3, 6)))
    stimulus = es.Spikes([1.0, 2.0, 3.0, 1.0], [0, 1, 2, 2], [0, 0, 0, 1])
    every = es.simulate(net, stimulus, 30.0, engine=engine)
    times = every.spikes("cells").time
    assert len(times) > 6
    record = es.Record(neurons=[5, 3, 1], start=float(times[1]), stop=float(times.max()), counts=True)
    part = es.simulate(net, stimulus, 30.0, engine=engine, record={cells: record})
    table = every.spikes("cells")
    inside = np.isin(table.neuron, [1, 3, 5]) & (table.time >= times[1]) & (table.time < times.max())
    assert rows(part.spikes("cells"), slice(None)) == rows(table, inside)
    assert part.counts("cells").tolist() == counts_of(every, "cells").tolist()


@settings(max_examples=examples(25))
@given(recurrent_cases(), st.data())
def test_any_record_is_a_part_of_the_whole(case, data):
    names = [p.name for p in case.populations if p.neuron is not None]
    record = {}
    for name in names:
        size = case.build().populations[name].size
        neurons = data.draw(st.none() | st.lists(st.integers(0, size - 1)))
        start = data.draw(st.sampled_from((0.0, 1.0, 7.5)))
        stop = data.draw(st.sampled_from((8.0, 64.0, es.NEVER)))
        record[name] = es.Record(neurons, start, stop, counts=data.draw(st.booleans()))
    whole, part = case.run(stop=SPIKE_LIMIT, record=names), case.run(stop=SPIKE_LIMIT, record=record)
    for name in names:
        table, one = whole.spikes(name), record[name]
        kept = (table.time >= one.start) & (table.time < one.stop)
        if one.neurons is not None:
            kept &= np.isin(table.neuron, one.neurons)
        if one.keeps_spikes:
            assert [c[kept].tobytes() for c in table] == [c.tobytes() for c in part.spikes(name)]
        if one.counts:
            assert part.counts(name).tolist() == counts_of(whole, name).tolist()


# Refusals


def partly():
    return recorded({"hidden": [0, 1, 2], "output": es.Record(stop=30.0), "readout": True})


@pytest.mark.parametrize("measured", [
    lambda trace: trace.first_spikes("hidden"),
    lambda trace: trace.arrays("hidden"),
    lambda trace: trace.counts("hidden"),
    lambda trace: trace.membrane("hidden", [0], [5.0]),
    lambda trace: trace.potential("readout"),
    lambda trace: es.measure.synaptic_operations(trace),
    lambda trace: es.measure.energy(trace),
    lambda trace: es.measure.spike_counts(trace),
    lambda trace: es.measure.silent_fraction(trace),
    lambda trace: es.measure.latency(trace, "hidden"),
    lambda trace: es.measure.decide(trace, "output"),
    lambda trace: es.measure.decide(trace, "readout"),
    lambda trace: es.measure.anytime(trace, output="output"),
    lambda trace: es.measure.fanofactor(trace, "hidden"),
])
def test_what_needs_every_spike_refuses_a_part_in_one_line(measured):
    with pytest.raises(es.InputError) as caught:
        measured(partly())
    message = str(caught.value)
    assert "recorded in part (3 of 12 neurons)" in message or "recorded in part (0 to 30 ms)" in message
    assert "\n" not in message


def test_a_gradient_refuses_a_part_in_one_line():
    net = es.Network(seed=1)
    net.input("source", 1)
    net.population("cells", 4, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect("source", "cells", es.Dense(8.0))
    trace = es.simulate(net, es.Spikes([1.0], [0]), 20.0, record={"cells": [0]})
    with pytest.raises(es.InputError, match=r'"cells" was recorded in part \(1 of 4 neurons\)'):
        training.spike_time_gradient(net, trace, {"cells": np.ones(1)})


@pytest.mark.parametrize("record", ["counts", False])
def test_what_needs_spikes_refuses_counts_and_nothing(record):
    trace = recorded(record)
    for measured in (es.measure.synaptic_operations, lambda t: es.measure.decide(t, "output"),
                     lambda t: t.membrane("hidden", [0], [5.0])):
        with pytest.raises(es.InputError, match=r"was only counted|was not recorded"):
            measured(trace)


def test_a_span_that_holds_the_whole_run_is_the_whole():
    trace = recorded({"hidden": es.Record(stop=T_STOP), "output": es.Record(stop=1e9)})
    assert trace.is_complete("hidden") and trace.is_complete("output") and trace.is_complete("source")
    assert not partly().is_complete("hidden")
    assert (es.measure.synaptic_operations(trace) == es.measure.synaptic_operations(whole())).all()


def test_counts_are_enough_for_what_only_counts():
    trace = recorded("counts")
    mine, expected = es.measure.spike_counts(trace), es.measure.spike_counts(whole())
    assert mine.per_sample.tolist() == expected.per_sample.tolist()
    assert es.measure.silent_fraction(trace) == es.measure.silent_fraction(whole())
    assert np.array_equal(*(es.measure.fanofactor(run, "hidden") for run in (trace, whole())), equal_nan=True)
    with pytest.raises(es.InputError, match="was only counted"):
        es.measure.spike_counts(trace, until=10.0)


def test_statistics_of_chosen_neurons_are_theirs_and_nan_for_the_others():
    trace = recorded({"hidden": [0, 4]})
    for measured in (es.measure.mean_firing_rate, es.measure.cv, es.measure.cv2):
        mine, expected = measured(trace, "hidden"), measured(whole(), "hidden")
        assert np.array_equal(mine[:, [0, 4]], expected[:, [0, 4]], equal_nan=True)
        assert np.isnan(np.delete(mine, [0, 4], axis=1)).all()


def test_a_rate_outside_the_recorded_span_is_refused():
    trace = recorded({"hidden": es.Record(start=10.0, stop=50.0)})
    inside = es.measure.mean_firing_rate(trace, "hidden", 10.0, 50.0)
    assert (inside == es.measure.mean_firing_rate(whole(), "hidden", 10.0, 50.0)).all()
    for window in ((0.0, 50.0), (10.0, None), (20.0, 55.0)):
        with pytest.raises(es.InputError, match="was not recorded; give one within 10 to 50 ms"):
            es.measure.mean_firing_rate(trace, "hidden", *window)


def test_the_summary_says_what_is_missing():
    lines = recorded({"hidden": [0, 1], "output": "counts"}).summary().splitlines()
    assert lines[2].endswith("spikes (2 of 12 neurons)")
    assert lines[3].split()[:2] == ["output", "counted"]


def test_a_trace_file_keeps_what_was_recorded(tmp_path):
    run = recorded({"hidden": es.Record([3, 1], 5.0, 50.0, True), "output": "counts", "noise": True})
    run.save(tmp_path / "run.h5")
    loaded = es.Trace.load(tmp_path / "run.h5")
    assert loaded.recording == run.recording
    assert loaded.summary() == run.summary()
    for name in ("hidden", "output"):
        assert loaded.counts(name).tolist() == run.counts(name).tolist()
    with pytest.raises(es.InputError, match=r"recorded in part \(2 of 12 neurons, 5 to 50 ms\)"):
        loaded.arrays("hidden")


def test_a_simulation_goes_on_recording_what_it_was_asked_for(tmp_path):
    record = {"noise": es.Record([], counts=True), "hidden": es.Record([3, 1], 5.0, 50.0, True)}
    simulation = es.Simulation(network(), STIMULUS, seed=5, record=record)
    simulation.run(20.0)
    simulation.save(tmp_path / "state.h5")
    early = simulation.trace
    before = early.counts("hidden").tolist()
    for _ in range(2):
        loaded = es.Simulation.load(tmp_path / "state.h5")
        loaded.run(40.0)
        once = recorded(record, engine="heap")
        assert loaded.trace.recording == once.recording == record
        for name in record:
            assert loaded.trace.counts(name).tolist() == once.counts(name).tolist()
        assert rows(loaded.trace.spikes("hidden"), slice(None)) == rows(once.spikes("hidden"), slice(None))
    simulation.run(40.0)
    assert early.counts("hidden").tolist() == before


# Bad input


@pytest.mark.parametrize(("record", "message"), [
    ({"hiden": True}, 'population "hiden" is not known; allowed: source, noise, hidden, output, readout. Did you mean'),
    ({"hidden": "count"}, 'the record of "hidden" is "count"; give True, "counts", neuron ids or an es.Record'),
    ({"hidden": [12]}, 'the record of "hidden"[0] is 12; "hidden" has neurons 0 to 11'),
    ({"hidden": es.Record([3, 12])}, 'the record of "hidden"[1] is 12; "hidden" has neurons 0 to 11'),
    ({"hidden": [0.5]}, "must be whole numbers (neuron ids)"),
    ({"hidden": [True, False]}, "must be whole numbers (neuron ids)"),
    ({"hidden": 5}, "must be one row of neuron ids"),
    ("hiden", 'population "hiden" is not known'),
])
def test_a_record_that_cannot_be_is_refused_in_one_line(record, message):
    with pytest.raises(es.InputError) as caught:
        recorded(record)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"start": -1.0}, "the span of a Record is -1 to inf ms; give 0 <= start < stop"),
    ({"start": 5.0, "stop": 5.0}, "the span of a Record is 5 to 5 ms"),
    ({"stop": float("nan")}, "the span of a Record is 0 to nan ms"),
    ({"stop": "end"}, "stop must be numbers"),
    ({"counts": 1}, "counts must be True or False"),
    ({"neurons": [-1]}, '"a population" has neurons 0 to'),
])
def test_a_record_of_no_sense_is_refused(arguments, message):
    with pytest.raises(es.InputError) as caught:
        es.Record(**arguments)
    assert message in str(caught.value)


def test_a_record_says_what_it_is():
    assert repr(es.Record()) == "Record(all neurons)"
    assert repr(es.Record([1, 2], 5.0, 9.0, True)) == "Record(2 neurons, 5 ms to 9 ms, counts)"
    assert repr(es.Record([], counts=True)) == "Record(counts only)"
    assert repr(es.Record([])) == "Record(nothing)"
    assert es.Record([2, 1, 1]) == es.Record([1, 2]) != es.Record([1])
    assert es.Record() != es.Record([]) and es.Record() != "counts"
