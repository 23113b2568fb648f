"""The folder of a sweep: a folder for each finished point, and the summary of all of them."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eventsim.errors import InputError
from eventsim.io import documents
from eventsim.io.aside import written_aside
from eventsim.io.plain_file import path_of
from training.experiment import CONFIG, RESULT, write_json

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.sweeps.point import Found
    from training.type_aliases import Report

SUMMARY, COLUMNS = "sweep.json", "sweep.csv"
"""Names of the files; those of a point are called as in the folder of a training."""

FORMAT = "eventsim-sweep"


class Folder:
    """The folder of one sweep.

    Parameters
    ----------
    path : path-like
        Made if it is missing.
    kind : str
        Of the sweep.
    settings : dict
        Plain values that tell it from other sweeps.

    Raises
    ------
    InputError
        The folder cannot be made, or holds something else.
    """

    def __init__(self, path: PathLike, kind: str, settings: Report) -> None:
        self.path, self._kind, self._settings = path_of(path), kind, settings
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InputError(f'"{path}" is a file; give a folder for the sweep.') from None
        except OSError as error:
            raise InputError(f'"{path}" cannot be made: {error.strerror or error}; choose another folder.') from None
        self._check()

    def _check(self) -> None:
        summary = self.path / SUMMARY
        if not summary.is_file():
            if any(name for name in self.path.iterdir() if not name.name.startswith(".")):
                raise InputError(f'"{self.path}" holds other files; give a new folder for the sweep.')
            return
        try:
            before = documents.from_json(summary.read_text(encoding="utf-8"))
            begun = before["kind"], before["settings"]
            if before["format"] != FORMAT:
                raise KeyError
        except (ValueError, KeyError, TypeError):
            raise InputError(f'"{summary}" is no summary of a sweep; give a new folder for the sweep.') from None
        if begun != (self._kind, self._settings):
            parts = sorted({*begun[1], *self._settings}) if isinstance(begun[1], dict) else []
            other = [name for name in parts if begun[1].get(name) != self._settings.get(name)]
            raise InputError(
                f'"{self.path}" holds another sweep (it differs in: {", ".join(other) or "its kind"}); give the '
                "settings that it was begun with, or another folder."
            )

    def figures(self, number: int) -> Report | None:
        """Return the figures of a point, None where it is not finished."""
        file = self.path / _name(number) / RESULT
        if not file.is_file():
            return None
        try:
            found: Report = documents.from_json(file.read_text(encoding="utf-8"))["figures"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f'"{file}" is damaged; delete its folder, and the sweep does that point again.') from None
        return found

    def keep(self, number: int, parameters: Report, found: Found) -> None:
        """Write the folder of a finished point, whole or not at all."""
        result = {"point": number, "parameters": parameters, "figures": found.figures, "provenance": found.provenance}
        aside = pathlib.Path(tempfile.mkdtemp(prefix=".point-", dir=self.path))
        try:
            os.chmod(aside, 0o755)  # as made, it is private
            for name, content in found.files.items():
                with written_aside(aside / name) as file:
                    file.write_bytes(content)
            write_json(aside / CONFIG, found.config)
            write_json(aside / RESULT, result)
            os.rename(aside, self.path / _name(number))
        except OSError:
            if self.figures(number) is None:  # otherwise a second run of this sweep was faster, with the same result
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def write_summary(self, names: Sequence[str], parameters: list[Report], failed: Mapping[int, str]) -> Report:
        """Write and return what there is to know of all points."""
        points = []
        for number, values in enumerate(parameters):
            figures = self.figures(number)
            status = "done" if figures is not None else "failed" if number in failed else "waiting"
            points.append({"point": number, "parameters": values, "status": status, "figures": figures,
                           "reason": failed.get(number)})
        summary = {"format": FORMAT, "version": 1, "kind": self._kind, "settings": self._settings,
                   "parameters": list(names), "points": points}
        write_json(self.path / SUMMARY, summary)
        with written_aside(self.path / COLUMNS) as file:
            file.write_text(_as_csv(names, points), encoding="utf-8")
        return summary


def _name(number: int) -> str:
    return f"{number:06d}"


def _as_csv(names: Sequence[str], points: list[Report]) -> str:
    rows = [{"point": p["point"], **_cells(p["parameters"]), "status": p["status"], **_columns(p["figures"] or {})}
            for p in points]
    header = ["point", *names, "status", *sorted({key for row in rows for key in row} - {"point", "status", *names})]
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(values: Report) -> dict[str, Any]:
    return {name: json.dumps(v) if isinstance(v, list | dict) else v for name, v in values.items()}


def _columns(figures: Report, before: str = "") -> dict[str, Any]:
    """Return nested figures by dotted name."""
    found = {}
    for key, value in figures.items():
        found |= _columns(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return _cells(found)
