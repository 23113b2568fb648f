"""Every reader of files, and what must come of a spoiled one.

A reader gets the path of a file and uses what it read as callers do. It either returns a digest of what it read, or
raises `InputError` with one line that names the file; anything else is a finding.
"""

import pathlib

import bad_bytes
import bad_hdf5

from eventsim.errors import InputError

LONGEST = 700
"""Characters of a message, the path of the file included."""

READERS = {reader.name: reader for reader in (*bad_bytes.READERS, *bad_hdf5.READERS)}
"""By name."""


def verdict(reader, path):
    """Return what comes of reading a file.

    Parameters
    ----------
    reader : Reader
    path : pathlib.Path

    Returns
    -------
    kind : {"read", "refused", "finding"}
    what : str
        The digest, the message, or what is wrong.
    """
    try:
        return "read", str(reader.read(path))
    except InputError as error:
        message = str(error)
        if "\n" in message or not message.isprintable() or len(message) > LONGEST:
            return "finding", f"message: {message[:300]!r}"
        if path.name not in message and path.parent.name not in message:
            return "finding", f"unnamed: {message[:300]!r}"
        return "refused", message
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        trace, where = error.__traceback__, ""
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if any(part in file for part in ("/eventsim/", "/training/", "/viz/")):
                where = f"{pathlib.Path(file).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        return "finding", f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:160]}"


def unsealed(data):
    """Return a file of ours without its checksum, as if made by somebody else."""
    return data[:-25] if data[-25:].startswith(b"\neventsim crc32 ") else data
