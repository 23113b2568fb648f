"""Random single-neuron histories in every regime, run on an engine and on the oracle, spike by spike."""

import math
from fractions import Fraction
from typing import NamedTuple

import mpmath
import neuron_oracle
import numpy as np
from linear_flow import Flow, fixed, real
from neuron_oracle import Cell

import eventsim as es

MOST = 25
"""Spikes compared in one history."""

BATCH = 50
"""Histories that share one network, and so one pair of time constants."""

APART = 1e-6
"""A spike farther than this from the oracle's (ms) is another spike."""


class Regime(NamedTuple):
    """A row of the table."""

    name: str
    ratio: float
    """tau_mem / tau_syn; NaN: see `tau_syn`."""
    tau_syn: float = math.nan
    """0 or inf where it is not drawn."""
    offset: bool = True
    """Whether some neurons have a constant drive."""
    grazing: bool = False
    """Put the threshold at the highest peak of V, a little above or below."""


REGIMES = (
    Regime("LIF, tau_mem = tau_syn", 1.0),
    Regime("LIF, tau_mem = 1.0001 tau_syn", 1.0001),
    Regime("LIF, tau_mem = 1.04 tau_syn", 1.04),
    Regime("LIF, tau_mem = 2 tau_syn", 2.0),
    Regime("LIF, tau_mem = 0.3 tau_syn", 0.3),
    Regime("LIF, tau_mem = 7.3 tau_syn", 7.3),
    Regime("LIF, tau_mem = 1000 tau_syn", 1000.0),
    Regime("LIF, step currents (tau_syn = inf)", math.nan, math.inf),
    Regime("LIF, delta synapses", math.nan, 0.0),
    Regime("IF, exponential synapses", math.inf, offset=False),
    Regime("IF, exponential synapses, offset", math.inf),
    Regime("IF, ramp (tau_syn = inf)", math.inf, math.inf),
    Regime("IF, delta synapses", math.inf, 0.0),
    Regime("grazing, LIF, tau_mem = tau_syn", 1.0, grazing=True),
    Regime("grazing, LIF, tau_mem = 1.0001 tau_syn", 1.0001, grazing=True),
    Regime("grazing, LIF, tau_mem = 2 tau_syn", 2.0, grazing=True),
    Regime("grazing, LIF, tau_mem = 0.3 tau_syn", 0.3, grazing=True),
    Regime("grazing, LIF, tau_mem = 7.3 tau_syn", 7.3, grazing=True),
    Regime("grazing, LIF, tau_mem = 1000 tau_syn", 1000.0, grazing=True),
    Regime("grazing, IF, exponential synapses, offset", math.inf, grazing=True),
)
"""All regimes. Steps, ramps and delta synapses have no smooth peak to graze."""


class History(NamedTuple):
    """One neuron and what arrives at it."""

    cell: Cell
    time: np.ndarray
    """Input spike times, ms."""
    amplitude: np.ndarray
    route: np.ndarray
    """0: the excitatory projection, without delay; 1: the inhibitory one, with a delay."""
    weight: tuple
    """Weight of each projection, a power of two: products with an amplitude are exact."""

    def arrivals(self):
        """Return (arrival time, weight) for the oracle; the delayed time is rounded, as it is in the engines."""
        delay = (0.0, DELAY)
        return [(t + delay[r], Fraction(self.weight[r]) * Fraction(a)) for t, a, r in
                zip(self.time.tolist(), self.amplitude.tolist(), self.route.tolist(), strict=True)]


DELAY = 0.5


class Comparison(NamedTuple):
    """Histories of one regime against the oracle; sums and worst values, so that parts can be merged."""

    histories: int = 0
    arrivals: int = 0
    spikes: int = 0
    crossings: int = 0
    """Spikes that no jump caused."""
    undecidable: int = 0
    missed: int = 0
    invented: int = 0
    moved_jumps: int = 0
    """Spikes caused by an arrival that are not at exactly its time."""
    time_error: float = 0.0
    """Worst |dt|, ms."""
    scaled_error: float = 0.0
    """Worst |dt| V' / threshold."""
    unrounded_error: float = 0.0
    """The same of the part of |dt| that exceeds half an ulp of t: what no double could avoid is left out."""
    slope_error: float = 0.0
    """Worst error of the recorded V', relative to |V'| + threshold / time constant."""

    def merged(self, other):
        """Return both together."""
        sums = [a + b for a, b in zip(self[:8], other[:8], strict=True)]
        return Comparison(*sums, *(max(a, b) for a, b in zip(self[8:], other[8:], strict=True)))


def time_constants(regime, rng):
    """Draw (tau_mem, tau_syn) of a regime, ms."""
    base = float(np.exp(rng.uniform(math.log(0.5), math.log(15.0))))
    if regime.ratio == 1000.0:
        base = float(np.exp(rng.uniform(math.log(0.02), math.log(0.5))))
    tau_syn = base if math.isnan(regime.tau_syn) else regime.tau_syn
    if math.isinf(regime.ratio):
        return math.inf, tau_syn
    return (base if math.isnan(regime.ratio) else regime.ratio * base), tau_syn


def draw(regime, tau_mem, tau_syn, rng, flow):
    """Draw one history and its span; a grazing one until its highest V is a smooth peak."""
    history, span = _draw(regime, tau_mem, tau_syn, rng)
    if not regime.grazing:
        return history, span
    grazing = _at_the_peak(history, span, rng, flow)
    while grazing is None:
        history, span = _draw(regime, tau_mem, tau_syn, rng)
        grazing = _at_the_peak(history, span, rng, flow)
    return grazing, span


def _draw(regime, tau_mem, tau_syn, rng):
    finite = [tau for tau in (tau_mem, tau_syn) if 0.0 < tau < math.inf]
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
    cell = Cell(tau_mem, tau_syn, v_rest, v_threshold, v_reset, t_refractory, v_init, i_offset)

    count = int(rng.integers(0, 25))
    time = rng.uniform(0.0, span, count)
    on_grid = rng.random(count) < 0.4
    time[on_grid] = np.round(time[on_grid] / 0.5) * 0.5
    if count > 3 and rng.random() < 0.5:
        time[: count // 3] = rng.choice(time, count // 3)
    route = (rng.random(count) < 0.35).astype(int)
    unit = size / _response(tau_mem, tau_syn, span)
    amplitude = rng.lognormal(-0.7, 0.7, count) * unit * rng.choice([0.4, 1.0, 2.5])
    return History(cell, time, amplitude, route, (float(rng.choice([0.5, 1.0, 2.0])), -1.0)), span


def _response(tau_mem, tau_syn, span):
    """Return roughly how far an arrival of weight 1 moves V."""
    if tau_syn == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return min(tau_syn, 0.3 * span)
    return 1.0 if math.isinf(tau_syn) else tau_syn / (tau_mem + tau_syn)


def _at_the_peak(history, span, rng, flow):
    """Return the history with its threshold where the highest peak of V just reaches, or just misses, it.

    None where V is highest at the start, at the end or at a kink, or where the threshold would lie below V(0).
    """
    cell = history.cell
    state, now, highest, smooth = neuron_oracle.start_of(cell), 0, None, False
    events = sorted((t, fixed(w)) for t, w in history.arrivals() if t < span)
    for time, weight in [*events, (span, 0)]:
        top, inside = flow.highest(state, fixed(time) - now)
        if highest is None or top > highest:
            highest, smooth = top, inside
        state, now = flow.after(state, fixed(time) - now), fixed(time)
        state = (state[0], state[1] + weight, state[2])
    nearness = 10.0 ** rng.uniform(-11.5, -3.0) * rng.choice([-1.0, 1.0])
    v_threshold = float(real(highest) * (1 + mpmath.mpf(nearness)))
    v_init = cell.v_rest if cell.v_init is None else cell.v_init
    if not smooth or v_threshold <= v_init:
        return None
    return history._replace(cell=cell._replace(v_threshold=v_threshold, t_refractory=es.NEVER))


def traced(histories, t_stop, engine="heap"):
    """Return the trace of one run of a network with one neuron a history, population "cell"."""
    cells = [history.cell for history in histories]
    each = {name: np.array([getattr(cell, name) for cell in cells]) for name in (
        "v_rest", "v_threshold", "v_reset", "t_refractory", "i_offset")}
    v_init = np.array([cell.v_rest if cell.v_init is None else cell.v_init for cell in cells])
    neurons = es.LIF(tau_mem=cells[0].tau_mem, tau_syn=cells[0].tau_syn, v_init=v_init, **each)
    net = es.Network(seed=0)
    net.population("cell", len(cells), neurons)
    stimulus = {}
    for route, (name, delay) in enumerate((("excite", 0.0), ("inhibit", DELAY))):
        net.input(name, len(cells))
        net.connect(name, "cell", es.OneToOne(np.array([h.weight[route] for h in histories])), delay=delay)
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
    """Return `count` histories of one pair of time constants, their common t_stop and the flow."""
    rng = np.random.Generator(np.random.PCG64([seed, REGIMES.index(regime)]))
    tau_mem, tau_syn = time_constants(regime, rng)
    flow = Flow(tau_mem, tau_syn)
    both = [draw(regime, tau_mem, tau_syn, rng, flow) for _ in range(count)]
    return [history for history, _ in both], max(span for _, span in both), flow


def compared(regime, seed, count=BATCH, engine="heap"):
    """Return the `Comparison` of `count` random histories of a regime with the oracle."""
    histories, t_stop, flow = drawn(regime, seed, count)
    result = Comparison()
    for history, spikes in zip(histories, simulated(histories, t_stop, engine), strict=True):
        result = result.merged(against_oracle(history, spikes, t_stop, flow))
    return result


def against_oracle(history, spikes, t_stop, flow=None):
    """Return the `Comparison` of the spikes of one history, a `SpikeTable`, with the oracle's."""
    cell, arrivals = history.cell, history.arrivals()
    outcome = neuron_oracle.run(cell, arrivals, t_stop, MOST, flow)
    end = min(outcome.end, outcome.undecided)
    size = int(np.sum(spikes.time <= end)) if len(outcome.times) < MOST else min(MOST, len(spikes.time))
    expected = len(outcome.times)
    missed, invented = max(expected - size, 0), max(size - expected, 0)
    worst_time = worst_scaled = worst_unrounded = worst_slope = 0.0
    crossings = moved = 0
    finite = [tau for tau in (cell.tau_mem, cell.tau_syn) if 0.0 < tau < math.inf]
    scale = neuron_oracle.scale_of(cell)
    floor = scale / min(finite, default=1.0)
    for k in range(min(size, expected)):
        exact, slope = outcome.times[k], outcome.slopes[k]
        difference = float(abs(mpmath.mpf(float(spikes.time[k])) - exact))
        if difference > APART:
            missed, invented = missed + 1, invented + 1
            break
        if slope == mpmath.inf:
            moved += int(difference != 0.0 or spikes.slope[k] != math.inf)
            continue
        crossings += 1
        slope = float(slope)
        worst_time = max(worst_time, difference)
        worst_scaled = max(worst_scaled, difference * slope / scale)
        beyond = max(difference - 0.5 * math.ulp(float(exact)), 0.0)
        worst_unrounded = max(worst_unrounded, beyond * slope / scale)
        worst_slope = max(worst_slope, abs(float(spikes.slope[k]) - slope) / (slope + floor))
    return Comparison(1, len(arrivals), expected, crossings, int(outcome.undecided < math.inf), missed, invented,
                      moved, worst_time, worst_scaled, worst_unrounded, worst_slope)
