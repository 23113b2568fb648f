"""`benchmarks/confirm.py`: a model confirmed event by event."""

import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

import eventsim as es
import training

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "confirm.py"


@pytest.mark.compiled
@pytest.mark.parametrize("silent", [False, True])
def test_a_model_is_confirmed_event_by_event(tmp_path, silent):
    once = es.LIF(math.inf, math.inf, t_refractory=es.NEVER)
    net = es.Network(seed=3)
    net.input("pixels", (8, 8, 1))
    net.population("map", (3, 3, 4), once)
    net.population("output", 10, once.replace(v_threshold=es.NEVER) if silent else once)
    net.connect("pixels", "map", es.Conv2d(es.Normal(0.3, 0.5), kernel=3, stride=2))
    net.connect("map", "output", es.Dense(es.Normal(0.1, 0.3)))
    decoder = training.decode.Potential() if silent else training.decode.FirstSpike()
    model = training.Model(net, training.encode.Latency(scale=16), decoder, t_stop=3.0)
    model.save(tmp_path / "m.h5")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, SCRIPT, "m.h5", "--dataset", "digits", "--samples", "30", "--threads", "1",
               "--out", "out.json", "--figure", "out.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["samples"], found["same_bits_as_layers"]) == (30, 30)
    test = training.datasets.load("digits", "test")
    assert found["accuracy"] == model.evaluate(test.images[:30], test.labels[:30])["accuracy"]
    assert set(found["fired"]) == ({"pixels", "map"} if silent else {"pixels", "map", "output"})
    assert all(sum(counts) > 0 for counts in found["spike_times"]["counts"].values())
    assert (tmp_path / "out.png").stat().st_size > 5000
