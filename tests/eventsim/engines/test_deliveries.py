"""Deliveries: a row gives the same however time is cut into windows, and they are added in the order of the key."""

import math

import hypothesis.strategies as st
import networks
import numpy as np
from hypothesis import given, settings

import eventsim as es
from eventsim.engines import deliveries
from eventsim.engines.deliveries import FIRST, LAST_SYNAPSE, LINK, SOURCE
from eventsim.engines.prepared import prepare
from eventsim.lower import lower
from eventsim.neurons import receptors

WIDTH = deliveries.SPANS


class Table:
    """Deliveries of single synapses or of runs, with the synapses they refer to."""

    def __init__(self, seed, size, run=1):
        rng = np.random.default_rng(seed)
        self.n, self.start, self.end = size, 2.0, 3.0
        self.when = rng.choice([2.0, 2.25, 2.5, math.nextafter(3.0, 0.0), *rng.uniform(2.0, 3.0, 3)], size)
        self.spans, self.amounts = np.zeros((size, WIDTH), np.int64), np.zeros((size, 4))
        length = rng.integers(1, run + 1, size)
        self.spans[:, LAST_SYNAPSE] = np.cumsum(length)
        self.spans[:, FIRST] = self.spans[:, LAST_SYNAPSE] - length
        self.spans[:, SOURCE], self.spans[:, LINK] = rng.integers(0, 4, size), rng.integers(0, 3, size)
        self.amounts[:, 3] = rng.choice([1.0, 0.5, -1.0], size)
        self.amounts[:, 0] = 0.25 * self.amounts[:, 3]
        self.targets = rng.integers(0, 3 * run, length.sum()).astype(np.int32)
        for first, last in self.spans[:, [FIRST, LAST_SYNAPSE]]:
            self.targets[first:last].sort()
        self.weights = rng.choice([0.5, 1.0, -2.0], length.sum())

    def key(self, k):
        """Return all that the order of a delivery depends on."""
        first = self.spans[k, FIRST]
        return (self.when[k], self.spans[k, SOURCE], self.spans[k, LINK], self.targets[first], self.weights[first],
                self.amounts[k, 3])

    def order(self):
        order, buckets = deliveries.orders(self.n)
        deliveries.in_order(self.n, self.when, self.spans, self.amounts, self.targets, self.weights, self.start,
                            self.end, order, buckets)
        return order[:self.n]

    def arrivals(self, order):
        """Return every arrival in sequence."""
        return [(self.when[k], self.spans[k, SOURCE], self.spans[k, LINK], self.targets[synapse], self.weights[synapse],
                 self.amounts[k, 3]) for k in order for synapse in range(*self.spans[k, [FIRST, LAST_SYNAPSE]])]


@settings(max_examples=networks.examples(100))
@given(st.integers(0, 2**32 - 1), st.integers(0, 80))
def test_deliveries_are_put_in_the_order_of_the_full_key(seed, size):
    table = Table(seed, size)
    order = table.order()
    assert sorted(order.tolist()) == list(range(size))
    assert [table.key(k) for k in order] == sorted(table.key(k) for k in range(size))


@settings(max_examples=networks.examples(30))
@given(st.integers(0, 2**32 - 1), st.integers(30, 80))
def test_deliveries_of_one_instant_are_put_in_order_too(seed, size):
    table = Table(seed, size)
    table.when[:], table.start, table.end = 2.0, 2.0, 2.0
    assert [table.key(k) for k in table.order()] == sorted(table.key(k) for k in range(size))


@settings(max_examples=networks.examples(100))
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_twins_are_found_and_merged_synapse_by_synapse(seed, size):
    table = Table(seed, size, run=4)
    order = table.order()
    runs = {}
    for k in range(size):
        runs.setdefault((table.when[k], *table.spans[k, [SOURCE, LINK]]), []).append(
            table.spans[k, LAST_SYNAPSE] - table.spans[k, FIRST])
    unordered = any(len(mine) > 1 and max(mine) > 1 for mine in runs.values())  # single synapses are in order
    assert deliveries.has_twins(size, table.when, table.spans, order) == unordered
    expected = sorted(table.arrivals(order))
    table.n, table.when, table.spans, table.amounts = deliveries.singly(size, table.when, table.spans, table.amounts)
    assert table.n == len(expected)
    assert table.arrivals(table.order()) == expected


@settings(max_examples=networks.examples(100))
@given(st.integers(0, 2**32 - 1), st.integers(0, 80))
def test_spikes_are_put_in_the_order_of_time_and_neuron(seed, size):
    rng = np.random.default_rng(seed)
    times, gids = rng.choice([2.0, 2.5, 2.75, math.nextafter(3.0, 0.0)], size), rng.permutation(size)
    order, buckets = deliveries.orders(size)
    deliveries.spikes_in_order(times, gids, size, 2.0, 3.0, order, buckets)
    assert order[:size].tolist() == np.lexsort((gids, times)).tolist()


def two_kinds_of_row():
    """Return a network whose source has a row with a delay for each synapse, and one that arrives as a whole."""
    rng = np.random.default_rng(2)
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cells = net.population("cells", 30, es.LIF(20.0, 5.0))
    weight = rng.uniform(0.5, 1.0, (1, 30))
    net.connect(source, cells, es.Dense(weight), delay=rng.choice([0.5, 0.75, 1.0, 2.5], (1, 30)), name="own")
    net.connect(source, cells, es.Dense(weight), delay=1.25, name="shared")
    return net


def delivered(made, row, emitted, ends, room=100):
    """Return the arrivals (time, target, what is added to the accumulators) of one spike, window by window."""
    lowered, found = made.lowered, []
    at, end_of_row = int(made.rows.row_start[row]), int(made.rows.row_stop[row])
    for end in ends:
        following = -1.0
        while following < end:
            when, spans, amounts = np.zeros(room), np.zeros((room, WIDTH), np.int64), np.zeros((room, 4))
            n, at, following = deliveries.emit(
                made.cells.pops, made.rows, made.links, made.targets, lowered.synapse_weight, row, at,
                emitted, 2.0, 0, end, 0, when, spans, amounts)
            for k in range(n):
                assert when[k] < end
                assert spans[k, SOURCE] == 0 and spans[k, LINK] == made.rows.row_projection[row]
                found += [(when[k], int(lowered.synapse_target[synapse]), *amounts[k])
                          for synapse in range(spans[k, FIRST], spans[k, LAST_SYNAPSE])]
        assert following == math.inf or at < end_of_row
    assert following == math.inf
    return found


@settings(max_examples=networks.examples(50))
@given(st.lists(st.floats(0.0, 20.0), max_size=5), st.sampled_from((0.0, 3.3, 10.7)), st.integers(1, 3))
def test_a_row_delivers_the_same_however_time_is_cut_into_windows(cuts, emitted, room):
    made = prepare(lower(two_kinds_of_row()))
    lowered = made.lowered
    cells = lowered.names.index("cells")
    for row in range(2):
        first, last = lowered.row_start[row], lowered.row_stop[row]
        delays = (np.full(30, lowered.row_delay[row]) if lowered.row_delay[row] >= 0.0
                  else lowered.synapse_delay[first - lowered.first_delay:last - lowered.first_delay])
        expected = []
        for delay, target in zip(delays, lowered.synapse_target[first:last], strict=True):
            psi = receptors.psi(int(lowered.regime[cells]), 20.0, 5.0, 0.0, 0, emitted + delay)
            expected.append((emitted + delay, int(target), *(2.0 * p for p in psi), 2.0))
        assert delivered(made, row, emitted, [*sorted(cuts), math.inf], room) == expected


@settings(max_examples=networks.examples(50))
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_row_is_varied_where_its_weights_differ(seed, values):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=1)
    source, cells = net.input("source", 5), net.population("cells", 4, es.LIF(20.0, 5.0))
    weight = rng.choice([0.5, 1.0, -2.0, 0.25][:values], (5, 4)) * (rng.random((5, 4)) < 0.5)
    present = np.nonzero(weight)
    net.connect(source, cells, es.Sparse(*present, weight[present]), delay=1.0)
    lowered = lower(net)
    spans = zip(lowered.row_start, lowered.row_stop, strict=True)
    expected = [len(set(lowered.synapse_weight[first:last])) > 1 for first, last in spans]
    assert prepare(lowered).rows.varied.tolist() == expected
