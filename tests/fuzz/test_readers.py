"""Spoiled files, a few of each kind: read, or refused in one line that names the file (`benchmarks/fuzz.py` has more).

Raw bytes of an HDF5 file are not spoiled here without the checksum that our files end with: the HDF5 library may not
survive that, and these tests run in one process.
"""

import shutil

import bad_bytes
import bad_files
import mutations
import numpy as np
import pytest

PACKAGES = {"nir": "nir", "nwb": "pynwb"}
BYTES = [name for name, reader in bad_files.READERS.items() if not reader.hdf5]
HDF5 = [name for name, reader in bad_files.READERS.items() if reader.hdf5]
SEALED = [name for name, reader in bad_files.READERS.items() if reader.sealed]
CASES = 12


def seeds_of(name, folder):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"needs the extra {name}: pip install eventsim[{name}]")
    reader = bad_files.READERS[name]
    place = folder / "place" / reader.place
    place.parent.mkdir(parents=True)
    seeds = reader.seeds(folder)
    place.write_bytes(seeds[0])
    return reader, place, seeds


def judged(reader, place, case):
    kind, what = bad_files.verdict(reader, place)
    assert kind in ("read", "refused"), (case, what)
    return kind, what


@pytest.mark.parametrize("name", bad_files.READERS)
def test_the_files_that_are_spoiled_are_whole(name, tmp_path):
    reader, place, seeds = seeds_of(name, tmp_path)
    for data in seeds:
        place.write_bytes(data)
        kind, what = judged(reader, place, "whole")
        assert kind == "read" or (name in ("cifar", "csv") and "MD5" in what + "MD5"), what


@pytest.mark.parametrize("name", BYTES)
def test_spoiled_bytes_are_read_or_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr(bad_bytes, "EXTRA", set())  # figures take long
    reader, place, seeds = seeds_of(name, tmp_path)
    for case in range(CASES if name in ("log", "result", "dvs list") else 8 * CASES):
        rng = np.random.default_rng([7, case])
        place.write_bytes(mutations.spoiled(rng, seeds[rng.integers(len(seeds))]))
        judged(reader, place, case)


@pytest.mark.parametrize("name", SEALED)
def test_spoiled_bytes_of_a_sealed_file_never_give_other_numbers(name, tmp_path):
    reader, place, seeds = seeds_of(name, tmp_path)
    right = judged(reader, place, "whole")
    for case in range(CASES):
        place.write_bytes(mutations.spoiled(np.random.default_rng([8, case]), seeds[0]))
        if place.read_bytes()[-25:] != seeds[0][-25:] and place.stat().st_size >= len(seeds[0]) - 25:
            continue  # the seal itself is spoiled: for the library to judge, which tests must not wait for
        kind, what = judged(reader, place, case)
        assert kind == "refused" or what == right[1], case


@pytest.mark.parametrize("name", HDF5)
def test_objects_in_the_wrong_place_are_refused(name, tmp_path):
    reader, place, seeds = seeds_of(name, tmp_path)
    for case in range(CASES):
        place.write_bytes(seeds[0])
        done = mutations.spoil_hdf5(np.random.default_rng([9, case]), place)
        judged(reader, place, (case, done))
    shutil.rmtree(place.parent)
