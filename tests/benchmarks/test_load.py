"""`benchmarks/load.py`, small: what it measures and what it compares with."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from benchmark_scripts import benchmark

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "load.py"
LINUX = pytest.mark.skipif(not pathlib.Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")


@pytest.fixture(scope="module")
def script():
    return benchmark("load")


@LINUX
def test_memory_that_is_given_back_at_once_is_seen(script):
    _, growth, _ = script.watched(lambda: np.ones(20_000_000).sum())
    _, nothing, _ = script.watched(lambda: None)
    assert 150e6 < growth < 200e6
    assert nothing < 5e6


def test_the_cases_have_the_sizes_that_their_names_say(script):
    net, columns, t_stop = script.made("1,000,000 neurons x 50 synapses", 0.001)
    assert (net.populations["cells"].size, columns, t_stop) == (1000, None, 20.0)
    assert len(net.projections["cells->cells"].synapses().source) == 50_000
    _, columns, t_stop = script.made("10,000,000 input spikes", 0.001)
    assert (len(columns[0]), t_stop) == (10_000, 10.0)
    for case in ("10,000 samples, layers", "10,000 samples, heap"):
        net, columns, _ = script.made(case, 0.001)
        assert columns[0].shape == (10, 150)
        engine = net.describe().as_dict()["engine"]["name"]
        assert engine == case.split(", ")[1] or engine != "layers"


@LINUX
@pytest.mark.compiled
def test_a_run_writes_what_was_stated_and_what_was_used(tmp_path):
    out = tmp_path / "load.json"
    run = subprocess.run(
        [sys.executable, SCRIPT, "--cases", "10,000 samples, layers", "--scale", "0.02", "--out", out],
        check=True, capture_output=True, text=True)
    (figures,) = json.loads(out.read_text())["results"]
    assert (figures["samples"], figures["input_spikes"], figures["engine"]) == (200, 30_000, "layers")
    assert figures["running_stated"] > 410 * 200 * 20 and figures["running"] > 0
    assert "input spikes put in order" in run.stdout
