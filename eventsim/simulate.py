"""Run a network: choose the engine, feed it, keep what it records.

`simulate` makes one run and returns its trace; `Simulation` can be continued. Both walk the samples in
threads, in pieces, so that progress shows and Ctrl-C returns what there is.
"""

import math
import time as clock
from collections.abc import Mapping

import numpy as np

from eventsim import provenance
from eventsim.engines import heap, layers, reference
from eventsim.errors import InputError, choose
from eventsim.lower import lower
from eventsim.network import Network
from eventsim.poisson import Source
from eventsim.progress import Attendant
from eventsim.random import fresh_seed
from eventsim.spike_table import SpikeTable
from eventsim.spikes import Spikes
from eventsim.trace import Trace

ENGINES = ("auto", "heap", "layers", "reference")

_SAMPLES = {"heap": heap.Sample, "reference": reference.Sample}


def simulate(net, stimulus=None, t_stop=None, engine="auto", precision="double", threads=None, stop=None, seed=None,
             record=None, progress=None, labels=None, output=None):
    """Simulate a network over [0, t_stop) for every sample of the stimulus.

    Parameters
    ----------
    net : Network
    stimulus : dict of str to Spikes, or Spikes
        Spikes of each input; a bare `Spikes` goes to the only input. Left-out inputs are silent. Samples are
        independent and each starts at t = 0.
    t_stop : float
        End of the run in ms, finite, > 0.
    engine : {"auto", "heap", "layers", "reference"}
        "auto" takes `layers` where the network is feed-forward and single-spike, else `heap`. The result is the
        same bits; the trace says which engine ran and why.
    precision : {"double", "single"}
        "single" (layers only) keeps accumulators and weights in float32: faster, not exact.
    threads : int, optional
        Default: $EVENTSIM_THREADS, else all processors. The result does not depend on it.
    stop : int or "decision", optional
        End a sample after so many spikes, or at the first spike of the output population.
    seed : int, optional
        Seed of the Poisson inputs; drawn and kept in the trace where left out.
    record : list of str, optional
        Populations whose spikes are kept; default: all neuron populations. Name a Poisson input to keep it too.
    progress : bool, "text" or callable, optional
        A text meter on standard error, or ``f(fraction, elapsed_s)``.
    labels : array of int, optional
        True class of every sample, carried in the trace.
    output : str, optional
        The population that decides; default: the only one that feeds no other.

    Returns
    -------
    Trace
        `interrupted` is set where Ctrl-C ended the run early; `ended` then says how far each sample came.

    Raises
    ------
    InputError
        For arguments that do not fit the network, or an engine that cannot run it.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> source = net.input("source", 1)
    >>> cell = net.population("cell", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    >>> _ = net.connect(source, cell, es.Dense([[10.0]]))
    >>> trace = es.simulate(net, {"source": es.Spikes(time=[1.0], neuron=[0])}, t_stop=10.0)
    >>> trace.spikes("cell").time.round(6)
    array([3.643839])
    """
    return Run(net, stimulus, engine, precision, threads, seed, record, stop, labels, output).go(t_stop, progress)


class Simulation:
    """A run that can be continued: ``run(a); run(b)`` equals ``run(a + b)`` bit for bit.

    Parameters
    ----------
    net, stimulus, engine, threads, seed, record, output
        As in `simulate`; the engine is "heap" (also for "auto") or "reference".

    Attributes
    ----------
    now : float
        Time reached, ms.
    trace : Trace
        What was recorded so far.
    """

    def __init__(self, net, stimulus=None, engine="auto", threads=None, seed=None, record=None, output=None):
        if engine == "layers":
            raise InputError('a Simulation runs piece by piece, which engine "layers" cannot; use "heap" or simulate()')
        engine = "heap" if engine == "auto" else engine
        self._run = Run(net, stimulus, engine, "double", threads, seed, record, None, None, output)
        self._run.reason = "continuable run" if engine == "heap" else self._run.reason
        self.now = 0.0

    def run(self, duration, progress=None):
        """Advance every sample by `duration` ms.

        Raises
        ------
        InputError
            For a duration that is not finite and > 0.
        """
        duration = _positive("duration", duration)
        self._run.advance(self.now + duration, progress, start=self.now)
        self.now += duration

    def save(self, path):
        """Write everything needed to go on to one HDF5 file: spikes under way, random state, what was recorded.

        Raises
        ------
        InputError
            The file cannot be written, or the engine is not "heap".
        """
        from eventsim.io import state_file

        state_file.write(path, self._run, self.now)

    @classmethod
    def load(cls, path):
        """Return a simulation that goes on where the saved one stood, bit for bit.

        Raises
        ------
        InputError
            Missing, damaged or foreign file.
        """
        from eventsim.io import state_file

        simulation = object.__new__(cls)
        simulation._run, simulation.now = state_file.read(path, Run)
        return simulation

    @property
    def trace(self):
        """The trace of [0, now)."""
        if self.now == 0.0:
            raise InputError("nothing was run yet; call run(duration) first")
        return self._run.trace(self.now)


class Run:
    """Arguments checked, engine chosen, samples under way."""

    def __init__(self, net, stimulus, engine, precision, threads, seed, record, stop, labels, output):
        self.started = clock.time()
        if not isinstance(net, Network):
            raise InputError(f"the network is a {type(net).__name__}; give an es.Network")
        self.net = net
        self.stimulus, self.n_samples = _checked_stimulus(net, stimulus)
        self.threads = layers.thread_count(threads)
        self.seed = fresh_seed() if seed is None else _whole("seed", seed)
        self.recorded = _checked_record(net, record)
        # What a trace would refuse is refused before the run.
        checked = Trace(net, self.stimulus, {}, 0.0, self.n_samples, engine=None, reason=None, precision=None,
                        seed=self.seed, recorded=(), labels=labels, output=output)
        self.labels, self.output = checked.labels, checked.named_output
        self.lowered = lower(net)
        self.stop = stop
        self.limit = self._limit(stop, checked)
        self.precision = choose("precision", precision, ("double", "single"))
        self.engine, self.reason = self._choose(choose("engine", engine, ENGINES))
        self.interrupted = False
        self.samples, self.noise = {}, {}
        self.ended = np.full(self.n_samples, np.nan)
        self.pieces = [[] for _ in range(self.n_samples)]
        self.columns = self._input_columns()

    def _choose(self, engine):
        reason = "asked for"
        if engine == "auto":
            unsuited = "a stop condition" if self.stop is not None else layers.unsuited(self.net)
            if unsuited is None and self._poisson():
                unsuited = "Poisson inputs"
            engine = "layers" if unsuited is None else "heap"
            reason = "feed-forward, single spikes" if unsuited is None else unsuited
        if engine == "layers" and self.stop is not None:
            raise InputError('engine "layers" has no stop condition, because it runs layer after layer; use "heap"')
        if engine == "layers" and self._poisson():
            raise InputError('engine "layers" has no Poisson inputs; use "heap", or give the spikes as a stimulus')
        if self.precision == "single" and engine != "layers":
            raise InputError(f'precision "single" exists in engine "layers" only, and "{engine}" runs here ({reason})')
        return engine, reason

    def _poisson(self):
        return [p for p in self.net.populations.values() if p.kind == "poisson"]

    def _limit(self, stop, checked):
        """Return (spikes, gid, gid): after how many spikes, or a spike of which neurons, a sample ends."""
        if stop is None:
            return 2**62, 0, 0
        if isinstance(stop, str) and stop == "decision":
            index = self.lowered.names.index(checked.output)
            return 2**62, int(self.lowered.offset[index]), int(self.lowered.offset[index + 1])
        if isinstance(stop, str):
            raise InputError(f'stop "{stop}" is not known; allowed: a number of spikes, or "decision"')
        return _whole("stop", stop, 1), 0, 0

    def _input_columns(self):
        """Return the input spikes of all samples as (time, gid, amplitude, offsets)."""
        names = [name for name in sorted(self.stimulus) if len(self.stimulus[name])]
        shift = {name: self.lowered.offset[self.lowered.names.index(name)] for name in names}
        arrays = {name: self.stimulus[name].arrays() for name in names}
        if len(names) == 1:
            one = arrays[names[0]]
            return one.time, (one.neuron + shift[names[0]]).astype(np.int32), one.amplitude, one.offsets
        parts = [(a.sample, a.time, (a.neuron + shift[name]).astype(np.int32), a.amplitude)
                 for name, a in arrays.items()]
        if not parts:
            return np.zeros(0), np.zeros(0, np.int32), np.zeros(0), np.zeros(self.n_samples + 1, np.int64)
        sample, time, gid, amplitude = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((amplitude, gid, time, sample))
        offsets = np.searchsorted(sample[order], np.arange(self.n_samples + 1)).astype(np.int64)
        return time[order], gid[order], amplitude[order], offsets

    def go(self, t_stop, progress):
        """Run everything to t_stop and return the trace."""
        if t_stop is None:
            raise InputError("t_stop is missing; give the end of the run in ms")
        t_stop = _positive("t_stop", t_stop)
        if self.engine == "layers":
            return self._go_layers(t_stop, progress)
        self.advance(t_stop, progress, keep=False)
        return self.trace(t_stop)

    def _go_layers(self, t_stop, progress):
        attendant = Attendant(progress, self.n_samples)
        activations = []
        self.interrupted = attendant.attend(lambda: activations.append(layers.forward(
            layers.plan(self.net), self.stimulus, t_stop, self.precision, self.threads, attendant=attendant)))
        activations = activations[0]
        tables = {}
        for name in self.recorded:
            sample, neuron = np.nonzero(np.isfinite(activations.time[name]))
            time = activations.time[name][sample, neuron]
            order = np.lexsort((neuron, time, sample))
            tables[name] = SpikeTable(time[order], neuron[order].astype(np.int32), sample[order].astype(np.int32),
                                      activations.slope[name][sample, neuron][order],
                                      activations.generation[name][sample, neuron][order])
        return self._trace(t_stop, tables, np.where(activations.done, t_stop, 0.0))

    def advance(self, t_stop, progress=None, keep=True, start=0.0):
        """Run every sample that has not ended from `start` to t_stop; `keep` their states to go on later."""
        attendant = Attendant(progress, self.n_samples)

        def run(index):
            if math.isnan(self.ended[index]):
                if attendant.cancelled():
                    self.ended[index] = start
                else:
                    self._advance_sample(index, t_stop, attendant.cancelled, keep)
            attendant.report(1)

        todo = [(index,) for index in range(self.n_samples)]
        self.interrupted |= attendant.attend(lambda: layers.in_threads(run, todo, self.threads))

    def new_sample(self, index):
        """Return a sample at t = 0 and its Poisson sources."""
        noise = [(p.name, Source(p.name, p.rate, self.seed, index)) for p in self._poisson()]
        return _SAMPLES[self.engine](self.net, self.lowered), noise

    def _advance_sample(self, index, t_stop, cancelled, keep):
        sample = self.samples.get(index)
        if sample is None:
            sample, self.noise[index] = self.new_sample(index)
            first = int(self.columns[3][index])
        else:
            sample, first = sample
        last = int(self.columns[3][index + 1])
        upto = first + int(np.searchsorted(self.columns[0][first:last], t_stop, side="left"))
        inputs = self._with_noise(index, tuple(column[first:upto] for column in self.columns[:3]), t_stop)
        stopped = sample.run(inputs, t_stop, self.limit, cancelled)
        self.pieces[index].append(sample.take())
        if stopped or cancelled():
            self.ended[index] = math.nextafter(max(sample.clock, 0.0), math.inf)
        if keep:
            self.samples[index] = (sample, upto)
        else:
            del self.noise[index]

    def _with_noise(self, index, inputs, t_stop):
        """Return the input spikes with those of the Poisson populations before t_stop merged in."""
        parts = [inputs]
        for name, source in self.noise[index]:
            time, neuron = source.until(t_stop)
            gid = (neuron + self.lowered.offset[self.lowered.names.index(name)]).astype(np.int32)
            parts.append((time, gid, np.ones(len(time))))
            if name in self.recorded:
                self.pieces[index].append((time, gid, np.full(len(time), np.inf), np.zeros(len(time), np.int32)))
        if len(parts) == 1:
            return inputs
        time, gid, amplitude = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((amplitude, gid, time))
        return time[order], gid[order], amplitude[order]

    def trace(self, t_stop):
        """Return the trace of what was recorded up to t_stop."""
        counts = [sum(len(piece[0]) for piece in pieces) for pieces in self.pieces]
        sample = np.repeat(np.arange(self.n_samples, dtype=np.int32), counts)
        every = [piece for pieces in self.pieces for piece in pieces]
        if every:
            time, gid, slope, generation = (np.concatenate(column) for column in zip(*every, strict=True))
        else:
            time, gid, slope, generation = np.zeros(0), np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32)
        ended = np.where(np.isnan(self.ended), t_stop, self.ended)
        tables = {}
        population = np.where(time < ended[sample], self.lowered.population[gid], -1)  # noise is drawn ahead
        for name in self.recorded:
            index = self.lowered.names.index(name)
            mine = np.flatnonzero(population == index)
            mine = mine[np.lexsort((gid[mine], time[mine], sample[mine]))]
            tables[name] = SpikeTable(time[mine], (gid[mine] - self.lowered.offset[index]).astype(np.int32),
                                      sample[mine], slope[mine], generation[mine])
        return self._trace(t_stop, tables, ended)

    def _trace(self, t_stop, tables, ended):
        parameters = {"t_stop": t_stop, "engine": self.engine, "precision": self.precision, "threads": self.threads,
                      "stop": self.stop, "n_samples": self.n_samples}
        resources = {"elapsed_s": clock.time() - self.started}
        return Trace(self.net, self.stimulus, tables, t_stop, self.n_samples, engine=self.engine, reason=self.reason,
                     precision=self.precision, seed=self.seed, recorded=self.recorded, labels=self.labels,
                     interrupted=self.interrupted, output=self.output, ended=ended,
                     provenance=provenance.record("simulate", parameters, self.seed, resources))


def _positive(what, value):
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not (
            0.0 < value < math.inf):
        raise InputError(f"{what} is {value!r}; give a finite number of ms above 0")
    return float(value)


def _whole(what, value, least=0):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**63:
        raise InputError(f"{what} is {value!r}; give a whole number from {least} to 2**63 - 1")
    return int(value)


def _checked_stimulus(net, stimulus):
    """Return the stimulus by input name and the number of samples."""
    inputs = [p.name for p in net.populations.values() if p.kind == "input"]
    listed = ", ".join(inputs) or "none"
    if isinstance(stimulus, Spikes):
        if len(inputs) != 1:
            raise InputError(f"the network has {len(inputs)} inputs ({listed}); give a dict of es.Spikes by input name")
        stimulus = {inputs[0]: stimulus}
    if stimulus is not None and not isinstance(stimulus, Mapping):
        raise InputError(f"the stimulus is a {type(stimulus).__name__}; give a dict of es.Spikes by input name")
    checked = {}
    for given, spikes in (stimulus or {}).items():
        name = getattr(given, "name", given)
        if name in net.populations and name not in inputs:
            raise InputError(f'"{name}" is not an input, so it takes no stimulus; inputs are: {listed}')
        choose("input", name, inputs or ["none"])
        if not isinstance(spikes, Spikes):
            raise InputError(f'the stimulus of "{name}" is a {type(spikes).__name__}; give es.Spikes(time, neuron)')
        spikes.check(net.populations[name])
        checked[name] = spikes
    counts = {spikes.n_samples for spikes in checked.values()}
    if len(counts) > 1:
        listed = ", ".join(f"{name}: {spikes.n_samples}" for name, spikes in checked.items())
        raise InputError(f"the inputs have different numbers of samples ({listed}); give n_samples= to Spikes")
    return checked, counts.pop() if counts else 1


def _checked_record(net, record):
    """Return the names of the populations to record, in the order of the network."""
    if record is None:
        return tuple(p.name for p in net.populations.values() if p.kind == "neurons")
    try:
        given = [record] if isinstance(record, str) or hasattr(record, "name") else list(record)
    except TypeError:
        raise InputError(f"record is a {type(record).__name__}; give a list of population names") from None
    names = [getattr(name, "name", name) for name in given]
    for name in names:
        choose("population", name, tuple(net.populations))
    return tuple(p.name for p in net.populations.values() if p.name in names and p.kind != "input")
