"""``eventsim convert`` and ``info`` with files of NIR."""

import importlib.util

import numpy as np
import pytest

import eventsim as es
import training
from eventsim.cli import main

needs_nir = pytest.mark.skipif(
    importlib.util.find_spec("nir") is None, reason="needs the extra nir: pip install eventsim[nir]")


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


@needs_nir
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


@needs_nir
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


@needs_nir
def test_info_lists_the_nodes_of_a_file_of_nir(here, capsys):
    main(["convert", "network.h5", "graph.nir"])
    capsys.readouterr()
    assert main(["info", "graph.nir"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("graph.nir: graph of NIR: 9 nodes, 8 edges")
    assert "hidden" in shown and "CubaLIF 6 -> hidden_output_delay" in shown


@needs_nir
def test_what_cannot_be_converted_is_said_in_one_line(here, capsys):
    main(["convert", "network.h5", "graph.nir"])
    (here / "text.nir").write_text("no numbers")
    capsys.readouterr()
    lines = {
        ("network.h5", "other.h5"): '"network.h5" is a network file; its network can become a file of NIR',
        ("network.h5", "other.txt"): 'the ending of "other.txt" is not known',
        ("graph.nir", "other.nir"): '"graph.nir" is a file of NIR already',
        ("missing.nir", "other.h5"): 'there is no file "missing.nir"',
        ("text.nir", "other.h5"): '"text.nir" is not an HDF5 file',
        ("network.h5", "no/graph.nir"): 'there is no folder "no"',
        ("graph.nir", "other.h5", "--metadata"): "are for writing NIR",
        ("network.h5", "other.nir", "--loop-delay", "1"): "is for reading NIR",
        ("network.h5", "other.nir", "--outputs", "cell"): 'output population "cell" is not known',
    }
    for arguments, line in lines.items():
        assert line in failing_line(capsys, "convert", *arguments)
    assert not (here / "other.nir").exists() and not (here / "other.h5").exists()


@pytest.fixture
def trace(here):
    """Return a trace of two samples, saved as run.h5."""
    times = np.linspace(0.5, 8.0, 320)  # ten from every pixel
    stimulus = es.Spikes(np.concatenate([times, times + 1.0]), np.tile(np.arange(320) % 32, 2), np.repeat([0, 1], 320))
    trace = es.simulate(es.Network.load("network.h5"), stimulus, t_stop=30.0)
    assert len(trace.spikes("hidden").time) > 4
    trace.save("run.h5")
    return trace


def same(spikes, table):
    return (np.array_equal(spikes.time, table.time) and np.array_equal(spikes.neuron, table.neuron)
            and np.array_equal(spikes.sample, table.sample))


def test_spikes_of_a_trace_become_a_table_and_sonata_files(trace, capsys):
    assert main(["convert", "run.h5", "spikes.csv"]) == 0
    assert "all recorded spikes" in capsys.readouterr().out
    assert same(es.io.from_csv("spikes.csv", "hidden"), trace.spikes("hidden"))
    assert main(["convert", "run.h5", "one.h5", "--sample", "1", "--populations", "hidden,pixels"]) == 0
    table = trace.spikes("hidden")
    assert np.array_equal(es.io.from_sonata("one.h5", "hidden").time, table.time[table.sample == 1])
    assert np.array_equal(es.io.from_sonata("one.h5", "pixels").time, np.linspace(0.5, 8.0, 320) + 1.0)


def test_sonata_files_and_tables_become_each_other(trace):
    for arguments in (["run.h5", "one.h5", "--sample", "0"], ["one.h5", "one.csv"],
                      ["one.csv", "back.h5", "--populations", "hidden"]):
        assert main(["convert", *arguments]) == 0
    assert same(es.io.from_sonata("back.h5"), es.io.from_sonata("one.h5", "hidden"))


def test_spikes_that_cannot_be_converted_are_said_in_one_line(trace, capsys):
    for arguments, line in {
        ("run.h5", "one.h5"): "there are 2 samples, and a SONATA file has one axis of time",
        ("run.h5", "a.csv", "--sample", "0"): "--sample is for SONATA files",
        ("run.h5", "a.csv", "--populations", "cell"): "cell",
        ("model.h5", "a.csv"): '"model.h5" is a model file',
    }.items():
        assert line in failing_line(capsys, "convert", *arguments)
