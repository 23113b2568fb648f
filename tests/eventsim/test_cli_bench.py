"""``eventsim bench``: the networks it runs, the figures it prints, its mistakes."""

import json
import subprocess
import sys

import numpy as np
import pytest

import eventsim as es
from eventsim import bench_networks, bench_run, cli
from eventsim.errors import InputError

SMALL = ["--duration", "5", "--repeat", "1", "--neurons", "100"]


@pytest.mark.parametrize("name", bench_networks.NETWORKS)
def test_a_benchmark_network_is_the_same_at_every_call(name):
    first, second = (bench_networks.draw(name, 100) for _ in range(2))
    for ours, theirs in zip((first.v_init, *first.rows), (second.v_init, *second.rows), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", bench_networks.NETWORKS)
def test_rows_of_a_benchmark_network_are_sorted_and_their_weights_have_the_sign_of_the_source(name):
    circuit = bench_networks.draw(name, 200)
    rows = circuit.rows
    assert rows.pointer[-1] == len(rows.target) == len(rows.weight)
    place = rows.source.astype(np.int64) * 200 + rows.target
    assert np.all(np.diff(place) >= 0)
    np.testing.assert_array_equal(rows.weight < 0, rows.source >= 160)


def test_published_networks_have_four_thousand_neurons_and_two_percent_of_all_pairs():
    circuit = bench_networks.draw("delta")
    assert len(circuit.v_init) == 4000
    assert len(circuit.rows.target) == pytest.approx(0.02 * 4000**2, rel=0.01)
    assert set(np.unique(circuit.rows.weight)) == {0.25, -2.25}


def test_every_neuron_of_the_series_has_the_same_number_of_synapses():
    rows = bench_networks.draw("indegree", 150, 40).rows
    np.testing.assert_array_equal(np.bincount(rows.target, minlength=150), 40)


def test_delays_lie_on_the_grid_that_other_simulators_need():
    coarse, fine = (bench_networks.draw(name, 200).rows for name in ("delays", "delays-fine"))
    np.testing.assert_allclose(coarse.delay, np.rint(coarse.delay / 0.1) * 0.1, rtol=0, atol=1e-12)
    assert coarse.delay.min() >= 0.5 - 1e-12 and coarse.delay.max() <= 3.0 + 1e-12
    assert len(np.unique(fine.delay)) == len(fine.delay)


def test_noise_handed_to_other_simulators_is_what_our_run_draws():
    circuit = bench_networks.draw("delays", 50)
    trace = es.simulate(bench_networks.build(circuit), t_stop=40.0, engine="heap", seed=bench_networks.SEED,
                        record=["noise"])
    time, neuron = bench_networks.noise_spikes(circuit, 40.0)
    assert len(time) > 0
    np.testing.assert_array_equal(trace.spikes("noise").time, time)
    np.testing.assert_array_equal(trace.spikes("noise").neuron, neuron)


def test_synaptic_events_are_those_of_the_measures():
    circuit = bench_networks.draw("delta", 200)
    trace = es.simulate(bench_networks.build(circuit), t_stop=30.0, engine="heap", seed=1)
    counts = np.bincount(trace.spikes("cells").neuron, minlength=200)
    before = trace.spikes("cells").time < 30.0 - 0.1
    arrived = np.diff(circuit.rows.pointer)[trace.spikes("cells").neuron[before]].sum()
    assert es.measure.synaptic_operations(trace).sum() == arrived
    assert bench_networks.synaptic_events(circuit, counts, np.zeros(0, int)) >= arrived > 0


def test_a_file_of_a_network_holds_everything(tmp_path):
    circuit = bench_networks.draw("delays", 60)
    bench_networks.save(circuit, tmp_path / "network.npz", 20.0)
    with np.load(tmp_path / "network.npz") as file:
        settings = json.loads(str(file["settings"]))
        np.testing.assert_array_equal(file["rows_delay"], circuit.rows.delay)
        np.testing.assert_array_equal(file["noise_target"], circuit.noise.target)
        assert np.all(file["noise_time"] < 20.0)
    assert settings["neuron"] == circuit.neuron


@pytest.mark.parametrize(("name", "sizes", "message"), [
    ("delat", {}, 'network "delat" is not known; allowed: .* Did you mean "delta"'),
    ("delta", {"synapses": 50}, "only \"indegree\" takes their number"),
    ("delta", {"neurons": 3}, "neurons"),
    ("indegree", {"synapses": 1}, "synapses"),
])
def test_impossible_networks_are_refused(name, sizes, message):
    with pytest.raises(InputError, match=message):
        bench_networks.draw(name, **sizes)


def test_an_unknown_setting_of_a_run_is_refused():
    with pytest.raises(InputError, match="engin"):
        bench_run.measure(engin="heap")


def test_limit_loops_add_what_the_rows_say():
    from eventsim.bench_limit import add_rows, scatter

    rows = bench_networks.draw("indegree", 50, 10).rows
    state = np.zeros(50)
    scatter(rows.pointer, rows.target, rows.weight, np.arange(50), state)
    np.testing.assert_allclose(state, np.bincount(rows.target, rows.weight, 50), rtol=1e-4)
    state = np.zeros(3)
    add_rows(np.arange(12.0).reshape(4, 3), np.array([1, 3]), state)
    np.testing.assert_allclose(state, [12.0, 14.0, 16.0], rtol=1e-6)


@pytest.mark.whole
def test_bench_prints_figures_as_json(capsys):
    assert cli.main(["bench", "--network", "delta", "--engine", "heap", "--json", *SMALL]) == 0
    figures, = json.loads(capsys.readouterr().out)["results"]
    assert figures["engine"] == "heap"
    assert figures["neurons"] == 100
    assert figures["spikes"] > 0
    assert figures["synaptic_events"] > 0
    assert figures["simulate_s"] > 0
    assert figures["peak_memory_bytes"] is None or figures["peak_memory_bytes"] > 1 << 20


@pytest.mark.whole
def test_bench_prints_one_row_a_network(capsys, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    assert cli.main(["bench", "--network", "ttfs", "--network", "delays", "--samples", "5", *SMALL]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["network", "engine", "spikes"]
    assert [line.split()[0] for line in lines[1:3]] == ["ttfs", "delays"]


def test_bench_says_in_one_line_what_does_not_fit(capsys):
    assert cli.main(["bench", "--network", "delta", "--engine", "layers", *SMALL]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("eventsim: error: ") and "layers" in error


@pytest.mark.parametrize("wrong", [["--duration", "0"], ["--duration", "x"], ["--network", "none"], ["--repeat", "0"]])
def test_bench_refuses_wrong_options(wrong):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["bench", *wrong])


def test_the_command_line_knows_every_network():
    assert cli.BENCHMARKS == (*bench_networks.NETWORKS, "ttfs")


def test_help_does_not_import_numba():
    code = "import sys, eventsim.cli as c\ntry: c.main(['bench', '--help'])\nexcept SystemExit: pass\n" \
           "sys.exit('numba' in sys.modules or 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--duration" in done.stdout
