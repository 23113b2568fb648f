"""`training.spike_time_gradient`: against central differences, exact identities, and what it refuses."""

import math

import differences
import hypothesis.strategies as st
import numpy as np
import pytest
from gradient_cases import LAYOUTS, REGIMES, random_case, response
from hypothesis import assume, given, settings

import eventsim as es
import training
from eventsim.errors import InputError

ONCE = {"t_refractory": es.NEVER}
RAMP = es.LIF(math.inf, math.inf, **ONCE)


def small_net(neuron=RAMP, weight=((1.0, 0.0), (1.0, 0.0)), delay=0.0, receptor=None):
    """Return two inputs and two neurons."""
    net = es.Network(seed=0)
    net.input("in", 2)
    net.population("out", 2, neuron)
    net.connect("in", "out", es.Dense(weight), delay=delay, receptor=receptor)
    return net


def gradient_of(net, stimulus, t_stop=50.0, loss=None, **options):
    """Return (trace, gradients); the loss is the sum of all spike times unless given by population."""
    trace = es.simulate(net, stimulus, t_stop, seed=0)
    if loss is None:
        loss = {name: np.ones(len(trace.spikes(name).time)) for name, p in net.populations.items()
                if p.kind == "neurons" and not p.is_readout}
    return trace, training.spike_time_gradient(net, trace, loss, **options)


def everything(gradients):
    """Return all numbers of some gradients as bytes, by kind and name."""
    return {(kind, name): np.asarray(values).tobytes() for kind in ("weights", "delays", "thresholds", "input_times")
            for name, values in getattr(gradients, kind).items()}


def assert_like_differences(case, limit, seed=0):
    """Compare gradients of all kinds with central differences; return how many were not zero, None if grazing."""
    trace, gradients = differences.over_trace(case)
    if differences.grazes(case, trace):
        return None
    not_zero = 0
    for kind in gradients:
        found = differences.compare(case, trace, gradients, kind, np.random.default_rng(seed), limit)
        assert found.ratio.max(initial=0.0) <= differences.TOLERANCE, kind
        not_zero += found.not_zero
    return not_zero


def test_the_ramp_has_the_gradient_worked_out_by_hand():
    # V = t - 1 reaches 1 at T = 2; the arrival at 2 is no cause of it, so V' = 1 and T = t_0 + threshold / w_0.
    spikes = es.Spikes([1.0, 2.0], [0, 1])
    trace, found = gradient_of(small_net(), {"in": spikes})
    assert trace.spikes("out").time.tolist() == [2.0]
    assert found.weights["in->out"].tolist() == [[-1.0, 0.0], [0.0, 0.0]]
    assert found.input_times["in"].tolist() == [1.0, 0.0]
    assert found.delays["in->out"].shape == () and found.delays["in->out"] == 1.0
    assert found.thresholds["out"].tolist() == [1.0, 0.0]


def test_a_readout_has_the_gradient_of_its_potential():
    net = small_net(RAMP.replace(v_threshold=es.NEVER), [[2.0, 0.5], [-1.0, 0.25]])
    _, found = gradient_of(net, {"in": es.Spikes([1.0, 4.0], [0, 1])}, 10.0, {"out": [[1.0, 10.0]]})
    assert np.allclose(found.weights["in->out"], [[9.0, 90.0], [6.0, 60.0]], rtol=1e-14)
    assert np.allclose(found.input_times["in"], [-7.0, -1.5], rtol=1e-14)
    assert found.thresholds == {}


CASES = (
    ((20.0, 5.0), {}),
    ((20.0, 5.0), {"layout": "pooled", "span": 150.0}),
    ((10.0, 5.0), {"layout": "convolved", "per_synapse": True}),
    ((10.0, 10.0), {"layout": "skip", "busy": True}),
    ((10.0, 10.001), {"per_synapse": True, "offset": True, "span": 300.0}),
    ((3.0, 10.0), {"layout": "skip", "readout": True, "offset": True}),
    ((1000.0, 1.0), {"layout": "convolved", "busy": True, "readout": True}),
    ((math.inf, 5.0), {"layout": "skip", "offset": True, "hidden_taus": (10.0, 5.0)}),
    ((math.inf, 5.0), {"layout": "pooled", "readout": True, "busy": True, "span": 150.0}),
    ((math.inf, math.inf), {"layout": "convolved", "busy": True}),
    ((math.inf, math.inf), {"layout": "lateral", "offset": True, "per_synapse": True}),
    ((10.0, math.inf), {"layout": "pooled", "per_synapse": True, "busy": True, "span": 300.0}),
)


@pytest.mark.compiled
@pytest.mark.parametrize("taus, options", CASES)
def test_gradients_equal_central_differences(taus, options):
    case = random_case(np.random.default_rng(5), taus, **options)
    assert assert_like_differences(case, limit=16) >= 8


@pytest.mark.compiled
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), taus=st.sampled_from(REGIMES),
       hidden_taus=st.sampled_from((None, *REGIMES)), layout=st.sampled_from(LAYOUTS),
       readout=st.booleans(), offset=st.booleans(), per_synapse=st.booleans(), busy=st.booleans(),
       span=st.sampled_from((5.0, 40.0, 300.0)))
def test_gradients_of_any_feed_forward_network_equal_central_differences(seed, **options):
    case = random_case(np.random.default_rng(seed), **options)
    assume(assert_like_differences(case, limit=3, seed=seed) is not None)


def test_a_small_network_equals_central_differences():
    case = random_case(np.random.default_rng(3), (20.0, 5.0))
    assert assert_like_differences(case, limit=1, seed=1) > 0


def test_the_copies_that_are_differenced_are_the_network_itself():
    case = random_case(np.random.default_rng(8), (20.0, 5.0), layout="convolved", per_synapse=True, busy=True)
    trace, _ = differences.over_trace(case)
    seen, order = differences.observe(case, {"thresholds": {"hidden": np.array([[0.0], [0.0], [1e-3]])}})
    for name, spikes in seen.items():
        times = spikes[:, :, 0]
        assert np.array_equal(times[:2], np.repeat(trace.first_spikes(name), 2, axis=0))
        assert not np.array_equal(times[2:], trace.first_spikes(name))
    assert np.array_equal(order[0], order[1])


def shifted_case(taus, layout, **options):
    """Return a network at rest without drive."""
    case = random_case(np.random.default_rng(11), taus, layout=layout, **options)
    at_rest = es.Network(seed=0)
    for population in case.net.populations.values():
        if population.kind == "input":
            at_rest.input(population.name, population.shape)
        else:
            at_rest.population(population.name, population.shape, population.neuron.replace(
                v_rest=0.0, v_init=0.0, i_offset=0.0))
    for projection in case.net.projections.values():
        s = projection.synapses()
        at_rest.connect(projection.source.name, projection.target.name, name=projection.name,
                        connection=es.Sparse(s.source, s.target, s.weight), delay=s.delay)
    return at_rest, case.stimulus, case.t_stop


@pytest.mark.parametrize("layout", ["dense", "lateral"])
@pytest.mark.parametrize("taus", REGIMES)
def test_a_shift_of_all_inputs_shifts_the_spikes_of_a_network_at_rest(taus, layout):
    net, stimulus, t_stop = shifted_case(taus, layout, busy=True)
    trace, _ = gradient_of(net, stimulus, t_stop)
    spikes = trace.spikes("output")
    assert len(spikes.time)
    for k in range(len(spikes.time)):
        one = np.arange(len(spikes.time)) == k
        _, found = gradient_of(net, stimulus, t_stop, {"output": 1.0 * one})
        by_time = found.input_times["in"]
        assert abs(by_time.sum() - 1.0) <= 1e-11 * np.abs(by_time).max()


@pytest.mark.parametrize("taus", REGIMES)
def test_spikes_depend_on_the_ratio_of_weights_and_thresholds_only(taus):
    net, stimulus, t_stop = shifted_case(taus, "skip")
    trace, found = gradient_of(net, stimulus, t_stop)
    assert len(trace.spikes("output").time)
    for name in ("hidden", "output"):
        terms = [projection.weight * found.weights[projection.name] for projection in net.projections.values()
                 if projection.target.name == name]
        terms.append(net[name].neuron.v_threshold * found.thresholds[name])
        size = max(np.abs(term).max() for term in terms)
        assert size > 0.0
        assert abs(sum(float(term.sum()) for term in terms)) <= 1e-11 * size


@pytest.mark.parametrize("taus", REGIMES)
def test_a_delay_has_the_gradient_of_the_times_it_shifts(taus):
    size = 4.0 / response(*taus, 20.0)
    net = small_net(es.LIF(*taus, **ONCE), [[0.25 * size, 0.1 * size], [0.5 * size, -0.1 * size + size]], delay=0.0)
    trace, found = gradient_of(net, {"in": es.Spikes([0.0, 0.25, 40.0], [0, 1, 1])}, 90.0)
    assert len(trace.spikes("out").time) == 2
    assert found.delays["in->out"] == pytest.approx(found.input_times["in"].sum(), rel=1e-13)


def test_gradients_of_a_batch_are_the_sum_over_its_samples():
    net = small_net(es.LIF(20.0, 5.0, **ONCE), [[8.0, 4.0], [2.0, 6.0]])
    times = np.random.default_rng(0).uniform(0.0, 5.0, (37, 2))
    spikes = es.Spikes(times, [0, 1], np.arange(37)[:, None])
    trace, whole = gradient_of(net, {"in": spikes})
    assert len(trace.spikes("out").time) > 37
    parts = [gradient_of(net, {"in": spikes.select([sample])})[1] for sample in range(37)]
    for kind, name in (("weights", "in->out"), ("delays", "in->out"), ("thresholds", "out"), ("input_times", "in")):
        summed = sum(getattr(part, kind)[name] for part in parts)
        assert np.allclose(getattr(whole, kind)[name], summed, rtol=1e-12, atol=0.0), kind


def test_gradients_are_the_same_bits_for_any_number_of_threads():
    case = random_case(np.random.default_rng(4), (20.0, 5.0), layout="skip", per_synapse=True)
    times = np.random.default_rng(1).uniform(0.0, 10.0, (35, 5))
    stimulus = {"in": es.Spikes(times, np.arange(5), np.arange(35)[:, None])}
    trace = es.simulate(case.net, stimulus, 60.0)
    loss = differences.loss_gradient_of(case, trace)
    results = [everything(training.spike_time_gradient(case.net, trace, loss, threads=t)) for t in (1, 2, 3)]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("path", ["reference", "heap", "layers", "loaded"])
def test_gradients_are_the_same_bits_from_the_trace_of_any_engine_or_file(path, tmp_path):
    case = random_case(np.random.default_rng(6), (10.0, 5.0), layout="pooled", busy=True)
    trace = es.simulate(case.net, case.stimulus, case.t_stop, engine="heap" if path == "loaded" else path)
    net = case.net
    if path == "loaded":
        trace.save(tmp_path / "run.h5")
        trace = es.Trace.load(tmp_path / "run.h5")
        net = trace.network
    usual = es.simulate(case.net, case.stimulus, case.t_stop)
    loss = differences.loss_gradient_of(case, usual)
    found = training.spike_time_gradient(net, trace, loss)
    expected = training.spike_time_gradient(case.net, usual, loss)
    assert everything(found) == everything(expected)


def test_input_times_have_the_order_in_which_they_were_given():
    net = small_net(weight=[[1.0, 0.25], [0.5, 0.5]])
    one = es.Spikes([3.0, 1.0, 2.0, 1.5], [1, 0, 1, 0])
    other = es.Spikes([1.0, np.inf, 1.5, 2.0, 3.0], [0, 1, 0, 1, 1])
    expected = gradient_of(net, {"in": one})[1].input_times["in"]
    found = gradient_of(net, {"in": other})[1].input_times["in"]
    assert expected.shape == (4,) and np.count_nonzero(expected) > 2
    assert found.tolist() == [expected[1], 0.0, expected[3], expected[2], expected[0]]


def test_a_sample_that_was_selected_twice_counts_twice():
    net = small_net()
    spikes = es.Spikes([[1.0, 1.25], [1.0, 1.5]], [0, 1], [[0], [1]])
    chosen = spikes.select([1, 1])
    once = gradient_of(net, {"in": spikes.select([1])})[1]
    twice = gradient_of(net, {"in": chosen})[1]
    assert np.array_equal(twice.input_times["in"], 2.0 * once.input_times["in"])
    assert np.array_equal(twice.weights["in->out"], 2.0 * once.weights["in->out"])


def test_input_spikes_at_or_after_the_end_have_no_gradient():
    net = small_net(es.LIF(20.0, 5.0, v_threshold=es.NEVER), 1.0)
    _, found = gradient_of(net, {"in": es.Spikes([1.0, 10.0, 30.0], [0, 1, 1])}, 10.0, {"out": [[1.0, 1.0]]})
    assert found.input_times["in"][0] != 0.0 and found.input_times["in"][1:].tolist() == [0.0, 0.0]


def test_recorded_poisson_spikes_have_the_gradient_of_a_stimulus():
    def build(noisy):
        net = es.Network(seed=0)
        source = net.poisson("noise", 3, rate=200.0) if noisy else net.input("noise", 3)
        net.population("out", 2, es.LIF(20.0, 5.0, **ONCE))
        net.connect(source, "out", es.Dense([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), delay=0.5)
        return net

    noisy, plain = build(True), build(False)
    unrecorded = es.simulate(noisy, t_stop=50.0, seed=3)
    with pytest.raises(InputError, match=r'"noise" was not recorded.*record='):
        training.spike_time_gradient(noisy, unrecorded, {})
    trace = es.simulate(noisy, t_stop=50.0, seed=3, record=["noise", "out"])
    noise = trace.spikes("noise")
    assert len(trace.spikes("out").time) == 2
    found = training.spike_time_gradient(noisy, trace, {"out": [1.0, 1.0]})
    _, expected = gradient_of(plain, {"noise": es.Spikes(noise.time, noise.neuron)})
    assert np.array_equal(found.weights["noise->out"], expected.weights["noise->out"])
    assert found.input_times == {}


def test_a_run_that_stopped_at_its_decision_gives_the_gradient_of_the_decision():
    case = random_case(np.random.default_rng(12), (20.0, 5.0), layout="skip")
    whole = es.simulate(case.net, case.stimulus, case.t_stop, engine="heap")
    first = np.argsort(whole.spikes("output").time)[0]
    stopped = es.simulate(case.net, case.stimulus, case.t_stop, stop="decision", output="output")
    assert len(stopped.spikes("output").time) == 1 < len(whole.spikes("output").time)
    found = training.spike_time_gradient(case.net, stopped, {"output": [1.0]})
    expected = training.spike_time_gradient(
        case.net, whole, {"output": 1.0 * (np.arange(len(whole.spikes("output").time)) == first)})
    assert everything(found) == everything(expected)


def test_silent_neurons_have_zero_gradients():
    net = small_net(weight=[[1.0, 0.01], [1.0, 0.01]])
    trace, found = gradient_of(net, {"in": es.Spikes([1.0, 1.0], [0, 1])}, 5.0)
    assert trace.spikes("out").neuron.tolist() == [0]
    assert found.weights["in->out"][:, 1].tolist() == [0.0, 0.0] and found.thresholds["out"][1] == 0.0
    assert np.all(found.weights["in->out"][:, 0] < 0.0)


def test_a_silent_network_has_zero_gradients():
    net = small_net()
    _, found = gradient_of(net, {}, loss={})
    values = [np.asarray(v) for part in found[:3] for v in part.values()]
    assert len(values) == 3 and not any(v.any() for v in values)


@pytest.mark.parametrize("v_init", [1.0, 2.0])
@pytest.mark.parametrize("taus", REGIMES)
def test_a_neuron_that_starts_at_or_above_its_threshold_has_no_gradient(taus, v_init):
    net = small_net(es.LIF(*taus, v_init=v_init, **ONCE), 3.0)
    trace, found = gradient_of(net, {"in": es.Spikes([0.0, 1.0], [0, 1])}, loss={"out": [1.0, 1.0]})
    assert trace.spikes("out").time.tolist() == [0.0, 0.0]
    for part in found:
        assert not any(np.asarray(v).any() for v in part.values())


def test_a_batch_without_samples_has_zero_gradients():
    net = small_net()
    _, found = gradient_of(net, {"in": es.Spikes.empty(0)}, loss={"out": []})
    assert not found.weights["in->out"].any() and found.input_times["in"].shape == (0,)


def test_populations_may_be_named_by_their_handles():
    net = small_net()
    stimulus = {"in": es.Spikes([1.0, 1.0], [0, 1])}
    by_handle = gradient_of(net, stimulus, loss={net["out"]: [1.0]})[1]
    assert everything(by_handle) == everything(gradient_of(net, stimulus, loss={"out": [1.0]})[1])


def test_single_precision_gives_almost_the_same_gradient():
    case = random_case(np.random.default_rng(9), (20.0, 5.0), layout="dense")
    double = es.simulate(case.net, case.stimulus, case.t_stop)
    single = es.simulate(case.net, case.stimulus, case.t_stop, engine="layers", precision="single")
    loss = differences.loss_gradient_of(case, double)
    expected, found = (training.spike_time_gradient(case.net, t, loss).weights["in->hidden"] for t in (double, single))
    assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()


STIMULUS = {"in": es.Spikes([1.0, 1.0], [0, 1])}


@pytest.mark.parametrize("loss, said", [
    ({"hiden": [1.0]}, 'population "hiden" is not known; allowed: in, out'),
    ({"in": [1.0, 1.0]}, 'given for "in", an input'),
    ({"out": [1.0, 1.0]}, r"has shape \(2,\); needed: \(1,\), one value a recorded spike"),
    ({"out": [[1.0]]}, r"has shape \(1, 1\); needed: \(1,\)"),
    ({"out": [np.nan]}, "holds NaN or infinite values"),
    ({"out": [np.inf]}, "holds NaN or infinite values"),
    ({"out": ["x"]}, 'loss gradient of "out" must be numbers'),
    ({"out": [[1.0], [1.0, 2.0]]}, "rows of different lengths"),
    (np.ones(1), "the loss gradient is a ndarray; give a dict by population name"),
])
def test_a_wrong_loss_gradient_is_refused_with_one_line(loss, said):
    with pytest.raises(InputError, match=said) as refusal:
        gradient_of(small_net(), STIMULUS, loss=loss)
    assert "\n" not in str(refusal.value)


def test_a_readout_needs_one_loss_gradient_a_sample_and_neuron():
    net = small_net(RAMP.replace(v_threshold=es.NEVER))
    with pytest.raises(InputError, match=r"has shape \(2,\); needed: \(1, 2\), \(samples, neurons\) of the readout"):
        gradient_of(net, STIMULUS, loss={"out": [1.0, 1.0]})


@pytest.mark.parametrize("neuron, said", [
    (es.LIF(20.0, 0.0, **ONCE), r'"out" has delta synapses.*piecewise constant.*use tau_syn > 0'),
    (es.LIF(20.0, {"fast": 5.0, "jump": 0.0}, **ONCE), r'"out" has delta synapses'),
])
def test_neurons_without_a_gradient_are_refused_with_the_reason(neuron, said):
    with pytest.raises(InputError, match=said) as refusal:
        gradient_of(small_net(neuron, 3.0, receptor="fast" if neuron.receptors else None), STIMULUS, loss={})
    assert "\n" not in str(refusal.value)


def test_a_slope_floor_bounds_the_gradient_of_slow_crossings():
    net = small_net(weight=[[0.001, 1.0], [0.0, 0.0]])  # V' of 0.001 and 1
    stimulus = {"in": es.Spikes([0.0], [0])}
    exact, floored = (
        gradient_of(net, stimulus, 5000.0, slope_floor=floor)[1].thresholds["out"] for floor in (0.0, 0.1))
    assert np.allclose(exact, [1000.0, 1.0], rtol=1e-12)
    assert np.allclose(floored, [10.0, 1.0], rtol=1e-12)


@pytest.mark.parametrize("floor", [-1.0, np.nan, np.inf])
def test_a_slope_floor_that_is_no_slope_is_refused(floor):
    with pytest.raises(InputError, match="slope_floor is"):
        gradient_of(small_net(), STIMULUS, slope_floor=floor)


def test_a_network_that_was_changed_after_the_run_is_refused():
    net = small_net()
    trace = es.simulate(net, STIMULUS, 10.0)
    net.projections["in->out"].set_weight(2.0)
    for other in (net, small_net()):
        with pytest.raises(InputError, match="simulate it again"):
            training.spike_time_gradient(other, trace, {})


def test_a_trace_without_its_hidden_spikes_is_refused():
    case = random_case(np.random.default_rng(0), (20.0, 5.0))
    trace = es.simulate(case.net, case.stimulus, case.t_stop, record=["output"])
    with pytest.raises(InputError, match='"hidden" was not recorded'):
        training.spike_time_gradient(case.net, trace, {})


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_a_number_of_threads_below_one_is_refused(threads):
    with pytest.raises(InputError, match="threads is"):
        gradient_of(small_net(), STIMULUS, threads=threads)
