"""Two receptors, each with a time constant of its own, on one membrane: three accumulators.

    tau_mem dV/dt = v_inf - V + I_1 + I_2   (tau_mem = inf: dV/dt = I_1 + I_2 + i_offset),   tau_r dI_r/dt = -I_r

With a = 1/tau_mem (0 where tau_mem = inf), b_r = 1/tau_r and delta_r = b_r - a:

    V(t) - v_inf = e^(-a t) c0 + c1 u_1(t) + c2 u_2(t) + drive t,        I_r(t) = c_r e^(-b_r t)

An arrival of weight 1 at receptor r adds psi0 to c0 and psi_r to c_r:

    receptor                   u(t)                  psi0(s)              psi_r(s)
    delta (tau_r = 0)          none                  e^(a s)              none
    step (tau_r = inf)         1                     -e^(a s)             1
    near (within 5 %)          a e^(-a t) E(t)       -a e^(a s) G(s)      e^(b s)
    apart                      -k e^(-b t)           k e^(a s)            e^(b s)       k = tau_r / (tau_mem - tau_r)
    tau_mem = inf              -tau_r e^(-b t)       tau_r                e^(b s)
    ramp (both inf)            t                     -s                   1

with E, G as in `lif_near`. What the regimes of one receptor take care of holds here too: a jump that just
reaches the threshold reaches it (`lif_delta`); a limit that V nears from below is not reached (`lif_step`,
`if_exp`); V - v_inf keeps its sign where it underflows (`membrane`). The crossing: `pair_crossing`.
"""

import math

from eventsim._jit import closed_form

_NEAR = 0.05
"""As `membrane.NEAR`: closer time constants (relative) use divided differences."""

_UP = 1.0 + 2.0**-50
"""How much a jump is enlarged, see `lif_delta`."""

_LOWER = 1.2e-16
"""Just more than half the distance to the next lower double, relative."""

_FLOOR = 1e-290
"""What decays stands still before it gets smaller than this."""


@closed_form
def _near(tau_mem, tau):
    return abs(tau_mem - tau) < _NEAR * max(tau_mem, tau)


@closed_form
def _fall(tau_mem, tau, t):
    """Return a E(t)."""
    delta = (tau_mem - tau) / (tau_mem * tau)
    return (t if delta == 0.0 else -math.expm1(-delta * t) / delta) / tau_mem


@closed_form
def _rise(tau_mem, tau, s):
    """Return a G(s)."""
    delta = (tau_mem - tau) / (tau_mem * tau)
    return (s if delta == 0.0 else math.expm1(delta * s) / delta) / tau_mem


@closed_form
def _current(tau, c, t):
    if tau == 0.0:
        return 0.0
    return c if math.isinf(tau) else c * math.exp(-t / tau)


@closed_form
def _arrival(tau_mem, tau, s):
    """Return (psi0, psi_r) of one receptor."""
    if math.isinf(tau_mem):
        if tau == 0.0:
            return 1.0, 0.0
        return (-s, 1.0) if math.isinf(tau) else (tau, math.exp(s / tau))
    growth = math.exp(s / tau_mem)
    if tau == 0.0:
        return growth * _UP, 0.0
    if math.isinf(tau):
        return -growth, 1.0
    if _near(tau_mem, tau):
        return -growth * _rise(tau_mem, tau, s), math.exp(s / tau)
    return tau / (tau_mem - tau) * growth, math.exp(s / tau)


@closed_form
def _readout(tau_mem, tau, t):
    """Return u(t) of one receptor."""
    if tau == 0.0:
        return 0.0
    if math.isinf(tau_mem):
        return t if math.isinf(tau) else -tau * math.exp(-t / tau)
    if math.isinf(tau):
        return 1.0
    if _near(tau_mem, tau):
        return math.exp(-t / tau_mem) * _fall(tau_mem, tau, t)
    return -tau / (tau_mem - tau) * math.exp(-t / tau)


@closed_form
def psi(tau_mem, tau_syn, tau_two, receptor, s):
    if receptor == 0:
        p0, p1 = _arrival(tau_mem, tau_syn, s)
        return p0, p1, 0.0
    p0, p2 = _arrival(tau_mem, tau_two, s)
    return p0, 0.0, p2


@closed_form
def _arrival_slope(tau_mem, tau, s):
    """Return d (psi0, psi_r) / ds of one receptor with a current."""
    if math.isinf(tau_mem):
        return (-1.0, 0.0) if math.isinf(tau) else (0.0, math.exp(s / tau) / tau)
    growth = math.exp(s / tau_mem)
    if math.isinf(tau):
        return -growth / tau_mem, 0.0
    current = math.exp(s / tau)
    if _near(tau_mem, tau):
        return -(growth * _rise(tau_mem, tau, s) + current) / tau_mem, current / tau
    return tau / (tau_mem - tau) * growth / tau_mem, current / tau


@closed_form
def psi_slope(tau_mem, tau_syn, tau_two, receptor, s):
    if receptor == 0:
        d0, d1 = _arrival_slope(tau_mem, tau_syn, s)
        return d0, d1, 0.0
    d0, d2 = _arrival_slope(tau_mem, tau_two, s)
    return d0, 0.0, d2


@closed_form
def own(tau_mem, s):
    return (1.0 if math.isinf(tau_mem) else math.exp(s / tau_mem)), 0.0


@closed_form
def phi(tau_mem, tau_syn, tau_two, t):
    slow = 1.0 if math.isinf(tau_mem) else math.exp(-t / tau_mem)
    return slow, _readout(tau_mem, tau_syn, t), _readout(tau_mem, tau_two, t)


@closed_form
def _carried(tau_mem, tau, c, period):
    """Return what the current of one receptor adds to c0 in a period, beside its decay."""
    if math.isinf(tau_mem):
        return c * period if math.isinf(tau) else 0.0
    if 0.0 < tau < math.inf and _near(tau_mem, tau):
        return c * _fall(tau_mem, tau, period)
    return 0.0


@closed_form
def advance(tau_mem, tau_syn, tau_two, period, drive, c0, c1, c2):
    carried = c0 + _carried(tau_mem, tau_syn, c1, period) + _carried(tau_mem, tau_two, c2, period)
    a1, a2 = _current(tau_syn, c1, period), _current(tau_two, c2, period)
    leaky = not math.isinf(tau_mem)
    a0 = math.exp(-period / tau_mem) * carried if leaky else carried + drive * period
    still1, still2 = math.isinf(tau_syn) or abs(a1) < _FLOOR, math.isinf(tau_two) or abs(a2) < _FLOOR
    if still1 and still2 and (not leaky or abs(a0) < _FLOOR):
        return (c0 if leaky else a0), c1, c2
    return a0, a1, a2


@closed_form
def _parts(tau_mem, tau, slow, c, t):
    """Return of one receptor: its current, and its share of V that decays, stays, and grows with t."""
    if tau == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    if math.isinf(tau):
        return (c, 0.0, 0.0, c) if math.isinf(tau_mem) else (c, 0.0, c, 0.0)
    i = c * math.exp(-t / tau)
    if math.isinf(tau_mem):
        return i, -tau * i, 0.0, 0.0
    if _near(tau_mem, tau):
        return i, slow * (c * _fall(tau_mem, tau, t)), 0.0, 0.0
    return i, -tau / (tau_mem - tau) * i, 0.0, 0.0


@closed_form
def local(tau_mem, tau_syn, tau_two, drive, c0, c1, c2, t):
    leaky = not math.isinf(tau_mem)
    slow = math.exp(-t / tau_mem) if leaky else 1.0
    i1, decaying1, level1, rate1 = _parts(tau_mem, tau_syn, slow, c1, t)
    i2, decaying2, level2, rate2 = _parts(tau_mem, tau_two, slow, c2, t)
    decaying, level = decaying1 + decaying2, level1 + level2
    if leaky:
        decaying += c0 * slow
    else:
        level += c0
    v = level + decaying
    if v == level and decaying < 0.0:
        v -= abs(v) * _LOWER
    return v + (rate1 + rate2 + drive) * t, i1, i2


@closed_form
def slope(tau_mem, drive, v, i, i2):
    return i + i2 + drive if math.isinf(tau_mem) else (i + i2 - v) / tau_mem


@closed_form
def highest_current(tau, i):
    """Return the largest current to come of one receptor."""
    return i if math.isinf(tau) else max(i, 0.0)


@closed_form
def out_of_reach(tau_mem, tau_syn, tau_two, drive, theta, v, i, i2):
    if not math.isinf(tau_mem):
        limit = theta - 1e-9 * (abs(theta) + abs(v) + abs(i) + abs(i2))
        return v < limit and highest_current(tau_syn, i) + highest_current(tau_two, i2) < limit
    rate, charge, size = 0.0, 0.0, 0.0
    if math.isinf(tau_syn):
        rate, size = i, abs(i)
    else:
        charge, size = max(i, 0.0) * tau_syn, abs(i) * tau_syn
    if math.isinf(tau_two):
        rate, size = rate + i2, size + abs(i2)
    else:
        charge, size = charge + max(i2, 0.0) * tau_two, size + abs(i2) * tau_two
    return rate + drive <= 0.0 and v + charge < theta - 1e-9 * (abs(theta) + abs(v) + size)
