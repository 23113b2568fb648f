"""Integrate-and-fire, delta synapses (tau_mem = inf, tau_syn = 0): ``dV/dt = i_offset``, an arrival adds to V.

Basis: phi = 1, psi = 1; V(t) = c0 + i_offset t. The threshold is met at an arrival, or linearly in
time under a positive offset.
"""

import math

from eventsim._jit import closed_form


@closed_form
def phi(tau_mem, tau_syn, t):
    return 1.0, 0.0


@closed_form
def psi(tau_mem, tau_syn, s):
    return 1.0, 0.0


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return 0.0, 0.0


@closed_form
def own(tau_mem, tau_syn, s):
    return 1.0, 0.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0 + drive * period, 0.0


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    return c0 + drive * t, 0.0


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return drive


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    if drive <= 0.0:
        return math.inf
    return (theta - v) / drive


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    return drive <= 0.0 and v < theta - 1e-9 * (abs(theta) + abs(v))
