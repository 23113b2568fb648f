"""Weight standardisation: statistics, folding, gradients."""

import numpy as np
import pytest

from eventsim.errors import InputError
from training import normalize


def test_splitting_and_joining_gives_the_weights_back():
    weight = np.random.default_rng(0).normal(0.3, 2.0, (20, 5))
    assert np.allclose(normalize.forward(*normalize.split(weight)), weight, rtol=0, atol=1e-10)


def test_mean_and_spread_are_drive_and_gain_whatever_the_raw_weights():
    rng = np.random.default_rng(1)
    gain, drive = rng.uniform(0.5, 2.0, 5), rng.normal(size=5)
    weight = normalize.forward(100.0 + 30.0 * rng.normal(size=(20, 5)), gain, drive)
    assert np.allclose(weight.mean(axis=0), drive) and np.allclose(weight.std(axis=0), gain)


def test_gradients_agree_with_central_differences():
    rng = np.random.default_rng(2)
    raw, gain, drive, upstream = (
        rng.normal(size=(7, 3)),
        rng.uniform(0.5, 2, 3),
        rng.normal(size=3),
        rng.normal(size=(7, 3)),
    )
    found = normalize.backward(raw, gain, upstream)
    for array, gradient in zip((raw, gain, drive), found, strict=True):
        for index in np.ndindex(array.shape):
            kept, h = array[index], 1e-6
            array[index] = kept + h
            up = np.sum(upstream * normalize.forward(raw, gain, drive))
            array[index] = kept - h
            down = np.sum(upstream * normalize.forward(raw, gain, drive))
            array[index] = kept
            assert gradient[index] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


def test_equal_weights_give_no_nan():
    raw = np.ones((4, 2))
    assert np.isfinite(normalize.forward(raw, np.ones(2), np.zeros(2))).all()
    assert all(np.isfinite(g).all() for g in normalize.backward(raw, np.ones(2), np.ones((4, 2))))


def test_other_shapes_are_refused():
    for shape in ((5,), (1, 4), (1, 1, 1, 4)):
        with pytest.raises(InputError, match="2 or more inputs a neuron"):
            normalize.split(np.ones(shape))


def test_a_convolution_is_standardised_over_all_axes_but_the_last():
    rng = np.random.default_rng(1)
    raw, gain, drive = rng.normal(size=(3, 3, 2, 4)), rng.uniform(0.5, 2.0, 4), rng.normal(size=4)
    weight = normalize.forward(raw, gain, drive)
    assert weight.shape == raw.shape
    assert np.allclose(weight.mean(axis=(0, 1, 2)), drive) and np.allclose(weight.std(axis=(0, 1, 2)), gain)
    assert np.array_equal(weight.reshape(18, 4), normalize.forward(raw.reshape(18, 4), gain, drive))
    upstream = rng.normal(size=raw.shape)
    flat = normalize.backward(raw.reshape(18, 4), gain, upstream.reshape(18, 4))
    for one, other in zip(normalize.backward(raw, gain, upstream), flat, strict=True):
        assert np.array_equal(one.reshape(other.shape), other)
