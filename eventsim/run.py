"""One run: arguments checked, engine chosen, and every sample taken to its end in chunks of its own time.

A chunk is some tenths of a second of wall time. After each, the recorded spikes are taken out, the stop
condition and Ctrl-C are looked at, and progress is shown. Where chunks end has no influence on any spike.
"""

import collections
import math
import time as clock
from typing import NamedTuple

import numpy as np

from eventsim import provenance
from eventsim.choice import ENGINES, SAMPLES, choose_engine, shards_for
from eventsim.engines import layers
from eventsim.errors import InputError, choose
from eventsim.io import segments
from eventsim.log import logger
from eventsim.lower import lower
from eventsim.network import Network
from eventsim.pace import Pace
from eventsim.progress import Attendant
from eventsim.random import fresh_seed
from eventsim.recording import Memory, Recorder, checked_record
from eventsim.spike_table import SpikeTable
from eventsim.stimulus import InputColumns, checked_stimulus
from eventsim.stops import Stop, checked_end, whole
from eventsim.trace import Trace

LOG = logger(__name__)


class Course(NamedTuple):
    """A sample under way."""

    sample: object
    """On its engine: ``heap.Sample`` and the like."""
    given: int
    """How many input spikes it was given, as `InputColumns` numbers them."""


class Run:
    """Arguments checked, engine chosen, samples under way; the parameters are those of `eventsim.simulate`."""

    def __init__(self, net, stimulus=None, engine="auto", precision="double", threads=None, seed=None, record=None,
                 stop=None, stop_every=None, labels=None, output=None, piecewise=False):
        self.started = clock.time()
        if not isinstance(net, Network):
            raise InputError(f"the network is a {type(net).__name__}; give an es.Network")
        self.net = net
        self.stimulus, self.n_samples = checked_stimulus(net, stimulus)
        self.threads = layers.thread_count(threads)
        self.seed = fresh_seed() if seed is None else whole("seed", seed)
        self.recording = checked_record(net, record)
        # What a trace would refuse is refused before the run.
        checked = Trace(net, self.stimulus, {}, 0.0, self.n_samples, engine="", reason="", precision="double",
                        seed=self.seed, recorded=(), labels=labels, output=output)
        self.labels, self.output = checked.labels, checked.named_output
        self.lowered, self._fingerprint = lower(net), net.fingerprint()
        self.stop = Stop(stop, stop_every, lambda: checked.output, net, self.lowered)
        self.precision = choose("precision", precision, ("double", "single"))
        self.engine, self.reason = choose_engine(net, choose("engine", engine, ENGINES), self.precision,
                                                 stop is not None, piecewise)
        self._shards = shards_for(self.engine, self.lowered, self.n_samples, self.threads)
        self.interrupted = False
        self.courses = {}
        self.ended = np.full(self.n_samples, np.nan)
        self.inputs = InputColumns(self.stimulus, self.lowered, self.n_samples)
        self.recorder = Recorder(self.lowered, self.recording, self.n_samples, Memory())
        self._pace = Pace()
        self._spare = collections.deque()

    def check_network(self):
        """Raise `InputError` where the network is no longer the one that runs: its trace would not be true."""
        if self.net.fingerprint() != self._fingerprint:
            raise InputError("the network was changed since this simulation began, which goes on with what it was; "
                             "put its weights, delays and parameters back, or begin a new Simulation")

    def go(self, t_stop, progress=None, out=None):
        """Run everything to t_stop and return the trace, also written to the file `out` where one is given."""
        t_stop = checked_end(self.net, t_stop)
        if out is None:
            return self._go(t_stop, progress)
        nothing_yet = np.zeros(self.n_samples)
        writer = segments.Writer(out, self.lowered, self.recorder.names,
                                 lambda: self._trace(t_stop, {}, nothing_yet, interrupted=True))
        self.recorder.store = writer
        with writer:
            trace = self._go(t_stop, progress)
            return writer.finished(trace)

    def _go(self, t_stop, progress):
        if self.engine == "layers":
            return self._go_layers(t_stop, progress)
        self.advance(t_stop, progress, keep=False)
        return self.trace(t_stop)

    def _go_layers(self, t_stop, progress):
        attendant = Attendant(progress, self.n_samples)
        activations = []
        self.interrupted = attendant.attend(lambda: activations.append(layers.forward(
            layers.plan(self.net), self.stimulus, t_stop, self.precision, self.threads, attendant=attendant)))
        found = activations[0]
        tables = {}
        for name, record in self.recording.items():
            time = found.time[name]
            fired = np.isfinite(time)
            if record.counts:
                self.recorder.counts[name] += fired
            fired &= (time >= record.start) & (time < record.stop)
            if record.neurons is not None:
                fired &= np.isin(np.arange(time.shape[1]), record.neurons)
            sample, neuron = np.nonzero(fired)
            order = np.lexsort((neuron, time[sample, neuron], sample))
            sample, neuron = sample[order], neuron[order]
            if record.keeps_spikes:
                tables[name] = SpikeTable(time[sample, neuron], neuron.astype(np.int32), sample.astype(np.int32),
                                          found.slope[name][sample, neuron], found.generation[name][sample, neuron])
        return self._trace(t_stop, tables, np.where(found.done, t_stop, 0.0))

    def advance(self, t_stop, progress=None, keep=True, start=0.0):
        """Run every sample that has not ended from `start` to t_stop; `keep` their states to go on later."""
        attendant = Attendant(progress, self.n_samples, t_stop - start)

        def run(index):
            if math.isnan(self.ended[index]):
                if attendant.cancelled():
                    self.ended[index] = start
                else:
                    self._advance_sample(index, start, t_stop, attendant, keep)
            attendant.report(1, index)

        todo = [(index,) for index in range(self.n_samples)]
        self.interrupted |= attendant.attend(lambda: layers.in_threads(run, todo, self.threads))

    def new_course(self, index):
        """Return a sample at t = 0."""
        try:
            sample = self._spare.pop()  # of a sample that has ended, in any thread
            sample.again(index)
        except IndexError:
            sample = SAMPLES[self.engine](
                self.net, self.lowered, self.seed, index, tuple(self.recording), self._shards)
        return Course(sample, self.inputs.first(index))

    def _advance_sample(self, index, start, t_stop, attendant, keep):
        sample, given = self.courses.pop(index, None) or self.new_course(index)
        watch = self.stop.watch(index)
        t = start
        while t < t_stop:
            goal = self._pace.goal(t, min(t_stop, watch.due if watch else t_stop))
            began = clock.perf_counter()
            inputs, given = self.inputs.until(index, given, goal)
            over = sample.run(inputs, goal, self.stop.limit, attendant.cancelled) or attendant.cancelled()
            end = goal
            if over:  # right after the last instant that was processed
                end = max(t, math.nextafter(sample.clock, math.inf)) if sample.clock >= 0.0 else t
            fresh = sample.take()
            self.recorder.take(index, [fresh], end)
            if over or (watch and watch.saw(fresh, goal)):
                self.ended[index] = end
                break
            self._pace.spent(goal - t, clock.perf_counter() - began)
            t = goal
            if t < t_stop:
                attendant.within(index, (t - start) / (t_stop - start))
        if keep:
            self.courses[index] = Course(sample, given)
        elif sample.reusable:
            self._spare.append(sample)

    def trace(self, t_stop):
        """Return the trace of what was recorded up to t_stop."""
        ended = np.where(np.isnan(self.ended), t_stop, self.ended)
        return self._trace(t_stop, self.recorder.store.tables(self.lowered, self.recorder.names), ended)

    def _trace(self, t_stop, tables, ended, interrupted=False):
        parameters = {"t_stop": t_stop, "engine": self.engine, "precision": self.precision, "threads": self.threads,
                      "stop": self.stop.given, "n_samples": self.n_samples}
        resources = {"elapsed_s": clock.time() - self.started}
        LOG.info("simulated %d samples to %g ms in %.3f s, engine %s (%s)", self.n_samples, t_stop,
                 resources["elapsed_s"], self.engine, self.reason)
        if self.interrupted or interrupted:
            LOG.warning("the simulation was interrupted; its trace holds what was done")
        return Trace(self.net, self.stimulus, tables, t_stop, self.n_samples, engine=self.engine, reason=self.reason,
                     precision=self.precision, seed=self.seed, recorded=self.recording, labels=self.labels,
                     interrupted=self.interrupted or interrupted, output=self.output, ended=ended,
                     counts={name: counts.copy() for name, counts in self.recorder.counts.items()},
                     provenance=provenance.record("simulate", parameters, self.seed, resources))
