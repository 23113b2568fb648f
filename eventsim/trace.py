"""What a run leaves behind: every spike, and all that is needed to repeat the run and to differentiate it.

A trace is the only thing that crosses from simulation to measures, learning and pictures. Its arrays
are read-only; to add labels or to name the output, `Trace.with_labels` and `Trace.with_output` return a
new trace that shares them.
"""

import numpy as np

from eventsim.arrays import frozen
from eventsim.errors import InputError, choose, did_you_mean
from eventsim.spike_table import SpikeTable, checked_table, empty_table, first_of_table, input_table


class Trace:
    """The recorded run.

    Parameters
    ----------
    network : Network
        The network that was run.
    stimulus : dict of str to Spikes
        Input spikes by input population, as given (entries at or after `t_stop` included).
    tables : dict of str to SpikeTable
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
    recorded : tuple of str
        Populations that the user asked to record.
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

    Attributes
    ----------
    network, stimulus, t_stop, n_samples, engine, reason, precision, seed, recorded, interrupted, provenance
        As given.
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
        self, network, stimulus, tables, t_stop, n_samples, *, engine, reason, precision, seed, recorded,
        labels=None, interrupted=False, provenance=None, output=None, ended=None,
    ):
        self.network = network
        self.fingerprint = network.fingerprint()
        self.t_stop = float(t_stop)
        self.n_samples = int(n_samples)
        self.engine = engine
        self.reason = reason
        self.precision = precision
        self.seed = seed
        self.recorded = tuple(recorded)
        self.interrupted = bool(interrupted)
        self.provenance = dict(provenance) if provenance is not None else {}
        if not self.t_stop >= 0 or self.n_samples < 0:
            raise InputError(f"t_stop is {self.t_stop} ms and n_samples {self.n_samples}; both must be >= 0")
        self._check_kinds(stimulus, tables)
        self.stimulus = {name: stimulus[name] for name in network.populations if name in stimulus}
        self._tables = {
            name: checked_table(tables[name], name, population.size, self.n_samples)
            for name, population in network.populations.items()
            if name in tables
        }
        self._inputs = {}  # made from the stimulus when first asked for
        self.labels = self._checked_labels(labels)
        self.ended = self._checked_ended(ended)
        self.named_output = None if output is None else self._checked_output(output)

    def unchanged_network(self):
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
    def populations(self):
        """Names with spikes to look at: inputs and recorded populations, in the order of the network."""
        return tuple(name for name in self.network.populations if self._available(name))

    def spikes(self, name):
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
        """
        return SpikeTable(*map(frozen, self.arrays(name)))

    def arrays(self, name):
        """Return what `spikes` returns as writable arrays without copying, for kernels; not to be written.

        Parameters
        ----------
        name : str
            An input or a recorded population.

        Returns
        -------
        SpikeTable
            C-contiguous columns.
        """
        name = self._name(name)
        if name in self._tables:
            return self._tables[name]
        if name not in self.stimulus:
            return empty_table()  # an input without a stimulus, or a readout: it never fires
        if name not in self._inputs:
            self._inputs[name] = input_table(self.stimulus[name], self.ended)
        return self._inputs[name]

    def first_spikes(self, name):
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
        name = self._name(name)
        return first_of_table(self.arrays(name), self.n_samples, self.network.populations[name].size)

    def offsets(self, name):
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
        return np.searchsorted(self.arrays(name).sample, np.arange(self.n_samples + 1)).astype(np.int64)

    def potential(self, name, t=None):
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

        return replay.potential(self, self._known(name), self.t_stop if t is None else t)

    def membrane(self, name, neurons, times, sample=0):
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

        return replay.membrane(self, self._known(name), neurons, times, sample)

    @property
    def output(self):
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

    def with_labels(self, labels):
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

    def with_output(self, name):
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

    def save(self, path):
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
    def load(cls, path):
        """Read a trace that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            An HDF5 trace file.

        Returns
        -------
        Trace
            Network, stimulus, spikes, labels and provenance as saved.

        Raises
        ------
        InputError
            Missing, truncated, damaged or foreign file.
        """
        from eventsim.io import trace_file

        return trace_file.read(path)

    def summary(self):
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
            size, count = population.size, len(self.arrays(name).time)
            lines.append(f"  {name:<{width}}  {population.kind:<7}  {size:,} neurons, {count:,} spikes")
        return "\n".join(lines)

    def __repr__(self):
        """Return `summary`."""
        return self.summary()

    def _twin(self):
        other = object.__new__(Trace)
        other.__dict__.update(self.__dict__)
        return other

    def _available(self, name):
        return name in self._tables or self.network.populations[name].kind == "input"

    def _known(self, name):
        """Return the name of a population of the network, given by name or by handle."""
        name = getattr(name, "name", name)
        return choose("population", name, tuple(self.network.populations))

    def _name(self, name):
        """Return the name of a population whose spikes are here, given by name or by handle."""
        name = getattr(name, "name", name)
        if name in self.network.populations:
            if self._available(name) or self.network.populations[name].is_readout:
                return name
            reason = "was not recorded"
        else:
            reason = "is not in the network"
        held = self.populations
        raise InputError(
            f'population "{name}" {reason}; this trace holds: {", ".join(held)}.{did_you_mean(name, held)}'
        )

    def _check_kinds(self, stimulus, tables):
        """Refuse names that the network does not have, and a stimulus or a table of the wrong kind."""
        for name in (*stimulus, *tables):
            choose("population", name, tuple(self.network.populations))
        for name, spikes in stimulus.items():
            if self.network.populations[name].kind != "input":
                raise InputError(f'population "{name}" is not an input; a stimulus goes to inputs only')
            spikes.check(self.network.populations[name])
            if spikes.n_samples != self.n_samples:
                raise InputError(
                    f'the stimulus of "{name}" has {spikes.n_samples} samples and the run {self.n_samples}; '
                    "they must agree"
                )
        for name in tables:
            if self.network.populations[name].kind == "input":
                raise InputError(f'population "{name}" is an input; its spikes are its stimulus, not a table')

    def _checked_output(self, name):
        name = self._known(name)
        if self.network.populations[name].kind != "neurons":
            raise InputError(f'population "{name}" is an input; name one of kind "neurons" as output')
        return name

    def _checked_labels(self, labels):
        if labels is None:
            return None
        given = np.asarray(labels)
        if given.shape != (self.n_samples,) or given.dtype.kind not in "iub":
            raise InputError(
                f"labels must be {self.n_samples} whole numbers, one a sample; "
                f"got {given.dtype} of shape {given.shape}"
            )
        return frozen(given.astype(np.int64))

    def _checked_ended(self, ended):
        if ended is None:
            return frozen(np.full(self.n_samples, self.t_stop))
        given = np.array(ended, dtype=np.float64)
        if given.shape != (self.n_samples,) or np.isnan(given).any() or (given < 0).any():
            raise InputError(f"ended must be {self.n_samples} times >= 0 ms, one a sample; got {given.shape}")
        return frozen(np.minimum(given, self.t_stop))
