"""Largest potentials and integrals of readouts, against the membrane on a fine grid and quadrature."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import InputError

TAUS = [(20.0, 5.0), (10.0, 10.0), (10.0, 10.2), (3.0, 10.0), (math.inf, 5.0), (math.inf, math.inf), (10.0, math.inf),
        (20.0, {"fast": 2.0, "slow": 8.0}), (8.0, {"fast": 8.0, "slow": 8.0}), (math.inf, {"fast": 2.0, "slow": 8.0}),
        (20.0, {"fast": 0.0, "slow": 8.0}), (20.0, 0.0)]
ARRIVALS = [0.0, 1.5, 4.0, 4.0, 9.0, 17.0]


def run(tau_mem, tau_syn, seed=0):
    """Return the trace of a readout of 3 neurons with 2 samples, and its end in ms."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=0)
    net.input("in", 6)
    net.population("out", 3, es.LIF(tau_mem, tau_syn, v_threshold=es.NEVER, v_init=rng.normal(size=3), v_rest=0.3,
                                    i_offset=rng.normal(0.0, 0.05, 3)))
    for receptor in tau_syn if isinstance(tau_syn, dict) else [None]:
        net.connect("in", "out", es.Dense(rng.normal(0.0, 1.0, (6, 3))), delay=0.25, receptor=receptor,
                    name=f"to {receptor}")
    spikes = es.Spikes(np.array([ARRIVALS, ARRIVALS[::-1]]), np.arange(6), [[0], [1]])
    return es.simulate(net, {"in": spikes}, 25.0), 25.0


@pytest.mark.parametrize("tau_mem, tau_syn", TAUS)
def test_the_largest_potential_is_that_of_a_fine_grid(tau_mem, tau_syn):
    trace, end = run(tau_mem, tau_syn)
    values, times = es.measure.peak_potential(trace, "out")
    jumps = np.sort(np.add(ARRIVALS, 0.25))
    grid = np.unique(np.concatenate([np.linspace(0.0, end, 20001), jumps, np.nextafter(jumps, np.inf)]))
    for sample in range(2):
        course = trace.membrane("out", np.arange(3), grid, sample).v
        assert np.all(values[sample] >= course.max(axis=1) - 1e-9)
        assert np.allclose(values[sample], course.max(axis=1), atol=1e-4)
        after = np.minimum(np.nextafter(times[sample], np.inf), end)
        at = [trace.membrane("out", j, [times[sample, j], after[j]], sample).v.max() for j in range(3)]
        assert np.allclose(at, values[sample], atol=1e-10)


@pytest.mark.parametrize("tau", [math.inf, 12.0])
@pytest.mark.parametrize("tau_mem, tau_syn", TAUS)
def test_the_integral_is_that_of_the_membrane(tau_mem, tau_syn, tau):
    trace, end = run(tau_mem, tau_syn, seed=1)
    found = es.measure.integrated_potential(trace, "out", tau)
    cuts = np.array([0.0, *sorted(set(np.add(ARRIVALS, 0.25))), end])
    nodes, weights = np.polynomial.legendre.leggauss(30)  # exact to rounding between two arrivals
    half = 0.5 * np.diff(cuts)[:, None]
    times = (cuts[:-1, None] + half * (nodes + 1.0)).ravel()
    weights = (half * weights).ravel() * np.exp(-times / tau)
    for sample in range(2):
        expected = trace.membrane("out", np.arange(3), times, sample).v @ weights
        assert np.allclose(found[sample], expected, rtol=1e-11, atol=1e-11)


def test_a_potential_that_only_falls_has_its_maximum_at_the_start():
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 1, es.LIF(10.0, 5.0, v_threshold=es.NEVER, v_init=2.0))
    net.connect("in", "out", es.Dense(-1.0))
    trace = es.simulate(net, {"in": es.Spikes([1.0], [0])}, 10.0)
    values, times = es.measure.peak_potential(trace, "out")
    assert values.tolist() == [[2.0]] and times.tolist() == [[0.0]]


def test_populations_that_fire_and_bad_time_constants_are_refused():
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 1, es.LIF(10.0, 5.0))
    net.connect("in", "out", es.Dense(1.0))
    trace = es.simulate(net, {"in": es.Spikes([1.0], [0])}, 10.0)
    for measure in (es.measure.peak_potential, es.measure.integrated_potential):
        with pytest.raises(InputError, match='"out" fires; give a readout'):
            measure(trace, "out")
        with pytest.raises(InputError, match='"uot" is not known'):
            measure(trace, "uot")
    with pytest.raises(InputError, match="tau is 0"):
        es.measure.integrated_potential(trace, "out", 0)


def test_the_largest_potentials_do_not_depend_on_threads_or_on_the_samples_beside():
    net = es.Network(seed=0)
    net.input("in", 6)
    net.population("out", 3, es.LIF(10.0, 4.0, v_threshold=es.NEVER))
    net.connect("in", "out", es.Dense(np.random.default_rng(5).normal(0.0, 1.0, (6, 3))))
    rng = np.random.default_rng(6)
    spikes = es.Spikes(rng.uniform(0.0, 20.0, (40, 6)), np.arange(6), np.arange(40)[:, None])
    trace = es.simulate(net, {"in": spikes}, 25.0)
    values, times = es.measure.peak_potential(trace, "out", threads=1)
    assert np.mean(values > 0.0) > 0.5 and len(np.unique(times)) > 40
    for threads in (2, 3):
        again = es.measure.peak_potential(trace, "out", threads=threads)
        assert np.array_equal(again[0], values) and np.array_equal(again[1], times)
    alone = es.simulate(net, {"in": es.Spikes(spikes.time[-6:], spikes.neuron[-6:], np.zeros(6, int))}, 25.0)
    assert np.array_equal(es.measure.peak_potential(alone, "out")[0][0], values[-1])
