"""The user's own stop condition: what it is shown, when it is asked, and that its result can be repeated."""

import functools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import SPIKE_LIMIT, bits, examples, recurrent_cases

import eventsim as es
from eventsim import pace


def ring():
    """Return two neurons that excite each other for ever, 1 ms apart, once started."""
    net = es.Network(seed=1)
    source = net.input("source", 1)
    for name in ("left", "right"):
        net.population(name, 1, es.LIF(20.0, 0.0, t_refractory=0.5))
    net.connect(source, "left", es.Dense([[2.0]]))
    net.connect("left", "right", es.Dense([[2.0]]), delay=1.0)
    net.connect("right", "left", es.Dense([[2.0]]), delay=1.0)
    return net


def started(n_samples=1):
    return es.Spikes([0.5] * n_samples, [0] * n_samples, range(n_samples))


@pytest.mark.parametrize("engine", ["heap", "reference"])
def test_the_function_ends_a_sample_at_the_time_it_was_asked_at(engine):
    trace = es.simulate(ring(), started(), 100.0, engine=engine, stop=lambda now: now.n_spikes >= 7, stop_every=2.0)
    assert trace.ended.tolist() == [8.0]
    assert trace.spikes("left").time.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert trace.spikes("right").time.tolist() == [1.5, 3.5, 5.5, 7.5]
    assert not trace.interrupted


def test_the_function_sees_time_counts_and_the_fresh_spikes():
    seen = []

    def look(now):
        table = now.fresh("left")
        seen.append((now.sample, now.time, now.n_spikes, dict(now.counts), table.time.tolist()))
        with pytest.raises(ValueError, match="read-only"):
            table.time[:] = 0.0
        with pytest.raises(TypeError):
            now.counts["left"] = 0
        with pytest.raises(es.InputError, match='"source" is no population of neurons; there are: left, right'):
            now.fresh("source")
        assert now.fresh("right").neuron.tolist() == [0]
        assert repr(now) == f"Standing(sample 0, {now.time:g} ms, {now.n_spikes} spikes)"
        return False

    es.simulate(ring(), started(), 6.0, stop=look, stop_every=2.0, record=False, engine="heap")
    assert seen == [(0, 2.0, 2, {"left": 1, "right": 1}, [0.5]), (0, 4.0, 4, {"left": 2, "right": 2}, [2.5]),
                    (0, 6.0, 6, {"left": 3, "right": 3}, [4.5])]


def test_the_function_is_asked_every_ten_ms_unless_said_otherwise():
    for every, times in ((None, [10.0, 20.0, 30.0]), (12.5, [12.5, 25.0]), (100.0, [])):
        asked = []
        es.simulate(ring(), started(), 30.0, stop=lambda now, asked=asked: asked.append(now.time), stop_every=every)
        assert asked == times


@functools.cache
def noisy():
    """Return a network that fires irregularly and does not blow up, however late somebody looks."""
    net = es.Network(seed=3)
    cells = net.population("cells", 8, es.LIF(20.0, 5.0, t_refractory=2.0))
    net.connect(net.poisson("noise", 5, rate=300.0), cells, es.FixedProbability(0.5, 1.5), delay=0.5)
    net.connect(cells, cells, es.FixedProbability(0.3, 0.5), delay=es.Uniform(0.5, 3.0))
    return net


def in_chunks_of(patch, length):
    """Make all chunks that long, whatever they cost."""
    patch.setattr(pace.Pace, "goal", lambda self, t, t_stop: min(t + length, t_stop))


@settings(max_examples=examples(25))
@given(st.sampled_from((0.5, 3.0, 10.0, 33.3)), st.integers(1, 60), st.sampled_from((0.7, 3.0, 9.9)))
def test_how_a_run_is_cut_into_chunks_has_no_influence_on_where_it_ends_or_on_any_spike(every, most, length):
    runs = []
    for chunk in (length, 1e3):
        with pytest.MonkeyPatch.context() as patch:
            in_chunks_of(patch, chunk)
            trace = es.simulate(noisy(), t_stop=80.0, seed=4, stop=lambda now: now.n_spikes >= most, stop_every=every,
                                record=["cells", "noise"])
        runs.append((bits(trace), trace.ended.tolist()))
    assert runs[0] == runs[1]


@settings(max_examples=examples(25))
@given(recurrent_cases())
def test_short_chunks_give_the_bits_of_long_ones(case):
    expected = case.run(stop=SPIKE_LIMIT)
    with pytest.MonkeyPatch.context() as patch:
        in_chunks_of(patch, 0.7)
        found = case.run(stop=SPIKE_LIMIT)
    assert bits(found) == bits(expected)
    assert found.ended.tolist() == expected.ended.tolist()


def test_chunks_grow_to_what_takes_some_tenths_of_a_second_and_shrink_again():
    chosen = pace.Pace()
    lengths = []
    for cost in [1e-4] * 8 + [1e-2] * 8:  # wall seconds a ms
        goal = chosen.goal(100.0, 1e5)
        lengths.append(goal - 100.0)
        chosen.spent(goal - 100.0, cost * (goal - 100.0))
    assert lengths[:4] == [1.0, 8.0, 64.0, 512.0]
    assert lengths[7] == pytest.approx(2000.0)
    assert lengths[-1] == pytest.approx(20.0)
    assert chosen.goal(99990.0, 1e5) == 1e5


def test_a_chunk_that_something_else_cut_short_does_not_shorten_the_next():
    chosen = pace.Pace()
    chosen.spent(1.0, 1e-3)
    chosen.spent(1e-9, 1e-6)
    assert chosen.goal(0.0, 100.0) == 8.0


def test_each_sample_ends_by_itself_and_the_threads_ask_one_at_a_time():
    busy = []

    def stop(now):
        busy.append(now.sample)
        assert len(busy) == 1
        busy.clear()
        return now.time >= 4.0 + 2.0 * now.sample

    trace = es.simulate(ring(), started(5), 100.0, stop=stop, stop_every=2.0, threads=3)
    assert trace.ended.tolist() == [4.0, 6.0, 8.0, 10.0, 12.0]
    assert np.bincount(trace.spikes("left").sample).tolist() == [2, 3, 4, 5, 6]


def test_what_the_function_raises_reaches_the_user():
    def fail(now):
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        es.simulate(ring(), started(), 100.0, stop=fail)


def test_the_trace_says_what_ended_it():
    def enough(now):
        return True

    trace = es.simulate(ring(), started(), 100.0, stop=enough, stop_every=5.0)
    assert trace.provenance["parameters"]["stop"] == "the function enough, every 5 ms"


@pytest.mark.parametrize(("options", "message"), [
    ({"stop_every": 5.0}, "stop_every is 5.0, but stop is no function"),
    ({"stop": 3, "stop_every": 5.0}, "stop_every is 5.0, but stop is no function"),
    ({"stop": bool, "stop_every": 0.0}, "stop_every is 0.0; give a finite number of ms above 0"),
    ({"stop": bool, "stop_every": "often"}, "stop_every is 'often'; give"),
    ({"stop": bool, "engine": "layers"}, 'engine "layers" has no stop condition'),
])
def test_a_condition_that_cannot_be_is_refused_in_one_line(options, message):
    with pytest.raises(es.InputError) as caught:
        es.simulate(ring(), started(), 10.0, **options)
    assert message in str(caught.value)
