"""What one rank simulates: its own neurons, the inputs that reach them, and the rows of the other ranks' neurons.

The neurons of other ranks are no entries in the tables of the engine. They have rows behind those of its own sources
(`eventsim.lower.assembled`), and a place in the order of arrivals between its gids (`eventsim.engines.flights.SPACE`).
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import network
from eventsim.engines.flights import SPACE
from eventsim.lower import assembled, numbered, rows_of
from eventsim.neurons.lif import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eventsim.network import Population
    from eventsim.type_aliases import Integers


class Far(NamedTuple):
    """The neurons of other ranks that reach neurons of this one, one entry each."""

    gid: np.ndarray
    """(n,) int64, ascending: number in the whole network, as populations and neurons are sorted."""
    sender: np.ndarray
    """(n,) int64: place in the order of arrivals."""
    rows: np.ndarray
    """(n + 1,) int64: neuron -> rows."""


class Local(NamedTuple):
    """See above."""

    net: Any
    """`eventsim.Network` without projections: own neurons, and the inputs that reach them."""
    lowered: Any
    ids: dict[str, np.ndarray]
    """By population of `net`: the ids in the whole network, ascending."""
    shift: np.ndarray
    """(populations of `net`,) int64: number in the whole network less gid; for neurons."""
    far: Far


class _Link(NamedTuple):
    """What is asked of a projection after its synapses were taken."""

    name: str
    source: Population
    target: Population
    scale: float
    receptor_index: int


def local_of(
    whole: Any, own: Mapping[str, tuple[int, int]], recorded: Collection[str] = (), keep: bool = True
) -> Local:
    """Return what a rank simulates.

    Parameters
    ----------
    whole : Network
        All populations, and projections that hold the rank's synapses only.
    own : dict of str to (int, int)
        The rank's range of neurons by population.
    recorded : collection of str
        Populations to record: the rank draws its own Poisson neurons of them, whether or not they reach it.
    keep : bool
        Whether the projections stay; else they are given up one by one.
    """
    links, parts = [], []
    for name in sorted(whole.projections):
        link = whole.projections[name]
        rows = rows_of(link, learning=False)
        if not keep:
            del whole._projections[name]
        if len(rows.source):
            links.append(_Link(name, link.source, link.target, link.scale, link.receptor_index))
            parts.append(rows)
        del link, rows
    heard = {name: _heard(name, links, parts) for name in whole.populations}
    net, ids = _own_network(whole, own, heard, recorded)
    names, offset = numbered(net)
    begin = dict(zip(sorted(whole.populations), _begins(whole), strict=True))
    gid, sender, number = [], [], 0
    place = {}
    for name in sorted(whole.populations):
        if whole.populations[name].kind != "neurons":
            continue
        first, last = own[name]
        sources = heard[name]
        far = sources[(sources < first) | (sources >= last)]
        at = bisect.bisect_left(names, name)
        before = np.where(far >= last, offset[at + 1] if name in ids else offset[at], offset[at])
        sender.append(before * SPACE - SPACE + 1 + number + np.arange(len(far)))
        gid.append(far + begin[name])
        place[name] = far, int(offset[-1]) + number
        number += len(far)
    for k, link in enumerate(links):
        parts[k] = parts[k]._replace(
            source=_sources(parts[k].source, link.source, own, ids, names, offset, place),
            target=np.subtract(parts[k].target, own[link.target.name][0], dtype=np.int32))
    lowered, rows = assembled(net, links, parts)
    empty = np.zeros(0, np.int64)
    shift = np.array([begin[name] + (ids[name][0] if len(ids[name]) else 0) for name in names], np.int64) - offset[:-1]
    return Local(net, lowered, ids, shift, Far(np.concatenate((empty, *gid)), np.concatenate((empty, *sender)), rows))


def _begins(whole: Any) -> Integers:
    return numbered(whole)[1][:-1]


def _heard(name: str, links: list[_Link], parts: list[Any]) -> Integers:
    """Return the neurons of a population that have a row here."""
    found = [part.source for link, part in zip(links, parts, strict=True) if link.source.name == name]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _own_network(
    whole: Any, own: Mapping[str, tuple[int, int]], heard: Mapping[str, Integers], recorded: Collection[str]
) -> tuple[Any, dict[str, Integers]]:
    """Return the rank's populations as a network, and the ids that their neurons have in the whole one."""
    net, ids = network.Network(whole.seed), {}
    for name, population in whole.populations.items():
        first, last = own[name]
        mine = np.arange(first, last) if population.kind == "neurons" else heard[name]
        if population.kind == "poisson" and name in recorded:
            mine = np.union1d(mine, np.arange(first, last))
        if len(mine) == 0:
            continue
        ids[name] = mine
        if population.kind == "input":
            net.input(name, len(mine))
        elif population.kind == "poisson":
            net.poisson(name, len(mine), population.rate[mine])
        else:
            given = {parameter: getattr(population.neuron, parameter) for parameter in PARAMETERS}
            here = {parameter: value[first:last] for parameter, value in given.items() if isinstance(value, np.ndarray)}
            net.population(name, len(mine), population.neuron.replace(**here))
    return net, ids


def _sources(
    sources: Integers, population: Population, own: Mapping[str, tuple[int, int]], ids: Mapping[str, Integers],
    names: tuple[str, ...], offset: Integers, place: Mapping[str, tuple[Integers, int]],
) -> Integers:
    """Return the gids of sources given by their ids; past the last gid where another rank has them."""
    name = population.name
    begin = offset[names.index(name)] if name in ids else 0
    if population.kind != "neurons":
        return begin + np.searchsorted(ids[name], sources)
    first, last = own[name]
    far, beyond = place[name]
    return np.where((sources >= first) & (sources < last), begin + sources - first,
                    beyond + np.searchsorted(far, sources))


def shortest_from_far(local: Local) -> float:
    """Return the shortest delay (ms) of a row that belongs to a neuron of another rank; inf where there is none."""
    lowered = local.lowered
    rows = slice(int(lowered.row_ptr[-1]), len(lowered.row_delay))
    delay, start = lowered.row_delay[rows], lowered.row_start[rows]
    own = start[delay < 0.0] - lowered.first_delay  # rows are sorted by delay
    return float(min(delay[delay >= 0.0].min(initial=np.inf), lowered.synapse_delay[own].min(initial=np.inf)))
