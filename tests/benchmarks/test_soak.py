"""`benchmarks/soak.py`: its rounds do what they say, and growth is seen."""

import pytest
from benchmark_scripts import benchmark

import training


@pytest.fixture(scope="module")
def script():
    return benchmark("soak")


def test_what_grows_all_the_time_is_told_from_what_settles(script):
    settled = [{"bytes": value} for value in (100, 140, 150, 150, 151, 150, 149, 150, 150)]
    leaking = [{"bytes": 100 + 10 * k} for k in range(9)]
    assert script.grown(settled, "bytes") == 0
    assert script.grown(leaking, "bytes") == 30


@pytest.mark.compiled
def test_a_round_leaves_its_files_and_can_be_repeated(script, tmp_path):
    digits = training.datasets.load("digits", "train")
    for _ in range(2):
        script.one_round(tmp_path, digits)
    assert {path.name for path in tmp_path.iterdir()} == {
        "trace.h5", "state.h5", "streamed.h5", "model.h5", "raster.png"}
