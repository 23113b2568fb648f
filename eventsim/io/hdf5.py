"""HDF5 files made safe to read: as they were written, nothing from outside of them, nothing larger than they hold.

The HDF5 library believes what a file says. A data set may claim 10^12 entries and be made of a fill value, lie in
another file, or be the same megabyte under a thousand names; a flipped byte may end the process. So files of ours end
with a line that holds their CRC-32 (`seal`), which HDF5 does not read and drops where it changes a file, and whatever
is opened here is looked through before anything is read.

What this cannot do: a file that was made to harm, or one of another program with damaged bytes, reaches the library.
"""

import errno
import math
import os
import re
import zlib

import h5py
import numpy as np

from eventsim.errors import InputError

DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What a damaged file can make h5py, numpy, json or our own checks raise."""

_SEAL = re.compile(rb"\neventsim crc32 ([0-9a-f]{8})\n")
_SEAL_SIZE = 25
_PIECE = 2**20
_LARGEST_RATIO = 1100  # deflate compresses at most 1032 to 1
_SMALL = 2**20  # bytes that a file of another program may leave to the fill value
_MOST_TEXTS = 2**20  # entries of variable length
_HARMLESS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
_OURS = (*_HARMLESS, h5py.h5z.FILTER_DEFLATE)


def seal(file):
    """Append a line with the CRC-32 of a file that is complete.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    """
    size = file.seek(0, os.SEEK_END)
    line = b"\neventsim crc32 %08x\n" % _crc(file, size)
    file.seek(size)
    file.write(line)


def open_file(path, ours=True, sealed=True, links=False):
    """Open a file for reading after looking through it.

    Parameters
    ----------
    path : path-like
    ours : bool, optional
        Written by eventsim: no entry left out, only what eventsim writes. False: by any program.
    sealed : bool, optional
        Compare the contents with the seal where there is one, which reads the whole file.
    links : bool, optional
        Whether an object may have several names, or links that lead to it; what reads the file must not follow them
        without end. Links to other files are refused anyway.

    Returns
    -------
    h5py.File

    Raises
    ------
    OSError
        It is not an HDF5 file, or is cut short; as `h5py.File`.
    InputError
        It is not as it was written, points outside of itself, or claims more than it can hold; without its name.
    """
    if not os.path.isfile(path):  # a pipe would be waited for
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    if sealed:
        _check_seal(path)
    file = h5py.File(path, "r")
    try:
        _Look(file, os.path.getsize(path), ours, links).through()
    except InputError:
        file.close()
        raise
    except DAMAGE as error:
        file.close()
        raise InputError(one_line(error)) from None
    return file


def one_line(error):
    """Return what h5py, json or numpy said, in one line."""
    return " ".join(str(error).strip("\"'").split())[:200] or type(error).__name__


def plain(attributes, name):
    """Return an attribute that is one number or one text; None where it is missing or anything else."""
    try:
        value = attributes.get(name)
    except DAMAGE:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float) else None


def text(attributes, name):
    """Return an attribute that is text, or raise `InputError` (`KeyError` where it is missing)."""
    value = attributes[name]
    if not isinstance(value, str) or not value.isprintable():
        raise InputError(f'its attribute "{name}" is no text that can be shown')
    return value


def _check_seal(path):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - _SEAL_SIZE, 0))
        found = _SEAL.fullmatch(file.read())
        if found and int(found[1], 16) != _crc(file, size - _SEAL_SIZE):
            raise InputError("its bytes are not those that were written (CRC-32)")


def _crc(file, size):
    file.seek(0)
    sum_, left = 0, size
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        sum_, left = zlib.crc32(piece, sum_), left - len(piece)
    return sum_


class _Look:
    """A look at every object of a file that reads no data."""

    def __init__(self, file, size, ours, links):
        self._file, self._size, self._ours, self._links = file, size, ours, links
        self._seen, self._stored = set(), 0

    def through(self):
        """Raise `InputError` for the first thing that must not be read."""
        waiting = [(self._file.id, "/")]
        self._is_new(self._file.id)
        while waiting:
            group, name = waiting.pop()
            self._attributes(group, name)
            for key in list(group):
                inside, within = self._linked(group, key, f"{name}{_shown(key)}")
                if isinstance(inside, h5py.h5g.GroupID):
                    waiting.append((inside, f"{within}/"))
                elif isinstance(inside, h5py.h5d.DatasetID):
                    self._attributes(inside, within)
                    self._data(inside, within)

    def _linked(self, group, key, name):
        """Return the object of a link and its name; None for what is not looked at again, or leads nowhere."""
        kind = group.links.get_info(key).type
        if kind == h5py.h5l.TYPE_SOFT and self._links:
            return None, name  # to something in this file, which has a name of its own
        if kind != h5py.h5l.TYPE_HARD:
            raise InputError(f'"{name}" is a link, which is not followed')
        found = h5py.h5o.open(group, key)
        if not self._is_new(found):
            if not self._links:
                raise InputError(f'"{name}" is in it under two names')
            return None, name
        return found, name

    def _is_new(self, found):
        address = h5py.h5o.get_info(found).addr
        if address in self._seen:
            return False
        self._seen.add(address)
        return True

    def _attributes(self, owner, name):
        for number in range(h5py.h5a.get_num_attrs(owner)):
            attribute = h5py.h5a.open(owner, index=number)
            count = attribute.get_space().get_simple_extent_npoints()
            if count * attribute.get_type().get_size() > self._size:
                raise InputError(f'an attribute of "{name}" claims {count:,} entries, more than the file can hold')
            if self._ours and count > 1 and _varies(attribute.get_type()):
                raise InputError(f'an attribute of "{name}" is a list of texts, which none of ours is')

    def _data(self, data, name):
        count, settings, kind = data.get_space().get_simple_extent_npoints(), data.get_create_plist(), data.get_type()
        layout, stored = settings.get_layout(), data.get_storage_size()
        if layout == h5py.h5d.VIRTUAL or (layout == h5py.h5d.CONTIGUOUS and settings.get_external_count()):
            raise InputError(f'the numbers of "{name}" are in another file, which is not read')
        self._stored += stored
        claimed, ratio, chunk = count * kind.get_size(), 1, 0
        if layout == h5py.h5d.CHUNKED:
            chunk = math.prod(settings.get_chunk()) * kind.get_size()
            ratio = self._ratio(settings, name)
        room = ratio * stored if self._ours else max(ratio * stored, _SMALL)
        if self._stored > self._size or claimed > room or (count and chunk > max(room, _SMALL)):
            raise InputError(f'"{name}" claims {count:,} entries, more than the file can hold')
        if self._ours and layout == h5py.h5d.CHUNKED and count:
            sides = list(zip(data.shape, settings.get_chunk(), strict=True))
            if any(part > side for side, part in sides):
                raise InputError(f'"{name}" is stored in pieces that are larger than itself')
            if data.get_num_chunks() != math.prod(-(-side // part) for side, part in sides):
                raise InputError(f'"{name}" lacks a part of its entries')
        if _varies(kind):
            self._texts(data, name, count)

    def _ratio(self, settings, name):
        """Return how many times larger the numbers of a data set may be than what is stored of them."""
        codes = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
        packing = [code for code in codes if code not in _HARMLESS]
        if len(packing) > 1 or (self._ours and any(code not in _OURS for code in packing)):
            raise InputError(f'"{name}" is compressed in a way that is not read')
        return _LARGEST_RATIO if packing else 1

    def _texts(self, data, name, count):
        """Refuse entries of variable length that add up to more than the file: many may be the same bytes."""
        if self._ours and count > 1:
            raise InputError(f'"{name}" is a list of texts, which none of ours is')
        if count > _MOST_TEXTS:
            raise InputError(f'"{name}" has {count:,} entries of variable length; at most {_MOST_TEXTS:,} are read')
        entries, total = h5py.Dataset(data), 0
        for place in range(count if len(data.shape) == 1 else 0):
            entry = entries[place]
            total += getattr(entry, "nbytes", None) or len(entry)
            if total > self._size:
                raise InputError(f'the entries of "{name}" add up to more than the file can hold')


def _varies(kind):
    """Tell whether entries of a type have a length each."""
    return isinstance(kind, h5py.h5t.TypeVlenID) or (isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str())


def _shown(key):
    name = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:60]
