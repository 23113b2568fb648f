"""What the converters of spikes share: which spikes of a trace go out, and how those of a file come in."""

from typing import NamedTuple

import numpy as np

from eventsim.errors import InputError, choose
from eventsim.spikes import Spikes
from eventsim.trace import Trace

DEFAULT_NAME = "input"
"""What the population of a bare `Spikes` is called in a file."""


class Exported(NamedTuple):
    """The spikes of one population that are written, ordered by (sample, time, neuron).

    Attributes
    ----------
    name : str
        The population.
    time, neuron, sample : ndarray
        Columns (n,): ms from the start of the sample, neuron id, sample.
    slope : ndarray or None
        V' at the crossing, (n,), inf for inputs; None where they come without a trace.
    amplitude : ndarray or None
        Factor on the weights, (n,); None where all are 1.
    """

    name: str
    time: np.ndarray
    neuron: np.ndarray
    sample: np.ndarray
    slope: np.ndarray | None
    amplitude: np.ndarray | None


def check_trace(what, source):
    """Raise `InputError` unless `source` is a `Trace`."""
    if not isinstance(source, Trace):
        raise InputError(f"{what} takes an es.Trace; got {type(source).__name__}")


def chosen_populations(trace, populations):
    """Return the names of the populations of a trace that are written, as a list without repeats.

    Parameters
    ----------
    trace : Trace
    populations : None, str or iterable of str
        Default: every population whose spikes were recorded. Inputs go out where they are named.

    Raises
    ------
    InputError
        A population that the trace does not hold, or nothing was recorded.
    """
    if populations is None and trace.recorded:
        return list(trace.recorded)
    if populations is None:
        raise InputError("no spikes of neurons were recorded in this trace; simulate with record=[...], or name "
                         "inputs: populations=...")
    names = [getattr(name, "name", name) for name in _listed(populations)]
    for name in names:
        trace.number_of_spikes(name)  # refuses what is not there
    return list(dict.fromkeys(names))


def exported(source, populations=None):
    """Return the spikes that are written, population by population.

    Parameters
    ----------
    source : Trace, Spikes, or dict of str to Spikes
        A run, a stimulus of one input, or of several by name.
    populations : None, str or iterable of str
        As in `chosen_populations`; of a dict: some of its names; of a bare `Spikes`: its one name, default "input".

    Returns
    -------
    list of Exported

    Raises
    ------
    InputError
        What is given is none of these, or a population is not there.
    """
    if isinstance(source, Trace):
        return [_of_trace(source, name) for name in chosen_populations(source, populations)]
    if isinstance(source, Spikes):
        names = [DEFAULT_NAME] if populations is None else _listed(populations)
        if len(names) != 1 or not _is_name(names[0]):
            raise InputError(f"Spikes are of one population, but populations is {populations!r}; give one name, "
                             'visible text without "/"')
        return [_of_spikes(names[0], source)]
    if isinstance(source, dict) and all(isinstance(spikes, Spikes) for spikes in source.values()):
        by_name = {getattr(name, "name", name): spikes for name, spikes in source.items()}
        wanted = list(by_name) if populations is None else _listed(populations)
        for name in wanted:
            choose("population", name, by_name)
            if not _is_name(name):
                raise InputError(f'{name!r} cannot be the name of a population; give visible text without "/"')
        return [_of_spikes(name, by_name[name]) for name in wanted]
    raise InputError(f"spikes are written from an es.Trace, es.Spikes, or a dict of es.Spikes by name; "
                     f"got {type(source).__name__}")


def number_of_samples(source):
    """Return the number of samples of what `exported` takes.

    Raises
    ------
    InputError
        The `Spikes` of a dict differ in it.
    """
    if not isinstance(source, dict):
        return source.n_samples
    counts = {spikes.n_samples for spikes in source.values()}
    if len(counts) > 1:
        raise InputError(f"the stimuli have different numbers of samples ({sorted(counts)}); "
                         "give n_samples= to Spikes")
    return counts.pop() if counts else 1


def refuse_amplitudes(columns, what):
    """Raise `InputError` where a spike of an `Exported` has an amplitude other than 1, which `what` cannot hold."""
    if columns.amplitude is not None:
        raise InputError(f'spikes of "{columns.name}" have amplitudes other than 1, which {what} cannot hold; '
                         "write them with es.io.to_csv, or into a trace file")


def incoming(where, time, neuron, sample=0, amplitude=1.0, n_samples=None):
    """Return `Spikes`, or refuse them with the name of the file that they come from.

    Parameters
    ----------
    where : str
        What to begin an error with.
    time, neuron, sample, amplitude, n_samples
        As for `Spikes`.

    Raises
    ------
    InputError
        As for `Spikes`.
    """
    try:
        return Spikes(time, neuron, sample, amplitude, n_samples)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def one_of(where, population, names):
    """Return the population that is read: the one named, or the only one there is.

    Parameters
    ----------
    where : str
        What to begin an error with.
    population : str or None
    names : sequence of str
        Those in the file.

    Raises
    ------
    InputError
        It is not there, or it is not clear which.
    """
    if population is not None:
        try:
            return choose("population", getattr(population, "name", population), names or ["none"])
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    if len(names) != 1:
        found = ", ".join(f'"{name}"' for name in names) or "none"
        raise InputError(f"{where} has {len(names)} populations ({found}); name one: population=...")
    return names[0]


def _of_trace(trace, name):
    table = trace.spikes(name)
    given, amplitude = trace.stimulus.get(name), None
    if given is not None:
        amplitude = _unless_one(given.amplitude[given.time < trace.ended[given.sample]])  # the rows of the table
    return Exported(name, table.time, table.neuron, table.sample, table.slope, amplitude)


def _of_spikes(name, spikes):
    return Exported(name, spikes.time, spikes.neuron, spikes.sample, None, _unless_one(spikes.amplitude))


def _unless_one(amplitude):
    return None if np.all(amplitude == 1.0) else amplitude


def _listed(populations):
    if isinstance(populations, str) or hasattr(populations, "name"):
        return [populations]
    try:
        return list(populations)
    except TypeError:
        raise InputError(f"populations is {populations!r}; give a name or a list of names") from None


def _is_name(name):
    """Tell whether this can be a group of an HDF5 file and can be seen."""
    return isinstance(name, str) and name not in ("", ".") and "/" not in name and name.isprintable()


def chosen_samples(n_samples, samples):
    """Return the numbers of the samples that are written, as a list of int.

    Parameters
    ----------
    n_samples : int
        How many there are.
    samples : None, int, slice, or array_like of int or bool
        Default: all. Negative numbers count from the end.

    Raises
    ------
    InputError
        For a sample that does not exist.
    """
    every = np.arange(n_samples)
    if samples is None:
        return every.tolist()
    try:
        wanted = np.atleast_1d(every[samples if isinstance(samples, slice) else np.asarray(samples)])
    except (IndexError, OverflowError, TypeError, ValueError):
        wanted = every.reshape(1, -1)
    if wanted.ndim != 1:
        raise InputError(f"samples {samples!r} cannot be chosen; there are samples 0 to {n_samples - 1}")
    return wanted.tolist()


class Trains:
    """The spikes of one population of a trace, neuron by neuron.

    Parameters
    ----------
    trace : Trace
    columns : Exported
        What `exported` returned for the population.

    Attributes
    ----------
    neurons : list of int
        The neurons that were recorded, silent ones included.
    """

    def __init__(self, trace, columns):
        size = trace.network.populations[columns.name].size
        record = trace.recording.get(columns.name)
        self._size, self._ended = size, trace.ended
        self._span = (0.0, np.inf) if record is None else (record.start, record.stop)
        self.neurons = list(range(size)) if record is None or record.neurons is None else record.neurons.tolist()
        train = columns.sample.astype(np.int64) * size + columns.neuron
        self._order = np.argsort(train, kind="stable")  # rows are in order of time within a sample already
        self._offsets = np.searchsorted(train[self._order], np.arange(trace.n_samples * size + 1))

    def rows(self, sample, neuron):
        """Return the rows of `columns` that hold the spikes of a neuron in a sample, in order of time."""
        train = sample * self._size + neuron
        return self._order[self._offsets[train]:self._offsets[train + 1]]

    def span(self, sample):
        """Return from when to when, in ms, the population was recorded in a sample."""
        stop = min(self._span[1], float(self._ended[sample]))
        return min(self._span[0], stop), stop
