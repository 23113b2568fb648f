"""Decoders of spiking outputs: the earliest output spike decides; losses on first-spike times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NoReturn, Self

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose
from training.decoder import Decoder, checked_array, checked_labels, cross_entropy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats, Integers


class _OfTimes(Decoder):
    """What decoders of first-spike times share: a horizon that silence stands for, and early-spike pressure."""

    readout: ClassVar[str] = "first_spike"
    horizon: float | None
    early: float
    early_tau: float

    def with_horizon(self, t_stop: float) -> Self:
        """Return this decoder with `t_stop` (ms) as horizon where none was given."""
        return self if self.horizon is not None else replace(self, horizon=arrays.number("t_stop", t_stop))

    def decide(self, times: ArrayLike) -> Integers:
        """Return the class of each sample: the earliest spike, ties to the lowest id; -1: all silent."""
        times = checked_array("Output times", times)
        return np.where(np.isinf(times).all(axis=1), -1, times.argmin(axis=1))

    def _horizon(self) -> float:
        if self.horizon is None:
            raise InputError(
                "The decoder has no horizon; give horizon= in ms, or use it inside a Model with t_stop."
            )
        return self.horizon

    def _check_early(self) -> None:
        arrays.positive("The decoder's", early_tau=self.early_tau)
        if self.horizon is not None:
            arrays.positive("The decoder's", horizon=self.horizon)
        if not 0.0 <= arrays.number("early", self.early) < np.inf:
            raise InputError(f"The decoder's early = {self.early!r} cannot be used; give a weight of at least 0.")

    def _early(self, times: Floats, labels: Integers) -> tuple[float, Floats]:
        """Return ``early * mean(exp(t_label / early_tau) - 1)`` and its gradient; beyond 50 tau it grows no more."""
        gradient = np.zeros(np.shape(times))
        if not self.early or len(labels) == 0:
            return 0.0, gradient
        own = np.asarray(times, dtype=np.float64)[np.arange(len(labels)), labels]
        silent = np.isinf(own)
        t = np.where(silent, self._horizon(), own)
        pull = self.early * np.exp(np.minimum(t / self.early_tau, 50.0))
        fixed = silent | (t / self.early_tau > 50.0)
        gradient[np.arange(len(labels)), labels] = np.where(fixed, 0.0, pull / self.early_tau) / len(labels)
        return float(np.mean(pull - self.early)), gradient


@dataclass(frozen=True)
class FirstSpike(_OfTimes):
    """Cross-entropy on decreasing functions of the output spike times.

    =============  ==============================  =====================
    kind           score of a spike at t           score of silence
    =============  ==============================  =====================
    "exponential"  ``scale * exp(-t / tau)``       0
    "linear"       ``scale * (1 - t / horizon)``   0
    "latency"      ``-t / tau``                    ``-horizon / tau``
    =============  ==============================  =====================

    The early-spike term ``early * mean(exp(t_label / early_tau) - 1)`` draws the label's spike towards t = 0
    (Goeltz et al. 2021); a silent label counts as a spike at the horizon in the loss and has no gradient.

    Parameters
    ----------
    kind : {"exponential", "linear", "latency"}
    scale : float
        Height of the score at t = 0 (exponential, linear).
    tau : float
        Time constant in ms (exponential, latency).
    horizon : float, optional
        Time in ms that silence stands for; the model's ``t_stop`` when None.
    early : float
        Weight of the early-spike term.
    early_tau : float
        Its time constant in ms.
    smoothing : float
        Label smoothing, 0 to below 1.

    Raises
    ------
    InputError
        A value out of range or an unknown kind.
    """

    kind: str = "exponential"
    scale: float = 5.0
    tau: float = 5.0
    horizon: float | None = None
    early: float = 0.0
    early_tau: float = 20.0
    smoothing: float = 0.0

    kind_name: ClassVar[str] = "first_spike"

    def __post_init__(self) -> None:
        """Refuse unknown kinds and values out of range."""
        choose("The decoder kind", self.kind, ("exponential", "linear", "latency"))
        arrays.positive("The decoder's", scale=self.scale, tau=self.tau)
        self._check_early()
        if not 0.0 <= arrays.number("smoothing", self.smoothing) < 1.0:
            raise InputError(f"The decoder's smoothing = {self.smoothing!r} must be 0 to below 1.")

    def scaled(self, factor: float) -> FirstSpike:
        """Return this decoder with all scores multiplied by `factor`: of "latency", tau is divided by it."""
        arrays.positive("The decoder's", factor=factor)
        if self.kind == "latency":
            return replace(self, tau=self.tau / factor)
        return replace(self, scale=self.scale * factor)

    def log_scale_gradient(self, read: Array, labels: ArrayLike) -> float:
        """Return dL/d(log factor) for output times; see `Decoder.log_scale_gradient`."""
        score, _ = self.scores(read)
        _, gradient = cross_entropy(score, checked_labels(labels, score.shape), self.smoothing)
        return float(np.sum(gradient * score))

    def scores(self, times: Array) -> tuple[Floats, Floats]:
        """Return the scores of output `times` (samples, outputs), and their derivatives by the times.

        Both are finite; the derivative is 0 where an output was silent (``inf``).
        """
        times = checked_array("Output times", times)
        silent = np.isinf(times)
        t = np.where(silent, 0.0, times)
        if self.kind == "exponential":
            score = self.scale * np.exp(np.maximum(-t / self.tau, -700.0))
            return np.where(silent, 0.0, score), np.where(silent, 0.0, -score / self.tau)
        if self.kind == "linear":
            slope = -self.scale / self._horizon()
            return np.where(silent, 0.0, self.scale + slope * t), np.where(silent, 0.0, slope)
        t = np.where(silent, self._horizon(), t)
        return -t / self.tau, np.where(silent, 0.0, -1.0 / self.tau)

    def __call__(self, times: Array, labels: ArrayLike) -> tuple[float, Floats]:
        """Return the loss and its gradient with respect to the output times.

        Parameters
        ----------
        times : ndarray (samples, outputs)
            First-spike times in ms, inf = silent.
        labels : ndarray of int (samples,)

        Returns
        -------
        float, ndarray (samples, outputs)
            Mean loss; dL/dt in 1/ms, 0 where silent.

        Raises
        ------
        InputError
            NaN times, or labels that do not fit.
        """
        score, derivative = self.scores(times)
        labels = checked_labels(labels, score.shape)
        loss, gradient = cross_entropy(score, labels, self.smoothing)
        gradient *= derivative
        early, pull = self._early(times, labels)
        return loss + early, gradient + pull

    def by_step(self, sent: Array, labels: ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to the spikes of every step.

        A spike at step t counts for its score, silence for that of silence; the early-spike term likewise.

        Parameters
        ----------
        sent : ndarray (samples, steps, outputs)
            1 at the step of a spike, else 0, one step a millisecond.
        labels : ndarray of int (samples,)

        Returns
        -------
        float, ndarray (samples, steps, outputs)
            The loss that `__call__` gives for the times of these spikes; dL/dS.
        """
        score, _ = self.scores(np.append(np.arange(sent.shape[1], dtype=np.float64), np.inf)[None])
        gained = score[0, :-1] - score[0, -1]
        labels = checked_labels(labels, (len(sent), sent.shape[2]))
        loss, error = cross_entropy(score[0, -1] + np.einsum("ntc,t->nc", sent, gained), labels, self.smoothing)
        gradient = error[:, None, :] * gained[:, None]
        if self.early and len(labels):
            cost = self.early * np.exp(np.minimum(np.append(np.arange(sent.shape[1]), self._horizon())
                                                  / self.early_tau, 50.0))  # fmt: skip
            own = sent[np.arange(len(labels)), :, labels]
            loss += float(np.mean(cost[-1] - self.early + own @ (cost[:-1] - cost[-1])))
            gradient[np.arange(len(labels)), :, labels] += (cost[:-1] - cost[-1]) / len(labels)
        return loss, gradient


@dataclass(frozen=True)
class TargetTime(_OfTimes):
    """Squared distance of the output spikes from target times, in units of `tau`.

    ==========  =====================================================================================
    kind        loss of a sample
    ==========  =====================================================================================
    "fixed"     half the sum over c of ``((t_c - right) / tau)^2`` (label), ``((t_c - wrong) / tau)^2``
    "shift"     half the sum over the other c of ``((t_c - t_label - gap) / tau)^2``
    ==========  =====================================================================================

    "shift" is the shift-invariant loss of Goeltz et al. (Nature Machine Intelligence 2021): only the distance from the
    label's spike counts, not when it came. A silent output counts as a spike at the horizon and has no gradient.

    Parameters
    ----------
    kind : {"fixed", "shift"}
    right, wrong : float
        Targets in ms of the label and of all others ("fixed").
    gap : float
        By how many ms the others shall be later ("shift").
    tau : float
        Unit of time in ms.
    horizon, early, early_tau
        As in `FirstSpike`.

    Raises
    ------
    InputError
        A value out of range or an unknown kind.
    """

    kind: str = "shift"
    right: float = 0.0
    wrong: float = 10.0
    gap: float = 1.0
    tau: float = 5.0
    horizon: float | None = None
    early: float = 0.0
    early_tau: float = 20.0

    kind_name: ClassVar[str] = "target_time"

    def __post_init__(self) -> None:
        """Refuse unknown kinds and values out of range."""
        choose("The decoder kind", self.kind, ("fixed", "shift"))
        arrays.positive("The decoder's", tau=self.tau)
        self._check_early()
        for name in ("right", "wrong", "gap"):
            if not 0.0 <= arrays.number(name, getattr(self, name)) < np.inf:
                raise InputError(f"The decoder's {name} = {getattr(self, name)!r} must be a time of at least 0 ms.")

    def scaled(self, factor: float) -> NoReturn:
        """Refuse: a squared distance has no scale to learn."""
        raise InputError('A target-time loss has no learnable scale; leave "decoder" out of learn.')

    def __call__(self, times: Array, labels: ArrayLike) -> tuple[float, Floats]:
        """Return the mean loss and dL/dt for output `times` (samples, outputs); as `FirstSpike`."""
        times = checked_array("Output times", times)
        labels = checked_labels(labels, times.shape)
        n = len(labels)
        gradient = np.zeros(times.shape)
        if n == 0:
            return 0.0, gradient
        silent = np.isinf(times)
        t = np.where(silent, self._horizon(), times)
        own = np.arange(n), labels
        if self.kind == "fixed":
            target = np.full(t.shape, self.wrong)
            target[own] = self.right
            distance = (t - target) / self.tau
            gradient = distance / (self.tau * n)
        else:
            distance = (t - t[own][:, None] - self.gap) / self.tau
            distance[own] = 0.0
            gradient = distance / (self.tau * n)
            gradient[own] = -gradient.sum(axis=1)
        gradient[silent] = 0.0
        early, pull = self._early(times, labels)
        return 0.5 * float(np.sum(distance * distance)) / n + early, gradient + pull
