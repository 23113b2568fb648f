"""The first crossing of every regime against the ODE, published closed forms, and at its edges."""

import functools
import math

import hypothesis.strategies as st
import networks
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from linear_flow import Flow, fixed, real
from scipy.special import lambertw

from eventsim.neurons import membrane

INF = math.inf

PAIRS = ((INF, 0.0), (20.0, 0.0), (INF, INF), (INF, 5.0), (20.0, INF), (10.0, 5.0), (36.5, 5.0), (3.0, 10.0),
         (50.0, 0.05), (5.2, 5.0), (4.8, 5.0), (5.0005, 5.0), (5.0, 5.0))
PEAKED = tuple(pair for pair in PAIRS if 0.0 < pair[1] < INF and pair[0] < INF)
"""Pairs with a leak and a decaying current: one arrival makes a smooth peak."""

flow_of = functools.cache(Flow)
pairs = st.sampled_from(PAIRS)
potentials = st.floats(-3.0, 3.0)


def crossing(pair, theta, v, i, drive=0.0):
    return membrane.crossing(membrane.regime_of(*pair), *pair, drive, theta, v, i)


@st.composite
def situations(draw):
    """A pair of time constants, theta, v < theta, I and drive, of a size at which things happen."""
    pair = draw(pairs)
    theta = draw(st.one_of(st.sampled_from([1.0, 0.0, -1.0, 0.25]), st.floats(-2.0, 2.0)))
    v = theta - draw(st.one_of(st.sampled_from([1.0, 0.5, 1e-3]), st.floats(1e-6, 4.0)))
    current = 0.0 if pair[1] == 0.0 else draw(st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(-20.0, 20.0)))
    if pair[0] < 1000.0 and pair[1] == 0.05:
        current *= 1000.0
    drive = draw(st.sampled_from([0.0, 0.3, -0.3])) if pair[0] == INF else 0.0
    return pair, theta, v, current, drive


@settings(max_examples=networks.examples(400))
@given(situation=situations())
@example(situation=((10.0, 5.0), 1.0, 0.999, 1.01, 0.0))
@example(situation=((5.0, 5.0), 1.0, 0.999, 1.01, 0.0))
@example(situation=((3.0, 10.0), 1.0, 0.99, 1.01, 0.0))
def test_the_crossing_is_the_first_of_the_ode_or_there_is_none(situation):
    pair, theta, v, i, drive = situation
    flow, horizon = flow_of(*pair), 40.0 * max([tau for tau in pair if 0.0 < tau < INF] or [5.0])
    start = fixed(v), fixed(i), fixed(drive)
    exact, decisive = flow.first_crossing(start, fixed(horizon), fixed(theta))
    scale = abs(theta) + abs(v) + abs(i) * (1.0 if pair[0] < INF else min(pair[1], horizon)) + abs(drive) * horizon
    assume(abs(float(real(decisive)) - theta) > 1e-12 * scale)
    ours = crossing(pair, theta, v, i, drive)
    if exact is None:
        assert ours > horizon
    else:
        exact_slope = float(real(flow.rate(flow.after(start, exact))[0]))
        assert abs(ours - float(real(exact))) * exact_slope <= 1e-14 * scale


@given(tau=st.floats(0.1, 100.0), theta=st.floats(0.05, 3.0), below=st.floats(0.0, 2.0), i=st.floats(0.1, 20.0))
def test_equal_time_constants_give_the_lambert_w_solution(tau, theta, below, i):
    v = theta - below
    argument = -theta / i * math.exp(-v / i)
    assume(v < theta and i > v and argument > -math.exp(-1.0) * (1.0 - 1e-6))
    expected = tau * (-lambertw(argument, 0).real - v / i)
    assume(expected > 1e-6 * tau)
    ours = crossing((tau, tau), theta, v, i)
    assert ours == pytest.approx(expected, rel=1e-8)
    slope = (i * math.exp(-ours / tau) - theta) / tau
    assert abs(ours - expected) * slope <= 1e-13 * (theta + abs(v) + i)


@given(tau=st.floats(0.5, 20.0), theta=st.floats(0.1, 3.0), below=st.floats(0.01, 2.0), i=st.floats(-5.0, 5.0),
       drive=st.floats(0.02, 1.0), sign=st.sampled_from([1.0, -1.0]))
def test_an_if_neuron_with_offset_gives_the_lambert_w_solution(tau, theta, below, i, drive, sign):
    v, drive = theta - below, sign * drive
    gap = theta - v - i * tau
    exponent = -gap / (drive * tau)
    assume(i != 0.0 and abs(exponent) < 300.0)
    argument = i / drive * math.exp(exponent)
    if drive < 0.0:
        assume(i + drive > 0.0 and argument > -math.exp(-1.0) * (1.0 - 1e-6))
    expected = tau * (lambertw(argument, 0 if drive > 0.0 else -1).real + gap / (drive * tau))
    ours = crossing((INF, tau), theta, v, i, drive)
    slope = drive + i * math.exp(-ours / tau)
    assert abs(ours - expected) * slope <= 1e-12 * (theta + abs(v) + abs(i) * tau + abs(drive) * ours)


@given(theta=st.floats(0.05, 3.0), below=st.floats(0.001, 3.0), i=st.floats(0.1, 30.0), tau_syn=st.floats(0.5, 20.0))
def test_the_quadratic_of_a_ratio_of_two_agrees_with_newtons_iteration_next_to_it(theta, below, i, tau_syn):
    v = theta - below
    assume(abs((v + i) ** 2 - 4.0 * i * theta) > 1e-6 * i * (theta + i))
    quadratic = crossing((2.0 * tau_syn, tau_syn), theta, v, i)
    newton = crossing((math.nextafter(2.0 * tau_syn, INF), tau_syn), theta, v, i)
    if math.isinf(quadratic):
        assert math.isinf(newton)
    else:
        slope = (i * math.exp(-quadratic / tau_syn) - theta) / (2.0 * tau_syn)
        assert abs(quadratic - newton) * slope <= 1e-13 * (theta + abs(v) + i)


@pytest.mark.parametrize("nearness", [1e-4, 1e-8, 1e-11])
@pytest.mark.parametrize("pair", PEAKED)
def test_a_peak_just_above_the_threshold_crosses_and_just_below_does_not(pair, nearness):
    i = 3.0 if pair[1] > 1.0 else 3000.0
    flow, start = flow_of(*pair), (fixed(-0.25), fixed(i), 0)
    (at,) = flow.extrema(start, fixed(100.0))
    peak, position = float(real(flow.after(start, at)[0])), float(real(at))
    assert crossing(pair, peak * (1.0 + nearness), -0.25, i) == INF
    found = crossing(pair, peak * (1.0 - nearness), -0.25, i)
    assert 0.0 < found < position
    assert float(real(flow.after(start, fixed(found))[0])) == pytest.approx(peak * (1.0 - nearness), rel=1e-14)


@pytest.mark.parametrize("nearness", [1e-4, 1e-8, 1e-11])
def test_a_peak_against_an_inhibitory_offset_just_crosses_or_just_misses(nearness):
    pair, start = (INF, 5.0), (0, fixed(1.0), fixed(-0.25))
    flow = flow_of(*pair)
    peak = float(real(flow.highest(start, fixed(60.0))[0]))
    assert crossing(pair, peak * (1.0 + nearness), 0.0, 1.0, -0.25) == INF
    found = crossing(pair, peak * (1.0 - nearness), 0.0, 1.0, -0.25)
    assert float(real(flow.after(start, fixed(found))[0])) == pytest.approx(peak * (1.0 - nearness), rel=1e-14)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_potential_at_or_above_the_threshold_has_crossed_already(pair):
    assert crossing(pair, 0.5, 0.5, -1.0) == 0.0
    assert crossing(pair, -0.5, 3.0, -1.0) == 0.0


@pytest.mark.parametrize("pair", PAIRS)
@given(v=st.floats(-5.0, -1e-300), i=st.one_of(st.just(0.0), st.floats(-20.0, 0.0)))
def test_a_threshold_equal_to_rest_is_never_crossed_from_below_without_excitation(pair, v, i):
    i = 0.0 if pair[1] == 0.0 else i
    assert crossing(pair, 0.0, v, i) == INF


@pytest.mark.parametrize("pair", PAIRS)
@given(v=st.floats(-5.0, -1e-3), i=st.one_of(st.just(0.0), st.floats(-20.0, 0.0)))
@settings(max_examples=networks.examples(10))
def test_a_membrane_below_such_a_threshold_stays_below_it_for_ever(pair, v, i):
    regime, period = membrane.regime_of(*pair), membrane.period_of(*pair)
    o0, o1 = membrane.own(regime, *pair, 0.0)
    p0, p1 = membrane.psi(regime, *pair, 0.0) if pair[1] > 0.0 else (0.0, 0.0)
    c0, c1 = v * o0 + i * p0, v * o1 + i * p1
    for _ in range(150):
        for share in (0.0, 0.5):
            now, current = membrane.local(regime, *pair, 0.0, c0, c1, share * period)
            assert now < 0.0
            assert membrane.crossing(regime, *pair, 0.0, 0.0, now, current) == INF
        c0, c1 = membrane.advance(regime, *pair, period, 0.0, c0, c1)


@pytest.mark.parametrize("pair, weight", [((20.0, INF), 1.0), ((20.0, INF), 0.7), ((INF, 2.0), 0.5), ((INF, 5.0), 0.2),
                                          ((INF, 3.0), 1.0 / 3.0)])
def test_a_membrane_that_tends_to_its_threshold_does_not_reach_it(pair, weight):
    regime, period = membrane.regime_of(*pair), membrane.period_of(*pair)
    theta = weight if pair[0] < INF else weight * pair[1]
    c0, c1 = (weight * p for p in membrane.psi(regime, *pair, 0.0))
    for _ in range(60):
        for share in np.linspace(0.0, 1.0, 9):
            v, i = membrane.local(regime, *pair, 0.0, c0, c1, share * period)
            assert v < theta
            assert membrane.crossing(regime, *pair, 0.0, theta, v, i) == INF
        c0, c1 = membrane.advance(regime, *pair, period, 0.0, c0, c1)


@settings(max_examples=networks.examples(600))
@given(situation=situations(), near=st.one_of(st.none(), st.floats(1e-17, 1e-9)))
@example(situation=((4.8, 5.0), -1.0, -1.0000000000000022, 1.1129075656239404, 0.0), near=None)
@example(situation=((50.0, 0.05), -1.0, -1.000000000000001, 0.13540887483587327, 0.0), near=None)
def test_the_lower_bound_on_a_crossing_is_one(situation, near):
    pair, theta, v, i, drive = situation
    if near is not None:  # where V is about to cross, rounding decides
        v = theta - near * max(abs(theta), 1e-3)
        assume(v < theta)
    bound = membrane.earliest(membrane.regime_of(*pair), *pair, drive, theta, v, i)
    assert 0.0 <= bound <= crossing(pair, theta, v, i, drive)


@settings(max_examples=networks.examples(600))
@given(situation=situations(), near=st.one_of(st.none(), st.floats(1e-12, 1e-6)), share=st.floats(0.0, 1.0),
       moves=st.integers(0, 8))
def test_what_is_out_of_reach_does_not_cross_now_or_after_moves_of_the_origin(situation, near, share, moves):
    pair, theta, v, i, drive = situation
    if near is not None:
        v = theta - near * max(abs(theta), 1e-3)
    regime, period = membrane.regime_of(*pair), membrane.period_of(*pair)
    assume(membrane.out_of_reach(regime, *pair, drive, theta, v, i))
    assert crossing(pair, theta, v, i, drive) == INF
    if pair[1] == 0.0:
        c = tuple(v * o for o in membrane.own(regime, *pair, 0.0))
    else:
        c = tuple(v * o + i * p for o, p in zip(
            membrane.own(regime, *pair, 0.0), membrane.psi(regime, *pair, 0.0), strict=True))
    for _ in range(moves):
        c = membrane.advance(regime, *pair, period, drive, *c)
    v_later, i_later = membrane.local(regime, *pair, drive, *c, share * period)
    assert v_later < theta
    assert crossing(pair, theta, v_later, i_later, drive) == INF


@given(situation=situations())
def test_a_crossing_is_never_negative_and_never_nan(situation):
    pair, theta, v, i, drive = situation
    assert crossing(pair, theta, v, i, drive) >= 0.0
