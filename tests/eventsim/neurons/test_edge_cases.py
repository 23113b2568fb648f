"""One neuron where rounding, coincidence or a boundary could decide, each case by its name."""

import math

import neuron_oracle
import numpy as np
import pytest

import eventsim as es

INF = math.inf
ENGINES = ("heap", "reference")
TAUS = ((INF, 0.0), (20.0, 0.0), (INF, INF), (INF, 5.0), (20.0, INF), (10.0, 5.0), (20.0, 3.0), (3.0, 10.0), (5.2, 5.0),
        (4.8, 5.0), (5.0, 5.0))
every_pair = pytest.mark.parametrize("taus", TAUS)
every_engine = pytest.mark.parametrize("engine", ENGINES)


def spikes(neuron, arrivals=(), t_stop=100.0, engine="heap"):
    """Return the spikes of one neuron; arrivals: (time, weight)."""
    net = es.Network(seed=0)
    source = net.input("source", 1)
    cell = net.population("cell", 1, neuron)
    net.connect(source, cell, es.Dense([[1.0]]))
    time, weight = zip(*arrivals, strict=True) if arrivals else ((), ())
    stimulus = {"source": es.Spikes(time, np.zeros(len(time), int), amplitude=weight)}
    return es.simulate(net, stimulus, t_stop, engine=engine).spikes("cell")


def times(*arguments, **options):
    return spikes(*arguments, **options).time.tolist()


# empty input


@every_pair
@every_engine
def test_empty_input_leaves_a_neuron_at_rest_silent(taus, engine):
    assert times(es.LIF(*taus), engine=engine) == []
    assert times(es.LIF(*taus, v_init=0.75, i_offset=-0.1), engine=engine) == []


def test_empty_input_under_a_constant_drive_gives_the_textbook_period():
    leaky = times(es.LIF(20.0, 5.0, i_offset=2.0, t_refractory=1.0))
    assert np.diff(leaky) == pytest.approx(20.0 * math.log(2.0) + 1.0)
    assert times(es.LIF(INF, 4.0, i_offset=0.125, v_reset=-1.0)) == [8.0, 24.0, 40.0, 56.0, 72.0, 88.0]


# simultaneous


@every_engine
def test_simultaneous_arrivals_are_added_before_the_threshold_is_tested(engine):
    neuron = es.LIF(20.0, 0.0)
    assert times(neuron, [(3.0, 1.5), (3.0, -1.0)], engine=engine) == []
    assert times(neuron, [(3.0, 0.5), (3.0, 0.5)], engine=engine) == [3.0]
    assert times(neuron, [(3.0, -1.0), (3.0, 2.5), (3.0, -0.5)], engine=engine) == [3.0]


def test_a_spike_from_simultaneous_arrivals_happens_once_and_leaves_the_reset():
    assert times(es.LIF(INF, 0.0), [(3.0, 5.0), (3.0, 5.0), (4.0, 0.75), (5.0, 0.25)]) == [3.0, 5.0]


def test_inhibition_at_the_instant_of_a_crossing_comes_first():
    excited = [(0.0, 0.125)]  # the ramp reaches 1 at 8 ms
    assert times(es.LIF(INF, INF), excited) == [8.0, 16.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0, 72.0, 80.0, 88.0, 96.0]
    held = spikes(es.LIF(INF, INF), [*excited, (8.0, -0.125)])
    assert held.time.tolist() == [8.0]  # V touches; the arrival changes its slope, not V
    driven = es.LIF(INF, 0.0, i_offset=0.125)
    assert times(driven, [(8.0, -0.5)]) == [12.0 + 8.0 * k for k in range(11)]  # here the arrival lowers V


# grazing


@pytest.mark.parametrize("taus", [(10.0, 5.0), (20.0, 3.0), (3.0, 10.0), (5.2, 5.0), (5.0, 5.0)])
def test_grazing_from_below_gives_no_spike_and_from_above_gives_one(taus):
    cell = neuron_oracle.Cell(*taus, v_threshold=100.0)
    arrivals = [(1.0, 2.0), (4.5, 1.0), (6.0, 3.0)]
    grid = np.linspace(6.0, 20.0, 1401)
    highest = max(map(float, neuron_oracle.states(cell, arrivals, [], grid)[0]))
    below = es.LIF(*taus, t_refractory=es.NEVER, v_threshold=highest * (1.0 + 1e-5))
    above = es.LIF(*taus, t_refractory=es.NEVER, v_threshold=highest * (1.0 - 1e-9))
    assert times(below, arrivals) == []
    found = times(above, arrivals)
    exact = neuron_oracle.run(cell._replace(v_threshold=highest * (1.0 - 1e-9), t_refractory=INF), arrivals, 100.0)
    assert found == pytest.approx([float(t) for t in exact.times], abs=1e-9)
    assert len(found) == 1


@every_pair
@every_engine
def test_grazing_by_v_init_at_the_threshold_fires_at_zero(taus, engine):
    for threshold in (1.0, 0.3, 1.1, -50.1):
        neuron = es.LIF(*taus, v_rest=threshold - 0.7, v_init=threshold, v_threshold=threshold, v_reset=threshold - 0.7)
        assert times(neuron, t_stop=5.0, engine=engine) == [0.0]
        just_below = neuron.replace(v_init=threshold - 1e-13 * abs(threshold))
        assert times(just_below, t_stop=5.0, engine=engine) == []


@pytest.mark.parametrize("taus", [pair for pair in TAUS if pair[1] > 0.0])
@pytest.mark.parametrize("engine", [*ENGINES, "layers"])
def test_a_current_that_arrives_at_zero_does_not_move_v_init_off_the_threshold(taus, engine):
    for weight in (0.1, -0.3, 0.7, 12.3):
        neuron = es.LIF(*taus, v_init=1.0, v_rest=0.3, t_refractory=es.NEVER)
        found = spikes(neuron, [(0.0, weight)], t_stop=5.0, engine=engine)
        assert (found.time.tolist(), found.slope.tolist()) == ([0.0], [INF])


@pytest.mark.parametrize("tau_mem", [20.0, 3.3, INF])
@every_engine
def test_grazing_by_a_jump_of_exactly_the_threshold_fires_at_any_time(tau_mem, engine):
    rng = np.random.default_rng(1)
    for t in rng.uniform(0.0, 90.0, 40):
        assert times(es.LIF(tau_mem, 0.0), [(t, 1.0)], engine=engine) == [t]
        assert times(es.LIF(tau_mem, 0.0, v_rest=-65.0, v_threshold=-50.0, v_reset=-65.0, v_init=-65.0), [(t, 15.0)],
                     engine=engine) == [t]
        assert times(es.LIF(tau_mem, 0.0), [(t, 1.0 - 1e-14)], engine=engine) == []


# the edge of the refractory period


@every_engine
def test_refractory_edge_an_arrival_at_the_rounded_end_counts_and_one_before_is_lost(engine):
    neuron = es.LIF(20.0, 0.0, t_refractory=0.2)
    end = 0.1 + 0.2
    assert end != 0.3
    assert times(neuron, [(0.1, 1.0), (end, 1.0)], engine=engine) == [0.1, end]
    assert times(neuron, [(0.1, 1.0), (0.3, 1.0)], engine=engine) == [0.1]
    assert times(neuron, [(0.1, 1.0), (math.nextafter(end, 0.0), 1.0)], engine=engine) == [0.1]


@every_engine
def test_refractory_edge_the_membrane_starts_from_reset_at_the_end(engine):
    neuron = es.LIF(INF, INF, t_refractory=2.0, v_reset=-1.0)
    assert times(neuron, [(0.0, 0.5)], t_stop=20.0, engine=engine) == [2.0, 8.0, 14.0]


def test_refractory_edge_a_current_that_arrives_in_between_acts_after_the_end():
    found = times(es.LIF(20.0, 5.0, t_refractory=4.0), [(1.0, 20.0), (2.0, 30.0)])
    cell = neuron_oracle.Cell(20.0, 5.0, t_refractory=4.0)
    exact = neuron_oracle.run(cell, [(1.0, 20.0), (2.0, 30.0)], 100.0)
    assert found == pytest.approx([float(t) for t in exact.times], rel=1e-14)
    assert len(found) > 1 and found[1] > found[0] + 4.0


def test_refractory_edge_endless_means_one_spike():
    assert len(times(es.LIF(20.0, 5.0, t_refractory=es.NEVER, i_offset=5.0), [(1.0, 50.0)])) == 1


def test_refractory_edge_a_period_below_the_resolution_of_time_is_none():
    driven = {"v_reset": -1.0, "i_offset": 0.125}
    assert times(es.LIF(INF, 0.0, t_refractory=1e-30, **driven)) == times(es.LIF(INF, 0.0, **driven))


# a threshold at rest


@pytest.mark.parametrize("taus", [pair for pair in TAUS if pair[0] < INF])
@pytest.mark.parametrize("arrivals", [(), ((1.0, -1.0),), ((1.0, -1e-3), (20.0, -0.5))])
def test_a_threshold_at_rest_is_never_crossed_from_below_however_long_one_waits(taus, arrivals):
    neuron = es.LIF(*taus, v_rest=1.0, v_init=0.0)
    assert times(neuron, arrivals, t_stop=20000.0) == []


@pytest.mark.parametrize("taus", [pair for pair in TAUS if pair[0] < INF])
def test_a_threshold_at_rest_is_met_at_the_start_once(taus):
    assert times(es.LIF(*taus, v_rest=1.0), t_stop=10000.0) == [0.0]


def test_a_threshold_at_rest_is_crossed_by_the_smallest_excitation():
    neuron = es.LIF(20.0, 5.0, v_rest=1.0, v_init=0.0, t_refractory=es.NEVER)
    found = times(neuron, [(300.0, 1e-4)], t_stop=400.0)
    assert len(found) == 1
    exact = neuron_oracle.run(neuron_oracle.Cell(20.0, 5.0, 1.0, v_init=0.0, t_refractory=INF), [(300.0, 1e-4)], 400.0)
    assert found[0] == pytest.approx(float(exact.times[0]), rel=1e-13)


@pytest.mark.parametrize("taus, weight", [((20.0, INF), 1.0), ((INF, 2.0), 0.5), ((INF, 4.0), 0.25), ((INF, 5.0), 0.2)])
def test_a_threshold_that_the_membrane_only_tends_to_is_not_reached(taus, weight):
    assert times(es.LIF(*taus), [(1.0, weight)], t_stop=10000.0) == []
    assert times(es.LIF(*taus), [(1.0, weight), (10.0, -1e-3 * weight)], t_stop=10000.0) == []


# the ends of the run


@every_engine
def test_a_crossing_at_the_end_of_the_run_is_left_out_and_one_just_before_is_in(engine):
    ramp = es.LIF(INF, INF)
    assert times(ramp, [(0.0, 0.125)], t_stop=8.0, engine=engine) == []
    assert times(ramp, [(0.0, 0.125)], t_stop=math.nextafter(8.0, INF), engine=engine) == [8.0]


def test_a_crossing_at_a_move_of_the_origin_is_found_once():
    for crossing in (32.0, 64.0, 128.0):  # periods are powers of two
        assert times(es.LIF(INF, INF, t_refractory=es.NEVER), [(0.0, 1.0 / crossing)], t_stop=500.0) == [crossing]
        assert times(es.LIF(INF, 0.0, t_refractory=es.NEVER, i_offset=1.0 / crossing), t_stop=500.0) == [crossing]


def test_late_spikes_keep_full_relative_precision():
    arrivals = [(1e6 + 0.25, 3.0), (1e6 + 2.0, 4.0)]
    exact = neuron_oracle.run(neuron_oracle.Cell(20.0, 5.0), arrivals, 1e6 + 100.0)
    found = times(es.LIF(20.0, 5.0), arrivals, t_stop=1e6 + 100.0)
    assert len(found) == len(exact.times) > 0
    assert max(abs(ours - theirs) for ours, theirs in zip(found, exact.times, strict=True)) <= 2 * math.ulp(1e6)
