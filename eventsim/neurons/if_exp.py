"""Integrate-and-fire, exponential synapses (tau_mem = inf): ``dV/dt = I + i_offset``, ``tau_syn dI/dt = -I``.

Basis: phi = tau_syn (1, -e^(-t/tau_syn)), psi = (1, e^(s/tau_syn)). Without offset the crossing is a
logarithm (Mostafa, "Supervised learning based on temporal coding in spiking neural networks", IEEE
TNNLS 2018). With an offset it is a Lambert W, computed here by a bracketed Newton iteration on
``V + I tau_syn (1 - e^(-x/tau_syn)) + i_offset x = theta``, which is concave (I > 0) or convex.

Without offset V tends to V + I tau_syn and stays below it. Where that limit equals the threshold up to
rounding (weights that add up to theta / tau_syn are a common choice) V never gets there.
"""

import math

from eventsim._jit import closed_form

_LOWER = 1.2e-16
"""Just more than half the distance to the next lower double, relative."""

_ROUNDING = 1e-15
"""What the limit of V may be off by, relative to its parts."""


@closed_form
def phi(tau_mem, tau_syn, t):
    return tau_syn, -tau_syn * math.exp(-t / tau_syn)


@closed_form
def psi(tau_mem, tau_syn, s):
    return 1.0, math.exp(s / tau_syn)


@closed_form
def psi_slope(tau_mem, tau_syn, s):
    return 0.0, math.exp(s / tau_syn) / tau_syn


@closed_form
def own(tau_mem, tau_syn, s):
    return 1.0 / tau_syn, 0.0


@closed_form
def advance(tau_mem, tau_syn, period, drive, c0, c1):
    return c0 + drive * period / tau_syn, c1 * math.exp(-period / tau_syn)


@closed_form
def local(tau_mem, tau_syn, drive, c0, c1, t):
    i = c1 * math.exp(-t / tau_syn)
    share = c0 - i
    if share == c0 and i > 0.0:
        share -= abs(share) * _LOWER
    return tau_syn * share + drive * t, i


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return i + drive


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    gap = theta - v
    if drive == 0.0:
        if i <= 0.0:
            return math.inf
        charge = i * tau_syn
        if charge - gap <= _ROUNDING * (abs(theta) + abs(v) + charge):
            return math.inf
        return -tau_syn * math.log1p(-gap / charge)
    if drive < 0.0:
        if i + drive <= 0.0:
            return math.inf
        peak = tau_syn * math.log(i / -drive)
        if tau_syn * (i + drive) + drive * peak < gap:
            return math.inf
        low, high, x = 0.0, peak, gap / (i + drive)
    elif i >= 0.0:
        low, high, x = 0.0, gap / drive, gap / (i + drive)
    else:
        low, high = 0.0, (gap - i * tau_syn) / drive
        x = high
    for _ in range(100):
        decay = math.expm1(-x / tau_syn)
        f = drive * x - i * tau_syn * decay - gap
        rate = drive + i * (decay + 1.0)
        if f >= 0.0:
            high = x
        else:
            low = x
        if rate > 0.0 and abs(f) <= 2.3e-16 * x * rate:
            return x
        new = x - f / rate if rate > 0.0 else low
        if not (low < new < high):
            new = 0.5 * (low + high)
            if new <= low or new >= high:
                return new
        x = new
    return x


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    if drive > 0.0:
        return False
    limit = theta - 1e-9 * (abs(theta) + abs(v) + abs(i) * tau_syn)
    return v < limit and (i <= 0.0 or v + i * tau_syn < limit)
