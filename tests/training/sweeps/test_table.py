"""The table [sweep]: which points a sweep has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import examples
from refusals import refusal

from training.sweeps import table


def sweep_of(kind, values, **settings):
    return table.parse({"kind": kind, "values": values, **settings})


def test_a_grid_has_every_combination_the_last_parameter_fastest():
    grid = sweep_of("grid", {"a": [1, 2], "b": {"c": ["x", "y"]}})
    assert [grid.parameters(k) for k in range(grid.count)] == [
        {"a": 1, "b.c": "x"}, {"a": 1, "b.c": "y"}, {"a": 2, "b.c": "x"}, {"a": 2, "b.c": "y"}]


def test_a_point_is_the_base_with_its_values_in_their_places():
    base = {"fit": {"epochs": 3}}
    point = sweep_of("grid", {"fit.optimizer.lr": [0.1], "network": {"hidden": [[7]]}}).applied(base, 0)
    assert point == {"fit": {"epochs": 3, "optimizer": {"lr": 0.1}}, "network": {"hidden": [7]}}
    assert base == {"fit": {"epochs": 3}}


@pytest.mark.parametrize("kind", ["random", "sobol"])
@settings(max_examples=examples(40))
@given(low=st.integers(-50, 50), span=st.integers(1, 40), seed=st.integers(0, 2**40))
def test_drawn_values_are_within_their_ranges_and_whole_where_both_ends_are(kind, low, span, seed):
    values = {"a": {"low": low, "high": low + span}, "b": {"low": low + 0.5, "high": low + span},
              "c": {"low": 1e-4, "high": 10.0, "log": True}, "d": ["p", "q"]}
    if low + 0.5 >= low + span:
        values["b"]["high"] = low + 1.0
    sweep = sweep_of(kind, values, count=16, seed=seed)
    for point in map(sweep.parameters, range(16)):
        assert isinstance(point["a"], int) and low <= point["a"] <= low + span
        assert low + 0.5 <= point["b"] <= max(low + span, low + 1.0)
        assert 1e-4 <= point["c"] <= 10.0
        assert point["d"] in ("p", "q")


def test_a_logarithmic_range_has_as_many_points_in_every_decade():
    values = {"x": {"low": 0.001, "high": 1.0, "log": True}}
    sweep = sweep_of("sobol", values, count=300)
    found = [sweep.parameters(k)["x"] for k in range(300)]
    assert np.histogram(np.log10(found), bins=3, range=(-3, 0))[0] == pytest.approx([100, 100, 100], abs=2)


def test_whole_numbers_come_up_equally_often_at_the_ends_too():
    sweep = sweep_of("random", {"x": {"low": -1, "high": 2}}, count=4000)
    found = [sweep.parameters(k)["x"] for k in range(4000)]
    assert np.bincount(np.array(found) + 1) == pytest.approx([1000] * 4, abs=120)


@pytest.mark.parametrize("kind", ["random", "sobol"])
def test_more_points_begin_with_those_of_fewer(kind):
    values = {"a": {"low": 0.0, "high": 1.0}, "b": [1, 2, 3]}
    few, many = (sweep_of(kind, values, count=count, seed=5) for count in (5, 9))
    assert [few.parameters(k) for k in range(5)] == [many.parameters(k) for k in range(5)]


def test_a_random_parameter_does_not_depend_on_the_others():
    a = {"low": 0.0, "high": 1.0}
    alone, beside = sweep_of("random", {"a": a}, count=4), sweep_of("random", {"b": [1, 2], "a": a}, count=4)
    assert [alone.parameters(k)["a"] for k in range(4)] == [beside.parameters(k)["a"] for k in range(4)]


@pytest.mark.parametrize(("given", "said"), [
    (None, "no table [sweep]"),
    ({"kind": "gird", "values": {"a": [1]}}, 'Did you mean "grid"'),
    ({"kind": "grid", "count": 3, "values": {"a": [1]}}, "drop it"),
    ({"kind": "random", "values": {"a": [1]}}, "needs the number of points"),
    ({"kind": "random", "count": 2_000_000, "values": {"a": [1]}}, "allowed: up to 1,000,000"),
    ({"kind": "grid", "values": {}}, "is empty"),
    ({"kind": "grid", "values": {"a": []}}, "has no value"),
    ({"kind": "grid", "values": {"a": 3}}, "give a list of values"),
    ({"kind": "grid", "values": {"a": {"low": 0, "high": 1}}}, "which a grid cannot take"),
    ({"kind": "sobol", "count": 2, "values": {"a": {"low": 1, "high": 1}}}, "is no range"),
    ({"kind": "sobol", "count": 2, "values": {"a": {"low": 0.0, "high": 1, "log": True}}}, "is no range"),
    ({"kind": "sobol", "count": 2, "values": {"a": {"low": "x", "high": 1}}}, "is no range"),
    ({"kind": "sobol", "count": 2, "seed": -1, "values": {"a": [1]}}, "seed = -1"),
    ({"kind": "grid", "speed": 1, "values": {"a": [1]}}, 'key "speed" is not known'),
])  # fmt: skip
def test_tables_that_say_no_sweep_are_refused(given, said):
    assert said in refusal(table.parse, given)
