"""What goes to other programs' files and comes from them."""

import datetime

from nonsense import Call

import eventsim as es
from calls.objects import classified, written

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def _sent(function, needs="", **arguments):
    return Call(function, lambda: {"trace": classified()} | arguments, needs=needs)


def _again():
    """Return cells that fire again and again, as NIR's do."""
    net = es.Network(seed=1)
    net.input("in", 3)
    net.population("out", 2, es.LIF(10.0, 5.0))
    net.connect("in", "out", es.Dense(2.0), delay=1.0)
    return net


def _saved(folder):
    es.io.to_csv(classified(), folder / "t.csv", ["out"])
    es.io.to_sonata(classified(), folder / "s.h5", ["out"], 0)


def _saved_nwb(folder):
    es.io.to_nwb(classified(), folder / "t.nwb", ["out"], session_start_time=START)


def _block():
    return {"source": es.io.to_neo(classified()), "population": "out", "key": "neuron", "origin": 0.0}


CALLS = {
    "eventsim.io.to_csv": Call(es.io.to_csv, lambda: {
        "source": classified(), "path": "t.csv", "populations": ["out"], "slope": False}),
    "eventsim.io.from_csv": Call(es.io.from_csv, lambda: {"path": written(_saved, "t.csv"), "population": "out"}),
    "eventsim.io.to_sonata": Call(es.io.to_sonata, lambda: {
        "source": classified(), "path": "s.h5", "populations": ["out"], "sample": 0, "sorting": "by_time"}),
    "eventsim.io.from_sonata": Call(es.io.from_sonata, lambda: {"path": written(_saved, "s.h5"), "population": "out"}),
    "eventsim.io.to_neo": _sent(es.io.to_neo, "neo", populations=["out"], samples=[0]),
    "eventsim.io.from_neo": Call(es.io.from_neo, _block, needs="neo"),
    "eventsim.io.to_nir": Call(es.io.to_nir, lambda: {
        "net": _again(), "path": None, "dt": 0.1, "outputs": ["out"], "metadata": False}, needs="nir"),
    "eventsim.io.from_nir": Call(es.io.from_nir, lambda: {
        "graph": es.io.to_nir(_again(), dt=1.0), "dt": 1.0, "loop_delay": None, "seed": 0}, needs="nir"),
    "eventsim.io.to_nwb": _sent(
        es.io.to_nwb, "pynwb", path="t.nwb", populations=["out"], samples=[0], spacing=50.0, session_description="a",
        identifier="b", session_start_time=START),
    "eventsim.io.from_nwb": Call(es.io.from_nwb, lambda: {
        "path": written(_saved_nwb, "t.nwb"), "population": "out", "trials": True}, needs="pynwb"),
}
