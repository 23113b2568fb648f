"""Poisson inputs inside an engine: drawn horizon by horizon, so that no train is ever stored."""

from typing import NamedTuple

import numpy as np

from eventsim import random
from eventsim._jit import closed_form, inner
from eventsim.engines.deliveries import orders, spikes_in_order
from eventsim.poisson import interval

N_NOISE, NOISE_TAKEN = 3, 4
"""Places in the engines' `counters`."""


class Noise(NamedTuple):
    """The Poisson neurons of one sample, one entry each."""

    gid: np.ndarray
    """(Q,) int64, ascending."""
    number: np.ndarray
    """(Q,) int64: neuron number within its population."""
    rate: np.ndarray
    """(Q,) spikes per ms."""
    key: np.ndarray
    """(Q, 2) uint64: the population's stream."""
    sample: int
    drawn: np.ndarray
    """(Q,) int64: intervals drawn so far."""
    upcoming: np.ndarray
    """(Q,) the next spike, ms."""
    kept: np.ndarray
    """(N,) int8, by gid: whether its spikes are recorded."""


def new_noise(net, lowered, seed, sample, recorded=()):
    """Return the Poisson neurons of a sample before their first spike."""
    parts = [(name, np.asarray(net.populations[name].rate, np.float64).reshape(-1) / 1000.0) for name in lowered.names
             if net.populations[name].kind == "poisson"]
    total = sum(len(rate) for _, rate in parts)
    gid, number = np.zeros(total, np.int64), np.zeros(total, np.int64)
    kept = np.zeros(len(lowered.population), np.int8)
    rates, key = np.zeros(total), np.zeros((total, 2), np.uint64)
    at = 0
    for name, rate in parts:
        here = slice(at, at + len(rate))
        number[here] = np.arange(len(rate))
        gid[here] = number[here] + lowered.offset[lowered.names.index(name)]
        rates[here], kept[gid[here]] = rate, name in recorded
        key[here] = random.stream_key(seed, f"poisson/{name}")
        at += len(rate)
    return Noise(gid, number, rates, key, sample, np.zeros(total, np.int64), np.full(total, -1.0), kept)


@closed_form
def in_place(times, gids, n, start, end):
    """Put the first n spikes in order of time and gid; all lie in [start, end)."""
    if n < 2:
        return
    order, buckets = orders(n)
    spikes_in_order(times, gids, n, start, end, order, buckets)
    old_times, old_gids = times[:n].copy(), gids[:n].copy()
    for k in range(n):
        times[k], gids[k] = old_times[order[k]], old_gids[order[k]]


@inner
def draw_until(noise, times, gids, counters, end):
    """Draw the spikes before `end`; return whether there was room for all.

    Those drawn before are forgotten if they were taken, and put back if not: a horizon that is begun anew may end
    earlier. After False the call is repeated with more room.
    """
    for k in range(counters[N_NOISE] - 1, counters[NOISE_TAKEN] - 1, -1):
        q = np.searchsorted(noise.gid, gids[k])
        noise.upcoming[q] = times[k]
        noise.drawn[q] -= 1
    counters[NOISE_TAKEN] = 0
    size = 0
    for q in range(len(noise.rate)):
        if noise.rate[q] == 0.0:
            continue
        t = noise.upcoming[q]
        if t < 0.0:
            t = interval(noise.key[q, 0], noise.key[q, 1], noise.sample, noise.rate[q], noise.drawn, q, noise.number[q])
        while t < end:
            if size == len(times):
                break
            times[size], gids[size] = t, noise.gid[q]
            size += 1
            t += interval(noise.key[q, 0], noise.key[q, 1], noise.sample, noise.rate[q], noise.drawn, q,
                          noise.number[q])
        noise.upcoming[q] = t
        if t < end:
            counters[N_NOISE] = size
            return False
    counters[N_NOISE] = size
    return True
