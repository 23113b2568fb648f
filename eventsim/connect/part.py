"""The part of a connection that leads to a range of target neurons, for processes that share a network.

A part is a connection itself, with the weights of its own synapses only. Draws are keyed by projection and neurons,
so it draws the very pairs, weights and delays that the whole would have there. `parted` cuts what a user gives,
`joined` puts the arrays of all parts together again.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.arrays import numbers
from eventsim.connect.base import Connection, pooled_index
from eventsim.connect.convolution import Conv2d
from eventsim.connect.dense import AllToAll, Dense
from eventsim.connect.listed import Sparse
from eventsim.distributions import Distribution
from eventsim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventsim.population import Population
    from eventsim.type_aliases import Array, Drawn, Floats, Ids, Integers, Key, Pairs


class Part(Connection):
    """The synapses of a rule whose targets are the neurons first to last - 1.

    Parameters
    ----------
    rule : Connection
        The whole.
    first, last : int
        Range of target neurons.

    Attributes
    ----------
    rule, first, last
        As given.
    seed : int or None
        That of the rule.
    """

    def __init__(self, rule: Connection, first: int, last: int) -> None:
        self.rule, self.first, self.last = rule, first, last
        self.weight, self.pool, self.lists_pairs = rule.weight, rule.pool, rule.lists_pairs
        self.seed: int | None = getattr(rule, "seed", None)

    def forget(self) -> None:
        """Give up the weights and the lists of the whole, once the synapses of this part are known."""
        self.rule = copy.copy(self.rule)
        if isinstance(self.rule.weight, np.ndarray):
            self.rule.weight = None
        if isinstance(self.rule, Sparse):
            self.rule.source = self.rule.target = np.zeros(0, np.int32)

    def settings(self) -> dict[str, Any]:
        """Return those of the rule; see `Connection.settings`."""
        return self.rule.settings()

    def cut(self, values: Array) -> Array:
        """Return what belongs to this part, of an array with the shape of the whole's weights."""
        return values

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs | None:
        """Return the listed or drawn pairs of this part; see `Connection.pairs`."""
        return self.rule.pairs_onto(source, target, key, self.first, self.last)

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return the shape of this part's weights; see `Connection.weight_shape`."""
        return self.rule.weight_shape(source, target, pairs)

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return the synapses of this part; see `Connection.ends`."""
        return self.rule.ends(source, target, pairs, shape)

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return what keys the draws of this part; see `Connection.counters`."""
        return self.rule.counters(source, target, pairs, shape)


class _Listed(Part):
    """Pairs one by one: some places of the list.

    Attributes
    ----------
    places : ndarray of int64 or None
        Which places of a list that a user gave belong to this part.
    """

    def __init__(self, rule: Connection, first: int, last: int) -> None:
        super().__init__(rule, first, last)
        self.places: Integers | None = None
        if isinstance(rule, Sparse):
            self.places = np.flatnonzero((rule.target >= first) & (rule.target < last))

    def cut(self, values: Array) -> Array:
        return values[self.first : self.last] if self.places is None else values[self.places]


class _Columns(Part):
    """A matrix of weights: some columns."""

    def cut(self, values: Array) -> Array:
        return values[:, self.first : self.last]

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        return self.rule.weight_shape(source, target, pairs)[0], self.last - self.first

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        count = self.last - self.first
        columns = np.arange(self.first, self.last, dtype=np.int32)
        sources = np.repeat(np.arange(source.size, dtype=np.int32), count)
        targets = np.tile(columns, source.size)
        parameter = (pooled_index(source, self.pool)[:, None] * count + np.arange(count)).reshape(-1)
        if isinstance(self.rule, AllToAll) and source is target and not self.rule.allow_self:
            keep = sources != targets
            return sources[keep], targets[keep], parameter[keep]
        return sources, targets, parameter

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        columns = np.arange(self.first, self.last)[None, :]
        return columns, np.arange(shape[0])[:, None], np.zeros((1, 1), dtype=np.int64)


class _Kernel(Part):
    """A kernel that all places share: every part has the whole of it."""

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        sources, targets, parameter = self.rule.ends(source, target, pairs, shape)
        mine = (targets >= self.first) & (targets < self.last)
        return sources[mine], targets[mine], parameter[mine]


def _kind_of(rule: Connection) -> type[Part]:
    if isinstance(rule, Conv2d):
        return _Kernel
    return _Columns if isinstance(rule, Dense | AllToAll) else _Listed


def parted(
    source: Population, target: Population, rule: Connection, delay: Drawn, first: int, last: int
) -> tuple[Part, Drawn]:
    """Return the part of a connection onto some target neurons, with its weights and delays.

    Parameters
    ----------
    source, target : Population
        The two ends, whole.
    rule : Connection
        As a user gives it.
    delay : float, array_like or Distribution
        As a user gives it: one for all, or one a weight.
    first, last : int
        Range of target neurons.

    Returns
    -------
    (Part, float or array or Distribution)

    Raises
    ------
    InputError
        The rule does not fit the populations, arrays have another shape than its weights, or there are delays one by
        one for synapses that are yet to be drawn.
    """
    part = _kind_of(rule)(rule, first, last)
    shape = _shape_of_whole(source, target, rule)
    part.weight = _cut(part, "weight", rule.weight, shape)
    return part, _cut(part, "delay", delay, shape)


def _shape_of_whole(source: Population, target: Population, rule: Connection) -> tuple[int, ...] | None:
    """Return the shape of the whole's weights, None where its synapses are drawn."""
    if rule.lists_pairs:
        if hasattr(rule, "allow_self"):
            return None
        pairs = rule.pairs(source, target, (np.uint64(0), np.uint64(0)))  # of a list no key is needed
        return rule.weight_shape(source, target, pairs)
    return rule.weight_shape(source, target, None)


def _cut(part: Part, what: str, values: Any, shape: tuple[int, ...] | None) -> Any:
    if values is None or isinstance(values, Distribution):
        return values
    values = numbers(what, values)
    if values.ndim == 0:
        return values
    kind = type(part.rule).__name__
    if shape is None:
        raise InputError(f"{kind} draws its own synapses: {what} must be one number or a distribution; got shape "
                         f"{values.shape}. Use Sparse for listed synapses.")
    if values.shape != shape:
        raise InputError(f"{kind} needs {what} of shape {shape}, or one number; got {values.shape}.")
    return part.cut(values)


def joined(kind: type[Connection], arrays: Sequence[Floats], places: Integers | None = None) -> Floats:
    """Return weights or delays of the whole from those of all parts.

    Parameters
    ----------
    kind : type
        Of the whole.
    arrays : list of ndarray
        Of the parts, in the order of their ranges; numbers where all are the same.
    places : ndarray of int64, optional
        Of listed pairs: which place in the parts' lists, one after the other, each place of the whole's list has.
    """
    if arrays[0].ndim == 0 or kind is Conv2d:
        return arrays[0]
    if kind in (Dense, AllToAll):
        return np.concatenate(arrays, axis=1)
    return np.concatenate(arrays)[places]
