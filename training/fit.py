"""`fit`: the arguments of a training, and what happens between its epochs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose, expect
from eventsim.io import json_lines
from training import schedule as schedules
from training.average import Average
from training.decoder import as_labels
from training.dropout import Dropout
from training.encode import as_values
from training.optimize import AdamW, Optimizer
from training.parameters import Parameters
from training.passes import suited
from training.policy import Policy
from training.progress import Call, Callback, TextMeter
from training.session import Session

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.recordings import Recordings
    from eventsim.type_aliases import Array, PathLike, Precision, Values
    from training.delays import Delays
    from training.history import History
    from training.model import Model
    from training.type_aliases import AnyPasses, Augmenter, Learnable, Report, Schedules


def fit(
    model: Model,
    images: Values,
    labels: ArrayLike,
    validation: tuple[Values, ArrayLike] | None = None,
    epochs: int = 20,
    optimizer: Optimizer | None = None,
    callbacks: Sequence[Callback | Callable[[Report], object]] = (),
    *,
    batch: int = 64,
    schedule: Schedules | None = None,
    warm_up: float = 0.0,
    seed: int = 0,
    augment: Augmenter | None = None,
    learn: Learnable | Sequence[Learnable] = ("weights",),
    normalize: bool | Collection[str] = False,
    rates: Mapping[str, float] | None = None,
    delays: Delays | None = None,
    policies: Sequence[Policy] = (),
    clip: float | None = None,
    neuron_clip: float | None = None,
    slope_floor: float = 0.0,
    ema: float | None = None,
    dropout: float | dict[str, float] = 0.0,
    select: Literal["accuracy", "loss"] = "accuracy",
    patience: int | None = None,
    precision: Precision = "double",
    threads: int | None = None,
    checkpoint: PathLike | None = None,
    resume: bool = False,
    log: PathLike | None = None,
    progress: Literal["text"] | Callback | None = "text",
    passes: AnyPasses | None = None,
) -> History:
    """Train `model` in place on exact spike-time gradients.

    The model ends with the parameters of the best epoch on the validation set, or of the last epoch without
    one. Ctrl-C ends the training cleanly: the model keeps the best whole epoch so far, and the history so
    far is returned with `interrupted` set.

    Parameters
    ----------
    model : Model
        Of any topology; a feed-forward network of neurons that fire once is trained in the layers engine, several
        times faster than over traces.
    images : ndarray (samples, ...) or eventsim.recordings.Recordings
        As the model's encoder takes them.
    labels : ndarray of int (samples,)
    validation : pair, optional
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
    learn : sequence of {"weights", "thresholds", "offsets", "delays", "decoder"}
        Offsets are i_offset, a bias of the input. Thresholds and offsets of a map that a convolution feeds are
        one a channel. "decoder" is the factor on its scores (`Decoder.scaled`).
    normalize : bool or collection of str
        Projections whose weights are standardised while training (`training.normalize`).
    rates : dict of float, optional
        Factors on the learning rate by kind: weight, raw, gain, drive, threshold, offset, delay, scale. The drive
        gets 0.1 unless given.
    delays : training.Delays, optional
        Which synapses share a learned delay, and its bounds.
    policies : sequence of Policy
        What to do about silent neurons (`training.regularize`).
    clip : float, optional
        Largest norm of the whole gradient.
    neuron_clip : float, optional
        Largest norm of the loss gradient of one neuron's (output channel's) incoming weights, a projection at a
        time, before the policies add to it.
    slope_floor : float
        Smallest V' in V/ms that a gradient is divided by. The log has the share of such crossings.
    ema : float, optional
        Decay a step of an average over all learned arrays (`training.average`), such as 0.999. The average is
        what is validated, kept and written into the model; the steps go on from the arrays themselves.
    dropout : float or dict of float
        Part of the spikes that is deleted while training (`training.dropout`): one rate for the inputs and
        all hidden populations, or by population name.
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
        What computes forward and backward, instead of the layers engine (`training.discrete.DiscretePasses`).

    Returns
    -------
    History

    Raises
    ------
    InputError
        Data that do not fit, settings out of range, or a checkpoint of another training.
    """
    expect("model", model, "Model", "a training.Model")
    optimizer = AdamW(1e-2) if optimizer is None else optimizer
    expect("optimizer", optimizer, Optimizer, "one of training.optimize, such as AdamW(1e-2)")
    images, labels = _checked_data(model, images, labels, "training")
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise InputError("validation is no pair; give (images, labels), or leave it out.")
        validation = _checked_data(model, *validation, "validation")
    for name, value in (("epochs", epochs), ("batch", batch)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name} = {value!r} cannot be used; give a whole number of at least 1.")
    seed = arrays.integer("seed", seed)
    if patience is not None:
        patience = arrays.integer("patience", patience, 1)
    choose("select", select, ("accuracy", "loss"))
    for name, value in (("clip", clip), ("neuron_clip", neuron_clip)):
        if value is not None and not arrays.number(name, value) > 0.0:
            raise InputError(f"{name} = {value!r} cannot be used; give a norm above 0, or leave it out.")
    clip = None if clip is None else float(clip)  # the checkpoint has it as JSON
    neuron_clip = None if neuron_clip is None else float(neuron_clip)
    resume = arrays.flag("resume", resume)
    if resume and checkpoint is None:
        raise InputError("resume = True needs the checkpoint to go on from; give checkpoint=.")
    _check_helpers(callbacks, policies, augment, progress, passes)
    steps = -(-len(images) // batch)
    schedule = schedules.make(schedule, epochs, steps, warm_up)
    parameters = Parameters(model.net, learn, normalize, _with_drive(rates), delays)
    listeners = [c if isinstance(c, Callback) else Call(c) for c in callbacks]
    if progress is not None:
        listeners.insert(0, TextMeter() if progress == "text" else progress)
    if passes is None:
        passes = suited(model, precision, threads, slope_floor, "delays" in parameters.learned)
    training = Session(
        model, parameters, optimizer, schedule, tuple(policies), passes, clip, neuron_clip, batch, seed, augment,
        validation, listeners, select,
        average=None if ema is None else Average(parameters.arrays, ema),
        dropout=None if isinstance(dropout, int | float) and dropout == 0.0 else Dropout(
            model.net, dropout, model.output),
    )  # fmt: skip
    signature = training.signature(images, labels)
    optimizer.load_state_dict({})  # what was learned elsewhere is not carried over
    for policy in policies:
        policy.load_state_dict({})
    if resume and checkpoint is not None:
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
                json_lines.append(log, record)
            training.stopped = any([listener.on_epoch(record) is True for listener in listeners])
            if patience is not None and len(training.history) - (training.history.best_epoch or 0) >= patience:
                training.stopped = True
    except KeyboardInterrupt:
        training.history.interrupted = True
    parameters.restore(training.best)
    parameters.fold(model.net)
    model.decoder = parameters.decoder(model.decoder)
    for listener in listeners:
        listener.on_end(training.history)
    return training.history


def _with_drive(rates: Mapping[str, float] | None) -> dict[str, float]:
    rates = {} if rates is None else rates
    expect("rates", rates, Mapping, "a dict of factors by kind")
    return {"drive": 0.1, **rates}


def _check_helpers(callbacks: object, policies: object, augment: object, progress: object, passes: object) -> None:
    """Refuse what cannot be called back, asked or drawn on before the first epoch, not in the middle of it."""
    for name, several in (("callbacks", callbacks), ("policies", policies)):
        expect(name, several, Collection, "a list")
    for one in cast("Collection[object]", callbacks):
        if not isinstance(one, Callback) and not callable(one):
            raise InputError(f"a callback is of the type {type(one).__name__}; give a function of the record.")
    for one in cast("Collection[object]", policies):
        expect("a policy", one, Policy, "one of training.regularize")
    if augment is not None and not callable(augment):
        raise InputError(f"augment is of the type {type(augment).__name__}; give one of training.augment.")
    if progress is not None and not isinstance(progress, Callback) and not (
            isinstance(progress, str) and progress == "text"):
        raise InputError(f'progress = {progress!r} cannot be used; give "text", a training.progress.Callback or None.')
    if passes is not None and not hasattr(passes, "forward"):
        raise InputError(f"passes is of the type {type(passes).__name__}; give training.passes.Passes, or leave it "
                         "out.")


def _checked_data(model: Model, images: Values, labels: ArrayLike, what: str) -> tuple[Array | Recordings, Array]:
    images, labels = as_values(images), as_labels(labels)
    if len(images) == 0 or labels.shape != (len(images),):
        found = f"images of shape {images.shape}" if isinstance(images, np.ndarray) else repr(images)
        raise InputError(
            f"The {what} set has {found} and labels of shape {labels.shape}; "
            "give one label a sample and at least one sample."
        )
    size = model.net[model.output].size
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= size:
        raise InputError(f"The {what} labels must be integers from 0 to {size - 1}, one class an output.")
    return images, labels
