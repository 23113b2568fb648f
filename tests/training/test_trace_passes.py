"""Training over traces: the same loss and gradients as the layers engine, recurrent networks, learned delays."""

import math

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.errors import InputError
from training import decode, encode
from training.passes import Passes, suited
from training.trace_passes import TracePasses

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.0, 1.0, (24, 6))
LABELS = (IMAGES[:, 0] > IMAGES[:, 1]).astype(int)


def model(decoder=None, silent=False, recurrent=False, once=True, delay=0.5):
    """Return an untrained model 6-8-2."""
    rng = np.random.default_rng(1)
    net = es.Network(seed=0)
    net.input("in", 6)
    lif = es.LIF(10.0, 5.0, t_refractory=es.NEVER if once else 1.0)
    net.population("hidden", 8, lif)
    net.population("out", 2, es.LIF(10.0, 5.0, v_threshold=es.NEVER) if silent else lif)
    net.connect("in", "hidden", es.Dense(rng.normal(2.0, 1.0, (6, 8))), delay=delay)
    net.connect("hidden", "out", es.Dense(rng.normal(2.0, 1.0, (8, 2))), delay=delay)
    if recurrent:
        net.connect("hidden", "hidden", es.Dense(rng.normal(-0.2, 0.5, (8, 8))), delay=1.0, name="lateral")
    decoder = decoder or decode.FirstSpike(tau=2.0)
    return training.Model(net, encode.Latency(t_max=5.0), decoder, "out", 20.0)


def test_a_network_of_layers_has_the_loss_and_the_gradients_of_the_layers_engine():
    for silent in (False, True):
        m = model(decode.Potential() if silent else None, silent)
        layered, traced = suited(m), TracePasses(m)
        assert isinstance(layered, Passes)
        stimulus = m.encode(IMAGES)
        activity = layered.forward(stimulus, learning=True)
        loss, error = m.decoder(m.read(activity), LABELS)
        expected = layered.backward(activity, {"out": error})
        run = traced.forward(stimulus)
        found_loss, found = traced.learn(run, m.decoder, "out", LABELS)
        assert found_loss == loss
        assert np.array_equal(m.read(run), m.read(activity))
        for kind in ("weights", "thresholds", "offsets"):
            for name, values in getattr(expected, kind).items():
                assert np.allclose(getattr(found, kind)[name], values, rtol=1e-10, atol=1e-14), (kind, name)


@pytest.mark.parametrize("decoder", [
    decode.Potential(over="end"), decode.Potential(over="maximum"), decode.Potential(over="integral"),
    decode.Potential(2.0, over="integral", tau=5.0), decode.FirstSpike(tau=2.0), decode.TargetTime(gap=1.0)])
def test_a_recurrent_network_learns_with_every_loss(decoder):
    m = model(decoder, decoder.readout == "potential", recurrent=True, once=False)
    before = m.evaluate(IMAGES, LABELS)
    history = training.fit(m, IMAGES, LABELS, epochs=30, batch=8, optimizer=training.AdamW(0.05), progress=None,
                           clip=1.0, slope_floor=0.01)
    after = m.evaluate(IMAGES, LABELS)
    assert after["loss"] < 0.9 * before["loss"]
    assert set(history.records[-1]["floored"]) == {"hidden"} | ({"out"} if not m.net["out"].is_readout else set())


@pytest.mark.parametrize("sharing, shape", [("synaptic", (6, 8)), ("axonal", (6,)), ("dendritic", (8,))])
def test_delays_are_learned_within_their_bounds(sharing, shape):
    m = model(delay=1.0)
    shown = []
    training.fit(m, IMAGES, LABELS, epochs=6, batch=8, optimizer=training.AdamW(0.1), progress=None,
                 learn=["delays"], delays=training.Delays(sharing, 0.8, 1.3), callbacks=[shown.append])
    assert shown[-1]["loss"] < shown[0]["loss"]
    delay = np.asarray(m.net.projections["in->hidden"].delay)
    assert delay.shape == (6, 8) and delay.min() >= 0.8 and delay.max() <= 1.3 and np.ptp(delay) > 0.1
    axis = {"synaptic": None, "axonal": 1, "dendritic": 0}[sharing]
    if axis is not None:
        assert not np.ptp(delay, axis=axis).any()
    parameters = training.parameters.Parameters(m.net, ["delays"], delays=training.Delays(sharing))
    assert parameters.arrays["delay/in->hidden"].shape == shape


def test_a_hidden_pattern_of_delays_is_recovered():
    rng = np.random.default_rng(5)
    times = rng.uniform(0.0, 6.0, (40, 4))

    def network(delay):
        net = es.Network(seed=0)
        net.input("in", 4)
        net.population("out", 1, es.LIF(8.0, 4.0, t_refractory=2.0))
        net.connect("in", "out", es.Dense(np.full((4, 1), 2.0)), delay=delay)
        return net

    hidden = rng.uniform(0.5, 4.0, (4, 1))
    stimulus = {"in": es.Spikes(times, np.arange(4), np.arange(40)[:, None])}
    teacher = es.simulate(network(hidden), stimulus, 40.0).first_spikes("out")
    delay, moment, spread = np.full((4, 1), 2.0), 0.0, 0.0
    for step in range(1, 301):
        student = network(delay)
        trace = es.simulate(student, stimulus, 40.0)
        error = trace.first_spikes("out") - teacher
        error[~np.isfinite(error)] = 0.0
        table = trace.spikes("out")
        _, first = np.unique(table.sample, return_index=True)
        loss = np.zeros(len(table.time))
        loss[first] = error[table.sample[first], 0] / len(error)
        gradient = training.spike_time_gradient(student, trace, {"out": loss}).delays["in->out"]
        moment, spread = 0.8 * moment + 0.2 * gradient, 0.95 * spread + 0.05 * gradient**2
        rate = 0.1 * min(1.0, (301 - step) / 150.0)
        delay = np.clip(delay - rate * moment / (np.sqrt(spread) + 1e-12), 0.1, 6.0)
    assert np.abs(delay / hidden - 1.0).max() < 0.01


def test_an_interrupted_training_over_traces_resumes_bit_for_bit(tmp_path):
    settings = dict(batch=8, progress=None, learn=["weights", "delays"], optimizer=training.AdamW(0.02), seed=3)
    whole, parts = model(recurrent=True), model(recurrent=True)
    training.fit(whole, IMAGES, LABELS, epochs=4, **settings)
    training.fit(parts, IMAGES, LABELS, epochs=2, checkpoint=tmp_path / "c.h5", **settings)
    again = model(recurrent=True)
    training.fit(again, IMAGES, LABELS, epochs=4, checkpoint=tmp_path / "c.h5", resume=True, **settings)
    for name, projection in whole.net.projections.items():
        other = again.net.projections[name]
        assert np.array_equal(projection.weight, other.weight) and np.array_equal(projection.delay, other.delay)


def test_input_spikes_are_dropped_and_others_refused():
    m = model(recurrent=True, once=False)
    training.fit(m, IMAGES, LABELS, epochs=1, dropout={"in": 0.5}, progress=None)
    with pytest.raises(InputError, match='spikes of "hidden" cannot be dropped'):
        training.fit(m, IMAGES, LABELS, epochs=1, dropout={"hidden": 0.5}, progress=None)


def test_what_cannot_be_trained_is_refused_with_one_line():
    with pytest.raises(InputError, match=r"double precision \(its delays are learned\)"):
        training.fit(model(), IMAGES, LABELS, learn=["delays"], precision="single", progress=None)
    with pytest.raises(InputError, match='add "delays" to learn'):
        training.fit(model(), IMAGES, LABELS, delays=training.Delays(), progress=None)
    for bounds in ((-1.0, 2.0), (3.0, 2.0), (math.nan, 2.0), (math.inf, math.inf)):
        with pytest.raises(InputError, match="out of order"):
            training.Delays(shortest=bounds[0], longest=bounds[1])
    with pytest.raises(InputError, match='sharing of delays "axional" is not known'):
        training.Delays("axional")
    with pytest.raises(InputError, match='"nothing" is not known'):
        training.fit(model(), IMAGES, LABELS, learn=["delays"], delays=training.Delays(projections=["nothing"]),
                     progress=None)
