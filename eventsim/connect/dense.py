"""Every source neuron to every target neuron: `Dense`, with pooling, and `AllToAll`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

import numpy as np

from eventsim import arrays, foreign
from eventsim.connect.base import Connection, given_weight, pooled_index, pooled_map

if TYPE_CHECKING:
    from eventsim.population import Population
    from eventsim.type_aliases import Array, Drawn, Ids, Integers, Pairs


class Dense(Connection):
    """A weight matrix: every source neuron reaches every target neuron.

    Parameters
    ----------
    weight : array_like, float or Distribution
        Shape (source, target): one row a source neuron (after pooling), one column a target neuron.
    pool : int, optional
        Average the source map over windows of pool x pool before the matrix: each of the pool^2 neurons of a
        window gets the window's weight / pool^2. The source must then be a map (height, width, channels).

    Raises
    ------
    InputError
        If a weight is NaN or infinite, or `pool` is not a whole number >= 1.
    """

    def __init__(self, weight: Drawn, pool: int = 1, **unknown: Never) -> None:
        foreign.refuse("Dense", unknown, ("weight", "pool"), foreign.CONNECTION)
        self.weight = given_weight(weight)
        self.pool = arrays.integer("pool", pool, 1)

    def settings(self) -> dict[str, Any]:
        """Return the pooling window; see `Connection.settings`."""
        return {"pool": self.pool}

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return (pooled source neurons, target neurons); see `Connection.weight_shape`."""
        if self.pool == 1:
            return source.size, target.size
        height, width, channels = pooled_map(source, self.pool, "pool")
        return height * width * channels, target.size

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return all pairs, ordered by (source, target); see `Connection.ends`."""
        count = target.size
        row = pooled_index(source, self.pool)
        ids = np.arange(source.size, dtype=np.int32)
        parameter = (row[:, None] * count + np.arange(count, dtype=np.int64)).reshape(-1)
        return np.repeat(ids, count), np.tile(np.arange(count, dtype=np.int32), source.size), parameter

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return the target neuron, then the (pooled) source neuron; see `Connection.counters`."""
        return np.arange(shape[1])[None, :], np.arange(shape[0])[:, None], np.zeros((1, 1), dtype=np.int64)


class AllToAll(Connection):
    """Every source neuron to every target neuron; within one population not to itself, unless allowed.

    Parameters
    ----------
    weight : float, Distribution or array_like
        One value for all, a distribution, or an array (source, target).
    allow_self : bool, optional
        Whether a neuron may reach itself where source and target are one population. Where not, the diagonal
        of the weights is not used.

    Raises
    ------
    InputError
        If a weight is NaN or infinite.
    """

    def __init__(self, weight: Drawn, allow_self: bool = False, **unknown: Never) -> None:
        foreign.refuse("AllToAll", unknown, ("weight", "allow_self"), foreign.CONNECTION)
        self.weight = given_weight(weight)
        self.allow_self = arrays.flag("allow_self", allow_self)

    def settings(self) -> dict[str, Any]:
        """Return whether neurons may reach themselves; see `Connection.settings`."""
        return {"allow_self": self.allow_self}

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return (source neurons, target neurons); see `Connection.weight_shape`."""
        return source.size, target.size

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return all pairs but the self-connections, ordered by (source, target); see `Connection.ends`."""
        count = target.size
        sources = np.repeat(np.arange(source.size, dtype=np.int32), count)
        targets = np.tile(np.arange(count, dtype=np.int32), source.size)
        parameter = np.arange(source.size * count, dtype=np.int64)
        if source is target and not self.allow_self:
            keep = sources != targets
            return sources[keep], targets[keep], parameter[keep]
        return sources, targets, parameter

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return the target neuron, then the source neuron; see `Connection.counters`."""
        return np.arange(shape[1])[None, :], np.arange(shape[0])[:, None], np.zeros((1, 1), dtype=np.int64)
