"""The page that `viz.report` writes: what is on it, what cannot get into it, and what is refused."""

import html.parser
import json
import re
import shutil

import hypothesis.strategies as st
import matplotlib
import numpy as np
import pytest
from hypothesis import given
from refusals import refusal

import eventsim as es
import training
import viz
from viz.reporting import contents, whole
from viz.reporting import page as pieces

SCRIPT = "<script>alert(1)</script>"
NAME = "<script>alert(1)&\"'$x$"  # a population cannot have "/" in its name
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Reader(html.parser.HTMLParser):
    """Reads a page as a browser does: elements, their attributes, and the text that is seen."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.problems, self.words = [], [], [], []
        self.feed(text)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    def tags(self):
        return {tag for tag, _ in self.elements}

    def headings(self):
        return [element["aria-label"] for tag, element in self.elements if "aria-label" in element]


def read(path):
    reader = Reader(path.read_text(encoding="utf-8"))
    assert reader.problems == [] and reader.open == []
    return reader


def network(hidden=NAME):
    once = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", (4, 4, 1))
    net.population(hidden, (2, 2, 2), once)
    net.population("output", 2, once)
    net.connect("pixels", hidden, es.Conv2d(es.Normal(1.0, 0.4), kernel=3), delay=es.Uniform(0.5, 1.5))
    net.connect(hidden, "output", es.Dense(es.Normal(1.0, 0.4)), delay=1.0)
    net.connect(hidden, hidden, es.AllToAll(-0.1), delay=2.0, name="again")
    return net


def run(net=None, samples=6):
    rng = np.random.default_rng(3)
    spikes = es.Spikes(rng.random(12 * samples) * 4.0, rng.integers(0, 16, 12 * samples),
                       np.repeat(np.arange(samples), 12), n_samples=samples)
    labels = np.arange(samples) % 2
    return es.simulate(net or network(), {"pixels": spikes}, t_stop=30.0, labels=labels, output="output", seed=5)


def record(epoch, hidden=NAME, **more):
    return {"epoch": epoch, "loss": 1.0 / epoch, "accuracy": 0.5, "validation_loss": 1.2 / epoch,
            "validation_accuracy": 0.4, "silent": {hidden: 0.995, "output": 0.0},
            "gradient_norms": {"pixels->output": 0.1 * epoch}, "warnings": {}, **more}


RESULT = {"dataset": SCRIPT, "readout": "first_spike", "best_epoch": 2, "epochs": 2, "interrupted": False,
          "test": {"accuracy": 0.9125, "latency_ms": 1.25, "undecided": 0.01},
          "validation": {"accuracy": 0.93}, "samples": {"test": 800}, "horizon_ms": 30.0, "training_seconds": 90.0,
          "provenance": {"command": "train", "created": "2026-01-02T03:04:05+00:00", "seed": 7,
                         "software": {"name": "eventsim", "version": "9.9.9", "libraries": {"numpy": "2.0.1"}},
                         "parameters": {"fit": {SCRIPT: SCRIPT}}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder as a training and a simulation leave it, full of what must not act on the page; with its page."""
    folder = tmp_path_factory.mktemp("made") / "run"
    folder.mkdir()
    net = network()
    training.Model(net, training.encode.Latency(t_max=4.0), training.decode.FirstSpike(), t_stop=30.0).save(
        folder / "model.h5")
    run(net).save(folder / "trace.h5")
    advice = {NAME: f'"{NAME}" is dead: 99.5 % silent. Try a larger mean.'}
    rows = [record(1, warnings=advice), record(2)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "result.json").write_text(json.dumps(RESULT))
    (folder / "config.json").write_text(json.dumps({"fit": {SCRIPT: SCRIPT}}))
    look = {"time": "2026-01-02", "for": SCRIPT, "epoch": 2, "accuracy": 0.9125, "samples": 800}
    (folder / "tests.jsonl").write_text(json.dumps(look) + "\n")
    viz.report(folder)
    return folder


@pytest.fixture
def page(made):
    """Return the page of the whole folder."""
    return made / "report.html"


@pytest.fixture
def folder(made, tmp_path):
    """Return a copy of the folder, without the page, to be changed."""
    return shutil.copytree(made, tmp_path / "run", ignore=shutil.ignore_patterns("*.html"))


def test_the_page_says_the_headline_numbers_that_measure_gives(made, page):
    reader = read(page)
    found = es.measure.evaluate(es.Trace.load(made / "trace.h5"))
    assert "test accuracy 91.25 % 800 samples" in reader.text
    latency = found["decision_latency_ms"]
    for value in (*latency.values(), found["spikes_per_neuron"]):
        assert f" {value:.4g}"[:5] in reader.text
    for key in ("decision", "horizon"):
        value = found["synaptic_operations_per_sample"][key]
        assert f"operations to {key} {value:,.4g} synaptic" in reader.text
    assert reader.text.index("test accuracy") < reader.text.index("Populations")


def test_all_parts_are_on_the_page(page):
    html = page.read_text(encoding="utf-8")
    for part in ("Network diagram", "Loss", "Accuracy", "Silence", "Gradient norms", "Raster",
                 "First spikes by population", "Decisions, right and wrong", "Decisions by class",
                 "Accuracy at any time", "Accuracy at any cost", "First spikes of pixels", "Looks at the test set",
                 "Spikes by population", "Synaptic operations by projection", "Provenance", "9.9.9", "numpy 2.0.1",
                 "2026-01-02T03:04:05+00:00", "conv"):
        assert part.lower() in html.lower(), part


def test_what_comes_from_a_file_is_shown_and_never_acts(page):
    reader = read(page)
    assert "script" not in reader.tags() and "<script" not in page.read_text(encoding="utf-8").lower()
    assert SCRIPT in reader.text and NAME in reader.text
    assert reader.tags() <= {
        "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "h1", "h2",
        "h3", "p", "a", "div", "span", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "dl", "dt",
        "dd", "details", "summary", "figure", "figcaption", "code", "svg", "g", "path", "rect", "circle", "text",
        "tspan", "use", "defs", "clippath", "image", "pattern", "lineargradient", "stop"}
    assert not [key for _, element in reader.elements for key in element if key.startswith("on")]


def test_the_page_needs_nothing_from_elsewhere(page):
    text = page.read_text(encoding="utf-8")
    for _, element in read(page).elements:
        for key in ("href", "src", "xlink:href"):
            assert element.get(key, "#").startswith(("#", "data:image/png"))
    assert "@import" not in text and not re.search(r"url\((?!#)", text)
    assert "http://" not in text and "https://" not in text
    assert "default-src 'none'" in text


def test_what_a_drawing_refers_to_is_on_the_page_once(page):
    text = page.read_text(encoding="utf-8")
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text)) <= set(names)


def test_every_figure_has_words_for_those_who_cannot_see_it(page):
    drawings = [element for tag, element in read(page).elements if tag == "svg"]
    assert len(drawings) >= 10
    assert all(element["role"] == "img" and len(element["aria-label"]) > 10 for element in drawings)


def test_the_same_folder_gives_the_same_bytes_whatever_style_is_set(page, folder, tmp_path):
    with matplotlib.rc_context({"font.size": 20.0, "lines.linewidth": 5.0}):
        again = viz.report(folder, tmp_path / "again.html").read_bytes()
    assert page.read_bytes() == again


def test_warnings_repeat_the_log_and_say_what_became_of_a_silent_layer(page):
    reader = read(page)
    assert f'Training, epoch 1: "{NAME}" is dead: 99.5 % silent. Try a larger mean.' in reader.text
    assert "In the last epoch, still 99.50 % of it were silent." in reader.text


def test_a_population_that_is_silent_in_a_run_is_warned_of(tmp_path):
    net = es.Network(seed=1)
    net.input("pixels", 3)
    net.population("hidden", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("pixels", "hidden", es.Dense(1e-3))
    es.simulate(net, {"pixels": es.Spikes([1.0], [0])}, t_stop=10.0).save(tmp_path / "run.h5")
    text = read(viz.report(tmp_path)).text
    assert '"hidden" is dead: 100.0 % of its neurons are silent in a sample.' in text
    assert 'no neuron of "hidden" can fire on one spike from every source' in text  # as describe() says it


def test_a_trace_without_labels_shows_rates_in_place_of_decisions(tmp_path):
    net = es.Network(seed=2)
    net.poisson("noise", 20, rate=200.0)
    net.population("cells", 10, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("noise", "cells", es.Dense(0.5))
    net.connect("cells", "cells", es.AllToAll(0.1), delay=1.0)
    trace = es.simulate(net, t_stop=100.0, seed=1)
    trace.save(tmp_path / "run.h5")
    path = viz.report(tmp_path / "run.h5")
    assert path == tmp_path / "run.html"
    text = read(path).text
    rate = es.measure.mean_firing_rate(trace, "cells").mean()
    assert f"rate of cells {rate:.3g} Hz" in text
    assert "accuracy" not in text.lower() and "test set" not in text


def test_missing_parts_are_left_out_or_said_in_a_line(folder, tmp_path):
    for name in ("trace.h5", "log.jsonl", "tests.jsonl", "config.json"):
        (folder / name).unlink()
    text = read(viz.report(folder)).text
    assert "There is no trace here" in text and "eventsim simulate model.h5" in text
    assert "Raster" not in text and "Loss" not in text
    (folder / "model.h5").unlink()
    assert "91.25 %" in read(viz.report(folder)).text
    (folder / "result.json").unlink()
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "log.jsonl").write_text(json.dumps(record(1)) + "\n" + '{"epoch": 2, "lo')  # a killed training
    assert "1 epoch in the log" in read(viz.report(folder)).text


def test_a_partly_recorded_run_says_what_is_not_known(tmp_path):
    net = network("hidden")
    spikes = {"pixels": es.Spikes(np.linspace(0.0, 3.0, 16), np.arange(16))}
    es.simulate(net, spikes, t_stop=30.0, labels=[1], output="output", record=["output"]).save(tmp_path / "run.h5")
    text = read(viz.report(tmp_path)).text
    assert "Synaptic operations are not known" in text
    assert "Not drawn: " in text and "Raster" in text


def test_a_model_file_brings_the_files_of_its_training_that_carry_its_name(folder, tmp_path):
    for name in ("model.h5", "log.jsonl", "result.json"):
        shutil.copy(folder / name, tmp_path / ("net.h5" if name == "model.h5" else f"net.{name}"))
    path = viz.report(tmp_path / "net.h5")
    assert path.name == "net.html"
    text = read(path).text
    assert "91.25 %" in text and "Loss" in text


def test_the_segments_of_an_unfinished_run_make_a_page_beside_them(tmp_path, monkeypatch):
    from eventsim.io import segments

    monkeypatch.setattr(segments, "ROWS", 5)
    target = tmp_path / "run.h5"
    with monkeypatch.context() as patched:
        patched.setattr(segments.trace_file, "write", _failing_at(target, segments.trace_file.write))
        with pytest.raises(OSError, match="no room"):
            es.simulate(network("hidden"), run().stimulus, t_stop=30.0, out=target)
    path = viz.report(tmp_path / "run.h5.segments")
    assert path == tmp_path / "run.html"
    assert "the run was interrupted" in read(path).text
    assert "run.h5.segments" in read(viz.report(tmp_path)).text


def _failing_at(target, write):
    def wrapped(path, *rest, **more):
        if path == target:
            raise OSError("no room")
        return write(path, *rest, **more)

    return wrapped


def test_a_folder_with_several_traces_shows_some_and_names_the_others(tmp_path):
    trace = run(network("hidden"), 2)
    for number in range(4):
        trace.save(tmp_path / f"run{number}.h5")
    text = read(viz.report(tmp_path)).text
    assert "Simulation run0.h5" in text and "Simulation run2.h5" in text
    assert "Not shown: run3.h5" in text


def test_other_programs_files_are_left_out_in_a_line(folder):
    import h5py

    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = 1
    assert "other.h5 was not written by eventsim" in read(viz.report(folder)).text


def test_a_changed_page_is_whole_or_the_old_one(folder, monkeypatch):
    path = folder / "report.html"
    before = b"the old page"
    path.write_bytes(before)
    monkeypatch.setattr("os.replace", _no_room)
    assert "could not be written" in refusal(viz.report, folder)
    assert path.read_bytes() == before
    assert [one.name for one in folder.iterdir() if one.name.endswith(".part")] == []


def _no_room(*_):
    raise OSError(28, "No space left on device")


def test_what_cannot_be_reported_is_refused_in_one_line(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert 'there is no folder or file "nowhere"' in refusal(viz.report, "nowhere")
    assert "holds nothing to report" in refusal(viz.report, empty)
    assert "does not end with .html" in refusal(viz.report, folder, folder / "trace.h5")
    assert 'there is no folder "' in refusal(viz.report, folder, tmp_path / "no" / "page.html")
    (empty / "page.html").mkdir()
    assert "is a folder" in refusal(viz.report, folder, empty / "page.html")
    (empty / "notes.txt").write_text("hello")
    assert "not an HDF5 file" in refusal(viz.report, empty / "notes.txt")


@pytest.mark.parametrize("name", ["trace.h5", "model.h5", "result.json", "config.json", "log.jsonl", "tests.jsonl"])
def test_a_damaged_file_is_named_in_one_line(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\n")
    assert name in refusal(viz.report, folder)
    assert not (folder / "report.html").exists()


KEYS = st.sampled_from([
    "epoch", "loss", "validation_loss", "accuracy", "silent", "warnings", "spike_times", "layers", "edges", "test",
    "validation", "samples", "latency_ms", "undecided", "best_epoch", "training_seconds", "provenance", "software",
    "libraries", "resources", "elapsed_s", "parameters", "interrupted", "dataset", "time", "for"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.sampled_from(["", SCRIPT]),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)


@given(OBJECTS, OBJECTS, st.lists(OBJECTS, max_size=2))
def test_settings_results_and_looks_with_anything_in_their_places_make_a_page(config, result, looks):
    found = contents.Contents("run", config, [], result, looks, None, None, {}, [])
    reader = Reader(whole.page_of(found))
    assert reader.problems == [] and "script" not in reader.tags()


BINS = {"edges": [0.0, 1.0, 2.0],
        "layers": [{"name": "hidden", "counts": [3, 1], "mean": 0.5, "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5]}]}


@pytest.mark.parametrize("damage", [
    {"epoch": None}, {"epoch": "1"}, {"loss": True}, {"loss": float("nan")}, {"silent": {"hidden": {}}},
    {"spike_times": []}, {"spike_times": {**BINS, "edges": [0.0, 1.0]}}, {"spike_times": {**BINS, "layers": [7]}},
    {"spike_times": {**BINS, "layers": [{**BINS["layers"][0], "counts": [0, 0]}]}}], ids=str)
def test_a_log_with_something_else_in_it_is_refused_by_its_line(tmp_path, damage):
    rows = [record(1, spike_times=BINS), record(2, spike_times=BINS) | damage]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "line 2 of" in refusal(viz.report, tmp_path)


def test_a_report_says_where_log_settings_and_result_are_not_of_one_training(folder, tmp_path):
    viz.report(folder, tmp_path / "page.html")
    whole_page = read(tmp_path / "page.html").text
    assert "is not whole" not in whole_page and "other settings than" not in whole_page
    log = folder / "log.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    viz.report(folder, tmp_path / "page.html")
    assert "the log is not whole" in read(tmp_path / "page.html").text
    (folder / "tests.jsonl").write_text("")
    viz.report(folder, tmp_path / "page.html")
    assert "no look at the test set with the accuracy that result.json states" in read(tmp_path / "page.html").text
    result = json.loads((folder / "result.json").read_text())
    result["provenance"] = {"parameters": {"fit": {"epochs": 99}}}
    (folder / "result.json").write_text(json.dumps(result))
    viz.report(folder, tmp_path / "page.html")
    assert "config.json has other settings than those that result.json" in read(tmp_path / "page.html").text


def test_the_spike_times_of_the_log_are_on_the_page(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps(record(1, spike_times=BINS)) + "\n")
    assert "Spike times by layer" in read(viz.report(tmp_path)).text


@given(st.text(), st.text(), st.text())
def test_pieces_of_the_page_give_back_any_text_as_it_was(first, second, third):
    table = Reader(pieces.table(first, [(second, "text"), (third, "number")], [(third, first)]))
    assert table.problems == [] and table.tags() <= {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert all(part in "".join(table.words) for part in (first, second, third))
    assert Reader(pieces.cards([(first, second, third)])).tags() <= {"div", "span"}
    assert Reader(pieces.warnings([first])).tags() == {"ul", "li"}
