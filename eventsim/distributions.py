"""Distributions that weights and delays may be drawn from.

Each is an inverse cumulative distribution function: one counter-based uniform number gives one draw, so a
draw depends on the seed, the projection and the synapse, never on what was drawn before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Floats

_LARGEST = 1e30
"""Of a parameter: the farthest of 1e18 draws of a `LogNormal` stays below `eventsim.arrays.LARGEST`."""


class Distribution:
    """A rule that turns uniform numbers in (0, 1) into draws; see the subclasses."""

    _names: ClassVar[tuple[str, ...]] = ()

    def quantile(self, u: ArrayLike) -> Floats:
        """Return the value below which a share `u` of all draws lies.

        Parameters
        ----------
        u : array_like
            Numbers in (0, 1).

        Returns
        -------
        ndarray of float64
            The shape of `u`.
        """
        raise NotImplementedError

    def settings(self) -> dict[str, float]:
        """Return the parameters by name, as a dict of floats."""
        return {name: getattr(self, name) for name in self._names}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value:g}" for name, value in self.settings().items())
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.settings() == other.settings()

    def __hash__(self) -> int:
        return hash((type(self).__name__, *self.settings().items()))


class Uniform(Distribution):
    """All values between two ends alike.

    Parameters
    ----------
    low, high : float
        The ends, finite, low <= high.

    Raises
    ------
    InputError
        If an end is not finite or they are the wrong way round.
    """

    _names = ("low", "high")

    def __init__(self, low: float, high: float) -> None:
        self.low = _finite("low", low)
        self.high = _finite("high", high)
        if self.low > self.high:
            raise InputError(f"Uniform needs low <= high; got low {self.low:g} and high {self.high:g}.")

    def quantile(self, u: ArrayLike) -> Floats:
        """Return ``low + u (high - low)``, never outside the ends; see `Distribution.quantile`."""
        u = np.asarray(u, dtype=np.float64)
        # (1 - u) low + u high cannot overflow where high - low would.
        return np.clip((1.0 - u) * self.low + u * self.high, self.low, self.high)


class Normal(Distribution):
    """The normal distribution, cut off below `low` and above `high` where these are given.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation before the cut; sd >= 0.
    low, high : float, optional
        Draws lie between them; what is cut off is redistributed (a truncated normal, nothing piles up at
        the ends).

    Raises
    ------
    InputError
        If a value is out of range, or the ends leave nothing to draw from.
    """

    _names = ("mean", "sd", "low", "high")

    def __init__(self, mean: float, sd: float, low: float = -math.inf, high: float = math.inf) -> None:
        self.mean = _finite("mean", mean)
        self.sd = _finite("sd", sd, minimum=0.0)
        self.low = arrays.number("low", low)
        self.high = arrays.number("high", high)
        if not (self.low < self.high and self.low < math.inf and self.high > -math.inf):
            raise InputError(f"Normal needs low < high; got low {self.low:g} and high {self.high:g}.")
        if self.sd == 0.0 and not self.low <= self.mean <= self.high:
            raise InputError(f"Normal with sd 0 needs its mean between low and high; got {self!r}.")
        if self.sd > 0.0 and not self._mass() > 0.0:
            raise InputError(f"{self!r} leaves nothing to draw from; move low and high towards the mean.")

    def quantile(self, u: ArrayLike) -> Floats:
        """Return the inverse of the truncated normal distribution function; see `Distribution.quantile`."""
        u = np.asarray(u, dtype=np.float64)
        if self.sd == 0.0:
            return np.full(u.shape, self.mean)
        from scipy.special import ndtr, ndtri

        low, high = self._standard_ends()
        # Mirrored where both ends are above the mean: ndtr loses digits near 1, not near 0.
        mirror = low > 0.0
        if mirror:
            low, high, u = -high, -low, 1.0 - u
        below = ndtr(low)
        z = ndtri(below + u * (ndtr(high) - below))
        z = np.clip(z, low, high)
        return np.clip(self.mean + self.sd * (-z if mirror else z), self.low, self.high)

    def _standard_ends(self) -> tuple[float, float]:
        return (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd

    def _mass(self) -> float:
        low, high = self._standard_ends()
        if low > 0.0:
            low, high = -high, -low
        return 0.5 * (math.erfc(-high / math.sqrt(2.0)) - math.erfc(-low / math.sqrt(2.0)))


class LogNormal(Distribution):
    """Positive values whose logarithm is normal.

    Parameters
    ----------
    mean, sd : float
        Mean (> 0) and standard deviation (>= 0) of the drawn values themselves, not of their logarithm.

    Raises
    ------
    InputError
        If a value is out of range.

    Notes
    -----
    The logarithm has variance ``s2 = log(1 + (sd / mean)^2)`` and mean ``log(mean) - s2 / 2``.
    """

    _names = ("mean", "sd")

    def __init__(self, mean: float, sd: float) -> None:
        self.mean = _finite("mean", mean, above=0.0)
        self.sd = _finite("sd", sd, minimum=0.0)

    def quantile(self, u: ArrayLike) -> Floats:
        """Return ``exp(m + s z)`` with z the standard normal quantile; see `Distribution.quantile`."""
        u = np.asarray(u, dtype=np.float64)
        if self.sd == 0.0:
            return np.full(u.shape, self.mean)
        from scipy.special import ndtri

        variance = math.log1p((self.sd / self.mean) ** 2)
        return np.exp(math.log(self.mean) - 0.5 * variance + math.sqrt(variance) * ndtri(u))


class Exponential(Distribution):
    """Positive values, exponentially distributed.

    Parameters
    ----------
    mean : float
        Mean of the draws, > 0.

    Raises
    ------
    InputError
        If the mean is not a finite number > 0.
    """

    _names = ("mean",)

    def __init__(self, mean: float) -> None:
        self.mean = _finite("mean", mean, above=0.0)

    def quantile(self, u: ArrayLike) -> Floats:
        """Return ``-mean log(1 - u)``; see `Distribution.quantile`."""
        return -self.mean * np.log1p(-np.asarray(u, dtype=np.float64))


KINDS = {kind.__name__: kind for kind in (Uniform, Normal, LogNormal, Exponential)}
"""All distributions by name."""


def _finite(what: str, value: float, minimum: float | None = None, above: float | None = None) -> float:
    result = arrays.number(what, value)
    if not abs(result) <= _LARGEST:
        raise InputError(f"{what} is {result:g}; allowed: finite numbers, at most {_LARGEST:g} in size.")
    if minimum is not None and result < minimum:
        raise InputError(f"{what} is {result:g}; allowed: numbers >= {minimum:g}.")
    if above is not None and result <= above:
        raise InputError(f"{what} is {result:g}; allowed: numbers > {above:g}.")
    return result
