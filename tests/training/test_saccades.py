"""Synthetic saccade recordings: against a pixel followed alone, rounds, the triangle, refusals."""

import math

import numpy as np
import pytest
from shared_data import published

from eventsim.errors import InputError
from training import datasets
from training.datasets import saccades

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (3, 6, 5)).astype(np.uint8)
IMAGES[:, RNG.random((6, 5)) < 0.4] = 0


def seen(image, row, column, place):
    """Return the log brightness of one pixel by interpolation in the image, black around it."""
    y, x = row - saccades.MARGIN - place[0], column - saccades.MARGIN - place[1]
    total = 0.0
    for i in (math.floor(y), math.floor(y) + 1):
        for j in (math.floor(x), math.floor(x) + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                total += (1.0 - abs(y - i)) * (1.0 - abs(x - j)) * image[i, j] / 255.0
    return math.log(0.1 + total)


def followed(image, row, column, threshold, repeats):
    """Return the events (time in ms, polarity) of one pixel, step by step and event by event.

    Levels are counted from the start, where a round ends too: a pixel that comes back touches its level exactly.
    """
    places, step = saccades.path(repeats)
    found, start, before, last = [], seen(image, row, column, places[0]), 0.0, 0
    for number, place in enumerate(places[1:]):
        after = (seen(image, row, column, place) - start) / threshold
        while abs(after - last) >= 1.0:
            last += 1 if after > last else -1
            found.append(((number + (last - before) / (after - before)) * step, int(after > before)))
        before = after
    return found


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("threshold", [0.213, 0.517])
def test_every_pixel_sends_the_events_of_a_pixel_followed_alone(repeats, threshold):
    found = saccades.record(IMAGES, repeats, threshold)
    assert found.shape == (12, 11) and len(found) == 3
    for image, one in zip(IMAGES, found, strict=True):
        for row in range(12):
            for column in range(11):
                mine = (one.y == row) & (one.x == column)
                expected = followed(image, row, column, threshold, repeats)
                assert one.polarity[mine].tolist() == [polarity for _, polarity in expected]
                assert np.allclose(one.time[mine], [time for time, _ in expected], rtol=0.0, atol=1e-6)


def test_the_image_goes_round_a_closed_triangle_of_three_saccades_within_the_margin():
    places, step = saccades.path()
    assert np.array_equal(places[0], places[-1]) and (len(places) - 1) * step == 300.0
    assert np.array_equal(places[[0, 50, 100]], saccades.CORNERS)
    assert np.abs(places).max() <= saccades.MARGIN
    assert len(saccades.path(3)[0]) == 3 * (len(places) - 1) + 1


def test_the_first_round_of_a_long_recording_is_the_short_recording():
    once, thrice = saccades.record(IMAGES), saccades.record(IMAGES, 3)
    for short, long in zip(once, thrice, strict=True):
        n = short.time.size
        assert np.array_equal(long.time[:n], short.time) and np.array_equal(long.x[:n], short.x)
        assert long.time[n] >= 300.0 > 299.0 and long.duration[0] > 800.0


def test_recordings_are_repeated_bit_for_bit_whatever_the_batch_and_the_type():
    many = np.concatenate([IMAGES] * 30)
    assert saccades.record(many)[:3] == saccades.record(IMAGES) == saccades.record(IMAGES[..., np.newaxis])
    assert saccades.record(many)[87:] == saccades.record(IMAGES / 255.0)


def test_a_black_image_sends_nothing_and_a_brighter_edge_sends_more():
    images = np.zeros((3, 8, 8))
    images[1:, 4:] = np.array([0.2, 1.0]).reshape(2, 1, 1)
    counts = saccades.record(images).counts
    assert counts[0] == 0 < counts[1] < counts[2]
    assert len(saccades.record(images[:0])) == 0


def test_recordings_of_mnist_are_about_as_long_and_as_dense_as_those_of_a_camera():
    images = datasets.load("mnist", "test", published("mnist").parent).images
    found = saccades.record(images[:50])
    assert 3000 < found.counts.mean() < 5000  # N-MNIST: 4108
    assert found.shape == (34, 34) and (found.duration > 290.0).all()


@pytest.mark.parametrize("images, settings, said", [
    (np.zeros((4, 4)), {}, "give numbers (n, height, width)"), (np.zeros((1, 4, 4, 3)), {}, "cannot be recorded"),
    (np.full((1, 4, 4), 1.5), {}, "0 to 1"), (np.full((1, 4, 4), np.nan), {}, "0 to 1"),
    (np.zeros((1, 4, 4)), {"repeats": 0}, "repeats"), (np.zeros((1, 4, 4)), {"threshold": 0.0}, "threshold"),
    (np.zeros((1, 4, 4)), {"threshold": np.inf}, "threshold")])
def test_what_cannot_be_recorded_is_refused(images, settings, said):
    with pytest.raises(InputError) as caught:
        saccades.record(images, **settings)
    assert said in str(caught.value) and "\n" not in str(caught.value)
