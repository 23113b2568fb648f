import gzip
import hashlib
import lzma
import pathlib
import struct

import numpy as np
import pytest
from refusals import refusal
from shared_data import published

from training import datasets
from training.datasets import cifar10, digits, locate, mnist, yin_yang


def sha256(dataset):
    return hashlib.sha256(dataset.images.tobytes() + dataset.labels.tobytes()).hexdigest()


# Digits


@pytest.mark.parametrize("split, contents", [
    ("train", "cdede65a2350eadbcd48d9608d8d2af79e623ed46aee589f17b4f17fa063c494"),
    ("test", "65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5"),
])
def test_the_embedded_digits_have_the_known_contents(here, split, contents):
    data = datasets.load("digits", split)
    assert data.images.dtype == np.uint8 and data.images.max() == datasets.LARGEST["digits"]
    assert data.labels.dtype == np.int64
    assert sha256(data) == contents


def test_the_digits_have_the_published_class_counts():
    train, test = (np.bincount(datasets.load("digits", split).labels).tolist() for split in ("train", "test"))
    assert train == [376, 389, 380, 389, 387, 376, 377, 387, 380, 382]
    assert test == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("split, name", [("train", "optdigits.tra.gz"), ("test", "optdigits.tes.gz")])
def test_the_embedded_digits_are_the_rows_of_the_published_text(split, name):
    rows = np.loadtxt(published("optdigits") / name, delimiter=",", dtype=np.int64)
    images, labels = digits.read(split)
    assert np.array_equal(images.reshape(-1, 64), rows[:, :64]) and np.array_equal(labels, rows[:, 64])


def test_the_digits_come_with_their_attribution_and_stay_small():
    folder = pathlib.Path(digits.__file__).parent
    text = (folder / "digits.txt").read_text(encoding="utf-8")
    assert "Alpaydin" in text and "Kaynak" in text and "CC BY 4.0" in text and "UCI" in text
    assert (folder / "digits.npz").stat().st_size < 200_000


# Yin-Yang


@pytest.mark.parametrize("split, contents", [
    ("train", "3dcfbb1895fd5f753d5591e1b4c3c7d98666e04ed91a50569185f2c0a3fcbb48"),
    ("validation", "03d1c9e01d7b2ab9d4d200f84632d8ec8a9fe9e72a75043542a21589507de339"),
    ("test", "01e8a4f15d4b0d4df3d4f94fb67f5167e7b7783a7eeb3329e4e61e8c07ebb9eb"),
])
def test_yin_yang_is_generated_bit_for_bit(here, split, contents):
    data = datasets.load("yin-yang", split)
    assert sha256(data) == contents
    assert data.images.dtype == np.float64 and data.labels.dtype == np.int64


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_yin_yang_equals_the_published_arrays(split):
    folder = published("yin_yang")
    data = datasets.load("yin-yang", split)
    assert data.images.tobytes() == np.load(folder / f"{split}_samples.npy").tobytes()
    assert data.labels.tobytes() == np.load(folder / f"{split}_labels.npy").tobytes()


def test_every_point_is_inside_the_figure_with_its_mirror_image_beside_it():
    points, labels = yin_yang.generate(200, seed=7)
    assert (np.hypot(points[:, 0] - 0.5, points[:, 1] - 0.5) <= 0.5).all()
    assert np.array_equal(points[:, 2:], 1.0 - points[:, :2])
    assert set(labels) == {0, 1, 2}


@pytest.mark.parametrize("x, y, kind", [(0.25, 0.5, 2), (0.75, 0.55, 2), (0.4, 0.5, 1), (0.6, 0.5, 0),
                                        (0.5, 0.9, 1), (0.5, 0.1, 0)])
def test_the_figure_has_its_dots_and_halves_in_place(x, y, kind):
    assert yin_yang.classify(x, y) == kind


def test_changing_a_loaded_set_changes_no_later_one():
    data = datasets.load("yin-yang", "test")
    first = data.images[0, 0]
    data.images[0, 0] = 9
    assert datasets.load("yin-yang", "test").images[0, 0] == first


# MNIST and Fashion-MNIST


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small_mnist(here, monkeypatch):
    """Make data/mnist with 7 training images (plain) and 3 test images (gzip), and expect their checksums."""
    folder = here / "data" / "mnist"
    folder.mkdir(parents=True)
    checksums = {}
    for split, prefix, n in (("train", "train", 7), ("test", "t10k", 3)):
        for kind, shape in (("images", (n, 28, 28)), ("labels", (n,))):
            data = idx_bytes((np.arange(np.prod(shape)) % 10).astype(np.uint8).reshape(shape))
            checksums[split, kind] = hashlib.md5(data).hexdigest()
            name = f"{prefix}-{kind}-idx{len(shape)}-ubyte"
            if split == "train":
                (folder / name).write_bytes(data)
            else:
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    monkeypatch.setattr(mnist, "MNIST", mnist.MNIST._replace(md5=checksums))
    return folder


@pytest.mark.parametrize("split, n", [("train", 7), ("test", 3)])
def test_mnist_is_read_plain_and_compressed_with_a_channel_axis(small_mnist, split, n):
    data = datasets.load("mnist", split)
    assert data.images.shape == (n, 28, 28, 1) and data.images.dtype == np.uint8
    assert data.images.ravel()[:12].tolist() == [*range(10), 0, 1]
    assert data.labels.tolist() == list(range(n)) and data.labels.dtype == np.int64
    assert data.classes == tuple("0123456789")


def test_an_mnist_file_with_other_contents_is_refused(small_mnist):
    path = small_mnist / "train-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(7, np.uint8)))
    message = refusal(datasets.load, "mnist")
    assert "train-labels-idx1-ubyte" in message and "MD5" in message


@pytest.mark.parametrize("name, folder, file, source", [
    ("mnist", "mnist", "train-images-idx3-ubyte.gz", "yann.lecun.com"),
    ("fashion-mnist", "fashion_mnist", "train-images-idx3-ubyte.gz", "zalandoresearch/fashion-mnist"),
    ("cifar10", "cifar10", "data_batch_1.bin", "www.cs.toronto.edu"),
])
def test_a_missing_file_is_named_with_places_and_source(here, monkeypatch, name, folder, file, source):
    (here / "mine").mkdir()
    message = refusal(datasets.load, name, data=here / "mine")
    assert file in message and source in message and "EVENTSIM_DATA is not set" in message
    assert str(here / "mine" / folder) in message and str(pathlib.Path("data") / folder) in message
    monkeypatch.setenv("EVENTSIM_DATA", "elsewhere")
    assert str(pathlib.Path("elsewhere") / folder) in refusal(datasets.load, name)


@pytest.mark.parametrize("name, contents", [
    ("mnist", "a0863a96c44e5666edbb30c4071ee79ca0514c621e6349c5967fc78e7305c891"),
    ("fashion-mnist", "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e"),
])
def test_the_published_test_sets_are_read(name, contents):
    data = datasets.load(name, "test", data=published(name.replace("-", "_")).parent)
    assert data.images.shape == (10_000, 28, 28, 1)
    assert sha256(data) == contents


def test_the_validation_split_of_mnist_is_the_end_of_its_training_set():
    data = published("mnist").parent
    train, validation = (datasets.load("mnist", split, data) for split in ("train", "validation"))
    assert train.images.shape == (60_000, 28, 28, 1) and len(validation.labels) == 5_000
    assert np.array_equal(validation.images, train.images[-5_000:])
    assert np.array_equal(validation.labels, train.labels[-5_000:])


# CIFAR-10


def pack(records):
    """Return the packed form of official records, by the definition of the second mixed difference."""
    planes = records[:, 1:].reshape(-1, 3, 32, 32).transpose(1, 0, 2, 3).copy()
    planes[0] -= planes[1]
    planes[2] -= planes[1]
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 0), (1, 0)))
    mixed = padded[..., 1:, 1:] - padded[..., :-1, 1:] - padded[..., 1:, :-1] + padded[..., :-1, :-1]
    return np.concatenate((records[:, 0], mixed.ravel()))


@pytest.fixture(scope="module")
def records():
    """Return one batch in which image i is of class i mod 10, red i, green row, blue column (mod 256)."""
    batch = np.empty((10_000, 3073), np.uint8)
    batch[:, 0] = np.arange(10_000) % 10
    red, green, blue = (batch[:, 1 + 1024 * k:1025 + 1024 * k].reshape(10_000, 32, 32) for k in range(3))
    red[...] = (np.arange(10_000) % 256).astype(np.uint8)[:, np.newaxis, np.newaxis]
    green[...] = np.arange(32, dtype=np.uint8)[:, np.newaxis]
    blue[...] = np.arange(32, dtype=np.uint8)
    return batch


@pytest.fixture
def small_checksum(records, monkeypatch):
    monkeypatch.setitem(cifar10.MD5, "test_batch", hashlib.md5(records).hexdigest())


def write(here, name, data):
    path = here / "data" / "cifar10" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["test_batch.bin", "cifar-10-batches-bin/test_batch.bin",
                                  "test_batch.planes.xz"])
def test_cifar10_is_read_from_official_and_packed_batches_channel_last(here, records, small_checksum, name):
    contents = lzma.compress(pack(records), preset=0) if name.endswith(".xz") else records.tobytes()
    write(here, name, contents)
    data = datasets.load("cifar10", "test")
    assert data.images.shape == (10_000, 32, 32, 3) and data.labels.dtype == np.int64
    assert data.images[300, 5, 9].tolist() == [300 % 256, 5, 9] and data.labels[13] == 3
    assert data.classes[3] == "cat"


def test_unpacking_inverts_packing():
    noise = np.random.default_rng(0).integers(0, 256, (10_000, 3073), np.uint8)
    assert np.array_equal(cifar10.unpack(pack(noise)), noise)


def test_a_cifar10_batch_with_other_contents_is_refused(here, records):
    write(here, "test_batch.bin", records.tobytes())
    message = refusal(datasets.load, "cifar10", "test")
    assert "test_batch.bin" in message and "MD5" in message and cifar10.SOURCE in message


@pytest.mark.parametrize("change, compared", [(-1, "fewer"), (1, "more")])
def test_a_cifar10_batch_of_the_wrong_length_is_refused(here, change, compared):
    write(here, "test_batch.bin", bytes(30_730_000 + change))
    assert f"{compared} than the 30730000 bytes" in refusal(datasets.load, "cifar10", "test")


def test_a_packed_batch_that_is_cut_or_no_xz_file_is_refused(here, records):
    whole = lzma.compress(bytes(30_730_000), preset=0)
    write(here, "test_batch.planes.xz", whole[:1000])
    assert "truncated or damaged" in refusal(datasets.load, "cifar10", "test")
    (here / "data/cifar10/test_batch.planes.xz").write_bytes(b"not an xz file at all")
    assert "truncated or damaged" in refusal(datasets.load, "cifar10", "test")


def test_the_packed_test_batch_of_cifar10_is_read():
    data = datasets.load("cifar10", "test", data=published("cifar10").parent)
    assert np.bincount(data.labels).tolist() == [1000] * 10
    assert sha256(data) == "e54a434ec35094516eacbaac0f2f9550358d985e9d1f71b47d41d333c15ba304"


# The front door


def test_an_unknown_name_or_split_is_refused_with_a_suggestion():
    assert 'Did you mean "mnist"?' in refusal(datasets.load, "minst")
    assert 'Did you mean "validation"?' in refusal(datasets.load, "digits", "valid")


def test_the_last_digits_are_the_validation_split_and_train_stays_whole():
    train, validation = datasets.load("digits"), datasets.load("digits", "validation")
    assert len(train.labels) == 3823
    assert np.array_equal(validation.images, train.images[-500:])
    assert np.array_equal(validation.labels, train.labels[-500:])


def test_splitting_off_a_validation_set_leaves_the_rest():
    data = datasets.load("digits")
    train, validation = datasets.split_validation(data, 23)
    assert np.array_equal(np.concatenate((train.images, validation.images)), data.images)
    assert np.array_equal(np.concatenate((train.labels, validation.labels)), data.labels)
    assert len(validation.labels) == 23 and train.classes == validation.classes == data.classes


@pytest.mark.parametrize("n", [0, -1, 3823, 0.1])
def test_a_split_that_leaves_one_part_empty_is_refused(n):
    assert "1 to 3822" in refusal(datasets.split_validation, datasets.load("digits"), n)


def test_the_folder_asked_for_comes_before_the_environment_and_the_current_folder(here, monkeypatch):
    for root in ("asked", "environment", "data"):
        (here / root / "set").mkdir(parents=True)
        (here / root / "set" / "file").write_text(root)
    monkeypatch.setenv("EVENTSIM_DATA", "environment")
    assert locate.find("set", ["file"], "source", data="asked").read_text() == "asked"
    assert locate.find("set", ["file"], "source").read_text() == "environment"
    monkeypatch.delenv("EVENTSIM_DATA")
    assert locate.find("set", ["file"], "source").read_text() == "data"


def test_a_data_folder_that_does_not_exist_is_refused(here):
    assert '"nowhere" does not exist' in refusal(datasets.load, "mnist", data="nowhere")
