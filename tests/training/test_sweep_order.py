"""The order of spikes and events, against plain sorting."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from networks import examples

from training.adjoint import RELEASE, SPIKE, VALUE
from training.sweep_order import events_by_neuron, merged

COLUMN = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.integers(0, 4)), max_size=12)


@settings(max_examples=examples(100))
@given(st.lists(COLUMN, min_size=1, max_size=5))
def test_columns_that_are_in_order_are_merged_into_one_that_is(columns):
    rows = [row for column in columns for row in sorted(column)]
    sample = np.array([row[0] for row in rows], np.int64)
    time = np.array([row[1] for row in rows], np.float64)
    gid = np.array([row[2] for row in rows], np.int64)
    bounds = np.cumsum([0] + [len(column) for column in columns])
    assert np.array_equal(merged(sample, time, gid, bounds), np.lexsort((gid, time, sample)))


SPIKES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40).map(float), st.integers(0, 5)), max_size=25)
VALUES = st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 45.0), st.sampled_from([6, 7]), st.floats(-1.0, 1.0)),
                  max_size=10)


@settings(max_examples=examples(100))
@given(SPIKES, VALUES, st.lists(st.sampled_from([0.0, 0.25, 0.75, np.inf]), min_size=3, max_size=3))
def test_events_come_by_neuron_and_time_and_are_found_again(spikes, values, rests):
    # Neurons 0 to 2 are inputs, 3 to 5 fire, 6 and 7 are read; a neuron fires again after its rest at the earliest.
    spikes = sorted(set(spikes))
    once = {(sample, gid) for sample, _, gid in spikes}
    refractory = np.array([0.0] * 3 + rests + [0.0] * 2)
    if np.inf in rests:
        spikes = sorted(min(spike for spike in spikes if (spike[0], spike[2]) == key) for key in once)
    values = sorted(values)
    ended = np.array([45.0, 30.0, 45.0])
    sample = np.array([spike[0] for spike in spikes], np.int64)
    spike_time = np.array([spike[1] for spike in spikes], np.float64)
    gid = np.array([spike[2] for spike in spikes], np.int64)
    every = np.arange(4)
    fires = np.array([False] * 3 + [True] * 5)
    value_sample, value_time, value_gid, value_error = (
        np.array([value[k] for value in values], kind) for k, kind in enumerate((np.int64, float, np.int64, float)))
    found = events_by_neuron(
        spike_time, gid, np.searchsorted(sample, every), fires, refractory, ended, value_time, value_gid, value_error,
        np.searchsorted(value_sample, every))
    expected = []
    for k, (at, time, neuron) in enumerate(spikes):
        if fires[neuron]:
            expected.append((at, neuron, time, SPIKE, k, 0.0))
            if time + refractory[neuron] < ended[at]:
                expected.append((at, neuron, time + refractory[neuron], RELEASE, k, 0.0))
    expected += [(at, neuron, time, VALUE, -1, error) for at, time, neuron, error in values]
    expected.sort(key=lambda event: event[:4])
    at, time, kind, neuron, number, error, of_spike, others, events_bounds, others_bounds = found
    assert [event[:4] for event in expected] == list(zip(at, neuron, time, kind, strict=True))
    by_key = {event[:4]: event[4:] for event in expected if event[3] != VALUE}
    assert all(by_key[key] == rest for key, rest in zip(
        zip(at, neuron, time, kind, strict=True), zip(number, error, strict=True), strict=True) if key[3] != VALUE)
    assert sorted(error[kind == VALUE]) == sorted(value_error)
    assert all(number[of_spike[k]] == k and kind[of_spike[k]] == SPIKE for k in np.flatnonzero(fires[gid]))
    assert np.all(of_spike[~fires[gid]] == -1)
    assert sorted(others) == list(np.flatnonzero(kind != SPIKE))
    for s in range(3):
        assert np.all(at[events_bounds[s]:events_bounds[s + 1]] == s)
        here = others[others_bounds[s]:others_bounds[s + 1]]
        assert np.all(at[here] == s) and np.all(np.diff(time[here]) >= 0.0)
