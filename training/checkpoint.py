"""Checkpoints: arrays and a JSON document in one HDF5 file, written aside and renamed.

A training draws its random numbers by counter (seed, epoch, sample), so its whole state is its
parameters, what the optimiser and the policies remember, the best parameters so far and the number of the
epoch: resumed from a checkpoint it ends with the same bits as without a break.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError, expect
from eventsim.io import documents, hdf5
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Arrays, PathLike
    from training.type_aliases import Report, Settings

FORMAT = "eventsim-checkpoint"
VERSION = 1


def save(path: PathLike, arrays: Arrays, document: Settings) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : str or path-like
    arrays : dict of ndarray
    document : dict
        JSON-ready.
    """
    expect("arrays", arrays, Mapping, "a dict of arrays by name")
    try:
        # as bytes in a data set: an attribute may not be longer than 64 KiB
        text = json.dumps(document, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"The document cannot be written as JSON: {error}.") from None
    with hdf5_aside(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        file.attrs["names"] = json.dumps(list(arrays))
        file.create_dataset("document", data=np.frombuffer(text, dtype=np.uint8))
        for number, (name, array) in enumerate(arrays.items()):
            try:
                file.create_dataset(f"array/{number}", data=array)
            except (TypeError, ValueError) as error:
                raise InputError(f'The array "{name}" cannot be written: {error}.') from None


def load(path: PathLike) -> tuple[dict[str, Array], Report]:
    """Read a checkpoint.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict of ndarray, dict
        Arrays and document as they were saved.

    Raises
    ------
    InputError
        The file is missing, not a checkpoint, damaged, or of a later version.
    """
    path = path_of(path)
    if not path.is_file():
        raise InputError(
            f'There is no checkpoint "{path}"; train without resuming, or name the right folder.'
        )
    try:
        with hdf5.open_file(path) as file:
            if hdf5.plain(file.attrs, "format") != FORMAT:
                raise InputError(f'"{path}" is not a training checkpoint; give a file that a training wrote.')
            version = int(file.attrs["version"])
            if version > VERSION:
                raise InputError(
                    f'"{path}" has format version {version}; this program reads up to {VERSION}.'
                )
            names = documents.from_json(file.attrs["names"])
            document = documents.from_json(file["document"][()].tobytes())
            return {name: file[f"array/{number}"][()] for number, name in enumerate(names)}, document
    except InputError as error:
        said = str(error) if str(path) in str(error) else f'"{path}" cannot be read as a checkpoint: {error}.'
        raise InputError(said) from None
    except hdf5.DAMAGE as error:
        raise InputError(f'"{path}" is damaged and cannot be read ({hdf5.one_line(error)}); resume from another '
                         "checkpoint.") from None
