"""The table [sweep]: which values vary, and how the points are chosen.

``kind = "grid"`` takes every combination of the values listed, the last parameter fastest. ``"random"`` draws `count`
points: from a list with equal chances, from a range ``{low, high}`` evenly, with ``log = true`` evenly in the
logarithm; whole numbers where both ends are. ``"sobol"`` fills the same space more evenly (scrambled Sobol
sequence). Draws are functions of (seed, parameter, number of the point), so more points can be asked for later.

[sweep.values] names a value of the file by its tables, ``fit.optimizer.lr``.
"""

import copy
import itertools
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import random
from eventsim.errors import InputError, choose
from eventsim.type_aliases import Floats
from training.tables import table

if TYPE_CHECKING:
    from training.type_aliases import Report, Settings

KINDS = ("grid", "random", "sobol")

_RANGE = {"low", "high", "log"}

MOST = 1_000_000
"""Points of a sweep."""


@dataclass(frozen=True)
class Range:
    """An interval that values are drawn from."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> float | int:
        """Return the value at a share from 0 to 1 of the interval."""
        low, high = (self.low, self.high + 1) if self.whole else (self.low, self.high)
        if self.log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        return min(math.floor(value), int(self.high)) if self.whole else min(max(value, self.low), self.high)


class Sweep:
    """The points of a sweep.

    Parameters
    ----------
    kind : {"grid", "random", "sobol"}
    count : int
        Points.
    seed : int
    values : dict of str to list or Range
        By dotted name.
    """

    def __init__(self, kind: str, count: int, seed: int, values: dict[str, Any]) -> None:
        self.kind, self.count, self.seed, self._values = kind, count, seed, values
        self.names = tuple(values)
        self._rows: list[tuple[Any, ...]] = []
        if kind == "grid":
            self._rows = list(itertools.product(*values.values()))
        else:
            shares = self._drawn() if kind == "random" else self._sobol()
            self._rows = [tuple(map(_value, values.values(), row)) for row in shares.tolist()]

    def settings(self) -> "Report":
        """Return what makes it this sweep; more points of the same draws are the same sweep."""
        values = {name: vars(v) if isinstance(v, Range) else v for name, v in self._values.items()}
        return {"kind": self.kind, "seed": self.seed, "values": values}

    def parameters(self, number: int) -> "Report":
        """Return the values of a point by name."""
        return dict(zip(self.names, self._rows[number], strict=True))

    def applied(self, base: "Settings", number: int) -> dict[str, Any]:
        """Return the tables of a file with the values of a point in their places."""
        tables = copy.deepcopy(dict(base))
        for name, value in self.parameters(number).items():
            *path, last = name.split(".")
            here = tables
            for part in path:
                here = here.setdefault(part, {})
                if not isinstance(here, dict):
                    raise InputError(f'[sweep.values] {name}: "{part}" is no table of the file; name a value by its '
                                     "tables, such as fit.optimizer.lr")
            here[last] = copy.deepcopy(value)
        return tables

    def _drawn(self) -> Floats:
        numbers = np.arange(self.count)
        return np.column_stack([random.uniform(random.stream_key(self.seed, f"sweep/{name}"), numbers)
                                for name in self.names])

    def _sobol(self) -> Floats:
        from scipy.stats import qmc

        with warnings.catch_warnings():  # that a number of points which is no power of 2 is a little less even
            warnings.simplefilter("ignore", UserWarning)
            return np.asarray(qmc.Sobol(len(self.names), seed=np.random.default_rng(self.seed)).random(self.count))


# Annotations are no text here: `training.tables` checks files of settings against the types of the fields.
@dataclass(frozen=True)
class _Table:
    kind: str = "grid"
    count: int | None = None
    seed: int = 0
    values: dict = field(default_factory=dict)


def parse(given: Any) -> Sweep:
    """Return the `Sweep` of the table [sweep].

    Parameters
    ----------
    given : dict
        As `tomllib` reads it; None where the file has none.

    Raises
    ------
    InputError
        No such table, an unknown key, or values that cannot be used.
    """
    if not isinstance(given, dict):
        raise InputError("the file has no table [sweep]; give kind, count and [sweep.values], or train it with "
                         "eventsim train")
    read = table("sweep", _Table, given)
    choose("[sweep] kind", read.kind, KINDS)
    if not 0 <= read.seed < 2**63:
        raise InputError(f"[sweep] seed = {read.seed} cannot be used; give a whole number from 0 to 2**63 - 1")
    values = {name: _checked(name, value, read.kind) for name, value in _flat(read.values)}
    if not values:
        raise InputError("[sweep.values] is empty; give what varies, such as fit.optimizer.lr = [0.005, 0.01]")
    if read.kind == "grid":
        count = math.prod(len(listed) for listed in values.values())
        if read.count is not None:
            raise InputError(f"[sweep] count = {read.count} is for random and sobol; a grid has all {count} "
                             "combinations, drop it")
    else:
        count = read.count
        if count is None or count < 1:
            raise InputError(f'[sweep] kind = "{read.kind}" needs the number of points; give count, at least 1')
    if count > MOST:
        raise InputError(f"[sweep] has {count:,} points; allowed: up to {MOST:,}")
    return Sweep(read.kind, count, read.seed, values)


def _flat(values: "Settings", before: str = "") -> list[tuple[str, Any]]:
    """Return the values by dotted name, in the order of the file; tables in tables are parts of names."""
    found = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and not ({"low", "high"} & set(value) and set(value) <= _RANGE):
            found += _flat(value, f"{name}.")
        else:
            found.append((name, value))
    return found


def _checked(name: str, value: Any, kind: str) -> Any:
    if isinstance(value, list):
        if not value:
            raise InputError(f"[sweep.values] {name} = [] has no value; give at least one")
        return value
    if not isinstance(value, dict):
        raise InputError(f"[sweep.values] {name} = {value!r} cannot be used; give a list of values, or a range "
                         "{low = ..., high = ...}")
    if kind == "grid":
        raise InputError(f"[sweep.values] {name} is a range, which a grid cannot take; list its values, or choose "
                         'kind = "random" or "sobol"')
    low, high, log = value.get("low", math.nan), value.get("high", math.nan), value.get("log", False)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in (low, high))
    if not numbers or not isinstance(log, bool) or not low < high or (log and low <= 0):
        raise InputError(f"[sweep.values] {name} = {value!r} is no range; give finite low < high, above 0 with "
                         "log = true")
    return Range(low, high, log, isinstance(low, int) and isinstance(high, int))


def _value(listed: Any, share: float) -> Any:
    if isinstance(listed, Range):
        return listed.at(share)
    return listed[min(int(share * len(listed)), len(listed) - 1)]
