"""Poisson spike trains from counter streams: the k-th interval of a neuron depends on nothing else.

Interval k of neuron j in sample s is -ln(u) / rate with u drawn at the counters (k, s, j) of the stream
keyed by (seed, population name). So the trains do not change with the batch, the order of building, or
how a run is cut into pieces.
"""

import math

import numpy as np

from eventsim import random
from eventsim._jit import closed_form, kernel


class Source:
    """The Poisson trains of one population in one sample, generated piece by piece.

    Parameters
    ----------
    name : str
        Population name.
    rate : array of float, shape (neurons,)
        In Hz.
    seed : int
    sample : int

    Attributes
    ----------
    drawn : array of int64
        Intervals drawn so far, by neuron.
    upcoming : array of float64
        The next spike time of each neuron, ms.
    """

    def __init__(self, name, rate, seed, sample):
        self.key = random.stream_key(seed, f"poisson/{name}")
        self.rate = np.ascontiguousarray(rate, dtype=np.float64) / 1000.0
        self.sample = sample
        self.drawn = np.zeros(len(self.rate), np.int64)
        self.upcoming = np.zeros(len(self.rate))
        _first(self.key[0], self.key[1], np.uint64(sample), self.rate, self.drawn, self.upcoming)

    def until(self, t_stop):
        """Return (time, neuron) of the spikes before t_stop that were not returned before, sorted by both."""
        room = 64 + int(2 * self.rate.sum() * max(t_stop - float(self.upcoming.min(initial=t_stop)), 0.0))
        pieces = []
        while True:
            time, neuron = np.empty(room), np.empty(room, np.int32)
            size = _fill(self.key[0], self.key[1], np.uint64(self.sample), self.rate, self.drawn, self.upcoming,
                         t_stop, time, neuron)
            pieces.append((time[:size], neuron[:size]))
            if size < room:
                break
        time, neuron = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.lexsort((neuron, time))
        return time[order], neuron[order]


@closed_form
def interval(key_0, key_1, sample, rate, drawn, at, neuron):
    """Return the next interval (ms) of a neuron that has had ``drawn[at]``, and count it."""
    counter = np.uint64(drawn[at])
    low, high = counter & np.uint64(0xFFFFFFFF), counter >> np.uint64(32)
    a, b, _, _ = philox(low, np.uint64(sample), np.uint64(neuron), high, key_0, key_1)
    drawn[at] += 1
    return -math.log(unit(a, b)) / rate


philox = closed_form(random.philox4x32)
unit = closed_form(random.to_unit_interval)


@kernel
def _first(key_0, key_1, sample, rate, drawn, upcoming):
    for j in range(len(rate)):
        upcoming[j] = math.inf
        if rate[j] > 0.0:
            upcoming[j] = interval(key_0, key_1, sample, rate[j], drawn, j, j)


@kernel
def _fill(key_0, key_1, sample, rate, drawn, upcoming, t_stop, time, neuron):
    """Write spikes before t_stop until the arrays are full; return how many."""
    size = 0
    for j in range(len(rate)):
        while upcoming[j] < t_stop:
            if size == len(time):
                return size
            time[size] = upcoming[j]
            neuron[size] = j
            size += 1
            upcoming[j] += interval(key_0, key_1, sample, rate[j], drawn, j, j)
    return size
