"""Reading NIR: spikes against the equations of its nodes in small steps, weights against its linear nodes by loops."""

import itertools

import nir_stepper
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusal

import eventsim as es

nir = pytest.importorskip("nir", reason="needs the extra nir: pip install eventsim[nir]")

AREA = 0.5  # of a spike, ms
T_STOP = 30.0  # ms


def full(value, n=3):
    return np.full(n, float(value))


def neuron(kind, n=3, **changes):
    """Return a node with parameters away from anything special, such that spikes of weight 1 make it fire."""
    values = {
        "I": {"r": full(300.0, n)},
        "IF": {"r": full(300.0, n), "v_threshold": full(0.8, n), "v_reset": full(-0.2, n)},
        "LI": {"tau": full(0.02, n), "r": full(6.0, n), "v_leak": full(0.1, n)},
        "LIF": {"tau": full(0.02, n), "r": np.linspace(9.0, 14.0, n), "v_leak": full(0.1, n),
                "v_threshold": np.linspace(0.7, 0.9, n), "v_reset": full(-0.2, n)},
        "CubaLI": {"tau_syn": full(0.004, n), "tau_mem": full(0.015, n), "r": full(3.0, n), "v_leak": full(0.1, n),
                   "w_in": full(6.0, n)},
        "CubaLIF": {"tau_syn": full(0.004, n), "tau_mem": full(0.015, n), "r": np.linspace(3.0, 4.0, n),
                    "v_leak": full(0.1, n), "v_threshold": full(0.8, n), "v_reset": full(-0.2, n),
                    "w_in": np.linspace(6.0, 8.0, n)},
    }[kind]
    return getattr(nir, kind)(**values | changes)


def graph_of(nodes, edges):
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def chain(*nodes, shape=(4,)):
    """Return a graph of nodes in a row, n0, n1 ..., between an input and an output."""
    names = [f"n{i}" for i in range(len(nodes))]
    out = np.shape(getattr(nodes[-1], "r", np.zeros(3)))
    ends = {"in": nir.Input(input_type={"input": np.array(shape)}),
            "out": nir.Output(output_type={"output": np.array(out)})}
    whole = ["in", *names, "out"]
    return graph_of(ends | dict(zip(names, nodes)), list(itertools.pairwise(whole)))


def weights(out=3, inside=4, seed=0, mean=0.8):
    return np.random.default_rng(seed).normal(mean, 0.6, (out, inside))


def ours(graph, seed=0, rate=5, step=2e-3, **settings):
    """Run a graph here, exactly, and in small steps; return the network, the trace and the other's results."""
    net = es.io.from_nir(graph, dt=AREA, **settings)
    draw = np.random.default_rng(seed)
    stimulus, pulses = {}, {}
    for name, population in net.populations.items():
        if population.kind != "input":
            continue
        count = rate * population.size
        time, index = np.round(draw.uniform(0.0, T_STOP, count), 1), draw.integers(0, population.size, count)
        stimulus[name] = es.Spikes(time=time, neuron=index)
        shape = population.shape
        order = np.arange(population.size)
        if len(shape) == 3:
            order = order.reshape(shape[2], *shape[:2]).transpose(1, 2, 0).reshape(-1)
        pulses[name] = [(t / 1000.0 + 1e-9, int(order[i])) for t, i in zip(time, index)]
    trace = es.simulate(net, stimulus, t_stop=T_STOP, engine="reference")
    spikes, potentials = nir_stepper.run(graph, pulses, T_STOP / 1000.0, step / 1000.0, AREA / 1000.0)
    return net, trace, spikes, potentials


def check_spikes(trace, name, spikes, tolerance=0.03, least=3):
    """Compare the spikes of a vector population with those in small steps, neuron by neuron."""
    table = trace.spikes(name)
    assert len(table.time) >= least
    for i in range(int(table.neuron.max()) + 1):
        here = table.time[table.neuron == i]
        there = np.array([1000.0 * t for t, j in spikes[name] if j == i])
        assert len(here) == len(there)
        assert np.all(np.abs(here - there) < tolerance)


BIAS = np.array([0.02, 0.0, -0.03])


@pytest.mark.parametrize("kind", ["IF", "LIF", "CubaLIF"])
@pytest.mark.parametrize("bias", [np.zeros(3), BIAS], ids=["plain", "biased"])
def test_a_neuron_of_nir_fires_when_its_equation_says(kind, bias):
    _, trace, spikes, _ = ours(chain(nir.Affine(weight=weights(), bias=bias), neuron(kind)))
    check_spikes(trace, "n1", spikes)


@pytest.mark.parametrize("kind", ["I", "LI", "CubaLI"])
def test_a_readout_has_the_potential_of_its_equation(kind):
    _, trace, _, potentials = ours(chain(nir.Affine(weight=weights(), bias=BIAS), neuron(kind)))
    here = trace.potential("n1", T_STOP).reshape(-1)
    assert np.abs(here).min() > 0.1
    np.testing.assert_allclose(here, potentials["n1"], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("synapse", ["LI", "I"])
@pytest.mark.parametrize("membrane", ["LIF", "IF"])
def test_a_potential_that_feeds_a_neuron_is_its_synapse(synapse, membrane):
    changes = {"v_leak": full(0.01)} if synapse == "LI" else {"r": full(60.0)}
    graph = chain(nir.Linear(weight=weights()), neuron(synapse, **changes), neuron(membrane))
    net, trace, spikes, _ = ours(graph, rate=4)
    assert net["n2"].neuron.tau_syn == (20.0 if synapse == "LI" else es.NEVER)
    check_spikes(trace, "n2", spikes)


def test_two_synapses_of_one_neuron_are_two_receptors():
    graph = graph_of(
        {"in": nir.Input(input_type={"input": np.array([4])}), "a": nir.Linear(weight=weights(seed=1)),
         "fast": neuron("LI", tau=full(0.003), r=full(1.0), v_leak=full(0.0)), "b": nir.Linear(weight=weights(seed=2)),
         "slow": neuron("LI", tau=full(0.012), r=full(1.0), v_leak=full(0.0)), "cell": neuron("LIF", r=full(3.0))},
        [("in", "a"), ("a", "fast"), ("in", "b"), ("b", "slow"), ("fast", "cell"), ("slow", "cell")],
    )
    net, trace, spikes, _ = ours(graph)
    assert sorted(net["cell"].neuron.tau_syn.items()) == [("fast", 3.0), ("slow", 12.0)]
    check_spikes(trace, "cell", spikes)


def test_delays_and_recurrence_are_those_of_the_graph():
    late = nir.Delay(delay=np.array([0.001, 0.002, 0.003, 0.004]))
    graph = chain(late, nir.Linear(weight=weights()), neuron("CubaLIF"))
    graph.nodes |= {"back": nir.Linear(weight=-weights(inside=3, seed=3)), "late": nir.Delay(delay=full(0.0015))}
    graph.edges += [("n2", "back"), ("back", "late"), ("late", "n2")]
    net, trace, spikes, _ = ours(graph)
    assert net.projections["in->n2"].delay[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert float(net.projections["n2->n2"].delay) == 1.5
    check_spikes(trace, "n2", spikes)


def test_maps_and_their_flattening_keep_every_weight_at_its_place():
    draw = np.random.default_rng(5)
    kernel = draw.normal(0.5, 0.6, (3, 2, 3, 2))
    convolution = nir.Conv2d(input_shape=(6, 5), weight=kernel, stride=1, padding=(1, 0), dilation=1, groups=1,
                             bias=np.zeros(3))
    cell = nir.LIF(tau=np.full((3, 6, 4), 0.02), r=np.full((3, 6, 4), 9.0), v_leak=np.zeros((3, 6, 4)),
                   v_threshold=draw.uniform(0.6, 0.9, (3, 6, 4)))
    two = np.array([2, 2])
    graph = chain(convolution, cell, nir.AvgPool2d(kernel_size=two, stride=two, padding=np.zeros(2, int)),
                  nir.Flatten(input_type=None, start_dim=0, end_dim=-1),
                  nir.Linear(weight=draw.normal(0.6, 0.6, (3, 18))), neuron("LIF"), shape=(2, 6, 5))
    net, trace, spikes, _ = ours(graph, rate=4, step=0.01)
    assert [net[name].shape for name in ("in", "n1", "n5")] == [(6, 5, 2), (6, 4, 3), (3,)]
    assert net.projections["n1->n5"].connection.pool == 2
    check_spikes(trace, "n5", spikes, least=10)


def test_the_spikes_of_small_steps_approach_ours_as_the_step_shrinks():
    graph = chain(nir.Affine(weight=weights(), bias=BIAS), neuron("CubaLIF"))
    errors = []
    for step in (0.01, 0.0025):
        _, trace, spikes, _ = ours(graph, rate=2, step=step)
        here = np.sort(trace.spikes("n1").time)
        errors.append(np.abs(here - np.sort([1000.0 * t for t, _ in spikes["n1"]])).mean())
    assert 3.0 < errors[0] / errors[1] < 5.0


@pytest.mark.parametrize("kind, share", [("IF", 300.0), ("LIF", 6.0 / 0.02), ("CubaLIF", 3.0 * 6.0 / 0.004)])
def test_the_weight_of_a_spike_is_proportional_to_its_area(kind, share):
    changes = {"r": full(300.0)} if kind == "IF" else {"r": full(6.0)} if kind == "LIF" else {
        "r": full(3.0), "w_in": full(6.0)}
    graph = chain(nir.Linear(weight=weights()), neuron(kind, **changes))
    for dt in (0.1, 1.0):
        projection = es.io.from_nir(graph, dt=dt).projections["in->n1"]
        np.testing.assert_allclose(projection.weight, weights().T * share * dt / 1000.0, rtol=1e-14)


def test_a_potential_at_the_threshold_is_not_above_it():
    cell = nir.IF(r=full(1000.0, 1), v_threshold=full(1.0, 1))
    net = es.io.from_nir(chain(nir.Linear(weight=np.array([[0.5]])), cell, shape=(1,)), dt=1.0)
    trace = es.simulate(net, {"in": es.Spikes(time=[1.0, 2.0, 3.0], neuron=[0, 0, 0])}, t_stop=5.0)
    assert trace.spikes("n1").time.tolist() == [3.0]


def test_a_loop_without_delay_takes_one_step_or_what_is_asked_for():
    graph = chain(nir.Linear(weight=weights()), neuron("CubaLIF"))
    graph.nodes["back"] = nir.Linear(weight=weights(inside=3))
    graph.edges += [("n1", "back"), ("back", "n1")]
    assert float(es.io.from_nir(graph, dt=0.2).projections["n1->n1"].delay) == 0.2
    assert float(es.io.from_nir(graph, loop_delay=0.0).projections["n1->n1"].delay) == 0.0
    assert float(es.io.from_nir(graph, dt=0.2).projections["in->n1"].delay) == 0.0


def test_only_one_connection_of_a_longer_loop_is_delayed():
    graph = chain(nir.Linear(weight=weights()), neuron("LIF"), nir.Linear(weight=weights(inside=3)), neuron("LIF"))
    graph.nodes["back"] = nir.Linear(weight=weights(inside=3))
    graph.edges += [("n3", "back"), ("back", "n1")]
    delays = {name: float(p.delay) for name, p in es.io.from_nir(graph, dt=0.1).projections.items()}
    assert delays == {"in->n1": 0.0, "n1->n3": 0.0, "n3->n1": 0.1}


def test_a_nested_graph_is_what_it_says_without_the_nesting():
    inner = graph_of(
        {"input": nir.Input(input_type={"input": np.array([3])}), "lif": neuron("LIF"),
         "w_rec": nir.Linear(weight=weights(inside=3)), "output": nir.Output(output_type={"output": np.array([3])})},
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    last = nir.Linear(weight=weights(inside=3))
    nested = es.io.from_nir(chain(nir.Linear(weight=weights()), inner, last, neuron("LI")))
    assert list(nested.populations) == ["in", "n1.lif", "n3"]
    assert sorted(nested.projections) == ["in->n1.lif", "n1.lif->n1.lif", "n1.lif->n3"]
    flat = graph_of(
        {"in": nir.Input(input_type={"input": np.array([4])}), "n0": nir.Linear(weight=weights()),
         "n1.lif": neuron("LIF"), "w": nir.Linear(weight=weights(inside=3)),
         "n2": nir.Linear(weight=weights(inside=3)), "n3": neuron("LI")},
        [("in", "n0"), ("n0", "n1.lif"), ("n1.lif", "w"), ("w", "n1.lif"), ("n1.lif", "n2"), ("n2", "n3")],
    )
    assert nested.fingerprint() == es.io.from_nir(flat).fingerprint()


def test_a_threshold_behind_a_potential_gives_its_first_crossing():
    graph = chain(nir.Linear(weight=weights()), neuron("CubaLI"), nir.Threshold(threshold=full(0.4)))
    net = es.io.from_nir(graph, dt=AREA)
    assert list(net.populations) == ["in", "n1"]
    assert net["n1"].neuron.t_refractory == es.NEVER
    fires = chain(nir.Linear(weight=weights()), neuron("CubaLIF", r=full(3.0), w_in=full(6.0), v_threshold=full(0.4)))
    stimulus = {"in": es.Spikes(time=np.linspace(0.0, 9.0, 10), neuron=np.arange(10) % 4)}
    once = es.simulate(net, stimulus, t_stop=T_STOP, engine="reference")
    again = es.simulate(es.io.from_nir(fires, dt=AREA), stimulus, t_stop=T_STOP, engine="reference")
    assert np.all(once.first_spikes("n1") < T_STOP) and len(once.spikes("n1").time) == 3 < len(again.spikes("n1").time)
    np.testing.assert_array_equal(once.first_spikes("n1"), again.first_spikes("n1"))


def test_one_number_may_stand_for_all_neurons_and_a_batch_axis_is_left_out():
    cell = nir.LIF(tau=np.array(0.02), r=np.array(1.0), v_leak=np.array(0.0), v_threshold=np.array(1.0))
    net = es.io.from_nir(chain(nir.Linear(weight=weights()), cell, shape=(1, 4)))
    assert net["in"].shape == (4,) and net["n1"].shape == (3,)


def test_a_file_is_read_as_its_graph_is(tmp_path):
    graph = chain(nir.Affine(weight=weights(), bias=BIAS), neuron("CubaLIF"))
    nir.write(tmp_path / "graph.nir", graph)
    assert es.io.from_nir(tmp_path / "graph.nir").fingerprint() == es.io.from_nir(graph).fingerprint()


def linear_node(draw, rng, shape):
    """Draw a linear node that fits a signal of `shape`."""
    if len(shape) == 1:
        if draw(st.booleans()):
            return nir.Linear(weight=rng.normal(size=(draw(st.integers(1, 4)), shape[0])))
        return nir.Scale(scale=rng.normal(size=shape))
    kind = draw(st.sampled_from(["Scale", "uniform", "Flatten", "pool", "Conv2d"]))
    if kind in ("Scale", "uniform"):
        return nir.Scale(scale=rng.normal(size=shape) if kind == "Scale" else np.full(shape, 0.7))
    if kind == "Flatten" or min(shape[1:]) < 3:
        return nir.Flatten(input_type=None, start_dim=0, end_dim=-1)
    if kind == "pool":
        pool, step = draw(st.sampled_from([nir.AvgPool2d, nir.SumPool2d])), draw(st.sampled_from([1, 2]))
        two, zeros = np.array([2, 2]), np.array([draw(st.integers(0, 1))] * 2)
        return pool(kernel_size=two, stride=np.array([step, step]), padding=zeros)
    groups = shape[0] if draw(st.booleans()) else 1
    kernel = draw(st.sampled_from([(1, 1), (2, 3), (3, 3), (1, 2)]))
    weight = rng.normal(size=(groups * draw(st.integers(1, 2)), shape[0] // groups, *kernel))
    same = draw(st.booleans())
    stride, padding = (1, "same") if same else draw(st.sampled_from([(1, 0), (2, 1), ((2, 1), 0), (2, (1, 0))]))
    dilation = draw(st.sampled_from([1, (1, 2)])) if kernel[1] < 3 else 1
    return nir.Conv2d(input_shape=shape[1:], weight=weight, bias=np.zeros(len(weight)), groups=groups, stride=stride,
                      padding=padding, dilation=dilation)


@st.composite
def linear_chains(draw):
    """Draw a signal's shape and linear nodes that fit it, one behind the other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = here = (draw(st.integers(1, 3)), draw(st.integers(3, 6)), draw(st.integers(3, 6)))
    nodes = []
    for _ in range(draw(st.integers(0, 4))):
        nodes.append(linear_node(draw, rng, here))
        here = nir_stepper.apply(nodes[-1], np.zeros(here)).shape
    return shape, nodes


@given(linear_chains())
def test_linear_nodes_in_a_row_give_the_weights_of_their_product(case):
    shape, nodes = case
    total, here = np.eye(int(np.prod(shape))), shape
    for node in nodes:
        total = total @ nir_stepper.linear(node, here)[0]
        here = nir_stepper.apply(node, np.zeros(here)).shape
    cell = nir.IF(r=np.full(here, 1000.0), v_threshold=np.ones(here))
    net = es.io.from_nir(chain(*nodes, cell, shape=shape), dt=1.0)
    (projection,) = net.projections.values()
    synapses = projection.synapses()
    found = np.zeros((projection.source.size, projection.target.size))
    np.add.at(found, (synapses.source, synapses.target), synapses.weight)
    row, column = (np.arange(int(np.prod(s))).reshape(s) for s in (shape, here))
    row, column = (ids.transpose(1, 2, 0) if ids.ndim == 3 else ids for ids in (row, column))
    np.testing.assert_allclose(found, total[row.reshape(-1)][:, column.reshape(-1)], rtol=1e-12, atol=1e-12)


LINEAR = nir.Linear(weight=weights())
REFUSED = {
    'node "n1" (LIF) has a tau for each neuron': chain(LINEAR, neuron("LIF", tau=np.array([0.01, 0.02, 0.03]))),
    'node "n1" (LIF) has a tau that is not a finite number above 0': chain(LINEAR, neuron("LIF", tau=full(0.0))),
    'node "n1" (LIF) has a v_reset that is above v_threshold': chain(LINEAR, neuron("LIF", v_reset=full(2.0))),
    'node "n1" (CubaLIF) has a r that is NaN or infinite': chain(LINEAR, neuron("CubaLIF", r=full(np.nan))),
    'node "n1" is of the kind Conv1d': chain(LINEAR, nir.Conv1d(None, np.ones((1, 1, 1)), 1, 0, 1, 1, np.zeros(1))),
    'node "n0" (Linear) takes 4 values; it gets a signal of shape (5,)': chain(LINEAR, neuron("LIF"), shape=(5,)),
    'node "n0" (Linear) takes 4 values; it gets a signal of shape (1, 2, 2); put a Flatten before it':
        chain(LINEAR, neuron("LIF"), shape=(1, 2, 2)),
    'node "n1" (LIF) needs a signal of shape (2,); "n0" gives (3,)': chain(LINEAR, neuron("LIF", n=2)),
    'node "n0" (Linear) is read out at "out" without neurons in between': chain(LINEAR),
    'node "n1" (CubaLI) feeds node "n2"': chain(LINEAR, neuron("CubaLI"), neuron("LIF")),
    'node "n1" (LI) feeds node "n2" (LI): two synapses in a row':
        chain(LINEAR, neuron("LI"), neuron("LI"), neuron("LIF")),
    'node "n1" feeds the synapse of "n2" (CubaLIF)': chain(LINEAR, neuron("LI"), neuron("CubaLIF")),
    'node "n1" (Threshold) must be fed by one I, LI or CubaLI': chain(LINEAR, nir.Threshold(threshold=full(1.0))),
    'node "n2" (Threshold) feeds more than outputs': chain(LINEAR, neuron("LI"), nir.Threshold(threshold=full(1.0)),
                                                           nir.Linear(weight=weights(inside=3)), neuron("LIF")),
    'node "n1" (I) is fed a constant': chain(nir.Affine(weight=weights(), bias=BIAS), neuron("I"), neuron("LIF")),
    'node "n1" (Delay) has a delay that is negative': chain(LINEAR, nir.Delay(delay=full(-1.0)), neuron("LIF")),
    'node "n1" (Delay) delays signals between weights': chain(
        LINEAR, nir.Delay(delay=np.array([0.1, 0.2, 0.3])), nir.Linear(weight=weights(inside=3)), neuron("LIF")),
    'node "n0" (Linear) has a weight that is NaN or infinite': chain(nir.Linear(weight=np.full((3, 4), np.inf)),
                                                                     neuron("LIF")),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_has_no_counterpart_is_refused_with_the_name_of_the_node(line):
    assert line in refusal(es.io.from_nir, REFUSED[line])


def test_edges_and_nodes_that_do_not_fit_together_are_refused():
    graph = chain(LINEAR, neuron("LIF"))
    graph.edges.append(("n1", "nowhere"))
    assert 'an edge names the node "nowhere", which does not exist' in refusal(es.io.from_nir, graph)
    graph.edges[-1] = ("n0", "n1")
    assert 'the edge from "n0" to "n1" is there twice' in refusal(es.io.from_nir, graph)
    graph.edges.pop()
    graph.nodes["loose"] = nir.Linear(weight=weights())
    graph.edges.append(("in", "loose"))
    assert 'node "loose" (Linear) leads nowhere' in refusal(es.io.from_nir, graph)
    del graph.nodes["loose"], graph.edges[-1]
    graph.nodes["adrift"] = nir.Linear(weight=weights())
    assert 'node "adrift"' in refusal(es.io.from_nir, graph)


def test_weights_in_a_loop_without_neurons_are_refused():
    graph = chain(nir.Linear(weight=np.eye(3)), neuron("LIF"), shape=(3,))
    graph.nodes["round"] = nir.Linear(weight=np.eye(3))
    graph.edges += [("n0", "round"), ("round", "n0")]
    assert "in a loop without neurons that spike" in refusal(es.io.from_nir, graph)


def test_what_is_no_graph_is_refused(tmp_path):
    assert "takes a nir.NIRGraph or the path of a file; got int" in refusal(es.io.from_nir, 3)
    assert "got one node, LIF" in refusal(es.io.from_nir, neuron("LIF"))
    assert "there is no file" in refusal(es.io.from_nir, tmp_path / "no.nir")
    (tmp_path / "text.nir").write_text("no numbers")
    assert "is not a file of NIR" in refusal(es.io.from_nir, tmp_path / "text.nir")
    for dt in (0.0, -1.0, np.inf, "1"):
        assert "give the area of a spike in ms" in refusal(es.io.from_nir, chain(LINEAR, neuron("LIF")), dt=dt)
    assert "loop_delay" in refusal(es.io.from_nir, chain(LINEAR, neuron("LIF")), loop_delay=-1.0)


@pytest.mark.parametrize("dt", [1j, b"0.1", "fast", 0.0, -0.1, np.nan])
def test_a_step_that_is_no_duration_is_refused(dt):
    assert "dt" in refusal(es.io.from_nir, chain(LINEAR, neuron("LIF")), dt=dt)
