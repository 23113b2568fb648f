"""The kernel of the layers engine: one population, a range of samples, arrivals in time order.

A population is L locations of C lanes: one location with all neurons where every input is dense, the
map positions with their channels where one is a convolution. Lanes of a location share every arrival
time, so their accumulators are updated side by side. Before an arrival is added, a bound on V over the
interval since the last touch tells whether any lane may cross in it; the closed form runs for those
lanes only. The bound has a margin above rounding, so it never changes a result.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, kernel
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


class Wires(NamedTuple):
    """The incoming projections of a population, one row each."""

    shape: np.ndarray
    """int64 (links, 11): is_conv, first weight, channels, kernel height, kernel width, stride, pad top,
    pad left, out height, out width, width of the pooled source map."""
    row: np.ndarray
    """int32: pooled index of a source neuron, all links one after the other."""
    row_start: np.ndarray
    """int64 (links,): where a link begins in `row`."""
    weight: np.ndarray
    """Effective weights (already divided by k^2 where pooled), flat, in the precision of the run."""


_IS_CONV, _BASE, _CHANNELS, _KH, _KW, _STRIDE, _TOP, _LEFT, _OUT_H, _OUT_W, _WIDTH = range(11)


@closed_form
def first_place(pixel, pad, kernel_size, stride):
    """Return the first output place whose window holds `pixel`, along one axis."""
    reach = pixel + pad - kernel_size + 1
    return 0 if reach <= 0 else (reach + stride - 1) // stride


@closed_form
def last_place(pixel, pad, stride, places):
    """Return the last output place whose window holds `pixel`, along one axis."""
    place = (pixel + pad) // stride
    return places - 1 if place >= places else place


@closed_form
def _response_limits(cell):
    """Return (steepest slope, largest value) of the voltage response to a unit current."""
    if cell.tau_syn == 0.0:
        return 0.0, 0.0
    if cell.tau_mem == math.inf:
        return 1.0, cell.tau_syn
    if cell.tau_syn == math.inf:
        return 1.0 / cell.tau_mem, 1.0
    delta = (cell.tau_mem - cell.tau_syn) / (cell.tau_mem * cell.tau_syn)
    peak = cell.tau_syn if delta == 0.0 else -math.log1p(-delta * cell.tau_syn) / delta
    return 1.0 / cell.tau_mem, math.exp(-peak / cell.tau_syn)


@closed_form
def _fire(cell, j, c0, c1, last, last_generation, end, with_end, base, times, slopes, generations):
    """Set the spike of neuron j if it crosses in [last, end) (or at `end` too); return whether it does."""
    v, i = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], c0, c1, last - base)
    if last == 0.0 and cell.tau_syn > 0.0:
        v = cell.v_init[j]  # no current has acted yet; in the accumulators v_init is rounded, and touching counts
    theta = cell.theta[j]
    time = last + membrane.crossing(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], theta, v, i)
    if v < theta and time <= last:
        time = np.nextafter(last, math.inf)
    if not (time < end or (with_end and time == end)):
        return False
    times[j] = time
    if v >= theta:
        generations[j] = last_generation
        slopes[j] = math.nan  # at a touch: V'(t-) lies before its arrivals and is found afterwards
        return True
    generations[j] = 0
    v, i = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], c0, c1, time - base)
    slope = membrane.slope(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], v, i)
    slopes[j] = slope if slope > 0.0 else math.inf
    return True


@closed_form
def _scan(cell, at, c0, c1, limit, slack, last, last_generation, origin, until, generation, steepest, largest,
          touched_by, unit, factor, near, times, slopes, generations):
    """Let the lanes of a location cross between its last touch and (until, generation); move its origin.

    The bound on V over an interval needs no exponential: the free part falls no faster than its tangent,
    the response to the current rises no faster than its steepest slope.
    """
    touch = touched_by[at]
    lo = at * cell.lanes
    hi = lo + cell.lanes
    t = last[at]
    t_generation = last_generation[at]
    while True:
        base = origin[at] * cell.period
        boundary = base + cell.period
        end = boundary if boundary < until else until
        with_end = generation > 0 and boundary > until
        span = end - t
        s = t - base
        factor[0], factor[1], factor[2], factor[3] = unit[touch, 0], unit[touch, 1], unit[touch, 2], unit[touch, 3]
        factor[4] = max(1.0 - span / cell.tau_mem, 0.0)
        factor[5] = min(steepest * span, largest) * (1.0 + slack)
        if cell.driven:
            found = _any_near_driven(cell, lo, c0, c1, limit, factor, near, s, span)
        else:
            found = _any_near(c0[lo:hi], c1[lo:hi], limit[lo:hi], factor, near[lo:hi])
        if found:
            for j in range(lo, hi):
                if near[j] and _fire(cell, j, np.float64(c0[j]), np.float64(c1[j]), t, t_generation, end,
                                                 with_end, base, times, slopes, generations):
                    limit[j] = math.inf
        if boundary > until:
            break
        for j in range(lo, lo + cell.lanes):
            c0[j], c1[j] = membrane.advance(
                cell.regime, cell.tau_mem, cell.tau_syn, cell.period, cell.drive[j], c0[j], c1[j])
        origin[at] += 1
        t = boundary
        t_generation = 0
        touch = 0
        if boundary == until and generation == 0:
            break
    last[at] = until
    last_generation[at] = generation


@closed_form
def _units(cell, s, unit, row):
    """Write (v, I) that unit accumulators give at s after the origin: v = unit[0] c0 + unit[1] c1."""
    unit[row, 0], unit[row, 2] = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, 0.0, 1.0, 0.0, s)
    unit[row, 1], unit[row, 3] = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, 0.0, 0.0, 1.0, s)


@closed_form
def _any_near(c0, c1, limit, factor, near):
    """Mark in `near`, and return, whether the bound on V of any lane reaches its limit.

    Slices that start at 0, scalars in the lanes' own number type and an OR instead of a maximum let the
    loop vectorise (15 times faster).
    """
    a0, a1, b0, b1, fall, gain, slack, zero = (
        factor[0], factor[1], factor[2], factor[3], factor[4], factor[5], factor[6], factor[7])
    found = 0
    for j in range(len(c0)):
        slow = a0 * c0[j]
        fast = a1 * c1[j]
        v = slow + fast
        rise = gain * (b0 * c0[j] + b1 * c1[j])
        low = v * fall
        bound = (low if low > v else v) + (rise if rise > zero else zero)
        hit = bound + slack * (abs(slow) + abs(fast)) >= limit[j]
        near[j] = hit
        found |= hit
    return found != 0


@closed_form
def _any_near_driven(cell, lo, c0, c1, limit, factor, near, s, span):
    """Do what `_any_near` does for a population with i_offset under tau_mem = inf."""
    found = 0
    for j in range(lo, lo + cell.lanes):
        slow = factor[0] * c0[j]
        fast = factor[1] * c1[j]
        v = slow + fast + cell.drive[j] * s
        rise = factor[5] * (factor[2] * c0[j] + factor[3] * c1[j])
        low = v * factor[4]
        climb = cell.drive[j] * span
        bound = max(low, v) + max(rise, 0.0) + max(climb, 0.0)
        near[j] = bound + factor[6] * (abs(slow) + abs(fast) + abs(v)) >= limit[j]
        found |= near[j]
    return found != 0


@closed_form
def _deliver(lanes, weight, c0, c1, q):
    """Add one arrival to the lanes of one location."""
    q0, q1 = q[0], q[1]
    for j in range(lanes):
        c0[j] += weight[j] * q0
        c1[j] += weight[j] * q1


@closed_form
def places_of(cell, wires, events, k):
    """Return (first y, last y, first x, last x, pixel y, pixel x, channel, shape row) of arrival k."""
    g = wires.shape[events.link[k]]
    row = wires.row[wires.row_start[events.link[k]] + events.source[k]]
    if g[_IS_CONV] == 0:
        rows = cell.locations // cell.out_width
        return 0, rows - 1, 0, cell.out_width - 1, row, np.int64(0), np.int64(0), g
    channel = row % g[_CHANNELS]
    pixel = row // g[_CHANNELS]
    y, x = pixel // g[_WIDTH], pixel % g[_WIDTH]
    return (first_place(y, g[_TOP], g[_KH], g[_STRIDE]), last_place(y, g[_TOP], g[_STRIDE], g[_OUT_H]),
            first_place(x, g[_LEFT], g[_KW], g[_STRIDE]), last_place(x, g[_LEFT], g[_STRIDE], g[_OUT_W]),
            y, x, channel, g)


@closed_form
def weight_offset(cell, g, at_y, at_x, y, x, channel):
    """Return where the weights of an arrival for the lanes of place (at_y, at_x) begin."""
    if g[_IS_CONV] == 0:
        return g[_BASE] + (y * cell.locations + at_y * cell.out_width + at_x) * cell.lanes
    tap_y = y + g[_TOP] - at_y * g[_STRIDE]
    tap_x = x + g[_LEFT] - at_x * g[_STRIDE]
    return g[_BASE] + ((tap_y * g[_KW] + tap_x) * g[_CHANNELS] + channel) * cell.lanes


@closed_form
def _slope_before(cell, wires, events, first, stop, j, time):
    """Return V'(t-) of neuron j at the arrivals of `time`: its state without them; inf for a jump."""
    if time == 0.0:
        return math.inf
    location, lane = j // cell.lanes, j % cell.lanes
    o0, o1 = membrane.own(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    c0, c1 = cell.v_init[j] * o0, cell.v_init[j] * o1
    n = np.int64(0)
    for k in range(first, stop + 1):
        until = events.time[k] if k < stop else time
        if until > time:
            until = time
        while (n + 1) * cell.period <= until:
            c0, c1 = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, cell.drive[j], c0, c1)
            n += 1
        if k == stop or events.time[k] >= time:
            break
        y0, y1, x0, x1, y, x, channel, g = places_of(cell, wires, events, k)
        at_y, at_x = location // cell.out_width, location % cell.out_width
        if y0 <= at_y <= y1 and x0 <= at_x <= x1:
            p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, events.time[k] - n * cell.period)
            weight = np.float64(wires.weight[weight_offset(cell, g, at_y, at_x, y, x, channel) + lane])
            c0 += weight * (events.amplitude[k] * p0)
            c1 += weight * (events.amplitude[k] * p1)
    v, i = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], c0, c1, time - n * cell.period)
    if cell.tau_syn == 0.0 and v < cell.theta[j]:
        return math.inf
    slope = membrane.slope(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], v, i)
    return slope if slope > 0.0 else math.inf


@kernel
def run_population(cell, wires, events, t_stop, slack, times, slopes, generations, potential):
    """Run one population over the samples of `events`; write one row a sample of the four results.

    times, slopes, generations: first spike (inf: silent), its V'(t-), its generation. potential:
    V - v_inf at t_stop, written for a population that never fires (all thresholds inf).
    """
    n = cell.locations * cell.lanes
    c0 = np.empty(n, wires.weight.dtype)
    c1 = np.empty(n, wires.weight.dtype)
    limit = np.empty(n, wires.weight.dtype)
    factor = np.zeros(8, wires.weight.dtype)
    factor[6] = slack
    q = np.empty(2, wires.weight.dtype)
    near = np.zeros(n, np.bool_)
    last = np.empty(cell.locations)
    last_generation = np.empty(cell.locations, np.int64)
    origin = np.empty(cell.locations, np.int64)
    steepest, largest = _response_limits(cell)
    touched_by = np.empty(cell.locations, np.int64)
    longest = 0
    for row in range(len(events.offsets) - 1):
        longest = max(longest, events.offsets[row + 1] - events.offsets[row])
    unit = np.empty((longest + 1, 4))  # row 0: at an origin; row 1 + k: at arrival k
    _units(cell, 0.0, unit, 0)
    o0, o1 = membrane.own(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    for row in range(len(events.offsets) - 1):
        first, stop = events.offsets[row], events.offsets[row + 1]
        silent = True
        for j in range(n):
            c0[j] = cell.v_init[j] * o0
            c1[j] = cell.v_init[j] * o1
            limit[j] = cell.theta[j] - slack * abs(cell.theta[j]) if cell.theta[j] < math.inf else math.inf
            silent = silent and cell.theta[j] == math.inf
            times[row, j] = math.inf
            slopes[row, j] = math.inf
            generations[row, j] = 0
        last[:] = 0.0
        touched_by[:] = 0
        last_generation[:] = 0
        origin[:] = 0
        for k in range(first, stop):
            t = events.time[k]
            generation = np.int64(events.generation[k])
            window = np.int64(t / cell.period)
            p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, t - window * cell.period)
            q[0] = events.amplitude[k] * p0
            q[1] = events.amplitude[k] * p1
            _units(cell, t - window * cell.period, unit, 1 + k - first)
            y0, y1, x0, x1, y, x, channel, g = places_of(cell, wires, events, k)
            for at_y in range(y0, y1 + 1):
                for at_x in range(x0, x1 + 1):
                    at = at_y * cell.out_width + at_x
                    if last[at] != t or last_generation[at] != generation:
                        _scan(cell, at, c0, c1, limit, slack, last, last_generation, origin, t, generation, steepest,
                              largest, touched_by, unit, factor, near, times[row], slopes[row], generations[row])
                    touched_by[at] = 1 + k - first
                    lo = at * cell.lanes
                    offset = weight_offset(cell, g, at_y, at_x, y, x, channel)
                    _deliver(cell.lanes, wires.weight[offset:offset + cell.lanes],
                             c0[lo:lo + cell.lanes], c1[lo:lo + cell.lanes], q)
        for at in range(cell.locations):
            _scan(cell, at, c0, c1, limit, slack, last, last_generation, origin, t_stop, 0, steepest,
                  largest, touched_by, unit, factor, near, times[row], slopes[row], generations[row])
        for j in range(n):
            if math.isnan(slopes[row, j]):
                slopes[row, j] = _slope_before(cell, wires, events, first, stop, j, times[row, j])
            if silent:
                base = origin[j // cell.lanes] * cell.period
                potential[row, j], _ = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j],
                                                      np.float64(c0[j]), np.float64(c1[j]), t_stop - base)
