"""A point of a sweep that is a training, judged by its validation samples; the test set is not looked at."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eventsim import provenance
from eventsim.errors import InputError
from eventsim.io.plain_file import path_of
from training import config as configuration
from training import horizon
from training.encode import sample_shape
from training.experiment import LOG, MODEL
from training.fit import fit
from training.progress import Callback
from training.sweeps.point import Found, Job, check_interrupt

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.type_aliases import Settings

FIGURES = ("accuracy", "loss", "undecided", "latency_ms")
"""Of the best epoch, over the validation samples."""

_WHOLE = "[data] whole = true leaves no validation samples to compare the points by; drop it."


def prepare(
    base: Settings, every: Sequence[Settings], names: Sequence[str], data: PathLike | None = None
) -> Job:
    """Return the `Job` of a sweep of trainings; parameters as for `training.sweeps.simulations.prepare`.

    Parameters
    ----------
    base : dict
        Tables of the file.
    every : sequence of dict
        Tables of the points.
    names : sequence of str
        What varies.
    data : path-like, optional
        Folder of the data sets.

    Raises
    ------
    InputError
        A point with settings that no training has, or without validation samples.
    """
    for number, tables in enumerate(every):
        try:
            config = configuration.parse(tables)
        except InputError as error:
            raise InputError(f"point {number} of the sweep cannot be trained: {error}") from None
        if config.data.whole:
            raise InputError(_WHOLE)
    return Job("training", {}, train, None if data is None else str(path_of(data).resolve()))


def train(data: str | None, tables: Settings) -> Found:
    """Train one point, on one thread unless its settings say otherwise.

    Parameters
    ----------
    data : str or None
        Folder of the data sets.
    tables : dict
        As `tomllib` reads a file of settings.

    Returns
    -------
    Found
    """
    watch, config = provenance.Stopwatch(), configuration.parse(tables)
    images, validation, _ = configuration.read_data(config, data)
    if validation is None:
        raise InputError(_WHOLE)
    model = configuration.build(config, sample_shape(images.images), images.classes, images.images)
    arguments: dict[str, Any] = config.fit_arguments()
    arguments["threads"] = threads = arguments["threads"] or 1
    with tempfile.TemporaryDirectory() as folder:
        log, file = pathlib.Path(folder, LOG), pathlib.Path(folder, MODEL)
        history = fit(model, images.images, images.labels, validation=(validation.images, validation.labels),
                      log=log, progress=_Watched(), passes=config.passes(model), **arguments)
        if history.interrupted:
            raise KeyboardInterrupt
        if config.network.trim is not None:
            model.t_stop = horizon.trimmed(model, validation.images, config.network.trim, threads)
        model.provenance = provenance.record("sweep", config.resolved(), config.fit.seed, watch.resources())
        model.save(file)
        files = {LOG: log.read_bytes(), MODEL: file.read_bytes()}
    best: Any = history.best
    figures = {f"validation_{name}": best[f"validation_{name}"] for name in FIGURES}
    figures |= {"best_epoch": history.best_epoch, "epochs": len(history), "horizon_ms": model.t_stop,
                "readout": model.readout}
    return Found(config.resolved(), provenance.plain(figures), model.provenance, files)


class _Watched(Callback):
    """Ends a training where Ctrl-C was pressed in another thread."""

    def on_batch(self, epoch: int, batch: int, loss: float) -> None:
        check_interrupt()
