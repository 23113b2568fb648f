"""Largest potentials of silent neurons: against fine grids and central differences; the policy that pulls them."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.engines import layers
from eventsim.errors import InputError
from training import peaks, regularize

REGIMES = [(math.inf, math.inf), (math.inf, 5.0), (20.0, 5.0), (10.0, 10.0), (10.0, math.inf), (3.0, 10.0)]
T_STOP = 30.0


def conv_net(taus, offset=0.0):
    """Return a net of a map whose neurons cannot reach their threshold, and a stimulus."""
    rng = np.random.default_rng(2)
    net = es.Network(seed=0)
    neuron = es.LIF(*taus, v_threshold=100.0, v_init=0.3, v_rest=0.1, t_refractory=es.NEVER, i_offset=offset)
    net.input("in", (4, 4, 2))
    net.input("more", 3)
    net.population("map", (3, 3, 2), neuron)
    net.connect("in", "map", es.Conv2d(rng.normal(0.1, 0.5, (2, 2, 2, 2))), name="conv")
    net.connect("more", "map", es.Dense(rng.normal(0.0, 0.3, (3, 18))), delay=0.5, name="dense")
    sample = np.repeat(np.arange(3), 20)
    stimulus = {
        "in": es.Spikes(rng.uniform(0, 20, 60), rng.integers(0, 32, 60), sample, rng.uniform(0.5, 1, 60), n_samples=3),
        "more": es.Spikes(rng.uniform(0, 20, 6), [0, 1, 2] * 2, [0, 0, 0, 1, 2, 2], n_samples=3),
    }
    return net, stimulus


def run(net, stimulus, weights=None):
    plan = layers.plan(net)
    return layers.forward(plan, stimulus, T_STOP, weights=weights, keep_events=True, threads=1)


@pytest.mark.compiled
@pytest.mark.parametrize("offset", [0.0, -0.02])
@pytest.mark.parametrize("taus", REGIMES)
def test_the_largest_potential_is_that_of_a_fine_grid(taus, offset):
    net, stimulus = conv_net(taus, offset)
    asked = np.ones((3, 18), bool)
    asked[1, 5] = False
    missing, _ = peaks.gradient(run(net, stimulus), "map", asked)
    trace = es.simulate(net, stimulus, T_STOP, engine="heap")
    times = np.linspace(0.0, T_STOP, 20001)
    pulled_down = 0
    for sample in range(3):
        v, _ = trace.membrane("map", np.arange(18), times, sample=sample)
        highest = np.where(asked[sample], np.asarray(v).reshape(-1, len(times)).max(axis=1) - 100.0, 0.0)
        risen = (highest > -99.69) | ~asked[sample]
        assert np.abs(missing[sample] - highest)[risen].max() < 2e-3
        assert (missing[sample] >= highest - 1e-9)[risen].all()
        pulled_down += np.count_nonzero(missing[sample] < -99.71)
    assert pulled_down > 0  # what only fell is seen at its lowest


@pytest.mark.parametrize("taus", REGIMES)
def test_its_derivatives_by_the_weights_are_those_of_central_differences(taus):
    net, stimulus = conv_net(taus)
    asked = np.random.default_rng(0).random((3, 18)) < 0.7
    _, found = peaks.gradient(run(net, stimulus), "map", asked)
    rng = np.random.default_rng(1)
    for name, gradient in found.items():
        weight = np.array(net.projections[name].weight)
        assert gradient.shape == weight.shape
        for place in rng.choice(weight.size, 8, replace=False):
            kept, h, sums = weight.flat[place], 1e-5, []
            for step in (h, -h):
                weight.flat[place] = kept + step
                sums.append(peaks.gradient(run(net, stimulus, {name: weight}), "map", asked)[0].sum())
            weight.flat[place] = kept
            assert gradient.flat[place] == pytest.approx((sums[0] - sums[1]) / (2 * h), rel=1e-6, abs=1e-7)


def test_the_policy_pulls_what_fires_too_seldom_and_the_silent_label():
    net = es.Network(seed=0)
    ramp = es.LIF(math.inf, math.inf, t_refractory=es.NEVER)
    net.input("in", 2)
    net.population("hidden", 2, ramp)
    net.population("output", 2, ramp)
    net.connect("in", "hidden", es.Dense([[0.1, 1.0], [0.1, 1.0]]))
    net.connect("hidden", "output", es.Dense([[0.1, 1.0], [0.1, 1.0]]))
    stimulus = {"in": es.Spikes([1.0, 2.0, 1.0, 2.0], [0, 1, 0, 1], [0, 0, 1, 1])}
    activity = layers.forward(layers.plan(net), stimulus, 4.0, keep_events=True)
    assert np.isfinite(activity.time["hidden"]).tolist() == [[False, True]] * 2
    weights = {name: p.weight for name, p in net.projections.items()}
    seen = regularize.Batch(weights, activity.time, np.array([0, 1]), "output", net.projections, activity=activity)
    found = regularize.Peak(0.1, strength=2.0).gradient(seen)
    # the potential of a ramp at the horizon grows by the time that is left
    assert found["in->hidden"] == pytest.approx(np.array([[-6.0, 0.0], [-4.0, 0.0]]))
    left = 4.0 - activity.time["hidden"][0, 1]
    assert found["hidden->output"] == pytest.approx(np.array([[0.0, 0.0], [-left, 0.0]]))
    deleted = seen._replace(dropped={"hidden": np.array([[True, False]] * 2)})
    assert "in->hidden" not in regularize.Peak(0.1).gradient(deleted)
    with pytest.raises(InputError, match="Peak's minimum"):
        regularize.Peak(2.0)
    assert regularize.from_dict({"kind": "peak", "minimum": 0.2}) == regularize.Peak(0.2)
