"""Each spike of one neuron, and each silence between two, checked by its exact membrane given the spikes before.

The neuron is reset where the engine says that it fired; from there its membrane is a sum of exponentials of 150 digits
(`exponential_sums`). Where V passes the threshold by more than `TOLERANCE` and the engine has no spike, one is
*missed*; where the engine has a spike and V is not there, one is *invented*. So errors do not add up over the spikes,
and a neuron whose V comes and stays close to its threshold is checked as well as any other.

Errors of V are relative to all that V is the sum of: its distance from the threshold, v_reset or v_init, and the
arrivals so far, none cancelling another, as they were when the engine last looked, no longer ago than a move of its
origin. V may also change by what it does from one double of time to the next. The parameters are those of the engines:
v_inf = fl(v_rest + i_offset), theta = fl(v_threshold - v_inf).
"""

import itertools
import math
from typing import NamedTuple

import mpmath
from exponential_sums import derivative, membrane, sign_changes, value

from eventsim.neurons.membrane import period_of

DIGITS = 150

TOLERANCE = 1e-11
"""Of V, relative; what comes closer to the threshold may go either way."""


class Check(NamedTuple):
    """What was found; sums over neurons by `merged`."""

    neurons: int = 0
    arrivals: int = 0
    spikes: int = 0
    missed: int = 0
    invented: int = 0
    undecidable: int = 0
    """Silences in which V is at or above the threshold, by less than the tolerance."""
    error: float = 0.0
    """Worst |V - v_threshold| at a crossing, relative, beyond one double of time."""

    def merged(self, other):
        """Return both together."""
        return Check(*(a + b for a, b in zip(self[:6], other[:6], strict=True)), max(self.error, other.error))


class Cell:
    """The exact membrane: V - v_inf and the currents, and the size of what V is the sum of."""

    def __init__(self, lif):
        self.tau_mem = lif.tau_mem
        self.taus = [*lif.tau_syn.values()] if lif.receptors else [lif.tau_syn]
        leaky = math.isfinite(lif.tau_mem)
        v_inf = lif.v_rest + lif.i_offset if leaky else 0.0
        self.drive = 0.0 if leaky else lif.i_offset
        self.theta, self.reset = lif.v_threshold - v_inf, lif.v_reset - v_inf
        self.v = mpmath.mpf((lif.v_rest if lif.v_init is None else lif.v_init) - v_inf)
        self.currents = [mpmath.mpf(0)] * len(self.taus)
        self.now = mpmath.mpf(0)
        self.leak = 1 / mpmath.mpf(lif.tau_mem) if leaky else mpmath.mpf(0)
        self.period = mpmath.mpf(period_of(lif.tau_mem, *self.taus))
        self.sizes = [abs(self.v), *(mpmath.mpf(0) for _ in self.taus)]  # of V itself, and of what each receptor adds
        self.seen = sum(self.sizes)
        self.slopes = mpmath.mpf(0)

    def terms(self):
        """Return V - v_threshold as a sum of exponentials of the time from now on."""
        felt = [(tau, i) for tau, i in zip(self.taus, self.currents, strict=True) if tau > 0.0]
        return membrane(self.tau_mem, felt, self.drive, self.theta, self.v)

    def scale(self):
        """Return the size that errors of V are relative to."""
        return abs(mpmath.mpf(self.theta)) + max(sum(self.sizes), self.seen)

    def on(self, time):
        """Let the time come."""
        wait = mpmath.mpf(time) - self.now
        self.v = value(self.terms(), wait) + self.theta
        grown = (abs(self.drive) + self.slopes) * wait
        self.seen = sum(self._decayed(max(wait - self.period, 0))) + grown
        self.sizes = self._decayed(wait)
        self.sizes[0] += grown
        for k, tau in enumerate(self.taus):
            if 0.0 < tau < math.inf:
                self.currents[k] *= mpmath.exp(-wait / mpmath.mpf(tau))
        self.now = mpmath.mpf(time)

    def _decayed(self, wait):
        """Return the sizes after a while."""
        rates = [self.leak]
        for tau in self.taus:
            rates.append(min(self.leak, 0 if math.isinf(tau) else 1 / mpmath.mpf(tau)) if tau > 0.0 else self.leak)
        return [size * mpmath.exp(-wait * rate) for size, rate in zip(self.sizes, rates, strict=True)]

    def restart(self):
        """Put V to its reset."""
        self.sizes[0] = abs(mpmath.mpf(self.reset)) + abs(self.v)
        self.v = mpmath.mpf(self.reset)

    def arrive(self, receptor, amount, lost):
        """Add an arrival; `lost`: jumps of V are, as it is held."""
        tau = self.taus[receptor]
        if tau == 0.0:
            if not lost:
                self.v += amount
                self.sizes[1 + receptor] += abs(amount)
            return
        self.currents[receptor] += amount
        if math.isinf(self.tau_mem):
            if math.isinf(tau):
                self.slopes += abs(amount)
            self.sizes[1 + receptor] += abs(amount) * (64 if math.isinf(tau) else mpmath.mpf(tau))
        else:
            share = 1 if math.isinf(tau) else min(1, mpmath.mpf(tau) * self.leak)
            self.sizes[1 + receptor] += abs(amount) * share


def highest(terms, length):
    """Return the largest value after the start, up to `length`."""
    inside = sign_changes(derivative(terms), mpmath.mpf(0), length)
    return max(value(terms, x) for x in [*inside, length])


def arrivals_of(case):
    """Return what arrives at the neuron of a case before its end: {time: [(receptor, amount)]}."""
    names = case.populations[1].neuron.receptors
    given = case.stimulus["in"]
    result = {}
    for projection in case.projections:
        receptor = names.index(projection.receptor) if projection.receptor else 0
        weight = mpmath.mpf(float(projection.arguments["weight"][0, 0]))
        for time, amplitude in zip(given.time.tolist(), given.amplitude.tolist(), strict=True):
            if time < case.t_stop and time + projection.delay < case.t_stop:
                amount = weight * mpmath.mpf(amplitude)
                result.setdefault(time + projection.delay, []).append((receptor, amount))
    return result


def checked(case, spikes, end):
    """Return the `Check` of the spike times of the neuron of a case (ascending) on [0, end)."""
    with mpmath.workdps(DIGITS):
        return _checked(case, spikes, end)


def _checked(case, spikes, end):
    lif = case.populations[1].neuron
    cell, arrivals, fired = Cell(lif), arrivals_of(case), set(spikes)
    releases = {time + lif.t_refractory for time in spikes if time < time + lif.t_refractory < math.inf}
    instants = sorted({0.0, *arrivals, *spikes, *releases, end})
    instants = [time for time in instants if time <= end]
    missed = invented = undecidable = 0
    error, held = mpmath.mpf(0), -math.inf

    def clear(excess):
        return excess > TOLERANCE * cell.scale()

    for before, time in itertools.pairwise([0.0, *instants]):
        if time > before:
            length = mpmath.mpf(time) - cell.now
            slope = 0
            if held <= before:
                # A crossing that is rounded to the next instant yields to it.
                shorter = mpmath.mpf(time - 2.0 * math.ulp(time)) - cell.now
                excess = highest(cell.terms(), shorter) if shorter > 0 else -1
                missed += bool(clear(excess))
                undecidable += bool(excess >= 0 and not clear(excess) and time not in fired)
                slope = value(derivative(cell.terms()), length)
            cell.on(time)
            if held > before:
                cell.restart()
        if held == time:
            held = -math.inf
        if time == end:
            break
        at = arrivals.get(time, [])
        jumps = any(cell.taus[receptor] == 0.0 and amount for receptor, amount in at)
        for receptor, amount in at:
            cell.arrive(receptor, amount, lost=held > time)
        gap = cell.v - cell.theta
        if time not in fired:
            if held <= time and gap >= 0:
                missed, undecidable = missed + bool(clear(gap)), undecidable + (not clear(gap))
            continue
        # One double of time, both ways.
        blur = 2.0 * math.ulp(time) * abs(slope) if time > 0.0 and not jumps else 0
        beyond = max(abs(gap) - blur, 0) if not jumps and time > 0.0 else max(-gap, 0)
        if held > time or (clear(beyond) and (gap < 0 or not at)):
            invented += 1
        else:
            if cell.scale() > 0 and not (at and gap > 0):
                error = max(error, beyond / cell.scale())
        cell.restart()
        release = time + lif.t_refractory
        held = release if release > time else -math.inf
        if held == math.inf:
            break
    return Check(1, sum(map(len, arrivals.values())), len(spikes), missed, invented, undecidable, float(error))
