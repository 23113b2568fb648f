"""What every kind of connection can say about itself, and drawing weights synapse by synapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays, random
from eventsim.distributions import Distribution
from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.population import Population
    from eventsim.type_aliases import Array, Drawn, Floats, Ids, Integers, Key, Pairs

TOPOLOGY, WEIGHT, DELAY = 0, 1, 2
"""Third counter of a random draw: what is drawn. The first two are the target and the source neuron."""

_WEIGHTS = f"weights must be finite numbers, at most {arrays.LARGEST:g} in size"

_CHUNK = 1 << 16  # draws at a time: temporary arrays stay in the cache, twice as fast


class Connection:
    """A rule for the synapses between two populations, with their weights.

    A rule knows no population: `pairs`, `weight_shape`, `ends` and `counters` are told the two ends by
    `eventsim.projection.Projection`, which keeps the results.

    Attributes
    ----------
    weight : float, Distribution, ndarray or None
        As given; None once the connection is part of a network and the weights were given as an array
        (the array is then `Projection.weight`).
    pool : int
        Side of the average pooling window on the source map; 1 for none.
    lists_pairs : bool
        Whether the synapses are listed or drawn one by one.
    """

    pool: int = 1
    lists_pairs: bool = False
    weight: float | Floats | Distribution | None = None

    def settings(self) -> dict[str, Any]:
        """Return the arguments other than weights and neuron ids, as a dict of plain values."""
        return {}

    def pairs(self, source: Population, target: Population, key: Key) -> Pairs | None:
        """Return what is listed or drawn synapse by synapse.

        Parameters
        ----------
        source, target : Population
            The two ends.
        key : tuple
            Random stream of the projection.

        Returns
        -------
        (ndarray, ndarray) or None
            Source and target neuron ids, int32 (n,); None where the rule itself says it all.
        """
        return None

    def pairs_onto(self, source: Population, target: Population, key: Key, first: int, last: int) -> Pairs | Any:
        """Return those of `pairs` that lead to the target neurons first to last - 1, in the same order.

        Parameters
        ----------
        source, target, key
            As `pairs`.
        first, last : int
            A range of target neurons.
        """
        pairs = self.pairs(source, target, key)
        if pairs is None:
            return None
        mine = (pairs[1] >= first) & (pairs[1] < last)
        return pairs[0][mine], pairs[1][mine]

    def weight_shape(self, source: Population, target: Population, pairs: Pairs | Any) -> tuple[int, ...]:
        """Return the shape of the weights, after checking that the two ends fit the rule.

        Raises
        ------
        InputError
            If the shapes of the populations do not allow this connection.
        """
        raise NotImplementedError

    def ends(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Ids, Ids, Integers]:
        """Return the synapses.

        Returns
        -------
        source, target : ndarray of int32 (n,)
            Neuron ids of every synapse, ordered by (source, target), or as the user listed them.
        parameter : ndarray of int64 (n,)
            Index of its weight in the flattened weights.
        """
        raise NotImplementedError

    def counters(
        self, source: Population, target: Population, pairs: Pairs | Any, shape: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        """Return three integer arrays that broadcast to `shape` and tell every weight from every other.

        The first is the target neuron (of a kernel: the output channel), the second the source neuron, the
        third counts further synapses between the same two neurons.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in self.settings().items()]
        weight = self.weight
        if isinstance(weight, np.ndarray):
            parts.insert(0, f"<weight {weight.shape}>")
        elif weight is not None:
            parts.insert(0, repr(weight))
        return f"{type(self).__name__}({', '.join(parts)})"


def given_weight(value: Drawn) -> float | Floats | Distribution:
    """Return weights as given by the user: a Distribution, a float, or a new float64 array.

    Raises
    ------
    InputError
        If they are not numbers, or one is NaN or infinite.
    """
    if isinstance(value, Distribution):
        return value
    array = arrays.numbers("weight", value)
    check_weight(array)
    return float(array) if array.ndim == 0 else array


def check_weight(array: Floats) -> None:
    """Raise `InputError` where a weight is NaN, infinite or too large to compute with."""
    arrays.check_each("weight", array, np.abs(array) <= arrays.LARGEST, _WEIGHTS)


def check_delay(array: Floats) -> None:
    """Raise `InputError` where a delay is negative, NaN or infinite."""
    arrays.check_each(
        "delay", array, (array >= 0.0) & (array < np.inf), "delays must be finite and >= 0, in ms"
    )


def draw(
    distribution: Distribution, key: Key, counters: tuple[Array, Array, Array], purpose: int, shape: tuple[int, ...]
) -> Floats:
    """Return draws of a distribution, one a parameter.

    Parameters
    ----------
    distribution : Distribution
        What to draw from.
    key : tuple
        Random stream of the projection.
    counters : tuple of ndarray
        Of `Connection.counters`.
    purpose : int
        WEIGHT or DELAY.
    shape : tuple of int
        Shape of the result.

    Returns
    -------
    ndarray of float64
    """
    first, second, third = (np.broadcast_to(c, shape).reshape(-1) for c in counters)
    result = np.empty(first.size)
    for start in range(0, first.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        u = random.uniform(key, first[part], second[part], purpose, third[part])
        result[part] = distribution.quantile(u)
    return result.reshape(shape)


def pooled_map(source: Population, pool: int, what: str) -> tuple[int, int, int]:
    """Return the (height, width, channels) of a source map after average pooling.

    Raises
    ------
    InputError
        If the source is no map of three axes, or a side is not a multiple of `pool`.
    """
    if len(source.shape) != 3:
        raise InputError(
            f'{what} needs a source map (height, width, channels); "{source.name}" has shape {source.shape}.'
        )
    height, width, channels = source.shape
    if height % pool or width % pool:
        raise InputError(
            f'pool={pool} does not divide the map of "{source.name}", {height} x {width}; give a pool that '
            "divides both sides."
        )
    return height // pool, width // pool, channels


def pooled_index(source: Population, pool: int) -> Integers:
    """Return, for every source neuron, its index in the pooled map; int64 (source.size,)."""
    if pool == 1:
        return np.arange(source.size, dtype=np.int64)
    height, width, channels = source.shape
    row = np.arange(height, dtype=np.int64)[:, None, None] // pool
    column = np.arange(width, dtype=np.int64)[None, :, None] // pool
    channel = np.arange(channels, dtype=np.int64)
    return ((row * (width // pool) + column) * channels + channel).reshape(-1)
