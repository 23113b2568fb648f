"""A network as flat arrays: the form that every engine, the gradient and the measures walk over.

Populations are numbered in the order of their names, so that the global neuron id (gid) sorts as
(population name, neuron id) whatever the order of building. A source neuron has one *row* of synapses
a projection. Where a projection has one delay, a row is sorted by (target, weight) and arrives as a
whole; where each synapse has its own, by (delay, target, weight), and it arrives piece by piece: `piece`
walks either kind. A synapse takes 12 bytes, 20 with a delay of its own.
"""

from typing import NamedTuple

import numpy as np

from eventsim._jit import inner, kernel
from eventsim.neurons import membrane


class Lowered(NamedTuple):
    """A network in flat arrays. P populations, J projections, N neurons (inputs included), R rows, S synapses."""

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
    tau_two: np.ndarray
    """(P,) float64, ms: time constant of the second receptor, 0 where there is one receptor."""
    period: np.ndarray
    """(P,) float64, ms."""
    v_inf: np.ndarray
    """(N,) float64: what V relaxes to; all voltages below are relative to it."""
    drive: np.ndarray
    theta: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    t_refractory: np.ndarray
    row_ptr: np.ndarray
    """(N + 1,) int64: gid -> rows; those from its end on belong to neurons of other processes (`eventsim.mpi`)."""
    row_projection: np.ndarray
    """(R,) int32: index into `projections`; ascending within a source."""
    row_start: np.ndarray
    row_stop: np.ndarray
    """(R,) int64: range of synapses."""
    row_delay: np.ndarray
    """(R,) float64, ms; -1 where each synapse has its own."""
    synapse_target: np.ndarray
    """(S,) int32: gid."""
    synapse_weight: np.ndarray
    """(S,) float64."""
    synapse_delay: np.ndarray
    """(S - first_delay,) float64, ms: delays of the synapses from `first_delay` on, the last ones."""
    first_delay: int
    projection_start: np.ndarray
    projection_stop: np.ndarray
    """(J,) int64: range of synapses."""
    projection_target: np.ndarray
    """(J,) int32: target population of a projection."""
    projection_scale: np.ndarray
    """(J,) float64: weight of a synapse / parameter (1 / k^2 under average pooling)."""
    projection_receptor: np.ndarray
    """(J,) int32: 1 where it feeds the second receptor of its target."""


def lower(net, learning=False):
    """Return the flat form of `net`; kept on the network until its fingerprint changes.

    With `learning` what `parameters` returns is made in the same go and kept as well (8 bytes a synapse), and where
    nothing but weights and parameters of neurons has changed since, only these are written anew.
    """
    fingerprint = net.fingerprint()
    kept = getattr(net, "_lowered", None)
    if kept is not None and kept.fingerprint == fingerprint:
        return kept.lowered
    parameter_of, wiring = ({}, _wiring(net)) if learning else (None, None)
    if learning and kept is not None and kept.serves(wiring):
        parameter_of, lowered = kept.parameter_of, _with_new_values(net, kept)
    else:
        lowered = _lower(net, parameter_of)
    net._lowered = _Kept(fingerprint, lowered, parameter_of, wiring)
    return lowered


class _Kept(NamedTuple):
    """A flat form and what it was made of."""

    fingerprint: str
    lowered: Lowered
    parameter_of: dict | None
    """By projection, with `learning` only."""
    wiring: tuple | None
    """See `_wiring`."""

    def serves(self, wiring):
        """Return whether a network wired like that has its synapses at the same places."""
        if self.wiring is None or len(self.wiring) != len(wiring):
            return False
        if any(one is not other for one, other in zip(self.wiring, wiring, strict=True)):
            return False
        # Synapses that share source, target and delay are ordered by weight.
        return not _any_twins(self.lowered)


def _wiring(net):
    """Return the objects that the places of synapses depend on; a change of any puts another object there."""
    result = [net.populations[name] for name in sorted(net.populations)]
    for name in sorted(net.projections):
        link = net.projections[name]
        result += [link, link.connection, link.pairs, link._delay]
    return tuple(result)


@kernel
def _twins(row_start, row_stop, target, delay, first_delay):
    """Return whether two synapses of a row have the same target and delay; rows are in order."""
    for row in range(len(row_start)):
        for synapse in range(row_start[row] + 1, row_stop[row]):
            if target[synapse] == target[synapse - 1] and (
                    synapse <= first_delay or delay[synapse - first_delay] == delay[synapse - 1 - first_delay]):
                return True
    return False


def _any_twins(lowered):
    return _twins(lowered.row_start, lowered.row_stop, lowered.synapse_target, lowered.synapse_delay,
                  lowered.first_delay)


def _with_new_values(net, kept):
    """Return the flat form with the present weights and parameters of neurons."""
    weight = np.empty(len(kept.lowered.synapse_weight))
    for number, name in enumerate(kept.lowered.projections):
        here = slice(kept.lowered.projection_start[number], kept.lowered.projection_stop[number])
        np.take(net.projections[name].synapse_weight(), kept.parameter_of[name], out=weight[here])
    links = [net.projections[name] for name in kept.lowered.projections]
    return kept.lowered._replace(synapse_weight=weight, projection_receptor=_receptors(links),
                                 **_neurons(net, kept.lowered.names, kept.lowered.offset))


def _receptors(links):
    return np.array([link.receptor_index for link in links], dtype=np.int32)


def is_in_order(source, delay, target, weight):
    """Return whether synapses are in the order of the flat form: by (source, delay, target, weight).

    Parameters
    ----------
    source, delay, target, weight : ndarray (n,)
        The delay may have shape ().
    """
    tied = np.ones(max(len(source) - 1, 0), dtype=bool)
    for key in (source, *([delay] if delay.ndim else []), target, weight):
        if np.any(tied & (key[1:] < key[:-1])):
            return False
        tied &= key[1:] == key[:-1]
    return True


@inner
def piece(row_delay, row_stop, synapse_delay, first_delay, row, at):
    """Return (delay, stop) of the synapses of a row that arrive together, from synapse `at` on."""
    delay = row_delay[row]
    stop = row_stop[row]
    if delay >= 0.0:
        return delay, stop
    delay = synapse_delay[at - first_delay]
    end = at + 1
    while end < stop and synapse_delay[end - first_delay] == delay:
        end += 1
    return delay, end


class Rows(NamedTuple):
    """The synapses of one projection in engine order, and its rows; ids local to the populations."""

    target: np.ndarray
    weight: np.ndarray
    parameter: np.ndarray | None
    delay: np.ndarray
    """(n,) or shape ()."""
    source: np.ndarray
    """(rows,): which neuron a row belongs to."""
    start: np.ndarray
    stop: np.ndarray


def rows_of(projection, learning=True):
    """Return the `Rows` of a projection; without `parameter`, 8 bytes a synapse, where nobody is learning."""
    synapses = projection.synapses()
    source, delay = synapses.source, np.asarray(synapses.delay, dtype=np.float64)
    if delay.ndim and (len(delay) == 0 or delay.min() == delay.max()):
        delay = np.asarray(delay[0] if len(delay) else 0.0)
    columns = [source, synapses.target, synapses.weight, synapses.parameter]
    del synapses
    if not is_in_order(source, delay, *columns[1:3]):
        order = np.lexsort((*columns[2:0:-1], *([delay] if delay.ndim else []), source))
        columns = [column[order] for column in columns]
        delay = delay if delay.ndim == 0 else delay[order]
    source, target, weight, parameter = columns
    # Not counted by source: of a part of a network few sources may have synapses (`eventsim.mpi`).
    start = np.flatnonzero(np.append(True, source[1:] != source[:-1])[:len(source)])
    stop = np.append(start[1:], len(source))[:len(start)]
    return Rows(target, weight, parameter if learning else None, delay, source[start].astype(np.int64), start, stop)


def parameters(net, name):
    """Return the parameter of every synapse of a projection, in the order of the flat arrays.

    Returns
    -------
    parameter : int64 array
        Index into the projection's flattened weights. Kept only after `lower(net, learning=True)`.
    """
    kept = getattr(net, "_lowered", None)
    if kept is not None and kept.fingerprint == net.fingerprint() and kept.parameter_of is not None:
        return kept.parameter_of[name]
    return rows_of(net.projections[name]).parameter


def _neurons(net, names, offset):
    """Return what neurons are, as fields of `Lowered`."""
    count, total = len(names), int(offset[-1])
    regime = np.full(count, -1, dtype=np.int64)
    tau_mem, tau_syn, tau_two = np.ones(count), np.ones(count), np.zeros(count)
    period = np.full(count, membrane.PERIOD_WITHOUT_TAU)
    fires = np.zeros(count, dtype=bool)
    v_inf, drive, v_reset, v_init = np.zeros(total), np.zeros(total), np.zeros(total), np.zeros(total)
    theta, refractory = np.full(total, np.inf), np.zeros(total)
    for index, name in enumerate(names):
        population = net.populations[name]
        if population.kind != "neurons":
            continue
        values = population.neuron.resolve(population.size)
        here = slice(offset[index], offset[index + 1])
        taus = values.tau_mem, values.tau_syn, values.tau_two
        tau_mem[index], tau_syn[index], tau_two[index] = np.nan_to_num(taus, posinf=np.inf)
        regime[index], period[index] = membrane.regime_of(*taus), membrane.period_of(*taus)
        if np.isinf(values.tau_mem):
            drive[here] = values.i_offset
        else:
            v_inf[here] = values.v_rest + values.i_offset
        theta[here] = values.v_threshold - v_inf[here]
        v_reset[here] = values.v_reset - v_inf[here]
        v_init[here] = values.v_init - v_inf[here]
        refractory[here] = values.t_refractory
        fires[index] = bool(np.any(np.isfinite(values.v_threshold)))
    return {"fires": fires, "regime": regime, "tau_mem": tau_mem, "tau_syn": tau_syn, "tau_two": tau_two,
            "period": period, "v_inf": v_inf, "drive": drive, "theta": theta, "v_reset": v_reset, "v_init": v_init,
            "t_refractory": refractory}


def _lower(net, parameter_of):
    links = [net.projections[name] for name in sorted(net.projections)]
    parts = [rows_of(link, parameter_of is not None) for link in links]
    names, offset = numbered(net)
    for number, link in enumerate(links):
        sources = parts[number].source + offset[names.index(link.source.name)]
        parts[number] = parts[number]._replace(source=sources)
    return assembled(net, links, parts, parameter_of)[0]


def numbered(net):
    """Return the names of the populations, sorted, and where their gids begin, with the end of the last."""
    names = tuple(sorted(net.populations))
    sizes = [net.populations[name].size for name in names]
    return names, np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def assembled(net, links, parts, parameter_of=None):
    """Return the flat form of a network and the rows that its own sources do not have.

    Parameters
    ----------
    net : Network
        Its populations are the neurons and inputs.
    links : list of Projection
        Sorted by name.
    parts : list of Rows
        One a projection, its sources as gids; emptied on the way, so that a large network is not held twice. A source
        past the last gid is a neuron that another process has (`eventsim.mpi`): its rows come after all others.
    parameter_of : dict, optional
        Gets the parameters of each projection's synapses by name.

    Returns
    -------
    (Lowered, ndarray)
        The second, int64: sources past the last gid -> rows.
    """
    names, offset = numbered(net)
    total = int(offset[-1])
    projections = tuple(link.name for link in links)
    index_of = {name: index for index, name in enumerate(names)}
    target_of = np.array([index_of[link.target.name] for link in links], dtype=np.int32)
    own_delays = np.array([np.ndim(part.delay) > 0 for part in parts], dtype=bool)
    # Projections with a delay for each synapse come last, so that the others need no room for delays.
    start = np.zeros(len(parts), np.int64)
    place = 0
    for number in np.argsort(own_delays, kind="stable"):
        start[number] = place
        place += len(parts[number].target)
    stop = start + np.array([len(part.target) for part in parts], np.int64)
    first_delay = int(place - sum(len(part.target) for part, own in zip(parts, own_delays, strict=True) if own))
    target, weight = np.empty(place, np.int32), np.empty(place)
    delay = np.empty(place - first_delay)
    row_columns = []
    for number, link in enumerate(links):
        part, here = parts[number], slice(start[number], stop[number])
        np.add(part.target, offset[target_of[number]], out=target[here], casting="unsafe")
        weight[here] = part.weight
        if own_delays[number]:
            delay[start[number] - first_delay:stop[number] - first_delay] = part.delay
        n = len(part.source)
        row_columns.append((part.source, np.full(n, number, np.int32),
                            part.start + start[number], part.stop + start[number],
                            np.full(n, -1.0 if own_delays[number] else float(part.delay))))
        if parameter_of is not None:
            parameter_of[link.name] = part.parameter
        parts[number] = None
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    columns = [np.concatenate(column) for column in zip(empty, *row_columns, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    source, row_projection, row_start, row_stop, row_delay = (column[order] for column in columns)
    count = np.bincount(source, minlength=total)
    pointer = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count, out=pointer[1:])
    lowered = Lowered(
        names=names, projections=projections, offset=offset,
        population=np.repeat(np.arange(len(names), dtype=np.int32), np.diff(offset)), **_neurons(net, names, offset),
        row_ptr=pointer[:total + 1], row_projection=row_projection, row_start=row_start, row_stop=row_stop,
        row_delay=row_delay, synapse_target=target, synapse_weight=weight, synapse_delay=delay, first_delay=first_delay,
        projection_start=start, projection_stop=stop, projection_target=target_of,
        projection_scale=np.array([link.scale for link in links], dtype=np.float64),
        projection_receptor=_receptors(links))
    return lowered, pointer[total:]
