"""Leaky integrate-and-fire, currents that never decay (tau_syn = inf): ``tau_mem dV/dt = v_inf - V + I``.

Basis: phi = (1, -e^(-t/tau_mem)), psi = (1, e^(s/tau_mem)). V relaxes towards v_inf + I, so the
crossing is ``tau_mem ln((v_inf + I - V) / (v_inf + I - v_threshold))`` where v_inf + I lies above it.
A membrane that nears v_inf + I from below stays below it: a threshold of just that height is not reached.
"""

import math

from eventsim._jit import closed_form

_LOWER = 1.2e-16
"""Just more than half the distance to the next lower double, relative."""


@closed_form
def phi(tau_mem, tau_syn, t):
    return 1.0, -math.exp(-t / tau_mem)


@closed_form
def psi(tau_mem, tau_syn, s):
    return 1.0, math.exp(s / tau_mem)


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return 0.0, math.exp(s / tau_mem) / tau_mem


@closed_form
def own(tau_mem, tau_syn, s):
    return 0.0, -math.exp(s / tau_mem)


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0, c1 * math.exp(-period / tau_mem)


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    gap = c1 * math.exp(-t / tau_mem)
    v = c0 - gap
    if v == c0 and gap > 0.0:
        v -= abs(v) * _LOWER
    return v, c0


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return (i - v) / tau_mem


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    if i <= theta:
        return math.inf
    return tau_mem * math.log1p((theta - v) / (i - theta))


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    limit = theta - 1e-9 * (abs(theta) + abs(v) + abs(i))
    return v < limit and i < limit
