"""The figures of a run: the object that ``eventsim evaluate --json`` prints, from a real run."""

import json
import math

import numpy as np
import pytest

import eventsim as es

KEYS = {
    "accuracy", "n_samples", "readout", "horizon_ms", "undecided_fraction", "decision_latency_ms",
    "spikes_per_sample", "spikes_per_neuron", "silent_fraction", "synaptic_operations_per_sample",
}
SAMPLES = 6


def network(threshold=1.0, gain=4.0):
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    net.input("in", 8)
    ttfs = {"tau_mem": 20.0, "tau_syn": 5.0, "t_refractory": es.NEVER}
    net.population("hidden", 10, es.LIF(**ttfs))
    net.population("out", 3, es.LIF(**ttfs, v_threshold=threshold))
    net.connect("in", "hidden", es.Dense(gain * rng.random((8, 10))), delay=0.5)
    net.connect("hidden", "out", es.Dense(gain * rng.normal(0.3, 1.0, (10, 3))), delay=0.5)
    return net


def run(net, n_samples=SAMPLES, t_stop=20.0):
    rng = np.random.default_rng(2)
    times = np.where(rng.random((n_samples, 8)) < 0.5, rng.random((n_samples, 8)), np.inf)
    sample, neuron = np.indices(times.shape)
    return es.simulate(net, {"in": es.Spikes(times, neuron, sample, n_samples=n_samples)}, t_stop=t_stop)


def test_the_object_has_the_agreed_names_and_is_strict_json():
    result = es.measure.evaluate(run(network()), np.zeros(SAMPLES, int))
    assert set(result) == KEYS
    assert set(result["decision_latency_ms"]) == {"mean", "median", "p95"}
    assert set(result["spikes_per_sample"]) == {"horizon", "decision"}
    assert set(result["synaptic_operations_per_sample"]) == {"horizon", "decision"}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_figures_agree_with_counting_over_the_trace():
    trace = run(network())
    labels = np.arange(SAMPLES) % 3
    result = es.measure.evaluate(trace, labels)
    first = trace.first_spikes("out")
    decided = np.isfinite(first).any(axis=1)
    time = first.min(axis=1)
    assert 0 < decided.sum()
    assert result["readout"] == "first_spike" and result["n_samples"] == SAMPLES
    assert result["horizon_ms"] == 20.0
    assert result["accuracy"] == np.mean(decided & (first.argmin(axis=1) == labels))
    assert result["undecided_fraction"] == np.mean(~decided)
    assert result["decision_latency_ms"]["mean"] == pytest.approx(time[decided].mean())
    assert result["decision_latency_ms"]["p95"] == pytest.approx(np.percentile(time[decided], 95))
    all_times = [trace.spikes(name) for name in ("hidden", "out")]
    total = sum(len(spikes.time) for spikes in all_times)
    early = sum(int((spikes.time <= time[spikes.sample]).sum()) for spikes in all_times)
    assert result["spikes_per_sample"] == {
        "horizon": pytest.approx(total / SAMPLES), "decision": pytest.approx(early / SAMPLES)}
    assert result["spikes_per_neuron"] == pytest.approx(total / SAMPLES / 13)
    assert result["silent_fraction"] == pytest.approx(1 - total / SAMPLES / 13)
    inputs, hidden = trace.spikes("in"), trace.spikes("hidden")
    operations = 10 * (inputs.time + 0.5 < 20.0).sum() + 3 * (hidden.time + 0.5 < 20.0).sum()
    before = (10 * (inputs.time + 0.5 < time[inputs.sample]).sum()
              + 3 * (hidden.time + 0.5 < np.minimum(time, 20.0)[hidden.sample]).sum())
    assert result["synaptic_operations_per_sample"] == {
        "horizon": pytest.approx(operations / SAMPLES), "decision": pytest.approx(before / SAMPLES)}
    assert before < operations


def test_a_silent_readout_decides_at_the_horizon():
    result = es.measure.evaluate(run(network(threshold=es.NEVER)), np.zeros(SAMPLES, int))
    assert result["readout"] == "potential"
    assert result["undecided_fraction"] == 0.0
    assert result["decision_latency_ms"] == {"mean": 20.0, "median": 20.0, "p95": 20.0}
    assert result["spikes_per_sample"]["horizon"] == result["spikes_per_sample"]["decision"]


def test_where_nothing_was_decided_latencies_are_null():
    result = es.measure.evaluate(run(network(gain=0.0)), np.zeros(SAMPLES, int))
    assert result["decision_latency_ms"] == {"mean": None, "median": None, "p95": None}
    assert result["accuracy"] == 0.0 and result["undecided_fraction"] == 1.0
    operations = result["synaptic_operations_per_sample"]
    assert operations["decision"] == operations["horizon"] > 0


def test_no_samples_give_null_not_nan():
    result = es.measure.evaluate(run(network(), n_samples=0), [])
    assert result["n_samples"] == 0
    assert json.loads(json.dumps(result, allow_nan=False))["accuracy"] is None
    assert result["spikes_per_neuron"] is None and result["silent_fraction"] is None


def test_labels_come_from_the_trace_unless_given():
    trace = run(network())
    assert es.measure.evaluate(trace)["accuracy"] is None
    winners = es.measure.decide(trace).label
    labels = np.where(winners < 0, 0, winners)
    labelled = es.measure.evaluate(trace.with_labels(labels))
    assert labelled["accuracy"] == np.mean(winners >= 0)
    assert es.measure.evaluate(trace.with_labels(labels), labels + 1)["accuracy"] == 0.0
    with pytest.raises(es.InputError, match="give one a sample"):
        es.measure.evaluate(trace, [0])


def test_a_run_stopped_at_its_decision_costs_what_was_spent_until_then():
    net = network()
    whole = run(net)
    stopped = es.simulate(net, whole.stimulus, t_stop=20.0, stop="decision")
    decided = es.measure.decide(whole)
    again = es.measure.decide(stopped)
    assert np.array_equal(decided.label, again.label) and np.array_equal(decided.time, again.time)
    one, other = es.measure.evaluate(whole), es.measure.evaluate(stopped)
    assert one["synaptic_operations_per_sample"]["decision"] == other["synaptic_operations_per_sample"]["decision"]
    assert one["spikes_per_sample"]["decision"] == other["spikes_per_sample"]["decision"]
    assert other["synaptic_operations_per_sample"]["horizon"] < one["synaptic_operations_per_sample"]["horizon"]
    assert math.isfinite(other["synaptic_operations_per_sample"]["horizon"])


def test_a_trace_survives_its_file_with_all_its_figures(tmp_path):
    trace = run(network(threshold=es.NEVER)).with_labels(np.zeros(SAMPLES, int))
    trace.save(tmp_path / "run.h5")
    loaded = es.Trace.load(tmp_path / "run.h5")
    assert es.measure.evaluate(loaded) == es.measure.evaluate(trace)
    assert loaded.potential("out").tolist() == trace.potential("out").tolist()
    assert loaded.provenance == trace.provenance
    assert np.array_equal(es.measure.decide(loaded).settling_time, es.measure.decide(trace).settling_time)
