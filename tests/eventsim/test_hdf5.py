"""`eventsim.io.hdf5`: what is refused before anything is read from a file."""

import pathlib

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusal

from eventsim.io import hdf5
from eventsim.io.aside import hdf5_aside


def made(path, fill):
    with h5py.File(path, "w") as file:
        fill(file)
    return path


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "file.h5"
    with hdf5_aside(path) as file:
        file["a"] = np.arange(10.0)
        file.attrs["t"] = 1.0
    return path


def test_what_was_written_is_opened(sealed):
    with hdf5.open_file(sealed) as file:
        assert file["a"][()].tolist() == list(range(10)) and file.attrs["t"] == 1.0
    assert sealed.read_bytes()[-25:].startswith(b"\neventsim crc32 ")


@given(st.data())
def test_any_flipped_bit_is_noticed_before_the_library_sees_it(sealed, data):
    contents = bytearray(sealed.read_bytes())
    place = data.draw(st.integers(0, len(contents) - 26))
    contents[place] ^= 1 << data.draw(st.integers(0, 7))
    spoiled = sealed.with_name("spoiled.h5")
    spoiled.write_bytes(contents)
    assert "CRC-32" in refusal(hdf5.open_file, spoiled)


def test_a_file_that_hdf5_changed_has_no_seal_and_is_opened(sealed, tmp_path):
    path = tmp_path / "changed.h5"
    path.write_bytes(sealed.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["t"] = 2.0
    assert b"eventsim crc32" not in path.read_bytes()
    with hdf5.open_file(path) as file:
        assert file.attrs["t"] == 2.0


def test_a_lazy_reader_does_not_read_the_whole_file(sealed, monkeypatch):
    monkeypatch.setattr(hdf5, "_crc", None)
    hdf5.open_file(sealed, sealed=False).close()


def _twice(file):
    file["a"] = np.zeros(3)
    file["b"] = file["a"]


def _external(file):
    file.create_dataset("a", (100,), "f8", external=[("elsewhere.bin", 0, 800)])


def _virtual(file):
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (10,))
    file.create_virtual_dataset("a", layout)


def _missing_chunk(file):
    file.create_dataset("a", (100,), "f8", chunks=(10,), compression=1)[:50] = np.random.default_rng(0).random(50)


def _wide_chunk(file):
    file.create_dataset("a", data=np.zeros(1), chunks=(2**22,), maxshape=(None,), compression=9)


def _listed_texts(file):
    file.attrs.create("a", ["x", "y"], dtype=h5py.string_dtype())


FORGED = {
    "an external link": (lambda file: file.__setitem__("a", h5py.ExternalLink("x.h5", "/")), "is a link"),
    "a soft link": (lambda file: file.__setitem__("a", h5py.SoftLink("/")), "is a link"),
    "a loop": (lambda file: file.__setitem__("a", file), "under two names"),
    "two names": (_twice, "under two names"),
    "numbers in another file": (_external, "another file"),
    "a virtual data set": (_virtual, "another file"),
    "10^12 entries of a fill value": (
        lambda file: file.create_dataset("a", (10**12,), "f8", chunks=(2**20,), compression=1), "more than the file"),
    "a contiguous data set that was never written": (
        lambda file: file.create_dataset("a", (10**9,), "f8"), "more than the file"),
    "a missing chunk": (_missing_chunk, "lacks a part"),
    "a chunk of 32 MB for one entry": (_wide_chunk, "larger than itself"),
    "two compressions": (
        lambda file: file.create_dataset("a", data=np.zeros(9), chunks=(9,), scaleoffset=2), "compressed in a way"),
    "a list of texts": (
        lambda file: file.create_dataset("a", data=["x", "y"], dtype=h5py.string_dtype()), "list of texts"),
    "an attribute of texts": (_listed_texts, "list of texts"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_file_is_refused_before_it_is_read(what, tmp_path):
    fill, expected = FORGED[what]
    assert expected in refusal(hdf5.open_file, made(tmp_path / "f.h5", fill))


@pytest.mark.parametrize("what", ["an external link", "numbers in another file", "a virtual data set",
                                  "10^12 entries of a fill value", "a contiguous data set that was never written"])
def test_files_of_other_programs_do_not_lead_outside_or_claim_what_they_have_not(what, tmp_path):
    fill, expected = FORGED[what]
    assert expected in refusal(hdf5.open_file, made(tmp_path / "f.h5", fill), ours=False)


def test_files_of_other_programs_may_have_links_and_lists_of_texts(tmp_path):
    def fill(file):
        file["texts"] = ["a", "bc"]
        file["again"] = file["texts"]
        file["soft"] = h5py.SoftLink("/texts")
        file.create_dataset("unwritten", (10,), "f8")

    with hdf5.open_file(made(tmp_path / "f.h5", fill), ours=False, links=True) as file:
        assert file["soft"][1] == b"bc"


def test_rows_that_are_all_the_same_bytes_are_refused(tmp_path):
    def fill(file):
        data = file.create_dataset("rows", (200,), h5py.vlen_dtype("u1"))
        data[0] = np.zeros(20000, np.uint8)

    path = made(tmp_path / "f.h5", fill)
    contents = bytearray(path.read_bytes())
    (first,) = [at for at in range(len(contents)) if contents[at:at + 4] == (20000).to_bytes(4, "little")][:1]
    entry = bytes(contents[first:first + 16])
    assert contents[first + 16:first + 32] == bytes(16)
    contents[first:first + 200 * 16] = entry * 200
    path.write_bytes(contents)
    assert "add up to more" in refusal(hdf5.open_file, path, ours=False)


def test_a_cut_file_and_one_of_another_kind_are_no_hdf5(sealed, tmp_path):
    for number, contents in enumerate((b"", b"text\n", sealed.read_bytes()[:600])):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(contents)
        with pytest.raises(OSError, match=r"."):
            hdf5.open_file(path)


def test_our_models_are_opened(repository):
    for path in sorted(pathlib.Path(repository, "models").glob("*.h5")):
        hdf5.open_file(path).close()
