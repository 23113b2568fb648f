"""Public functions and classes with nonsense: each works, or says in one line what is wrong with it.

A `TypeError` is left to Python where it is about the names or the number of arguments. Whatever else comes out of
numpy, numba or h5py is a finding.
"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_runs import network, onset, trace_of

import eventsim as es
import training
from eventsim.errors import InputError

NONSENSE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**31 - 1, 2**31, 2**63, -(2**63), 10**400]),
    st.floats(), st.sampled_from([0.0, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf]), st.text(max_size=4),
    st.sampled_from([
        b"bytes", (), [], {}, [[]], [1.0, [2.0]], [None], ["a", "b"], {"a": 1}, 1j, object(), object, int, len, ...,
        np.nan, np.array([]), np.zeros((0, 3)), np.zeros((2, 2, 2)), np.array([1.0, math.nan]), np.array("text"),
        np.array([None, 1], dtype=object), np.array([1, 2], dtype="M8[s]"), np.zeros(3, dtype=[("a", "i4")]),
        np.float64(2.0), np.array(3), np.zeros(2, np.complex64), np.ma.masked, slice(None), range(3),
        np.array([2**63], np.uint64), "x" * 5000, "\x1b[31m", "a\nb", {1, 2}, np.array([[1, 2], [3, 4]])]),
)


def checked(call, *args, **kwargs):
    """Call; return whether it took the arguments."""
    try:
        call(*args, **kwargs)
    except InputError as error:
        message = str(error)
        assert message and "\n" not in message and len(message) <= 620 and message.isprintable(), repr(message)
        return False
    except TypeError as error:  # of Python: names and numbers of arguments
        assert "argument" in str(error) and "()" in str(error), error
        return False
    return True


CALLS = {
    "LIF": (es.LIF, {"tau_mem": 20.0, "tau_syn": 5.0, "v_rest": 0.0, "v_threshold": 1.0, "v_reset": 0.0,
                     "t_refractory": 0.0, "v_init": 0.0, "i_offset": 0.0}),
    "Spikes": (es.Spikes, {"time": [1.0, 2.0], "neuron": [0, 1], "sample": 0, "amplitude": 1.0, "n_samples": 1}),
    "Recordings": (es.Recordings, {"time": [1.0], "x": [0], "y": [0], "polarity": [1], "offset": [0, 1],
                                   "shape": (2, 2)}),
    "Record": (es.Record, {"neurons": [0], "start": 0.0, "stop": 5.0, "counts": False}),
    "Uniform": (es.Uniform, {"low": 0.0, "high": 1.0}),
    "Normal": (es.Normal, {"mean": 0.0, "sd": 1.0, "low": -1.0, "high": 1.0}),
    "LogNormal": (es.LogNormal, {"mean": 1.0, "sd": 1.0}),
    "Exponential": (es.Exponential, {"mean": 1.0}),
    "Dense": (es.Dense, {"weight": 1.0, "pool": 1}),
    "Conv2d": (es.Conv2d, {"weight": 1.0, "stride": 1, "padding": 0, "pool": 1, "kernel": 3}),
    "Sparse": (es.Sparse, {"source": [0], "target": [1], "weight": 1.0}),
    "OneToOne": (es.OneToOne, {"weight": 1.0}),
    "AllToAll": (es.AllToAll, {"weight": 1.0, "allow_self": False}),
    "FixedProbability": (es.FixedProbability, {"p": 0.5, "weight": 1.0}),
    "FixedInDegree": (es.FixedInDegree, {"k": 2, "weight": 1.0}),
    "FixedOutDegree": (es.FixedOutDegree, {"k": 2, "weight": 1.0}),
    "Network": (es.Network, {"seed": 0}),
    "encode.latency": (es.encode.latency, {"values": np.full((1, 2), 0.5), "t_max": 1.0, "t_min": 0.0,
                                           "threshold": 0.0, "scale": 1.0}),
    "encode.coordinates": (es.encode.coordinates, {"values": np.full((1, 2), 0.5), "t_min": 0.0, "t_max": 1.0}),
    "train.Latency": (training.encode.Latency, {"t_max": 1.0, "t_min": 0.0, "threshold": 0.0, "channels": "on",
                                                "scale": 1.0, "bias": None, "input": None, "step": None}),
    "train.Coordinates": (training.encode.Coordinates, {"t_min": 0.0, "t_max": 1.0, "bias": None, "input": None}),
    "train.Events": (training.encode.Events, {"pool": 1, "time_scale": 1.0, "t_max": None, "polarity": "channels"}),
    "train.FirstSpike": (training.decode.FirstSpike, {"kind": "latency", "scale": 1.0, "tau": 1.0, "horizon": 3.0,
                                                      "early": 0.0, "early_tau": 1.0, "smoothing": 0.0}),
    "train.Potential": (training.decode.Potential, {}),
    "train.AdamW": (training.AdamW, {"lr": 1e-3}),
    "datasets.load": (training.datasets.load, {"name": "digits", "split": "train", "data": None}),
}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_constructors_take_nonsense_or_refuse_it_in_one_line(name, data):
    call, arguments = CALLS[name]
    wrong = data.draw(st.sets(st.sampled_from(sorted(arguments) or ["foo"]), min_size=1, max_size=2))
    checked(call, **(arguments | {key: data.draw(NONSENSE) for key in sorted(wrong)}))


def _net():
    return network()


BUILDING = {
    "input": lambda net, a, b, c: net.input(a, b),
    "population": lambda net, a, b, c: net.population(a, b, c),
    "poisson": lambda net, a, b, c: net.poisson(a, b, rate=c),
    "poisson rate": lambda net, a, b, c: net.poisson("new", 3, rate=c),
    "connect": lambda net, a, b, c: net.connect(a, b, c),
    "connect delay": lambda net, a, b, c: net.connect("onset", "excitatory", es.AllToAll(1.0), delay=a, receptor=b),
    "connect name": lambda net, a, b, c: net.connect("onset", "excitatory", es.AllToAll(1.0), name=a),
    "set_neuron": lambda net, a, b, c: net.set_neuron(a, b),
    "get": lambda net, a, b, c: net[a],
    "set_weight": lambda net, a, b, c: net.projections["onset->excitatory"].set_weight(a),
    "set_delay": lambda net, a, b, c: net.projections["onset->excitatory"].set_delay(a),
}


@pytest.mark.parametrize("name", BUILDING)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(a=NONSENSE, b=NONSENSE, c=NONSENSE)
def test_networks_are_built_or_refused_in_one_line(name, a, b, c):
    if name in ("input", "population", "poisson") and isinstance(b, int) and b > 1000:
        b = 1000  # neurons that somebody asks for are made
    checked(BUILDING[name], NETS.setdefault(name, _net()), a, b, c)


NETS = {}
TRACE = trace_of([(0, 1.0, 0), (0, 2.0, 3), (1, 1.5, 1)], n_samples=2)

OF_TRACES = {
    "spikes": lambda a, b: TRACE.spikes(a),
    "blocks": lambda a, b: list(TRACE.blocks(a)),
    "counts": lambda a, b: TRACE.counts(a),
    "first_spikes": lambda a, b: TRACE.first_spikes(a),
    "offsets": lambda a, b: TRACE.offsets(a),
    "is_complete": lambda a, b: TRACE.is_complete(a),
    "with_labels": lambda a, b: TRACE.with_labels(a),
    "with_output": lambda a, b: TRACE.with_output(a),
    "membrane name": lambda a, b: TRACE.membrane(a, 0, b),
    "membrane neurons": lambda a, b: TRACE.membrane("cells", a, [1.0]),
    "membrane times": lambda a, b: TRACE.membrane("cells", [0], a),
    "membrane sample": lambda a, b: TRACE.membrane("cells", [0], [1.0], sample=a),
    "potential": lambda a, b: TRACE.potential("cells", a),
    "load": lambda a, b: es.Trace.load(a, b),
    "latency": lambda a, b: es.measure.latency(TRACE, a),
    "spike_counts": lambda a, b: es.measure.spike_counts(TRACE, a),
    "decide": lambda a, b: es.measure.decide(TRACE, rule=a),
    "evaluate": lambda a, b: es.measure.evaluate(TRACE, a),
    "energy": lambda a, b: es.measure.energy(TRACE, a),
    "operations": lambda a, b: es.measure.synaptic_operations(TRACE, a),
    "to_csv": lambda a, b: es.io.to_csv(a, b),
    "from_csv": lambda a, b: es.io.from_csv(a, b),
    "to_sonata": lambda a, b: es.io.to_sonata(TRACE, "/nowhere/x.h5", a, b),
    "from_sonata": lambda a, b: es.io.from_sonata(a, b),
    "network load": lambda a, b: es.Network.load(a),
    "model load": lambda a, b: training.Model.load(a),
    "select": lambda a, b: onset(2).select(a),
}


@pytest.mark.parametrize("name", OF_TRACES)
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(a=NONSENSE, b=NONSENSE)
@example(a=None, b=None)
def test_traces_are_asked_nonsense_and_answer_in_one_line(name, a, b):
    checked(OF_TRACES[name], a, b)


RUNS = ("stimulus", "t_stop", "engine", "precision", "threads", "seed", "record", "stop", "stop_every", "labels",
        "output", "out", "progress")


@pytest.mark.parametrize("name", RUNS)
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(value=NONSENSE)
def test_simulations_are_refused_in_one_line_before_they_run(name, value):
    arguments = {"stimulus": {}, "t_stop": 0.0, "engine": "reference"} | {name: value}
    if name == "t_stop" and isinstance(value, int | float) and value > 3:
        return  # a long run is what was asked for
    checked(es.simulate, _net(), **arguments)
