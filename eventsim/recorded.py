"""The spikes that a trace holds: those recorded, those of the stimulus, and what is missing of them."""

import numpy as np

from eventsim.arrays import frozen
from eventsim.errors import InputError, choose, did_you_mean
from eventsim.recording import Record
from eventsim.spike_table import Deferred, checked_table, empty_table, input_table, joined


class Recorded:
    """Spikes and counts by population, checked.

    Parameters
    ----------
    network : Network
    stimulus : dict of str to Spikes
        By input population.
    tables : dict of str to SpikeTable or Deferred
        By recorded population.
    recording : dict of str to Record
        What was recorded; a table without an entry holds every spike.
    counts : dict of str to array_like of int
        Spikes of every neuron by counted population, (samples, neurons).
    ended : numpy.ndarray
        Time in ms up to which each sample was run, (samples,).
    t_stop : float
        End of the run in ms.

    Raises
    ------
    InputError
        Names that the network does not have, a stimulus or a table of the wrong kind, or one that does not fit.
    """

    def __init__(self, network, stimulus, tables, recording, counts, ended, t_stop):
        self._network, self._ended, self._t_stop = network, ended, t_stop
        self._check_kinds(stimulus, (*tables, *recording, *counts))
        self._stimulus, self._recording = stimulus, recording
        self._tables = {}
        for name in network.populations:
            if name in tables:
                given = tables[name]
                self._tables[name] = given if isinstance(given, Deferred) else self.checked(name, given)
        self._counts = {name: self._checked_counts(name, array) for name, array in counts.items()}
        self._counted = tuple(self._counts)
        self._inputs = {}  # made from the stimulus when first asked for

    @property
    def populations(self):
        """Names with spikes to look at, in the order of the network."""
        return tuple(name for name in self._network.populations if self._available(name))

    @property
    def counted(self):
        """Names of the populations whose spikes were counted during the run."""
        return self._counted

    def known(self, name):
        """Return the name of a population of the network, given by name or by handle."""
        return choose("population", getattr(name, "name", name), tuple(self._network.populations))

    def name(self, name):
        """Return the name of a population whose spikes are here, given by name or by handle."""
        name = getattr(name, "name", name)
        if not isinstance(name, str):
            raise InputError(f"a population is given by name or by handle; got {type(name).__name__}")
        if name in self._network.populations:
            if self._available(name) or self._network.populations[name].is_readout:
                return name
            reason = "was only counted" if name in self._counted else "was not recorded"
        else:
            reason = "is not in the network"
        held = self.populations
        raise InputError(
            f'population "{name}" {reason}; this trace holds: {", ".join(held)}.{did_you_mean(name, held)}'
        )

    def table(self, name):
        """Return the spikes of a population that are here, all or a part, as a `SpikeTable`."""
        if name in self._tables:
            if isinstance(self._tables[name], Deferred):
                self._tables[name] = self.checked(name, joined(self._tables[name].blocks()))
            return self._tables[name]
        if name not in self._stimulus:
            return empty_table()  # an input without a stimulus, or a readout: it never fires
        if name not in self._inputs:
            self._inputs[name] = input_table(self._stimulus[name], self._ended)
        return self._inputs[name]

    def deferred(self, name):
        """Return the `Deferred` of a population whose spikes have not been read yet, else None."""
        table = self._tables.get(name)
        return table if isinstance(table, Deferred) else None

    def number(self, name):
        """Return how many spikes of a population are here."""
        deferred = self.deferred(name)
        return len(self.table(name).time) if deferred is None else deferred.count

    def counts(self, name):
        """Return how many spikes every neuron fired, int64 (samples, neurons), or raise `InputError`."""
        if name not in self._counts:
            self.name(name)
            self.need_all(name)
            table, size, samples = self.table(name), self._network.populations[name].size, len(self._ended)
            train = table.sample.astype(np.int64) * size + table.neuron
            self._counts[name] = frozen(np.bincount(train, minlength=samples * size).reshape(samples, size))
        return self._counts[name]

    def is_complete(self, name):
        """Return whether every spike of a population is here."""
        population = self._network.populations[name]
        if population.kind == "input" or population.is_readout:
            return True
        return name in self._tables and self._recording.get(name, Record()).is_complete(self._t_stop)

    def need_all(self, name):
        """Raise `InputError` where only a part of the spikes is here."""
        if not self.is_complete(name):
            raise InputError(f'population "{name}" was recorded in part ({self.part(name)}), and this needs every '
                             f'spike of it; simulate with record=["{name}"]')

    def part(self, name):
        """Return in words which part of the spikes was recorded."""
        record, parts = self._recording[name], []
        if record.neurons is not None:
            parts.append(f"{len(record.neurons):,} of {self._network.populations[name].size:,} neurons")
        if record.start > 0.0 or record.stop < self._t_stop:
            parts.append(f"{record.start:g} to {min(record.stop, self._t_stop):g} ms")
        return ", ".join(parts)

    def checked(self, name, table):
        """Return a table as the arrays that kernels take, or raise `InputError`."""
        return checked_table(table, name, self._network.populations[name].size, len(self._ended))

    def _available(self, name):
        return name in self._tables or self._network.populations[name].kind == "input"

    def _check_kinds(self, stimulus, names):
        populations = self._network.populations
        for name in (*stimulus, *names):
            choose("population", name, tuple(populations))
        for name, spikes in stimulus.items():
            if populations[name].kind != "input":
                raise InputError(f'population "{name}" is not an input; a stimulus goes to inputs only')
            spikes.check(populations[name])
            if spikes.n_samples != len(self._ended):
                raise InputError(
                    f'the stimulus of "{name}" has {spikes.n_samples} samples and the run {len(self._ended)}; '
                    "they must agree"
                )
        for name in names:
            if populations[name].kind == "input":
                raise InputError(f'population "{name}" is an input; its spikes are its stimulus, not a table')

    def _checked_counts(self, name, array):
        shape = len(self._ended), self._network.populations[name].size
        given = np.asarray(array)
        if given.shape != shape or given.dtype.kind not in "iu" or given.min(initial=0) < 0:
            raise InputError(f'counts of "{name}" must be whole numbers >= 0 of shape {shape}; got {given.shape}')
        return frozen(given.astype(np.int64, copy=False))
