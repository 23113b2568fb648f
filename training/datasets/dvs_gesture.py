"""DVS128 Gesture: hand and arm gestures before an event camera, 128 x 128 pixels, about 6 s each.

A. Amir et al., CVPR 2017; 29 subjects, 3 illuminations, 11 classes. In the folder ``dvs_gesture`` or ``DvsGesture``
are ``trials_to_train.txt`` and ``trials_to_test.txt``, each with a name ``<trial>.aedat`` a line, and beside them for
each trial ``<trial>.aedat`` and ``<trial>_labels.csv``. A recording is one line of the labels.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError
from eventsim.io import aedat
from eventsim.recordings import Recordings
from training.datasets import locate

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, PathLike

CLASSES = ("hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter clockwise",
           "left arm clockwise", "left arm counter clockwise", "arm roll", "air drums", "air guitar", "other gestures")
SOURCE = "https://research.ibm.com/interactive/dvsgesture/"

_FOLDERS = ("dvs_gesture", "DvsGesture")


def read(split: str, data: PathLike | None = None) -> tuple[Recordings, Array]:
    """Return recordings and labels (n,) int64, 0 to 10, of the ``"train"`` or ``"test"`` split.

    Parameters
    ----------
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file that is missing or damaged, and for a class that is not 1 to 11.
    """
    listed = f"trials_to_{split}.txt"
    path = locate.find("", [f"{folder}/{listed}" for folder in _FOLDERS], SOURCE, data)
    try:
        trials = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        raise InputError(f'"{path}" cannot be read as a list of trials; get it again, {SOURCE}') from None
    if not trials:
        raise InputError(f'"{path}" lists no trial; get it again, {SOURCE}')
    parts, labels = [], []
    for trial in trials:
        stem = trial.removesuffix(".aedat")
        if not stem or stem != pathlib.PurePath(stem).name:
            raise InputError(f'"{path}" lists "{trial[:60]}", which is no name of a file beside it; get it again, '
                             f"{SOURCE}")
        files = [path.parent / f"{stem}.aedat", path.parent / f"{stem}_labels.csv"]
        for file in files:
            if not file.is_file():
                raise InputError(f'the file "{file}" is missing, which {listed} lists; get it from its public source, '
                                 f"{SOURCE}")
        recordings, classes = aedat.read_gestures(*files)
        if not ((classes >= 1) & (classes <= len(CLASSES))).all():
            raise InputError(f'"{files[1]}" has a class other than 1 to {len(CLASSES)}; get it again, {SOURCE}')
        parts.append(recordings)
        labels.append(classes - 1)
    return Recordings.of(parts), np.concatenate(labels)
