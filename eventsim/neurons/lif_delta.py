"""Leaky integrate-and-fire, delta synapses (tau_syn = 0): ``tau_mem dV/dt = v_inf - V``, an arrival adds to V.

Basis: phi = e^(-t/tau_mem), psi = e^(s/tau_mem). Between arrivals V relaxes towards v_inf, so the
threshold is met at an arrival, or, where v_inf lies above it, after
``tau_mem ln((v_inf - V) / (v_inf - v_threshold))``.

Touching the threshold counts, and a weight that just equals the distance from rest to threshold is a
common choice. There e^(s/tau_mem) e^(-s/tau_mem) must not round below 1 (plainly rounded it does in one
case of four), so psi is 2^-50 (8.9e-16) larger than the formula.
"""

import math

from eventsim._jit import closed_form

_UP = 1.0 + 2.0**-50


@closed_form
def phi(tau_mem, tau_syn, t):
    return math.exp(-t / tau_mem), 0.0


@closed_form
def psi(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem) * _UP, 0.0


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem) / tau_mem, 0.0


@closed_form
def own(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem), 0.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0 * math.exp(-period / tau_mem), 0.0


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    return c0 * math.exp(-t / tau_mem), 0.0


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return -v / tau_mem


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    if theta >= 0.0:
        return math.inf
    return tau_mem * math.log1p((theta - v) / -theta)


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    return theta > 0.0 and v < theta - 1e-9 * (theta + abs(v))
