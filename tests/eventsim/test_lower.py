"""The flat form of a network: order of populations, rows and synapses."""

import copy

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import examples, layered_cases, recurrent_cases

import eventsim as es
from eventsim.lower import lower, parameters, piece
from eventsim.neurons import membrane


def small():
    net = es.Network(seed=1)
    b = net.population("b", 2, es.LIF(20.0, 5.0, v_rest=-1.0, v_threshold=[1.0, 2.0], v_reset=-2.0, i_offset=0.5))
    a = net.input("a", 3)
    net.population("c", 1, es.LIF(np.inf, 0.0, v_rest=7.0, i_offset=0.25, t_refractory=3.0))
    net.connect(a, b, es.Sparse([2, 0, 0, 0], [1, 1, 0, 0], [4.0, 3.0, 2.0, 1.0]), delay=[0.5, 0.5, 0.0, 0.5], name="z")
    net.connect(a, "c", es.Dense([[1.0], [2.0], [3.0]]), delay=0.5, name="y")
    return net


def rows(net):
    """Return every synapse as (source gid, projection name, delay, target gid, weight, parameter), in storage order."""
    lowered = lower(net)
    found = []
    for gid in range(len(lowered.population)):
        for row in range(lowered.row_ptr[gid], lowered.row_ptr[gid + 1]):
            number = lowered.row_projection[row]
            name = lowered.projections[number]
            parameter = parameters(net, name)
            at = lowered.row_start[row]
            while at < lowered.row_stop[row]:
                start = at
                delay, at = piece(lowered.row_delay, lowered.row_stop, lowered.synapse_delay, lowered.first_delay, row,
                                  start)
                for k in range(start, at):
                    found.append((gid, name, float(delay), int(lowered.synapse_target[k]),
                                  float(lowered.synapse_weight[k]),
                                  int(parameter[k - lowered.projection_start[number]])))
    return found


def test_populations_are_numbered_by_name():
    lowered = lower(small())
    assert lowered.names == ("a", "b", "c")
    assert lowered.projections == ("y", "z")
    assert lowered.offset.tolist() == [0, 3, 5, 6]
    assert lowered.population.tolist() == [0, 0, 0, 1, 1, 2]
    assert lowered.fires.tolist() == [False, True, True]
    assert lowered.regime.tolist() == [-1, membrane.LIF_EXP, membrane.IF_DELTA]


def test_voltages_are_relative_to_what_v_relaxes_to():
    lowered = lower(small())
    assert lowered.v_inf.tolist() == [0.0] * 3 + [-0.5, -0.5, 0.0]
    assert lowered.theta.tolist() == [np.inf] * 3 + [1.5, 2.5, 1.0]
    assert lowered.v_reset.tolist() == [0.0] * 3 + [-1.5, -1.5, 0.0]
    assert lowered.v_init.tolist() == [0.0] * 3 + [-0.5, -0.5, 7.0]


def test_an_offset_drives_a_membrane_without_leak_and_is_part_of_the_rest_elsewhere():
    lowered = lower(small())
    assert lowered.drive.tolist() == [0.0] * 5 + [0.25]
    assert lowered.t_refractory.tolist() == [0.0] * 5 + [3.0]


def test_synapses_lie_by_source_projection_delay_target_and_weight():
    assert rows(small()) == [
        (0, "y", 0.5, 5, 1.0, 0),
        (0, "z", 0.0, 3, 2.0, 2),
        (0, "z", 0.5, 3, 1.0, 3),
        (0, "z", 0.5, 4, 3.0, 1),
        (1, "y", 0.5, 5, 2.0, 1),
        (2, "y", 0.5, 5, 3.0, 2),
        (2, "z", 0.5, 4, 4.0, 0),
    ]


def test_a_synapse_takes_twelve_bytes_and_twenty_with_a_delay_of_its_own():
    lowered = lower(small())
    assert lowered.synapse_target.itemsize + lowered.synapse_weight.itemsize == 12
    assert lowered.synapse_delay.itemsize == 8
    assert (len(lowered.synapse_target), len(lowered.synapse_delay), lowered.first_delay) == (7, 4, 3)


def test_a_delay_that_all_synapses_share_is_kept_once():
    net = es.Network(seed=1)
    net.input("a", 2)
    net.population("b", 2, es.LIF(20.0, 5.0))
    net.connect("a", "b", es.Sparse([0, 1], [1, 0], [1.0, 2.0]), delay=[0.5, 0.5])
    lowered = lower(net)
    assert len(lowered.synapse_delay) == 0
    assert lowered.row_delay.tolist() == [0.5, 0.5]


def test_a_pooled_weight_is_divided_by_the_area_of_the_pool():
    net = es.Network(seed=1)
    image = net.input("image", (2, 4, 1))
    cells = net.population("cells", 2, es.LIF(20.0, 5.0))
    net.connect(image, cells, es.Dense([[4.0, 8.0], [12.0, 16.0]], pool=2))
    lowered = lower(net)
    assert lowered.projection_scale.tolist() == [0.25]
    offset = int(lowered.offset[lowered.names.index("image")])
    by_pixel = [[row[4] for row in rows(net) if row[0] == offset + pixel] for pixel in range(8)]
    assert by_pixel == [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [3.0, 4.0]] * 2


def test_the_flat_form_is_kept_until_the_network_changes():
    net = small()
    first = lower(net)
    assert lower(net) is first
    net.projections["y"].set_weight(np.array([[1.0], [2.0], [4.0]]))
    second = lower(net)
    assert second is not first
    assert (2, "y", 0.5, 5, 4.0, 2) in rows(net)


def assert_lowered_alike(net):
    """Check what learning made of what it kept against the flat form of a copy that has kept nothing."""
    afresh = copy.copy(net)
    del afresh._lowered
    kept, expected = lower(net, learning=True), lower(afresh)
    for field in expected._fields:
        one, other = getattr(kept, field), getattr(expected, field)
        assert np.array_equal(one, other), field
        assert np.asarray(one).dtype == np.asarray(other).dtype, field
    for name in net.projections:
        assert np.array_equal(parameters(net, name), parameters(afresh, name))


@settings(max_examples=examples(60))
@given(st.one_of(recurrent_cases(), layered_cases()), st.randoms(use_true_random=False))
def test_what_learning_writes_anew_is_what_the_flat_form_made_afresh_holds(case, chance):
    net = case.build()
    lower(net, learning=True)
    for name, projection in net.projections.items():
        projection.set_weight(np.array([chance.choice([-1.0, 0.25, 0.5, 2.0]) for _ in range(projection.weight.size)]
                                       ).reshape(projection.weight.shape))
        assert_lowered_alike(net)
        if chance.random() < 0.3:
            net.projections[name].set_delay(chance.choice([0.0, 0.5, 1.5]))
            assert_lowered_alike(net)
    for name, population in net.populations.items():
        if population.kind == "neurons" and not population.is_readout:
            net.set_neuron(name, population.neuron.replace(v_threshold=3.0, v_reset=-2.0))
            assert_lowered_alike(net)


def test_learning_notices_a_new_population_and_receptors_in_another_order():
    net = es.Network(seed=1)
    net.input("in", 2)
    net.population("cells", 1, es.LIF(20.0, {"fast": 2.0, "slow": 5.0}))
    net.connect("in", "cells", es.Dense([[1.0], [2.0]]), receptor="slow")
    lower(net, learning=True)
    net.set_neuron("cells", es.LIF(20.0, {"slow": 5.0, "fast": 2.0}))
    assert_lowered_alike(net)
    net.population("another", 3, es.LIF(20.0, 5.0))
    assert_lowered_alike(net)


def test_an_empty_network_has_empty_arrays():
    lowered = lower(es.Network(seed=1))
    assert lowered.names == ()
    assert lowered.offset.tolist() == [0]
    assert lowered.row_ptr.tolist() == [0]
    assert len(lowered.synapse_target) == 0


def test_a_projection_without_synapses_has_no_rows():
    net = es.Network(seed=1)
    source = net.input("source", 2)
    cells = net.population("cells", 1, es.LIF(20.0, 5.0))
    net.connect(source, cells, es.FixedProbability(0.0, 1.0))
    lowered = lower(net)
    assert lowered.row_ptr.tolist() == [0, 0, 0, 0]
    assert rows(net) == []


@settings(max_examples=examples(60))
@given(st.one_of(recurrent_cases(), layered_cases()))
def test_every_synapse_of_every_projection_is_there_once(case):
    net = case.build()
    lowered = lower(net)
    first = dict(zip(lowered.names, lowered.offset.tolist(), strict=False))
    expected = []
    for name, projection in net.projections.items():
        s = projection.synapses()
        delay = np.broadcast_to(s.delay, len(s.source))
        source, target = first[projection.source.name], first[projection.target.name]
        expected += [(source + int(s.source[k]), name, float(delay[k]), target + int(s.target[k]), float(s.weight[k]),
                      int(s.parameter[k])) for k in range(len(s.source))]
        assert np.array_equal(s.weight, projection.weight.ravel()[s.parameter] / round(1.0 / s.scale))
    found = rows(net)
    assert sorted(found) == sorted(expected)
    order = [synapse[:5] for synapse in found]
    assert order == sorted(order)


@settings(max_examples=examples(40))
@given(recurrent_cases(), st.integers(0, 2**16))
def test_the_flat_form_does_not_depend_on_the_order_of_building(case, order):
    built, other = lower(case.build()), lower(case.build(order))
    for field in built._fields:
        assert np.array_equal(getattr(built, field), getattr(other, field)), field


@pytest.mark.parametrize("field", ["synapse_target", "synapse_weight", "row_delay", "theta"])
def test_arrays_are_contiguous_and_writable_as_kernels_need_them(field):
    array = getattr(lower(small()), field)
    assert array.flags.c_contiguous
    assert array.flags.writeable
