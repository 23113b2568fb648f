"""Poisson inputs inside the engines: the trains of `eventsim.poisson`, however the run is cut into horizons."""

import hypothesis.strategies as st
import networks
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from eventsim.engines import heap, noise, window
from eventsim.lower import lower
from eventsim.poisson import Source

RATES = {"hum": [300.0, 0.0, 1000.0], "buzz": [50.0]}


def network():
    """Return a network with two Poisson populations between others, and its lowered form."""
    net = es.Network(seed=1)
    net.input("an input", 2)
    net.population("cells", 3, es.LIF(20.0, 5.0))
    for name, rate in RATES.items():
        net.poisson(name, len(rate), rate=rate)
    return net, lower(net)


def expected(lowered, t_stop, seed=5, sample=2):
    """Return all spikes as (time, gid), sorted."""
    spikes = []
    for name, rate in RATES.items():
        time, neuron = Source(name, np.array(rate), seed, sample).until(t_stop)
        spikes += zip(time.tolist(), (neuron + lowered.offset[lowered.names.index(name)]).tolist(), strict=True)
    return sorted(spikes)


class Drawn:
    """The noise of a sample, drawn horizon by horizon into buffers that begin with one place."""

    def __init__(self):
        net, self.lowered = network()
        self.noise = noise.new_noise(net, self.lowered, 5, 2, ("hum",))
        self.time, self.gid, self.counters = np.zeros(1), np.zeros(1, np.int64), np.zeros(13, np.int64)
        self.now, self.short = 0.0, 0

    def until(self, end, part=1.0):
        """Return the spikes of a horizon, or of its first part, as (time, gid), in order, and take them."""
        while not noise.draw_until(self.noise, self.time, self.gid, self.counters, end):
            self.time, self.gid = np.append(self.time, self.time), np.append(self.gid, self.gid)
            self.short += 1
        size = int(self.counters[noise.N_NOISE])
        noise.in_place(self.time, self.gid, size, self.now, end)
        if part < 1.0:
            end = self.now + part * (end - self.now)
            size = int(np.searchsorted(self.time[:size], end))
        self.counters[noise.NOISE_TAKEN] = size
        self.now = end
        return list(zip(self.time[:size].tolist(), self.gid[:size].tolist(), strict=True))


@settings(max_examples=networks.examples(40))
@given(cuts=st.lists(st.floats(0.0, 100.0), max_size=6))
def test_a_train_does_not_depend_on_the_horizons_it_is_drawn_in(cuts):
    drawn, found = Drawn(), []
    for end in [*sorted(cuts), 100.0]:
        piece = drawn.until(end)
        assert piece == sorted(piece)
        found += piece
    assert found == expected(drawn.lowered, 100.0)
    assert len(found) > 80
    assert drawn.short > 0


@settings(max_examples=networks.examples(40))
@given(pieces=st.lists(st.tuples(st.floats(0.01, 50.0), st.floats(0.0, 1.0)), max_size=8))
def test_horizons_that_are_given_up_halfway_change_no_train(pieces):
    drawn, found = Drawn(), []
    for length, part in pieces:
        found += drawn.until(drawn.now + length, part)
    end = drawn.now + 20.0
    assert found + drawn.until(end) == expected(drawn.lowered, end)


def test_a_horizon_without_spikes_draws_none():
    drawn = Drawn()
    assert drawn.until(1e-9) == []
    assert drawn.until(1e-9) == []


def test_what_is_recorded_is_what_was_asked_for():
    kept = Drawn()
    offset = kept.lowered.offset[kept.lowered.names.index("hum")]
    assert np.flatnonzero(kept.noise.kept).tolist() == [offset, offset + 1, offset + 2]


def test_a_network_without_noise_draws_none():
    net = es.Network(seed=1)
    net.population("cells", 3, es.LIF(20.0, 5.0))
    silent = noise.new_noise(net, lower(net), 5, 2)
    assert len(silent.rate) == 0
    counters = np.zeros(13, np.int64)
    assert noise.draw_until(silent, np.zeros(1), np.zeros(1, np.int64), counters, 1e9)
    assert counters[noise.N_NOISE] == 0


@pytest.mark.parametrize("engine", ["heap", "window"])
def test_a_sample_records_exactly_these_trains(engine):
    net, lowered = network()
    trace = es.simulate(net, es.Spikes.empty(3), 60.0, engine=engine, seed=5, record=["hum", "buzz"])
    found = []
    for name in RATES:
        table = trace.spikes(name)
        mine = table.sample == 2
        found += zip(table.time[mine].tolist(),
                     (table.neuron[mine] + lowered.offset[lowered.names.index(name)]).tolist(), strict=True)
    assert sorted(found) == expected(lowered, 60.0)


def test_no_train_is_ever_stored_as_a_whole():
    net, lowered = network()
    sample = window.Sample(net, lowered, seed=5)
    nothing = np.zeros(0), np.zeros(0, np.int32), np.zeros(0)
    sample.run(nothing, 2000.0, (2**62, 0, 0), lambda: False)
    assert sample.noise.drawn.sum() > 2000
    assert len(sample.noise_time) < 1000


def test_much_noise_takes_room_for_noise_only():
    net = es.Network(seed=1)
    net.poisson("noise", 40, rate=20000.0)
    net.population("cells", 40, es.LIF(20.0, 0.0, v_threshold=1000.0))
    net.connect("noise", "cells", es.OneToOne(0.1))
    sample = heap.Sample(net, lower(net), seed=5)
    before = sample.record.nbytes
    nothing = np.zeros(0), np.zeros(0, np.int64), np.zeros(0)
    sample.run(nothing, 50.0, (2**62, 0, 0), lambda: False)
    assert sample.arrivals > 30_000
    assert len(sample.noise_time) >= 128
    assert sample.record.nbytes == before
