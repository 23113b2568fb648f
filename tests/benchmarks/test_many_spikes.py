"""`benchmarks/many_spikes.py` on a few random images: it trains, tests once, writes its figures and can go on."""

import json
import types

import numpy as np
import pytest
from benchmark_scripts import benchmark

from eventsim.errors import InputError
from training import datasets


@pytest.fixture
def script(monkeypatch):
    module = benchmark("many_spikes")
    rng = np.random.default_rng(1)

    def load(name, part, data):
        assert name == "mnist"
        count = 60 if part == "train" else 10
        images = rng.integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)
        images[rng.random(images.shape) < 0.8] = 0
        return types.SimpleNamespace(images=images, labels=np.arange(count) % 10, classes=[str(n) for n in range(10)])

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(module, "VALIDATION", 20)
    return module


@pytest.mark.compiled
def test_it_trains_tests_once_and_writes_what_it_measured(script, tmp_path, capsys, monkeypatch):
    options = types.SimpleNamespace(out=tmp_path / "out", epochs=2, samples=60000, threads=1, seed=1, data=None,
                                    figures=tmp_path / "f.json")
    script.run(options)
    figures = json.loads((tmp_path / "f.json").read_text())
    assert json.loads(capsys.readouterr().out).items() <= figures.items()
    assert figures["training_images"] == 40 and 0.0 <= figures["test_accuracy"] <= 1.0
    assert figures["hidden_spikes_a_sample"] == pytest.approx(350 * figures["spikes_a_hidden_neuron"])
    looks = (tmp_path / "out" / "tests.jsonl").read_text().splitlines()
    assert len(looks) == 1 and json.loads(looks[0])["samples"] == 10
    assert len((tmp_path / "out" / "log.jsonl").read_text().splitlines()) == 2
    monkeypatch.setattr(script, "SPEED_TURNS", 1)
    script.speed(options)
    alone = json.loads((tmp_path / "f.json").read_text())["alone"]
    assert set(alone) == {"1 threads", "2 threads"} and min(alone.values()) > 0.0


def test_the_speed_of_a_training_that_is_not_there_is_refused(script, tmp_path):
    options = types.SimpleNamespace(out=tmp_path, figures=tmp_path / "f.json", data=None, seed=1)
    with pytest.raises(InputError, match="no finished training"):
        script.speed(options)
