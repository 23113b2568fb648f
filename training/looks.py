"""Every look at a test set, noted beside the model: so it shows whether a result was chosen by looking."""

from __future__ import annotations

import datetime
import pathlib
from typing import TYPE_CHECKING

from eventsim.io import json_lines

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.type_aliases import Report

FILE = "tests.jsonl"
"""Name of the file in a folder of results."""


def note(folder: PathLike, purpose: str, accuracy: float, samples: int, epoch: int | None = None) -> None:
    """Append a line to the file of looks.

    Parameters
    ----------
    folder : path-like
        Of the results.
    purpose : str
        What the test set was looked at for.
    accuracy : float
        0 to 1.
    samples : int
        How many samples were looked at.
    epoch : int, optional
        Whose parameters the model had.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {"time": now, "for": purpose, "epoch": epoch, "accuracy": accuracy, "samples": samples}
    json_lines.append(pathlib.Path(folder) / FILE, entry)


def read(folder: PathLike) -> list[Report]:
    """Return all looks noted in a folder, the first one first; an empty list without a file."""
    path = pathlib.Path(folder) / FILE
    if not path.is_file():
        return []
    return json_lines.read(path, "list of looks")
