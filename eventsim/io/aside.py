"""Files that are either whole or not there: written aside in the same folder, then renamed."""

import contextlib
import os
import pathlib
import tempfile

from eventsim.errors import InputError


@contextlib.contextmanager
def written_aside(path):
    """Give a temporary path to write to; put it in the place of `path` once the block has ended well.

    Parameters
    ----------
    path : str or path-like
        The file to make or to replace. Its folder must exist.

    Yields
    ------
    pathlib.Path
        A fresh file in the same folder. It is removed where the block raises, and `path` stays as it was.

    Raises
    ------
    InputError
        The folder does not exist, or the file cannot be written there.
    """
    path = pathlib.Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f'"{path}" cannot be written: there is no folder "{folder}"; make it first')
    if path.is_dir():
        raise InputError(f'"{path}" is a folder; give the name of a file to write')
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=folder)
    except OSError as error:
        raise InputError(f'"{path}" cannot be written: {error.strerror}; choose another folder') from None
    os.close(handle)
    aside = pathlib.Path(name)
    try:
        os.chmod(aside, 0o666 & ~_umask())  # mkstemp's files are private, a result is not
        yield aside
        _to_disk(aside)
        os.replace(aside, path)
        _to_disk(folder)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(
            f'"{path}" could not be written: {reason}; free some space or choose another folder'
        ) from None
    finally:
        aside.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_disk(path):
    """Wait until the system has written a file, or a folder's list of names, to the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # folders cannot be opened on every system
        return
    try:
        os.fsync(handle)
    except OSError:  # nor synchronised on every file system
        return
    finally:
        os.close(handle)
