import matplotlib.pyplot as plt
import numpy as np
import pytest

import eventsim as es
import viz


def curve(axes, label):
    """Return x and y of a curve."""
    line = next(line for line in axes.lines if line.get_label() == label)
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def at(axes, label, x):
    """Return the height of a step curve at some x."""
    xs, ys = curve(axes, label)
    return ys[np.searchsorted(xs, x, side="right") - 1]


def test_accuracy_rises_exactly_when_right_decisions_fall(small_trace):
    panels = viz.anytime(small_trace)
    assert panels.shape == (2,)
    time, _ = panels
    right = [at(time, "right", x) for x in (0.0, 5.999, 6.0, 8.0, 20.0)]
    guessed = [at(time, "with a guess", x) for x in (0.0, 5.999, 6.0, 7.999, 8.0, 20.0)]
    assert right == pytest.approx([0, 0, 100 / 3, 100 / 3, 100 / 3])
    assert guessed == pytest.approx([0, 0, 100 / 3, 100 / 3, 200 / 3, 200 / 3])
    assert time.get_ylabel() == "samples (%)"
    assert [text.get_text() for text in time.texts] == ["33.3 %"]


def test_the_second_panel_has_the_same_heights_over_operations_a_sample(small_trace):
    time, operations = viz.anytime(small_trace)
    moments, heights = curve(time, "right")
    cost, same = curve(operations, "right")
    assert (heights == same).all()
    assert (np.diff(cost) >= 0).all()
    before = es.measure.synaptic_operations(small_trace, 5.0).mean()
    assert cost[np.searchsorted(moments, 5.0)] == pytest.approx(before)
    assert time.get_xlabel() == "time (ms)"
    assert operations.get_xlabel() == "synaptic operations so far, a sample"


def test_labels_given_replace_those_of_the_trace(small_trace):
    assert at(viz.anytime(small_trace, [1, 0, 1], against="time"), "right", 20.0) == pytest.approx(200 / 3)


def test_without_labels_the_agreement_with_the_last_guess_is_drawn(small_trace):
    axes = viz.anytime(small_trace.with_labels(None), against="time")
    assert at(axes, "as at the end", 7.0) == pytest.approx(100 / 3)
    assert at(axes, "as at the end", 20.0) == pytest.approx(200 / 3)


def test_a_horizon_long_after_the_last_decision_is_cut_off(make_trace, small_network):
    spikes = {"hidden": ([], [], []), "output": ([4.0], [1], [0])}
    axes = viz.anytime(make_trace(small_network, spikes, t_stop=1000.0, labels=[1]), against="time")
    assert 4.0 < axes.get_xlim()[1] <= 10.0


def test_most_of_the_cost_before_the_first_guess_is_left_out_and_said(make_trace):
    net = es.Network(seed=1)
    neuron = es.LIF(tau_mem=20.0, tau_syn=5.0)
    net.input("pixels", 100)
    net.population("hidden", 20, neuron)
    net.population("output", 2, neuron)
    net.connect("pixels", "hidden", es.Dense(np.full((100, 20), 0.1)))
    net.connect("hidden", "output", es.Dense(np.full((20, 2), 0.1)))
    spikes = {
        "pixels": (np.zeros(200), np.arange(200) % 100, np.arange(200) // 100),
        "hidden": (np.full(20, 4.5), np.arange(20), 1),
        "output": ([4.0, 6.0], [1, 1], [0, 1]),
    }
    _, operations = viz.anytime(make_trace(net, spikes, n_samples=2, labels=[1, 1]))
    low, high = operations.get_xlim()
    assert 1990 < low < 2000 and high == 2020
    assert "2.0k before 1 % have a guess" in [text.get_text() for text in operations.texts]


def test_a_silent_readout_has_a_guess_from_the_start(make_trace):
    net = es.Network(seed=1)
    net.input("pixels", 2)
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=0.0, v_threshold=es.NEVER))
    net.connect("pixels", "readout", es.Dense(np.array([[1.0, 0.0], [0.0, 2.0]])))
    axes = viz.anytime(make_trace(net, {"pixels": ([1.0, 5.0], [0, 1], 0)}, labels=[1]), against="time")
    assert at(axes, "with a guess", 0.0) == 100.0
    assert [at(axes, "right", x) for x in (3.0, 6.0)] == [0.0, 100.0]


def test_without_any_decision_the_axes_say_so(make_trace, small_network):
    trace = make_trace(small_network, {"hidden": ([], [], []), "output": ([], [], [])}, labels=[0])
    for panel in viz.anytime(trace):
        assert [text.get_text() for text in panel.texts] == ["no decisions"]
        panel.figure.canvas.draw()


def test_a_single_given_axes_shows_time_and_a_pair_shows_both(small_trace):
    figure, (left, right) = plt.subplots(1, 2)
    assert viz.anytime(small_trace, axes=left) is left
    assert left.get_xlabel() == "time (ms)"
    assert list(viz.anytime(small_trace, axes=[left, right])) == [left, right]
    assert viz.anytime(small_trace, axes=right, against="spikes") is right
    assert right.get_xlabel() == "hidden and output spikes so far, a sample"
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": "operation"}, 'Did you mean "operations"?'),
        ({"labels": [1]}, "labels must be 3 whole numbers, one a sample"),
        ({"output": "pixels"}, '"pixels" is an input'),
    ],
)
def test_unusable_arguments_of_anytime_are_refused_with_one_line(small_trace, options, message):
    with pytest.raises(es.InputError) as refusal:
        viz.anytime(small_trace, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_wrong_number_of_axes_is_refused(small_trace):
    panels = plt.subplots(1, 3)[1]
    with pytest.raises(
        es.InputError, match="axes holds 3 Axes; this figure needs 2, or None for a new figure"
    ):
        viz.anytime(small_trace, axes=panels)
