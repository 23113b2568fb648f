"""The N-MNIST format: round trips, the mark of the clock, damaged files."""

import pytest
from event_files import MARK, nmnist, recording, streams
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.io import nmnist as reader

STREAMS = streams(34, 34, 2**23 - 1, min_size=1)


def refusal(source, **options):
    with pytest.raises(InputError) as caught:
        reader.read(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(STREAMS)
def test_what_was_written_is_read(stream):
    assert reader.read(nmnist(stream)) == recording(stream, (34, 34))


@given(STREAMS, st.sets(st.integers(0, 40)))
def test_a_mark_of_the_clock_moves_all_events_behind_it_and_is_no_event(stream, marks):
    assert reader.read(nmnist(stream, marks)) == recording(stream, (34, 34))


def test_the_bytes_are_x_y_polarity_and_time_big_endian():
    found = reader.read(bytes((3, 33, 0x81, 0x02, 0x03, 4, 0, 0x01, 0x02, 0x04)))
    assert found.time.tolist() == [66.051, 66.052]
    assert (found.x.tolist(), found.y.tolist(), found.polarity.tolist()) == ([3, 4], [33, 0], [1, 0])


def test_times_behind_a_mark_go_beyond_the_23_bits():
    found = reader.read(bytes((0, 0, 0x7F, 0xFF, 0xFF, 9, MARK, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF)))
    assert (found.time * 1000).tolist() == [2**23 - 1, 2**23 - 1 + 8192]


def test_a_file_is_read_by_its_path_and_with_another_sensor(tmp_path):
    path = tmp_path / "1.bin"
    path.write_bytes(nmnist([(5, 200, 100, 1)]))
    assert reader.read(path, shape=(173, 233)).x.tolist() == [200]


@given(STREAMS, st.integers(1, 4))
def test_a_file_cut_inside_an_event_is_refused_with_the_byte(stream, cut):
    contents = nmnist(stream)[:-cut]
    assert f"inside the event at byte {5 * (len(stream) - 1)}" in refusal(contents)


def test_an_empty_a_missing_and_a_wrong_file_are_named(tmp_path):
    path = tmp_path / "1.bin"
    assert str(path) in refusal(path) and "No such file" in refusal(path)
    path.write_bytes(b"")
    assert str(path) in refusal(path) and "is empty" in refusal(path)
    path.write_bytes(nmnist([(1, 1, 1, 1), (2, 34, 1, 1)]))
    assert "x = 34, y = 1 (byte 5)" in refusal(path)
    assert "cannot be read" in refusal(tmp_path)
    assert '"a.zip/1.bin"' in refusal(b"abc", name="a.zip/1.bin")
