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


def test_flat_samples_and_senseless_shifts_are_refused():
    with pytest.raises(InputError, match="cannot be shifted"):
        augment.Shift(1)(np.zeros((2, 64)), np.arange(2), 1, 0)
    with pytest.raises(InputError, match="whole number"):
        augment.Shift(0)
    assert augment.from_dict(augment.Shift(2).to_dict()) == augment.Shift(2)


def squares(n=6, dtype=np.uint8):
    images = np.zeros((n, 12, 16, 2), dtype)
    images[:, 3:9, 2:7, 0] = 200 if dtype == np.uint8 else 0.8
    images[:, 5, :, 1] = np.linspace(0, 255 if dtype == np.uint8 else 1.0, 16)
    return images


ALL = [
    augment.Shift(1), augment.Flip(), augment.Erase(), augment.Rotate(20.0), augment.Scale(0.2),
    augment.Affine(10.0, 0.1, 1.5, part=0.7), augment.Elastic(30.0, 4.0),
    augment.Chain([augment.Affine(5.0), augment.Elastic(10.0, 3.0), augment.Erase(part=1.0), augment.Flip()]),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("kind", ALL, ids=lambda a: a.kind)
def test_every_augmentation_keeps_type_and_range_and_is_a_function_of_seed_epoch_and_sample(kind, dtype):
    images, index = squares(20, dtype), np.arange(40, 60)
    before = images.copy()
    whole = kind(images, index, 3, 7)
    assert np.array_equal(images, before)
    assert whole.dtype == dtype and whole.shape == images.shape
    assert whole.min() >= 0 and whole.max() <= images.max()
    assert not np.array_equal(whole, images)
    assert np.array_equal(kind(images[11:13], index[11:13], 3, 7), whole[11:13])
    assert not np.array_equal(kind(images, index, 4, 7), whole)
    assert not np.array_equal(kind(images, index, 3, 8), whole)
    flat = kind(images[..., 0], index, 3, 7)
    assert flat.shape == images.shape[:3] and np.array_equal(flat, kind(images[..., :1], index, 3, 7)[..., 0])


@pytest.mark.parametrize("kind", ALL, ids=lambda a: a.kind)
def test_every_augmentation_survives_its_dictionary(kind):
    assert augment.from_dict(kind.to_dict()) == kind


def test_a_list_is_a_chain_and_its_steps_draw_apart():
    chain = augment.from_dict([{"kind": "shift"}, {"kind": "shift"}])
    assert chain == augment.Chain([augment.Shift(), augment.Shift()])
    images, index = squares(200)[:, :, :, :1], np.arange(200)
    assert np.array_equal(augment.Chain([augment.Shift()])(images, index, 1, 0), augment.Shift()(images, index, 1, 0))
    images = np.zeros((400, 9, 9), np.uint8)
    images[:, 4, 4] = 1
    rows = np.argwhere(chain(images, np.arange(400), 1, 0))[:, 1] - 4
    assert set(np.bincount(rows + 2) > 0) == {True} and np.any(rows % 2)  # equal draws would move by -2, 0 or 2


def test_a_flip_mirrors_some_images():
    images = squares(300)
    flipped = augment.Flip(0.25)(images, np.arange(300), 1, 0)
    mirrored = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, images, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(flipped, images, strict=True)])
    assert (mirrored | same).all() and 0.15 < mirrored.mean() < 0.35


def test_an_erased_rectangle_has_the_wished_area():
    images = np.ones((200, 20, 30))
    erased = augment.Erase((0.1, 0.3), ratio=2.0, part=1.0)(images, np.arange(200), 1, 0)
    for image in erased:
        rows, columns = np.flatnonzero((image == 0).any(axis=1)), np.flatnonzero((image == 0).any(axis=0))
        assert (image[np.ix_(rows, columns)] == 0).all()
        assert 0.08 < (image == 0).mean() < 0.33 and 0.4 < len(rows) / len(columns) < 2.5


def test_affine_maps_agree_with_scipy(monkeypatch):
    from scipy import ndimage

    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.uniform(0.0, 1.0, (15, 18)), 1.0)
    draws = {0: 0.9, 1: 0.2, 2: 0.0, 3: 0.75, 4: 0.1}
    monkeypatch.setattr("eventsim.random.uniform", lambda key, index, epoch, place: np.full(1, draws[place]))
    found = augment.Affine(degrees=30.0, zoom=0.2, pixels=2.0)(image[None], [0], 1, 0)[0]
    angle, size, shift = np.deg2rad(15.0), 1.0 - 0.16, np.array([1.6, -1.2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(image.shape) - 1.0) / 2.0
    # not scipy's affine_transform: it sets what is less than a pixel outside to 0, without interpolation
    grid = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"), axis=-1)
    places = (grid - middle - shift) @ turn.T + middle
    expected = ndimage.map_coordinates(np.pad(image, 3), np.moveaxis(places + 3, -1, 0), order=1)
    assert np.allclose(found, expected, atol=1e-12)


def test_an_elastic_field_is_that_of_simard():
    from scipy import ndimage

    from eventsim import random

    image = ndimage.gaussian_filter(np.random.default_rng(0).uniform(0.0, 1.0, (16, 14)), 1.0)
    found = augment.Elastic(20.0, 3.0)(image[None], [6], 2, 9)[0]
    key = random.stream_key(9, "elastic")
    words = random.philox4x32(*(np.asarray(v, np.uint64) for v in (6, 2)), np.arange(16 * 14, dtype=np.uint64),
                              np.uint64(0), *key)
    noise = [2.0 * random.to_unit_interval(words[k], words[k + 1]).reshape(16, 14) - 1.0 for k in (0, 2)]
    move = [20.0 * ndimage.gaussian_filter(n, 3.0, mode="constant", truncate=3.0) for n in noise]
    places = [g + m for g, m in zip(np.mgrid[0:16, 0:14], move, strict=True)]
    expected = ndimage.map_coordinates(np.pad(image, 9), [p + 9 for p in places], order=1)
    assert np.allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("settings, words", [
    ({"kind": "rotate", "degrees": 0.0}, "Rotate changes nothing; give degrees above 0"),
    ({"kind": "affine"}, "give degrees or zoom or pixels above 0"), ({"kind": "scale", "zoom": 1.5}, "below 1"),
    ({"kind": "elastic", "sigma": 0.0}, "sigma = 0"), ({"kind": "flip", "part": 0.0}, "part = 0.0"),
    ({"kind": "erase", "area": 0.3}, "smallest and the largest"), ({"kind": "erase", "ratio": 0.5}, "ratio = 0.5"),
    ([{"kind": "flips"}], 'Did you mean "flip"'), (["flip"], "is a table such as"),
    ({"kind": "elastic", "sigmas": 1.0}, 'Did you mean "sigma"'),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(InputError) as caught:
        augment.from_dict(settings)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_image_is_refused():
    with pytest.raises(InputError, match="cannot be augmented by Flip"):
        augment.Flip()(np.zeros((2, 64)), np.arange(2), 1, 0)
