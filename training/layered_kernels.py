"""The kernels of the layered gradient (`training.layered`): one population, a range of samples, arrivals backwards."""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inner, kernel
from eventsim.engines import layer_arrivals
from eventsim.engines.lanes import lanes_a_vector, padded
from eventsim.neurons import membrane
from training import sweep_lanes

_BINS = 256
"""Bins in which the arrivals before a spike are looked up."""


@closed_form
def _move_back(cell, m, g0, g1):
    """Return gamma for the origin before: the transpose of `membrane.advance` (written in m)."""
    return m[0] * g0 + m[2] * g1, m[1] * g0 + m[3] * g1


@inner
def _index(time, low, scale, begin):
    """Fill in begin[b]: how many of the sorted times lie before bin b; bins are 1 / scale wide, from low on."""
    at = 0
    for b in range(len(begin)):
        while at < len(time) and (time[at] - low) * scale < b:
            at += 1
        begin[b] = at


@inner
def _earlier(time, low, scale, begin, t):
    """Return how many of the sorted times lie before t."""
    bin_of = (t - low) * scale
    at = 0
    if bin_of >= len(begin) - 1:  # asked before it is made an integer: it may be too large for one
        at = begin[len(begin) - 1]
    elif bin_of > 0.0:
        at = begin[np.int64(bin_of)]
    while at > 0 and time[at - 1] >= t:
        at -= 1
    while at < len(time) and time[at] < t:
        at += 1
    return at


class _Place(NamedTuple):
    """The place at work, by padded lane."""

    g0: np.ndarray
    g1: np.ndarray
    """gamma, counted from the origin before the arrivals at work."""
    rank: np.ndarray
    """Number of arrivals of the sample before the spike; 0: nothing to do."""
    home: np.ndarray
    """int64: the origin before the spike."""


@inner
def _begin(cell, place, times, low, scale, bins, spike, error, slope, floor, at_end, first_lane):
    """Set a place to the spikes of its lanes; return the largest rank."""
    most = np.int64(0)
    for lane in range(cell.lanes):
        j = first_lane + lane
        t = spike[j]
        place.rank[lane] = 0
        if t == math.inf or error[j] == 0.0:
            continue
        delta = error[j] if at_end else -error[j] / max(slope[j], floor)
        rank = _earlier(times, low, scale, bins, t)
        home = np.int64(t / cell.period)
        f0, f1 = membrane.phi(cell.regime, cell.tau_mem, cell.tau_syn, t - home * cell.period)
        place.rank[lane], place.home[lane] = rank, home
        place.g0[lane], place.g1[lane] = delta * f0, delta * f1
        most = max(most, rank)
    return most


@inner
def _move_place(cell, place, m, now):
    """Count gamma of the spikes at or after the origin `now` from the origin before it."""
    for lane in range(cell.lanes):
        if place.rank[lane] > 0 and place.home[lane] >= now:
            h0, h1 = _move_back(cell, m, np.float64(place.g0[lane]), np.float64(place.g1[lane]))
            place.g0[lane], place.g1[lane] = h0, h1


@kernel
def sweep(cell, wires, events, spike, error, slope, floor, at_end, rank, weight_gradient, arrival_error,
           need_arrivals):
    """Add up what the arrivals of a range of samples give to the weights, and what they get.

    Parameters: `spike`, `error`, `slope` (samples, neurons): T, dL/dT, V'(T); for a readout (`at_end`)
    T = t_stop and error = dL/dV; `floor`: smallest V' to divide by; `rank`: zeros, an integer of the weights' size
    for each padded lane. Writes `weight_gradient` (flat, as `wires.weight`, added to) and, if `need_arrivals`,
    `arrival_error` (one value an arrival: dL/ds).
    """
    number, itemsize = wires.weight.dtype, wires.weight.itemsize
    width, vector = padded(cell.lanes, itemsize), lanes_a_vector(itemsize)
    bins, m = np.zeros(_BINS, np.int64), np.zeros(4)
    m[0], m[2] = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, 0.0, 1.0, 0.0)
    m[1], m[3] = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, 0.0, 0.0, 1.0)
    longest = 0
    for row in range(len(events.offsets) - 1):
        longest = max(longest, events.offsets[row + 1] - events.offsets[row])
    entries = layer_arrivals.most_entries(cell, wires, events)
    entry, offset = np.empty(entries + 1, np.uint32), np.empty(entries + 1, np.int64)
    begin, end = np.empty(cell.locations, np.int64), np.empty(cell.locations, np.int64)
    window, values = np.empty(longest, np.int64), np.empty(4 * longest, number)
    pulls = np.empty(longest * vector if need_arrivals else 0, number)
    place = _Place(np.zeros(width, number), np.zeros(width, number), rank, np.zeros(width, np.int64))
    for row in range(len(events.offsets) - 1):
        first, stop = events.offsets[row], events.offsets[row + 1]
        if stop == first:
            continue
        times = events.time[first:stop]
        low, high = times[0], times[stop - first - 1]
        scale = _BINS / (high - low) if high - low > 1e-300 else 0.0
        _index(times, low, scale, bins)
        for k in range(stop - first):
            window[k] = np.int64(times[k] / cell.period)
            s = times[k] - window[k] * cell.period
            p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, s)
            d0, d1 = membrane.psi_slope(cell.regime, cell.tau_mem, cell.tau_syn, s)
            amplitude = events.amplitude[first + k]
            values[4 * k], values[4 * k + 1] = amplitude * p0, amplitude * p1
            values[4 * k + 2], values[4 * k + 3] = amplitude * d0, amplitude * d1
        # anew: kept from the forward run they would take 12 bytes an (arrival, location) pair, 0.5 MB a sample of the
        # Fashion-MNIST network
        layer_arrivals.deal(cell, wires, events.link[first:stop], events.source[first:stop], begin, end, entry, offset)
        if need_arrivals:
            pulls[:(stop - first) * vector] = 0.0
        for at in range(cell.locations):
            most = _begin(cell, place, times, low, scale, bins, spike[row], error[row], slope[row], floor, at_end,
                          at * cell.lanes)
            last = end[at]
            while last > begin[at] and entry[last - 1] >= most:
                last -= 1
            if last == begin[at]:
                continue
            now = window[entry[last - 1]]
            for lane in range(cell.lanes):
                h0, h1 = np.float64(place.g0[lane]), np.float64(place.g1[lane])
                for _ in range(place.home[lane] - now if place.rank[lane] > 0 else 0):
                    h0, h1 = _move_back(cell, m, h0, h1)
                place.g0[lane], place.g1[lane] = h0, h1
            while last > begin[at]:  # from origin to origin, backwards
                there = window[entry[last - 1]]
                while now > there:
                    _move_place(cell, place, m, now)
                    now -= 1
                from_here = begin[at]
                if window[entry[from_here]] < there:
                    from_here = last - 1
                    while window[entry[from_here - 1]] == there:
                        from_here -= 1
                if need_arrivals:
                    sweep_lanes.collect_back(wires.weight, weight_gradient, offset, entry, values, from_here, last,
                                             place.g0, place.g1, place.rank, pulls, width)
                else:
                    sweep_lanes.collect(wires.weight, weight_gradient, offset, entry, values, from_here, last,
                                        place.g0, place.g1, place.rank, pulls, width)
                last = from_here
        if need_arrivals:
            for k in range(stop - first):
                arrival_error[first + k] = sweep_lanes.sum_of(pulls, k)


@kernel
def neuron_sums(fires, time, slope, error, floor, tau_mem, t_stop, by_threshold, by_offset):
    """Add dL/dtheta and dL/d i_offset of a range of samples; return how many slopes are floored, how many fired."""
    low, fired = 0, 0
    for row in range(len(error)):
        for j in range(error.shape[1]):
            t = time[row, j] if fires else t_stop
            if t == math.inf:
                continue
            fired += 1
            push = -error[row, j]
            if fires:
                low += slope[row, j] < floor
                push = error[row, j] / max(slope[row, j], floor)
            by_threshold[j] += push
            by_offset[j] -= push * (t if tau_mem == math.inf else -math.expm1(-t / tau_mem))
    return low, fired


@kernel
def to_sources(events, link, arrival_error, source_error):
    """Add the errors of a projection's arrivals to the spike times of its source population; return their sum."""
    total = 0.0
    for row in range(len(events.offsets) - 1):
        for k in range(events.offsets[row], events.offsets[row + 1]):
            if events.link[k] == link:
                source_error[row, events.source[k]] += arrival_error[k]
                total += arrival_error[k]
    return total


@kernel
def to_inputs(events, link, arrival_error, spike_error):
    """Add the errors of a projection's arrivals to the input spikes they came from; return their sum.

    `spike_error` may be empty: nobody asks for that input.
    """
    total = 0.0
    for k in range(len(events.time)):
        if events.link[k] == link:
            if len(spike_error) > 0:
                spike_error[events.origin[k]] += arrival_error[k]
            total += arrival_error[k]
    return total


@kernel
def add_up(table, total):
    """Add the rows of a table in their order, in double precision."""
    step = 2048  # of the sums, which stay in the nearest cache
    for start in range(0, len(total), step):
        stop = min(start + step, len(total))
        for row in range(len(table)):
            for k in range(start, stop):
                total[k] += table[row, k]
