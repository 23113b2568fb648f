"""Compare the spike trains of two runs of one network: spike by spike, and as statistics."""

import itertools
from typing import NamedTuple

import numpy as np

BIN = 5.0
"""Width of the bins whose counts are correlated, ms."""

PARTS = 10
"""Parts of a stretch of time whose scatter gives the sampling error."""

PAIRS = 20000
"""Pairs of neurons whose correlation is measured."""

LIMIT = 4.0
"""Difference of two means, in standard errors, that still counts as sampling error."""


class Trains(NamedTuple):
    """Spikes of a run."""

    time: np.ndarray
    neuron: np.ndarray

    @classmethod
    def load(cls, path):
        """Return the spikes of a file with arrays `time` and `neuron`."""
        with np.load(path) as file:
            return cls(file["time"], file["neuron"].astype(np.int64))

    def between(self, start, stop):
        """Return the spikes in [start, stop)."""
        inside = (self.time >= start) & (self.time < stop)
        return Trains(self.time[inside], self.neuron[inside])

    def by_neuron(self):
        """Return the spikes sorted by neuron, then time."""
        order = np.lexsort((self.time, self.neuron))
        return Trains(self.time[order], self.neuron[order])


def matched(first, second, until):
    """Compare two runs spike by spike: the k-th spike of a neuron with the k-th of the same neuron.

    Parameters
    ----------
    first, second : Trains
    until : float
        End of the comparison, ms.

    Returns
    -------
    dict
        `spikes` of both, `same_neurons`: every neuron has as many spikes, `largest_difference_ms`: None where not.
    """
    one, two = (trains.between(0.0, until).by_neuron() for trains in (first, second))
    result = {"until_ms": until, "spikes": [len(one.time), len(two.time)]}
    result["same_neurons"] = len(one.time) == len(two.time) and bool(np.all(one.neuron == two.neuron))
    result["largest_difference_ms"] = None
    if result["same_neurons"]:
        result["largest_difference_ms"] = float(np.abs(one.time - two.time).max(initial=0.0))
    return result


def errors(run, truth, until):
    """Return how far the spikes of a run lie from the true ones: distances to the nearest of the same neuron.

    Parameters
    ----------
    run, truth : Trains
    until : float
        In ms.

    Returns
    -------
    array of float
        Of every true spike to the nearest of the run, and of every spike of the run to the nearest true one, so
        that missed and invented spikes count; `until` where the neuron has none.
    """
    one, two = (trains.between(0.0, until).by_neuron() for trains in (run, truth))
    return np.concatenate([_to_nearest(one, two, until), _to_nearest(two, one, until)])


def _to_nearest(these, those, until):
    """Return the distance of each spike to the nearest of the same neuron, at most `until`."""
    apart = 3.0 * until  # between the stretches of two neurons on one line
    place, other = (trains.neuron * apart + trains.time for trains in (these, those))
    if len(other) == 0:
        return np.full(len(place), until)
    after = np.searchsorted(other, place)
    best = np.full(len(place), np.inf)
    for candidate in (np.maximum(after - 1, 0), np.minimum(after, len(other) - 1)):
        same = those.neuron[candidate] == these.neuron
        best = np.minimum(best, np.where(same, np.abs(those.time[candidate] - these.time), until))
    return best


def identical(first, second):
    """Return whether two runs have the same bits."""
    one, two = first.by_neuron(), second.by_neuron()
    return np.array_equal(one.time, two.time) and np.array_equal(one.neuron, two.neuron)


def statistics(trains, size, start, stop):
    """Return mean and standard error of rate, CV of intervals and pairwise correlation in a stretch of time.

    Parameters
    ----------
    trains : Trains
    size : int
        Number of neurons.
    start, stop : float
        In ms.

    Returns
    -------
    dict of str to (float, float)
        Rate in Hz, and correlation of spike counts in bins of 5 ms over the same random pairs of neurons in every
        run: errors from ten equal parts of the stretch. CV over neurons with five intervals or more.
    """
    part = trains.between(start, stop).by_neuron()
    counts = np.histogram(part.time, PARTS, (start, stop))[0] * 1e3 * PARTS / (stop - start) / size
    gap, same = np.diff(part.time), np.diff(part.neuron) == 0
    owner, gap = part.neuron[1:][same], gap[same]
    number = np.bincount(owner, minlength=size)
    many = number >= 5
    mean = np.bincount(owner, gap, size)[many] / number[many]
    square = np.bincount(owner, gap**2, size)[many] / number[many]
    variation = np.sqrt(np.maximum(square - mean**2, 0.0)) / mean
    return {"rate_hz": _mean(counts), "cv_isi": _mean(variation),
            "correlation": _mean(_correlations(part, size, np.linspace(start, stop, PARTS + 1)))}


def _correlations(trains, size, edges):
    """Return the mean correlation of random pairs in every part."""
    i, j = np.random.Generator(np.random.PCG64(1)).integers(0, size, (2, PAIRS))
    means = []
    for start, stop in itertools.pairwise(edges):
        part = trains.between(start, stop)
        bins = max(int((stop - start) / BIN), 2)
        place = np.minimum(((part.time - start) / BIN).astype(np.int64), bins - 1)
        counts = np.bincount(part.neuron * bins + place, minlength=size * bins).reshape(size, bins).astype(float)
        counts -= counts.mean(axis=1, keepdims=True)
        norm = np.sqrt((counts**2).sum(axis=1))
        good = (i != j) & (norm[i] > 0) & (norm[j] > 0)
        a, b = i[good], j[good]
        means.append(np.einsum("kb,kb->k", counts[a], counts[b]) / (norm[a] * norm[b]))
    return np.array([np.mean(part) for part in means if len(part)])


def _mean(values):
    if len(values) < 2:
        return float("nan"), float("nan")
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def alike(first, second):
    """Return, by statistic, both means and their difference in standard errors, and whether all are small.

    Parameters
    ----------
    first, second : dict
        As `statistics` returns them.
    """
    result = {}
    for name in first:
        (one, error_one), (two, error_two) = first[name], second[name]
        apart = abs(one - two) / max(np.hypot(error_one, error_two), 1e-300)
        result[name] = {"means": [one, two], "standard_errors_apart": float(apart)}
    return result, all(entry["standard_errors_apart"] <= LIMIT for entry in result.values())
