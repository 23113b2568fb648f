"""Spike-train statistics against their definitions, and against Elephant where it is installed."""

import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import eventsim as es
from eventsim.trace import SpikeTable, Trace

SAMPLES, NEURONS, T_STOP = 3, 2, 100.0


def run(rows):
    sample, time, neuron = np.array(sorted(rows), dtype=float).reshape(-1, 3).T
    net = es.Network(seed=1)
    net.population("cells", NEURONS, es.LIF(tau_mem=20.0, tau_syn=5.0))
    table = SpikeTable(time, neuron.astype(int), sample.astype(int), np.ones(len(time)), np.zeros(len(time)))
    return Trace(net, {}, {"cells": table}, T_STOP, SAMPLES, engine="heap", reason="", precision="double",
                 seed=1, recorded=("cells",))


def trains(rows):
    """Yield (sample, neuron, spike times) of every train."""
    for s in range(SAMPLES):
        for n in range(NEURONS):
            yield s, n, np.array(sorted(t for sample, t, neuron in rows if (sample, neuron) == (s, n)))


many_rows = st.lists(
    st.tuples(st.integers(0, SAMPLES - 1), st.floats(0, 99).map(lambda t: round(t, 3)), st.integers(0, NEURONS - 1)),
    max_size=40)
TRAIN = [(0, t, 1) for t in (1.0, 2.0, 4.0, 8.0)]


@given(many_rows)
def test_rates_are_spikes_a_second(rows):
    whole = es.measure.rates(run(rows), "cells")
    part = es.measure.rates(run(rows), "cells", t_start=10.0, t_stop=30.0)
    for s, n, times in trains(rows):
        assert whole[s, n] == pytest.approx(len(times) / 0.1)
        assert part[s, n] == pytest.approx(((times >= 10.0) & (times < 30.0)).sum() / 0.02)


@pytest.mark.parametrize("window", [(5.0, 5.0), (-1.0, 5.0), (0.0, math.inf), (math.nan, 5.0)])
def test_an_empty_or_endless_window_is_refused(window):
    with pytest.raises(es.InputError, match="holds no rate"):
        es.measure.rates(run(TRAIN), "cells", *window)


@given(many_rows)
def test_intervals_are_differences_of_successive_spikes_of_one_neuron(rows):
    intervals = es.measure.isi(run(rows), "cells")
    expected = [(s, n, d) for s, n, times in trains(rows) for d in np.diff(times)]
    found = zip(intervals.sample, intervals.neuron, intervals.interval, strict=True)
    assert [tuple(map(float, row)) for row in found] == expected


@given(many_rows)
def test_cv_is_the_standard_deviation_over_the_mean_of_the_intervals(rows):
    found = es.measure.cv(run(rows), "cells")
    for s, n, times in trains(rows):
        intervals = np.diff(times)
        if len(intervals) == 0 or intervals.sum() == 0:
            assert math.isnan(found[s, n])
        else:
            assert found[s, n] == pytest.approx(intervals.std() / intervals.mean(), abs=1e-12)


@given(many_rows)
def test_cv2_compares_each_interval_with_the_next(rows):
    found = es.measure.cv2(run(rows), "cells")
    for s, n, times in trains(rows):
        intervals = np.diff(times)
        pairs = list(itertools.pairwise(intervals))
        if not pairs:
            assert math.isnan(found[s, n])
        else:
            local = [2 * abs(b - a) / (a + b) if a + b > 0 else 0.0 for a, b in pairs]
            assert found[s, n] == pytest.approx(np.mean(local), abs=1e-12)


@given(many_rows)
def test_the_fano_factor_is_the_variance_over_the_mean_of_the_counts(rows):
    found = es.measure.fanofactor(run(rows), "cells")
    counts = np.zeros((SAMPLES, NEURONS))
    for s, n, times in trains(rows):
        counts[s, n] = len(times)
    for n in range(NEURONS):
        if counts[:, n].sum() == 0:
            assert math.isnan(found[n])
        else:
            assert found[n] == pytest.approx(counts[:, n].var() / counts[:, n].mean())


def test_a_train_of_doubling_intervals_by_hand():
    trace = run(TRAIN)
    assert es.measure.isi(trace, "cells").interval.tolist() == [1.0, 2.0, 4.0]
    assert es.measure.cv(trace, "cells")[0, 1] == pytest.approx(math.sqrt(14 / 9) / (7 / 3))
    assert es.measure.cv2(trace, "cells")[0, 1] == pytest.approx(2 / 3)
    assert es.measure.fanofactor(trace, "cells")[1] == pytest.approx((32 / 9) / (4 / 3))
    assert es.measure.mean_firing_rate(trace, "cells")[0].tolist() == [0.0, 40.0]


def test_statistics_of_inputs_and_by_handle_work_too():
    net = es.Network(seed=1)
    pixels = net.input("in", 2)
    spikes = es.Spikes([1.0, 3.0], [0, 0], n_samples=1)
    trace = Trace(net, {"in": spikes}, {}, 10.0, 1, engine="heap", reason="", precision="double", seed=1, recorded=())
    assert es.measure.isi(trace, pixels).interval.tolist() == [2.0]
    assert es.measure.rates(trace, pixels).tolist() == [[200.0, 0.0]]


def test_elephant_finds_the_same():
    statistics = pytest.importorskip("elephant.statistics")
    rng = np.random.default_rng(1)
    rows = [(s, t, 0) for s in range(SAMPLES) for t in rng.random(20 + s) * 99]
    trace = run(rows)
    for s, n, times in trains(rows):
        if n == 0:
            intervals = statistics.isi(times)
            assert es.measure.cv(trace, "cells")[s, 0] == pytest.approx(statistics.cv(intervals))
            assert es.measure.cv2(trace, "cells")[s, 0] == pytest.approx(statistics.cv2(intervals))
