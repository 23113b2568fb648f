"""The window engine's kernel for populations of equal neurons: the bits of the others, whichever kernel goes on."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import INF, LATER, SPIKE_LIMIT, examples, recurrent_cases

import eventsim as es
from eventsim.engines import heap, lean, lean_deliver, reference, window
from eventsim.engines.prepared import prepare
from eventsim.engines.sample import CHUNK_DONE, SPIKES
from eventsim.lower import lower

TAUS = ((20.0, 5.0), (10.0, 5.0), (10.0, 10.0), (10.0, 10.001), (3.0, 10.0), (1.0, 1000.0), (1000.0, 1.0), (10.0, 0.0),
        (10.0, 0.0), (INF, 0.0), (20.0, 5.0, 10.0), (20.0, 10.0, 5.0), (20.0, 20.0, 19.8), (5.0, 20.0, 5.1),
        (10.0, 5.0, 5.0))
"""Those of the lean kernel: all finite, delta synapses too."""

NO_LIMIT = (2**62, 0, 0)
NOTHING = np.zeros(0), np.zeros(0, np.int32), np.zeros(0)


def never():
    return False


def first(values):
    """Return the first of several values, or the only one."""
    return float(np.asarray(values).reshape(-1)[0])


def alike(neuron, refractory):
    """Return a neuron as `neuron`, with one value for each parameter."""
    values = {name: first(getattr(neuron, name)) for name in ("v_threshold", "v_rest", "v_reset", "i_offset")}
    if neuron.v_init is not None:
        values["v_init"] = neuron.v_init
    return es.LIF(neuron.tau_mem, neuron.tau_syn, t_refractory=refractory, **values)


@st.composite
def cases(draw):
    """Networks that the lean kernel runs."""
    case = draw(recurrent_cases(taus=TAUS, delays=LATER))
    populations = tuple(p._replace(neuron=alike(p.neuron, draw(st.sampled_from((6.0, 6.5, 20.0)))))
                        if isinstance(p.neuron, es.LIF) else p for p in case.populations)
    projections = tuple(p._replace(delay=first(p.delay)) for p in case.projections)
    return case._replace(populations=populations, projections=projections)


def inputs_of(case, lowered, sample):
    """Return the input spikes of a sample as (time, gid, amplitude), sorted."""
    columns = [np.zeros((3, 0))]
    for name, spikes in case.stimulus.items():
        time, neuron, amplitude = (getattr(spikes.select(sample).arrays(), field)
                                   for field in ("time", "neuron", "amplitude"))
        columns.append(np.array((time, neuron + lowered.offset[lowered.names.index(name)], amplitude)))
    time, gid, amplitude = np.concatenate(columns, axis=1)
    order = np.lexsort((amplitude, gid, time))
    order = order[time[order] < case.t_stop]
    return time[order], gid[order].astype(np.int32), amplitude[order]


def in_order(sample):
    """Return the recorded spikes as bytes, by time and gid."""
    columns = sample.take()
    order = np.lexsort((columns[1], columns[0]))
    return [column[order].tobytes() for column in columns]


@settings(max_examples=examples(300))
@given(cases(), st.sampled_from((1, 1, 2, 3)))
def test_the_lean_kernel_gives_the_bits_of_the_reference(case, shards):
    net = case.build()
    lowered = lower(net)
    limit = SPIKE_LIMIT, 0, 0
    for number in range(case.n_samples):
        inputs = inputs_of(case, lowered, number)
        found = window.Sample(net, lowered, seed=3, index=number, recorded=case.everything, shards=shards)
        expected = reference.Sample(net, lowered, seed=3, index=number, recorded=case.everything)
        assert lean.suits(prepare(lowered))
        with pytest.MonkeyPatch.context() as patch:  # one shard after the other, without a thread for each
            patch.setattr(lean, "in_threads", lean.in_turn)
            ended = [sample.run(inputs, case.t_stop, limit, never) for sample in (found, expected)]
        assert ended[0] == ended[1]
        assert in_order(found) == in_order(expected)
        if not ended[0]:
            assert found.arrivals == expected.arrivals


def both_currents(n=300, delay=0.5, tau_syn=None):
    """Return a network of two populations, balanced, that keeps firing."""
    net, rng = es.Network(seed=2), np.random.default_rng(0)
    tau_syn = {"exc": 5.0, "inh": 10.0} if tau_syn is None else tau_syn
    cells = [net.population(name, size, es.LIF(20.0, tau_syn, v_rest=-49.0, v_threshold=-50.0, v_reset=-60.0,
                                               t_refractory=rest, v_init=rng.uniform(-60.0, -50.0, size)))
             for name, size, rest in (("e", 4 * n // 5, 5.0), ("i", n // 5, 2.0))]
    scale = 1.0 if tau_syn else 0.15
    for source, weight, receptor in zip(cells, (1.6 * scale, -9.0 * scale), ("exc", "inh"), strict=True):
        for target in cells:
            net.connect(source, target, es.FixedProbability(0.1, weight), delay=delay,
                        receptor=receptor if tau_syn else None)
    noise = net.poisson("noise", 20, rate=30.0)
    net.connect(noise, cells[0], es.FixedInDegree(3, es.Uniform(0.0, scale)), delay=1.25,
                receptor="exc" if tau_syn else None)
    return net


@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize("tau_syn", [None, 0.0, 4.0])
def test_a_busy_network_has_the_bits_of_the_heap(tau_syn, shards):
    net = both_currents(tau_syn=tau_syn) if tau_syn is None or tau_syn == 0.0 else single_current()
    lowered = lower(net)
    found = window.Sample(net, lowered, seed=4, recorded=lowered.names, shards=shards)
    expected = heap.Sample(net, lowered, seed=4, recorded=lowered.names)
    assert found._lean
    for sample in (found, expected):
        for t_stop in (0.05, 7.3, 64.0, 150.0):
            sample.run(NOTHING, t_stop, NO_LIMIT, never)
    assert found.counters[SPIKES] > 300
    assert in_order(found) == in_order(expected)
    assert found.arrivals == expected.arrivals


def test_parts_of_rows_begin_where_a_search_by_halves_finds_them():
    rng = np.random.default_rng(0)
    for size, high in ((0, 5), (1, 3), (200, 300), (500, 10), (30, 100_000)):
        targets = np.sort(rng.integers(7, 7 + high, size)).astype(np.int32)
        clumped = np.sort(np.concatenate((targets, np.full(50, 7 + high - 1)))).astype(np.int32)
        for row in (targets, clumped):
            for gid in (0, 7, 8, 7 + high // 3, 7 + high // 2, 7 + high - 1, 7 + high, 10**6):
                assert lean_deliver.cut(row, 0, len(row), 7, 7 + high, gid) == np.searchsorted(row, gid)


def single_current():
    """Return a network with one receptor, to which both signs of weights go."""
    net = es.Network(seed=3)
    cells = net.population("cells", 200, es.LIF(20.0, 4.0, t_refractory=1.0, i_offset=1.1))
    net.connect(cells, cells, es.FixedProbability(0.1, es.Uniform(-2.0, 2.0)), delay=0.75)
    return net


def test_either_kernel_goes_on_where_the_other_stopped():
    for net in (both_currents(), both_currents(tau_syn=0.0)):
        lowered = lower(net)
        whole = window.Sample(net, lowered, seed=4)
        whole.run(NOTHING, 120.0, NO_LIMIT, never)
        sample = window.Sample(net, lowered, seed=4)
        for number, t_stop in enumerate((10.0, 33.3, 64.0, 90.0, 120.0)):
            following = window.Sample(net, lowered, seed=4, shards=1 + number % 3)
            following._lean = number % 2 == 0
            following.restore(sample.export())
            sample = following
            sample.run(NOTHING, t_stop, NO_LIMIT, never)
        assert whole.counters[SPIKES] > 300
        for found, expected in zip(sample.take(), whole.take(), strict=True):
            assert found.tobytes() == expected.tobytes()


def test_the_kernel_may_stop_between_any_two_horizons():
    net = both_currents()
    lowered = lower(net)
    whole, parts = window.Sample(net, lowered, seed=4), window.Sample(net, lowered, seed=4)
    whole.run(NOTHING, 60.0, NO_LIMIT, never)
    codes = []
    parts.CHUNK = 1 / lean.CHUNKS
    parts._arguments = lambda *given: window.Sample._arguments(parts, *given[:-1], 1)
    advance = parts.advance

    def counted(*arguments):
        codes.append(advance(*arguments))
        return codes[-1]

    parts.advance = counted
    parts.run(NOTHING, 60.0, NO_LIMIT, never)
    assert codes.count(CHUNK_DONE) > 10
    assert in_order(parts) == in_order(whole)


def refused(lif=None, **changed):
    """Return whether the lean kernel leaves a small network to the general one."""
    net = es.Network()
    arguments = dict(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0) | (lif or {})
    cells = net.population("cells", 3, es.LIF(**arguments))
    net.connect(cells, cells, es.AllToAll(0.5), **(dict(delay=1.0) | changed))
    return not window.Sample(net, lower(net))._lean


def test_only_populations_of_equal_neurons_and_delays_by_projection_are_lean():
    assert not refused()
    assert not refused({"tau_syn": 0.0})
    assert not refused({"v_init": [0.0, 0.1, 0.2]})
    assert refused({"v_threshold": [1.0, 1.0, 1.5]})
    assert refused({"v_reset": [0.0, 0.0, -1.0]})
    assert refused({"t_refractory": [2.0, 2.0, 3.0]})
    assert refused({"t_refractory": es.NEVER})
    assert refused({"tau_syn": math.inf})
    assert refused({"tau_mem": math.inf})
    assert refused(delay=3.0)  # a neuron could fire twice in a window
    assert refused(delay=es.Uniform(1.0, 2.0))
