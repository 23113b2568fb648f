"""Spiking Heidelberg Digits: spoken English and German digits as spikes of 700 channels of a model cochlea.

B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke, IEEE TNNLS 33:2744 (2022); 8,156 training and 2,264 test recordings
of up to about 1.4 s, 20 classes. The files are those published, unpacked: ``shd_train.h5`` and ``shd_test.h5``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventsim.io import shd
from training.datasets import locate

if TYPE_CHECKING:
    from eventsim.recordings import Recordings
    from eventsim.type_aliases import Array, PathLike

SOURCE = "https://zenkelab.org/datasets/"


def read(split: str, data: PathLike | None = None) -> tuple[Recordings, Array, tuple[str, ...]]:
    """Return recordings, labels (n,) int64 and class names of the ``"train"`` or ``"test"`` split.

    Parameters
    ----------
    split : {"train", "test"}
    data : path-like, optional
        A data folder to prefer.

    Raises
    ------
    InputError
        For a file that is missing or damaged.
    """
    return shd.read(locate.find("shd", (f"shd_{split}.h5",), SOURCE, data))
