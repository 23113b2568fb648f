"""Every engine, number of threads, order of building and cut of the batch or of the run gives the same bits."""

import contextlib
import functools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import EVERY, LATER, PAIRS, SPIKE_LIMIT, bits, examples, layered_cases, recurrent_cases

import eventsim as es
from eventsim.engines import heap, reference, window
from eventsim.lower import lower


@contextlib.contextmanager
def shards(count):
    """Make the window engine cut each sample into so many shards, one after the other in one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventsim.run.shards_for", lambda *_: count)
        patch.setattr(window, "_parallel", window._serial)
        yield


def outcome(case, engine, **options):
    """Return all bits that a run records, Poisson spikes too, and where its samples ended."""
    trace = case.run(engine, record=case.everything, **options)
    return bits(trace), trace.ended.tolist()


NO_LIMIT = (2**62, 0, 0)


def never():
    return False


def flat(case, sample=0):
    """Return network, lowered network, and the input spikes of a sample before the end of the run."""
    net = case.build()
    lowered = lower(net)
    columns = [(a.time, a.neuron + lowered.offset[lowered.names.index(name)], a.amplitude)
               for name, spikes in case.stimulus.items() for a in [spikes.select(sample).arrays()]]
    time, gid, amplitude = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((amplitude, gid, time))
    order = order[time[order] < case.t_stop]
    return net, lowered, (time[order], gid[order].astype(np.int32), amplitude[order])


def arrivals(case, engine):
    """Return the arrivals that each sample of a case delivers before its end."""
    counts = []
    for sample in range(case.n_samples):
        net, lowered, inputs = flat(case, sample)
        run = engine.Sample(net, lowered)
        run.run(inputs, case.t_stop, (SPIKE_LIMIT, 0, 0), never)
        counts.append(run.arrivals)
    return counts


def in_order(columns):
    """Return recorded spikes as bytes, by time and gid."""
    order = np.lexsort((columns[1], columns[0]))
    return [column[order].tobytes() for column in columns]


@settings(max_examples=examples(400))
@given(recurrent_cases(taus=EVERY))
def test_the_heap_gives_the_bits_of_the_reference(case):
    assert outcome(case, "heap", stop=SPIKE_LIMIT) == outcome(case, "reference", stop=SPIKE_LIMIT)


@settings(max_examples=examples(400))
@given(recurrent_cases(taus=EVERY, delays=LATER))
def test_the_window_gives_the_bits_of_the_heap_and_of_the_reference_whatever_its_shards(case):
    expected = outcome(case, "reference", stop=SPIKE_LIMIT)
    assert outcome(case, "window", stop=SPIKE_LIMIT) == expected
    assert outcome(case, "heap", stop=SPIKE_LIMIT) == expected
    with shards(3):
        assert outcome(case, "window", stop=SPIKE_LIMIT) == expected


@settings(max_examples=examples(200))
@given(recurrent_cases(taus=PAIRS, delays=LATER))
def test_two_receptors_of_any_kind_give_the_same_bits_on_every_engine(case):
    expected = outcome(case, "reference", stop=SPIKE_LIMIT)
    assert outcome(case, "heap", stop=SPIKE_LIMIT) == expected
    assert outcome(case, "window", stop=SPIKE_LIMIT) == expected


def stops(case, draw):
    """Return a stop condition: some number of spikes, or a spike of one of the populations."""
    firing = [p.name for p in case.populations if isinstance(p.neuron, es.LIF)]
    name = draw(st.sampled_from([None, *firing]))
    return {"stop": draw(st.integers(1, 20))} if name is None else {"stop": "decision", "output": name}


@settings(max_examples=examples(200))
@given(recurrent_cases(taus=EVERY, delays=LATER), st.data())
def test_a_stop_condition_ends_a_sample_at_the_same_instant_on_every_engine(case, data):
    options = stops(case, data.draw)
    if options["stop"] == "decision":  # what runs on without end is left out
        if max(case.run("heap", stop=SPIKE_LIMIT).ended) < case.t_stop:
            return
    expected = outcome(case, "reference", **options)
    assert outcome(case, "heap", **options) == expected
    assert outcome(case, "window", **options) == expected
    with shards(2):
        assert outcome(case, "window", **options) == expected


@settings(max_examples=examples(50))
@given(recurrent_cases(poisson=False, taus=EVERY, delays=LATER))
def test_the_engines_count_as_many_arrivals_as_the_reference(case):
    # A sample that is stopped ends within a window, all arrivals of which were counted.
    whole = case._replace(t_stop=min(case.t_stop, 20.0))
    expected = arrivals(whole, reference)
    assert arrivals(whole, heap) == expected
    ended = whole.run("heap", stop=SPIKE_LIMIT).ended
    for found, wanted, end in zip(arrivals(whole, window), expected, ended, strict=True):
        assert found == wanted if end == whole.t_stop else found >= wanted


def in_pieces(case, engine, cuts):
    """Return the bits of a Simulation run from cut to cut."""
    simulation = es.Simulation(case.build(), case.stimulus, engine=engine, seed=3, record=case.everything)
    for cut in [*(cut for cut in sorted(set(cuts)) if cut < case.t_stop), case.t_stop]:
        simulation.run(cut - simulation.now)
    assert simulation.now == case.t_stop
    return bits(simulation.trace)


PIECES = st.lists(st.sampled_from((0.25, 0.3, 1.0, 6.25, 7.9, 16.0, 31.0, 32.0, 64.0, 100.0, 128.0)), max_size=4)


@settings(max_examples=examples(150))
@given(recurrent_cases(taus=EVERY), PIECES)
def test_a_run_in_pieces_gives_the_bits_of_the_whole_run_on_the_heap(case, cuts):
    whole = case.run("heap", stop=20 * SPIKE_LIMIT, record=case.everything)
    if min(whole.ended) == case.t_stop:  # it does not blow up
        assert in_pieces(case, "heap", cuts) == bits(whole)


@settings(max_examples=examples(150))
@given(recurrent_cases(taus=EVERY, delays=LATER), PIECES, st.integers(1, 3))
def test_a_run_in_pieces_gives_the_bits_of_the_whole_run_in_windows(case, cuts, count):
    whole = case.run("window", stop=20 * SPIKE_LIMIT, record=case.everything)
    if min(whole.ended) == case.t_stop:
        with shards(count):
            assert in_pieces(case, "window", cuts) == bits(whole)


ENGINES = {"heap": heap.Sample, "window": window.Sample, "shards": functools.partial(window.Sample, shards=3)}


@settings(max_examples=examples(150))
@given(recurrent_cases(most_samples=1, taus=EVERY, delays=LATER), st.sampled_from((0.25, 1.1, 6.3, 16.0, 31.7, 64.0)),
       st.sampled_from(sorted(ENGINES)), st.sampled_from(sorted(ENGINES)))
def test_a_sample_goes_on_bit_for_bit_on_whichever_engine_takes_over_what_another_exported(case, cut, first, then):
    net, lowered, inputs = flat(case)
    whole = case.run("heap", stop=20 * SPIKE_LIMIT)
    if cut >= case.t_stop or min(whole.ended) < case.t_stop:
        return
    make = functools.partial(ENGINES[first], net, lowered, seed=3, recorded=case.everything)
    early, late = (tuple(column[here] for column in inputs) for here in (inputs[0] < cut, inputs[0] >= cut))
    with shards(1):
        straight, begun = make(), make()
        straight.run(inputs, case.t_stop, NO_LIMIT, never)
        begun.run(early, cut, NO_LIMIT, never)
        saved = {name: np.array(values) for name, values in begun.export().items()}
        expected = in_order(straight.take())
        for _ in range(2):
            taken_over = ENGINES[then](net, lowered, seed=3, recorded=case.everything)
            taken_over.restore(saved)
            taken_over.run(late, case.t_stop, NO_LIMIT, never)
            assert in_order(taken_over.take()) == expected
            assert taken_over.arrivals == straight.arrivals


@settings(max_examples=examples(150))
@given(layered_cases())
def test_the_layers_give_the_bits_of_the_heap_and_of_the_reference(case):
    expected = bits(case.run("reference"))
    assert bits(case.run("heap")) == expected
    assert bits(case.run("layers")) == expected


@settings(max_examples=examples(60))
@given(recurrent_cases(), st.integers(0, 2**16))
def test_the_order_of_building_changes_no_bit_of_the_heap(case, order):
    assert bits(case.run(order=order, stop=SPIKE_LIMIT)) == bits(case.run(stop=SPIKE_LIMIT))


@settings(max_examples=examples(60))
@given(layered_cases(), st.integers(0, 2**16))
def test_the_order_of_building_changes_no_bit_of_the_layers(case, order):
    assert bits(case.run("layers", order=order)) == bits(case.run("layers"))


def split(case, cut, engine, **options):
    """Return the tables of a batch run as two batches, joined again."""
    parts = []
    for samples in (range(cut), range(cut, case.n_samples)):
        chosen = np.array(samples, dtype=int)
        part = case._replace(stimulus={name: spikes.select(chosen) for name, spikes in case.stimulus.items()})
        parts.append((part.run(engine, **options), chosen))
    joined = {}
    for name in sorted(parts[0][0].recorded):
        tables = [trace.spikes(name)._replace(sample=chosen[trace.spikes(name).sample].astype(np.int32))
                  for trace, chosen in parts]
        joined[name] = tuple(np.concatenate(columns).tobytes() for columns in zip(*tables, strict=True))
    return joined


@settings(max_examples=examples(60))
@given(recurrent_cases(most_samples=4, poisson=False), st.integers(1, 3))
def test_a_batch_cut_in_two_gives_the_same_bits_on_the_heap(case, cut):
    cut = min(cut, case.n_samples - 1)
    assert split(case, cut, "heap", stop=SPIKE_LIMIT) == bits(case.run("heap", stop=SPIKE_LIMIT))


@settings(max_examples=examples(60))
@given(layered_cases(most_samples=4), st.integers(0, 3))
def test_a_batch_cut_in_two_gives_the_same_bits_in_layers(case, cut):
    cut = min(cut, case.n_samples - 1)
    assert split(case, cut, "layers") == bits(case.run("layers"))


@pytest.fixture
def many_samples():
    """Return a network and 40 samples: more than the layers engine gives to one task."""
    generator = np.random.default_rng(3)
    net = es.Network(seed=1)
    image = net.input("image", (4, 4, 1))
    neuron = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
    maps = net.population("maps", (3, 3, 4), neuron)
    readout = net.population("readout", 5, es.LIF(tau_mem=10.0, tau_syn=10.0, t_refractory=es.NEVER))
    net.connect(image, maps, es.Conv2d(generator.normal(4.0, 4.0, (2, 2, 1, 4))))
    net.connect(maps, readout, es.Dense(generator.normal(2.0, 2.0, (36, 5))), delay=0.5)
    spikes = es.Spikes(generator.uniform(0, 10, 400), generator.integers(0, 16, 400), generator.integers(0, 40, 400),
                       n_samples=40)
    return net, {"image": spikes}


@pytest.mark.parametrize("engine", ["layers", "heap"])
def test_the_number_of_threads_changes_no_bit(many_samples, engine):
    net, stimulus = many_samples
    runs = [bits(es.simulate(net, stimulus, 30.0, engine=engine, threads=threads)) for threads in (1, 2, 3)]
    assert len(runs[0]["readout"][0]) > 100
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


def test_a_large_batch_gives_the_same_bits_in_layers_and_on_the_heap(many_samples):
    net, stimulus = many_samples
    layered, heaped = (es.simulate(net, stimulus, 30.0, engine=engine) for engine in ("layers", "heap"))
    assert bits(layered) == bits(heaped)


def test_the_poisson_trains_of_a_run_do_not_depend_on_threads():
    net = es.Network(seed=1)
    noise = net.poisson("noise", 20, rate=30.0)
    cells = net.population("cells", 5, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect(noise, cells, es.Dense(1.5))
    source = net.input("source", 1)
    net.connect(source, cells, es.Dense(0.0))
    stimulus = {"source": es.Spikes.empty(6)}
    runs = [bits(es.simulate(net, stimulus, 100.0, seed=5, threads=threads, record=["noise", "cells"]))
            for threads in (1, 3)]
    assert len(runs[0]["cells"][0]) > 0
    assert runs[0] == runs[1]


@pytest.mark.parametrize(("tau_mem", "tau_syn", "weight"), [(20.0, 5.0, 0.6), (10.0, 10.001, 0.6), (20.0, 0.0, 0.1),
                                                            (math.inf, 2.0, 0.05), (1.0, 30.0, 0.3)])
def test_a_noisy_recurrent_network_gives_the_same_bits(tau_mem, tau_syn, weight):
    net = es.Network(seed=5)
    leak = math.isfinite(tau_mem)
    cells = net.population("cells", 60, es.LIF(tau_mem, tau_syn, t_refractory=1.5, i_offset=0.9 if leak else 0.02))
    noise = net.poisson("noise", 30, rate=40.0)
    net.connect(noise, cells, es.FixedInDegree(5, 3 * weight))
    net.connect(cells, cells, es.FixedInDegree(8, es.Uniform(-2 * weight, 2 * weight)), delay=es.Uniform(0.0, 4.0))
    expected, found = (es.simulate(net, None, 120.0, engine=engine, seed=1) for engine in ("reference", "heap"))
    assert len(expected.spikes("cells").time) > 50
    assert bits(found) == bits(expected)


@pytest.mark.parametrize("what", ["weights", "amplitudes"])
def test_spikes_of_one_source_that_arrive_together_are_added_in_the_order_of_weight_and_amplitude(what):
    # Five spikes at 0 to 4 ms, each with delays of 1 to 5 ms: up to five arrive together, and the last bit of
    # their sum depends on the order.
    generator = np.random.default_rng(8)
    results = set()
    for _ in range(20):
        values = generator.uniform(0.1, 3.0, 5)
        weight, amplitude = (values, np.ones(5)) if what == "weights" else (np.ones(5), values)
        runs = []
        for engine, order in (("reference", range(5)), ("heap", range(5)), ("heap", range(4, -1, -1))):
            order = np.array(order)
            net = es.Network(seed=1)
            source = net.input("source", 1)
            cell = net.population("cell", 1, es.LIF(10.0, 4.0, v_init=0.1, v_threshold=4.0, t_refractory=es.NEVER))
            net.connect(source, cell, es.Sparse(np.zeros(5, int), np.zeros(5, int), weight[order]),
                        delay=np.arange(5.0, 0.0, -1.0)[order])
            stimulus = es.Spikes(np.arange(5.0), np.zeros(5, int), amplitude=amplitude)
            runs.append(bits(es.simulate(net, stimulus, 30.0, engine=engine)))
        assert runs[1] == runs[0]
        assert runs[2] == runs[0]
        results.add(runs[0]["cell"][0])
    assert len(results) > 15


@pytest.mark.parametrize("tau", [0.3, 1.0, 5.0])
def test_arrivals_at_the_very_moves_of_the_origin_give_the_same_bits(tau):
    period = 2.0 ** np.floor(np.log2(16.0 * tau))
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cells = net.population("cells", 4, es.LIF(tau_mem=2.5 * tau, tau_syn=tau, t_refractory=es.NEVER,
                                              v_threshold=[0.5, 1.0, 1.5, 2.0]))
    net.connect(source, cells, es.Dense([[8.0, 8.0, 8.0, 8.0]]))
    stimulus = es.Spikes(np.repeat(period * np.arange(6), 2) / 2, np.zeros(12, int))
    runs = [bits(es.simulate(net, stimulus, 4 * period, engine=engine)) for engine in ("reference", "heap", "layers")]
    assert len(runs[0]["cells"][0]) >= 3 * 8
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


@pytest.mark.parametrize("gap", [1e-15, 4e-15, 3e-14, 2e-13, 1e-11])
def test_an_arrival_between_a_crossing_and_its_tangent_gives_the_same_bits(gap):
    # That close to the threshold the computed crossing comes before the tangent that holds its place.
    net = es.Network(seed=1)
    source = net.input("source", 1)
    cell = net.population("cell", 1, es.LIF(20.0, 5.0, v_init=1.0 - gap, t_refractory=es.NEVER))
    net.connect(source, cell, es.Dense([[3.0]]))
    alone = es.simulate(net, es.Spikes([0.0], [0]), 10.0, engine="reference").spikes("cell").time[0]
    tangent = gap * 20.0 / 2.0
    for time in [0.9 * alone, *np.linspace(min(alone, tangent), max(alone, tangent), 20), 1.1 * alone]:
        stimulus = es.Spikes([0.0, time], [0, 0])
        runs = [bits(es.simulate(net, stimulus, 10.0, engine=engine)) for engine in ("reference", "heap", "layers")]
        assert runs[1] == runs[0]
        assert runs[2] == runs[0]


def test_a_membrane_held_just_below_the_threshold_by_huge_opposite_currents_gives_the_same_bits():
    # Rounding of the ramp is relative to the currents, not to V: it may lift V over the threshold at a move.
    net = es.Network(seed=1)
    source = net.input("source", 1)
    margins = np.array([1e-3, 1e-7, 3e-8, 1e-8, 3e-9, 1e-9, 1e-10])
    ramp = es.LIF(np.inf, np.inf, v_init=1.0 - margins, i_offset=-1e7, t_refractory=es.NEVER)
    cells = net.population("cells", 7, ramp)
    net.connect(source, cells, es.Dense([[1e7] * 7]))
    stimulus = es.Spikes([0.0, 30.0], [0, 0], amplitude=[1.0, 0.0])
    runs = [bits(es.simulate(net, stimulus, 700.0, engine=engine)) for engine in ("reference", "heap", "layers")]
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]


def test_arrivals_of_one_instant_are_added_together_where_their_table_is_full():
    # Delays of 0 and of what no time but 0 can tell from it. The first instants take the arrivals of one
    # projection apart, which leaves a table just long enough for them.
    net = es.Network(seed=1)
    source, other = net.input("source", 1), net.input("other", 1)
    cells = net.population("cells", 2, es.LIF(20.0, 0.0))
    net.connect(source, cells, es.Sparse([0, 0, 0], [0, 1, 1], [2.0, 0.3, 0.1]), delay=np.array([0.0, 0.0, 0.5]))
    net.connect(other, cells, es.Sparse(np.zeros(9, int), np.zeros(9, int), np.repeat([1.0, -1.0], [4, 5])),
                delay=np.linspace(0.0, 1e-17, 9))
    stimulus = {"source": es.Spikes([1.0, 1.5], [0, 0]), "other": es.Spikes([2.5], [0])}
    for engine in ("reference", "heap", "window"):
        assert es.simulate(net, stimulus, 30.0, engine=engine).spikes("cells").time.tolist() == [1.0, 1.5]
