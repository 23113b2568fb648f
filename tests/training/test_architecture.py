"""Networks from descriptions of layers, and their initial weights."""

import math
import re

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import InputError
from training import architecture, config, datasets, initialize
from training.architecture import AveragePool, Convolution, FirstArrival, Full
from training.passes import Passes

RAMP = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)


@pytest.mark.parametrize("text, layer", [
    (600, Full(600)), ("32C5", Convolution(32, 5, 1, 0)), ("32C5s2", Convolution(32, 5, 2, 0)),
    ("64C3p1", Convolution(64, 3, 1, 1)), ("64C3same", Convolution(64, 3, 1, "same")),
    ("8C3s2same", Convolution(8, 3, 2, "same")), ("8C3p0", Convolution(8, 3, 1, 0)),
    ("P2", AveragePool(2)), ("F3", FirstArrival(3)),
])  # fmt: skip
def test_descriptions_are_understood(text, layer):
    assert architecture.parse(text) == layer


@pytest.mark.parametrize("text, words", [
    ("M2", 'use "F2" (first arrival) or "P2" (average pooling)'), ("32C", "is not known; allowed: a number"),
    ("C5", "is not known"), (0, "is not known"), (True, "is not known"), ("32C0", "a size of 0"),
    ("P0", "a size of 0"), ("32c5", "is not known"), (2.5, "is not known"),
])  # fmt: skip
def test_what_is_no_layer_is_refused_with_one_line(text, words):
    with pytest.raises(InputError) as caught:
        architecture.parse(text)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def built(hidden, shape=(28, 28, 1)):
    net = es.Network(seed=1)
    architecture.build(net, shape, hidden, RAMP, RAMP, 10)
    return net


def test_layers_have_the_shapes_that_they_say():
    net = built(["32C5", "P2", "64C5", "F2", "16C3s2same", 600])
    assert {p.name: p.shape for p in net.populations.values()} == {
        "input": (28, 28, 1), "hidden1": (24, 24, 32), "hidden2": (8, 8, 64), "pool2": (4, 4, 64),
        "hidden3": (2, 2, 16), "hidden4": (600,), "output": (10,),
    }  # fmt: skip
    pools = {name: p.connection.pool for name, p in net.projections.items()}
    assert pools["hidden1->hidden2"] == 2 and sorted(pools.values()) == [1, 1, 1, 1, 1, 2]
    assert built(["8C5", "P2", "P2"]).projections["hidden->output"].weight.shape == (6 * 6 * 8, 10)
    assert built(["8C5"], (28, 28))["input"].shape == (28, 28, 1)
    assert built([20], (28, 28))["input"].shape == (28, 28)


@pytest.mark.parametrize("hidden, shape, words", [
    (["P2"], (28, 28, 1), "no layer of neurons"), ([30, "8C3"], (28, 28, 1), '"8C3" needs a map'),
    (["8C3"], (784,), '"input" has shape (784,)'), (["8C5", "P5"], (28, 28, 1), "24 x 24"),
    (["8C5", "P2", "F2"], (28, 28, 1), "swap them"), (["8C5", "F5"], (28, 28, 1), "24 x 24"),
    (["8C29"], (28, 28, 1), "kernel of 29"),
])  # fmt: skip
def test_layers_that_do_not_fit_are_refused_with_one_line(hidden, shape, words):
    with pytest.raises(InputError) as caught:
        built(hidden, shape)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_on_and_off_pixels_are_two_channels_of_the_map():
    text = {"data": {"name": "mnist"}, "network": {"hidden": ["4C5s3"]}, "encoder": {"channels": "on_off"}}
    model = config.build(config.parse(text), (28, 28, 1), range(10))
    assert model.net["input"].shape == (28, 28, 2) and model.net["hidden"].shape == (8, 8, 4)
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image[0, 3, 5, 0] = 255
    spikes = model.encode(image)["input"]
    early = spikes.neuron[spikes.time == 0.0]
    on, off = np.unravel_index(early, (28, 28, 2))[2] == 0, np.unravel_index(early, (28, 28, 2))[2] == 1
    assert early[on].tolist() == [(3 * 28 + 5) * 2] and off.sum() == 783


def parsed(**initial):
    layers = ["6C3", "P2", "8C3", "F2"]
    network = {"hidden": layers, "tau_mem": math.inf, "tau_syn": math.inf, "t_stop": 3.0, "readout": "potential"}
    return config.parse({"network": network | {"initial": initial}})


def test_the_fan_in_of_a_convolution_counts_its_kernel_and_what_is_pooled():
    net = built(["6C3", "P2", "8C3", "F2"], (14, 14, 2))
    for projection in net.projections.values():
        synapses = projection.synapses()
        assert initialize.fan_in(projection) == np.bincount(synapses.target).max()


def test_pooled_inputs_give_the_wished_moments_of_the_potential():
    rng = np.random.default_rng(0)
    mean, sd = initialize.moment_rule(math.inf, math.inf, 200, 1.0, kappa=1.25, mean=0.5, pool=2)
    times = rng.uniform(0.0, 1.0, (4000, 50, 4))
    weights = rng.normal(mean, sd, (4000, 50))
    balanced = weights - mean
    at_half = np.maximum(0.5 - times, 0.0).mean(axis=2)
    assert np.std(np.sum(balanced * at_half, axis=1)) == pytest.approx(1.0 / 1.25, rel=0.05)
    assert np.mean(np.sum(weights * (1.0 - times).mean(axis=2), axis=1)) == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("rule, sds", [
    ("discrete", [math.sqrt(4.0 / 9), math.sqrt(4.0 / 54)]),
    ("kaiming", [math.sqrt(2.0 / 9), math.sqrt(2.0 / 54)]),
])  # fmt: skip
def test_rules_by_name_draw_with_their_deviation(rule, sds):
    model = config.build(parsed(rule=rule, steps=4.0, gain=[1.0, 2.0, 1.0]), (14, 14, 1), "ab")
    projections = list(model.net.projections.values())
    assert [p.name for p in projections] == ["input->hidden1", "hidden1->hidden2", "hidden2->pool2", "pool2->output"]
    for projection, sd, gain in zip(projections, sds, (1.0, 2.0), strict=False):
        drawn = initialize.draw(projection.weight.shape, 0.0, sd, 0, projection.name)
        assert np.allclose(projection.weight, gain * drawn, rtol=1e-14)
    assert set(np.unique(projections[2].weight)) == {0.0, 1.0}


@pytest.mark.compiled
def test_the_measured_rule_reaches_the_wished_firing_of_each_layer_of_a_conv_net():
    images = datasets.load("digits").images[:300]
    tables = {"network": {
        "hidden": ["6C3", "8C3", "F2"], "tau_mem": math.inf, "tau_syn": math.inf, "t_stop": 3.0, "readout": "potential",
        "initial": {"rule": "measured", "firing": [0.6, 0.4], "readout_sd": 0.5, "gain": [1.0, 1.0, 2.0]},
    }}  # fmt: skip
    model = config.build(config.parse(tables), (8, 8, 1), range(10), images)
    activity = Passes(model.net, 3.0, threads=1).forward(model.encode(images[:256]))
    assert np.isfinite(activity.time["hidden1"]).mean() == pytest.approx(0.6, abs=0.01)
    assert np.isfinite(activity.time["hidden2"]).mean() == pytest.approx(0.4, abs=0.01)
    assert np.std(activity.potential["output"]) == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(InputError, match="needs training samples"):
        config.build(config.parse(tables), (8, 8, 1), range(10))


@pytest.mark.compiled
def test_a_firing_that_no_scale_reaches_is_refused_with_what_is_in_reach():
    images = np.zeros((20, 8, 8, 1), np.uint8)
    images[:, :4] = np.random.default_rng(0).integers(1, 17, (20, 4, 8, 1))

    def build(firing):
        network = {
            "hidden": ["6C3"], "tau_mem": math.inf, "tau_syn": math.inf, "t_stop": 3.0,
            "initial": {"rule": "measured", "firing": [firing, 0.5], "mean": 1.0},
        }  # fmt: skip
        return config.build(config.parse({"network": network}), (8, 8, 1), range(10), images)

    with pytest.raises(InputError, match=r'firing = 0\.9 of "hidden" is out of reach') as caught:
        build(0.9)
    assert "\n" not in str(caught.value)
    most = float(re.search(r"at most ([\d.]+) fire", str(caught.value))[1])
    assert 0.4 < most < 2.0 / 3.0  # a third of the places is dark
    reached = build(0.85 * most)
    times = Passes(reached.net, 3.0, threads=1).forward(reached.encode(images)).time["hidden"]
    assert np.isfinite(times).mean() == pytest.approx(0.85 * most, abs=0.01)


@pytest.mark.parametrize("initial, words", [
    ({"firing": [0.5], "rule": "measured"}, "firing has 1 values for 2 layers"),
    ({"firing": 1.0, "rule": "measured"}, "firing = 1.0 cannot be reached"),
    ({"gain": [1.0]}, "gain has 1 values for 3 projections"),
])  # fmt: skip
def test_settings_of_a_rule_that_do_not_fit_are_refused(initial, words):
    with pytest.raises(InputError) as caught:
        config.build(parsed(**initial), (14, 14, 1), "ab", np.full((3, 14, 14, 1), 0.5))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_rule_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match=r'rule "measure" is not known.*Did you mean "measured"'):
        parsed(rule="measure")
