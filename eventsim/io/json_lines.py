"""Files of JSON lines, one object a line, each with a checksum: logs of trainings, looks at test sets.

The last entry of a line is ``"crc32"``, eight hexadecimal digits over the other ones (`sealed`). Lines without it, of
other programs or of before, are read unchecked.
"""

import contextlib
import json
import os
import zlib

from eventsim.errors import InputError
from eventsim.io import documents
from eventsim.io.plain_file import path_of

CHECKSUM = "crc32"
"""Name of the checksum in a line."""


def sealed(record):
    """Return a record as a line with its checksum.

    Parameters
    ----------
    record : dict
        JSON-ready, without NaN and infinity.
    """
    return json.dumps({**record, CHECKSUM: _checksum(record)}, allow_nan=False) + "\n"


def _checksum(record):
    return f"{zlib.crc32(json.dumps(record, sort_keys=True).encode()):08x}"


def append(path, record):
    """Add a `sealed` line to the end, in the place of an unfinished one; where that fails the file stays as it was.

    Parameters
    ----------
    path : path-like
        Made if it is missing.
    record : dict
        JSON-ready, without NaN and infinity.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    path, rest = path_of(path), sealed(record).encode("utf-8")
    try:
        with open(path, "ab+", buffering=0) as file:
            size, end = file.seek(0, os.SEEK_END), _end_of_lines(file)
            if end < size:
                file.truncate(end)
            try:
                while rest:
                    rest = rest[file.write(rest):]
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
    except OSError as error:
        raise InputError(
            f'"{path}" could not be written: {error.strerror}; free some space or choose another folder') from None


def _end_of_lines(file):
    """Return how many bytes come before an unfinished last line, if there is one."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def read(path, what):
    """Return the objects of a file; an unfinished last line is left out.

    Parameters
    ----------
    path : path-like
    what : str
        What the file is, to begin an error with.

    Returns
    -------
    list of dict

    Raises
    ------
    InputError
        The file is missing or no text, or a line is no JSON object or does not have the checksum that it states.
    """
    try:
        text = path_of(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f'{what} "{path}" cannot be read: {reason}; give a file of JSON lines') from None
    records = []
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), start=1):
        if line.strip():
            try:
                record = documents.from_json(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                raise InputError(f'line {number} of "{path}" is no JSON object; give one object a line')
            if CHECKSUM in record and record.pop(CHECKSUM) != _checksum(record):
                raise InputError(f'line {number} of "{path}" was changed: it does not have the checksum it states; '
                                 "restore the file, or take the line out")
            records.append(record)
    return records
