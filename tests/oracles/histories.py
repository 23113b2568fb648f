"""Random single-neuron histories in every regime, and runs of them on an engine."""

import math
from fractions import Fraction
from typing import NamedTuple

import mpmath
import neuron_oracle
import numpy as np
from linear_flow import Flow, fixed, real
from neuron_oracle import Cell
from regimes import REGIMES, time_constants

import eventsim as es

BATCH = 50
"""Histories that share one network, and so one set of time constants."""

DELAY = 0.5
"""Of the second projection, ms."""

LEAST = 0.01
"""Smallest threshold of a grazing history, relative to the one its currents are drawn for."""

RECEPTORS = ("exc", "inh")
"""Names of two receptors; the projections that feed them have weights of either sign."""


class History(NamedTuple):
    """One neuron and what arrives at it."""

    cell: Cell
    time: np.ndarray
    """Input spike times, ms."""
    amplitude: np.ndarray
    route: np.ndarray
    """0: the projection without delay, to the first receptor; 1: the one with a delay, to the last."""
    weight: tuple
    """Weight of each projection, plus or minus a power of two: products with an amplitude are exact."""

    def arrivals(self):
        """Return (time, weight, receptor) for the oracle; the delayed time is rounded, as it is in the engines."""
        delay, last = (0.0, DELAY), len(self.cell.taus) - 1
        return [(t + delay[r], Fraction(self.weight[r]) * Fraction(a), min(r, last)) for t, a, r in
                zip(self.time.tolist(), self.amplitude.tolist(), self.route.tolist(), strict=True)]


def draw(regime, tau_mem, taus, rng, flow):
    """Draw one history and its span; a grazing one until it has a peak to graze."""
    history, span = _draw(regime, tau_mem, taus, rng)
    if not regime.grazing:
        return history, span
    grazing = _at_the_peak(history, span, rng, flow)
    while grazing is None:
        history, span = _draw(regime, tau_mem, taus, rng)
        grazing = _at_the_peak(history, span, rng, flow)
    return grazing, span


def _draw(regime, tau_mem, taus, rng):
    finite = [tau for tau in (tau_mem, *taus) if 0.0 < tau < math.inf]
    span = float(rng.choice([3.0, 6.0, 12.0, 40.0])) * (max(finite) if finite else 5.0)
    span = min(span, 60.0 * min(tau_mem, 10.0))
    size, base = [(1.0, 0.0), (15.0, -65.0), (float(rng.uniform(0.1, 3.0)), float(rng.normal()))][rng.integers(3)]
    v_threshold = base + size
    v_rest, v_reset, v_init = base, base, None
    kind = rng.random()
    if kind < 0.12:
        v_rest = v_threshold + size * float(rng.uniform(0.01, 1.0))
    elif kind < 0.20:
        v_rest = v_threshold
    if rng.random() < 0.4:
        v_reset = base - size * float(rng.uniform(0.0, 2.0))
    if rng.random() < 0.3:
        v_init = v_threshold + size * float(rng.normal(-0.6, 0.5))
    t_refractory = [0.0, es.NEVER, 1.0, float(rng.uniform(0.0, 0.2)) * span][rng.choice(4, p=[0.4, 0.1, 0.2, 0.3])]
    i_offset = 0.0
    if regime.offset and rng.random() < 0.6:
        i_offset = size * float(rng.normal(0.0, 0.5)) / (1.0 if finite and math.isfinite(tau_mem) else 0.3 * span)
    tau_syn = taus if len(taus) > 1 else taus[0]
    cell = Cell(tau_mem, tau_syn, v_rest, v_threshold, v_reset, t_refractory, v_init, i_offset)

    count = int(rng.integers(0, 25))
    time = rng.uniform(0.0, span, count)
    on_grid = rng.random(count) < 0.4
    time[on_grid] = np.round(time[on_grid] / 0.5) * 0.5
    if count > 3 and rng.random() < 0.5:
        time[: count // 3] = rng.choice(time, count // 3)
    route = (rng.random(count) < 0.35).astype(int)
    unit = size / np.array([_response(tau_mem, tau, span) for tau in taus])
    amplitude = rng.lognormal(-0.7, 0.7, count) * unit[np.minimum(route, len(taus) - 1)] * rng.choice([0.4, 1.0, 2.5])
    weight = (float(rng.choice([0.5, 1.0, 2.0])), -1.0)
    history = History(cell, time, amplitude, route, weight)
    return (_of_both_signs(history, rng) if len(taus) > 1 else history), span


def _of_both_signs(history, rng):
    """Return the history with arrivals of both signs at either receptor, and sometimes currents that nearly cancel."""
    _, time, amplitude, route, weight = history
    signs = rng.choice([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], p=[0.6, 0.2, 0.2]).tolist()
    weight = (signs[0] * weight[0], signs[1] * weight[1])
    amplitude = amplitude * rng.choice([1.0, -1.0], len(time), p=[0.85, 0.15])
    half = len(time) // 2
    if half and rng.random() < 0.3:
        first, second = slice(0, half), slice(half, 2 * half)
        route[first], route[second] = 0, 1
        time[second] = np.maximum(time[first] - DELAY, 0.0)
        unlike = 10.0 ** rng.uniform(-9.0, -0.5, half) * rng.choice([-1.0, 0.0, 1.0], half, p=[0.4, 0.2, 0.4])
        amplitude[second] = -amplitude[first] * (weight[0] / weight[1]) * (1.0 + unlike)
    return history._replace(amplitude=amplitude, weight=weight)


def _response(tau_mem, tau_syn, span):
    """Return roughly how far an arrival of weight 1 moves V."""
    if tau_syn == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return min(tau_syn, 0.3 * span)
    return 1.0 if math.isinf(tau_syn) else tau_syn / (tau_mem + tau_syn)


def _at_the_peak(history, span, rng, flow):
    """Return the history with its threshold where a peak of V just reaches, or just misses, it.

    The highest peak; or, with two receptors, any that exceeds all of V before it. None where there is no such
    peak: V is highest at the start, at the end, at a kink or after a jump, or the threshold would lie below V(0);
    or where currents cancel so far that rounding errors of their shares are large beside the threshold.
    """
    cell = history.cell
    state, now = neuron_oracle.start_of(cell), 0
    highest, peaks = state[0], []
    for time, weights in [*neuron_oracle.summed(history.arrivals(), len(cell.taus), span), (span, None)]:
        length = fixed(time) - now
        for at in flow.extrema(state, length):
            top = flow.after(state, at)[0]
            if top > highest:
                highest = top
                peaks.append(top)
        state, now = flow.after(state, length), fixed(time)
        highest = max(highest, state[0])
        if weights is not None:
            state = neuron_oracle.arrive(cell, state, weights)
            highest = max(highest, state[0])
    if len(cell.taus) == 1:
        peaks = [top for top in peaks if top == highest]
    if not peaks:
        return None
    peak = peaks[int(rng.integers(len(peaks)))] if len(peaks) > 1 else peaks[0]
    nearness = 10.0 ** rng.uniform(-11.5, -3.0) * rng.choice([-1.0, 1.0])
    v_threshold = float(real(peak) * (1 + mpmath.mpf(nearness)))
    v_init = cell.v_rest if cell.v_init is None else cell.v_init
    grazing = cell._replace(v_threshold=v_threshold, t_refractory=es.NEVER)
    if v_threshold <= v_init or neuron_oracle.scale_of(grazing) < LEAST * neuron_oracle.scale_of(cell):
        return None
    return history._replace(cell=grazing)


def traced(histories, t_stop, engine="heap"):
    """Return the trace of one run of a network with one neuron a history, population "cell"."""
    cells = [history.cell for history in histories]
    each = {name: np.array([getattr(cell, name) for cell in cells]) for name in (
        "v_rest", "v_threshold", "v_reset", "t_refractory", "i_offset")}
    v_init = np.array([cell.v_rest if cell.v_init is None else cell.v_init for cell in cells])
    taus, receptors = cells[0].taus, (None, None)
    tau_syn = taus[0]
    if len(taus) > 1:
        tau_syn, receptors = dict(zip(RECEPTORS, taus, strict=True)), RECEPTORS
    neurons = es.LIF(tau_mem=cells[0].tau_mem, tau_syn=tau_syn, v_init=v_init, **each)
    net = es.Network(seed=0)
    net.population("cell", len(cells), neurons)
    stimulus = {}
    for route, (name, delay) in enumerate((("excite", 0.0), ("inhibit", DELAY))):
        net.input(name, len(cells))
        weights = np.array([h.weight[route] for h in histories])
        net.connect(name, "cell", es.OneToOne(weights), delay=delay, receptor=receptors[route])
        mine = [h.route == route for h in histories]
        stimulus[name] = es.Spikes(
            np.concatenate([h.time[m] for h, m in zip(histories, mine, strict=True)]),
            np.repeat(np.arange(len(cells)), [int(m.sum()) for m in mine]),
            amplitude=np.concatenate([h.amplitude[m] for h, m in zip(histories, mine, strict=True)]))
    return es.simulate(net, stimulus, t_stop=t_stop, engine=engine, threads=1)


def simulated(histories, t_stop, engine="heap"):
    """Return the `SpikeTable` of every history, from one run of all."""
    spikes = traced(histories, t_stop, engine).spikes("cell")
    return [type(spikes)(*(column[spikes.neuron == j] for column in spikes)) for j in range(len(histories))]


def drawn(regime, seed, count=BATCH):
    """Return `count` histories of one set of time constants, their common t_stop and the flow."""
    rng = np.random.Generator(np.random.PCG64([seed, REGIMES.index(regime)]))
    tau_mem, taus = time_constants(regime, rng)
    flow = Flow(tau_mem, *taus)
    both = [draw(regime, tau_mem, taus, rng, flow) for _ in range(count)]
    return [history for history, _ in both], max(span for _, span in both), flow
