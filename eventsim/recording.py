"""What a run records: which populations, which of their neurons, over which time, or counts alone.

A `Record` says it for one population. A `Recorder` takes what an engine hands over piece by piece, in
order of time within a sample, and passes on to a store what was asked for. `Memory` is the store of runs
that stay in memory; `eventsim.io.segments.Writer` is the one on disk.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose
from eventsim.spike_table import SpikeTable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.lower import Lowered
    from eventsim.network import Network
    from eventsim.population import Population
    from eventsim.type_aliases import Flags, Ids, Piece, Recorded

COUNTS = "counts"
"""What to give for `record`, or for a population in it, to keep counts of spikes and no spike."""


class Record:
    """What is recorded of one population.

    Parameters
    ----------
    neurons : array_like of int, optional
        Neurons whose spikes are kept, in any order; default: all. None of them: ``[]``.
    start, stop : float, optional
        Spikes in [start, stop) ms of every sample are kept; default: all of the run.
    counts : bool, optional
        Also count every spike of every neuron, whatever `neurons`, `start` and `stop` leave out.

    Attributes
    ----------
    neurons : ndarray of int32 or None
        Ascending, each once; None: all.
    start, stop, counts
        As given.

    Raises
    ------
    InputError
        For ids that are not whole numbers >= 0, or a span of time that is empty.

    Examples
    --------
    >>> Record(neurons=[7, 3], start=100.0)
    Record(2 neurons, 100 ms to the end)
    """

    def __init__(
        self, neurons: ArrayLike | None = None, start: float = 0.0, stop: float = math.inf, counts: bool = False
    ) -> None:
        self.neurons: Ids | None = None
        if neurons is not None:
            self.neurons = np.unique(arrays.ids("neurons of a Record", neurons, arrays.MAXIMUM_SIZE, "a population"))
        self.start, self.stop = arrays.number("start", start), arrays.number("stop", stop)
        if not 0.0 <= self.start < self.stop:
            raise InputError(f"the span of a Record is {self.start:g} to {self.stop:g} ms; give 0 <= start < stop")
        self.counts = arrays.flag("counts", counts)

    @property
    def keeps_spikes(self) -> bool:
        """Whether any spike is kept."""
        return self.neurons is None or len(self.neurons) > 0

    def is_complete(self, t_stop: float) -> bool:
        """Return whether every spike before t_stop is kept.

        Parameters
        ----------
        t_stop : float
            End of the run in ms.
        """
        return self.neurons is None and self.start == 0.0 and self.stop >= t_stop

    def __eq__(self, other: object) -> bool:
        """Tell whether both record the same."""
        if not isinstance(other, Record):
            return NotImplemented
        same = (self.start, self.stop, self.counts) == (other.start, other.stop, other.counts)
        if self.neurons is None or other.neurons is None:
            return same and self.neurons is other.neurons
        return same and np.array_equal(self.neurons, other.neurons)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as Python itself has it

    def __repr__(self) -> str:
        """Return what is recorded, in words."""
        if not self.keeps_spikes:
            return "Record(counts only)" if self.counts else "Record(nothing)"
        which = "all neurons" if self.neurons is None else f"{len(self.neurons):,} neurons"
        until = "the end" if math.isinf(self.stop) else f"{self.stop:g} ms"
        when = "" if self.start == 0.0 and math.isinf(self.stop) else f", {self.start:g} ms to {until}"
        return f"Record({which}{when}{', counts' if self.counts else ''})"


def checked_record(net: Network, record: Recorded | None) -> dict[str, Record]:
    """Return {population name: Record}, in the order of the network, from what a user gave as `record`.

    Parameters
    ----------
    net : Network
    record : None, bool, "counts", str, list or dict
        See `eventsim.simulate`. Inputs are left out: their spikes are the stimulus.

    Returns
    -------
    dict of str to Record

    Raises
    ------
    InputError
        For a population that does not exist, neurons that it does not have, or anything else.
    """
    every = [p.name for p in net.populations.values() if p.kind == "neurons"]
    if record is None or record is True:
        wanted = dict.fromkeys(every, True)
    elif record is False:
        wanted = {}
    elif isinstance(record, str) and record == COUNTS:
        wanted = dict.fromkeys(every, COUNTS)
    elif isinstance(record, Mapping):
        wanted = {getattr(key, "name", key): value for key, value in record.items()}
    else:
        try:
            given = [record] if isinstance(record, str) or hasattr(record, "name") else list(record)
        except TypeError:
            raise InputError(f"record is a {type(record).__name__}; give a list of population names, a dict by "
                             'population, "counts", or False') from None
        names = [getattr(name, "name", name) for name in given]
        for name in names:
            choose("population", name, tuple(net.populations))
        wanted = dict.fromkeys(names, True)
    for name in wanted:
        choose("population", name, tuple(net.populations))
    found = {}
    for name, population in net.populations.items():
        if name in wanted and population.kind != "input":
            one = _of_one(population, wanted[name])
            if one.keeps_spikes or one.counts:
                found[name] = one
    return found


def _of_one(population: Population, value: Any) -> Record:
    """Return the `Record` of one population from what a dict has for it."""
    if value is True or value is None:
        return Record()
    if value is False:
        return Record(neurons=[])
    if isinstance(value, str):
        if value != COUNTS:
            raise InputError(f'the record of "{population.name}" is "{value}"; give True, "counts", neuron ids or an '
                             "es.Record")
        return Record(neurons=[], counts=True)
    if not isinstance(value, Record):
        value = Record(arrays.ids(f'the record of "{population.name}"', value, population.size, population.name))
    if value.neurons is not None:
        arrays.ids(f'the record of "{population.name}"', value.neurons, population.size, population.name)
    return value


class Memory:
    """Keeps pieces of spikes in memory.

    Attributes
    ----------
    pieces : dict of int to list
        By sample: arrays (time, gid, slope, generation), each piece after the one before in time.
    """

    def __init__(self) -> None:
        self.pieces = {}

    def add(self, index: int, piece: Piece, reached: float, counts: Any) -> None:
        """Keep the next piece of a sample; what else there is to know of it stays with the `Recorder`."""
        if len(piece[0]):
            self.pieces.setdefault(index, []).append(piece)

    def tables(self, lowered: Lowered, names: Iterable[str]) -> dict[str, SpikeTable]:
        """Return the spikes of each population as a `SpikeTable`."""
        return tables_of(self.pieces, lowered, names)


def tables_of(pieces: Mapping[int, list[Piece]], lowered: Lowered, names: Iterable[str]) -> dict[str, SpikeTable]:
    """Return {name: SpikeTable} of pieces that are in order of time and gid within each sample.

    Parameters
    ----------
    pieces : dict of int to list
        As `Memory.pieces`.
    lowered : Lowered
        Says which gids are whose.
    names : iterable of str
        Populations to return.

    Returns
    -------
    dict of str to SpikeTable
    """
    samples = sorted(pieces)
    every = [piece for index in samples for piece in pieces[index]]
    counts = [sum(len(piece[0]) for piece in pieces[index]) for index in samples]
    sample = np.repeat(np.array(samples, np.int32), counts)
    if every:
        time, gid, slope, generation = (np.concatenate(column) for column in zip(*every, strict=True))
    else:
        time, gid, slope, generation = np.zeros(0), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32)
    population = lowered.population[gid]
    tables = {}
    for name in names:
        index = lowered.names.index(name)
        mine = population == index
        tables[name] = SpikeTable(time[mine], (gid[mine] - lowered.offset[index]).astype(np.int32), sample[mine],
                                  slope[mine], generation[mine])
    return tables


class Recorder:
    """Takes the spikes of samples piece by piece, keeps those asked for, counts those to be counted.

    Pieces of different samples may come from different threads.

    Parameters
    ----------
    lowered : Lowered
    recording : dict of str to Record
        From `checked_record`.
    n_samples : int
    store : Memory or eventsim.io.segments.Writer

    Attributes
    ----------
    counts : dict of str to ndarray
        Spikes so far by counted population, int64 (samples, neurons).
    names : tuple of str
        Populations with spikes to keep.
    """

    def __init__(self, lowered: Lowered, recording: Mapping[str, Record], n_samples: int, store: Any) -> None:
        self.store = store
        self._alone = threading.Lock()
        self.names = tuple(name for name, record in recording.items() if record.keeps_spikes)
        self._range, self.counts = {}, {}
        total = len(lowered.population)
        keep, start, stop = np.zeros(total, bool), np.zeros(total), np.full(total, np.inf)
        for name, record in recording.items():
            first, last = (int(end) for end in lowered.offset[lowered.names.index(name):][:2])
            self._range[name] = first, last
            if record.counts:
                self.counts[name] = np.zeros((n_samples, last - first), np.int64)
            keep[first:last] = record.neurons is None
            if record.neurons is not None:
                keep[first + record.neurons] = True
            start[first:last], stop[first:last] = record.start, record.stop
        self._keep = keep
        self._span = (start, stop) if start.any() or np.isfinite(stop).any() else None

    def take(self, index: int, pieces: list[Piece], reached: float) -> None:
        """Take what sample `index` did since it was taken last, up to `reached` ms.

        Parameters
        ----------
        index : int
        pieces : list of tuples of arrays
            (time, gid, slope, generation), in any order; all after those taken before.
        reached : float
            Later spikes are left out: they belong to noise that was drawn ahead.
        """
        piece = pieces[0] if len(pieces) == 1 else tuple(np.concatenate(c) for c in zip(*pieces, strict=True))
        piece = in_order(_kept(piece, piece[0] < reached))
        tally = {}
        for name in self.counts:
            first, last = self._range[name]
            mine = piece[1][(piece[1] >= first) & (piece[1] < last)] - first
            tally[name] = np.bincount(mine, minlength=last - first)
        piece = _kept(piece, self._keep[piece[1]])
        if self._span is not None:
            time, gid = piece[:2]
            piece = _kept(piece, (time >= self._span[0][gid]) & (time < self._span[1][gid]))
        with self._alone:  # so that a segment holds the counts of just the spikes before the time reached
            for name, counts in self.counts.items():
                counts[index] += tally[name]
            self.store.add(index, piece, reached, self.counts)


def _kept(piece: Piece, mask: Flags) -> Piece:
    return piece if mask.all() else tuple(column[mask] for column in piece)


def in_order(piece: Piece) -> Piece:
    """Return a piece (time, gid, slope, generation) sorted by time and gid."""
    time, gid = piece[:2]
    falls = (time[1:] < time[:-1]) | ((time[1:] == time[:-1]) & (gid[1:] < gid[:-1]))
    if not falls.any():
        return piece
    order = np.lexsort((gid, time))
    return tuple(column[order] for column in piece)
