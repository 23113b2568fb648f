"""Responses to currents and potentials, and their derivatives by time constants, against mpmath quadrature."""

import math

import hypothesis.strategies as st
import mpmath
import pytest
from hypothesis import given, settings

from eventsim.neurons import response

TAUS = [(20.0, 5.0), (5.0, 20.0), (10.0, 10.0), (10.0, 10.0 + 1e-9), (1000.0, 0.5), (math.inf, 5.0), (10.0, math.inf),
        (math.inf, math.inf)]
SPANS = [0.0, 1e-6, 0.3, 4.0, 60.0]


def rate(tau):
    """Return 1 / tau as mpf."""
    return mpmath.mpf(0) if tau == mpmath.inf else 1 / tau


def membrane(a, b, u):
    """Return K(u) by its integral, for rates a and b."""
    whole = mpmath.quad(lambda v: mpmath.exp(-a * (u - v) - b * v), mpmath.linspace(0, u, 9))
    return whole if a == 0 else a * whole


def check(found, value, *by):
    """Compare a value and its derivatives by time constants, given as functions of one time constant at a point."""
    assert found[0] == pytest.approx(float(value), rel=1e-13, abs=1e-300)
    for derivative, (function, tau) in zip(found[1:], by, strict=True):
        expected = 0.0 if math.isinf(tau) else float(mpmath.diff(function, mpmath.mpf(tau)))
        assert derivative == pytest.approx(expected, rel=1e-10, abs=1e-12 * abs(float(value)))


@pytest.mark.parametrize("u", SPANS)
@pytest.mark.parametrize("tau_mem, tau_syn", TAUS)
def test_the_response_to_a_current_is_its_integral(tau_mem, tau_syn, u):
    with mpmath.workdps(40):
        check(response.of_current(tau_mem, tau_syn, u), membrane(rate(tau_mem), rate(tau_syn), u),
              (lambda tau: membrane(1 / tau, rate(tau_syn), u), tau_mem),
              (lambda tau: membrane(rate(tau_mem), 1 / tau, u), tau_syn))


@pytest.mark.parametrize("tau", [8.0, math.inf])
@pytest.mark.parametrize("span", SPANS[1:])
@pytest.mark.parametrize("tau_mem, tau_syn", TAUS)
def test_the_integral_of_the_response_is_that_of_the_membrane(tau_mem, tau_syn, span, tau):
    def integral(a, b):
        # the charge that flows at v, times how long what it leaves on the membrane counts
        c = rate(tau)
        fall = a + c
        return (1 if a == 0 else a) * mpmath.quad(
            lambda v: mpmath.exp(-(b + c) * v) * (span - v if fall == 0 else -mpmath.expm1(-fall * (span - v)) / fall),
            mpmath.linspace(0, span, 5))

    with mpmath.workdps(20):
        found = response.integral_of_current(tau_mem, tau_syn, tau, span)
        assert found[0] == pytest.approx(float(integral(rate(tau_mem), rate(tau_syn))), rel=1e-11)
        for derivative, own, which in ((found[1], tau_mem, 0), (found[2], tau_syn, 1)):
            if math.isinf(own):
                assert derivative == 0.0
                continue
            step = 1e-4 * own
            ends = []
            for sign in (1, -1):
                rates = [rate(tau_mem), rate(tau_syn)]
                rates[which] = 1 / (mpmath.mpf(own) + sign * step)
                ends.append(integral(*rates))
            assert derivative == pytest.approx(float((ends[0] - ends[1]) / (2 * step)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("tau_mem", [10.0, math.inf])
@pytest.mark.parametrize("u", SPANS)
def test_potentials_decay_and_drives_charge(tau_mem, u):
    with mpmath.workdps(30):
        check(response.of_potential(tau_mem, u), mpmath.exp(-u * rate(tau_mem)),
              (lambda tau: mpmath.exp(-u / tau), tau_mem))
        charged = u if math.isinf(tau_mem) else 1 - mpmath.exp(-u * rate(tau_mem))
        check(response.of_drive(tau_mem, u), charged, (lambda tau: 1 - mpmath.exp(-u / tau), tau_mem))


@settings(max_examples=60)
@given(n=st.integers(0, 2), x=st.floats(0.0, 50.0))
def test_moments_are_integrals(n, x):
    with mpmath.workdps(40):
        expected = mpmath.quad(lambda y: y**n * mpmath.exp(-x * y), mpmath.linspace(0, 1, 9))
    assert response.moment(n, x) == pytest.approx(float(expected), rel=2e-14)
