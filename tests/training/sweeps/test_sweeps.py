"""Sweeps: what is kept of their points, the same on any workers, and nothing done twice."""

import _thread
import csv
import json
import time
import tomllib

import pytest
from clusters import Killer, small_cluster
from refusals import refusal

import eventsim as es
import training
from training import config
from training.sweeps import points, simulations, sweep_from_config, trainings

TRAINING = """
[data]
name = "yin-yang"
validation = 4800
[network]
hidden = [6]
tau_mem = inf
tau_syn = inf
t_stop = 6.0
[fit]
epochs = 1
batch = 100
[sweep]
kind = "grid"
[sweep.values]
fit.optimizer.lr = [0.001, 0.02]
network.hidden = [[5], [4, 4]]
"""

SIMULATION = """
[simulate]
network = "net.h5"
t_stop = 50.0
[sweep]
kind = "grid"
[sweep.values]
weights."noise->cells" = [0.8, 1.0, 1.2]
neurons.cells.v_threshold = [0.9, 1.1]
simulate.seed = [1, 2, 3, 4]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Stand in a folder with a network, where the files of settings are written."""
    monkeypatch.chdir(tmp_path)
    net = es.Network(seed=1)
    net.poisson("noise", 20, rate=100.0)
    net.population("cells", 10, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("noise", "cells", es.FixedInDegree(8, 1.0))
    net.connect("cells", "cells", es.FixedProbability(0.2, -0.5), delay=1.5)
    net.save("net.h5")
    return tmp_path


def written(text, name="sweep.toml"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def test_points_can_be_looked_at_before_anything_is_done():
    found = points(written(TRAINING))
    assert found[1] == {"fit.optimizer.lr": 0.001, "network.hidden": [4, 4]}
    assert len(found) == 4


# trainings

def test_a_sweep_of_trainings_is_what_fit_gives_for_each_point_without_the_test_set(monkeypatch, place):
    read = config.read_data
    monkeypatch.setattr(trainings.configuration, "read_data", lambda *given: (*read(*given)[:2], None))
    summary = sweep_from_config(written(TRAINING), "out", workers=2)
    assert [point["status"] for point in summary["points"]] == ["done"] * 4
    assert not summary["interrupted"]

    tables = tomllib.loads(TRAINING)
    del tables["sweep"]
    tables["fit"]["optimizer"], tables["network"]["hidden"] = {"lr": 0.02}, [5]
    settings = config.parse(tables)
    train, validation, _ = config.read_data(settings)
    model = config.build(settings, train.images.shape[1:], train.classes, train.images)
    history = training.fit(model, *train[:2], validation=validation[:2], progress=None, **settings.fit_arguments())
    third = summary["points"][2]
    assert third["parameters"] == {"fit.optimizer.lr": 0.02, "network.hidden": [5]}
    assert third["figures"]["validation_accuracy"] == history.best["validation_accuracy"]
    assert third["figures"]["validation_loss"] == history.best["validation_loss"]
    assert training.Model.load("out/000002/model.h5").net.fingerprint() == model.net.fingerprint()
    assert json.loads((place / "out/000002/config.json").read_text()) == settings.resolved()
    assert not list(place.rglob("tests.jsonl"))


def test_the_table_has_a_line_for_every_point(place):
    summary = sweep_from_config(written(TRAINING), "out")
    rows = list(csv.DictReader((place / "out/sweep.csv").read_text().splitlines()))
    assert [json.loads(row["network.hidden"]) for row in rows] == [[5], [4, 4], [5], [4, 4]]
    assert [float(row["validation_loss"]) for row in rows] == [
        point["figures"]["validation_loss"] for point in summary["points"]]
    assert json.loads((place / "out/sweep.json").read_text())["points"] == summary["points"]


def test_points_that_no_training_can_have_are_refused_before_the_first_begins(place):
    text = TRAINING.replace("network.hidden = [[5], [4, 4]]", 'network.readout = ["first_spike", "last_spike"]')
    assert 'point 1 of the sweep cannot be trained: [network] readout = "last_spike"' in refusal(
        sweep_from_config, written(text), "out")
    text = TRAINING.replace("validation = 4800", "whole = true")
    assert "no validation samples" in refusal(sweep_from_config, written(text), "out")
    text = TRAINING.replace("network.hidden = [[5], [4, 4]]", "network.tau_mem.x = [1]")
    assert '"tau_mem" is no table' in refusal(sweep_from_config, written(text), "out")
    assert not (place / "out").exists()


# simulations

def test_a_sweep_of_simulations_is_what_simulate_gives_for_each_point():
    summary = sweep_from_config(written(SIMULATION), "out")
    assert len(summary["points"]) == 24
    point = summary["points"][14]
    assert point["parameters"] == {"weights.noise->cells": 1.0, "neurons.cells.v_threshold": 1.1, "simulate.seed": 3}
    net = es.Network.load("net.h5")
    net.set_neuron("cells", net["cells"].neuron.replace(v_threshold=1.1))
    trace = es.simulate(net, t_stop=50.0, seed=3)
    cells = point["figures"]["populations"]["cells"]
    assert cells["spikes_per_sample"] == len(trace.spikes("cells").time) > 0
    assert cells["rate_hz"] == pytest.approx(es.measure.mean_firing_rate(trace, "cells").mean())
    weights = [p["figures"]["populations"]["cells"]["rate_hz"] for p in summary["points"][::8]]
    assert weights == sorted(weights) and weights[0] < weights[2]


def small_model(path):
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    net.population("output", 10, once)
    net.connect("pixels", "output", es.Dense(es.Normal(0.06, 0.15)))
    model = training.Model(net, training.encode.Latency(t_max=1.0, scale=16), training.decode.FirstSpike(), t_stop=4.0)
    model.save(path)
    return model


def test_a_model_is_measured_on_validation_samples_disturbed_where_that_is_asked_for():
    model = small_model("m.h5")
    text = """
[simulate]
model = "m.h5"
input = "digits"
samples = [0, 60]
[sweep.values]
{} = [{}]
"""
    held = training.datasets.load("digits", "validation")
    plain = sweep_from_config(written(text.format("simulate.t_stop", "4.0, 2.0")), "a")["points"]
    for t_stop, point in zip((4.0, 2.0), plain, strict=True):
        trace = model.simulate(held.images[:60], held.labels[:60], t_stop=t_stop)
        assert point["figures"] == es.measure.evaluate(trace)
    bits = sweep_from_config(written(text.format("disturb.weight_bits", "2, 3")), "b")["points"]
    for number, point in zip((2, 3), bits, strict=True):
        disturbance = training.disturb.Disturbance(weight_bits=number)
        found = training.disturb.evaluate(model, held.images[:60], held.labels[:60], disturbance)
        assert point["figures"] == {key: found[key] for key in ("accuracy", "undecided", "latency_ms", "n_samples")}


@pytest.mark.parametrize(("change", "said"), [
    (('network = "net.h5"', 'model = "net.h5"'), "is a network file"),
    (('network = "net.h5"', "seed = 1"), "either model or network"),
    (("t_stop = 50.0", ""), "give t_stop in ms"),
    (("t_stop = 50.0", "t_stop = -1.0"), "cannot be used"),
    (("t_stop = 50.0", 't_stop = 5.0\nsplit = "test"'), "a sweep is for choosing"),
    (("simulate.seed = [1, 2, 3, 4]", 'simulate.network = ["a", "b"]'), "cannot vary"),
    (("simulate.seed = [1, 2, 3, 4]", "simulate.sead = [1]"), 'Did you mean "seed"'),
    (("neurons.cells.v_threshold", "neurons.sells.v_threshold"), 'Did you mean "cells"'),
    (("neurons.cells.v_threshold", "neurons.cells.v_thresold"), "v_threshold"),
    (("neurons.cells.v_threshold", "neurons.noise.v_threshold"), "has no parameters"),
    (('weights."noise->cells"', 'weights."noise->sells"'), 'Did you mean "noise->cells"'),
    (('weights."noise->cells"', "waits.x"), 'table "waits" is not known'),
    (("simulate.seed = [1, 2, 3, 4]", "disturb.drop = [0.1]"), "is for a model"),
    (("[0.8, 1.0, 1.2]", '["much"]'), "is no factor"),
])  # fmt: skip
def test_simulations_that_cannot_be_are_refused_in_one_line(change, said):
    assert said in refusal(sweep_from_config, written(SIMULATION.replace(*change)), "out")


def test_a_point_that_fails_is_told_and_the_others_are_done():
    text = SIMULATION.replace("[0.9, 1.1]", "[0.9, -0.5]")  # a threshold below the reset
    summary = sweep_from_config(written(text), "out")
    status = [point["status"] for point in summary["points"]]
    assert status == (["done"] * 4 + ["failed"] * 4) * 3
    assert "v_reset" in summary["points"][4]["reason"]


# the folder

def test_any_number_of_workers_writes_the_same_bytes(place):
    for workers in (1, 2, 5):
        sweep_from_config(written(SIMULATION), f"out{workers}", workers=workers)
    for name in ("sweep.json", "sweep.csv", "000007/config.json"):
        assert len({(place / f"out{workers}" / name).read_bytes() for workers in (1, 2, 5)}) == 1


def test_ctrl_c_keeps_the_points_that_are_done_and_the_next_run_does_the_others(monkeypatch, place):
    done, simulate = [], simulations.simulate

    def watched(base, tables):
        done.append(tables["simulate"]["seed"])
        if len(done) == 6:
            while len(list(place.glob("out/0*/result.json"))) < 4:
                time.sleep(0.001)
            _thread.interrupt_main()
        return simulate(base, tables)

    monkeypatch.setattr(simulations, "simulate", watched)
    summary = sweep_from_config(written(SIMULATION), "out", workers=1)
    assert summary["interrupted"]
    first = sum(point["status"] == "done" for point in summary["points"])
    assert 4 <= first < 24
    assert sum(point["status"] == "waiting" for point in summary["points"]) == 24 - first
    before = {path: path.stat().st_mtime_ns for path in place.glob("out/0*/result.json")}
    begun = len(done)
    summary = sweep_from_config(written(SIMULATION), "out", workers=1)
    assert len(done) == begun + 24 - first
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    sweep_from_config(written(SIMULATION), "whole")
    assert (place / "out/sweep.json").read_bytes() == (place / "whole/sweep.json").read_bytes()


def test_a_finished_sweep_does_nothing(monkeypatch):
    sweep_from_config(written(SIMULATION), "out")
    monkeypatch.setattr(simulations, "simulate", None)
    assert not sweep_from_config(written(SIMULATION), "out")["interrupted"]


def test_more_points_of_the_same_draws_are_the_same_sweep():
    text = SIMULATION.partition("[sweep]")[0] + (
        '[sweep]\nkind = "sobol"\ncount = {}\n[sweep.values]\nsimulate.t_stop = {{low = 5.0, high = 9.0}}\n')
    few = sweep_from_config(written(text.format(3)), "out")["points"]
    assert sweep_from_config(written(text.format(6)), "out")["points"][:3] == few


def test_a_folder_with_another_sweep_or_with_other_files_is_left_alone(place):
    sweep_from_config(written(SIMULATION), "out")
    other = written(SIMULATION.replace("t_stop = 50.0", "t_stop = 51.0"), "other.toml")
    assert "another sweep (it differs in: base)" in refusal(sweep_from_config, other, "out")
    other = written(SIMULATION.replace("[1, 2, 3, 4]", "[1, 2]"), "other.toml")
    assert "another sweep (it differs in: sweep)" in refusal(sweep_from_config, other, "out")
    assert "another sweep" in refusal(sweep_from_config, written(TRAINING, "t.toml"), "out")
    net = es.Network.load("net.h5")
    net.set_neuron("cells", net["cells"].neuron.replace(v_threshold=2.0))
    net.save("net.h5")
    assert "another sweep (it differs in: network)" in refusal(sweep_from_config, "sweep.toml", "out")
    (place / "mine").mkdir()
    (place / "mine/letter.txt").write_text("dear")
    assert "holds other files" in refusal(sweep_from_config, "sweep.toml", "mine")
    assert "is a file" in refusal(sweep_from_config, "sweep.toml", "net.h5")
    (place / "out/sweep.json").write_text("[]")
    assert "is no summary of a sweep" in refusal(sweep_from_config, "sweep.toml", "out")


def test_a_damaged_result_is_told_by_name(place):
    sweep_from_config(written(SIMULATION), "out")
    (place / "out/000003/result.json").write_text('{"figures"')
    assert "000003" in refusal(sweep_from_config, "sweep.toml", "out")


def test_files_that_are_no_settings_are_refused():
    assert "no configuration file" in refusal(sweep_from_config, "nowhere.toml", "out")
    assert "not valid TOML" in refusal(sweep_from_config, written("[sweep"), "out")


# on a cluster

@pytest.fixture(scope="module")
def address():
    with small_cluster() as address:
        yield address


def test_on_a_cluster_with_a_worker_killed_on_the_way_a_sweep_is_complete_and_the_same(address, place):
    killer = Killer(address)
    summary = sweep_from_config(written(SIMULATION), "there", scheduler=address, progress=killer)
    assert killer.killed is not None
    assert [point["status"] for point in summary["points"]] == ["done"] * 24
    sweep_from_config(written(SIMULATION), "here")
    for name in ("sweep.json", "sweep.csv"):
        assert (place / "there" / name).read_bytes() == (place / "here" / name).read_bytes()


def test_trainings_on_a_cluster_give_the_models_of_this_process(address):
    there = sweep_from_config(written(TRAINING), "there", scheduler=address)
    here = sweep_from_config(written(TRAINING), "here")
    assert there == here
    for number in range(4):
        one, other = (training.Model.load(f"{place}/00000{number}/model.h5") for place in ("there", "here"))
        assert one.net.fingerprint() == other.net.fingerprint()


def test_ctrl_c_on_a_cluster_keeps_the_points_that_are_done(address):
    def impatient(fraction, elapsed):
        if fraction > 0.2:
            raise KeyboardInterrupt

    summary = sweep_from_config(written(SIMULATION), "out", scheduler=address, progress=impatient)
    status = [point["status"] for point in summary["points"]]
    assert summary["interrupted"] and status.count("done") == 5 and status.count("waiting") == 19
