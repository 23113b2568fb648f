"""What a rank has after a run: the spikes of its own neurons, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eventsim.errors import choose

if TYPE_CHECKING:
    from eventsim.spike_table import SpikeTable
    from eventsim.type_aliases import Array


class Costs(NamedTuple):
    """What a run cost one rank.

    Attributes
    ----------
    window : float
        Length of a window in ms: the shortest delay between ranks; inf where none sends to another.
    windows : int
        After how many of them spikes were exchanged, over all samples.
    sent, received, received_bytes : int
        Spikes that this rank told the others; spikes that all told, its own included, and their bytes.
    arrivals : int
        Synaptic arrivals at neurons of this rank.
    synapses, row_bytes : int
        Synapses of this rank; these and their rows as the engine holds them, in bytes.
    build_s : float
        Seconds of wall time for checking the arguments and bringing the network into the engine's form.
    run_s, exchange_s, deliver_s : float
        Seconds of wall time for simulating, for exchanging spikes (waiting for slower ranks included), and for putting
        those of other ranks under way.
    run_processor_s, exchange_processor_s, deliver_processor_s : float
        The same in processor time of all threads.
    """

    window: float
    windows: int
    sent: int
    received: int
    received_bytes: int
    arrivals: int
    synapses: int
    row_bytes: int
    build_s: float
    run_s: float
    exchange_s: float
    deliver_s: float
    run_processor_s: float
    exchange_processor_s: float
    deliver_processor_s: float


class Share:
    """What a rank has after a run; made by `eventsim.mpi.simulate`.

    Parameters
    ----------
    rank, ranks : int
        Number of the process, and how many there are.
    seed : int
        Seed really used.
    tables : dict of str to SpikeTable
        Spikes of its own neurons by recorded population.
    counts : dict of str to ndarray
        Spikes of each of its own neurons by counted population.
    costs : Costs
        What the run cost.

    Attributes
    ----------
    rank, ranks, seed, costs
        As given.
    """

    def __init__(
        self, rank: int, ranks: int, seed: int, tables: dict[str, SpikeTable], counts: dict[str, Array], costs: Costs
    ) -> None:
        self.rank, self.ranks, self.seed, self.costs = rank, ranks, seed, costs
        self._tables, self._counts = tables, counts

    def spikes(self, name: Any) -> SpikeTable:
        """Return the recorded spikes of this rank's neurons of a population.

        Parameters
        ----------
        name : str or Population

        Returns
        -------
        SpikeTable
            Ordered by (sample, time, neuron); ids are those in the whole network.

        Raises
        ------
        InputError
            For a population that was not recorded.
        """
        return self._tables[choose("recorded population", getattr(name, "name", name), tuple(self._tables))]

    def counts(self, name: Any) -> Array:
        """Return how many spikes each of this rank's neurons fired, of a population that was counted.

        Parameters
        ----------
        name : str or Population

        Returns
        -------
        ndarray of int64
            Shape (samples, neurons of this rank).

        Raises
        ------
        InputError
            For a population that was not counted.
        """
        return self._counts[choose("counted population", getattr(name, "name", name), tuple(self._counts))]

    def __repr__(self) -> str:
        return f"<Share: rank {self.rank} of {self.ranks}, {len(self._tables)} populations recorded>"
