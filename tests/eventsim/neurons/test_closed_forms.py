"""phi, psi, own, advance, local and slope of every regime against the ODE itself."""

import math
from fractions import Fraction

import hypothesis.strategies as st
import mpmath
import networks
import pytest
from hypothesis import given, settings
from linear_flow import Flow, fixed, real

from eventsim.neurons import lif_exp, membrane

INF = math.inf

PAIRS = {
    "IF delta": (INF, 0.0),
    "LIF delta": (20.0, 0.0),
    "ramp": (INF, INF),
    "IF exponential": (INF, 5.0),
    "LIF step": (20.0, INF),
    "LIF, ratio 2": (10.0, 5.0),
    "LIF, ratio 7.3": (36.5, 5.0),
    "LIF, ratio 0.3": (3.0, 10.0),
    "LIF, ratio 1000": (50.0, 0.05),
    "LIF, ratio 1.06": (5.3, 5.0),
    "LIF, ratio 1.04": (5.2, 5.0),
    "LIF, ratio 0.96": (4.8, 5.0),
    "LIF, ratio 1.0001": (5.0005, 5.0),
    "LIF, ratio 1": (5.0, 5.0),
}
"""Time constants (ms) of every regime."""

FLOWS = {name: Flow(*pair) for name, pair in PAIRS.items()}


def parts(name):
    tau_mem, tau_syn = PAIRS[name]
    return membrane.regime_of(tau_mem, tau_syn), tau_mem, tau_syn


def period(name):
    return membrane.period_of(*PAIRS[name])


def size(name, t=0.0):
    """Return how far a unit arrival moves V at most in the time t, roughly: what errors are measured by."""
    tau_mem, tau_syn = PAIRS[name]
    if tau_syn == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return min(tau_syn, max(t, 1.0))
    return 1.0 if math.isinf(tau_syn) else tau_syn / (tau_mem + tau_syn)


def response(name, wait):
    """Return (V, I) of the ODE `wait` ms after an arrival of weight 1 at rest, as mpf."""
    start = (fixed(1), 0, 0) if PAIRS[name][1] == 0.0 else (0, fixed(1), 0)
    v, i, _ = FLOWS[name].after(start, fixed(wait))
    return real(v), real(i)


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1]


within = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).map(sorted)
"""Two instants of one period, as shares of it, in order."""

every_regime = pytest.mark.parametrize("name", PAIRS)


def ordered_times(name, shares):
    """Return (s, t) in the first period of a regime."""
    return shares[0] * period(name), shares[1] * period(name)


@every_regime
@settings(max_examples=networks.examples(40))
@given(shares=within)
def test_phi_times_psi_is_the_response_of_the_ode_to_an_arrival(name, shares):
    s, t = ordered_times(name, shares)
    exact, _ = response(name, Fraction(t) - Fraction(s))
    assert abs(dot(membrane.phi(*parts(name), t), membrane.psi(*parts(name), s)) - exact) <= 1e-13 * size(name, t)


@every_regime
@settings(max_examples=networks.examples(40))
@given(shares=within)
def test_local_reads_the_potential_and_the_current_of_the_ode(name, shares):
    s, t = ordered_times(name, shares)
    v, i = membrane.local(*parts(name), 0.0, *membrane.psi(*parts(name), s), t)
    exact_v, exact_i = response(name, Fraction(t) - Fraction(s))
    assert abs(v - exact_v) <= 1e-13 * size(name, t)
    assert abs(i - exact_i) <= 2e-14


@every_regime
@settings(max_examples=networks.examples(40))
@given(shares=within, c0=st.floats(-3.0, 3.0), c1=st.floats(-3.0, 3.0))
def test_local_is_the_dot_product_with_phi(name, shares, c0, c1):
    t = shares[1] * period(name)
    phi = membrane.phi(*parts(name), t)
    v, _ = membrane.local(*parts(name), 0.0, c0, c1, t)
    assert v == pytest.approx(dot(phi, (c0, c1)), abs=1e-14 * (abs(phi[0] * c0) + abs(phi[1] * c1)) + 1e-300)


@every_regime
@settings(max_examples=networks.examples(40))
@given(shares=within)
def test_own_is_a_unit_jump_of_the_potential_that_leaves_the_current_alone(name, shares):
    s, t = ordered_times(name, shares)
    at_once, current = membrane.local(*parts(name), 0.0, *membrane.own(*parts(name), s), s)
    assert at_once == pytest.approx(1.0, rel=2e-14)
    assert abs(current) <= 1e-14 / min(size(name), 1.0)
    later, _ = membrane.local(*parts(name), 0.0, *membrane.own(*parts(name), s), t)
    exact = real(FLOWS[name].after((fixed(1), 0, 0), fixed(t) - fixed(s))[0])
    assert abs(later - exact) <= 2e-14


@every_regime
@settings(max_examples=networks.examples(40))
@given(share=st.floats(0.0, 1.0))
def test_psi_slope_is_the_derivative_of_psi(name, share):
    s = share * period(name)
    step = min(tau for tau in (*PAIRS[name], 1.0) if tau > 0.0) * 2.0**-17
    before, after = membrane.psi(*parts(name), s - step), membrane.psi(*parts(name), s + step)
    for slope, low, high in zip(membrane.psi_slope(*parts(name), s), before, after, strict=True):
        assert slope == pytest.approx((high - low) / (2.0 * step), rel=1e-8, abs=1e-8)


@every_regime
@settings(max_examples=networks.examples(40))
@given(weights=st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)), shares=within,
       later=st.floats(0.0, 1.0), drive=st.sampled_from([0.0, 0.7, -0.3]))
def test_a_move_of_origin_keeps_potential_and_current(name, weights, shares, later, drive):
    drive = drive if math.isinf(PAIRS[name][0]) else 0.0
    c0 = c1 = 0.0
    total = 1.0
    for weight, share in zip(weights, (*shares, 1.0), strict=True):
        p0, p1 = membrane.psi(*parts(name), share * period(name))
        c0, c1 = c0 + weight * p0, c1 + weight * p1
        total += abs(weight)
    t = (1.0 + later) * period(name)
    v, i = membrane.local(*parts(name), drive, c0, c1, t)
    moved = membrane.advance(*parts(name), period(name), drive, c0, c1)
    v_after, i_after = membrane.local(*parts(name), drive, *moved, t - period(name))
    assert v_after == pytest.approx(v, abs=5e-14 * (total * size(name, t) + abs(drive) * t))
    assert i_after == pytest.approx(i, abs=1e-13 * total)


@every_regime
@given(v=st.floats(-3.0, 3.0), i=st.floats(-3.0, 3.0), drive=st.sampled_from([0.0, 0.7, -0.3]))
def test_slope_is_the_right_hand_side_of_the_equation(name, v, i, drive):
    tau_mem, tau_syn = PAIRS[name]
    drive = drive if math.isinf(tau_mem) else 0.0
    i = 0.0 if tau_syn == 0.0 else i
    rate = FLOWS[name].rate((fixed(v), fixed(i), fixed(drive)))[0]
    assert membrane.slope(*parts(name), drive, v, i) == pytest.approx(float(real(rate)), rel=1e-14, abs=1e-14)


def test_every_pair_of_time_constants_has_its_regime():
    found = {name: membrane.regime_of(*pair) for name, pair in PAIRS.items()}
    assert list(found.values())[:5] == [
        membrane.IF_DELTA, membrane.LIF_DELTA, membrane.RAMP, membrane.IF_EXP, membrane.LIF_STEP]
    assert {found[f"LIF, ratio {ratio}"] for ratio in ("2", "7.3", "0.3", "1000", "1.06")} == {membrane.LIF_EXP}
    assert {found[f"LIF, ratio {ratio}"] for ratio in ("1.04", "0.96", "1.0001", "1")} == {membrane.LIF_NEAR}
    assert len(membrane.NAMES) == len({*found.values(), membrane.PAIR})


@given(tau_mem=st.one_of(st.floats(1e-3, 1e5), st.just(INF)),
       tau_syn=st.one_of(st.floats(1e-3, 1e5), st.sampled_from([0.0, INF])))
def test_origins_are_a_power_of_two_apart_and_keep_exponents_small(tau_mem, tau_syn):
    distance = membrane.period_of(tau_mem, tau_syn)
    assert math.frexp(distance)[0] == 0.5
    shortest = min((tau for tau in (tau_mem, tau_syn) if 0.0 < tau < INF), default=None)
    if shortest is not None:
        assert 8.0 <= distance / shortest <= 16.0


@pytest.mark.parametrize("excess", [0.0, 1e-12, -1e-12, 1e-6, -1e-6, 1e-4, 0.04, -0.04])
@settings(max_examples=networks.examples(30))
@given(shares=within)
def test_near_equal_time_constants_lose_no_digits(excess, shares):
    tau_syn, tau_mem = 5.0, 5.0 * (1.0 + excess)
    s, t = (share * membrane.period_of(tau_mem, tau_syn) for share in shares)
    regime = membrane.regime_of(tau_mem, tau_syn)
    assert regime == membrane.LIF_NEAR
    ours = dot(membrane.phi(regime, tau_mem, tau_syn, t), membrane.psi(regime, tau_mem, tau_syn, s))
    with mpmath.workdps(60):
        wait, a, b = mpmath.mpf(t) - mpmath.mpf(s), 1 / mpmath.mpf(tau_mem), 1 / mpmath.mpf(tau_syn)
        exact = a * wait * mpmath.exp(-a * wait)
        if a != b:
            exact = a / (b - a) * (mpmath.exp(-a * wait) - mpmath.exp(-b * wait))
        assert abs(ours - exact) < 1e-13  # the peak is 0.37, and what cancels is up to 16 times larger


def test_the_basis_for_distant_time_constants_would_lose_half_the_digits_next_to_equality():
    tau_syn, tau_mem = 5.0, 5.0 * (1.0 + 1e-6)
    plain = dot(lif_exp.phi(tau_mem, tau_syn, 6.0), lif_exp.psi(tau_mem, tau_syn, 1.0))
    exact, _ = Flow(tau_mem, tau_syn).after((0, fixed(1), 0), fixed(5.0))[:2]
    near = dot(membrane.phi(membrane.LIF_NEAR, tau_mem, tau_syn, 6.0),
               membrane.psi(membrane.LIF_NEAR, tau_mem, tau_syn, 1.0))
    assert abs(near - real(exact)) < 1e-15
    assert abs(plain - real(exact)) > 1e-12


def test_an_arrival_of_just_the_threshold_touches_it_at_any_time():
    regime, tau_mem, tau_syn = parts("LIF delta")
    for k in range(4000):
        s = k * period("LIF delta") / 4000
        for weight in (1.0, 15.0, 0.3):
            c0 = weight * (1.0 * membrane.psi(regime, tau_mem, tau_syn, s)[0])
            v, _ = membrane.local(regime, tau_mem, tau_syn, 0.0, c0, 0.0, s)
            assert weight <= v <= weight * (1.0 + 2e-15)
