"""What the arrivals of one sample are to a population, before any lane is looked at.

The first half of the work of `layer_kernels`: what an arrival adds to the accumulators, how V is read out of
them, linear bounds on V until the next touch, and which locations an arrival reaches.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inner
from eventsim.engines import layer_wires
from eventsim.neurons import membrane


class Cell(NamedTuple):
    """One population: its regime and its neurons' constants, all relative to v_inf."""

    regime: int
    tau_mem: float
    tau_syn: float
    period: float
    locations: int
    lanes: int
    out_width: int
    driven: bool
    """Whether any neuron has an i_offset under tau_mem = inf."""
    drive: np.ndarray
    theta: np.ndarray
    v_init: np.ndarray


class Arrivals(NamedTuple):
    """What is known of the arrivals of one sample, whichever location they reach."""

    generation: np.ndarray
    """int32."""
    window: np.ndarray
    """int64: which origin an arrival counts from."""
    row: np.ndarray
    """float64 (arrivals, 8), a cache line each: time, its origin, what a weight of 1 adds to the accumulators,
    V of unit accumulators, their current (these four up to rounding)."""
    begin: np.ndarray
    end: np.ndarray
    """int64 (locations,): where the entries of a location begin and end in the next two."""
    entry: np.ndarray
    """uint32: which arrival an entry is; unsigned, so that no index is looked at for being negative."""
    offset: np.ndarray
    """int64: where its weights for the lanes of the location begin."""


TIME, BASE, ADD0, ADD1, V0, V1, I0, I1 = range(8)


@closed_form
def read_out(regime, tau_mem, tau_syn, s, p0, p1):
    """Return V and I of unit accumulators at s, where an arrival adds (p0, p1): good enough for the filter."""
    if regime == membrane.LIF_EXP:  # saves two exponentials, a third of the work of an arrival
        k = tau_syn / (tau_mem - tau_syn)
        v0, v1 = k / p0, -k / p1
    else:
        v0, v1 = membrane.phi(regime, tau_mem, tau_syn, s)
    if tau_syn == 0.0:
        return v0, v1, 0.0, 0.0
    # An arrival adds 1 to the current, which one accumulator holds.
    return (v0, v1, 1.0, 0.0) if tau_syn == math.inf else (v0, v1, 0.0, 1.0 / p1)


@closed_form
def bounds(tau_mem, tau_syn, s, span, v0, v1, i0, i1):
    """Return the two bounds on V over `span` ms from s on (see `lanes`), without further arrivals.

    With the current held at its value of now or, in the second bound, at zero, V lies below its tangent.
    """
    if tau_syn == 0.0:
        fall = 1.0 - min(span / tau_mem, 1.0)
        return v0, 0.0, s, fall * v0, 0.0, s + span
    gain, fall = span, 1.0
    if tau_mem < math.inf:
        gain = min(span / tau_mem, 1.0)
        fall = 1.0 - gain
    b0, b1 = fall * v0 + gain * i0, fall * v1 + gain * i1
    if tau_mem == math.inf and tau_syn == math.inf:  # the first bound is V itself
        return b0, b1, s + span, b0, b1, s + span
    return b0, b1, s + span, fall * v0, fall * v1, s + span


@closed_form
def _collected(read, s0, s1, gain):
    """Return a bound on every term of a bound on V, for accumulators of at most (s0, s1)."""
    v0, v1, i0, i1 = read
    return 2.0 * (abs(v0) * s0 + abs(v1) * s1) + gain * (abs(i0) * s0 + abs(i1) * s1)


@inner
def prepare(cell, time, amplitude, window, row, t_stop, largest, highest, push, most_arrivals):
    """Fill in window and row of a sample's arrivals; return a bound on what a membrane can collect.

    largest: size of a weight; highest, push: of v_init and drive; most_arrivals: at a location. Without the last
    one the bound of a convolution is ten times what it need be, and in single precision as many lanes are looked
    at in vain.
    """
    regime, tau_mem, tau_syn, period = cell.regime, cell.tau_mem, cell.tau_syn, cell.period
    gain = min(period, t_stop) if tau_mem == math.inf else 1.0
    o0, o1 = membrane.own(regime, tau_mem, tau_syn, 0.0)
    m00, m10 = membrane.advance(regime, tau_mem, tau_syn, period, 0.0, 1.0, 0.0)
    m01, m11 = membrane.advance(regime, tau_mem, tau_syn, period, 0.0, 0.0, 1.0)
    d0, d1 = membrane.advance(regime, tau_mem, tau_syn, period, push, 0.0, 0.0)
    p0, p1 = membrane.psi(regime, tau_mem, tau_syn, 0.0)
    at_origin = read_out(regime, tau_mem, tau_syn, 0.0, p0, p1)
    s0, s1 = highest * abs(o0), highest * abs(o1)
    most = _collected(at_origin, s0, s1, gain)
    n = len(time)
    now = np.int64(0)
    start0, start1, sum0, sum1, top0, top1 = s0, s1, 0.0, 0.0, 0.0, 0.0
    for k in range(n + 1):
        t = time[k] if k < n else t_stop
        there = np.int64(t / period)
        while now < there:
            s0, s1 = abs(m00) * s0 + abs(m01) * s1 + abs(d0), abs(m10) * s0 + abs(m11) * s1 + abs(d1)
            most = max(most, _collected(at_origin, s0, s1, gain))
            now += 1
            start0, start1, sum0, sum1, top0, top1 = s0, s1, 0.0, 0.0, 0.0, 0.0
        if k == n:
            break
        base = there * period
        s = t - base
        p0, p1 = membrane.psi(regime, tau_mem, tau_syn, s)
        a0, a1 = amplitude[k] * p0, amplitude[k] * p1
        here = read_out(regime, tau_mem, tau_syn, s, p0, p1)
        window[k], row[k, TIME], row[k, BASE], row[k, ADD0], row[k, ADD1] = there, t, base, a0, a1
        row[k, V0], row[k, V1], row[k, I0], row[k, I1] = here
        sum0, sum1, top0, top1 = sum0 + abs(a0), sum1 + abs(a1), max(top0, abs(a0)), max(top1, abs(a1))
        s0 = start0 + largest * min(sum0, most_arrivals * top0)
        s1 = start1 + largest * min(sum1, most_arrivals * top1)
        most = max(most, _collected(here, s0, s1, gain))
    return most + 2.0 * push * period


@inner
def deal(cell, wires, link, source, begin, end, entry, offset):
    """Deal the arrivals of a sample out to the locations, in their order; those of `at` are begin[at] to end[at]."""
    n, out_width = len(link), cell.out_width
    if cell.locations == 1:
        begin[0] = end[0] = 0
        for k in range(n):
            y0, y1, x0, x1, start, _, _ = layer_wires.places(wires, link[k], source[k])
            entry[end[0]] = k
            offset[end[0]] = start
            end[0] += y0 <= y1 and x0 <= x1
        return
    if len(wires.room) > 0:
        for at in range(cell.locations):
            begin[at] = end[at] = wires.room[at]
    else:
        _count(cell, wires, link, source, begin, end)
    for k in range(n):
        y0, y1, x0, x1, start, down, right = layer_wires.places(wires, link[k], source[k])
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                at = end[y * out_width + x]
                end[y * out_width + x] = at + 1
                entry[at] = k
                offset[at] = start + y * down + x * right


@inner
def _count(cell, wires, link, source, begin, end):
    """Set begin and end to where the entries of each location will begin."""
    end[:] = 0
    for k in range(len(link)):
        y0, y1, x0, x1, _, _, _ = layer_wires.places(wires, link[k], source[k])
        for y in range(y0, y1 + 1):
            for at in range(y * cell.out_width + x0, y * cell.out_width + x1 + 1):
                end[at] += 1
    total = 0
    for at in range(cell.locations):
        begin[at] = total
        total += end[at]
        end[at] = begin[at]


@inner
def most_entries(cell, wires, events):
    """Return how many (arrival, location) pairs a sample has at most."""
    if cell.locations > 1 and len(wires.room) > 0:
        return wires.room[cell.locations]
    most = 0
    for row in range(len(events.offsets) - 1):
        if cell.locations == 1:
            most = max(most, events.offsets[row + 1] - events.offsets[row])
            continue
        count = 0
        for k in range(events.offsets[row], events.offsets[row + 1]):
            y0, y1, x0, x1, _, _, _ = layer_wires.places(wires, events.link[k], events.source[k])
            count += max(y1 - y0 + 1, 0) * max(x1 - x0 + 1, 0)
        most = max(most, count)
    return most
