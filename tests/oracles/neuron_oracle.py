"""One neuron with a given input history, spike by spike, by integration of its equations (see `linear_flow`)."""

import math
from typing import NamedTuple

import mpmath
from linear_flow import Flow, fixed, real

UNDECIDABLE = 1e-12
"""Closer than this to the threshold (relative), rounding decides and nothing is compared."""


class Cell(NamedTuple):
    """The parameters of one neuron, as in `eventsim.LIF`."""

    tau_mem: float
    tau_syn: float | tuple
    """One number, or two where the neuron has two receptors."""
    v_rest: float = 0.0
    v_threshold: float = 1.0
    v_reset: float = 0.0
    t_refractory: float = 0.0
    v_init: float | None = None
    i_offset: float = 0.0

    @property
    def taus(self):
        """The time constants of all receptors, a tuple."""
        return self.tau_syn if isinstance(self.tau_syn, tuple) else (self.tau_syn,)

    def flow(self):
        """Return the `Flow` of the cell's time constants."""
        return Flow(self.tau_mem, *self.taus)


class Outcome(NamedTuple):
    """What the neuron does."""

    times: list
    """Spike times in ms, mpf, 50 digits and more."""
    slopes: list
    """V'(t-) at them, mpf; inf where a jump or the start made the neuron fire."""
    undecided: float
    """The instant from which on rounding could decide; inf: nowhere."""
    end: float
    """How far the outcome goes, ms: `t_stop`, or shortly after the last spike asked for."""


def scale_of(cell):
    """Return the size of voltages that rounding errors are compared with."""
    return max(abs(cell.v_threshold), abs(cell.v_threshold - cell.v_rest))


def _drive(cell):
    return fixed(cell.i_offset) + (0 if math.isinf(cell.tau_mem) else fixed(cell.v_rest))


def summed(arrivals, receptors, t_stop):
    """Return (time, sum of weights at each receptor) by ascending time below t_stop."""
    sums = {}
    for time, weight, *receptor in arrivals:
        if time < t_stop:
            sums.setdefault(time, [0] * receptors)[receptor[0] if receptor else 0] += fixed(weight)
    return sorted(sums.items())


def start_of(cell):
    """Return the state (V, I of each receptor, D) at t = 0."""
    return fixed(cell.v_rest if cell.v_init is None else cell.v_init), *(0 for _ in cell.taus), _drive(cell)


def states(cell, arrivals, spikes, times, flow=None):
    """Return V and the sum of I (mpf lists) just before ascending times, given the neuron's own spike times (floats).

    The membrane is held at v_reset on [t, fl(t + t_refractory)) after each spike; the current goes on.
    """
    flow = flow or cell.flow()
    events = [(time, 1, weights) for time, weights in summed(arrivals, len(cell.taus), math.inf)]
    events += [(time, 2, None) for time in spikes]
    events += [(time + cell.t_refractory, 0, None) for time in spikes if time < time + cell.t_refractory < math.inf]
    events = [*sorted(events), (math.inf, 3, None)]
    state, now, held = start_of(cell), 0.0, -math.inf
    k, v, i = 0, [], []
    for time in times:
        while events[k][0] < time:
            at, kind, weights = events[k]
            state, now = flow.after(state, fixed(at) - fixed(now)), at
            if kind == 0:
                state, held = (fixed(cell.v_reset), *state[1:]), -math.inf
            elif kind == 1:
                state = arrive(cell, state, weights, lost=held > at)
            else:
                held = at + cell.t_refractory if at + cell.t_refractory > at else -math.inf
                state = (fixed(cell.v_reset), *state[1:])
            k += 1
        here = flow.after(state, fixed(time) - fixed(now))
        v.append(mpmath.mpf(cell.v_reset) if held >= time else real(here[0]))
        i.append(real(sum(here[1:-1])))
    return v, i


def arrive(cell, state, weights, lost=False):
    """Return the state after arrivals, one sum of weights a receptor; `lost`: jumps are, as V is held."""
    v, *currents, drive = state
    for k, tau in enumerate(cell.taus):
        if tau > 0.0:
            currents[k] += weights[k]
        elif not lost:
            v += weights[k]
    return v, *currents, drive


def run(cell, arrivals, t_stop, most=1000, flow=None):
    """Return the spikes of one neuron on [0, t_stop).

    Parameters
    ----------
    cell : Cell
    arrivals : list of (time, weight) or (time, weight, receptor number)
        Arrival times in ms (floats) and what each adds to I, or to V where tau_syn = 0 (float or Fraction).
    t_stop : float
    most : int
        End after so many spikes.
    flow : Flow, optional
        Of these time constants, to be used again.
    """
    flow = flow or cell.flow()
    delta = 0.0 in cell.taus
    threshold, reset = fixed(cell.v_threshold), fixed(cell.v_reset)
    tolerance = fixed(UNDECIDABLE * scale_of(cell))
    instants = summed(arrivals, len(cell.taus), t_stop)
    state, now = start_of(cell), 0
    times, slopes = [], []
    release, release_exact = -math.inf, True

    def undecided(v):
        return abs(v - threshold) <= tolerance

    def outcome(end, doubtful=math.inf):
        return Outcome([real(t) for t in times], slopes, doubtful, end)

    def fire(at, state, slope):
        """Record a spike; return the state and when V is free again."""
        times.append(at)
        slopes.append(slope)
        nearest = float(real(at))
        end = nearest + cell.t_refractory
        return (reset, *state[1:]), (end if end > nearest else -math.inf)

    # t = 0 is an instant too, with or without arrivals: V(0) may be at the threshold.
    if not instants or instants[0][0] > 0.0:
        instants.insert(0, (0.0, None))
    k = 0
    while True:
        # The next instant: an arrival, the end of the refractory period, or the end of the run.
        upcoming = instants[k][0] if k < len(instants) else t_stop
        until = min(upcoming, release) if release > -math.inf else upcoming
        until = min(until, t_stop)
        length = fixed(until) - now
        if release == -math.inf and length > 0:
            crossing, decisive = flow.first_crossing(state, length, threshold)
            if undecided(decisive):
                return outcome(t_stop, float(real(now)))
            if crossing is not None:
                state, now = flow.after(state, crossing), now + crossing
                state, release = fire(now, state, real(flow.rate(state)[0]))
                release_exact = False
                if release == math.inf or len(times) == most:
                    return outcome(t_stop if release == math.inf else float(real(now)))
                continue
        state, now = flow.after(state, length), fixed(until)
        if until >= t_stop:
            return outcome(t_stop)
        if delta and not release_exact and release > -math.inf and abs(upcoming - release) <= 1e-12 * (1 + upcoming):
            return outcome(t_stop, until)  # whether the jump is lost hangs on the rounding of the release
        if until == release:
            state, release = (reset, *state[1:]), -math.inf
        jumped = False
        if k < len(instants) and instants[k][0] == until:
            weights = instants[k][1]
            k += 1
            if weights is not None:
                jumped = any(tau == 0.0 and weight for tau, weight in zip(cell.taus, weights, strict=True))
                state = arrive(cell, state, weights, lost=release > until)
        if release > -math.inf:
            continue
        if (jumped or until > 0.0) and undecided(state[0]):
            return outcome(t_stop, until)
        if state[0] >= threshold:
            state, release = fire(now, state, mpmath.inf)
            release_exact = True
            if release == math.inf or len(times) == most:
                return outcome(t_stop if release == math.inf else until)
