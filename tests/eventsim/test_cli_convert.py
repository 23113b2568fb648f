"""``eventsim convert`` and ``info`` with files of NIR."""

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.cli import main

pytest.importorskip("nir", reason="needs the extra nir: pip install eventsim[nir]")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with a network, a model of it, and a trace."""
    monkeypatch.chdir(tmp_path)
    neuron = es.LIF(tau_mem=20.0, tau_syn=5.0)
    net = es.Network(seed=3)
    net.input("pixels", (4, 4, 2))
    net.population("hidden", 6, neuron)
    net.population("output", 3, neuron.replace(t_refractory=es.NEVER))
    net.connect("pixels", "hidden", es.Dense(es.Normal(1.0, 1.0)))
    net.connect("hidden", "output", es.Dense(es.Normal(0.5, 0.5)), delay=0.5)
    net.save("network.h5")
    training.Model(net, training.encode.Latency(t_max=4.0), training.decode.FirstSpike(), t_stop=20.0).save("model.h5")
    return tmp_path


def failing_line(capsys, *arguments):
    assert main(list(arguments)) == 1
    output = capsys.readouterr()
    assert output.err.count("\n") == 1
    return output.err.removeprefix("eventsim: error: ").strip()


@pytest.mark.parametrize("source", ["network.h5", "model.h5"])
def test_a_network_goes_to_nir_and_back(here, capsys, source):
    assert main(["convert", source, "graph.nir"]) == 0
    shown = capsys.readouterr().out
    assert "graph of NIR: 9 nodes" in shown and "pixels" in shown and "CubaLIF 6" in shown
    assert main(["convert", "graph.nir", "back.h5"]) == 0
    assert "written: back.h5" in capsys.readouterr().out
    net, back = es.Network.load("network.h5"), es.Network.load("back.h5")
    for name, projection in net.projections.items():
        np.testing.assert_allclose(back.projections[name].weight, projection.weight, rtol=1e-14)
        np.testing.assert_allclose(back.projections[name].delay, projection.delay, rtol=1e-14)
    assert main(["info", "back.h5"]) == 0


def test_the_options_reach_the_converters(here, capsys):
    assert main(["convert", "network.h5", "graph.nir", "--metadata", "--dt", "1", "--outputs", "hidden,output"]) == 0
    shown = capsys.readouterr().out
    assert "hidden_output" in shown and "output_output" in shown and "Threshold" not in shown
    assert main(["convert", "graph.nir", "back.h5"]) == 0
    back = es.Network.load("back.h5")
    assert back["output"].neuron.t_refractory == es.NEVER
    assert main(["convert", "graph.nir", "doubled.h5", "--dt", "2", "--loop-delay", "0"]) == 0
    doubled = es.Network.load("doubled.h5")
    weights = [net.projections["pixels->hidden"].weight for net in (doubled, back)]
    np.testing.assert_allclose(weights[0], 2.0 * weights[1], rtol=1e-14)


def test_info_lists_the_nodes_of_a_file_of_nir(here, capsys):
    main(["convert", "network.h5", "graph.nir"])
    capsys.readouterr()
    assert main(["info", "graph.nir"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("graph.nir: graph of NIR: 9 nodes, 8 edges")
    assert "hidden" in shown and "CubaLIF 6 -> hidden_output_delay" in shown


def test_what_cannot_be_converted_is_said_in_one_line(here, capsys):
    main(["convert", "network.h5", "graph.nir"])
    (here / "text.nir").write_text("no numbers")
    capsys.readouterr()
    lines = {
        ("network.h5", "other.h5"): 'neither "network.h5" nor "other.h5" is a file of NIR',
        ("graph.nir", "other.nir"): '"graph.nir" is a file of NIR already',
        ("missing.nir", "other.h5"): 'there is no file "missing.nir"',
        ("text.nir", "other.h5"): 'neither "text.nir" nor "other.h5" is a file of NIR',
        ("network.h5", "no/graph.nir"): 'there is no folder "no"',
        ("graph.nir", "other.h5", "--metadata"): "are for writing NIR",
        ("network.h5", "other.nir", "--loop-delay", "1"): "is for reading NIR",
        ("network.h5", "other.nir", "--outputs", "cell"): 'output population "cell" is not known',
    }
    for arguments, line in lines.items():
        assert line in failing_line(capsys, "convert", *arguments)
    assert not (here / "other.nir").exists() and not (here / "other.h5").exists()
