"""Networks and their parts, and the spikes that go in."""

import numpy as np
from nonsense import Call

import eventsim as es
from calls.objects import looped, method, recordings, written

ONCE = es.LIF(10.0, 5.0)
WEIGHT = {"weight": 1.0}
GRID = np.full((2, 2, 2, 1), 0.5)


def _saved(folder):
    looped().save(folder / "n.h5")


def _of_net(name, /, **arguments):
    return Call(method(looped, name), arguments, {"shape": 1000})


def _of_projection(name, /, **arguments):
    return Call(method(lambda: looped().projections["loop"], name), arguments)


CALLS = {
    "eventsim.InputError": Call(es.InputError, {"message": "one line"}),
    "eventsim.LIF": Call(es.LIF, {
        "tau_mem": 20.0, "tau_syn": 5.0, "v_rest": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "t_refractory": 0.0,
        "v_init": 0.0, "i_offset": 0.0}),
    "eventsim.LIF.replace": Call(ONCE.replace, {"tau_mem": 5.0, "v_reset": 0.5}),
    "eventsim.LIF.flattened": Call(ONCE.flattened, {"shape": (2, 2)}),
    "eventsim.LIF.resolve": Call(ONCE.resolve, {"size": 4}, {"size": 1000}),
    "eventsim.Uniform": Call(es.Uniform, {"low": 0.0, "high": 1.0}),
    "eventsim.Normal": Call(es.Normal, {"mean": 0.0, "sd": 1.0, "low": -1.0, "high": 1.0}),
    "eventsim.LogNormal": Call(es.LogNormal, {"mean": 1.0, "sd": 1.0}),
    "eventsim.Exponential": Call(es.Exponential, {"mean": 1.0}),
    "eventsim.Dense": Call(es.Dense, WEIGHT | {"pool": 1}),
    "eventsim.Conv2d": Call(es.Conv2d, WEIGHT | {"stride": 1, "padding": 0, "pool": 1, "kernel": 3}),
    "eventsim.Sparse": Call(es.Sparse, WEIGHT | {"source": [0], "target": [1]}),
    "eventsim.OneToOne": Call(es.OneToOne, WEIGHT),
    "eventsim.AllToAll": Call(es.AllToAll, WEIGHT | {"allow_self": False}),
    "eventsim.FixedProbability": Call(es.FixedProbability, WEIGHT | {"p": 0.5, "allow_self": False, "seed": 1}),
    "eventsim.FixedInDegree": Call(es.FixedInDegree, WEIGHT | {"k": 2, "allow_self": False, "seed": 1}),
    "eventsim.FixedOutDegree": Call(es.FixedOutDegree, WEIGHT | {"k": 2, "allow_self": False, "seed": 1}),
    "eventsim.Network": Call(es.Network, {"seed": 0}),
    "eventsim.Network.input": _of_net("input", name="new", shape=3),
    "eventsim.Network.population": _of_net("population", name="new", shape=3, neuron=ONCE),
    "eventsim.Network.poisson": _of_net("poisson", name="new", shape=3, rate=10.0),
    "eventsim.Network.set_neuron": _of_net("set_neuron", population="cells", neuron=ONCE),
    "eventsim.Network.connect": _of_net("connect", source="in", target="cells", connection=es.AllToAll(1.0), delay=1.0,
                                        receptor=None, name="new"),
    "eventsim.Network.save": _of_net("save", path="n.h5"),
    "eventsim.Network.load": Call(es.Network.load, lambda: {"path": written(_saved, "n.h5")}),
    "eventsim.Projection.set_weight": _of_projection("set_weight", weight=1.0),
    "eventsim.Projection.set_delay": _of_projection("set_delay", delay=1.0),
    "eventsim.Spikes": Call(es.Spikes, {"time": [1.0, 2.0], "neuron": [0, 1], "sample": 0, "amplitude": 1.0,
                                        "n_samples": 1}),
    "eventsim.Spikes.empty": Call(es.Spikes.empty, {"n_samples": 1}),
    "eventsim.Spikes.select": Call(es.Spikes([1.0], [0]).select, {"samples": [0]}),
    "eventsim.Recordings": Call(es.Recordings, {"time": [1.0], "x": [0], "y": [0], "polarity": [1], "offset": [0, 1],
                                                "shape": (2, 2)}),
    "eventsim.Recordings.of": Call(es.Recordings.of, lambda: {"parts": [recordings()]}),
    "eventsim.encode.latency": Call(es.encode.latency, {
        "images": GRID, "t_max": 1.0, "t_min": 0.0, "threshold": 0.0, "channels": "contrast", "scale": 1.0, "bias": 0.5,
        "step": 0.1, "surround": 1.0}, fixed=("bias",)),
    "eventsim.encode.coordinates": Call(es.encode.coordinates, {
        "values": np.full((1, 2), 0.5), "t_min": 0.0, "t_max": 1.0, "bias": 0.5}, fixed=("bias",)),
    "eventsim.encode.poisson": Call(es.encode.poisson, {
        "images": GRID, "rate_max": 10.0, "t_stop": 10.0, "seed": 1, "scale": 1.0, "first_sample": 0},
        {"t_stop": 1e4, "rate_max": 1e4}, fixed=("first_sample", "seed")),
    "eventsim.encode.events": Call(es.encode.events, lambda: {
        "recordings": recordings(), "pool": 2, "time_scale": 1.0, "t_max": 5.0, "polarity": "channels"}),
    "eventsim.encode.events_shape": Call(es.encode.events_shape, {"shape": (4, 4), "pool": 2, "polarity": "channels"}),
    "eventsim.encode.pools": Call(es.encode.pools, {"pool": 2}),
}
