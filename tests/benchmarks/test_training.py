"""The scripts that compare training with other programs: what they compute, and what they say without a peer."""

import importlib.util
import json
import pathlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from training import config, datasets

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BENCHMARKS = REPOSITORY / "benchmarks"
sys.path += [str(BENCHMARKS), str(BENCHMARKS / "peers")]

import launch  # noqa: E402  (lies in a folder just named)
import train_memory  # noqa: E402
import train_speed  # noqa: E402
import trainers  # noqa: E402

DENSE = trainers.Program("eventsim", "eventsim", ("400",))
PEER = trainers.Program("SpikingJelly", "spikingjelly", ("400",), 10)
HAS_TORCH = launch.interpreter("torch").exists()


@pytest.fixture
def samples(tmp_path):
    """Return a file of 24 images of noise with labels, as `trainers.save_samples` writes them."""
    random = np.random.default_rng(1)
    images, labels = random.integers(0, 256, (24, 28, 28, 1), dtype=np.uint8), np.arange(24) % 10
    np.savez(tmp_path / "samples.npz", images=images, labels=labels)
    return tmp_path / "samples.npz"


@pytest.fixture
def without_mnist(monkeypatch):
    """Let the scripts find images of noise where MNIST would be."""
    random = np.random.default_rng(1)
    images, labels = random.integers(0, 256, (200, 28, 28, 1), dtype=np.uint8), np.arange(200) % 10
    monkeypatch.setattr(datasets, "load", lambda name: datasets.Dataset(images, labels, tuple("0123456789")))


def run(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["script", *map(str, arguments)])
    module.main()


def turns(*seconds, **more):
    return [{"cpu_s": s, "wall_s": 2 * s, "system_s": 0.0, "loss": 1.0, "peak_memory_bytes": 1, **more}
            for s in seconds]


def test_every_trainer_has_an_environment_and_a_script():
    for trainer in launch.TRAINERS.values():
        assert trainer.environment is None or trainer.environment in launch.REQUIREMENTS
        assert (BENCHMARKS / "peers" / trainer.script).is_file()
    assert set(launch.WITHOUT_DEPENDENCIES) <= set(launch.REQUIREMENTS)


def test_every_program_names_a_trainer_and_its_steps():
    for program in sum(train_speed.GROUPS.values(), ()):
        assert program.trainer in launch.TRAINERS
        assert (program.steps is not None) == (program.trainer in ("snntorch", "spikingjelly"))


@pytest.mark.parametrize("hidden", [train_speed.DENSE, train_speed.POOLED, train_speed.DEEPER])
@pytest.mark.parametrize("firing", [None, 0.1])
def test_the_recipes_are_configurations(hidden, firing):
    settings = config.parse(json.loads(json.dumps(trainers.tables(hidden, 16, firing=firing))))
    assert settings.fit.threads == 1


def test_the_dense_recipe_is_that_of_the_example():
    example = config.load(REPOSITORY / "examples" / "configs" / "mnist.toml")
    settings = config.parse(trainers.tables(train_speed.DENSE, example.fit.batch))
    assert settings.encoder == example.encoder and settings.decoder == example.decoder
    assert replace(settings.network, hidden=example.network.hidden) == example.network
    for name in ("optimizer", "policies", "normalize", "ema", "clip", "slope_floor", "precision"):
        assert getattr(settings.fit, name) == getattr(example.fit, name)


def test_a_stretched_recipe_has_the_same_spikes_later():
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    times = []
    for stretch in (1.0, 4.0):
        settings = config.parse(trainers.tables(("30",), 3, stretch=stretch))
        model = config.build(settings, images.shape[1:], [str(label) for label in range(10)])
        times.append(model.outputs(images))
    assert np.isfinite(times[0]).any()
    np.testing.assert_array_equal(times[1], 4.0 * times[0])


def test_ratios_are_taken_within_a_round_and_the_first_turn_is_left_out():
    ours = turns(9.0, 2.0, 3.0, 40.0, firing={"hidden": 0.5})
    more = {"program": "eventsim", "version": "1"}
    result = train_speed.figures(DENSE, ours, 1000, more, {"relu": turns(9.0, 1.0, 1.0, 10.0), "snntorch": None})
    assert result["ratios"] == {"relu": 3.0}
    assert result["cpu_s_per_1000"] == pytest.approx(3.0)
    assert result["epoch_cpu_s"] == pytest.approx(180.0)
    assert result["first_turn_wall_s"] == 18.0


def test_firing_of_a_peer_is_spikes_a_neuron_over_all_steps():
    more = {"program": "spikingjelly", "version": "1", "rates": [0.25, 0.5]}
    assert train_speed.figures(PEER, turns(1.0, 1.0), 1, more, {})["firing"] == {"layer 1": 2.5, "layer 2": 5.0}


def test_the_table_has_a_line_a_program():
    more = {"program": "eventsim", "version": "1"}
    ours = train_speed.figures(DENSE, turns(1.0, 2.0, firing={"input": 1.0, "hidden": 0.5}), 1000, more, {})
    assert train_speed.table([ours]).splitlines()[1].split() == ["eventsim", "400", "2.000", "120.0", *"---", "0.50"]


def test_programs_are_compared_with_those_on_the_first_network():
    found = train_speed.references(train_speed.GROUPS["convolution"])
    assert {program.hidden for program in found.values()} == {train_speed.POOLED}
    assert set(found) == set(train_speed.REFERENCES)


def test_a_trainer_that_is_not_installed_is_named_in_one_line(samples, tmp_path):
    with pytest.raises(launch.Unavailable, match=r"^spikingjelly: not installed; .*launch.py torch$"):
        trainers.Running(PEER, samples, PEER.arguments(8), tmp_path / "nowhere")


def test_a_trainer_that_fails_is_named_with_its_last_line(samples, tmp_path):
    python = launch.interpreter("torch", tmp_path)
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho first >&2\necho 'no such thing' >&2\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    with pytest.raises(launch.Unavailable, match=r"^SpikingJelly: no such thing$"):
        trainers.Running(PEER, samples, PEER.arguments(8), tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is in this very environment")
def test_training_with_pytorch_needs_it(samples, monkeypatch):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    script = BENCHMARKS / "peers" / "run_torch.py"
    done = subprocess.run([sys.executable, str(script), "--model", "relu", "--hidden", "4", "--data", str(samples)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.stderr == "relu cannot be imported: No module named 'torch'\n"


@pytest.mark.whole
@pytest.mark.skipif(not HAS_TORCH, reason="the environment of PyTorch is not there")
@pytest.mark.parametrize("trainer", ["relu", "snntorch", "spikingjelly"])
def test_a_peer_learns_in_turns(trainer, samples):
    steps = None if trainer == "relu" else 4
    program = trainers.Program(trainer, trainer, ("4C5s2", "P2", "30"), steps)
    with trainers.Running(program, samples, program.arguments(8)) as process:
        losses = [process.turn()["loss"] for _ in range(12)]
        last = process.end()
    assert losses[-1] < losses[0]
    # A layer of weights each, the outputs included.
    assert trainer == "relu" or len(last["rates"]) == 3


@pytest.mark.whole
def test_ours_learns_in_turns(samples):
    program = trainers.Program("eventsim", "eventsim", ("4C5s2", "P2", "30"))
    with trainers.Running(program, samples, program.arguments(8)) as process:
        answers = [process.turn() for _ in range(12)]
        assert process.end() == {}
    assert answers[-1]["loss"] < answers[0]["loss"]
    assert set(answers[0]["firing"]) == {"input", "hidden1", "hidden2", "output"}
    assert answers[0]["cpu_s"] > 0.0


@pytest.mark.whole
def test_comparing_training_without_peers_still_measures_ours(monkeypatch, without_mnist, tmp_path, capsys):
    run(monkeypatch, train_speed, "--group", "dense", "--rounds", 1, "--dense-samples", 16, "--batch", 8, "--peers",
        tmp_path / "nowhere", "--out", tmp_path / "speed.json")
    assert "skipped relu: not installed" in capsys.readouterr().err
    results = json.loads((tmp_path / "speed.json").read_text())["groups"]["dense"]
    assert [result["name"] for result in results] == ["eventsim", "eventsim, double"]
    assert results[0]["spikes_a_sample"] > 0


@pytest.mark.whole
def test_memory_without_peers_has_the_same_spikes_over_longer_times(monkeypatch, without_mnist, tmp_path):
    run(monkeypatch, train_memory, "--network", "dense", "--samples", 4, "--peers", tmp_path / "nowhere", "--out",
        tmp_path / "memory.json")
    results = json.loads((tmp_path / "memory.json").read_text())["networks"]["dense"]
    assert set(results) == {"eventsim, time", "eventsim, spikes"}
    assert len({figures["spikes"] for figures in results["eventsim, time"]}) == 1
    assert results["eventsim, spikes"][2]["spikes"] > 10 * results["eventsim, spikes"][0]["spikes"]
