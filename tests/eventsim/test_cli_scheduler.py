"""``--scheduler`` of ``eventsim simulate`` and ``eventsim train``: the same files as without."""

import json

import numpy as np
import pytest
from clusters import small_cluster

import eventsim as es
from eventsim.cli import main
from training import Model

SETTINGS = """
[data]
name = "digits"
validation = 300
[network]
hidden = [20]
[fit]
epochs = 1
batch = 256
"""


@pytest.fixture(scope="module")
def address():
    with small_cluster() as where:
        yield where


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(SETTINGS)
    return tmp_path


def test_training_on_a_cluster_gives_the_weights_of_one_process(address, place):
    assert main(["train", "config.toml", "--out", "here"]) == 0
    assert main(["train", "config.toml", "--out", "there", "--scheduler", address]) == 0
    one, two = (Model.load(place / name / "model.h5") for name in ("here", "there"))
    for name, projection in one.net.projections.items():
        assert np.array_equal(projection.weight, two.net.projections[name].weight)
    results = [json.loads((place / name / "result.json").read_text()) for name in ("here", "there")]
    assert results[0]["test"] == results[1]["test"]


def test_a_simulation_on_a_cluster_writes_the_spikes_of_one_process(address, place):
    assert main(["train", "config.toml", "--out", "run"]) == 0
    arguments = ["simulate", "run/model.h5", "--input", "digits", "--samples", "0:40", "--out"]
    assert main([*arguments, "here.h5"]) == 0
    assert main([*arguments, "there.h5", "--scheduler", address]) == 0
    one, two = es.Trace.load("here.h5"), es.Trace.load("there.h5")
    assert one.labels.tolist() == two.labels.tolist()
    for name in one.recorded:
        for mine, yours in zip(one.spikes(name), two.spikes(name), strict=True):
            assert np.array_equal(mine, yours)


@pytest.mark.parametrize("command", [
    ["train", "config.toml", "--out", "out"],
    ["simulate", "net.h5", "--t-stop", "1", "--out", "out.h5"],
])  # fmt: skip
def test_a_scheduler_that_does_not_answer_is_named_in_one_line(command, capsys):
    pytest.importorskip("distributed", reason="needs the extra dask: pip install eventsim[dask]")
    net = es.Network(seed=1)
    net.population("cells", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.save("net.h5")
    assert main([*command, "--scheduler", "tcp://127.0.0.1:9"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "127.0.0.1:9" in said[0]


def test_a_network_in_whole_steps_is_not_trained_on_a_cluster(capsys, place):
    text = SETTINGS.replace("hidden = [20]", "hidden = [20]\nsteps = 4")
    (place / "config.toml").write_text(text)
    assert main(["train", "config.toml", "--out", "out", "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "in whole steps cannot be trained on a cluster" in capsys.readouterr().err
