"""Silent-neuron policies."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import InputError
from training import regularize

inf = np.inf


@pytest.fixture
def net():
    net = es.Network(seed=0)
    ramp = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)
    source, hidden, output = (
        net.input("in", 3),
        net.population("hidden", 2, ramp),
        net.population("output", 2, ramp),
    )
    net.connect(source, hidden, es.Dense(np.array([[0.1, 1.0], [0.1, 1.0], [0.1, 1.0]])))
    net.connect(hidden, output, es.Dense(np.ones((2, 2))))
    return net


def batch(net, hidden, output, labels):
    weights = {name: p.weight for name, p in net.projections.items()}
    times = {"hidden": np.array(hidden), "output": np.array(output)}
    return regularize.Batch(weights, times, np.array(labels), "output", net.projections)


def test_a_silent_label_is_pushed_up_in_proportion(net):
    seen = batch(net, [[1.0, 1.0]] * 4, [[inf, 1.0], [inf, 1.0], [2.0, inf], [1.0, 2.0]], [0, 0, 0, 1])
    additions = regularize.SilentLabel(2.0).gradient(seen)
    assert list(additions) == ["hidden->output"]
    assert additions["hidden->output"].tolist() == [-1.0, 0.0]


def test_no_silent_label_means_no_push(net):
    assert regularize.SilentLabel().gradient(batch(net, [[1.0, 1.0]], [[1.0, inf]], [0])) == {}


def test_small_weight_sums_are_pushed_up(net):
    additions = regularize.WeightSum(1.0, minimum=1.0).gradient(batch(net, [[1.0, 1.0]], [[1.0, 1.0]], [0]))
    assert additions["in->hidden"].tolist() == [-0.5, 0.0] and "hidden->output" not in additions


def test_a_bump_wakes_the_first_layer_that_is_too_silent_and_doubles(net):
    policy = regularize.WeightBump(step=0.1, limit=0.5, growth=2.0, largest=0.3)
    dead = batch(net, [[inf, 1.0], [inf, 1.0]], [[inf, 1.0], [inf, 1.0]], [0, 1])
    sizes = [policy.bump(dead)["in->hidden"].tolist() for _ in range(3)]
    assert np.allclose(sizes, [[0.1, 0.0], [0.2, 0.0], [0.3, 0.0]])
    alive = batch(net, [[1.0, 1.0]] * 2, [[1.0, 1.0]] * 2, [0, 1])
    assert policy.bump(alive) == {}
    assert np.allclose(policy.bump(dead)["in->hidden"], [0.1, 0.0])


def test_what_a_bump_remembers_can_be_restored(net):
    dead = batch(net, [[inf, 1.0]], [[1.0, 1.0]], [0])
    one, two = regularize.WeightBump(limit=0.5), regularize.WeightBump(limit=0.5)
    one.bump(dead)
    two.load_state_dict(one.state_dict())
    assert np.array_equal(one.bump(dead)["in->hidden"], two.bump(dead)["in->hidden"])


@pytest.mark.parametrize(
    "policy",
    [
        regularize.SilentLabel(2.0), regularize.WeightSum(), regularize.WeightBump(limit=0.4),
        regularize.Firing(0.2, 3.0),
    ],
)
def test_a_policy_survives_its_dictionary(policy):
    assert regularize.from_dict(policy.to_dict()) == policy


def test_unknown_policies_and_settings_are_refused():
    with pytest.raises(InputError, match='Did you mean "weight_bump"'):
        regularize.from_dict({"kind": "weight_bumb"})
    with pytest.raises(InputError, match='Did you mean "limit"'):
        regularize.from_dict({"kind": "weight_bump", "limits": 0.5})
    with pytest.raises(InputError, match="strength"):
        regularize.SilentLabel(0.0)


def test_neurons_that_fire_too_seldom_are_pushed_up_by_what_is_missing(net):
    seen = batch(net, [[inf, 1.0], [inf, 1.0], [2.0, 1.0], [inf, 1.0]], [[inf, inf]] * 4, [0, 0, 0, 1])
    additions = regularize.Firing(0.75, strength=2.0).gradient(seen)
    assert list(additions) == ["in->hidden"]  # outputs have a policy of their own
    assert additions["in->hidden"].tolist() == [-1.0, 0.0]
    normalised = regularize.Firing(0.75, 2.0).gradient(seen._replace(normalized=frozenset({"in->hidden"})))
    assert 3.0 * normalised["in->hidden"] == pytest.approx([-1.0, 0.0])  # summed over the inputs: of the drive
    deleted = {"hidden": np.array([[True, False], [True, False], [False, False], [False, False]])}
    fewer = regularize.Firing(0.75, 2.0).gradient(seen._replace(dropped=deleted))
    assert fewer["in->hidden"].tolist() == [-0.5, 0.0]
    assert regularize.Firing(0.25).gradient(seen) == {}
    with pytest.raises(InputError, match="minimum = 0"):
        regularize.Firing(0.0)


def test_the_places_of_a_convolution_are_counted_together_and_pushed_together():
    net = es.Network(seed=0)
    ramp = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)
    net.input("in", (3, 2, 1))
    net.population("map", (2, 1, 3), ramp)
    net.connect("in", "map", es.Conv2d(np.full((2, 2, 1, 3), 0.1)))
    times = np.full((2, 2, 3), inf)
    times[:, :, 1] = times[0, 0, 2] = 1.0
    seen = regularize.Batch(
        {"in->map": net.projections["in->map"].weight}, {"map": times.reshape(2, 6)}, np.zeros(2, int), "out",
        net.projections,
    )  # fmt: skip
    assert regularize.Firing(1.0, 1.0).gradient(seen)["in->map"].tolist() == [-1.0, 0.0, -0.75]
    assert regularize.WeightBump(step=0.04, limit=0.9).bump(seen)["in->map"] == pytest.approx([0.04, 0.0, 0.02])
    assert regularize.WeightSum(1.0, minimum=0.5).gradient(seen)["in->map"] == pytest.approx([-1.0 / 3] * 3)
