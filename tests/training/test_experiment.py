"""A configuration trained with the layers engine: files, resume, threads; the demo's settings."""

import json

import numpy as np
import pytest

import training
from eventsim.errors import InputError
from training import config, demo, experiment, progress

TEXT = """
[data]
name = "yin-yang"
[network]
hidden = [10]
tau_mem = inf
tau_syn = inf
t_stop = 4.0
seed = 2
[network.initial]
mean = [2.0, 1.5]
kappa = 2.8
[decoder]
kind = "latency"
tau = 0.1
[fit]
epochs = 3
batch = 250
optimizer = {kind = "adamw", lr = 0.02}
policies = [{kind = "silent_label"}]
slope_floor = 0.1
threads = 2
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "c.toml").write_text(TEXT)
    result = training.train_from_config(folder / "c.toml", folder / "out", progress=None)
    return folder, result


def weights(folder):
    net = training.Model.load(folder / experiment.MODEL).net
    return {name: np.array(p.weight) for name, p in net.projections.items()}


@pytest.mark.compiled
def test_a_training_leaves_model_settings_log_and_result(finished):
    folder, result = finished
    out = folder / "out"
    assert sorted(p.name for p in out.iterdir()) == [
        "checkpoint.h5", "config.json", "log.jsonl", "model.h5", "result.json",
    ]  # fmt: skip
    assert json.loads((out / "result.json").read_text()) == json.loads(json.dumps(result))
    assert json.loads((out / "config.json").read_text()) == config.load(folder / "c.toml").resolved()
    assert len(training.History.load(out / "log.jsonl")) == result["epochs"] == 3


@pytest.mark.compiled
def test_three_epochs_learn_more_than_guessing(finished):
    folder, result = finished
    assert result["test"]["accuracy"] > 0.55
    test = training.datasets.load("yin-yang", "test")
    model = training.Model.load(folder / "out" / "model.h5")
    assert model.evaluate(test.images, test.labels)["accuracy"] == result["test"]["accuracy"]


@pytest.mark.compiled
def test_another_number_of_threads_gives_the_same_bits(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "c.toml").write_text(TEXT.replace("threads = 2", "threads = 1"))
    training.train_from_config(tmp_path / "c.toml", tmp_path / "out", progress=None)
    first, second = weights(folder / "out"), weights(tmp_path / "out")
    assert all(np.array_equal(first[name], second[name]) for name in first)


class StopInEpoch(progress.Callback):
    """Raise Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch(self, epoch, batch, loss):
        if epoch == self.epoch and batch == 7:
            raise KeyboardInterrupt


@pytest.mark.compiled
def test_an_interrupted_and_resumed_training_gives_the_same_bits(finished, tmp_path):
    folder, expected = finished
    (tmp_path / "c.toml").write_text(TEXT)
    stopped = training.train_from_config(tmp_path / "c.toml", tmp_path / "out", progress=StopInEpoch(3))
    assert stopped["interrupted"] and stopped["epochs"] == 2 and stopped["test"]["accuracy"] is None
    result = training.train_from_config(tmp_path / "c.toml", tmp_path / "out", resume=True, progress=None)
    assert result["test"] == expected["test"] and result["best_epoch"] == expected["best_epoch"]
    first, second = weights(folder / "out"), weights(tmp_path / "out")
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_resuming_where_nothing_was_started_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text(TEXT)
    with pytest.raises(InputError, match="no checkpoint"):
        training.train_from_config(tmp_path / "c.toml", tmp_path / "out", resume=True, progress=None)


def test_the_demo_trains_what_the_commented_example_describes(repository):
    example = config.load(repository / "examples" / "configs" / "digits.toml")
    assert config.parse(demo.SETTINGS) == example


def test_every_example_configuration_is_understood(repository):
    files = sorted((repository / "examples" / "configs").glob("*.toml"))
    assert {"digits", "mnist", "mnist_readout", "yin_yang"} <= {f.stem for f in files}
    for file in files:
        assert config.load(file).resolved()["fit"]["epochs"] > 0


@pytest.mark.compiled
def test_measured_initialisation_reaches_the_wished_firing():
    found = config.parse({"data": {"name": "digits"}, "network": {"hidden": [30], "t_stop": 60.0}})
    train, _, _ = config.read_data(found)
    model = config.build(found, train.images.shape[1:], train.classes)
    stimulus = model.encode(train.images[:40])
    for name, projection in model.net.projections.items():
        draws = training.initialize.draw(projection.weight.shape, 0.5, 0.2, 3, name)
        projection.set_weight(draws)
    factors = training.initialize.measured(model.net, stimulus, 60.0, firing={"hidden": 0.6, "output": 0.8})
    assert set(factors) == {"hidden", "output"}
    times = training.passes.Passes(model.net, 60.0).forward(stimulus).time
    assert np.isfinite(times["hidden"]).mean() == pytest.approx(0.6, abs=0.05)
    assert np.isfinite(times["output"]).mean() == pytest.approx(0.8, abs=0.1)
