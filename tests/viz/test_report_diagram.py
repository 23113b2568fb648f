"""The drawing of a network in a report: every part of it is there, nothing stands on anything else."""

import xml.etree.ElementTree as tree

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from viz.reporting import words
from viz.reporting.diagram import MOST_POPULATIONS, diagram
from viz.reporting.layout import ACROSS, arrange

CELL = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0)
NAMES = "abcdefgh"


@st.composite
def graphs(draw):
    """Draw names of populations and the ends of projections between them, loops and circles included."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    ends = draw(st.lists(pairs, max_size=16))
    return list(names), {f"p{number}": pair for number, pair in enumerate(ends)}


@given(graphs())
def test_every_population_has_one_place_and_lanes_do_not_meet(graph):
    names, ends = graph
    rows, lanes = arrange(names, ends)
    assert sorted(name for row in rows for name in row) == names
    assert all(1 <= len(row) <= ACROSS for row in rows)
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    spans = {}
    for name, lane in lanes.items():
        first, last = sorted(row_of[end] for end in ends[name])
        assert all(last < a or first > b for a, b in spans.setdefault(lane, []))
        spans[lane].append((first, last))


@given(graphs())
def test_signals_go_down_where_there_is_no_circle(graph):
    names, ends = graph
    ends = {name: pair for name, pair in ends.items() if pair[0] < pair[1]}
    row_of = {name: number for number, row in enumerate(arrange(names, ends).rows) for name in row}
    assert all(row_of[source] < row_of[target] for source, target in ends.values())


def test_the_order_of_creation_does_not_turn_a_chain_around():
    assert arrange(["output", "hidden", "input"], {"1": ("input", "hidden"), "2": ("hidden", "output")}).rows == [
        ["input"], ["hidden"], ["output"]]


def test_populations_that_reach_each_other_stand_side_by_side():
    ends = {"1": ("noise", "e"), "2": ("noise", "i"), "3": ("e", "i"), "4": ("i", "e"), "5": ("e", "e")}
    assert arrange(["e", "i", "noise"], ends) == ([["noise"], ["e", "i"]], {})


def drawn(net):
    html = diagram(net, net.describe().as_dict(), {name: n for n, name in enumerate(net.projections, 1)})
    return tree.fromstring(html)


@settings(max_examples=30)
@given(graphs())
def test_every_projection_has_an_arrow_inside_the_drawing_and_boxes_stand_apart(graph):
    names, ends = graph
    net = es.Network(seed=1)
    for name in names:
        net.population(name, 2, CELL)
    for name, (source, target) in ends.items():
        net.connect(source, target, es.Dense(0.1), name=name)
    root = drawn(net)
    svg = root.find("svg")
    width, height = map(float, svg.get("viewBox").split()[2:])
    titles = [title.text for title in root.iter("title")]
    assert [title for title in titles if title in names] != []
    assert all(any(title.startswith(f"{n}: {name},") for title in titles) for n, name in enumerate(ends, 1))
    boxes = np.array([[float(box.get(key)) for key in ("x", "y", "width", "height")] for box in svg.iter("rect")])
    assert len(boxes) == len(names)
    assert np.all(boxes[:, :2] >= 0) and np.all(boxes[:, :2] + boxes[:, 2:] <= (width, height))
    for place, (x, y, wide, high) in enumerate(boxes):
        for a, b, c, d in boxes[:place]:
            assert x + wide <= a or a + c <= x or y + high <= b or b + d <= y
    for circle in svg.iter("circle"):
        assert 9 <= float(circle.get("cx")) <= width - 9 and 9 <= float(circle.get("cy")) <= height - 9


def test_boxes_and_arrows_say_shape_kind_parameters_and_delay():
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 2))
    net.poisson("noise", 3, rate=[5.0, 6.0, 7.0])
    net.population("hidden", (3, 3, 4), CELL)
    net.population("read", 2, es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, v_threshold=es.NEVER))
    net.connect("pixels", "hidden", es.Conv2d(0.1, kernel=3, stride=2), delay=1.5)
    net.connect("hidden", "read", es.Dense(-0.1), delay=0.5)
    text = " ".join(" ".join(drawn(net).itertext()).split())
    for said in ("pixels", "8 × 8 × 2 = 128 neurons", "Poisson noise, 5 to 7 Hz", "LIF, exponential", "refractory 2 ms",  # noqa: RUF001
                 "silent readout: ramp neurons", "Conv2d 3 × 3, stride 2", "delay 1.5 ms", "delay 0.5 ms"):  # noqa: RUF001
        assert said in text, said


def test_a_network_too_large_to_be_drawn_is_left_to_the_tables():
    net = es.Network(seed=1)
    for number in range(MOST_POPULATIONS + 1):
        net.input(f"i{number}", 1)
    assert diagram(net, net.describe().as_dict(), {}) == ""


@pytest.mark.parametrize(("taus", "said"), [
    ((20.0, 5.0), "LIF, exponential currents"), ((20.0, 0.0), "LIF, delta synapses"),
    ((20.0, es.NEVER), "LIF, lasting currents"), ((es.NEVER, 5.0), "IF, exponential currents"),
    ((es.NEVER, 0.0), "IF, delta synapses"), ((es.NEVER, es.NEVER), "ramp neurons")])
def test_neurons_are_named_by_their_time_constants(taus, said):
    net = es.Network(seed=1)
    assert words.kind(net.population("cells", 1, es.LIF(*taus))) == said
    assert words.kind(net.population("once", 1, es.LIF(*taus, t_refractory=es.NEVER))) == f"{said}, one spike at most"


def test_receptors_are_named_with_their_time_constants():
    net = es.Network(seed=1)
    cells = net.population("cells", 1, es.LIF(tau_mem=20.0, tau_syn={"fast": 2.0, "slow": 50.0}))
    said = words.time_constants(cells).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "τ mem 20 ms, τ syn 2 ms fast, τ syn 50 ms slow"


@given(st.text(max_size=80), st.floats(10.0, 400.0))
def test_a_fitted_text_is_its_beginning_and_fits(text, room):
    fitted = words.fitted(text, room, 12)
    assert fitted == text or (fitted.endswith("…") and text.startswith(fitted[:-1]))
    assert words.width(fitted, 12) <= room or len(fitted) == 1
