"""Configurations, histories, checkpoints and the trainings that files describe."""

import pathlib
import tempfile

import numpy as np
from nonsense import Call

import training
from calls.objects import written
from training import checkpoint, config, experiment, progress, start, sweeps

TABLES = {"data": {"name": "digits"}, "network": {"hidden": [5]}, "fit": {"epochs": 1}}
HISTORY = training.History([{"epoch": 1, "loss": 1.0}])


TOML = """
[data]
name = "digits"
[network]
hidden = [5]
[fit]
epochs = 1
batch = 500
threads = 1
"""
SWEEP = """
[sweep]
kind = "grid"
[sweep.values]
fit.seed = [1]
"""


def _saved(folder):
    (folder / "t.toml").write_text(TOML)
    (folder / "s.toml").write_text(TOML + SWEEP)
    HISTORY.save(folder / "h.jsonl")
    config.build(**_parsed()).save(folder / "m.h5")
    checkpoint.save(folder / "c.h5", {"a": np.ones(2)}, {"a": 1})


def _into_a_new_folder(function):
    """Return a function that is called with an empty folder to write into, where a path for it is given."""
    def call(**arguments):
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(arguments["out"], str) and arguments["out"] == "run":
                arguments["out"] = pathlib.Path(folder) / "run"
            function(**arguments)

    return call


def _parsed():
    return {"config": config.parse(TABLES), "sample_shape": (8, 8), "classes": ["a", "b"], "images": None}


CALLS = {
    "training.config.parse": Call(config.parse, {"tables": TABLES}),
    "training.config.load": Call(config.load, lambda: {"path": written(_saved, "t.toml")}),
    "training.config.read_data": Call(config.read_data, lambda: {"config": config.parse(TABLES), "folder": None}),
    "training.config.build": Call(config.build, _parsed),
    "training.start.take_over": Call(start.take_over, lambda: {
        "net": config.build(**_parsed()).net, "path": written(_saved, "m.h5")}),
    "training.train_from_config": Call(_into_a_new_folder(training.train_from_config), lambda: {
        "path": written(_saved, "t.toml"), "out": "run", "resume": False, "data": None, "progress": None,
        "scheduler": None}, fixed=("out", "scheduler")),  # Python says what is no path
    "training.sweep_from_config": Call(_into_a_new_folder(training.sweep_from_config), lambda: {
        "path": written(_saved, "s.toml"), "out": "run", "scheduler": None, "workers": 1, "data": None,
        "progress": None}, fixed=("scheduler",)),
    "training.sweeps.points": Call(sweeps.points, lambda: {"path": written(_saved, "s.toml")}),
    "training.experiment.write_json": Call(experiment.write_json, {
        "path": "w.json", "document": {"a": 1}}, fixed=("document",)),  # json says what it cannot write
    "training.checkpoint.save": Call(checkpoint.save, {
        "path": "c.h5", "arrays": {"a": np.ones(2)}, "document": {"a": 1}}),
    "training.checkpoint.load": Call(checkpoint.load, lambda: {"path": written(_saved, "c.h5")}),
    "training.History": Call(training.History, {
        "records": [{"epoch": 1, "loss": 1.0}], "best_epoch": 1, "interrupted": False}),
    "training.History.column": Call(HISTORY.column, {"name": "loss"}),
    "training.History.save": Call(HISTORY.save, {"path": "h.jsonl"}),
    "training.History.load": Call(training.History.load, lambda: {"path": written(_saved, "h.jsonl")}),
    "training.progress.TextMeter": Call(progress.TextMeter, {"stream": None, "interval": 0.2}),
    "training.progress.duration": Call(progress.duration, {"seconds": 61.0}),
}
