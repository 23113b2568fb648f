"""What a current, or a potential, of 1 does to V later, and how that moves with the time constants.

With a = 1 / tau_mem and b = 1 / tau_syn (0 where a time constant is inf), u ms after it a current of 1 causes K(u)
and a potential of 1 causes D(u):

    leaky:    D = e^(-a u),   K = a times the integral over v in [0, u] of e^(-a (u - v)) e^(-b v)
    no leak:  D = 1,          K =          the integral over v in [0, u] of e^(-b v)

All of it comes from M_n(x), the integral over y in [0, 1] of y^n e^(-x y), so that nothing cancels where two time
constants meet. These forms serve gradients by time constants and losses on an integral of V; the engines have
their own (`membrane`).
"""

import math

from eventsim._jit import closed_form

_SERIES = 2.0
"""Up to this x the power series of M_n is exact to some 4e-16; beyond it the recurrence is."""

_TERMS = 26


@closed_form
def rate(tau):
    """Return 1 / tau; 0 for inf."""
    return 0.0 if math.isinf(tau) else 1.0 / tau


@closed_form
def moment(n, x):
    """Return M_n(x) for x >= 0, n = 0, 1 or 2."""
    if n == 0:
        return 1.0 if x == 0.0 else -math.expm1(-x) / x
    if x > _SERIES:
        end = math.exp(-x)
        value = -math.expm1(-x) / x
        for k in range(1, n + 1):
            value = (k * value - end) / x
        return value
    total, term = 0.0, 1.0
    for k in range(_TERMS):
        total += term / (n + k + 1)
        term *= -x / (k + 1)
    return total


@closed_form
def convolved(a, b, u):
    """Return the integral over v in [0, u] of e^(-a (u - v)) e^(-b v), and its derivatives by a and by b."""
    x = abs(b - a) * u
    decay = math.exp(-min(a, b) * u)
    value = u * decay * moment(0, x)
    by_faster = -u * u * decay * moment(1, x)
    by_slower = -u * value - by_faster
    if b >= a:
        return value, by_slower, by_faster
    return value, by_faster, by_slower


@closed_form
def of_current(tau_mem, tau_syn, u):
    """Return K(u) and its derivatives by tau_mem and by tau_syn (0 where that is inf)."""
    a, b = rate(tau_mem), rate(tau_syn)
    value, by_a, by_b = convolved(a, b, u)
    if a == 0.0:
        return value, 0.0, -by_b * b * b
    return a * value, -a * a * (value + a * by_a), -a * by_b * b * b


@closed_form
def of_potential(tau_mem, u):
    """Return D(u) and its derivative by tau_mem."""
    a = rate(tau_mem)
    value = math.exp(-a * u)
    return value, a * a * u * value


@closed_form
def of_drive(tau_mem, u):
    """Return what an i_offset of 1 adds to V within u ms, and its derivative by tau_mem."""
    if math.isinf(tau_mem):
        return u, 0.0
    a = 1.0 / tau_mem
    return -math.expm1(-a * u), -a * a * u * math.exp(-a * u)


@closed_form
def integral_of_potential(tau_mem, tau, span):
    """Return the integral of e^(-u / tau) D(u) over [0, span], and its derivative by tau_mem."""
    value, _, by_b = convolved(0.0, rate(tau_mem) + rate(tau), span)
    return value, -by_b * rate(tau_mem) ** 2


@closed_form
def integral_of_drive(tau_mem, tau, span):
    """Return what an i_offset of 1 adds to the integral of e^(-t / tau) V over [0, span], and its derivative."""
    a, b = rate(tau_mem), rate(tau)
    if a == 0.0:
        return span * span * moment(1, b * span), 0.0
    whole, _, _ = convolved(0.0, b, span)
    part, _, by_b = convolved(0.0, a + b, span)
    return whole - part, by_b * a * a


@closed_form
def integral_of_current(tau_mem, tau_syn, tau, span):
    """Return the integral of e^(-u / tau) K(u) over [0, span], and its derivatives by tau_mem and by tau_syn.

    With a and b larger by 1 / tau each, exchanging the two integrals gives
    (integral of e^(-b v) - integral of e^(-a (span - v)) e^(-b v)) / a, times 1 / tau_mem where there is a leak.
    """
    leak, fall = rate(tau_mem), rate(tau_syn)
    a, b = leak + rate(tau), fall + rate(tau)
    whole, _, whole_by_b = convolved(0.0, b, span)
    if a == 0.0:  # the integral of (span - v) e^(-b v)
        by_b = span * whole_by_b + span**3 * moment(2, b * span)
        return span * whole + whole_by_b, 0.0, -by_b * fall * fall
    part, part_by_a, part_by_b = convolved(a, b, span)
    scale = (leak if leak > 0.0 else 1.0) / a
    value, by_syn = scale * (whole - part), -scale * (whole_by_b - part_by_b) * fall * fall
    if leak == 0.0:
        return value, 0.0, by_syn
    by_leak = (value / leak) - scale * ((whole - part) / a + part_by_a)
    return value, -by_leak * leak * leak, by_syn
