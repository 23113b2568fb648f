"""How many spikes a run took, over hidden and output neurons; inputs and readouts are kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, expect_trace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.population import Population
    from eventsim.trace import Trace
    from eventsim.type_aliases import Flags, Floats, Integers, Which


def firing_neurons(population: Population) -> Flags:
    """Tell which neurons of a population are able to fire.

    Parameters
    ----------
    population : Population
        Any population of a network.

    Returns
    -------
    numpy.ndarray
        bool (size,): True for neurons of kind "neurons" with a finite threshold; all False for inputs,
        Poisson sources and silent readouts.
    """
    if population.kind != "neurons" or population.is_readout:
        return np.zeros(population.size, dtype=bool)
    return np.isfinite(population.neuron.resolve(population.size).v_threshold)


def firing_populations(trace: Trace) -> list[str]:
    """Return the names of the populations whose spikes are counted: those with a neuron that can fire.

    Parameters
    ----------
    trace : Trace
        The run.

    Returns
    -------
    list of str
        In the order of the network.
    """
    populations = trace.network.populations
    return [name for name in populations if firing_neurons(populations[name]).any()]


def counted_populations(trace: Trace) -> list[str]:
    """Return the names of the populations of which it is known how many spikes every neuron fired.

    Parameters
    ----------
    trace : Trace
        The run.

    Returns
    -------
    list of str
        In the order of the network: those recorded as a whole, and those whose spikes were only counted.
    """
    recorded, counted = trace.populations, trace.recording
    return [name for name in trace.network.populations
            if (name in recorded if trace.is_complete(name) else name in counted and counted[name].counts)]


def until_of(trace: Trace, until: ArrayLike | None) -> Floats:
    """Return one time a sample from what a user gave as `until`.

    Parameters
    ----------
    trace : Trace
        The run.
    until : None, float or array_like of float
        None: the end of the run; else one time in ms, or one a sample. inf: the end of the run.

    Returns
    -------
    numpy.ndarray
        float64 (samples,), none after the end of its sample.

    Raises
    ------
    InputError
        A NaN or negative time, or a number of times that is not 1 or the number of samples.
    """
    if until is None:
        return np.array(trace.ended)
    given = arrays.numbers("until", until)
    if given.shape not in ((), (trace.n_samples,)) or np.isnan(given).any() or (given < 0).any():
        raise InputError(
            f"until must be one time >= 0 ms or {trace.n_samples} of them, one a sample; "
            f"got shape {given.shape}, smallest {np.min(given, initial=np.inf):g}"
        )
    return np.minimum(np.broadcast_to(given, (trace.n_samples,)), trace.ended)


@dataclass(frozen=True)
class SpikeCounts:
    """Spikes of a run.

    Attributes
    ----------
    per_sample : numpy.ndarray
        Spikes of all hidden and output neurons in each sample, int64 (samples,).
    populations : dict of str to numpy.ndarray
        The same by population, int64 (samples,) each.
    inputs : dict of str to numpy.ndarray
        Spikes of inputs and of recorded Poisson sources, int64 (samples,) each; not in `per_sample`.
    n_neurons : int
        Hidden and output neurons that are able to fire.
    """

    per_sample: Integers
    populations: dict[str, Integers]
    inputs: dict[str, Integers]
    n_neurons: int

    @property
    def total(self) -> int:
        """Spikes of all hidden and output neurons in all samples."""
        return int(self.per_sample.sum())

    @property
    def mean_per_sample(self) -> float:
        """Spikes a sample (NaN without samples)."""
        return self.total / len(self.per_sample) if len(self.per_sample) else float("nan")

    @property
    def mean_per_neuron(self) -> float:
        """Spikes a neuron and sample (NaN without neurons or samples)."""
        return self.mean_per_sample / self.n_neurons if self.n_neurons else float("nan")


def spike_counts(trace: Trace, until: ArrayLike | None = None) -> SpikeCounts:
    """Count the spikes of hidden and output neurons.

    Parameters
    ----------
    trace : Trace
        The run.
    until : float or array_like of float, optional
        Count spikes at or before this time in ms, one for all or one a sample, so that the spike that
        decides counts; default: all of the run.

    Returns
    -------
    SpikeCounts
        Per sample, by population, and inputs apart.

    Raises
    ------
    InputError
        A population that can fire was neither recorded as a whole nor counted; with `until`: not recorded as a
        whole.
    """
    expect_trace(trace)
    ends = None if until is None else until_of(trace, until)
    firing = firing_populations(trace)
    populations = {name: _per_sample(trace, name, ends) for name in firing}
    sources = [name for name, population in trace.network.populations.items()
               if population.kind != "neurons" and _is_counted(trace, name, ends)]
    per_sample = np.zeros(trace.n_samples, dtype=np.int64)
    for counts in populations.values():
        per_sample += counts
    return SpikeCounts(
        per_sample,
        populations,
        {name: _per_sample(trace, name, ends) for name in sources},
        sum(int(firing_neurons(trace.network.populations[name]).sum()) for name in firing),
    )


def _is_counted(trace: Trace, name: str, ends: Floats | None) -> bool:
    """Return whether the spikes of a population are all here, or at least their number."""
    record = trace.recording.get(name)
    return trace.is_complete(name) or (ends is None and record is not None and record.counts)


def _per_sample(trace: Trace, name: str, ends: Floats | None) -> Integers:
    if ends is None and not trace.is_complete(name):
        return trace.counts(name).sum(axis=1)
    table = trace.arrays(name)
    if ends is None:
        return np.diff(trace.offsets(name))
    return np.bincount(table.sample[table.time <= ends[table.sample]], minlength=trace.n_samples)


def silent_fraction(trace: Trace, population: Which | None = None) -> float:
    """Return the share of neurons that never fire in a sample, averaged over samples.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str, optional
        One population; default: all hidden and output neurons.

    Returns
    -------
    float
        0 to 1, over all pairs of a neuron that is able to fire and a sample; NaN where there are none.

    Raises
    ------
    InputError
        The population is unknown, was neither recorded as a whole nor counted, or is unable to fire.
    """
    expect_trace(trace)
    if population is None:
        names = firing_populations(trace)
    else:
        trace.is_complete(population)  # raises where it is unknown
        names = [str(getattr(population, "name", population))]
        if not firing_neurons(trace.network.populations[names[0]]).any():
            raise InputError(f'population "{names[0]}" cannot fire; name one with a finite threshold')
    silent = pairs = 0
    for name in names:
        able = firing_neurons(trace.network.populations[name])
        silent += int((trace.counts(name)[:, able] == 0).sum())
        pairs += int(able.sum()) * trace.n_samples
    return silent / pairs if pairs else float("nan")
