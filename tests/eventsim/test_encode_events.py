"""Recordings as spikes: the map of neurons, pooling, polarities, scaled and cut times."""

import numpy as np
import pytest
from event_files import streams
from hypothesis import given
from hypothesis import strategies as st

from eventsim import encode
from eventsim.errors import InputError
from eventsim.recordings import Recordings

SHAPE = (6, 9)


def batch(lists, shape=SHAPE):
    rows = [row for events in lists for row in events]
    time, x, y, polarity = ([row[k] for row in rows] for k in range(4))
    offset = np.cumsum([0, *(len(events) for events in lists)])
    return Recordings(np.array(time) / 8.0, x, y, polarity, offset, shape=shape)


def expected(lists, rows, columns, scale, t_max, polarity):
    """Return the spikes by their definition, event by event: (sample, time, neuron), sorted."""
    height, width = SHAPE[0] // rows, SHAPE[1] // columns
    grid = np.arange(height * width * (2 if polarity == "channels" else 1)).reshape(height, width, -1)
    found = []
    for sample, events in enumerate(lists):
        for time, x, y, on in events:
            t = time / 8.0 * scale
            if t > t_max or y // rows >= height or x // columns >= width or (polarity == "on" and not on):
                continue
            channel = 1 - on if polarity == "channels" else 0
            found.append((sample, t, int(grid[y // rows, x // columns, channel])))
    return sorted(found)


@given(st.lists(streams(*SHAPE, 40), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 4),
       st.sampled_from([0.5, 1.0, 4.0]), st.sampled_from([None, 0.0, 2.5]), st.sampled_from(encode.POLARITIES))
def test_every_event_is_one_spike_of_the_neuron_of_its_pixels(lists, rows, columns, scale, t_max, polarity):
    spikes = encode.events(batch(lists), (rows, columns), scale, t_max, polarity)
    found = list(zip(spikes.sample.tolist(), spikes.time.tolist(), spikes.neuron.tolist(), strict=True))
    assert found == expected(lists, rows, columns, scale, np.inf if t_max is None else t_max, polarity)
    assert spikes.n_samples == len(lists) and (spikes.amplitude == 1.0).all()
    assert not len(spikes) or spikes.neuron.max() < np.prod(encode.events_shape(SHAPE, (rows, columns), polarity))


def test_one_number_pools_rows_and_columns_and_on_events_come_first():
    one = Recordings([1.0, 1.0, 2.0], [8, 8, 3], [5, 5, 0], [1, 0, 1], shape=SHAPE)
    assert encode.events_shape(SHAPE, 3) == (2, 3, 2)
    assert encode.events(one, 3).neuron.tolist() == [10, 11, 2]


def test_events_of_one_neuron_at_one_instant_are_all_delivered():
    one = Recordings([1.0, 1.0], [0, 1], [0, 0], [1, 0], shape=SHAPE)
    assert encode.events(one, 2, polarity="merged").neuron.tolist() == [0, 0]


@pytest.mark.parametrize("settings, said", [
    ({"pool": 0}, "pool"), ({"pool": 7}, "cannot be pooled"), ({"pool": (1, 10)}, "cannot be pooled"),
    ({"pool": (1, 1, 1)}, "pool"), ({"pool": 1.5}, "pool"), ({"time_scale": 0.0}, "time_scale"),
    ({"time_scale": np.nan}, "time_scale"), ({"time_scale": np.inf}, "time_scale"), ({"t_max": -1.0}, "t_max"),
    ({"t_max": np.nan}, "t_max"), ({"polarity": "both"}, "polarity")])
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(InputError) as caught:
        encode.events(batch([[]]), **settings)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_images_and_recordings_are_not_taken_for_each_other():
    with pytest.raises(InputError, match=r"encoded of Recordings.*ndarray"):
        encode.events(np.zeros((1, *SHAPE)))
    with pytest.raises(InputError, match="array of numbers"):
        encode.latency(batch([[]]))
