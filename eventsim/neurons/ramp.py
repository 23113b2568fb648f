"""The ramp, "ReL-PSP" (tau_mem = tau_syn = inf): ``dV/dt = I + i_offset``, an arrival adds to I, which never decays.

Basis: phi = (t, -1), psi = (1, s); V(t) = c0 t - c1 + i_offset t. The crossing is linear:
T = (theta + sum w_i t_i) / sum w_i (Zhang et al., "Rectified linear postsynaptic potential function
for backpropagation in deep spiking neural networks", IEEE TNNLS 2021).
"""

import math

from eventsim._jit import closed_form


@closed_form
def phi(tau_mem, tau_syn, t):
    return t, -1.0


@closed_form
def psi(tau_mem, tau_syn, s):
    return 1.0, s


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return 0.0, 1.0


@closed_form
def own(tau_mem, tau_syn, s):
    return 0.0, -1.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0, c1 - c0 * period - drive * period


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    return c0 * t - c1 + drive * t, c0


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return i + drive


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    rate = i + drive
    if rate <= 0.0:
        return math.inf
    return (theta - v) / rate


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    return i + drive <= 0.0 and v < theta - 1e-9 * (abs(theta) + abs(v) + abs(i))
