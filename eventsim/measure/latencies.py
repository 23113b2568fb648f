"""When the first spikes come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import expect_trace

if TYPE_CHECKING:
    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Floats, Integers, Which


@dataclass(frozen=True)
class Latency:
    """First-spike latencies of one population, counted from the onset of the stimulus (t = 0 of a sample).

    Attributes
    ----------
    first : numpy.ndarray
        First spike of every neuron in ms, float64 (samples, neurons); inf where silent.
    """

    first: Floats

    @property
    def per_sample(self) -> Floats:
        """The population's first spike in each sample in ms, float64 (samples,); inf where none."""
        return self.first.min(axis=1, initial=np.inf)

    @property
    def winner(self) -> Integers:
        """The neuron that fires first in each sample (ties: lowest id), int64 (samples,); -1 where none."""
        if self.first.shape[1] == 0:
            return np.full(self.first.shape[0], -1)
        earliest = self.first.argmin(axis=1)
        return np.where(np.isfinite(self.per_sample), earliest, -1)

    @property
    def per_neuron(self) -> Floats:
        """Mean latency of each neuron in ms where it fired, float64 (neurons,); inf: never."""
        fired = np.isfinite(self.first)
        count = fired.sum(axis=0)
        total = np.where(fired, self.first, 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.inf)

    @property
    def fired(self) -> Floats:
        """Share of samples in which each neuron fired, float64 (neurons,); NaN without samples."""
        if self.first.shape[0] == 0:
            return np.full(self.first.shape[1], np.nan)
        return np.isfinite(self.first).mean(axis=0)

    def summary(self) -> dict[str, Any]:
        """Summarise all first spikes.

        Returns
        -------
        dict
            `count` of first spikes, and `mean`, `median`, `p95` in ms (None where there are none).
        """
        return summary_of(self.first[np.isfinite(self.first)])


def summary_of(times: Array) -> dict[str, Any]:
    """Return count, mean, median and 95th percentile of some times.

    Parameters
    ----------
    times : numpy.ndarray
        Finite times in ms.

    Returns
    -------
    dict
        `count`, and `mean`, `median`, `p95` in ms, None for an empty array. Percentiles interpolate
        linearly between the two nearest values.
    """
    if len(times) == 0:
        return {"count": 0, "mean": None, "median": None, "p95": None}
    median, p95 = np.percentile(times, (50, 95))
    return {"count": len(times), "mean": float(times.mean()), "median": float(median), "p95": float(p95)}


def latency(trace: Trace, population: Which) -> Latency:
    """Return the first-spike latencies of a population.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str
        An input or a recorded population.

    Returns
    -------
    Latency
        By neuron and sample, with views by sample, by neuron and over all.

    Raises
    ------
    InputError
        The population is unknown or was not recorded.
    """
    expect_trace(trace)
    return Latency(trace.first_spikes(population))
