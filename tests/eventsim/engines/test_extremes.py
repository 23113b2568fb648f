"""Numbers at the ends of what is allowed: every engine has the same bits, none warns, and every spike is where V is."""

import itertools
import math
import warnings

import extreme_cases
import extreme_oracle
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import Case, Population, Projection, bits, examples
from refusals import refusal

import eventsim as es
from eventsim.errors import InputError

LIMIT = 40
"""A sample ends after so many spikes."""

randoms = st.randoms(use_true_random=False)


def outcome(case, engine, **options):
    """Return all bits of a run and where it ended, or the line with which it is refused; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            trace = case.run(engine, record=case.everything, **options)
        except InputError as problem:
            assert "\n" not in str(problem)
            return str(problem)
    return bits(trace), trace.ended.tolist()


@settings(max_examples=examples(80))
@given(randoms)
def test_any_topology_has_the_bits_of_the_reference_on_the_heap(random):
    case = extreme_cases.network(random)
    assert outcome(case, "heap", stop=LIMIT) == outcome(case, "reference", stop=LIMIT)


@settings(max_examples=examples(80))
@given(randoms)
def test_spikes_that_take_a_while_have_the_bits_of_the_reference_in_windows(random):
    case = extreme_cases.network(random, windows=True)
    expected = outcome(case, "reference", stop=LIMIT)
    assert outcome(case, "window", stop=LIMIT) == expected
    assert outcome(case, "heap", stop=LIMIT) == expected


@settings(max_examples=examples(80))
@given(randoms)
def test_feed_forward_single_spikes_have_the_bits_of_the_reference_in_layers(random):
    case = extreme_cases.network(random, layered=True)
    expected = outcome(case, "reference")
    assert outcome(case, "layers") == expected
    assert outcome(case, "heap") == expected
    windows = outcome(case, "window")
    assert windows == expected or "without delay" in windows


@settings(max_examples=examples(50))
@given(randoms)
def test_no_spike_is_missed_or_invented_whatever_the_numbers(random):
    case = extreme_cases.alone(random)
    trace = case.run("heap", stop=LIMIT)
    found = extreme_oracle.checked(case, trace.spikes("cell").time.tolist(), float(min(trace.ended[0], case.t_stop)))
    assert (found.missed, found.invented) == (0, 0)
    assert found.error < extreme_oracle.TOLERANCE


def altered(case, spikes):
    """Return what the oracle says of other spikes than those of a run."""
    found = extreme_oracle.checked(case, spikes, case.t_stop)
    return found.missed > 0, found.invented > 0


def test_the_oracle_notices_a_spike_too_many_one_too_few_and_one_that_is_late():
    cell = es.LIF(1e3, 1e-3, v_threshold=1e-9, v_reset=-1e-9, t_refractory=1e-6)
    case = Case((Population("in", (1,), None), Population("cell", (1,), cell)),
                (Projection("p", "in", "cell", es.Dense, {"weight": np.array([[2.5e-3]])}, 0.0),),
                {"in": es.Spikes([1e-3, 1e-3, 0.002], [0, 0, 0])}, 1.0)
    times = case.run("heap").spikes("cell").time.tolist()
    assert len(times) >= 2
    assert altered(case, times) == (False, False)
    assert altered(case, times[:-1]) == (True, False)
    assert altered(case, [*times, 0.5])[1]
    assert altered(case, [times[0] * (1.0 + 1e-9), *times[1:]])[0]


@pytest.mark.parametrize("wrong, named", [
    ({"v_reset": 2.0}, "v_reset 2 is not below v_threshold 1"), ({"v_threshold": -math.inf}, "v_threshold is -inf"),
    ({"v_rest": math.inf}, "v_rest is inf"), ({"t_refractory": -5e-324}, "t_refractory is -4.94066e-324"),
    ({"tau_mem": 0.0}, "tau_mem is 0"), ({"tau_syn": -1e-300}, "tau_syn is -1e-300"),
    ({"tau_mem": 9e-31}, "tau_mem is 9e-31; allowed: 1e-30 to 1e+30 ms, and inf"),
    ({"tau_syn": 2e30}, "tau_syn is 2e+30; allowed: 1e-30 to 1e+30 ms, 0 and inf"),
    ({"v_init": -5e-324}, "v_init is -4.94066e-324; allowed: 0, and sizes from 1e-60 to 1e+60"),
    ({"v_threshold": 1e160}, "v_threshold is 1e+160; allowed: 0, and sizes from 1e-60 to 1e+60"),
    ({"i_offset": [0.0, 1e-61]}, "i_offset[1] is 1e-61; allowed: 0, and sizes")])
def test_what_no_engine_could_follow_is_refused_before_any_does(wrong, named):
    assert named in refusal(es.LIF, **({"tau_mem": 20.0, "tau_syn": 5.0} | wrong))


@pytest.mark.parametrize("what, call", [
    ("weight", lambda: es.Dense([[1.1e60]])), ("amplitude", lambda: es.Spikes([1.0], [0], amplitude=[-1.1e60]))])
def test_weights_and_amplitudes_whose_squares_overflow_are_refused(what, call):
    message = refusal(call)
    assert what in message and "at most 1e+60 in size" in message


@pytest.mark.parametrize("taus", [
    (10.0, 5.0), (10.0, 20.0), (10.0, 10.01), (math.inf, 5.0), (10.0, math.inf), (math.inf, math.inf), (10.0, 0.0)],
    ids=str)
def test_potentials_and_weights_of_any_allowed_size_give_the_same_spikes(taus):
    found = []
    for unit, engine in itertools.product((2.0**-199, 1.0, 2.0**197), ("reference", "heap", "window")):
        net = es.Network()
        net.input("in", 1)
        net.population("cell", 1, es.LIF(*taus, v_threshold=unit, v_reset=-unit))
        net.connect("in", "cell", es.Dense([[4.0 * unit]]))
        found.append(es.simulate(net, es.Spikes([1.0], [0]), 10.0, engine=engine).spikes("cell").time.tolist())
    assert found[0] and all(times == found[0] for times in found)


def test_a_run_that_would_never_end_beside_its_time_constants_is_refused():
    net = es.Network()
    net.population("cell", 1, es.LIF(1e-9, 1e-30))
    said = "too long beside the time constants of \"cell\"; end by 1.38778e-17 ms"
    assert said in refusal(es.simulate, net, None, 1.0)
    assert said in refusal(es.Simulation(net).run, 1.0)
    assert es.simulate(net, None, 1e-25).number_of_spikes("cell") == 0


@pytest.mark.parametrize("delay", [math.inf, -5e-324, math.nan])
def test_a_delay_that_never_ends_or_goes_back_is_refused(delay):
    net = es.Network()
    net.input("in", 1)
    net.population("cell", 1, es.LIF(20.0, 5.0))
    assert "delays must be finite and >= 0" in refusal(net.connect, "in", "cell", es.Dense([[1.0]]), delay=delay)


@pytest.mark.parametrize("engine", ["reference", "heap", "window", "layers"])
def test_a_slow_neuron_crosses_after_minutes_of_silence(engine):
    net = es.Network()
    net.input("in", 1)
    net.population("cell", 1, es.LIF(1e6, 1e6, t_refractory=es.NEVER))
    net.connect("in", "cell", es.Dense([[4.0]]))
    late = es.Spikes([3e5, 1e9], [0, 0])
    trace = es.simulate(net, late, 1e6, engine=engine)
    exact = 3e5 + 0.357402956181388903 * 1e6  # 4 x e^-x = 1
    assert trace.spikes("cell").time == pytest.approx([exact], abs=5e-10)
