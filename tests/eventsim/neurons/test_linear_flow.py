"""The oracle itself: against mpmath's ODE solver and against textbook solutions."""

import math

import mpmath
import neuron_oracle
import pytest
from linear_flow import Flow, fixed, ode_matrix, real
from neuron_oracle import Cell

INF = math.inf


@pytest.mark.parametrize("pair", [(20.0, 5.0), (5.0, 5.0), (INF, 3.0), (4.0, INF), (INF, INF), (7.0, 0.0)])
def test_a_flow_agrees_with_the_ode_solver_of_mpmath(pair):
    with mpmath.workdps(40):
        rows = [[mpmath.mpf(e.numerator) / e.denominator for e in row] for row in ode_matrix(*pair)]
        solution = mpmath.odefun(lambda _, x: [mpmath.fdot(row, x) for row in rows], 0,
                                 [mpmath.mpf("-0.75"), mpmath.mpf("2.5"), mpmath.mpf("0.25")])
        state = Flow(*pair).after((fixed(-0.75), fixed(2.5), fixed(0.25)), fixed(3.7))
        for ours, theirs in zip(state, solution(mpmath.mpf(3.7)), strict=True):
            assert abs(real(ours) - theirs) < mpmath.mpf(10) ** -35


def test_a_flow_of_thousands_of_time_constants_keeps_sixty_digits():
    flow = Flow(INF, 0.02)
    state = flow.after((0, fixed(1), 0), fixed(100.0))
    with mpmath.workdps(80):
        exact = mpmath.mpf(0.02) * (1 - mpmath.exp(-100 / mpmath.mpf(0.02)))
        assert abs(real(state[0]) - exact) < mpmath.mpf(10) ** -60


def test_the_highest_point_and_the_crossing_of_an_alpha_function_are_found():
    flow, start = Flow(4.0, 4.0), (0, fixed(1), 0)  # V = x / 4 e^(-x / 4)
    highest, inside = flow.highest(start, fixed(50.0))
    crossing, peak = flow.first_crossing(start, fixed(50.0), fixed(0.25))
    with mpmath.workdps(60):
        assert inside
        assert abs(real(highest) - mpmath.exp(-1)) < mpmath.mpf(10) ** -50
        assert peak == highest
        assert abs(real(crossing) + 4 * mpmath.lambertw(mpmath.mpf("-0.25"))) < mpmath.mpf(10) ** -50
        assert abs(real(flow.extremum(start, fixed(50.0))) - 4) < mpmath.mpf(10) ** -50


def test_a_threshold_above_the_peak_is_not_crossed_and_the_peak_says_so():
    flow = Flow(4.0, 4.0)
    crossing, peak = flow.first_crossing((0, fixed(1), 0), fixed(50.0), fixed(0.37))
    assert crossing is None
    assert real(peak) == pytest.approx(math.exp(-1))
    assert flow.first_crossing((0, fixed(1), 0), fixed(3.0), fixed(0.36)) == (
        None, flow.after((0, fixed(1), 0), fixed(3.0))[0])


def test_the_period_of_a_driven_neuron_is_the_textbook_logarithm():
    cell = Cell(tau_mem=10.0, tau_syn=5.0, v_rest=2.0, v_init=0.0, t_refractory=1.0)
    outcome = neuron_oracle.run(cell, [], 50.0)
    with mpmath.workdps(50):
        for k, time in enumerate(outcome.times):
            assert abs(time - (10 * mpmath.log(2) * (k + 1) + k)) < 1e-13  # the release is rounded to a double
    assert len(outcome.times) == 6
    assert outcome.undecided == INF


def test_a_touch_is_counted_as_undecidable_but_not_at_the_start():
    touching = neuron_oracle.run(Cell(tau_mem=INF, tau_syn=0.0), [(1.0, 0.5), (2.0, 0.5)], 3.0)
    assert (touching.times, touching.undecided) == ([], 2.0)
    starting = neuron_oracle.run(Cell(tau_mem=20.0, tau_syn=5.0, v_init=1.0), [], 3.0)
    assert (starting.times, starting.undecided) == ([0], INF)
