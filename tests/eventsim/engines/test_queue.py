"""The two heaps against sorted lists."""

import hypothesis.strategies as st
import networks
import numpy as np
from hypothesis import given, settings

from eventsim.engines import queue
from eventsim.engines.cells import IDS, PLACE
from eventsim.engines.deliveries import NEXT

N = 12
times = st.one_of(st.sampled_from([0.0, 1.0, 1.0, 2.0, 5.5, np.inf]), st.floats(0.0, 10.0))


class Slots:
    """The indexed heap with its tables."""

    def __init__(self, room):
        self.own, self.lists = np.full(room, np.nan), np.full((1 + max(IDS, PLACE), room), -1, np.int64)
        self.size = 0

    def add(self, time):
        self.own[self.size] = time
        queue.add(self.own, self.lists, self.size, self.size)
        self.size += 1

    def change(self, slot, time):
        queue.change(self.own, self.lists, self.size, slot, time)

    def first(self):
        return int(self.lists[IDS, 0])

    def check(self, expected):
        """Assert that it holds the times of `expected`, in heap order, with every place known."""
        assert self.own[:self.size].tolist() == expected
        slots, places = self.lists[IDS, :self.size], self.lists[PLACE, :self.size]
        assert places[slots].tolist() == list(range(self.size))
        for at in range(1, self.size):
            assert self.own[slots[(at - 1) >> 2]] <= self.own[slots[at]]


@settings(max_examples=networks.examples(200))
@given(steps=st.lists(st.tuples(st.integers(0, N - 1), times), max_size=60))
def test_the_indexed_heap_holds_one_time_a_slot_and_gives_the_earliest(steps):
    heap, expected = Slots(N), []
    for slot, time in steps:
        if slot < len(expected):
            heap.change(slot, time)
            expected[slot] = time
        elif len(expected) < N:
            heap.add(time)
            expected.append(time)
        heap.check(expected)
        if expected:
            assert heap.own[heap.first()] == min(expected)


def test_a_large_indexed_heap_gives_its_times_in_order():
    rng = np.random.default_rng(3)
    heap = Slots(2000)
    for time in rng.random(2000):
        heap.add(time)
    for slot in range(0, 2000, 3):
        heap.change(slot, rng.random())
    expected, found = sorted(heap.own), []
    for _ in range(2000):
        found.append(heap.own[heap.first()])
        heap.change(heap.first(), np.inf)
    assert found == expected


class Flights:
    """The heap of spikes under way, whose entries lie anywhere in their pool."""

    def __init__(self, room):
        self.times, self.heap = np.full((room, 3), np.nan), np.full(room, -1, np.int64)
        self.size = 0

    def push(self, entry, time):
        self.times[entry, NEXT] = time
        self.size = queue.push(self.times, self.heap, self.size, entry)

    def pop(self):
        entry = int(self.heap[0])
        self.size = queue.pop(self.times, self.heap, self.size)
        return entry


@settings(max_examples=networks.examples(200))
@given(steps=st.lists(st.one_of(times, st.none()), max_size=80), seed=st.integers(0, 2**32 - 1))
def test_the_heap_of_flights_gives_the_earliest_entry(steps, seed):
    flights, expected = Flights(80), {}
    unused = np.random.default_rng(seed).permutation(80).tolist()
    for time in steps:
        if time is not None:
            entry = unused.pop()
            flights.push(entry, time)
            expected[entry] = time
        elif expected:
            entry = flights.pop()
            assert expected[entry] == min(expected.values())
            del expected[entry]
        assert flights.size == len(expected)
        assert set(flights.heap[:flights.size].tolist()) == set(expected)
    rest = [flights.pop() for _ in range(flights.size)]
    assert sorted(rest) == sorted(expected)
    assert [expected[entry] for entry in rest] == sorted(expected.values())


def test_a_large_heap_of_flights_empties_in_the_order_of_time():
    rng = np.random.default_rng(5)
    flights, given = Flights(3000), rng.random(3000)
    for entry in rng.permutation(3000):
        flights.push(entry, given[entry])
    assert [given[flights.pop()] for _ in range(3000)] == sorted(given)
    assert flights.size == 0
