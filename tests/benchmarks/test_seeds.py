"""`benchmarks/seeds.py`: a recipe trained from several seeds."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "seeds.py"

RECIPE = """
[data]
name = "digits"
validation = 300
[network]
hidden = [12]
t_stop = 3.0
seed = 9
[encoder]
kind = "latency"
scale = 16.0
[fit]
epochs = 7
batch = 256
seed = 9
"""


@pytest.mark.compiled
def test_every_seed_trains_on_all_samples_and_finished_ones_are_kept(tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(*seeds, out="out", options=()):
        command = [sys.executable, SCRIPT, "recipe.toml", "--out", out, "--epochs", "1", *options,
                   "--seeds", *map(str, seeds)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / out / "seeds.json").read_text())

    first = run(4)
    model = tmp_path / "out" / "seed4" / "model.h5"
    written = model.stat().st_mtime_ns
    found = run(4, 5)
    assert model.stat().st_mtime_ns == written
    assert found["epochs"] == 1
    assert first["accuracy"]["4"] == found["accuracy"]["4"] != found["accuracy"]["5"]
    assert found["range"] == sorted(found["accuracy"].values())
    assert found["mean"] == pytest.approx(sum(found["range"]) / 2)
    result = json.loads((tmp_path / "out" / "seed5" / "result.json").read_text())
    assert result["samples"] == {"train": 3823, "validation": 0, "test": 1797}
    other = [sys.executable, SCRIPT, "recipe.toml", "--out", "out", "--epochs", "2", "--seeds", "4"]
    refused = subprocess.run(other, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "seed4\" holds a training with other settings" in refused.stderr.splitlines()[-1]
    config = json.loads((tmp_path / "out" / "seed5" / "config.json").read_text())
    assert (config["network"]["seed"], config["fit"]["seed"]) == (5, 5)
    chosen = run(4, out="chosen", options=["--choose-epoch"])
    assert chosen["best_epoch"] == {"4": 1} and 0.0 < chosen["validation_accuracy"]["4"] < 1.0
    assert chosen["standard_deviation"] is None and found["validation_accuracy"] == {"4": None, "5": None}
    result = json.loads((tmp_path / "chosen" / "seed4" / "result.json").read_text())
    assert result["samples"] == {"train": 3523, "validation": 300, "test": 1797}
