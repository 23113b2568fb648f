"""Averages, dropout, clips and a learned decoder scale, and resuming with all of them."""

import io
import json
import math

import numpy as np
import pytest

import training
from eventsim import random
from eventsim.errors import InputError
from training import augment, config, decode, optimize, progress, regularize
from training.average import Average
from training.dropout import Dropout
from training.parameters import Parameters
from training.passes import Passes
from training.session import data_order

T_STOP = 3.0


def conv_model(readout=False):
    """Return an untrained model of 8 x 8 images: convolution, first-arrival pooling, convolution, 3 classes."""
    network = {
        "hidden": ["4C3", "F2", "6C2"], "tau_mem": math.inf, "tau_syn": math.inf, "t_stop": T_STOP,
        "readout": "potential" if readout else "first_spike",
        "initial": {"mean": [1.5, 1.2, 0.0 if readout else 1.5], "kappa": 2.0},
    }  # fmt: skip
    decoder = {} if readout else {"kind": "latency", "tau": 0.2, "smoothing": 0.05}
    return config.build(config.parse({"network": network, "decoder": decoder}), (8, 8, 1), "abc")


def pictures(n=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 6, (n, 8, 8, 1)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 3, 1:7] += 10
    return images, labels


def fit(model, epochs=3, **settings):
    settings = {"optimizer": training.AdamW(0.02), "batch": 16, "progress": None, "threads": 1, "seed": 4} | settings
    return training.fit(model, *pictures(), validation=pictures(15, 1), epochs=epochs, **settings)


def numbers(model):
    """Return everything that a training may change, as bytes."""
    net = model.net
    found = {name: p.weight.tobytes() for name, p in net.projections.items()}
    for name, p in net.populations.items():
        if p.kind == "neurons":
            values = p.neuron.resolve(p.size)
            found[name] = values.v_threshold.tobytes() + values.i_offset.tobytes()
    return found | {"decoder": json.dumps(model.decoder.to_dict())}


def everything(readout):
    """Return settings of `fit` that use all that a training remembers."""
    return {
        "learn": ("weights", "thresholds", "offsets", "decoder"), "normalize": True, "ema": 0.9,
        "dropout": {"input": 0.1, "hidden1": 0.2, "pool1": 0.1}, "neuron_clip": 0.5, "clip": 2.0,
        "slope_floor": 0.2, "schedule": "cosine",
        "augment": augment.Chain([augment.Affine(5.0, 0.1, 0.5), augment.Elastic(3.0, 2.0), augment.Erase()]),
        "policies": (
            regularize.WeightBump(limit=0.2), regularize.Firing(0.9, 0.1), regularize.Peak(0.9, 0.1),
            *(() if readout else (regularize.SilentLabel(),)),
        ),
        "rates": {"scale": 3.0},
    }  # fmt: skip


class StopInEpoch(progress.Callback):
    """Raise Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch(self, epoch, batch, loss):
        if (epoch, batch) == (self.epoch, 2):
            raise KeyboardInterrupt


def without_clock(records):
    return [{k: v for k, v in r.items() if k != "seconds"} for r in records]


@pytest.mark.compiled
@pytest.mark.parametrize("readout", [False, True])
def test_a_conv_net_with_everything_resumes_bit_for_bit(tmp_path, readout):
    whole, broken, again = (conv_model(readout) for _ in range(3))
    untrained = numbers(whole)
    expected = fit(whole, 4, **everything(readout))
    file = tmp_path / "checkpoint.h5"
    first = fit(broken, 4, checkpoint=file, callbacks=[StopInEpoch(3)], **everything(readout))
    assert first.interrupted and len(first) == 2
    second = fit(again, 4, checkpoint=file, resume=True, **everything(readout))
    assert without_clock(second.records) == without_clock(expected.records)
    assert numbers(again) == numbers(whole)
    fixed = {name for name, bits in numbers(whole).items() if bits == untrained[name]}
    assert fixed == {"hidden1->pool1", "pool1"}


@pytest.mark.compiled
def test_another_number_of_threads_gives_the_same_bits():
    one, three = conv_model(), conv_model()
    fit(one, 2, **everything(False))
    fit(three, 2, **everything(False) | {"threads": 3})
    assert numbers(one) == numbers(three)


@pytest.mark.compiled
def test_the_model_that_was_kept_does_what_was_validated():
    for readout in (False, True):
        model = conv_model(readout)
        history = fit(model, 3, **everything(readout))
        found = model.evaluate(*pictures(15, 1), threads=1)
        assert found["loss"] == pytest.approx(history.best["validation_loss"], rel=1e-12)
        assert found["accuracy"] == history.best["validation_accuracy"]


@pytest.mark.compiled
def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    file = tmp_path / "checkpoint.h5"
    fit(conv_model(), 1, checkpoint=file, ema=0.9)
    for other in ({}, {"ema": 0.99}, {"ema": 0.9, "dropout": 0.1}, {"ema": 0.9, "neuron_clip": 1.0}):
        with pytest.raises(InputError, match="another training"):
            fit(conv_model(), 2, checkpoint=file, resume=True, **other)


def test_an_average_forgets_its_beginning():
    arrays = {"a": np.zeros(2)}
    average, expected = Average(arrays, 0.75), 0.0
    for step in range(1, 60):
        arrays["a"][:] = step
        average.update(arrays, step)
        keep = min(0.75, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * step
    assert average.arrays["a"] == pytest.approx([expected] * 2)
    assert 59 - expected == pytest.approx(3.0, abs=0.01)  # keep / (1 - keep) steps behind
    with pytest.raises(InputError, match="ema"):
        Average(arrays, 1.0)


def test_dropout_scales_the_weights_of_the_network_where_none_are_given():
    net = conv_model().net
    scaled = Dropout(net, {"input": 0.5}, "output").weights(net, None)
    learned = [name for name, projection in net.projections.items() if projection.source.name == "input"]
    assert list(scaled) == learned != []
    for name in learned:
        assert np.array_equal(scaled[name], 2.0 * net.projections[name].weight)


def test_dropout_is_drawn_by_counter():
    net = conv_model().net
    dropout = Dropout(net, 0.3, "output")
    assert set(dropout.rates) == {"input", "hidden1", "pool1", "hidden2"}
    marks = dropout.draw(np.array([5, 900, 6]), 3, 11)
    key = random.stream_key(11, "dropout of hidden2")
    size = net["hidden2"].size
    fours = np.arange(-(-size // 4), dtype=np.uint64)
    words = random.philox4x32(np.uint64(900), fours, np.uint64(3), np.uint64(0), *key)
    expected = np.stack(words, axis=1).ravel()[:size] < 0.3 * 2**32
    assert np.array_equal(marks["hidden2"][1], expected)
    assert np.array_equal(dropout.draw([900], 3, 11)["input"], marks["input"][1:2])
    assert not np.array_equal(dropout.draw([900], 4, 11)["input"], marks["input"][1:2])
    assert Dropout(net, {"input": 0.5, "hidden1": 0.0}, "output").rates == {"input": 0.5}


@pytest.mark.parametrize("rate, words", [
    (1.0, 'dropout of "input" = 1.0'), ({"output": 0.1}, 'population "output" is not known'),
    ({"hiden1": 0.1}, 'Did you mean "hidden1"'), (-0.1, "from 0 to below 1"),
])  # fmt: skip
def test_rates_that_make_no_sense_are_refused(rate, words):
    with pytest.raises(InputError) as caught:
        Dropout(conv_model().net, rate, "output")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("readout", [False, True])
def test_the_gradient_under_dropout_and_of_the_decoder_scale_is_that_of_central_differences(readout):
    model = conv_model(readout)
    parameters = Parameters(model.net, ("weights", "decoder"))
    passes = Passes(model.net, T_STOP, threads=1)
    dropout = Dropout(model.net, 0.2, "output")
    images, labels = pictures(4)
    stimulus, marks = model.encode(images), dropout.draw(np.arange(4), 1, 0)
    for name in marks:
        assert marks[name].any()

    def run():
        used = parameters.effective()
        used = used._replace(weights=dropout.weights(model.net, used.weights))
        activity = passes.forward(stimulus, *used, dropped=marks, learning=True)
        decoder = parameters.decoder(model.decoder)
        return activity, decoder, model.read(activity), *decoder(model.read(activity), labels)

    activity, decoder, read, _, loss_gradient = run()
    assert np.isfinite(activity.time["hidden2"]).mean() > 0.4
    weights = dropout.backward(passes.backward(activity, {"output": loss_gradient}).weights)
    gradients = parameters.backward(weights, {}, {}, {}, decoder.log_scale_gradient(read, labels))
    rng = np.random.default_rng(0)
    for name, array in parameters.arrays.items():
        largest = np.abs(gradients[name]).max()
        assert largest > 0.0
        for place in rng.choice(array.size, min(array.size, 6), replace=False):
            kept, misses = array.flat[place], []
            for h in (1e-4, 1e-5, 1e-6):
                array.flat[place] = kept + h
                up = run()[3]
                array.flat[place] = kept - h
                down = run()[3]
                array.flat[place] = kept
                misses.append(abs((up - down) / (2.0 * h) - gradients[name].flat[place]))
            assert min(misses) <= 2e-6 * largest, (name, place, misses)


@pytest.mark.parametrize("decoder", [
    decode.FirstSpike("exponential", tau=0.5, horizon=4.0, smoothing=0.1, early=0.3),
    decode.FirstSpike("linear", horizon=4.0),
    decode.FirstSpike("latency", tau=0.5, horizon=4.0, smoothing=0.1),
    decode.Potential(0.7, smoothing=0.1),
])  # fmt: skip
def test_a_scaled_decoder_multiplies_its_scores(decoder):
    read = np.array([[0.5, 1.0, 2.0], [1.5, 0.25, 3.0], [0.1, 0.2, 0.3]])
    if decoder.readout == "first_spike":
        read[1, 2] = np.inf
    labels = np.array([0, 2, 1])
    h = 1e-6
    numeric = (decoder.scaled(math.exp(h))(read, labels)[0] - decoder.scaled(math.exp(-h))(read, labels)[0]) / (2 * h)
    if decoder.readout == "first_spike" and decoder.kind == "exponential":
        assert decoder.scaled(3.0).scores(read)[0] == pytest.approx(3.0 * decoder.scores(read)[0])
    assert decoder.log_scale_gradient(read, labels) == pytest.approx(numeric, rel=1e-6)
    assert type(decoder.scaled(2.0)) is type(decoder) and decoder.scaled(1.0) == decoder


def test_the_gradient_of_each_neuron_is_clipped_alone():
    rng = np.random.default_rng(0)
    gradients = {"a": rng.normal(size=(3, 3, 2, 4)), "b": rng.normal(size=(5, 2))}
    gradients["a"][..., 1] *= 1e-3
    clipped = optimize.clip_neurons(gradients, 0.5)
    norms = np.sqrt((clipped["a"] ** 2).sum(axis=(0, 1, 2)))
    assert norms[[0, 2, 3]] == pytest.approx([0.5] * 3)
    assert np.array_equal(clipped["a"][..., 1], gradients["a"][..., 1])
    assert optimize.clip_neurons(gradients, None) is gradients


@pytest.mark.compiled
def test_the_share_of_floored_crossings_is_logged_a_layer():
    all_low = fit(conv_model(), 1, slope_floor=1e6).records[0]["floored"]
    assert all_low == {"hidden1": 1.0, "pool1": 0.0, "hidden2": 1.0, "output": 1.0}
    some = fit(conv_model(), 1, slope_floor=0.5).records[0]["floored"]
    assert 0.0 < some["hidden1"] < 1.0
    assert "floored" not in fit(conv_model(), 1).records[0]


@pytest.mark.compiled
def test_what_the_layers_do_is_logged_in_plain_numbers():
    model = conv_model()
    record = fit(model, 1, batch=40).records[0]  # one batch: the untrained network on all samples
    json.dumps(record, allow_nan=False)
    activity = Passes(conv_model().net, T_STOP, threads=1).forward(model.encode(pictures()[0]))
    order = data_order(40, 1, 4)
    layers = {layer["name"]: layer for layer in record["spike_times"]["layers"]}
    assert list(layers) == ["input", "hidden1", "pool1", "hidden2", "output"]
    for name in list(layers)[1:]:
        times = activity.time[name][order]
        seen = layers[name]
        assert record["silent"][name] == pytest.approx(np.isinf(times).mean(), abs=1e-12)
        fired = times[np.isfinite(times)]
        assert seen["mean"] == pytest.approx(fired.mean())
        assert seen["quantiles"] == pytest.approx(np.quantile(fired, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist())
        assert seen["counts"] == np.histogram(fired, record["spike_times"]["edges"])[0].tolist()
    assert record["spike_times"]["edges"][-1] == T_STOP and sum(layers["input"]["counts"]) > 0
    assert set(record["gradient_norms"]) == set(model.net.projections) - {"hidden1->pool1"}
    assert all(norm > 0.0 for norm in record["gradient_norms"].values())


@pytest.mark.compiled
def test_a_dead_layer_is_warned_of_once_with_advice(tmp_path):
    model = conv_model(readout=True)
    projection = model.net.projections["pool1->hidden2"]
    projection.set_weight(-np.abs(projection.weight))
    stream, file = io.StringIO(), tmp_path / "checkpoint.h5"
    history = fit(model, 2, progress=progress.TextMeter(stream), checkpoint=file)
    assert [list(r["warnings"]) for r in history.records] == [["hidden2"], []]
    text = history.records[0]["warnings"]["hidden2"]
    assert "100.0 % silent" in text and "policies" in text and "\n" not in text
    assert stream.getvalue().count("warning: ") == 1
    again = fit(conv_model(readout=True), 3, checkpoint=file, resume=True)
    assert [list(r["warnings"]) for r in again.records] == [["hidden2"], [], []]
    silent = {"name": "hidden2", "counts": [0] * 40, "mean": None, "quantiles": None}
    assert silent in history.records[0]["spike_times"]["layers"]


@pytest.mark.compiled
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("policy", [regularize.Firing(0.3), regularize.Peak(0.3), regularize.WeightBump()])
def test_a_policy_wakes_a_dead_layer(policy, normalize):
    model = conv_model(readout=True)
    projection = model.net.projections["pool1->hidden2"]
    projection.set_weight(projection.weight - 1.1 * projection.weight.max())
    settings = {"normalize": normalize, "rates": {"drive": 1.0}, "optimizer": training.AdamW(0.05, weight_decay=0.0)}
    history = fit(model, 15, policies=(policy,), **settings)
    assert history.records[0]["silent"]["hidden2"] > 0.9 > 0.8 > history.records[-1]["silent"]["hidden2"]


@pytest.mark.compiled
def test_deleted_spikes_do_not_count_as_silent():
    plain = fit(conv_model(), 1, batch=40).records[0]["silent"]
    deleted = fit(conv_model(), 1, batch=40, dropout={"hidden2": 0.5})
    assert deleted.records[0]["silent"]["hidden2"] == pytest.approx(plain["hidden2"], abs=0.05)


def test_norms_that_are_not_positive_are_refused():
    with pytest.raises(InputError, match="neuron_clip = 0"):
        fit(conv_model(), 1, neuron_clip=0.0)


def test_the_data_order_is_a_permutation_of_seed_and_epoch():
    first = data_order(100, 1, seed=3)
    assert np.array_equal(np.sort(first), np.arange(100))
    assert np.array_equal(first, data_order(100, 1, seed=3))
    assert not np.array_equal(first, data_order(100, 2, seed=3))
