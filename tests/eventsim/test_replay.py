"""Membranes rebuilt from traces: against the equations, and against what the engines report."""

import histories
import networks
import neuron_oracle
import numpy as np
import pytest
import regimes
from hypothesis import given, settings

import eventsim as es
from eventsim.engines import layers
from eventsim.errors import InputError

INF = float("inf")
ORDINARY = [regime for regime in regimes.REGIMES if not regime.grazing]


@pytest.mark.parametrize("regime", ORDINARY, ids=lambda regime: regime.name)
def test_potential_and_current_solve_the_equations_between_the_recorded_spikes(regime):
    batch, t_stop, flow = histories.drawn(regime, 77, 6)
    trace = histories.traced(batch, t_stop)
    spikes = trace.spikes("cell")
    for j, history in enumerate(batch):
        own = spikes.time[spikes.neuron == j].tolist()
        arrivals = history.arrivals()
        times = np.unique([0.0, *own[:5], *[t for t, *_ in arrivals if t <= t_stop], *np.linspace(0.0, t_stop, 23)])
        rebuilt = trace.membrane("cell", j, times)
        v, i = (np.array(values, float) for values in neuron_oracle.states(history.cell, arrivals, own, times, flow))
        assert rebuilt.v[0] == pytest.approx(v, rel=1e-10, abs=1e-10 * max(1.0, np.abs(v).max()))
        assert rebuilt.i[0] == pytest.approx(i, rel=1e-10, abs=1e-10 * max(1.0, np.abs(i).max()))


def one_neuron(neuron, arrivals, t_stop=20.0):
    """Return the trace of one neuron; arrivals: (time, weight)."""
    net = es.Network(seed=0)
    net.input("source", 1)
    net.population("cell", 1, neuron)
    net.connect("source", "cell", es.Dense([[1.0]]))
    time, weight = zip(*arrivals, strict=True)
    return es.simulate(net, {"source": es.Spikes(time, [0] * len(time), amplitude=weight)}, t_stop, engine="heap")


def test_the_membrane_is_held_at_reset_while_refractory_and_the_current_goes_on():
    trace = one_neuron(es.LIF(20.0, 5.0, v_reset=-0.5, t_refractory=6.0), [(1.0, 12.0), (5.0, 3.0)])
    spike = trace.spikes("cell").time[0]
    inside = spike + np.array([1e-9, 1.0, 3.0, 5.9])
    v, i = trace.membrane("cell", 0, inside)
    assert np.all(v == -0.5)
    expected = 12.0 * np.exp(-(inside - 1.0) / 5.0) + np.where(inside > 5.0, 3.0 * np.exp(-(inside - 5.0) / 5.0), 0.0)
    assert i[0] == pytest.approx(expected, rel=1e-13)
    after = trace.membrane("cell", 0, [spike + 6.0, spike + 6.5]).v[0]
    assert after[0] == pytest.approx(-0.5)
    assert after[1] > -0.5


def test_after_a_neurons_only_spike_the_potential_stays_at_reset_for_good():
    trace = one_neuron(es.LIF(20.0, 5.0, t_refractory=es.NEVER), [(1.0, 12.0), (9.0, 30.0)])
    v, i = trace.membrane("cell", 0, [10.0, 20.0])
    assert v.tolist() == [[0.0, 0.0]]
    assert i[0] == pytest.approx([12.0 * np.exp(-9.0 / 5.0) + 30.0 * np.exp(-0.2), (12.0 * np.exp(-19.0 / 5.0)
                                                                                  + 30.0 * np.exp(-11.0 / 5.0))])


def test_values_are_left_limits():
    trace = one_neuron(es.LIF(INF, 0.0), [(2.0, 0.25), (4.0, 2.0)])
    v, _ = trace.membrane("cell", 0, [2.0, 2.5, 4.0, 4.5])
    assert v.tolist() == [[0.0, 0.25, 0.25, 0.0]]
    crossing = one_neuron(es.LIF(20.0, 5.0), [(1.0, 12.0)])
    spike = crossing.spikes("cell").time[0]
    assert crossing.membrane("cell", 0, [spike, np.nextafter(spike, INF)]).v[0] == pytest.approx([1.0, 0.0], abs=1e-13)


def test_jumps_within_the_refractory_period_are_lost():
    trace = one_neuron(es.LIF(INF, 0.0, t_refractory=3.0), [(2.0, 1.5), (4.0, 0.5), (5.0, 0.25)])
    assert trace.membrane("cell", 0, [4.5, 5.5]).v.tolist() == [[0.0, 0.25]]


def test_times_in_any_order_and_neurons_more_than_once_come_back_as_asked():
    batch, t_stop, _ = histories.drawn(regimes.REGIMES[3], 5, 3)
    trace = histories.traced(batch, t_stop)
    times = np.array([0.7, 0.1, 0.7, 0.4]) * t_stop
    shuffled = trace.membrane("cell", [2, 0, 2], times)
    for row, j in enumerate((2, 0, 2)):
        for column, t in enumerate(times):
            assert shuffled.v[row, column] == trace.membrane("cell", j, t).v[0, 0]
            assert shuffled.i[row, column] == trace.membrane("cell", j, t).i[0, 0]


@settings(max_examples=networks.examples(60))
@given(case=networks.layered_cases())
def test_the_potential_of_a_readout_has_the_bits_of_the_layers_engine(case):
    net = case.build()
    readouts = [p.name for p in net.populations.values() if p.kind == "neurons" and np.all(p.neuron.v_threshold == INF)]
    activations = layers.forward(layers.plan(net), case.stimulus, case.t_stop)
    for engine in ("layers", "heap"):
        trace = es.simulate(net, case.stimulus, case.t_stop, engine=engine)
        for name in readouts:
            assert trace.potential(name, case.t_stop).tobytes() == activations.potential[name].tobytes()


@settings(max_examples=networks.examples(40))
@given(case=networks.recurrent_cases(poisson=False))
def test_a_whole_population_and_single_neurons_agree_bit_for_bit(case):
    trace = case.run(stop=networks.SPIKE_LIMIT)
    for name in trace.recorded:
        t = 0.625 * case.t_stop
        together = trace.potential(name, t)
        for sample in range(trace.n_samples):
            alone = [trace.membrane(name, j, [0.25 * t, t], sample).v[0, 1] for j in range(together.shape[1])]
            assert np.array(alone).tobytes() == together[sample].tobytes()


def noisy():
    net = es.Network(seed=1)
    net.poisson("noise", 20, rate=300.0)
    net.input("source", 2)
    net.population("cell", 3, es.LIF(20.0, 5.0))
    net.connect("noise", "cell", es.Dense(0.9), delay=0.3)
    net.connect("source", "cell", es.Dense(0.5))
    return net, {"source": es.Spikes([1.0, 2.0, 4.0], [0, 1, 1], [0, 0, 1], n_samples=3)}


@pytest.mark.parametrize("stop", [None, 4])
def test_poisson_spikes_that_were_not_recorded_are_drawn_again(stop):
    net, stimulus = noisy()
    plain = es.simulate(net, stimulus, 60.0, seed=11, stop=stop)
    full = es.simulate(net, stimulus, 60.0, seed=11, stop=stop, record=["cell", "noise"])
    other = es.simulate(net, stimulus, 60.0, seed=12, stop=stop, record=["cell", "noise"])
    assert "noise" not in plain.recorded
    assert len(plain.spikes("cell").time) > 0
    for t in (0.1, 5.0, 60.0):
        assert plain.potential("cell", t).tobytes() == full.potential("cell", t).tobytes()
    assert plain.potential("cell", 5.0).tobytes() != other.potential("cell", 5.0).tobytes()


def test_unusable_questions_are_answered_with_one_line():
    net, stimulus = noisy()
    trace = es.simulate(net, stimulus, 10.0, seed=1)
    questions = [
        lambda: trace.membrane("source", 0, 1.0),
        lambda: trace.membrane("cell", 3, 1.0),
        lambda: trace.membrane("cell", [-1], 1.0),
        lambda: trace.membrane("cell", 0.5, 1.0),
        lambda: trace.membrane("cell", 0, 10.5),
        lambda: trace.membrane("cell", 0, -0.5),
        lambda: trace.membrane("cell", 0, 1.0, sample=3),
        lambda: trace.membrane("cell", 0, 1.0, sample=True),
        lambda: trace.potential("cel", 1.0),
        lambda: trace.potential("cell", 11.0),
    ]
    for question in questions:
        with pytest.raises(InputError) as caught:
            question()
        assert "\n" not in str(caught.value)


def two_receptors(fires, taus, tau_mem=20.0):
    """Return the trace of one neuron with two receptors, fed by turns, and the arrivals (time, weight, receptor)."""
    arrivals = [(1.0, 3.0, 0), (2.5, -4.0, 1), (4.0, 6.0, 0), (4.0, 2.0, 1), (9.0, 8.0, 0), (70.0, 5.0, 1)]
    net = es.Network(seed=0)
    net.population("cell", 1, es.LIF(tau_mem, dict(zip("ab", taus, strict=True)), v_threshold=1.0 if fires else INF))
    stimulus = {}
    for receptor, name in enumerate("ab"):
        mine = [(t, weight) for t, weight, of in arrivals if of == receptor]
        net.input(name, 1)
        net.connect(name, "cell", es.Dense([[1.0]]), receptor=name)
        stimulus[name] = es.Spikes([t for t, _ in mine], [0] * len(mine), amplitude=[w for _, w in mine])
    return es.simulate(net, stimulus, 100.0, engine="heap"), arrivals


@pytest.mark.parametrize("tau_mem", [20.0, 5.0, INF])
@pytest.mark.parametrize("taus", [(5.0, 10.0), (5.0, 0.0), (2.0, 20.0)])
def test_the_membrane_of_two_receptors_is_the_sum_of_what_each_does_alone(taus, tau_mem):
    trace, arrivals = two_receptors(False, taus, tau_mem)
    times = np.linspace(0.0, 100.0, 41)
    v, i = np.zeros(41), np.zeros(41)
    for receptor, tau_syn in enumerate(taus):
        mine = [(t, weight) for t, weight, of in arrivals if of == receptor]
        alone = one_neuron(es.LIF(tau_mem, tau_syn, v_threshold=INF), mine, 100.0).membrane("cell", 0, times)
        v, i = v + alone.v[0], i + alone.i[0]
    both = trace.membrane("cell", 0, times)
    assert both.v[0] == pytest.approx(v, rel=1e-9, abs=1e-9)
    assert both.i[0] == pytest.approx(i, rel=1e-9, abs=1e-9)


def test_a_neuron_with_two_receptors_is_at_its_threshold_when_it_fires():
    trace, _ = two_receptors(True, (5.0, 10.0))
    spikes = trace.spikes("cell")
    assert len(spikes.time) >= 2
    assert trace.membrane("cell", 0, spikes.time).v[0] == pytest.approx(1.0, rel=1e-10)
