"""The adjoint sweep over a recorded trace: from the last spike of a sample to the first, without queue or sorting.

Every neuron carries gamma = dL/dc, the derivative of the loss by its accumulators (V = v_inf + c . phi(t) + drive t,
see `eventsim.neurons.membrane`). lambda_V = gamma . own(t) is then dL/dV(t). Backwards in time::

    a value of V at t asked for, with dL/dV = e:  gamma += e phi(t)
    an arrival (weight w, amplitude a) at s:      dL/dw += a gamma . psi(s),   dL/ds = w a gamma . psi'(s)
    the end of a refractory period, R:            lambda = gamma . own(R),     dL/dv_reset += lambda,
                                                  dL/dR = -lambda V'(R+),      gamma -= lambda phi(R)
    a spike at T, g = dL/dT of all that follows:  delta = -g / V'(T-),         dL/dthreshold -= delta,
                                                  gamma += delta phi(T)

g collects the loss's own derivative, dL/ds of all the arrivals that the spike caused (their delays get the same), and
dL/dR. While V is held, lambda = 0: gamma acts through the current alone. With one spike a neuron this is the implicit
function theorem; with many it is EventProp (Wunderlich & Pehle, "Event-based backpropagation can compute exact
gradients for spiking neural networks", Scientific Reports 2021) in the coordinates of the engines.

Arrivals are never listed. A spike at t is dealt with together with all that it caused, at s = t + delay >= t: by then
gamma is known of every target from t on, and the gamma at s is the one that was left by the first event of the target
after s. So the memory is proportional to the spikes, and a synapse costs a look at its target.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from eventsim._jit import inner, kernel
from eventsim.lower import piece
from eventsim.neurons import receptors, response

SPIKE, RELEASE, VALUE = 0, 1, 2
"""Kinds of events that are not arrivals, in the order in which they happen where they share an instant."""


class Net(NamedTuple):
    """The part of `eventsim.lower.Lowered` that kernels read, by the same names."""

    population: np.ndarray
    regime: np.ndarray
    tau_mem: np.ndarray
    tau_syn: np.ndarray
    tau_two: np.ndarray
    period: np.ndarray
    drive: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    row_ptr: np.ndarray
    row_projection: np.ndarray
    row_start: np.ndarray
    row_stop: np.ndarray
    row_delay: np.ndarray
    synapse_delay: np.ndarray
    first_delay: int
    synapse_target: np.ndarray
    synapse_weight: np.ndarray
    projection_receptor: np.ndarray


class Spikes(NamedTuple):
    """All spikes of a trace, inputs included, ordered by (sample, time, gid)."""

    sample: np.ndarray
    time: np.ndarray
    gid: np.ndarray
    amplitude: np.ndarray
    slope: np.ndarray
    """V'(t-); inf for inputs, whose times are given."""
    error: np.ndarray
    """dL/dt of the loss itself."""


class Events(NamedTuple):
    """Spikes of neurons, ends of refractory periods, values of V that the loss reads; by (sample, gid, time, kind)."""

    sample: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    gid: np.ndarray
    number: np.ndarray
    """SPIKE, RELEASE: which of the spikes; VALUE: -1."""
    error: np.ndarray
    """VALUE: dL/dV."""


class Order(NamedTuple):
    """Where to find events from elsewhere."""

    of_spike: np.ndarray
    """The event that a spike is; -1 for those of inputs."""
    others: np.ndarray
    """Events that are no spikes, by (sample, time)."""
    events: np.ndarray
    others_bounds: np.ndarray
    """(samples + 1,): the events, and the others, of a sample lie from one bound to the next."""


class Totals(NamedTuple):
    """Sums over samples: by synapse, by projection (the delay that all its synapses share) and by gid."""

    synapse: np.ndarray
    delay: np.ndarray
    """By synapse; empty where no projection has a delay for each."""
    shared_delay: np.ndarray
    threshold: np.ndarray
    reset: np.ndarray
    offset: np.ndarray
    initial: np.ndarray
    refractory: np.ndarray


def no_totals(net: Net, by_synapse: bool) -> Totals:
    """Return `Totals` of zeros; `by_synapse`: there are delays by synapse."""
    synapses, projections, n = len(net.synapse_weight), len(net.projection_receptor), len(net.population)
    return Totals(np.zeros(synapses), np.zeros(synapses if by_synapse else 0), np.zeros(projections),
                  *(np.zeros(n) for _ in range(5)))


@inner
def _phi(net, p, at):
    return receptors.phi(net.regime[p], net.tau_mem[p], net.tau_syn[p], net.tau_two[p], at)


@kernel
def slopes_at_release(net, spikes, first, last, events, begin, end, t_stop, slopes):
    """Write V'(R+) of the releases among events begin to end to `slopes`, by event.

    The currents at R: every arrival adds to the first release of its target after it; the sums then decay from one
    release to the next.
    """
    n = len(net.population)
    after, stop = np.zeros(n, np.int64), np.zeros(n, np.int64)
    held = np.zeros(len(net.regime), np.bool_)
    for e in range(begin, end):
        j = events.gid[e]
        if stop[j] == 0:
            after[j] = e
        stop[j] = e + 1
        if events.kind[e] == RELEASE:
            held[net.population[j]] = True
    current = np.zeros((end - begin, 2))
    for k in range(first, last):
        t = spikes.time[k]
        for row in range(net.row_ptr[spikes.gid[k]], net.row_ptr[spikes.gid[k] + 1]):
            p = net.population[net.synapse_target[net.row_start[row]]]
            receptor = net.projection_receptor[net.row_projection[row]]
            tau = net.tau_two[p] if receptor == 1 else net.tau_syn[p]
            decay = math.exp(-net.period[p] * response.rate(tau))
            to = net.row_start[row] if held[p] else net.row_stop[row]
            while to < net.row_stop[row]:
                at = to
                delay, to = piece(net.row_delay, net.row_stop, net.synapse_delay, net.first_delay, row, at)
                s = t + delay
                if not s < t_stop:
                    break
                window = np.int64(s / net.period[p])
                grown = spikes.amplitude[k] * math.exp((s - window * net.period[p]) * response.rate(tau))
                for synapse in range(at, to):
                    j = net.synapse_target[synapse]
                    e = after[j]
                    while e < stop[j] and (events.kind[e] != RELEASE or events.time[e] <= t):
                        e += 1
                    after[j] = e
                    while e < stop[j] and (events.kind[e] != RELEASE or events.time[e] <= s):
                        e += 1
                    if e < stop[j]:
                        charge = net.synapse_weight[synapse] * grown
                        for _ in range(window, np.int64(events.time[e] / net.period[p])):
                            charge *= decay
                        current[e - begin, receptor] += charge
    known, since, one, two = -1, 0.0, 0.0, 0.0
    for e in range(begin, end):
        if events.kind[e] != RELEASE:
            continue
        j, t = events.gid[e], events.time[e]
        p = net.population[j]
        if j != known:
            known, since, one, two = j, t, 0.0, 0.0
        at = t - np.int64(t / net.period[p]) * net.period[p]
        rate = response.rate(net.tau_syn[p])
        one = one * math.exp(-(t - since) * rate) + current[e - begin, 0] * math.exp(-at * rate)
        if net.tau_two[p] > 0.0:
            rate = response.rate(net.tau_two[p])
            two = two * math.exp(-(t - since) * rate) + current[e - begin, 1] * math.exp(-at * rate)
        since = t
        slopes[e] = receptors.slope(
            net.regime[p], net.tau_mem[p], net.tau_syn[p], net.tau_two[p], net.drive[j], net.v_reset[j], one, two)


@kernel
def carries(net):
    """Return (populations, 3, 3): d c(next origin) / d c."""
    result = np.zeros((len(net.regime), 3, 3))
    for p in range(len(net.regime)):
        if net.regime[p] < 0:
            continue
        for column in range(3):
            unit = np.zeros(3)
            unit[column] = 1.0
            result[p, 0, column], result[p, 1, column], result[p, 2, column] = receptors.advance(
                net.regime[p], net.tau_mem[p], net.tau_syn[p], net.tau_two[p], net.period[p], 0.0,
                unit[0], unit[1], unit[2])
    return result


@inner
def _earlier(carry, p, home, window, g0, g1, g2):
    """Return gamma for the origin of an earlier window: the transpose of `advance`."""
    while home > window and (g0 != 0.0 or g1 != 0.0 or g2 != 0.0):
        g0, g1, g2 = (carry[p, 0, 0] * g0 + carry[p, 1, 0] * g1 + carry[p, 2, 0] * g2,
                      carry[p, 0, 1] * g0 + carry[p, 1, 1] * g1 + carry[p, 2, 1] * g2,
                      carry[p, 0, 2] * g0 + carry[p, 1, 2] * g1 + carry[p, 2, 2] * g2)
        home -= 1
    return g0, g1, g2


@inner
def _gains(synapse, g, at, count, j, p0, p1, p2):
    """Add gamma . psi of consecutive targets from j on to those of consecutive synapses.

    A straight loop that the compiler turns into vector instructions; places are unsigned, which saves the test for one
    that counts from the end.
    """
    at, j = np.uint64(at), np.uint64(j)
    if p2 == 0.0:
        for n in range(np.uint64(count)):
            synapse[at + n] += g[0, j + n] * p0 + g[1, j + n] * p1
    else:
        for n in range(np.uint64(count)):
            synapse[at + n] += g[0, j + n] * p0 + g[1, j + n] * p1 + g[2, j + n] * p2


@inner
def _before(net, events, left, head, stop, begin, carry, p, j, s, window):
    """Return gamma of neuron j at s in the coordinates of `window`, where events of it before s are dealt with."""
    e = head[j]
    while e < stop[j] and events.time[e] <= s:
        e += 1
    if e == stop[j]:
        return 0.0, 0.0, 0.0
    kept = e - begin
    return _earlier(carry, p, np.int64(events.time[e] / net.period[p]), window, left[kept, 0], left[kept, 1],
                    left[kept, 2])


@inner
def _through_row(net, spikes, events, left, head, stop, until, g, home, latest, begin, carry, asked, integral, sample,
                 tau, t_stop, k, row, consecutive, pulls, totals):
    """Write what the arrivals of spike k along a row do to weights and delays; return dL/dt, 0 without `pulls`."""
    t, amplitude = spikes.time[k], spikes.amplitude[k]
    projection = net.row_projection[row]
    receptor = net.projection_receptor[projection]
    p = net.population[net.synapse_target[net.row_start[row]]]
    regime, tau_mem, tau_syn, tau_two, period = (
        net.regime[p], net.tau_mem[p], net.tau_syn[p], net.tau_two[p], net.period[p])
    by_delay = len(totals.delay) > 0
    whole, to, d0, d1, d2 = 0.0, net.row_start[row], 0.0, 0.0, 0.0
    while to < net.row_stop[row]:
        at = to
        delay, to = piece(net.row_delay, net.row_stop, net.synapse_delay, net.first_delay, row, at)
        s = t + delay
        if not s < t_stop:
            break
        window = np.int64(s / period)
        p0, p1, p2 = receptors.psi(regime, tau_mem, tau_syn, tau_two, receptor, s - window * period)
        p0, p1, p2 = amplitude * p0, amplitude * p1, amplitude * p2
        if not pulls and consecutive[row] and not asked[p] and s < latest[p] and t_stop <= period:
            _gains(totals.synapse, g, at, to - at, net.synapse_target[at], p0, p1, p2)
            continue
        if pulls:
            d0, d1, d2 = receptors.psi_slope(regime, tau_mem, tau_syn, tau_two, receptor, s - window * period)
            d0, d1, d2 = amplitude * d0, amplitude * d1, amplitude * d2
        value = slope = 0.0
        if asked[p]:
            value, slope = _of_integral(net, p, receptor, amplitude, s, t_stop, tau[net.synapse_target[at]])
        total = 0.0
        for synapse in range(at, to):
            j = net.synapse_target[synapse]
            g0, g1, g2 = g[0, j], g[1, j], g[2, j]
            if not s < until[j]:
                g0, g1, g2 = _before(net, events, left, head, stop, begin, carry, p, j, s, window)
            elif home[j] > window:  # what spikes before will mostly ask for, too
                g0, g1, g2 = _earlier(carry, p, home[j], window, g0, g1, g2)
                g[0, j], g[1, j], g[2, j], home[j] = g0, g1, g2, window
            elif home[j] < window:
                g0, g1, g2 = _before(net, events, left, head, stop, begin, carry, p, j, s, window)
            gained = g0 * p0 + g1 * p1 + g2 * p2
            if asked[p]:
                gained += integral[sample, j] * value
            totals.synapse[synapse] += gained
            if pulls:
                pull = g0 * d0 + g1 * d1 + g2 * d2
                if asked[p]:
                    pull += integral[sample, j] * slope
                pull *= net.synapse_weight[synapse]
                if by_delay:
                    totals.delay[synapse] += pull
                total += pull
        whole += total
    totals.shared_delay[projection] += whole
    return whole


@inner
def _of_integral(net, p, receptor, amplitude, s, t_stop, tau):
    """Return what an arrival of weight 1 at s adds to an integral of e^(-t / tau) V up to t_stop, and its d/ds."""
    taken = net.tau_two[p] if receptor == 1 else net.tau_syn[p]
    value, _, _ = response.integral_of_current(net.tau_mem[p], taken, tau, t_stop - s)
    last, _, _ = response.of_current(net.tau_mem[p], taken, t_stop - s)
    rate = response.rate(tau)
    discount = amplitude * math.exp(-s * rate)
    return discount * value, -discount * (value * rate + math.exp(-(t_stop - s) * rate) * last)


@kernel
def consecutive_rows(net):
    """Return by row whether its targets are neighbours, each met once."""
    result = np.ones(len(net.row_start), np.bool_)
    for row in range(len(result)):
        for synapse in range(net.row_start[row] + 1, net.row_stop[row]):
            if net.synapse_target[synapse] != net.synapse_target[synapse - 1] + 1:
                result[row] = False
                break
    return result


@kernel
def sweep(net, spikes, bounds, events, order, slopes, carry, consecutive, asked, integral, tau, ended, floor, inputs,
          first, last, error, delta, totals):
    """Walk samples `first` to `last` backwards, one by one; add to `error` (dL/dt by spike), `delta` and `totals`.

    `bounds`: of the spikes, (samples + 1,). `slopes`: V'(R+) by event. `consecutive`: by row, see `consecutive_rows`.
    `asked`: by population, whether the loss has integrals of its V; `integral`: dL/d of them by sample and gid; `tau`:
    their discounts. `floor`: least V'. `inputs`: also dL/dt of input spikes, and what delays from inputs do.
    """
    n = len(net.population)
    # g: gamma before the events dealt with so far, valid up to `until`, with the origin of window `home`
    g, home, until = np.empty((3, n)), np.empty(n, np.int64), np.empty(n)
    head, stop, latest = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(len(net.regime))
    most = 0
    for sample in range(first, last):
        most = max(most, order.events[sample + 1] - order.events[sample])
    left = np.empty((most, 3))
    for sample in range(first, last):
        begin, t_stop = order.events[sample], ended[sample]
        g[:], home[:], until[:], latest[:], head[:], stop[:] = 0.0, 0, math.inf, math.inf, 0, 0
        for e in range(begin, order.events[sample + 1]):
            stop[events.gid[e]] = head[events.gid[e]] = e + 1
        k, o = bounds[sample + 1] - 1, order.others_bounds[sample + 1] - 1
        while k >= bounds[sample] or o >= order.others_bounds[sample]:
            spike = o < order.others_bounds[sample] or (
                k >= bounds[sample] and spikes.time[k] > events.time[order.others[o]])
            if spike:
                e = order.of_spike[k]
                for row in range(net.row_ptr[spikes.gid[k]], net.row_ptr[spikes.gid[k] + 1]):
                    error[k] += _through_row(
                        net, spikes, events, left, head, stop, until, g, home, latest, begin, carry, asked, integral,
                        sample, tau, t_stop, k, row, consecutive, inputs or e >= 0, totals)
                k -= 1
                if e < 0:
                    continue
            else:
                e = order.others[o]
                o -= 1
            j, t = events.gid[e], events.time[e]
            p = net.population[j]
            window = np.int64(t / net.period[p])
            g0, g1, g2 = _earlier(carry, p, home[j], window, g[0, j], g[1, j], g[2, j])
            at = t - window * net.period[p]
            f0, f1, f2 = _phi(net, p, at)
            if events.kind[e] == RELEASE:
                push = _lambda(net, p, g0, g1, at)
                totals.reset[j] += push
                totals.offset[j] -= push * _drive_until(net, p, t)
                by_time = -push * slopes[e]
                totals.refractory[j] += by_time
                error[events.number[e]] += by_time
                push = -push
            elif spike:
                number = events.number[e]
                push = 0.0
                if error[number] != 0.0:
                    push = -error[number] / max(spikes.slope[number], floor)
                delta[number] = push
                totals.threshold[j] -= push
                totals.offset[j] += push * _drive_until(net, p, t)
            else:
                push = events.error[e]
                totals.offset[j] += push * _drive_until(net, p, t)
            g[0, j], g[1, j], g[2, j] = g0 + push * f0, g1 + push * f1, g2 + push * f2
            home[j], until[j], head[j], latest[p] = window, t, e, t
            left[e - begin, 0], left[e - begin, 1], left[e - begin, 2] = g[0, j], g[1, j], g[2, j]
        for j in range(n):
            p = net.population[j]
            if net.regime[p] < 0:
                continue
            g0, g1, g2 = _earlier(carry, p, home[j], 0, g[0, j], g[1, j], g[2, j])
            push = _lambda(net, p, g0, g1, 0.0)
            totals.initial[j] += push
            totals.offset[j] -= push * _drive_until(net, p, 0.0)
            if asked[p] and integral[sample, j] != 0.0:
                value, _ = response.integral_of_potential(net.tau_mem[p], tau[j], t_stop)
                totals.initial[j] += integral[sample, j] * value
                value, _ = response.integral_of_drive(net.tau_mem[p], tau[j], t_stop)
                totals.offset[j] += integral[sample, j] * value


@inner
def _lambda(net, p, g0, g1, at):
    """Return dL/dV of a neuron with gamma g."""
    o0, o1 = receptors.own(net.regime[p], net.tau_mem[p], net.tau_syn[p], net.tau_two[p], at)
    return g0 * o0 + g1 * o1


@inner
def _drive_until(net, p, t):
    """Return dV(t)/d i_offset with the accumulators held: it is part of v_inf, or V grows with it."""
    return t if np.isinf(net.tau_mem[p]) else 1.0
