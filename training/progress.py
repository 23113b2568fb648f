"""Callbacks of a training, and the text meter that is one of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from eventsim import arrays

if TYPE_CHECKING:
    from training.history import History
    from training.parameters import Parameters
    from training.type_aliases import Report


class Callback:
    """Base of the callbacks of `training.fit`: override what you need; all do nothing.

    A plain function given as callback is called as `on_epoch`.
    """

    def on_start(self, epochs: int, batches: int, done: int) -> None:
        """Do something before `epochs` epochs of `batches` batches begin; `done` are already behind."""

    def on_batch(self, epoch: int, batch: int, loss: float) -> None:
        """Do something after batch `batch` (from 1) of epoch `epoch` (from 1).

        Parameters
        ----------
        epoch, batch : int
        loss : float
            Of this batch.
        """

    def measure(self, epoch: int, parameters: Parameters) -> Report:
        """Return what to add to the record of an epoch, plain numbers by name.

        `parameters` are the learnable arrays (`training.parameters.Parameters`) as they are then; leave them so.

        Parameters
        ----------
        epoch : int
        parameters : training.parameters.Parameters
        """
        return {}

    def on_epoch(self, record: Report) -> object:
        """Do something after an epoch with its record; return True to end the training there.

        Parameters
        ----------
        record : dict
            As in `History.records`.
        """

    def on_end(self, history: History) -> None:
        """Do something when the training is over, whatever ended it.

        Parameters
        ----------
        history : History
        """


class Call(Callback):
    """A plain function as a callback: called with the record of each epoch.

    Parameters
    ----------
    function : callable
        Takes the record of an epoch.
    """

    def __init__(self, function: Callable[[Report], object]) -> None:
        self.function = function

    def on_epoch(self, record: Report) -> object:
        """Call the function; its True ends the training."""
        return self.function(record)


class TextMeter(Callback):
    """One line an epoch, with a moving bar where the stream is a terminal.

    Parameters
    ----------
    stream : file, optional
        ``sys.stderr`` by default.
    interval : float
        Least seconds between two drawings of the bar.
    """

    width = 20

    def __init__(self, stream: TextIO | None = None, interval: float = 0.2) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.interval = interval
        self._drawn = self._started = 0.0
        self._epochs = self._batches = self._behind = 0

    def on_start(self, epochs: int, batches: int, done: int) -> None:
        """Note the length of the training."""
        self._epochs, self._batches, self._behind = epochs, batches, done
        self._started = time.monotonic()

    def on_batch(self, epoch: int, batch: int, loss: float) -> None:
        """Redraw the bar, on a terminal only."""
        now = time.monotonic()
        if not self._moving() or now - self._drawn < self.interval:
            return
        self._drawn = now
        part = batch / self._batches
        done = epoch - 1 - self._behind + part
        left = (now - self._started) / done * (self._epochs - self._behind - done)
        bar = ("#" * int(part * self.width)).ljust(self.width, ".")
        self.stream.write(
            f"\repoch {epoch}/{self._epochs} [{bar}] loss {loss:.4f}, {duration(left)} left\033[K"
        )
        self.stream.flush()

    def on_epoch(self, record: Report) -> None:
        """Write the line of the epoch, and its warnings."""
        parts = [f"epoch {record['epoch']}/{self._epochs}", f"loss {record['loss']:.4f}"]
        parts.append(f"accuracy {100 * record['accuracy']:.2f} %")
        if record.get("validation_accuracy") is not None:
            parts.append(f"validation {100 * record['validation_accuracy']:.2f} %")
        parts.append(duration(record["seconds"]))
        self.stream.write(("\r\033[K" if self._moving() else "") + "  ".join(parts) + "\n")
        for warning in record.get("warnings", {}).values():
            self.stream.write(f"warning: {warning}\n")
        self.stream.flush()

    def on_end(self, history: History) -> None:
        """Say so where Ctrl-C ended the training."""
        if history.interrupted:
            self.stream.write(f"interrupted after {len(history)} epochs; what was reached is kept\n")
            self.stream.flush()

    def _moving(self) -> bool:
        return getattr(self.stream, "isatty", lambda: False)()


def duration(seconds: float) -> str:
    """Return seconds as ``12 s``, ``3 min 20 s`` or ``2 h 5 min``.

    Parameters
    ----------
    seconds : float
    """
    seconds = min(max(0.0, arrays.number("seconds", seconds)), 1e12)
    if seconds < 10.0:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
