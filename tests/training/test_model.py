"""Models: encoding, reading, files."""

import math

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.errors import InputError
from training import decode, encode


def make(readout=False, classes=("a", "b"), **settings):
    net = es.Network(seed=4)
    ramp = es.LIF(tau_mem=math.inf, tau_syn=math.inf, t_refractory=es.NEVER)
    net.input("image", (3, 3, 1))
    net.population("output", 2, ramp.replace(v_threshold=es.NEVER) if readout else ramp)
    net.connect("image", "output", es.Dense(np.linspace(-0.2, 0.8, 18).reshape(9, 2)))
    decoder = decode.Potential() if readout else decode.FirstSpike("linear")
    return training.Model(net, encode.Latency(t_max=2.0), decoder, "output", 5.0, classes, **settings)


IMAGES = np.random.default_rng(0).integers(0, 256, (7, 3, 3, 1), dtype=np.uint8)


def test_the_only_input_and_the_horizon_are_filled_in():
    model = make()
    assert model.encoder.input == "image" and model.decoder.horizon == 5.0
    assert list(model.encode(IMAGES)) == ["image"]


@pytest.mark.parametrize("readout", [False, True])
def test_a_saved_model_is_the_same_model(tmp_path, readout):
    model = make(readout)
    model.save(tmp_path / "m.h5")
    again = training.Model.load(tmp_path / "m.h5")
    assert again.net.fingerprint() == model.net.fingerprint()
    assert (again.encoder, again.decoder, again.classes) == (model.encoder, model.decoder, model.classes)
    assert (again.output, again.t_stop, again.readout) == (model.output, model.t_stop, model.readout)
    assert np.array_equal(again.outputs(IMAGES), model.outputs(IMAGES))


def test_a_model_file_keeps_how_the_model_came_about(tmp_path):
    model = make()
    model.save(tmp_path / "m.h5")
    assert training.Model.load(tmp_path / "m.h5").provenance is None
    model.provenance = {"command": "train", "seed": 3}
    model.save(tmp_path / "m.h5")
    assert training.Model.load(tmp_path / "m.h5").provenance == model.provenance


@pytest.mark.parametrize("readout", [False, True])
def test_outputs_do_not_depend_on_the_batch(readout):
    model = make(readout)
    assert np.array_equal(model.outputs(IMAGES, batch=2), model.outputs(IMAGES))


def test_a_blank_image_is_undecided_and_counts_as_wrong():
    model = make()
    blank = np.zeros((2, 3, 3, 1), np.uint8)
    assert model.predict(blank).tolist() == [-1, -1]
    found = model.evaluate(blank, np.array([0, 1]))
    assert found["accuracy"] == 0.0 and found["undecided"] == 1.0 and found["latency_ms"] is None


def test_a_readout_decides_at_the_horizon():
    found = make(readout=True).evaluate(IMAGES, np.zeros(7, int))
    assert found["latency_ms"] == 5.0 and found["undecided"] == 0.0


def test_the_layers_engine_and_the_trace_decide_alike():
    model = make()
    trace = model.simulate(IMAGES, engine="reference")
    assert np.array_equal(trace.first_spikes("output"), model.outputs(IMAGES))


def other(**changes):
    settings = {"net": make().net, "encoder": encode.Latency(), "decoder": decode.FirstSpike()} | changes
    return training.Model(**settings)


@pytest.mark.parametrize("change, words", [
    (lambda: make(classes=("a",)), "1 class names for 2 outputs"),
    (lambda: other(decoder=decode.Potential()), "use decode.FirstSpike"),
    (lambda: other(net=make(True).net), "use decode.Potential"),
    (lambda: other(output="outputs"), 'Did you mean "output"'),
    (lambda: other(encoder=encode.Latency(input="img")), 'Did you mean "image"'),
    (lambda: other(t_stop=np.inf), "t_stop is inf"),
    (lambda: make().encode(IMAGES[:, :2]), "do not fit the input"),
    (lambda: make().evaluate(IMAGES[:0], []), "no samples"),
    (lambda: training.Model.load("nowhere.h5"), 'no model file "nowhere.h5"'),
])  # fmt: skip
def test_what_does_not_fit_is_refused_with_one_line(change, words):
    with pytest.raises(InputError) as caught:
        change()
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path):
    make().net.save(tmp_path / "net.h5")
    with pytest.raises(InputError, match="not a model file"):
        training.Model.load(tmp_path / "net.h5")
    make().save(tmp_path / "m.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "m.h5").read_bytes()[:500])
    with pytest.raises(InputError, match="damaged"):
        training.Model.load(tmp_path / "cut.h5")


@pytest.mark.parametrize("encoder, shape, size", [
    (encode.Latency(2.0, 0.5, 0.1, "on_off", 16.0), (8, 8, 1), 128),
    (encode.Latency(bias=(0.0, 1.0)), (9,), 11),
    (encode.Coordinates(0.0, 30.0, bias=0.5, input="points"), (4,), 5),
])  # fmt: skip
def test_an_encoder_survives_its_dictionary_and_knows_its_size(encoder, shape, size):
    assert training.encode.from_dict(encoder.to_dict()) == encoder
    assert encoder.size(shape) == size
    values = np.random.default_rng(0).uniform(size=(3, *shape))
    spikes = encoder(values)[encoder.input or "input"]
    assert spikes.n_samples == 3 and spikes.neuron.max() < size


def test_encoder_settings_that_cannot_work_are_refused_at_once():
    with pytest.raises(InputError):
        encode.Latency(t_max=-1.0)
    with pytest.raises(InputError, match='Did you mean "t_max"'):
        encode.from_dict({"kind": "latency", "tmax": 3.0})
