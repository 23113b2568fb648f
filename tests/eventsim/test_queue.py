"""The two priority queues against sorted lists."""

import hypothesis.strategies as st
import networks
import numpy as np
from hypothesis import given, settings

from eventsim import queue
from eventsim.engines.heap_state import Flight

N = 12
times = st.one_of(st.sampled_from([0.0, 1.0, 1.0, 2.0, 5.5]), st.floats(0.0, 10.0))
operations = st.lists(st.one_of(
    st.tuples(st.just("schedule"), st.integers(0, N - 1), times),
    st.tuples(st.just("cancel"), st.integers(0, N - 1), st.none()),
    st.tuples(st.just("pop"), st.none(), st.none())), max_size=60)


class Indexed:
    """The indexed heap with its arrays."""

    def __init__(self, n):
        self.key = np.full(n, np.inf)
        self.ids = np.zeros(n, np.int32)
        self.place = np.full(n, -1, np.int32)
        self.size = 0

    def schedule(self, item, time):
        self.size = queue.schedule(self.key, self.ids, self.place, self.size, item, time)

    def cancel(self, item):
        self.size = queue.cancel(self.key, self.ids, self.place, self.size, item)

    def first(self):
        return int(self.ids[0])

    def check(self, expected):
        """Assert that it holds `expected` (item -> time), in heap order, with every place known."""
        assert self.size == len(expected)
        assert {int(item): float(self.key[item]) for item in self.ids[:self.size]} == expected
        for at in range(self.size):
            assert self.place[self.ids[at]] == at
            assert at == 0 or self.key[self.ids[(at - 1) >> 2]] <= self.key[self.ids[at]]
        assert np.sum(self.place >= 0) == self.size


@settings(max_examples=networks.examples(200))
@given(steps=operations)
def test_the_indexed_heap_holds_one_time_an_item_and_gives_the_earliest(steps):
    heap, expected = Indexed(N), {}
    for kind, item, time in steps:
        if kind == "schedule":
            heap.schedule(item, time)
            expected[item] = time
        elif kind == "cancel":
            heap.cancel(item)
            expected.pop(item, None)
        elif expected:
            assert heap.key[heap.first()] == min(expected.values())
            expected.pop(heap.first())
            heap.cancel(heap.first())
        heap.check(expected)


def test_a_large_indexed_heap_empties_in_the_order_of_time():
    rng = np.random.default_rng(3)
    heap = Indexed(2000)
    for item in rng.permutation(2000):
        heap.schedule(item, rng.random())
    for item in range(0, 2000, 3):
        heap.schedule(item, rng.random())
    left = []
    while heap.size:
        left.append(heap.key[heap.first()])
        heap.cancel(heap.first())
    assert left == sorted(left)
    assert len(left) == 2000
    assert np.all(heap.place == -1)


class Flights:
    """The flight queue with its arrays."""

    def __init__(self, room):
        self.flight = Flight(np.zeros(room), np.zeros(room, np.int32), np.zeros(room, np.int64), np.zeros(room),
                             np.zeros(room))
        self.size = 0

    def push(self, entry):
        self.size = queue.push_flight(self.flight, self.size, *entry)

    def pop(self):
        entry = tuple(column[0].item() for column in self.flight)
        self.size = queue.pop_flight(self.flight, self.size)
        return entry


@settings(max_examples=networks.examples(200))
@given(steps=st.lists(st.one_of(times, st.none()), max_size=80))
def test_the_flight_queue_gives_the_earliest_spike_with_all_that_belongs_to_it(steps):
    flights, expected, number = Flights(80), [], 0
    for time in steps:
        if time is not None:
            number += 1
            entry = (time, number, 10 * number, 0.5 * number, time - 1.0)
            flights.push(entry)
            expected.append(entry)
        elif expected:
            entry = flights.pop()
            assert entry[0] == min(waiting[0] for waiting in expected)
            expected.remove(entry)
        assert flights.size == len(expected)
    rest = [flights.pop() for _ in range(flights.size)]
    assert [entry[0] for entry in rest] == sorted(entry[0] for entry in expected)
    assert sorted(rest) == sorted(expected)
