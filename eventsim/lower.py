"""A network as flat arrays: the form that every engine, the gradient and the measures walk over.

Populations are numbered in the order of their names, so that the global neuron id (gid) sorts as
(population name, neuron id) whatever the order of building. A source neuron has *delay groups*:
the synapses of one projection that share one delay, sorted by (delay, projection name); inside a
group synapses are sorted by (target, weight).
"""

from typing import NamedTuple

import numpy as np

from eventsim.neurons import membrane


class Lowered(NamedTuple):
    """A network in flat arrays. P populations, N neurons (inputs included), G groups, S synapses."""

    names: tuple
    """Population names, sorted."""
    projections: tuple
    """Projection names, sorted."""
    offset: np.ndarray
    """(P + 1,) int64: gid = offset[population] + id."""
    population: np.ndarray
    """(N,) int32: the population of a gid."""
    fires: np.ndarray
    """(P,) bool: a neuron population with a reachable threshold."""
    regime: np.ndarray
    """(P,) int64, see `eventsim.neurons.membrane`; -1 for inputs."""
    tau_mem: np.ndarray
    tau_syn: np.ndarray
    period: np.ndarray
    """(P,) float64, ms."""
    v_inf: np.ndarray
    """(N,) float64: what V relaxes to; all voltages below are relative to it."""
    drive: np.ndarray
    theta: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    t_refractory: np.ndarray
    group_ptr: np.ndarray
    """(N + 1,) int64: gid -> groups."""
    group_delay: np.ndarray
    group_projection: np.ndarray
    """(G,) int32: index into `projections`."""
    group_start: np.ndarray
    group_stop: np.ndarray
    """(G,) int64: range of synapses."""
    synapse_target: np.ndarray
    """(S,) int32: gid."""
    synapse_weight: np.ndarray
    synapse_parameter: np.ndarray
    """(S,) int64: index into the flattened weights of the projection."""
    projection_target: np.ndarray
    """(J,) int32: target population of a projection."""
    projection_scale: np.ndarray
    """(J,) float64: weight of a synapse / parameter (1 / k^2 under average pooling)."""


def lower(net):
    """Return the flat form of `net`; kept on the network until its fingerprint changes."""
    fingerprint = net.fingerprint()
    kept = getattr(net, "_lowered", None)
    if kept is not None and kept[0] == fingerprint:
        return kept[1]
    lowered = _lower(net)
    net._lowered = (fingerprint, lowered)
    return lowered


def _sorted_rows(source, delay, target, weight):
    """Return the order by (source, delay, target, weight), or None where it holds already."""
    keys = [source, target] if delay.ndim == 0 else [source, delay, target]
    tied = np.ones(max(len(source) - 1, 0), dtype=bool)
    in_order = True
    for key in [*keys, weight]:
        step_down = key[1:] < key[:-1]
        if np.any(tied & step_down):
            in_order = False
            break
        tied &= key[1:] == key[:-1]
    if in_order:
        return None
    return np.lexsort((weight, *reversed(keys)))


def _projection_rows(projection, source_offset, target_offset):
    """Return gids, weights, parameters of the synapses in engine order, and their groups."""
    synapses = projection.synapses()
    source = synapses.source.astype(np.int64)
    delay = np.asarray(synapses.delay, dtype=np.float64)
    order = _sorted_rows(source, delay, synapses.target, synapses.weight)
    columns = [source, synapses.target, synapses.weight, synapses.parameter]
    if order is not None:
        columns = [column[order] for column in columns]
        delay = delay if delay.ndim == 0 else delay[order]
    source, target, weight, parameter = columns
    if len(source) == 0:
        first = np.zeros(0, dtype=np.int64)
    else:
        change = source[1:] != source[:-1]
        if delay.ndim:
            change |= delay[1:] != delay[:-1]
        first = np.concatenate(([0], np.nonzero(change)[0] + 1)).astype(np.int64)
    stop = np.append(first[1:], len(source)).astype(np.int64) if len(first) else first
    group_delay = np.full(len(first), float(delay)) if delay.ndim == 0 else delay[first]
    groups = (source[first] + source_offset, group_delay, first, stop)
    return (target.astype(np.int32) + np.int32(target_offset), weight, parameter), groups


def _lower(net):
    names = tuple(sorted(net.populations))
    populations = [net.populations[name] for name in names]
    sizes = [population.size for population in populations]
    offset = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    total = int(offset[-1])
    count = len(names)
    regime = np.full(count, -1, dtype=np.int64)
    tau_mem, tau_syn, period = np.ones(count), np.ones(count), np.full(count, membrane.PERIOD_WITHOUT_TAU)
    fires = np.zeros(count, dtype=bool)
    v_inf, drive, v_reset, v_init = np.zeros(total), np.zeros(total), np.zeros(total), np.zeros(total)
    theta, refractory = np.full(total, np.inf), np.zeros(total)
    for index, population in enumerate(populations):
        if population.kind != "neurons":
            continue
        values = population.neuron.resolve(population.size)
        here = slice(offset[index], offset[index + 1])
        tau_mem[index], tau_syn[index] = values.tau_mem, values.tau_syn
        regime[index] = membrane.regime_of(values.tau_mem, values.tau_syn)
        period[index] = membrane.period_of(values.tau_mem, values.tau_syn)
        if np.isinf(values.tau_mem):
            drive[here] = values.i_offset
        else:
            v_inf[here] = values.v_rest + values.i_offset
        theta[here] = values.v_threshold - v_inf[here]
        v_reset[here] = values.v_reset - v_inf[here]
        v_init[here] = values.v_init - v_inf[here]
        refractory[here] = values.t_refractory
        fires[index] = bool(np.any(np.isfinite(values.v_threshold)))

    projections = tuple(sorted(net.projections))
    index_of = {name: index for index, name in enumerate(names)}
    rows, groups, shift = [], [], 0
    target_of, scale = np.zeros(len(projections), dtype=np.int32), np.ones(len(projections))
    for number, name in enumerate(projections):
        projection = net.projections[name]
        target_of[number] = index_of[projection.target.name]
        scale[number] = projection.scale
        row, (source, delay, start, stop) = _projection_rows(
            projection, offset[index_of[projection.source.name]], offset[target_of[number]])
        rows.append(row)
        groups.append((source, delay, np.full(len(source), number, dtype=np.int32), start + shift, stop + shift))
        shift += len(row[0])
    empty = (np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int64))
    target, weight, parameter = (np.concatenate(column) for column in zip(*rows, strict=True)) if rows else empty
    if groups:
        source, delay, number, start, stop = (np.concatenate(column) for column in zip(*groups, strict=True))
    else:
        source, delay, number = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32)
        start = stop = np.zeros(0, np.int64)
    order = np.lexsort((number, delay, source))
    pointer = np.zeros(total + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=total), out=pointer[1:])
    return Lowered(
        names, projections, offset, np.repeat(np.arange(count, dtype=np.int32), sizes), fires, regime,
        tau_mem, tau_syn, period, v_inf, drive, theta, v_reset, v_init, refractory,
        pointer, delay[order], number[order], start[order], stop[order],
        np.ascontiguousarray(target, dtype=np.int32), np.ascontiguousarray(weight, dtype=np.float64),
        np.ascontiguousarray(parameter, dtype=np.int64), target_of, scale)
