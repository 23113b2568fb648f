"""Leaky integrate-and-fire, exponential synapses, time constants within 5 % of each other, equal included.

The basis of `lif_exp` divides by tau_mem - tau_syn and cancels (errors of 4e-9 at a ratio of
1 + 1e-6). With a = 1/tau_mem, delta = 1/tau_syn - 1/tau_mem and the divided differences
E(t) = (1 - e^(-delta t)) / delta, G(s) = (e^(delta s) - 1) / delta (both by expm1; t and s at
delta = 0) the same membrane reads phi = a (e^(-a t) E(t), -e^(-t/tau_syn)), psi = e^(a s) (1, G(s)).
"""

import math

from eventsim._jit import closed_form


@closed_form
def _fall(delta, t):
    return t if delta == 0.0 else -math.expm1(-delta * t) / delta


@closed_form
def _rise(delta, s):
    return s if delta == 0.0 else math.expm1(delta * s) / delta


@closed_form
def phi(tau_mem, tau_syn, t):
    a = 1.0 / tau_mem
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    return a * math.exp(-t / tau_mem) * _fall(delta, t), -a * math.exp(-t / tau_syn)


@closed_form
def psi(tau_mem, tau_syn, s):
    growth = math.exp(s / tau_mem)
    return growth, growth * _rise((tau_mem - tau_syn) / (tau_mem * tau_syn), s)


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    a = 1.0 / tau_mem
    growth = math.exp(s / tau_mem)
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    rise = _rise(delta, s)
    return a * growth, growth * (a * rise + 1.0 + delta * rise)


@closed_form
def own(tau_mem, tau_syn, s):
    growth = tau_mem * math.exp(s / tau_mem)
    return (tau_mem - tau_syn) / (tau_mem * tau_syn) * growth, -growth


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    kept = c0 * math.exp(-period / tau_mem)
    return kept, c1 * math.exp(-period / tau_syn) - kept * _fall(delta, period)


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    slow = math.exp(-t / tau_mem)
    fast = math.exp(-t / tau_syn)
    return (c0 * slow * _fall(delta, t) - c1 * fast) / tau_mem, fast * (c0 + delta * c1)
