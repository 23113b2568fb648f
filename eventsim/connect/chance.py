"""Random connectivity: each pair with a probability, or a fixed number of synapses a neuron.

Every neuron draws from counters of its own, so its synapses do not depend on the size of the other draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from eventsim import arrays, foreign, random
from eventsim.connect.base import TOPOLOGY, given_weight
from eventsim.connect.listed import Listed
from eventsim.distributions import Distribution
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.population import Population
    from eventsim.type_aliases import Drawn, Flags, Floats, Ids, Integers, Key, Pairs

_BLOCK = 1 << 16  # draws at a time: temporary arrays stay in the cache
_AT_ONCE = 1 << 22  # pairs of which a part is kept


class Chance(Listed):
    """A connection whose pairs are drawn; synapses are ordered by (source, target)."""

    def __init__(self, weight: Drawn, allow_self: bool, seed: int | None) -> None:
        self.weight = given_weight(weight)
        if not isinstance(self.weight, float | Distribution):
            raise InputError(
                f"{type(self).__name__} draws its own synapses: weight must be one number or a distribution; "
                f"got shape {self.weight.shape}. Use Sparse for listed weights."
            )
        self.allow_self = arrays.flag("allow_self", allow_self)
        self.seed = None if seed is None else arrays.integer("seed", seed, 0, 2**64 - 1)

    def _candidates(self, drawing: Population, other: Population) -> int:
        """Return how many neurons of `other` each neuron of `drawing` may choose from."""
        return other.size - 1 if self._skips_self(drawing, other) else other.size

    def _skips_self(self, drawing: Population, other: Population) -> bool:
        return drawing is other and not self.allow_self

    def _pairs(self, drawing: Integers, chosen: Integers, skip: bool) -> Pairs:
        """Shift choices past the neuron itself; return the two ends (drawing, chosen) as int32."""
        if skip:
            chosen = chosen + (chosen >= drawing)
        return drawing.astype(np.int32), chosen.astype(np.int32)


class FixedProbability(Chance):
    """Each pair of neurons is connected with probability p, independently of all others.

    Parameters
    ----------
    p : float
        Probability, 0 to 1.
    weight : float or Distribution
        One value for all synapses, or a distribution.
    allow_self : bool, optional
        Whether a neuron may reach itself where source and target are one population.
    seed : int, optional
        Key of the draws; default: the network's.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    def __init__(
        self, p: float, weight: Drawn, allow_self: bool = False, seed: int | None = None, **unknown: Never
    ) -> None:
        foreign.refuse("FixedProbability", unknown, ("p", "weight", "allow_self", "seed"), foreign.CONNECTION)
        super().__init__(weight, allow_self, seed)
        self.p = arrays.number("p", p)
        if not 0.0 <= self.p <= 1.0:
            raise InputError(f"p is {self.p:g}; allowed: probabilities, 0 to 1.")

    def settings(self) -> dict[str, Any]:
        """Return p, allow_self and the seed; see `Connection.settings`."""
        return {"p": self.p, "allow_self": self.allow_self, "seed": self.seed}

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs:
        """Draw the pairs, target neuron by target neuron; see `Connection.pairs`."""
        return self.pairs_onto(source, target, key, 0, target.size)

    def pairs_onto(self, source: Population, target: Population, key: Key, first: int, last: int) -> Pairs:
        """Draw the pairs of some target neurons only; see `Connection.pairs_onto`."""
        skip = self._skips_self(target, source)
        size = self._candidates(target, source)
        owner, chosen = _with_probability(self.p, np.arange(first, last), size, key)
        ends = self._pairs(owner, chosen, skip)
        return _ordered(ends[1], ends[0])


class FixedInDegree(Chance):
    """Each target neuron receives from k different source neurons, drawn at random.

    Parameters
    ----------
    k : int
        Synapses a target neuron, 0 to the number of source neurons.
    weight : float or Distribution
        One value for all synapses, or a distribution.
    allow_self : bool, optional
        Whether a neuron may reach itself where source and target are one population.
    seed : int, optional
        Key of the draws; default: the network's.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    def __init__(
        self, k: int, weight: Drawn, allow_self: bool = False, seed: int | None = None, **unknown: Never
    ) -> None:
        foreign.refuse("FixedInDegree", unknown, ("k", "weight", "allow_self", "seed"), foreign.CONNECTION)
        super().__init__(weight, allow_self, seed)
        self.k = arrays.integer("k", k, 0)

    def settings(self) -> dict[str, Any]:
        """Return k, allow_self and the seed; see `Connection.settings`."""
        return {"k": self.k, "allow_self": self.allow_self, "seed": self.seed}

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs:
        """Draw k sources for each target neuron; see `Connection.pairs`."""
        return self.pairs_onto(source, target, key, 0, target.size)

    def pairs_onto(self, source: Population, target: Population, key: Key, first: int, last: int) -> Pairs:
        """Draw the sources of some target neurons only; see `Connection.pairs_onto`."""
        owner, chosen = self._draw(target, source, key, first, last)
        return _ordered(chosen, owner)

    def _draw(self, drawing: Population, other: Population, key: Key, first: int, last: int) -> Pairs:
        size = self._candidates(drawing, other)
        if self.k > size:
            raise InputError(
                f'{type(self).__name__} k={self.k} is more than the {size} neurons of "{other.name}" to '
                "choose from; give a smaller k."
            )
        owner, chosen = _without_replacement(self.k, np.arange(first, last), size, key)
        return self._pairs(owner, chosen, self._skips_self(drawing, other))


class FixedOutDegree(FixedInDegree):
    """Each source neuron reaches k different target neurons, drawn at random.

    Parameters
    ----------
    k : int
        Synapses a source neuron, 0 to the number of target neurons.
    weight : float or Distribution
        One value for all synapses, or a distribution.
    allow_self : bool, optional
        Whether a neuron may reach itself where source and target are one population.
    seed : int, optional
        Key of the draws; default: the network's.

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    def __init__(
        self, k: int, weight: Drawn, allow_self: bool = False, seed: int | None = None, **unknown: Never
    ) -> None:
        foreign.refuse("FixedOutDegree", unknown, ("k", "weight", "allow_self", "seed"), foreign.CONNECTION)
        super().__init__(k, weight, allow_self, seed)

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs:
        """Draw k targets for each source neuron; see `Connection.pairs`."""
        return _ordered(*self._draw(source, target, key, 0, source.size))

    def pairs_onto(self, source: Population, target: Population, key: Key, first: int, last: int) -> Pairs:
        """Draw all pairs, some sources at a time, and keep those asked for; see `Connection.pairs_onto`."""
        step, found = max(_AT_ONCE // max(self.k, 1), 1), []
        for begin in range(0, source.size, step):
            pairs = self._draw(source, target, key, begin, min(begin + step, source.size))
            mine = (pairs[1] >= first) & (pairs[1] < last)
            found.append((pairs[0][mine], pairs[1][mine]))
        return _ordered(*(np.concatenate(ends) for ends in zip(*found, strict=True)))


def _ordered(source: Ids, target: Ids) -> Pairs:
    """Return the pairs ordered by (source, target); no pair comes twice."""
    code = source.astype(np.int64) << 32 | target
    code.sort(kind="stable")
    return (code >> 32).astype(np.int32), (code & 0xFFFFFFFF).astype(np.int32)


def _blocks(owners: Integers, width: int) -> Iterator[Integers]:
    """Yield `owners` in blocks of about `_BLOCK` draws of `width` each."""
    rows = max(1, _BLOCK // max(width, 1))
    for start in range(0, len(owners), rows):
        yield owners[start : start + rows]


def _uniform(key: Key, owners: Integers, first: int, width: int) -> Floats:
    """Return draws number `first` to `first + width - 1` of every owner, (owners, width)."""
    return random.uniform(key, owners[:, None], np.arange(first, first + width)[None, :], TOPOLOGY, 0)


def _with_probability(p: float, owners: Integers, size: int, key: Key) -> tuple[Integers, Integers]:
    """Choose each of `size` candidates with probability p, for every owner.

    The gaps between chosen candidates are geometric: ``floor(log(u) / log(1 - p))`` (Batagelj and Brandes,
    Phys. Rev. E 71, 036113, 2005), so that the work grows with the number of synapses, not of pairs.

    Returns
    -------
    owner, chosen : ndarray of int64 (n,)
    """
    if p == 0.0 or size <= 0 or len(owners) == 0:
        return owners[:0], owners[:0]
    if p == 1.0:
        return np.repeat(owners, size), np.tile(np.arange(size, dtype=np.int64), len(owners))
    expected = size * p
    width = int(expected + 4.0 * np.sqrt(expected) + 8.0)
    scale = 1.0 / math.log1p(-p)
    found = []
    for block in _blocks(owners, width):
        rows, position, first = block, np.full(len(block), -1, dtype=np.int64), 0
        while len(rows):
            # A gap beyond the last candidate ends the row: cut there, so that sums stay small.
            gap = np.minimum(np.log(_uniform(key, rows, first, width)) * scale, float(size)).astype(np.int64)
            chosen = position[:, None] + np.cumsum(gap + 1, axis=1)
            inside = chosen < size
            found.append((np.repeat(rows, inside.sum(axis=1)), chosen[inside]))
            going = inside[:, -1]
            rows, position, first = rows[going], chosen[going, -1], first + width
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _without_replacement(k: int, owners: Integers, size: int, key: Key) -> tuple[Integers, Integers]:
    """Choose k different of `size` candidates for every owner.

    The first k different values of a sequence of independent draws are a uniformly random sample. Above half
    of the candidates the ones left out are drawn instead.

    Returns
    -------
    owner, chosen : ndarray of int64 (owners * k,)
    """
    if k > size // 2:
        owner, left_out = _distinct(size - k, owners, size, key)
        keep = np.ones((len(owners), size), dtype=bool)
        keep[np.searchsorted(owners, owner), left_out] = False
        return np.repeat(owners, k), np.nonzero(keep)[1]
    return _distinct(k, owners, size, key)


def _distinct(k: int, owners: Integers, size: int, key: Key) -> tuple[Integers, Integers]:
    """Return the first k different values of every owner's sequence of draws."""
    if k == 0 or len(owners) == 0:
        return owners[:0], owners[:0]
    expected = -size * np.log1p(-k / size)
    width = int(expected + 4.0 * np.sqrt(expected) + 4.0)
    owner, chosen = [], []
    for block in _blocks(owners, width):
        rows, drawn = block, np.zeros((len(block), 0), dtype=np.int64)
        while len(rows):
            more = (_uniform(key, rows, drawn.shape[1], width) * size).astype(np.int64)
            drawn = np.concatenate((drawn, np.minimum(more, size - 1)), axis=1)
            new = _first_of_its_value(drawn)
            rank = np.cumsum(new, axis=1)
            done = rank[:, -1] >= k
            taken = (new & (rank <= k))[done]
            owner.append(np.repeat(rows[done], k))
            chosen.append(drawn[done][taken])
            rows, drawn = rows[~done], drawn[~done]
    return np.concatenate(owner), np.concatenate(chosen)


def _first_of_its_value(drawn: Integers) -> Flags:
    """Return where a value comes for the first time in its row; bool, the shape of `drawn`."""
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    first = np.ones(drawn.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    result = np.empty_like(first)
    np.put_along_axis(result, order, first, axis=1)
    return result
