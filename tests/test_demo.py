"""The main job from one command: ``eventsim demo``."""

import json
import re

import numpy as np
import pytest

import eventsim as es
import training

pytestmark = [pytest.mark.compiled, pytest.mark.whole]

FILES = ("model.h5", "trace.h5", "log.jsonl", "result.json", "config.json")
FIGURES = ("raster.png", "latency.png", "membrane.png", "anytime.png", "learning.png", "first_spikes.png")


def test_the_demo_reaches_96_percent_on_the_test_digits(demo_run):
    process, _ = demo_run
    accuracy = re.search(r"^accuracy +(\d+\.\d+) % of 1,797 samples$", process.stdout, re.MULTILINE)
    assert float(accuracy[1]) >= 96.0


def test_the_demo_prints_latency_activity_operations_and_its_folder(demo_run):
    process, folder = demo_run
    for said in (
        r"^decision latency +mean \S+ ms, median \S+ ms, 95th percentile \S+ ms$",
        r"^spikes per neuron +\d",
        r"^silent neurons +\d",
        r"^synaptic operations per sample +\d",
        r"every prediction is the same$",
    ):
        assert re.search(said, process.stdout, re.MULTILINE), said
    assert str(folder) in process.stdout


def test_the_demo_writes_model_trace_history_and_figures(demo_run):
    _, folder = demo_run
    for name in FILES:
        assert (folder / name).stat().st_size > 0
    for name in FIGURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_replayed_trace_says_what_the_model_says(demo_run):
    _, folder = demo_run
    trace = es.Trace.load(folder / "trace.h5")
    model = training.Model.load(folder / "model.h5")
    digits = training.datasets.load("digits", "test")
    assert trace.engine == "heap"
    assert np.array_equal(trace.labels, digits.labels)
    assert np.array_equal(es.measure.decide(trace).label, model.predict(digits.images))
    assert np.array_equal(trace.first_spikes("output"), model.outputs(digits.images))


def test_the_test_set_plays_no_part_in_the_choice_of_the_epoch(demo_run):
    _, folder = demo_run
    result = json.loads((folder / "result.json").read_text())
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    best = max(record["validation_accuracy"] for record in records)
    assert result["validation"]["accuracy"] == best
    assert result["samples"]["train"] + result["samples"]["validation"] == 3823
