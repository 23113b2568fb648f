"""Very many spikes at one instant: exact counts, generations in order, and the same bits on every engine."""

import numpy as np
import pytest
import simultaneous
from networks import bits, examples

import eventsim as es

COUNT = examples(8_000)


def run(made, engine, t_stop=5.0):
    return es.simulate(*made, t_stop, engine=engine)


def fired(trace, name):
    """Return the neurons that fired, their distinct times and generations."""
    spikes = trace.spikes(name)
    return spikes.neuron.tolist(), np.unique(spikes.time).tolist(), np.unique(spikes.generation).tolist()


@pytest.mark.parametrize("engine", ["reference", "heap", "window", "layers"])
def test_many_inputs_at_one_instant_are_all_added_before_the_threshold_is_tested(engine):
    trace = run(simultaneous.inputs_at_once(COUNT), engine)
    assert fired(trace, "few") == ([0, 2], [1.0], [0])
    assert es.measure.synaptic_operations(trace).tolist() == [3 * COUNT]


@pytest.mark.parametrize("engine", ["heap", "window", "layers"])
def test_the_sum_of_many_rounded_arrivals_of_one_instant_has_the_same_bits(engine):
    made = simultaneous.currents_at_once(COUNT // 4)
    expected = run(made, "reference")
    assert len(expected.spikes("few").time) > 0
    assert bits(run(made, engine)) == bits(expected)


@pytest.mark.parametrize("engine", ["reference", "heap", "layers"])
def test_many_neurons_that_fire_at_one_instant_reach_another_in_its_next_generation(engine):
    trace = run(simultaneous.neurons_at_once(COUNT), engine)
    assert fired(trace, "many") == ([*range(COUNT)], [1.0], [0])
    assert fired(trace, "full") == ([0], [1.0], [1])
    assert len(trace.spikes("more").time) == 0


@pytest.mark.parametrize("engine", ["reference", "heap", "window", "layers"])
def test_many_neurons_that_fire_at_one_instant_arrive_at_one_later_instant(engine):
    trace = run(simultaneous.neurons_at_once(COUNT, delay=0.5), engine)
    assert fired(trace, "full") == ([0], [1.5], [0])
    assert len(trace.spikes("more").time) == 0


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("refractory", [0.0, es.NEVER])
@pytest.mark.parametrize("engine", ["reference", "heap"])
def test_a_long_chain_without_delay_fires_in_one_instant_a_generation_each_and_a_loop_ends(engine, refractory, closed):
    cell = simultaneous.counter.replace(t_refractory=refractory)
    spikes = run(simultaneous.chain(COUNT // 4, closed, cell), engine).spikes("chain")
    assert spikes.neuron.tolist() == spikes.generation.tolist() == [*range(COUNT // 4)]
    assert np.all(spikes.time == 1.0)


@pytest.mark.parametrize("engine", ["reference", "heap"])
def test_a_loop_of_currents_without_delay_never_fires_twice_in_one_instant(engine):
    cell = es.LIF(es.NEVER, es.NEVER, v_init=0.5)
    trace = es.simulate(*simultaneous.chain(10, True, cell), 9.0, engine=engine, stop=2000)
    spikes = trace.spikes("chain")
    assert len(spikes.time) > 100
    each = {(time, neuron) for time, neuron in zip(spikes.time.tolist(), spikes.neuron.tolist(), strict=True)}
    assert len(each) == len(spikes.time)
    assert bits(trace) == bits(es.simulate(*simultaneous.chain(10, True, cell), 9.0, engine="heap", stop=2000))
