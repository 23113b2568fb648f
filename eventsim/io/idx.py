"""Read IDX arrays, the format of MNIST and Fashion-MNIST.

An IDX file is: two zero bytes, one byte for the type of the numbers, one for the number of
dimensions; then each dimension as an unsigned 32-bit integer, and the numbers in row-major order,
everything big-endian (Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits").
"""

import contextlib
import gzip
import hashlib
import math
import os
import struct
import zlib

import numpy as np

from eventsim.errors import InputError
from eventsim.io import plain_file

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_LARGEST_GZIP_RATIO = 1032  # deflate spends at least one bit pair on 258 bytes
_MOST_DIMENSIONS = 32
_CHUNK = 1 << 20


def read(path, md5=None):
    """Read one array from an IDX file, plain or compressed with gzip.

    The size that the header promises is compared with the size of the file before memory is
    reserved, and a compressed file is read piece by piece, so that a forged header costs nothing.

    Parameters
    ----------
    path : path-like
        The file; compression is recognised by the contents, not by the name.
    md5 : str, optional
        The MD5 (hexadecimal) that the uncompressed contents must have.

    Returns
    -------
    ndarray
        In the shape and with the number type of the file, in the byte order of this machine.

    Raises
    ------
    InputError
        For a file that is missing, not IDX, truncated, followed by other bytes, damaged, or with
        another checksum.
    """
    name = os.fspath(plain_file.path_of(path))
    plain_file.check(name, "the path of an IDX file (.gz or plain)")
    try:
        with _open(name) as (stream, largest):
            return _parse(stream, largest, name, md5)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = "ends too early" if isinstance(error, EOFError) else "is damaged or followed by other bytes"
        raise InputError(f'the gzip stream of "{name}" {reason}; get the file again') from None
    except OSError as error:
        raise InputError(f'"{name}" cannot be read: {error.strerror or error}; '
                         "give the path of an IDX file (.gz or plain)") from None


@contextlib.contextmanager
def _open(name):
    """Yield the uncompressed stream, and the most bytes that it can hold."""
    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if compressed:
            with gzip.GzipFile(fileobj=file) as stream:
                yield stream, size * _LARGEST_GZIP_RATIO
        else:
            yield file, size


def _parse(stream, largest, name, md5):
    header = stream.read(4)
    code, dimensions = (header[2], header[3]) if len(header) == 4 else (0, 0)
    if header[:2] != b"\0\0" or code not in _TYPES or not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise InputError(f'"{name}" starts with {header.hex(" ") or "nothing"}, which is not an IDX header; '
                         "give a file that starts with 00 00, a type (08, 09, 0b to 0e) and the number of "
                         "dimensions")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(f'"{name}" ends inside its IDX header; get the file again')
    shape = struct.unpack(f">{dimensions}I", sizes)
    number_type = np.dtype(_TYPES[code])
    promised = math.prod(shape) * number_type.itemsize
    if promised > largest - len(header) - len(sizes):
        raise _wrong_size(name, shape, promised, "fewer")

    contents = bytearray()
    while len(contents) < promised and (piece := stream.read(min(_CHUNK, promised - len(contents)))):
        contents += piece
    if len(contents) < promised:
        raise _wrong_size(name, shape, promised, "fewer")
    if stream.read(1):
        raise _wrong_size(name, shape, promised, "more")
    if md5 is not None:
        digest = hashlib.md5(header + sizes, usedforsecurity=False)
        digest.update(contents)
        if digest.hexdigest() != md5:
            raise InputError(f'the contents of "{name}" have the MD5 {digest.hexdigest()} where {md5} is '
                             "expected; the file is damaged or not the published one: get it again")
    try:
        array = np.frombuffer(contents, number_type).reshape(shape)
    except ValueError:
        raise InputError(f'"{name}" has the shape {shape}, which is too large for an array') from None
    return array.astype(number_type.newbyteorder("="), copy=False)


def _wrong_size(name, shape, promised, compared):
    sizes = " x ".join(str(size) for size in shape)
    return InputError(f'"{name}" holds {compared} bytes than its IDX header promises ({sizes}: {promised} '
                      "bytes of numbers); get the file again")
