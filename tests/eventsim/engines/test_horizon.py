"""The filter: a neuron that its limit clears cannot fire before the end of the horizon, whatever arrives below it."""

import math
from typing import NamedTuple

import hypothesis.strategies as st
import networks
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from eventsim.engines import horizon, limits, window
from eventsim.engines.cells import (
    ADD_CURRENT,
    ADD_JUMP,
    ADD_TWO,
    C0,
    C1,
    C2,
    JUMPS,
    KIND,
    LIMIT,
    LIMIT_TWO,
    NEARBY,
    PERIOD,
    RELEASE,
    SEEN,
    crossing,
)
from eventsim.engines.deliveries import ADD, RECEPTOR
from eventsim.lower import lower
from eventsim.neurons import receptors

INF = math.inf


class Cells(NamedTuple):
    """A population of neurons on its own at `now`, before the horizon [now, end)."""

    sample: object
    first: int
    last: int
    now: float
    end: float

    @property
    def p(self):
        return int(self.sample.prepared.lowered.names.index("cells"))

    @property
    def taus(self):
        lowered, p = self.sample.prepared.lowered, self.p
        return (int(lowered.regime[p]), *(float(tau[p]) for tau in (lowered.tau_mem, lowered.tau_syn, lowered.tau_two)))

    def state(self, j, t):
        """Return V - v_inf and the currents at t, relative to the origin at 0."""
        cell = self.sample.cells.cell[j]
        c2 = cell[C2] if len(cell) > 4 else 0.0
        return receptors.local(*self.taus, self.sample.prepared.lowered.drive[j], cell[C0], cell[C1], c2, t)

    def put(self, j, v, i, i2):
        """Give neuron j a membrane and currents at `now`."""
        cell = self.sample.cells.cell[j]
        units = np.array([receptors.local(*self.taus, 0.0, *unit, self.now) for unit in np.eye(3)])
        drift = receptors.local(*self.taus, self.sample.prepared.lowered.drive[j], 0.0, 0.0, 0.0, self.now)[0]
        found = np.linalg.lstsq(units.T, np.array([v - drift, i, i2]), rcond=None)[0]
        cell[C0], cell[C1] = found[:2]
        if len(cell) > 4:
            cell[C2] = found[2]
        cell[SEEN] = self.now

    def begin(self):
        """Set the limits; return which neurons they clear."""
        sample, made = self.sample, self.sample.prepared
        cell, slow, marks, pops = sample.cells
        units = np.zeros((len(pops), limits.UNITS))
        limits.measure(pops, units, made.excites, self.now, self.end)
        horizon.begin(cell, slow, marks, pops, sample.own, sample.lists, sample.counts, 0, units, self.p,
                      self.first, self.last, False)
        return [j for j in range(self.first, self.last) if marks[j, NEARBY] == 0]

    def fed(self, link):
        """Return the number of the accumulator by which the arrivals of a projection are filtered, and its limit."""
        how = self.sample.prepared.links[link, ADD]
        return (2, LIMIT_TWO) if how == ADD_TWO else (1, LIMIT) if how == ADD_CURRENT else (0, LIMIT)

    def add(self, j, link, weight, t):
        """Add an arrival to neuron j as long as no limit is reached; return whether it was added."""
        cell, (number, limit) = self.sample.cells.cell[j], self.fed(link)
        psi = receptors.psi(*self.taus, int(self.sample.prepared.links[link, RECEPTOR]), t)
        columns = (C0, C1, C2) if len(cell) > 4 else (C0, C1)
        after = [cell[column] + weight * p for column, p in zip(columns, psi, strict=False)]
        if not after[number] < cell[limit]:
            return False
        cell[list(columns)] = after
        return True

    def most(self, j, link, t):
        """Return about the largest weight that, arriving at t, keeps neuron j below its limit; inf: any."""
        cell, (number, limit) = self.sample.cells.cell[j], self.fed(link)
        psi = receptors.psi(*self.taus, int(self.sample.prepared.links[link, RECEPTOR]), t)[number]
        has = cell[(C0, C1, C2)[number]]
        weight = (cell[limit] - has) / psi
        less = 1e-16 * (abs(weight) + abs(has / psi) + 1e-200)
        while math.isfinite(weight) and not has + weight * psi < cell[limit]:
            weight, less = weight - less, 2.0 * less
        return weight


def alone(neuron, size, now=0.0, end=1.0, excites=(True, True)):
    """Return neurons that get one projection a receptor from a source that never fires."""
    net = es.Network(seed=1)
    source = net.population("source", 1, es.LIF(10.0, 0.0))
    cells = net.population("cells", size, neuron)
    for receptor, positive in zip(neuron.receptors or (None,), excites, strict=False):
        net.connect(source, cells, es.Dense(1.0 if positive else -1.0), delay=1.0, receptor=receptor,
                    name=f"to {receptor}")
    lowered = lower(net)
    sample = window.Sample(net, lowered)
    first = int(lowered.offset[lowered.names.index("cells")])
    return Cells(sample, first, first + size, now, end)


@st.composite
def begun(draw):
    """Neurons of any kind somewhere below their thresholds, and what may excite them."""
    size = 6
    neuron = networks.neurons(draw, size, taus=networks.EVERY)
    excites = draw(st.sampled_from(((True, True), (True, False), (False, True))))
    cells = alone(neuron, size, excites=excites)
    period = float(cells.sample.prepared.lowered.period[cells.p])
    now = draw(st.sampled_from((0.0, 0.03, 0.4))) * period
    cells = cells._replace(now=now, end=min(now + draw(st.sampled_from((1e-6, 0.01, 0.25, 1.0, 4.0))), period))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lowered = cells.sample.prepared.lowered
    for j in range(cells.first, cells.last):
        gap = rng.choice([1e-12, 1e-6, 0.01, 0.3, 1.0, 3.0])
        kicks = rng.choice([-3.0, -0.1, 0.0, 0.0, 0.1, 1.0], 2) * gap
        cells.put(j, lowered.theta[j] - gap, *kicks)
    return cells, rng


@settings(max_examples=networks.examples(400))
@given(begun())
def test_a_neuron_that_is_kept_below_its_limit_does_not_fire_before_the_end_of_the_horizon(made):
    cells, rng = made
    slow, pops = cells.sample.cells.slow, cells.sample.cells.pops
    lowered, links = cells.sample.prepared.lowered, cells.sample.prepared.links
    jumps = pops[cells.p, KIND] == JUMPS
    for j in cells.begin():
        instants = rng.uniform(cells.now, cells.end, rng.integers(0, 12))
        instants = np.sort(np.append(instants, [cells.now, math.nextafter(cells.end, 0.0)])).tolist()
        for t, following in zip(instants, [*instants[1:], cells.end], strict=True):
            for _ in range(rng.integers(0, 3)):
                link = int(rng.choice([k for k in range(len(links)) if links[k, 0] == cells.p]))
                positive = cells.sample.prepared.excites[cells.p, links[link, RECEPTOR]]
                push = cells.most(j, link, t) if positive else 0.0
                weight = push if rng.random() < 0.6 else min(push, rng.normal()) if positive else -abs(rng.normal())
                if math.isfinite(weight):
                    cells.add(j, link, weight, t)
            v, i, i2 = cells.state(j, t)
            assert v < lowered.theta[j] or (jumps and cells.sample.cells.cell[j, LIMIT] == INF)
            assert crossing(slow, pops, j, cells.p, t, v, i, i2) >= following


@settings(max_examples=networks.examples(100))
@given(begun())
def test_a_neuron_that_would_fire_by_itself_within_the_horizon_is_not_cleared(made):
    cells, _ = made
    slow, pops = cells.sample.cells.slow, cells.sample.cells.pops
    cleared = cells.begin()
    for j in range(cells.first, cells.last):
        if crossing(slow, pops, j, cells.p, cells.now, *cells.state(j, cells.now)) < cells.end:
            assert j not in cleared


CLEARED = [taus for taus in networks.EVERY if len(taus) == 2 or (0.0 not in taus[1:])]


@pytest.mark.parametrize("taus", CLEARED)
def test_a_neuron_at_rest_takes_some_excitation_before_it_is_followed(taus):
    cells = alone(es.LIF(taus[0], taus[1] if len(taus) == 2 else dict(zip("ab", taus[1:], strict=True))), 1, end=0.5)
    assert cells.begin() == [cells.first]
    cell, links = cells.sample.cells.cell[cells.first], cells.sample.prepared.links
    assert 0.0 < cell[LIMIT] < INF
    for link in np.flatnonzero(links[:, 0] == cells.p):
        assert cells.most(cells.first, link, 0.25) > 0.01


@pytest.mark.parametrize("taus", [taus for taus in networks.EVERY if taus not in CLEARED])
def test_neurons_with_a_delta_receptor_beside_a_current_are_always_followed(taus):
    cells = alone(es.LIF(taus[0], dict(zip("ab", taus[1:], strict=True))), 1)
    assert cells.begin() == []


def test_a_receptor_that_nothing_excites_needs_no_limit():
    neuron = es.LIF(20.0, {"a": 5.0, "b": 10.0})
    both, one = alone(neuron, 1), alone(neuron, 1, excites=(True, False))
    for cells in (both, one):
        assert cells.begin() == [cells.first]
    cell, lone = both.sample.cells.cell[both.first], one.sample.cells.cell[one.first]
    assert lone[LIMIT] == pytest.approx(2.0 * cell[LIMIT])
    assert lone[LIMIT_TWO] > 1e100


def test_a_gap_that_rounding_of_arrivals_may_close_clears_nobody():
    # Arrivals of about 0.5 that cancel leave V with an error of 4e-17, here 4e-11 ms of the way to the threshold.
    neuron = es.LIF(20.0, {"a": 5.0, "b": INF}, v_threshold=0.0, v_reset=-1.0)
    cells = alone(neuron, 2, now=1.92, end=1.920001, excites=(False, True))
    for j, gap in ((cells.first, 1e-12), (cells.first + 1, 1e-6)):
        cells.put(j, -gap, 0.0, 0.0)
    assert cells.begin() == [cells.first + 1]


def test_readouts_and_neurons_that_fired_their_only_spike_are_never_followed():
    cells = alone(es.LIF(20.0, 5.0, v_threshold=[1.0, es.NEVER], t_refractory=es.NEVER), 2)
    cells.sample.cells.slow[cells.first, 6:7] = INF  # its threshold, once it has fired
    cells.sample.cells.slow[cells.first, RELEASE] = INF
    for j in (cells.first, cells.first + 1):
        cells.put(j, 5.0, 5.0, 0.0)
    assert cells.begin() == [cells.first, cells.first + 1]
    assert (cells.sample.cells.cell[cells.first:cells.last, LIMIT] == INF).all()


def test_the_shorter_the_horizon_the_higher_the_limits():
    limits = []
    for end in (4.0, 1.0, 0.25):
        cells = alone(es.LIF(20.0, 5.0), 1, end=end)
        cells.begin()
        limits.append(cells.sample.cells.cell[cells.first, LIMIT])
    assert limits == sorted(limits)


def test_no_origin_moves_inside_a_horizon():
    cells = alone(es.LIF(20.0, 5.0), 1)
    pops = cells.sample.cells.pops
    period = float(cells.sample.prepared.lowered.period[cells.p])
    others = float(cells.sample.prepared.lowered.period.min())
    assert horizon.next_end(pops, 0.0, 1.0, 100.0) == 1.0
    assert horizon.next_end(pops, 0.0, 1e3, 0.5) == 0.5
    assert horizon.next_end(pops, 0.0, 1e3, 1e3) == min(period, others)
    late = 7.25 * others
    assert horizon.next_end(pops, late, 1e3, 1e6) == 8 * others


def test_a_horizon_is_never_empty():
    pops = alone(es.LIF(20.0, 5.0), 1).sample.cells.pops
    assert horizon.next_end(pops, 1e9, 1e-9, 2e9) == math.nextafter(1e9, INF)
    assert horizon.next_end(pops, 1e9, 1.0, math.nextafter(1e9, INF)) == math.nextafter(1e9, INF)


def test_horizons_become_longer_where_little_is_followed_and_shorter_where_much_is_within_bounds():
    pops = alone(es.LIF(20.0, 5.0), 1).sample.cells.pops
    assert horizon.next_length(pops, 1.0, 0, 0) > 1.0
    assert horizon.next_length(pops, 1.0, 7, 7) > 1.0
    assert 0.5 < horizon.next_length(pops, 1.0, 8, 7) < 1.0
    least = most = 1.0
    for _ in range(1000):
        least, most = horizon.next_length(pops, least, 8, 7), horizon.next_length(pops, most, 0, 7)
    assert 0.0 < least < 1e-3
    assert most == pops[:, PERIOD].min()


def test_an_arrival_may_jump_to_its_limit_and_no_further():
    cells = alone(es.LIF(INF, 0.0), 1)
    cells.begin()
    link = int(np.flatnonzero(cells.sample.prepared.links[:, 0] == cells.p)[0])
    assert cells.sample.prepared.links[link, ADD] == ADD_JUMP
    assert not cells.add(cells.first, link, 1.0, 0.5)
    assert cells.add(cells.first, link, 0.999999, 0.5)
