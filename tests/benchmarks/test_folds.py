"""`benchmarks/folds.py`: every sample is tested on once, by a network that has not seen it."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from benchmark_scripts import benchmark

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "folds.py"

RECIPE = """
[data]
name = "digits"
[network]
hidden = [12]
t_stop = 3.0
[encoder]
kind = "latency"
scale = 16.0
[fit]
epochs = 1
batch = 256
"""


def test_folds_share_no_sample_and_hold_all():
    script = benchmark("folds")
    parts = script.folds_of(110, 11, seed=1)
    assert [len(part) for part in parts] == [10] * 11
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(110))
    assert not np.array_equal(parts[0], script.folds_of(110, 11, seed=2)[0])


@pytest.mark.compiled
def test_finished_folds_are_kept_and_the_mean_is_of_all(tmp_path):
    (tmp_path / "c.toml").write_text(RECIPE)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(*more):
        command = [sys.executable, SCRIPT, "c.toml", "--out", "out", "--folds", "3", "--figures", "f.json", *more]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "f.json").read_text())
    accuracy = [fold["accuracy"] for fold in figures["folds"]]
    assert figures["mean"] == pytest.approx(sum(accuracy) / 3) and figures["standard_deviation"] > 0.0
    assert [sum(fold["samples"]) for fold in figures["folds"]] == [5620] * 3
    before = (tmp_path / "out" / "fold2.json").stat().st_mtime_ns
    (tmp_path / "out" / "fold3.json").unlink()
    assert run().returncode == 0
    assert (tmp_path / "out" / "fold2.json").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "f.json").read_text())["folds"][2]["accuracy"] == accuracy[2]  # the same bits again
    refused = run("--seed", "2")
    assert refused.returncode == 1 and "is of other settings" in refused.stderr
