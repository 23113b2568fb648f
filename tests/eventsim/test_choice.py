"""Which engine runs, and the reason that the trace gives."""

import numpy as np
import pytest

import eventsim as es
from eventsim.choice import MANY_SYNAPSES, choose_engine, shards_for
from eventsim.lower import lower

ONCE = es.LIF(20.0, 5.0, t_refractory=es.NEVER)
OFTEN = es.LIF(20.0, 5.0, t_refractory=1.0)


def network(neuron=ONCE, delay=0.5, noise=False, loop=None):
    """Return two layers of neurons; `loop`: the delay of connections of the last to itself."""
    net = es.Network(seed=1)
    source = net.input("source", 2)
    hidden, output = net.population("hidden", 3, neuron), net.population("output", 2, neuron)
    net.connect(source, hidden, es.Dense(6.0))
    net.connect(hidden, output, es.Dense(4.0), delay=delay)
    if loop is not None:
        net.connect(output, output, es.Dense(1.0), delay=loop)
    if noise:
        net.connect(net.poisson("noise", 4, rate=50.0), hidden, es.Dense(1.0))
    return net


MAY_FIRE_AGAIN = 'neurons of "hidden" may fire more than once (t_refractory is not NEVER)'
HALF = "every spike takes at least 0.5 ms to another neuron"


@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_a_feed_forward_network_of_single_spikes_runs_in_layers(delay):
    assert choose_engine(network(delay=delay), "auto") == ("layers", "feed-forward, single spikes")


@pytest.mark.parametrize(("options", "how", "reason"), [
    ({"neuron": OFTEN}, {}, f"no layers: {MAY_FIRE_AGAIN}; {HALF}"),
    ({"noise": True}, {}, f"no layers: Poisson inputs; {HALF}"),
    ({}, {"stops": True}, f"no layers: a stop condition; {HALF}"),
    ({}, {"piecewise": True}, f"no layers: it is run piece by piece; {HALF}"),
    ({"neuron": OFTEN, "loop": 0.25}, {},
     f"no layers: {MAY_FIRE_AGAIN}; every spike takes at least 0.25 ms to another neuron"),
])
def test_where_every_spike_takes_a_while_windows_run(options, how, reason):
    assert choose_engine(network(**options), "auto", **how) == ("window", reason)


def test_neurons_that_send_to_none_run_in_windows():
    net = es.Network(seed=1)
    net.connect(net.input("source", 2), net.population("cells", 2, OFTEN), es.Dense(1.0))
    engine, reason = choose_engine(net, "auto")
    assert engine == "window"
    assert reason.endswith("; no neuron sends to another")


@pytest.mark.parametrize(("delay", "why"), [
    (0.0, "spikes reach other neurons without delay"),
    (1e-7, "the shortest delay between neurons, 1e-07 ms, is below 1e-06 ms"),
    (np.array([[0.5, 0.0], [1.0, 0.5], [1.0, 1.0]]), "spikes reach other neurons without delay"),
])
def test_where_a_spike_arrives_at_once_the_heap_runs(delay, why):
    assert choose_engine(network(OFTEN, delay), "auto") == ("heap", f"no layers: {MAY_FIRE_AGAIN}; {why}")
    assert choose_engine(network(ONCE, 0.5, loop=0.0), "auto")[0] == "heap"


def test_where_windows_would_be_short_and_empty_the_heap_runs():
    why = "12 synapses leave most windows of 0.05 ms empty"
    assert choose_engine(network(OFTEN, 0.05), "auto") == ("heap", f"no layers: {MAY_FIRE_AGAIN}; {why}")
    net = es.Network(seed=1)
    cells = net.population("cells", 50, OFTEN)
    net.connect(cells, cells, es.Dense(0.1), delay=0.05)  # 2,500 synapses times 0.05 ms
    assert choose_engine(net, "auto")[0] == "window"


@pytest.mark.parametrize("engine", ["heap", "window", "layers", "reference"])
def test_an_engine_that_was_asked_for_runs(engine):
    assert choose_engine(network(), engine) == (engine, "asked for")


def test_the_trace_says_which_engine_ran_and_why():
    trace = es.simulate(network(OFTEN), None, 5.0)
    assert (trace.engine, trace.reason) == ("window", f"no layers: {MAY_FIRE_AGAIN}; {HALF}")
    assert f"engine window (no layers: {MAY_FIRE_AGAIN}; {HALF})" in str(trace)
    assert "engine layers (asked for)" in str(es.simulate(network(), None, 5.0, engine="layers"))


@pytest.mark.parametrize(("engine", "net", "how", "message"), [
    ("window", network(delay=0.0), {},
     'engine "window" cannot run this: spikes reach other neurons without delay; use "heap"'),
    ("layers", network(), {"piecewise": True}, 'engine "layers" cannot; use "heap", "window" or simulate()'),
    ("layers", network(), {"stops": True}, 'engine "layers" has no stop condition'),
    ("layers", network(noise=True), {}, 'engine "layers" has no Poisson inputs'),
    ("auto", network(OFTEN), {"precision": "single"},
     f'exists in engine "layers" only, and "window" runs here (no layers: {MAY_FIRE_AGAIN}; {HALF})'),
])
def test_an_engine_that_cannot_run_this_is_refused_with_the_way_out(engine, net, how, message):
    with pytest.raises(es.InputError) as caught:
        choose_engine(net, engine, **how)
    assert message in str(caught.value)


def test_only_a_single_sample_of_many_synapses_is_cut_into_shards():
    lowered = lower(network())
    many = lowered._replace(synapse_weight=np.broadcast_to(1.0, MANY_SYNAPSES))
    assert shards_for("window", many, 1, threads=4) == 4
    assert shards_for("window", many, 2, threads=4) == 1
    assert shards_for("window", lowered, 1, threads=4) == 1
    assert shards_for("heap", many, 1, threads=4) == 1
