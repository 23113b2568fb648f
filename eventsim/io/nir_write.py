"""From a network to a graph of NIR; docs/nir.md has the equations."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eventsim.arrays import flag
from eventsim.constants import NEVER
from eventsim.errors import InputError, choose, expect
from eventsim.io import nir_cells, nir_file, nir_units, nir_weights
from eventsim.io.nir_read import LOOP_KEY, ONSET, STEP_KEY
from eventsim.network import Network

if TYPE_CHECKING:
    from nir import NIRGraph

    from eventsim.type_aliases import PathLike


def to_nir(
    net: Network,
    path: PathLike | None = None,
    dt: float = nir_units.STEP,
    outputs: Sequence[str] | None = None,
    metadata: bool = False,
) -> NIRGraph:
    """Return the graph of NIR that describes a network.

    Parameters
    ----------
    net : Network
        What to convert; of a model its `net`.
    path : str or path-like, optional
        A file to write the graph to.
    dt : float, optional
        Area of a spike in ms: the step of the tool that will run the graph (snnTorch: 0.1, fixed there; Norse and
        SpikingJelly take it as an argument, in seconds). Weights are written such that a spike has its effect there.
    outputs : sequence of str, optional
        The populations to be read; default: those that feed no other population, or all if there are none.
    metadata : bool, optional
        Write what NIR has no field for, refractory periods and initial potentials, as metadata of the nodes, which
        `from_nir` reads and other tools ignore: there neurons fire again, and start elsewhere. Default: refuse it.

    Returns
    -------
    nir.NIRGraph
        Nodes are called as the populations; maps that a convolution or pooling touches, and input maps, are (channels,
        height, width), others vectors in the order of our neurons.

    Raises
    ------
    InputError
        What NIR cannot say, with the population's or projection's name and the reason; or the package `nir` is not
        installed.
    """
    nir = nir_file.package()
    if not isinstance(net, Network):
        hint = "; give its network, model.net" if isinstance(getattr(net, "net", None), Network) else ""
        raise InputError(f"to_nir takes a Network; got {type(net).__name__}{hint}.")
    graph = _Writer(nir, net, nir_units.step_of(dt), outputs, flag("metadata", metadata)).graph()
    if path is not None:
        nir_file.write(path, graph)
    return graph


class Draft:
    """The nodes and edges of a graph under construction.

    Attributes
    ----------
    nir : module
        The package.
    dt : float
        Area of a spike in ms.
    metadata : bool
        Whether what NIR has no field for is written as metadata.
    """

    def __init__(self, nir, dt, metadata):
        self.nir, self.dt, self.metadata = nir, dt, metadata
        self.nodes, self.edges = {}, []

    def add(self, name, node):
        """Add a node under a name that tools can use as that of a variable; return the name."""
        base = name = re.sub(r"\W+", "_", name).strip("_") or "node"
        number = 1
        while name in self.nodes:
            number += 1
            name = f"{base}_{number}"
        self.nodes[name] = node
        return name

    def join(self, *names):
        """Add the edges of a chain."""
        self.edges += itertools.pairwise(names)


class _Writer:
    def __init__(self, nir, net, dt, outputs, metadata):
        self.net, self.draft = net, Draft(nir, dt, metadata)
        feeding = {p.source.name for p in net.projections.values() if p.source is not p.target}
        neurons = [name for name, p in net.populations.items() if p.kind == "neurons"]
        self.onsets = {name for name in neurons if _is_onset(net, name)}
        neurons = [name for name in neurons if name not in self.onsets]
        if outputs is None:
            outputs = [name for name in neurons if name not in feeding] or neurons
        expect("outputs", outputs, Iterable, "a list of names of populations")
        self.outputs = [choose("output population", name, neurons) for name in outputs]
        if not net.populations:
            raise InputError("the network has no populations; there is nothing to convert.")
        self.maps = _maps(net)

    def graph(self):
        nir, draft = self.draft.nir, self.draft
        cells = {}
        # Populations before anything else: they keep their names.
        for name, population in self.net.populations.items():
            shape = nir_units.nir_shape(population.shape) if name in self.maps else (population.size,)
            if population.kind == "poisson":
                raise InputError(
                    f'population "{name}" is of kind poisson, and NIR has no source of noise; use an input, and give '
                    "it spikes"
                )
            if population.kind == "input":
                node = nir.Input(input_type={"input": np.array(shape)})
                cells[name] = nir_cells.Written(draft.add(name, node), {}, shape, {})
            elif name not in self.onsets:
                cells[name] = nir_cells.write(draft, population, shape, self._started(population), self._feeds(name))
        for projection in self.net.projections.values():
            if projection.source.name not in self.onsets:
                nir_weights.write(draft, projection, cells[projection.source.name], cells[projection.target.name])
        for name, cell in cells.items():
            nir_cells.write_constants(draft, self.net[name], cell)
        for name in self.outputs:
            node = nir.Output(output_type={"output": np.array(cells[name].shape)})
            draft.join(cells[name].leave, draft.add(f"{name}_output", node))
        noted = {STEP_KEY: draft.dt, LOOP_KEY: 0.0}
        try:
            return nir.NIRGraph(nodes=draft.nodes, edges=draft.edges, metadata=noted, type_check=False)
        except Exception as error:  # the package passes on what its assertions raise
            raise InputError(f"the network cannot be written as NIR: {' '.join(str(error).split())}") from None

    def _feeds(self, name):
        return any(p.source.name == name for p in self.net.projections.values())

    def _started(self, population):
        """Return what onset neurons add to the currents of a population at t = 0: by receptor, a row."""
        result = {}
        for projection in self.net.projections.values():
            if projection.target is population and projection.source.name in self.onsets:
                row = np.zeros(population.size)
                synapses = projection.synapses()
                np.add.at(row, synapses.target, synapses.weight)
                index = projection.receptor_index
                result[index] = result.get(index, 0.0) + row
        return result


def _is_onset(net, name):
    """Return whether a population is what `from_nir` adds for a constant that drives a synapse."""
    population = net[name]
    if not name.endswith(ONSET) or population.size != 1:
        return False
    p = population.neuron.resolve(1)
    fires_at_start = p.v_init[0] >= p.v_threshold[0] and p.t_refractory[0] == NEVER
    fed = [q for q in net.projections.values() if q.target is population]
    feeds = [q for q in net.projections.values() if q.source is population]
    at_once = all(np.all(q.delay == 0.0) and q.tau_syn > 0.0 and math.isfinite(q.tau_syn) for q in feeds)
    return bool(fires_at_start and not fed and at_once)


def _maps(net):
    """Return the populations that have to be maps in NIR: input maps, and what convolution and pooling touch."""
    result = {name for name, p in net.populations.items() if p.kind == "input" and len(p.shape) == 3}
    for projection in net.projections.values():
        rule = projection.connection
        if type(rule).__name__ == "Conv2d":
            result |= {projection.source.name, projection.target.name}
        elif rule.pool > 1:
            result.add(projection.source.name)
    return result
