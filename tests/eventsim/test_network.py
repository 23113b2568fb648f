import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.connect import Conv2d, Dense, FixedInDegree, FixedProbability, Sparse
from eventsim.constants import NEVER
from eventsim.distributions import Normal, Uniform
from eventsim.errors import InputError
from eventsim.network import Network
from eventsim.neurons.lif import LIF

NEURON = LIF(20.0, 5.0)


@pytest.fixture
def net():
    net = Network(seed=3)
    net.input("pixels", (2, 3, 1))
    net.population("hidden", 4, NEURON)
    net.population("readout", 2, LIF(20.0, 5.0, v_threshold=NEVER))
    return net


def refusal(call, *arguments, **named):
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_importing_the_network_loads_no_compiler_and_no_scipy():
    code = "import sys, eventsim.network; sys.exit(bool({'numba', 'scipy', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_population_knows_its_name_shape_size_and_kind(net):
    pixels, hidden = net["pixels"], net["hidden"]
    assert (pixels.name, pixels.shape, pixels.size, pixels.kind, pixels.neuron) == (
        "pixels", (2, 3, 1), 6, "input", None,
    )  # fmt: skip
    assert (hidden.shape, hidden.size, hidden.kind) == ((4,), 4, "neurons")
    assert list(net.populations) == ["pixels", "hidden", "readout"]
    assert "hidden" in net and "other" not in net and len(net) == 3 and list(net) == list(net.populations)


def test_populations_cannot_be_added_past_the_checks(net):
    with pytest.raises(TypeError):
        net.populations["x"] = net["hidden"]


def test_parameters_given_as_a_map_are_kept_one_a_neuron(net):
    values = np.arange(4.0).reshape(2, 2, 1) + 1
    population = net.population("maps", (2, 2, 1), LIF(20, 5, v_threshold=values))
    np.testing.assert_array_equal(population.neuron.resolve(4).v_threshold, values.ravel())
    assert "v_threshold has shape (3,)" in refusal(
        net.population, "wrong", (2, 2, 1), LIF(20, 5, v_threshold=[1.0, 2.0, 3.0])
    )
    assert "wrong" not in net


@pytest.mark.parametrize("shape", [0, -1, 2.5, "ten", (), (3, 0), (2, None), True, (2**16, 2**16)])
def test_a_shape_is_made_of_whole_numbers(net, shape):
    assert "shape" in refusal(net.input, "more", shape)
    assert "more" not in net


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\nb", ".", 3, None])
def test_an_unusable_name_is_refused(net, name):
    assert "name" in refusal(net.input, name, 3)


def test_a_name_is_given_once(net):
    assert 'already a population "hidden"' in refusal(net.input, "hidden", 3)
    net.connect("pixels", "hidden", Dense(0.1), name="p")
    assert 'already a projection "p"' in refusal(net.connect, "pixels", "hidden", Dense(0.1), name="p")


def test_a_misspelt_population_is_answered_with_a_suggestion(net):
    assert 'Did you mean "hidden"?' in refusal(net.connect, "pixels", "hiden", Dense(0.1))
    assert 'Did you mean "pixels"?' in refusal(lambda: net["pixel"])
    assert "no populations yet" in refusal(lambda: Network()["pixels"])


def test_a_population_of_another_network_is_refused(net):
    other = Network()
    stranger = other.population("hidden", 4, NEURON)
    assert "another network" in refusal(net.connect, "pixels", stranger, Dense(0.1))


@pytest.mark.parametrize("neuron", [None, LIF, {"tau_mem": 20.0}, "LIF"])
def test_neurons_must_be_a_lif(net, neuron):
    assert "eventsim.LIF(...)" in refusal(net.population, "more", 3, neuron)


def test_handles_and_names_mean_the_same(net):
    one = net.connect(net["pixels"], net["hidden"], Dense(0.1))
    other = net.connect("pixels", "hidden", Dense(0.1))
    assert one.source is other.source and one.target is other.target


def test_projections_are_named_after_their_ends_and_counted(net):
    names = [net.connect("pixels", "hidden", Dense(0.1)).name for _ in range(3)]
    assert names == ["pixels->hidden", "pixels->hidden#2", "pixels->hidden#3"]
    assert list(net.projections) == names


def test_inputs_and_poisson_populations_cannot_be_targets(net):
    net.poisson("noise", 4, rate=5.0)
    assert '"pixels" cannot be a target' in refusal(net.connect, "hidden", "pixels", Dense(0.1))
    assert '"noise" cannot be a target' in refusal(net.connect, "hidden", "noise", Dense(0.1))


def test_a_readout_cannot_be_a_source(net):
    assert '"readout" cannot be a source' in refusal(net.connect, "readout", "hidden", Dense(0.1))


def test_a_population_in_use_as_a_source_cannot_become_a_readout(net):
    net.connect("hidden", "readout", Dense(0.1))
    before = net.fingerprint()
    assert "cannot be a source" in refusal(net.set_neuron, "hidden", LIF(20, 5, v_threshold=NEVER))
    assert net.fingerprint() == before


def test_a_receptor_is_refused_where_there_is_one_synapse_type(net):
    assert "one synapse type" in refusal(net.connect, "pixels", "hidden", Dense(0.1), receptor="inhibitory")


@pytest.fixture
def two(net):
    """A network whose "cells" have two named receptors."""
    net.population("cells", 3, LIF(20.0, {"excitatory": 5.0, "inhibitory": 10.0}))
    return net


def test_a_projection_names_its_receptor(two):
    first = two.connect("pixels", "cells", Dense(0.1), receptor="inhibitory")
    second = two.connect("cells", "cells", Dense(0.1), receptor="excitatory")
    assert (first.receptor, first.receptor_index) == ("inhibitory", 1)
    assert (second.receptor, second.receptor_index) == ("excitatory", 0)
    plain = two.connect("pixels", "hidden", Dense(0.1))
    assert (plain.receptor, plain.receptor_index) == (None, 0)


def test_a_receptor_must_be_named_where_there_are_names(two):
    message = refusal(two.connect, "pixels", "cells", Dense(0.1))
    assert 'give receptor="excitatory" or receptor="inhibitory"' in message
    two.population("one", 3, LIF(20.0, {"ampa": 5.0}))
    assert 'give receptor="ampa".' in refusal(two.connect, "pixels", "one", Dense(0.1))


def test_an_unknown_receptor_is_answered_with_the_closest(two):
    message = refusal(two.connect, "pixels", "cells", Dense(0.1), receptor="inhibition")
    assert "allowed: excitatory, inhibitory" in message and 'Did you mean "inhibitory"?' in message
    assert "allowed: excitatory" in refusal(two.connect, "pixels", "cells", Dense(0.1), receptor=1)
    assert not two.projections


def test_new_parameters_must_keep_the_receptors_in_use(two):
    projection = two.connect("pixels", "cells", Dense(0.1), receptor="inhibitory")
    before = two.fingerprint()
    assert "one synapse type" in refusal(two.set_neuron, "cells", NEURON)
    message = refusal(two.set_neuron, "cells", LIF(20.0, {"inhibitor": 10.0}))
    assert message.startswith('the parameters do not fit projection "pixels->cells": receptor "inhibitory"')
    assert two.fingerprint() == before
    two.set_neuron("cells", LIF(20.0, {"inhibitory": 10.0}))
    assert projection.receptor_index == 0
    two.connect("pixels", "hidden", Dense(0.1))
    assert 'give receptor="e"' in refusal(two.set_neuron, "hidden", LIF(20.0, {"e": 5.0}))


def test_the_fingerprint_holds_receptors_and_what_feeds_them():
    def fingerprint(taus, receptor):
        net = Network(seed=3)
        net.input("in", 2)
        net.population("cells", 2, LIF(20.0, taus))
        net.connect("in", "cells", Dense(0.1), receptor=receptor)
        return net.fingerprint()

    kinds = [({"e": 5.0, "i": 10.0}, "e"), ({"e": 5.0, "i": 10.0}, "i"), ({"i": 5.0, "e": 10.0}, "e"),
             ({"e": 5.0, "i": 11.0}, "e"), ({"e": 5.0}, "e"), (5.0, None)]
    assert len({fingerprint(*kind) for kind in kinds}) == len(kinds)


def test_what_is_no_connection_is_refused_with_advice(net):
    assert "use Dense(weight)" in refusal(net.connect, "pixels", "hidden", np.zeros((6, 4)))
    assert "the class Dense itself" in refusal(net.connect, "pixels", "hidden", Dense)


@pytest.mark.parametrize(
    "argument, ours",
    [("syn_spec", "delay="), ("receptor_type", "receptor"), ("delays", "delay"), ("weight", "Dense(weight)")],
)
def test_an_argument_of_another_simulator_is_answered_with_ours(net, argument, ours):
    assert ours in refusal(net.connect, "pixels", "hidden", Dense(0.1), **{argument: 1})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_nan_or_infinite_weight_is_refused_with_one_line(net, value):
    weight = np.zeros((6, 4))
    weight[3, 1] = value
    assert f"weight[3, 1] is {value:g}; weights must be finite" in refusal(
        lambda: net.connect("pixels", "hidden", Dense(weight))
    )
    assert not net.projections


@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf])
def test_a_negative_nan_or_infinite_delay_is_refused_with_one_line(net, value):
    message = refusal(net.connect, "pixels", "hidden", Dense(0.1), delay=value)
    assert f"delay is {value:g}; delays must be finite and >= 0" in message
    delay = np.ones((6, 4))
    delay[5, 0] = value
    assert "delay[5, 0]" in refusal(net.connect, "pixels", "hidden", Dense(0.1), delay=delay)
    assert not net.projections


def test_a_delay_of_another_shape_is_refused(net):
    message = refusal(net.connect, "pixels", "hidden", Dense(0.1), delay=np.ones(4))
    assert "needs delay of shape (6, 4) or one number" in message


def test_weights_and_delays_are_read_only_copies(net):
    weight = np.ones((6, 4))
    projection = net.connect("pixels", "hidden", Dense(weight), delay=1.5)
    weight[:] = 7
    np.testing.assert_array_equal(projection.weight, np.ones((6, 4)))
    with pytest.raises(ValueError, match="read-only"):
        projection.weight[0, 0] = 3
    assert projection.delay.shape == () and float(projection.delay) == 1.5
    with pytest.raises(ValueError, match="read-only"):
        projection.delay[...] = 3


def test_set_weight_replaces_all_weights_in_the_same_shape(net):
    projection = net.connect("pixels", "hidden", Dense(0.1))
    new = np.arange(24.0).reshape(6, 4)
    projection.set_weight(new)
    np.testing.assert_array_equal(projection.synapses().weight, new.ravel())
    projection.set_weight(0.5)
    np.testing.assert_array_equal(projection.weight, np.full((6, 4), 0.5))


def test_refused_weights_and_delays_leave_the_old_ones(net):
    projection = net.connect("pixels", "hidden", Dense(0.1), delay=2.0)
    before = net.fingerprint()
    assert "shape (6, 4)" in refusal(projection.set_weight, np.zeros(24))
    assert "weight[0, 0] is nan" in refusal(projection.set_weight, np.full((6, 4), math.nan))
    assert "delay is -1" in refusal(projection.set_delay, -1.0)
    assert net.fingerprint() == before


def test_set_delay_takes_one_number_or_one_a_weight(net):
    projection = net.connect("pixels", "hidden", Dense(0.1), delay=2.0)
    projection.set_delay(np.full((6, 4), 3.0))
    assert projection.delay.shape == (6, 4) and projection.synapses().delay.shape == (24,)
    projection.set_delay(-0.0)
    assert projection.delay.shape == () and math.copysign(1, float(projection.delay)) == 1


def test_a_distribution_set_again_draws_the_same_weights(net):
    projection = net.connect("pixels", "hidden", Dense(Normal(0, 1)))
    first = projection.weight.copy()
    projection.set_weight(0.0)
    projection.set_weight(Normal(0, 1))
    np.testing.assert_array_equal(projection.weight, first)


def test_thresholds_can_be_replaced_after_training(net):
    thresholds = np.array([1.0, 2.0, 3.0, 4.0])
    before = net.fingerprint()
    net.set_neuron("hidden", net["hidden"].neuron.replace(v_threshold=thresholds))
    np.testing.assert_array_equal(net["hidden"].neuron.resolve(4).v_threshold, thresholds)
    assert net.fingerprint() != before
    assert "only neurons have parameters" in refusal(net.set_neuron, "pixels", NEURON)
    assert "eventsim.LIF(...)" in refusal(net.set_neuron, "hidden", None)


# Poisson


def test_poisson_rates_are_one_a_neuron_in_hz(net):
    np.testing.assert_array_equal(net.poisson("noise", (2, 2, 1), rate=8).rate, [8.0, 8.0, 8.0, 8.0])
    rates = np.arange(4.0).reshape(2, 2, 1)
    np.testing.assert_array_equal(net.poisson("more", (2, 2, 1), rate=rates).rate, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(net.poisson("row", (2, 2, 1), rate=[1, 2, 3, 4]).rate, [1.0, 2.0, 3.0, 4.0])
    assert net["noise"].kind == "poisson" and net["noise"].neuron is None


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf, "fast", None, [1.0, 2.0]])
def test_an_impossible_rate_is_refused_with_one_line(net, rate):
    assert "rate" in refusal(net.poisson, "noise", 4, rate=rate)
    assert "noise" not in net


# Seeds and fingerprints


def test_a_seed_of_its_own_is_drawn_and_kept():
    assert Network().seed != Network().seed
    assert Network(seed=5).seed == 5


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "one", True])
def test_an_unusable_seed_is_refused(seed):
    assert "seed" in refusal(Network, seed=seed)


def build(order, seed=3):
    """Build one network, its parts in a given order; a projection makes the ends that it lacks."""
    net = Network(seed=seed)
    make = {
        "in": lambda: net.input("in", 5),
        "noise": lambda: net.poisson("noise", 3, rate=2.0),
        "h": lambda: net.population("h", 6, NEURON),
        "o": lambda: net.population("o", 2, LIF(10.0, 0.0)),
    }
    connections = {
        "in->h": lambda: net.connect("in", "h", FixedProbability(0.5, Normal(0, 1)), delay=Uniform(0, 2)),
        "noise->h": lambda: net.connect("noise", "h", Dense(Normal(0, 1))),
        "h->h": lambda: net.connect("h", "h", FixedInDegree(2, Normal(0, 1))),
        "h->o": lambda: net.connect("h", "o", Sparse([1, 0, 1], [0, 1, 0], Normal(0, 1))),
    }
    for part in order:
        if part in make:
            make[part]()
        else:
            for end in part.split("->"):
                if end not in net:
                    make[end]()
                    make[end] = lambda: None
            connections[part]()
    return net


PARTS = ["in", "noise", "h", "o", "in->h", "noise->h", "h->h", "h->o"]


@given(st.permutations(PARTS))
def test_nothing_depends_on_the_order_of_building(order):
    one, other = build(PARTS), build(order)
    assert one.fingerprint() == other.fingerprint()
    for name, projection in one.projections.items():
        np.testing.assert_array_equal(projection.weight, other.projections[name].weight)
        for mine, theirs in zip(projection.synapses(), other.projections[name].synapses(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_other_projections_do_not_change_a_draw():
    alone = Network(seed=3)
    alone.input("in", 5), alone.population("h", 6, NEURON)
    one = alone.connect("in", "h", FixedProbability(0.5, Normal(0, 1)), delay=Uniform(0, 2))
    np.testing.assert_array_equal(one.weight, build(PARTS).projections["in->h"].weight)


CHANGES = {
    "seed": lambda: build(PARTS, seed=4),
    "one more population": lambda: (net := build(PARTS)).input("x", 1) and net,
    "weight": lambda: changed(lambda n: n.projections["h->o"].set_weight([1.0, 2.0, 3.0])),
    "delay": lambda: changed(lambda n: n.projections["h->o"].set_delay(0.5)),
    "delays one a synapse": lambda: changed(lambda n: n.projections["h->o"].set_delay(np.zeros(3))),
    "neuron": lambda: changed(lambda n: n.set_neuron("o", LIF(10.0, 0.0, v_threshold=[1.0, 1.5]))),
}


def changed(change):
    net = build(PARTS)
    net.fingerprint()
    change(net)
    return net


@pytest.mark.parametrize("what", CHANGES)
def test_the_fingerprint_notices_a_change_of(what):
    assert CHANGES[what]().fingerprint() != build(PARTS).fingerprint()


@pytest.mark.parametrize(
    "one, other",
    [
        (Conv2d(np.ones((1, 1, 1, 1)), stride=1), Conv2d(np.ones((1, 1, 1, 1)), stride=2)),
        (Sparse([0, 0], [0, 0], [1.0, 2.0]), Sparse([0, 0], [0, 0], [2.0, 1.0])),
        (Dense(np.ones((1, 1))), Dense(np.full((1, 1), 1 + 2**-52))),
    ],
)
def test_the_fingerprint_notices_another_connection(one, other):
    prints = set()
    for connection in (one, other):
        net = Network(seed=1)
        net.input("a", (1, 1, 1)), net.population("b", (1, 1, 1), NEURON)
        net.connect("a", "b", connection)
        prints.add(net.fingerprint())
    assert len(prints) == 2


def test_one_value_and_the_same_value_for_every_neuron_have_one_fingerprint():
    one, other = Network(seed=1), Network(seed=1)
    one.population("h", 3, LIF(20, 5, v_rest=0.5))
    other.population("h", 3, LIF(20, 5, v_rest=[0.5, 0.5, 0.5], v_init=0.5))
    assert one.fingerprint() == other.fingerprint()


def test_copies_and_pickles_are_whole_and_independent():
    net = build(PARTS)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.fingerprint() == net.fingerprint()
        assert other.projections["h->h"].source is other["h"]
        with pytest.raises(ValueError, match="read-only"):
            other.projections["h->h"].weight[0] = 1
        other.projections["h->h"].set_weight(0.0)
        assert other.fingerprint() != net.fingerprint()


def test_text_forms_say_what_there_is(net):
    projection = net.connect("pixels", "hidden", Dense(np.zeros((6, 4))))
    assert repr(net) == "<Network: 3 populations, 1 projections>"
    assert "hidden: neurons (4,)" in repr(net["hidden"])
    assert "pixels->hidden: Dense(pool=1)" in repr(projection)
    assert repr(Dense(np.zeros((6, 4)))) == "Dense(<weight (6, 4)>, pool=1)"
