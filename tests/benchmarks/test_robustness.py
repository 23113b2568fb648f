"""`benchmarks/robustness.py`: a model under every disturbance, and the figure."""

import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

import eventsim as es
import training

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "robustness.py"


@pytest.mark.compiled
def test_a_model_is_measured_under_every_disturbance_and_drawn(tmp_path):
    net = es.Network(seed=3)
    net.input("pixels", (8, 8, 1))
    net.population("output", 10, es.LIF(math.inf, math.inf, t_refractory=es.NEVER))
    net.connect("pixels", "output", es.Dense(es.Normal(0.1, 0.3)))
    model = training.Model(net, training.encode.Latency(scale=16), training.decode.FirstSpike(), t_stop=3.0)
    model.save(tmp_path / "m.h5")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(*arguments):
        done = subprocess.run([sys.executable, SCRIPT, *arguments], cwd=tmp_path, env=environment,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = run("m.h5", "--dataset", "digits", "--samples", "30", "--seeds", "2", "--threads", "1", "--out", "out.json")
    assert "drop 0.2: " in out
    found = json.loads((tmp_path / "out.json").read_text())
    test = training.datasets.load("digits", "test")
    assert found["undisturbed"] == model.evaluate(test.images[:30], test.labels[:30])["accuracy"]
    assert {name: len(points[0]["accuracy"]) for name, points in found["sweeps"].items()} == {
        "jitter_ms": 2, "drop": 2, "weight_bits": 1, "time_bits": 1, "threshold_cv": 2}  # fmt: skip
    run("out.json", "--figure", "out.png")
    assert (tmp_path / "out.png").stat().st_size > 5000
