"""`benchmarks/anytime.py`: rules and twins from traces, each training once."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "anytime.py"
sys.path.append(str(SCRIPT.parent))
import anytime  # noqa: E402  (lies in the folder just named)

TEXT = """
[data]
name = "digits"
[network]
hidden = ["3C3s2"]
readout = "first_spike"
tau_mem = inf
tau_syn = inf
t_stop = 3.0
[network.initial]
mean = 1.0
[encoder]
kind = "latency"
t_max = 1.0
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
def test_rules_cost_what_the_trace_says_and_twins_have_the_bits_of_the_loop(tmp_path):
    (tmp_path / "c.toml").write_text(TEXT)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, SCRIPT, "c.toml", "--out", "runs", "--samples", "300", "--test", "60",
               "--figures", "figures.json", "--plot", "pareto.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["samples"] == 60 and len(figures["networks"]) == 9
    assert (tmp_path / "pareto.png").stat().st_size > 10_000
    for name, found in figures["networks"].items():
        first, curve = found["rules"]["first spike"], found["anytime"]
        assert curve["accuracy"][-1] == pytest.approx(first["accuracy"])  # the first spike is the last guess too
        latest = found["rules"]["margin 0.2"]
        assert first["decision_ms"] <= latest["decision_ms"] <= found["horizon_ms"]
        assert first["operations"] <= latest["operations"] <= curve["operations"][-1] + 1e-9
        assert first["spikes"] <= latest["spikes"] <= curve["spikes"][-1] + 1e-9
        assert found["multiply_adds"] > 0
        assert ("same_bits_as_loop" in found) == name.startswith("twin")
        assert found.get("same_bits_as_loop", 60) == 60
        if name.startswith("twin"):
            # Among outputs that fire at once another one may be right; elsewhere both rules agree.
            assert abs(found["accuracy_by_potential"] - first["accuracy"]) <= found["tied"] <= 1.0
    assert sorted(figures["silent_outputs"]) == ["exact, silent outputs", "twin, 8 steps, silent outputs"]
    for found in figures["silent_outputs"].values():
        assert 0.0 <= found["accuracy"] <= 1.0 and 0 < found["spikes"] < found["operations"]
    without = figures["networks"]["no decoder"]["rules"]["first spike"]
    for name, found in figures["as_accurate_as_without_decoder"].items():
        first = figures["networks"][name]["rules"]["first spike"]
        assert found is None or without["accuracy"] <= found["accuracy"] <= first["accuracy"]
        assert found is not None or first["accuracy"] < without["accuracy"]
        assert found is None or found["decision_ms"] <= first["decision_ms"]


def test_a_deadline_leaves_as_many_right_answers_as_asked_for_and_cuts_the_later_ones():
    times = np.array([1.0, 2.0, 3.0, 4.0])
    right = np.array([True, False, True, True])
    assert anytime.by_deadline(times, right, 0.5) == {"deadline_ms": 3.0, "accuracy": 0.5, "decision_ms": 2.25}
    assert anytime.by_deadline(times, right, 0.75)["decision_ms"] == 2.5
    assert anytime.by_deadline(times, right, 0.8) is None
