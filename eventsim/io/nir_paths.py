"""From which spikes, through which linear nodes, a node of NIR gets its input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.io import nir_graph, nir_neurons, nir_steps

_PASSING = ("pass", "Flatten")
_MOST = 10_000  # paths to one node: graphs that split and meet again have as many as there are ways through


class Step(NamedTuple):
    """One linear node on a path, or the gain of a synapse as a Scale."""

    name: str
    kind: str
    node: object
    shape: tuple
    """Of its input."""


class Gain(NamedTuple):
    """A Scale that no node of the graph is: what a spike does to a synapse or a membrane."""

    scale: np.ndarray


class Path(NamedTuple):
    """How the spikes of a node reach another one, or a constant does.

    Attributes
    ----------
    origin : str or None
        The node that spikes; None: `constant` goes the way instead.
    constant : ndarray or None
        Flat, in NIR's order.
    steps : tuple of Step
        What happens on the way.
    synapse : str or None
        The LI or I node on the way that makes a current of spikes.
    tau_syn : float
        Its time constant in ms; 0 without.
    """

    origin: str | None
    constant: np.ndarray | None
    steps: tuple
    synapse: str | None = None
    tau_syn: float = 0.0


def paths_to(flat, name, dt):
    """Return all paths that end at a node.

    Parameters
    ----------
    flat : nir_graph.Flat
    name : str
        A node with a membrane.
    dt : float
        Area of a spike in ms.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        Linear nodes form a loop, or a synapse feeds a synapse.
    """
    kind, node, shape = flat.kind(name), flat.nodes[name], flat.shape_out[name]
    cell = nir_neurons.cell(name, kind, node, shape, dt)
    own = cell.tau_syn > 0.0
    result = []
    for path in _backwards(flat, name, dt):
        if path.synapse is not None and own:
            raise InputError(
                f'node "{path.synapse}" feeds the synapse of "{name}" ({kind}): two synapses in a row have no '
                "counterpart; feed spikes"
            )
        if path.origin is None:
            result.append(path)
            continue
        gains = [cell.synapse, cell.current] if own else [cell.current if path.synapse else cell.jump]
        steps = path.steps + tuple(_gain(name, gain) for gain in gains)
        result.append(path._replace(
            steps=steps, synapse=name if own else path.synapse, tau_syn=cell.tau_syn if own else path.tau_syn
        ))
    return result


def outlets(flat, name):
    """Return the Output and Threshold nodes that a node reaches unchanged, and whether it feeds anything else."""
    ends, more = [], False
    for target in flat.after[name]:
        kind = flat.kind(target)
        if kind in _PASSING:
            further, also = outlets(flat, target)
            ends += further
            more = more or also
        elif kind in ("Output", "Threshold"):
            ends.append(target)
        else:
            more = True
    return ends, more


def senders(flat, name):
    """Return the nodes whose output reaches a node unchanged, and the linear nodes in between that change it."""
    origins, changed = [], []
    for source in flat.before[name]:
        if flat.kind(source) in _PASSING:
            further, also = senders(flat, source)
            origins += further
            changed += also
        else:
            (changed if flat.kind(source) in nir_steps.KINDS else origins).append(source)
    return origins, changed


def _backwards(flat, name, dt):
    """Yield the paths to the input of a node, its own gains not yet among the steps."""
    found = 0
    waiting: list[Any] = [(source, (), (name,), None, 0.0) for source in reversed(flat.before[name])]
    while waiting:
        here, steps, seen, synapse, tau_syn = waiting.pop()
        kind, node = flat.kind(here), flat.nodes[here]
        if kind in nir_graph.SPIKING or kind in ("Input", "Threshold"):
            found += 1
            if found > _MOST:
                raise InputError(f'more than {_MOST:,} paths lead to node "{name}"; such a graph is not convertible')
            yield Path(here, None, steps, synapse, tau_syn)
            continue
        if here in seen:
            loop = " -> ".join(reversed(seen[seen.index(here):]))
            raise InputError(f'node "{here}" is in a loop without neurons that spike ({loop}); put one in')
        if kind in nir_graph.POTENTIALS:
            if synapse is not None:
                raise InputError(
                    f'node "{here}" ({kind}) feeds node "{synapse}" ({flat.kind(synapse)}): two synapses in a row '
                    "have no counterpart; feed spikes"
                )
            if kind == "CubaLI":
                raise InputError(
                    f'node "{here}" (CubaLI) feeds node "{seen[0]}": a synapse and a membrane before another '
                    "membrane have no counterpart; use LI"
                )
            cell = nir_neurons.cell(here, kind, node, flat.shape_out[here], dt)
            if np.any(cell.v_leak):
                yield Path(None, cell.v_leak.reshape(-1), steps)
            steps = (_gain(here, cell.jump), *steps)
            synapse, tau_syn = here, cell.tau_mem
        elif kind != "pass":
            constant = nir_steps.constant(here, kind, node, flat.shape_out[here])
            if constant is not None:
                yield Path(None, constant, steps, synapse, tau_syn)
            steps = (Step(here, kind, node, flat.shape_in[here]), *steps)
        for source in reversed(flat.before[here]):
            waiting.append((source, steps, (*seen, here), synapse, tau_syn))


def _gain(name, gain):
    return Step(name, "Scale", Gain(gain), gain.shape)
