"""`training.layered`: the same gradients as over a trace, for whole batches, and what it refuses."""

import math

import differences
import hypothesis.strategies as st
import networks
import numpy as np
import pytest
from gradient_cases import REGIMES, random_case
from hypothesis import HealthCheck, given, settings

import eventsim as es
import training
from eventsim.engines import layers
from eventsim.errors import InputError
from training import layered

KINDS = ("weights", "delays", "thresholds", "input_times")
RAMP = es.LIF(math.inf, math.inf, t_refractory=es.NEVER)
CURRENTS = tuple(taus for taus in networks.TAUS if taus[1] > 0.0)


def small_net(neuron=RAMP, weight=((1.0, 0.0), (1.0, 0.0)), delay=0.0):
    """Return two inputs and two neurons."""
    net = es.Network(seed=0)
    net.input("in", 2)
    net.population("out", 2, neuron)
    net.connect("in", "out", es.Dense(weight), delay=delay)
    return net


def batch_of(case, n_samples, seed=0, repeats=2):
    """Return a stimulus of many samples for a case of one."""
    rng = np.random.default_rng(seed)
    size = case.net["in"].size
    shape = (n_samples, repeats * size)
    times = rng.uniform(0.0, 12.0, shape)
    times[rng.random(shape) < 0.2] = np.inf
    return {"in": es.Spikes(times, np.tile(np.arange(size), repeats), np.arange(n_samples)[:, None],
                            rng.uniform(0.5, 1.0, shape), n_samples=n_samples)}


def run(net, stimulus, t_stop, **options):
    plan = layers.plan(net)
    return plan, layers.forward(plan, stimulus, t_stop, keep_events=True, **options)


def random_loss(plan, activations, seed=0):
    """Return a loss gradient for every population, NaN where neurons were silent."""
    rng = np.random.default_rng(seed)
    loss = {}
    for layer in plan.layers:
        time = activations.time[layer.name]
        loss[layer.name] = rng.uniform(-1.0, 1.0, time.shape)
        if layer.fires:
            loss[layer.name][np.isinf(time)] = np.nan
    return loss


def over_the_trace(net, stimulus, t_stop, loss):
    """Return the gradients of `training.spike_time_gradient` for the loss of a batch."""
    trace = es.simulate(net, stimulus, t_stop, engine="heap")
    by_spike = {}
    for name, values in loss.items():
        spikes = trace.spikes(name)
        by_spike[name] = values if net[name].is_readout else values[spikes.sample, spikes.neuron]
    return training.spike_time_gradient(net, trace, by_spike)


def assert_equal_gradients(found, expected, tolerance, rounding=0.0):
    """Assert agreement to `tolerance` of the largest gradient of an array, and `rounding` besides."""
    for kind in KINDS:
        mine, theirs = getattr(found, kind), getattr(expected, kind)
        assert mine.keys() == theirs.keys()
        for name in theirs:
            assert np.shape(mine[name]) == np.shape(theirs[name])
            assert np.abs(mine[name] - theirs[name]).max(initial=0.0) <= rounding + tolerance * np.abs(
                theirs[name]).max(initial=0.0), (kind, name)


def everything(gradients):
    """Return all numbers of some gradients as bytes, by kind and name."""
    return {(kind, name): np.asarray(values).tobytes() for kind in (*KINDS, "offsets")
            for name, values in getattr(gradients, kind).items()}


CASES = [
    ((20.0, 5.0), {"layout": "convolved"}),
    ((10.0, 5.0), {"layout": "pooled", "offset": True}),
    ((10.0, 10.0), {"layout": "skip", "readout": True}),
    ((10.0, 10.001), {"layout": "convolved", "readout": True, "span": 150.0}),
    ((3.0, 10.0), {"layout": "dense", "span": 300.0}),
    ((1000.0, 1.0), {"layout": "pooled", "readout": True, "span": 150.0}),
    ((math.inf, 5.0), {"layout": "convolved", "offset": True, "hidden_taus": (10.0, 10.0)}),
    ((math.inf, math.inf), {"layout": "pooled", "offset": True, "span": 300.0}),
    ((10.0, math.inf), {"layout": "skip", "hidden_taus": (math.inf, 5.0)}),
]


@pytest.mark.parametrize("taus, options", CASES)
def test_a_batch_has_the_gradients_of_its_trace(taus, options):
    case = random_case(np.random.default_rng(7), taus, **options)
    stimulus = {"in": case.stimulus["in"]} if options.get("span") else batch_of(case, networks.examples(36))
    plan, activations = run(case.net, stimulus, case.t_stop)
    loss = random_loss(plan, activations)
    found = layered.backward(plan, activations, loss, input_times=True)
    assert all(np.any(found.weights[name]) for name in case.net.projections)
    assert_equal_gradients(found, over_the_trace(case.net, stimulus, case.t_stop, loss), 1e-12)


@settings(max_examples=networks.examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(case=networks.layered_cases(taus=CURRENTS), seed=st.integers(0, 2**32 - 1))
def test_any_batch_has_the_gradients_of_its_trace(case, seed):
    net = case.build()
    plan, activations = run(net, case.stimulus, case.t_stop)
    loss = random_loss(plan, activations, seed)
    for name, slope in activations.slope.items():
        # Rounding of V' at a touch of the threshold is no number to divide by.
        loss[name][slope < 1e-6] = 0.0
    found = layered.backward(plan, activations, loss, input_times=True)
    # A spike right after its arrival has a gradient of the size of T - s, two times that are rounded.
    pull = sum(np.nansum(np.abs(loss[name] / np.maximum(slope, 1e-6))) for name, slope in activations.slope.items())
    # Sums of both signs cancel by a digit in some cases.
    assert_equal_gradients(
        found, over_the_trace(net, case.stimulus, case.t_stop, loss), 1e-11, 1e-15 * case.t_stop * pull)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_gradients_are_the_same_bits_for_any_number_of_threads(precision):
    case = random_case(np.random.default_rng(1), (20.0, 5.0), layout="convolved")
    plan, activations = run(case.net, batch_of(case, 50), case.t_stop, precision=precision)
    loss = random_loss(plan, activations)
    results = [everything(layered.backward(plan, activations, loss, input_times=True, threads=threads))
               for threads in (1, 2, 3)]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("taus", REGIMES)
def test_single_precision_gives_almost_the_same_gradient(taus):
    case = random_case(np.random.default_rng(3), taus, layout="skip")
    found = {}
    for precision in ("double", "single"):
        plan, activations = run(case.net, batch_of(case, 20), case.t_stop, precision=precision)
        loss = {"output": np.ones((20, 3))}
        found[precision] = layered.backward(plan, activations, loss)
    assert found["single"].weights["in->hidden"].dtype == np.float64
    for name, exact in found["double"].weights.items():
        assert np.abs(found["single"].weights[name] - exact).max() <= 1e-3 * np.abs(exact).max() > 0.0


@pytest.mark.compiled
@pytest.mark.parametrize("layout", ["convolved", "skip"])
@pytest.mark.parametrize("readout", [False, True])
@pytest.mark.parametrize("taus", REGIMES)
def test_the_offset_has_the_gradient_of_central_differences(taus, layout, readout):
    case = random_case(np.random.default_rng(9), taus, layout=layout, readout=readout, offset=True)
    trace, _ = differences.over_trace(case)
    found = differences.compare(case, trace, differences.in_layers(case), "offsets", np.random.default_rng(0), 6)
    assert found.not_zero > 0 and found.ratio.max() <= differences.TOLERANCE


def test_weights_thresholds_and_offsets_may_come_from_outside_the_network():
    case = random_case(np.random.default_rng(2), (20.0, 5.0), layout="skip")
    rng = np.random.default_rng(0)
    stimulus = batch_of(case, 20)
    weights = {name: p.weight * rng.uniform(0.8, 1.2, p.weight.shape) for name, p in case.net.projections.items()}
    thresholds = {"hidden": rng.uniform(0.6, 0.9, 6)}
    offsets = {"output": rng.uniform(0.0, 0.3, 3)}
    plan, activations = run(case.net, stimulus, 50.0, weights=weights, thresholds=thresholds, offsets=offsets)
    loss = random_loss(plan, activations)
    found = layered.backward(plan, activations, loss, input_times=True)
    other = es.Network(seed=0)
    other.input("in", 5)
    hidden, output = case.net["hidden"].neuron, case.net["output"].neuron
    other.population("hidden", 6, hidden.replace(v_threshold=thresholds["hidden"]))
    other.population("output", 3, output.replace(i_offset=offsets["output"]))
    for name, p in case.net.projections.items():
        other.connect(p.source.name, p.target.name, es.Dense(weights[name]), delay=float(p.delay))
    assert_equal_gradients(found, over_the_trace(other, stimulus, 50.0, loss), 1e-12)


def test_later_changes_of_the_network_do_not_reach_a_finished_forward_run():
    net = small_net()
    plan, activations = run(net, {"in": es.Spikes([1.0, 1.5], [0, 1])}, 10.0)
    before = everything(layered.backward(plan, activations, {"out": np.ones((1, 2))}))
    net.projections["in->out"].set_weight(5.0)
    assert everything(layered.backward(plan, activations, {"out": np.ones((1, 2))})) == before


def test_a_loss_on_an_early_layer_leaves_later_layers_without_gradient():
    case = random_case(np.random.default_rng(5), (20.0, 5.0), layout="convolved")
    stimulus = batch_of(case, 3)
    plan, activations = run(case.net, stimulus, case.t_stop)
    loss = {"hidden": random_loss(plan, activations)["hidden"]}
    found = layered.backward(plan, activations, loss, input_times=True)
    assert np.any(found.weights["in->hidden"]) and not np.any(found.weights["hidden->deeper"])
    assert_equal_gradients(found, over_the_trace(case.net, stimulus, case.t_stop, loss), 1e-12)


def test_input_times_have_the_order_in_which_they_were_given():
    net = small_net(weight=[[1.0, 0.25], [0.5, 0.5]])
    spikes = es.Spikes([1.0, np.inf, 1.5, 2.0, 3.0], [0, 1, 0, 1, 1])
    plan, activations = run(net, {"in": spikes}, 50.0)
    loss = {"out": np.ones((1, 2))}
    found = layered.backward(plan, activations, loss, input_times=True).input_times["in"]
    assert found.shape == (5,) and np.count_nonzero(found) > 2 and found[1] == 0.0
    expected = over_the_trace(net, {"in": spikes}, 50.0, loss).input_times["in"]
    assert np.allclose(found, expected, rtol=1e-14, atol=0.0)


def test_input_times_and_delays_of_inputs_come_only_where_asked_for():
    case = random_case(np.random.default_rng(5), (20.0, 5.0), layout="skip")
    plan, activations = run(case.net, batch_of(case, 3), case.t_stop)
    loss = {"output": np.ones((3, 3))}
    full = layered.backward(plan, activations, loss, input_times=True)
    less = layered.backward(plan, activations, loss, delays=False)
    assert set(full.delays) == set(case.net.projections) and set(full.input_times) == {"in"}
    assert set(less.delays) == {"hidden->output"} and less.input_times == {}
    for name, weights in full.weights.items():
        assert np.array_equal(weights, less.weights[name])


def test_silent_neurons_have_zero_gradients():
    net = small_net(weight=[[1.0, 0.01], [1.0, 0.01]])
    plan, activations = run(net, {"in": es.Spikes([1.0, 1.0], [0, 1])}, 5.0)
    assert np.isfinite(activations.time["out"]).tolist() == [[True, False]]
    for silent in (1.0, np.nan, np.inf):
        found = layered.backward(plan, activations, {"out": [[1.0, silent]]}, input_times=True)
        assert np.all(found.weights["in->out"][:, 0] < 0.0) and found.weights["in->out"][:, 1].tolist() == [0.0, 0.0]
        assert found.thresholds["out"][1] == 0.0 and found.offsets["out"][1] == 0.0
        assert np.isfinite(found.input_times["in"]).all()


@pytest.mark.parametrize("v_init", [1.0, 2.0])
@pytest.mark.parametrize("taus", REGIMES)
def test_a_neuron_that_starts_at_or_above_its_threshold_has_no_gradient(taus, v_init):
    net = small_net(es.LIF(*taus, v_init=v_init, t_refractory=es.NEVER), 3.0)
    plan, activations = run(net, {"in": es.Spikes([0.0, 1.0], [0, 1])}, 50.0)
    assert activations.time["out"].tolist() == [[0.0, 0.0]]
    found = layered.backward(plan, activations, {"out": np.ones((1, 2))}, input_times=True)
    for kind in (*KINDS, "offsets"):
        assert not any(np.any(values) for values in getattr(found, kind).values())


@pytest.mark.parametrize("n_samples", [0, 3])
def test_a_batch_without_spikes_or_samples_has_zero_gradients(n_samples):
    plan, activations = run(small_net(), {"in": es.Spikes.empty(n_samples)}, 10.0)
    found = layered.backward(plan, activations, {"out": np.ones((n_samples, 2))}, input_times=True)
    assert found.weights["in->out"].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert found.delays == {"in->out": 0.0} and found.input_times["in"].shape == (0,)
    assert found.thresholds["out"].tolist() == found.offsets["out"].tolist() == [0.0, 0.0]


def test_an_input_without_a_stimulus_is_silent():
    plan, activations = run(small_net(RAMP.replace(i_offset=0.5)), {}, 10.0)
    found = layered.backward(plan, activations, {"out": np.ones((1, 2))}, input_times=True)
    assert not np.any(found.weights["in->out"]) and found.input_times == {}
    assert found.thresholds["out"].tolist() == [2.0, 2.0] and found.offsets["out"].tolist() == [-4.0, -4.0]


def test_populations_may_be_named_by_their_handles():
    net = small_net()
    plan, activations = run(net, {"in": es.Spikes([1.0, 1.0], [0, 1])}, 10.0)
    by_handle = layered.backward(plan, activations, {net["out"]: np.ones((1, 2))})
    assert everything(by_handle) == everything(layered.backward(plan, activations, {"out": np.ones((1, 2))}))


@pytest.mark.parametrize("loss, said", [
    ({"outt": np.ones((1, 2))}, 'population "outt" is not known; allowed: out, in. Did you mean "out"'),
    ({"in": np.ones((1, 2))}, 'given for "in", an input'),
    ({"out": np.ones(2)}, r"has shape \(2,\); needed: \(1, 2\), \(samples, neurons\)"),
    ({"out": [[np.nan, 1.0]]}, "holds NaN or infinite values where neurons fired"),
    ({"out": [["x", "y"]]}, 'loss gradient of "out" must be numbers'),
    ([np.ones((1, 2))], "the loss gradient is a list; give a dict by population name"),
])
def test_a_wrong_loss_gradient_is_refused_with_one_line(loss, said):
    plan, activations = run(small_net(), {"in": es.Spikes([1.0, 1.0], [0, 1])}, 10.0)
    with pytest.raises(InputError, match=said) as refusal:
        layered.backward(plan, activations, loss)
    assert "\n" not in str(refusal.value)


def test_delta_synapses_are_refused_where_the_loss_depends_on_them():
    net = small_net(es.LIF(20.0, 0.0, t_refractory=es.NEVER), 2.0)
    net.population("aside", 1, RAMP)
    net.connect("in", "aside", es.Dense([[1.0], [1.0]]))
    net.population("after", 1, RAMP)
    net.connect("out", "after", es.Dense([[1.0], [1.0]]))
    plan, activations = run(net, {"in": es.Spikes([1.0, 1.0], [0, 1])}, 10.0)
    for name in ("out", "after"):
        with pytest.raises(InputError, match=r'"out" has delta synapses.*use tau_syn > 0') as refusal:
            layered.backward(plan, activations, {name: np.ones(activations.time[name].shape)})
        assert "\n" not in str(refusal.value)
    assert np.all(layered.backward(plan, activations, {"aside": [[1.0]]}).weights["in->aside"] < 0.0)


def test_activations_without_arrivals_are_refused():
    plan = layers.plan(small_net())
    activations = layers.forward(plan, {"in": es.Spikes([1.0], [0])}, 10.0)
    with pytest.raises(InputError, match=r"run layers.forward\(\.\.\., keep_events=True\)"):
        layered.backward(plan, activations, {"out": np.ones((1, 2))})


def test_activations_of_another_plan_are_refused():
    net = small_net()
    _, activations = run(net, {"in": es.Spikes([1.0], [0])}, 10.0)
    with pytest.raises(InputError, match="belong to another plan"):
        layered.backward(layers.plan(net), activations, {"out": np.ones((1, 2))})


@pytest.mark.parametrize("net, said", [
    (small_net(es.LIF(20.0, 5.0)), 'neurons of "out" may fire more than once'),
    (small_net(delay=[[0.0, 1.0], [2.0, 3.0]]), "a delay for each synapse"),
])
def test_networks_beyond_the_layers_engine_are_refused_by_its_plan(net, said):
    with pytest.raises(InputError, match=said):
        layers.plan(net)


@pytest.mark.parametrize("times", [(0.0, 5e-324), (0.0, 1e-290), (0.0, 1e-9), (0.5, 0.5), (0.0, 0.9)])
def test_arrivals_close_together_or_far_before_the_spike_are_found(times):
    net = es.Network(seed=0)
    net.input("in", 2)
    net.population("out", 1, RAMP)
    net.connect("in", "out", es.Dense([[1e-3], [1e-3]]))
    stimulus = {"in": es.Spikes([list(times)], [[0, 1]], [[0]], n_samples=1)}
    plan, activations = run(net, stimulus, 1e3)
    found = layered.backward(plan, activations, {"out": np.ones((1, 1))}, input_times=True)
    time = activations.time["out"][0, 0]
    assert 499 < time < 502
    assert found.weights["in->out"].ravel() == pytest.approx((np.array(times) - time) / 2e-3, rel=1e-12)
    assert found.input_times["in"] == pytest.approx([0.5, 0.5])
