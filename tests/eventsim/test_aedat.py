"""AEDAT 3.1 files and gesture labels: round trips, packets to skip, cutting, damaged files."""

import event_files
import pytest
from event_files import AEDAT_HEADER, aedat_packet, recording, streams
from hypothesis import given
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.io import aedat

SHAPE = (128, 128)
STREAM = [(10, 127, 0, 1), (12, 5, 6, 0), (12, 7, 8, 1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("aedat")


def refusal(path, contents=None):
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(InputError) as caught:
        aedat.read_columns(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def columns(path):
    return list(zip(*(column.tolist() for column in aedat.read_columns(path)), strict=True))


PACKETS = st.lists(st.tuples(streams(*SHAPE, 2**31 - 1), st.integers(0, 3), st.integers(0, 2)), max_size=4)


@given(PACKETS)
def test_what_was_written_is_read_with_the_times_above_31_bits(folder, packets):
    path = folder / "a.aedat"
    path.write_bytes(AEDAT_HEADER + b"".join(aedat_packet(stream, overflow, spare=spare)
                                             for stream, overflow, spare in packets))
    written = [(time + (overflow << 31), *rest) for stream, overflow, _ in packets for time, *rest in stream]
    assert columns(path) == written
    first = min((event[0] for event in written), default=0)
    assert aedat.read(path) == recording(written, SHAPE, first)


@given(streams(*SHAPE, 1000), st.sets(st.integers(0, 40)))
def test_events_that_are_not_valid_and_other_packets_are_skipped(folder, stream, invalid):
    path = folder / "a.aedat"
    invalid = {number for number in invalid if number < len(stream)}
    path.write_bytes(AEDAT_HEADER + aedat_packet(STREAM, kind=0) + aedat_packet(stream, invalid=invalid)
                     + aedat_packet(STREAM, kind=3))
    assert columns(path) == [event for number, event in enumerate(stream) if number not in invalid]


def test_the_words_are_little_endian_with_the_published_bits(folder):
    path = folder / "a.aedat"
    header = bytes.fromhex("0100 0100 08000000 04000000 01000000 01000000 01000000 01000000")
    path.write_bytes(AEDAT_HEADER + header + (1 | 1 << 1 | 5 << 2 | 9 << 17).to_bytes(4, "little") + b"\x02\0\0\0")
    assert columns(path) == [(2**31 + 2, 9, 5, 1)]


GESTURES = st.lists(st.tuples(st.integers(1, 11), st.integers(0, 90), st.integers(1, 30)), min_size=1, max_size=4)


@given(streams(*SHAPE, 100), GESTURES)
def test_a_file_is_cut_into_the_labelled_stretches_by_the_clock_of_the_camera(folder, stream, gestures):
    path, table = folder / "a.aedat", folder / "a_labels.csv"
    path.write_bytes(AEDAT_HEADER + aedat_packet(stream))
    gestures = [(kind, start, start + length) for kind, start, length in gestures]
    table.write_text(event_files.labels(gestures))
    recordings, labels = aedat.read_gestures(path, table)
    assert labels.tolist() == [kind for kind, _, _ in gestures]
    assert list(recordings) == [recording([event for event in stream if start <= event[0] < stop], SHAPE, start)
                                for _, start, stop in gestures]


@given(st.integers(0, len(AEDAT_HEADER) - 1))
def test_a_header_cut_at_any_place_is_refused(folder, length):
    message = refusal(folder / "cut.aedat", AEDAT_HEADER[:length])
    assert "byte" in message


@given(st.data())
def test_a_packet_cut_at_any_place_is_refused_with_its_byte(folder, data):
    first, second = aedat_packet(STREAM), aedat_packet(STREAM)
    length = data.draw(st.integers(1, len(second) - 1))
    message = refusal(folder / "cut.aedat", AEDAT_HEADER + first + second[:length])
    assert f"at byte {len(AEDAT_HEADER) + len(first)}" in message


@pytest.mark.parametrize("start, said", [
    (b"", "nothing (byte 0)"), (b"#!AER-DAT2.0\r\n", "not with #!AER-DAT3."),
    (b"#!AER-DAT3.1\r\n#Format: SerializedTS\r\n#!END-HEADER\r\n", "only RAW can be read"),
    (b"#!AER-DAT3.1\r\n#Format: RAW\r\nx", "does not go on at byte 28")])
def test_a_file_of_another_format_is_refused(tmp_path, start, said):
    assert said in refusal(tmp_path / "a.aedat", start)


@pytest.mark.parametrize("position, value", [(4, 12), (8, 8), (12, -1), (16, 2), (20, -1), (20, 9), (0, -1)])
def test_a_packet_header_that_contradicts_itself_is_refused(tmp_path, position, value):
    packet = bytearray(aedat_packet(STREAM))
    width = 2 if position < 4 else 4
    packet[position : position + width] = value.to_bytes(width, "little", signed=True)
    assert f"at byte {len(AEDAT_HEADER)}" in refusal(tmp_path / "a.aedat", AEDAT_HEADER + packet)


@pytest.mark.parametrize("event", [(5, 128, 0, 1), (5, 0, 128, 1), (-1, 0, 0, 1)])
def test_an_event_outside_the_sensor_or_before_time_0_is_refused_with_its_byte(tmp_path, event):
    message = refusal(tmp_path / "a.aedat", AEDAT_HEADER + aedat_packet([STREAM[0], event]))
    assert f"(byte {len(AEDAT_HEADER) + 28 + 8})" in message


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere.aedat")


@pytest.mark.parametrize("text, said", [
    ("", "does not start with the line"), ("class,start,end\n1,2,3\n", "does not start with the line"),
    (event_files.labels([]), "labels no gesture"), (event_files.labels([(1, 5, 5)]), "line 2"),
    (event_files.labels([(1, 5, 6), (2, 7, "x")]), "line 3"), (event_files.labels([(-1, 5, 6)]), "line 2")])
def test_labels_that_are_none_are_refused_with_their_line(tmp_path, text, said):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        aedat.read_labels(path)
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_labels_that_are_missing_or_no_text_are_refused(tmp_path):
    path = tmp_path / "labels.csv"
    for write in (lambda: None, lambda: path.write_bytes(b"\xff\xfe\xff")):
        write()
        with pytest.raises(InputError, match="cannot be read"):
            aedat.read_labels(path)
