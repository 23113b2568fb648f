"""The vector code of the layers engine: the same bits as plain Python, and nothing of padding."""

import math

import numpy as np
import pytest
from numba import njit

from eventsim.engines import lanes

KINDS = {
    "scan": (True, False, False), "scan_driven": (True, True, False), "scan_general": (True, True, True),
    "scan_silent": (False, False, False),
}  # fmt: skip
FILTERS = ("scan", "scan_driven", "scan_general")
pytestmark = pytest.mark.compiled


def compiled(name):
    scan = getattr(lanes, name)

    @njit
    def run(weights, offsets, values, first, count, head, old, new, limit, drive, hits, width):
        return scan(weights, offsets, values, first, count, head, old, new, limit, drive, hits, width)

    return run


COMPILED = {}


def both(name, dtype, n_lanes, count, limit=1.0, seed=0):
    """Return (found, new, hits) of the compiled scan and of the one in Python."""
    rng = np.random.default_rng(seed)
    width = lanes.padded(n_lanes, np.dtype(dtype).itemsize)
    weights = rng.normal(0.0, 1.0, 20 * n_lanes + lanes.PAD).astype(dtype)
    offsets = rng.integers(0, 20, 12) * n_lanes
    values = rng.normal(0.0, 0.2, (12, lanes.VALUES)).astype(dtype)
    head = rng.normal(0.0, 0.2, lanes.HEAD).astype(dtype)
    head[lanes.HEAD_MARGIN] = 0.01
    limits = np.full(width, np.inf, dtype)
    limits[:n_lanes] = limit
    drive = rng.normal(0.0, 0.2, width).astype(dtype)
    old = rng.normal(0.0, 0.5, (2, width)).astype(dtype)
    results = []
    if name not in COMPILED:
        COMPILED[name] = compiled(name)
    for scan in (COMPILED[name], lanes.in_python(*KINDS[name])):
        new = np.zeros((2, width), dtype)
        hits = np.zeros(width // lanes.lanes_a_vector(old.itemsize), np.int32)
        found = scan(weights, offsets, values, 2, count, head, old, new, limits, drive, hits, width)
        results.append((found, new, hits))
    return results


def lanes_of(hits, itemsize):
    """Return the lanes whose bit is set."""
    vector = lanes.lanes_a_vector(itemsize)
    return [word * vector + bit for word in range(len(hits)) for bit in range(vector) if hits[word] >> bit & 1]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_lanes", [1, 7, 16, 33, 64, 101, 400])
@pytest.mark.parametrize("count", [0, 1, 8])
def test_a_scan_gives_the_bits_of_plain_python(name, dtype, n_lanes, count):
    (found, new, hits), (expected_found, expected_new, expected_hits) = both(name, dtype, n_lanes, count)
    assert new[:, :n_lanes].tobytes() == expected_new[:, :n_lanes].tobytes()
    assert bool(found) == bool(expected_found)
    assert hits.tolist() == expected_hits.tolist()
    assert all(lane < n_lanes for lane in lanes_of(hits, new.itemsize))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_lane_out_of_reach_is_never_named(dtype):
    for name in FILTERS:
        for found, _, hits in both(name, dtype, 50, 8, limit=math.inf):
            assert not found and not hits.any()


@pytest.mark.parametrize("name", FILTERS)
def test_every_lane_whose_bound_passes_is_named(name):
    (found, _, hits), _ = both(name, np.float64, 50, 8, limit=-100.0)
    assert found and lanes_of(hits, 8) == list(range(50))


@pytest.mark.parametrize("itemsize", [4, 8])
def test_lanes_are_padded_to_whole_vectors(itemsize):
    vector = lanes.lanes_a_vector(itemsize)
    for n_lanes in range(1, 70):
        width = lanes.padded(n_lanes, itemsize)
        assert width % vector == 0 and 0 <= width - n_lanes < vector <= lanes.PAD


def test_the_lowest_bit_is_found():
    @njit
    def run(bits):
        return lanes.lowest(bits)

    for bits in (1, 2, 3, 8, 12, 2**15, 2**15 + 2**9):
        assert run(np.int32(bits)) == lanes.lowest_in_python(np.int32(bits)) == f"{bits:b}"[::-1].index("1")
