"""The counter generator: published known answers, and draws that depend on nothing but their counters."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from eventsim import poisson, random
from eventsim._jit import kernel

KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
"""(counter, key, output) of Philox4x32-10 from the Random123 distribution."""

words = st.integers(0, 2**32 - 1)


def parsed(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize("counter, key, output", KNOWN_ANSWERS)
def test_philox_gives_the_published_known_answers(counter, key, output):
    assert list(random.philox4x32(*parsed(counter), *parsed(key))) == parsed(output)


def test_philox_gives_the_known_answers_on_arrays_too():
    counters = np.array([parsed(counter) for counter, _, _ in KNOWN_ANSWERS]).T
    keys = np.array([parsed(key) for _, key, _ in KNOWN_ANSWERS]).T
    outputs = np.array([parsed(output) for _, _, output in KNOWN_ANSWERS]).T
    assert np.array_equal(random.philox4x32(*counters, *keys), outputs)


@kernel
def compiled(counters, keys, out):
    for k in range(len(counters)):
        a, b, c, d = poisson.philox(
            counters[k, 0], counters[k, 1], counters[k, 2], counters[k, 3], keys[k, 0], keys[k, 1])
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = a, b, c, d


def test_philox_gives_the_known_answers_inside_a_kernel_too():
    counters = np.array([parsed(counter) for counter, _, _ in KNOWN_ANSWERS])
    keys = np.array([parsed(key) for _, key, _ in KNOWN_ANSWERS])
    out = np.zeros((len(KNOWN_ANSWERS), 4), np.uint64)
    compiled(counters, keys, out)
    assert np.array_equal(out, [parsed(output) for _, _, output in KNOWN_ANSWERS])


@given(a=words, b=words, c=words, d=words, seed=st.integers(0, 2**63 - 1))
def test_uniform_draws_lie_strictly_between_zero_and_one(a, b, c, d, seed):
    assert 0.0 < random.uniform(random.stream_key(seed, "x"), a, b, c, d) < 1.0


def test_the_extreme_words_stay_inside_the_interval_and_symmetric():
    top = np.uint64(2**32 - 1)
    low = random.to_unit_interval(np.uint64(0), np.uint64(0))
    high = random.to_unit_interval(top, top)
    assert 0.0 < low < high < 1.0
    assert low == 1.0 - high == 2.0**-53


def test_draws_are_the_same_one_by_one_and_broadcast():
    key = random.stream_key(7, "weights")
    together = random.uniform(key, np.arange(5)[:, None], np.arange(3)[None, :], 9)
    assert together.shape == (5, 3)
    for a in range(5):
        for b in range(3):
            assert together[a, b] == random.uniform(key, a, b, 9)


def test_every_counter_seed_and_name_changes_the_draw():
    base = random.uniform(random.stream_key(7, "x"), 1, 2, 3, 4)
    others = [random.uniform(random.stream_key(7, "x"), *counters)
              for counters in ((2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 4, 4), (1, 2, 3, 5))]
    others += [random.uniform(random.stream_key(seed, name), 1, 2, 3, 4) for seed, name in ((8, "x"), (7, "y"))]
    assert len({float(value) for value in (base, *others)}) == 7


def test_a_stream_key_does_not_change_between_versions():
    assert [int(word) for word in random.stream_key(0, "")] == [0x0A0DF6E4, 0xD3F3D7A6]
    assert [int(word) for word in random.stream_key(42, "poisson/noise")] == [0xF6F74B24, 0x77024468]
    assert all(0 <= int(word) < 2**32 for word in random.stream_key(2**63 - 1, "ä b"))


def test_draws_are_uniform_and_neighbouring_counters_unrelated():
    draws = random.uniform(random.stream_key(1, "test"), np.arange(20000), np.arange(2)[:, None])
    assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[0], draws[1])[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[0, 1:], draws[0, :-1])[0, 1]) < 0.03


def test_fresh_seeds_differ_and_fit_into_63_bits():
    seeds = {random.fresh_seed() for _ in range(10)}
    assert len(seeds) == 10
    assert all(0 <= seed < 2**63 for seed in seeds)
