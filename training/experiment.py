"""One training from a configuration file to a folder of results."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

from eventsim import provenance
from eventsim.errors import InputError
from eventsim.io.aside import written_aside
from training import config as configuration
from training import horizon, looks
from training.encode import sample_shape
from training.fit import fit

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike, Precision
    from training.config import Config
    from training.model import Model
    from training.progress import Callback
    from training.type_aliases import Report

MODEL, CONFIG, LOG, RESULT, CHECKPOINT = (
    "model.h5",
    "config.json",
    "log.jsonl",
    "result.json",
    "checkpoint.h5",
)
"""Names of the files in the folder of results."""


def train_from_config(
    path: PathLike,
    out: PathLike,
    resume: bool = False,
    data: PathLike | None = None,
    progress: Literal["text"] | Callback | None = "text",
    scheduler: Any = None,
) -> Report:
    """Train what a TOML file describes; the test set is used once, at the end.

    Writes to the folder `out`: ``model.h5`` (the best epoch on the validation set; the last one where
    ``[data] whole`` leaves none), ``config.json`` (all settings, defaults filled in), ``log.jsonl`` (one
    record an epoch), ``result.json``, ``checkpoint.h5``, and ``tests.jsonl`` (every look at the test set).

    Parameters
    ----------
    path : path-like
        The configuration file.
    out : path-like
        Made if it is missing.
    resume : bool
        Go on from the checkpoint in `out`.
    data : path-like, optional
        Folder of the data sets.
    progress : "text", None or Callback
        As in `training.fit`.
    scheduler : str or distributed.Client, optional
        Of a Dask cluster that is trained on (`training.data_parallel`).

    Returns
    -------
    dict
        What ``result.json`` holds: data set, readout, accuracy on test and validation set, decision latency,
        undecided part, epochs, seconds, seed, whether interrupted, and the provenance. After Ctrl-C the test
        set is left alone and its entries are None.

    Raises
    ------
    InputError
        A faulty configuration, missing data, or a checkpoint of another training.
    """
    return run(configuration.load(path), out, resume, data, progress, scheduler)


@contextlib.contextmanager
def _alone_in(folder: pathlib.Path) -> Iterator[None]:
    """Keep other trainings out of a folder: two would mix their files. The lock ends with the process that holds it."""
    if sys.platform == "win32":  # a folder cannot be locked there
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f'"{folder}" is being written by another training; wait for its end, or give another folder.'
                         ) from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _passes(config: Config, model: Model, scheduler: Any) -> Iterator[Any]:
    """Give the passes of a training: those of the configuration, or on the workers of a cluster."""
    passes = config.passes(model)
    if scheduler is None:
        yield passes
        return
    from training.data_parallel import DataParallel

    if passes is not None:
        raise InputError("a network in whole steps cannot be trained on a cluster; leave the scheduler out.")
    settings = config.fit
    passes = DataParallel(
        model, scheduler, cast("Precision", settings.precision), settings.threads or 1, settings.slope_floor)
    with contextlib.closing(passes):
        yield passes


def run(
    config: Config,
    out: PathLike,
    resume: bool = False,
    data: PathLike | None = None,
    progress: Literal["text"] | Callback | None = "text",
    scheduler: Any = None,
) -> Report:
    """Train a `training.config.Config`; parameters, files, result and errors as for `train_from_config`.

    Parameters
    ----------
    config : training.config.Config
    out, resume, data, progress, scheduler
        As in `train_from_config`.

    Returns
    -------
    dict
        What ``result.json`` holds.
    """
    train, validation, test = configuration.read_data(config, data)
    model = configuration.build(config, sample_shape(train.images), train.classes, train.images)
    out = pathlib.Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f'"{out}" is a file; give a folder for the results.') from None
    with _alone_in(out):
        return _run(config, out, resume, progress, scheduler, model, train, validation, test)


def _run(
    config: Config, out: pathlib.Path, resume: bool, progress: Any, scheduler: Any, model: Model, train: Any,
    validation: Any, test: Any,
) -> Report:
    """Train a model on data that were read, and write the files of `run`."""
    write_json(out / CONFIG, config.resolved())
    watch, started = provenance.Stopwatch(), time.monotonic()
    with _passes(config, model, scheduler) as passes:
        history = fit(
            model,
            train.images,
            train.labels,
            validation=None if validation is None else (validation.images, validation.labels),
            checkpoint=out / CHECKPOINT,
            resume=resume,
            log=out / LOG,
            progress=progress,
            passes=passes,
            **config.fit_arguments(),
        )
    seconds = time.monotonic() - started
    if config.network.trim is not None and not history.interrupted:
        seen = train.images[: horizon.SAMPLES] if validation is None else validation.images
        model.t_stop = horizon.trimmed(model, seen, config.network.trim, config.fit.threads)
    model.provenance = provenance.record("train", config.resolved(), config.fit.seed, watch.resources())
    model.save(out / MODEL)
    best = history.best or {}
    final = {}
    if not history.interrupted:
        final = model.evaluate(test.images, test.labels, threads=config.fit.threads)
        purpose = "the resumed training's end" if resume else "the training's end"
        looks.note(out, purpose, final["accuracy"], len(test.labels), history.best_epoch)
    result = {
        "dataset": config.data.name,
        "readout": model.readout,
        "test": {name: final.get(name) for name in ("accuracy", "loss", "undecided", "latency_ms")},
        "validation": {
            name: best.get(f"validation_{name}") for name in ("accuracy", "loss", "undecided", "latency_ms")
        },
        "samples": {
            "train": len(train.labels),
            "validation": 0 if validation is None else len(validation.labels),
            "test": len(test.labels),
        },
        "horizon_ms": model.t_stop,
        "best_epoch": history.best_epoch,
        "epochs": len(history),
        "interrupted": history.interrupted,
        "training_seconds": sum(history.column("seconds")),
        "seconds": seconds,
        "provenance": model.provenance,
    }
    write_json(out / RESULT, result)
    return result


def write_json(path: PathLike, document: Any) -> None:
    """Write `document` as indented JSON, never half written.

    Parameters
    ----------
    path : path-like
    document : dict or list
    """
    with written_aside(path) as aside:
        aside.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
