"""`benchmarks/cluster.py`: a sweep on a cluster with a worker killed, and a training there, both as in one process."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "cluster.py"


@pytest.mark.compiled
def test_a_small_sweep_with_a_worker_killed_is_complete_and_identical(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra dask: pip install eventsim[dask]")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(SCRIPT), "--points", "8", "--steps", "1", "--out", "out.json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("8 of 8 points done, a worker killed after ")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["sweep"]["complete"] and found["sweep"]["identical"] and found["training"]["identical"]
    assert 0 < found["sweep"]["killed_after_points"] < 8
    # a table of all weights for every shard of 16 samples, besides the spike times
    assert found["training"]["received_bytes_a_step"] > 4 * 8 * found["training"]["weights"]
