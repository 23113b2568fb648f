"""Running a network: arguments, choice of the engine, stop conditions, what is recorded, Ctrl-C."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given, settings
from networks import SPIKE_LIMIT, bits, examples, recurrent_cases
from refusals import refusal

import eventsim as es

SINGLE = es.LIF(20.0, 5.0, t_refractory=es.NEVER)


def network(neuron=SINGLE, noise=False):
    net = es.Network(seed=1)
    source = net.input("source", 2)
    hidden = net.population("hidden", 3, neuron)
    output = net.population("output", 2, neuron)
    net.connect(source, hidden, es.Dense(6.0))
    net.connect(hidden, output, es.Dense(4.0), delay=1.0)
    if noise:
        net.connect(net.poisson("noise", 4, rate=50.0), hidden, es.Dense(1.0))
    return net


STIMULUS = {"source": es.Spikes([1.0, 2.0, 1.5, 9.0], [0, 1, 0, 1], [0, 0, 2, 2], n_samples=3)}


def recurrent():
    """Return a network that never falls silent once it is started."""
    net = es.Network(seed=1)
    source = net.input("source", 1)
    ring = net.population("ring", 3, es.LIF(20.0, 0.0, t_refractory=0.5))
    net.connect(source, ring, es.Sparse([0], [0], [2.0]))
    net.connect(ring, ring, es.Sparse([0, 1, 2], [1, 2, 0], [2.0, 2.0, 2.0]), delay=1.0)
    return net


def test_single_precision_runs_in_layers_and_the_trace_says_so():
    assert es.simulate(network(), STIMULUS, 20.0, precision="single").precision == "single"


# Bad input: one line each


class Stranger:
    name = "elsewhere"


@pytest.mark.parametrize(("arguments", "message"), [
    ({"net": "network.h5"}, "the network is a str; give an es.Network"),
    ({"t_stop": None}, "t_stop is missing; give the end of the run in ms"),
    ({"t_stop": 0.0}, "t_stop is 0.0; give a finite number of ms above 0"),
    ({"t_stop": -1}, "t_stop is -1; give"),
    ({"t_stop": math.inf}, "t_stop is inf; give"),
    ({"t_stop": math.nan}, "t_stop is nan; give"),
    ({"t_stop": "20"}, "t_stop is '20'; give"),
    ({"t_stop": True}, "t_stop is True; give"),
    ({"engine": "heaps"}, 'engine "heaps" is not known; allowed: auto, heap, window, layers, reference. '
     'Did you mean "heap"?'),
    ({"engine": 3}, 'engine "3" is not known'),
    ({"precision": "half"}, 'precision "half" is not known; allowed: double, single'),
    ({"precision": "single", "engine": "heap"}, 'precision "single" exists in engine "layers" only'),
    ({"precision": "single", "net": network(noise=True)}, 'and "window" runs here (no layers: Poisson inputs; '),
    ({"engine": "layers", "stop": 3}, 'engine "layers" has no stop condition'),
    ({"engine": "layers", "net": network(noise=True)}, 'engine "layers" has no Poisson inputs'),
    ({"engine": "layers", "net": network(es.LIF(20.0, 5.0))}, "the layers engine cannot run this network"),
    ({"threads": 0}, "threads is 0; give a whole number of at least 1"),
    ({"threads": 2.0}, "threads is 2.0; give"),
    ({"seed": -1}, "seed is -1; give a whole number from 0 to 2**63 - 1"),
    ({"seed": 1.5}, "seed is 1.5; give"),
    ({"seed": 2**63}, "seed is 9223372036854775808; give"),
    ({"stop": "decisions"}, 'stop "decisions" is not known; allowed: a number of spikes, "decision", or a function'),
    ({"stop": 0}, "stop is 0; give a whole number from 1"),
    ({"stop": 2.5}, "stop is 2.5; give"),
    ({"stop": True}, "stop is True; give"),
    ({"stop": "decision", "output": "outputs"}, 'population "outputs" is not known'),
    ({"output": "outputs"}, 'Did you mean "output"?'),
    ({"output": "source"}, 'population "source" is an input; name one of kind "neurons" as output'),
    ({"record": ["hiden"]}, 'population "hiden" is not known; allowed: source, hidden, output. Did you mean "hidden"?'),
    ({"record": 5}, "record is a int; give a list of population names, a dict by population"),
    ({"labels": [0, 1]}, "labels must be 3 whole numbers, one a sample"),
    ({"labels": [0.5, 1.0, 2.0]}, "labels must be 3 whole numbers"),
    ({"progress": "bar"}, "progress is 'bar'; allowed:"),
    ({"progress": 5}, "progress is 5; allowed:"),
    ({"stimulus": {"sorce": es.Spikes.empty()}}, 'input "sorce" is not known; allowed: source. Did you mean "source"?'),
    ({"stimulus": {"hidden": es.Spikes.empty()}}, '"hidden" is not an input, so it takes no stimulus; inputs are: sou'),
    ({"stimulus": {"source": [1.0, 2.0]}}, 'the stimulus of "source" is a list; give es.Spikes(time, neuron)'),
    ({"stimulus": {Stranger(): STIMULUS["source"]}}, 'input "elsewhere" is not known'),
    ({"stimulus": [1.0, 2.0]}, "the stimulus is a list; give a dict of es.Spikes by input name"),
    ({"stimulus": np.zeros(3)}, "the stimulus is a ndarray; give"),
    ({"stimulus": {"source": es.Spikes([1.0], [2])}}, 'a spike names neuron 2 of population "source"'),
])
def test_bad_input_is_answered_with_one_line_before_anything_runs(arguments, message):
    arguments = {"net": network(), "stimulus": STIMULUS, "t_stop": 20.0, **arguments}
    with pytest.raises(es.InputError) as caught:
        es.simulate(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stimulus_for_a_network_without_inputs_is_refused():
    net = es.Network(seed=1)
    net.population("alone", 1, SINGLE)
    with pytest.raises(es.InputError, match="the network has 0 inputs"):
        es.simulate(net, es.Spikes([1.0], [0]), 20.0)
    with pytest.raises(es.InputError, match='input "source" is not known; allowed: none'):
        es.simulate(net, {"source": es.Spikes([1.0], [0])}, 20.0)


def two_inputs():
    net = es.Network(seed=1)
    cell = net.population("cell", 1, SINGLE)
    for name in ("left", "right"):
        net.connect(net.input(name, 1), cell, es.Dense([[4.0]]))
    return net


def test_a_bare_stimulus_needs_a_network_with_one_input():
    with pytest.raises(es.InputError, match=r"the network has 2 inputs \(left, right\); give a dict"):
        es.simulate(two_inputs(), es.Spikes([1.0], [0]), 20.0)


def test_inputs_with_different_numbers_of_samples_are_refused():
    stimulus = {"left": es.Spikes([1.0], [0]), "right": es.Spikes.empty(3)}
    with pytest.raises(es.InputError, match=r"different numbers of samples \(left: 1, right: 3\); give n_samples="):
        es.simulate(two_inputs(), stimulus, 20.0)


def test_an_unclear_output_is_refused_where_the_decision_is_to_stop_the_run():
    net = network()
    net.population("other", 1, SINGLE)
    with pytest.raises(es.InputError, match="populations that feed no other: output, other; name one"):
        es.simulate(net, STIMULUS, 20.0, stop="decision")
    assert es.simulate(net, STIMULUS, 20.0, stop="decision", output="output").output == "output"


# The stimulus


def test_a_bare_stimulus_a_name_and_a_handle_are_the_same():
    net = network()
    runs = [bits(es.simulate(net, stimulus, 20.0)) for stimulus in
            (STIMULUS["source"], STIMULUS, {net["source"]: STIMULUS["source"]})]
    assert len(runs[0]["output"][0]) > 0
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


@pytest.mark.parametrize("engine", ["heap", "window", "layers", "reference"])
def test_an_input_that_is_left_out_is_silent(engine):
    with_silence = {"left": es.Spikes([1.0, 1.0], [0, 0]), "right": es.Spikes.empty()}
    without = {"left": with_silence["left"]}
    assert (bits(es.simulate(two_inputs(), without, 20.0, engine=engine))
            == bits(es.simulate(two_inputs(), with_silence, 20.0, engine=engine)))


@pytest.mark.parametrize("engine", ["heap", "window", "layers", "reference"])
def test_no_samples_give_an_empty_trace(engine):
    trace = es.simulate(network(), es.Spikes.empty(0), 20.0, engine=engine)
    assert trace.n_samples == 0
    assert trace.first_spikes("output").shape == (0, 2)


# What is recorded


def test_all_neurons_are_recorded_unless_names_are_given():
    assert es.simulate(network(), STIMULUS, 20.0).recorded == ("hidden", "output")
    net = network()
    for record in (["output"], "output", net["output"], [net["output"]], ("output", "source")):
        trace = es.simulate(net, STIMULUS, 20.0, record=record)
        assert trace.recorded == ("output",)
        assert len(trace.spikes("output").time) > 0
    with pytest.raises(es.InputError, match='population "hidden" was not recorded'):
        trace.spikes("hidden")
    assert es.simulate(net, STIMULUS, 20.0, record=[]).recorded == ()


def test_poisson_spikes_are_recorded_where_they_are_named():
    net = network(noise=True)
    trace = es.simulate(net, STIMULUS, 100.0, seed=2, record=["noise", "hidden"])
    table = trace.spikes("noise")
    assert trace.recorded == ("hidden", "noise")
    assert len(table.time) > 0
    assert np.isinf(table.slope).all()
    assert table.time.max() < 100.0
    assert bits(es.simulate(net, STIMULUS, 100.0, seed=2, record=["hidden"]))["hidden"] == bits(trace)["hidden"]


def test_poisson_spikes_have_their_rate_and_differ_between_samples_and_neurons():
    net = es.Network(seed=1)
    net.input("source", 1)
    net.poisson("noise", 4, rate=[100.0, 100.0, 400.0, 0.0])
    trace = es.simulate(net, es.Spikes.empty(3), 5000.0, seed=7, record="noise")
    table = trace.spikes("noise")
    counts = np.bincount(4 * table.sample + table.neuron, minlength=12).reshape(3, 4)
    expected = 5.0 * np.array([100.0, 100.0, 400.0, 0.0])
    assert (np.abs(counts - expected) <= 4.5 * np.sqrt(expected)).all()
    assert len(np.unique(table.time)) == len(table.time)


def test_the_seed_that_was_used_is_kept_and_repeats_the_run():
    net = network(noise=True)
    first = es.simulate(net, STIMULUS, 100.0, record=["noise", "output"])
    again = es.simulate(net, STIMULUS, 100.0, record=["noise", "output"], seed=first.seed)
    other = es.simulate(net, STIMULUS, 100.0, record=["noise", "output"])
    assert bits(again) == bits(first)
    assert other.seed != first.seed
    assert bits(other)["noise"] != bits(first)["noise"]
    assert first.provenance["seed"] == first.seed


def test_labels_output_and_parameters_are_kept_in_the_trace():
    trace = es.simulate(network(), STIMULUS, 20.0, labels=[1, 0, 1], output="hidden", threads=2)
    assert trace.labels.tolist() == [1, 0, 1]
    assert trace.output == "hidden"
    assert trace.t_stop == 20.0
    assert trace.provenance["parameters"]["threads"] == 2
    assert not trace.interrupted
    assert trace.ended.tolist() == [20.0] * 3


# Stop conditions


@pytest.mark.parametrize("engine", ["heap", "window", "reference"])
def test_a_decision_ends_each_sample_right_after_its_first_output_spike(engine):
    whole = es.simulate(network(), STIMULUS, 50.0, engine=engine)
    trace = es.simulate(network(), STIMULUS, 50.0, engine=engine, stop="decision")
    first = whole.first_spikes("output").min(axis=1)
    assert np.isfinite(first).tolist() == [True, False, True]
    assert trace.first_spikes("output").min(axis=1).tolist() == first.tolist()
    assert trace.ended.tolist() == [math.nextafter(first[0], 99), 50.0, math.nextafter(first[2], 99)]
    for name in ("hidden", "output"):
        table = trace.spikes(name)
        assert (table.time <= first[table.sample]).all()


@pytest.mark.parametrize("engine", ["heap", "window", "reference"])
def test_a_decision_ends_the_sample_also_where_nothing_would_follow(engine):
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cell = net.population("cell", 1, es.LIF(20.0, 0.0, t_refractory=es.NEVER))
    net.connect(source, cell, es.Dense([[2.0]]))
    trace = es.simulate(net, es.Spikes([1.0], [0]), 50.0, engine=engine, stop="decision")
    assert trace.ended.tolist() == [math.nextafter(1.0, 2.0)]


@pytest.mark.parametrize("stop", ["decision", 1])
def test_an_output_that_feeds_itself_decides_too(stop):
    trace = es.simulate(recurrent(), es.Spikes([1.0], [0]), 50.0, stop=stop)
    assert trace.spikes("ring").time.tolist() == [1.0]
    assert trace.output == "ring"


@pytest.mark.parametrize("engine", ["heap", "window", "reference"])
def test_a_number_of_spikes_ends_each_sample(engine):
    stimulus = es.Spikes([1.0, 3.0], [0, 0], [0, 2], n_samples=3)
    trace = es.simulate(recurrent(), stimulus, 50.0, engine=engine, stop=4)
    table = trace.spikes("ring")
    assert table.time.tolist() == [1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 6.0]
    assert trace.ended.tolist() == [math.nextafter(4.0, 9), 50.0, math.nextafter(6.0, 9)]


def test_the_stimulus_and_recorded_noise_of_a_stopped_sample_end_with_it():
    stimulus = {"source": es.Spikes([1.0, 1.0, 40.0], [0, 1, 0])}
    trace = es.simulate(network(noise=True), stimulus, 50.0, stop="decision", seed=3, record=["noise", "output"])
    assert trace.ended[0] < 20.0
    assert trace.spikes("source").time.tolist() == [1.0, 1.0]
    noise = trace.spikes("noise").time
    assert len(noise) > 0
    assert noise.max() < trace.ended[0]
    whole = es.simulate(network(noise=True), stimulus, 50.0, seed=3, record=["noise"]).spikes("noise").time
    assert noise.tolist() == whole[whole < trace.ended[0]].tolist()


@settings(max_examples=examples(30))
@given(recurrent_cases())
def test_a_stopped_run_is_the_beginning_of_the_whole_run(case):
    whole, part = case.run(stop=SPIKE_LIMIT), case.run(stop=7)
    for name in whole.recorded:
        expected, found = whole.spikes(name), part.spikes(name)
        early = expected.time < part.ended[expected.sample]
        for column in expected._fields:
            assert getattr(expected, column)[early].tobytes() == getattr(found, column).tobytes()


# Progress


@pytest.mark.parametrize("engine", ["heap", "window", "layers", "reference"])
def test_progress_is_told_up_to_the_end_whatever_the_engine(engine):
    told = []
    es.simulate(network(), STIMULUS, 20.0, engine=engine, threads=2, progress=lambda share, elapsed: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


# Runs in pieces


def test_a_simulation_goes_on_where_it_stood():
    simulation = es.Simulation(network(noise=True), STIMULUS, seed=3, record=["noise", "hidden", "output"])
    with pytest.raises(es.InputError, match=r"nothing was run yet; call run\(duration\) first"):
        _ = simulation.trace
    for duration in (0.5, 1.5, 18.0):
        simulation.run(duration)
    assert simulation.now == 20.0
    trace = simulation.trace
    assert (trace.engine, trace.t_stop) == ("window", 20.0)
    whole = es.simulate(network(noise=True), STIMULUS, 20.0, seed=3, record=["noise", "hidden", "output"])
    assert bits(trace) == bits(whole)


def test_a_trace_of_a_simulation_stays_as_it_was():
    simulation = es.Simulation(recurrent(), es.Spikes([1.0], [0]))
    simulation.run(5.0)
    early = simulation.trace
    simulation.run(5.0)
    assert len(early.spikes("ring").time) == 4
    assert len(simulation.trace.spikes("ring").time) == 9


def test_a_simulation_whose_network_was_changed_says_so_until_it_is_as_it_was(tmp_path):
    net = es.Network(seed=1)
    net.poisson("noise", 5, rate=500.0)
    net.population("cells", 3, es.LIF(20.0, 5.0))
    net.connect("noise", "cells", es.Dense(np.full((5, 3), 1.5)))
    simulation = es.Simulation(net, seed=1)
    simulation.run(20.0)
    net.projections["noise->cells"].set_weight(0.1)
    for use in (lambda: simulation.run(20.0), lambda: simulation.trace, lambda: simulation.save(tmp_path / "state.h5")):
        assert "changed since this simulation began" in refusal(use)
    net.projections["noise->cells"].set_weight(1.5)
    simulation.run(20.0)
    assert bits(simulation.trace) == bits(es.simulate(net, t_stop=40.0, seed=1))


def test_a_simulation_refuses_layers_and_durations_that_make_no_sense():
    with pytest.raises(es.InputError, match='engine "layers" cannot; use "heap", "window" or'):
        es.Simulation(network(), STIMULUS, engine="layers")
    with pytest.raises(es.InputError, match='engine "slow" is not known'):
        es.Simulation(network(), STIMULUS, engine="slow")
    simulation = es.Simulation(network(), STIMULUS)
    for duration in (0.0, -1.0, math.nan, math.inf, None):
        with pytest.raises(es.InputError, match=r"duration is .*; give a finite number of ms above 0"):
            simulation.run(duration)


# Ctrl-C


def interrupted(tmp_path, program):
    """Run a program that says "ready" and then is busy for minutes; interrupt it and return what it printed."""
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=environment)
    try:
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        time.sleep(0.5)  # until the next sample is under way
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return out


RECURRENT_PROGRAM = """
    import numpy as np
    import eventsim as es

    net = es.Network(seed=1)
    source = net.input("source", 1)
    ring = net.population("ring", 2, es.LIF(20.0, 0.0, t_refractory=1e-4))
    net.connect(source, ring, es.Sparse([0], [0], [2.0]))
    net.connect(ring, ring, es.Sparse([0, 1], [1, 0], [2.0, 2.0]), delay=1e-3)
    stimulus = es.Spikes([0.5] * 4, [0] * 4, [0, 1, 2, 3])

    def told(share, elapsed):
        if share >= 0.25:  # the first sample, which has no spike to pass on, is done
            print("ready", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
@pytest.mark.parametrize("engine", ["heap", "window", "reference"])
def test_an_interrupted_run_returns_what_there_is_and_says_so(tmp_path, engine):
    out = interrupted(tmp_path, RECURRENT_PROGRAM + f"""
    stimulus = es.Spikes([0.5] * 3, [0] * 3, [1, 2, 3])
    trace = es.simulate(net, stimulus, 1e7, engine="{engine}", threads=1, progress=told)
    table = trace.spikes("ring")
    assert trace.interrupted
    assert trace.ended[0] == 1e7
    assert 0.5 < trace.ended[1] < 1e7
    assert trace.ended[2] == trace.ended[3] == 0.0
    assert len(table.time) and set(table.sample) == {{1}}
    assert table.time.max() < trace.ended[1]
    whole = es.simulate(net, stimulus.select([1]), float(trace.ended[1]), engine="{engine}")
    assert whole.spikes("ring").time.tobytes() == table.time.tobytes()
    print("partial")
    """)
    assert out.splitlines()[-1] == "partial"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
def test_an_interrupted_batch_in_layers_returns_the_samples_that_were_done(tmp_path):
    out = interrupted(tmp_path, """
    import time

    import numpy as np
    import eventsim as es

    net = es.Network(seed=1)
    source = net.input("source", 1)
    cell = net.population("cell", 1, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect(source, cell, es.Dense([[12.0]]))

    def told(share, elapsed):
        print("ready", flush=True)
        time.sleep(1.0)  # a shard of many samples

    trace = es.simulate(net, es.Spikes(np.full(1000, 1.0), np.zeros(1000, int), np.arange(1000)), 20.0, threads=1,
                        progress=told)
    done = trace.ended == 20.0
    assert trace.engine == "layers" and trace.interrupted
    assert 0 < done.sum() < 100
    assert (trace.ended[~done] == 0.0).all()
    assert np.isfinite(trace.first_spikes("cell")[:, 0]).tolist() == done.tolist()
    print("partial")
    """)
    assert out.splitlines()[-1] == "partial"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child")
def test_an_interrupted_piece_of_a_simulation_leaves_the_samples_it_did_not_reach_where_they_were(tmp_path):
    out = interrupted(tmp_path, RECURRENT_PROGRAM + """
    simulation = es.Simulation(net, es.Spikes([0.5, 2.0, 2.0], [0] * 3, [1, 2, 3]), threads=1)
    simulation.run(1.0)
    simulation.run(1e7, progress=told)
    trace = simulation.trace
    assert trace.interrupted
    assert trace.ended[0] == 1e7 + 1.0
    assert 1.0 <= trace.ended[1] < 1e7
    assert trace.ended[2] == trace.ended[3] == 1.0
    print("partial")
    """)
    assert out.splitlines()[-1] == "partial"
