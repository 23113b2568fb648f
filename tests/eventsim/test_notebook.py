"""Tables for notebooks."""

from html.parser import HTMLParser

import numpy as np
import pytest

import eventsim as es
import training
from eventsim import notebook


class Cells(HTMLParser):
    """Collects the texts of a page and the tags that it opens; complains of what is not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags, self._open = [], set(), []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self._open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def network(name="hidden"):
    net = es.Network(seed=1)
    net.input("image", (4, 4, 1))
    net.population(name, 3, es.LIF(20.0, {"fast": 2.0, "slow": 8.0}))
    net.connect("image", name, es.Dense(np.full((16, 3), 0.5)), receptor="slow", delay=1.5, name="forward")
    net.connect(name, name, es.Dense(np.zeros((3, 3))), receptor="fast", delay=np.linspace(1.0, 2.0, 9).reshape(3, 3),
                name="back")
    return net


def test_a_network_shows_its_populations_and_projections():
    texts = Cells(network()._repr_html_()).texts
    for text in ("image", "4x4x1", "hidden", "neurons", "image → hidden", "slow", "1.5", "1 to 2"):
        assert text in texts


def test_a_network_without_projections_shows_one_table():
    assert notebook.of_network(es.Network(seed=1)).count("<table>") == 1


def test_a_trace_shows_its_run_and_its_spikes():
    spikes = es.Spikes([1.0, 1.5, 2.0], [0, 3, 5])
    trace = es.simulate(network(), {"image": spikes}, 10.0)
    texts = Cells(trace._repr_html_()).texts
    assert trace.summary().splitlines()[0] in texts
    assert "3" in texts and "16" in texts


def test_a_part_that_was_recorded_is_called_so():
    trace = es.simulate(network(), {"image": es.Spikes([1.0], [0])}, 10.0, record={"hidden": es.Record([1])})
    assert "partly recorded" in Cells(trace._repr_html_()).texts


def test_a_model_and_a_training_show_what_they_are():
    net = es.Network(seed=1)
    net.input("in", 4)
    net.population("output", 2, es.LIF(es.NEVER, es.NEVER, t_refractory=es.NEVER))
    net.connect("in", "output", es.Dense(np.full((4, 2), 0.9)))
    model = training.Model(net, training.encode.Latency(t_max=1.0), training.decode.FirstSpike("latency", tau=0.2),
                           t_stop=4.0)
    texts = Cells(model._repr_html_()).texts
    assert "encoder" in texts and repr(model.encoder) in texts and "0, 1" in texts
    history = training.fit(model, np.eye(4)[:2], np.array([0, 1]), epochs=2, progress=None)
    texts = Cells(history._repr_html_()).texts
    assert "validation accuracy" in texts and "2" in texts


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", '"x" onload="y"'])
def test_a_name_is_text_whatever_it_holds(name):
    page = Cells(notebook.table(name, [name], [[name]]))
    assert page.texts == [name] * 3
    assert page.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
