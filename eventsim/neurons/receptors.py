"""The membrane as the engines call it: one or two receptors, three accumulators.

A population with one receptor is solved by its regime in `membrane`, to the last bit; its third accumulator, its
second current and `tau_two` are 0. One with two receptors has the regime `membrane.PAIR` (`pair`,
`pair_crossing`).
"""

from eventsim._jit import closed_form
from eventsim.neurons import membrane, pair, pair_crossing
from eventsim.neurons.membrane import PAIR


@closed_form
def psi(regime, tau_mem, tau_syn, tau_two, receptor, s):
    """Return what an arrival of weight 1 at a receptor (0 or 1) at s adds to the accumulators."""
    if regime == PAIR:
        return pair.psi(tau_mem, tau_syn, tau_two, receptor, s)
    p0, p1 = membrane.psi(regime, tau_mem, tau_syn, s)
    return p0, p1, 0.0


@closed_form
def psi_slope(regime, tau_mem, tau_syn, tau_two, receptor, s):
    """Return d psi / ds of a receptor with a current."""
    if regime == PAIR:
        return pair.psi_slope(tau_mem, tau_syn, tau_two, receptor, s)
    d0, d1 = membrane.psi_slope(regime, tau_mem, tau_syn, s)
    return d0, d1, 0.0


@closed_form
def own(regime, tau_mem, tau_syn, tau_two, s):
    """Return what a jump of V by 1 at s adds to the first two accumulators; the third never changes by it."""
    if regime == PAIR:
        return pair.own(tau_mem, s)
    return membrane.own(regime, tau_mem, tau_syn, s)


@closed_form
def phi(regime, tau_mem, tau_syn, tau_two, t):
    """Return the read-out vector at t (ms after the origin)."""
    if regime == PAIR:
        return pair.phi(tau_mem, tau_syn, tau_two, t)
    f0, f1 = membrane.phi(regime, tau_mem, tau_syn, t)
    return f0, f1, 0.0


@closed_form
def advance(regime, tau_mem, tau_syn, tau_two, period, drive, c0, c1, c2):
    """Return the accumulators after the origin has moved by one period."""
    if regime == PAIR:
        return pair.advance(tau_mem, tau_syn, tau_two, period, drive, c0, c1, c2)
    c0, c1 = membrane.advance(regime, tau_mem, tau_syn, period, drive, c0, c1)
    return c0, c1, 0.0


@closed_form
def local(regime, tau_mem, tau_syn, tau_two, drive, c0, c1, c2, t):
    """Return V - v_inf and the two currents at t after the origin."""
    if regime == PAIR:
        return pair.local(tau_mem, tau_syn, tau_two, drive, c0, c1, c2, t)
    v, i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, t)
    return v, i, 0.0


@closed_form
def slope(regime, tau_mem, tau_syn, tau_two, drive, v, i, i2):
    """Return V' (V/ms) where V - v_inf = v and the currents are i and i2."""
    if regime == PAIR:
        return pair.slope(tau_mem, drive, v, i, i2)
    return membrane.slope(regime, tau_mem, tau_syn, drive, v, i)


@closed_form
def crossing(regime, tau_mem, tau_syn, tau_two, drive, theta, v, i, i2):
    """Return the time (ms, >= 0) until V first reaches the threshold without further input; inf: never.

    theta = v_threshold - v_inf, finite; v = V - v_inf and the currents i, i2 now.
    """
    if regime == PAIR:
        if v >= theta:
            return 0.0
        return pair_crossing.crossing(tau_mem, tau_syn, tau_two, drive, theta, v, i, i2)
    return membrane.crossing(regime, tau_mem, tau_syn, drive, theta, v, i)


@closed_form
def out_of_reach(regime, tau_mem, tau_syn, tau_two, drive, theta, v, i, i2):
    """Return whether no crossing can come without further input, by a margin above rounding (see `membrane`)."""
    if regime == PAIR:
        return pair.out_of_reach(tau_mem, tau_syn, tau_two, drive, theta, v, i, i2)
    return membrane.out_of_reach(regime, tau_mem, tau_syn, drive, theta, v, i)


@closed_form
def earliest(regime, tau_mem, tau_syn, tau_two, drive, theta, v, i, i2):
    """Return a lower bound (ms) on a positive `crossing`, without transcendental functions; 0: none known.

    The bound of `membrane.earliest`, each current replaced by the largest value it has to come. A current that
    never decays may be large beside the threshold: the crossing is then as exact as their difference.
    """
    if regime != PAIR:
        return membrane.earliest(regime, tau_mem, tau_syn, drive, theta, v, i)
    rate = pair.slope(tau_mem, drive, v, pair.highest_current(tau_syn, i), pair.highest_current(tau_two, i2))
    gap = theta - v - 1e-9 * (abs(theta) + abs(v)) - 1e-14 * (abs(i) + abs(i2))
    if gap <= 0.0 or rate <= 0.0:
        return 0.0
    return gap / rate * (1.0 - 1e-9)
