"""The gradient through first-arrival pooling: the earliest spike of a window gets all of it."""

import numpy as np
import pytest

import eventsim as es
from training import first_arrival
from training.passes import Passes

RAMP = es.LIF(es.NEVER, es.NEVER, t_refractory=es.NEVER)
SLOPES = np.array([2.0, 4.0, 4.0, 1.0])  # neuron j crosses 1 / SLOPES[j] after its input


def windows(inputs):
    """Return the network of four neurons, their window and an output, and its stimulus with a sample a row."""
    net = es.Network()
    net.input("in", 4)
    net.population("map", (2, 2, 1), RAMP)
    net.connect("in", "map", es.Dense(np.diag(SLOPES)))
    net.population("pooled", (1, 1, 1), first_arrival.neuron())
    net.connect("map", "pooled", first_arrival.connection(1, 2))
    net.population("output", 1, RAMP)
    net.connect("pooled", "output", es.Dense([[0.5]]))
    times = np.asarray(inputs, float)
    sample, neuron = np.nonzero(np.isfinite(times))
    return net, {"in": es.Spikes(times[sample, neuron], neuron, sample, n_samples=len(times))}


@pytest.mark.parametrize("inputs, earliest", [
    ([0.0, 1.0, 2.0, 0.0], 0), ([1.0, 0.0, 2.0, 0.0], 1), ([0.5, 0.25, 0.25, 0.0], 1),
    ([np.inf, np.inf, np.inf, 0.0], 3)])
def test_only_the_earliest_arrival_of_a_window_moves_what_follows(inputs, earliest):
    net, stimulus = windows([inputs])
    passes = Passes(net, 10.0, threads=1)
    activity = passes.forward(stimulus, learning=True)
    first = inputs[earliest] + 1.0 / SLOPES[earliest]
    assert activity.time["output"].tolist() == [[first + 2.0]]
    found = passes.backward(activity, {"output": np.ones((1, 1))}).weights["in->map"]
    moved = np.zeros(4)
    moved[earliest] = -1.0 / SLOPES[earliest] ** 2  # of two at once, the first neuron
    assert np.diag(found).tolist() == moved.tolist()
