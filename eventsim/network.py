"""Populations and projections: what is simulated.

A network only says what there is; it holds no state of a simulation. Nothing random depends on the order in
which it was built: draws are keyed by the seed, the projection's name and the neuron.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Never

import numpy as np

from eventsim import arrays, foreign, notebook, random
from eventsim.connect import KINDS, Connection
from eventsim.errors import InputError, choose
from eventsim.neurons.lif import LIF
from eventsim.population import Population
from eventsim.projection import Projection, Synapses

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.describe import Description
    from eventsim.type_aliases import Drawn, PathLike, Shape, Which

__all__ = ["Network", "Population", "Projection", "Synapses"]

_CONNECT_ARGUMENTS = ("source", "target", "connection", "delay", "receptor", "name")


class Network:
    """Populations of neurons and inputs, and the projections between them.

    Parameters
    ----------
    seed : int, optional
        Key of everything random, 0 to 2**64 - 1; default: a new one from the operating system, kept in `seed`
        and in the file.

    Raises
    ------
    InputError
        If the seed is not such a number.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network(seed=1)
    >>> pixels = net.input("pixels", (8, 8, 1))
    >>> hidden = net.population("hidden", 100, es.LIF(tau_mem=20.0, tau_syn=5.0))
    >>> net.connect(pixels, hidden, es.Dense(0.1), delay=1.0).name
    'pixels->hidden'
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = random.fresh_seed() if seed is None else arrays.integer("seed", seed, 0, 2**64 - 1)
        self._populations: dict[str, Population] = {}
        self._projections: dict[str, Projection] = {}

    @property
    def seed(self) -> int:
        """Key of all random draws."""
        return self._seed

    @property
    def populations(self) -> MappingProxyType[str, Population]:
        """Populations by name, in the order of creation; read-only."""
        return MappingProxyType(self._populations)

    @property
    def projections(self) -> MappingProxyType[str, Projection]:
        """Projections by name, in the order of creation; read-only."""
        return MappingProxyType(self._projections)

    def __getitem__(self, name: Which) -> Population:
        """Return the population called `name`; `InputError` with a suggestion where there is none."""
        return self._population(name)

    def __contains__(self, name: object) -> bool:
        return name in self._populations

    def __iter__(self) -> Iterator[str]:
        return iter(self._populations)

    def __len__(self) -> int:
        return len(self._populations)

    def __repr__(self) -> str:
        return f"<Network: {len(self._populations)} populations, {len(self._projections)} projections>"

    def _repr_html_(self) -> str:
        return notebook.of_network(self)

    def input(self, name: str, shape: Shape) -> Population:
        """Add a population whose spikes are given at simulation time.

        Parameters
        ----------
        name : str
            A new name.
        shape : int or tuple of int
            Number of neurons, or the shape of a map.

        Returns
        -------
        Population

        Raises
        ------
        InputError
            If the name is taken or unusable, or the shape is not of whole numbers >= 1.
        """
        return self._add(Population(self._new_name(name), arrays.shape("shape", shape), "input"))

    def population(self, name: str, shape: Shape, neuron: LIF) -> Population:
        """Add a population of neurons.

        Parameters
        ----------
        name : str
            A new name.
        shape : int or tuple of int
            Number of neurons, or the shape of a map.
        neuron : LIF
            The parameters: one value, or one a neuron in the population's shape or (size,).

        Returns
        -------
        Population

        Raises
        ------
        InputError
            As `input`, or if `neuron` does not fit.
        """
        name, shape = self._new_name(name), arrays.shape("shape", shape)
        return self._add(Population(name, shape, "neurons", neuron=_fitting(name, shape, neuron)))

    def poisson(self, name: str, shape: Shape, rate: ArrayLike) -> Population:
        """Add neurons that fire at random, each a Poisson process; drawn during the simulation.

        Parameters
        ----------
        name : str
            A new name.
        shape : int or tuple of int
            Number of neurons, or the shape of a map.
        rate : float or array_like
            Spikes a second (Hz) and neuron, >= 0: one value, or one a neuron.

        Returns
        -------
        Population

        Raises
        ------
        InputError
            As `input`, or if a rate is negative, NaN or infinite.
        """
        name, shape = self._new_name(name), arrays.shape("shape", shape)
        size = int(np.prod(shape, dtype=np.int64))
        rates = arrays.numbers("rate", rate)
        if rates.shape not in ((), (size,), shape):
            raise InputError(
                f'rate must be one number or one a neuron of "{name}" {shape}; got shape {rates.shape}.'
            )
        allowed = (rates >= 0.0) & (rates < np.inf)
        arrays.check_each("rate", rates, allowed, "rates must be finite and >= 0, in Hz")
        rates = np.array(np.broadcast_to(rates.reshape(-1), (size,)))
        rates.flags.writeable = False
        return self._add(Population(name, shape, "poisson", rate=rates))

    def set_neuron(self, population: Which, neuron: LIF) -> None:
        """Replace the neuron parameters of a population, for example learned thresholds.

        Parameters
        ----------
        population : Population or str
            Of kind "neurons".
        neuron : LIF
            As in `population`; ``net["hidden"].neuron.replace(v_threshold=...)`` changes some only.

        Raises
        ------
        InputError
            If the population has no neurons of its own, `neuron` does not fit, a readout would result that
            feeds other populations, or a receptor that a projection feeds would be missing.
        """
        population = self._population(population)
        if population.kind != "neurons":
            raise InputError(
                f'"{population.name}" is of kind {population.kind}; only neurons have parameters.'
            )
        old = population.neuron
        population.neuron = _fitting(population.name, population.shape, neuron)
        try:
            for projection in self._projections.values():
                if projection.source is population:
                    _check_source(population)
                if projection.target is population:
                    _check_fed(projection)
        except InputError:
            population.neuron = old
            raise

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
        """Connect two populations.

        Parameters
        ----------
        source, target : Population or str
            By handle or by name; the target must be of kind "neurons".
        connection : Connection
            `Dense`, `Conv2d`, `Sparse`, `OneToOne`, `AllToAll`, `FixedProbability`, `FixedInDegree` or
            `FixedOutDegree`, with the weights.
        delay : float, array_like or Distribution, optional
            Time from a spike to its arrival in ms, finite, >= 0: one for all, or one a weight.
        receptor : str, optional
            Which receptor of the target the spikes arrive at. Needed where `tau_syn` of the target names
            receptors, and not allowed where it does not.
        name : str, optional
            A new name; default "source->target", then "source->target#2" and so on. Part of the key of all
            random draws of this projection.

        Returns
        -------
        Projection

        Raises
        ------
        InputError
            If a population or receptor is unknown, a population cannot be an end, the shapes do not fit, or a
            weight or delay is not allowed.
        """
        foreign.refuse("connect", unknown, _CONNECT_ARGUMENTS, foreign.CONNECT)
        source, target = self._ends(source, target, connection)
        _check_receptor(target, receptor)
        name = self._projection_name(source, target, name)
        projection = Projection.drawn(name, source, target, connection, delay, self._seed, receptor)
        self._projections[name] = projection
        return projection

    def restore(
        self,
        source: Which,
        target: Which,
        connection: Connection,
        name: str,
        pairs: tuple[ArrayLike, ArrayLike] | None,
        weight: ArrayLike,
        delay: ArrayLike,
        receptor: str | None = None,
    ) -> Projection:
        """Add a projection whose synapses, weights and delays are known; for readers of files.

        Parameters
        ----------
        source, target, connection, name
            As `connect`.
        pairs : (array_like, array_like) or None
            Source and target ids, where the rule lists or draws them one by one.
        weight : array_like
            In the shape of the rule.
        delay : float or array_like
            In ms.
        receptor : str, optional
            As `connect`.

        Returns
        -------
        Projection

        Raises
        ------
        InputError
            As `connect`.
        """
        source, target = self._ends(source, target, connection)
        _check_receptor(target, receptor)
        name = self._projection_name(source, target, name)
        known = (pairs, weight, delay, self._seed, receptor)
        projection = Projection.restored(name, source, target, connection, *known)
        self._projections[name] = projection
        return projection

    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of parameters, weights, delays and seed, whatever the building order."""
        total = hashlib.sha256(f"eventsim network {self._seed}".encode())
        for group in (self._populations, self._projections):
            for name in sorted(group):
                total.update(group[name].digest().encode())
        return total.hexdigest()

    def describe(self) -> Description:
        """Return sizes, fan-in, drive against threshold, delays, memory and warnings.

        Returns
        -------
        Description
            `str` of it is a table to read; `as_dict()` the same as plain values.
        """
        from eventsim.describe import describe

        return describe(self)

    def save(self, path: PathLike) -> None:
        """Write the network to an HDF5 file; a file in its place stays whole until the new one is complete.

        Parameters
        ----------
        path : str or path-like
            Where to.
        """
        from eventsim.io import network_file

        network_file.save(path, self)

    @classmethod
    def load(cls, path: PathLike) -> Network:
        """Read a network from an HDF5 file.

        Parameters
        ----------
        path : str or path-like
            A file of `save`.

        Returns
        -------
        Network

        Raises
        ------
        InputError
            If the file is missing, is no network file, is damaged, or is of a later version.
        """
        from eventsim.io import network_file

        return network_file.load(path)

    def _add(self, population: Population) -> Population:
        self._populations[population.name] = population
        return population

    def _population(self, given: Which) -> Population:
        """Return a population given by handle or by name."""
        if isinstance(given, Population):
            if self._populations.get(given.name) is not given:
                raise InputError(
                    f'population "{given.name}" belongs to another network; give one of this network.'
                )
            return given
        if not isinstance(given, str):
            raise InputError(f"a population is given by handle or by name; got {type(given).__name__}.")
        if not self._populations:
            raise InputError(f'population "{given}" is not known; this network has no populations yet.')
        return self._populations[choose("population", given, tuple(self._populations))]

    def _ends(self, source: Which, target: Which, connection: Connection) -> tuple[Population, Population]:
        """Return both populations after checking that a projection may lead from one to the other."""
        source, target = self._population(source), self._population(target)
        if not isinstance(connection, Connection):
            hint = ": use Dense(weight) for a weight matrix." if isinstance(connection, np.ndarray) else "."
            raise InputError(f"connection must be one of {', '.join(KINDS)}; got {_what(connection)}{hint}")
        _check_source(source)
        if target.kind != "neurons":
            raise InputError(
                f'"{target.name}" cannot be a target: it is of kind {target.kind} and receives no spikes; '
                "connect to a population of neurons."
            )
        return source, target

    def _new_name(self, name: str) -> str:
        _check_name("population", name)
        if name in self._populations:
            raise InputError(f'there is already a population "{name}"; give another name.')
        return name

    def _projection_name(self, source: Population, target: Population, name: str | None) -> str:
        if name is not None:
            _check_name("projection", name)
            if name in self._projections:
                raise InputError(f'there is already a projection "{name}"; give another name.')
            return name
        base = name = f"{source.name}->{target.name}"
        number = 1
        while name in self._projections:
            number += 1
            name = f"{base}#{number}"
        return name


def _check_name(what: str, name: str) -> None:
    """Refuse names that could not be a group of an HDF5 file, or could not be seen."""
    if not isinstance(name, str):
        raise InputError(f"a {what} name must be text; got {type(name).__name__}.")
    if not name or name == "." or "/" in name or name != name.strip() or not name.isprintable():
        raise InputError(
            f'{name!r} cannot be a {what} name; use visible text without "/" and without space at the ends.'
        )


def _fitting(name: str, shape: tuple[int, ...], neuron: LIF) -> LIF:
    """Return `neuron` with its arrays as one row, or refuse what is no LIF."""
    if not isinstance(neuron, LIF):
        raise InputError(f'"{name}" needs its neurons as eventsim.LIF(...); got {_what(neuron)}.')
    return neuron.flattened(shape)


def _what(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__} itself, without its arguments"
    return type(value).__name__


def _check_receptor(target: Population, receptor: str | None) -> None:
    """Refuse a receptor that the target does not have, and none where its receptors have names."""
    names = target.neuron.receptors
    if receptor is not None and not names:
        raise InputError(
            f'receptor {receptor!r} is not known: "{target.name}" has one synapse type; leave it out.'
        )
    if receptor is None and names:
        raise InputError(
            f'"{target.name}" has named receptors; give receptor="{names[0]}"'
            + (f' or receptor="{names[1]}".' if len(names) > 1 else ".")
        )
    if names:
        choose("receptor", receptor, names)


def _check_fed(projection: Projection) -> None:
    """Refuse new parameters of a target without the receptor that a projection feeds."""
    try:
        _check_receptor(projection.target, projection.receptor)
    except InputError as error:
        raise InputError(f'the parameters do not fit projection "{projection.name}": {error}') from None


def _check_source(population: Population) -> None:
    if population.is_readout:
        raise InputError(
            f'"{population.name}" cannot be a source: it is a readout (v_threshold is NEVER) and never '
            "fires; connect from a population that fires."
        )
