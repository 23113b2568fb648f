"""`training.torch.SpikeTimes`: spike times as tensors, with the bits of a simulation and exact gradients."""

import concurrent.futures
import copy
import math
import pickle
import subprocess
import sys

import gradient_cases
import hypothesis.strategies as st
import networks
import numpy as np
import pytest
import recurrent_cases
from hypothesis import HealthCheck, given, settings
from refusals import refusal

import eventsim as es
import training
from eventsim.errors import InputError

torch = pytest.importorskip("torch", reason="needs the extra torch: pip install eventsim[torch]")

EVERY = ("weights", "delays", "thresholds", "offsets")
ONCE = es.LIF(20.0, 5.0, t_refractory=es.NEVER)
LATE = 1e6


def two_layers(neuron=ONCE, readout=False, delay=0.5, seed=1):
    """Return 4 inputs, 5 hidden neurons, 3 outputs."""
    net = es.Network(seed=seed)
    net.input("in", 4)
    net.population("hidden", 5, neuron)
    net.population("out", 3, neuron.replace(v_threshold=es.NEVER) if readout else neuron)
    net.connect("in", "hidden", es.Dense(es.Normal(2.5, 1.5)), delay=1.0)
    net.connect("hidden", "out", es.Dense(es.Normal(2.5, 1.0)), delay=delay)
    return net


def random_times(*shape, seed=0, silent=0.15):
    """Return input spike times, some of them inf."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0.1, 10.0, shape)
    times[rng.random(shape) < silent] = np.inf
    return torch.from_numpy(times)


def simulated(net, times, t_stop, name="out", source="in"):
    """Return what `eventsim.simulate` gives for times (samples, neurons) or (samples, neurons, spikes)."""
    times = times.detach().numpy()
    times = times.reshape(len(times), net[source].size, -1)
    spikes = es.Spikes(times, np.arange(times.shape[1])[:, None], np.arange(len(times))[:, None, None],
                       n_samples=len(times))
    trace = es.simulate(net, {source: spikes}, t_stop)
    return trace.potential(name) if net[name].is_readout else trace.first_spikes(name)


def assert_gradcheck(module, times, per_synapse=(), **settings):
    """Assert that torch's gradcheck passes for input times and the module's own parameters of every kind."""
    places = [(kind, name) for kind in EVERY for name in getattr(module, kind)]
    values = [getattr(module, kind)[name].detach().clone() for kind, name in places]
    for name in per_synapse:
        number = places.index(("delays", name))
        values[number] = values[number].expand(module.weights[name].shape).clone()

    def run(times, *tensors):
        given = {kind: {} for kind in EVERY}
        for (kind, name), tensor in zip(places, tensors, strict=True):
            given[kind][name] = tensor
        found = module(times, **given)
        return tuple(one.clamp(max=LATE) for one in (found.values() if isinstance(found, dict) else [found]))

    inputs = [values.requires_grad_() for values in (times.clone(), *values)]
    silent = [int((one == LATE).sum()) for one in run(*inputs)]
    assert sum(silent) < sum(one.numel() for one in run(*inputs))
    assert torch.autograd.gradcheck(run, inputs, eps=1e-6, atol=1e-5, rtol=1e-5, **settings)


@pytest.mark.compiled
@pytest.mark.parametrize("layout, taus, options", [
    ("dense", (20.0, 5.0), {"offset": True}),
    ("dense", (math.inf, math.inf), {}),
    ("skip", (10.0, 10.0), {"readout": True}),
    ("pooled", (10.0, 5.0), {}),
    ("convolved", (math.inf, 5.0), {"offset": True}),
    ("convolved", (20.0, 5.0), {"readout": True}),
])
def test_gradcheck_passes_on_feed_forward_networks(layout, taus, options):
    case = gradient_cases.random_case(np.random.default_rng(3), taus, layout=layout, **options)
    module = training.torch.SpikeTimes(case.net, case.t_stop, ["output"], learn=EVERY)
    assert "layers engine" in repr(module)
    assert_gradcheck(module, random_times(2, case.net["in"].size), fast_mode=layout != "dense")


@pytest.mark.compiled
@pytest.mark.parametrize("taus, refractory, per_synapse, reading", [
    ((20.0, 5.0), "some", False, None),
    ((20.0, 5.0), "none", True, "end"),
    ((math.inf, 5.0), "long", True, None),
    ((20.0, (2.0, 8.0)), "some", True, "end"),
])
def test_gradcheck_passes_on_recurrent_networks_with_delays(taus, refractory, per_synapse, reading):
    case = recurrent_cases.random_case(np.random.default_rng(1), taus, refractory, per_synapse, reading)
    outputs = ["first", "second", *(["readout"] if reading else [])]
    module = training.torch.SpikeTimes(case.net, case.t_stop, outputs, learn=EVERY)
    assert "over traces" in repr(module)
    assert_gradcheck(module, random_times(2, 4, 2), fast_mode=True)


@pytest.mark.compiled
def test_gradcheck_passes_where_a_shared_delay_is_replaced_by_one_a_synapse():
    module = training.torch.SpikeTimes(two_layers(), 40.0, learn=EVERY)
    assert_gradcheck(module, random_times(2, 4), per_synapse=["in->hidden"])


@settings(max_examples=networks.examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(case=networks.layered_cases(), seed=st.integers(0, 2**32 - 1), spikes=st.integers(1, 2))
def test_spike_times_are_the_bits_of_a_simulation(case, seed, spikes):
    net, rng = case.build(), np.random.default_rng(seed)
    inputs = [p for p in net.populations.values() if p.kind == "input"]
    outputs = [p.name for p in net.populations.values() if p.kind == "neurons"]
    shapes = {p.name: (case.n_samples, p.size, spikes) for p in inputs}
    times = {name: rng.choice([*networks.TIMES, np.inf], shape) for name, shape in shapes.items()}
    stimulus = {name: es.Spikes(values, np.arange(values.shape[1])[:, None],
                                np.arange(case.n_samples)[:, None, None], n_samples=case.n_samples)
                for name, values in times.items()}
    trace = es.simulate(net, stimulus, case.t_stop)
    tensors = {name: torch.from_numpy(values) for name, values in times.items()}
    for learn in (("weights",), ("weights", "thresholds", "offsets")):
        found = training.torch.SpikeTimes(net, case.t_stop, outputs, learn=learn)(tensors)
        for name in outputs:
            expected = trace.potential(name) if net[name].is_readout else trace.first_spikes(name)
            assert found[name].detach().numpy().tobytes() == expected.tobytes()


def test_gradients_are_those_of_the_trace_for_a_loss_on_first_spikes():
    case = recurrent_cases.random_case(np.random.default_rng(4), (20.0, 5.0), "some", True)
    times, weight = random_times(3, 4, 3).requires_grad_(), torch.tensor([1.0, -2.0, 0.5, 3.0])
    module = training.torch.SpikeTimes(case.net, case.t_stop, "first", learn=("weights", "delays"))
    (module(times).clamp(max=40.0) * weight).sum().backward()
    values = times.detach().numpy()
    stimulus = {"in": es.Spikes(values, np.arange(4)[:, None], np.arange(3)[:, None, None])}
    trace = es.simulate(case.net, stimulus, case.t_stop)
    loss, seen = [], set()
    for sample, neuron in zip(trace.spikes("first").sample, trace.spikes("first").neuron, strict=True):
        loss.append(0.0 if (sample, neuron) in seen else float(weight[neuron]))
        seen.add((sample, neuron))
    assert len(loss) > len(seen)  # neurons fire again
    expected = training.spike_time_gradient(case.net, trace, {"first": loss})
    assert np.array_equal(times.grad.numpy().ravel(), expected.input_times["in"])
    for name in module.weights:
        assert np.array_equal(module.weights[name].grad, expected.weights[name])
        assert np.array_equal(module.delays[name].grad, expected.delays[name])


@pytest.mark.parametrize("neuron", [ONCE, ONCE.replace(t_refractory=2.0)])
def test_what_is_silent_has_the_gradient_zero_and_never_nan(neuron):
    module = training.torch.SpikeTimes(two_layers(neuron), 20.0, learn=EVERY)
    times = torch.full((3, 4), torch.inf, dtype=torch.float64)
    times[1] = torch.tensor([1.0, torch.inf, 2.0, 0.5])
    times[2] = 25.0  # after the horizon
    times.requires_grad_()
    found = module(times)
    assert torch.isinf(found[0]).all() and torch.isinf(found[2]).all() and torch.isfinite(found[1]).any()
    (found**2).sum().backward()  # of a silent neuron the gradient of the loss is infinite
    for tensor in (times, *module.parameters()):
        assert torch.isfinite(tensor.grad).all()
    assert not times.grad[0].any() and not times.grad[2].any()
    assert times.grad[1, 1] == 0.0 and times.grad[1].any()


def test_single_precision_is_computed_in_double_and_returned_in_single():
    module = training.torch.SpikeTimes(two_layers(), 40.0)
    times = random_times(3, 4).float().requires_grad_()
    found = module(times)
    exact = module(times.detach().double())
    assert found.dtype == torch.float32 and exact.dtype == torch.float64
    assert torch.equal(found, exact.float())
    found.clamp(max=40.0).sum().backward()
    assert times.grad.dtype == torch.float32 and module.weights["in->hidden"].grad.dtype == torch.float64
    module.float()(times).clamp(max=40.0).sum().backward()
    assert module.weights["in->hidden"].grad.dtype == torch.float32


def test_a_second_derivative_is_refused():
    module = training.torch.SpikeTimes(two_layers(), 40.0)
    times = random_times(1, 4, silent=0.0).requires_grad_()
    found = module(times).clamp(max=40.0)
    for loss in (found.sum(), (found**2).sum()):
        first, = torch.autograd.grad(loss, times, create_graph=True)
        plain, = torch.autograd.grad(loss, times, retain_graph=True)
        assert torch.equal(first, plain) and not plain.requires_grad
        with pytest.raises(InputError, match="second derivatives of spike times are not known"):
            (loss + first.norm()).backward()


@pytest.mark.parametrize("neuron", [ONCE, ONCE.replace(t_refractory=2.0)])
def test_runs_with_other_parameters_may_wait_for_their_gradients(neuron):
    net = two_layers(neuron)
    module = training.torch.SpikeTimes(net, 40.0)
    times = random_times(2, 4)
    weights = [{name: (scale * w.detach()).requires_grad_() for name, w in module.weights.items()}
               for scale in (1.0, 1.5)]
    alone = [torch.autograd.grad(module(times, mine).clamp(max=40.0).sum(), list(mine.values())) for mine in weights]
    runs = [module(times, mine).clamp(max=40.0).sum() for mine in weights]
    for run, mine, expected in zip(runs, weights, alone, strict=True):
        found = torch.autograd.grad(run, list(mine.values()), retain_graph=True)
        again = torch.autograd.grad(run, list(mine.values()))
        for one, two, three in zip(found, again, expected, strict=True):
            assert torch.equal(one, two) and torch.equal(one, three)
    assert np.array_equal(net.projections["in->hidden"].weight, module.weights["in->hidden"].detach())


def test_a_module_may_run_in_several_threads():
    module = training.torch.SpikeTimes(two_layers(), 40.0)
    batches = [random_times(20, 4, seed=seed) for seed in range(6)]

    def gradient(times):
        weights = {name: w.detach().clone().requires_grad_() for name, w in module.weights.items()}
        module(times, weights).clamp(max=40.0).sum().backward()
        return [w.grad for w in weights.values()]

    expected = [gradient(times) for times in batches]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for one, two in zip(pool.map(gradient, batches), expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("neuron", [ONCE, ONCE.replace(t_refractory=2.0)])
def test_an_optimiser_of_torch_moves_spikes_to_where_they_are_wanted(neuron):
    net = two_layers(neuron, seed=3)
    torch.manual_seed(0)
    module = training.torch.SpikeTimes(net, 40.0, learn=("weights", "delays"))
    before = torch.nn.Linear(2, 4, dtype=torch.float64)
    model = torch.nn.Sequential(before, torch.nn.Softplus(), module)
    points, wanted = torch.tensor([[0.2, 1.0], [1.0, 0.1]], dtype=torch.float64), torch.tensor([[9.0, 11.0, 13.0]])
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = ((model(points).clamp(max=40.0) - wanted) ** 2).mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for delay in module.delays.values():
                delay.clamp_(min=0.0)
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    assert before.weight.grad.any()
    times = torch.nn.functional.softplus(before(points))
    assert np.array_equal(simulated(module.network(), times, 40.0), module(times).detach().numpy())
    assert not np.array_equal(simulated(net, times, 40.0), module(times).detach().numpy())


def test_a_module_is_copied_pickled_and_restored_with_the_same_bits():
    module, times = training.torch.SpikeTimes(two_layers(), 40.0, learn=EVERY), random_times(4, 4)
    with torch.no_grad():
        module.weights["in->hidden"] *= 1.1
    other = training.torch.SpikeTimes(two_layers(seed=2), 40.0, learn=EVERY)
    other.load_state_dict(module.state_dict())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), other):
        assert torch.equal(twin(times), module(times))


def test_inputs_and_outputs_go_by_name():
    net = two_layers()
    net.input("map", (2, 2, 1))
    net.population("readout", 2, ONCE.replace(v_threshold=es.NEVER))
    net.connect("map", "hidden", es.Dense(es.Normal(1.0, 1.0), pool=2))
    net.connect("hidden", "readout", es.Dense(1.0))
    module = training.torch.SpikeTimes(net, 40.0, [net["out"], "readout"])
    first, second = random_times(3, 4), random_times(3, 2, 2, 1, seed=1)
    found = module({"in": first, net["map"]: second})
    assert list(found) == ["out", "readout"] and found["readout"].shape == (3, 2)
    flat = module({"in": first, "map": second.reshape(3, 4)})
    trains = module({"in": first, "map": second.reshape(3, 4, 1)})
    assert all(torch.equal(found[name], flat[name]) and torch.equal(found[name], trains[name]) for name in found)
    assert np.array_equal(simulated(net, first, 40.0), module({"in": first})["out"].detach())  # "map" is silent


def test_nothing_is_kept_where_no_gradient_will_be_asked_for():
    module = training.torch.SpikeTimes(two_layers(), 40.0)
    with torch.no_grad():
        assert not module(random_times(2, 4)).requires_grad
    module.requires_grad_(False)
    assert not module(random_times(2, 4)).requires_grad
    assert module(random_times(2, 4).requires_grad_()).requires_grad


@pytest.mark.parametrize("neuron", [ONCE, ONCE.replace(t_refractory=2.0)])
def test_no_samples_give_no_times(neuron):
    module = training.torch.SpikeTimes(two_layers(neuron), 40.0)
    found = module(torch.zeros(0, 4))
    assert found.shape == (0, 3)
    found.sum().backward()
    assert not module.weights["in->hidden"].grad.any()


def test_weights_into_first_arrival_pooling_are_structure():
    net = es.Network(seed=0)
    net.input("in", (4, 4, 1))
    net.population("pool", (2, 2, 1), training.first_arrival.neuron())
    net.population("out", 2, ONCE)
    net.connect("in", "pool", training.first_arrival.connection(1, 2))
    net.connect("pool", "out", es.Dense(es.Normal(4.0, 1.0)))
    module, times = training.torch.SpikeTimes(net, 40.0, learn=EVERY), random_times(2, 4, 4, 1).requires_grad_()
    assert list(module.weights) == ["pool->out"] and list(module.thresholds) == ["out"]
    module(times).clamp(max=40.0).sum().backward()
    assert 0 < times.grad.count_nonzero() <= 8  # the first of each window


def test_delta_synapses_have_spike_times_but_no_gradient():
    module = training.torch.SpikeTimes(two_layers(es.LIF(20.0, 0.0, t_refractory=es.NEVER)), 40.0)
    found = module(random_times(2, 4))
    assert torch.isfinite(found).any()
    with pytest.raises(InputError, match="piecewise constant"):
        found.clamp(max=40.0).sum().backward()


def poisson_net():
    net = two_layers()
    net.poisson("noise", 2, rate=10.0)
    return net


def dotted_net():
    net = es.Network()
    net.input("in.1", 1)
    net.population("out", 1, ONCE)
    net.connect("in.1", "out", es.Dense(1.0))
    return net


@pytest.mark.parametrize("make, said", [
    (lambda: {"net": None}, "the network is a NoneType; give an es.Network"),
    (lambda: {"net": poisson_net()}, '"noise" is a Poisson input'),
    (lambda: {"net": dotted_net()}, 'weights of "in.1->out" cannot be learned'),
    (lambda: {"t_stop": 0.0}, "t_stop"),
    (lambda: {"output": "in"}, 'The output population "in" is not known; allowed: hidden, out'),
    (lambda: {"output": []}, "output names nothing"),
    (lambda: {"output": ["out", "out"]}, "several different ones"),
    (lambda: {"learn": ["weight"]}, 'learn "weight" is not known'),
    (lambda: {"threads": 0}, "threads is 0"),
    (lambda: {"slope_floor": -1.0}, "slope_floor is -1.0"),
])
def test_a_module_that_cannot_be_made_is_refused_with_one_line(make, said):
    settings = {"net": two_layers()} | make()
    assert said in refusal(training.torch.SpikeTimes, **settings)


def test_an_unclear_output_must_be_named():
    net = two_layers()
    net.population("other", 1, ONCE)
    assert "populations that feed no other: out, other; name one" in refusal(training.torch.SpikeTimes, net)


GOOD = torch.ones(2, 4, dtype=torch.float64)


@pytest.mark.parametrize("arguments, said", [
    ({"times": np.ones((2, 4))}, "the input times are a ndarray; give a tensor"),
    ({"times": {}}, "the input times are an empty dict"),
    ({"times": {"inn": GOOD}}, 'input "inn" is not known; allowed: in. Did you mean "in"?'),
    ({"times": {"in": GOOD.numpy()}}, 'input times of "in" are a ndarray; give a torch.Tensor'),
    ({"times": GOOD.to("meta")}, 'are on device "meta"; eventsim runs on the CPU'),
    ({"times": GOOD.to_sparse()}, "of layout torch.sparse_coo"),
    ({"times": GOOD.long()}, "of type torch.int64; give torch.float64 or torch.float32"),
    ({"times": torch.ones(4)}, "have shape (4,); needed: (samples, 4) or (samples, 4, spikes)"),
    ({"times": torch.ones(2, 5)}, "have shape (2, 5); needed"),
    ({"times": -GOOD}, "times are >= 0 ms"),
    ({"times": GOOD * torch.nan}, "times are >= 0 ms"),
    ({"weights": GOOD}, "weights are a Tensor; give a dict of tensors by name"),
    ({"weights": {"in->hiden": GOOD}}, 'Did you mean "in->hidden"?'),
    ({"weights": {"in->hidden": GOOD}}, 'weights of "in->hidden" have shape (2, 4); needed: (4, 5)'),
    ({"weights": {"in->hidden": torch.full((4, 5), torch.nan)}}, 'weights of "in->hidden"[0, 0] is nan'),
    ({"delays": {"in->hidden": torch.ones(5)}}, "needed: (4, 5) or ()"),
    ({"delays": {"in->hidden": torch.tensor(-0.5)}}, 'delays of "in->hidden" is -0.5; delays are finite and >= 0 ms'),
    ({"thresholds": {"hidden": torch.tensor(1.0)}}, "needed: (5,)"),
    ({"thresholds": {"hidden": torch.full((5,), torch.nan)}}, "thresholds are numbers"),
    ({"offsets": {"in": torch.ones(4)}}, 'offsets "in" is not known; allowed: hidden, out'),
])
def test_tensors_that_cannot_be_used_are_refused_with_one_line(arguments, said):
    module = training.torch.SpikeTimes(two_layers(), 40.0)
    assert said in refusal(module, **({"times": GOOD} | arguments))


def test_inputs_must_agree_and_be_named_where_there_are_several():
    net = two_layers()
    net.input("more", 4)
    module = training.torch.SpikeTimes(net, 40.0)
    assert "the network has 2 inputs (in, more); give a dict" in refusal(module, GOOD)
    assert "the inputs have 1 and 2 samples" in refusal(module, {"in": GOOD, "more": GOOD[:1]})


def test_a_loss_that_is_nan_where_a_neuron_fired_is_refused():
    for neuron in (ONCE, ONCE.replace(t_refractory=2.0)):
        module = training.torch.SpikeTimes(two_layers(neuron), 40.0)
        found = module(random_times(2, 4))
        with pytest.raises(InputError, match="NaN or infinite"):
            (found * torch.nan).sum().backward()


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_torch_is_imported_by_the_first_use_only():
    code = ("import sys, training, training.torch\n"
            "from training import *\n"
            "print('torch' in sys.modules); training.torch.SpikeTimes; print('torch' in sys.modules)")
    assert run_python(code).split() == ["False", "True"]


def test_without_torch_the_door_says_what_to_install():
    code = ("import sys; sys.modules['torch'] = None\nimport training\n"
            "from eventsim.errors import InputError\n"
            "try:\n    training.torch.SpikeTimes\nexcept InputError as error:\n    print(error)")
    said = run_python(code).strip()
    assert said.endswith("; pip install eventsim[torch]") and "\n" not in said


def test_an_unknown_name_behind_the_door_is_answered_with_a_suggestion():
    with pytest.raises(AttributeError, match=r'no "SpikeTime"\. Did you mean "SpikeTimes"\?'):
        training.torch.SpikeTime  # noqa: B018
    assert "SpikeTimes" in dir(training.torch)
