"""Neo blocks: a train for each recorded neuron with the times of the trace, and the same spikes back."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import examples
from refusals import refusal
from small_runs import as_spikes, network, onset, recurrent_run, trace_of

import eventsim as es

neo = pytest.importorskip("neo", reason="needs the extra neo: pip install eventsim[neo]")
pq = pytest.importorskip("quantities", reason="comes with Neo")

POPULATIONS = ("excitatory", "inhibitory")


def trains_of(segment, population):
    return [train for train in segment.spiketrains if train.annotations["population"] == population]


def test_a_block_has_a_segment_a_sample_and_a_train_a_neuron():
    trace = recurrent_run()
    block = es.io.to_neo(trace)
    assert len(block.segments) == trace.n_samples
    assert [group.name for group in block.groups] == list(POPULATIONS)
    for sample, segment in enumerate(block.segments):
        assert segment.index == sample and segment.annotations["sample"] == sample
        assert len(segment.spiketrains) == 26
        for name in POPULATIONS:
            table = trace.spikes(name)
            for neuron, train in enumerate(trains_of(segment, name)):
                mine = (table.sample == sample) & (table.neuron == neuron)
                assert train.units == pq.ms and train.magnitude.tolist() == table.time[mine].tolist()
                assert train.array_annotations["slope"].tolist() == table.slope[mine].tolist()
                assert train.annotations["neuron"] == neuron and train.annotations["sample"] == sample
                assert train.t_start == 0.0 * pq.ms and train.t_stop == 100.0 * pq.ms
    assert sum(len(train) for train in block.groups[0].spiketrains) == len(trace.spikes("excitatory").time)


def test_labels_and_how_the_run_was_made_are_annotations():
    block = es.io.to_neo(recurrent_run().with_labels([4, 0, 9]))
    assert [segment.annotations["label"] for segment in block.segments] == [4, 0, 9]
    assert {train.annotations["label"] for train in block.segments[2].spiketrains} == {9}
    assert block.annotations["seed"] == 11 and block.annotations["t_stop_ms"] == 100.0
    assert '"software"' in block.annotations["provenance"]


rows = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 49), st.integers(0, 3)), max_size=20)


@settings(max_examples=examples(25))
@given(rows)
def test_spikes_survive_a_block_bit_for_bit(rows):
    trace = trace_of(rows, n_samples=3)
    assert es.io.from_neo(es.io.to_neo(trace)) == as_spikes(trace, "cells")


def test_a_run_survives_a_block_population_by_population():
    block = es.io.to_neo(recurrent_run(), [*POPULATIONS, "onset"])
    for name in POPULATIONS:
        assert es.io.from_neo(block, name) == as_spikes(recurrent_run(), name)
    assert es.io.from_neo(block, "onset") == onset()


def test_chosen_samples_make_the_segments_in_the_order_asked_for():
    block = es.io.to_neo(recurrent_run(), "inhibitory", samples=[2, 0])
    assert [segment.index for segment in block.segments] == [2, 0]
    assert es.io.from_neo(block) == as_spikes(recurrent_run(), "inhibitory", [2, 0])
    assert len(es.io.to_neo(recurrent_run(), "inhibitory", samples=-1).segments) == 1
    assert "samples 0 to 2" in refusal(es.io.to_neo, recurrent_run(), samples=3)


def test_trains_cover_the_span_and_the_neurons_that_were_recorded():
    record = {"excitatory": es.Record([3, 17], 20.0, 60.0), "inhibitory": True}
    trace = es.simulate(network(), {"onset": onset(1)}, 100.0, seed=11, record=record)
    segment = es.io.to_neo(trace).segments[0]
    some = trains_of(segment, "excitatory")
    assert [train.annotations["neuron"] for train in some] == [3, 17]
    assert {(float(train.t_start), float(train.t_stop)) for train in some} == {(20.0, 60.0)}
    assert sum(map(len, some)) == len(trace.spikes("excitatory").time) > 0
    assert len(trains_of(segment, "inhibitory")) == 6


def test_a_sample_that_was_ended_at_its_decision_ends_with_that_spike():
    trace = es.simulate(network(), {"onset": onset()}, 100.0, seed=11, stop="decision", output="inhibitory")
    assert (trace.ended < 100.0).all()
    for segment, ended in zip(es.io.to_neo(trace).segments, trace.ended, strict=True):
        assert {float(train.t_stop) for train in segment.spiketrains} == {ended}
    assert es.io.from_neo(es.io.to_neo(trace), "inhibitory") == as_spikes(trace, "inhibitory")


def train(times, units="ms", t_stop=1000.0, **annotations):
    return neo.SpikeTrain(np.array(times, float), units=units, t_stop=t_stop, **annotations)


@pytest.mark.parametrize(("units", "scale"), [("ms", 1.0), ("s", 1e3), ("us", 1e-3)])
def test_times_of_any_unit_become_milliseconds(units, scale):
    found = es.io.from_neo([train([1.5, 7.0], units), train([2.0], units)])
    assert found.time == pytest.approx(np.array([1.5, 2.0, 7.0]) * scale, rel=1e-15)
    assert found.neuron.tolist() == [0, 1, 0]


def test_segments_are_samples_however_they_are_given():
    segments = [neo.Segment(), neo.Segment(), neo.Segment()]
    segments[0].spiketrains.append(train([3.0]))
    segments[2].spiketrains.extend([train([]), train([1.0, 2.0])])
    block = neo.Block()
    block.segments.extend(segments)
    expected = es.Spikes([3.0, 1.0, 2.0], [0, 1, 1], [0, 2, 2], n_samples=3)
    assert es.io.from_neo(block) == es.io.from_neo(segments) == expected
    assert es.io.from_neo(segments[2]) == expected.select(2)


def test_ids_come_from_the_annotation_that_is_named():
    trains = [train([1.0], source_index=9, neuron=1), train([2.0], source_index=4, neuron=0)]
    assert es.io.from_neo(trains, key="source_index") == es.Spikes([1.0, 2.0], [9, 4])
    assert es.io.from_neo(trains) == es.Spikes([1.0, 2.0], [1, 0])
    assert es.io.from_neo(trains, key="channel") == es.Spikes([1.0, 2.0], [0, 1])


def test_times_count_from_the_origin():
    recorded = neo.SpikeTrain([-0.5, 0.25], units="s", t_start=-1.0, t_stop=2.0)
    assert "before the origin" in refusal(es.io.from_neo, [recorded])
    assert es.io.from_neo([recorded], origin="t_start").time.tolist() == [500.0, 1250.0]
    assert es.io.from_neo([recorded], origin=-500.0).time.tolist() == [0.0, 750.0]


BAD = {
    "a number": (lambda: (3,), "got int"),
    "nothing": (lambda: ([],), "or it is empty"),
    "a mixture": (lambda: ([neo.Segment(), train([1.0])],), "got list"),
    "ids on some": (lambda: ([train([1.0], neuron=1), train([2.0])],), '1 of 2 spike trains have no annotation'),
    "ids that are text": (lambda: ([train([1.0], neuron="a")],), 'the annotation "neuron" of a spike train'),
    "an id below 0": (lambda: ([train([1.0], neuron=-1)],), "got -1"),
    "two populations": (lambda: ([train([1.0], population="a"), train([1.0], population="b")],), "name one"),
    "an unknown population": (lambda: ([train([1.0], population="a")], "b"), 'population "b"'),
    "no origin": (lambda: ([train([1.0])], None, "neuron", "start"), "origin must be numbers"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_are_no_spike_trains_is_refused_with_one_line(kind):
    make, said = BAD[kind]
    assert said in refusal(es.io.from_neo, *make())


def test_only_traces_become_blocks():
    assert "got Spikes" in refusal(es.io.to_neo, es.Spikes([1.0], [0]))
    assert "not in the network" in refusal(es.io.to_neo, recurrent_run(), "excitatry")
