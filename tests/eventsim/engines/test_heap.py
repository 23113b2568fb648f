"""What is particular to the heap engine: pieces of work, buffers, counters, stop conditions, quiet neurons."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from networks import SPIKE_LIMIT, bits, examples, recurrent_cases

import eventsim as es
from eventsim import choice
from eventsim.engines import heap
from eventsim.engines.cells import BASE, C0, C1, N_CANDIDATES
from eventsim.lower import lower

NO_LIMIT = (2**62, 0, 0)


def never():
    return False


def inputs(times, gids, amplitude=1.0):
    return (np.array(times, dtype=float), np.array(gids, dtype=np.int32),
            np.full(len(times), amplitude, dtype=float))


def fan(size=3, weight=1.0, **parameters):
    """Return a lowered network of one input ("a", gid 0) and `size` delta neurons ("b", gid 1 and on)."""
    net = es.Network(seed=1)
    source = net.input("a", 1)
    cells = net.population("b", size, es.LIF(20.0, 0.0, **parameters))
    net.connect(source, cells, es.Dense(np.full((1, size), weight)))
    return net, lower(net)


class Tight(heap.Sample):
    """A sample whose tables have one row each at first."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.record, self.noise_time, self.noise_gid = np.zeros((1, 4)), np.zeros(1), np.zeros(1, np.int64)

    def _pool(self, room):
        super()._pool(1)


@settings(max_examples=examples(50))
@given(recurrent_cases())
def test_the_length_of_a_piece_of_work_changes_no_bit(case):
    expected = bits(case.run(stop=SPIKE_LIMIT))
    whole = heap.Sample.CHUNK
    try:
        for chunk in (1, 3):
            heap.Sample.CHUNK = chunk
            assert bits(case.run(stop=SPIKE_LIMIT)) == expected
    finally:
        heap.Sample.CHUNK = whole


@settings(max_examples=examples(50))
@given(recurrent_cases())
def test_buffers_that_grow_at_every_occasion_change_no_bit(case):
    expected = bits(case.run(stop=SPIKE_LIMIT))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(choice.SAMPLES, "heap", Tight)
        assert bits(case.run(stop=SPIKE_LIMIT)) == expected


def test_more_spikes_than_the_first_buffers_hold_are_all_recorded():
    net, lowered = fan(size=50)
    sample = heap.Sample(net, lowered)
    room = len(sample.record)
    times = np.arange(20.0)
    sample.run(inputs(times, np.zeros(20, int)), 100.0, NO_LIMIT, never)
    time, gid, slope, generation = sample.take()
    assert len(time) == 50 * 20 > room
    assert time.tolist() == np.repeat(times, 50).tolist()
    assert gid.tolist() == list(range(1, 51)) * 20
    assert np.isinf(slope).all()
    assert not generation.any()


def test_what_was_taken_is_not_given_again():
    net, lowered = fan()
    sample = heap.Sample(net, lowered)
    sample.run(inputs([1.0], [0]), 5.0, NO_LIMIT, never)
    assert sample.take()[0].tolist() == [1.0] * 3
    sample.run(inputs([6.0], [0]), 10.0, NO_LIMIT, never)
    assert sample.take()[0].tolist() == [6.0] * 3
    assert len(sample.take()[0]) == 0


def test_arrivals_are_counted_refractory_targets_included():
    net, lowered = fan(t_refractory=es.NEVER)
    sample = heap.Sample(net, lowered)
    sample.run(inputs([1.0, 2.0, 7.0], [0, 0, 0]), 7.0, NO_LIMIT, never)
    assert sample.arrivals == 6


def test_the_clock_is_the_last_instant_processed():
    net, lowered = fan()
    sample = heap.Sample(net, lowered)
    assert sample.clock == -1.0
    sample.run(inputs([1.0, 2.5], [0, 0]), 3.0, NO_LIMIT, never)
    assert sample.clock == 2.5


def test_a_number_of_spikes_stops_a_sample_after_the_whole_instant():
    net, lowered = fan()
    sample = heap.Sample(net, lowered)
    assert sample.run(inputs([1.0, 2.0, 3.0], [0, 0, 0]), 10.0, (4, 0, 0), never)
    assert sample.take()[0].tolist() == [1.0] * 3 + [2.0] * 3
    assert sample.clock == 2.0


def test_a_stop_condition_met_at_the_last_event_stops_the_sample_too():
    net, lowered = fan()
    sample = heap.Sample(net, lowered)
    assert sample.run(inputs([1.0], [0]), 10.0, (3, 0, 0), never)
    assert sample.clock == 1.0


def test_a_spike_of_the_watched_neurons_stops_a_sample():
    net, lowered = fan()
    for first, last, stops in ((1, 2, True), (3, 4, True), (4, 9, False), (2, 2, False)):
        sample = heap.Sample(net, lowered)
        assert sample.run(inputs([1.0, 2.0], [0, 0]), 10.0, (2**62, first, last), never) is stops
        assert len(sample.take()[0]) == (3 if stops else 6)


def test_a_cancelled_sample_stops_between_two_pieces_of_work(monkeypatch):
    monkeypatch.setattr(heap.Sample, "CHUNK", 2)
    net, lowered = fan()
    sample = heap.Sample(net, lowered)
    asked = iter([False, True])
    assert not sample.run(inputs(np.arange(10.0), np.zeros(10, int)), 20.0, NO_LIMIT, lambda: next(asked))
    assert 0.0 < sample.clock < 9.0
    assert sample.take()[0].tolist() == np.repeat(np.arange(sample.clock + 1.0), 3).tolist()


def test_quiet_neurons_have_no_events_of_their_own():
    net, lowered = fan(size=4, weight=0.1)
    sample = heap.Sample(net, lowered)
    sample.run(inputs([1.0], [0]), 20.0, NO_LIMIT, never)
    assert sample.counts[0, N_CANDIDATES] == 0
    assert sample.clock == 1.0


def test_one_spike_under_way_is_one_entry_however_many_delays_it_has():
    net = es.Network(seed=1)
    source = net.input("a", 1)
    cells = net.population("b", 6, es.LIF(20.0, 0.0))
    net.connect(source, cells, es.Dense(np.full((1, 6), 2.0)), delay=np.arange(1.0, 7.0)[None, :])
    sample = heap.Sample(net, lower(net))
    sample.run(inputs([0.0], [0]), 3.5, NO_LIMIT, never)
    assert sample.take()[0].tolist() == [1.0, 2.0, 3.0]
    assert len(sample.flights()[0]) == 1
    sample.run(inputs([], []), 10.0, NO_LIMIT, never)
    assert sample.take()[0].tolist() == [4.0, 5.0, 6.0]
    assert len(sample.flights()[0]) == 0


def test_a_neuron_that_moves_its_origin_while_many_spikes_arrive_keeps_its_accumulators_small():
    net = es.Network(seed=1)
    source = net.input("a", 1)
    cell = net.population("b", 1, es.LIF(2.0, 1.0))
    net.connect(source, cell, es.Dense([[0.5]]))
    sample = heap.Sample(net, lower(net))
    sample.run(inputs(np.arange(0.0, 3000.0, 0.5), np.zeros(6000, int)), 3000.0, NO_LIMIT, never)
    cells = sample.cells
    assert np.isfinite(cells.cell[1, [C0, C1]]).all()
    assert abs(cells.cell[1, [C0, C1]]).max() < math.exp(16.0)
    assert cells.pops[1, BASE] == 16.0 * (2999.5 // 16.0)
