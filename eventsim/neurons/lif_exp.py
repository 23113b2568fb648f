"""Leaky integrate-and-fire, exponential synapses, time constants apart by 5 % or more.

``tau_mem dV/dt = v_inf - V + I``, ``tau_syn dI/dt = -I``. With k = tau_syn / (tau_mem - tau_syn):
phi = k (e^(-t/tau_mem), -e^(-t/tau_syn)), psi = (e^(s/tau_mem), e^(s/tau_syn)). Closer time
constants cancel in this basis: `lif_near`, which shares the crossing of `two_exponentials`.
"""

import math

from eventsim._jit import closed_form


@closed_form
def phi(tau_mem, tau_syn, t):
    k = tau_syn / (tau_mem - tau_syn)
    return k * math.exp(-t / tau_mem), -k * math.exp(-t / tau_syn)


@closed_form
def psi(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem), math.exp(s / tau_syn)


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem) / tau_mem, math.exp(s / tau_syn) / tau_syn


@closed_form
def own(tau_mem, tau_syn, s):
    return (tau_mem - tau_syn) / tau_syn * math.exp(s / tau_mem), 0.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0 * math.exp(-period / tau_mem), c1 * math.exp(-period / tau_syn)


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    k = tau_syn / (tau_mem - tau_syn)
    i = c1 * math.exp(-t / tau_syn)
    return k * (c0 * math.exp(-t / tau_mem) - i), i
