"""The figures that a report gathers from a trace, against what `eventsim.measure` and plain counting say."""

import numpy as np
import pytest
from small_runs import network, onset, recurrent_run

import eventsim as es
from viz.reporting import measured, simulated


def test_operations_are_left_out_where_a_sender_was_not_recorded():
    trace = es.simulate(network(), {"onset": onset()}, 20.0, seed=11, record=["inhibitory"])
    found = measured.measured(trace)
    assert found.by_projection is None and found.operations is None and found.silent is None
    assert [one.name for one in found.activity] == ["onset", "inhibitory"]


def test_the_figures_of_a_population_are_those_of_measure():
    trace = recurrent_run()
    found = {one.name: one for one in measured.measured(trace).activity}
    for name in ("excitatory", "inhibitory"):
        counts = trace.counts(name)
        first = es.measure.latency(trace, name).summary()
        assert found[name].spikes_per_sample == counts.sum() / trace.n_samples
        assert found[name].silent == es.measure.silent_fraction(trace, name)
        assert found[name].never == (counts.sum(axis=0) == 0).sum()
        assert found[name].rate == pytest.approx(es.measure.mean_firing_rate(trace, name).mean())
        assert found[name].first == first


def test_only_the_first_samples_of_a_large_run_are_looked_at_for_first_spikes(monkeypatch):
    trace = recurrent_run()
    assert measured.first_samples(trace) is trace
    monkeypatch.setattr(measured, "_LARGEST", 2 * 30)  # 30 neurons in the largest population
    part = measured.first_samples(trace)
    assert part.n_samples == 2
    for name in ("onset", "excitatory", "inhibitory"):
        assert np.array_equal(part.first_spikes(name), trace.first_spikes(name)[:2])
        assert np.array_equal(part.counts(name), trace.counts(name)[:2])


@pytest.mark.parametrize("most", [1, 7, 50, 10**6])
def test_a_raster_of_many_spikes_is_cut_to_a_window_with_no_more_than_asked_for(most):
    trace = recurrent_run()
    names = ["excitatory", "inhibitory"]
    stop, inside, total = simulated.window(trace, 0, names, most)
    times = np.sort(np.concatenate([trace.spikes(name).time[trace.spikes(name).sample == 0] for name in names]))
    assert total == len(times)
    assert inside == np.count_nonzero(times < stop) == min(most, total)
    assert stop == (times[most] if most < total else trace.t_stop)
