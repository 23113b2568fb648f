import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import eventsim as es
from eventsim.spike_table import SpikeTable


@pytest.fixture(autouse=True)
def figures_leave_no_trace(monkeypatch):
    """Fail a test whose figure is shown or changes a global setting; close its figures."""
    matplotlib.use("Agg")

    def shown(*_, **__):
        pytest.fail("pyplot.show was called")

    monkeypatch.setattr(plt, "show", shown)
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    plt.close("all")


@pytest.fixture
def make_trace():
    """Return a function that makes a trace of given spikes, without simulating."""

    def make(net, spikes, t_stop=20.0, n_samples=1, labels=None):
        stimulus, tables = {}, {}
        for name, columns in spikes.items():
            time, neuron, sample = np.broadcast_arrays(*(np.atleast_1d(column) for column in columns))
            if net[name].kind == "input":
                stimulus[name] = es.Spikes(time, neuron, sample, n_samples=n_samples)
                continue
            time = time.astype(float)
            order = np.lexsort((neuron, time, sample))
            tables[name] = SpikeTable(
                time[order],
                neuron[order].astype(np.int32),
                sample[order].astype(np.int32),
                np.ones(time.size),
                np.zeros(time.size, np.int32),
            )
        return es.Trace(
            net,
            stimulus,
            tables,
            t_stop,
            n_samples,
            engine="heap",
            reason="made by hand",
            precision="double",
            seed=0,
            recorded=tuple(tables),
            labels=labels,
        )

    return make


@pytest.fixture
def small_network():
    """Return 4 inputs, 3 hidden neurons, 2 outputs, densely connected."""
    neuron = es.LIF(tau_mem=20.0, tau_syn=5.0)
    net = es.Network(seed=1)
    net.input("pixels", 4)
    net.population("hidden", 3, neuron)
    net.population("output", 2, neuron)
    net.connect("pixels", "hidden", es.Dense(np.full((4, 3), 0.1)))
    net.connect("hidden", "output", es.Dense(np.full((3, 2), 0.1)))
    return net


@pytest.fixture
def small_trace(make_trace, small_network):
    """Return three labelled samples: decided right at 6 ms, wrong at 8 ms, and undecided."""
    spikes = {
        "pixels": ([0.0, 0.5, 1.0, 0.25], [0, 1, 3, 2], [0, 0, 1, 2]),
        "hidden": ([2.0, 3.0, 4.0, 2.5], [0, 2, 1, 1], [0, 0, 0, 1]),
        "output": ([6.0, 9.0, 8.0], [1, 0, 0], [0, 0, 1]),
    }
    return make_trace(small_network, spikes, n_samples=3, labels=[1, 1, 0])
