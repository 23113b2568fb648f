"""Programs that train a network in turns, and the recipes of ours: what the benchmarks of training share."""

import json
import math
import pathlib
import sys
import tempfile
from typing import NamedTuple

import numpy as np

from training import datasets

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "peers"))

import launch


class Program(NamedTuple):
    """One row of a comparison."""

    name: str
    trainer: str
    """A key of `launch.TRAINERS`."""
    hidden: tuple
    """Layers as texts, such as "400", "32C5s2" or "P2" (`training.architecture`)."""
    steps: int | None = None
    """Time steps, of a peer that has them."""
    precision: str = "single"
    """Of ours; the peers compute in single precision."""
    firing: float | None = None
    """Part of the hidden neurons that fire before training, of ours; None: what the recipe gives."""

    def arguments(self, batch, **recipe):
        """Return the options of its script.

        Parameters
        ----------
        batch : int
        **recipe
            Further arguments of `tables`, for ours.
        """
        if self.trainer == "eventsim":
            settings = tables(self.hidden, batch, self.precision, self.firing, **recipe)
            return ("--config", json.dumps(settings))
        steps = () if self.steps is None else ("--steps", self.steps)
        return ("--hidden", *self.hidden, "--batch", batch, *steps)


def tables(hidden, batch, precision="single", firing=None, stretch=1.0, rate=None):
    """Return the tables of a configuration of ours for MNIST.

    One hidden layer has the recipe of examples/configs/mnist.toml; several are standardised, with weights by
    the moment rule.

    Parameters
    ----------
    hidden : sequence of str
        As `Program.hidden`.
    batch : int
    precision : {"double", "single"}
    firing : float, optional
        Scale the initial weights until this part of each hidden layer fires.
    stretch : float
        Factor on all times. The weights of ramps shrink by it, so that the spikes are the same.
    rate : float, optional
        Learning rate; default: that of the recipe.
    """
    policies, average = [{"kind": "silent_label", "strength": 1.0}], {}
    if len(hidden) == 1:
        initial = {"mean": [0.0, 2.0], "kappa": 2.8, "active": [0.17, 0.8], "law": "normal"}
        t_stop, decoder, usual = 1.6, {"tau": 0.05 * stretch, "smoothing": 0.05}, 4e-3
        policies.append({"kind": "firing", "minimum": 0.02, "strength": 1.0})
        average = {"ema": 0.998}
    else:
        projections = 1 + sum(not layer.startswith("P") for layer in hidden)
        initial = {"mean": 1.0, "kappa": 3.0, "active": [0.3, *[0.5] * (projections - 1)]}
        t_stop, decoder, usual = 5.0, {"tau": 0.1 * stretch}, 2e-3
        if firing is not None:
            initial |= {"rule": "measured", "firing": [*[firing] * (projections - 1), 0.6]}
    layers = [int(layer) if layer.isdigit() else layer for layer in hidden]
    return {
        "data": {"name": "mnist"},
        "network": {"hidden": layers, "tau_mem": math.inf, "tau_syn": math.inf, "t_stop": t_stop * stretch,
                    "seed": 1, "initial": {"window": stretch, **initial}},
        "encoder": {"kind": "latency", "t_max": stretch, "threshold": 0.1},
        "decoder": {"kind": "latency", **decoder},
        "fit": {"batch": batch,
                "optimizer": {"kind": "adamw", "lr": usual if rate is None else rate, "weight_decay": 0.0},
                "normalize": len(hidden) > 1, "policies": policies, "clip": 0.5, "slope_floor": 0.1 / stretch,
                "precision": precision, "threads": 1, **average},
    }


def save_samples(path, count):
    """Write the first training images of MNIST and their labels where a program reads them."""
    images, labels, _ = datasets.load("mnist")
    np.savez(path, images=images[:count], labels=labels[:count])


class Running:
    """A program that was started and waits for its turn; a context manager that ends it.

    Parameters
    ----------
    program : Program
    data : path-like
        As `save_samples` writes it.
    arguments : sequence
        As `Program.arguments` returns them.
    folder : path-like
        Of the environments.
    **environment
        Variables to set.

    Attributes
    ----------
    ready : dict
        What it said when it was ready: versions, memory.

    Raises
    ------
    launch.Unavailable
        Where it cannot run; with its last line.
    """

    def __init__(self, program, data, arguments, folder=launch.FOLDER, **environment):
        self.program = program
        # A file and not a pipe: nobody reads it while the program runs, and a full pipe would stop it.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = launch.start(program.trainer, ["--data", data, *arguments], folder, self._errors,
                                     **environment)
        self.ready = self._answer()

    def turn(self):
        """Let it train once through its samples and return what that took."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self):
        """Ask for no further turn and return the figures that it closes with."""
        self._process.stdin.close()
        last = self._process.stdout.read()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()
        return json.loads(last) if last else {}

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            reason = (self._errors.read().strip().splitlines() or ["was killed"])[-1]
            raise launch.Unavailable(f"{self.program.name}: {reason}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait()
