from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

import eventsim as es
import viz
from viz import style


def curves(axes):
    """Return the potentials by neuron id."""
    lines = {line.get_label(): line for line in axes.lines if line.get_label().startswith("neuron ")}
    return {int(label.split()[1]): line for label, line in lines.items()}


def dashed(axes):
    """Return the heights of the threshold lines."""
    return [
        line.get_ydata()[0]
        for line in axes.lines
        if len(line.get_ydata()) == 2
        and line.get_ydata()[0] == line.get_ydata()[1]
        and line.get_linestyle() == "--"
    ]


def spike_lines(axes):
    """Return (time, foot) of the lines that stand for spikes."""
    return [tuple(line[0]) for collection in axes.collections for line in collection.get_segments()]


@pytest.fixture
def asked(monkeypatch):
    """Replace the potentials by V = 0.1 neuron + 0.01 t; return what was asked for."""
    calls = []

    def membrane(self, name, neurons, times, sample=0):
        calls.append(SimpleNamespace(name=name, neurons=list(neurons), times=np.array(times), sample=sample))
        v = 0.1 * np.asarray(neurons)[:, None] + 0.01 * np.asarray(times)
        return SimpleNamespace(v=v, i=np.zeros_like(v))

    monkeypatch.setattr(es.Trace, "membrane", membrane)
    return calls


def test_the_potential_of_each_neuron_is_a_curve_over_the_whole_run(asked, small_trace):
    axes = viz.membrane(small_trace, "hidden", [0, 2], 1)
    assert list(curves(axes)) == [0, 2]
    times, potential = curves(axes)[2].get_data()
    assert (times[0], times[-1]) == (0.0, 20.0) and times.size >= 1000
    np.testing.assert_allclose(potential, 0.2 + 0.01 * times)
    assert (asked[0].name, asked[0].neurons, asked[0].sample) == ("hidden", [0, 2], 1)
    assert axes.get_xlabel() == "time (ms)"
    assert axes.get_title(loc="left") == "hidden, sample 1, class 1"


def test_there_are_points_on_both_sides_of_every_arrival_and_every_spike(asked, make_trace):
    net = es.Network(seed=1)
    net.input("pixels", 2)
    net.population("cells", 2, es.LIF(tau_mem=20.0, tau_syn=0.0))
    net.connect("pixels", "cells", es.Dense(np.ones((2, 2))), delay=[[0.5, 0.5], [0.5, 2.0]])
    viz.membrane(
        make_trace(net, {"pixels": ([1.0], [0], [0]), "cells": ([7.3], [0], [0])}), "cells", points=2
    )
    times = asked[0].times
    for instant in (1.5, 3.0, 7.3):
        at = np.searchsorted(times, instant)
        assert times[at - 1 : at + 2].tolist() == [
            np.nextafter(instant, 0),
            instant,
            np.nextafter(instant, 9),
        ]
    assert (np.diff(times) > 0).all()


def test_by_default_neurons_stand_in_the_order_of_firing_and_silent_ones_fill_up(asked, small_trace):
    assert list(curves(viz.membrane(small_trace, "hidden"))) == [0, 2, 1]
    assert list(curves(viz.membrane(small_trace, "hidden", sample=2))) == [0, 1, 2]


def test_of_many_that_fire_five_from_the_first_to_the_last_are_shown(asked, make_trace):
    net = es.Network(seed=1)
    net.population("cells", 30, es.LIF(tau_mem=20.0, tau_syn=5.0))
    trace = make_trace(net, {"cells": (np.arange(1.0, 14.0), np.arange(25, 12, -1), 0)})
    assert list(curves(viz.membrane(trace, "cells"))) == [25, 22, 19, 16, 13]


def test_spikes_rise_from_the_potential_before_them_to_one_height_in_the_colour_of_the_neuron(
    asked, small_trace
):
    axes = viz.membrane(small_trace, "hidden", [2, 0])
    assert spike_lines(axes) == [(3.0, pytest.approx(0.23)), (2.0, pytest.approx(0.02))]
    assert same_color(axes.collections[0].get_color()[0], style.PALETTE[0])
    tips = [collection.get_segments()[0][1, 1] for collection in axes.collections]
    assert tips[0] == tips[1] > 1.0
    assert axes.get_ylim()[1] > tips[0]


def test_one_threshold_for_all_is_one_line_and_different_ones_take_the_colours_of_their_neurons(
    asked, make_trace
):
    net = es.Network(seed=1)
    net.population("same", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=1.5))
    net.population("own", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=[1.0, 2.0]))
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    trace = make_trace(net, {"same": ([], [], []), "own": ([], [], [])})
    assert dashed(viz.membrane(trace, "same")) == [1.5]
    own = viz.membrane(trace, "own")
    assert dashed(own) == [1.0, 2.0]
    readout = viz.membrane(trace, "readout")
    assert dashed(readout) == []
    assert [text.get_text() for text in readout.get_legend().get_texts()] == ["neuron 0", "neuron 1"]


def test_the_legend_is_outside_the_data_and_names_threshold_and_spikes(asked, small_trace):
    axes = viz.membrane(small_trace, "hidden", 0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["neuron 0", "threshold", "spike"]
    axes.figure.canvas.draw()
    assert axes.get_legend().get_window_extent().x0 > axes.get_window_extent().x1


def test_the_window_is_shown_and_never_leaves_the_run(asked, small_trace):
    axes = viz.membrane(small_trace, "hidden", t_start=3.5, t_stop=99.0)
    assert axes.get_xlim() == (3.5, 20.0)
    assert asked[0].times[0] == 3.5 and asked[0].times[-1] == 20.0
    assert [time for time, _ in spike_lines(axes)] == [4.0]


def test_more_neurons_than_colours_differ_in_their_line_style(asked, make_trace):
    net = es.Network(seed=1)
    net.population("cells", 8, es.LIF(tau_mem=20.0, tau_syn=5.0))
    drawn = curves(viz.membrane(make_trace(net, {"cells": ([], [], [])}), "cells", range(8)))
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn.values()}) == 8


def test_a_real_potential_reaches_its_threshold_where_the_spike_is_and_falls_to_the_reset(small_network):
    small_network.projections["pixels->hidden"].set_weight(np.full((4, 3), 4.0))
    stimulus = {"pixels": es.Spikes([0.0, 1.0, 2.0, 3.0], [0, 1, 2, 3])}
    trace = es.simulate(small_network, stimulus, t_stop=20.0, engine="reference")
    fired = trace.spikes("hidden").time[trace.spikes("hidden").neuron == 1]
    times, potential = curves(viz.membrane(trace, "hidden", 1))[1].get_data()
    at = np.searchsorted(times, fired)
    assert fired.size > 0
    np.testing.assert_allclose(potential[at - 1], 1.0, rtol=1e-9)
    np.testing.assert_allclose(potential[at + 1], 0.0, atol=1e-9)
    assert potential.max() < 1.0 + 1e-9


def test_given_axes_are_drawn_on(asked, small_trace):
    figure, axes = plt.subplots()
    assert viz.membrane(small_trace, "output", axes=axes) is axes
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("hiden",), {}, 'Did you mean "hidden"?'),
        (("pixels",), {}, 'population "pixels" has no membrane'),
        (("hidden", 3), {}, 'neurons 3 are not in "hidden"; give ids from 0 to 2'),
        (("hidden", [0.5]), {}, 'neurons [0.5] are not in "hidden"'),
        (("hidden", None, 5), {}, "sample 5 is not in this trace"),
        (("hidden",), {"t_start": 20.0}, "window 20 to 20 ms is empty or endless"),
    ],
)
def test_unusable_arguments_of_a_membrane_are_refused_with_one_line(
    asked, small_trace, arguments, options, message
):
    with pytest.raises(es.InputError) as refusal:
        viz.membrane(small_trace, *arguments, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
