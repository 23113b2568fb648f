"""The reference engine: readable, and it checks itself."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.engines.reference import Reference, Sample
from eventsim.lower import lower
from eventsim.neurons import membrane


def pair(**parameters):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cells = net.population("cells", 2, es.LIF(math.inf, math.inf, **parameters))
    net.connect(source, cells, es.Dense([[0.5, 0.25]]), delay=1.0)
    return net


def test_spikes_are_recorded_with_time_neuron_slope_and_generation():
    run = Reference(pair(t_refractory=es.NEVER), [(1.0, "source", 0, 1.0)])
    run.run(100.0)
    assert run.record == [(4.0, "cells", 0, 0.5, 0), (6.0, "cells", 1, 0.25, 0)]
    assert run.arrivals == 2


def test_the_clock_stands_at_the_last_event_before_the_end():
    run = Reference(pair(t_refractory=es.NEVER), [(1.0, "source", 0, 1.0)])
    run.run(5.0)
    assert run.now == 4.0
    assert len(run.record) == 1


def test_an_event_in_the_past_is_noticed():
    run = Reference(pair(), [(3.0, "source", 0, 1.0)])
    run.run(5.0)
    run.give(1.0, "source", 0, 1.0)
    with pytest.raises(AssertionError, match=r"an event at 1\.0 comes after the clock stood at 4\.0"):
        run.run(5.0)


def test_a_crossing_that_misses_the_threshold_is_noticed(monkeypatch):
    right = membrane.crossing
    monkeypatch.setattr(membrane, "crossing", lambda *arguments: 1.001 * right(*arguments))
    run = Reference(pair(), [(1.0, "source", 0, 1.0)])
    with pytest.raises(AssertionError, match=r"cells\[[01]\]: V misses the threshold"):
        run.run(10.0)


def test_neurons_sort_by_population_and_id():
    neurons = Reference(pair(), []).neurons
    assert neurons["cells", 0] < neurons["cells", 1]
    assert not neurons["cells", 1] < neurons["cells", 0]


def test_a_sample_hands_over_global_ids_and_forgets_them():
    net = pair(t_refractory=es.NEVER)
    sample = Sample(net, lower(net))
    given = (np.array([1.0]), np.array([2], np.int32), np.array([1.0]))
    assert not sample.run(given, 5.0, (2**62, 0, 0), lambda: False)
    time, gid, slope, generation = sample.take()
    assert (time.tolist(), gid.tolist(), slope.tolist(), generation.tolist()) == ([4.0], [0], [0.5], [0])
    assert all(len(column) == 0 for column in sample.take())
    assert (time.dtype, gid.dtype, slope.dtype, generation.dtype) == (np.float64, np.int32, np.float64, np.int32)


def test_a_stop_condition_counts_spikes_that_were_taken_before():
    net = pair()
    sample = Sample(net, lower(net))
    given = (np.array([1.0]), np.array([2], np.int32), np.array([1.0]))
    nothing = (np.zeros(0), np.zeros(0, np.int32), np.zeros(0))
    assert not sample.run(given, 5.0, (2, 0, 0), lambda: False)
    sample.take()
    assert sample.run(nothing, 50.0, (2, 0, 0), lambda: False)
    assert sample.take()[0].tolist() == [6.0, 6.0]
    assert sample.clock == 6.0


def test_a_stop_condition_met_at_the_last_event_stops_the_sample_too():
    net = pair(t_refractory=es.NEVER)
    sample = Sample(net, lower(net))
    given = (np.array([1.0]), np.array([2], np.int32), np.array([1.0]))
    assert sample.run(given, 50.0, (2, 0, 0), lambda: False)
    assert sample.clock == 6.0


def test_a_cancelled_sample_does_nothing_more():
    net = pair()
    sample = Sample(net, lower(net))
    given = (np.array([1.0]), np.array([2], np.int32), np.array([1.0]))
    assert not sample.run(given, 50.0, (2**62, 0, 0), lambda: True)
    assert len(sample.take()[0]) == 0
