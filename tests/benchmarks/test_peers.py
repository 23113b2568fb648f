"""The scripts that compare us with other simulators: what they compute, and what they say where a peer is missing."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from benchmark_scripts import benchmark

from eventsim import bench_networks

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PEERS = REPOSITORY / "benchmarks" / "peers"
sys.path.append(str(PEERS))

import common  # noqa: E402  (lies in the folder just named)
import compare  # noqa: E402
import launch  # noqa: E402
import run_scatter  # noqa: E402
import trains  # noqa: E402


def spikes(*pairs):
    time, neuron = zip(*pairs, strict=True)
    return trains.Trains(np.array(time, float), np.array(neuron))


@pytest.fixture
def network(tmp_path):
    """Return a small circuit with noise, and its file."""
    circuit = bench_networks.draw("delays", 60)
    bench_networks.save(circuit, tmp_path / "network.npz", 30.0)
    return circuit, tmp_path / "network.npz"


def script(name, *arguments):
    # The scripts import those beside them, which a safe path forbids; the tests themselves may run with one.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return subprocess.run([sys.executable, str(REPOSITORY / "benchmarks" / name), *map(str, arguments)],
                          env=surroundings, capture_output=True, text=True, check=False)


def test_equal_runs_match_whatever_the_order_of_their_spikes():
    one, two = spikes((1.0, 0), (2.0, 1), (3.0, 0)), spikes((2.0, 1), (3.0, 0), (1.0, 0))
    assert trains.identical(one, two)
    assert trains.matched(one, two, 10.0)["largest_difference_ms"] == 0.0


def test_a_spike_more_shows_as_other_neurons():
    result = trains.matched(spikes((1.0, 0), (2.0, 1)), spikes((1.0, 0), (2.0, 1), (2.5, 1)), 10.0)
    assert not result["same_neurons"]
    assert result["spikes"] == [2, 3]
    assert result["largest_difference_ms"] is None


def test_spikes_after_the_end_of_the_comparison_do_not_count():
    assert trains.matched(spikes((1.0, 0)), spikes((1.25, 0), (9.0, 3)), 5.0)["largest_difference_ms"] == 0.25


def test_errors_are_distances_to_the_nearest_spike_of_the_same_neuron():
    found = trains.errors(spikes((1.0, 0), (5.0, 0)), spikes((1.5, 0), (4.0, 1)), 10.0)
    assert sorted(found) == [0.5, 0.5, 3.5, 10.0]


def test_errors_of_a_silent_run_are_the_whole_stretch():
    silent = trains.Trains(np.zeros(0), np.zeros(0, int))
    assert list(trains.errors(silent, spikes((1.0, 0)), 10.0)) == [10.0]


def poisson(seed, rate, size=200, duration=2000.0):
    random = np.random.default_rng(seed)
    count = random.poisson(rate * size * duration / 1000.0)
    return trains.Trains(random.uniform(0.0, duration, count), random.integers(0, size, count))


def test_two_draws_of_one_process_are_alike_and_another_rate_is_not():
    first, second, faster = (trains.statistics(poisson(seed, rate), 200, 0.0, 2000.0)
                             for seed, rate in ((1, 20.0), (2, 20.0), (3, 25.0)))
    assert first["rate_hz"][0] == pytest.approx(20.0, rel=0.05)
    assert first["cv_isi"][0] == pytest.approx(1.0, abs=0.05)
    assert first["correlation"][0] == pytest.approx(0.0, abs=0.01)
    assert trains.alike(first, second)[1]
    assert not trains.alike(first, faster)[1]


def test_a_peer_reads_the_network_that_we_write(network):
    circuit, file = network
    read = common.load(file)
    assert read.neuron == circuit.neuron
    assert read.size == 60
    np.testing.assert_array_equal(read.rows.source, circuit.rows.source)
    np.testing.assert_array_equal(read.rows.delay, circuit.rows.delay)
    assert read.noise.delay == 1.5
    assert np.all(np.diff(read.noise_time) >= 0)


def test_every_peer_has_an_environment_and_a_script():
    for peer in launch.PEERS.values():
        assert peer.environment in launch.REQUIREMENTS
        assert (PEERS / peer.script).is_file()
    assert set(compare.DEFAULT) <= set(launch.PEERS)


def test_a_peer_that_is_not_installed_is_named_in_one_line(network, tmp_path):
    with pytest.raises(launch.Unavailable, match=r"^nest-precise: not installed; .*launch.py nest$"):
        launch.run("nest-precise", network[1], 1.0, tmp_path / "nowhere")


def test_a_peer_that_fails_is_named_with_its_last_line(network, tmp_path):
    python = launch.interpreter("neuron", tmp_path)
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho first >&2\necho 'no such thing' >&2\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    with pytest.raises(launch.Unavailable, match=r"^neuron: no such thing$"):
        launch.run("neuron", network[1], 1.0, tmp_path)


def test_an_unknown_peer_to_install_is_refused():
    done = script("peers/launch.py", "nets")
    assert done.returncode == 2
    assert '"nets" is not a peer; allowed: brian2, nest, neuron' in done.stderr


def test_the_table_gives_ratios_to_ours():
    ours = {"name": "eventsim", "model": "heap", "simulate_cpu_s": 2.0, "simulate_s": 2.0, "synaptic_events": 4e6,
            "spikes": 1000, "peak_memory_bytes": 2**20}
    peer = {**ours, "name": "peer", "simulate_cpu_s": 5.0, "peak_memory_bytes": None}
    lines = compare.table([ours, peer]).splitlines()
    assert lines[1].split() == ["eventsim", "heap", "2.000", "2.000", "1.00", "2.0", "1,000", "-", "-", "1"]
    assert lines[2].split()[4] == "2.50"


def test_a_summary_takes_medians_and_the_longest_compilation():
    runs = [{"simulate_s": s, "simulate_cpu_s": s, "compile_s": c} for s, c in ((3.0, 9.0), (1.0, 0.1), (2.0, 0.1))]
    result = compare.summary(runs)
    assert (result["simulate_s"], result["compile_s"]) == (2.0, 9.0)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_limit_in_c_counts_the_events_of_a_run(network, tmp_path):
    circuit, file = network
    neuron = np.array([3, 3, 59])
    count = np.bincount(neuron, minlength=60)
    np.savez(tmp_path / "spikes.npz", time=np.array([1.0, 2.0, 30.0]), neuron=neuron)
    figures = run_scatter.run(file, tmp_path / "spikes.npz", tmp_path)
    noise = np.bincount(bench_networks.noise_spikes(circuit, 30.0)[1], minlength=60)
    assert figures["synaptic_events"] == bench_networks.synaptic_events(circuit, count, noise)


def test_one_neuron_gets_the_mean_input_that_its_resting_potential_makes_up_for():
    networks = benchmark("networks")
    for rate in (1e2, 1e5):
        circuit = networks.one_neuron(rate)
        assert circuit.rate * len(circuit.noise.weight) == pytest.approx(rate)
        area = np.where(circuit.noise.weight > 0, 5.0, 10.0) * circuit.noise.weight
        assert circuit.neuron["v_rest"] + circuit.rate / 1000.0 * area.sum() == pytest.approx(-51.0)


@pytest.mark.whole
def test_comparing_without_peers_still_measures_ours(tmp_path):
    done = script("peers/compare.py", "--network", "delta", "--neurons", 100, "--duration", 5, "--repeat", 1,
                  "--engine", "heap", "--peers", tmp_path / "nowhere", "--out", tmp_path / "peers.json")
    assert done.returncode == 0, done.stderr
    assert "skipped brian2-cpp: not installed" in done.stderr
    results = json.loads((tmp_path / "peers.json").read_text())
    assert results["networks"]["delta"][0]["name"] == "eventsim"
    assert results["networks"]["delta"][0]["spikes"] > 0


@pytest.mark.whole
def test_agreement_compares_the_engines_that_run_here(tmp_path):
    done = script("peers/agreement.py", "--network", "delta", "--engines", "heap", "nothing", "--peers",
                  tmp_path / "nowhere", "--out", tmp_path / "agreement.json")
    assert done.returncode == 0, done.stderr
    assert 'skipped nothing: engine "nothing" is not known' in done.stderr
    results = json.loads((tmp_path / "agreement.json").read_text())
    assert results["between_engines"]["delta"]["same_bits"] == {"heap": True, "nothing": None}


@pytest.mark.whole
def test_scaling_writes_a_row_a_network_and_draws(tmp_path):
    done = script("scaling.py", "--engine", "heap", "--part", "cost", "--largest", 80000, "--repeat", 1, "--out",
                  tmp_path / "scaling.json", "--figure", tmp_path / "scaling.png")
    assert done.returncode == 0, done.stderr
    row, = json.loads((tmp_path / "scaling.json").read_text())["cost"]
    assert (row["neurons"], row["synapses_a_neuron"], row["bytes_a_synapse"]) == (1000, 80, 12.0)
    assert (tmp_path / "scaling.png").stat().st_size > 1000


@pytest.mark.whole
def test_work_precision_without_peers_measures_ours(tmp_path):
    done = script("work_precision.py", "--engine", "heap", "--duration", 5, "--inputs", 1000, "--one-duration", 50,
                  "--repeat", 1, "--peers", tmp_path / "nowhere", "--out", tmp_path / "work.json", "--figure",
                  tmp_path / "work.png")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "work.json").read_text())
    assert set(results["network"]) == set(results["one_neuron"]["1000"]) == {"eventsim"}
