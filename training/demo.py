"""The main job on the embedded digits: train, then replay the test set spike by spike and measure it."""

from __future__ import annotations

import math
import pathlib
import time
from typing import TYPE_CHECKING, Literal

import numpy as np

from eventsim import measure
from training import config, datasets, experiment
from training.model import Model

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.progress import Callback
    from training.type_aliases import Report

TRACE = "trace.h5"
"""Name of the test set's trace in the folder of results, beside the files of `training.experiment`."""

SETTINGS = {
    "data": {"name": "digits", "validation": 300},
    "network": {
        "hidden": [200],
        "tau_mem": math.inf,
        "tau_syn": math.inf,
        "t_stop": 4.0,
        "seed": 1,
        "initial": {"window": 1.0, "mean": [1.0, 2.0], "kappa": 2.8, "active": [0.5, 0.6], "law": "normal"},
    },
    "encoder": {"kind": "latency", "t_max": 1.0},
    "decoder": {"kind": "latency", "tau": 0.05, "smoothing": 0.1},
    "fit": {
        "epochs": 40,
        "batch": 64,
        "optimizer": {"kind": "adamw", "lr": 0.005, "weight_decay": 0.1},
        "schedule": "cosine",
        "seed": 1,
        "policies": [{"kind": "silent_label", "strength": 1.0}],
        "slope_floor": 0.3,
        "select": "loss",
    },
}
"""The tables of ``examples/configs/digits.toml``."""


def run(out: PathLike, progress: Literal["text"] | Callback | None = "text", threads: int | None = None) -> Report:
    """Train the digits network, simulate the whole test set on the heap engine, measure.

    Parameters
    ----------
    out : path-like
        Folder of the results, made if it is missing; gets the files of `training.train_from_config` and
        ``trace.h5``.
    progress : "text", None or Callback
        As in `training.fit`.
    threads : int, optional
        All processors by default; the results do not depend on it.

    Returns
    -------
    dict
        ``training`` (what `training.train_from_config` returns), ``measures`` (what
        `eventsim.measure.evaluate` returns for the test set's trace), ``same_predictions`` (whether the event
        by event replay decides every sample as the layer by layer evaluation did), ``seconds`` (of training
        and replay), and ``interrupted``: then only ``training`` is there.
    """
    out = pathlib.Path(out)
    tables = {**SETTINGS, "fit": {**SETTINGS["fit"], **({} if threads is None else {"threads": threads})}}
    result = experiment.run(config.parse(tables), out, progress=progress)
    if result["interrupted"]:
        return {"training": result, "interrupted": True}
    model = Model.load(out / experiment.MODEL)
    test = datasets.load("digits", "test")
    model.simulate(test.images[:1], engine="heap", threads=threads)  # compiles, outside the time of the replay
    started = time.monotonic()
    trace = model.simulate(test.images, test.labels, engine="heap", threads=threads)
    replay = time.monotonic() - started
    trace.save(out / TRACE)
    decided = measure.decide(trace).label
    return {
        "training": result,
        "measures": measure.evaluate(trace),
        "same_predictions": bool(np.array_equal(decided, model.predict(test.images))),
        "seconds": {"training": result["training_seconds"], "replay": replay},
        "interrupted": False,
    }
