"""Lines added to a file of JSON lines, also after a process was killed within one."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refusal

from eventsim.errors import InputError
from eventsim.io import json_lines


def test_lines_are_added_in_their_order(tmp_path):
    for number in range(3):
        json_lines.append(tmp_path / "log.jsonl", {"n": number})
    assert json_lines.read(tmp_path / "log.jsonl", "a log") == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("torn", ['{"n": 1', "{", '{"n": 1}'])
def test_a_line_that_a_killed_process_left_unfinished_is_replaced(torn, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 0}\n' + torn)
    json_lines.append(path, {"n": 2})
    assert path.read_text() == '{"n": 0}\n' + json_lines.sealed({"n": 2})


def test_a_file_of_one_unfinished_line_begins_anew(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n"')
    json_lines.append(path, {"n": 2})
    assert path.read_text() == json_lines.sealed({"n": 2})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device /dev/full")
def test_a_full_disk_is_said_in_a_line_that_names_the_file(tmp_path):
    path = tmp_path / "log.jsonl"
    path.symlink_to("/dev/full")
    message = refusal(json_lines.append, path, {"n": 0})
    assert "log.jsonl" in message and "No space left" in message


def test_a_folder_in_its_place_is_said_in_a_line(tmp_path):
    assert str(tmp_path) in refusal(json_lines.append, tmp_path, {})


def sealed_file(path, n=3):
    """Write lines with their checksums; return their records."""
    records = [{"epoch": epoch, "loss": 1.0 / (3 + epoch), "silent": {"hidden é": 0.25}, "none": None}
               for epoch in range(n)]
    for record in records:
        json_lines.append(path, record)
    return records


def test_sealed_lines_are_read_as_they_were_without_their_checksum(tmp_path):
    records = sealed_file(tmp_path / "log.jsonl")
    assert json_lines.read(tmp_path / "log.jsonl", "a log") == records
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["crc32"]


@settings(deadline=None, max_examples=300)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_flipped_bit_in_a_sealed_line_changes_what_is_read(tmp_path_factory, place, bit):
    path = tmp_path_factory.getbasetemp() / "flipped.jsonl"
    path.unlink(missing_ok=True)
    records, data = sealed_file(path), bytearray(path.read_bytes())
    place %= len(data)
    data[place] ^= 1 << bit
    path.write_bytes(bytes(data))
    try:
        found = json_lines.read(path, "a log")
    except InputError:
        return
    # what is left to be read: a lost end of the last line, or a checksum whose own name was hit
    assert [{key: value for key, value in one.items() if key in records[0]} for one in found] in (records, records[:-1])


def test_a_changed_digit_is_refused_by_its_line(tmp_path):
    path = tmp_path / "log.jsonl"
    sealed_file(path)
    path.write_text(path.read_text().replace('"epoch": 1', '"epoch": 7'))
    assert "line 2 of" in refusal(json_lines.read, path, "a log")
    path.write_text('{"n": NaN, "crc32": "00000000"}\n')
    assert "was changed" in refusal(json_lines.read, path, "a log")


def test_lines_without_a_checksum_are_read_unchecked(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 0}\n')
    json_lines.append(path, {"n": 1})
    assert json_lines.read(path, "a log") == [{"n": 0}, {"n": 1}]


@pytest.mark.parametrize("depth", [101, 990, 1200])
def test_nesting_that_no_log_has_is_refused_in_a_line(depth, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"crc32": "0", "a": ' + "[" * depth + "]" * depth + "}\n")
    assert "line 1 of" in refusal(json_lines.read, path, "a log")
