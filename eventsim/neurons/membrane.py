"""The membrane of every regime behind one set of names: an integer regime picks the closed form.

A neuron is two accumulators (c0, c1) and its membrane a dot product,

    V(t) = v_inf + c . phi(t) + drive t,        an arrival of weight w at s adds w psi(s) to c,

with t and s counted from an *origin*. `drive` is i_offset where tau_mem = inf and 0 elsewhere (there
it is part of v_inf). Origins sit at the multiples of a `period` that belongs to the population, so
that the exponentials stay between e^-16 and e^16; `advance` moves a state from one to the next.
`local` returns v = V - v_inf and the current I at a time; `slope` and `crossing` need no more than
these two and are free of any origin.

The formulas are in one file a regime: `if_delta`, `lif_delta`, `ramp`, `if_exp`, `lif_step`,
`lif_exp`, `lif_near` (with `two_exponentials`). Two receptors (`PAIR`) have a third accumulator and are not
solved here: `receptors` has the names that serve both.
"""

import math

from eventsim._jit import closed_form
from eventsim.neurons import if_delta, if_exp, lif_delta, lif_exp, lif_near, lif_step, ramp, two_exponentials

IF_DELTA = 0
LIF_DELTA = 1
RAMP = 2
IF_EXP = 3
LIF_STEP = 4
LIF_EXP = 5
LIF_NEAR = 6
PAIR = 7

NAMES = ("IF, delta synapses", "LIF, delta synapses", "ramp", "IF, exponential synapses",
         "LIF, step currents", "LIF, exponential synapses", "LIF, exponential synapses, near-equal taus",
         "two receptors")

NEAR = 0.05
"""Time constants closer than this (relative) use the divided-difference basis."""

PERIOD_WITHOUT_TAU = 64.0
"""Distance of the origins (ms) where no time constant sets one."""

_FLOOR = 1e-290


def regime_of(tau_mem, tau_syn, tau_two=math.nan):
    """Return the regime of the time constants (ms); `tau_two`: of the second receptor, NaN where there is none."""
    if not math.isnan(tau_two):
        return PAIR
    if tau_syn == 0.0:
        return IF_DELTA if math.isinf(tau_mem) else LIF_DELTA
    if math.isinf(tau_mem):
        return RAMP if math.isinf(tau_syn) else IF_EXP
    if math.isinf(tau_syn):
        return LIF_STEP
    return LIF_NEAR if abs(tau_mem - tau_syn) < NEAR * max(tau_mem, tau_syn) else LIF_EXP


def has_current(regime):
    """Return whether arrivals feed a current (so that spike times are differentiable in the weights)."""
    return regime not in (IF_DELTA, LIF_DELTA)


def period_of(tau_mem, tau_syn, tau_two=math.nan):
    """Return the distance of the origins (ms): a power of two, 8 to 16 of the shortest time constant.

    A power of two makes n * period and t - n * period exact.
    """
    finite = [tau for tau in (tau_mem, tau_syn, tau_two) if 0.0 < tau < math.inf]
    if not finite:
        return PERIOD_WITHOUT_TAU
    return 2.0 ** math.floor(math.log2(16.0 * min(finite)))


@closed_form
def phi(regime, tau_mem, tau_syn, t):
    """Return the read-out vector at t (ms after the origin)."""
    if regime == LIF_EXP:
        return lif_exp.phi(tau_mem, tau_syn, t)
    if regime == RAMP:
        return ramp.phi(tau_mem, tau_syn, t)
    if regime == IF_EXP:
        return if_exp.phi(tau_mem, tau_syn, t)
    if regime == LIF_NEAR:
        return lif_near.phi(tau_mem, tau_syn, t)
    if regime == LIF_STEP:
        return lif_step.phi(tau_mem, tau_syn, t)
    if regime == LIF_DELTA:
        return lif_delta.phi(tau_mem, tau_syn, t)
    return if_delta.phi(tau_mem, tau_syn, t)


@closed_form
def psi(regime, tau_mem, tau_syn, s):
    """Return what an arrival of weight 1 at s adds to the accumulators."""
    if regime == LIF_EXP:
        return lif_exp.psi(tau_mem, tau_syn, s)
    if regime == RAMP:
        return ramp.psi(tau_mem, tau_syn, s)
    if regime == IF_EXP:
        return if_exp.psi(tau_mem, tau_syn, s)
    if regime == LIF_NEAR:
        return lif_near.psi(tau_mem, tau_syn, s)
    if regime == LIF_STEP:
        return lif_step.psi(tau_mem, tau_syn, s)
    if regime == LIF_DELTA:
        return lif_delta.psi(tau_mem, tau_syn, s)
    return if_delta.psi(tau_mem, tau_syn, s)


@closed_form
def psi_slope(regime, tau_mem, tau_syn, s):
    """Return d psi / ds."""
    if regime == LIF_EXP:
        return lif_exp.psi_slope(tau_mem, tau_syn, s)
    if regime == RAMP:
        return ramp.psi_slope(tau_mem, tau_syn, s)
    if regime == IF_EXP:
        return if_exp.psi_slope(tau_mem, tau_syn, s)
    if regime == LIF_NEAR:
        return lif_near.psi_slope(tau_mem, tau_syn, s)
    if regime == LIF_STEP:
        return lif_step.psi_slope(tau_mem, tau_syn, s)
    if regime == LIF_DELTA:
        return lif_delta.psi_slope(tau_mem, tau_syn, s)
    return if_delta.psi_slope(tau_mem, tau_syn, s)


@closed_form
def own(regime, tau_mem, tau_syn, s):
    """Return what a jump of V by 1 at s adds to the accumulators."""
    if regime == LIF_EXP:
        return lif_exp.own(tau_mem, tau_syn, s)
    if regime == RAMP:
        return ramp.own(tau_mem, tau_syn, s)
    if regime == IF_EXP:
        return if_exp.own(tau_mem, tau_syn, s)
    if regime == LIF_NEAR:
        return lif_near.own(tau_mem, tau_syn, s)
    if regime == LIF_STEP:
        return lif_step.own(tau_mem, tau_syn, s)
    if regime == LIF_DELTA:
        return lif_delta.own(tau_mem, tau_syn, s)
    return if_delta.own(tau_mem, tau_syn, s)


@closed_form
def _kept(before0, before1, after0, after1):
    """Return the second pair, but the first where both values, which only decay, have become negligible.

    Their sign decides at rest: a membrane that nears a threshold equal to v_inf from below must stay below
    it for ever. So the state as a whole stands still before it underflows.
    """
    if abs(after0) < _FLOOR and abs(after1) < _FLOOR:
        return before0, before1
    return after0, after1


@closed_form
def advance(regime, tau_mem, tau_syn, period, drive, c0, c1):
    """Return the accumulators after the origin has moved by one period."""
    if regime == LIF_EXP:
        a0, a1 = lif_exp.advance(tau_mem, tau_syn, period, drive, c0, c1)
        return _kept(c0, c1, a0, a1)
    if regime == RAMP:
        return ramp.advance(tau_mem, tau_syn, period, drive, c0, c1)
    if regime == IF_EXP:
        a0, a1 = if_exp.advance(tau_mem, tau_syn, period, drive, c0, c1)
        return a0, _kept(0.0, c1, 0.0, a1)[1]
    if regime == LIF_NEAR:
        a0, a1 = lif_near.advance(tau_mem, tau_syn, period, drive, c0, c1)
        return _kept(c0, c1, a0, a1)
    if regime == LIF_STEP:
        a0, a1 = lif_step.advance(tau_mem, tau_syn, period, drive, c0, c1)
        return a0, _kept(0.0, c1, 0.0, a1)[1]
    if regime == LIF_DELTA:
        a0, a1 = lif_delta.advance(tau_mem, tau_syn, period, drive, c0, c1)
        return _kept(c0, c1, a0, a1)
    return if_delta.advance(tau_mem, tau_syn, period, drive, c0, c1)


@closed_form
def local(regime, tau_mem, tau_syn, drive, c0, c1, t):
    """Return (V - v_inf, I) at t after the origin."""
    if regime == LIF_EXP:
        return lif_exp.local(tau_mem, tau_syn, drive, c0, c1, t)
    if regime == RAMP:
        return ramp.local(tau_mem, tau_syn, drive, c0, c1, t)
    if regime == IF_EXP:
        return if_exp.local(tau_mem, tau_syn, drive, c0, c1, t)
    if regime == LIF_NEAR:
        return lif_near.local(tau_mem, tau_syn, drive, c0, c1, t)
    if regime == LIF_STEP:
        return lif_step.local(tau_mem, tau_syn, drive, c0, c1, t)
    if regime == LIF_DELTA:
        return lif_delta.local(tau_mem, tau_syn, drive, c0, c1, t)
    return if_delta.local(tau_mem, tau_syn, drive, c0, c1, t)


@closed_form
def slope(regime, tau_mem, tau_syn, drive, v, i):
    """Return V' (V/ms) where V - v_inf = v and the current is i."""
    if regime == LIF_EXP or regime == LIF_NEAR:
        return two_exponentials.slope(tau_mem, tau_syn, drive, v, i)
    if regime == RAMP:
        return ramp.slope(tau_mem, tau_syn, drive, v, i)
    if regime == IF_EXP:
        return if_exp.slope(tau_mem, tau_syn, drive, v, i)
    if regime == LIF_STEP:
        return lif_step.slope(tau_mem, tau_syn, drive, v, i)
    if regime == LIF_DELTA:
        return lif_delta.slope(tau_mem, tau_syn, drive, v, i)
    return if_delta.slope(tau_mem, tau_syn, drive, v, i)


@closed_form
def crossing(regime, tau_mem, tau_syn, drive, theta, v, i):
    """Return the time (ms, >= 0) until V first reaches the threshold without further input; inf: never.

    theta = v_threshold - v_inf, finite; v = V - v_inf and i = I now.
    """
    if v >= theta:
        return 0.0
    if regime == LIF_EXP or regime == LIF_NEAR:
        return two_exponentials.crossing(tau_mem, tau_syn, drive, theta, v, i)
    if regime == RAMP:
        return ramp.crossing(tau_mem, tau_syn, drive, theta, v, i)
    if regime == IF_EXP:
        return if_exp.crossing(tau_mem, tau_syn, drive, theta, v, i)
    if regime == LIF_STEP:
        return lif_step.crossing(tau_mem, tau_syn, drive, theta, v, i)
    if regime == LIF_DELTA:
        return lif_delta.crossing(tau_mem, tau_syn, drive, theta, v, i)
    return if_delta.crossing(tau_mem, tau_syn, drive, theta, v, i)


@closed_form
def out_of_reach(regime, tau_mem, tau_syn, drive, theta, v, i):
    """Return whether no crossing can come without further input, by a margin above rounding.

    The margin (1e-9) is what lets an engine skip the moves of origin of a quiet neuron: rounding
    cannot turn the answer of `crossing` at a later origin into a spike.
    """
    if regime == LIF_EXP or regime == LIF_NEAR:
        return two_exponentials.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)
    if regime == RAMP:
        return ramp.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)
    if regime == IF_EXP:
        return if_exp.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)
    if regime == LIF_STEP:
        return lif_step.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)
    if regime == LIF_DELTA:
        return lif_delta.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)
    return if_delta.out_of_reach(tau_mem, tau_syn, drive, theta, v, i)


@closed_form
def earliest(regime, tau_mem, tau_syn, drive, theta, v, i):
    """Return a lower bound (ms) on a positive `crossing`, without transcendental functions; 0: none known.

    With I replaced by its largest value to come, max(I, 0), V only gets larger, and is then concave or
    linear: it lies below its tangent. The threshold is taken lower by more than the rounding of V, which
    decides where V is about to cross: there the time that `crossing` computes may come before the tangent's.
    """
    rate = slope(regime, tau_mem, tau_syn, drive, v, max(i, 0.0))
    gap = theta - v - 1e-9 * (abs(theta) + abs(v))
    if gap <= 0.0 or rate <= 0.0:
        return 0.0
    return gap / rate * (1.0 - 1e-9)
