"""Disturbed models: each disturbance does what it says, by counter, and nothing at rest."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import InputError
from training import Model, decode, disturb, encode, initialize
from training.disturb import Disturbance


@pytest.fixture(scope="module")
def case():
    """A model of ramp neurons, 30 samples and their labels."""
    net = es.Network(seed=4)
    net.input("in", 20)
    neuron = es.LIF(math.inf, math.inf, t_refractory=es.NEVER)
    net.population("hidden", 30, neuron)
    net.population("output", 4, neuron)
    net.connect("in", "hidden", es.Dense(0.0))
    net.connect("hidden", "output", es.Dense(0.0))
    initialize.by_current(net, {"in->hidden": 1.0, "hidden->output": 1.6}, spread=1.0)
    model = Model(net, encode.Latency(t_max=1.0), decode.FirstSpike(kind="latency", tau=0.1), "output", 3.0)
    rng = np.random.default_rng(0)
    values = rng.random((30, 20))
    return model, values, model.predict(values)


def test_a_model_that_is_left_alone_decides_as_it_does(case):
    model, values, labels = case
    result = disturb.evaluate(model, values, labels, Disturbance())
    plain = model.evaluate(values, labels)
    assert result["accuracy"] == plain["accuracy"] == 1.0
    assert result["latency_ms"] == plain["latency_ms"] and result["n_samples"] == 30


@pytest.mark.parametrize("how", [
    {"jitter_ms": 0.1}, {"drop": 0.3}, {"weight_bits": 3}, {"time_bits": 4}, {"threshold_cv": 0.2},
])  # fmt: skip
def test_a_result_depends_on_the_seed_alone(case, how):
    model, values, labels = case
    one = disturb.evaluate(model, values, labels, Disturbance(**how, seed=1), threads=1)
    for batch, threads in ((7, 1), (30, 2)):
        assert disturb.evaluate(model, values, labels, Disturbance(**how, seed=1), threads=threads, batch=batch) == one
    assert one["latency_ms"] != model.evaluate(values, labels)["latency_ms"]
    if not {"weight_bits", "time_bits"} & how.keys():
        assert disturb.evaluate(model, values, labels, Disturbance(**how, seed=2))["latency_ms"] != one["latency_ms"]


def test_jitter_has_the_wished_deviation_and_leaves_silence_alone():
    times = np.full((200, 50), 5.0)
    times[:, ::5] = np.inf
    Disturbance(jitter_ms=0.3).alter("a", 0, times, 100.0)
    moved = times[np.isfinite(times)] - 5.0
    assert moved.size == 8000 and np.std(moved) == pytest.approx(0.3, rel=0.03) and abs(np.mean(moved)) < 0.02
    assert np.isinf(times[:, ::5]).all()
    early = np.zeros((1, 1000))
    Disturbance(jitter_ms=0.3).alter("a", 0, early, 100.0)
    assert early.min() == 0.0 < early.max()


def test_the_wished_part_of_spikes_is_lost_and_outputs_lose_none():
    times = np.ones((200, 50))
    Disturbance(drop=0.25).alter("a", 0, times, 10.0)
    assert np.mean(np.isinf(times)) == pytest.approx(0.25, abs=0.02)
    times = np.ones((200, 50))
    Disturbance(drop=0.25).alter("a", 0, times, 10.0, in_flight=False)
    assert np.isfinite(times).all()


def test_coarse_times_are_the_next_steps_of_the_horizon():
    times = np.array([[0.0, 0.01, 0.25, 0.26, 0.9, np.inf]])
    Disturbance(time_bits=2).alter("a", 0, times, 1.0)
    assert times.tolist() == [[0.0, 0.25, 0.25, 0.5, np.inf, np.inf]]


def test_coarse_weights_have_as_many_values_as_their_bits_allow(case):
    model, _, _ = case
    for bits in (2, 3, 5):
        for name, weight in Disturbance(weight_bits=bits).weights(model.net).items():
            given = model.net.projections[name].weight
            step = np.abs(given).max() / (2 ** (bits - 1) - 1)
            assert len(np.unique(weight)) <= 2**bits - 1
            assert np.max(np.abs(weight - given)) <= 0.5 * step * (1 + 1e-12)


def test_thresholds_spread_about_their_distance_from_the_initial_potential():
    net = es.Network(seed=1)
    net.population("a", 5000, es.LIF(20.0, 5.0, v_rest=-70.0, v_reset=-70.0, v_init=-70.0, v_threshold=-50.0))
    uneven = Disturbance(threshold_cv=0.1).thresholds(net)["a"]
    assert np.mean(uneven) == pytest.approx(-50.0, abs=0.1) and np.std(uneven) == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("how, said", [
    ({"jitter_ms": -1.0}, r"jitter_ms = -1\.0"), ({"jitter_ms": math.nan}, "jitter_ms = nan"),
    ({"drop": 1.0}, r"drop = 1\.0"), ({"weight_bits": 1}, "weight_bits = 1"), ({"time_bits": 40}, "time_bits = 40"),
    ({"threshold_cv": math.inf}, "threshold_cv = inf"),
])  # fmt: skip
def test_disturbances_out_of_range_are_refused(how, said):
    with pytest.raises(InputError, match=said):
        Disturbance(**how)


def test_labels_that_do_not_fit_are_refused(case):
    model, values, labels = case
    with pytest.raises(InputError, match="give one label a sample"):
        disturb.evaluate(model, values, labels[:-1], Disturbance())


def test_inputs_with_several_spikes_are_refused(case):
    spikes = es.Spikes([0.1, 0.2], [3, 3])
    with pytest.raises(InputError, match="several spikes of a neuron"):
        Disturbance().stimulus(spikes, "in", 20, 0, 1.0)
