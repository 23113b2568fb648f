"""Kernels that turn images of a few levels into sorted spikes: a counting sort of each sample (`eventsim.encode`)."""

import numpy as np

from eventsim._jit import kernel
from eventsim.constants import NEURON


@kernel
def count(codes, rank, silent, counts):
    """Write how many spikes each sample has.

    Parameters
    ----------
    codes : ndarray of int (samples, n)
        Level of each value.
    rank : ndarray of int64 (levels,)
        Place of each level's time among all times.
    silent : int
        The rank of levels that do not spike, and the number of times.
    counts : ndarray of int64 (samples,)
    """
    for row in range(len(codes)):
        total = 0
        for j in range(codes.shape[1]):
            total += rank[codes[row, j]] < silent
        counts[row] = total


@kernel
def fill(codes, rank, silent, when, offsets, time, neuron):
    """Write the spikes of all samples, by time and then by neuron.

    Parameters
    ----------
    codes, rank, silent
        As for `count`.
    when : ndarray (times,)
        The times, rising.
    offsets : ndarray of int64 (samples + 1,)
        First spike of each sample.
    time, neuron : ndarray (spikes,)
    """
    n = codes.shape[1]
    who, which, at = np.empty(n + 1, NEURON), np.empty(n + 1, np.int64), np.empty(silent + 1, np.int64)
    for row in range(len(codes)):
        kept = 0
        for j in range(n):  # without a branch, which would be foretold badly
            who[kept], which[kept] = j, rank[codes[row, j]]
            kept += which[kept] < silent
        at[:] = 0
        for k in range(kept):
            at[which[k] + 1] += 1
        at[0] = offsets[row]
        for r in range(silent):
            at[r + 1] += at[r]
        for k in range(kept):
            r = which[k]
            time[at[r]], neuron[at[r]] = when[r], who[k]
            at[r] += 1
