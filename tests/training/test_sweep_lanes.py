"""`training.sweep_lanes`: the vector code gives the sums of the same loops in plain Python."""

import numpy as np
import pytest
from numba import njit

from eventsim.engines.lanes import padded
from training import sweep_lanes

pytestmark = pytest.mark.compiled


@njit
def run(weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width, width):
    return sweep_lanes.collect_back(
        weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width, width)


@njit
def run_one_way(weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width, width):
    return sweep_lanes.collect(
        weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width, width)


@pytest.mark.parametrize("dtype, counter, tolerance", [(np.float64, np.int64, 1e-14), (np.float32, np.int32, 1e-5)])
@pytest.mark.parametrize("lanes", [1, 10, 16, 40])
@pytest.mark.parametrize("reach", [(0, 2, 1, 3), (1, 1, 0, 0), (1, 0, 0, 3)])
def test_an_arrival_gives_the_same_sums_as_in_python(dtype, counter, tolerance, lanes, reach):
    rng = np.random.default_rng(lanes)
    places, out_width, down, right = 12, 4, 5 * lanes, 2 * lanes
    width = padded(lanes, np.dtype(dtype).itemsize)
    g0, g1 = rng.normal(size=(2, places, width)).astype(dtype)
    rank = rng.integers(0, 9, (places, width)).astype(counter)
    rank[:, lanes:], rank[:, 0] = 0, 8
    weights, before = rng.normal(size=(2, 40 * lanes + 64)).astype(dtype)
    values = rng.normal(size=4).astype(dtype)
    arguments = (g0.ravel(), g1.ravel(), rank.ravel(), 4, values, reach, 3, down, right, out_width, width)
    expected, found, one_way = before.copy(), before.copy(), before.copy()
    total = sweep_lanes.in_python(True)(weights, expected, *arguments)
    assert run(weights, found, *arguments) == pytest.approx(total, rel=100 * tolerance, abs=100 * tolerance)
    assert run_one_way(weights, one_way, *arguments) == 0.0
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert np.array_equal(found, one_way)
    nothing = reach[0] > reach[1]
    assert np.array_equal(found, before) == nothing and (total == 0.0) == nothing
