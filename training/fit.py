"""The training loop: batches, gradients, steps, validation, checkpoints."""

import hashlib
import json
import time
from dataclasses import dataclass, field

import numpy as np

from eventsim.errors import InputError, choose
from training import augment as augmentation
from training import checkpoint as checkpoints
from training import schedule as schedules
from training.history import History, line
from training.optimize import AdamW, clip_by_norm
from training.parameters import Parameters
from training.passes import Passes
from training.progress import Call, Callback, TextMeter
from training.regularize import Batch


def fit(
    model,
    images,
    labels,
    validation=None,
    epochs=20,
    optimizer=None,
    callbacks=(),
    *,
    batch=64,
    schedule=None,
    warm_up=0.0,
    seed=0,
    augment=None,
    learn=("weights",),
    normalize=False,
    rates=None,
    policies=(),
    clip=None,
    slope_floor=0.0,
    select="accuracy",
    patience=None,
    precision="double",
    threads=None,
    checkpoint=None,
    resume=False,
    log=None,
    progress="text",
    passes=None,
):
    """Train `model` in place on exact spike-time gradients.

    The model ends with the parameters of the best epoch on the validation set, or of the last epoch without
    one. Ctrl-C ends the training cleanly: the model keeps the best whole epoch so far, and the history so
    far is returned with `interrupted` set.

    Parameters
    ----------
    model : Model
        Its network must be feed-forward and single-spike.
    images : ndarray (samples, ...)
        As the model's encoder takes them.
    labels : ndarray of int (samples,)
    validation : pair of ndarray, optional
        Images and labels to choose the best epoch by.
    epochs : int
        Of the whole training, also when resumed.
    optimizer : Optimizer, optional
        ``AdamW(1e-2)`` by default. It starts anew, whatever it was used for before.
    callbacks : sequence of Callback or callable
        A plain callable gets the record of each epoch; one that returns True ends the training.
    batch : int
        Samples a step.
    schedule : None, "cosine", "step" or callable of the step
        Factor on the learning rate.
    warm_up : float
        Epochs of linear rise of the learning rate, for a schedule given by name.
    seed : int
        Key of the data order and of the augmentation.
    augment : callable, optional
        As `training.augment.Shift`.
    learn : sequence of {"weights", "thresholds", "offsets"}
        Offsets are i_offset, a bias of the input. Thresholds and offsets of a map that a convolution feeds are
        one a channel.
    normalize : bool or collection of str
        Projections whose weights are standardised while training (`training.normalize`).
    rates : dict of float, optional
        Factors on the learning rate by kind: weight, raw, gain, drive, threshold, offset. The drive gets 0.1 unless
        given.
    policies : sequence of Policy
        What to do about silent neurons (`training.regularize`).
    clip : float, optional
        Largest norm of the whole gradient.
    slope_floor : float
        Smallest V' in V/ms that a gradient is divided by.
    select : {"accuracy", "loss"}
        What the best epoch has the highest or lowest of on the validation set; the other one settles ties,
        then the earlier epoch wins. The loss is the less noisy choice where the validation set is small.
    patience : int, optional
        End after so many epochs without a better one.
    precision, threads
        As for `training.passes.Passes`.
    checkpoint : path, optional
        File to keep the state in, written after each epoch.
    resume : bool
        Go on from `checkpoint`. The result has the same bits as an uninterrupted training.
    log : path, optional
        JSON-lines file of the records, one line an epoch as it ends.
    progress : "text", None or Callback
    passes : Passes, optional
        What computes forward and backward, instead of the layers engine.

    Returns
    -------
    History

    Raises
    ------
    InputError
        Data that do not fit, settings out of range, or a checkpoint of another training.
    """
    optimizer = AdamW(1e-2) if optimizer is None else optimizer
    images, labels = _checked_data(model, images, labels, "training")
    if validation is not None:
        validation = _checked_data(model, *validation, "validation")
    for name, value in (("epochs", epochs), ("batch", batch)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name} = {value!r} cannot be used; give a whole number of at least 1.")
    choose("select", select, ("accuracy", "loss"))
    if resume and checkpoint is None:
        raise InputError("resume = True needs the checkpoint to go on from; give checkpoint=.")
    steps = -(-len(images) // batch)
    schedule = schedules.make(schedule, epochs, steps, warm_up)
    parameters = Parameters(model.net, learn, normalize, {"drive": 0.1, **(rates or {})})
    listeners = [c if isinstance(c, Callback) else Call(c) for c in callbacks]
    if progress is not None:
        listeners.insert(0, TextMeter() if progress == "text" else progress)
    if passes is None:
        passes = Passes(model.net, model.t_stop, precision, threads, slope_floor)
    training = _Training(
        model,
        parameters,
        optimizer,
        schedule,
        tuple(policies),
        passes,
        clip,
        batch,
        seed,
        augment,
        validation,
        listeners,
        select,
    )
    signature = training.signature(images, labels)
    for part in (optimizer, *policies):
        part.load_state_dict({})  # what was learned elsewhere is not carried over
    if resume:
        training.load(checkpoint, signature)
    if log is not None:
        training.history.save(log)
    for listener in listeners:
        listener.on_start(epochs, steps, len(training.history))
    try:
        while len(training.history) < epochs and not training.stopped:
            record = training.epoch(images, labels)
            if checkpoint is not None:
                training.save(checkpoint, signature)
            if log is not None:
                with open(log, "a", encoding="utf-8") as file:
                    file.write(line(record))
            training.stopped = any([listener.on_epoch(record) is True for listener in listeners])
            if patience is not None and len(training.history) - training.history.best_epoch >= patience:
                training.stopped = True
    except KeyboardInterrupt:
        training.history.interrupted = True
    parameters.restore(training.best)
    parameters.fold(model.net)
    for listener in listeners:
        listener.on_end(training.history)
    return training.history


def _checked_data(model, images, labels, what):
    images, labels = np.asarray(images), np.asarray(labels)
    if len(images) == 0 or labels.shape != images.shape[:1]:
        raise InputError(
            f"The {what} set has images of shape {images.shape} and labels of shape {labels.shape}; "
            "give one label a sample and at least one sample."
        )
    size = model.net[model.output].size
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= size:
        raise InputError(f"The {what} labels must be integers from 0 to {size - 1}, one class an output.")
    return images, labels


@dataclass
class _Training:
    """One training: what it is made of, and its state between epochs."""

    model: object
    parameters: Parameters
    optimizer: object
    schedule: object
    policies: tuple
    passes: object
    clip: float | None
    batch: int
    seed: int
    augment: object
    validation: tuple | None
    listeners: list
    select: str
    history: History = field(default_factory=History)
    best: dict = None
    step: int = 0
    stopped: bool = False

    def __post_init__(self):
        self.best = self.parameters.snapshot()

    def epoch(self, images, labels):
        """Train one epoch and return its record."""
        started = time.monotonic()
        number = len(self.history) + 1
        order = augmentation.order(len(images), number, self.seed)
        totals = {"loss": 0.0, "right": 0, "norm": 0.0, "silent": {}}
        rate = self.optimizer.lr * self.schedule(self.step)
        for count, start in enumerate(range(0, len(order), self.batch), 1):
            index = order[start : start + self.batch]
            values = images[index]
            if self.augment is not None:
                values = self.augment(values, index, number, self.seed)
            loss = self._batch(values, labels[index], totals)
            for listener in self.listeners:
                listener.on_batch(number, count, loss)
        record = {
            "epoch": number,
            "loss": totals["loss"] / len(order),
            "accuracy": totals["right"] / len(order),
            "rate": rate,
            "gradient_norm": totals["norm"] / count,
            "silent": {name: total / len(order) for name, total in totals["silent"].items()},
        }
        record |= self._validate()
        record["seconds"] = time.monotonic() - started
        previous = self.history.best
        if previous is None or _merit(record, self.select) > _merit(previous, self.select):
            self.best, self.history.best_epoch = self.parameters.snapshot(), number
        self.history.records.append(record)
        return record

    def _batch(self, values, labels, totals):
        effective = self.parameters.effective()
        weights = effective.weights
        activity = self.passes.forward(self.model.encode(values), *effective, learning=True)
        read = self.model.read(activity)
        loss, loss_gradient = self.model.decoder(read, labels)
        found = self.passes.backward(activity, {self.model.output: loss_gradient})
        view = Batch(weights, activity.time, labels, self.model.output, self.model.net.projections)
        gradients = {name: found.weights[name] for name in weights}
        for policy in self.policies:
            for name, addition in policy.gradient(view).items():
                gradients[name] = gradients[name] + addition
        gradients = self.parameters.backward(gradients, found.thresholds, found.offsets)
        gradients, norm = clip_by_norm(gradients, self.clip)
        self.optimizer.step(
            self.parameters.arrays,
            gradients,
            self.schedule(self.step),
            self.parameters.scales,
            self.parameters.decayed,
        )
        for policy in self.policies:
            for name, addition in policy.bump(view).items():
                self.parameters.additive(name)[...] += addition
        self.parameters.project()
        self.step += 1
        totals["loss"] += loss * len(labels)
        totals["right"] += int(np.sum(self.model.decoder.decide(read) == labels))
        totals["norm"] += norm
        for name, times in activity.time.items():
            if name not in activity.potential:
                silent = float(np.mean(np.isinf(times))) * len(labels)
                totals["silent"][name] = totals["silent"].get(name, 0.0) + silent
        return loss

    def _validate(self):
        names = ("loss", "accuracy", "undecided", "latency_ms")
        if self.validation is None:
            return {f"validation_{name}": None for name in names}
        effective = self.parameters.effective()._asdict()
        result = self.model.evaluate(*self.validation, passes=self.passes, **effective)
        return {f"validation_{name}": result[name] for name in names}

    def signature(self, images, labels):
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
                self.model.t_stop,
                getattr(self.passes, "slope_floor", None),
            ],
            "select": self.select,
            "precision": getattr(self.passes, "precision", None),
        }
        net = self.model.net
        for name, population in net.populations.items():
            if population.kind == "neurons":
                settings[f"taus of {name}"] = [population.neuron.tau_mem, population.neuron.tau_syn]
        for name, projection in net.projections.items():
            settings[f"delays of {name}"] = np.asarray(projection.delay).tolist()
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for array in (images, labels, *(self.validation or ())):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def save(self, path, signature):
        """Write the state to the checkpoint `path`."""
        arrays = {f"parameter {k}": v for k, v in self.parameters.arrays.items()}
        arrays |= {f"best {k}": v for k, v in self.best.items()}
        arrays |= {f"optimizer {k}": v for k, v in self.optimizer.state_dict().items()}
        for number, policy in enumerate(self.policies):
            arrays |= {f"policy {number} {k}": v for k, v in policy.state_dict().items()}
        document = {
            "signature": signature,
            "step": self.step,
            "records": self.history.records,
            "best_epoch": self.history.best_epoch,
        }
        checkpoints.save(path, arrays, document)

    def load(self, path, signature):
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
        for number, policy in enumerate(self.policies):
            policy.load_state_dict(_under(arrays, f"policy {number} "))
        self.step = document["step"]
        self.history.records = document["records"]
        self.history.best_epoch = document["best_epoch"]


def _under(arrays, prefix):
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _described(thing):
    """Return something JSON-ready that tells apart two settings of a schedule or an augmentation."""
    if hasattr(thing, "to_dict"):
        return thing.to_dict()
    return None if thing is None else getattr(thing, "__qualname__", type(thing).__qualname__)


def _merit(record, select):
    """Return what the best epoch is best in; without a validation set the last epoch is."""
    if record["validation_accuracy"] is None:
        return (record["epoch"], 0.0)
    merits = (record["validation_accuracy"], -record["validation_loss"])
    return merits if select == "accuracy" else merits[::-1]
