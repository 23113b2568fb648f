"""Two receptors: the closed forms and the first crossing against the ODE, for every pair of receptor kinds."""

import itertools
import math

import exponential_sums
import hypothesis.strategies as st
import mpmath
import networks
import numpy as np
import pytest
from hypothesis import assume, example, given, settings

from eventsim.neurons import membrane, receptors

INF = math.inf
PAIR = membrane.PAIR

LEAKY = [(20.0, *taus) for taus in itertools.product((0.0, 5.0, 10.0, 20.0, 19.6, 20.002, 100.0, INF), repeat=2)]
WITHOUT_LEAK = [(INF, *taus) for taus in itertools.product((0.0, 5.0, 10.0, INF), repeat=2)]
SPECIAL = [(3.0, 0.05, 1000.0), (20.0, 20.0 + 1e-9, 20.002), (3.0, 8.8, 8.8 + 1e-11), (INF, 5.0, 5.0 + 1e-11)]
KINDS = (*LEAKY, *WITHOUT_LEAK, *SPECIAL)
"""(tau_mem, tau_syn, tau_two), ms: both receptors of every kind, and time constants that almost agree."""


def gap_to_threshold(taus, drive, theta, v, i, j):
    """Return the sum that is V - v_threshold."""
    with mpmath.workdps(exponential_sums.DIGITS):
        currents = [(tau, now) for tau, now in ((taus[1], i), (taus[2], j)) if tau > 0.0]
        return exponential_sums.membrane(taus[0], currents, drive, theta, v)


def size(taus, t):
    """Return how far unit arrivals move V in the time t at most, roughly: what errors are measured by."""
    return 2.0 if taus[0] < INF else 1.0 + sum(min(tau, t) for tau in taus[1:])


def state(taus, v, i, j, s=0.0):
    """Return the accumulators of a neuron with V - v_inf = v and these currents at s."""
    c = [v * o for o in receptors.own(PAIR, *taus, s)] + [0.0]
    for receptor, (tau, current) in enumerate(zip(taus[1:], (i, j), strict=True)):
        if tau > 0.0:
            c = [a + current * p for a, p in zip(c, receptors.psi(PAIR, *taus, receptor, s), strict=True)]
    return c


within = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).map(sorted)
"""Two instants of one period, as shares of it, in order."""

kinds = st.sampled_from(KINDS)


@pytest.mark.parametrize("taus, receptor", [(taus, r) for taus in KINDS for r in (0, 1) if taus[1 + r] > 0.0], ids=str)
@pytest.mark.parametrize("share", [0.05, 0.4, 0.9])
def test_psi_slope_is_the_derivative_of_psi(taus, receptor, share):
    s, h = share * membrane.period_of(*taus), 1e-5 * min(taus[1 + receptor], taus[0], 16.0)
    before, after = (receptors.psi(PAIR, *taus, receptor, s + step) for step in (-h, h))
    scale = max(abs(value) for value in after)
    for slope, low, high in zip(receptors.psi_slope(PAIR, *taus, receptor, s), before, after, strict=True):
        assert slope == pytest.approx((high - low) / (2.0 * h), rel=1e-6, abs=1e-9 * scale / h)


@settings(max_examples=networks.examples(500))
@given(taus=kinds, shares=within, receptor=st.sampled_from([0, 1]))
def test_an_arrival_moves_the_membrane_as_the_ode_says(taus, shares, receptor):
    s, t = (share * membrane.period_of(*taus) for share in shares)
    psi = receptors.psi(PAIR, *taus, receptor, s)
    v, *currents = receptors.local(PAIR, *taus, 0.0, *psi, t)
    tau = taus[1 + receptor]
    unit = [0.0, 0.0, 0.0]
    unit[0 if tau == 0.0 else 1 + receptor] = 1.0
    with mpmath.workdps(exponential_sums.DIGITS):
        wait = mpmath.mpf(t) - mpmath.mpf(s)
        exact = exponential_sums.value(gap_to_threshold(taus, 0.0, 0.0, *unit), wait)
        current = 0 if tau == 0.0 else mpmath.exp(-wait / tau)
    assert abs(v - exact) <= 2e-13 * size(taus, t)
    assert abs(currents[receptor] - current) <= 2e-14
    assert currents[1 - receptor] == 0.0
    phi = receptors.phi(PAIR, *taus, t)
    parts = [a * b for a, b in zip(phi, psi, strict=True)]
    assert v == pytest.approx(sum(parts), abs=1e-14 * (1.0 + sum(map(abs, parts))))


@settings(max_examples=networks.examples(200))
@given(taus=kinds, shares=within)
def test_a_jump_of_the_potential_leaves_the_currents_alone(taus, shares):
    s, t = (share * membrane.period_of(*taus) for share in shares)
    v, i, j = receptors.local(PAIR, *taus, 0.0, *receptors.own(PAIR, *taus, s), 0.0, t)
    assert v == pytest.approx(1.0 if math.isinf(taus[0]) else math.exp(-(t - s) / taus[0]), rel=1e-13)
    assert i == j == 0.0


@settings(max_examples=networks.examples(500))
@given(taus=kinds, shares=within, weights=st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)),
       v=st.floats(-2.0, 2.0), later=st.floats(0.0, 1.0), drive=st.sampled_from([0.0, 0.7, -0.3]))
def test_a_move_of_origin_keeps_potential_and_currents(taus, shares, weights, v, later, drive):
    drive = drive if math.isinf(taus[0]) else 0.0
    period = membrane.period_of(*taus)
    c = state(taus, v, *weights, s=shares[0] * period)
    t = (1.0 + later) * period
    before = receptors.local(PAIR, *taus, drive, *c, t)
    after = receptors.local(PAIR, *taus, drive, *receptors.advance(PAIR, *taus, period, drive, *c), t - period)
    assert after[0] == pytest.approx(before[0], abs=1e-13 * (4.0 * size(taus, t) + abs(drive) * t))
    assert after[1:] == pytest.approx(before[1:], abs=1e-13)


@given(taus=kinds, v=st.floats(-3.0, 3.0), i=st.floats(-3.0, 3.0), j=st.floats(-3.0, 3.0))
def test_slope_is_the_right_hand_side_of_the_equation(taus, v, i, j):
    slope = receptors.slope(PAIR, *taus, 0.25 if math.isinf(taus[0]) else 0.0, v, i, j)
    assert slope == pytest.approx(i + j + 0.25 if math.isinf(taus[0]) else (i + j - v) / taus[0], abs=1e-14)


def test_origins_lie_as_far_apart_as_the_shortest_time_constant_allows():
    assert membrane.period_of(20.0, 5.0, 10.0) == membrane.period_of(20.0, 10.0, 5.0) == 64.0
    assert membrane.period_of(INF, 0.0, 0.5) == 8.0
    assert membrane.period_of(INF, 0.0, INF) == membrane.PERIOD_WITHOUT_TAU
    assert membrane.regime_of(20.0, 5.0, 10.0) == PAIR
    assert receptors.PAIR == len(membrane.NAMES) - 1


ONE = ((INF, 0.0), (20.0, 0.0), (INF, INF), (INF, 5.0), (20.0, INF), (10.0, 5.0), (36.5, 5.0), (3.0, 10.0), (5.2, 5.0),
       (5.0, 5.0))


@pytest.mark.parametrize("taus", ONE)
@given(c=st.tuples(*[st.floats(-3.0, 3.0)] * 2), share=st.floats(0.0, 1.0), theta=st.floats(-2.0, 2.0))
@settings(max_examples=networks.examples(20))
def test_one_receptor_has_the_bits_of_its_regime(taus, c, share, theta):
    regime, period = membrane.regime_of(*taus), membrane.period_of(*taus)
    drive, t = 0.25 if math.isinf(taus[0]) else 0.0, share * period
    v, i = membrane.local(regime, *taus, drive, *c, t)
    now = (*taus, 0.0)
    assert receptors.psi(regime, *now, 0, t) == (*membrane.psi(regime, *taus, t), 0.0)
    assert receptors.phi(regime, *now, t) == (*membrane.phi(regime, *taus, t), 0.0)
    assert receptors.own(regime, *now, t) == membrane.own(regime, *taus, t)
    assert receptors.local(regime, *now, drive, *c, 0.0, t) == (v, i, 0.0)
    moved = membrane.advance(regime, *taus, period, drive, *c)
    assert receptors.advance(regime, *now, period, drive, *c, 0.0) == (*moved, 0.0)
    assert receptors.slope(regime, *now, drive, v, i, 0.0) == membrane.slope(regime, *taus, drive, v, i)
    for name in ("crossing", "out_of_reach", "earliest"):
        ours = getattr(receptors, name)(regime, *now, drive, theta, v, i, 0.0)
        assert ours == getattr(membrane, name)(regime, *taus, drive, theta, v, i)


@pytest.mark.parametrize("taus", ONE)
@given(share=st.floats(0.0, 1.0), weights=st.tuples(*[st.floats(-3.0, 3.0)] * 2), v=st.floats(-2.0, 0.9))
@settings(max_examples=networks.examples(20))
def test_equal_time_constants_are_one_receptor(taus, share, weights, v):
    regime, period = membrane.regime_of(*taus), membrane.period_of(*taus)
    both, t = (*taus, taus[1]), share * period
    if taus[1] == 0.0:
        v, weights = v + sum(weights), (0.0, 0.0)
    own, psi = membrane.own(regime, *taus, 0.0), membrane.psi(regime, *taus, 0.0)
    single = membrane.local(regime, *taus, 0.0, *(v * o + sum(weights) * p for o, p in zip(own, psi, strict=True)), t)
    double = receptors.local(PAIR, *both, 0.0, *state(both, v, *weights), t)
    assert double[0] == pytest.approx(single[0], abs=1e-13 * (1.0 + size(both, t)))
    assert double[1] + double[2] == pytest.approx(single[1], abs=1e-14)
    assume(v < 1.0)
    one = membrane.crossing(regime, *taus, 0.0, 1.0, v, sum(weights))
    assert receptors.crossing(PAIR, *both, 0.0, 1.0, v, *weights) == one


# the first crossing


sizes = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 40.0, 1e-20]), st.floats(0.01, 30.0), st.floats(-4.0, 4.0).map(math.exp))


@st.composite
def situations(draw):
    """Time constants, drive, theta, v < theta and two currents, mostly against each other."""
    taus = draw(st.one_of(st.sampled_from(KINDS), st.tuples(
        st.sampled_from([20.0, INF]), st.floats(0.3, 60.0), st.floats(0.3, 60.0))))
    theta = draw(st.one_of(st.sampled_from([1.0, 0.0, -1.0, 0.25]), st.floats(-2.0, 2.0)))
    v = theta - draw(st.one_of(st.sampled_from([1.0, 0.5, 1e-3]), st.floats(1e-6, 4.0)))
    assume(v < theta)
    i, j = draw(sizes), draw(sizes)
    sign = draw(st.sampled_from([(1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (-1.0, -1.0)]))
    i, j = (0.0 if tau == 0.0 else a * b for tau, a, b in zip(taus[1:], sign, (i, j), strict=True))
    drive = draw(st.sampled_from([0.0, 0.3, -0.3])) if math.isinf(taus[0]) else 0.0
    return taus, drive, theta, v, i, j


def horizon_of(taus):
    """Return a time by which all has happened, ms, unless an imbalance is too small to tell."""
    return 40.0 * max([tau for tau in taus if 0.0 < tau < INF] or [5.0])


def exact_crossing(taus, drive, theta, v, i, j):
    """Return the sum that is V - v_threshold, its first crossing, how close it was, a horizon, and a scale."""
    terms, horizon = gap_to_threshold(taus, drive, theta, v, i, j), horizon_of(taus)
    found, decisive = exponential_sums.first_crossing(terms, horizon)
    reach = [min(tau, horizon) if math.isinf(taus[0]) else 1.0 for tau in taus[1:]]
    scale = abs(theta) + abs(v) + abs(i) * reach[0] + abs(j) * reach[1] + abs(drive) * horizon
    return terms, found, float(decisive), horizon, scale


@settings(max_examples=networks.examples(1500))
@given(situation=situations())
@example(situation=((20.0, 5.0, 39.0), 0.0, 1.1754943508222875e-38, -3.0, 10.0, 1e-20))
@example(((20.0, 1000.0, 20.002), 0.0, 1.0, 0.999, 1e-20, 8.083158793745929))
@example(((2.997001419427448, 8.845168571056819, 8.845168571065665), 0.0, 0.0, -1.53, 0.158, -0.0479))
@example(((20.0, 20.8, 20.800000000020802), 0.0, 0.0, -1.0, 0.9486391770999997, -0.22346077865558173))
@example(((20.0, 19.6, 20.002), 0.0, 5e-324, -1e-6, -1.0, 1.0))
def test_the_crossing_is_the_first_of_the_ode_or_there_is_none(situation):
    terms, exact, decisive, horizon, scale = exact_crossing(*situation)
    assume(decisive > 1e-12 * scale)
    taus, *rest = situation
    ours = receptors.crossing(PAIR, *taus, *rest)
    if exact is None:
        assert ours > horizon
    else:
        slope = float(exponential_sums.slope_at(terms, exact))
        assert abs(ours - float(exact)) * slope <= 1e-15 * scale
        assert not receptors.out_of_reach(PAIR, *taus, *rest)
        assert 0.0 <= receptors.earliest(PAIR, *taus, *rest) <= ours


@settings(max_examples=networks.examples(400))
@given(situation=situations(), nearness=st.floats(-11.5, -3.0), above=st.booleans())
def test_a_peak_just_above_the_threshold_crosses_and_just_below_does_not(situation, nearness, above):
    taus, drive, _, v, i, j = situation
    terms = gap_to_threshold(taus, drive, 0.0, v, i, j)
    with mpmath.workdps(exponential_sums.DIGITS):
        extrema = exponential_sums.sign_changes(exponential_sums.derivative(terms), mpmath.mpf(0), horizon_of(taus))
        highest = max((float(exponential_sums.value(terms, x)) for x in extrema), default=v)
    theta = highest + (-1.0 if above else 1.0) * 10.0**nearness * abs(highest)
    assume(v < theta)
    terms, exact, decisive, horizon, scale = exact_crossing(taus, drive, theta, v, i, j)
    assume(decisive > 1e-12 * scale)
    ours = receptors.crossing(PAIR, *taus, drive, theta, v, i, j)
    if exact is None:
        assert ours > horizon
    else:
        assert abs(ours - float(exact)) * float(exponential_sums.slope_at(terms, exact)) <= 1e-15 * scale


@settings(max_examples=networks.examples(200))
@given(above_rest=st.floats(-2.0, 12.0), below=st.floats(1e-3, 12.0), excitation=st.floats(0.01, 60.0),
       inhibition=st.floats(-60.0, -0.01))
def test_the_cuba_membrane_crosses_at_the_largest_root_of_its_quartic(above_rest, below, excitation, inhibition):
    theta, v = above_rest, above_rest - below
    # x = e^(-t/20): V = (v + g_e/3 + g_i) x - g_i x^2 - (g_e/3) x^4
    quartic = [-excitation / 3.0, 0.0, -inhibition, v + excitation / 3.0 + inhibition, -theta]
    roots = np.roots(quartic)
    real = roots[np.abs(roots.imag) < 1e-7].real
    inside = real[(real > 1e-9) & (real < 1.0)]
    ours = receptors.crossing(PAIR, 20.0, 5.0, 10.0, 0.0, theta, v, excitation, inhibition)
    near_double = np.abs(np.polyval(np.polyder(quartic), real)) < 1e-3 * (1.0 + excitation - inhibition)
    assume(not np.any(near_double))
    if len(inside):
        assert ours == pytest.approx(-20.0 * math.log(inside.max()), rel=1e-8, abs=1e-9)
    else:
        assert ours == INF or ours > 20.0 * 20.0


@pytest.mark.parametrize("taus", KINDS)
def test_a_potential_at_or_above_the_threshold_has_crossed_already(taus):
    assert receptors.crossing(PAIR, *taus, 0.0, 0.5, 0.5, -1.0, -1.0) == 0.0
    assert receptors.crossing(PAIR, *taus, 0.0, -0.5, 3.0, -1.0, -1.0) == 0.0


@settings(max_examples=networks.examples(600))
@given(situation=situations(), near=st.one_of(st.none(), st.floats(1e-17, 1e-9)))
@example(situation=((20.0, 20.0, 5.0), 0.0, 0.0, -3.0, -1.0, 1.0), near=None)  # Halley's step has no slope
def test_the_lower_bound_on_a_crossing_is_one(situation, near):
    taus, drive, theta, v, i, j = situation
    if near is not None:  # where V is about to cross, rounding decides
        v = theta - near * max(abs(theta), 1e-3)
        assume(v < theta)
    bound = receptors.earliest(PAIR, *taus, drive, theta, v, i, j)
    assert 0.0 <= bound <= receptors.crossing(PAIR, *taus, drive, theta, v, i, j)


@settings(max_examples=networks.examples(600))
@given(situation=situations(), share=st.floats(0.0, 1.0), moves=st.integers(0, 8))
def test_what_is_out_of_reach_does_not_cross_now_or_after_moves_of_the_origin(situation, share, moves):
    taus, drive, theta, v, i, j = situation
    assume(receptors.out_of_reach(PAIR, *taus, drive, theta, v, i, j))
    assert receptors.crossing(PAIR, *taus, drive, theta, v, i, j) == INF
    period = membrane.period_of(*taus)
    c = state(taus, v, i, j)
    for _ in range(moves):
        c = receptors.advance(PAIR, *taus, period, drive, *c)
    later = receptors.local(PAIR, *taus, drive, *c, share * period)
    assert later[0] < theta
    assert receptors.crossing(PAIR, *taus, drive, theta, *later) == INF


# the edges


@given(taus=kinds.filter(lambda taus: taus[0] < INF), v=st.floats(-5.0, -1e-3),
       i=st.one_of(st.just(0.0), st.floats(-20.0, 0.0)), j=st.floats(-20.0, 0.0))
@settings(max_examples=networks.examples(100))
def test_a_membrane_below_a_threshold_at_rest_stays_below_it_for_ever(taus, v, i, j):
    i, j = (0.0 if tau == 0.0 else current for tau, current in zip(taus[1:], (i, j), strict=True))
    period = membrane.period_of(*taus)
    c = state(taus, v, i, j)
    for _ in range(150):
        for share in (0.0, 0.5):
            now = receptors.local(PAIR, *taus, 0.0, *c, share * period)
            assert now[0] < 0.0
            assert receptors.crossing(PAIR, *taus, 0.0, 0.0, *now) == INF
        c = receptors.advance(PAIR, *taus, period, 0.0, *c)


@pytest.mark.parametrize("taus, weights, theta", [
    ((20.0, INF, 5.0), (1.0, 0.0), 1.0), ((20.0, 0.0, INF), (0.0, 0.7), 0.7), ((20.0, INF, INF), (0.5, 0.25), 0.75),
    ((INF, 2.0, 5.0), (0.5, 0.0), 1.0), ((INF, 5.0, 3.0), (0.0, 1.0 / 3.0), 1.0), ((INF, 5.0, 2.0), (0.2, 0.5), 2.0),
    ((20.0, INF, 5.0), (1.0, -0.5), 1.0),
])  # fmt: skip
def test_a_membrane_that_tends_to_its_threshold_does_not_reach_it(taus, weights, theta):
    period = membrane.period_of(*taus)
    c = state(taus, 0.0, *weights)
    for _ in range(60):
        for share in np.linspace(0.0, 1.0, 9):
            now = receptors.local(PAIR, *taus, 0.0, *c, share * period)
            assert now[0] < theta
            assert receptors.crossing(PAIR, *taus, 0.0, theta, *now) == INF
        c = receptors.advance(PAIR, *taus, period, 0.0, *c)


@pytest.mark.parametrize("other", [0.0, 5.0, INF])
def test_an_arrival_of_just_the_threshold_touches_it_at_any_time(other):
    taus = (20.0, other, 0.0)
    for s in np.linspace(0.0, membrane.period_of(*taus), 2000):
        for weight in (1.0, 15.0, 0.3):
            c = [weight * p for p in receptors.psi(PAIR, *taus, 1, s)]
            assert weight <= receptors.local(PAIR, *taus, 0.0, *c, s)[0] <= weight * (1.0 + 2e-15)
