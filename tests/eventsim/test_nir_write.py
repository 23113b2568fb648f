"""Writing NIR: what is read back is what was written, and what NIR cannot say is refused."""

import networks
import numpy as np
import pytest
from hypothesis import assume, given, settings
from refusals import refusal

import eventsim as es
from eventsim.errors import InputError
from eventsim.io import nir_file

nir = pytest.importorskip("nir", reason="needs the extra nir: pip install eventsim[nir]")

CUBA = es.LIF(tau_mem=20.0, tau_syn=5.0)


def there_and_back(net, tmp_path=None, **settings):
    graph = es.io.to_nir(net, **settings)
    if tmp_path is None:
        return es.io.from_nir(graph)
    nir.write(tmp_path / "graph.nir", graph)
    return es.io.from_nir(tmp_path / "graph.nir")


def named(name):
    return name.replace(" ", "_")


def neurons_of(net):
    """Return what the equations of each population depend on, by name."""
    result = {}
    for name, population in net.populations.items():
        if population.kind != "neurons":
            continue
        p = population.neuron.resolve(population.size)._asdict()
        del p["tau_syn"], p["tau_two"]
        if np.isinf(p["tau_mem"]):
            del p["v_rest"]
        if population.is_readout:
            del p["v_reset"], p["t_refractory"]
        p["size"] = population.size
        result[named(name)] = p
    return result


def matrices_of(net):
    """Return the weights between two populations, with one time constant and delay, as matrices."""
    result = {}
    for projection in net.projections.values():
        synapses = projection.synapses()
        delays = np.round(np.broadcast_to(synapses.delay, synapses.source.shape), 9)
        for delay in np.unique(delays):
            here = delays == delay
            ends = projection.source, projection.target
            key = (*(named(end.name) for end in ends), projection.tau_syn, float(delay))
            matrix = result.setdefault(key, np.zeros([end.size for end in ends]))
            np.add.at(matrix, (synapses.source[here], synapses.target[here]), synapses.weight[here])
    return {key: matrix for key, matrix in result.items() if np.any(matrix)}


def check_same(net, other):
    here, there = neurons_of(net), neurons_of(other)
    assert here.keys() == there.keys()
    for name, values in here.items():
        for parameter, value in values.items():
            np.testing.assert_allclose(there[name][parameter], value, rtol=1e-13, atol=1e-15, err_msg=parameter)
    here, there = matrices_of(net), matrices_of(other)
    assert here.keys() == there.keys()
    for key, matrix in here.items():
        np.testing.assert_allclose(there[key], matrix, rtol=1e-12, atol=1e-14)


UNSAID = ("no input; NIR's constants are biases", "no node that makes a map", "that no bias of a convolution can say",
          'padding "same" with stride')


@settings(max_examples=networks.examples(150))
@given(networks.recurrent_cases(poisson=False, taus=networks.EVERY))
def test_any_network_comes_back_as_it_went(case):
    net = case.build()
    try:
        back = there_and_back(net, metadata=True)
    except InputError as error:
        assert any(reason in str(error) for reason in UNSAID), error
        assume(False)
    check_same(net, back)


@settings(max_examples=networks.examples(100))
@given(networks.layered_cases())
def test_convolutions_and_pooling_come_back_as_they_went(case):
    net = case.build()
    try:
        back = there_and_back(net, metadata=True)
    except InputError as error:
        assert any(reason in str(error) for reason in UNSAID), error
        assume(False)
    check_same(net, back)


def convolutional():
    net = es.Network(seed=2)
    net.input("pixels", (8, 8, 2))
    net.population("first", (4, 4, 3), CUBA)
    net.population("second", (4, 4, 2), es.LIF(tau_mem=20.0, tau_syn=0.0, i_offset=0.25))
    net.population("output", 5, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    net.connect("pixels", "first", es.Conv2d(es.Normal(0.5, 0.5), kernel=3, padding=1, pool=2), delay=0.5)
    net.connect("first", "second", es.Conv2d(es.Normal(0.5, 0.5), kernel=(2, 3), padding="same"))
    net.connect("first", "first", es.OneToOne(es.Normal(-0.2, 0.1)), delay=1.5)
    net.connect("second", "output", es.Dense(es.Normal(0.5, 0.5), pool=2))
    return net


def test_kinds_of_connection_survive_a_file(tmp_path):
    net = convolutional()
    back = there_and_back(net, tmp_path)
    check_same(net, back)
    assert list(back.populations) == list(net.populations)
    for name, projection in net.projections.items():
        again = back.projections[name]
        assert type(again.connection) is type(projection.connection)
        assert again.connection.settings() == projection.connection.settings()
        assert again.weight.shape == projection.weight.shape
        assert again.source.shape == projection.source.shape


def test_spikes_are_the_same_to_rounding():
    net = convolutional()
    draw = np.random.default_rng(0)
    stimulus = {"pixels": es.Spikes(time=draw.uniform(0.0, 30.0, 150), neuron=draw.integers(0, 128, 150))}
    here, there = (es.simulate(n, stimulus, t_stop=40.0, engine="reference") for n in (net, there_and_back(net)))
    for name in ("first", "second"):
        spikes, again = here.spikes(name), there.spikes(name)
        assert len(spikes.time) > 20
        np.testing.assert_array_equal(spikes.neuron, again.neuron)
        np.testing.assert_allclose(spikes.time, again.time, rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(here.potential("output", 40.0), there.potential("output", 40.0), atol=1e-11)


@pytest.mark.parametrize("dt", [0.1, 0.25, 1.0])
def test_the_graph_notes_the_area_of_its_spikes(tmp_path, dt):
    net = convolutional()
    check_same(net, there_and_back(net, tmp_path, dt=dt))
    graph = es.io.to_nir(net, dt=dt)
    graph.metadata = {}
    matrices = matrices_of(es.io.from_nir(graph, dt=2 * dt))
    for key, matrix in matrices_of(net).items():
        np.testing.assert_allclose(matrices[key], 2.0 * matrix, rtol=1e-12)


def test_the_constants_of_other_tools_are_those_they_check_for():
    net = es.Network(seed=1)
    net.input("in", 2)
    net.population("cuba", 2, CUBA)
    net.population("delta", 2, es.LIF(tau_mem=10.0, tau_syn=0.0, v_threshold=0.5))
    net.population("if", 2, es.LIF(tau_mem=es.NEVER, tau_syn=0.0))
    for name in ("cuba", "delta", "if"):
        net.connect("in", name, es.Dense([[1.0, 2.0], [3.0, 4.0]]))
    nodes = es.io.to_nir(net, dt=0.1).nodes
    np.testing.assert_allclose(nodes["cuba"].r, 0.02 / 1e-4)
    np.testing.assert_allclose(nodes["cuba"].w_in, 0.005 / 1e-4)
    np.testing.assert_allclose(nodes["in_cuba_weights"].weight, np.array([[1.0, 3.0], [2.0, 4.0]]) * 1e-4 / 0.02)
    assert nodes["delta"].r.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(nodes["in_delta_weights"].weight, np.array([[1.0, 3.0], [2.0, 4.0]]) * 0.01 / 1e-4)
    np.testing.assert_allclose(nodes["if"].r, 1.0 / 1e-4)
    np.testing.assert_array_equal(nodes["in_if_weights"].weight, [[1.0, 3.0], [2.0, 4.0]])
    assert np.all(nodes["delta"].v_threshold < 0.5) and np.allclose(nodes["delta"].v_threshold, 0.5, rtol=1e-15)


def test_a_bias_of_a_synapse_comes_back_without_a_trace_of_its_onset():
    cell = nir.CubaLIF(tau_syn=np.full(2, 0.005), tau_mem=np.full(2, 0.02), r=np.full(2, 3.0), v_leak=np.zeros(2),
                       v_threshold=np.ones(2), w_in=np.full(2, 4.0))
    graph = nir.NIRGraph.from_list(nir.Affine(weight=np.ones((2, 3)), bias=np.array([0.5, -0.25])), cell)
    net = es.io.from_nir(graph)
    assert "cubalif.onset" in net
    again = es.io.to_nir(net)
    assert {type(node).__name__ for node in again.nodes.values()} == {"Input", "Affine", "CubaLIF", "Output"}
    check_same(net, es.io.from_nir(again))


def test_neurons_that_fire_once_are_thresholds_at_the_end_and_refused_before():
    net = es.Network(seed=1)
    net.input("in", 2)
    net.population("hidden", 2, CUBA)
    net.population("output", 2, CUBA.replace(t_refractory=es.NEVER, v_threshold=0.7))
    net.connect("in", "hidden", es.Dense(1.0))
    net.connect("hidden", "output", es.Dense(1.0))
    kinds = {name: type(node).__name__ for name, node in es.io.to_nir(net).nodes.items()}
    assert kinds["output"] == "CubaLI" and kinds["output_threshold"] == "Threshold"
    check_same(net, there_and_back(net))
    net.set_neuron("hidden", CUBA.replace(t_refractory=es.NEVER))
    assert 'population "hidden" fires once (t_refractory=NEVER) and feeds others' in refusal(es.io.to_nir, net)
    kinds = {name: type(node).__name__ for name, node in es.io.to_nir(net, metadata=True).nodes.items()}
    assert kinds["hidden"] == kinds["output"] == "CubaLIF"
    check_same(net, there_and_back(net, metadata=True))


def small(neuron=CUBA, rule=None, **settings):
    net = es.Network(seed=1)
    net.input("in", 3)
    net.population("cells", 3, neuron)
    net.connect("in", "cells", es.Dense(es.Normal(1.0, 1.0)) if rule is None else rule, **settings)
    return net


def test_what_nir_has_no_field_for_is_refused_or_kept_as_metadata(tmp_path):
    for neuron, reason in ((CUBA.replace(t_refractory=2.0), "has a refractory period, which NIR does not know"),
                           (CUBA.replace(v_init=0.5), "starts from v_init, and NIR knows no initial potential")):
        net = small(neuron)
        assert f'population "cells" {reason}' in refusal(es.io.to_nir, net)
        check_same(net, there_and_back(net, tmp_path, metadata=True))


def test_delays_that_differ_are_written_as_nodes_or_refused_when_they_are_too_many():
    for delay in (np.array([[1.0], [2.0], [3.0]]) + np.zeros(3), np.array([1.0, 0.0, 2.5]) + np.zeros((3, 1)),
                  np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0], [2.0, 2.0, 0.0]])):
        net = small(delay=delay)
        check_same(net, there_and_back(net))
    net = es.Network(seed=1)
    net.input("in", 10)
    net.population("cells", 10, CUBA)
    net.connect("in", "cells", es.Dense(1.0), delay=es.Uniform(0.0, 5.0))
    assert 'projection "in->cells" has 100 different delays' in refusal(es.io.to_nir, net)


def test_sources_of_noise_and_what_is_no_network_are_refused():
    net = small()
    net.poisson("noise", 2, rate=10.0)
    net.connect("noise", "cells", es.Dense(1.0))
    assert 'population "noise" is of kind poisson' in refusal(es.io.to_nir, net)
    assert "takes a Network; got int" in refusal(es.io.to_nir, 3)
    assert "no populations" in refusal(es.io.to_nir, es.Network())
    assert 'output population "cell" is not known; allowed: cells' in refusal(es.io.to_nir, small(), outputs=["cell"])
    assert "give the area of a spike" in refusal(es.io.to_nir, small(), dt=0.0)


def test_the_outputs_are_what_feeds_nothing_or_what_is_asked_for():
    def outputs(**settings):
        return [edge[0] for edge in es.io.to_nir(convolutional(), **settings).edges if edge[1].endswith("_output")]

    assert outputs() == ["output"]
    assert outputs(outputs=["first", "output"]) == ["first", "output"]


def test_a_drive_without_weights_to_carry_it_goes_through_a_node_of_its_own():
    net = small(CUBA.replace(i_offset=[0.1, 0.2, 0.3]))
    graph = es.io.to_nir(net)
    kinds = [type(graph.nodes[name]).__name__ for name in ("cells", "cells_synapse", "cells_drive")]
    assert kinds == ["LIF", "LI", "Affine"]
    check_same(net, es.io.from_nir(graph))
    alone = es.Network(seed=1)
    alone.population("cells", 3, es.LIF(tau_mem=20.0, tau_syn=0.0, i_offset=2.0))
    assert "and no input; NIR's constants are biases of weights" in refusal(es.io.to_nir, alone)


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "graph.nir"
    es.io.to_nir(small(), path)
    before = path.read_bytes()

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nir, "write", fails)
    assert "No space left" in refusal(es.io.to_nir, convolutional(), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    assert "pip install eventsim[nir]" in refusal(nir_file.package)
