"""What happened during a training, one record an epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from eventsim import notebook
from eventsim.errors import expect
from eventsim.io import json_lines
from eventsim.io.aside import written_aside

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.type_aliases import Report


class History:
    """Records of a training.

    Attributes
    ----------
    records : list of dict
        One an epoch, plain numbers: epoch (from 1), loss, accuracy, validation_loss, validation_accuracy,
        rate, gradient_norm, validation_undecided, validation_latency_ms, seconds, and by layer what
        `training.monitor.Monitor.record` returns: silent, gradient_norms, spike_times, floored, warnings.
        Validation entries are None without a validation set.
    best_epoch : int or None
        The epoch whose parameters the model has.
    interrupted : bool
        Whether Ctrl-C ended the training.
    """

    def __init__(
        self, records: Iterable[Report] | None = None, best_epoch: int | None = None, interrupted: bool = False
    ) -> None:
        if records is not None:
            expect("records", records, Iterable, "a list of dicts, one an epoch")
        self.records: list[Report] = [] if records is None else list(records)
        for record in self.records:
            expect("a record", record, dict, "a list of dicts, one an epoch")
        self.best_epoch = best_epoch
        self.interrupted = interrupted

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> list[Any]:
        """Return one entry of all records, as a list.

        Parameters
        ----------
        name : str
            Of a figure in the records, such as "loss".
        """
        expect("name", name, str, "the name of a figure, such as \"loss\"")
        return [record.get(name) for record in self.records]

    @property
    def best(self) -> Report | Any:
        """The record of `best_epoch`, or None."""
        return next((r for r in self.records if r["epoch"] == self.best_epoch), None)

    def __repr__(self) -> str:
        best = self.best
        if best is None:
            return f"<History: {len(self)} epochs>"
        key = "accuracy" if best.get("validation_accuracy") is None else "validation_accuracy"
        what = key.replace("_", " ")
        stopped = ", interrupted" if self.interrupted else ""
        return f"<History: {len(self)} epochs, best {self.best_epoch} ({what} {best[key]:.4f}){stopped}>"

    def _repr_html_(self) -> str:
        columns = "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds"
        rows = [["" if record.get(name) is None else f"{record[name]:.4g}" for name in columns]
                for record in self.records]
        return notebook.table(repr(self)[1:-1], [name.replace("_", " ") for name in columns], rows)

    def save(self, path: PathLike) -> None:
        """Write the records as JSON lines, one an epoch, never half written.

        Parameters
        ----------
        path : path-like
        """
        with written_aside(path) as aside:
            aside.write_text("".join(json_lines.sealed(record) for record in self.records), encoding="utf-8")

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read the records that `save` or a log file holds; an unfinished last line is left out.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        InputError
            The file is missing, or a line of it is no record.
        """
        return cls(json_lines.read(path, "history"))
