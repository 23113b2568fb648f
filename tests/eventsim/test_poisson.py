"""Poisson trains: exact in their counters, the same however they are cut, and Poisson."""

import math

import hypothesis.strategies as st
import networks
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

import eventsim as es
from eventsim import poisson, random


def source(rate, seed=5, sample=0, name="noise"):
    return poisson.Source(name, np.array(rate, float), seed, sample)


def trains(pieces, size):
    """Return the spike times by neuron of consecutive pieces (time, neuron)."""
    time, neuron = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return [time[neuron == j].tolist() for j in range(size)]


def test_intervals_are_the_logarithms_of_the_draws_at_their_counters():
    rate, seed, sample = [200.0, 50.0], 5, 3
    found = trains([source(rate, seed, sample).until(100.0)], 2)
    key = random.stream_key(seed, "poisson/noise")
    for j in range(2):
        expected, t, k = [], 0.0, 0
        while True:
            t += -math.log(random.uniform(key, k, sample, j, 0)) / (rate[j] / 1000.0)
            if t >= 100.0:
                break
            expected.append(t)
            k += 1
        assert found[j] == pytest.approx(expected, rel=1e-15)
        assert len(expected) > 1


@settings(max_examples=networks.examples(40))
@given(cuts=st.lists(st.floats(0.0, 200.0), max_size=6))
def test_a_train_does_not_depend_on_how_the_run_is_cut(cuts):
    rate = [100.0, 0.0, 400.0]
    whole = trains([source(rate).until(200.0)], 3)
    pieces = source(rate)
    assert trains([pieces.until(cut) for cut in [*sorted(cuts), 200.0]], 3) == whole


def test_a_train_does_not_depend_on_the_other_neurons():
    few = trains([source([90.0, 40.0]).until(100.0)], 2)
    assert trains([source([90.0, 40.0, 7.0, 900.0]).until(100.0)], 4)[:2] == few


def test_samples_seeds_and_names_have_trains_of_their_own():
    options = [{}, {"sample": 1}, {"seed": 6}, {"name": "other"}]
    first = [trains([source([100.0], **option).until(100.0)], 1)[0][0] for option in options]
    assert len(set(first)) == len(first)


def test_spikes_come_sorted_by_time_and_before_the_end():
    time, neuron = source([500.0] * 8).until(50.0)
    assert np.all(np.diff(time) >= 0.0)
    assert time.min() > 0.0 and time.max() < 50.0
    assert set(neuron.tolist()) == set(range(8))


def test_a_rate_of_zero_is_silent_and_no_neurons_are_no_spikes():
    assert source([0.0, 0.0]).until(1e6)[0].size == 0
    assert source([]).until(10.0)[0].size == 0
    assert source([100.0]).until(0.0)[0].size == 0


def test_high_rates_give_their_many_spikes():
    time, neuron = source([3e6, 1e6]).until(1.0)
    counts = np.bincount(neuron)
    assert counts == pytest.approx([3000, 1000], abs=250)
    assert len(np.unique(time)) == len(time)


def test_intervals_are_exponential_with_the_given_rate():
    time, _ = source([250.0]).until(40000.0)
    intervals = np.diff(time)
    assert len(intervals) == pytest.approx(10000, abs=400)
    assert stats.kstest(intervals, "expon", args=(0.0, 4.0)).pvalue > 1e-3
    assert abs(np.corrcoef(intervals[1:], intervals[:-1])[0, 1]) < 0.05


def test_a_simulation_delivers_exactly_these_trains():
    net = es.Network(seed=1)
    net.poisson("noise", 4, rate=[100.0, 0.0, 30.0, 800.0])
    net.population("cell", 1, es.LIF(20.0, 5.0))
    net.connect("noise", "cell", es.Dense(0.1))
    trace = es.simulate(net, None, 80.0, seed=9, record=["noise"])
    recorded = trace.spikes("noise")
    time, neuron = source([100.0, 0.0, 30.0, 800.0], seed=9).until(80.0)
    assert recorded.time.tolist() == time.tolist()
    assert recorded.neuron.tolist() == neuron.tolist()
