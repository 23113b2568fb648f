"""Spike-train statistics against Elephant's, on traces of recurrent networks that were run, to 1e-12."""

import functools
import math
import pathlib
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from networks import SPIKE_LIMIT, examples, recurrent_cases

import eventsim as es
from eventsim.bench_networks import NETWORKS, build, draw

statistics = pytest.importorskip("elephant.statistics", reason="needs the extra neo: pip install eventsim[neo]")
pq = pytest.importorskip("quantities", reason="comes with Neo")

pytestmark = pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")  # Elephant's own

SAMPLES, T_STOP, NEURONS = 4, 500.0, 4000
SOME = np.arange(0, NEURONS, 25)
"""The neurons that are recorded."""

TOLERANCE = 1e-12
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "files.md"


@functools.cache
def recorded(name):
    """Return a run of a benchmark network, and the trains that were recorded as (samples, neurons)."""
    net = build(draw(name, NEURONS))
    net.input("kick", NEURONS)
    net.connect("kick", "cells", es.OneToOne(5.0), receptor="excitatory" if name == "cuba" else None)
    rng = np.random.default_rng(3)
    count = 500 * SAMPLES  # what makes samples differ where there is no noise
    kick = es.Spikes(rng.random(count) * 100.0, rng.integers(0, NEURONS, count), np.arange(count) % SAMPLES)
    record = {"cells": es.Record(SOME, counts=True)}
    trace = es.simulate(net, {"kick": kick}, T_STOP, seed=5, threads=1, record=record)
    return trace, trains_of(trace, "cells")


def trains_of(trace, population):
    segments = es.io.to_neo(trace, population).segments
    return [list(segment.spiketrains) for segment in segments]


def each(trains, function):
    """Return a number of each train, (samples, neurons)."""
    return np.array([[function(train) for train in row] for row in trains]).reshape(len(trains), -1)


def agree(found, expected):
    """Check equality to `TOLERANCE`, and NaN where the other has it; return how many were compared.

    The tolerance is relative, and of 1 for numbers below 1: the CV of a regular train is nothing but rounding.
    """
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    return np.isfinite(found).sum()


def hertz(rate):
    return float(rate.rescale("Hz").magnitude)


def of_intervals(function, fewest, train):
    """Return what Elephant finds for the intervals of a train, NaN where it has too few to ask."""
    intervals = statistics.isi(train)
    return function(intervals) if len(intervals) >= fewest else math.nan


networks = pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.compiled) for name in NETWORKS])


@networks
def test_the_runs_have_what_is_compared(name):
    trace, trains = recorded(name)
    counts = each(trains, len)
    assert (counts > 2).mean() > 0.4
    assert (np.ptp(counts, axis=0) > 0).mean() > 0.3, "samples differ"
    assert counts.sum() == len(trace.spikes("cells").time)
    assert np.array_equal(counts, trace.counts("cells")[:, SOME])


@networks
def test_rates_are_those_of_elephant(name):
    trace, trains = recorded(name)
    found = es.measure.mean_firing_rate(trace, "cells")[:, SOME]
    assert agree(found, each(trains, lambda train: hertz(statistics.mean_firing_rate(train)))) == found.size


@networks
def test_rates_of_a_window_are_those_of_elephant(name):
    trace, trains = recorded(name)
    start, stop = 51.3, 333.7  # no spike falls on the end, which is in Elephant's window and not in ours

    def rate(train):
        return hertz(statistics.mean_firing_rate(train, start * pq.ms, stop * pq.ms)) if len(train) else 0.0

    found = es.measure.mean_firing_rate(trace, "cells", start, stop)[:, SOME]
    assert agree(found, each(trains, rate)) == found.size


@networks
def test_intervals_are_those_of_elephant_bit_for_bit(name):
    trace, trains = recorded(name)
    found = es.measure.isi(trace, "cells")
    expected = [(sample, neuron, interval) for sample, row in enumerate(trains)
                for neuron, train in zip(SOME, row, strict=True) for interval in statistics.isi(train).magnitude]
    sample, neuron, interval = np.array(expected).T
    assert np.array_equal(found.interval, interval)
    assert np.array_equal(found.sample, sample) and np.array_equal(found.neuron, neuron)


@networks
def test_variation_of_intervals_is_that_of_elephant(name):
    trace, trains = recorded(name)
    cv = functools.partial(of_intervals, lambda intervals: statistics.cv(intervals.magnitude), 1)
    assert agree(es.measure.cv(trace, "cells")[:, SOME], each(trains, cv)) > 300
    cv2 = functools.partial(of_intervals, statistics.cv2, 2)
    assert agree(es.measure.cv2(trace, "cells")[:, SOME], each(trains, cv2)) > 200


@networks
def test_the_fano_factor_is_that_of_elephant(name):
    trace, trains = recorded(name)
    expected = np.array([statistics.fanofactor(list(trials)) for trials in zip(*trains, strict=True)])
    assert agree(es.measure.fanofactor(trace, "cells")[SOME], expected) > 100


@settings(max_examples=examples(40))
@given(recurrent_cases())
def test_every_measure_agrees_with_elephant_on_any_recurrent_network(case):
    trace = case.run(stop=SPIKE_LIMIT)
    for name in trace.recorded:
        trains = trains_of(trace, name)
        if not len(trace.spikes(name).time):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # Elephant's, of intervals that are all 0
            ours = es.measure.mean_firing_rate(trace, name)  # up to where the sample was stopped, as theirs
            agree(ours, each(trains, lambda train: hertz(statistics.mean_firing_rate(train))))
            cv = functools.partial(of_intervals, lambda intervals: statistics.cv(intervals.magnitude), 1)
            agree(es.measure.cv(trace, name), each(trains, cv))
            cv2, twice = es.measure.cv2(trace, name), functools.partial(of_intervals, statistics.cv2, 2)
            theirs = each(trains, twice)
            together = np.isnan(theirs) & ~np.isnan(cv2)  # two intervals of 0 in a row: ours counts them as equal
            agree(np.where(together, np.nan, cv2), theirs)
            neurons = trace.network.populations[name].size
            fano = [statistics.fanofactor([row[k].magnitude for row in trains]) for k in range(neurons)]
            agree(es.measure.fanofactor(trace, name), np.array(fano))


def test_the_examples_of_the_page_on_files_run(tmp_path, monkeypatch):
    for package in ("libsonata", "neo", "pynwb", "pandas"):
        pytest.importorskip(package, reason=f"the page uses {package}")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)
