"""Initial weights: moments of the response against quadrature and simulation, draws by counter."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import eventsim as es
from eventsim.errors import InputError
from training import initialize

REGIMES = [
    (20.0, 5.0),
    (5.0, 20.0),
    (0.004, 5.0),
    (10.0, 10.0),
    (10.0, 10.0 * (1 + 1e-10)),
    (math.inf, 2.0),
    (math.inf, math.inf),
    (7.0, math.inf),
    (7.0, 0.0),
    (math.inf, 0.0),
]


@pytest.mark.parametrize("tau_mem, tau_syn", REGIMES)
def test_the_unit_response_solves_its_equations(tau_mem, tau_syn):
    s, h = 3.0, 1e-5
    now, slope = (
        initialize.unit_response(tau_mem, tau_syn, s),
        (
            initialize.unit_response(tau_mem, tau_syn, s + h)
            - initialize.unit_response(tau_mem, tau_syn, s - h)
        )
        / (2 * h),
    )
    current = 0.0 if tau_syn == 0.0 else math.exp(-s / tau_syn)
    expected = current if math.isinf(tau_mem) else (current - now) / tau_mem
    assert slope == pytest.approx(expected, rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("tau_mem, tau_syn", REGIMES)
@pytest.mark.parametrize("window", [1.0, 40.0])
def test_response_moments_agree_with_adaptive_quadrature(tau_mem, tau_syn, window):
    mine = initialize.response_moments(tau_mem, tau_syn, window)
    for k in (1, 2):
        exact, _ = quad(
            lambda s, k=k: float(initialize.unit_response(tau_mem, tau_syn, s)) ** k, 0.0, window / 2
        )
        assert mine[k - 1] == pytest.approx(exact / window, rel=1e-8)


def test_the_moment_rule_puts_the_threshold_kappa_deviations_above_the_mean():
    tau_mem, tau_syn, window, n, kappa = 20.0, 5.0, 10.0, 200, 1.25
    mean, sd = initialize.moment_rule(tau_mem, tau_syn, n, window, threshold=2.0, kappa=kappa)
    rng = np.random.default_rng(0)
    arrivals = rng.uniform(0.0, window, (4000, n))
    weights = rng.normal(mean, sd, (4000, n))
    age = np.maximum(window / 2 - arrivals, 0.0)
    v = np.sum(weights * initialize.unit_response(tau_mem, tau_syn, age), axis=1)
    assert np.std(v) == pytest.approx(2.0 / kappa, rel=0.05)


def test_a_mean_drives_the_potential_to_its_multiple_of_the_threshold():
    mean, _ = initialize.moment_rule(math.inf, math.inf, 50, 1.0, mean=1.5, active=0.4)
    assert mean * 50 * 0.4 * 0.5 == pytest.approx(1.5)  # a ramp has risen half the window on average


def test_weights_are_drawn_for_the_time_constant_of_the_receptor_they_feed():
    net = es.Network(seed=1)
    net.input("in", 400)
    net.population("out", 50, es.LIF(20.0, {"fast": 5.0, "slow": 10.0}))
    for name in ("fast", "slow"):
        net.connect("in", "out", es.Dense(1.0), receptor=name, name=name)
    initialize.by_moments(net, 10.0)
    for name, tau_syn in (("fast", 5.0), ("slow", 10.0)):
        _, sd = initialize.moment_rule(20.0, tau_syn, 400, 10.0)
        assert np.std(net.projections[name].weight) == pytest.approx(sd, rel=0.02)


def test_the_discrete_rule_gives_unit_variance_a_step():
    _, sd = initialize.discrete_rule(400, 8)
    assert sd**2 * 400 / 8 == pytest.approx(1.0)
    assert initialize.kaiming_rule(50)[1] == pytest.approx(0.2)


@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_draws_have_the_wished_moments_and_depend_on_the_name_only(law):
    w = initialize.draw((300, 200), 0.5, 2.0, 7, "a->b", law)
    assert np.mean(w) == pytest.approx(0.5, abs=0.03) and np.std(w) == pytest.approx(2.0, rel=0.01)
    assert np.array_equal(w, initialize.draw((300, 200), 0.5, 2.0, 7, "a->b", law))
    assert not np.array_equal(w, initialize.draw((300, 200), 0.5, 2.0, 7, "a->c", law))


def ramp(alone, spread, active=0.5, shape=200, pool=1):
    """Return a network of ramp neurons with initial weights beside a bias current."""
    net = es.Network(seed=3)
    net.input("in", shape)
    net.population("out", 300, es.LIF(math.inf, math.inf, v_threshold=2.0, t_refractory=es.NEVER))
    net.connect("in", "out", es.Dense(0.0, pool=pool))
    initialize.by_current(net, alone, spread, active)
    return net


def test_a_neuron_with_a_bias_current_and_no_input_fires_when_it_was_told_to():
    net = ramp(alone=1.25, spread=2.0)
    trace = es.simulate(net, {}, t_stop=3.0, engine="reference")
    assert np.all(trace.first_spikes("out") == 1.25)


@pytest.mark.parametrize("pool", [1, 2])
def test_the_weights_of_the_active_inputs_move_the_slope_by_their_spread(pool):
    active, spread, alone = 0.4, 1.5, 0.5
    shape = (20, 20, 1)
    net = ramp(alone, spread, active, shape, pool)
    weight = net.projections["in->out"].weight
    assert np.allclose(weight.mean(axis=0), 0.0, atol=1e-12)
    rng = np.random.default_rng(0)
    # a fresh neuron has fresh weights; those of one neuron sum to 0, which narrows the sums over half of them
    weight = rng.normal(0.0, weight.std(), (len(weight), 4000))
    fires = rng.random((*shape[:2], 4000)) < active
    side = shape[0] // pool
    windows = fires.reshape(side, pool, side, pool, -1).mean(axis=(1, 3)).reshape(side * side, -1)
    assert np.std(np.sum(weight * windows, axis=0)) == pytest.approx(spread * 2.0 / alone, rel=0.05)


def test_the_bias_current_is_refused_where_neurons_leak():
    net = es.Network(seed=1)
    net.input("in", 5)
    net.population("out", 3, es.LIF(20.0, 5.0))
    net.connect("in", "out", es.Dense(0.0))
    with pytest.raises(InputError, match=r'"out" has tau_mem = 20 ms\. Use tau_mem = inf'):
        initialize.by_current(net, 1.0)
    with pytest.raises(InputError, match=r"alone = 0\.0 cannot be used"):
        initialize.current_rule(10, alone=0.0, spread=1.0)


def test_a_silent_readout_gets_weights_and_no_bias_current():
    net = es.Network(seed=1)
    net.input("in", 50)
    net.population("out", 3, es.LIF(math.inf, math.inf, v_threshold=es.NEVER))
    net.connect("in", "out", es.Dense(0.0))
    initialize.by_current(net, 1.0, spread=2.0, active=0.5)
    assert net["out"].neuron.i_offset == 0.0
    assert net.projections["in->out"].weight.std() == pytest.approx(2.0 / 5.0)
