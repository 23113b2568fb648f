"""The state of a training between two epochs, and how it gets from one to the next."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import random
from eventsim.errors import InputError
from eventsim.log import logger
from eventsim.recordings import Recordings
from training import checkpoint as checkpoints
from training.history import History
from training.monitor import Monitor
from training.optimize import clip_by_norm, clip_neurons
from training.parameters import Parameters
from training.passes import loss_and_gradients
from training.regularize import Batch

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Arrays, Integers, PathLike
    from training.average import Average
    from training.dropout import Dropout
    from training.model import Model
    from training.optimize import Optimizer
    from training.policy import Policy
    from training.type_aliases import AnyPasses, Report

LOG = logger(__name__)


@dataclass
class Session:
    """One training: what it is made of (the arguments of `training.fit`), and its state between epochs."""

    model: Model
    parameters: Parameters
    optimizer: Optimizer
    schedule: Callable[[int], float]
    policies: tuple[Policy, ...]
    passes: AnyPasses
    clip: float | None
    neuron_clip: float | None
    batch: int
    seed: int
    augment: Callable[..., Any] | None
    validation: tuple[Any, Any] | None
    listeners: list[Any]
    select: str
    average: Average | None = None
    dropout: Dropout | None = None
    history: History = field(default_factory=History)
    best: dict[str, Array] = field(default_factory=dict)
    step: int = 0
    stopped: bool = False

    def __post_init__(self) -> None:
        """Start from the arrays as they are."""
        self.best = self.parameters.snapshot()

    def epoch(self, images: Array | Recordings, labels: Array) -> Report:
        """Train one epoch and return its record."""
        started = time.monotonic()
        number = len(self.history) + 1
        order = data_order(len(images), number, self.seed)
        totals = {"loss": 0.0, "right": 0, "norm": 0.0}
        monitor = Monitor(-(-len(order) // self.batch), self.model.t_stop)
        rate = self.optimizer.lr * self.schedule(self.step)
        for count, start in enumerate(range(0, len(order), self.batch), 1):
            index = order[start : start + self.batch]
            values = images[index]
            if self.augment is not None:
                values = self.augment(values, index, number, self.seed)
            dropped = {} if self.dropout is None else self.dropout.draw(index, number, self.seed)
            loss = self._batch(values, labels[index], dropped, totals, monitor)
            for listener in self.listeners:
                listener.on_batch(number, count, loss)
        record: Report = {
            "epoch": number,
            "loss": totals["loss"] / len(order),
            "accuracy": totals["right"] / len(order),
            "rate": rate,
            "gradient_norm": totals["norm"] / count,
        }
        record |= monitor.record({name for earlier in self.history.records for name in earlier["warnings"]})
        record |= self._validate()
        for listener in self.listeners:
            record |= listener.measure(number, self.parameters)
        record["seconds"] = time.monotonic() - started
        previous = self.history.best
        if previous is None or _merit(record, self.select) > _merit(previous, self.select):
            self.best, self.history.best_epoch = self._kept(), number
        self.history.records.append(record)
        LOG.info("epoch %d: loss %.4f, accuracy %.4f, validation accuracy %s, %.1f s", number, record["loss"],
                 record["accuracy"], record["validation_accuracy"], record["seconds"])
        for warning in record["warnings"].values():
            LOG.warning("%s", warning)
        return record

    def _batch(
        self, values: Array | Recordings, labels: Array, dropped: Arrays, totals: dict[str, Any], monitor: Monitor
    ) -> float:
        """Take one step on a batch; return its loss."""
        effective = self.parameters.effective()
        decoder = self.parameters.decoder(self.model.decoder)
        used = effective
        if self.dropout is not None:
            used = effective._replace(weights=self.dropout.weights(self.model.net, effective.weights))
        stimulus = self.model.encode(values)
        activity = self.passes.forward(stimulus, *used, dropped=dropped, learning=True)
        read = self.model.read(activity)
        charges: dict[str, Array] = {}
        for policy in self.policies:
            for name, addition in policy.charges(activity, self.model.net, self.model.output).items():
                charges[name] = charges.get(name, 0.0) + addition
        loss, found = loss_and_gradients(
            self.passes, activity, read, decoder, self.model.output, labels, dropped, charges)
        gradients = {name: found.weights[name] for name in effective.weights}
        if self.dropout is not None:
            gradients = self.dropout.backward(gradients)
        monitor.add(stimulus, activity, dropped, gradients, found.floored)
        gradients = clip_neurons(gradients, self.neuron_clip)
        view = Batch(
            effective.weights, activity.time, labels, self.model.output, self.model.net.projections,
            self.parameters.normalized, dropped, activity,
        )  # fmt: skip
        for policy in self.policies:
            for name, addition in policy.gradient(view).items():
                gradients[name] = gradients[name] + addition
        scale = decoder.log_scale_gradient(read, labels) if "scale/decoder" in self.parameters.arrays else 0.0
        gradients = self.parameters.backward(gradients, found.thresholds, found.offsets, found.delays, scale)
        gradients, norm = clip_by_norm(gradients, self.clip, overwrite=True)
        self._take_step(gradients, view)
        totals["loss"] += loss * len(labels)
        totals["right"] += int(np.sum(decoder.decide(read) == labels))
        totals["norm"] += norm
        return loss

    def _take_step(self, gradients: dict[str, Array], view: Batch) -> None:
        parameters = self.parameters
        self.optimizer.step(
            parameters.arrays, gradients, self.schedule(self.step), parameters.scales, parameters.decayed
        )
        for policy in self.policies:
            for name, addition in policy.bump(view).items():
                weights: Any = parameters.additive(name)
                weights[...] += addition
        parameters.project()
        self.step += 1
        if self.average is not None:
            self.average.update(parameters.arrays, self.step)

    def _kept(self) -> dict[str, Array]:
        """Return copies of the arrays that are validated and may become the model."""
        arrays = self.parameters.arrays if self.average is None else self.average.arrays
        return {name: array.copy() for name, array in arrays.items()}

    def _validate(self) -> Report:
        names = ("loss", "accuracy", "undecided", "latency_ms")
        if self.validation is None:
            return {f"validation_{name}": None for name in names}
        arrays = self._kept()
        result = self.model.evaluate(
            *self.validation,
            decoder=self.parameters.decoder(self.model.decoder, arrays),
            passes=self.passes,
            **self.parameters.effective(arrays)._asdict(),
        )
        return {f"validation_{name}": result[name] for name in names}

    def signature(self, images: Array | Recordings, labels: Array) -> str:
        """Return a hash of everything that two trainings must share to be one: data, settings, shapes."""
        settings = {
            "optimizer": self.optimizer.hyper_parameters(),
            "schedule": _described(self.schedule),
            "policies": [p.to_dict() for p in self.policies],
            "augment": _described(self.augment),
            "decoder": self.model.decoder.to_dict(),
            "encoder": self.model.encoder.to_dict(),
            "shapes": {name: a.shape for name, a in self.parameters.arrays.items()},
            "scales": self.parameters.scales,
            "numbers": [
                self.batch,
                self.seed,
                self.clip,
                self.neuron_clip,
                self.model.t_stop,
                getattr(self.passes, "slope_floor", None),
                None if self.average is None else self.average.decay,
            ],
            "dropout": None if self.dropout is None else self.dropout.rates,
            "select": self.select,
            "precision": getattr(self.passes, "precision", None),
            "passes": getattr(self.passes, "settings", None),
        }
        net = self.model.net
        for name, population in net.populations.items():
            if population.kind == "neurons":
                settings[f"taus of {name}"] = [population.neuron.tau_mem, population.neuron.tau_syn]
        for name, projection in net.projections.items():
            settings[f"delays of {name}"] = np.asarray(projection.delay).tolist()
        settings |= {f"learned delays of {name}": bounds for name, bounds in self.parameters.delay_bounds().items()}
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for array in (images, labels, *(self.validation or ())):
            recorded = isinstance(array, Recordings)
            digest.update(array.digest().encode() if recorded else np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def save(self, path: PathLike, signature: str) -> None:
        """Write the state to the checkpoint `path`."""
        arrays = {f"parameter {k}": v for k, v in self.parameters.arrays.items()}
        arrays |= {f"best {k}": v for k, v in self.best.items()}
        arrays |= {f"optimizer {k}": v for k, v in self.optimizer.state_dict().items()}
        if self.average is not None:
            arrays |= {f"average {k}": v for k, v in self.average.arrays.items()}
        for number, policy in enumerate(self.policies):
            arrays |= {f"policy {number} {k}": v for k, v in policy.state_dict().items()}
        document = {
            "signature": signature,
            "step": self.step,
            "records": self.history.records,
            "best_epoch": self.history.best_epoch,
        }
        checkpoints.save(path, arrays, document)

    def load(self, path: PathLike, signature: str) -> None:
        """Take over the state of the checkpoint `path`."""
        arrays, document = checkpoints.load(path)
        if document.get("signature") != signature:
            raise InputError(
                f'"{path}" belongs to another training (data, settings or network differ); '
                "use the same ones, or start a new training elsewhere."
            )
        self.parameters.restore(_under(arrays, "parameter "))
        self.best = _under(arrays, "best ")
        self.optimizer.load_state_dict(_under(arrays, "optimizer "))
        if self.average is not None:
            self.average.arrays = _under(arrays, "average ")
        for number, policy in enumerate(self.policies):
            policy.load_state_dict(_under(arrays, f"policy {number} "))
        self.step = document["step"]
        self.history.records = document["records"]
        self.history.best_epoch = document["best_epoch"]


def data_order(n: int, epoch: int, seed: int) -> Integers:
    """Return the order of `n` samples in `epoch`: a permutation drawn by counter."""
    draws = random.uniform(random.stream_key(seed, "data order"), np.arange(n), epoch)
    return np.argsort(draws, kind="stable")


def _under(arrays: Arrays, prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _described(thing: Any) -> Any:
    """Return something JSON-ready that tells apart two settings of a schedule or an augmentation."""
    if hasattr(thing, "to_dict"):
        return thing.to_dict()
    return None if thing is None else getattr(thing, "__qualname__", type(thing).__qualname__)


def _merit(record: Report, select: str) -> tuple[float, float]:
    """Return what the best epoch is best in; without a validation set the last epoch is."""
    if record["validation_accuracy"] is None:
        return (record["epoch"], 0.0)
    merits = (record["validation_accuracy"], -record["validation_loss"])
    return merits if select == "accuracy" else merits[::-1]
