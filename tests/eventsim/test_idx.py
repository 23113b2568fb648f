import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.io import idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(shape, code=0x08):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def contents(array):
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return header(array.shape, CODES[array.dtype.str[1:]]) + big_endian.tobytes()


def refusal(path, data=None, **options):
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        idx.read(path, **options)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@settings(deadline=None)
@given(st.sampled_from(sorted(CODES)), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.booleans())
def test_every_type_and_shape_is_read_as_written_plain_or_compressed(folder, kind, shape, compressed):
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(kind)
    data = contents(array)
    path = folder / "array"
    path.write_bytes(gzip.compress(data) if compressed else data)
    read = idx.read(path)
    assert read.dtype == array.dtype and read.dtype.isnative
    assert np.array_equal(read, array) and read.shape == array.shape


def test_the_array_belongs_to_the_caller(tmp_path):
    path = tmp_path / "array"
    path.write_bytes(contents(np.arange(3, dtype=np.uint8)))
    read = idx.read(path)
    read[0] = 9
    assert idx.read(path)[0] == 0


@settings(deadline=None)
@given(st.integers(0, 15), st.booleans())
def test_a_file_cut_at_any_place_is_refused(folder, length, compressed):
    data = contents(np.arange(8, dtype=np.uint8))[:length]
    refusal(folder / "cut", gzip.compress(data) if compressed else data)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_gzip_stream_cut_at_any_place_is_refused(folder, length):
    stream = gzip.compress(contents(np.random.default_rng(0).integers(0, 256, 1000).astype(np.uint8)))
    assert len(stream) > 1000
    refusal(folder / "cut.gz", stream[:length])


def test_a_truncated_gzip_stream_is_called_so(tmp_path):
    stream = gzip.compress(contents(np.arange(200, dtype=np.uint8)))
    assert "ends too early" in refusal(tmp_path / "a.gz", stream[:-10])


def test_a_damaged_gzip_stream_is_refused(tmp_path):
    stream = bytearray(gzip.compress(contents(np.zeros(200, np.uint8))))
    stream[-6] ^= 1  # the checksum
    assert "damaged" in refusal(tmp_path / "a.gz", bytes(stream))


@pytest.mark.parametrize("compressed", [False, True])
def test_bytes_after_the_array_are_refused(tmp_path, compressed):
    data = contents(np.arange(8, dtype=np.uint8)) + b"\0"
    message = refusal(tmp_path / "long", gzip.compress(data) if compressed else data)
    assert "more bytes than its IDX header promises (8: 8 bytes" in message


def test_bytes_after_the_gzip_stream_are_refused(tmp_path):
    stream = gzip.compress(contents(np.arange(8, dtype=np.uint8))) + b"rest"
    assert "followed by other bytes" in refusal(tmp_path / "a.gz", stream)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_header_that_promises_terabytes_is_refused_without_reserving_memory(tmp_path, compressed):
    data = header((2**32 - 1, 2**16)) + bytes(1000)
    path = tmp_path / "forged"
    path.write_bytes(gzip.compress(data) if compressed else data)
    tracemalloc.start()
    message = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "fewer bytes" in message and peak < 10_000_000


def test_a_header_that_a_compressed_file_might_just_fulfil_reserves_only_what_is_there(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, 100_000).astype(np.uint8).tobytes()
    path = tmp_path / "forged.gz"
    path.write_bytes(gzip.compress(header((50_000_000,)) + noise))
    tracemalloc.start()
    message = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "fewer bytes" in message and peak < 10_000_000


def test_dimensions_whose_product_overflows_are_refused(tmp_path):
    assert "too large" in refusal(tmp_path / "a", header((0, 2**32 - 1, 2**32 - 1, 2**32 - 1)))


@pytest.mark.parametrize("start", [b"", b"\0\0", b"\x89PNG\r\n", b"\0\0\x07\x01\0\0\0\0", b"\0\0\x08\0",
                                   b"\1\0\x08\1\0\0\0\0", b"\0\0\x08\xff" + bytes(4 * 255)])
def test_a_file_of_another_format_is_refused(tmp_path, start):
    assert "not an IDX header" in refusal(tmp_path / "a", start)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("compressed", [False, True])
def test_the_checksum_is_of_the_uncompressed_contents(tmp_path, compressed):
    data = contents(np.arange(8, dtype=np.uint8))
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(data) if compressed else data)
    assert idx.read(path, md5=hashlib.md5(data).hexdigest()).tolist() == list(range(8))
    assert "where 00 is expected" in refusal(path, md5="00")
