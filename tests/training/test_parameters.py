"""Learnable arrays of convolutional networks: what is shared, folded and passed back to it."""

import math

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.errors import InputError
from training import decode, encode
from training.parameters import Parameters
from training.passes import Passes

T_STOP = 4.0


def conv_model(readout=False, pool=False, seed=3):
    """Return a model of a 6 x 6 map, a convolution, perhaps first-arrival pooling, and 3 outputs."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    ramp = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)
    net.input("image", (6, 6, 2))
    net.population("map", (4, 4, 3), ramp)
    net.connect("image", "map", es.Conv2d(rng.normal(0.15, 0.25, (3, 3, 2, 3))))
    last = "map"
    if pool:
        last = "pooled"
        net.population(last, (2, 2, 3), training.first_arrival.neuron())
        net.connect("map", last, training.first_arrival.connection(3, 2), delay=0.125)
    net.population("output", 3, ramp.replace(v_threshold=es.NEVER) if readout else ramp)
    net.connect(last, "output", es.Dense(rng.normal(0.2, 0.3, (net[last].size, 3))))
    decoder = decode.Potential(0.7) if readout else decode.FirstSpike("latency", tau=0.7)
    return training.Model(net, encode.Latency(), decoder, "output", t_stop=T_STOP)


def images(n=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.02, 1.0, (n, 6, 6, 2)), rng.integers(0, 3, n)


def loss_of(model, parameters, passes):
    values, labels = images()
    activity = passes.forward(model.encode(values), *parameters.effective(), learning=True)
    loss, gradient = model.decoder(model.read(activity), labels)
    return loss, gradient, activity


@pytest.mark.parametrize("readout", [False, True])
@pytest.mark.parametrize("pool", [False, True])
def test_every_array_has_the_gradient_of_central_differences(readout, pool):
    model = conv_model(readout, pool)
    for projection in ("image->map", f"{'pooled' if pool else 'map'}->output"):
        assert projection in model.net.projections
    parameters = Parameters(model.net, ("weights", "thresholds", "offsets"), normalized=True)
    passes = Passes(model.net, T_STOP, threads=1)
    _, loss_gradient, activity = loss_of(model, parameters, passes)
    assert np.isfinite(activity.time["map"]).mean() > 0.5
    found = passes.backward(activity, {"output": loss_gradient})
    gradients = parameters.backward(found.weights, found.thresholds, found.offsets)
    assert set(gradients) == set(parameters.arrays)
    rng = np.random.default_rng(1)
    for name, array in parameters.arrays.items():
        assert np.any(gradients[name]), name
        largest = np.abs(gradients[name]).max()
        for place in rng.choice(array.size, min(array.size, 6), replace=False):
            kept, misses = array.flat[place], []
            for h in (1e-4, 1e-5, 1e-6):  # a step may change the order of two spikes
                array.flat[place] = kept + h
                up = loss_of(model, parameters, passes)[0]
                array.flat[place] = kept - h
                down = loss_of(model, parameters, passes)[0]
                array.flat[place] = kept
                misses.append(abs((up - down) / (2.0 * h) - gradients[name].flat[place]))
            assert min(misses) <= 2e-6 * largest, (name, place, misses)


def test_thresholds_and_offsets_of_a_map_are_one_a_channel():
    parameters = Parameters(conv_model().net, ("thresholds", "offsets"))
    shapes = {name: array.shape for name, array in parameters.arrays.items()}
    assert shapes == {"threshold/map": (3,), "threshold/output": (3,), "offset/map": (3,), "offset/output": (3,)}
    parameters.arrays["offset/map"][:] = 0.1, 0.2, 0.3
    effective = parameters.effective()
    assert effective.weights == {}
    assert effective.offsets["map"].reshape(4, 4, 3)[2, 1].tolist() == [0.1, 0.2, 0.3]
    gradient = parameters.backward({}, *({"map": np.arange(48.0), "output": np.arange(3.0)},) * 2)
    assert gradient["offset/map"].tolist() == np.arange(48.0).reshape(16, 3).sum(axis=0).tolist()
    assert gradient["threshold/output"].tolist() == [0.0, 1.0, 2.0]


def test_what_was_folded_computes_the_same_bits():
    model = conv_model(pool=True)
    parameters = Parameters(model.net, ("weights", "thresholds", "offsets"), normalized=True)
    rng = np.random.default_rng(0)
    for array in parameters.arrays.values():
        array += rng.uniform(0.0, 0.05, array.shape)
    values, _ = images()
    expected = model.outputs(values, **parameters.effective()._asdict())
    parameters.fold(model.net)
    assert np.isfinite(expected).any()
    assert np.array_equal(model.outputs(values), expected)
    assert np.array_equal(model.simulate(values, engine="heap").first_spikes("output"), expected)


def test_weights_into_first_arrival_pooling_are_not_learned():
    net = conv_model(pool=True).net
    assert training.first_arrival.populations(net) == {"pooled"}
    assert not any("pooled" in name.split("->")[-1] for name in Parameters(net, normalized=True).arrays)
    net.projections["map->pooled"].set_weight(0.5)
    assert training.first_arrival.populations(net) == frozenset()


def test_parameters_that_differ_between_places_cannot_be_shared():
    net = conv_model().net
    net.set_neuron("map", net["map"].neuron.replace(v_threshold=np.linspace(1.0, 2.0, 48)))
    with pytest.raises(InputError, match='v_threshold of "map" differs between the places') as caught:
        Parameters(net, ("thresholds",))
    assert "\n" not in str(caught.value)


def test_dropped_spikes_count_as_silent_and_have_no_gradient():
    model = conv_model()
    passes = Passes(model.net, T_STOP, threads=1)
    values, labels = images()
    stimulus = model.encode(values)
    dropped = {"image": np.zeros((5, 72), bool), "map": np.zeros((5, 48), bool)}
    dropped["image"][:, 7] = dropped["map"][:, 5] = True
    activity = passes.forward(stimulus, dropped=dropped, learning=True)
    assert np.isinf(activity.time["map"][:, 5]).all() and np.isinf(activity.slope["map"][:, 5]).all()
    values[:, 0, 3, 1] = 0.0  # input 7, silent by itself
    weights = {name: np.array(p.weight) for name, p in model.net.projections.items()}
    weights["map->output"][5] = 0.0
    other = passes.forward(model.encode(values), weights, learning=True)
    assert np.array_equal(activity.time["output"], other.time["output"])
    _, loss_gradient = model.decoder(model.read(activity), labels)
    one = passes.backward(activity, {"output": loss_gradient}).weights
    two = passes.backward(other, {"output": loss_gradient}).weights
    assert np.array_equal(one["image->map"], two["image->map"])
    assert not one["map->output"][5].any()
    with pytest.raises(InputError, match=r'dropped spikes of "map" have shape \(5, 2\); needed: \(5, 48\)'):
        passes.forward(stimulus, dropped={"map": np.zeros((5, 2), bool)})
