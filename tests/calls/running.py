"""Runs: `simulate`, a `Simulation`, a cluster's and those of ranks, and what is asked of their traces."""

import functools

from nonsense import Call
from rank_threads import on_ranks

import eventsim as es
from calls.objects import STIMULUS, classified, looped, method, written


@functools.cache
def net():
    """Return one network, which no run changes."""
    return looped()


def _saved(folder):
    es.simulate(net(), STIMULUS, 5.0).save(folder / "t.h5")
    begun().save(folder / "s.h5")
    on_ranks(1, lambda comm: es.mpi.simulate(_shared(comm), STIMULUS, 5.0, folder / "r.h5", seed=1))


def begun():
    """Return a simulation that has run for 1 ms."""
    simulation = es.Simulation(net(), STIMULUS, engine="heap", threads=1, seed=1)
    simulation.run(1.0)
    return simulation


def _run():
    return {"net": net(), "stimulus": STIMULUS, "t_stop": 5.0, "engine": "reference", "precision": "double",
            "threads": 1, "stop": None, "seed": 1, "record": None, "progress": None, "labels": None, "output": "cells",
            "stop_every": None}


def _asked(name, /, **arguments):
    return Call(method(classified, name), arguments)


def _shared(comm):
    """Return the network of `looped` for a rank."""
    net = es.mpi.Network(seed=3, comm=comm)
    net.input("in", 3)
    net.population("cells", 5, es.LIF(20.0, 5.0, t_refractory=1.0))
    net.connect("in", "cells", es.AllToAll(2.0), delay=0.5)
    return net


def _alone(function):
    """Return a function that calls `function` on the only rank of a run, which gets its network or communicator."""
    def call(**arguments):
        def work(comm):
            own = {"net": _shared(comm)} if "net" in arguments else {"comm": comm}
            return function(**(arguments | own))

        (found,) = on_ranks(1, work)
        if isinstance(found, Exception):
            raise found

    return call


def _of_rank(name, /, **arguments):
    return Call(_alone(lambda comm, **given: getattr(_shared(comm), name)(**given)), arguments, {"shape": 1000})


# An address of no scheduler is waited for, which the tests of clusters do.
LONG = {"t_stop": 100.0, "duration": 100.0}
"""A longer run is what was asked for."""

CALLS = {
    "eventsim.simulate": Call(es.simulate, lambda: _run() | {"out": None}, LONG),
    "eventsim.cluster.simulate": Call(
        es.cluster.simulate, lambda: _run() | {"scheduler": None}, LONG, fixed=("scheduler",)),
    "eventsim.Simulation": Call(es.Simulation, lambda: {
        "net": net(), "stimulus": STIMULUS, "engine": "reference", "threads": 1, "seed": 1, "record": None,
        "output": "cells"}),
    "eventsim.Simulation.run": Call(method(begun, "run"), {"duration": 1.0, "progress": None}, LONG),
    "eventsim.Simulation.save": Call(method(begun, "save"), {"path": "s.h5"}),
    "eventsim.Simulation.load": Call(es.Simulation.load, lambda: {"path": written(_saved, "s.h5")}),
    "eventsim.Record": Call(es.Record, {"neurons": [0], "start": 0.0, "stop": 5.0, "counts": False}),
    "eventsim.Record.is_complete": Call(es.Record([0]).is_complete, {"t_stop": 5.0}),
    "eventsim.Trace.spikes": _asked("spikes", name="out"),
    "eventsim.Trace.blocks": Call(lambda name: list(classified().blocks(name)), {"name": "out"}),
    "eventsim.Trace.number_of_spikes": _asked("number_of_spikes", name="out"),
    "eventsim.Trace.arrays": _asked("arrays", name="out"),
    "eventsim.Trace.is_complete": _asked("is_complete", name="out"),
    "eventsim.Trace.counts": _asked("counts", name="out"),
    "eventsim.Trace.first_spikes": _asked("first_spikes", name="out"),
    "eventsim.Trace.offsets": _asked("offsets", name="out"),
    "eventsim.Trace.potential": _asked("potential", name="out", t=3.0),
    "eventsim.Trace.membrane": _asked("membrane", name="out", neurons=[0], times=[1.0], sample=0),
    "eventsim.Trace.with_labels": _asked("with_labels", labels=[0, 1, 0, 1]),
    "eventsim.Trace.with_output": _asked("with_output", name="hidden"),
    "eventsim.Trace.save": _asked("save", path="t.h5"),
    "eventsim.Trace.load": Call(es.Trace.load, lambda: {"path": written(_saved, "t.h5"), "lazy": True}),
    "eventsim.mpi.load": Call(es.mpi.load, lambda: {"path": written(_saved, "r.h5")}),
    "eventsim.mpi.spikes": Call(es.mpi.spikes, lambda: {"path": written(_saved, "r.h5"), "name": "cells"}),
    "eventsim.mpi.simulate": Call(_alone(es.mpi.simulate), lambda: {
        "net": None, "stimulus": STIMULUS, "t_stop": 5.0, "out": None, "seed": 1, "record": None, "threads": 1,
        "rows": True, "progress": None}, LONG, fixed=("net",)),
    "eventsim.mpi.Network": Call(_alone(es.mpi.Network), {"seed": 1}),
    "eventsim.mpi.Network.own": _of_rank("own", population="cells"),
    "eventsim.mpi.Network.input": _of_rank("input", name="new", shape=3),
    "eventsim.mpi.Network.population": _of_rank("population", name="new", shape=3, neuron=es.LIF(20.0, 5.0)),
    "eventsim.mpi.Network.poisson": _of_rank("poisson", name="new", shape=3, rate=10.0),
    "eventsim.mpi.Network.connect": _of_rank(
        "connect", source="in", target="cells", connection=es.AllToAll(1.0), delay=1.0, receptor=None, name="new"),
}
