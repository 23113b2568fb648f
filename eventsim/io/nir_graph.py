"""A graph of NIR made flat: nested graphs dissolved, every edge checked, every signal's shape known."""

import math

import numpy as np

from eventsim.errors import InputError, did_you_mean
from eventsim.io import nir_steps

SPIKING = ("IF", "LIF", "CubaLIF")
POTENTIALS = ("I", "LI", "CubaLI")
"""Nodes whose output is a potential, not spikes."""

PASSING = ("Input", "Output")
"""What an inner graph's ends do; those of the whole graph are its inputs and outputs."""

_LARGEST = 2**24  # values of a signal: a few bytes of a file may claim any number

KINDS = (*SPIKING, *POTENTIALS, *nir_steps.KINDS, "Threshold", "NIRGraph", *PASSING)


class Flat:
    """The nodes of a graph by name, who feeds whom, and the shapes.

    Attributes
    ----------
    nodes : dict of str to node
        Of nested graphs as "graph.node"; the inner Input and Output nodes are among them.
    before, after : dict of str to list of str
        The nodes that feed a node, and those that it feeds.
    shape_in, shape_out : dict of str to tuple
        NIR's shapes.
    inner : set of str
        The Input and Output nodes of nested graphs, which pass what they get.
    """

    def __init__(self, graph):
        self.nodes, self.inner = {}, set()
        edges = []
        self._dissolve(graph, "", edges)
        self.before = {name: [] for name in self.nodes}
        self.after = {name: [] for name in self.nodes}
        for source, target in edges:
            self.after[source].append(target)
            self.before[target].append(source)
        self.nodes = {name: self.nodes[name] for name in self._from_the_inputs()}
        self.shape_in, self.shape_out = _shapes(self)

    def kind(self, name):
        """Return the type of a node by its name in NIR, "pass" for the ends of nested graphs."""
        return "pass" if name in self.inner else type(self.nodes[name]).__name__

    def _from_the_inputs(self):
        """Return the names of the nodes from the inputs on: files have them in alphabetical order."""
        found = [name for name in self.nodes if self.kind(name) == "Input"]
        seen = set(found)
        for name in found:  # grows on the way
            further = [target for target in self.after[name] if target not in seen]
            found += further
            seen.update(further)
        return found + [name for name in self.nodes if name not in seen]

    def _dissolve(self, graph, prefix, edges):
        """Add the nodes and edges of a graph; return its ends, None where there is not exactly one."""
        entry, leave = {}, {}
        for name, node in graph.nodes.items():
            full, kind = prefix + str(name), type(node).__name__
            if kind not in KINDS:
                raise InputError(
                    f'node "{full}" is of the kind {kind}, which has no counterpart; convertible: {", ".join(KINDS)}'
                )
            if kind == "NIRGraph":
                entry[name], leave[name] = self._dissolve(node, full + ".", edges)
                continue
            if full in self.nodes:
                raise InputError(f'there are two nodes "{full}" once nested graphs are dissolved; rename one')
            self.nodes[full] = node
            entry[name] = leave[name] = full
            if prefix and kind in PASSING:
                self.inner.add(full)
        seen = set()
        for edge in graph.edges:
            source, target = edge
            for end in edge:
                if end not in graph.nodes:
                    names = did_you_mean(end, graph.nodes)
                    raise InputError(f'an edge names the node "{prefix}{end}", which does not exist.{names}')
            if (source, target) in seen:
                raise InputError(f'the edge from "{prefix}{source}" to "{prefix}{target}" is there twice; once will do')
            seen.add((source, target))
            if leave[source] is None or entry[target] is None:
                graph_name = source if leave[source] is None else target
                raise InputError(
                    f'the nested graph "{prefix}{graph_name}" needs exactly one Input and one Output to be connected'
                )
            edges.append((leave[source], entry[target]))
        ends = [[prefix + str(name) for name, node in graph.nodes.items() if type(node).__name__ == kind]
                for kind in PASSING]
        return [end[0] if len(end) == 1 else None for end in ends]


def own_shape(kind, node):
    """Return the shape that a node's parameters give it, None where they give none (or one number for all)."""
    if kind in ("Input", "Output"):
        shape = next(iter((node.input_type or {}).values()), None)
        if shape is None or np.size(shape) == 0:
            return None
        shape = tuple(int(n) for n in np.atleast_1d(shape))
        # Exporters that look at a sample write its batch axis into the shape: (1, n), or (1, channels, height, width).
        return shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape
    if kind == "Threshold":
        shape = np.shape(node.threshold)
    elif kind in SPIKING:
        shape = np.shape(node.v_threshold)
    elif kind in POTENTIALS:
        shape = np.shape(node.r)
    else:
        return None
    return None if math.prod(shape) == 1 and shape != (1,) else tuple(shape)


def _shapes(flat):
    """Return the shapes into and out of every node, found from the inputs and from what nodes say themselves."""
    shape_in, shape_out = {}, {}
    for name, node in flat.nodes.items():
        kind = flat.kind(name)
        shape = own_shape(kind, node)
        if kind == "Input" and shape is None:
            raise InputError(f'node "{name}" (Input) does not say its shape; give it one')
        # One number may stand for one neuron or for all: the signal that comes in decides.
        if shape is not None and kind != "pass" and (shape != (1,) or not flat.before[name]):
            shape_out[name] = shape
    waiting = list(flat.nodes)
    while waiting:
        later = []
        for name in waiting:
            known = [shape_out[source] for source in flat.before[name] if source in shape_out]
            if not known:
                if flat.before[name] or name not in shape_out:
                    later.append(name)
                continue
            shape_in[name] = known[0]
            given = nir_steps.shape_out(name, flat.kind(name), flat.nodes[name], known[0])
            shape_out.setdefault(name, given)
        if len(later) == len(waiting) and not _assumed(flat, later, shape_out):
            break
        waiting = later
    for name in flat.nodes:
        size = math.prod(shape_out.get(name, ()))
        if not 0 < size <= _LARGEST:
            raise InputError(f'node "{name}" has a signal of {size:,} values; 1 to {_LARGEST:,} can be converted')
        if name not in shape_out:
            raise InputError(f'the shape of node "{name}" cannot be found: no Input leads to it; connect it')
        for source in flat.before[name]:
            _check_edge(flat, source, name, shape_in.get(name), shape_out)
    return shape_in, shape_out


def _assumed(flat, waiting, shape_out):
    """Take a neuron of one number, in a loop that says no shape, for a single one; return whether there is any."""
    for name in waiting:
        if name not in shape_out and own_shape(flat.kind(name), flat.nodes[name]) == (1,):
            shape_out[name] = (1,)
            return True
    return False


def _check_edge(flat, source, target, shape_in, shape_out):
    """Refuse an edge whose two ends have different shapes."""
    kind, given = flat.kind(target), shape_out[source]
    needed = shape_in
    if kind in SPIKING or kind in POTENTIALS or kind == "Threshold" or kind in PASSING:
        needed = shape_out[target]
    if given != needed:
        raise InputError(
            f'node "{target}" ({kind}) needs a signal of shape {needed}; "{source}" gives {given}; '
            "put a Flatten between them, or correct one"
        )
