"""Learning-rate schedules: functions from the number of the optimiser step (0, 1, ...) to a factor.

The optimiser multiplies its ``lr`` by the factor. A schedule is a pure function of the step, so a
resumed training meets the same rates; any callable of one integer will do in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field, asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from eventsim import arrays
from eventsim.errors import InputError, choose

if TYPE_CHECKING:
    from training.type_aliases import Report, Schedules


class Schedule:
    """Base of the schedules: callable, comparable, and written to a dictionary."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # the schedules are dataclasses

    def __call__(self, step: int) -> float:
        """Return the factor for the optimiser step `step`, counted from 0."""
        raise NotImplementedError

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return {"kind": next(k for k, v in KINDS.items() if v is type(self)), **asdict(self)}


@dataclass(frozen=True)
class Constant(Schedule):
    """Factor 1 throughout, after a linear rise over the first `warm_up` steps."""

    warm_up: int = 0

    def __post_init__(self) -> None:
        """Refuse a rise that is no number of steps."""
        arrays.integer("warm_up", self.warm_up, 0)

    def __call__(self, step: int) -> float:
        """Return the factor for optimiser step `step`."""
        return _rise(step, self.warm_up)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from 1 down to `floor` over `total` steps, after a linear rise over `warm_up` steps.

    ``floor + (1 - floor) (1 + cos(pi x)) / 2``, x the part done of the steps after the rise
    (Loshchilov and Hutter 2017, without restarts).
    """

    total: int
    floor: float = 0.0
    warm_up: int = 0

    def __post_init__(self) -> None:
        """Refuse a horizon that leaves no steps, and a floor outside 0 to 1."""
        arrays.integer("total", self.total, 1)
        arrays.integer("warm_up", self.warm_up, 0)
        if self.total <= self.warm_up:
            raise InputError(f"total = {self.total} steps must be more than warm_up = {self.warm_up}.")
        if not 0.0 <= arrays.number("floor", self.floor) <= 1.0:
            raise InputError(f"floor = {self.floor} must be from 0 to 1.")

    def __call__(self, step: int) -> float:
        """Return the factor for optimiser step `step`."""
        if step < self.warm_up:
            return _rise(step, self.warm_up)
        part = min(1.0, (step - self.warm_up) / (self.total - self.warm_up))
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * part))


@dataclass(frozen=True)
class Step(Schedule):
    """Multiply by `gamma` every `every` steps, after a linear rise over the first `warm_up` steps."""

    every: int
    gamma: float = 0.1
    warm_up: int = 0

    def __post_init__(self) -> None:
        """Refuse steps that never come and factors that grow."""
        arrays.integer("every", self.every, 1)
        arrays.integer("warm_up", self.warm_up, 0)
        if not 0.0 < arrays.number("gamma", self.gamma) <= 1.0:
            raise InputError(f"gamma = {self.gamma!r} cannot be used; give a factor above 0 up to 1.")

    def __call__(self, step: int) -> float:
        """Return the factor for optimiser step `step`."""
        return _rise(step, self.warm_up) * self.gamma ** (step // self.every)


def _rise(step: int, warm_up: int) -> float:
    return 1.0 if step >= warm_up else (step + 1) / (warm_up + 1)


KINDS = {"constant": Constant, "cosine": Cosine, "step": Step}
"""Schedules by the name that a configuration file uses."""


def make(schedule: Schedules | None, epochs: int, steps_per_epoch: int, warm_up: float = 0.0) -> Callable[[int], float]:
    """Return a schedule from what the user gave.

    Parameters
    ----------
    schedule : None, str or callable
        None or "constant", "cosine" (to 0 at the end of the last epoch), "step" (a tenth after each third),
        or a callable of the step, returned as it is.
    epochs, steps_per_epoch : int
    warm_up : float
        Epochs of linear rise.

    Raises
    ------
    InputError
        An unknown name.
    """
    if callable(schedule):
        return schedule
    total = arrays.integer("epochs", epochs, 1) * arrays.integer("steps_per_epoch", steps_per_epoch, 1)
    if not 0.0 <= arrays.number("warm_up", warm_up) < math.inf:
        raise InputError(f"warm_up = {warm_up!r} cannot be used; give a finite number of epochs, at least 0.")
    rise = round(min(float(warm_up), 1e9) * min(steps_per_epoch, 10**9))  # more steps than any training has
    name = choose("schedule", "constant" if schedule is None else schedule, KINDS)
    if name == "cosine":
        return Cosine(max(total, rise + 1), warm_up=rise)
    if name == "step":
        return Step(max(1, -(-total // 3)), warm_up=rise)
    return Constant(rise)
