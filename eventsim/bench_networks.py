"""Networks of the benchmarks, as plain arrays first, so that every simulator gets the same one.

`draw` returns a `Circuit`: neuron parameters, initial potentials and rows of synapses from a fixed seed.
`build` makes an `eventsim.Network` of it; `save` writes it for a simulator that runs elsewhere.

``delta`` and ``cuba`` are benchmarks 4 and 2 of Brette et al. (J. Comput. Neurosci. 23, 2007): 3200 excitatory
and 800 inhibitory neurons, 2 % of all pairs connected, voltage jumps or exponential currents, and a resting
potential above the threshold. Of the published variants these are Brian2's weights (1.62 and -9 mV).
"""

import json
from typing import NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose

SEED = 20071

NETWORKS = {
    "delta": "Brette et al. 2007, benchmark 4: delta synapses, delay 0.1 ms",
    "cuba": "Brette et al. 2007, benchmark 2: exponential currents of 5 and 10 ms, delay 0.1 ms",
    "delays": "delta synapses, delays of 0.5 to 3 ms in steps of 0.1 ms, Poisson drive",
    "delays-fine": "the same with delays drawn from a continuum, another one for every synapse",
    "indegree": "delta synapses, the same number of synapses onto every neuron, delay 1 ms",
}
"""The recurrent networks by name."""

BRETTE = {"tau_mem": 20.0, "v_rest": -49.0, "v_threshold": -50.0, "v_reset": -60.0, "t_refractory": 5.0}
_INHIBITORY_SHARE = 5  # one neuron in five
_GRID = 0.1  # ms: what simulators with a step can represent


class Rows(NamedTuple):
    """Synapses sorted by (source, target): those of source i are pointer[i] to pointer[i + 1]."""

    pointer: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    """In ms: shape () where all are the same, else one a synapse."""

    @property
    def source(self):
        """Source of every synapse, int32."""
        return np.repeat(np.arange(len(self.pointer) - 1, dtype=np.int32), np.diff(self.pointer))


class Circuit(NamedTuple):
    """A recurrent network of one population, ``cells``, and possibly Poisson neurons, ``noise``."""

    name: str
    neuron: dict
    """Arguments of `eventsim.LIF` but for `v_init`."""
    v_init: np.ndarray
    rows: Rows
    noise: Rows | None
    rate: float
    """Of each noise neuron, Hz."""


def draw(name, neurons=None, synapses=None):
    """Return a benchmark network as arrays; the same at every call.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    neurons : int, optional
        Number of neurons; default 4000, and 20,000 for ``indegree``.
    synapses : int, optional
        Synapses onto a neuron, ``indegree`` only; default 80.

    Returns
    -------
    Circuit

    Raises
    ------
    InputError
        For an unknown name, or sizes that are not whole numbers of at least 10.
    """
    choose("network", name, NETWORKS)
    neurons = arrays.integer("neurons", 20000 if name == "indegree" else 4000, 10, 10**7) if neurons is None else (
        arrays.integer("neurons", neurons, 10, 10**7))
    if synapses is not None and name != "indegree":
        raise InputError(f'network "{name}" draws its synapses by chance; only "indegree" takes their number')
    random = np.random.Generator(np.random.PCG64(SEED))
    v_init = random.uniform(-60.0, -50.0, neurons)
    if name == "indegree":
        synapses = arrays.integer("synapses", 80 if synapses is None else synapses, 10, 10**5)
        return Circuit(name, {**BRETTE, "tau_syn": 0.0}, v_init, _fixed_in_degree(random, neurons, synapses), None, 0.0)
    pointer, target = _by_chance(random, neurons, neurons, 0.02)
    if name == "cuba":
        neuron = {**BRETTE, "tau_syn": {"excitatory": 5.0, "inhibitory": 10.0}}
        weight = _signed(neurons, pointer, 1.62, -9.0)
        return Circuit(name, neuron, v_init, Rows(pointer, target, weight, np.array(0.1)), None, 0.0)
    weight = _signed(neurons, pointer, 0.25, -2.25)
    if name == "delta":
        rows = Rows(pointer, target, weight, np.array(0.1))
        return Circuit(name, {**BRETTE, "tau_syn": 0.0}, v_init, rows, None, 0.0)
    neuron = {**BRETTE, "v_rest": -60.0, "tau_syn": 0.0}
    delay = random.uniform(0.5, 3.0, len(target))
    outside = _by_chance(random, neurons, neurons, 0.02)
    noise_delay = np.array(1.5)
    if name == "delays":
        delay = np.rint(delay / _GRID) * _GRID
    noise = Rows(*(*outside, np.full(len(outside[1]), 0.8), noise_delay))
    return Circuit(name, neuron, v_init, Rows(pointer, target, weight, delay), noise, 10.0)


def _by_chance(random, sources, targets, probability):
    """Return row pointers and targets of pairs that are connected with a probability, self-connections left out."""
    rows = []
    for source in range(sources):
        target = np.flatnonzero(random.random(targets) < probability)
        rows.append(target[target != source].astype(np.int32))
    pointer = np.zeros(sources + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=pointer[1:])
    return pointer, np.concatenate(rows)


def _fixed_in_degree(random, neurons, synapses):
    """Return rows with the same number of synapses onto every neuron; pairs may repeat.

    Weights scale with 1 / synapses, so that the mean input, and nearly the rate, does not depend on it.
    """
    inhibitory = neurons // _INHIBITORY_SHARE
    from_inhibitory = synapses // _INHIBITORY_SHARE
    source = np.empty((neurons, synapses), np.int32)
    source[:, :from_inhibitory] = random.integers(neurons - inhibitory, neurons, (neurons, from_inhibitory))
    source[:, from_inhibitory:] = random.integers(0, neurons - inhibitory, (neurons, synapses - from_inhibitory))
    pointer = np.zeros(neurons + 1, np.int64)
    np.cumsum(np.bincount(source.ravel(), minlength=neurons), out=pointer[1:])
    order = np.argsort(source.ravel(), kind="stable")
    target = (order // synapses).astype(np.int32)
    scale = 80.0 / synapses
    return Rows(pointer, target, _signed(neurons, pointer, 0.25 * scale, -2.25 * scale), np.array(1.0))


def _signed(neurons, pointer, excitatory, inhibitory):
    """Return weights by the kind of the source: the last fifth of the neurons inhibits."""
    by_source = np.full(neurons, excitatory)
    by_source[neurons - neurons // _INHIBITORY_SHARE:] = inhibitory
    return np.repeat(by_source, np.diff(pointer))


def build(circuit):
    """Return the `eventsim.Network` of a circuit.

    Parameters
    ----------
    circuit : Circuit
        As `draw` returns it.

    Returns
    -------
    Network
        With populations ``cells`` and, where there is noise, ``noise``.
    """
    import eventsim as es

    net = es.Network(seed=SEED)
    cells = net.population("cells", len(circuit.v_init), es.LIF(**circuit.neuron, v_init=circuit.v_init))
    _connect(net, cells, cells, circuit)
    if circuit.noise is not None:
        _connect(net, net.poisson("noise", len(circuit.noise.pointer) - 1, rate=circuit.rate), cells, circuit)
    return net


def _connect(net, source, cells, circuit):
    """Connect a population to the cells, positive weights to the first receptor and negative ones to the second."""
    rows = circuit.rows if source is cells else circuit.noise
    receptors = circuit.neuron["tau_syn"]
    if not isinstance(receptors, dict):
        net.connect(source, cells, *_listed(rows))
        return
    for receptor, mine in zip(receptors, (rows.weight > 0, rows.weight < 0), strict=True):
        if np.any(mine):
            net.connect(source, cells, *_listed(rows, mine), receptor=receptor, name=f"{source.name} {receptor}")


def _listed(rows, mine=slice(None)):
    """Return the connection and the delay of some of the synapses."""
    import eventsim as es

    delay = float(rows.delay) if rows.delay.ndim == 0 else rows.delay[mine]
    return es.Sparse(rows.source[mine], rows.target[mine], rows.weight[mine]), delay


def noise_spikes(circuit, duration):
    """Return (time, neuron) of the noise of a circuit, those that a run with seed `SEED` draws.

    Parameters
    ----------
    circuit : Circuit
        Without noise, both are empty.
    duration : float
        In ms.
    """
    if circuit.noise is None:
        return np.zeros(0), np.zeros(0, np.int32)
    from eventsim.poisson import Source

    count = len(circuit.noise.pointer) - 1
    return Source("noise", np.full(count, circuit.rate), SEED, 0).until(duration)


def synaptic_events(circuit, spike_counts, noise_counts):
    """Return how many arrivals the spikes of a run cause.

    Parameters
    ----------
    circuit : Circuit
    spike_counts, noise_counts : array of int
        Spikes by neuron.
    """
    events = int(np.dot(np.diff(circuit.rows.pointer), spike_counts))
    if circuit.noise is not None:
        events += int(np.dot(np.diff(circuit.noise.pointer), noise_counts))
    return events


def save(circuit, path, duration):
    """Write a circuit, with its noise spikes up to `duration` ms, as an npz file of plain arrays.

    Parameters
    ----------
    circuit : Circuit
    path : path-like
    duration : float
        In ms.
    """
    time, neuron = noise_spikes(circuit, duration)
    columns = {"v_init": circuit.v_init, "noise_time": time, "noise_neuron": neuron}
    for name, rows in (("rows", circuit.rows), ("noise", circuit.noise)):
        if rows is not None:
            columns.update({f"{name}_{field}": getattr(rows, field) for field in rows._fields})
    settings = json.dumps({"name": circuit.name, "neuron": circuit.neuron, "rate": circuit.rate})
    np.savez(path, settings=settings, **columns)


def ttfs(samples, images=None):
    """Return a 784-400-10 network of ramps with at most one spike a neuron, and its input.

    Parameters
    ----------
    samples : int
        Number of images.
    images : array of uint8, optional
        Of shape (n, 28, 28); default: random ones with 150 pixels that are not black.

    Returns
    -------
    net : Network
    stimulus : dict of str to Spikes
        The brighter a pixel, the earlier its spike.
    """
    import eventsim as es

    random = np.random.Generator(np.random.PCG64(SEED))
    if images is None:
        images = np.zeros((samples, 784), np.uint8)
        lit = np.argsort(random.random((samples, 784)), axis=1)[:, :150]
        np.put_along_axis(images, lit, random.integers(1, 256, lit.shape, dtype=np.uint8), axis=1)
    images = np.resize(images, (samples, 28, 28, 1))
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=SEED)
    net.input("pixels", (28, 28, 1))
    net.population("hidden", 400, once)
    net.population("output", 10, once)
    net.connect("pixels", "hidden", es.Dense(es.Normal(0.01, 0.05)))
    net.connect("hidden", "output", es.Dense(es.Normal(0.01, 0.05)))
    return net, {"pixels": es.encode.latency(images, t_max=1.0)}
