"""Synaptic operations by projection, against arrivals counted one by one."""

import numpy as np
import pytest
from refusals import refusal
from small_runs import network, onset, recurrent_run

import eventsim as es


def counted_one_by_one(trace, projection):
    """Return the arrivals of every sample over a projection, synapse by synapse."""
    synapses, spikes = projection.synapses(), trace.spikes(projection.source.name)
    delays = np.broadcast_to(synapses.delay, len(synapses.source))
    total = np.zeros(trace.n_samples, dtype=np.int64)
    for time, neuron, sample in zip(spikes.time, spikes.neuron, spikes.sample):
        total[sample] += np.count_nonzero(time + delays[synapses.source == neuron] < trace.ended[sample])
    return total


def stopped_run():
    """Return a run with a delay for each synapse whose samples ended at their decision, with arrivals under way."""
    net = es.Network(seed=4)
    net.input("in", 6)
    net.population("out", 3, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "out", es.Dense(es.Uniform(0.4, 1.2)), delay=es.Uniform(0.0, 9.0))
    net.connect("out", "out", es.AllToAll(0.1), delay=es.Uniform(0.5, 9.0))
    given = es.Spikes(np.linspace(0.0, 20.0, 24), np.arange(24) % 6, np.arange(24) % 2, n_samples=2)
    trace = es.simulate(net, {"in": given}, 30.0, seed=1, stop="decision", output="out")
    assert (trace.ended < 30.0).all()
    return trace


@pytest.mark.parametrize("run", [recurrent_run, stopped_run], ids=["whole", "stopped"])
def test_operations_by_projection_are_those_counted_one_by_one_and_add_up(run):
    trace = run()
    found = es.measure.operations_by_projection(trace)
    assert list(found) == list(trace.network.projections)
    for name, projection in trace.network.projections.items():
        if projection.source.kind != "poisson":
            assert np.array_equal(found[name], counted_one_by_one(trace, projection))
    assert np.array_equal(sum(found.values()), es.measure.synaptic_operations(trace))


def test_operations_by_projection_stop_at_the_given_instant():
    trace = recurrent_run()
    found = es.measure.operations_by_projection(trace, until=7.5)
    assert np.array_equal(sum(found.values()), es.measure.synaptic_operations(trace, until=7.5))


def test_operations_by_projection_are_refused_where_a_sender_was_not_recorded():
    trace = es.simulate(network(), {"onset": onset()}, 20.0, seed=11, record=["inhibitory"])
    assert "excitatory" in refusal(es.measure.operations_by_projection, trace)
