"""What networks and spikes are made of, with nonsense: each works, or says in one line what is wrong with it.

A `TypeError` is left to Python where it is about the names or the number of arguments. Whatever else comes out of
numpy, numba or h5py is a finding.
"""

import numpy as np
import pytest
from calls import construction
from hypothesis import HealthCheck, example, given, settings
from nonsense import NONSENSE, checked
from small_runs import network, onset, trace_of

import eventsim as es
import training


@pytest.mark.parametrize("name", construction.CALLS)
def test_networks_and_spikes_are_made_of_nonsense_or_refuse_it_in_one_line(name):
    construction.CALLS[name].with_nonsense(20)


FOUND = [
    ("eventsim.LIF.flattened", "shape", "a"), ("eventsim.LIF.flattened", "shape", None),
    ("eventsim.LIF.resolve", "size", 1e308), ("eventsim.Recordings.of", "parts", None),
    ("eventsim.Recordings.of", "parts", ["a"]), ("eventsim.encode.events_shape", "shape", None),
    ("eventsim.encode.events_shape", "shape", np.array([[1, 2], [3, 4]])),
]


@pytest.mark.parametrize("name, argument, value", FOUND)
def test_nonsense_that_once_came_through_is_refused_in_one_line(name, argument, value):
    construction.CALLS[name].with_one_wrong(argument, value)


def _net():
    return network()


BUILDING = {
    "input": lambda net, a, b, c: net.input(a, b),
    "population": lambda net, a, b, c: net.population(a, b, c),
    "poisson": lambda net, a, b, c: net.poisson(a, b, rate=c),
    "poisson rate": lambda net, a, b, c: net.poisson("new", 3, rate=c),
    "connect": lambda net, a, b, c: net.connect(a, b, c),
    "connect delay": lambda net, a, b, c: net.connect("onset", "excitatory", es.AllToAll(1.0), delay=a, receptor=b),
    "connect name": lambda net, a, b, c: net.connect("onset", "excitatory", es.AllToAll(1.0), name=a),
    "set_neuron": lambda net, a, b, c: net.set_neuron(a, b),
    "get": lambda net, a, b, c: net[a],
    "set_weight": lambda net, a, b, c: net.projections["onset->excitatory"].set_weight(a),
    "set_delay": lambda net, a, b, c: net.projections["onset->excitatory"].set_delay(a),
}


@pytest.mark.parametrize("name", BUILDING)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(a=NONSENSE, b=NONSENSE, c=NONSENSE)
def test_networks_are_built_or_refused_in_one_line(name, a, b, c):
    if name in ("input", "population", "poisson") and isinstance(b, int) and b > 1000:
        b = 1000  # neurons that somebody asks for are made
    checked(BUILDING[name], NETS.setdefault(name, _net()), a, b, c)


NETS = {}
TRACE = trace_of([(0, 1.0, 0), (0, 2.0, 3), (1, 1.5, 1)], n_samples=2)

OF_TRACES = {
    "spikes": lambda a, b: TRACE.spikes(a),
    "blocks": lambda a, b: list(TRACE.blocks(a)),
    "counts": lambda a, b: TRACE.counts(a),
    "first_spikes": lambda a, b: TRACE.first_spikes(a),
    "offsets": lambda a, b: TRACE.offsets(a),
    "is_complete": lambda a, b: TRACE.is_complete(a),
    "with_labels": lambda a, b: TRACE.with_labels(a),
    "with_output": lambda a, b: TRACE.with_output(a),
    "membrane name": lambda a, b: TRACE.membrane(a, 0, b),
    "membrane neurons": lambda a, b: TRACE.membrane("cells", a, [1.0]),
    "membrane times": lambda a, b: TRACE.membrane("cells", [0], a),
    "membrane sample": lambda a, b: TRACE.membrane("cells", [0], [1.0], sample=a),
    "potential": lambda a, b: TRACE.potential("cells", a),
    "load": lambda a, b: es.Trace.load(a, b),
    "latency": lambda a, b: es.measure.latency(TRACE, a),
    "spike_counts": lambda a, b: es.measure.spike_counts(TRACE, a),
    "decide": lambda a, b: es.measure.decide(TRACE, rule=a),
    "evaluate": lambda a, b: es.measure.evaluate(TRACE, a),
    "energy": lambda a, b: es.measure.energy(TRACE, a),
    "operations": lambda a, b: es.measure.synaptic_operations(TRACE, a),
    "to_csv": lambda a, b: es.io.to_csv(a, b),
    "from_csv": lambda a, b: es.io.from_csv(a, b),
    "to_sonata": lambda a, b: es.io.to_sonata(TRACE, "/nowhere/x.h5", a, b),
    "from_sonata": lambda a, b: es.io.from_sonata(a, b),
    "network load": lambda a, b: es.Network.load(a),
    "model load": lambda a, b: training.Model.load(a),
    "select": lambda a, b: onset(2).select(a),
}


@pytest.mark.parametrize("name", OF_TRACES)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(a=NONSENSE, b=NONSENSE)
@example(a=None, b=None)
def test_traces_are_asked_nonsense_and_answer_in_one_line(name, a, b):
    checked(OF_TRACES[name], a, b)
