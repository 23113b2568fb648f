"""The scripts that compare us with tools that read NIR: what they compute, with each tool that is installed."""

import json

import numpy as np
import pytest
from benchmark_scripts import benchmark

import eventsim as es


@pytest.fixture
def agreement():
    return benchmark("nir_agreement")


@pytest.fixture
def convergence():
    return benchmark("nir_convergence")


@pytest.fixture
def torch():
    module = pytest.importorskip("torch", reason="needs torch")
    kind = module.get_default_dtype()
    yield module
    module.set_default_dtype(kind)


def test_brighter_pixels_fire_earlier_and_dark_ones_never(agreement):
    images = np.zeros((1, 8, 8, 1))
    images[0, 0, :3, 0] = 16.0, 8.0, 1.0
    assert agreement.latencies(images)[0, :4].tolist() == [0, 10, 19, agreement.STEPS]


def test_spikes_of_the_outputs_are_counted_by_sample(agreement):
    net = es.Network(seed=1)
    net.input("pixels", 64)
    net.population("output", 10, es.LIF(tau_mem=10.0, tau_syn=0.0))
    net.connect("pixels", "output", es.Dense(np.vstack([2.0 * np.eye(10), np.zeros((54, 10))])))
    steps = np.full((2, 64), agreement.STEPS)
    steps[0, 3], steps[1, 3], steps[1, 7], steps[1, 20] = 4, 39, 0, 1
    counts = agreement.spike_counts(net, steps)
    assert np.argwhere(counts).tolist() == [[0, 3], [1, 3], [1, 7]] and counts.max() == 1.0


def test_the_first_of_several_spikes_of_an_output_counts_and_none_is_inf(agreement, torch):
    def doubling(signal, state):
        state = signal.reshape(-1, 64)[:, :10] if state is None else state + signal.reshape(-1, 64)[:, :10]
        return (state >= 1.0).float(), state

    spikes = es.Spikes(time=[0.5, 0.2, 0.3], neuron=[2, 5, 2], sample=[0, 1, 1], n_samples=2)
    first = agreement.first_steps(doubling, spikes, 0.1, 1.0)
    assert np.isfinite(first).sum() == 3
    assert first[0, 2] == pytest.approx(0.5) and first[1, [2, 5]] == pytest.approx([0.3, 0.2])


def test_distances_count_both_ways_and_spikes_that_only_one_run_has(convergence):
    here = [(np.array([1.0, 5.0, 7.0]), np.array([0, 0, 1]))]
    there = [(np.array([1.25, 5.5, 6.0]), np.array([0, 0, 0]))]
    found = np.sort(convergence.distances(here, there))
    assert found.tolist() == [0.25, 0.25, 0.5, 0.5, 1.0, convergence.T_STOP]


def test_a_graph_runs_here_with_the_spikes_of_the_network_that_it_is_of(convergence):
    pytest.importorskip("nir", reason="needs nir")
    weights, times, neurons = convergence.problem(cuba=True)
    net = es.Network(seed=0)
    layer = net.input("in", convergence.SIZES[0])
    for number, weight in enumerate(weights):
        following = net.population(f"layer{number}", weight.shape[1],
                                   es.LIF(tau_mem=convergence.TAU_MEM, tau_syn=convergence.TAU_SYN))
        net.connect(layer, following, es.Dense(weight))
        layer = following
    trace = es.simulate(net, {"in": es.Spikes(time=times, neuron=neurons)}, t_stop=convergence.T_STOP)
    for number, (time, neuron) in enumerate(convergence.exact(es.io.to_nir(net, dt=0.1), times, neurons, 1.0, 0.1)):
        table = trace.spikes(f"layer{number}")
        assert len(time) and neuron.tolist() == table.neuron.tolist()
        assert time == pytest.approx(table.time, abs=1e-9)


def test_steps_of_a_layer_are_its_spikes_times_the_step(convergence, torch):
    weight = np.zeros((20, 30))
    weight[4, 2] = 1.0

    def pass_on(signal):
        return (signal > 0.5).double()

    torch.set_default_dtype(torch.float64)
    layers = [convergence.linear(weight, 0.0), pass_on, convergence.linear(np.eye(30)[:, :10], 0.0), pass_on]
    hidden, output = convergence.stepped(layers, np.array([3.0, 7.5]), np.array([4, 5]), 0.5)
    assert hidden[0].tolist() == [3.0] and hidden[1].tolist() == [2]
    assert output[0].tolist() == [3.0] and output[1].tolist() == [2]


@pytest.mark.compiled
@pytest.mark.parametrize("tool", ["snnTorch", "SpikingJelly", "Norse"])
def test_spike_times_of_a_tool_come_closer_as_its_step_shrinks(convergence, torch, tool):
    pytest.importorskip("nir", reason="needs nir")
    pytest.importorskip(convergence.TOOLS[tool][1], reason=f"needs {tool}")
    coarse, fine = convergence.compare(tool, False, [1.0, 0.1])
    assert fine["spikes"] and fine["median_error_ms"] < 0.2 * coarse["median_error_ms"]
    assert fine["median_error_ms"] < 0.1


@pytest.mark.compiled
def test_tools_that_are_missing_are_left_out_and_named(convergence, torch, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(convergence, "TOOLS", dict.fromkeys(convergence.TOOLS, (None, "no_such_tool")))
    convergence.main(["--out", str(tmp_path / "r.json"), "--figure", str(tmp_path / "f.png")])
    assert "snnTorch LIF: left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text())["result"] == {} and (tmp_path / "f.png").is_file()


@pytest.mark.compiled
def test_networks_trained_in_a_tool_and_here_run_in_the_other(agreement, torch, tmp_path):
    for name in ("nir", "snntorch.export_nir", "spikingjelly.activation_based.nir_exchange", "norse.torch"):
        pytest.importorskip(name, reason=f"needs {name.partition('.')[0]}")
    agreement.main(["--epochs", "1", "--samples", "200", "--out", str(tmp_path / "r.json")])
    found = json.loads((tmp_path / "r.json").read_text())["result"]
    assert found["trained_in_snntorch"]["same_counts"] > 0.97
    for tool in ("SpikingJelly", "Norse"):
        coarse, fine = (found["trained_here"][f"{tool}, {dt} ms"]["median_time_error_ms"] for dt in (0.1, 0.02))
        assert fine < 0.3 * coarse < 0.06
