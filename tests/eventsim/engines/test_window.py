"""What is particular to the window engine: shards and threads, bursts within a window, which networks it runs."""

import contextlib
import math
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from networks import EVERY, LATER, SPIKE_LIMIT, bits, examples, recurrent_cases

import eventsim as es
from eventsim import choice
from eventsim.engines import window
from eventsim.engines.cells import FRESH, FRESH_END, HIGH, LOW
from eventsim.engines.flights import new_flights
from eventsim.engines.prepared import shortest_delay
from eventsim.lower import lower

NO_LIMIT = (2**62, 0, 0)
NOTHING = np.zeros(0), np.zeros(0, np.int32), np.zeros(0)


def never():
    return False


def busy(n=60, delay=0.3, refractory=0.0, seed=5, poisson=True):
    """Return a recurrent network that keeps firing."""
    net = es.Network(seed=seed)
    cells = net.population("cells", n, es.LIF(20.0, 5.0, t_refractory=refractory, i_offset=1.2))
    net.connect(cells, cells, es.FixedInDegree(min(8, n - 1), es.Uniform(-1.5, 1.5)), delay=es.Uniform(delay, 4.0))
    if poisson:
        noise = net.poisson("noise", 30, rate=40.0)
        net.connect(noise, cells, es.FixedInDegree(5, 1.0))
    return net


def taken(sample):
    """Return the recorded spikes of a sample as bytes."""
    return [column.tobytes() for column in sample.take()]


def test_shards_are_ranges_of_neurons_with_about_as_many_synapses_each():
    net = busy(n=200)
    lowered = lower(net)
    for count in (1, 2, 3, 7):
        counts = window.Sample(net, lowered, shards=count).counts
        assert counts[0, LOW] == 0
        assert counts[-1, HIGH] == len(lowered.population)
        assert (counts[1:, LOW] == counts[:-1, HIGH]).all()
        assert (counts[:, FRESH_END] - counts[:, FRESH] >= counts[:, HIGH] - counts[:, LOW]).all()
        loads = [np.count_nonzero((lowered.synapse_target >= low) & (lowered.synapse_target < high))
                 for low, high in counts[:, [LOW, HIGH]]]
        assert max(loads) - min(loads) < 0.2 * sum(loads)


def test_more_shards_than_neurons_leave_some_empty():
    net = busy(n=2, poisson=False)
    lowered = lower(net)
    one, many = (window.Sample(net, lowered, shards=count) for count in (1, 9))
    for sample in (one, many):
        sample.run(NOTHING, 100.0, NO_LIMIT, never)
    expected = taken(one)
    assert len(expected[0]) > 0
    assert taken(many) == expected


@pytest.mark.parametrize("refractory", [0.0, 2.0])
@pytest.mark.parametrize("count", [2, 3])
def test_threads_give_the_bits_of_one_thread(count, refractory):
    net = busy(refractory=refractory)
    lowered = lower(net)
    samples = [window.Sample(net, lowered, seed=1, recorded=("noise", "cells"), shards=shards)
               for shards in (1, count)]
    for sample in samples:
        sample.run(NOTHING, 60.0, NO_LIMIT, never)
        sample.run(NOTHING, 100.0, NO_LIMIT, never)
    alone, threaded = samples
    assert threaded.arrivals == alone.arrivals > 1000
    assert taken(threaded) == taken(alone)


@contextlib.contextmanager
def in_shards(count):
    """Make every run cut its samples into so many shards, each with a thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventsim.run.shards_for", lambda *_: count)
        yield


@settings(max_examples=examples(60))
@given(recurrent_cases(taus=EVERY, delays=LATER))
def test_two_threads_give_the_bits_of_one_in_any_network(case):
    expected = case.run("window", stop=SPIKE_LIMIT, record=case.everything)
    with in_shards(2):
        found = case.run("window", stop=SPIKE_LIMIT, record=case.everything)
    assert bits(found) == bits(expected)
    assert found.ended.tolist() == expected.ended.tolist()


def test_samples_of_several_python_threads_take_turns_with_the_threads_of_their_shards():
    net = busy()
    lowered = lower(net)
    alone = window.Sample(net, lowered, seed=1)
    alone.run(NOTHING, 60.0, NO_LIMIT, never)
    expected, found = taken(alone), []

    def run():
        sample = window.Sample(net, lowered, seed=1, shards=2)
        sample.run(NOTHING, 60.0, NO_LIMIT, never)
        found.append(taken(sample))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_runs_its_shards_too():
    net = busy(n=20)
    lowered = lower(net)
    sample = window.Sample(net, lowered, seed=1, shards=2)
    sample.run(NOTHING, 20.0, NO_LIMIT, never)
    expected = taken(sample)
    process = os.fork()
    if process == 0:
        status = 1
        try:
            again = window.Sample(net, lowered, seed=1, shards=2)
            again.run(NOTHING, 20.0, NO_LIMIT, never)
            status = 0 if taken(again) == expected else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


class Tight(window.Sample):
    """A sample whose tables are as small as they may be, so that every table is too short at times."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._guessed, self._lean = True, False  # the lean kernels count on room for a spike of each neuron
        self._flights = new_flights(1)
        self.record, self.noise_time, self.noise_gid = np.zeros((1, 4)), np.zeros(1), np.zeros(1, np.int64)

    def _cut(self, n, shards):
        super()._cut(n, shards)
        self.counts[:, FRESH], self.counts[:, FRESH_END] = np.arange(shards), np.arange(1, shards + 1)
        self.fresh = np.zeros((shards, 3))


class Narrow(Tight):
    """A sample with room for one spike of each neuron in a window, and no more: others are cut."""

    def _cut(self, n, shards):
        window.Sample._cut(self, n, shards)
        self.counts[:, FRESH], self.counts[:, FRESH_END] = self.counts[:, LOW], self.counts[:, HIGH]
        self.fresh = np.zeros((n, 3))


@settings(max_examples=examples(100))
@given(recurrent_cases(taus=EVERY, delays=LATER))
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", [Tight, Narrow])
def test_tables_that_are_too_short_at_every_occasion_change_no_bit(kind, count, case):
    expected = case.run("window", stop=SPIKE_LIMIT, record=case.everything)
    with in_shards(count), pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "_parallel", window._serial)
        patch.setattr(window, "MOST_FRESH", 0 if kind is Narrow else 2**17)
        patch.setitem(choice.SAMPLES, "window", kind)
        found = case.run("window", stop=SPIKE_LIMIT, record=case.everything)
    assert bits(found) == bits(expected)
    assert found.ended.tolist() == expected.ended.tolist()


def explosive(weight):
    """Return a network whose neurons fire without end once its input comes, and the stimulus."""
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cells = net.population("cells", 3, es.LIF(20.0, 5.0))
    net.connect(source, cells, es.Dense(weight))
    net.connect(cells, cells, es.Dense(1.0), delay=0.5)
    return net, es.Spikes([1.0], [0])


@pytest.mark.parametrize("weight", [1e4, 1e22])
def test_a_network_that_blows_up_within_a_window_ends_at_its_stop_condition(weight, monkeypatch):
    monkeypatch.setattr(window, "MOST_FRESH", 2000)
    net, stimulus = explosive(weight)
    expected, found = (es.simulate(net, stimulus, 100.0, engine=engine, stop=900) for engine in ("heap", "window"))
    assert bits(found) == bits(expected)
    assert found.ended == expected.ended < 2.0


@pytest.mark.parametrize("engine", ["heap", "window"])
def test_a_network_that_blows_up_can_be_interrupted(engine, monkeypatch):
    monkeypatch.setattr(window, "MOST_FRESH", 2000)
    net, _ = explosive(1e22)
    lowered = lower(net)
    sample = choice.SAMPLES[engine](net, lowered)
    asked = iter([False] * 10 + [True])
    inputs = np.array([1.0]), np.full(1, lowered.offset[lowered.names.index("source")], np.int32), np.ones(1)
    assert not sample.run(inputs, 100.0, NO_LIMIT, lambda: next(asked))
    assert next(asked, None) is None
    assert 1.0 - 1e-15 <= sample.clock < 1.1


def test_a_neuron_that_fires_thousands_of_times_within_a_window_fires_as_on_the_heap():
    net = es.Network(seed=1)
    net.population("cells", 2, es.LIF(20.0, 5.0, i_offset=[1e5, 1e4]))
    expected, found = (es.simulate(net, None, 2.0, engine=engine) for engine in ("heap", "window"))
    assert len(expected.spikes("cells").time) > 5000
    assert bits(found) == bits(expected)


@pytest.mark.parametrize("engine", ["heap", "window"])
@pytest.mark.parametrize("size", [0, 3])
def test_time_goes_on_where_nothing_but_time_drives_the_network(engine, size):
    net = es.Network(seed=1)
    if size:  # always followed, and there is no input among the neurons
        net.population("cells", size, es.LIF(20.0, {"a": 5.0, "b": 0.0}, v_rest=0.5))
    assert es.simulate(net, None, 1000.0, engine=engine).ended == 1000.0


@pytest.mark.parametrize(("delay", "reason"), [
    (0.0, "spikes reach other neurons without delay"),
    (1e-9, "the shortest delay between neurons, 1e-09 ms, is below 1e-06 ms"),
    (1e-6, None),
    (math.inf, None),
])
def test_networks_whose_spikes_arrive_too_soon_are_refused_with_the_reason(delay, reason):
    assert window.unsuited(delay) == reason


def test_the_shortest_delay_is_that_between_neurons_whatever_inputs_do():
    net = es.Network(seed=1)
    source, noise = net.input("source", 3), net.poisson("noise", 3, rate=1.0)
    a, b = net.population("a", 3, es.LIF(20.0, 5.0)), net.population("b", 3, es.LIF(20.0, 5.0))
    net.connect(source, a, es.Dense(1.0))
    net.connect(noise, a, es.Dense(1.0), delay=0.1)
    assert shortest_delay(lower(net)) == math.inf
    net.connect(a, b, es.Dense(1.0), delay=2.0)
    assert shortest_delay(lower(net)) == 2.0
    net.connect(b, a, es.OneToOne(1.0), delay=np.array([3.0, 0.5, 1.0]))
    assert shortest_delay(lower(net)) == 0.5
