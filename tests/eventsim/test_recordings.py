"""Batches of event recordings: columns, order, selection, joining, refusals."""

import numpy as np
import pytest
from event_files import recording, streams
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.recordings import Recordings

SHAPE = (5, 7)


def batch(lists):
    rows = [row for events in lists for row in events]
    time, x, y, polarity = ([row[k] for row in rows] for k in range(4))
    offset = np.concatenate([[0], np.cumsum([len(events) for events in lists])])
    return Recordings(np.array(time) / 1000.0, x, y, polarity, offset, shape=SHAPE)


def refusal(*args, **kwargs):
    with pytest.raises(InputError) as caught:
        Recordings(*args, **{"shape": SHAPE} | kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


LISTS = st.lists(streams(*SHAPE, 20), max_size=6)


@given(LISTS)
def test_a_batch_is_its_recordings_one_after_another_each_sorted_stably(lists):
    whole = batch(lists)
    assert len(whole) == len(lists)
    assert list(whole) == [recording(events, SHAPE) for events in lists]
    assert whole.counts.tolist() == [len(events) for events in lists]
    assert whole.duration.tolist() == [max((row[0] for row in events), default=0) / 1000.0 for events in lists]
    if lists:
        assert Recordings.of(whole) == whole and Recordings.of([whole]) == whole


@given(LISTS.filter(len), st.data())
def test_any_selection_gives_these_recordings_in_this_order(lists, data):
    whole = batch(lists)
    chosen = data.draw(st.lists(st.integers(-len(lists), len(lists) - 1), max_size=8))
    for index in (chosen, np.array(chosen, np.int64)):
        assert list(whole[index]) == [recording(lists[k], SHAPE) for k in chosen]
    cut = slice(data.draw(st.integers(0, 6)), data.draw(st.integers(0, 6)), data.draw(st.sampled_from([None, 2, -1])))
    assert list(whole[cut]) == [recording(events, SHAPE) for events in lists[cut]]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(lists), max_size=len(lists))))
    assert whole[mask] == whole[np.flatnonzero(mask)]


@given(LISTS, LISTS)
def test_batches_have_one_digest_where_they_are_equal_and_two_where_not(one, other):
    assert (batch(one).digest() == batch(other).digest()) == (batch(one) == batch(other))


def test_the_digest_knows_where_a_recording_ends_and_how_large_the_sensor_is():
    columns = [0.0, 1.0], [0, 0], [0, 0], [1, 1]
    found = {Recordings(*columns, offset, shape=(2, width)).digest()
             for offset in ([0, 2], [0, 1, 2], [0, 0, 2]) for width in (2, 3)}
    assert len(found) == 6


def test_the_types_are_those_promised_and_nothing_can_be_written():
    one = recording([(5, 1, 2, 1)], SHAPE)
    assert (one.time.dtype, one.x.dtype, one.y.dtype) == (np.float64, np.int32, np.int32)
    assert (one.polarity.dtype, one.offset.dtype, one.shape) == (np.int8, np.int64, SHAPE)
    for part in (one, one[:1], Recordings.of([one])):
        for column in (part.time, part.x, part.y, part.polarity, part.offset):
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 0
        with pytest.raises(AttributeError):
            part.time = part.time


def test_the_arrays_of_the_user_stay_theirs():
    time, x = np.array([2.0, 1.0]), np.zeros(2, np.int32)
    made = Recordings(time, x, x, x, shape=SHAPE)
    time[0] = x[0] = 4
    assert made.time.tolist() == [1.0, 2.0] and made.x.tolist() == [0, 0]


@pytest.mark.parametrize("column, value, said", [
    (0, -1.0, "finite and >= 0"), (0, np.nan, "finite and >= 0"), (0, np.inf, "finite and >= 0"),
    (1, 7, "columns 0 to 6"), (1, -1, "columns 0 to 6"), (1, 0.5, "columns 0 to 6"), (2, 5, "rows 0 to 4"),
    (3, 2, "1 (ON) and 0 (OFF)"), (3, -1, "1 (ON) and 0 (OFF)"), (0, "x", "must be numbers")])
def test_an_event_that_no_sensor_sends_is_refused(column, value, said):
    columns = [[0.0, 1.0], [0, 0], [0, 0], [1, 1]]
    columns[column][1] = value
    assert said in refusal(*columns)


@pytest.mark.parametrize("offset", [[], [0], [0, 1], [1, 2], [0, 2, 1, 2], [0, 0.5, 2], [0, np.nan, 2], [[0, 2]]])
def test_offsets_that_do_not_fit_are_refused(offset):
    assert "never fall" in refusal([0.0, 1.0], [0, 0], [0, 0], [1, 1], offset)


def test_columns_of_other_lengths_and_other_shapes_are_refused():
    assert "of one length" in refusal([0.0, 1.0], [0], [0, 0], [1, 1])
    assert "(height, width)" in refusal([], [], [], [], shape=(2, 2, 1))
    one, other = Recordings([], [], [], [], shape=(2, 2)), Recordings([], [], [], [], shape=(2, 3))
    for parts, n in ([], 0), ([one, other], 2):
        with pytest.raises(InputError, match=f"{n} shapes"):
            Recordings.of(parts)


@pytest.mark.parametrize("samples", [2, -3, [0, 2], np.array([True]), "a", None, 0.5])
def test_a_recording_that_is_not_there_is_refused(samples):
    two = Recordings([], [], [], [], [0, 0, 0], shape=SHAPE)
    with pytest.raises(InputError, match="recordings 0 to 1"):
        two[samples]


def test_what_needs_an_array_of_images_refuses_recordings():
    with pytest.raises(InputError, match="no array of images"):
        np.asarray(Recordings([0.0], [0], [0], [1], shape=SHAPE))
