"""What is particular to the layers engine: which networks it takes, parameters instead of the network's, readouts."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from networks import TAUS, bits, examples, layered_cases, unit

import eventsim as es
from eventsim.engines import layer_events, layers

SINGLE = dict(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)


def dense_network(weights=(3.0, 4.0), neuron=None):
    """Return two inputs that feed one hidden neuron, and a silent readout of two."""
    net = es.Network(seed=1)
    source = net.input("source", 2)
    hidden = net.population("hidden", 1, neuron or es.LIF(**SINGLE))
    readout = net.population("readout", 2, es.LIF(10.0, 10.0, v_rest=0.25, v_threshold=es.NEVER))
    net.connect(source, hidden, es.Dense(np.array(weights)[:, None]))
    net.connect(hidden, readout, es.Dense([[1.0, -2.0]]), delay=0.5)
    return net


STIMULUS = {"source": es.Spikes([1.0, 2.0, 1.5], [0, 1, 0], sample=[0, 0, 2], n_samples=3)}


def several_spikes(net):
    net.population("more", 1, es.LIF(20.0, 5.0, t_refractory=3.0))


def listed_synapses(net):
    net.connect("source", "hidden", es.Sparse([0], [0], [1.0]))


def many_delays(net):
    net.connect("source", "hidden", es.Dense(1.0), delay=[[1.0], [2.0]])


def to_itself(net):
    net.connect("hidden", "hidden", es.Dense([[1.0]]))


def in_a_circle(net):
    other = net.population("other", 1, es.LIF(**SINGLE))
    net.connect("hidden", other, es.Dense([[1.0]]))
    net.connect(other, "hidden", es.Dense([[1.0]]))


def two_receptors(net):
    net.population("pair", 1, es.LIF(20.0, {"fast": 5.0, "slow": 10.0}, t_refractory=es.NEVER))


@pytest.mark.parametrize(("change", "reason"), [
    (several_spikes, 'neurons of "more" may fire more than once'),
    (two_receptors, 'neurons of "pair" have two receptors'),
    (listed_synapses, "is neither Dense nor Conv2d"),
    (many_delays, "has a delay for each synapse"),
    (to_itself, "the network is recurrent"),
    (in_a_circle, "the network is recurrent"),
])
def test_a_network_that_does_not_fit_is_refused_with_the_reason(change, reason):
    net = dense_network()
    assert layers.unsuited(net) is None
    change(net)
    assert reason in layers.unsuited(net)
    with pytest.raises(es.InputError, match="use engine=\"heap\"") as caught:
        layers.plan(net)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_readout_may_have_any_refractory_period():
    assert layers.unsuited(dense_network()) is None


def test_layers_come_after_all_their_sources():
    net = es.Network(seed=1)
    names = ["d", "a", "c", "b"]
    before = net.input("input", 1)
    for name in names:
        after = net.population(name, 1, es.LIF(**SINGLE))
        net.connect(before, after, es.Dense([[1.0]]))
        before = after
    net.connect("input", "b", es.Dense([[1.0]]))
    assert [layer.name for layer in layers.plan(net).layers] == names


@settings(max_examples=examples(40))
@given(layered_cases())
def test_the_potential_of_a_readout_is_the_one_rebuilt_from_the_trace(case):
    net = case.build()
    activations = layers.forward(layers.plan(net), case.stimulus, case.t_stop)
    trace = case.run("heap")
    for name, potential in activations.potential.items():
        assert potential.tobytes() == trace.potential(name, case.t_stop).tobytes()


def test_a_readout_without_input_decays_from_its_start():
    net = es.Network(seed=1)
    net.population("readout", 1, es.LIF(10.0, 5.0, v_rest=0.5, v_init=2.0, v_threshold=es.NEVER))
    activations = layers.forward(layers.plan(net), {}, 7.0)
    assert activations.potential["readout"] == pytest.approx(np.array([[0.5 + 1.5 * np.exp(-0.7)]]), rel=1e-14)


def test_a_readout_shows_its_left_limit_at_the_end():
    net = es.Network(seed=1)
    source = net.input("source", 1)
    readout = net.population("readout", 1, es.LIF(np.inf, 0.0, v_threshold=es.NEVER))
    net.connect(source, readout, es.Dense([[1.0]]))
    stimulus = {"source": es.Spikes([1.0, 4.0], [0, 0])}
    plan = layers.plan(net)
    values = [layers.forward(plan, stimulus, t).potential["readout"].item() for t in (4.0, 4.25, 64.0, 128.0)]
    assert values == [1.0, 2.0, 2.0, 2.0]


def test_given_weights_replace_those_of_the_network():
    act = layers.forward(layers.plan(dense_network()), STIMULUS, 20.0,
                         weights={"source->hidden": np.array([[8.0], [0.5]])})
    other = layers.forward(layers.plan(dense_network((8.0, 0.5))), STIMULUS, 20.0)
    assert act.time["hidden"].tobytes() == other.time["hidden"].tobytes()
    assert act.potential["readout"].tobytes() == other.potential["readout"].tobytes()
    assert np.isfinite(act.time["hidden"]).any()


def test_given_weights_are_divided_by_the_area_of_the_pool():
    def run(weight, **options):
        net = es.Network(seed=1)
        image = net.input("image", (2, 2, 1))
        cell = net.population("cell", 1, es.LIF(**SINGLE))
        net.connect(image, cell, es.Dense([[weight]], pool=2))
        stimulus = {"image": es.Spikes([1.0, 1.0, 2.0], [0, 1, 3])}
        return layers.forward(layers.plan(net), stimulus, 20.0, **options).time["cell"].item()

    assert run(24.0) == run(1.0, weights={"image->cell": np.array([[24.0]])})
    assert np.isfinite(run(24.0))


def test_weights_of_another_shape_are_refused():
    with pytest.raises(es.InputError, match=r'weights of "source->hidden" have shape \(2,\); needed: \(2, 1\)'):
        layers.forward(layers.plan(dense_network()), STIMULUS, 20.0, weights={"source->hidden": np.zeros(2)})


@pytest.mark.parametrize("tau_mem", [20.0, np.inf])
def test_given_thresholds_and_offsets_replace_those_of_the_network(tau_mem):
    def neuron(**parameters):
        return es.LIF(tau_mem, 5.0, t_refractory=es.NEVER, v_rest=0.125, **parameters)

    plan = layers.plan(dense_network(neuron=neuron()))
    act = layers.forward(plan, STIMULUS, 20.0, thresholds={"hidden": np.array([0.75])},
                         offsets={"hidden": np.array([0.0625])})
    changed = layers.plan(dense_network(neuron=neuron(v_threshold=0.75, i_offset=0.0625)))
    expected = layers.forward(changed, STIMULUS, 20.0)
    assert act.time["hidden"].tobytes() == expected.time["hidden"].tobytes()
    assert np.isfinite(act.time["hidden"][0, 0])


def test_single_precision_is_near_double_precision():
    generator = np.random.default_rng(0)
    net = es.Network(seed=1)
    image = net.input("image", 30)
    cells = net.population("cells", 20, es.LIF(**SINGLE))
    net.connect(image, cells, es.Dense(generator.normal(1.0, 1.0, (30, 20))))
    stimulus = {"image": es.Spikes(generator.uniform(0, 5, 240), generator.integers(0, 30, 240),
                                   generator.integers(0, 8, 240), n_samples=8)}
    plan = layers.plan(net)
    double, single = (layers.forward(plan, stimulus, 30.0, precision=p).time["cells"] for p in ("double", "single"))
    both = np.isfinite(double) & np.isfinite(single)
    assert both.sum() > 100
    assert np.count_nonzero(np.isfinite(double) != np.isfinite(single)) <= 2
    assert single[both] == pytest.approx(double[both], abs=1e-3)
    assert single.dtype == np.float64


def test_an_unknown_precision_is_refused():
    with pytest.raises(es.InputError, match='precision "half" is not known; allowed: double, single'):
        layers.forward(layers.plan(dense_network()), STIMULUS, 20.0, precision="half")


def test_kept_events_are_the_arrivals_of_every_layer_in_the_order_of_time():
    act = layers.forward(layers.plan(dense_network()), STIMULUS, 20.0, keep_events=True)
    (first, last, kept), = act.shards
    assert (first, last) == (0, 3)
    assert kept["hidden"].time.tolist() == [1.0, 2.0, 1.5]
    assert kept["hidden"].source.tolist() == [0, 1, 0]
    assert kept["hidden"].offsets.tolist() == [0, 2, 2, 3]
    fired = act.time["hidden"][:, 0]
    assert kept["readout"].time.tolist() == (fired[np.isfinite(fired)] + 0.5).tolist()
    assert layers.forward(layers.plan(dense_network()), STIMULUS, 20.0).shards == []


@pytest.mark.parametrize("n_samples", [0, 1, 16, 17, 33])
def test_any_number_of_samples_is_run(n_samples):
    stimulus = {"source": es.Spikes(np.full(n_samples, 1.0), np.zeros(n_samples, int), np.arange(n_samples),
                                    n_samples=n_samples)}
    act = layers.forward(layers.plan(dense_network((12.0, 0.0))), stimulus, 20.0, threads=2)
    assert act.time["hidden"].shape == (n_samples, 1)
    assert len(set(act.time["hidden"][:, 0])) == min(n_samples, 1)
    assert np.isfinite(act.time["hidden"]).all()
    assert act.done.all()


class FirstShardOnly:
    """Stands in for `eventsim.progress.Attendant`: cancels as soon as something is done."""

    reported = 0

    def cancelled(self):
        return self.reported > 0

    def report(self, count):
        self.reported += count


def test_samples_that_were_not_run_are_told_apart():
    stimulus = {"source": es.Spikes(np.full(40, 1.0), np.zeros(40, int), np.arange(40))}
    attendant = FirstShardOnly()
    plan = layers.plan(dense_network((12.0, 0.0)))
    act = layers.forward(plan, stimulus, 20.0, threads=1, attendant=attendant)
    assert 0 < attendant.reported == plan.shard < 40
    assert act.done.tolist() == [True] * plan.shard + [False] * (40 - plan.shard)
    assert np.isfinite(act.time["hidden"][:, 0]).tolist() == act.done.tolist()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_shards_whatever_the_threads(threads):
    assert layers.in_threads(lambda a, b: a * b, [(k, 2) for k in range(20)], threads) == [2 * k for k in range(20)]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_in_one_shard_is_raised_and_the_rest_is_left_out(threads):
    done, first = [], threading.Event()

    def task(number):
        if number == 0:
            first.set()
            raise RuntimeError("shard 0 failed")
        first.wait(10.0)
        done.append(number)

    with pytest.raises(RuntimeError, match="shard 0 failed"):
        layers.in_threads(task, [(k,) for k in range(200)], threads)
    assert len(done) < 199


def test_the_number_of_threads_comes_from_the_argument_the_environment_or_the_machine(monkeypatch):
    monkeypatch.setenv("EVENTSIM_THREADS", "3")
    assert layers.thread_count(None) == 3
    assert layers.thread_count(2) == 2
    monkeypatch.delenv("EVENTSIM_THREADS")
    assert layers.thread_count(None) >= 1


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two", True])
def test_a_number_of_threads_that_makes_no_sense_is_refused(threads):
    with pytest.raises(es.InputError, match="give a whole number of at least 1"):
        layers.thread_count(threads)


@pytest.mark.parametrize("threads", ["0", "many", "-2"])
def test_a_number_of_threads_in_the_environment_that_makes_no_sense_is_refused(monkeypatch, threads):
    monkeypatch.setenv("EVENTSIM_THREADS", threads)
    with pytest.raises(es.InputError, match="give a whole number of at least 1"):
        layers.thread_count(None)


def test_a_convolution_beside_a_dense_projection_gives_the_bits_of_the_heap():
    generator = np.random.default_rng(4)
    net = es.Network(seed=1)
    image = net.input("image", (6, 4, 2))
    label = net.input("label", 3)
    maps = net.population("maps", (3, 2, 3), es.LIF(**SINGLE, v_threshold=generator.uniform(0.5, 1.5, 18)))
    net.connect(image, maps, es.Conv2d(generator.normal(2.0, 3.0, (3, 3, 2, 3)), stride=2, padding=1), delay=0.25)
    net.connect(label, maps, es.Dense(generator.normal(1.0, 3.0, (3, 18))))
    stimulus = {name: es.Spikes(generator.integers(0, 20, count) / 4, generator.integers(0, size, count),
                                generator.integers(0, 4, count), n_samples=4)
                for name, size, count in (("image", 48, 60), ("label", 3, 9))}
    layered, heaped = (es.simulate(net, stimulus, 40.0, engine=engine) for engine in ("layers", "heap"))
    assert len(layered.spikes("maps").time) > 30
    assert bits(layered) == bits(heaped)


def wide_network(taus, convolved, offset, rng):
    """Return a network whose layer fills several vectors, with thresholds on either side of what V relaxes to."""
    net = es.Network(seed=1)
    net.input("image", (6, 6, 3))
    share = 3.0 * unit(es.LIF(*taus))
    shape = (6, 6, 21) if convolved else (150,)
    size = 6 * 6 * 21 if convolved else 150
    rest = rng.choice([0.0, 0.0, 0.0, 1.1], size) if offset else 0.0
    push = rng.normal(0.0, 0.02, size) if offset else 0.0
    net.population("cells", shape, es.LIF(*taus, v_rest=rest, i_offset=push, v_init=0.1, t_refractory=es.NEVER,
                                          v_threshold=rng.uniform(0.8, 1.2, size)))
    if convolved:
        connection = es.Conv2d(rng.normal(0.2, 0.5, (3, 3, 3, 21)) * share, padding=1)
    else:
        connection = es.Dense(rng.normal(0.1, 0.4, (108, 150)) * share)
    net.connect("image", "cells", connection, delay=0.5)
    return net


@pytest.mark.compiled
@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("convolved", [False, True])
@pytest.mark.parametrize("taus", TAUS)
def test_a_wide_layer_gives_the_bits_of_the_heap(taus, convolved, offset):
    rng = np.random.default_rng(8)
    net = wide_network(taus, convolved, offset, rng)
    count = 120
    times = np.where(rng.random(count) < 0.2, rng.integers(0, 80, count) / 4, rng.uniform(0.0, 150.0, count))
    stimulus = {"image": es.Spikes(times, rng.integers(0, 108, count), rng.integers(0, 2, count),
                                   rng.uniform(-0.5, 1.5, count), n_samples=2)}
    layered, heaped = (es.simulate(net, stimulus, 200.0, engine=engine) for engine in ("layers", "heap"))
    assert len(layered.spikes("cells").time) > 100
    assert bits(layered) == bits(heaped)


class FewColumns(NamedTuple):
    """Stands in for `layers.Link`."""

    source: str
    rank: int
    delay: float


@pytest.mark.parametrize("law", ["spread", "clumped", "few values", "equal", "one outlier"])
def test_the_spikes_of_layers_come_in_the_order_of_time_and_then_of_their_sources(law):
    rng = np.random.default_rng(11)
    shape = (3, 300)
    times = {name: {"spread": rng.uniform(0, 9, shape), "clumped": 5.0 + 1e-12 * rng.uniform(0, 9, shape),
                    "few values": rng.integers(0, 5, shape) / 2.0, "equal": np.full(shape, 2.5),
                    "one outlier": np.where(np.arange(300) == 7, 8.0, rng.uniform(0, 1e-3, shape))}[law]
             for name in ("a", "b")}
    for name in times:
        times[name][rng.random(shape) < 0.4] = np.inf
    generations = {name: rng.integers(0, 2, shape).astype(np.int32) for name in times}
    links = (FewColumns("b", 1, 0.0), FewColumns("a", 0, 0.5), FewColumns("a", 0, 0.0))
    events = layer_events.gather(links, {}, times, generations, 0, 3, 7.0)
    for row in range(3):
        expected = []
        for number, link in enumerate(links):
            for source, time in enumerate(times[link.source][row]):
                if time + link.delay < 7.0:
                    generation = generations[link.source][row, source] + 1 if link.delay == 0.0 else 0
                    expected.append((time + link.delay, generation, link.rank, source, number))
        here = slice(events.offsets[row], events.offsets[row + 1])
        rank = [links[number].rank for number in events.link[here]]
        found = list(zip(events.time[here].tolist(), events.generation[here].tolist(), rank,
                         events.source[here].tolist(), events.link[here].tolist(), strict=True))
        assert found == sorted(expected)
