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
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.engines import layers
from eventsim.engines.lanes import padded
from eventsim.errors import InputError, choose
from training import first_arrival_gradient as first_arrival
from training import layered_kernels as kernels
from training.gradient import checked_keys, in_given_order

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.engines.layers import Activations, Plan
    from eventsim.type_aliases import Array


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
    totals, threads = _totals(plan), layers.thread_count(threads)
    found, inputs = _walked(plan, activations, loss_gradient, input_times or delays, threads, slope_floor,
                            {} if room is None else room, totals if threads == 1 else None)
    _add_up(found.tables, totals)
    result = _gradients(plan, totals, found.shards, delays, slope_floor > 0.0)
    if input_times:
        for name, spikes in activations.stimulus.items():
            result.input_times[name] = in_given_order(spikes, inputs[name])
    return result


class Sums(NamedTuple):
    """What the way back through the shards of a batch, or of a part of it, gives before it is added up."""

    tables: dict[str, Any]
    """dL/dw by layer, (shards, weights)."""
    shards: list[Any]
    """Of every shard: dL/d(delay) by projection; by layer dL/d(threshold), dL/d i_offset, and counts of slopes."""


def sums(
    plan: Plan,
    activations: Activations,
    loss_gradient: Mapping[Any, ArrayLike],
    threads: int | None = None,
    slope_floor: float = 0.0,
) -> Sums:
    """Return the `Sums` of a part of a batch; the parameters are those of `backward`.

    Parameters
    ----------
    plan, activations, loss_gradient, threads, slope_floor
        As there.
    """
    found, _ = _walked(plan, activations, loss_gradient, False, layers.thread_count(threads), slope_floor, {}, None)
    sizes = {layer.name: sum(math.prod(link.shape) for link in layer.links) for layer in plan.layers}
    # behind them lies what kernels are padded with
    return found._replace(tables={name: table[:, :sizes[name]].copy() for name, table in found.tables.items()})


def _walked(plan, activations, loss_gradient, want_inputs, threads, slope_floor, room, totals):
    """Return the `Sums` of a batch, and the errors of its input spikes.

    With `totals` tables are added to them as soon as they are full, and one is enough: with one thread.
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
    tasks = [(number, *shard) for number, shard in enumerate(activations.shards)]
    tables = _tables(plan, activations, needed, len(tasks) if totals is None else min(len(tasks), 1), room)

    nothing = np.zeros(0)

    def run(number, *shard):
        row = number if totals is None else 0
        for table in tables.values():
            table[row].fill(0.0)
        found = walk(row, *shard)
        if totals is not None:
            _add_up(tables, totals)
        return found

    def walk(row, first, last, kept):
        delay_sums, neurons = {}, {}
        for layer in reversed(plan.layers):
            if layer.name not in needed or not layer.links:
                continue
            events = kept[layer.name]
            wires = activations.wires[layer.name]
            gradient = tables[layer.name][row]
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
                kernels.sweep(cell, wires, events, spike, own, slope[here], slope_floor, not layer.fires, rank,
                              gradient, arrival_error, back)
                by_neuron = np.zeros((2, layer.size))
                counts = kernels.neuron_sums(layer.fires, spike, slope[here], own, slope_floor, cell.tau_mem,
                                             activations.t_stop, *by_neuron)
                neurons[layer.name] = by_neuron, counts
            elif back:
                first_arrival.backward(cell, wires, events, spike, own, arrival_error)
            for place, link in enumerate(layer.links if back else ()):
                if link.source in plan.inputs:
                    spike_error = inputs.get(link.source, nothing)
                    delay_sums[link.name] = kernels.to_inputs(events, place, arrival_error, spike_error)
                else:
                    source_error = error[link.source][here]
                    delay_sums[link.name] = kernels.to_sources(events, place, arrival_error, source_error)
        return delay_sums, neurons

    return Sums(tables if totals is None else {}, layers.in_threads(run, tasks, threads)), inputs


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


def added_up(plan: Plan, parts: Sequence[Sums], delays: bool = True, floored: bool = False) -> Gradients:
    """Return the gradients of a batch from the `Sums` of its parts, in their order: the bits of one part.

    Parameters
    ----------
    plan : eventsim.engines.layers.Plan
    parts : sequence of Sums
    delays : bool
        As for `backward`.
    floored : bool
        Whether there was a slope floor.
    """
    totals = _totals(plan)
    for part in parts:
        _add_up(part.tables, totals)
    return _gradients(plan, totals, [shard for part in parts for shard in part.shards], delays, floored)


def _totals(plan):
    return {layer.name: np.zeros(sum(math.prod(link.shape) for link in layer.links)) for layer in plan.layers}


def _add_up(tables, totals):
    for name, table in tables.items():
        kernels.add_up(table, totals[name])


def _gradients(plan, totals, shards, delays, floored):
    """Return the `Gradients` of a batch of the sums of its tables and of what its shards gave else."""
    result = Gradients()
    for layer in plan.layers:
        name, total, at = layer.name, totals[layer.name], 0
        for link in layer.links:
            size = math.prod(link.shape)
            gradient = total[at:at + size].reshape(link.shape)
            result.weights[link.name] = gradient if link.pool == 1 else gradient / link.pool**2
            at += size
            if delays or link.source not in plan.inputs:
                result.delays[link.name] = math.fsum(mine.get(link.name, 0.0) for mine, _ in shards)
        by_neuron = np.zeros((2, layer.size))
        here = [neurons[name] for _, neurons in shards if name in neurons]
        for mine, _ in here:
            by_neuron += mine
        result.offsets[name] = by_neuron[1]
        if layer.fires:
            result.thresholds[name] = by_neuron[0]
            if floored:
                result.floored[name] = sum(low for _, (low, _) in here), sum(fired for _, (_, fired) in here)
    return result
