"""`training.spike_time_gradient` on recurrent networks with delays, refractory periods and many spikes a neuron."""

import math

import differences
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from recurrent_cases import READINGS, TAUS, random_case

import eventsim as es
import training
from eventsim.errors import InputError


def assert_like_differences(case, limit, seed=0, taus=True):
    """Compare gradients of all kinds with central differences; return how many were not zero, None if grazing."""
    trace, gradients = differences.over_trace(case, taus)
    if differences.grazes(case, trace):
        return None
    not_zero = 0
    for kind in gradients:
        found = differences.compare(case, trace, gradients, kind, np.random.default_rng(seed), limit)
        assert found.ratio.max(initial=0.0) <= differences.TOLERANCE, (kind, found)
        not_zero += found.not_zero
    return not_zero


@pytest.mark.compiled
@pytest.mark.parametrize("number", range(len(TAUS)))
def test_gradients_of_recurrent_networks_equal_central_differences(number):
    case = random_case(np.random.default_rng(number), TAUS[number], ("none", "some", "long")[number % 3],
                       per_synapse=number % 2 == 0, reading=READINGS[number % len(READINGS)])
    assert assert_like_differences(case, limit=4, seed=number) is not None


@pytest.mark.parametrize("taus, refractory, reading", [
    ((20.0, 5.0), "some", "discounted"), ((20.0, (2.0, 8.0)), "some", "value"), ((math.inf, (2.0, 8.0)), "none", None)])
def test_gradients_of_a_few_spikes_equal_central_differences(taus, refractory, reading):
    case = random_case(np.random.default_rng(1), taus, refractory, reading=reading, inputs=2, span=6.0)
    assert assert_like_differences(case, limit=2) is not None


@pytest.mark.compiled
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), taus=st.sampled_from(TAUS),
       refractory=st.sampled_from(("none", "some", "long")), per_synapse=st.booleans(),
       reading=st.sampled_from(READINGS), span=st.sampled_from((20.0, 200.0)))
def test_gradients_of_any_recurrent_network_equal_central_differences(seed, **options):
    case = random_case(np.random.default_rng(seed), **options)
    assume(assert_like_differences(case, limit=2, seed=seed, taus=seed % 4 == 0) is not None)


@pytest.mark.parametrize("tau_mem, tau_syn, late", [(20.0, 0.5, 41.0), (5.0, 20.0, 151.0)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_early_spike_that_arrives_windows_after_a_later_one_has_its_own_response(tau_mem, tau_syn, late, order):
    # states are kept at multiples of 8 and of 64 ms, and the arrivals are 20.5 and 130.5 ms apart
    sent, arrives = np.array([1.0, 20.0])[list(order)], np.array([late, 20.5])[list(order)]
    net = es.Network()
    net.input("in", 2)
    net.population("out", 1, es.LIF(tau_mem, tau_syn, t_refractory=es.NEVER))
    peak = math.log(tau_mem / tau_syn) / (1 / tau_syn - 1 / tau_mem)
    weight = np.array([1.2, 0.8])[list(order)] / training.initialize.unit_response(tau_mem, tau_syn, peak)
    net.connect("in", "out", es.Dense(weight[:, np.newaxis]), delay=(arrives - sent)[:, np.newaxis])
    trace = es.simulate(net, {"in": es.Spikes(sent, [0, 1])}, 200.0)
    fired = trace.spikes("out")
    assert fired.time.size == 1 and fired.time[0] > late
    found = training.spike_time_gradient(net, trace, {"out": np.ones(1)})
    expected = -training.initialize.unit_response(tau_mem, tau_syn, fired.time[0] - arrives) / fired.slope[0]
    assert found.weights["in->out"][:, 0] == pytest.approx(expected, rel=1e-12)


def oscillator(**parameters):
    """Return two neurons that fire on and on, each exciting the other."""
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 2, es.LIF(**({"tau_mem": 10.0, "tau_syn": 5.0, "i_offset": [1.2, 1.3]} | parameters)))
    net.connect("in", "out", es.Dense(0.1), delay=0.5)
    net.connect("out", "out", es.Dense([[0.0, 0.2], [0.3, 0.0]]), delay=1.5, name="lateral")
    return net


STIMULUS = {"in": es.Spikes([1.0, 2.0], [0, 0])}


def gradient_of(net, t_stop=100.0, **options):
    """Return (trace, gradients) of the sum of all spike times."""
    trace = es.simulate(net, STIMULUS, t_stop)
    return trace, training.spike_time_gradient(net, trace, {"out": np.ones(len(trace.spikes("out").time))}, **options)


def test_a_neuron_that_fires_periodically_has_the_gradient_of_its_period():
    # Without input V rises to i_offset: a period lasts tau ln((i - v_reset) / (i - threshold)) + t_refractory.
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 1, es.LIF(10.0, 5.0, i_offset=1.5, t_refractory=2.0, v_reset=-0.25, v_init=0.1))
    net.connect("in", "out", es.Dense(0.0))
    trace = es.simulate(net, STIMULUS, 100.0)
    count = len(trace.spikes("out").time)
    last = 1.0 * (np.arange(count) == count - 1)
    found = training.spike_time_gradient(net, trace, {"out": last}, taus=True)
    n, i = count - 1, 1.5
    assert count > 3
    first, period = math.log((i - 0.1) / (i - 1.0)), math.log((i + 0.25) / (i - 1.0))
    assert trace.spikes("out").time[-1] == pytest.approx(10.0 * first + n * (10.0 * period + 2.0), rel=1e-13)
    assert found.refractory["out"] == pytest.approx([n], rel=1e-13)
    assert found.thresholds["out"] == pytest.approx([10.0 * (n + 1) / (i - 1.0)], rel=1e-13)
    assert found.resets["out"] == pytest.approx([-10.0 * n / (i + 0.25)], rel=1e-13)
    assert found.initial["out"] == pytest.approx([-10.0 / (i - 0.1)], rel=1e-13)
    slope = 1.0 / (i - 0.1) - 1.0 / (i - 1.0) + n * (1.0 / (i + 0.25) - 1.0 / (i - 1.0))
    assert found.offsets["out"] == pytest.approx([10.0 * slope], rel=1e-12)
    assert found.tau_mem["out"] == pytest.approx(first + n * period, rel=1e-12)
    assert found.tau_syn["out"] == 0.0


@pytest.mark.parametrize("refractory", [0.0, 1.5, 3.0])
def test_a_shift_of_all_inputs_shifts_all_spikes_of_a_recurrent_network_at_rest(refractory):
    # With a refractory period equal to the delay, arrivals fall on the ends of refractory periods.
    net = oscillator(i_offset=0.0, t_refractory=refractory)
    net.projections["in->out"].set_weight([[16.0, 20.0]])
    net.projections["lateral"].set_weight([[0.0, 2.0], [2.5, 0.0]])
    trace, found = gradient_of(net, 60.0)
    count = len(trace.spikes("out").time)
    assert count > 6
    assert found.input_times["in"].sum() == pytest.approx(count, rel=1e-10)


def test_gradients_of_recurrent_networks_are_the_same_bits_for_any_number_of_threads_and_engine():
    case = random_case(np.random.default_rng(4), (20.0, (2.0, 8.0)), "some", True, "integral")
    spikes = case.stimulus["in"]
    times = np.random.default_rng(1).uniform(0.0, 20.0, (35, len(spikes.time)))
    batch = {"in": es.Spikes(times, spikes.neuron, np.arange(35)[:, None])}
    found = []
    for engine in ("heap", "reference"):
        trace = es.simulate(case.net, batch if engine == "heap" else case.stimulus, 40.0, engine=engine)
        loss = differences.loss_gradient_of(case, trace)
        for threads in (1, 2, 3):
            result = training.spike_time_gradient(case.net, trace, loss, threads=threads, taus=True)
            found.append({(kind, name): np.asarray(values).tobytes() for kind, part in result._asdict().items()
                          for name, values in part.items()})
    assert found[0] == found[1] == found[2]
    assert found[3] == found[4] == found[5]
    again = es.simulate(case.net, case.stimulus, 40.0, engine="heap")
    result = training.spike_time_gradient(case.net, again, differences.loss_gradient_of(case, again), taus=True)
    assert found[3] == {(kind, name): np.asarray(values).tobytes() for kind, part in result._asdict().items()
                        for name, values in part.items()}


def everything_but_inputs(found, kept):
    """Return all derivatives as one array; of the delays those of the projections `kept`."""
    parts = {**found._asdict(), "input_times": {}, "delays": {name: found.delays[name] for name in kept}}
    return np.concatenate([np.ravel(values) for part in parts.values() for _, values in sorted(part.items())])


@pytest.mark.parametrize("tau_syn", [5.0, {"fast": 2.0, "slow": 5.0}])
@pytest.mark.parametrize("delay", [0.0, 0.5, "each"])
@pytest.mark.parametrize("t_stop", [30.0, 90.0])  # shorter and longer than the time between two origins
def test_without_inputs_all_other_derivatives_are_the_same(tau_syn, delay, t_stop):
    rng = np.random.default_rng(3)
    net = es.Network(seed=0)
    net.input("in", 12)
    net.population("hidden", 7, es.LIF(20.0, tau_syn, i_offset=0.9))
    net.population("out", 3, es.LIF(20.0, 5.0))
    receptors = ("fast", "slow") if isinstance(tau_syn, dict) else (None,)
    for number, receptor in enumerate(receptors):
        weight = rng.normal(0.4, 0.2, (12, 7))
        net.connect("in", "hidden", es.Dense(weight), name=f"first{number}", receptor=receptor,
                    delay=rng.uniform(0.0, 1.0, weight.shape) if delay == "each" else delay)
    net.connect("hidden", "out", es.Dense(rng.normal(1.0, 0.3, (7, 3))), name="second", delay=0.25)
    samples = np.repeat(np.arange(4), 20)
    stimulus = {"in": es.Spikes(rng.uniform(0.0, t_stop, 80), rng.integers(0, 12, 80), samples)}
    trace = es.simulate(net, stimulus, t_stop)
    loss = {"out": rng.normal(size=len(trace.spikes("out").time))}
    whole = training.spike_time_gradient(net, trace, loss)
    fewer = training.spike_time_gradient(net, trace, loss, inputs=False)
    assert len(trace.spikes("hidden").time) > 7 * 4 > 0 < len(trace.spikes("out").time)
    assert fewer.input_times == {} and list(fewer.delays) == ["second"]
    expected = everything_but_inputs(whole, ["second"])
    assert np.allclose(everything_but_inputs(fewer, ["second"]), expected, rtol=1e-12, atol=1e-14 * abs(expected).max())


def test_the_largest_potential_has_the_gradient_of_the_value_at_its_instant():
    case = random_case(np.random.default_rng(3), (20.0, 5.0), reading="end")
    trace = es.simulate(case.net, case.stimulus, case.t_stop)
    _, times = es.measure.peak_potential(trace, "readout")
    found = training.spike_time_gradient(case.net, trace, {"readout": training.ValueAt(times, [[1.0, 1.0]])})
    name = "first->readout"
    weight = case.net.projections[name].weight
    compared = 0
    for index in range(weight.size):
        ends = []
        for step in (-1e-5, 1e-5):
            moved = weight.ravel().copy()
            moved[index] += step
            case.net.projections[name].set_weight(moved.reshape(weight.shape))
            moved_trace = es.simulate(case.net, case.stimulus, case.t_stop)
            ends.append(es.measure.peak_potential(moved_trace, "readout")[0].sum())
        case.net.projections[name].set_weight(weight)
        difference = (ends[1] - ends[0]) / 2e-5
        assert found.weights[name].ravel()[index] == pytest.approx(difference, rel=1e-5, abs=1e-8)
        compared += difference != 0.0
    assert compared > 0


def test_time_constants_have_no_gradient_unless_asked_for():
    _, found = gradient_of(oscillator())
    assert found.tau_mem == {} == found.tau_syn


def readout_net():
    """Return a silent readout of one neuron behind one input."""
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 1, es.LIF(10.0, 5.0, v_threshold=es.NEVER))
    net.connect("in", "out", es.Dense(1.0))
    return net


def test_losses_on_one_readout_add_up():
    net = readout_net()
    trace = es.simulate(net, STIMULUS, 20.0)

    def weight(loss):
        return training.spike_time_gradient(net, trace, {"out": loss}).weights["in->out"][0, 0]

    parts = [training.ValueAt([[4.0]], [[2.0]]), training.Integral([[0.5]], 8.0), training.ValueAt([[20.0]], [[1.0]])]
    assert weight(parts) == pytest.approx(sum(weight(part) for part in parts), rel=1e-14)
    assert weight(parts[2]) == weight([[1.0]])


@pytest.mark.parametrize("loss, said", [
    (lambda: training.ValueAt([[1.0, 2.0]], [[1.0]]), "give the same shape"),
    (lambda: training.ValueAt([[-1.0]], [[1.0]]), "allowed: times >= 0"),
    (lambda: training.ValueAt([[np.nan]], [[1.0]]), "allowed: times >= 0"),
    (lambda: training.ValueAt([[21.0]], [[1.0]]), "after the end of a sample"),
    (lambda: training.ValueAt([[1.0, 2.0]], [[1.0, 1.0]]), r"has shape \(1, 2\); needed: \(1, 1\)"),
    (lambda: training.Integral([[np.inf]]), "allowed: finite numbers"),
    (lambda: training.Integral([[1.0]], 0.0), "tau is 0.0"),
    (lambda: [training.Integral([[1.0]], 1.0), training.Integral([[1.0]], 2.0)], "different tau"),
])
def test_wrong_losses_on_a_readout_are_refused_with_one_line(loss, said):
    net = readout_net()
    trace = es.simulate(net, STIMULUS, 20.0)
    with pytest.raises(InputError, match=said) as refusal:
        training.spike_time_gradient(net, trace, {"out": loss()})
    assert "\n" not in str(refusal.value)
