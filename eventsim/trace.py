"""What a run leaves behind: every spike, and all that is needed to repeat the run and to differentiate it.

A trace is the only thing that crosses from simulation to measures, learning and pictures. Its arrays
are read-only; to add labels or to name the output, `Trace.with_labels` and `Trace.with_output` return a
new trace that shares them. Where not every spike was recorded the trace knows it, and what needs them all
says so instead of computing from a part.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import notebook
from eventsim.arrays import flag, frozen, number, numbers
from eventsim.errors import InputError
from eventsim.recorded import Recorded
from eventsim.recording import Record
from eventsim.spike_table import SpikeTable, first_of_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.replay import Membrane
    from eventsim.spike_table import Deferred
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Floats, Integers, PathLike, Precision, Which


class Trace:
    """The recorded run.

    Parameters
    ----------
    network : Network
        The network that was run.
    stimulus : dict of str to Spikes
        Input spikes by input population, as given (entries at or after `t_stop` included).
    tables : dict of str to SpikeTable or Deferred
        Recorded spikes by population, ordered by (sample, time, neuron).
    t_stop : float
        The run covered [0, t_stop) ms of every sample.
    n_samples : int
        Samples.
    engine, reason : str
        The engine that ran, and why it was taken.
    precision : {"double", "single"}
        Number format of the run.
    seed : int
        Seed really used.
    recorded : iterable of str, or dict of str to Record
        Populations that the user asked to record: all their spikes, or what a `Record` says.
    labels : array_like of int, optional
        True class of every sample, (n_samples,).
    interrupted : bool, default False
        Whether the run was stopped by the user before it was done.
    provenance : dict, optional
        What `eventsim.provenance.record` returned for the run.
    output : str, optional
        The population that decides; default: the only "neurons" population that feeds no other.
    ended : array_like of float, optional
        Time in ms up to which each sample was run, (n_samples,); default: `t_stop` for all. Shorter where
        a run was stopped at its decision or interrupted.
    counts : dict of str to array_like of int, optional
        Spikes of every neuron by counted population, (n_samples, neurons).

    Attributes
    ----------
    network, stimulus, t_stop, n_samples, engine, reason, precision, seed, interrupted, provenance
        As given.
    recorded : tuple of str
        Populations with recorded spikes, all of them or a part.
    recording : dict of str to Record
        What was recorded of each population, counts included.
    fingerprint : str
        Fingerprint of the network that was run.
    labels : numpy.ndarray or None
        int64 (n_samples,), read-only.
    ended : numpy.ndarray
        float64 (n_samples,), read-only.
    named_output : str or None
        The output where the user named one; `output` also finds the one that is clear without.

    Raises
    ------
    InputError
        A table that does not fit its population, or labels that do not fit the samples.
    """

    def __init__(
        self,
        network: Network,
        stimulus: Mapping[str, Spikes],
        tables: Mapping[str, SpikeTable | Deferred],
        t_stop: float,
        n_samples: int,
        *,
        engine: str,
        reason: str,
        precision: Precision,
        seed: int,
        recorded: Iterable[str] | dict[str, Record],
        labels: ArrayLike | None = None,
        interrupted: bool = False,
        provenance: Mapping[str, Any] | None = None,
        output: str | None = None,
        ended: ArrayLike | None = None,
        counts: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.network = network
        self.fingerprint = network.fingerprint()
        self.t_stop = float(t_stop)
        self.n_samples = int(n_samples)
        self.engine = engine
        self.reason = reason
        self.precision = precision
        self.seed = seed
        self.recording = dict(recorded) if isinstance(recorded, dict) else {name: Record() for name in recorded}
        self.recorded = tuple(name for name, record in self.recording.items() if record.keeps_spikes)
        self.interrupted = bool(interrupted)
        self.provenance: dict[str, Any] = dict(provenance) if provenance is not None else {}
        if not self.t_stop >= 0 or self.n_samples < 0:
            raise InputError(f"t_stop is {self.t_stop} ms and n_samples {self.n_samples}; both must be >= 0")
        self.labels: Integers | None = self._checked_labels(labels)
        self.ended: Floats = self._checked_ended(ended)
        self._spikes = Recorded(network, stimulus, tables, self.recording, counts or {}, self.ended, self.t_stop)
        self.stimulus = {name: stimulus[name] for name in network.populations if name in stimulus}
        self.named_output: str | None = None if output is None else self._checked_output(output)

    def unchanged_network(self) -> Network:
        """Return the network, for uses that need its weights and delays as they were in the run.

        Returns
        -------
        Network
            The same object as `network`.

        Raises
        ------
        InputError
            Its weights, delays or parameters were changed after the run.
        """
        if self.network.fingerprint() != self.fingerprint:
            raise InputError(
                "the network was changed after this run, so the trace no longer fits it; simulate it again"
            )
        return self.network

    @property
    def populations(self) -> tuple[str, ...]:
        """Names with spikes to look at: inputs and recorded populations, in the order of the network."""
        return self._spikes.populations

    def spikes(self, name: Which) -> SpikeTable:
        """Return the spikes of a population.

        Parameters
        ----------
        name : str
            An input (its stimulus before the end of each sample; slope inf) or a recorded population.

        Returns
        -------
        SpikeTable
            Columns `time` (ms), `neuron`, `sample`, `slope`, `generation`, ordered by (sample, time,
            neuron).

        Raises
        ------
        InputError
            The population is unknown or was not recorded.

        Notes
        -----
        Where only a part was recorded (see `recording`), this is the part.
        """
        return SpikeTable(*map(frozen, self._spikes.table(self._spikes.name(name))))

    def blocks(self, name: Which) -> Iterator[SpikeTable]:
        """Return an iterator over `spikes` in tables of bounded size, for traces that are larger than memory.

        Parameters
        ----------
        name : str
            An input or a recorded population.

        Returns
        -------
        iterator of SpikeTable
            In order. Read from the file block by block where the trace was loaded lazily.

        Raises
        ------
        InputError
            The population is unknown or was not recorded.
        """
        name = self._spikes.name(name)
        deferred = self._spikes.deferred(name)
        if deferred is None:
            return iter([self.spikes(name)])
        return (self._spikes.checked(name, block) for block in deferred.blocks())

    def number_of_spikes(self, name: Which) -> int:
        """Return how many spikes `spikes` and `blocks` return, without reading them.

        Parameters
        ----------
        name : str
            An input or a recorded population.

        Returns
        -------
        int
        """
        return self._spikes.number(self._spikes.name(name))

    def arrays(self, name: Which) -> SpikeTable:
        """Return all spikes of a population as writable arrays without copying, for kernels; not to be written.

        Parameters
        ----------
        name : str
            An input, or a population of which every spike was recorded.

        Returns
        -------
        SpikeTable
            C-contiguous columns.

        Raises
        ------
        InputError
            The population is unknown, was not recorded, or only a part of its spikes was.
        """
        name = self._spikes.name(name)
        self._spikes.need_all(name)
        return self._spikes.table(name)

    def is_complete(self, name: Which) -> bool:
        """Return whether every spike of a population is here.

        Parameters
        ----------
        name : str
            Any population of the network.

        Returns
        -------
        bool
            True for inputs and for readouts, which never fire.
        """
        return self._spikes.is_complete(self._spikes.known(name))

    def counts(self, name: Which) -> Integers:
        """Return how many spikes every neuron fired.

        Parameters
        ----------
        name : str
            An input, a population that was counted, or one of which every spike was recorded.

        Returns
        -------
        numpy.ndarray
            int64 (samples, neurons), read-only.

        Raises
        ------
        InputError
            The population is unknown, or was neither counted nor recorded as a whole.
        """
        return self._spikes.counts(self._spikes.known(name))

    def first_spikes(self, name: Which) -> Floats:
        """Return the first spike time of every neuron.

        Parameters
        ----------
        name : str
            An input or a recorded population.

        Returns
        -------
        numpy.ndarray
            Times in ms, float64 (samples, neurons); inf where silent.

        Raises
        ------
        InputError
            The population is unknown or was not recorded.
        """
        name = self._spikes.name(name)
        return first_of_table(self.arrays(name), self.n_samples, self.network.populations[name].size)

    def offsets(self, name: Which) -> Integers:
        """Return where each sample's rows begin in `spikes(name)`.

        Parameters
        ----------
        name : str
            An input or a recorded population.

        Returns
        -------
        numpy.ndarray
            int64 (samples + 1,); sample s has the rows ``offsets[s]:offsets[s + 1]``.
        """
        table = self._spikes.table(self._spikes.name(name))
        return np.searchsorted(table.sample, np.arange(self.n_samples + 1)).astype(np.int64)

    def potential(self, name: Which, t: float | None = None) -> Floats:
        """Return the membrane potential of a whole population, rebuilt in closed form.

        Parameters
        ----------
        name : str
            A population of kind "neurons"; silent readouts are the usual case.
        t : float, optional
            Time in ms; default: `t_stop`. The left limit: arrivals at `t` are not in it.

        Returns
        -------
        numpy.ndarray
            float64 (samples, neurons).
        """
        from eventsim import replay

        return replay.potential(self, self._spikes.known(name), self.t_stop if t is None else number("t", t))

    def membrane(self, name: Which, neurons: ArrayLike, times: ArrayLike, sample: int = 0) -> Membrane:
        """Return potential and synaptic current of some neurons at some times, rebuilt in closed form.

        Parameters
        ----------
        name : str
            A population of kind "neurons".
        neurons : int or array_like of int
            Neuron ids.
        times : array_like of float
            Times in ms.
        sample : int, default 0
            Which sample.

        Returns
        -------
        NamedTuple
            `v` and `i`, each float64 (neurons, times).
        """
        from eventsim import replay

        return replay.membrane(self, self._spikes.known(name), neurons, numbers("times", times), sample)

    @property
    def output(self) -> str:
        """Name of the population that decides.

        The one named when the trace was made (or by `with_output`), else the only population of kind
        "neurons" that feeds no other population. Several such populations raise `InputError`: name one.
        """
        if self.named_output is not None:
            return self.named_output
        feeding = {
            p.source.name for p in self.network.projections.values() if p.source.name != p.target.name
        }
        sinks = [
            name
            for name, population in self.network.populations.items()
            if population.kind == "neurons" and name not in feeding
        ]
        if len(sinks) != 1:
            found = ", ".join(sinks) if sinks else "none"
            raise InputError(
                f"the output population is not clear: populations that feed no other: {found}; "
                "name one (output=...)"
            )
        return sinks[0]

    def with_labels(self, labels: ArrayLike | None) -> Trace:
        """Return this trace with other labels (arrays are shared).

        Parameters
        ----------
        labels : array_like of int or None
            True class of every sample, (samples,).

        Returns
        -------
        Trace
            A new trace.

        Raises
        ------
        InputError
            Not one whole number a sample.
        """
        other = self._twin()
        other.labels = self._checked_labels(labels)
        return other

    def with_output(self, name: str) -> Trace:
        """Return this trace with another population named as the one that decides (arrays are shared).

        Parameters
        ----------
        name : str
            A population of kind "neurons".

        Returns
        -------
        Trace
            A new trace.

        Raises
        ------
        InputError
            Unknown population, or an input.
        """
        other = self._twin()
        other.named_output = self._checked_output(name)
        return other

    def save(self, path: PathLike) -> None:
        """Write the trace to one HDF5 file (SONATA spike layout), never half: aside first, then renamed.

        Parameters
        ----------
        path : str or path-like
            File to write; an existing file is replaced.

        Raises
        ------
        InputError
            The file cannot be written there, or the network was changed after the run.
        """
        from eventsim.io import trace_file

        trace_file.write(path, self)

    @classmethod
    def load(cls, path: PathLike, lazy: bool = False) -> Trace:
        """Read a trace that `save` or a run with ``out=`` wrote.

        Parameters
        ----------
        path : str or path-like
            An HDF5 trace file; or the folder of segments that a killed run left, whose finished segments then
            make a trace that says `interrupted`.
        lazy : bool, optional
            Read the spikes of a population when they are first asked for, or block by block (`blocks`, `save`).
            The file must stay where it is meanwhile.

        Returns
        -------
        Trace
            Network, stimulus, spikes, labels and provenance as saved.

        Raises
        ------
        InputError
            Missing, truncated, damaged or foreign file.
        """
        from eventsim.io import segments, trace_file
        from eventsim.io.plain_file import path_of

        path = path_of(path)
        lazy = flag("lazy", lazy)
        return segments.recover(path, lazy) if os.path.isdir(path) else trace_file.read(path, lazy)

    def summary(self) -> str:
        """Return a few lines that say what was run and how many spikes were recorded.

        Returns
        -------
        str
            One line for the run and one a population.
        """
        samples = "1 sample" if self.n_samples == 1 else f"{self.n_samples:,} samples"
        lines = [
            f"Trace: {samples}, 0 to {self.t_stop:g} ms, engine {self.engine} ({self.reason}), "
            f"{self.precision} precision, seed {self.seed}"
            + (", labelled" if self.labels is not None else "")
            + (", interrupted" if self.interrupted else "")
        ]
        width = max((len(name) for name in self.populations), default=0)
        for name in self.populations:
            population = self.network.populations[name]
            count = self._spikes.number(name)
            part = "" if self.is_complete(name) else f" ({self._spikes.part(name)})"
            size = f"{population.size:,} neurons"
            lines.append(f"  {name:<{width}}  {population.kind:<7}  {size}, {count:,} spikes{part}")
        for name in self._spikes.counted:
            if name not in self.populations:
                size, count = self.network.populations[name].size, int(self.counts(name).sum())
                lines.append(f"  {name:<{width}}  counted  {size:,} neurons, {count:,} spikes")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return `summary`."""
        return self.summary()

    def _repr_html_(self) -> str:
        return notebook.of_trace(self)

    def _twin(self) -> Trace:
        other = object.__new__(Trace)
        other.__dict__.update(self.__dict__)
        return other

    def with_spikes(
        self,
        tables: Mapping[str, SpikeTable | Deferred],
        counts: Mapping[str, ArrayLike] | None,
        ended: ArrayLike | None,
        interrupted: bool,
    ) -> Trace:
        """Return this trace with other spikes of the same run.

        Parameters
        ----------
        tables, counts, ended, interrupted
            As for `Trace`.

        Returns
        -------
        Trace
        """
        return Trace(self.network, self.stimulus, tables, self.t_stop, self.n_samples, engine=self.engine,
                     reason=self.reason, precision=self.precision, seed=self.seed, recorded=self.recording,
                     labels=self.labels, interrupted=interrupted, provenance=self.provenance,
                     output=self.named_output, ended=ended, counts=counts)

    def _checked_output(self, name: str) -> str:
        name = self._spikes.known(name)
        if self.network.populations[name].kind != "neurons":
            raise InputError(f'population "{name}" is an input; name one of kind "neurons" as output')
        return name

    def _checked_labels(self, labels: ArrayLike | None) -> Integers | None:
        if labels is None:
            return None
        try:
            given = np.asarray(labels)
        except ValueError:
            raise InputError(f"labels must be {self.n_samples} whole numbers; got rows of different lengths") from None
        if given.shape != (self.n_samples,) or given.dtype.kind not in "iub":
            raise InputError(
                f"labels must be {self.n_samples} whole numbers, one a sample; "
                f"got {given.dtype} of shape {given.shape}"
            )
        return frozen(given.astype(np.int64))

    def _checked_ended(self, ended: ArrayLike | None) -> Floats:
        if ended is None:
            return frozen(np.full(self.n_samples, self.t_stop))
        given = np.array(ended, dtype=np.float64)
        if given.shape != (self.n_samples,) or np.isnan(given).any() or (given < 0).any():
            raise InputError(f"ended must be {self.n_samples} times >= 0 ms, one a sample; got {given.shape}")
        return frozen(np.minimum(given, self.t_stop))
