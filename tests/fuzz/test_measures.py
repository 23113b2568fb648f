"""Measures of traces with one argument that is nonsense."""

import pytest
from calls import measures


@pytest.mark.parametrize("name", measures.CALLS)
def test_measures_take_nonsense_or_refuse_it_in_one_line(name):
    measures.CALLS[name].with_nonsense(20)


OF_TRACES = [name for name, call in measures.CALLS.items() if "trace" not in call.fixed and ".De" not in name
             and "dense" not in name]
FOUND = [(name, "trace", None) for name in OF_TRACES] + [
    ("eventsim.measure.rates", "t_start", None), ("eventsim.measure.mean_firing_rate", "t_start", "a"),
    ("eventsim.measure.dense_multiply_adds", "net", 3),
]


@pytest.mark.parametrize("name, argument, value", FOUND)
def test_nonsense_that_once_came_through_is_refused_in_one_line(name, argument, value):
    measures.CALLS[name].with_one_wrong(argument, value)
