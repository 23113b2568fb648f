"""From a graph of NIR to a network; docs/nir.md has the equations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse.csgraph

from eventsim.connect import Dense
from eventsim.constants import NEVER
from eventsim.errors import InputError
from eventsim.io import hdf5, nir_connect, nir_file, nir_graph, nir_neurons, nir_paths, nir_steps, nir_units
from eventsim.network import Network
from eventsim.neurons.lif import LIF

if TYPE_CHECKING:
    from nir import NIRGraph

    from eventsim.type_aliases import PathLike

STEP_KEY, LOOP_KEY = "eventsim_dt_ms", "eventsim_loop_delay_ms"
"""Metadata of a graph that `to_nir` wrote."""

ONSET = ".onset"
"""End of the name of a population that fires once at t = 0."""


def from_nir(
    graph: NIRGraph | PathLike, dt: float | None = None, loop_delay: float | None = None, seed: int = 0
) -> Network:
    """Return the network that a graph of NIR describes.

    Parameters
    ----------
    graph : nir.NIRGraph, str or path-like
        The graph, or a file of it.
    dt : float, optional
        Area of a spike in ms: a tool that steps by dt hands on a 1 for one step, so this is the step of the tool that
        the graph comes from. Default: what `to_nir` noted in the graph, else 0.1 (snnTorch, SpikingJelly; Norse: 1).
        The weights of delta synapses and of synaptic currents are proportional to it; nothing else depends on it.
    loop_delay : float, optional
        Delay in ms of connections that close a loop in which no other delay is: NIR has none there, tools that step
        take one step. Default: what `to_nir` noted in the graph, else `dt`.
    seed : int, optional
        Of the network, whose draws a graph leaves open.

    Returns
    -------
    Network
        Populations have the names of the nodes (those of nested graphs: "graph.node"); maps are (height, width,
        channels). The inputs are populations that are given spikes. A constant that drives a synapse adds a population
        "node.onset" of one neuron, which fires once at t = 0.

    Raises
    ------
    InputError
        What has no counterpart, with the node's name and the reason; or the package `nir` is not installed.

    Notes
    -----
    Equations, units, initial states and all conventions: docs/nir.md. Source: Pedersen et al., Nature Communications
    15, 8122 (2024), and the definitions of the nodes in the package.
    """
    nir, where = nir_file.package(), "the graph"
    if not isinstance(graph, nir.NIRGraph):
        if isinstance(graph, nir.NIRNode):
            kind = type(graph).__name__
            raise InputError(f"from_nir takes a graph; got one node, {kind}: make one with nir.NIRGraph.from_list.")
        if not isinstance(graph, str) and not hasattr(graph, "__fspath__"):
            raise InputError(f"from_nir takes a nir.NIRGraph or the path of a file; got {type(graph).__name__}.")
        where, graph = f'"{graph}"', nir_file.read(graph)
    try:
        return _converted(graph, dt, loop_delay, seed)
    except InputError as error:
        raise InputError(f"{where}: {error}" if where.startswith('"') else str(error)) from None
    except hdf5.DAMAGE as error:  # parameters that are no arrays of numbers: the package takes anything
        raise InputError(f"{where} cannot be converted, a parameter is of a wrong kind: {hdf5.one_line(error)}"
                         ) from None


def _converted(graph, dt, loop_delay, seed):
    noted = graph.metadata if isinstance(graph.metadata, dict) else {}
    dt = nir_units.step_of(_noted(noted, STEP_KEY, nir_units.STEP) if dt is None else dt)
    loop_delay = _noted(noted, LOOP_KEY, dt) if loop_delay is None else loop_delay
    if isinstance(loop_delay, str) or not np.isfinite(loop_delay) or loop_delay < 0.0:
        raise InputError(f"loop_delay = {loop_delay!r} cannot be used; give a time in ms, finite and >= 0.")
    return _Reader(nir_graph.Flat(graph), dt, float(loop_delay), seed).network()


def _noted(metadata, key, otherwise):
    return float(np.asarray(metadata[key])) if key in metadata else otherwise


class _Reader:
    """Builds the network: populations first, then what connects them."""

    def __init__(self, flat, dt, loop_delay, seed):
        self.flat, self.dt, self.loop_delay = flat, dt, loop_delay
        self.net = Network(seed)
        self.names = {}
        """The population of each node that has one."""

    def network(self):
        self._check_ends()
        thresholds = self._thresholds()
        neurons, called = [], {}
        for name in self.flat.nodes:
            kind = self.flat.kind(name)
            if kind == "Input":
                shape = nir_units.our_shape(self.flat.shape_out[name])
                self.names[name] = self.net.input(self._free_name(name), shape).name
            elif kind in nir_graph.SPIKING:
                neurons.append((name, name))
            elif kind in nir_graph.POTENTIALS:
                ends, readout = thresholds.get(name, []), self._is_readout(name)
                neurons += [(name, end) for end in ends] + [(name, name)] * readout
                if len(ends) == 1 and not readout:
                    called[ends[0]] = name
        wanted = []
        for dynamics, name in neurons:
            wanted += self._population(dynamics, name, called.get(name, name))
        self._connect(wanted)
        return self.net

    def _free_name(self, name):
        result = name.replace("/", ".").strip() or "node"
        if result in self.net:
            raise InputError(f'node "{name}" would become a second population "{result}"; rename it')
        return result

    def _check_ends(self):
        """Refuse what leads nowhere, and outputs of something that is no neuron."""
        for name in self.flat.nodes:
            kind = self.flat.kind(name)
            if kind in nir_steps.KINDS and not self.flat.after[name]:
                raise InputError(f'node "{name}" ({kind}) leads nowhere; connect it, or leave it out')
            if kind != "Output":
                continue
            _, changed = nir_paths.senders(self.flat, name)
            if changed:
                node = changed[0]
                raise InputError(
                    f'node "{node}" ({self.flat.kind(node)}) is read out at "{name}" without neurons in between; put '
                    "LI or LIF there: outputs are spikes or potentials of neurons"
                )

    def _thresholds(self):
        """Return the Threshold nodes behind each potential; refuse those that are no first crossing."""
        result = {}
        for name in self.flat.nodes:
            if self.flat.kind(name) != "Threshold":
                continue
            origins, changed = nir_paths.senders(self.flat, name)
            if changed or len(origins) != 1 or self.flat.kind(origins[0]) not in nir_graph.POTENTIALS:
                raise InputError(
                    f'node "{name}" (Threshold) must be fed by one I, LI or CubaLI node and nothing else: a threshold '
                    "on spikes or on their sums has no counterpart; use IF or LIF"
                )
            ends, more = nir_paths.outlets(self.flat, name)
            if more or any(self.flat.kind(end) == "Threshold" for end in ends):
                raise InputError(
                    f'node "{name}" (Threshold) feeds more than outputs: its signal stays on as long as the potential '
                    "is above the threshold, which is no spike; use IF or LIF"
                )
            result.setdefault(origins[0], []).append(name)
        return result

    def _is_readout(self, name):
        ends, more = nir_paths.outlets(self.flat, name)
        return any(self.flat.kind(end) == "Output" for end in ends) or not (ends or more)

    def _population(self, dynamics, name, called):
        """Add the population of a node; return the connections that it wants: (path, node, receptor).

        `dynamics` is the node with the membrane, `name` the one whose output it is, itself or a Threshold.
        """
        flat, node, shape = self.flat, self.flat.nodes[dynamics], self.flat.shape_out[dynamics]
        kind = flat.kind(dynamics)
        cell = nir_neurons.cell(dynamics, kind, node, shape, self.dt)
        paths = nir_paths.paths_to(flat, dynamics, self.dt)
        labels = _receptors(dynamics, kind, paths, cell)
        offset, onset = self._constants(paths, cell)
        tau_syn = {label: tau for tau, label in labels.items()} if len(labels) > 1 else next(iter(labels))
        values = nir_neurons.parameters(dynamics, kind, node, shape, cell, tau_syn, offset)
        if name != dynamics:
            threshold = nir_neurons.values(name, "Threshold", flat.nodes[name], "threshold", shape)
            values |= {"v_threshold": nir_neurons.ours(nir_units.above(threshold)), "t_refractory": NEVER}
        self.names[name] = self._free_name(called)
        population = self.net.population(self.names[name], nir_units.our_shape(shape), LIF(**values))
        if len(labels) == 1:
            labels = dict.fromkeys(labels)
        if onset:
            self._onset(population, {labels[tau]: w.reshape(shape) for tau, w in onset.items()})
        return [(path, name, labels[path.tau_syn]) for path in paths if path.origin is not None]

    def _constants(self, paths, cell):
        """Return the constant drive of a population, and by synapse what it lacks at the start; flat, NIR's order.

        A constant at the membrane is there from the start; at a synapse it has to fill the synapse first.
        """
        current = cell.current.reshape(-1)
        offset, onset = np.zeros(len(current)), {}
        for path in paths:
            if path.origin is not None:
                continue
            value = _carried(path)
            if cell.tau_syn or path.synapse is not None:
                tau_syn = cell.tau_syn or path.tau_syn
                if math.isinf(tau_syn):
                    raise InputError(
                        f'node "{path.synapse}" (I) is fed a constant, which it integrates without end: there is no '
                        "counterpart; feed it spikes only"
                    )
                # A synapse's gain for spikes is that for constants times dt / tau.
                value = value * (cell.drive.reshape(-1) if cell.tau_syn else tau_syn / self.dt)
                onset[tau_syn] = onset.get(tau_syn, 0.0) - value * current
            offset = offset + value * current
        return offset, {tau: weight for tau, weight in onset.items() if np.any(weight)}

    def _onset(self, population, weights):
        """Add a neuron that fires once at t = 0, and empties the synapses that a constant has yet to fill."""
        name = population.name + ONSET
        if name in self.net or name in self.flat.nodes:
            raise InputError(f'node "{name}" has the name of a population that is needed; rename it')
        once = LIF(tau_mem=NEVER, tau_syn=0.0, v_init=1.0, t_refractory=NEVER)
        self.net.population(name, 1, once)
        for receptor, weight in weights.items():
            row = nir_units.ours_from_nir(weight)[np.newaxis]
            self.net.connect(name, population, Dense(row), receptor=receptor)

    def _connect(self, wanted):
        made = []
        for path, node, receptor in wanted:
            source, target = self.flat.shape_out[path.origin], self.flat.shape_out[node]
            rule, delay = nir_connect.connection(source, target, path.steps)
            made.append((self.names[path.origin], self.names[node], rule, delay, receptor))
        at_once = [(source, target) for source, target, _, delay, _ in made if np.any(np.asarray(delay) == 0.0)]
        closing = _closing(at_once, list(self.net))
        for source, target, rule, delay, receptor in made:
            if (source, target) in closing:
                delay = np.where(np.asarray(delay) == 0.0, self.loop_delay, delay)
            self.net.connect(source, target, rule, delay=delay, receptor=receptor)


def _receptors(name, kind, paths, cell):
    """Return a name for each time constant of the synapses that feed a node, in ms."""
    if cell.tau_syn:
        return {cell.tau_syn: name}
    labels = {}
    for path in paths:
        if path.origin is not None or path.synapse is not None:
            labels.setdefault(path.tau_syn, path.synapse or "direct")
    if len(labels) > 2:
        raise InputError(
            f'node "{name}" ({kind}) is fed by synapses of {len(labels)} time constants; a population has two at most'
        )
    return labels or {0.0: "direct"}


def _carried(path):
    """Return what arrives of a constant at the end of its path, flat."""
    value = path.constant
    for step in path.steps:
        if step.kind not in ("Flatten", "Delay"):
            value = nir_steps.matrix(step.name, step.kind, step.node, step.shape).T @ value
    return value


def _closing(edges, names):
    """Return the edges that close a loop: within a strongly connected part, not away from where it is entered."""
    place = {name: i for i, name in enumerate(names)}
    rows, columns = [place[source] for source, _ in edges], [place[target] for _, target in edges]
    graph = scipy.sparse.coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(names), len(names))).tocsr()
    _, part = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    order = {}
    for start in sorted(range(len(names)), key=lambda i: i in columns):  # what nothing feeds comes first
        if start not in order:
            reached = scipy.sparse.csgraph.breadth_first_order(graph, start, return_predecessors=False)
            for i in reached:
                order.setdefault(int(i), len(order))
    return {
        (names[i], names[j]) for i, j in zip(rows, columns, strict=True) if part[i] == part[j] and order[j] <= order[i]
    }
