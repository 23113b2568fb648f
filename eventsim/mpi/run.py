"""Simulating a network that the ranks of an MPI run hold together, window by window.

No spike reaches a neuron of another rank within the window in which it was fired. So every rank runs its own neurons
to the end of the window, all ranks tell each other their spikes (one Allgather of numbers, one Allgatherv of spikes),
and each puts those under way that have rows here.
"""

from __future__ import annotations

import math
import time as clock
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays
from eventsim.choice import MOST_SHARDS
from eventsim.engines import window
from eventsim.engines.prepared import prepare, shortest_delay
from eventsim.errors import InputError
from eventsim.mpi import files
from eventsim.mpi.local import Local, local_of, shortest_from_far
from eventsim.mpi.network import Network, digest
from eventsim.mpi.ranks import SPIKE_BYTES
from eventsim.mpi.share import Costs, Share
from eventsim.progress import meter
from eventsim.random import fresh_seed
from eventsim.recording import Memory, Record, Recorder, checked_record
from eventsim.spike_table import empty_table
from eventsim.spikes import Spikes
from eventsim.stimulus import InputColumns, checked_stimulus
from eventsim.stops import checked_end, whole

if TYPE_CHECKING:
    from eventsim.type_aliases import Meter, PathLike, Recorded, Stimulus

_PIECES = 64
"""Where no rank sends to another, a run is done in so many pieces, to show progress between them."""

_NO_LIMIT = 2**62, 0, 0


def simulate(
    net: Network,
    stimulus: Stimulus | None = None,
    t_stop: float | None = None,
    out: PathLike | None = None,
    *,
    seed: int | None = None,
    record: Recorded | None = None,
    threads: int = 1,
    rows: bool = True,
    progress: Meter | None = None,
) -> Share:
    """Simulate a network that several processes hold together; every rank calls this with the same arguments.

    The spikes are those of `eventsim.simulate` of the same network in one process, bit for bit, whatever the number of
    ranks. A mistake on one rank is raised on all.

    Parameters
    ----------
    net : eventsim.mpi.Network
        Spikes must take at least 1e-6 ms from neuron to neuron: the shortest delay is the window after which the
        ranks exchange spikes.
    stimulus : dict of str to Spikes, or Spikes
        As in `eventsim.simulate`; all of it on every rank, which uses what reaches its neurons.
    t_stop : float
        End of the run in ms.
    out : str or path-like, optional
        The rank writes its part to the folder ``out.ranks`` at the end; `eventsim.mpi.load` puts all parts together.
        All ranks must see that folder.
    seed : int, optional
        Seed of the Poisson inputs; default: a new one, the same on all ranks, kept in the result.
    record : bool, str, list or dict, optional
        As in `eventsim.simulate`. Spikes stay in memory until the end.
    threads : int, optional
        Threads of every rank.
    rows : bool, optional
        Whether the files hold the synapses too, so that `eventsim.mpi.load` returns a whole trace. False: the network
        is given up while it is brought into the engine's form, which saves more than half of the memory; it can be
        run once.
    progress : None, "text" or callable, optional
        As in `eventsim.simulate`; shown by rank 0.

    Returns
    -------
    Share
        The spikes of the rank's own neurons, and what the run cost.

    Raises
    ------
    InputError
        For arguments that do not fit the network or differ between ranks, neurons that reach each other without
        delay, or a file that cannot be written.
    """
    if not isinstance(net, Network):
        raise InputError(f"the network is a {type(net).__module__}.{type(net).__name__}; give an eventsim.mpi.Network, "
                         "which is built as an eventsim.Network")
    begun, ranks = clock.perf_counter(), net.together
    run = ranks.together(lambda: _Run(net, stimulus, t_stop, out, seed, record, threads, rows, progress))
    ranks.same({**net.given, **run.given})
    if seed is None:
        run.seed = ranks.comm.bcast(fresh_seed() if net.rank == 0 else None)
    ranks.together(run.build)
    least, run.window = ranks.shortest(run.shortest, run.shortest_from_far)
    unsuited = window.unsuited(least)
    if unsuited is not None:
        ranks.agree(InputError(f"ranks cannot share this network: {unsuited}; give every projection between neurons a "
                               "delay, or simulate in one process"))
    build_s = clock.perf_counter() - begun
    share = run.share(build_s)
    if out is not None:
        ranks.together(lambda: files.begin(out, net.rank))
        ranks.together(lambda: files.write(out, net, run, share))
    return share


class _Run:
    """Arguments checked; then what this rank simulates; then its spikes."""

    def __init__(self, net: Network, stimulus: Any, t_stop: Any, out: Any, seed: Any, record: Any, threads: Any,
                 rows: Any, progress: Any) -> None:
        self.net, self.t_stop = net, checked_end(net, t_stop)
        self.stimulus, self.n_samples = checked_stimulus(net.part, stimulus)
        self.recording = checked_record(net.part, record)
        self.seed = 0 if seed is None else whole("seed", seed)
        self.threads, self.rows = arrays.integer("threads", threads, 1, MOST_SHARDS), arrays.flag("rows", rows)
        missing = set(net.rules) - set(net.part.projections)
        if missing:
            raise InputError(f'projection "{min(missing)}" was given up by a run with rows=False; build the network '
                             "again")
        if out is not None:
            files.check(out)
        self._show = meter(progress if net.rank == 0 else None, self.t_stop * self.n_samples, "ms")
        self.given = {"t_stop": repr(self.t_stop), "seed": repr(seed), "record": repr(self._records()),
                      "out": repr(None if out is None else str(out)), "rows": repr(self.rows)}
        for name, spikes in self.stimulus.items():
            self.given[f'stimulus of "{name}"'] = digest(
                spikes.time, spikes.neuron, spikes.sample, spikes.amplitude, spikes.n_samples)
        self.ends = {name: (link.source.name, link.target.name, link.receptor)
                     for name, link in net.part.projections.items()}
        self.window = math.inf

    @property
    def name(self) -> str:
        """A digest of what is run."""
        return digest(repr(sorted({**self.net.given, **self.given}.items())), self.seed, self.net.ranks)

    def _records(self) -> list[Any]:
        return [(name, None if r.neurons is None else r.neurons.tolist(), r.start, r.stop, r.counts)
                for name, r in self.recording.items()]

    def build(self) -> None:
        """Bring the rank's part of the network into the engine's form."""
        own = {name: self.net.own(name) for name in self.net.populations}
        self.local: Local = local_of(self.net.part, own, self.recording, self.rows)
        prepare(self.local.lowered)  # kept for the samples
        self.shortest, self.shortest_from_far = shortest_delay(self.local.lowered), shortest_from_far(self.local)

    def share(self, build_s: float) -> Share:
        """Run all samples; return what this rank has then."""
        lowered, part = self.local.lowered, self.local
        recorder = Recorder(lowered, self._own_recording(), self.n_samples, Memory())
        inputs = InputColumns(self._own_stimulus(), lowered, self.n_samples)
        windows = _Windows(self, recorder, inputs)
        for index in range(self.n_samples):
            windows.run(index)
        self._show(None)
        tables = {}
        for name, table in recorder.store.tables(lowered, recorder.names).items():
            tables[name] = table._replace(neuron=part.ids[name][table.neuron].astype(np.int32))
        counts = {}
        for name, record in self.recording.items():
            first, last = self.net.own(name)
            if record.keeps_spikes:
                tables.setdefault(name, empty_table())
            if record.counts:
                mine = recorder.counts.get(name, np.zeros((self.n_samples, 0), np.int64))
                ids = part.ids.get(name, np.zeros(0, np.int64))
                counts[name] = mine[:, (ids >= first) & (ids < last)]
        rows = sum(getattr(lowered, field).nbytes for field in (
            "row_projection", "row_start", "row_stop", "row_delay", "synapse_target", "synapse_weight",
            "synapse_delay"))
        costs = Costs(
            self.window, windows.count, windows.sent, windows.received, SPIKE_BYTES * windows.received,
            windows.arrivals, len(lowered.synapse_target), rows + sum(array.nbytes for array in part.far), build_s,
            *windows.wall, *windows.processor)
        return Share(self.net.rank, self.net.ranks, self.seed, tables, counts, costs)

    def _own_recording(self) -> dict[str, Record]:
        """Return what is recorded, in the ids of the rank's own network."""
        found = {}
        for name, record in self.recording.items():
            if name not in self.local.ids:
                continue
            ids, (first, last) = self.local.ids[name], self.net.own(name)
            mine = (ids >= first) & (ids < last)
            if record.neurons is not None:
                mine &= np.isin(ids, record.neurons)
            neurons = None if mine.all() else np.flatnonzero(mine)
            found[name] = Record(neurons, record.start, record.stop, record.counts)
        return found

    def _own_stimulus(self) -> dict[str, Spikes]:
        """Return the input spikes that reach neurons of this rank, in the ids of its own network."""
        found = {}
        for name, spikes in self.stimulus.items():
            if name not in self.local.ids:
                continue
            ids = self.local.ids[name]
            place = np.minimum(np.searchsorted(ids, spikes.neuron), len(ids) - 1)
            mine = ids[place] == spikes.neuron
            found[name] = Spikes(spikes.time[mine], place[mine], spikes.sample[mine], spikes.amplitude[mine],
                                 n_samples=self.n_samples)
        return found

    def new_sample(self, index: int) -> window.Sample | None:
        """Return a sample of the rank's neurons at t = 0; None where it has none and hears no input."""
        lowered = self.local.lowered
        if int(lowered.offset[-1]) == 0:
            return None
        sample = window.Sample(self.local.net, lowered, self.seed, index, tuple(self.recording), self.threads)
        number = [self.local.ids[name] for name in lowered.names if self.local.net.populations[name].kind == "poisson"]
        if number:  # a Poisson neuron draws by its number in the whole network; its own rank records it
            kept = sample.noise.kept
            for name in lowered.names:
                first, last = self.net.own(name)
                begin = lowered.offset[lowered.names.index(name)]
                ids = self.local.ids[name]
                kept[begin:begin + len(ids)] &= (ids >= first) & (ids < last)
            sample.noise = sample.noise._replace(number=np.concatenate(number).astype(np.int64))
        return sample

    def tell(self, fraction: float) -> None:
        """Show how much is done."""
        self._show(fraction)


class _Windows:
    """Takes samples from window to window, and keeps account."""

    def __init__(self, run: _Run, recorder: Recorder, inputs: InputColumns) -> None:
        self._run, self._recorder, self._inputs = run, recorder, inputs
        self.count = self.sent = self.received = self.arrivals = 0
        self.wall, self.processor = np.zeros(3), np.zeros(3)  # of running, exchanging, delivering

    def run(self, index: int) -> None:
        """Take one sample to the end."""
        run, ranks = self._run, self._run.net.together
        shared = math.isfinite(run.window)
        step = run.window if shared else run.t_stop / _PIECES
        sample, failure = None, None
        given, fresh, t = self._inputs.first(index), [], 0.0
        while t < run.t_stop:
            began = _clocks()
            goal = max(t + step, math.nextafter(t, math.inf))
            goal = min(goal, run.t_stop)
            spikes: Any = ()
            try:
                if t == 0.0:
                    sample = run.new_sample(index)
                if sample is not None:
                    columns, given = self._inputs.until(index, given, goal)
                    sample.run(columns, goal, _NO_LIMIT, _never)
                    spikes = sample.take()
                    fresh.append(spikes)
            except Exception as error:
                failure = error
            self._spent(0, began)
            if not shared and failure is not None:
                break
            if shared:
                self._exchange(sample, spikes, failure)
            t = goal
            run.tell((index + t / run.t_stop) / run.n_samples)
        if not shared:
            ranks.agree(failure)
        if sample is not None:
            self.arrivals += sample.arrivals
            self._recorder.take(index, fresh, run.t_stop)

    def _exchange(self, sample: window.Sample | None, spikes: Any, failure: Exception | None) -> None:
        """Tell the other ranks what was fired in this window, and put what they told under way."""
        began = _clocks()
        ranks, local = self._run.net.together, self._run.local
        time, number = np.zeros(0), np.zeros(0, np.int64)
        if failure is None and spikes and len(spikes[0]):
            population = local.lowered.population[spikes[1]]
            fires = local.lowered.regime[population] >= 0
            time, number = spikes[0][fires], (spikes[1] + local.shift[population])[fires]
        all_times, all_numbers, whole = ranks.exchange(time, number, failure is not None)
        began = self._spent(1, began)
        if not whole:
            ranks.agree(failure)
        self.count += 1
        self.sent += len(time)
        self.received += len(all_times)
        if sample is not None:
            deliver(local, sample, all_times, all_numbers)
        self._spent(2, began)

    def _spent(self, what: int, began: tuple[float, float]) -> tuple[float, float]:
        now = _clocks()
        self.wall[what] += now[0] - began[0]
        self.processor[what] += now[1] - began[1]
        return now


def deliver(local: Local, sample: window.Sample, time: np.ndarray, number: np.ndarray) -> None:
    """Put the spikes of other ranks under way, as far as they have rows here.

    Parameters
    ----------
    local : Local
        What the rank simulates.
    sample : window.Sample
        The sample under way.
    time, number : ndarray (n,)
        Times of spikes (ms), and the neurons by their numbers in the whole network.
    """
    far = local.far
    if len(far.gid) == 0 or len(time) == 0:
        return
    place = np.minimum(np.searchsorted(far.gid, number), len(far.gid) - 1)
    mine = far.gid[place] == number
    place, time = place[mine], time[mine]
    first = far.rows[place]
    count = far.rows[place + 1] - first
    total = int(count.sum())
    row = np.repeat(first - np.cumsum(count) + count, count) + np.arange(total)
    sample.receive(np.repeat(time, count), row, np.repeat(far.sender[place], count))


def _clocks() -> tuple[float, float]:
    return clock.perf_counter(), clock.process_time()


def _never() -> bool:
    return False
