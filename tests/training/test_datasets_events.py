"""Event recordings as data sets, and training on them."""

import csv
import zipfile

import event_files
import numpy as np
import pytest
from refusals import refusal
from shared_data import SHARED, published

import eventsim as es
import training
from eventsim.errors import InputError
from eventsim.io import nmnist as nmnist_reader
from eventsim.recordings import Recordings
from training import config, datasets, decode, encode
from training.datasets import mnist, saccades

# N-MNIST

MEMBERS = {"Train/7/00002.bin": 20, "Train/3/00001.bin": 10, "Train/3/00010.bin": 30, "Test/9/00001.bin": 40}
"""Files in no order, each with one event at so many microseconds."""


def fill(folder, members=MEMBERS):
    for name, time in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(event_files.nmnist([(time, 1, 2, 1)]))


def zipped(path, members=MEMBERS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("README.txt", "not a recording")
        for name, time in members.items():
            archive.writestr(name, event_files.nmnist([(time, 1, 2, 1)]))


@pytest.mark.parametrize("kind", ["folder", "subset", "official archives"])
def test_nmnist_is_read_in_the_order_of_its_numbers_with_the_digits_of_its_folders(here, kind):
    place = here / "data" / "nmnist"
    if kind == "folder":
        fill(place)
    elif kind == "subset":
        zipped(place / "nmnist_subset.zip")
    else:
        for part in ("Train", "Test"):
            zipped(place / f"{part}.zip", {name: t for name, t in MEMBERS.items() if name.startswith(part)})
    train, test = datasets.load("nmnist", "train"), datasets.load("nmnist", "test")
    assert (train.images.time * 1000).tolist() == [10, 20, 30] and train.labels.tolist() == [3, 7, 3]
    assert (test.images.time * 1000).tolist() == [40] and test.labels.tolist() == [9]
    assert train.labels.dtype == np.int64 and train.images.shape == (34, 34) and train.classes == tuple("0123456789")


def test_an_nmnist_set_that_is_damaged_is_named(here):
    path = here / "data" / "nmnist" / "nmnist_subset.zip"
    zipped(path, {"Train/3/00001.bin": 1})
    assert "has no recording Test/<digit>" in refusal(datasets.load, "nmnist", "test")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Test/3/00001.bin", b"123")
    assert "nmnist_subset.zip/Test/3/00001.bin" in refusal(datasets.load, "nmnist", "test")
    contents = path.read_bytes()
    path.write_bytes(contents[:40] + bytes(40) + contents[80:])
    assert str(path) in str(here / refusal(datasets.load, "nmnist", "train").split('"')[1])
    path.write_bytes(contents[:-10])
    assert "cannot be read" in refusal(datasets.load, "nmnist", "train")


@pytest.mark.parametrize("split, count, labels_of", [("train", 1000, "train"), ("test", 100, "t10k")])
def test_the_published_recordings_have_the_events_times_and_labels_of_the_index(split, count, labels_of):
    folder = published("nmnist")
    with open(folder / "index.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(split.capitalize())]
    data = datasets.load("nmnist", split, folder.parent)
    found = data.images
    assert len(rows) == len(found) == count
    assert found.counts.tolist() == [int(row["events"]) for row in rows]
    assert np.rint(1000 * found.time[found.offset[:-1]]).tolist() == [int(row["first_us"]) for row in rows]
    assert np.rint(1000 * found.duration).tolist() == [int(row["last_us"]) for row in rows]
    assert data.labels.tolist() == [int(row["label"]) for row in rows]
    if (SHARED / "mnist").is_dir():
        of_mnist = datasets.load("mnist", split, folder.parent).labels
        assert np.array_equal(data.labels, of_mnist[[int(row["mnist_index"]) for row in rows]])


# Spiking Heidelberg Digits


def test_the_heidelberg_digits_are_read_with_their_class_names(here):
    place = here / "data" / "shd"
    place.mkdir(parents=True)
    event_files.shd(place / "shd_train.h5", [[(0.5, 3)], [(0.25, 699)]], [1, 0], ["zero", "eins"])
    event_files.shd(place / "shd_test.h5", [[]], [1], ["zero", "eins"])
    train = datasets.load("shd", "train")
    assert train.classes == ("zero", "eins") and train.labels.tolist() == [1, 0]
    assert train.images == Recordings([500.0, 250.0], [3, 699], [0, 0], [1, 1], [0, 1, 2], shape=(1, 700))
    assert datasets.load("shd", "test").images.counts.tolist() == [0]


# DVS128 Gesture


@pytest.fixture(params=["dvs_gesture", "DvsGesture"])
def gestures(request, here):
    place = here / "data" / request.param
    place.mkdir(parents=True)
    (place / "trials_to_train.txt").write_text("user02_led.aedat\nuser01_lab.aedat\n\n")
    (place / "trials_to_test.txt").write_text("user03_led.aedat\n")
    for number, trial in enumerate(("user01_lab", "user02_led", "user03_led")):
        packet = event_files.aedat_packet([(10 + number, 1, 2, 0), (30, 3, 4, 1)])
        (place / f"{trial}.aedat").write_bytes(event_files.AEDAT_HEADER + packet)
        (place / f"{trial}_labels.csv").write_text(event_files.labels([(11, 5, 20), (1 + number, 30, 40)]))
    return place


def test_gestures_are_read_trial_by_trial_with_classes_from_0(gestures):
    train, test = datasets.load("dvs-gesture", "train"), datasets.load("dvs-gesture", "test")
    assert train.labels.tolist() == [10, 1, 10, 0] and test.labels.tolist() == [10, 2]
    assert (train.images.time * 1000).tolist() == [6, 0, 5, 0] and train.images.shape == (128, 128)
    assert train.images.x.tolist() == [1, 3, 1, 3] and train.images.polarity.tolist() == [0, 1, 0, 1]
    assert train.classes[0] == "hand clapping" and len(train.classes) == 11


def test_gesture_files_that_are_missing_or_wrong_are_named(gestures):
    (gestures / "user02_led_labels.csv").write_text(event_files.labels([(12, 5, 20)]))
    assert "class other than 1 to 11" in refusal(datasets.load, "dvs-gesture")
    (gestures / "user02_led.aedat").unlink()
    message = refusal(datasets.load, "dvs-gesture")
    assert "user02_led.aedat" in message and "trials_to_train.txt" in message and "research.ibm.com" in message
    (gestures / "trials_to_train.txt").write_text("")
    assert "lists no trial" in refusal(datasets.load, "dvs-gesture")


# All


@pytest.mark.parametrize("name, folder, file, source", [
    ("nmnist", "nmnist", "nmnist_subset.zip", "garrickorchard.com"),
    ("shd", "shd", "shd_train.h5", "zenkelab.org"),
    ("dvs-gesture", "", "dvs_gesture/trials_to_train.txt", "research.ibm.com"),
    ("mnist-saccades", "mnist", "train-images-idx3-ubyte", "yann.lecun.com"),
    ("fashion-mnist-saccades", "fashion_mnist", "train-images-idx3-ubyte", "zalandoresearch/fashion-mnist"),
])
def test_a_missing_file_is_named_with_places_and_source(here, name, folder, file, source):
    (here / "mine").mkdir()
    message = refusal(datasets.load, name, data=here / "mine")
    assert file in message and source in message and str(here / "mine" / folder) in message


def test_saccade_sets_are_the_first_images_of_their_sets(here, monkeypatch):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (9, 28, 28, 1)).astype(np.uint8), np.arange(9)
    asked = []
    monkeypatch.setattr(mnist, "read", lambda source, split, data: (asked.append(source.folder), (images, labels))[1])
    monkeypatch.setattr(saccades, "SAMPLES", {"train": 4, "test": 2})
    for name in ("mnist-saccades", "fashion-mnist-saccades"):
        train, test = datasets.load(name, "train"), datasets.load(name, "test")
        assert train.images == saccades.record(images[:4]) and test.images == train.images[:2]
        assert train.images.shape == (34, 34) and train.labels.tolist() == [0, 1, 2, 3]
    assert asked == ["mnist", "mnist", "fashion_mnist", "fashion_mnist"]
    assert train.classes[0] == "T-shirt/top"


def test_recordings_are_split_like_images():
    whole = datasets.Dataset(Recordings([], [], [], [], np.zeros(6), shape=(2, 2)), np.arange(5), ("a",))
    train, validation = datasets.split_validation(whole, 2)
    assert len(train.images) == 3 and len(validation.images) == 2 and validation.labels.tolist() == [3, 4]


# Configurations


def test_every_set_of_recordings_has_the_events_encoder_by_default():
    for name in datasets.NAMES:
        kind = config.parse({"data": {"name": name}}).encoder.to_dict()["kind"]
        assert (kind == "events") == (name in datasets.RECORDINGS)


def test_an_encoder_for_other_samples_is_refused():
    for name, kind in (("nmnist", "latency"), ("mnist", "events")):
        message = refusal(config.parse, {"data": {"name": name}, "encoder": {"kind": kind}})
        assert name in message and kind in message


def test_the_model_of_a_configuration_has_the_pooled_map_of_the_sensor(tmp_path):
    tables = {"data": {"name": "nmnist"}, "encoder": {"pool": [2, 3], "time_scale": 0.5, "t_max": 90.0}}
    parsed = config.parse(tables | {"network": {"hidden": ["4C3s2"]}})
    recordings = Recordings([0.0], [3], [3], [1], shape=(34, 34))
    model = config.build(parsed, recordings.shape, "0123456789", recordings)
    assert model.net["input"].shape == (17, 11, 2)
    model.save(tmp_path / "m.h5")
    again = training.Model.load(tmp_path / "m.h5")
    assert again.encoder == model.encoder and again.encoder.pool == (2, 3)
    assert again.encode(recordings)["input"].neuron.tolist() == [(1 * 11 + 1) * 2]
    assert parsed.resolved()["encoder"]["kind"] == "events"


# Training


def digits(n=20):
    """Return recordings and labels of made digits: a bar that stands or lies, at a place of its own."""
    images = np.zeros((n, 28, 28), np.uint8)
    for number, image in enumerate(images):
        middle = 8 + number // 2
        image[(slice(middle, middle + 3), slice(6, 22))[:: 1 if number % 2 else -1]] = 255
    return saccades.record(images), np.arange(n) % 2


def recurrent(n_classes, shape=(34, 34)):
    encoder = encode.Events(pool=4, time_scale=0.25, t_max=80.0)
    rng = np.random.default_rng(0)
    net = es.Network(seed=0)
    net.input("in", encoder.shape(shape))
    net.population("hidden", 20, es.LIF(10.0, 5.0, t_refractory=2.0))
    net.population("out", n_classes, es.LIF(10.0, 5.0, v_threshold=es.NEVER))
    net.connect("in", "hidden", es.Dense(rng.normal(0.05, 0.15, (128, 20))))
    net.connect("hidden", "hidden", es.Dense(rng.normal(0.0, 0.1, (20, 20))), delay=1.0)
    net.connect("hidden", "out", es.Dense(rng.normal(0.0, 0.3, (20, n_classes))), delay=1.0)
    return training.Model(net, encoder, decode.Potential(over="integral"), "out", 80.0)


SETTINGS = dict(batch=5, progress=None, optimizer=training.AdamW(0.02), clip=1.0, slope_floor=0.01)


def test_a_recurrent_network_learns_from_recordings_and_resumes_bit_for_bit(tmp_path):
    recordings, labels = digits()
    whole, parts = recurrent(2), recurrent(2)
    before = whole.evaluate(recordings, labels)
    history = training.fit(whole, recordings, labels, validation=(recordings, labels), epochs=4, **SETTINGS)
    assert whole.evaluate(recordings, labels)["loss"] < before["loss"] and len(history) == 4
    settings = SETTINGS | {"validation": (recordings, labels), "checkpoint": tmp_path / "c.h5"}
    training.fit(parts, recordings, labels, epochs=2, **settings)
    with pytest.raises(InputError, match="another training"):
        training.fit(recurrent(2), recordings[::-1], labels, epochs=4, resume=True, **settings)
    again = recurrent(2)
    training.fit(again, recordings, labels, epochs=4, resume=True, **settings)
    for name, projection in whole.net.projections.items():
        assert np.array_equal(projection.weight, again.net.projections[name].weight)


def test_two_epochs_on_recorded_digits_lower_the_loss():
    folder = published("nmnist") / "nmnist_subset.zip"
    with zipfile.ZipFile(folder) as archive:
        names = sorted(n for n in archive.namelist() if n.startswith(("Train/0/", "Train/1/")))
        chosen = names[:10] + names[-10:]
        recordings = Recordings.of(nmnist_reader.read(archive.read(name)) for name in chosen)
    labels = np.array([int(name.split("/")[1]) for name in chosen])
    model = recurrent(2)
    shown = []
    before = model.evaluate(recordings, labels)["loss"]
    training.fit(model, recordings, labels, epochs=2, callbacks=[shown.append], **SETTINGS)
    after = model.evaluate(recordings, labels)
    assert len(shown) == 2 and after["loss"] < before and after["accuracy"] > 0.5


def test_a_network_of_layers_from_a_configuration_learns_from_recordings_too():
    recordings, labels = digits()
    tables = {"data": {"name": "mnist-saccades"}, "encoder": {"pool": 4, "time_scale": 0.1, "t_max": 30.0},
              "network": {"hidden": [20], "t_stop": 30.0, "initial": {"rule": "measured"}}}
    parsed = config.parse(tables)
    model = config.build(parsed, recordings.shape, "ab", recordings)
    before = model.evaluate(recordings, labels)["loss"]
    training.fit(model, recordings, labels, epochs=4, batch=5, progress=None)
    assert model.evaluate(recordings, labels)["loss"] < before


def test_recordings_are_refused_where_images_are_needed_and_images_where_recordings_are():
    recordings, labels = digits(2)
    model = recurrent(2)
    assert "one label a sample" in refusal(training.fit, model, recordings, labels[:1])
    assert "Recordings" in refusal(training.fit, model, recordings, labels[:1])
    assert "no array of images" in refusal(
        training.fit, model, recordings, labels, augment=training.augment.Shift(1), **SETTINGS)
    assert "Recordings" in refusal(model.encode, np.zeros((2, 34, 34)))
    assert "do not fit the input" in refusal(model.encode, Recordings([], [], [], [], shape=(40, 40)))
    assert "shape" in refusal(model.encode, np.zeros((2, 28, 28, 1)))
