"""The answer at any time: current guess, accuracy and cost so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim.arrays import frozen, numbers
from eventsim.errors import InputError
from eventsim.measure import readout
from eventsim.measure.counts import firing_populations
from eventsim.measure.decision import decide, output_of, share_right
from eventsim.measure.operations import operations_over_time

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Floats, Integers

N_TIMES = 201
"""Number of times, evenly spaced from 0 to the horizon, where the user gives none."""


@dataclass(frozen=True)
class Progress:
    """What a run knows, and what it has spent, at some times.

    Attributes
    ----------
    times : numpy.ndarray
        Ascending, ms, float64 (times,).
    guess : numpy.ndarray
        Current guess, int64 (times, samples); -1: none yet.
    guessed : numpy.ndarray
        Share of samples with a guess, float64 (times,).
    accuracy : numpy.ndarray or None
        Share of samples whose current guess is right (no guess is wrong), float64 (times,); None without
        labels.
    operations : numpy.ndarray
        Synaptic operations a sample so far (arrivals strictly before the time), float64 (times,).
    spikes : numpy.ndarray
        Spikes of hidden and output neurons a sample so far (at or before the time), float64 (times,).
    output : str
        The population that guesses.
    """

    times: Floats
    guess: Integers
    guessed: Floats
    accuracy: Floats | None
    operations: Floats
    spikes: Floats
    output: str


def anytime(
    trace: Trace, times: ArrayLike | None = None, *, output: str | None = None, labels: ArrayLike | None = None
) -> Progress:
    """Return the current guess, accuracy, operations and spikes at each of some times.

    Parameters
    ----------
    trace : Trace
        The run.
    times : array_like of float, optional
        Ascending, ms, (times,); default: 201 from 0 to the horizon.
    output : str, optional
        The population that guesses; default: ``trace.output``. One that fires guesses its earliest spike at
        or before the time; a silent readout the argmax of its potentials (left limit).
    labels : array_like of int, optional
        True class of every sample; default: ``trace.labels``.

    Returns
    -------
    Progress
        Averages over samples; NaN in a trace without samples.

    Raises
    ------
    InputError
        Times that are negative, NaN or out of order, an unusable output, or a population that was not
        recorded.
    """
    name, silent = output_of(trace, output)
    times = _checked_times(trace, times)
    labels = trace.labels if labels is None else numbers("labels", labels)
    if silent:
        guess = np.empty((len(times), trace.n_samples), dtype=np.int64)
        readout.leaders(*readout.deciding(trace, name), times, guess)
    else:
        decision = decide(trace, name, "first_spike")
        guess = np.where(decision.time <= times[:, None], decision.label, -1)
    accuracy = None
    if labels is not None:
        accuracy = frozen(np.array([share_right(row, labels) for row in guess]))
    samples = trace.n_samples or np.nan
    return Progress(
        frozen(times),
        frozen(guess),
        frozen((guess >= 0).sum(axis=1) / samples),
        accuracy,
        frozen(operations_over_time(trace, times) / samples),
        frozen(_spikes_by(trace, times) / samples),
        name,
    )


def _checked_times(trace: Trace, times: ArrayLike | None) -> Floats:
    if times is None:
        if not np.isfinite(trace.t_stop):
            raise InputError("the run has no end; give times=")
        return np.linspace(0.0, trace.t_stop, N_TIMES)
    given = np.atleast_1d(numbers("times", times))
    if given.ndim != 1 or np.isnan(given).any() or (given < 0).any() or (given[1:] < given[:-1]).any():
        raise InputError("times must be a list of times >= 0 ms that ascend")
    return given


def _spikes_by(trace: Trace, times: Floats) -> Integers:
    """Return how many hidden and output spikes came at or before each time, all samples together."""
    total = np.zeros(len(times), dtype=np.int64)
    for name in firing_populations(trace):
        total += np.searchsorted(np.sort(trace.arrays(name).time), times, side="right")
    return total
