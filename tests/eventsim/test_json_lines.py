"""Lines added to a file of JSON lines, also after a process was killed within one."""

import os

import pytest
from refusals import refusal

from eventsim.io import json_lines


def test_lines_are_added_in_their_order(tmp_path):
    for number in range(3):
        json_lines.append(tmp_path / "log.jsonl", f'{{"n": {number}}}\n')
    assert json_lines.read(tmp_path / "log.jsonl", "a log") == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("torn", ['{"n": 1', "{", '{"n": 1}'])
def test_a_line_that_a_killed_process_left_unfinished_is_replaced(torn, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 0}\n' + torn)
    json_lines.append(path, '{"n": 2}\n')
    assert path.read_text() == '{"n": 0}\n{"n": 2}\n'


def test_a_file_of_one_unfinished_line_begins_anew(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n"')
    json_lines.append(path, '{"n": 2}\n')
    assert path.read_text() == '{"n": 2}\n'


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device /dev/full")
def test_a_full_disk_is_said_in_a_line_that_names_the_file(tmp_path):
    path = tmp_path / "log.jsonl"
    path.symlink_to("/dev/full")
    message = refusal(json_lines.append, path, '{"n": 0}\n')
    assert "log.jsonl" in message and "No space left" in message


def test_a_folder_in_its_place_is_said_in_a_line(tmp_path):
    assert str(tmp_path) in refusal(json_lines.append, tmp_path, "{}\n")
