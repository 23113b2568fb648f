"""The substitutes for the derivative of a number of spikes: their definition, and that they move the numbers."""

import numpy as np
import pytest
from refusals import refusal

import eventsim as es
import training
from training import count_rules, decode, encode, regularize

RNG = np.random.default_rng(3)


def network(t_refractory=1.0):
    """Return 6 inputs onto 4 neurons that fire several times in 30 ms."""
    net = es.Network(seed=0)
    net.input("in", 6)
    net.population("out", 4, es.LIF(10.0, 5.0, t_refractory=t_refractory))
    net.connect("in", "out", es.Dense(np.random.default_rng(1).normal(3.0, 1.0, (6, 4))), name="w")
    return net


def stimulus(samples=5):
    rng = np.random.default_rng(2)
    count = 8 * samples
    return {"in": es.Spikes(rng.uniform(0.0, 20.0, count), rng.integers(0, 6, count), np.arange(count) % samples)}


def test_a_later_spike_counts_for_less():
    trace = es.simulate(network(), stimulus(), 30.0)
    error = RNG.normal(size=(5, 4))
    spikes = trace.spikes("out")
    given = count_rules.of_counts(trace, "out", error, per_ms=0.25)
    assert len(given) == len(spikes.time) > 20
    for k in range(len(given)):
        assert given[k] == -0.25 * error[spikes.sample[k], spikes.neuron[k]]


def test_numbers_of_spikes_reach_their_targets_by_the_rule_of_counts():
    net, wished = network(), np.array([1, 2, 4, 6])
    for _ in range(150):
        trace = es.simulate(net, stimulus(), 30.0)
        error = (trace.counts("out") - wished) / 5
        found = training.spike_time_gradient(net, trace, {"out": count_rules.of_counts(trace, "out", error)},
                                             slope_floor=0.02)
        weight = net.projections["w"].weight
        net.projections["w"].set_weight(weight - 0.05 * np.clip(found.weights["w"], -1.0, 1.0))
    assert np.abs(es.simulate(net, stimulus(), 30.0).counts("out").mean(axis=0) - wished).max() < 0.75


def test_a_charge_is_the_derivative_of_v_at_a_fixed_instant():
    net = network(t_refractory=es.NEVER)  # one spike: V before it is a sum of responses to single arrivals
    trace = es.simulate(net, stimulus(), 30.0)
    policy = regularize.SpikeRate(target=0.25, strength=2.0)
    activity = type("Activity", (), {"trace": trace})
    given = policy.charges(activity, net, output="another")
    found = training.spike_time_gradient(net, trace, given).weights["w"]
    spikes, inputs = trace.spikes("out"), trace.spikes("in")
    charge = 2.0 * (trace.counts("out").mean(axis=0) - 0.25) / 5
    expected = np.zeros((6, 4))
    for sample, neuron, time in zip(spikes.sample, spikes.neuron, spikes.time):
        before = (inputs.sample == sample) & (inputs.time < time)
        since = time - inputs.time[before]
        response = 5.0 / (10.0 - 5.0) * (np.exp(-since / 10.0) - np.exp(-since / 5.0))
        np.add.at(expected[:, neuron], inputs.neuron[before], charge[neuron] * response)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_the_layers_engine_is_charged_as_traces_are():
    rng = np.random.default_rng(5)
    net = es.Network(seed=0)
    net.input("in", 6)
    lif = es.LIF(10.0, 5.0, t_refractory=es.NEVER)
    net.population("hidden", 8, lif)
    net.population("out", 2, lif)
    net.connect("in", "hidden", es.Dense(rng.normal(2.0, 1.0, (6, 8))))
    net.connect("hidden", "out", es.Dense(rng.normal(2.0, 1.0, (8, 2))))
    model = training.Model(net, encode.Latency(t_max=5.0), decode.FirstSpike(tau=2.0), "out", 20.0)
    images, labels = rng.uniform(size=(12, 6)), rng.integers(0, 2, 12)
    from training.passes import loss_and_gradients, suited
    from training.trace_passes import TracePasses

    policy, found = regularize.SpikeRate(target=0.5, lower=0.1), []
    for passes in (suited(model), TracePasses(model)):
        activity = passes.forward(model.encode(images), learning=True)
        charges = policy.charges(activity, net, "out")
        assert list(charges) == ["hidden"]
        _, gradients = loss_and_gradients(passes, activity, model.read(activity), model.decoder, "out", labels,
                                          charges=charges)
        found.append(gradients.weights)
    for name, weight in found[0].items():
        assert np.allclose(weight, found[1][name], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("target", [0.5, 4.0])
def test_training_with_a_wished_rate_moves_the_rates_towards_it(target):
    rng = np.random.default_rng(1)
    net = es.Network(seed=0)
    net.input("in", 6)
    net.population("hidden", 10, es.LIF(10.0, 5.0, t_refractory=1.0))
    net.population("out", 2, es.LIF(10.0, 5.0, v_threshold=es.NEVER))
    net.connect("in", "hidden", es.Dense(rng.normal(1.5, 0.5, (6, 10))))
    net.connect("hidden", "out", es.Dense(rng.normal(0.0, 1.0, (10, 2))))
    model = training.Model(net, encode.Latency(t_max=10.0), decode.Potential(over="maximum"), "out", 30.0)
    images = rng.uniform(size=(40, 6))
    labels = (images[:, 0] > images[:, 1]).astype(int)

    def rate():
        return model.simulate(images).counts("hidden").mean()

    before = rate()
    assert 1.0 < before < 3.5
    training.fit(model, images, labels, epochs=15, batch=20, optimizer=training.AdamW(0.02), progress=None,
                 slope_floor=0.02, policies=[regularize.from_dict({"kind": "spike_rate", "target": target,
                                                                   "strength": 3.0})])
    assert abs(rate() - target) < 0.6 * abs(before - target)


def test_a_network_in_steps_is_refused():
    net = network()
    activity = type("Activity", (), {"time": {"out": np.zeros((1, 4))}})
    assert "steps" in refusal(regularize.SpikeRate(1.0).charges, activity, net, "another")


@pytest.mark.parametrize("settings", [{"target": -1.0}, {"target": np.nan}, {"target": 1.0, "strength": np.inf},
                                      {"target": 1.0, "lower": -0.1}])
def test_rates_and_strengths_are_finite_and_not_negative(settings):
    assert "SpikeRate's" in refusal(regularize.SpikeRate, **settings)


def test_unknown_populations_and_wrong_shapes_are_refused():
    trace = es.simulate(network(), stimulus(), 30.0)
    assert "(5, 4)" in refusal(count_rules.of_counts, trace, "out", np.zeros((5, 3)))
    assert "finite" in refusal(count_rules.of_counts, trace, "out", np.full((5, 4), np.nan))
    assert "per_ms" in refusal(count_rules.of_counts, trace, "out", np.zeros((5, 4)), per_ms=-1.0)
    activity = type("Activity", (), {"trace": trace})
    assert '"hiden" is not known' in refusal(regularize.SpikeRate(1.0, populations=["hiden"]).charges, activity,
                                             trace.network, "another")
