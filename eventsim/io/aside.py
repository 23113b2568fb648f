"""Files that are either whole or not there: written aside in the same folder, then renamed."""

import contextlib
import errno
import os
import pathlib
import tempfile

import h5py

from eventsim.errors import InputError
from eventsim.io import hdf5
from eventsim.io.plain_file import path_of
from eventsim.log import logger

LOG = logger(__name__)


def check_target(path):
    """Raise `InputError` where a file could not be written, at once and not at the end of a long run.

    Parameters
    ----------
    path : str or path-like
        The file to make or to replace.
    """
    path = path_of(path)
    if not path.parent.is_dir():
        raise InputError(f'"{path}" cannot be written: there is no folder "{path.parent}"; make it first')
    if path.is_dir():
        raise InputError(f'"{path}" is a folder; give the name of a file to write')
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f'"{path}" cannot be written: the folder is read-only; choose another folder')


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
    path = path_of(path)
    folder = path.parent
    check_target(path)
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
        LOG.info('wrote "%s"', path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(
            f'"{path}" could not be written: {reason}; free some space or choose another folder'
        ) from None
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def hdf5_aside(path):
    """Give an HDF5 file to write into; put it in the place of `path` once the block has ended well.

    Parameters
    ----------
    path : str or path-like
        As for `written_aside`.

    Yields
    ------
    h5py.File
        Open, empty. It is sealed once it is complete, see `eventsim.io.hdf5`.

    Raises
    ------
    InputError
        As for `written_aside`.
    """
    with written_aside(path) as aside, open(aside, "w+b", buffering=0) as raw:
        patient = _Patient(raw)
        try:
            with h5py.File(patient, "w") as file:
                yield file
            if patient.failure is None:
                hdf5.seal(raw)
        finally:
            if patient.failure is not None:
                raise patient.failure


class _Patient:
    """A file to write to that keeps the first failure for later and takes no more from then on.

    The HDF5 library does not survive a write that fails: where a disk is full it ends the process while
    it closes the file.
    """

    def __init__(self, raw):
        self._raw, self.failure = raw, None
        self.seek, self.tell, self.read, self.readinto = raw.seek, raw.tell, raw.read, raw.readinto

    def write(self, data):
        rest = memoryview(data).cast("B")
        try:
            while len(rest) and self.failure is None:
                rest = rest[self._raw.write(rest):]
        except OSError as failure:
            self.failure = failure
        return len(data)

    def truncate(self, size=None):
        try:
            if self.failure is None:
                self._raw.truncate(size)
        except OSError as failure:
            self.failure = failure
        return size

    def flush(self):
        """Do nothing: nothing is held back."""


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
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # what a file system says that does not offer it
            raise
    finally:
        os.close(handle)
