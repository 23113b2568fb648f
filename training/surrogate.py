"""Surrogate derivatives of a spike, and the smooth steps that they are derivatives of.

A spike in discrete time is a step of ``x = V - threshold``; its derivative, zero almost everywhere, is replaced by
that of a smooth step (Neftci, Mostafa, Zenke, IEEE Signal Processing Magazine 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import choose, expect

if TYPE_CHECKING:
    from eventsim.type_aliases import Array
    from training.type_aliases import Report, Settings


@dataclass(frozen=True)
class Surrogate:
    """Base of the surrogates: `slope` of `step` at x = V - threshold.

    Parameters
    ----------
    width : float
        Steepness, 1/V: the larger, the closer to a step.

    Raises
    ------
    InputError
        A width that is not a finite number above 0.
    """

    width: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a width that is not positive."""
        arrays.positive("The surrogate's", width=self.width)

    def step(self, x: Array) -> Array:
        """Return the smooth step, an array like `x`."""
        raise NotImplementedError

    def slope(self, x: Array) -> Array:
        """Return the derivative of `step`, an array like `x`."""
        raise NotImplementedError

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return {"kind": next(k for k, v in KINDS.items() if v is type(self)), **asdict(self)}


@dataclass(frozen=True)
class Arctan(Surrogate):
    """``slope = width / 2 / (1 + (pi width x / 2)^2)`` (Fang et al., ICCV 2021).

    Parameters
    ----------
    width : float
        Steepness, 1/V.
    """

    def step(self, x: Array) -> Array:
        """Return ``1/2 + arctan(pi width x / 2) / pi``."""
        return 0.5 + np.arctan(0.5 * math.pi * self.width * x) / math.pi

    def slope(self, x: Array) -> Array:
        """Return the derivative of `step`."""
        scaled = (0.5 * math.pi * self.width) * x
        scaled *= scaled
        scaled += 1.0
        return (0.5 * self.width) / scaled


@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    """``slope = 1 / (1 + width |x|)^2`` (Zenke and Ganguli, Neural Computation 2018).

    Parameters
    ----------
    width : float
        Steepness, 1/V.
    """

    def step(self, x: Array) -> Array:
        """Return ``1/2 + x / (1 + width |x|)``."""
        return 0.5 + x / (1.0 + self.width * np.abs(x))

    def slope(self, x: Array) -> Array:
        """Return the derivative of `step`."""
        return 1.0 / np.square(1.0 + self.width * np.abs(x))


KINDS = {"arctan": Arctan, "fast_sigmoid": FastSigmoid}
"""Surrogates by the name that files use."""


def from_dict(settings: Settings) -> Surrogate:
    """Return the surrogate that `Surrogate.to_dict` described.

    Parameters
    ----------
    settings : dict

    Raises
    ------
    InputError
        An unknown kind or setting.
    """
    expect("The settings of the surrogate", settings, Mapping, 'a dict such as {"kind": "arctan"}')
    settings = dict(settings)
    kind = KINDS[choose("The surrogate", settings.pop("kind", "arctan"), KINDS)]
    for name in settings:
        choose("The surrogate setting", name, tuple(kind.__dataclass_fields__))
    return kind(**settings)
