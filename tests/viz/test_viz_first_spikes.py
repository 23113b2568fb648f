import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim as es
import viz
from viz.first_spikes import _sheet

NEURON = es.LIF(tau_mem=20.0, tau_syn=5.0)


@pytest.fixture
def map_trace(make_trace):
    """Return a function: a trace of one population of some shape with some spikes in sample 0."""

    def make(shape, times, neurons):
        net = es.Network(seed=1)
        net.population("map", shape, NEURON)
        return make_trace(net, {"map": (times, neurons, np.zeros(len(times), int))})

    return make


def cells(axes):
    return axes.images[0].get_array()


def legend(axes):
    return [] if axes.get_legend() is None else [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_map_keeps_its_shape_and_shows_the_first_of_several_spikes(map_trace):
    axes = viz.first_spikes(map_trace((2, 3), [5.0, 2.0, 7.0], [4, 4, 0]), "map")
    shown = cells(axes)
    assert shown.shape == (2, 3)
    assert shown[1, 1] == 2.0 and shown[0, 0] == 7.0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("column", "row")


def test_silent_neurons_are_left_out_of_the_colours_hatched_and_counted(map_trace):
    axes = viz.first_spikes(map_trace((2, 3), [5.0, 7.0], [4, 0]), "map")
    assert cells(axes).mask.sum() == 4
    assert axes.collections[0].get_hatch()
    assert axes.collections[0].get_zorder() < axes.images[0].get_zorder()
    assert axes.images[0].cmap.get_bad()[3] == 0.0  # transparent: the hatch is seen through
    assert legend(axes) == ["silent: 4 of 6"]


def test_a_population_without_silent_neurons_needs_no_legend(map_trace):
    assert legend(viz.first_spikes(map_trace((2,), [1.0, 2.0], [0, 1]), "map")) == []


def test_the_channels_of_a_map_are_tiles_with_a_gap_that_is_neither_silent_nor_late(map_trace):
    height, width, channels = 2, 3, 4
    neurons = np.arange(height * width * channels)
    axes = viz.first_spikes(map_trace((height, width, channels), 1.0 + neurons / 10, neurons), "map")
    shown = cells(axes)
    assert (~shown.mask).sum() == neurons.size
    tile = shown[:height, :width]  # channel 0 of neuron id = (row * width + column) * channels
    assert tile.tolist() == [[1.0, 1.4, 1.8], [2.2, 2.6, 3.0]]
    assert axes.get_xlabel() == "4 channels of 2 x 3"
    assert [text.get_text() for text in axes.texts][:4] == ["0", "1", "2", "3"]
    hatched = [path.get_extents() for path in axes.collections[0].get_paths()]
    assert sum(box.width * box.height for box in hatched) == pytest.approx(neurons.size)


@given(
    st.one_of(
        st.tuples(st.integers(1, 3000)),
        st.tuples(st.integers(1, 30), st.integers(1, 30)),
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 70)),
        st.tuples(*[st.integers(1, 4)] * 4),
    )
)
def test_every_neuron_of_any_shape_has_a_cell_of_its_own_inside_a_tile(shape):
    size = int(np.prod(shape))
    sheet = _sheet(shape, size)
    assert len({*zip(sheet.row.tolist(), sheet.column.tolist())}) == size
    inside = np.zeros((sheet.height, sheet.width), int)
    for top, left, height, width in sheet.tiles:
        inside[top : top + height, left : left + width] += 1
    assert inside.max() == 1 and inside.sum() == size
    assert (inside[sheet.row, sheet.column] == 1).all()


def test_a_long_list_of_neurons_is_folded_into_rows_of_a_round_length(map_trace):
    axes = viz.first_spikes(map_trace(400, [3.0], [26]), "map")
    assert cells(axes).shape == (16, 25)
    assert cells(axes)[1, 1] == 3.0
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == ["0", "50"]


def test_a_few_neurons_stand_in_one_row_with_their_times_written_in(map_trace):
    axes = viz.first_spikes(map_trace(10, [3.25, 4.5], [2, 7]), "map")
    assert cells(axes).shape == (1, 10)
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [
        ("3.25", (2, 0)),
        ("4.5", (7, 0)),
    ]


def test_the_colour_scale_names_its_unit_spans_the_spikes_and_can_be_fixed_or_left_out(map_trace):
    trace = map_trace((2, 2), [2.0, 6.0], [0, 1])
    axes = viz.first_spikes(trace, "map")
    assert axes.images[0].get_clim() == (2.0, 6.0)
    assert axes.images[0].colorbar.ax.get_ylabel() == "first spike (ms)"
    assert viz.first_spikes(trace, "map", limits=(0, 20)).images[0].get_clim() == (0.0, 20.0)
    assert viz.first_spikes(trace, "map", colorbar=False).images[0].colorbar is None


def test_the_sample_is_chosen_and_named_with_its_class(small_trace):
    axes = viz.first_spikes(small_trace, "hidden", 1)
    assert cells(axes).compressed().tolist() == [2.5]
    assert axes.get_title(loc="left") == "hidden, sample 1, class 1"


def test_a_silent_population_says_so_and_has_no_colour_scale(map_trace):
    axes = viz.first_spikes(map_trace((4, 4), [], []), "map")
    assert [text.get_text() for text in axes.texts] == ["no spikes"]
    assert legend(axes) == ["silent: 16 of 16"]
    assert axes.images[0].colorbar is None
    axes.figure.canvas.draw()


def test_a_single_neuron_and_an_input_make_figures_on_given_axes(map_trace, small_trace):
    figure, panels = plt.subplots(1, 2)
    assert viz.first_spikes(map_trace(1, [3.0], [0]), "map", axes=panels[0]) is panels[0]
    assert viz.first_spikes(small_trace, "pixels", axes=panels[1]) is panels[1]
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("hiden",), {}, 'Did you mean "hidden"?'),
        (("hidden", 7), {}, "sample 7 is not in this trace (samples 0 to 2)"),
        (("hidden", [0, 1]), {}, "names 2 samples; this figure shows one"),
        (("hidden",), {"limits": (3, 3)}, "limits (3, 3) must be two times in ms that ascend"),
    ],
)
def test_unusable_arguments_of_a_map_are_refused_with_one_line(small_trace, arguments, options, message):
    with pytest.raises(es.InputError) as refusal:
        viz.first_spikes(small_trace, *arguments, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
