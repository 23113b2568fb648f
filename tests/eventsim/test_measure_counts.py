"""Spike counts, silence, latencies and synaptic operations, against counting one by one."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from eventsim.trace import SpikeTable, Trace

INF = math.inf
T_STOP = 10.0


def table(rows):
    """Return the spikes of (sample, time, neuron) rows."""
    sample, time, neuron = np.array(sorted(rows), dtype=float).reshape(-1, 3).T
    return SpikeTable(time, neuron.astype(int), sample.astype(int), np.ones(len(time)), np.zeros(len(time)))


def network():
    net = es.Network(seed=1)
    net.input("in", 3)
    net.population("hidden", 4, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=[1.0, 1.0, 1.0, es.NEVER]))
    net.population("out", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    return net


HIDDEN = [(0, 1.0, 0), (0, 2.0, 0), (0, 2.0, 2), (1, 3.0, 1)]
OUT = [(0, 2.0, 1), (0, 4.0, 0)]
INPUTS = es.Spikes([0.0, 0.5, 12.0], [0, 1, 2], [0, 0, 1], n_samples=3)


def run_of(net, stimulus, tables, n_samples, **changes):
    return Trace(net, stimulus, tables, T_STOP, n_samples, engine="heap", reason="", precision="double", seed=1,
                 recorded=tuple(tables), **changes)


def run(tables=None, **changes):
    tables = {"hidden": table(HIDDEN), "out": table(OUT)} if tables is None else tables
    return run_of(network(), {"in": INPUTS}, tables, 3, **changes)


# ------------------------------------------------------------------ spikes


def test_hidden_and_output_spikes_are_counted_and_inputs_kept_apart():
    counts = es.measure.spike_counts(run())
    assert counts.per_sample.tolist() == [5, 1, 0]
    assert {name: values.tolist() for name, values in counts.populations.items()} == {
        "hidden": [3, 1, 0], "out": [2, 0, 0]}
    assert {name: values.tolist() for name, values in counts.inputs.items()} == {"in": [2, 0, 0]}
    assert counts.total == 6
    assert counts.mean_per_sample == 2.0


def test_spikes_per_neuron_count_only_neurons_that_are_able_to_fire():
    counts = es.measure.spike_counts(run())
    assert counts.n_neurons == 5
    assert counts.mean_per_neuron == pytest.approx(2.0 / 5)


def test_the_spike_at_the_instant_in_question_counts():
    assert es.measure.spike_counts(run(), 2.0).per_sample.tolist() == [4, 0, 0]
    assert es.measure.spike_counts(run(), [1.0, INF, 0.0]).per_sample.tolist() == [1, 1, 0]


def test_a_population_that_can_fire_must_be_recorded_to_be_counted():
    with pytest.raises(es.InputError, match='"hidden" was not recorded'):
        es.measure.spike_counts(run({"out": table(OUT)}))


@pytest.mark.parametrize("until", [-1.0, math.nan, [1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_an_instant_that_is_none_is_refused(until):
    for measure in (es.measure.spike_counts, es.measure.synaptic_operations):
        with pytest.raises(es.InputError, match="until must be one time >= 0 ms or 3 of them"):
            measure(run(), until)


def test_a_run_without_samples_has_no_averages():
    empty = run_of(network(), {}, {"hidden": table([]), "out": table([])}, 0)
    counts = es.measure.spike_counts(empty)
    assert counts.total == 0 and math.isnan(counts.mean_per_sample) and math.isnan(counts.mean_per_neuron)
    assert math.isnan(es.measure.silent_fraction(empty))


def test_the_silent_fraction_is_over_pairs_of_a_neuron_and_a_sample():
    assert es.measure.silent_fraction(run()) == pytest.approx((15 - 5) / 15)
    assert es.measure.silent_fraction(run(), "hidden") == pytest.approx((9 - 3) / 9)
    with pytest.raises(es.InputError, match='"readout" cannot fire'):
        es.measure.silent_fraction(run(), "readout")


# ------------------------------------------------------------------ latencies


def test_latencies_by_neuron_sample_and_population():
    latency = es.measure.latency(run(), "hidden")
    assert latency.first.tolist() == [[1.0, INF, 2.0, INF], [INF, 3.0, INF, INF], [INF] * 4]
    assert latency.per_sample.tolist() == [1.0, 3.0, INF]
    assert latency.winner.tolist() == [0, 1, -1]
    assert latency.per_neuron.tolist() == [1.0, 3.0, 2.0, INF]
    assert latency.fired.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])
    assert latency.summary() == {"count": 3, "mean": 2.0, "median": 2.0, "p95": pytest.approx(2.9)}


def test_latencies_of_silence_have_no_summary():
    latency = es.measure.latency(run(), "readout")
    assert latency.summary() == {"count": 0, "mean": None, "median": None, "p95": None}
    assert latency.per_sample.tolist() == [INF, INF, INF]
    assert latency.winner.tolist() == [-1, -1, -1]


# ------------------------------------------------------------------ operations


def test_an_operation_is_an_arrival_strictly_before_the_instant():
    net = es.Network(seed=1)
    net.input("in", 2)
    net.population("out", 3, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "out", es.Dense(1.0), delay=2.0)
    net.connect("in", "out", es.Dense(0.0), delay=0.5)  # a weight of 0 is a synapse
    spikes = es.Spikes([1.0, 8.0], [0, 1], [0, 0])
    trace = run_of(net, {"in": spikes}, {"out": table([])}, 1)
    counts = [es.measure.synaptic_operations(trace, t)[0] for t in (1.5, 1.6, 3.0, 3.1, 8.6, INF)]
    assert counts == [0, 3, 3, 6, 9, 9]  # the last arrival, at 10, is not in [0, 10)
    assert es.measure.synaptic_operations(trace).tolist() == [9]


def test_arrivals_at_refractory_neurons_and_over_pooled_maps_count():
    net = es.Network(seed=1)
    net.input("in", (2, 2, 1))
    net.population("out", 3, es.LIF(tau_mem=20.0, tau_syn=0.0, t_refractory=es.NEVER))
    net.connect("in", "out", es.Dense(np.full((1, 3), 40.0), pool=2))
    trace = es.simulate(net, {"in": es.Spikes([0.0, 1.0, 2.0, 3.0], [0, 1, 2, 3])}, t_stop=T_STOP, engine="heap")
    assert len(trace.spikes("out").time) == 3
    assert es.measure.synaptic_operations(trace).tolist() == [12]


def test_operations_end_where_a_sample_was_stopped():
    net = es.Network(seed=1)
    net.input("in", 1)
    net.population("out", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "out", es.Dense(1.0))
    spikes = es.Spikes([1.0, 2.0, 1.0, 2.0], 0, [0, 0, 1, 1])
    trace = run_of(net, {"in": spikes}, {"out": table([])}, 2, ended=[1.5, T_STOP])
    assert es.measure.synaptic_operations(trace).tolist() == [1, 2]


times = st.integers(0, 40).map(lambda n: n / 4)


@settings(max_examples=60)
@given(
    inputs=st.lists(st.tuples(st.integers(0, 1), times, st.integers(0, 2)), max_size=12),
    hidden=st.lists(st.tuples(st.integers(0, 1), st.floats(0, 9.9), st.integers(0, 3)), max_size=12),
    delays=st.lists(times, min_size=6, max_size=6),
    until=st.tuples(times, times),
)
def test_operations_agree_with_counting_synapse_by_synapse(inputs, hidden, delays, until):
    net = es.Network(seed=1)
    net.input("in", 3)
    net.population("hidden", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "hidden", es.Sparse([0, 0, 2, 2, 2, 1], [1, 1, 0, 2, 3, 3], np.ones(6)), delay=np.array(delays))
    net.connect("hidden", "hidden", es.AllToAll(0.1), delay=0.3)
    sample, time, neuron = np.array(inputs, dtype=float).reshape(-1, 3).T
    spikes = es.Spikes(time, neuron, sample, n_samples=2)
    trace = run_of(net, {"in": spikes}, {"hidden": table(hidden)}, 2)
    expected = [0, 0]
    for projection, rows in (("in->hidden", inputs), ("hidden->hidden", hidden)):
        synapses = net.projections[projection].synapses()
        delay = np.broadcast_to(synapses.delay, synapses.source.shape)
        for s, t, n in rows:
            if t < T_STOP:
                arrivals = t + delay[synapses.source == n]
                expected[s] += int((arrivals < min(until[s], T_STOP)).sum())
    assert es.measure.synaptic_operations(trace, until).tolist() == expected


def test_operations_need_every_sender():
    net = network()
    net.connect("hidden", "out", es.Dense(1.0))
    with pytest.raises(es.InputError, match='"hidden" was not recorded'):
        es.measure.synaptic_operations(run_of(net, {}, {"out": table([])}, 1))


def test_unrecorded_poisson_arrivals_are_counted_from_the_seed():
    net = es.Network(seed=1)
    net.poisson("noise", 10, rate=100.0)
    net.population("out", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("noise", "out", es.Dense(0.0))
    unrecorded = es.simulate(net, t_stop=T_STOP, seed=5, engine="heap")
    recorded = es.simulate(net, t_stop=T_STOP, seed=5, engine="heap", record=["noise", "out"])
    spikes = len(recorded.spikes("noise").time)
    assert spikes > 0
    assert es.measure.synaptic_operations(unrecorded).tolist() == [4 * spikes]
    assert es.measure.synaptic_operations(recorded).tolist() == [4 * spikes]


# ------------------------------------------------------------------ energy


def test_the_dense_network_has_one_multiply_add_a_weight_applied():
    net = es.Network(seed=1)
    net.input("in", (4, 4, 2))
    net.population("map", (4, 4, 3), es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.population("out", 5, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "map", es.Conv2d(np.ones((3, 3, 2, 3)), padding=1))
    assert es.measure.dense_multiply_adds(net) == 10 * 10 * 2 * 3  # 10 of 12 taps a side hit the map
    net.connect("map", "out", es.Dense(np.ones((12, 5)), pool=2))
    assert es.measure.dense_multiply_adds(net) == 600 + 12 * 5


def test_energy_is_operations_against_multiply_adds():
    net = es.Network(seed=1)
    net.input("in", 4)
    net.population("out", 5, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "out", es.Dense(0.0))
    trace = run_of(net, {"in": es.Spikes([1.0, 2.0, 3.0], [0, 1, 2], [0, 0, 1])}, {"out": table([])}, 2)
    energy = es.measure.energy(trace)
    assert energy.operations == 7.5
    assert energy.spiking_pj == pytest.approx(7.5 * 0.9)
    assert energy.dense_pj == pytest.approx(20 * 4.6)
    assert energy.ratio == pytest.approx(7.5 * 0.9 / (20 * 4.6))
    other = es.measure.energy(trace, until=1.5, operation_pj=2.0, multiply_add_pj=1.0)
    assert other.spiking_pj == 2.5 * 2.0 and other.dense_pj == 20.0


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, INF])
def test_an_energy_that_is_not_positive_is_refused(value):
    with pytest.raises(es.InputError, match="operation_pj must be a positive number of picojoules"):
        es.measure.energy(run(), operation_pj=value)
