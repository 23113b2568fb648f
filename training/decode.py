"""Decoders: from output times or potentials to class scores, and the loss with its gradient.

Two readouts, never mixed up in a report:

* *Spiking outputs*: the earliest output spike decides. The score of class c is a decreasing function of
  its spike time, so the largest score is the earliest spike; a softmax cross-entropy trains it.
  `FirstSpike` has three such functions (methods: the temporal weighting decoder of ETTFS, arXiv
  2410.23619; the cross-entropy on spike times of Goeltz et al. 2021 and of Wunderlich and Pehle 2021).
* *Silent readout*: `Potential`, a cross-entropy on the potential of neurons that never fire.

A silent output has time ``inf``. It takes part in the softmax with a finite score of its own and gets
gradient 0 (its time does not exist); a policy of `training.regularize` brings it back. No input gives NaN.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from eventsim.errors import InputError, choose


def _checked_labels(labels, shape):
    """Return `labels` as int64 (samples,), refused where they do not fit the scores' `shape`."""
    labels = np.asarray(labels)
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


def _checked_array(what, values):
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise InputError(f"{what} have shape {values.shape}; give an array (samples, outputs).")
    if np.isnan(values).any():
        raise InputError(f"{what} contain NaN; they must be numbers.")
    return values


def _checked_positive(owner, **values):
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(f"{owner} {name} = {value!r} cannot be used; give a finite number above 0.")


def cross_entropy(scores, labels, smoothing=0.0):
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
    n, classes = scores.shape
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

    readout = None

    def with_horizon(self, t_stop):
        """Return a decoder whose open times are filled in from the horizon `t_stop` (ms)."""
        return self

    def scaled(self, factor):
        """Return this decoder with all scores multiplied by `factor` (> 0)."""
        raise NotImplementedError

    def log_scale_gradient(self, read, labels):
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

    def to_dict(self):
        """Return the kind and the settings, ready for JSON."""
        return {"decoder": next(k for k, v in KINDS.items() if v is type(self)), **asdict(self)}


@dataclass(frozen=True)
class FirstSpike(Decoder):
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

    readout = "first_spike"

    def __post_init__(self):
        """Refuse unknown kinds and values out of range."""
        choose("The decoder kind", self.kind, ("exponential", "linear", "latency"))
        _checked_positive("The decoder's", scale=self.scale, tau=self.tau, early_tau=self.early_tau)
        if self.horizon is not None:
            _checked_positive("The decoder's", horizon=self.horizon)
        if not (0.0 <= self.smoothing < 1.0) or not (np.isfinite(self.early) and self.early >= 0.0):
            raise InputError(
                f"The decoder's smoothing = {self.smoothing!r} must be 0 to below 1, "
                f"early = {self.early!r} at least 0."
            )

    def with_horizon(self, t_stop):
        """Return this decoder with `t_stop` (ms) as horizon where none was given."""
        if self.horizon is not None:
            return self
        return FirstSpike(**{**asdict(self), "horizon": float(t_stop)})

    def scaled(self, factor):
        """Return this decoder with all scores multiplied by `factor`: of "latency", tau is divided by it."""
        if self.kind == "latency":
            return replace(self, tau=self.tau / factor)
        return replace(self, scale=self.scale * factor)

    def log_scale_gradient(self, read, labels):
        """Return dL/d(log factor) for output times; see `Decoder.log_scale_gradient`."""
        score, _ = self.scores(read)
        _, gradient = cross_entropy(score, _checked_labels(labels, score.shape), self.smoothing)
        return float(np.sum(gradient * score))

    def _horizon(self):
        if self.horizon is None:
            raise InputError(
                "The decoder has no horizon; give horizon= in ms, or use it inside a Model with t_stop."
            )
        return self.horizon

    def scores(self, times):
        """Return the scores of output `times` (samples, outputs), and their derivatives by the times.

        Both are finite; the derivative is 0 where an output was silent (``inf``).
        """
        times = _checked_array("Output times", times)
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

    def __call__(self, times, labels):
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
        labels = _checked_labels(labels, score.shape)
        loss, gradient = cross_entropy(score, labels, self.smoothing)
        gradient *= derivative
        if self.early and len(labels):
            own = np.asarray(times, dtype=np.float64)[np.arange(len(labels)), labels]
            silent = np.isinf(own)
            t = np.where(silent, self._horizon(), own)
            pull = self.early * np.exp(
                np.minimum(t / self.early_tau, 50.0)
            )  # beyond 50 tau the pull no longer grows
            loss += float(np.mean(pull - self.early))
            fixed = silent | (t / self.early_tau > 50.0)
            gradient[np.arange(len(labels)), labels] += np.where(fixed, 0.0, pull / self.early_tau) / len(
                labels
            )
        return loss, gradient

    def by_step(self, sent, labels):
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
        labels = _checked_labels(labels, (len(sent), sent.shape[2]))
        loss, error = cross_entropy(score[0, -1] + np.einsum("ntc,t->nc", sent, gained), labels, self.smoothing)
        gradient = error[:, None, :] * gained[:, None]
        if self.early and len(labels):
            cost = self.early * np.exp(np.minimum(np.append(np.arange(sent.shape[1]), self._horizon())
                                                  / self.early_tau, 50.0))  # fmt: skip
            own = sent[np.arange(len(labels)), :, labels]
            loss += float(np.mean(cost[-1] - self.early + own @ (cost[:-1] - cost[-1])))
            gradient[np.arange(len(labels)), :, labels] += (cost[:-1] - cost[-1]) / len(labels)
        return loss, gradient

    def decide(self, times):
        """Return the class of each sample: the earliest spike, ties to the lowest id; -1: all silent."""
        times = _checked_array("Output times", times)
        return np.where(np.isinf(times).all(axis=1), -1, times.argmin(axis=1))


@dataclass(frozen=True)
class Potential(Decoder):
    """Cross-entropy on ``scale *`` the potential of a readout that never fires, taken at the horizon.

    Parameters
    ----------
    scale : float
        Factor on the potentials.
    smoothing : float
        Label smoothing, 0 to below 1.

    Raises
    ------
    InputError
        A value out of range.
    """

    scale: float = 1.0
    smoothing: float = 0.0

    readout = "potential"

    def __post_init__(self):
        """Refuse values out of range."""
        _checked_positive("The decoder's", scale=self.scale)
        if not 0.0 <= self.smoothing < 1.0:
            raise InputError(f"The decoder's smoothing = {self.smoothing!r} must be from 0 to below 1.")

    def scaled(self, factor):
        """Return this decoder with `scale` multiplied by `factor`."""
        return replace(self, scale=self.scale * factor)

    def log_scale_gradient(self, read, labels):
        """Return dL/d(log factor) for potentials; see `Decoder.log_scale_gradient`."""
        _, gradient = self(read, labels)
        return float(np.sum(gradient * read))

    def __call__(self, potentials, labels):
        """Return the mean loss and dL/dV for `potentials` (samples, outputs).

        Raises
        ------
        InputError
            Potentials that are NaN or infinite, or labels that do not fit.
        """
        potentials = _checked_array("Potentials", potentials)
        if not np.isfinite(potentials).all():
            raise InputError("Potentials contain infinities; they must be finite.")
        labels = _checked_labels(labels, potentials.shape)
        loss, gradient = cross_entropy(self.scale * potentials, labels, self.smoothing)
        return loss, gradient * self.scale

    def decide(self, potentials):
        """Return the class with the largest potential for each sample, ties to the lowest id."""
        return _checked_array("Potentials", potentials).argmax(axis=1)


KINDS = {"first_spike": FirstSpike, "potential": Potential}
"""Decoders by the name that files use."""


def from_dict(settings):
    """Return the decoder that `Decoder.to_dict` described.

    Raises
    ------
    InputError
        An unknown decoder or setting.
    """
    settings = dict(settings)
    kind = KINDS[choose("decoder", settings.pop("decoder", None), KINDS)]
    for name in settings:
        choose("The decoder setting", name, tuple(kind.__dataclass_fields__))
    return kind(**settings)
