"""Networks in whole steps: the same bits on every engine and in the plain loop, gradients by differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from eventsim.errors import InputError
from training import clocked, decode, products, surrogate
from training.discrete import DiscretePasses

STEP = es.LIF(math.inf, 0.0, t_refractory=es.NEVER)


def network(seed=1, pool=2, silent=False, tau_mem=math.inf, sd=0.6):
    """Return a small chain: map - convolution - convolution behind average pooling - dense."""
    net = es.Network(seed=seed)
    neuron = STEP.replace(tau_mem=tau_mem)
    net.input("in", (7, 7, 2))
    net.population("a", (4, 4, 3), neuron)
    net.population("b", (4 // pool, 4 // pool, 4), neuron)
    net.population("out", 3, neuron.replace(v_threshold=es.NEVER) if silent else neuron)
    net.connect("in", "a", es.Conv2d(es.Normal(0.1, sd), kernel=3, stride=2, padding=1))
    net.connect("a", "b", es.Conv2d(es.Normal(0.1, sd), kernel=3, padding="same", pool=pool))
    net.connect("b", "out", es.Dense(es.Normal(0.2, sd)))
    return net


def stimulus(seed, samples=5, steps=6):
    """Return input spikes at whole times, some neurons silent."""
    rng = np.random.default_rng(seed)
    times = np.where(rng.random((samples, 98)) < 0.8, rng.integers(0, steps, (samples, 98)), np.inf)
    sample, neuron = np.nonzero(np.isfinite(times))
    amplitude = rng.choice([1.0, 0.5], len(sample))
    return {"in": es.Spikes(times[sample, neuron], neuron, sample, amplitude, samples)}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 2]), st.booleans())
def test_event_queue_layers_and_the_loop_over_steps_give_the_same_bits(seed, pool, silent):
    net, given_spikes = network(seed, pool, silent), stimulus(seed)
    times, potentials = clocked.run(net, given_spikes, 6)
    for engine in ("heap", "layers"):
        trace = es.simulate(net, given_spikes, 6.0, engine=engine)
        for name, expected in times.items():
            if name != "out" or not silent:
                assert np.array_equal(trace.first_spikes(name), expected)
        if silent:
            assert np.array_equal(trace.potential("out", 6.0), potentials["out"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 2]), st.booleans(), st.sampled_from([math.inf, 4.0]))
def test_products_of_matrices_give_the_same_spikes(seed, pool, silent, tau_mem):
    net, given_spikes = network(seed, pool, silent, tau_mem), stimulus(seed)
    activity = DiscretePasses(net, 6).forward(given_spikes)
    trace = es.simulate(net, given_spikes, 6.0, engine="layers")
    for name in ("a", "b") if silent else ("a", "b", "out"):
        assert np.array_equal(activity.time[name], trace.first_spikes(name))
    if silent and math.isinf(tau_mem):
        assert np.allclose(activity.potential["out"], trace.potential("out", 6.0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [surrogate.Arctan(1.5), surrogate.FastSigmoid(2.0)])
@pytest.mark.parametrize("silent, tau_mem", [(False, math.inf), (False, 3.0), (True, 3.0)])
def test_the_gradient_is_that_of_the_smooth_network(kind, silent, tau_mem):
    net = network(3, silent=silent, tau_mem=tau_mem)
    given_spikes, labels = stimulus(3), np.array([0, 1, 2, 1, 0])
    passes = DiscretePasses(net, 6, kind, smooth=True)
    decoder = decode.Potential(0.7) if silent else decode.FirstSpike("exponential", early=0.3, early_tau=5.0)
    decoder = decoder.with_horizon(6.0)
    weights = {name: np.array(p.weight) for name, p in net.projections.items()}
    thresholds = {name: np.full(net[name].size, 1.0) for name in ("a", "b") + (() if silent else ("out",))}

    def loss():
        activity = passes.forward(given_spikes, weights, thresholds, learning=True)
        return passes.learn(activity, decoder, "out", labels)

    _, found = loss()
    rng, h = np.random.default_rng(0), 1e-5
    for arrays, gradients in ((weights, found.weights), (thresholds, found.thresholds)):
        assert arrays.keys() == gradients.keys()
        for name, array in arrays.items():
            for place in rng.choice(array.size, min(array.size, 12), replace=False):
                at = np.unravel_index(place, array.shape)
                before, two = array[at], []
                for sign in (1.0, -1.0):
                    array[at] = before + sign * h
                    two.append(loss()[0])
                array[at] = before
                difference = (two[0] - two[1]) / (2.0 * h)
                scale = max(np.abs(gradients[name]).max(), 1e-6)
                assert gradients[name][at] == pytest.approx(difference, abs=1e-7 * scale + 1e-9)


def test_the_loss_by_step_is_that_of_the_spike_times():
    rng = np.random.default_rng(1)
    times = rng.integers(0, 8, (20, 4)).astype(float)
    times[rng.random((20, 4)) < 0.3] = np.inf
    labels = rng.integers(0, 4, 20)
    sent = (times[:, None, :] == np.arange(8)[:, None]).astype(float)
    for kind in ("exponential", "linear", "latency"):
        decoder = decode.FirstSpike(kind, early=0.2, smoothing=0.1).with_horizon(8.0)
        assert decoder.by_step(sent, labels)[0] == pytest.approx(decoder(times, labels)[0], rel=1e-12)


def test_deleted_spikes_arrive_nowhere_and_get_no_gradient():
    net, given_spikes, labels = network(5), stimulus(5), np.array([0, 1, 2, 1, 0])
    dropped = {"a": np.ones((5, 48), bool)}
    passes, decoder = DiscretePasses(net, 6), decode.FirstSpike().with_horizon(6.0)
    activity = passes.forward(given_spikes, dropped=dropped, learning=True)
    assert np.isinf(activity.time["a"]).all() and np.isinf(activity.time["b"]).all()
    _, found = passes.learn(activity, decoder, "out", labels, dropped)
    assert not found.weights["in->a"].any() and not found.weights["a->b"].any()


def test_the_products_are_the_synapses():
    for net in (network(2, 1), network(2, 2)):
        for projection in net.projections.values():
            synapses = projection.synapses()
            dense = np.zeros((projection.source.size, projection.target.size))
            np.add.at(dense, (synapses.source, synapses.target), synapses.weight)
            rng = np.random.default_rng(0)
            activity = rng.random((3, projection.source.size))
            product, weight = products.of(projection), projection.weight
            made, kept = product.forward(activity, weight)
            assert np.allclose(made, activity @ dense)
            error = rng.normal(size=made.shape)
            weight_error, back = product.backward(error, weight, kept, True)
            assert np.allclose(back, error @ dense.T)
            by_synapse = np.zeros(weight.size)
            scale = 1.0 / projection.connection.pool**2
            np.add.at(by_synapse, synapses.parameter,
                      scale * np.einsum("ns,ns->s", activity[:, synapses.source], error[:, synapses.target]))
            assert np.allclose(weight_error.ravel(), by_synapse)


@pytest.mark.parametrize("kind", [surrogate.Arctan(3.0), surrogate.FastSigmoid(3.0)])
def test_a_surrogate_is_the_slope_of_its_step(kind):
    x, h = np.linspace(-2.0, 2.0, 41) + 0.01, 1e-6
    assert np.allclose(kind.slope(x), (kind.step(x + h) - kind.step(x - h)) / (2 * h), rtol=1e-6)
    assert surrogate.from_dict(kind.to_dict()) == kind


@pytest.mark.parametrize("change, said", [
    (lambda net: net.set_neuron("a", STEP.replace(tau_syn=1.0)), '"a" has tau_syn = 1 ms'),
    (lambda net: net.set_neuron("a", STEP.replace(i_offset=0.1)), '"a" has a bias current'),
    (lambda net: net.connect("in", "out", es.Dense(0.1)), '"out" has 2 incoming projections'),
    (lambda net: net.projections["a->b"].set_delay(1.0), '"a->b" has a delay'),
    (lambda net: net.set_neuron("a", es.LIF(math.inf, 0.0)), "may fire more than once"),
])  # fmt: skip
def test_networks_without_steps_are_refused(change, said):
    net = network()
    change(net)
    with pytest.raises(InputError, match=said):
        DiscretePasses(net, 6)


def test_spikes_between_steps_are_refused():
    spikes = {"in": es.Spikes([0.5], [0])}
    for run in (lambda: DiscretePasses(network(), 6).forward(spikes), lambda: clocked.run(network(), spikes, 6)):
        with pytest.raises(InputError, match=r"whole times"):
            run()
    with pytest.raises(InputError, match="in 6 steps spikes are at the whole times 0 to 5 ms"):
        DiscretePasses(network(), 6).forward({"in": es.Spikes([6.0], [0])})
    with pytest.raises(InputError, match="learn thresholds instead of offsets"):
        DiscretePasses(network(), 6).forward({"in": es.Spikes([5.0], [0])}, offsets={"a": np.zeros(48)})
    with pytest.raises(InputError, match="the loop over steps has no leak"):
        clocked.run(network(tau_mem=5.0), {"in": es.Spikes([5.0], [0])}, 6)


def test_a_decoder_without_a_loss_by_step_is_refused():
    with pytest.raises(InputError, match="TargetTime has no loss by step; train a network in steps with FirstSpike"):
        decode.TargetTime().by_step(np.zeros((1, 6, 2)), np.array([0]))
