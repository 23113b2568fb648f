"""Simulations saved between two pieces of their run: spikes under way, random state, what was recorded."""

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import examples

import eventsim as es


def noisy_network():
    """A recurrent network with delays, a Poisson input, refractory periods and two samples."""
    net = es.Network(seed=3)
    source = net.input("source", 6)
    noise = net.poisson("noise", 10, rate=300.0)
    cells = net.population("cells", 20, es.LIF(20.0, 5.0, t_refractory=2.0))
    net.connect(noise, cells, es.FixedProbability(0.3, 1.5), delay=0.5)
    net.connect(cells, cells, es.FixedProbability(0.2, 0.8), delay=es.Uniform(0.5, 5.0))
    net.connect(source, cells, es.AllToAll(1.0))
    rng = np.random.default_rng(0)
    spikes = es.Spikes(rng.uniform(0, 40, 30), rng.integers(0, 6, 30), rng.integers(0, 2, 30), n_samples=2)
    return net, {"source": spikes}


def begun(path, record=("cells", "noise")):
    net, stimulus = noisy_network()
    simulation = es.Simulation(net, stimulus, seed=5, record=list(record))
    simulation.run(15.0)
    simulation.save(path)
    return simulation


def spikes_of(trace, names=("cells", "noise")):
    return [column.tolist() for name in names for column in trace.spikes(name)]


def test_run_save_load_run_equals_one_run_bit_for_bit_also_loaded_twice(tmp_path):
    first = begun(tmp_path / "state.h5")
    assert len(first.trace.spikes("cells").time) > 0
    first.run(25.0)
    net, stimulus = noisy_network()
    whole = es.simulate(net, stimulus, t_stop=40.0, seed=5, record=["cells", "noise"], engine="heap")
    for _ in range(2):
        loaded = es.Simulation.load(tmp_path / "state.h5")
        assert loaded.now == 15.0
        loaded.run(25.0)
        assert spikes_of(loaded.trace) == spikes_of(first.trace) == spikes_of(whole)


@settings(max_examples=examples(25))
@given(st.lists(st.floats(1e-3, 20.0), min_size=2, max_size=4), st.sampled_from(("heap", "window")),
       st.integers(0, 2**40))
def test_any_cut_saved_and_loaded_on_either_engine_changes_no_bit(tmp_path_factory, durations, engine, seed):
    net, stimulus = noisy_network()
    path = tmp_path_factory.mktemp("cut") / "state.h5"
    simulation = es.Simulation(net, stimulus, engine=engine, seed=seed, record=["cells", "noise"])
    for duration in durations:
        simulation.run(duration)
        simulation.save(path)
        simulation = es.Simulation.load(path)
    whole = es.simulate(net, stimulus, t_stop=simulation.now, seed=seed, record=["cells", "noise"], engine=engine)
    assert simulation.trace.engine == engine
    assert spikes_of(simulation.trace) == spikes_of(whole)


def test_a_simulation_saved_before_its_first_run_starts_from_zero(tmp_path):
    net, stimulus = noisy_network()
    es.Simulation(net, stimulus, seed=5).save(tmp_path / "fresh.h5")
    loaded = es.Simulation.load(tmp_path / "fresh.h5")
    loaded.run(20.0)
    whole = es.simulate(net, stimulus, t_stop=20.0, seed=5, engine="heap")
    assert spikes_of(loaded.trace, ["cells"]) == spikes_of(whole, ["cells"])


def test_the_reference_engine_refuses_to_be_saved(tmp_path):
    net, stimulus = noisy_network()
    simulation = es.Simulation(net, stimulus, seed=5, engine="reference")
    with pytest.raises(es.InputError, match='use engine="heap" or "window"'):
        simulation.save(tmp_path / "state.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["missing", "cut short", "text", "trace", "array gone", "array of another length"])
def test_a_file_that_cannot_be_continued_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "state.h5"
    simulation = begun(path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "text":
        path.write_text("not a simulation")
    elif damage == "trace":
        simulation.trace.save(path)
    else:
        with h5py.File(path, "r+") as file:
            group = file["samples/0"]
            name = group.visititems(lambda name, item: name if isinstance(item, h5py.Dataset) else None)
            del group[name]
            if damage == "array of another length":
                group[name] = np.full(3, 0.5)
    with pytest.raises(es.InputError) as caught:
        es.Simulation.load(path)
    assert "\n" not in str(caught.value) and "state.h5" in str(caught.value)
