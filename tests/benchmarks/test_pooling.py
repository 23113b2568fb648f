"""`benchmarks/pooling.py`: three poolings in one network."""

import math

import numpy as np
import pytest
from benchmark_scripts import benchmark

import eventsim as es
import training


@pytest.fixture(scope="module")
def script():
    return benchmark("pooling")


@pytest.mark.compiled
def test_a_maximum_is_the_average_with_several_spikes_a_neuron(script):
    once = es.LIF(math.inf, math.inf, t_refractory=es.NEVER)
    net = es.Network(seed=3)
    net.input("pixels", (8, 8, 1))
    net.population("map", (6, 6, 4), once)
    net.population("output", 10, once)
    net.connect("pixels", "map", es.Conv2d(es.Normal(0.3, 0.5), kernel=3))
    net.connect("map", "output", es.Dense(es.Normal(0.2, 0.3), pool=2))
    model = training.Model(net, training.encode.Latency(scale=16), training.decode.FirstSpike(), t_stop=3.0)
    test = training.datasets.load("digits", "test")
    found = script.compare(model, test.images[:30], test.labels[:30], 1)
    assert set(found) == set(script.KINDS)
    assert found["maximum"]["changed"] == found["average"]["changed"] == 0
    several, single = (found[kind]["map pooled"] for kind in ("maximum", "first arrival"))
    assert several["spikes_of_one"] > 1.2 and 1 < several["most"] <= 4 and several["several"] > 0.2
    assert (single["spikes_of_one"], single["most"], single["several"]) == (1.0, 1, 0.0)
    assert several["neurons_that_fire"] == single["neurons_that_fire"]
    assert found["maximum"]["spikes_a_sample"] > found["first arrival"]["spikes_a_sample"]
    twin, names = script.pooled(net, "maximum")
    assert names == ["map pooled"] and np.allclose(twin.projections["map->output"].weight * 4,
                                                   net.projections["map->output"].weight)  # fmt: skip
