import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import encode
from eventsim.errors import InputError
from eventsim.spikes import Spikes


def images_of(shape, seed=0, silent=0.5):
    stream = np.random.default_rng(seed)
    return np.where(stream.random(shape) < silent, 0, stream.integers(0, 256, shape)).astype(np.uint8)


def one_line(call, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_brighter_pixel_spikes_earlier_on_a_linear_scale():
    spikes = encode.latency([[0.25, 1.0, 0.5]], t_max=5.0, t_min=1.0)
    assert spikes.time.tolist() == [1.0, 3.0, 4.0] and spikes.neuron.tolist() == [1, 2, 0]


def test_zero_pixels_are_silent_by_default_and_spike_at_t_max_with_a_negative_threshold():
    assert len(encode.latency([[0.0, 0.5]])) == 1
    assert encode.latency([[0.0, 0.5]], t_max=2.0, threshold=-1.0).time.tolist() == [1.0, 2.0]


def test_a_pixel_at_the_threshold_is_silent_and_one_above_it_spikes():
    spikes = encode.latency([[0.5, np.nextafter(0.5, 1)]], threshold=0.5)
    assert spikes.neuron.tolist() == [1]


@pytest.mark.parametrize("channels", ["on", "on_off"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 4, 3), (5, 4, 3, 2), (0, 4, 4, 1)])
def test_bytes_and_the_same_values_as_floats_give_the_same_spikes(shape, channels):
    images = images_of(shape)
    options = dict(channels=channels, t_max=0.7, t_min=0.1, threshold=0.3, bias=[0.2, 0.0])
    assert encode.latency(images, **options) == encode.latency(images / 255, **options)


@settings(deadline=None)
@given(st.data())
def test_the_spikes_are_those_of_the_formula_pixel_by_pixel(data):
    largest = data.draw(st.sampled_from([1, 16, 255, 40_000]))
    rows = st.lists(st.lists(st.integers(0, largest), min_size=4, max_size=4), max_size=5)
    images = np.array(data.draw(rows), dtype=np.int64).reshape(-1, 4)
    threshold = data.draw(st.sampled_from([-1.0, 0.0, 0.25]))
    t_max = data.draw(st.sampled_from([0.1, 0.3, 20.0]))
    x = images / largest
    times = np.where(x > threshold, 0.1 + (1 - x) * (t_max - 0.1), np.inf)
    expected = Spikes(times, np.arange(4), np.arange(len(images))[:, np.newaxis], n_samples=len(images))
    assert encode.latency(images, t_max, 0.1, threshold, scale=largest) == expected


def test_levels_that_round_to_the_same_time_are_ordered_by_neuron():
    spikes = encode.latency(np.array([[200, 201, 199]], np.uint8), t_min=1e16, t_max=1e16 + 2)
    assert np.unique(spikes.time).size < 3
    order = np.lexsort((spikes.neuron, spikes.time))
    assert order.tolist() == [0, 1, 2]


def test_on_off_channels_double_the_last_axis_on_channels_first():
    images = np.array([[[[0.75, 0.0]], [[1.0, 0.5]]]])  # one map of 2 x 1 locations with 2 channels
    spikes = encode.latency(images, channels="on_off")
    times = np.full(8, np.inf)
    times[spikes.neuron] = spikes.time
    assert times.reshape(2, 1, 4).tolist() == [[[0.25, np.inf, 0.75, 0.0]], [[0.0, 0.5, np.inf, 0.5]]]


def test_contrast_is_the_distance_from_the_mean_of_a_sample_on_channels_first():
    images = np.array([[0.25, 0.75, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2], [0.0, 0.0, 0.0, 1.0]])
    spikes = encode.latency(images, channels="contrast")
    times = np.full((3, 8), np.inf)
    times[spikes.sample, spikes.neuron] = spikes.time
    first = 1.0 - 0.25 / (2.5 * np.sqrt(0.125 / 4))  # of the deviation 0.25
    dark, bright = 1.0 - 0.25 / (2.5 * np.sqrt(0.1875)), 1.0 - 0.75 / (2.5 * np.sqrt(0.1875))
    none = np.inf
    np.testing.assert_allclose(times, [[none, first, none, none, first, none, none, none], [none] * 8,
                                       [none, none, none, bright, dark, dark, dark, none]], rtol=1e-14)


def test_a_surround_takes_the_mean_of_all_channels_around_a_place():
    images = np.random.default_rng(3).random((2, 6, 5, 2))
    spikes = encode.latency(images, channels="contrast", surround=0.8)
    reach = np.arange(-3, 4)  # four standard deviations
    weights = np.exp(-0.5 * (reach / 0.8) ** 2)
    weights /= weights.sum()
    for sample, image in enumerate(images):
        padded = np.pad(image.mean(axis=2), 3, mode="edge")
        mean = sum(weights[a] * weights[b] * padded[a:a + 6, b:b + 5] for a in range(7) for b in range(7))
        distance = image - mean[..., np.newaxis]
        level = np.clip(np.abs(distance) / (2.5 * distance.std()), 0.0, 1.0)
        found = np.full(6 * 5 * 4, np.inf)
        found[spikes.neuron[spikes.sample == sample]] = spikes.time[spikes.sample == sample]
        found = found.reshape(6, 5, 4)
        np.testing.assert_allclose(np.minimum(found[..., :2], found[..., 2:]), 1.0 - level, rtol=1e-12)
        assert np.array_equal(np.isfinite(found[..., :2]), distance > 0.0)


@pytest.mark.parametrize("wrong, said", [
    (dict(surround=2.0), 'surround is for channels="contrast" and "opponent"'),
    (dict(channels="contrast", surround=0.0), "surround is 0.0"),
    (dict(channels="contrast", surround=np.inf), "surround is inf"),
    (dict(channels="contrast", surround="a"), "surround"),
    (dict(channels="contrast", surround=2.0), "surround needs maps")])
def test_a_surround_that_means_nothing_is_refused(wrong, said):
    assert said in one_line(encode.latency, [[0.5, 1.0]], **wrong)


def test_opponent_channels_are_brightness_red_against_green_and_yellow_against_blue():
    image = np.array([[[0.5, 0.44, 0.5], [0.1, 0.1, 0.7]], [[0.2, 0.5, 0.2], [0.3, 0.3, 0.3]]])
    spikes = encode.latency(image[np.newaxis], channels="opponent")
    times = np.full(24, np.inf)
    times[spikes.neuron] = spikes.time
    found = times.reshape(4, 6)
    bright = image.mean(axis=2)
    distance = (bright - bright.mean()).ravel()
    level = np.clip(np.abs(distance) / (2.5 * distance.std()), 0.0, 1.0)
    np.testing.assert_allclose(np.minimum(found[:, 0], found[:, 3]), 1.0 - level, rtol=1e-12)
    assert np.array_equal(np.isfinite(found[:, 0]), distance > 0.0)
    red, green, blue = image.reshape(4, 3).T
    colours = np.array([red - green, (red + green) / 2 - blue])  # 0.06, 0, -0.3, 0 and -0.03, -0.6, 0.15, 0
    full = 2.5 * (np.sqrt(np.mean(colours**2)) + 0.05)
    for channel, colour in enumerate(colours, start=1):
        for side, distance in ((channel, colour), (channel + 3, -colour)):
            late = 1.0 - np.minimum(distance / full, 1.0)
            np.testing.assert_allclose(found[:, side], np.where(distance > 1e-9, late, np.inf), rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 12), (2, 4, 3), (2, 4, 3, 1), (2, 4, 3, 2)])
def test_opponent_channels_of_anything_but_red_green_and_blue_are_refused(shape):
    said = one_line(encode.latency, np.zeros(shape), channels="opponent")
    assert "needs maps of red, green and blue" in said


def test_contrast_beyond_two_and_a_half_deviations_comes_first():
    images = np.zeros((1, 10, 10, 1))
    images[0, 4, 5] = 1.0
    spikes = encode.latency(images, channels="contrast", t_min=0.25, threshold=0.5)
    assert (spikes.time.tolist(), spikes.neuron.tolist()) == ([0.25], [90])  # channel 0 of 2 at (4, 5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(7, 5, 3), (6, 9), (33,)]), st.booleans())
def test_contrast_of_a_sample_does_not_depend_on_its_batch_or_type(seed, shape, colours):
    images = np.random.default_rng(seed).integers(0, 256, (6, *shape), dtype=np.uint8)
    how = dict(channels="opponent" if colours and len(shape) == 3 else "contrast",
               surround=1.5 if len(shape) > 1 and seed % 2 else None)
    alone = [encode.latency(images[k:k + 1], **how).time for k in range(6)]
    together = encode.latency(images, **how)
    assert together == encode.latency(images / 255, **how)
    for k in range(6):
        assert np.array_equal(together.time[together.sample == k], alone[k])


def test_a_map_without_channels_gets_an_on_and_an_off_channel():
    images = images_of((3, 4, 5))
    for channels in ("on_off", "contrast"):
        with_axis = encode.latency(images[..., np.newaxis], channels=channels)
        assert encode.latency(images, channels=channels) == with_axis


def test_flat_values_get_their_off_neurons_after_all_on_neurons():
    spikes = encode.latency([[1.0, 0.0]], channels="on_off")
    assert sorted(spikes.neuron.tolist()) == [0, 3]


def test_scale_names_the_value_that_stands_for_one():
    assert encode.latency(np.array([[8]], np.uint8), scale=16).time.tolist() == [0.5]
    assert encode.latency(np.array([[3.0]]), scale=4).time.tolist() == [0.25]


def test_booleans_are_zero_and_one():
    assert encode.latency(np.array([[True, False]])).time.tolist() == [0.0]


def test_the_bias_neurons_come_last_and_spike_in_every_sample():
    spikes = encode.latency([[1.0], [0.0]], bias=[0.9, 0.3])
    assert spikes.neuron.tolist() == [0, 2, 1, 2, 1] and spikes.sample.tolist() == [0, 0, 0, 1, 1]
    assert spikes.time.tolist() == [0.0, 0.3, 0.9, 0.3, 0.9]


def test_a_vector_is_one_sample():
    assert encode.latency([0.5, 1.0]) == encode.latency([[0.5, 1.0]])


def test_a_batch_encodes_as_its_parts_do():
    images = images_of((9, 6, 6, 1))
    assert encode.latency(images).select(slice(4, 9)) == encode.latency(images[4:])


def test_wide_integers_and_many_levels_encode_like_floats():
    images = np.array([[0, 70_000, 20_000, 65_535]], np.int64)
    assert encode.latency(images, scale=70_000) == encode.latency(images / 70_000)


@pytest.mark.parametrize("images", [[[0.5, 1.5]], [[-0.1]], [[np.nan]], np.array([[0, 255]]), [[np.inf]]])
def test_values_outside_the_range_are_refused_and_scale_is_named(images):
    assert "allowed: 0 to 1" in one_line(encode.latency, images)
    assert "scale=" in one_line(encode.latency, images)


def test_bytes_above_the_scale_are_refused():
    assert "value 17; allowed: 0 to 16" in one_line(encode.latency, np.array([[17]], np.uint8), scale=16)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
def test_a_shape_that_may_be_one_image_or_many_is_refused(shape):
    assert f"{(1, *shape)} for one image" in one_line(encode.latency, np.zeros(shape))


@pytest.mark.parametrize("shape", [(), (2, 0), (0,), (1, 2, 3, 4, 5)])
def test_a_shape_without_a_meaning_is_refused(shape):
    assert "cannot be encoded" in one_line(encode.latency, np.zeros(shape))


@pytest.mark.parametrize("images", ["picture", [[1, 2], [3]], None, [[1j]]])
def test_images_that_are_not_numbers_are_refused(images):
    assert "not an array of numbers" in one_line(encode.latency, images)


@pytest.mark.parametrize("times", [dict(t_max=-1.0), dict(t_min=2.0), dict(t_max=np.inf), dict(t_min=np.nan),
                                   dict(t_min=-1.0)])
def test_times_in_the_wrong_order_are_refused(times):
    assert "0 <= t_min <= t_max" in one_line(encode.latency, [[1.0]], **times)
    assert "0 <= t_min <= t_max" in one_line(encode.coordinates, [[1.0]], **times)


@pytest.mark.parametrize("bias", [-1.0, np.nan, np.inf, [[1.0]], "late"])
def test_a_bias_that_is_no_time_is_refused(bias):
    assert "bias is" in one_line(encode.latency, [[1.0]], bias=bias)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf])
def test_a_scale_that_is_not_positive_is_refused(scale):
    assert "scale is" in one_line(encode.latency, [[1.0]], scale=scale)


@pytest.mark.parametrize("threshold", [1.0, np.nan, -np.inf])
def test_a_threshold_that_silences_everything_is_refused(threshold):
    assert "threshold is" in one_line(encode.latency, [[1.0]], threshold=threshold)


def test_an_unknown_kind_of_channels_is_refused_with_a_suggestion():
    assert 'Did you mean "on_off"?' in one_line(encode.latency, [[1.0]], channels="onoff")


def test_coordinates_spike_in_proportion_and_zero_spikes_too():
    spikes = encode.coordinates([[0.0, 1.0, 0.5]], t_min=1.0, t_max=3.0, bias=1.5)
    assert spikes.time.tolist() == [1.0, 1.5, 2.0, 3.0] and spikes.neuron.tolist() == [0, 3, 2, 1]


def test_coordinates_outside_zero_to_one_are_refused():
    assert "allowed: 0 to 1" in one_line(encode.coordinates, [[1.1]])


def test_poisson_trains_have_the_rate_of_their_pixel():
    trains = encode.poisson(np.array([[0.0, 0.5, 1.0]]), rate_max=1000.0, t_stop=20_000.0, seed=3)
    counts = np.bincount(trains.neuron, minlength=3)
    assert counts[0] == 0
    assert abs(counts[1] - 10_000) < 5 * 100 and abs(counts[2] - 20_000) < 5 * 142
    intervals = np.diff(trains.time[trains.neuron == 2])
    assert abs(intervals.std() / intervals.mean() - 1) < 0.05  # exponential intervals have a CV of 1


def test_poisson_spikes_are_inside_the_window():
    trains = encode.poisson(np.ones((4, 50)), rate_max=100.0, t_stop=30.0, seed=1)
    assert len(trains) and trains.time.min() > 0 and trains.time.max() < 30.0


def test_poisson_trains_do_not_depend_on_the_batch_or_on_other_pixels():
    images = images_of((6, 10)) / 255
    whole = encode.poisson(images, 200.0, 50.0, seed=5)
    assert whole.select(slice(2, 6)) == encode.poisson(images[2:], 200.0, 50.0, seed=5, first_sample=2)
    alone = np.zeros_like(images)
    alone[:, 3] = images[:, 3]
    mine = encode.poisson(alone, 200.0, 50.0, seed=5)
    assert mine.time.tolist() == whole.time[whole.neuron == 3].tolist()


def test_another_seed_gives_other_poisson_trains():
    images = np.ones((1, 5))
    assert encode.poisson(images, 100.0, 50.0, seed=1) != encode.poisson(images, 100.0, 50.0, seed=2)


def test_poisson_without_rate_or_time_is_silent_and_keeps_its_samples():
    for rate, t_stop in ((0.0, 10.0), (10.0, 0.0)):
        assert encode.poisson(np.ones((3, 2)), rate, t_stop, seed=0) == Spikes.empty(3)


@pytest.mark.parametrize("rate, t_stop", [(-1.0, 1.0), (np.inf, 1.0), (np.nan, 1.0), (1.0, -1.0),
                                          (1.0, np.inf)])
def test_a_negative_or_endless_rate_or_length_is_refused(rate, t_stop):
    assert "finite number >= 0" in one_line(encode.poisson, np.ones((1, 2)), rate, t_stop, seed=0)


def test_a_spike_list_holds_one_pair_a_sample():
    spikes = encode.spike_list([([0.5, 0.1], [0, 3]), ([], []), ([0.2], [1])])
    assert spikes == Spikes([0.1, 0.5, 0.2], [3, 0, 1], [0, 0, 2])
    assert spikes.given.tolist() == [1, 0, 2]


def test_an_empty_spike_list_has_no_samples():
    assert encode.spike_list([]).n_samples == 0


@pytest.mark.parametrize("entry", [([0.1], [1, 2]), 0.5, ([0.1],), ([[0.1]], [[1]]), (0.1, 1)])
def test_an_entry_of_a_spike_list_that_is_no_pair_is_refused_with_its_number(entry):
    assert "sample 1" in one_line(encode.spike_list, [([0.1], [0]), entry])


def test_times_are_rounded_to_steps():
    for values in (np.linspace(0.1, 1.0, 10)[None], (np.linspace(0.1, 1.0, 10)[None] * 255).astype(np.uint8)):
        exact = encode.latency(values, t_max=7.0)
        rounded = encode.latency(values, t_max=7.0, step=1.0)
        by_neuron = np.argsort(exact.neuron), np.argsort(rounded.neuron)
        assert np.array_equal(np.rint(exact.time[by_neuron[0]]), rounded.time[by_neuron[1]])
    with pytest.raises(InputError, match="step is 0"):
        encode.latency([[0.5]], step=0)
