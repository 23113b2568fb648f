"""NIR between us and the tools themselves: what they export runs here, what we write runs there."""

import importlib

import numpy as np
import pytest

import eventsim as es

nir = pytest.importorskip("nir", reason="needs the extra nir: pip install eventsim[nir]")
torch = pytest.importorskip("torch", reason="needs torch, which runs the other tools")

TAU_MEM, TAU_SYN, T_STOP = 20.0, 5.0, 40.0
STEP = 0.1  # ms


def tool(name):
    """Return a module of another tool, or skip."""
    return pytest.importorskip(name, reason=f"needs {name.partition('.')[0]} (pip install --no-deps) to compare with")


def layer(weight):
    result = torch.nn.Linear(*weight.shape, bias=False)
    with torch.no_grad():
        result.weight.copy_(torch.as_tensor(weight.T))
    return result


def stimulus(n=12, seed=0):
    draw = np.random.default_rng(seed)
    time = np.unique(np.round(draw.uniform(0.0, 0.7 * T_STOP, 3 * n)))
    return es.Spikes(time=time, neuron=draw.integers(0, n, len(time)))


def weights(scale, n=12, size=8, seed=1):
    return np.random.default_rng(seed).normal(0.8 * scale, 0.5 * scale, (n, size))


def first_spikes_there(module, spikes, dt, size, n=12):
    """Return the times of first spikes in a tool, inf where there is none."""
    place, state, first = np.round(spikes.time / dt).astype(int), None, np.full(size, np.inf)
    with torch.no_grad():
        for step in range(round(T_STOP / dt)):
            signal = torch.zeros(1, n)
            signal[0, spikes.neuron[place == step]] = 1.0
            output, state = module(signal, state)
            fired = output.detach().numpy().reshape(-1) > 0.0
            first[fired & np.isinf(first)] = step * dt
    return first


def network(neuron, scale):
    net = es.Network(seed=1)
    net.input("in", 12)
    net.population("cells", 8, neuron)
    net.connect("in", "cells", es.Dense(weights(scale)))
    return net


def load_snntorch(graph, dt):
    assert dt == 0.1, "its step cannot be chosen"
    return tool("snntorch.import_nir").import_from_nir(graph)


def load_spikingjelly(graph, dt):
    return tool("spikingjelly.activation_based.nir_exchange").import_from_nir(graph, dt=dt / 1000.0)


def load_norse(graph, dt):
    return tool("norse.torch").from_nir(graph, dt=dt / 1000.0)


NEURONS = {
    "CubaLIF": (es.LIF(tau_mem=TAU_MEM, tau_syn=TAU_SYN), 2.0),
    "LIF": (es.LIF(tau_mem=TAU_MEM, tau_syn=0.0), 0.31),
}


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("load", [load_snntorch, load_spikingjelly, load_norse])
def test_what_we_write_fires_in_another_tool_when_it_does_here(load, kind):
    neuron, scale = NEURONS[kind]
    net, spikes = network(neuron, scale), stimulus()
    here = es.simulate(net, {"in": spikes}, t_stop=T_STOP).first_spikes("cells")[0]
    there = first_spikes_there(load(es.io.to_nir(net, dt=STEP), STEP), spikes, STEP, 8)
    assert np.isfinite(here).sum() >= 6
    np.testing.assert_allclose(there, here, atol=3 * STEP)


def exported_by_snntorch(cuba):
    snn, export = tool("snntorch"), tool("snntorch.export_nir")
    size = torch.ones(8)
    common = {"threshold": size, "init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    beta, alpha = (1.0 - STEP / TAU_MEM) * size, (1.0 - STEP / TAU_SYN) * size
    cells = snn.Synaptic(alpha=alpha, beta=beta, **common) if cuba else snn.Leaky(beta=beta, **common)
    first = layer(weights(2.0 * STEP / TAU_MEM if cuba else 0.31))
    return export.export_to_nir(torch.nn.Sequential(first, cells), torch.zeros(12)), STEP


def exported_by_spikingjelly(cuba):
    exchange = tool("spikingjelly.activation_based.nir_exchange")
    neuron = tool("spikingjelly.activation_based.neuron")
    if cuba:
        decays = {"c_decay": 1.0 - STEP / TAU_SYN, "v_decay": 1.0 - STEP / TAU_MEM}
        cells = neuron.CUBALIFNode(**decays, v_threshold=1.0, v_reset=0.0)
    else:
        cells = neuron.LIFNode(tau=TAU_MEM / STEP, decay_input=False)
    first = layer(weights(2.0 * STEP / TAU_MEM if cuba else 0.31))
    return exchange.export_to_nir(torch.nn.Sequential(first, cells), torch.zeros(1, 12), dt=STEP / 1000.0), STEP


def exported_by_norse(cuba):
    norse = tool("norse.torch")
    if cuba:
        pytest.skip("Norse exports its neurons with currents without the weight of a spike")
    parameters = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(1000.0 / TAU_MEM), v_th=torch.tensor(1.0),
                                        v_leak=torch.tensor(0.0), v_reset=torch.tensor(0.0))
    cells = norse.LIFBoxCell(parameters, dt=STEP / 1000.0)
    first = layer(weights(0.31 * TAU_MEM / STEP))
    return norse.to_nir(norse.SequentialState(first, cells), torch.zeros(1, 12), dt=1.0), STEP


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("export", [exported_by_snntorch, exported_by_spikingjelly, exported_by_norse])
def test_what_another_tool_exports_is_the_same_network_here(export, kind):
    neuron, scale = NEURONS[kind]
    graph, dt = export(kind == "CubaLIF")
    net = es.io.from_nir(graph, dt=dt)
    (cells,) = [population for population in net.populations.values() if population.kind == "neurons"]
    assert cells.neuron.tau_mem == pytest.approx(neuron.tau_mem, rel=1e-4)  # decays are single precision there
    assert cells.neuron.tau_syn == pytest.approx(neuron.tau_syn, rel=1e-4)
    assert np.allclose(cells.neuron.v_threshold, 1.0)
    (projection,) = net.projections.values()
    np.testing.assert_allclose(projection.weight, weights(scale), rtol=1e-4)


def test_a_recurrent_layer_of_snntorch_becomes_a_loop_of_one_step():
    snn, export = tool("snntorch"), tool("snntorch.export_nir")
    cells = snn.RLeaky(beta=0.95, threshold=1.0, init_hidden=True, reset_mechanism="zero", reset_delay=False,
                       all_to_all=True, linear_features=8)
    net = es.io.from_nir(export.export_to_nir(torch.nn.Sequential(layer(weights(0.3)), cells), torch.zeros(12)))
    (loop,) = [projection for projection in net.projections.values() if projection.source is projection.target]
    assert float(loop.delay) == 0.1
    np.testing.assert_allclose(loop.weight, cells.recurrent.weight.detach().numpy().T, rtol=1e-4)


def test_a_convolutional_network_of_spikingjelly_keeps_its_weights_and_its_order():
    exchange, part = tool("spikingjelly.activation_based.nir_exchange"), tool("spikingjelly.activation_based")
    layers = importlib.import_module(part.__name__ + ".layer")
    neuron = importlib.import_module(part.__name__ + ".neuron")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        layers.Conv2d(2, 3, 3, padding=1), neuron.IFNode(), layers.AvgPool2d(2), layers.Flatten(), layers.Linear(48, 5),
        neuron.IFNode(),
    )
    graph = exchange.export_to_nir(module, torch.zeros(1, 2, 8, 8))
    net = es.io.from_nir(graph)
    first, second = (net.projections[name] for name in net.projections)
    kernel = module[0].weight.detach().numpy()
    np.testing.assert_allclose(first.weight, kernel.transpose(2, 3, 1, 0), rtol=1e-12)
    matrix = module[4].weight.detach().numpy().reshape(5, 3, 4, 4).transpose(2, 3, 1, 0).reshape(48, 5)
    np.testing.assert_allclose(second.weight, matrix, rtol=1e-12)
    offset = np.broadcast_to(module[0].bias.detach().numpy() / 0.1, (8, 8, 3)).reshape(-1)  # a bias each 0.1 ms
    np.testing.assert_allclose(net[first.target.name].neuron.i_offset, offset, rtol=1e-6)
