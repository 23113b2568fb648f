import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

import eventsim as es
import viz
from viz import style

NEURON = es.LIF(tau_mem=20.0, tau_syn=5.0)


def names(axes):
    """Return the rows from top to bottom."""
    return [text.get_text() for text in axes.get_yticklabels()]


def notes(axes):
    return [text.get_text() for text in axes.texts]


def histogram(axes, name):
    """Return heights above the row's base, scaled to 1, and the edges."""
    values, edges, base = next(patch for patch in axes.patches if patch.get_label() == name).get_data()
    return (values - base) / 0.78, edges


def medians(axes):
    """Return where the upright lines stand."""
    lines = [line for collection in axes.collections for line in collection.get_segments()]
    return [line[0, 0] for line in lines if line[0, 0] == line[1, 0] and line[0, 1] < line[1, 1]]


def test_by_population_every_first_spike_of_every_sample_counts_once(make_trace, small_network):
    spikes = {"hidden": ([2.0, 2.5, 6.0, 6.2], [0, 0, 1, 2], [0, 0, 0, 1])}  # 2.5 is a second spike
    axes = viz.latency(make_trace(small_network, spikes, n_samples=2), populations="hidden", bins=2)
    heights, edges = histogram(axes, "hidden")
    assert heights.tolist() == [0.5, 1.0]
    assert edges[0] <= 2.0 and edges[-1] > 6.2
    assert medians(axes) == [6.0]
    assert notes(axes) == ["median 6 ms\nsilent 50 %"]
    assert axes.get_xlabel() == "first spike (ms)"


def test_populations_are_rows_from_the_input_down_in_the_colours_of_the_raster(small_trace):
    axes = viz.latency(small_trace)
    assert names(axes) == ["pixels", "hidden", "output"]
    colours = style.population_colours(small_trace.network)
    assert {
        p.get_label(): same_color(p.get_facecolor()[:3], colours[p.get_label()]) for p in axes.patches
    } == {
        "pixels": True,
        "hidden": True,
        "output": True,
    }


def test_by_class_the_decision_times_are_split_by_true_class(small_trace):
    axes = viz.latency(small_trace, "class", class_names=["yin", "yang"])
    assert names(axes) == ["yin", "yang"]
    assert medians(axes) == [7.0]  # class 1: 6 and 8 ms; class 0 never decided
    assert notes(axes) == ["undecided 100 %", "median 7 ms"]
    assert axes.get_xlabel() == "decision of output (ms)"
    assert axes.get_ylabel() == "class"


def test_by_outcome_right_and_wrong_decisions_are_rows_with_their_numbers(small_trace):
    axes = viz.latency(small_trace, "outcome")
    assert names(axes) == ["right\n(1)", "wrong\n(2)"]
    assert medians(axes) == [6.0, 8.0]
    assert notes(axes) == ["median 6 ms", "median 8 ms\nundecided 50 %"]


def test_labels_given_replace_those_of_the_trace(small_trace):
    assert names(viz.latency(small_trace, "outcome", labels=[1, 0, 0])) == ["right\n(2)", "wrong\n(1)"]


def test_a_silent_readout_shows_when_it_settled_since_it_always_decides_at_the_horizon(make_trace):
    net = es.Network(seed=1)
    net.input("pixels", 2)
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=0.0, v_threshold=es.NEVER))
    net.connect("pixels", "readout", es.Dense(np.array([[1.0, 0.0], [0.0, 2.0]])))
    trace = make_trace(net, {"pixels": ([1.0, 5.0], [0, 1], [0, 0])}, labels=[1])
    axes = viz.latency(trace, "outcome")
    assert medians(axes) == [5.0]
    assert axes.get_xlabel() == "settling time of readout (ms)"


def test_a_trace_without_spikes_says_so(make_trace, small_network):
    trace = make_trace(small_network, {"hidden": ([], [], []), "output": ([], [], [])}, labels=[0])
    assert "no spikes" in notes(viz.latency(trace))
    assert "no decisions" in notes(viz.latency(trace, "class"))
    viz.latency(trace).figure.canvas.draw()


def test_a_single_spike_falls_into_the_middle_of_its_axis(make_trace):
    net = es.Network(seed=1)
    net.population("only", 1, NEURON)
    axes = viz.latency(make_trace(net, {"only": ([3.0], [0], [0])}))
    heights, edges = histogram(axes, "only")
    at = int(np.flatnonzero(heights)[0])
    assert 0.5 * (edges[at] + edges[at + 1]) == pytest.approx(3.0)
    assert axes.get_xlim()[0] < 3.0 < axes.get_xlim()[1]


def test_thirty_populations_are_drawn_on_given_axes(make_trace):
    net = es.Network(seed=1)
    for k in range(30):
        net.population(f"layer {k}", 5, NEURON)
    trace = make_trace(
        net, {f"layer {k}": (k + np.arange(5.0), np.arange(5), 0) for k in range(30)}, t_stop=60.0
    )
    figure, axes = plt.subplots()
    assert viz.latency(trace, axes=axes) is axes
    assert medians(axes) == [k + 2.0 for k in range(30)]
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "populations"}, 'Did you mean "population"?'),
        ({"populations": "hiden"}, 'Did you mean "hidden"?'),
        ({"by": "class", "labels": [1, 2]}, "labels must be 3 whole numbers, one a sample"),
        ({"by": "class", "output": "pixels"}, '"pixels" is an input'),
        ({"bins": 0}, "bins is 0; give a whole number from 1, or None"),
    ],
)
def test_unusable_arguments_of_latencies_are_refused_with_one_line(small_trace, options, message):
    with pytest.raises(es.InputError) as refusal:
        viz.latency(small_trace, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_classes_without_labels_are_refused(small_trace):
    with pytest.raises(es.InputError, match="latency by class needs the true classes; give labels="):
        viz.latency(small_trace.with_labels(None), "class")
