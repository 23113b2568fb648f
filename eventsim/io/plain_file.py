"""Files that are read as bytes: regular ones, because a device or a pipe may never end."""

import os
import pathlib

from eventsim.errors import InputError

_LONGEST_NAME = 255  # bytes of a name, in the usual file systems


def path_of(value):
    """Return a path that somebody gave as a `pathlib.Path`, or raise `InputError` where it is none."""
    if not isinstance(value, str | os.PathLike) or "\0" in os.fsdecode(value):
        given = repr(value) if isinstance(value, str) else type(value).__name__
        raise InputError(f"a path is text or a pathlib.Path; got {given}")
    path = pathlib.Path(os.fsdecode(value))
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        raise InputError(f'"{str(path)[:40]}..." has a part of more than {_LONGEST_NAME} bytes; no file is called so')
    return path


def contents(path, what):
    """Return the bytes of a file.

    Parameters
    ----------
    path : path-like
    what : str
        What to give instead, for the error: "an N-MNIST file".

    Raises
    ------
    InputError
        It is missing, cannot be read, or is no regular file.
    """
    name = os.fspath(path_of(path))
    check(name, what)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f'"{name}" cannot be read: {error.strerror or error}; give {what}') from None


def check(name, what):
    """Raise `InputError` for what is there and is neither a file nor a folder; `what` as in `contents`."""
    if os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name):
        raise InputError(f'"{name}" is a device or a pipe; give {what}')
