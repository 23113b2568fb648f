"""`benchmarks/ablation.py`: every variant is trained, kept, and a row of the table."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "ablation.py"

TEXT = """
[network]
hidden = ["4C3", "P2"]
tau_mem = inf
tau_syn = inf
t_stop = 3.0
[network.initial]
mean = 1.0
[decoder]
kind = "latency"
tau = 0.1
[fit]
epochs = 1
normalize = true
policies = [{kind = "silent_label"}]
slope_floor = 0.1
"""


@pytest.mark.compiled
def test_each_variant_goes_without_its_ingredient_and_is_trained_once(tmp_path):
    (tmp_path / "c.toml").write_text(TEXT)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, SCRIPT, "c.toml", "--out", "runs", "--seeds", "1", "2", "--samples", "300",
               "--figures", "figures.json"]  # fmt: skip

    def run(*more):
        return subprocess.run([*command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = run()
    assert done.returncode == 0, done.stderr
    table = json.loads((tmp_path / "figures.json").read_text())["table"]
    assert list(table) == ["all", "no initialisation", "no normalisation", "no decoder", "no pooling", "none"]
    assert done.stdout.count("\n") == 8 and "| none | " in done.stdout
    for row in table.values():
        assert len(row["accuracy"]) == 2 and row["sd"] is not None and set(row["silent"]) >= {"hidden", "output"}
    settings = {name: json.loads((tmp_path / "runs" / f"{name}-seed1" / "config.json").read_text())
                for name in ("all", "no-initialisation", "no-normalisation", "no-decoder", "no-pooling")}  # fmt: skip
    assert settings["no-initialisation"]["network"]["initial"]["rule"] == "kaiming"
    assert settings["no-normalisation"]["fit"]["normalize"] is False and settings["all"]["fit"]["normalize"] is True
    assert settings["no-decoder"]["decoder"]["kind"] == "linear"
    assert settings["no-pooling"]["network"]["hidden"] == ["4C3", "F2"]
    before = (tmp_path / "runs" / "all-seed2" / "checkpoint.h5").stat().st_mtime_ns
    assert run().returncode == 0  # finished ones are left alone
    assert (tmp_path / "runs" / "all-seed2" / "checkpoint.h5").stat().st_mtime_ns == before
    refused = run("--samples", "200")
    assert refused.returncode == 1 and "holds a training with other settings" in refused.stderr
