"""The oracle itself: against mpmath's ODE solver and against textbook solutions."""

import math

import mpmath
import neuron_oracle
import pytest
from linear_flow import Flow, fixed, ode_matrix, real
from neuron_oracle import Cell

INF = math.inf
TAUS = ((20.0, 5.0), (5.0, 5.0), (INF, 3.0), (4.0, INF), (INF, INF), (7.0, 0.0), (20.0, 5.0, 10.0), (5.0, 5.0, 5.0),
        (INF, 3.0, INF), (7.0, 0.0, 2.0))


@pytest.mark.parametrize("taus", TAUS)
def test_a_flow_agrees_with_the_ode_solver_of_mpmath(taus):
    start = (-0.75, 2.5, -1.5, 0.25) if len(taus) == 3 else (-0.75, 2.5, 0.25)
    with mpmath.workdps(40):
        rows = [[mpmath.mpf(e.numerator) / e.denominator for e in row] for row in ode_matrix(*taus)]
        solution = mpmath.odefun(lambda _, x: [mpmath.fdot(row, x) for row in rows], 0, [mpmath.mpf(x) for x in start])
        state = Flow(*taus).after(tuple(map(fixed, start)), fixed(3.7))
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
        assert abs(real(flow.extrema(start, fixed(50.0))[0]) - 4) < mpmath.mpf(10) ** -50


def test_a_threshold_above_the_peak_is_not_crossed_and_the_peak_says_so():
    flow = Flow(4.0, 4.0)
    crossing, peak = flow.first_crossing((0, fixed(1), 0), fixed(50.0), fixed(0.37))
    assert crossing is None
    assert real(peak) == pytest.approx(math.exp(-1))
    assert flow.first_crossing((0, fixed(1), 0), fixed(3.0), fixed(0.36)) == (
        None, flow.after((0, fixed(1), 0), fixed(3.0))[0])


TWO_TURNS = Flow(INF, 1.0, 10.0), (0, fixed(5), fixed(-2), fixed(0.125))
"""V' = 5 e^-x - 2 e^(-x / 10) + 1 / 8 is 0 near 1 and near 28."""


def test_two_currents_give_a_maximum_and_a_minimum_and_both_are_found():
    flow, start = TWO_TURNS
    found = flow.extrema(start, fixed(80.0))
    assert len(found) == 2
    with mpmath.workdps(60):
        for ours, near in zip(found, (1, 28), strict=True):
            exact = mpmath.findroot(lambda x: 5 * mpmath.exp(-x) - 2 * mpmath.exp(-x / 10) + mpmath.mpf("0.125"), near)
            assert abs(real(ours) - exact) < mpmath.mpf(10) ** -50
    assert flow.extrema(start, fixed(20.0)) == [pytest.approx(found[0])]


def test_of_two_rises_the_first_that_reaches_the_threshold_crosses_it():
    flow, start = TWO_TURNS
    top, bottom = (flow.after(start, time)[0] for time in flow.extrema(start, fixed(200.0)))
    before, decisive = flow.first_crossing(start, fixed(200.0), top - fixed(1e-9))
    assert before < flow.extrema(start, fixed(200.0))[0]
    assert decisive == top
    later, decisive = flow.first_crossing(start, fixed(200.0), top + fixed(1e-9))
    assert later > flow.extrema(start, fixed(200.0))[1]
    assert decisive == top  # it missed by less than the end exceeds the threshold
    assert abs(flow.after(start, later)[0] - top - fixed(1e-9)) < fixed(1e-50)
    assert flow.highest(start, fixed(50.0)) == (top, True)
    assert bottom < 0


def test_currents_that_have_decayed_to_nothing_hide_no_extremum():
    flow, start = Flow(1.0, 0.5, 0.01), (fixed(-0.5), fixed(4.0), fixed(-30.0), 0)
    assert len(flow.extrema(start, fixed(4000.0))) == len(flow.extrema(start, fixed(20.0))) == 2


def test_a_cell_of_two_receptors_fires_by_the_sum_of_what_arrives_at_both():
    cell = Cell(INF, (INF, 0.0), t_refractory=INF)
    outcome = neuron_oracle.run(cell, [(1.0, 0.125, 0), (3.0, 0.25, 1), (5.0, -0.5, 1)], 30.0)
    assert [float(t) for t in outcome.times] == [11.0]
    assert [float(s) for s in outcome.slopes] == [0.125]


def test_a_start_at_the_threshold_is_decidable_unless_a_jump_comes_with_it():
    cell = Cell(2.0, (4.0, 0.0), v_init=1.0, t_refractory=INF)
    assert neuron_oracle.run(cell, [(0.0, 0.5, 0)], 3.0)[::2] == ([0], INF)
    assert neuron_oracle.run(cell, [(0.0, 1e-14, 1)], 3.0)[::2] == ([], 0.0)


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
