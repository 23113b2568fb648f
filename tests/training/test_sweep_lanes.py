"""`training.sweep_lanes`: the vector code gives the sums of the same loops in plain Python."""

import numpy as np
import pytest
from numba import njit

from eventsim.engines.lanes import lanes_a_vector, padded
from training import sweep_lanes

pytestmark = pytest.mark.compiled


@njit
def run(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width):
    sweep_lanes.collect_back(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width)


@njit
def run_one_way(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width):
    sweep_lanes.collect(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width)


@njit
def sum_of(pulls, arrival):
    return sweep_lanes.sum_of(pulls, arrival)


@pytest.mark.parametrize("dtype, counter, tolerance", [(np.float64, np.int64, 1e-14), (np.float32, np.int32, 1e-5)])
@pytest.mark.parametrize("lanes", [1, 10, 16, 40, 70])
@pytest.mark.parametrize("first, stop", [(0, 6), (2, 5), (3, 3)])
def test_the_arrivals_at_a_place_give_the_same_sums_as_in_python(dtype, counter, tolerance, lanes, first, stop):
    rng = np.random.default_rng(lanes)
    size = np.dtype(dtype).itemsize
    width = padded(lanes, size)
    g0, g1 = rng.normal(size=(2, width)).astype(dtype)
    rank = rng.integers(0, 9, width).astype(counter)
    rank[lanes:] = 0
    weights, before = rng.normal(size=(2, 12 * lanes + 64)).astype(dtype)
    entries = np.array([0, 1, 3, 4, 7, 9], np.uint32)
    offsets = rng.permutation(12)[:6] * lanes
    values = rng.normal(size=4 * 10).astype(dtype)
    pulled = rng.normal(size=10 * lanes_a_vector(size)).astype(dtype)
    results = []
    for collect in (sweep_lanes.in_python(True), run, run_one_way):
        gradient, pulls = before.copy(), pulled.copy()
        collect(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width)
        results.append((gradient, pulls))
    expected, found, one_way = results
    np.testing.assert_allclose(found[0], expected[0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found[1], expected[1], rtol=tolerance, atol=tolerance)
    assert np.array_equal(found[0], one_way[0]) and np.array_equal(one_way[1], pulled)
    assert np.array_equal(found[0], before) == (first == stop)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-14), (np.float32, 1e-5)])
def test_the_vector_of_an_arrival_is_added_up(dtype, tolerance):
    rng = np.random.default_rng(1)
    lanes = lanes_a_vector(np.dtype(dtype).itemsize)
    pulls = rng.normal(size=3 * lanes).astype(dtype)
    for arrival in range(3):
        total = sweep_lanes.sum_in_python(pulls, arrival)
        assert sum_of(pulls, arrival) == pytest.approx(total, rel=tolerance, abs=tolerance)
        assert total == pytest.approx(float(pulls[arrival * lanes:(arrival + 1) * lanes].sum()), rel=1e-5)
