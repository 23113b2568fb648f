import io
import itertools
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.colors import same_color

import eventsim as es
import viz
from viz import style

NEURON = es.LIF(tau_mem=20.0, tau_syn=5.0)


def marks(axes):
    """Return the drawn spikes by population name."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def points(line):
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_a_single_population_is_drawn_at_its_times_and_neuron_ids(small_trace):
    axes = viz.raster(small_trace, 0, populations="hidden")
    assert points(marks(axes)["hidden"]).tolist() == [[2.0, 0.0], [3.0, 2.0], [4.0, 1.0]]
    assert axes.get_xlabel() == "time (ms)"
    assert axes.get_ylabel() == "neuron of hidden"


def test_each_population_has_its_own_band_and_colour_in_the_order_of_the_network(small_trace):
    axes = viz.raster(small_trace)
    drawn = marks(axes)
    assert list(drawn) == ["pixels", "hidden", "output"]
    tops = [line.get_ydata().max() for line in drawn.values()]
    bottoms = [line.get_ydata().min() for line in drawn.values()]
    assert tops[0] < bottoms[1] and tops[1] < bottoms[2]
    colours = style.population_colours(small_trace.network)
    assert all(same_color(line.get_color(), colours[name]) for name, line in drawn.items())
    assert len(set(colours.values())) == 3
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "pixels\n(4)",
        "hidden\n(3)",
        "output\n(2)",
    ]


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=25))
def test_bands_never_overlap_and_hold_all_their_neurons(sizes):
    from viz.raster import _bands

    bands = _bands(sizes)
    for below, above in itertools.pairwise(bands):
        assert below.top < above.bottom
    for band, size in zip(bands, sizes):
        rows = band.rows([0, size - 1])
        assert band.bottom < rows[0] <= rows[1] < band.top


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.data())
def test_every_spike_of_the_chosen_samples_is_drawn_once_where_it_belongs(make_trace, data):
    size, n_samples = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    rows = st.tuples(st.floats(0, 9), st.integers(0, size - 1), st.integers(0, n_samples - 1))
    spikes = data.draw(st.lists(rows, max_size=20))
    chosen = data.draw(st.lists(st.integers(0, n_samples - 1), min_size=1, max_size=3, unique=True))
    net = es.Network(seed=1)
    net.population("cells", size, NEURON)
    columns = np.array(spikes, dtype=float).reshape(-1, 3).T
    trace = make_trace(
        net,
        {"cells": (columns[0], columns[1].astype(int), columns[2].astype(int))},
        t_stop=10.0,
        n_samples=n_samples,
    )
    axes = viz.raster(trace, chosen, arrange="overlay")
    found = sorted(map(tuple, points(marks(axes)["cells"])))
    plt.close(axes.figure)
    assert found == sorted((t, float(n)) for t, n, s in spikes if s in chosen)


def test_a_few_samples_stand_side_by_side_each_with_its_own_name_and_time_axis(small_trace):
    axes = viz.raster(small_trace, [0, 1], populations="output")
    first, second, other = sorted(marks(axes)["output"].get_xdata())
    assert (first, second) == (6.0, 9.0)
    assert other == pytest.approx(8.0 + 1.04 * 20.0)
    assert [text.get_text() for text in axes.texts] == ["sample 0, class 1", "sample 1, class 1"]
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == labels[: len(labels) // 2] * 2 and labels[0] == "0"


def test_many_samples_are_laid_over_each_other_and_the_title_says_so(make_trace, small_network):
    columns = np.full(50, 3.0), np.zeros(50, int), np.arange(50)
    axes = viz.raster(
        make_trace(small_network, {"hidden": columns}, n_samples=50), None, populations="hidden"
    )
    assert (marks(axes)["hidden"].get_xdata() == 3.0).all()
    assert axes.get_title(loc="left") == "50 samples laid over each other"


def test_only_spikes_inside_the_window_are_drawn(small_trace):
    axes = viz.raster(small_trace, populations="hidden", t_start=3.0, t_stop=4.0)
    assert marks(axes)["hidden"].get_xdata().tolist() == [3.0]
    assert axes.get_xlim() == (3.0, 4.0)


def test_few_spikes_stay_vectors_and_many_become_pixels(make_trace):
    net = es.Network(seed=1)
    net.population("cells", 10, NEURON)
    many = make_trace(net, {"cells": (np.linspace(0, 9, 6000), np.arange(6000) % 10, np.zeros(6000, int))})
    few = make_trace(net, {"cells": ([1.0], [0], [0])})
    assert marks(viz.raster(many))["cells"].get_rasterized() is True
    assert marks(viz.raster(few))["cells"].get_rasterized() is False
    assert marks(viz.raster(few, rasterize_above=0))["cells"].get_rasterized() is True


def test_a_vector_file_of_many_spikes_stays_small(make_trace):
    net = es.Network(seed=1)
    net.population("cells", 1000, NEURON)
    rng = np.random.default_rng(0)
    spikes = rng.random(200_000) * 20, rng.integers(0, 1000, 200_000), np.zeros(200_000, int)
    file = io.BytesIO()
    viz.raster(make_trace(net, {"cells": spikes})).figure.savefig(file, format="pdf", dpi=60)
    assert file.tell() < 500_000


def test_marks_fade_where_they_would_cover_each_other(make_trace, small_network):
    crowd = make_trace(small_network, {"hidden": (np.linspace(0, 19, 300_000), np.zeros(300_000, int), 0)})
    few = make_trace(small_network, {"hidden": ([1.0], [0], [0])})
    assert marks(viz.raster(crowd))["hidden"].get_alpha() < 0.2
    assert marks(viz.raster(few))["hidden"].get_alpha() == 1.0


def test_the_margin_shows_rates_a_neuron_and_sample_that_integrate_to_the_spikes(small_trace):
    axes, margin = viz.raster(small_trace, None, arrange="overlay", rates=True, bin_width=1.0)
    by_name = {patch.get_label(): patch.get_data() for patch in margin.patches}
    assert list(by_name) == ["pixels", "hidden", "output"]
    values, edges, _ = by_name["hidden"]
    assert edges.tolist() == list(range(21))
    assert values[2] == pytest.approx(1000.0 * 2 / (3 * 3))  # 2 spikes of 3 neurons in 3 samples in 1 ms
    assert values.sum() * 1e-3 * 9 == pytest.approx(4)
    assert margin.get_shared_x_axes().joined(margin, axes)
    assert margin.get_ylabel() == "rate (Hz)"


def test_side_by_side_the_margin_has_the_rates_of_each_sample(small_trace):
    _, margin = viz.raster(small_trace, [0, 1], populations="hidden", rates=True, bin_width=5.0)
    first, second = (patch.get_data() for patch in margin.patches)
    assert first.values.tolist() == pytest.approx([1000.0 * 3 / (3 * 5.0), 0, 0, 0])
    assert second.values.tolist() == pytest.approx([1000.0 * 1 / (3 * 5.0), 0, 0, 0])
    assert second.edges[0] == pytest.approx(20.8)


@given(st.floats(0.01, 50), st.floats(0.001, 5))
def test_rate_bins_ascend_and_none_is_a_sliver(span, width):
    from viz.raster import _edges

    edges = _edges(0.0, span, width)
    assert edges[0] == 0.0 and edges[-1] == span
    assert (np.diff(edges) > 1e-10 * width).all()


def test_a_silent_sample_says_that_there_are_no_spikes(make_trace, small_network):
    axes = viz.raster(make_trace(small_network, {"hidden": ([], [], [])}))
    assert [text.get_text() for text in axes.texts] == ["no spikes in sample 0 from 0 to 20 ms"]
    assert axes.get_xlim() == (0.0, 20.0)


def test_a_readout_that_never_fires_takes_no_room(make_trace):
    net = es.Network(seed=1)
    net.population("cells", 3, NEURON)
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    axes = viz.raster(make_trace(net, {"cells": ([1.0], [0], [0]), "readout": ([], [], [])}))
    assert list(marks(axes)) == ["cells"]


def test_one_neuron_and_twenty_populations_both_make_a_figure(make_trace):
    one = es.Network(seed=1)
    one.population("only", 1, NEURON)
    many = es.Network(seed=1)
    for k in range(20):
        many.population(f"layer {k}", 3, NEURON)
    single = viz.raster(make_trace(one, {"only": ([1.0, 2.0], [0, 0], [0, 0])}))
    assert points(marks(single)["only"]).tolist() == [[1.0, 0.0], [2.0, 0.0]]
    assert single.get_yticks().tolist() == [0]
    axes = viz.raster(make_trace(many, {f"layer {k}": ([1.0], [0], [0]) for k in range(20)}))
    assert [text.get_text() for text in axes.get_yticklabels()] == [f"layer {k}" for k in range(20)]
    axes.figure.canvas.draw()


def test_given_axes_are_drawn_on_and_no_other_figure_is_made(small_trace):
    figure, panels = plt.subplots(1, 2)
    assert viz.raster(small_trace, axes=panels[0]) is panels[0]
    axes, margin = viz.raster(small_trace, axes=panels[1], rates=True)
    assert axes is panels[1] and margin.figure is figure
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


def test_the_margin_takes_its_room_from_axes_that_are_in_no_grid(small_trace):
    figure = plt.figure()
    free = figure.add_axes([0.1, 0.1, 0.8, 0.8])
    axes, margin = viz.raster(small_trace, axes=free, rates=True)
    assert axes.get_position().y1 < margin.get_position().y0
    assert margin.get_position().y1 == pytest.approx(0.9)


def test_no_figure_warns_while_it_is_drawn(small_trace):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        viz.raster(small_trace, [0, 1, 2], rates=True)[0].figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 3}, "sample 3 is not in this trace (samples 0 to 2)"),
        ({"sample": -1}, "sample -1 is not in this trace"),
        ({"sample": "first"}, "sample 'first' is not in this trace"),
        ({"populations": "hiden"}, 'Did you mean "hidden"?'),
        ({"arrange": "overlaid"}, 'Did you mean "overlay"?'),
        ({"t_start": 5.0, "t_stop": 5.0}, "window 5 to 5 ms is empty"),
        ({"t_stop": np.nan}, "is empty or endless"),
        ({"bin_width": 0.0}, "bin_width is 0.0; give a width in ms above 0"),
        ({"axes": "left"}, "axes is a str; give a matplotlib Axes, or None"),
    ],
)
def test_unusable_arguments_of_a_raster_are_refused_with_one_line(small_trace, options, message):
    with pytest.raises(es.InputError) as refusal:
        viz.raster(small_trace, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
