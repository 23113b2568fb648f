"""Leaky integrate-and-fire, exponential synapses, time constants within 5 % of each other, equal included.

The basis of `lif_exp` divides by tau_mem - tau_syn and cancels (errors of 4e-9 at a ratio of
1 + 1e-6). With a = 1/tau_mem, b = 1/tau_syn, delta = b - a and the divided differences
E(t) = (1 - e^(-delta t)) / delta, G(s) = (e^(delta s) - 1) / delta (both by expm1; t and s at
delta = 0) the same membrane reads phi = (e^(-a t), a e^(-a t) E(t)), psi = (-a e^(a s) G(s), e^(b s)).
The current is c1 e^(-b t), so a reset, which moves c0 alone, cannot leave a rounding error in it.
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
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    slow = math.exp(-t / tau_mem)
    return slow, slow * _fall(delta, t) / tau_mem


@closed_form
def psi(tau_mem, tau_syn, s):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    return -math.exp(s / tau_mem) * _rise(delta, s) / tau_mem, math.exp(s / tau_syn)


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    growth = math.exp(s / tau_syn)
    return -(math.exp(s / tau_mem) * _rise(delta, s) / tau_mem + growth) / tau_mem, growth / tau_syn


@closed_form
def own(tau_mem, tau_syn, s):
    return math.exp(s / tau_mem), 0.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    slow = math.exp(-period / tau_mem)
    return slow * (c0 + c1 * _fall(delta, period) / tau_mem), c1 * math.exp(-period / tau_syn)


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    return math.exp(-t / tau_mem) * (c0 + c1 * _fall(delta, t) / tau_mem), c1 * math.exp(-t / tau_syn)
