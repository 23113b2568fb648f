"""Synapses that the user lists one by one: `Sparse`, and `OneToOne`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

import numpy as np

from eventsim import arrays, foreign
from eventsim.connect.base import Connection, given_weight
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.population import Population
    from eventsim.type_aliases import Array, Drawn, Ids, Integers, Key, Pairs


class Listed(Connection):
    """A connection whose synapses are a list of pairs; weights have shape (n,), in the order of the list."""

    lists_pairs = True

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return (number of synapses,); see `Connection.weight_shape`."""
        return (len(pairs[0]),)

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return the list; see `Connection.ends`."""
        return pairs[0], pairs[1], np.arange(len(pairs[0]), dtype=np.int64)

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return target, source, and the rank among synapses of the same pair; see `Connection.counters`."""
        return pairs[1], pairs[0], _rank_among_equals(pairs[0], pairs[1])


class Sparse(Listed):
    """A list of synapses.

    Parameters
    ----------
    source, target : array_like of int
        Neuron ids of the two ends of every synapse, (n,). The same pair may come more than once.
    weight : array_like, float or Distribution
        One value a synapse (n,), one for all, or a distribution.

    Raises
    ------
    InputError
        If the lists differ in length, an id is not a whole number, or a weight is NaN or infinite.
    """

    def __init__(self, source: ArrayLike, target: ArrayLike, weight: Drawn, **unknown: Never) -> None:
        foreign.refuse("Sparse", unknown, ("source", "target", "weight"), foreign.CONNECTION)
        self.weight = given_weight(weight)
        self.source = arrays.ids("source", source, arrays.MAXIMUM_SIZE, "a population")
        self.target = arrays.ids("target", target, arrays.MAXIMUM_SIZE, "a population")
        if len(self.source) != len(self.target):
            raise InputError(
                f"Sparse needs one target a source; got {len(self.source)} sources and "
                f"{len(self.target)} targets."
            )

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs:
        """Return the list, checked against the populations; see `Connection.pairs`."""
        for what, ids, population in (("source", self.source, source), ("target", self.target, target)):
            good = ids < population.size
            arrays.check_each(
                what, ids, good, f'"{population.name}" has neurons 0 to {population.size - 1}'
            )
        return self.source, self.target


class OneToOne(Listed):
    """Neuron i of the source to neuron i of the target; both populations have one size.

    Parameters
    ----------
    weight : array_like, float or Distribution
        One value a pair (n,), one for all, or a distribution.

    Raises
    ------
    InputError
        If a weight is NaN or infinite.
    """

    def __init__(self, weight: Drawn, **unknown: Never) -> None:
        foreign.refuse("OneToOne", unknown, ("weight",), foreign.CONNECTION)
        self.weight = given_weight(weight)

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs:
        """Return (0, 0), (1, 1), ...; see `Connection.pairs`."""
        if source.size != target.size:
            raise InputError(
                f'OneToOne needs populations of one size; "{source.name}" has {source.size} neurons and '
                f'"{target.name}" has {target.size}.'
            )
        ids = np.arange(source.size, dtype=np.int32)
        return ids, ids


def _rank_among_equals(source: Ids, target: Ids) -> Integers:
    """Return, for every pair, how many equal pairs come before it in the list; int64 (n,)."""
    count = len(source)
    rank = np.zeros(count, dtype=np.int64)
    if count < 2:
        return rank
    code = source.astype(np.int64) << 32 | target
    order = np.argsort(code, kind="stable")
    ordered = code[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    start = np.maximum.accumulate(np.where(first, np.arange(count), 0))
    rank[order] = np.arange(count) - start
    return rank
