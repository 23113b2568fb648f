"""One simulation of many samples, on the workers of a Dask cluster.

Samples are independent, and their random draws are keyed by their numbers, so a part of them can be run anywhere: the
joined trace has the bits of a run in one process. Needs the extra `dask`: ``pip install eventsim[dask]``.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import provenance
from eventsim.errors import InputError
from eventsim.progress import meter
from eventsim.run import Run
from eventsim.simulate import simulate as simulate_here
from eventsim.spike_table import SpikeTable, joined
from eventsim.spikes import Spikes
from eventsim.stops import positive
from eventsim.trace import Trace
from eventsim.workers import workers_at

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.type_aliases import Array, Engine, Meter, Precision, Recorded, Stimulus, Stop

PARTS = 4
"""Parts of the batch for each thread of the cluster: few enough to cost little, enough to even out their lengths."""


class _Part(NamedTuple):
    """Samples first to last - 1."""

    first: int
    last: int
    stimulus: dict[str, Spikes]


class _Found(NamedTuple):
    """What a part did."""

    first: int
    last: int
    tables: dict[str, SpikeTable]
    counts: dict[str, Array]
    ended: Array


def simulate(
    net: Network,
    stimulus: Stimulus | None = None,
    t_stop: float | None = None,
    scheduler: Any = None,
    engine: Engine = "auto",
    precision: Precision = "double",
    threads: int | None = None,
    stop: Stop | None = None,
    seed: int | None = None,
    record: Recorded | None = None,
    progress: Meter | None = None,
    labels: ArrayLike | None = None,
    output: str | None = None,
    stop_every: float | None = None,
) -> Trace:
    """Simulate a network over [0, t_stop) for every sample of the stimulus, on the workers of a cluster.

    The trace is that of `eventsim.simulate`, bit for bit, however many workers there are and also where some of them
    die: their samples are run again by others. (On machines of different kinds the last digits may differ.)

    Parameters
    ----------
    net, stimulus, t_stop
        As for `eventsim.simulate`.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler, or a client that is connected to one. Default: `eventsim.simulate` in this
        process.
    engine, precision
        As for `eventsim.simulate`.
    threads : int, optional
        Threads of each part on its worker, 1 by default; without a scheduler those of `eventsim.simulate`.
    stop, seed, record, progress, labels, output, stop_every
        As for `eventsim.simulate`. A function given as `stop` is sent to the workers.

    Returns
    -------
    Trace
        `interrupted` is set where Ctrl-C came first; `ended` is then 0 for samples that no worker had finished.

    Raises
    ------
    InputError
        As `eventsim.simulate`; or no scheduler answers, it has no workers, or Dask is not installed.
    """
    if scheduler is None:
        return simulate_here(net, stimulus, t_stop, engine, precision, threads, stop, seed, record, progress, labels,
                             output, stop_every)
    watch = provenance.Stopwatch()
    # Checked here, in the words of a run in this process, which says besides what the trace will need.
    run = Run(net, stimulus, engine, precision, threads, seed, record, stop, stop_every, labels, output)
    if t_stop is None:
        raise InputError("t_stop is missing; give the end of the run in ms")
    t_stop = positive("t_stop", t_stop)
    settings = {"engine": run.engine, "precision": precision, "threads": threads or 1, "seed": run.seed,
                "record": run.recording, "stop": stop, "stop_every": stop_every, "output": run.output}
    found, interrupted, show = [], False, meter(progress, run.n_samples, "samples")
    with workers_at(scheduler) as workers:
        parts = _parts(run.stimulus, run.n_samples, PARTS * workers.count)
        shared = workers.share((net, t_stop, settings))
        with contextlib.closing(workers.completed(_run_part, parts, shared)) as over:
            try:
                for done in over:
                    if done.failure is not None:
                        raise done.failure
                    found.append(done.result)
                    show(sum(part.last - part.first for part in found) / run.n_samples)
            except KeyboardInterrupt:
                interrupted = True
    show(None)
    return _trace(run, t_stop, sorted(found, key=lambda part: part.first), interrupted, watch)


def _parts(stimulus: dict[str, Spikes], n_samples: int, count: int) -> list[_Part]:
    bounds = np.linspace(0, n_samples, min(count, n_samples) + 1).round().astype(int).tolist()
    return [
        _Part(first, last, {name: spikes.select(slice(first, last)) for name, spikes in stimulus.items()})
        for first, last in itertools.pairwise(bounds)
    ]


def _run_part(shared: tuple[Network, float, dict[str, Any]], part: _Part) -> _Found:
    """Run some samples under the numbers that they have in the whole batch."""
    net, t_stop, settings = shared
    first = 0 if settings["engine"] == "layers" else part.first  # which draws nothing and stops nowhere
    run = Run(net, {name: _renumbered(spikes, first) for name, spikes in part.stimulus.items()}, **settings)
    run.ended[:first] = 0.0  # those before are over
    trace = run.go(t_stop)
    tables = {name: trace.spikes(name) for name in trace.recorded}
    if first != part.first:
        tables = {name: t._replace(sample=t.sample + np.int32(part.first)) for name, t in tables.items()}
    counts = {name: trace.counts(name)[first:] for name, record in trace.recording.items() if record.counts}
    return _Found(part.first, part.last, tables, counts, trace.ended[first:])


def _renumbered(spikes: Spikes, first: int) -> Spikes:
    if first == 0:
        return spikes
    return Spikes(spikes.time, spikes.neuron, spikes.sample + np.int32(first), spikes.amplitude,
                  spikes.n_samples + first)


def _trace(run: Run, t_stop: float, found: list[_Found], interrupted: bool, watch: provenance.Stopwatch) -> Trace:
    ended = np.zeros(run.n_samples)
    counts = {
        name: np.zeros((run.n_samples, run.net.populations[name].size), np.int64)
        for name, record in run.recording.items() if record.counts
    }  # fmt: skip
    for part in found:
        ended[part.first : part.last] = part.ended
        for name, rows in part.counts.items():
            counts[name][part.first : part.last] = rows
    names = [name for name, record in run.recording.items() if record.keeps_spikes]
    tables = {name: joined(part.tables[name] for part in found) for name in names}
    parameters = {"t_stop": t_stop, "engine": run.engine, "precision": run.precision, "stop": run.stop.given,
                  "n_samples": run.n_samples}
    return Trace(run.net, run.stimulus, tables, t_stop, run.n_samples, engine=run.engine, reason=run.reason,
                 precision=run.precision, seed=run.seed, recorded=run.recording, labels=run.labels,
                 interrupted=interrupted, output=run.output, ended=ended, counts=counts,
                 provenance=provenance.record("simulate", parameters, run.seed, watch.resources()))
