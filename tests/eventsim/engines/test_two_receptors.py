"""Neurons with two receptors on the engines: against an oracle spike by spike, and where one receptor is the same."""

import math

import hypothesis.strategies as st
import networks
import numpy as np
import pair_oracle
import pytest
from hypothesis import given, settings

import eventsim as es

INF = math.inf
TAUS = ((20.0, 5.0, 10.0), (20.0, 10.0, 5.0), (20.0, 0.0, 10.0), (20.0, 5.0, 0.0), (20.0, 20.0, 5.0), (20.0, 5.0, INF),
        (20.0, 0.0, INF), (5.0, 20.0, 5.1), (INF, 5.0, 10.0), (INF, 0.0, 5.0), (INF, INF, 5.0), (20.0, 0.0, 0.0))


def simulated(neuron, arrivals, t_stop, engine):
    """Return the spikes of one neuron; arrivals: (time, receptor number, weight)."""
    net = es.Network(seed=1)
    net.population("cell", 1, neuron)
    stimulus = {}
    for number, name in enumerate(neuron.receptors):
        net.input(name, 1)
        net.connect(name, "cell", es.Dense([[1.0]]), receptor=name)
        mine = [(t, w) for t, k, w in arrivals if k == number]
        times, weights = zip(*mine, strict=True) if mine else ((), ())
        stimulus[name] = es.Spikes(times, np.zeros(len(times), int), amplitude=weights)
    return es.simulate(net, stimulus, t_stop, engine=engine).spikes("cell")


@st.composite
def histories(draw):
    """A neuron and up to 14 arrivals at instants of their own."""
    tau_mem, first, second = draw(st.sampled_from(TAUS))
    rest = draw(st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.3]))
    neuron = es.LIF(
        tau_mem, {"one": first, "two": second}, v_rest=rest, v_reset=draw(st.sampled_from([0.0, -1.5])),
        t_refractory=draw(st.sampled_from([0.0, 2.0, 7.3, es.NEVER])),
        i_offset=draw(st.sampled_from([0.0, 0.05, -0.05])), v_init=draw(st.sampled_from([None, 0.0, 0.9])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrivals = []
    for time in np.sort(rng.uniform(0.0, 60.0, rng.integers(0, 15))):
        receptor = int(rng.integers(0, 2))
        tau = (first, second)[receptor]
        unit = 0.8 if tau == 0.0 else (4.0 / min(tau, 20.0) if tau_mem == INF else 4.0)
        arrivals.append((float(time), receptor, float(rng.lognormal(0.0, 0.7) * unit * rng.choice([1.0, 1.0, -0.8]))))
    return neuron, arrivals


@pytest.mark.parametrize("engine", ["reference", "heap", "window"])
@settings(max_examples=networks.examples(120))
@given(history=histories())
def test_the_spikes_are_those_of_the_oracle(engine, history):
    neuron, arrivals = history
    exact, slopes, end = pair_oracle.run(neuron, arrivals, 77.7)
    found = simulated(neuron, arrivals, 77.7, engine)
    count = np.count_nonzero(found.time < end) if end < 77.7 else len(found.time)
    assert count == len(exact)
    for k in range(count):
        steepness = 1.0 if math.isinf(slopes[k]) else float(slopes[k])
        assert abs(found.time[k] - exact[k]) * steepness <= 1e-12 * (1.0 + float(exact[k]) * steepness)
        assert found.slope[k] == pytest.approx(float(slopes[k]), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("engine", ["reference", "heap", "window"])
@pytest.mark.parametrize("taus", [(20.0, 5.0), (20.0, 20.0), (20.0, 19.8), (INF, 5.0), (20.0, INF), (INF, INF),
                                  (20.0, 0.0), (INF, 0.0)])
def test_two_receptors_with_equal_time_constants_are_one(engine, taus):
    rng = np.random.default_rng(1)
    unit = 0.5 if taus[1] == 0.0 else (0.1 if taus[0] == INF else 3.0)
    arrivals = [(float(t), int(rng.integers(0, 2)), unit * float(rng.uniform(-0.5, 1.5)))
                for t in np.sort(rng.uniform(0.0, 80.0, 60))]
    both = es.LIF(taus[0], {"e": taus[1], "i": taus[1]}, t_refractory=1.5)
    one = es.LIF(taus[0], {"only": taus[1]}, t_refractory=1.5)
    double = simulated(both, arrivals, 100.0, engine)
    single = simulated(one, [(t, 0, w) for t, _, w in arrivals], 100.0, engine)
    assert len(single.time) > 3
    assert double.time == pytest.approx(single.time, rel=1e-11)
    assert double.slope == pytest.approx(single.slope, rel=1e-9)


@pytest.mark.parametrize("engine", ["reference", "heap", "window"])
def test_refractory_neurons_lose_the_jumps_of_one_receptor_and_keep_the_current_of_the_other(engine):
    neuron = es.LIF(INF, {"jump": 0.0, "ramp": INF}, t_refractory=4.0)
    arrivals = [(1.0, 0, 1.0), (2.0, 0, 0.75), (3.0, 1, 0.25)]
    # The jump at 2 is lost; the current of 3 acts from the end of the refractory period, 5, and V = 1 is 4 ms later.
    found = simulated(neuron, arrivals, 16.0, engine)
    assert found.time.tolist() == [1.0, 9.0]
    assert found.slope.tolist() == [INF, 0.25]


@pytest.mark.parametrize("engine", ["reference", "heap", "window"])
@pytest.mark.parametrize("receptors", [{"e": 5.0, "i": 10.0}, {"e": 0.0, "i": 10.0}])
def test_a_start_at_the_threshold_fires_at_zero(engine, receptors):
    neuron = es.LIF(20.0, receptors, v_init=0.3, v_threshold=0.3, t_refractory=es.NEVER)
    assert simulated(neuron, [(1.0, 0, -1.0)], 5.0, engine).time.tolist() == [0.0]
