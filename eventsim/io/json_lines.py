"""Files of JSON lines, one object a line: logs of trainings, looks at test sets."""

import json

from eventsim.errors import InputError
from eventsim.io.plain_file import path_of


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
        The file is missing or no text, or a line is no JSON object.
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
                record = json.loads(line)
            except (RecursionError, ValueError):
                record = None
            if not isinstance(record, dict):
                raise InputError(f'line {number} of "{path}" is no JSON object; give one object a line')
            records.append(record)
    return records
