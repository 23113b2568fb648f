"""The training loop: learning, best model, resume bit for bit, interruption, logs."""

import io
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.errors import InputError
from training import decode, encode, progress, regularize
from training.parameters import Parameters
from training.passes import Passes
from training.session import data_order


class RampPasses:
    """Passes of a chain of dense projections between ramp neurons, in numpy, by the published closed forms.

    ``T = (theta + sum_C w t) / sum_C w`` over the causal set C, ``dT/dw_i = (t_i - T) / sum_C w``,
    ``dT/dt_i = w_i / sum_C w`` (Zhang et al. 2021).
    """

    precision, slope_floor = "double", 0.0

    def __init__(self, net, t_stop):
        self.projections, self.t_stop = list(net.projections.values()), t_stop
        self.readout = self.projections[-1].target.is_readout
        self.source = self.projections[0].source
        self.after_batch = None

    def forward(self, stimulus, weights=None, thresholds=None, offsets=None, delays=None, dropped=None, learning=False):
        """Return times, potentials and what `backward` needs."""
        spikes = stimulus[self.source.name]
        times = np.full((spikes.n_samples, self.source.size), np.inf)
        times[spikes.sample, spikes.neuron] = spikes.time
        result = SimpleNamespace(time={}, slope={}, potential={}, layers=[])
        for p in self.projections:
            w = p.weight if weights is None or p.name not in weights else weights[p.name]
            name = p.target.name
            size = p.target.size
            theta = p.target.neuron.resolve(size).v_threshold
            theta = thresholds.get(name, theta) if thresholds else theta
            result.layers.append((p, times, w))
            if p.target.is_readout:
                result.potential[name] = np.maximum(self.t_stop - times, 0.0) @ w
                result.time[name] = np.full((len(times), size), np.inf)
                continue
            out = np.array([[self._fire(row, w[:, j], theta[j]) for j in range(size)] for row in times])
            result.time[name] = times = out
        return result

    def _fire(self, times, w, theta):
        slope = offset = 0.0
        order = [i for i in np.argsort(times, kind="stable") if times[i] < self.t_stop]
        for place, i in enumerate(order):
            slope += w[i]
            offset += w[i] * times[i]
            end = times[order[place + 1]] if place + 1 < len(order) else self.t_stop
            if slope > 0.0:
                t = (theta + offset) / slope
                if times[i] <= t < end:
                    return t
        return np.inf

    def backward(self, activity, loss_gradient):
        """Return gradients of weights and thresholds."""
        if self.after_batch is not None:
            self.after_batch()
        found = SimpleNamespace(weights={}, thresholds={}, offsets={}, delays={}, floored={})
        gradient = next(iter(loss_gradient.values()))
        for p, times, w in reversed(activity.layers):
            name = p.target.name
            if p.target.is_readout:
                found.weights[p.name] = np.maximum(self.t_stop - times, 0.0).T @ gradient
                gradient = np.where(times < self.t_stop, -(gradient @ w.T), 0.0)
                continue
            own = activity.time[name]
            g = np.where(np.isfinite(own), gradient, 0.0)[:, None, :]
            causal = times[:, :, None] < own[:, None, :]
            slope = np.sum(causal * w, axis=1, keepdims=True)
            slope[~(slope > 0)] = 1.0
            t = np.where(np.isfinite(times), times, 0.0)[:, :, None]
            late = np.where(np.isfinite(own), own, 0.0)[:, None, :]
            found.weights[p.name] = np.sum(causal * g * (t - late) / slope, axis=0)
            found.thresholds[name] = np.sum(g / slope, axis=(0, 1))
            gradient = np.sum(causal * g * w / slope, axis=2)
        return found


def small_model(readout=False, hidden=6, seed=3, delay=0.0):
    net = es.Network(seed=seed)
    ramp = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)
    points = net.input("points", 4)
    middle = net.population("hidden", hidden, ramp)
    last = net.population("output", 2, ramp.replace(v_threshold=es.NEVER) if readout else ramp)
    rng = np.random.default_rng(seed)
    net.connect(points, middle, es.Dense(rng.uniform(0.0, 1.5, (4, hidden))))
    net.connect(middle, last, es.Dense(rng.uniform(0.0, 1.0, (hidden, 2))), delay=delay)
    decoder = decode.Potential(2.0) if readout else decode.FirstSpike("latency", tau=0.2)
    return training.Model(net, encode.Coordinates(), decoder, "output", t_stop=6.0)


def two_blobs(n=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    centre = np.where(labels[:, None] == 0, [0.25, 0.7, 0.3, 0.6], [0.7, 0.25, 0.6, 0.3])
    return np.clip(centre + 0.08 * rng.normal(size=(n, 4)), 0.0, 1.0), labels


def run(model, epochs=4, **settings):
    settings = {"optimizer": training.AdamW(0.05), "batch": 8, "progress": None} | settings
    settings.setdefault("passes", RampPasses(model.net, model.t_stop))
    return training.fit(model, *two_blobs(), validation=two_blobs(20, 1), epochs=epochs, **settings)


def weights_of(model):
    return {name: np.array(p.weight) for name, p in model.net.projections.items()}


def same_bits(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def without_clock(records):
    return [{k: v for k, v in r.items() if k != "seconds"} for r in records]


@pytest.mark.parametrize("readout", [False, True])
def test_the_layers_engine_gives_the_times_and_gradients_of_the_closed_forms(readout):
    model = small_model(readout)
    points, labels = two_blobs(6)
    stimulus, mine, theirs = model.encode(points), RampPasses(model.net, 6.0), Passes(model.net, 6.0)
    expected = mine.forward(stimulus, learning=True)
    found = theirs.forward(stimulus, learning=True)
    assert np.allclose(found.time["hidden"], expected.time["hidden"], rtol=1e-12, atol=0.0)
    assert np.allclose(model.read(found), model.read(expected), rtol=1e-12, atol=1e-14)
    _, loss_gradient = model.decoder(model.read(expected), labels)
    one = mine.backward(expected, {"output": loss_gradient})
    two = theirs.backward(found, {"output": loss_gradient})
    for name in one.weights:
        assert np.allclose(two.weights[name], one.weights[name], rtol=1e-11, atol=1e-13)
    for name in one.thresholds:
        assert np.allclose(two.thresholds[name], one.thresholds[name], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("readout", [False, True])
def test_two_blobs_are_learned(readout):
    model = small_model(readout)
    history = run(model, 10)
    assert history.best["validation_accuracy"] == 1.0
    assert model.evaluate(*two_blobs(30, 5), passes=RampPasses(model.net, 6.0))["accuracy"] == 1.0
    assert history.records[-1]["loss"] < history.records[0]["loss"]


@pytest.mark.parametrize("settings", [
    {}, {"optimizer": lambda: training.SGD(0.02, momentum=0.9), "normalize": True},
    {"learn": ("weights", "thresholds"), "policies": (regularize.WeightBump(limit=0.3),), "schedule": 1},
])  # fmt: skip
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(tmp_path, settings):
    make = settings.pop("optimizer", lambda: training.AdamW(0.05))
    schedule = (lambda n: 1.0 / (1 + n)) if settings.pop("schedule", None) else None
    whole = small_model()
    expected = run(whole, 5, optimizer=make(), schedule=schedule, **settings)

    broken = small_model()
    passes = RampPasses(broken.net, broken.t_stop)
    calls = []

    def stop_in_the_third_epoch():
        calls.append(1)
        if len(calls) == 13:  # five batches an epoch
            raise KeyboardInterrupt

    passes.after_batch = stop_in_the_third_epoch
    file = tmp_path / "checkpoint.h5"
    first = run(broken, 5, optimizer=make(), schedule=schedule, passes=passes, checkpoint=file, **settings)
    assert first.interrupted and len(first) == 2

    again = small_model()
    second = run(again, 5, optimizer=make(), schedule=schedule, checkpoint=file, resume=True, **settings)
    assert not second.interrupted
    assert without_clock(second.records) == without_clock(expected.records)
    assert second.best_epoch == expected.best_epoch
    assert same_bits(weights_of(again), weights_of(whole))


def test_ctrl_c_keeps_the_best_whole_epoch_and_returns_the_history():
    model, passes = small_model(), None
    passes = RampPasses(model.net, model.t_stop)
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt

    passes.after_batch = stop
    history = run(model, passes=passes)
    assert history.interrupted and len(history) == 1 and "interrupted" in repr(history)
    one_epoch = small_model()
    run(one_epoch, 1)
    assert same_bits(weights_of(model), weights_of(one_epoch))


MERITS = {
    "accuracy": lambda r: (r["validation_accuracy"], -r["validation_loss"], -r["epoch"]),
    "loss": lambda r: (-r["validation_loss"], r["validation_accuracy"], -r["epoch"]),
}


@pytest.mark.parametrize("select", list(MERITS))
def test_the_model_ends_with_the_best_epoch_on_the_validation_set(select):
    model = small_model()
    history = run(model, 6, optimizer=training.SGD(3.0), select=select)  # a rate that makes it jump about
    best = max(history.records, key=MERITS[select])
    assert history.best_epoch == best["epoch"]
    found = model.evaluate(*two_blobs(20, 1), passes=RampPasses(model.net, 6.0))
    assert found["accuracy"] == best["validation_accuracy"] and found["loss"] == best["validation_loss"]


def test_an_optimizer_that_was_used_before_starts_anew():
    used = training.AdamW(0.05)
    run(small_model(hidden=9), 1, optimizer=used)
    one, other = small_model(), small_model()
    run(one, 2, optimizer=used)
    run(other, 2, optimizer=training.AdamW(0.05))
    assert same_bits(weights_of(one), weights_of(other))


def test_patience_ends_a_training_that_gets_no_better():
    history = run(small_model(), 50, optimizer=training.SGD(0.0), patience=3)
    assert len(history) == 4 and history.best_epoch == 1


def test_a_callback_sees_every_epoch_and_may_end_the_training():
    seen = []
    history = run(small_model(), 9, callbacks=[lambda record: seen.append(record["epoch"]) or len(seen) == 3])
    assert seen == [1, 2, 3] and len(history) == 3


def test_the_log_has_one_json_line_an_epoch(tmp_path):
    history = run(small_model(), 3, log=tmp_path / "log.jsonl")
    rows = [json.loads(row) for row in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row.pop("crc32") for row in rows] and rows == history.records
    assert training.History.load(tmp_path / "log.jsonl").column("epoch") == [1, 2, 3]
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"epoch": 4, "lo')
    assert len(training.History.load(tmp_path / "log.jsonl")) == 3


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    file = tmp_path / "checkpoint.h5"
    run(small_model(), 1, checkpoint=file)
    with pytest.raises(InputError, match="another training"):
        run(small_model(), 2, checkpoint=file, resume=True, seed=5)
    with pytest.raises(InputError, match="another training"):
        run(small_model(delay=0.1), 2, checkpoint=file, resume=True)
    with pytest.raises(InputError, match="no checkpoint"):
        run(small_model(), 2, checkpoint=tmp_path / "none.h5", resume=True)
    (tmp_path / "broken.h5").write_bytes(file.read_bytes()[:300])
    with pytest.raises(InputError, match="damaged"):
        run(small_model(), 2, checkpoint=tmp_path / "broken.h5", resume=True)


def test_the_text_meter_writes_a_line_an_epoch():
    stream = io.StringIO()
    run(small_model(), 2, progress=progress.TextMeter(stream))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and lines[1].startswith("epoch 2/2") and "validation" in lines[1]


def test_the_text_meter_moves_a_bar_on_a_terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
    run(small_model(), 1, progress=progress.TextMeter(stream, interval=0.0))
    assert "epoch 1/1 [####" in stream.getvalue() and "left" in stream.getvalue()


def test_data_that_do_not_fit_are_refused_with_one_line():
    model, (points, labels) = small_model(), two_blobs()
    for arguments, words in [
        ((points, labels[:-1]), "one label a sample"),
        ((points, labels + 1), "integers from 0 to 1"),
        ((points[:, :3], labels), "do not fit the input"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            training.fit(model, *arguments, progress=None, epochs=1, passes=RampPasses(model.net, 6.0))
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="epochs = 0"):
        run(model, 0)


def test_an_augmentation_gets_the_sample_numbers_and_the_epoch():
    seen = []

    def noted(values, index, epoch, seed):
        seen.append((epoch, tuple(index)))
        return values

    run(small_model(), 2, augment=noted)
    for epoch in (1, 2):
        numbers = np.concatenate([index for e, index in seen if e == epoch])
        assert np.array_equal(numbers, data_order(40, epoch, 0))


def test_normalised_weights_fold_into_plain_ones():
    model = small_model()
    parameters = Parameters(model.net, normalized=True)
    parameters.arrays["gain/points->hidden"] *= 2.0
    expected = parameters.effective().weights
    parameters.fold(model.net)
    assert np.allclose(model.net.projections["points->hidden"].weight, expected["points->hidden"])


def test_learned_thresholds_stay_above_the_reset():
    model = small_model()
    parameters = Parameters(model.net, learn=("thresholds",))
    parameters.arrays["threshold/hidden"][...] = -5.0
    parameters.project()
    parameters.fold(model.net)
    assert (model.net["hidden"].neuron.resolve(6).v_threshold > 0.0).all()


def test_neurons_with_two_receptors_are_refused():
    net = es.Network(seed=1)
    net.input("in", 2)
    net.population("out", 2, es.LIF(20.0, {"fast": 5.0, "slow": 10.0}, t_refractory=es.NEVER))
    net.connect("in", "out", es.Dense(1.0), receptor="fast")
    with pytest.raises(InputError, match='"out" have two receptors; training needs neurons with one'):
        Passes(net, 10.0)


def test_names_that_do_not_exist_are_refused_with_a_suggestion():
    net = small_model().net
    for settings, words in [
        ({"learn": ("weigths",)}, 'Did you mean "weights"'),
        ({"rates": {"drives": 0.1}}, 'Did you mean "drive"'),
        ({"normalized": ("points->hiden",)}, 'Did you mean "points->hidden"'),
    ]:
        with pytest.raises(InputError, match=words):
            Parameters(net, **settings)
