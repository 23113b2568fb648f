"""What a loss may read of the membrane of a silent readout: its value at chosen times, or an integral.

A loss on the largest value of V over time is a value at the instant of the maximum: that instant moves too, but V is
flat or kinked there (envelope theorem). `eventsim.measure.peak_potential` finds it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Floats


class ValueAt:
    """A loss on V at chosen times, one for each neuron and sample.

    Parameters
    ----------
    time : array_like (samples, neurons)
        In ms, within the run; V is the left limit.
    gradient : array_like (samples, neurons)
        dL/dV at these times.

    Raises
    ------
    InputError
        NaN, infinite values, negative times, or shapes that differ.
    """

    def __init__(self, time: ArrayLike, gradient: ArrayLike) -> None:
        self.time = arrays.numbers("time", time)
        self.gradient = _finite("gradient", gradient)
        if self.time.shape != self.gradient.shape:
            raise InputError(f"time has shape {self.time.shape}, gradient {self.gradient.shape}; give the same shape.")
        arrays.check_each("time", self.time, np.isfinite(self.time) & (self.time >= 0.0), "allowed: times >= 0 in ms")


class Integral:
    """A loss on the integral of e^(-t / tau) V(t) dt over a sample, one for each neuron.

    Parameters
    ----------
    gradient : array_like (samples, neurons)
        dL/d(integral).
    tau : float, optional
        Time constant in ms by which later values count less (Nowotny, Turner & Knight 2025); inf: the plain integral.

    Raises
    ------
    InputError
        NaN or infinite gradients; a tau that is not positive.
    """

    def __init__(self, gradient: ArrayLike, tau: float = math.inf) -> None:
        self.gradient = _finite("gradient", gradient)
        if not arrays.number("tau", tau) > 0.0:
            raise InputError(f"tau is {tau!r}; allowed: a time constant > 0 in ms, inf for the plain integral.")
        self.tau = float(tau)


def _finite(name: str, values: ArrayLike) -> Floats:
    values = arrays.numbers(name, values)
    arrays.check_each(name, values, np.isfinite(values), "allowed: finite numbers")
    return values
