"""One connection between two populations, with its weights and delays."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from eventsim import arrays, random
from eventsim.connect.base import DELAY, WEIGHT, check_delay, check_weight, draw
from eventsim.distributions import Distribution
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.connect import Connection
    from eventsim.population import Population
    from eventsim.type_aliases import Drawn, Floats, Key, Pairs


class Synapses(NamedTuple):
    """The synapses of a projection, one entry each; ids are local to the two populations."""

    source: np.ndarray
    """(n,) int32."""
    target: np.ndarray
    """(n,) int32."""
    weight: np.ndarray
    """(n,) float64: the parameter, divided by pool^2."""
    delay: np.ndarray
    """(n,) float64 in ms, or shape () where all are the same."""
    parameter: np.ndarray
    """(n,) int64: index into the flattened weights of the projection."""
    scale: float
    """Derivative of a synapse's weight by its parameter: 1 / pool^2."""


class Projection:
    """A connection between two populations of a network; made by `Network.connect`.

    Attributes
    ----------
    name : str
        Unique in the network.
    source, target : Population
        The two ends.
    connection : Connection
        The rule: `Dense`, `Conv2d`, ...
    receptor : str or None
        The receptor of the target that it feeds; None where the target's receptors have no names.
    """

    def __init__(
        self,
        name: str,
        source: Population,
        target: Population,
        connection: Connection,
        pairs: Pairs | None,
        weight: Floats,
        delay: Floats,
        key: Key,
        receptor: str | None,
    ) -> None:
        self.name = name
        self.source = source
        self.target = target
        self.receptor = receptor
        self.connection = connection
        if isinstance(connection.weight, np.ndarray):
            # The array lives on as `weight`, which may change; the rule keeps scalars and distributions.
            self.connection = copy.copy(connection)
            self.connection.weight = None
        self._pairs = pairs
        self._weight = weight
        self._delay = delay
        self._key = key
        self._digest: str | None = None

    @classmethod
    def drawn(
        cls,
        name: str,
        source: Population,
        target: Population,
        connection: Connection,
        delay: Drawn,
        seed: int,
        receptor: str | None = None,
    ) -> Self:
        """Return a new projection after checking the two ends and drawing what is random.

        Parameters
        ----------
        name : str
            Name; part of the key of all draws.
        source, target : Population
            The two ends.
        connection : Connection
            The rule.
        delay : float, array_like or Distribution
            In ms.
        seed : int
            The network's seed.
        receptor : str, optional
            One of the target's.

        Returns
        -------
        Projection

        Raises
        ------
        InputError
            If the rule does not fit the populations, or weights or delays are not allowed.
        """
        key = stream(seed, name, connection)
        pairs = connection.pairs(source, target, key)
        return cls._with_values(name, source, target, connection, pairs, connection.weight, delay, key, receptor)

    @classmethod
    def restored(
        cls,
        name: str,
        source: Population,
        target: Population,
        connection: Connection,
        pairs: tuple[ArrayLike, ArrayLike] | None,
        weight: ArrayLike,
        delay: ArrayLike,
        seed: int,
        receptor: str | None = None,
    ) -> Self:
        """Return a projection whose pairs, weights and delays are known, after the same checks as `drawn`.

        Parameters
        ----------
        name, source, target, connection
            As `drawn`.
        pairs : (array_like, array_like) or None
            Source and target ids, where the rule lists or draws them one by one.
        weight : array_like
            In the shape of the rule.
        delay : float or array_like
            In ms.
        seed, receptor
            As `drawn`.

        Returns
        -------
        Projection

        Raises
        ------
        InputError
            As `drawn`.
        """
        if connection.lists_pairs:
            if pairs is None:
                raise InputError(f'projection "{name}" lacks its list of synapses.')
            pairs = tuple(
                arrays.ids(f"{what} id", ids, end.size, end.name)
                for what, ids, end in zip(("source", "target"), pairs, (source, target), strict=True)
            )
            if len(pairs[0]) != len(pairs[1]):
                counts = f"{len(pairs[0])} sources and {len(pairs[1])} targets"
                raise InputError(f'projection "{name}" has {counts}.')
        else:
            pairs = None
        key = stream(seed, name, connection)
        known: Any = pairs
        return cls._with_values(name, source, target, connection, known, weight, delay, key, receptor)

    @classmethod
    def _with_values(
        cls,
        name: str,
        source: Population,
        target: Population,
        connection: Connection,
        pairs: Pairs | None,
        weight: Any,
        delay: Any,
        key: Key,
        receptor: str | None,
    ) -> Self:
        shape = connection.weight_shape(source, target, pairs)
        result = cls(name, source, target, connection, pairs, np.zeros(shape), np.zeros(()), key, receptor)
        result._weight = result._weights(weight, shape)
        result._delay = result._delays(delay, shape)
        return result

    @property
    def weight(self) -> Floats:
        """Weights in the user's shape, read-only float64; drawn values where a distribution was given."""
        return arrays.frozen(self._weight)

    @property
    def delay(self) -> Floats:
        """Delays in ms, read-only float64: shape () where all are the same, else the shape of `weight`."""
        return arrays.frozen(self._delay)

    @property
    def pairs(self) -> Pairs | None:
        """Source and target ids where they are listed or drawn one by one, else None."""
        return self._pairs

    @property
    def receptor_index(self) -> int:
        """Place of `receptor` among those of the target; 0 where they have no names."""
        return 0 if self.receptor is None else self.target.neuron.receptors.index(self.receptor)

    @property
    def tau_syn(self) -> float:
        """Time constant of the synapses, that of the receptor they feed, in ms."""
        tau_syn: Any = self.target.neuron.tau_syn
        return tau_syn if self.receptor is None else tau_syn[self.receptor]

    @property
    def scale(self) -> float:
        """Derivative of a synapse's weight by its parameter: 1 / pool^2."""
        return 1.0 / self.connection.pool**2

    def set_weight(self, weight: Drawn) -> None:
        """Replace all weights.

        Parameters
        ----------
        weight : array_like, float or Distribution
            The shape of `weight`; one number for all; or a distribution to draw from again.

        Raises
        ------
        InputError
            If the shape is another, or a weight is NaN or infinite. The old weights then stay.
        """
        self._weight = self._weights(weight, self._weight.shape)
        self._digest = None

    def set_delay(self, delay: Drawn) -> None:
        """Replace all delays.

        Parameters
        ----------
        delay : array_like, float or Distribution
            In ms: one number for all, or one a weight (the shape of `weight`).

        Raises
        ------
        InputError
            If the shape is another, or a delay is negative, NaN or infinite. The old delays then stay.
        """
        self._delay = self._delays(delay, self._weight.shape)
        self._digest = None

    def synapses(self) -> Synapses:
        """Return every synapse: who, to whom, how strongly, how late, and from which parameter.

        Returns
        -------
        Synapses
            New arrays, ordered by (source, target); `Sparse`: in the order of the list. A kernel weight that
            serves many places appears once a place.
        """
        shape = self._weight.shape
        source, target, parameter = self.connection.ends(self.source, self.target, self._pairs, shape)
        delay = self._delay if self._delay.ndim == 0 else self._delay.reshape(-1)[parameter]
        return Synapses(source, target, self.synapse_weight()[parameter], delay, parameter, self.scale)

    def synapse_weight(self) -> Floats:
        """Return the weight of a synapse by its parameter, (parameters,): divided by pool^2 under average pooling."""
        weight = self._weight.reshape(-1)
        return weight / self.connection.pool**2 if self.connection.pool > 1 else weight

    def digest(self) -> str:
        """Return the SHA-256 of everything that the simulation depends on; kept until something is set."""
        if self._digest is None:
            rule = [type(self.connection).__name__, self.connection.settings()]
            shapes = [self._weight.shape, self._delay.shape]
            header = [self.name, self.source.name, self.target.name, *rule, *shapes]
            if self.receptor is not None:
                header.append(self.receptor)
            total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
            for array in (self._weight, self._delay, *(self._pairs or ())):
                total.update(np.ascontiguousarray(array).data)
            self._digest = total.hexdigest()
        return self._digest

    def __repr__(self) -> str:
        return f"<Projection {self.name}: {self.connection!r}, weight {self._weight.shape}>"

    def _weights(self, given: Drawn, shape: tuple[int, ...]) -> Floats:
        if isinstance(given, Distribution):
            result = self._draw(given, WEIGHT, shape)
        else:
            result = arrays.numbers("weight", given)
            if result.ndim == 0:
                result = np.full(shape, float(result))
            self._check_shape("weight", result.shape, shape)
        check_weight(result)
        return result

    def _delays(self, given: Drawn, shape: tuple[int, ...]) -> Floats:
        if isinstance(given, Distribution):
            result = self._draw(given, DELAY, shape)
            if np.any(result < 0.0):
                raise InputError(
                    f"delays drawn from {given!r} are partly negative; use a distribution that is not, "
                    "such as Normal(mean, sd, low=0)."
                )
        else:
            result = arrays.numbers("delay", given)
            if result.ndim:
                self._check_shape("delay", result.shape, shape)
        check_delay(result)
        return result + 0.0  # no negative zero

    def _draw(self, distribution: Distribution, purpose: int, shape: tuple[int, ...]) -> Floats:
        counters = self.connection.counters(self.source, self.target, self._pairs, shape)
        return draw(distribution, self._key, counters, purpose, shape)

    def _check_shape(self, what: str, given: tuple[int, ...], needed: tuple[int, ...]) -> None:
        if given == needed:
            return
        ends = f'"{self.source.name}" {self.source.shape} to "{self.target.name}" {self.target.shape}'
        also = " or one number" if what == "delay" else ""
        hint = " It looks transposed." if given == needed[::-1] and len(needed) > 1 else ""
        raise InputError(
            f"{type(self.connection).__name__} from {ends} needs {what} of shape {needed}{also}; "
            f"got {given}.{hint}"
        )


def stream(seed: int, name: str, connection: Connection) -> Key:
    """Return the random stream of a projection: its own seed if the connection has one, and its name."""
    own = getattr(connection, "seed", None)
    return random.stream_key(seed if own is None else own, f"connect/{name}")
