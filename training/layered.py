"""Gradients of a whole batch of a feed-forward single-spike network: the layers engine run backwards.

The forward run kept the sorted arrivals of every layer. For a neuron j with spike T, slope V'(T) and
error g = dL/dT the implicit function theorem gives, with gamma = -g / V'(T) phi(T) (Goltz et al.,
"Fast and energy-efficient neuromorphic deep learning with first-spike times", Nature Machine
Intelligence 2021, for LIF; Mostafa 2018, Zhang 2021 for the other regimes; one form for all here):

    dL/dw_ij = gamma . psi(s),   dL/ds += w_ij gamma . psi'(s)     for every arrival s < T,
    dL/dtheta = g / V'(T).

A readout starts from gamma = dL/dV(t_stop) phi(t_stop) instead. Silent neurons have no gradient. Sums
over samples are formed shard by shard in a fixed order, whatever the number of threads.
First-arrival pooling passes the error on to the arrival that fired it (`training.first_arrival_gradient`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim._jit import closed_form, inner, kernel
from eventsim.engines import layer_arrivals, layers
from eventsim.engines.lanes import lanes_a_vector, padded
from eventsim.errors import InputError, choose
from eventsim.neurons import membrane
from training import first_arrival_gradient as first_arrival
from training import sweep_lanes
from training.gradient import checked_keys, in_given_order

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.engines.layers import Activations, Plan
    from eventsim.type_aliases import Array

_BINS = 256
"""Bins in which the arrivals before a spike are looked up."""

_TOGETHER = 2
"""Shards that share a table of sums in a network without convolutions, where adding the tables up takes long beside
the samples themselves."""


class Gradients:
    """Sums over the batch: `weights`, `delays` by projection, `thresholds`, `offsets` by population.

    `weights` have the shape of the user's weights (derivative by the parameter: pooling included),
    `delays` are one number a projection, `offsets` are dL/d i_offset. `input_times` holds, for each input,
    one value a spike in the (flattened) order in which the user gave the times, as
    `training.spike_time_gradient` does: length `Spikes.n_given`, zero where the time is inf or the spike
    had no effect. A batch made by `Spikes.select` keeps the length of the whole set. `floored`
    counts, by population and with a slope floor only: crossings below it, crossings in all.
    """

    weights: dict[str, Array]
    delays: dict[str, Any]
    thresholds: dict[str, Array]
    offsets: dict[str, Array]
    input_times: dict[str, Array]
    floored: dict[str, tuple[int, int]]

    def __init__(self) -> None:
        self.weights, self.delays, self.thresholds, self.offsets, self.input_times = {}, {}, {}, {}, {}
        self.floored = {}


@closed_form
def _move_back(cell, m, g0, g1):
    """Return gamma for the origin before: the transpose of `membrane.advance` (written in m)."""
    return m[0] * g0 + m[2] * g1, m[1] * g0 + m[3] * g1


@inner
def _index(time, low, scale, begin):
    """Fill in begin[b]: how many of the sorted times lie before bin b; bins are 1 / scale wide, from low on."""
    at = 0
    for b in range(len(begin)):
        while at < len(time) and (time[at] - low) * scale < b:
            at += 1
        begin[b] = at


@inner
def _earlier(time, low, scale, begin, t):
    """Return how many of the sorted times lie before t."""
    bin_of = (t - low) * scale
    at = 0
    if bin_of >= len(begin) - 1:  # asked before it is made an integer: it may be too large for one
        at = begin[len(begin) - 1]
    elif bin_of > 0.0:
        at = begin[np.int64(bin_of)]
    while at > 0 and time[at - 1] >= t:
        at -= 1
    while at < len(time) and time[at] < t:
        at += 1
    return at


class _Place(NamedTuple):
    """The place at work, by padded lane."""

    g0: np.ndarray
    g1: np.ndarray
    """gamma, counted from the origin before the arrivals at work."""
    rank: np.ndarray
    """Number of arrivals of the sample before the spike; 0: nothing to do."""
    home: np.ndarray
    """int64: the origin before the spike."""


@inner
def _begin(cell, place, times, low, scale, bins, spike, error, slope, floor, at_end, first_lane):
    """Set a place to the spikes of its lanes; return the largest rank."""
    most = np.int64(0)
    for lane in range(cell.lanes):
        j = first_lane + lane
        t = spike[j]
        place.rank[lane] = 0
        if t == math.inf or error[j] == 0.0:
            continue
        delta = error[j] if at_end else -error[j] / max(slope[j], floor)
        rank = _earlier(times, low, scale, bins, t)
        home = np.int64(t / cell.period)
        f0, f1 = membrane.phi(cell.regime, cell.tau_mem, cell.tau_syn, t - home * cell.period)
        place.rank[lane], place.home[lane] = rank, home
        place.g0[lane], place.g1[lane] = delta * f0, delta * f1
        most = max(most, rank)
    return most


@inner
def _move_place(cell, place, m, now):
    """Count gamma of the spikes at or after the origin `now` from the origin before it."""
    for lane in range(cell.lanes):
        if place.rank[lane] > 0 and place.home[lane] >= now:
            h0, h1 = _move_back(cell, m, np.float64(place.g0[lane]), np.float64(place.g1[lane]))
            place.g0[lane], place.g1[lane] = h0, h1


@kernel
def _sweep(cell, wires, events, spike, error, slope, floor, at_end, rank, weight_gradient, arrival_error,
           need_arrivals):
    """Add up what the arrivals of a range of samples give to the weights, and what they get.

    Parameters: `spike`, `error`, `slope` (samples, neurons): T, dL/dT, V'(T); for a readout (`at_end`)
    T = t_stop and error = dL/dV; `floor`: smallest V' to divide by; `rank`: zeros, an integer of the weights' size
    for each padded lane. Writes `weight_gradient` (flat, as `wires.weight`, added to) and, if `need_arrivals`,
    `arrival_error` (one value an arrival: dL/ds).
    """
    number, itemsize = wires.weight.dtype, wires.weight.itemsize
    width, vector = padded(cell.lanes, itemsize), lanes_a_vector(itemsize)
    bins, m = np.zeros(_BINS, np.int64), np.zeros(4)
    m[0], m[2] = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, 0.0, 1.0, 0.0)
    m[1], m[3] = membrane.advance(cell.regime, cell.tau_mem, cell.tau_syn, cell.period, 0.0, 0.0, 1.0)
    longest = 0
    for row in range(len(events.offsets) - 1):
        longest = max(longest, events.offsets[row + 1] - events.offsets[row])
    entries = layer_arrivals.most_entries(cell, wires, events)
    entry, offset = np.empty(entries + 1, np.uint32), np.empty(entries + 1, np.int64)
    begin, end = np.empty(cell.locations, np.int64), np.empty(cell.locations, np.int64)
    window, values = np.empty(longest, np.int64), np.empty(4 * longest, number)
    pulls = np.empty(longest * vector if need_arrivals else 0, number)
    place = _Place(np.zeros(width, number), np.zeros(width, number), rank, np.zeros(width, np.int64))
    for row in range(len(events.offsets) - 1):
        first, stop = events.offsets[row], events.offsets[row + 1]
        if stop == first:
            continue
        times = events.time[first:stop]
        low, high = times[0], times[stop - first - 1]
        scale = _BINS / (high - low) if high - low > 1e-300 else 0.0
        _index(times, low, scale, bins)
        for k in range(stop - first):
            window[k] = np.int64(times[k] / cell.period)
            s = times[k] - window[k] * cell.period
            p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, s)
            d0, d1 = membrane.psi_slope(cell.regime, cell.tau_mem, cell.tau_syn, s)
            amplitude = events.amplitude[first + k]
            values[4 * k], values[4 * k + 1] = amplitude * p0, amplitude * p1
            values[4 * k + 2], values[4 * k + 3] = amplitude * d0, amplitude * d1
        # anew: kept from the forward run they would take 12 bytes an (arrival, location) pair, 0.5 MB a sample of the
        # Fashion-MNIST network
        layer_arrivals.deal(cell, wires, events.link[first:stop], events.source[first:stop], begin, end, entry, offset)
        if need_arrivals:
            pulls[:(stop - first) * vector] = 0.0
        for at in range(cell.locations):
            most = _begin(cell, place, times, low, scale, bins, spike[row], error[row], slope[row], floor, at_end,
                          at * cell.lanes)
            last = end[at]
            while last > begin[at] and entry[last - 1] >= most:
                last -= 1
            if last == begin[at]:
                continue
            now = window[entry[last - 1]]
            for lane in range(cell.lanes):
                h0, h1 = np.float64(place.g0[lane]), np.float64(place.g1[lane])
                for _ in range(place.home[lane] - now if place.rank[lane] > 0 else 0):
                    h0, h1 = _move_back(cell, m, h0, h1)
                place.g0[lane], place.g1[lane] = h0, h1
            while last > begin[at]:  # from origin to origin, backwards
                there = window[entry[last - 1]]
                while now > there:
                    _move_place(cell, place, m, now)
                    now -= 1
                from_here = begin[at]
                if window[entry[from_here]] < there:
                    from_here = last - 1
                    while window[entry[from_here - 1]] == there:
                        from_here -= 1
                if need_arrivals:
                    sweep_lanes.collect_back(wires.weight, weight_gradient, offset, entry, values, from_here, last,
                                             place.g0, place.g1, place.rank, pulls, width)
                else:
                    sweep_lanes.collect(wires.weight, weight_gradient, offset, entry, values, from_here, last,
                                        place.g0, place.g1, place.rank, pulls, width)
                last = from_here
        if need_arrivals:
            for k in range(stop - first):
                arrival_error[first + k] = sweep_lanes.sum_of(pulls, k)


@kernel
def _neuron_sums(fires, time, slope, error, floor, tau_mem, t_stop, by_threshold, by_offset):
    """Add dL/dtheta and dL/d i_offset of a range of samples; return how many slopes are floored, how many fired."""
    low, fired = 0, 0
    for row in range(len(error)):
        for j in range(error.shape[1]):
            t = time[row, j] if fires else t_stop
            if t == math.inf:
                continue
            fired += 1
            push = -error[row, j]
            if fires:
                low += slope[row, j] < floor
                push = error[row, j] / max(slope[row, j], floor)
            by_threshold[j] += push
            by_offset[j] -= push * (t if tau_mem == math.inf else -math.expm1(-t / tau_mem))
    return low, fired


@kernel
def _to_sources(events, link, arrival_error, source_error):
    """Add the errors of a projection's arrivals to the spike times of its source population."""
    for row in range(len(events.offsets) - 1):
        for k in range(events.offsets[row], events.offsets[row + 1]):
            if events.link[k] == link:
                source_error[row, events.source[k]] += arrival_error[k]


@kernel
def _to_inputs(events, link, arrival_error, spike_error):
    """Add the errors of a projection's arrivals to the input spikes they came from; return their sum."""
    for k in range(len(events.time)):
        if events.link[k] == link:
            spike_error[events.origin[k]] += arrival_error[k]


def _checked_loss(plan, activations, loss_gradient):
    """Return dL/dT by firing population and dL/dV by readout as float64 arrays."""
    known = {layer.name: layer for layer in plan.layers}
    checked = {}
    for name, values in zip(checked_keys(loss_gradient), loss_gradient.values(), strict=True):
        choose("population", name, (*known, *plan.inputs))
        if name in plan.inputs:
            raise InputError(f'loss gradient given for "{name}", an input; give it for neuron populations')
        values = arrays.numbers(f'loss gradient of "{name}"', values)
        shape = activations.time[name].shape
        if values.shape != shape:
            raise InputError(
                f'loss gradient of "{name}" has shape {values.shape}; needed: {shape}, (samples, neurons)')
        if known[name].fires:
            values = np.where(np.isfinite(activations.time[name]), values, 0.0)
        if not np.isfinite(values).all():
            raise InputError(f'loss gradient of "{name}" holds NaN or infinite values where neurons fired')
        checked[name] = values
    return checked


def _pools(plan, activations, needed):
    """Return the layers that are first-arrival pooling; refuse other delta synapses that the loss depends on."""
    pools = set()
    for layer in plan.layers:
        tau_syn = plan.lowered.tau_syn[plan.lowered.names.index(layer.name)]
        if tau_syn == 0.0 and first_arrival.is_one(activations.cells[layer.name], activations.wires[layer.name]):
            pools.add(layer.name)
        elif tau_syn == 0.0 and layer.name in needed:
            raise InputError(
                f'"{layer.name}" has delta synapses (tau_syn = 0): its spike times are piecewise constant in the '
                "weights, so they have no useful gradient; use tau_syn > 0")
    return pools


def backward(
    plan: Plan,
    activations: Activations,
    loss_gradient: Mapping[Any, ArrayLike],
    input_times: bool = False,
    delays: bool = True,
    threads: int | None = None,
    slope_floor: float = 0.0,
    room: dict[Any, Any] | None = None,
) -> Gradients:
    """Return the gradients of a loss over a batch.

    Parameters
    ----------
    plan : eventsim.engines.layers.Plan
    activations : eventsim.engines.layers.Activations
        Of ``layers.forward(plan, ..., keep_events=True)``, with this very plan. Its weights and thresholds
        count, also where those of the network were changed since.
    loss_gradient : dict of str to array (samples, neurons)
        dL/d(first spike time) of firing populations (ignored where silent), dL/dV(t_stop) of readouts.
    input_times : bool
        Whether to return `input_times`.
    delays : bool
        Whether to return the delays of projections that start at an input; those of the others cost nothing
        and always come.
    threads : int, optional
        Default: all processors; the result does not depend on it.
    slope_floor : float
        Smallest V' in V/ms that is divided by.
    room : dict, optional
        Keeps the tables of the sums from call to call: fresh memory is a sixth of the step of a dense network.

    Returns
    -------
    Gradients

    Raises
    ------
    InputError
        For unknown populations, wrong shapes, NaN, delta synapses, or activations without arrivals or of
        another plan.
    """
    if activations.plan is not plan:
        raise InputError("the activations belong to another plan; give the one that layers.forward was given")
    if not activations.shards and activations.n_samples > 0:
        raise InputError("the activations hold no arrivals; run layers.forward(..., keep_events=True)")
    error = {layer.name: np.zeros(activations.time[layer.name].shape) for layer in plan.layers}
    loss = _checked_loss(plan, activations, loss_gradient)
    for name, values in loss.items():
        error[name] += values
    needed = _upstream(plan, loss)
    pools = _pools(plan, activations, needed)
    inputs = {name: np.zeros(len(spikes)) for name, spikes in activations.stimulus.items()}
    want_inputs = input_times or delays
    together = 1 if any(activations.cells[layer.name].locations > 1 for layer in plan.layers) else _TOGETHER
    shards = activations.shards
    tasks = [(number, shards[at:at + together]) for number, at in enumerate(range(0, len(shards), together))]
    tables = _tables(plan, activations, needed, len(tasks), {} if room is None else room)

    def run(number, mine):
        for table in tables.values():
            table[number].fill(0.0)
        return [walk(number, *shard) for shard in mine]

    def walk(number, first, last, kept):
        delay_sums, neurons = {}, {}
        for layer in reversed(plan.layers):
            if layer.name not in needed or not layer.links:
                continue
            events = kept[layer.name]
            wires = activations.wires[layer.name]
            gradient = tables[layer.name][number]
            back = want_inputs or any(link.source not in plan.inputs for link in layer.links)
            arrival_error = np.zeros(len(events.time) if back else 0)
            here = slice(first, last)
            spike = activations.time[layer.name][here]
            if not layer.fires:
                spike = np.full(spike.shape, activations.t_stop)
            cell, own, slope = activations.cells[layer.name], error[layer.name][here], activations.slope[layer.name]
            if layer.name not in pools:
                size = wires.weight.itemsize
                rank = np.zeros(padded(cell.lanes, size), f"i{size}")
                _sweep(cell, wires, events, spike, own, slope[here], slope_floor, not layer.fires, rank, gradient,
                       arrival_error, back)
                sums = np.zeros((2, layer.size))
                counts = _neuron_sums(layer.fires, spike, slope[here], own, slope_floor, cell.tau_mem,
                                      activations.t_stop, *sums)
                neurons[layer.name] = sums, counts
            elif back:
                first_arrival.backward(cell, wires, events, spike, own, arrival_error)
            for place, link in enumerate(layer.links):
                if not back:
                    continue
                delay_sums[link.name] = float(arrival_error[events.link == place].sum())
                if link.source in plan.inputs:
                    if link.source in inputs:
                        _to_inputs(events, place, arrival_error, inputs[link.source])
                else:
                    _to_sources(events, place, arrival_error, error[link.source][here])
        return delay_sums, neurons

    parts = [part for some in layers.in_threads(run, tasks, layers.thread_count(threads)) for part in some]
    result = _summed(plan, parts, tables, delays, slope_floor > 0.0)
    if input_times:
        for name, spikes in activations.stimulus.items():
            result.input_times[name] = in_given_order(spikes, inputs[name])
    return result


def _upstream(plan, loss):
    """Return the populations whose spikes or potentials the loss depends on."""
    needed = set(loss)
    for layer in reversed(plan.layers):
        if layer.name in needed:
            needed |= {link.source for link in layer.links if link.source not in plan.inputs}
    return needed


def _tables(plan, activations, needed, count, room):
    """Return, by population that has a gradient, `count` rows for the sums of its weights."""
    tables = {}
    for layer in plan.layers:
        if layer.name in needed and layer.links and count:
            weight = activations.wires[layer.name].weight
            key = layer.name, count, len(weight), weight.dtype
            if key not in room:
                room[key] = np.empty((count, len(weight)), weight.dtype)
            tables[layer.name] = room[key]
    return tables


@kernel
def _add_up(table, total):
    """Add the rows of a table in their order, in double precision."""
    step = 2048  # of the sums, which stay in the nearest cache
    for start in range(0, len(total), step):
        stop = min(start + step, len(total))
        for row in range(len(table)):
            for k in range(start, stop):
                total[k] += table[row, k]


def _summed(plan, parts, tables, delays, floored):
    result = Gradients()
    for layer in plan.layers:
        name = layer.name
        total = np.zeros(sum(math.prod(link.shape) for link in layer.links))
        if name in tables:
            _add_up(tables[name], total)
        at = 0
        for link in layer.links:
            size = math.prod(link.shape)
            gradient = total[at:at + size].reshape(link.shape)
            result.weights[link.name] = gradient if link.pool == 1 else gradient / link.pool**2
            at += size
            if delays or link.source not in plan.inputs:
                result.delays[link.name] = math.fsum(sums.get(link.name, 0.0) for sums, _ in parts)
        sums = np.zeros((2, layer.size))
        here = [neurons[name] for _, neurons in parts if name in neurons]
        for part, _ in here:
            sums += part
        result.offsets[name] = sums[1]
        if layer.fires:
            result.thresholds[name] = sums[0]
            if floored:
                result.floored[name] = sum(low for _, (low, _) in here), sum(fired for _, (_, fired) in here)
    return result
