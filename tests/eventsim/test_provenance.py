"""Provenance: versions, parameters, seed and resources, as strict JSON."""

import json

import numpy as np

import eventsim
from eventsim import provenance


def test_a_record_says_what_was_done_with_what():
    record = provenance.record("simulate", {"t_stop": 20.0}, seed=7, resources={"elapsed_s": 1.5})
    assert record["software"]["name"] == "eventsim"
    assert record["software"]["version"] == eventsim.__version__
    assert record["software"]["libraries"]["numpy"] == np.__version__
    assert record["command"] == "simulate"
    assert record["parameters"] == {"t_stop": 20.0}
    assert record["seed"] == 7
    assert record["resources"] == {"elapsed_s": 1.5}
    assert record["environment"]["processors"] >= 1


def test_a_record_is_strict_json_whatever_the_parameters_are():
    parameters = {
        "array": np.array([1.0, np.inf]), "number": np.float32(0.5), "integer": np.int64(3),
        "nan": float("nan"), "tuple": (1, None, True), "set": {"b", "a"}, 5: -float("inf"),
        "object": complex(1, 2),
    }
    text = provenance.to_json(provenance.record("simulate", parameters, seed=2**70))
    read = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert read["parameters"] == {
        "array": [1.0, "inf"], "number": 0.5, "integer": 3, "nan": "nan", "tuple": [1, None, True],
        "set": ["a", "b"], "5": "-inf", "object": "(1+2j)",
    }
    assert read["seed"] == 2**70


def test_a_stopwatch_counts_time_and_memory():
    watch = provenance.Stopwatch()
    sum(range(100_000))
    used = watch.resources()
    assert used["elapsed_s"] > 0
    assert used["user_s"] >= 0 and used["system_s"] >= 0
    assert used["max_memory_bytes"] is None or used["max_memory_bytes"] > 2**20


def test_a_record_names_no_person_host_or_folder(monkeypatch):
    monkeypatch.setenv("USER", "somebody-special")
    monkeypatch.setattr("platform.node", lambda: "some-host")
    text = provenance.to_json(provenance.record("simulate"))
    assert "somebody-special" not in text and "some-host" not in text
