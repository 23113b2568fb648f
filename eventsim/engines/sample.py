"""One sample on an event engine: its tables, what it recorded, and how it is saved and continued.

What is saved does not depend on the engine: accumulators, refractory periods, spikes under way, random
state. Candidates and limits are worked out anew where a run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from eventsim.engines.cells import (
    BASE,
    FRESH,
    FRESH_END,
    HIGH,
    INSTANT,
    LAST,
    LOW,
    N_RESTING,
    PARKED,
    RELEASE,
    RESTING,
    RESTS,
    STAMP,
    THETA,
    Cells,
)
from eventsim.engines.noise import N_NOISE, NOISE_TAKEN, new_noise
from eventsim.engines.prepared import prepare

(N_NEAR, N_FAR, N_RECORD, _, _, INPUT, ARRIVALS, SPIKES, WATCHED, PHASE, FREE, IN_POOL, N_WAITING) = range(13)
"""Places in `counters`; 3 and 4 belong to `noise`, the last three to the heap engine."""

NOW, HORIZON, LENGTH, CLOCK, END = range(5)
"""Places in `clock`: start of the next window, end of the present horizon, length of the next one, last instant,
end of the present window."""

FINISHED, CHUNK_DONE, NEEDS_ROOM, STOPPED, OVERFLOWED = range(5)
"""Why a kernel returned: the end of the run, its share of horizons, full tables, a stop condition, too little room
for the spikes of a window."""


_BOUNDS = [LOW, HIGH, FRESH, FRESH_END]
"""Columns of `counts` that stay: which neurons a shard has, and its room for fresh spikes."""

_BEGIN = np.array([0.0, 0.0, 1.0, -1.0, 0.0])
"""`clock` before the first event."""


class EventSample:
    """What the samples of both event engines have in common; they bring `advance`, `flights` and `launch`.

    Parameters
    ----------
    net : Network
    lowered : Lowered
    seed, index : int
        Seed of the Poisson inputs, number of the sample.
    recorded : collection of str
        Names of the populations whose spikes are kept; matters for Poisson inputs.
    shards : int
        Into how many ranges the neurons are cut.
    """

    advance: Callable[..., int]
    flights: Callable[[], tuple[np.ndarray, np.ndarray]]
    launch: Callable[[np.ndarray, np.ndarray], None]

    reusable = True
    """Whether there is `again`."""

    CHUNK = 64
    """Horizons between two looks at `cancelled`."""

    def __init__(self, net, lowered, seed=0, index=0, recorded=(), shards=1):
        self.prepared = prepare(lowered)
        self.cells = Cells(*(_copy(table) for table in self.prepared.cells))
        n = len(lowered.population)
        self.noise = new_noise(net, lowered, seed, index, recorded)
        self.noise_time, self.noise_gid = np.zeros(64), np.zeros(64, np.int64)
        self.own, self.lists = np.full(n, math.inf), np.zeros((7, n), np.int64)
        self.record, self._aside = np.zeros((64 + 2 * n, 4)), []
        self.counters = np.zeros(13, np.int64)
        self.clocks = _BEGIN.copy()
        self._cut(n, shards)

    def _cut(self, n, shards):
        load = self.prepared.load
        bounds = np.searchsorted(load, load[-1] * np.arange(1, shards) / shards) if n else np.zeros(shards - 1)
        bounds = np.concatenate(([0], bounds, [n])).astype(np.int64)
        self.counts = np.zeros((shards, 16), np.int64)
        self.counts[:, LOW], self.counts[:, HIGH] = bounds[:-1], bounds[1:]
        self.counts[:, FRESH] = 2 * bounds[:-1] + 256 * np.arange(shards)
        self.counts[:, FRESH_END] = 2 * bounds[1:] + 256 * np.arange(1, shards + 1)
        self.counts[:, STAMP] = self.counts[:, INSTANT] = 1
        self.fresh = np.zeros((int(self.counts[-1, FRESH_END]), 3))

    def again(self, index):
        """Go back to t = 0, as the sample of another number: a tenth of the time that new tables take."""
        for table, start in zip(self.cells, self.prepared.cells, strict=True):
            table[...] = start
        self.noise.drawn.fill(0)
        self.noise.upcoming.fill(-1.0)
        self.noise = self.noise._replace(sample=index)
        self.own.fill(math.inf)
        self.lists.fill(0)
        self.counters.fill(0)
        self.clocks[:] = _BEGIN
        bounds = self.counts[:, _BOUNDS]
        self.counts.fill(0)
        self.counts[:, _BOUNDS], self.counts[:, STAMP], self.counts[:, INSTANT] = bounds, 1, 1
        self._aside = []

    @property
    def arrivals(self):
        """Synaptic arrivals delivered."""
        return int(self.counters[ARRIVALS])

    @property
    def clock(self):
        """The last instant processed (ms), -1 before the first."""
        return float(self.clocks[CLOCK])

    def run(self, inputs, t_stop, limit, cancelled):
        """Advance to t_stop; return whether a stop condition came first.

        Parameters
        ----------
        inputs : tuple of arrays (time, gid, amplitude)
            Input spikes not given before, sorted by all three.
        t_stop : float
        limit : tuple (spikes, gid, gid)
            Stop once so many spikes were fired, or one by a neuron of that range.
        cancelled : callable
            Asked between chunks; true ends the run early.
        """
        self.counters[INPUT] = 0
        self.clocks[HORIZON] = self.clocks[NOW]
        while True:
            code = self.advance(inputs, t_stop, limit)
            if code == NEEDS_ROOM:
                self.grow()
            elif code != CHUNK_DONE:
                return code == STOPPED
            if cancelled():
                return False

    def grow(self):
        """Set recorded spikes aside; where they are few, make the tables that fill up twice as long.

        Noise has room of its own: 64 times the other tables for each time that it is short of it took gigabytes.

        Returns
        -------
        bool
            Whether the tables of spikes under way are to grow too.
        """
        if self.counters[N_NOISE] == len(self.noise_time):
            self.noise_time, self.noise_gid = longer(self.noise_time), longer(self.noise_gid)
            return False
        size = int(self.counters[N_RECORD])
        if 2 * size > len(self.record):  # a table that grew along cost a fifth of a run of 80,000 spikes
            self._aside.append(self.record[:size].copy())
            self.counters[N_RECORD] = 0
            return False
        self.record = longer(self.record)
        return True

    def _recorded(self):
        """Return all recorded spikes as one table."""
        return np.concatenate((*self._aside, self.record[:self.counters[N_RECORD]]))

    def take(self):
        """Return and forget the recorded spikes: arrays (time, gid, slope, generation)."""
        table = self._recorded()
        self._aside, self.counters[N_RECORD] = [], 0
        time, gid, slope, generation = (table[:, k].copy() for k in range(4))
        return time, gid.astype(np.int32), slope, generation.astype(np.int32)

    def export(self):
        """Return all that is needed to go on, as arrays by name."""
        slow, noise = self.cells.slow, self.noise
        times, places = self.flights()
        record, counters = self._recorded(), self.counters.copy()
        counters[N_RECORD] = len(record)
        return {"cell": self.cells.cell, "release": slow[:, RELEASE], "last_spike": slow[:, LAST],
                "parked": slow[:, PARKED], "theta": slow[:, THETA], "base": self.cells.pops[:, BASE],
                "flight/times": times, "flight/places": places, "record": record, "noise/drawn": noise.drawn,
                "noise/upcoming": noise.upcoming, "counters": counters,
                "clock": self.clocks}

    def restore(self, arrays):
        """Go on where `export` was called, of a sample of the same network."""
        slow = self.cells.slow
        self.cells.cell[:] = arrays["cell"]
        columns = {"release": RELEASE, "last_spike": LAST, "parked": PARKED, "theta": THETA}
        for name, column in columns.items():
            slow[:, column] = arrays[name]
        self.cells.pops[:, BASE] = arrays["base"]
        self.noise.drawn[:], self.noise.upcoming[:] = arrays["noise/drawn"], arrays["noise/upcoming"]
        record = arrays["record"]
        self.record = np.concatenate((record, np.zeros((len(self.record), 4))))
        for place in (ARRIVALS, SPIKES, WATCHED, N_RECORD):
            self.counters[place] = arrays["counters"][place]
        self.counters[[N_NOISE, NOISE_TAKEN]] = 0
        self.clocks[:] = arrays["clock"]
        resting = np.flatnonzero((slow[:, RELEASE] > -math.inf) & (slow[:, RELEASE] < math.inf))
        resting = resting[np.argsort(slow[resting, RELEASE], kind="stable")]
        for row in self.counts:
            mine = resting[(resting >= row[LOW]) & (resting < row[HIGH])]
            self.lists[RESTING, row[LOW]:row[LOW] + len(mine)] = mine
            self.cells.marks[mine, RESTS] = np.arange(row[LOW], row[LOW] + len(mine))
            row[N_RESTING] = len(mine)
        self.launch(np.asarray(arrays["flight/times"]), np.asarray(arrays["flight/places"]))


def longer(table):
    """Return a table with twice the rows, the new ones zero."""
    return np.concatenate((table, np.zeros_like(table)))


def _copy(table):
    """Return a copy of a table that begins at a cache line as it does."""
    from eventsim.engines.cells import aligned

    if table.dtype == np.float64 and table.shape[1] in (4, 8):
        out = aligned(*table.shape)
        out[:] = table
        return out
    return table.copy()
