"""The command line: what each command does with a small model, its exit status, and one line a mistake."""

import json
import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest

import eventsim as es
import training
from eventsim import cli
from eventsim.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with an untrained model, a driven network, images, and a labelled trace."""
    folder = tmp_path_factory.mktemp("files")
    neuron = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
    net = es.Network(seed=3)
    net.input("pixels", (8, 8, 1))
    net.population("hidden", 20, neuron)
    net.population("output", 10, neuron)
    net.connect("pixels", "hidden", es.Dense(es.Normal(0.3, 0.3)))
    net.connect("hidden", "output", es.Dense(es.Normal(0.5, 0.5)), delay=0.5)
    model = training.Model(
        net, training.encode.Latency(t_max=4.0, scale=16), training.decode.FirstSpike(), t_stop=20.0
    )
    model.save(folder / "model.h5")

    driven = es.Network(seed=4)
    driven.poisson("noise", 5, rate=200.0)
    driven.population("cells", 3, es.LIF(tau_mem=20.0, tau_syn=5.0))
    driven.connect("noise", "cells", es.Dense(2.0))
    driven.save(folder / "driven.h5")
    halfway = es.Simulation(driven)
    halfway.run(5.0)
    halfway.save(folder / "halfway.h5")

    np.savez(folder / "images.npz", images=np.eye(8)[np.newaxis, :, :, np.newaxis] * 16, labels=[7])
    np.save(folder / "images.npy", np.eye(8)[np.newaxis, :, :, np.newaxis] * 16)
    header = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in (1, 8, 8))
    (folder / "images-idx3-ubyte").write_bytes(header + bytes(np.eye(8, dtype=np.uint8) * 16))
    (folder / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n, and then nothing")
    (folder / "text.npy").write_text("no numbers")
    (folder / "text.txt").write_text("no numbers")
    trace = model.simulate(*training.datasets.load("digits", "test")[:1], engine="auto")
    labels = training.datasets.load("digits", "test").labels
    trace.with_labels(labels).with_output("output").save(folder / "trace.h5")
    return folder


@pytest.fixture(autouse=True)
def here(files, monkeypatch):
    monkeypatch.chdir(files)


def failing_line(capsys, *arguments):
    """Return the one line that a failing command writes."""
    assert main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("eventsim: error: ")
    return captured.err


def strict(text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_evaluate_prints_one_json_object_with_the_agreed_keys(capsys):
    assert main(["evaluate", "model.h5", "--dataset", "digits", "--samples", "0:50", "--json"]) == 0
    result = strict(capsys.readouterr().out)
    assert set(result) == {
        "accuracy",
        "n_samples",
        "readout",
        "horizon_ms",
        "undecided_fraction",
        "decision_latency_ms",
        "spikes_per_sample",
        "spikes_per_neuron",
        "silent_fraction",
        "synaptic_operations_per_sample",
    }
    assert result["n_samples"] == 50
    assert result["readout"] == "first_spike"
    assert result["horizon_ms"] == 20.0
    assert set(result["decision_latency_ms"]) == {"mean", "median", "p95"}
    for key in ("spikes_per_sample", "synaptic_operations_per_sample"):
        assert set(result[key]) == {"horizon", "decision"}
    assert 0.0 <= result["accuracy"] <= 1.0


def test_evaluate_writes_null_where_nothing_is_decided(tmp_path, capsys):
    net = es.Network()
    net.input("pixels", (8, 8, 1))
    net.population("output", 10, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect("pixels", "output", es.Dense(0.0))
    model = tmp_path / "model.h5"
    training.Model(net, training.encode.Latency(scale=16), training.decode.FirstSpike()).save(model)
    assert main(["evaluate", str(model), "--dataset", "digits", "--samples", "0:3", "--json"]) == 0
    result = strict(capsys.readouterr().out)
    assert result["decision_latency_ms"] == {"mean": None, "median": None, "p95": None}
    assert result["undecided_fraction"] == 1.0


def test_evaluate_gives_the_same_figures_on_every_engine(capsys):
    found = []
    for engine in ("layers", "heap", "reference"):
        command = ["evaluate", "model.h5", "--dataset", "digits", "--samples", ":3", "--json"]
        assert main([*command, "--engine", engine]) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1] == found[2]


def test_evaluate_prints_readable_lines_without_json(capsys):
    assert main(["evaluate", "model.h5", "--dataset", "digits", "--samples", "0:5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^accuracy +\d+\.\d\d % of 5 samples$", out, re.MULTILINE)
    assert "synaptic operations per sample" in out


def test_evaluate_disturbs_the_model_where_it_is_told_to(capsys):
    command = ["evaluate", "model.h5", "--dataset", "digits", "--samples", "0:20"]
    assert main([*command, "--drop", "0.9", "--time-bits", "3", "--seed", "5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^disturbed +drop 0\.9, time_bits 3, seed 5$", out, re.MULTILINE)
    assert re.search(r"^accuracy +\d+\.\d\d % of 20 samples$", out, re.MULTILINE)
    assert main([*command, "--jitter-ms", "0.1", "--json"]) == 0
    result = strict(capsys.readouterr().out)
    assert set(result) == {"accuracy", "undecided", "latency_ms", "n_samples", "disturbance"}
    assert result["disturbance"]["jitter_ms"] == 0.1
    assert "--engine heap knows no disturbances" in failing_line(capsys, *command, "--drop", "0.1", "--engine", "heap")
    assert "drop = 1.5 cannot be used" in failing_line(capsys, *command, "--drop", "1.5")


@pytest.mark.parametrize("given", ["digits", "images.npz", "images.npy", "images-idx3-ubyte", "trace.h5"])
def test_simulate_takes_a_data_set_images_or_a_trace(given, tmp_path, capsys):
    out = tmp_path / "out.h5"
    assert main(["simulate", "model.h5", "--input", given, "--samples", "0:1", "--out", str(out)]) == 0
    trace = es.Trace.load(out)
    assert trace.n_samples == 1
    assert trace.output == "output"
    assert (trace.labels is None) == (given in ("images.npy", "images-idx3-ubyte"))
    assert str(out) in capsys.readouterr().out


def test_simulate_repeats_a_trace_bit_for_bit_on_another_engine(tmp_path):
    out = tmp_path / "again.h5"
    command = ["simulate", "model.h5", "--input", "trace.h5", "--samples", "2:5", "--engine", "heap"]
    assert main([*command, "--out", str(out)]) == 0
    first, again = es.Trace.load("trace.h5"), es.Trace.load(out)
    assert np.array_equal(first.first_spikes("output")[2:5], again.first_spikes("output"))


def test_simulate_runs_a_network_on_its_own_sources(tmp_path):
    out = tmp_path / "out.h5"
    assert main(["simulate", "driven.h5", "--t-stop", "50", "--seed", "1", "--out", str(out)]) == 0
    trace = es.Trace.load(out)
    assert trace.seed == 1
    assert len(trace.spikes("cells").time) > 0


def test_simulate_stops_each_sample_at_its_decision(tmp_path):
    out = tmp_path / "out.h5"
    command = ["simulate", "model.h5", "--input", "digits", "--samples", "0:5", "--stop-at-decision"]
    assert main([*command, "--out", str(out)]) == 0
    whole, stopped = es.Trace.load("trace.h5"), es.Trace.load(out)
    decided = es.measure.decide(whole).time[:5]
    assert np.array_equal(es.measure.decide(stopped).time, decided)
    late = stopped.spikes("hidden")
    assert (late.time <= decided[late.sample]).all()


def test_measure_prints_one_json_object_of_finite_numbers(capsys):
    assert main(["measure", "trace.h5", "--json"]) == 0
    result = strict(capsys.readouterr().out)
    assert list(result["populations"]) == ["pixels", "hidden", "output"]
    assert result["decision"]["n_samples"] == 1797
    assert main(["measure", "trace.h5"]) == 0
    assert "hidden (neurons, 20 neurons)" in capsys.readouterr().out


def test_measure_has_no_decision_for_a_trace_without_labels(tmp_path, capsys):
    out = tmp_path / "out.h5"
    assert main(["simulate", "driven.h5", "--t-stop", "50", "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["measure", str(out), "--json"]) == 0
    assert strict(capsys.readouterr().out)["decision"] is None


@pytest.mark.parametrize("figure", ["raster", "latency", "first-spikes", "membrane", "anytime"])
def test_plot_draws_every_figure(figure, tmp_path):
    out = tmp_path / "figure.png"
    assert main(["plot", figure, "trace.h5", "--sample", "1", "-o", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_plot_draws_the_neurons_and_the_grouping_asked_for(tmp_path):
    for options in (
        ["membrane", "--population", "hidden", "--neurons", "0,3"],
        ["latency", "--by", "outcome"],
        ["raster", "--population", "hidden"],
    ):
        out = tmp_path / f"{options[0]}.svg"
        assert main(["plot", options[0], "trace.h5", *options[1:], "-o", str(out)]) == 0
        assert "<svg" in out.read_text()


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("model.h5", "model"),
        ("trace.h5", "trace"),
        ("driven.h5", "network"),
        ("halfway.h5", "simulation"),
    ],
)
def test_info_says_what_a_file_is(file, kind, capsys):
    assert main(["info", file]) == 0
    assert capsys.readouterr().out.startswith(f"{file}: {kind}\n")


SMALL = """
[data]
name = "digits"
validation = 3700
[network]
hidden = [5]
[fit]
epochs = 1
"""


def test_train_writes_a_model_that_evaluate_takes(tmp_path, capsys):
    (tmp_path / "small.toml").write_text(SMALL)
    run = tmp_path / "run"
    assert main(["train", str(tmp_path / "small.toml"), "--out", str(run)]) == 0
    said = re.search(r"^test accuracy +(\S+) % \(first_spike\)$", capsys.readouterr().out, re.MULTILINE)
    assert main(["evaluate", str(run / "model.h5"), "--dataset", "digits", "--json"]) == 0
    assert f"{100 * strict(capsys.readouterr().out)['accuracy']:.2f}" == said[1]
    assert main(["train", str(tmp_path / "small.toml"), "--out", str(run), "--resume"]) == 0
    assert main(["info", str(run / "checkpoint.h5")]) == 0
    assert "checkpoint" in capsys.readouterr().out
    assert main(["info", str(run / "model.h5")]) == 0
    assert "command: train" in capsys.readouterr().out


def test_a_training_stopped_by_ctrl_c_ends_with_status_130(tmp_path, monkeypatch, capsys):
    def stop(*arguments):
        raise KeyboardInterrupt

    (tmp_path / "small.toml").write_text(SMALL)
    monkeypatch.setattr("training.passes.Passes.backward", stop)
    assert main(["train", str(tmp_path / "small.toml"), "--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr().err.endswith("eventsim: interrupted\n")
    assert (tmp_path / "run" / "model.h5").exists()


@pytest.mark.parametrize(
    "text",
    ["[data]\nnme = 'digits'", "[fitt]\nepochs = 1", "[fit]\nepochs = 'many'", "[fit\nepochs = 1", "[data]\nname = 3"],
)
def test_a_faulty_configuration_ends_with_one_line(text, tmp_path, capsys):
    (tmp_path / "faulty.toml").write_text(text)
    failing_line(capsys, "train", tmp_path / "faulty.toml", "--out", tmp_path / "run")


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "nothing.h5", "--dataset", "digits"],
        ["evaluate", "broken.h5", "--dataset", "digits"],
        ["evaluate", "trace.h5", "--dataset", "digits"],
        ["simulate", "nothing.h5", "--input", "digits", "--out", "x.h5"],
        ["simulate", "broken.h5", "--input", "digits", "--out", "x.h5"],
        ["simulate", "trace.h5", "--input", "digits", "--out", "x.h5"],
        ["simulate", "model.h5", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "nothing.npy", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "text.npy", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "text.txt", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "broken.h5", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "digits", "--samples", "5000:", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "trace.h5", "--samples", "5000:", "--out", "x.h5"],
        ["simulate", "model.h5", "--input", "digits", "--out", "nowhere/x.h5"],
        ["simulate", "model.h5", "--input", "digits", "--samples", "0:1", "--t-stop", "nan", "--out", "x.h5"],
        ["simulate", "driven.h5", "--out", "x.h5"],
        ["simulate", "driven.h5", "--input", "digits", "--t-stop", "5", "--out", "x.h5"],
        ["measure", "nothing.h5"],
        ["measure", "broken.h5"],
        ["measure", "model.h5"],
        ["plot", "raster", "nothing.h5", "-o", "x.png"],
        ["plot", "raster", "trace.h5", "-o", "x.docx"],
        ["plot", "raster", "trace.h5", "-o", "nowhere/x.png"],
        ["plot", "raster", "trace.h5", "--sample", "9999", "-o", "x.png"],
        ["plot", "membrane", "trace.h5", "--population", "hiden", "-o", "x.png"],
        ["plot", "membrane", "trace.h5", "--neurons", "99", "-o", "x.png"],
        ["info", "nothing.h5"],
        ["info", "broken.h5"],
        ["info", "text.npy"],
        ["train", "nothing.toml", "--out", "run"],
    ],
    ids=" ".join,
)
def test_unusable_input_ends_with_one_line_and_status_1(command, capsys):
    failing_line(capsys, *command)


def test_a_misspelt_name_is_answered_with_a_suggestion(capsys):
    line = failing_line(capsys, "evaluate", "model.h5", "--dataset", "digit")
    assert 'Did you mean "digits"?' in line
    line = failing_line(capsys, "simulate", "model.h5", "--input", "digts", "--out", "x.h5")
    assert 'Did you mean "digits"?' in line
    line = failing_line(capsys, "plot", "membrane", "trace.h5", "--population", "hiden", "-o", "x.png")
    assert 'Did you mean "hidden"?' in line


def test_a_missing_data_set_is_answered_with_its_file_and_source(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EVENTSIM_DATA", str(tmp_path))
    line = failing_line(capsys, "evaluate", "model.h5", "--dataset", "mnist", "--data", tmp_path)
    assert "t10k-images-idx3-ubyte" in line
    assert "http" in line


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["simulat"],
        ["bench", "--network", "cake"],
        ["evaluate", "model.h5"],
        ["evaluate", "model.h5", "--dataset", "digits", "--samples", "5:2"],
        ["evaluate", "model.h5", "--dataset", "digits", "--samples", "many"],
        ["evaluate", "model.h5", "--dataset", "digits", "--threads", "0"],
        ["evaluate", "model.h5", "--dataset", "digits", "--engine", "warp"],
        ["plot", "cake", "trace.h5", "-o", "x.png"],
        ["plot", "membrane", "trace.h5", "-o", "x.png", "--neurons", "a"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_status_2(command, capsys):
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == 2
    assert "usage: eventsim" in capsys.readouterr().err


def test_ctrl_c_ends_with_one_line_and_status_130(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("eventsim.cli_info.run", interrupted)
    assert main(["info", "trace.h5"]) == 130
    assert capsys.readouterr().err == "\neventsim: interrupted\n"


def test_a_system_error_ends_with_one_line_and_status_1(monkeypatch, capsys):
    def refused(arguments):
        open("trace.h5/inside")

    monkeypatch.setattr("eventsim.cli_info.run", refused)
    assert failing_line(capsys, "info", "trace.h5") == (
        'eventsim: error: cannot use "trace.h5/inside": Not a directory.\n'
    )


def test_a_reader_that_leaves_early_causes_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "eventsim", "info", "trace.h5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    _, error = process.communicate()
    assert error == b""


def test_an_interrupted_process_ends_with_status_130(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "eventsim", "demo", "--out", str(tmp_path / "demo")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in error


@pytest.mark.parametrize("command", sorted(cli.EXAMPLES))
def test_the_help_of_a_command_ends_with_examples_that_are_valid(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = re.findall(r"^  (eventsim .*)$", capsys.readouterr().out.partition("examples:")[2], re.MULTILINE)
    assert len(shown) == len(cli.EXAMPLES[command]) > 0
    for line in shown:
        assert cli.build_parser().parse_args(shlex.split(line)[1:]).command == command


def test_every_command_has_examples():
    commands = next(action.choices for action in cli.build_parser()._actions if action.dest == "command")
    assert set(commands) == set(cli.EXAMPLES)


def test_what_is_done_is_noted_where_it_is_asked_for():
    said = subprocess.run(
        [sys.executable, "-c", "import sys; from eventsim.cli import main; sys.exit(main(sys.argv[1:]))",
         "--log", "info", "simulate", "driven.h5", "--t-stop", "5", "--out", "noted.h5"],
        capture_output=True, text=True, check=True).stderr
    assert re.search(r"INFO eventsim\.run: simulated 1 samples to 5 ms", said)
    assert re.search(r'INFO eventsim\.io\.aside: wrote "noted\.h5"', said)
