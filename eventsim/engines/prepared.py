"""What every sample of a network shares on the event engines, worked out once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.engines.cells import GRAIN, LIKE, add_of, kind_of, new_cells
from eventsim.neurons import receptors


class Rows(NamedTuple):
    """The synapses of a source, see `eventsim.lower.Lowered`."""

    row_ptr: np.ndarray
    row_projection: np.ndarray
    row_start: np.ndarray
    row_stop: np.ndarray
    row_delay: np.ndarray
    synapse_delay: np.ndarray
    first_delay: int
    varied: np.ndarray
    """(R,) int64: 1 where the weights of a row differ, else the first one is read for all."""


class Prepared(NamedTuple):
    """See the functions of this module."""

    lowered: object
    rows: Rows
    targets: np.ndarray
    """`synapse_target` as uint32: an index that cannot be negative saves a test a synapse (15 % of an addition)."""
    links: np.ndarray
    excites: np.ndarray
    shortest: float
    """Shortest delay between neurons (ms)."""
    room: int
    """Most rows of a source."""
    lanes: int
    """How many different delays are shared by whole projections."""
    cells: object
    """Tables at t = 0, to be copied."""
    load: np.ndarray
    """(N,) arrivals that reach a neuron and those before it, were every source to fire once."""


_KEPT: list[Any] = [None]


def prepare(lowered):
    """Return the `Prepared` of a lowered network; that of the last network is kept."""
    kept = _KEPT[0]
    if kept is not None and kept.lowered is lowered:
        return kept
    links, lanes = _links(lowered)
    load = np.cumsum(1 + arrays.tally(lowered.synapse_target, len(lowered.population)))
    cells, excites = new_cells(lowered), _excites(lowered)
    cells.pops[:, GRAIN] = _grain(lowered)
    cells.pops[:, LIKE] = _like(cells.pops, excites)
    made = Prepared(lowered, Rows(*[*(getattr(lowered, field) for field in Rows._fields[:-1]), _varied(lowered)]),
                    lowered.synapse_target.view(np.uint32), links, excites,
                    shortest_delay(lowered), int(np.diff(lowered.row_ptr).max(initial=0)), lanes, cells, load)
    _KEPT[0] = made
    return made


def shortest_delay(lowered):
    """Return the shortest delay (ms) between neurons, inf where no neuron sends to another; 0: there is none."""
    sends = ~_from_input(lowered)
    delays = lowered.row_delay[sends]
    shared = delays[delays >= 0.0]
    own = lowered.row_start[sends][delays < 0.0]
    first = lowered.synapse_delay[own - lowered.first_delay]  # rows are sorted by delay
    return float(min(shared.min(initial=math.inf), first.min(initial=math.inf)))


def _from_input(lowered):
    """Return (R,) bool: whether a row belongs to an input; the neurons of other processes are none."""
    found = np.zeros(len(lowered.row_start), np.bool_)
    found[:lowered.row_ptr[-1]] = np.repeat(lowered.regime[lowered.population] < 0, np.diff(lowered.row_ptr))
    return found


MOST_LANES = 64
"""With more different delays than this their spikes wait in a heap."""


def _varied(lowered):
    """Return (R,) int64: whether the weights of a row differ."""
    if len(lowered.row_start) == 0:
        return np.zeros(0, np.int64)
    changes = np.append(lowered.synapse_weight[1:] != lowered.synapse_weight[:-1], False)
    bounds = np.column_stack((lowered.row_start, lowered.row_stop - 1))
    return (np.logical_or.reduceat(changes, bounds.ravel())[::2] & (bounds[:, 0] < bounds[:, 1])).astype(np.int64)


def _links(lowered):
    """Return the table `links` (see `deliveries`) and the number of lanes."""
    links = np.zeros((len(lowered.projections), 5), np.int64)
    delays = np.full(len(links), -1.0)
    delays[lowered.row_projection] = lowered.row_delay  # all rows of a projection are alike
    shared = np.unique(delays[delays > 0.0])[:MOST_LANES]
    for k, p in enumerate(lowered.projection_target):
        receptor = int(lowered.projection_receptor[k])
        regime, taus = int(lowered.regime[p]), [lowered.tau_mem[p], lowered.tau_syn[p], lowered.tau_two[p]]
        lane = int(np.searchsorted(shared, delays[k])) if delays[k] in shared else -1
        add, to_delta = add_of(kind_of(regime, *taus), regime, receptor), taus[1 + receptor] == 0.0
        links[k] = p, add, to_delta, receptor, lane
    return links, len(shared)


def _grain(lowered):
    """Return (P,) V: what the largest arrival adds to the terms of V, whichever way they cancel."""
    grain = np.zeros(len(lowered.names))
    for k, p in enumerate(lowered.projection_target):
        weights = lowered.synapse_weight[lowered.projection_start[k]:lowered.projection_stop[k]]
        at = float(lowered.period[p])
        taus = [float(tau[p]) for tau in (lowered.tau_mem, lowered.tau_syn, lowered.tau_two)]
        regime, receptor = int(lowered.regime[p]), int(lowered.projection_receptor[k])
        terms = np.multiply(receptors.phi(regime, *taus, at), receptors.psi(regime, *taus, receptor, at))
        grain[p] = max(grain[p], np.abs(terms).sum() * max(weights.max(initial=0.0), -weights.min(initial=0.0)))
    return grain


def _like(pops, excites):
    """Return the number of the first population with the same constants, for each; populations are not alike inside."""
    first = {}
    return [first.setdefault((*row, *pair), p) for p, (row, pair) in enumerate(zip(pops.tolist(), excites.tolist(),
                                                                                  strict=True))]


def _excites(lowered):
    """Return (P, 2) bool: whether a receptor of a population ever gets a positive input."""
    excites = np.zeros((len(lowered.names), 2), np.bool_)
    from_input = _from_input(lowered)
    for k, p in enumerate(lowered.projection_target):
        weights = lowered.synapse_weight[lowered.projection_start[k]:lowered.projection_stop[k]]
        positive = bool(np.any(weights > 0.0))
        if np.any(from_input[lowered.row_projection == k]):  # an amplitude may be negative
            positive = bool(np.any(weights != 0.0))
        excites[p, lowered.projection_receptor[k]] |= positive
    return excites
