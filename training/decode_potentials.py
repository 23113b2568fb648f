"""Decoders of silent readouts: the largest potential decides; a cross-entropy on potentials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose
from training.decoder import Decoder, checked_array, checked_labels, cross_entropy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats, Integers


@dataclass(frozen=True)
class Potential(Decoder):
    """Cross-entropy on ``scale *`` what is read of a readout that never fires.

    Parameters
    ----------
    scale : float
        Factor on the potentials.
    smoothing : float
        Label smoothing, 0 to below 1.
    over : {"end", "maximum", "integral"}
        What is read: V at the horizon; the largest V over time (the loss of EventProp on MNIST, Wunderlich & Pehle
        2021); or the integral of ``exp(-t / tau) V`` over time (the time-weighted sum of Nowotny, Turner & Knight
        2025).
    tau : float, optional
        Time constant in ms by which later potentials count less in the integral; None: all the same.

    Raises
    ------
    InputError
        A value out of range.
    """

    scale: float = 1.0
    smoothing: float = 0.0
    over: str = "end"
    tau: float | None = None

    readout: ClassVar[str] = "potential"
    kind_name: ClassVar[str] = "potential"

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        arrays.positive("The decoder's", scale=self.scale)
        if not 0.0 <= arrays.number("smoothing", self.smoothing) < 1.0:
            raise InputError(f"The decoder's smoothing = {self.smoothing!r} must be from 0 to below 1.")
        choose("What the decoder reads (over)", self.over, ("end", "maximum", "integral"))
        if self.tau is not None:
            arrays.positive("The decoder's", tau=self.tau)

    def scaled(self, factor: float) -> Potential:
        """Return this decoder with `scale` multiplied by `factor`."""
        arrays.positive("The decoder's", factor=factor)
        return replace(self, scale=self.scale * factor)

    def log_scale_gradient(self, read: Array, labels: ArrayLike) -> float:
        """Return dL/d(log factor) for potentials; see `Decoder.log_scale_gradient`."""
        _, gradient = self(read, labels)
        return float(np.sum(gradient * read))

    def __call__(self, potentials: Array, labels: ArrayLike) -> tuple[float, Floats]:
        """Return the mean loss and dL/dV for `potentials` (samples, outputs).

        Raises
        ------
        InputError
            Potentials that are NaN or infinite, or labels that do not fit.
        """
        potentials = checked_array("Potentials", potentials)
        if not np.isfinite(potentials).all():
            raise InputError("Potentials contain infinities; they must be finite.")
        labels = checked_labels(labels, potentials.shape)
        loss, gradient = cross_entropy(self.scale * potentials, labels, self.smoothing)
        return loss, gradient * self.scale

    def decide(self, potentials: ArrayLike) -> Integers:
        """Return the class with the largest potential for each sample, ties to the lowest id.

        Parameters
        ----------
        potentials : array_like (samples, outputs)
        """
        return checked_array("Potentials", potentials).argmax(axis=1)
