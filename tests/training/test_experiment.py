"""A configuration trained with the layers engine: files, resume, threads; the demo's settings."""

import dataclasses
import json

import numpy as np
import pytest

import training
from eventsim.errors import InputError
from eventsim.recordings import Recordings
from training import config, demo, experiment, looks, progress

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
        "checkpoint.h5", "config.json", "log.jsonl", "model.h5", "result.json", "tests.jsonl",
    ]  # fmt: skip
    assert json.loads((out / "result.json").read_text()) == json.loads(json.dumps(result))
    assert json.loads((out / "config.json").read_text()) == config.load(folder / "c.toml").resolved()
    assert len(training.History.load(out / "log.jsonl")) == result["epochs"] == 3
    (look,) = looks.read(out)
    assert look["accuracy"] == result["test"]["accuracy"] and look["epoch"] == result["best_epoch"]
    assert look["for"] == "the training's end" and look["samples"] == 1000 and looks.read(folder) == []


@pytest.mark.compiled
def test_training_on_everything_keeps_the_last_epoch_and_notes_every_look_at_the_test_set(tmp_path, capsys):
    from eventsim import cli

    text = TEXT.replace('name = "yin-yang"', 'name = "yin-yang"\nwhole = true').replace("epochs = 3", "epochs = 2")
    (tmp_path / "c.toml").write_text(text)
    out = tmp_path / "out"
    assert cli.main(["train", str(tmp_path / "c.toml"), "--out", str(out)]) == 0
    assert "none (all samples were trained on)" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert result["samples"] == {"train": 5000, "validation": 0, "test": 1000}
    assert result["best_epoch"] == result["epochs"] == 2 and result["validation"]["accuracy"] is None
    for _ in range(2):
        assert cli.main(["evaluate", str(out / "model.h5"), "--dataset", "yin-yang"]) == 0
    assert [look["for"] for look in looks.read(out)] == ["the training's end", *["evaluate yin-yang"] * 2]
    assert len({look["accuracy"] for look in looks.read(out)}) == 1


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


def test_a_second_training_in_the_same_folder_is_refused_while_the_first_one_runs(finished, tmp_path):
    folder, _ = finished
    out, seen = tmp_path / "out", []

    class Second(progress.Callback):
        def on_epoch(self, record):
            with pytest.raises(InputError, match="is being written by another training; wait for its end"):
                training.train_from_config(folder / "c.toml", out, progress=None)
            seen.append(record["epoch"])

    result = training.train_from_config(folder / "c.toml", out, progress=Second())
    assert seen == [1, 2, 3] and result["epochs"] == 3
    assert len(training.History.load(out / "log.jsonl")) == 3
    training.train_from_config(folder / "c.toml", out, progress=None)  # it is free again


def test_resuming_where_nothing_was_started_is_refused(tmp_path):
    (tmp_path / "c.toml").write_text(TEXT)
    with pytest.raises(InputError, match="no checkpoint"):
        training.train_from_config(tmp_path / "c.toml", tmp_path / "out", resume=True, progress=None)


def test_the_demo_trains_what_the_commented_example_describes(repository):
    example = config.load(repository / "examples" / "configs" / "digits.toml")
    assert config.parse(demo.SETTINGS) == example


def recordings(count=20, events=500):
    """Return random recordings of the camera of N-MNIST."""
    rng = np.random.default_rng(1)
    total = count * events
    time = np.sort(rng.uniform(0.0, 300.0, (count, events)), axis=1).ravel()
    return Recordings(time, rng.integers(0, 34, total), rng.integers(0, 34, total), rng.integers(0, 2, total),
                      np.arange(0, total + 1, events), shape=(34, 34))


@pytest.mark.compiled
def test_every_example_configuration_is_understood(repository):
    files = sorted((repository / "examples" / "configs").glob("*.toml"))
    names = {"digits", "mnist", "mnist_readout", "mnist_conv", "fashion_conv", "yin_yang", "nmnist", "cifar10_conv",
             "cifar10_conv_longer"}
    assert names <= {f.stem for f in files}
    for file in files:
        found = config.load(file)
        if found.network.start is not None:  # a model that another example trains
            found = dataclasses.replace(found, network=dataclasses.replace(found.network, start=None))
        assert found.resolved()["fit"]["epochs"] > 0
        shapes = {"digits": (8, 8, 1), "yin-yang": (4,), "nmnist": (34, 34), "cifar10": (32, 32, 3)}
        shape = shapes.get(found.data.name, (28, 28, 1))
        model = config.build(found, shape, range(10), recordings() if found.data.name == "nmnist" else None)
        arguments = found.fit_arguments()
        training.parameters.Parameters(model.net, arguments["learn"], arguments["normalize"], arguments["rates"])
        training.dropout.Dropout(model.net, arguments["dropout"], model.output)


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


STEPS = """
[network]
hidden = ["8C3", "P2", 40]
steps = 8
[network.initial]
rule = "discrete"
[decoder]
kind = "exponential"
tau = 4.0
[fit]
epochs = 3
batch = 100
optimizer = {kind = "adamw", lr = 0.02}
learn = ["weights", "thresholds"]
normalize = true
dropout = {hidden1 = 0.05}
precision = "single"
"""


@pytest.mark.compiled
def test_a_network_in_steps_is_trained_and_resumed_with_the_same_bits_and_runs_on_every_engine(tmp_path):
    (tmp_path / "c.toml").write_text(STEPS)
    result = training.train_from_config(tmp_path / "c.toml", tmp_path / "out", progress=None)
    assert result["test"]["accuracy"] > 0.6
    training.train_from_config(tmp_path / "c.toml", tmp_path / "cut", progress=StopInEpoch(2))
    training.train_from_config(tmp_path / "c.toml", tmp_path / "cut", resume=True, progress=None)
    for name, weight in weights(tmp_path / "out").items():
        assert np.array_equal(weight, weights(tmp_path / "cut")[name])
    model = training.Model.load(tmp_path / "out" / experiment.MODEL)
    test = training.datasets.load("digits", "test")
    found = [model.simulate(test.images[:40], engine=engine) for engine in ("layers", "heap")]
    times = [trace.first_spikes("output") for trace in found]
    assert np.array_equal(*times) and np.array_equal(times[0][np.isfinite(times[0])] % 1.0, np.zeros(
        np.isfinite(times[0]).sum()))  # fmt: skip


@pytest.mark.compiled
def test_the_horizon_is_trimmed_to_the_latest_decision_and_no_decision_changes(finished, tmp_path):
    _, whole = finished
    (tmp_path / "c.toml").write_text(TEXT.replace("seed = 2", "seed = 2\ntrim = 1.2"))
    result = training.train_from_config(tmp_path / "c.toml", tmp_path / "out", progress=None)
    assert result["horizon_ms"] < whole["horizon_ms"]
    assert result["test"]["accuracy"] == whole["test"]["accuracy"] and result["test"]["undecided"] == 0.0
    model = training.Model.load(tmp_path / "out" / experiment.MODEL)
    assert model.t_stop == result["horizon_ms"]
    validation = training.datasets.load("yin-yang", "validation").images
    latest = model.outputs(validation).min(axis=1).max()
    assert model.t_stop == pytest.approx(1.2 * latest, rel=1e-12)
    assert training.horizon.trimmed(model, validation, 1.0) == np.nextafter(latest, np.inf)
    with pytest.raises(InputError, match="at least 1"):
        training.horizon.trimmed(model, validation, 0.9)
    with pytest.raises(InputError, match=r"trim = 0\.5 cannot be used"):
        config.parse({"network": {"trim": 0.5}})
