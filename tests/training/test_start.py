"""Training that starts from a trained model."""

import tomllib

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.errors import InputError
from training import config, start

TEXT = """
[data]
name = "digits"
[network]
hidden = ["4C3s2", 20]
tau_mem = inf
tau_syn = inf
t_stop = 3.0
[fit]
epochs = 1
optimizer = {kind = "adamw", lr = 0.001}
learn = ["weights", "offsets", "thresholds"]
normalize = true
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a training of one epoch."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "c.toml").write_text(TEXT)
    training.train_from_config(folder / "c.toml", folder / "out", progress=None)
    return folder / "out"


def built(text):
    """Return the untrained model of a configuration."""
    return config.build(config.parse(tomllib.loads(text)), (8, 8), [str(c) for c in range(10)])


def going_on(trained, text=TEXT):
    """Return a configuration that starts from the trained model."""
    return text.replace("t_stop", f'start = "{trained / "model.h5"}"\nt_stop')


def test_the_started_model_decides_as_the_trained_one(trained):
    before, model = training.Model.load(trained / "model.h5"), built(going_on(trained))
    images = training.datasets.load("digits", "test").images[:50]
    assert np.array_equal(model.outputs(images), before.outputs(images))
    assert not np.array_equal(model.outputs(images), built(TEXT).outputs(images))


def test_everything_learned_is_taken_over_and_the_rest_stays(trained):
    before, model = training.Model.load(trained / "model.h5"), built(going_on(trained).replace("3.0", "5.0"))
    assert model.t_stop == 5.0
    for name, projection in before.net.projections.items():
        assert np.array_equal(model.net.projections[name].weight, projection.weight)
        assert np.array_equal(model.net.projections[name].delay, projection.delay)
    for name in ("hidden1", "hidden2", "output"):
        for what in ("v_threshold", "i_offset"):
            assert np.array_equal(getattr(model.net[name].neuron, what), getattr(before.net[name].neuron, what))


def test_a_readout_that_never_fires_stays_silent(trained):
    text = going_on(trained).replace("[network]", '[network]\nreadout = "potential"')
    model = built(text)
    assert model.net["output"].is_readout
    assert np.array_equal(model.net.projections["hidden2->output"].weight,
                          training.Model.load(trained / "model.h5").net.projections["hidden2->output"].weight)


def test_training_goes_on_from_there(trained, tmp_path):
    (tmp_path / "c.toml").write_text(going_on(trained))
    training.train_from_config(tmp_path / "c.toml", tmp_path / "out", progress=None)
    first, second = (training.history.History.load(folder / "log.jsonl").records[0]["loss"]
                     for folder in (trained, tmp_path / "out"))
    assert second < first


def test_a_model_of_other_layers_is_refused_and_the_network_stays(trained):
    model = built(TEXT.replace("20]", "21]"))
    before = {name: p.weight.copy() for name, p in model.net.projections.items()}
    with pytest.raises(InputError, match=r'for "hidden2" the file has 20, the network has 21; start from'):
        start.take_over(model.net, trained / "model.h5")
    with pytest.raises(InputError, match=r'for "hidden2->output" the file has \(20, 10\), the network has none'):
        built(going_on(trained, TEXT.replace("20]", "20, 9]")))
    assert all(np.array_equal(before[name], p.weight) for name, p in model.net.projections.items())


def test_weights_of_other_pairs_of_neurons_are_refused(tmp_path):
    def listed(source, target, weight):
        net = es.Network()
        net.input("in", 4)
        net.population("out", 3, es.LIF(es.NEVER, es.NEVER, t_refractory=es.NEVER))
        net.connect("in", "out", es.Sparse(source, target, weight))
        return net

    encoder, decoder = training.encode.Latency(), training.decode.FirstSpike("latency", tau=0.1)
    model = training.Model(listed([0, 1, 2], [0, 1, 2], [1.0, 2.0, 3.0]), encoder, decoder, t_stop=4.0, output="out")
    model.save(tmp_path / "m.h5")
    same, other = listed([0, 1, 2], [0, 1, 2], 0.5), listed([0, 1, 3], [2, 1, 0], 0.5)
    start.take_over(same, tmp_path / "m.h5")
    assert same.projections["in->out"].weight.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match='"in->out" joins other neurons there; start from a model of the same layers'):
        start.take_over(other, tmp_path / "m.h5")
    assert other.projections["in->out"].weight.tolist() == [0.5, 0.5, 0.5]


def test_a_missing_model_and_drawn_weights_beside_it_are_refused(tmp_path):
    with pytest.raises(InputError, match="no model file"):
        built(TEXT.replace("t_stop", f'start = "{tmp_path / "none.h5"}"\nt_stop'))
    with pytest.raises(InputError, match=r"start takes the weights .* \[network.initial\] draws them"):
        config.parse({"network": {"start": "m.h5", "initial": {"rule": "kaiming"}}})
