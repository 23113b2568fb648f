"""What all decoders share: the checks of what they read, the softmax cross-entropy, and what they can be asked."""

from __future__ import annotations

from dataclasses import Field, asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats, Integers
    from training.type_aliases import Report


def as_labels(labels: ArrayLike) -> Array:
    """Return `labels` as an array of any type, refused where they are rows of different lengths."""
    try:
        return np.asarray(labels)
    except ValueError:
        raise InputError("labels are rows of different lengths; give one whole number a sample.") from None


def checked_labels(labels: ArrayLike, shape: tuple[int, ...]) -> Integers:
    """Return `labels` as int64 (samples,), refused where they do not fit the scores' `shape`."""
    labels = as_labels(labels)
    if labels.shape != shape[:1]:
        raise InputError(f"labels have shape {labels.shape}; give one for each of the {shape[0]} samples.")
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels are of type {labels.dtype}; give integers from 0 to {shape[1] - 1}.")
    labels = labels.astype(np.int64)
    if labels.size and (labels.min() < 0 or labels.max() >= shape[1]):
        wrong = labels[(labels < 0) | (labels >= shape[1])][0]
        raise InputError(
            f"label {wrong} is out of range; there are {shape[1]} outputs, labels 0 to {shape[1] - 1}."
        )
    return labels


def checked_array(what: str, values: ArrayLike) -> Floats:
    """Return `values` as float64 (samples, outputs), refused where they contain NaN."""
    values = arrays.numbers(what, values)
    if values.ndim != 2 or not values.shape[1]:
        raise InputError(f"{what} have shape {values.shape}; give an array (samples, outputs), at least one output.")
    if np.isnan(values).any():
        raise InputError(f"{what} contain NaN; they must be numbers.")
    return values


def cross_entropy(scores: Array, labels: ArrayLike, smoothing: float = 0.0) -> tuple[float, Floats]:
    """Return the mean softmax cross-entropy and its gradient with respect to `scores`.

    Parameters
    ----------
    scores : ndarray (samples, classes)
        Finite.
    labels : ndarray of int (samples,)
    smoothing : float
        Part of the target spread evenly over all classes, 0 to below 1.

    Returns
    -------
    float, ndarray (samples, classes)
    """
    scores = checked_array("scores", scores)
    n, classes = scores.shape
    labels = checked_labels(labels, scores.shape)
    if not 0.0 <= arrays.number("smoothing", smoothing) < 1.0:
        raise InputError(f"smoothing = {smoothing!r} must be 0 to below 1.")
    if n == 0:
        return 0.0, np.zeros_like(scores)
    shifted = scores - scores.max(axis=1, keepdims=True)
    exponential = np.exp(np.maximum(shifted, -700.0))
    total = exponential.sum(axis=1, keepdims=True)
    target = np.full_like(scores, smoothing / classes)
    target[np.arange(n), labels] += 1.0 - smoothing
    loss = float(np.sum(target * (np.log(total) - shifted)) / n)
    return loss, (exponential / total - target) / n


class Decoder:
    """Base of the decoders: `readout` says what they read, `to_dict` what they are."""

    readout: ClassVar[str | None] = None
    kind_name: ClassVar[str | None] = None
    """The name that files use."""
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # the decoders are dataclasses

    over: str
    tau: float | None

    def __call__(self, read: Array, labels: ArrayLike) -> tuple[float, Floats]:
        """Return the mean loss and its gradient with respect to what is `read`, both (samples, outputs).

        Parameters
        ----------
        read : ndarray (samples, outputs)
            Output times or potentials.
        labels : ndarray of int (samples,)
        """
        raise NotImplementedError

    def decide(self, read: ArrayLike) -> Integers:
        """Return the class of each sample, -1: undecided.

        Parameters
        ----------
        read : array_like (samples, outputs)
        """
        raise NotImplementedError

    def by_step(self, sent: Array, labels: ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to the spikes of every step; here refused.

        Parameters
        ----------
        sent : ndarray (samples, steps, outputs)
            1 at the step of a spike, else 0.
        labels : ndarray of int (samples,)

        Raises
        ------
        InputError
            A decoder that cannot be trained in whole steps.
        """
        raise InputError(f"{type(self).__name__} has no loss by step; train a network in steps with FirstSpike.")

    def with_horizon(self, t_stop: float) -> Self:
        """Return a decoder whose open times are filled in from the horizon `t_stop` (ms)."""
        return self

    def scaled(self, factor: float) -> Decoder:
        """Return this decoder with all scores multiplied by `factor` (> 0)."""
        raise NotImplementedError

    def log_scale_gradient(self, read: Array, labels: ArrayLike) -> float:
        """Return dL/d(log factor) of the mean loss at a factor of 1 (`scaled`).

        Parameters
        ----------
        read : ndarray (samples, outputs)
            What the decoder is called with.
        labels : ndarray of int (samples,)

        Returns
        -------
        float
        """
        raise NotImplementedError

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return {"decoder": self.kind_name, **asdict(self)}
