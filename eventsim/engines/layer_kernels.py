"""The kernel of the layers engine: one population, a range of samples, arrivals in time order.

A population is L locations of C lanes (see `layer_wires`). Lanes of a location share every arrival time, so
their accumulators are updated side by side, a block of arrivals at a time, by `lanes.scan`. With every
arrival comes a bound on V until the next touch, linear in the accumulators and without an exponential for
the lane: V falls no faster than its tangent and rises no faster than the current of now lets it. Only lanes
whose bound reaches the threshold within a block are gone through again, arrival by arrival, with the closed
form where the bound does not clear them. The bounds have a margin above rounding, so they never change a
result: V before the first arrival of a block is looked at too, and from there on V at a touch is one of the
bounds before it, up to the rounding of a few additions.
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, inner, kernel
from eventsim.engines import lanes as vectors
from eventsim.engines.layer_arrivals import (
    ADD0,
    ADD1,
    BASE,
    I0,
    I1,
    TIME,
    V0,
    V1,
    Arrivals,
    bounds,
    deal,
    most_entries,
    prepare,
    read_out,
)
from eventsim.neurons import membrane

BLOCK = 8
"""Arrivals between two looks at what the filter found: 6 to 16 are equally fast, 4 cost a tenth more."""


class Place(NamedTuple):
    """The location at work: its lanes, and its entries side by side."""

    limit: np.ndarray
    """Threshold less a margin; inf where it cannot be reached or the neuron has fired."""
    drive: np.ndarray
    hits: np.ndarray
    head: np.ndarray
    time: np.ndarray
    """The one after the last entry is the end of the run."""
    offset: np.ndarray
    """int64: where its weights for the lanes of the location begin."""
    values: np.ndarray
    """(entries, lanes.VALUES): see `lanes`."""


@closed_form
def _crossing(regime, tau_mem, tau_syn, drive, theta, v_init, c0, c1, last, end, base):
    """Return (time, V'(t-)) of the crossing in [last, end]; time inf: there is none.

    V' is NaN at a touch, where V is at its threshold already: there it lies before the arrivals of `last`.
    """
    v, i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, last - base)
    if last == 0.0 and tau_syn > 0.0:
        v = v_init  # no current has acted yet; in the accumulators v_init is rounded, and touching counts
    time = last + membrane.crossing(regime, tau_mem, tau_syn, drive, theta, v, i)
    if v < theta and time <= last:
        time = np.nextafter(last, math.inf)
    if not time <= end:
        return math.inf, math.nan
    if v >= theta:
        return time, math.nan
    v, i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, time - base)
    slope = membrane.slope(regime, tau_mem, tau_syn, drive, v, i)
    return time, slope if slope > 0.0 else math.inf


@inner
def _slope_before(cell, arrivals, weight, place, first, n_entries, j, lane, time):
    """Return V'(t-) of neuron j at the arrivals of `time`: its state without them; inf for a jump."""
    if time == 0.0:
        return math.inf
    o0, o1 = membrane.own(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    c0, c1 = cell.v_init[j] * o0, cell.v_init[j] * o1
    n = np.int64(0)
    for e in range(n_entries + 1):
        until = time
        if e < n_entries and place.time[e] < time:
            until = place.time[e]
        while (n + 1) * cell.period <= until:
            c0, c1 = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, cell.drive[j], c0, c1)
            n += 1
        if until == time:
            break
        w = np.float64(weight[place.offset[e] + lane])
        c0 += w * arrivals.row[arrivals.entry[first + e], ADD0]
        c1 += w * arrivals.row[arrivals.entry[first + e], ADD1]
    v, i = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], c0, c1, time - n * cell.period)
    if cell.tau_syn == 0.0 and v < cell.theta[j]:
        return math.inf
    slope = membrane.slope(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], v, i)
    return slope if slope > 0.0 else math.inf


@inner
def _lay_out(tau_mem, tau_syn, period, row, entry, all_offsets, first, n_entries, t_stop, tests, second, when, offset,
             values):
    """Put the entries of a location side by side, with what a scan needs of each."""
    when[n_entries] = until = t_stop
    for back in range(n_entries):
        e = n_entries - 1 - back
        k = entry[first + e]
        t, base = row[k, TIME], row[k, BASE]
        when[e], offset[e] = t, all_offsets[first + e]
        values[e, 0], values[e, 1] = row[k, ADD0], row[k, ADD1]
        if tests:
            b0, b1, sb, e0, e1, se = bounds(tau_mem, tau_syn, t - base, min(until, base + period) - t, row[k, V0],
                                            row[k, V1], row[k, I0], row[k, I1])
            values[e, 2], values[e, 3], values[e, 4] = b0, b1, sb
            if second:
                values[e, 5], values[e, 6], values[e, 7] = e0, e1, se
        until = t


@inner
def _seed(regime, tau_mem, tau_syn, span, head):
    """Write the bounds on V over `span` ms from a move of the origin on."""
    p0, p1 = membrane.psi(regime, tau_mem, tau_syn, 0.0)
    v0, v1, i0, i1 = read_out(regime, tau_mem, tau_syn, 0.0, p0, p1)
    head[0], head[1], head[2] = v0, v1, 0.0
    head[3], head[4], head[5], head[6], head[7], head[8] = bounds(tau_mem, tau_syn, 0.0, span, v0, v1, i0, i1)


@inner
def _look(cell, arrivals, weight, place, state, first_lane, first, e, count, n_entries, seed, origin, second, times,
          slopes, generations):
    """Go through a block again, exactly, for the lanes that a scan has named; return how many fired."""
    regime, tau_mem, tau_syn = cell.regime, cell.tau_mem, cell.tau_syn
    all_drive, theta, v_init = cell.drive, cell.theta, cell.v_init
    hits, head, limit, push, when = place.hits, place.head, place.limit, place.drive, place.time
    entry, steps = arrivals.entry, arrivals.generation
    offset, values = place.offset, place.values
    margin = place.head[vectors.HEAD_MARGIN]
    base = origin * cell.period
    boundary = base + cell.period
    a_word = vectors.lanes_a_vector(weight.itemsize)
    fired = 0
    for word in range(len(hits)):
        bits = hits[word]
        while bits:
            lane = word * a_word + vectors.lowest(bits)
            bits &= bits - 1
            c0, c1 = state[0, lane], state[1, lane]
            drive, floor = push[lane], limit[lane] - margin
            # Where V is near the threshold at a touch, each further touch is looked at.
            near = head[0] * c0 + head[1] * c1 + head[2] * drive >= floor
            for here in range(e - 1 if seed else e, e + count):
                if here >= e:
                    w = weight[offset[here] + lane]
                    c0 += w * values[here, 0]
                    c1 += w * values[here, 1]
                    near = near or values[here, 2] * c0 + values[here, 3] * c1 + values[here, 4] * drive >= floor
                    if second:
                        near = near or values[here, 5] * c0 + values[here, 6] * c1 + values[here, 7] * drive >= floor
                else:
                    near = (near or head[3] * c0 + head[4] * c1 + head[5] * drive >= floor
                            or head[6] * c0 + head[7] * c1 + head[8] * drive >= floor)
                if not near:
                    continue
                t = when[here] if here >= e else base
                until = when[here + 1]
                end = min(boundary, until)
                j = first_lane + lane
                time, slope = _crossing(
                    regime, tau_mem, tau_syn, all_drive[j], theta[j], v_init[j], np.float64(c0), np.float64(c1), t,
                    end, base)
                if time == math.inf:
                    continue
                if time == end or math.isnan(slope):  # only here generations, which lie anywhere in memory, decide
                    generation = np.int64(steps[entry[first + here]]) if here >= e else np.int64(0)
                    following = np.int64(steps[entry[first + here + 1]]) if here + 1 < n_entries else np.int64(0)
                    alike = until == t and following == generation
                    # at the next touch an arrival of the first generation comes before the crossing
                    if time == end and (following == 0 or boundary <= until or alike):
                        continue
                if math.isnan(slope):
                    generations[j] = generation
                    slope = _slope_before(cell, arrivals, weight, place, first, n_entries, j, lane, time)
                times[j], slopes[j] = time, slope
                limit[lane] = math.inf
                fired += 1
                break
    return fired


@inner
def _move(cell, state, first_lane):
    """Move the origin of the lanes of a location by one period."""
    for lane in range(cell.lanes):
        state[0, lane], state[1, lane] = membrane.advance(
            cell.regime, cell.tau_mem, cell.tau_syn, cell.period, cell.drive[first_lane + lane], state[0, lane],
            state[1, lane])


@closed_form
def _run_sample(cell, arrivals, weight, place, start, old, new, tests, second, t_stop, times, slopes, generations,
                potential):
    """Run one sample, location by location."""
    offset, values, head, limit, drive, hits = (place.offset, place.values, place.head, place.limit, place.drive,
                                                place.hits)
    when, window, row, entry = place.time, arrivals.window, arrivals.row, arrivals.entry
    regime, tau_mem, tau_syn, period, n_lanes = cell.regime, cell.tau_mem, cell.tau_syn, cell.period, cell.lanes
    width = len(limit)
    for at in range(cell.locations):
        first, first_lane = arrivals.begin[at], at * n_lanes
        n_entries = arrivals.end[at] - first
        left = 0
        for lane in range(n_lanes):
            old[0, lane], old[1, lane] = start[0, first_lane + lane], start[1, first_lane + lane]
            limit[lane], drive[lane] = start[2, first_lane + lane], start[3, first_lane + lane]
            left += limit[lane] < math.inf
        for lane in range(n_lanes, width):
            old[0, lane], old[1, lane] = 0.0, 0.0
        if tests and left == 0:
            continue
        _lay_out(tau_mem, tau_syn, period, row, entry, arrivals.offset, first, n_entries, t_stop, tests, second, when,
                 offset, values)
        origin, e = np.int64(0), np.int64(0)
        while True:
            # The origin has just moved, or the run begins: V may cross before the next arrival.
            base = origin * period
            seed = tests and (when[e] != base or (e < n_entries and arrivals.generation[entry[first + e]] != 0))
            while seed or (e < n_entries and window[entry[first + e]] == origin):
                count = np.int64(0)
                while count < BLOCK and e + count < n_entries and window[entry[first + e + count]] == origin:
                    count += 1
                if not tests:
                    vectors.scan_silent(weight, offset, values, e, count, head, old, new, limit, drive, hits, width)
                else:
                    if seed:
                        _seed(regime, tau_mem, tau_syn, min(when[e] - base, period), head)
                    else:
                        k = entry[first + e]
                        head[0] = head[3] = head[6] = row[k, V0]
                        head[1] = head[4] = head[7] = row[k, V1]
                        head[2] = head[5] = head[8] = when[e] - base
                    if second:
                        found = vectors.scan_general(weight, offset, values, e, count, head, old, new, limit, drive,
                                                     hits, width)
                    elif cell.driven:
                        found = vectors.scan_driven(weight, offset, values, e, count, head, old, new, limit, drive,
                                                    hits, width)
                    else:
                        found = vectors.scan(weight, offset, values, e, count, head, old, new, limit, drive, hits,
                                             width)
                    if found:
                        left -= _look(cell, arrivals, weight, place, old, first_lane, first, e, count, n_entries, seed,
                                      origin, second, times, slopes, generations)
                        if left == 0:
                            break
                old, new = new, old
                e += count
                seed = False
            if (tests and left == 0) or base + period > when[e]:
                break
            _move(cell, old, first_lane)
            origin += 1
        if not tests:
            for j in range(first_lane, first_lane + n_lanes):
                potential[0, j], _ = membrane.local(
                    regime, tau_mem, tau_syn, cell.drive[j], np.float64(old[0, j - first_lane]),
                    np.float64(old[1, j - first_lane]), t_stop - origin * period)


@kernel
def run_population(cell, wires, events, t_stop, slack, times, slopes, generations, potential):
    """Run one population over the samples of `events`; write one row a sample of the four results.

    times, slopes, generations: first spike, its V'(t-), its generation; written where a neuron fires only, so
    they come filled with inf, inf and 0. potential: V - v_inf at t_stop, written for a population that never
    fires (all thresholds inf).
    """
    number, itemsize = wires.weight.dtype, wires.weight.itemsize
    lowest, highest, push = math.inf, 0.0, 0.0
    o0, o1 = membrane.own(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    start = np.empty((4, len(cell.theta)), number)  # accumulators, limit and drive of the lanes
    for j in range(len(cell.theta)):
        theta = cell.theta[j]
        lowest = min(lowest, theta)
        highest = max(highest, abs(cell.v_init[j]))
        push = max(push, abs(cell.drive[j]))
        start[0, j], start[1, j] = cell.v_init[j] * o0, cell.v_init[j] * o1
        start[2, j] = theta - slack * abs(theta) if theta < math.inf else math.inf
        start[3, j] = cell.drive[j]
    tests = lowest < math.inf
    longest = 0
    for row in range(len(events.offsets) - 1):
        longest = max(longest, events.offsets[row + 1] - events.offsets[row])
    entries = most_entries(cell, wires, events)
    width = vectors.padded(cell.lanes, itemsize)
    window, rows = np.empty(longest, np.int64), np.empty((longest, 8))
    begin, end = np.empty(cell.locations, np.int64), np.empty(cell.locations, np.int64)
    entry, offset = np.empty(entries + 1, np.uint32), np.empty(entries + 1, np.int64)
    place = Place(
        np.full(width, math.inf, number), np.zeros(width, number),
        np.zeros(width // vectors.lanes_a_vector(itemsize), np.int32), np.zeros(vectors.HEAD, number),
        np.empty(longest + 1), np.empty(longest + 1, np.int64), np.zeros((longest + 1, vectors.VALUES), number))
    old, new = np.zeros((2, width), number), np.zeros((2, width), number)
    for row in range(len(events.offsets) - 1):
        here = slice(events.offsets[row], events.offsets[row + 1])
        deal(cell, wires, events.link[here], events.source[here], begin, end, entry, offset)
        most_arrivals = 0
        for at in range(cell.locations):
            most_arrivals = max(most_arrivals, end[at] - begin[at])
        margin = slack * prepare(cell, events.time[here], events.amplitude[here], window, rows, t_stop, wires.largest,
                                 highest, push, most_arrivals)
        place.head[vectors.HEAD_MARGIN] = margin
        # The first bound is V itself in a ramp. Elsewhere V may rise without current: with a drive, and below a
        # threshold about at v_inf. Only the second bound covers that.
        second = (cell.driven and cell.regime != membrane.RAMP) or (cell.tau_mem < math.inf and lowest <= 4.0 * margin)
        arrivals = Arrivals(events.generation[here], window, rows, begin, end, entry, offset)
        _run_sample(cell, arrivals, wires.weight, place, start, old, new, tests, second, t_stop, times[row],
                    slopes[row], generations[row], potential[row:row + 1])
