"""A network of which each process has a part: a range of neurons of every population, and the synapses onto them."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from eventsim import network, random
from eventsim.connect import Connection
from eventsim.connect.part import parted
from eventsim.mpi.ranks import Ranks
from eventsim.neurons.lif import LIF, PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Population, Projection
    from eventsim.type_aliases import Drawn, Shape, Which


class Network:
    """A network that the ranks of an MPI run hold together; it is built as an `eventsim.Network` is.

    Every rank calls the same methods with the same arguments. Synapses are drawn and kept for the neurons of the rank
    only; seeds and names key the draws, so that it is the network that one process would have built.

    Parameters
    ----------
    seed : int, optional
        Key of everything random, 0 to 2**64 - 1; default: a new one from the operating system, the same on all ranks.
    comm : mpi4py.MPI.Comm, optional
        Default: all processes that ``mpiexec`` started. A script that ends with an error on one rank then ends all.

    Attributes
    ----------
    rank, ranks : int
        Number of this process, and how many there are.

    Raises
    ------
    InputError
        There is no mpi4py or no MPI, or the seed is not such a number.
    """

    def __init__(self, seed: int | None = None, comm: Any = None) -> None:
        self.together = Ranks(comm)
        self.rank, self.ranks = self.together.rank, self.together.size
        if seed is None:
            seed = self.together.comm.bcast(random.fresh_seed() if self.rank == 0 else None)
        self.part = network.Network(seed)
        self.rules: dict[str, Connection] = {}
        self.given = {"seed of the network": str(self.part.seed)}

    @property
    def seed(self) -> int:
        """Key of all random draws."""
        return self.part.seed

    @property
    def populations(self) -> MappingProxyType[str, Population]:
        """Populations by name, whole, in the order of creation; read-only."""
        return self.part.populations

    def own(self, population: Which) -> tuple[int, int]:
        """Return which neurons of a population this rank has.

        Parameters
        ----------
        population : Population or str

        Returns
        -------
        (int, int)
            The first, and the one after the last.
        """
        size = self.part[population].size
        return size * self.rank // self.ranks, size * (self.rank + 1) // self.ranks

    def input(self, name: str, shape: Shape) -> Population:
        """Add a population whose spikes are given at simulation time; see `eventsim.Network.input`.

        Parameters
        ----------
        name, shape
            As there.

        Returns
        -------
        Population
        """
        return self._said(self.part.input(name, shape))

    def population(self, name: str, shape: Shape, neuron: LIF) -> Population:
        """Add a population of neurons; see `eventsim.Network.population`.

        Parameters
        ----------
        name, shape, neuron
            As there.

        Returns
        -------
        Population
        """
        return self._said(self.part.population(name, shape, neuron))

    def poisson(self, name: str, shape: Shape, rate: ArrayLike) -> Population:
        """Add neurons that fire at random; see `eventsim.Network.poisson`.

        Parameters
        ----------
        name, shape, rate
            As there.

        Returns
        -------
        Population
        """
        return self._said(self.part.poisson(name, shape, rate))

    def connect(
        self,
        source: Which,
        target: Which,
        connection: Connection,
        delay: Drawn = 0.0,
        receptor: str | None = None,
        name: str | None = None,
        **unknown: Never,
    ) -> Projection:
        """Connect two populations; see `eventsim.Network.connect`.

        Parameters
        ----------
        source, target, connection, delay, receptor, name
            As there. Arrays are those of the whole projection.

        Returns
        -------
        Projection
            The synapses onto the neurons of this rank.

        Raises
        ------
        InputError
            As there.
        """
        mine: Connection = connection
        part_delay = delay
        if isinstance(connection, Connection):
            first, last = self.own(target)
            mine, part_delay = parted(self.part[source], self.part[target], connection, delay, first, last)
        projection = self.part.connect(source, target, mine, part_delay, receptor, name, **unknown)
        listed = [getattr(connection, end, None) for end in ("source", "target")]
        self.given[f'projection "{projection.name}"'] = digest(
            projection.source.name, projection.target.name, type(connection).__name__, connection.settings(), receptor,
            connection.weight, delay, *listed)
        own: Any = projection.connection
        own.forget()
        self.rules[projection.name] = own.rule
        return projection

    def __repr__(self) -> str:
        return (f"<Network: rank {self.rank} of {self.ranks}, {len(self.part.populations)} populations, "
                f"{len(self.rules)} projections>")

    def _said(self, population: Population) -> Population:
        values = [population.kind, population.shape, population.rate]
        if population.kind == "neurons":
            values += [getattr(population.neuron, parameter) for parameter in PARAMETERS]
        self.given[f'population "{population.name}"'] = digest(*values)
        return population


def digest(*values: Any) -> str:
    """Return a hash of numbers, texts and arrays."""
    total = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            total.update(f"{value.dtype.str} {value.shape}".encode())
            total.update(np.ascontiguousarray(value).data)
        else:
            total.update(repr(value).encode())
        total.update(b"\0")
    return total.hexdigest()
