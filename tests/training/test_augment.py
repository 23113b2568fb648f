"""Augmentations are functions of (seed, epoch, sample)."""

import numpy as np
import pytest

from eventsim.errors import InputError
from training import augment


def test_a_shift_moves_the_image_and_fills_with_zeros():
    images = np.arange(1, 17, dtype=np.uint8).reshape(1, 4, 4).repeat(50, axis=0)
    moved = augment.Shift(1)(images, np.arange(50), epoch=1, seed=0)
    wide = np.zeros((6, 6), np.uint8)
    wide[1:5, 1:5] = images[0]
    allowed = {wide[1 - dy : 5 - dy, 1 - dx : 5 - dx].tobytes() for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    found = {m.tobytes() for m in moved}
    assert found == allowed  # 50 draws meet all nine shifts with this seed


def test_a_shift_does_not_depend_on_the_batch():
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 1), dtype=np.uint8)
    index = np.arange(100, 120)
    whole = augment.Shift(2)(images, index, epoch=3, seed=5)
    part = augment.Shift(2)(images[7:9], index[7:9], epoch=3, seed=5)
    assert np.array_equal(whole[7:9], part)
    assert not np.array_equal(whole, augment.Shift(2)(images, index, epoch=4, seed=5))


def test_a_part_of_the_samples_may_stay_as_it_is():
    images = np.random.default_rng(0).integers(1, 255, (400, 4, 4), dtype=np.uint8)
    moved = augment.Shift(1, part=0.25)(images, np.arange(400), epoch=1, seed=0)
    same = np.mean([np.array_equal(a, b) for a, b in zip(images, moved, strict=True)])
    assert 0.7 < same < 0.85  # three in four, and one in nine of the others
    whole = augment.Shift(1)(images, np.arange(400), epoch=1, seed=0)
    assert all(np.array_equal(m, i) or np.array_equal(m, w) for m, i, w in zip(moved, images, whole, strict=True))


def test_the_data_order_is_a_permutation_of_seed_and_epoch():
    first = augment.order(100, 1, seed=3)
    assert np.array_equal(np.sort(first), np.arange(100))
    assert np.array_equal(first, augment.order(100, 1, seed=3))
    assert not np.array_equal(first, augment.order(100, 2, seed=3))


def test_flat_samples_and_senseless_shifts_are_refused():
    with pytest.raises(InputError, match="cannot be shifted"):
        augment.Shift(1)(np.zeros((2, 64)), np.arange(2), 1, 0)
    with pytest.raises(InputError, match="whole number"):
        augment.Shift(0)
    assert augment.from_dict(augment.Shift(2).to_dict()) == augment.Shift(2)
