"""Labelled data sets: embedded, generated, or read from local files whose contents are checked.

==================  ==================================  =====================  =========================
name                samples (train, test)               one sample             from
==================  ==================================  =====================  =========================
``digits``          3,823 + 1,797                       (8, 8, 1) uint8 0..16  this package
``yin-yang``        5,000 + 1,000 (+ 1,000 validation)  (4,) float64 0..1      its published rule
``mnist``           60,000 + 10,000                     (28, 28, 1) uint8      ``mnist/``
``fashion-mnist``   60,000 + 10,000                     (28, 28, 1) uint8      ``fashion_mnist/``
``cifar10``         50,000 + 10,000                     (32, 32, 3) uint8      ``cifar10/``
==================  ==================================  =====================  =========================

Event recordings: the samples are `eventsim.recordings.Recordings`, a sample is (height, width) of its sensor.

==========================  ===============================  ==========  =========================================
name                        recordings (train, test)         sensor      from
==========================  ===============================  ==========  =========================================
``nmnist``                  60,000 + 10,000, or the part     (34, 34)    ``nmnist/``
                            that the archive there has
``shd``                     8,156 + 2,264                    (1, 700)    ``shd/``
``dvs-gesture``             as its lists of trials say       (128, 128)  ``dvs_gesture/`` or ``DvsGesture/``
``mnist-saccades``          10,000 + 2,000, synthetic        (34, 34)    images of ``mnist/`` before a simulated
                                                                         camera (``training.datasets.saccades``)
``fashion-mnist-saccades``  10,000 + 2,000, synthetic        (34, 34)    images of ``fashion_mnist/`` likewise
==========================  ===============================  ==========  =========================================

Folders are looked for in the data folder asked for, in ``$EVENTSIM_DATA`` and in ``./data``.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from eventsim.errors import InputError, choose, expect
from training.datasets import cifar10, digits, dvs_gesture, mnist, nmnist, saccades, shd, yin_yang

if TYPE_CHECKING:
    from eventsim.type_aliases import Integers, PathLike

IMAGES = ("digits", "yin-yang", "mnist", "fashion-mnist", "cifar10")
RECORDINGS = ("nmnist", "shd", "dvs-gesture", "mnist-saccades", "fashion-mnist-saccades")
NAMES = IMAGES + RECORDINGS
SPLITS = ("train", "validation", "test")

LARGEST = {"digits": 16, "yin-yang": 1, "mnist": 255, "fashion-mnist": 255, "cifar10": 255}
"""The value that stands for 1 in the samples of each set of images: the `scale` of an encoder."""

VALIDATION = {
    "digits": 500, "mnist": 5000, "fashion-mnist": 5000, "cifar10": 5000,
    "nmnist": 100, "shd": 800, "dvs-gesture": 100, "mnist-saccades": 1000, "fashion-mnist-saccades": 1000,
}  # fmt: skip
"""How many samples at the end of the training set are the validation split, where none is published."""


class Dataset(NamedTuple):
    """Samples and their labels."""

    images: Any
    """The samples, shape (n, ...): maps are channel-last; or recordings of events."""
    labels: Integers
    """Class of each sample, int64, shape (n,)."""
    classes: tuple[str, ...]
    """Names of the classes, by label."""


def load(name: str, split: Literal["train", "validation", "test"] = "train", data: PathLike | None = None) -> Dataset:
    """Load one split of a data set.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    split : {"train", "validation", "test"}, optional
        ``"train"`` is always the whole published training set. ``"validation"`` is its last part
        (`VALIDATION` samples), so whoever selects a model on it must not train on it: get both
        parts with ``split_validation(load(name), VALIDATION[name])``. Yin-Yang has a validation set
        of its own.
    data : path-like, optional
        A folder that holds one folder a data set, to look in first. Digits and Yin-Yang need none.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        For an unknown name or split, and for a file that is missing (the error names the file, the
        places and the public source), damaged, or not the published one.

    Examples
    --------
    >>> load("digits", "test").images.shape
    (1797, 8, 8, 1)
    """
    choose("data set", name, NAMES)
    choose("split", split, SPLITS)
    if name == "yin-yang":
        return Dataset(*yin_yang.read(split), yin_yang.CLASSES)
    if split == "validation":
        return split_validation(load(name, "train", data), VALIDATION[name])[1]
    if name == "digits":
        return Dataset(*digits.read(split), digits.CLASSES)
    if name == "cifar10":
        return Dataset(*cifar10.read(split, data), cifar10.CLASSES)
    if name == "nmnist":
        return Dataset(*nmnist.read(split, data), nmnist.CLASSES)
    if name == "shd":
        return Dataset(*shd.read(split, data))
    if name == "dvs-gesture":
        return Dataset(*dvs_gesture.read(split, data), dvs_gesture.CLASSES)
    source = mnist.MNIST if name.startswith("mnist") else mnist.FASHION_MNIST
    reader = saccades if name.endswith("-saccades") else mnist
    images, labels = reader.read(source, split, data)
    return Dataset(images, labels, source.classes)


def split_validation(dataset: Dataset, n: int) -> tuple[Dataset, Dataset]:
    """Split the last `n` samples off a training set.

    Parameters
    ----------
    dataset : Dataset
    n : int
        Number of validation samples, at least 1 and fewer than there are.

    Returns
    -------
    train, validation : Dataset
        Views of the arrays of `dataset`; copies of recordings.

    Raises
    ------
    InputError
        If no sample is left for one of the parts.
    """
    expect("dataset", dataset, Dataset, "a Dataset, as load returns it")
    count = len(dataset.labels)
    try:
        n = operator.index(n)
    except TypeError:
        raise InputError(f"n is {n!r}; give the number of validation samples, 1 to {count - 1}") from None
    if not 0 < n < count:
        raise InputError(f"{n} validation samples cannot be split off a set of {count}; "
                         f"allowed: 1 to {count - 1}")
    images, labels, classes = dataset
    return (Dataset(images[:-n], labels[:-n], classes), Dataset(images[-n:], labels[-n:], classes))
