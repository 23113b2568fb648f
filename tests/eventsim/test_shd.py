"""Files of the Spiking Heidelberg Digits: round trips and damaged files."""

import event_files
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.io import shd

CLASSES = ("zero", "eins", "zwei")
SAMPLES = st.lists(st.lists(st.tuples(st.floats(0.0, 1.5, width=16), st.integers(0, 699)), max_size=10), max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shd")


def refusal(path):
    with pytest.raises(InputError) as caught:
        shd.read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


@settings(max_examples=40)
@given(SAMPLES, st.sampled_from(["f2", "f4", "f8"]))
def test_what_was_written_is_read(folder, samples, kind):
    path = folder / "shd.h5"
    labels = [number % 3 for number in range(len(samples))]
    event_files.shd(path, samples, labels, CLASSES, kind)
    found = shd.read(path)
    assert found.labels.tolist() == labels and found.labels.dtype == np.int64 and found.classes == CLASSES
    assert len(found.recordings) == len(samples) and found.recordings.shape == (1, 700)
    for one, sample in zip(found.recordings, samples, strict=True):
        rows = sorted(sample, key=lambda event: event[0])
        assert one.time.tolist() == [1000.0 * time for time, _ in rows]
        assert one.x.tolist() == [unit for _, unit in rows]
        assert not one.y.any() and one.polarity.all()


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "shd.h5"
    event_files.shd(path, [[(0.1, 3), (0.2, 4)], [], [(0.5, 699)]], [0, 1, 2], CLASSES)
    return path


@pytest.mark.parametrize("entry", ["spikes/times", "spikes/units", "labels", "extra/keys"])
def test_a_file_without_an_entry_is_refused(written, entry):
    with h5py.File(written, "r+") as file:
        del file[entry]
    assert "has not all of" in refusal(written)


@pytest.mark.parametrize("entry, sample, value, said", [
    ("spikes/times", 0, [0.1], "sample 0 of"), ("spikes/times", 2, [-0.5], "has the time -0.5"),
    ("spikes/times", 2, [np.nan], "has the time nan"), ("spikes/units", 2, [700], "has the unit 700"),
    ("labels", 1, 3, "sample 1 of")])
def test_entries_that_do_not_fit_are_refused_with_the_sample(written, entry, sample, value, said):
    with h5py.File(written, "r+") as file:
        file[entry][sample] = value
    assert said in refusal(written) and f"sample {sample}" in refusal(written)


def test_labels_of_another_number_and_numbers_instead_of_rows_are_refused(written):
    with h5py.File(written, "r+") as file:
        del file["labels"]
        file["labels"] = np.zeros(2, int)
    assert "labels of shape (2,)" in refusal(written)
    with h5py.File(written, "r+") as file:
        del file["spikes/times"]
        file["spikes/times"] = np.zeros(3)
    assert "cannot be read as a file" in refusal(written)


def test_a_missing_a_cut_and_a_foreign_file_are_refused(written, tmp_path):
    assert "there is no file" in refusal(tmp_path / "nowhere.h5")
    contents = written.read_bytes()
    written.write_bytes(contents[: len(contents) // 2])
    assert "cut short or damaged" in refusal(written)
    written.write_bytes(b"class,start")
    assert "of another kind" in refusal(written)
