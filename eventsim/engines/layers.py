"""The layers engine: feed-forward single-spike networks, whole batches, one population after the other.

Where every neuron fires at most once and no projection leads back, a population's spikes depend on the
complete spike trains of its sources only, so it can be computed at once for all its neurons and, sample
by sample, in parallel. Inputs may spike any number of times. The arithmetic of a neuron is the same
sequence as in the other engines, so the results are the same bits (in double precision).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eventsim.connect.convolution import Conv2d
from eventsim.connect.dense import Dense
from eventsim.engines import layer_arrivals, layer_events, layer_kernels, layer_wires
from eventsim.errors import InputError, choose
from eventsim.lower import lower

if TYPE_CHECKING:
    from eventsim.type_aliases import Flags, Floats, Ids

SHARD, DENSE_SHARD = 16, 32
"""Samples that one task takes through all layers; more where no layer is a map, whose samples are done so soon that
the way from kernel to kernel counts. Fixed, so that sums over shards are reproducible."""

SLACK = {"double": 1e-9, "single": 1e-6}
"""Margin of the crossing filter in shares of all that a membrane can have collected, far above its rounding."""


class Link(NamedTuple):
    """One incoming projection of a layer."""

    name: str
    source: str
    rank: int
    """Place of the source among the population names."""
    delay: float
    shape: tuple
    """Shape of the user's weights."""
    pool: int
    reach: np.ndarray
    start: np.ndarray
    step: np.ndarray
    """As in `layer_wires.Wires`."""


class Layer(NamedTuple):
    """One population with its incoming projections, in the order of their names."""

    name: str
    size: int
    fires: bool
    links: tuple
    locations: int
    lanes: int
    out_width: int
    room: np.ndarray
    """As in `layer_wires.Wires`."""


class Plan(NamedTuple):
    """What `forward` needs to know of a network; made by `plan`."""

    net: object
    lowered: object
    inputs: tuple
    layers: tuple
    shard: int
    """Samples of a task."""


class Activations:
    """What a forward run leaves: `time`, `slope`, `generation` by population, `potential` by readout.

    Arrays are (samples, neurons). `shards` holds, for each range of samples, the sorted arrivals of every
    layer, for the backward sweep; empty unless asked for. `done` tells which samples were run: all, unless the
    run was cancelled.
    """

    time: dict[str, Floats]
    slope: dict[str, Floats]
    generation: dict[str, Ids]
    potential: dict[str, Floats]
    done: Flags

    def __init__(self, plan, stimulus, n_samples, t_stop, precision):
        self.plan, self.stimulus, self.n_samples = plan, stimulus, n_samples
        self.t_stop, self.precision = t_stop, precision
        self.time, self.slope, self.generation, self.potential = {}, {}, {}, {}
        for layer in plan.layers:
            shape = (n_samples, layer.size)
            self.time[layer.name] = np.full(shape, np.inf)
            self.slope[layer.name] = np.full(shape, np.inf)
            self.generation[layer.name] = np.zeros(shape, np.int32)
            if not layer.fires:
                self.potential[layer.name] = np.zeros(shape)
        self.done = np.zeros(n_samples, bool)
        self.cells, self.wires, self.shards = {}, {}, []


def unsuited(net):
    """Return why the layers engine cannot run `net`, or None."""
    for population in net.populations.values():
        if population.kind == "neurons":
            values = population.neuron.resolve(population.size)
            if np.any(np.isfinite(values.v_threshold) & np.isfinite(values.t_refractory)):
                return f'neurons of "{population.name}" may fire more than once (t_refractory is not NEVER)'
            if len(population.neuron.receptors) > 1:
                return f'neurons of "{population.name}" have two receptors'
    for projection in net.projections.values():
        if not isinstance(projection.connection, Dense | Conv2d):
            return f'projection "{projection.name}" is neither Dense nor Conv2d'
        if np.ndim(projection.delay):
            return f'projection "{projection.name}" has a delay for each synapse'
    if _order(net) is None:
        return "the network is recurrent"
    return None


def _order(net):
    """Return the neuron populations so that sources come first, or None where there is a loop."""
    waiting = {p.name: set() for p in net.populations.values() if p.kind == "neurons"}
    for projection in net.projections.values():
        if projection.source.name in waiting:
            waiting[projection.target.name].add(projection.source.name)
    order = []
    while waiting:
        ready = sorted(name for name, sources in waiting.items() if not sources - set(order))
        if not ready:
            return None
        order += ready
        for name in ready:
            del waiting[name]
    return order


def _layer(net, name, rank, fires):
    incoming = sorted((p for p in net.projections.values() if p.target.name == name), key=lambda p: p.name)
    population = net.populations[name]
    height, width = 1, 1
    if any(isinstance(p.connection, Conv2d) for p in incoming):
        height, width = population.shape[:2]
    locations = height * width
    n_lanes = population.size // locations
    links, base = [], 0
    for p in incoming:
        links.append(Link(p.name, p.source.name, rank[p.source.name], float(p.delay), p.weight.shape,
                          p.connection.pool, *layer_wires.rules(p, base, width, n_lanes, locations)))
        base += p.weight.size
    once = all(p.source.kind == "neurons" for p in incoming)
    room = layer_wires.room([link.reach for link in links], width, locations) if once else np.zeros(0, np.int64)
    return Layer(name, population.size, fires, tuple(links), locations, n_lanes, width, room)


def plan(net):
    """Return the plan of a feed-forward single-spike network.

    Raises
    ------
    InputError
        With the reason, where the engine cannot run the network.
    """
    reason = unsuited(net)
    if reason is not None:
        raise InputError(f"the layers engine cannot run this network: {reason}; use engine=\"heap\"")
    lowered = lower(net)
    rank = {name: index for index, name in enumerate(lowered.names)}
    layers = [_layer(net, name, rank, bool(lowered.fires[rank[name]])) for name in _order(net)]
    inputs = tuple(p.name for p in net.populations.values() if p.kind != "neurons")
    maps = any(layer.locations > 1 for layer in layers)
    return Plan(net, lowered, inputs, tuple(layers), SHARD if maps else DENSE_SHARD)


def _cell(plan, layer, thresholds, offsets):
    lowered = plan.lowered
    index = lowered.names.index(layer.name)
    here = slice(lowered.offset[index], lowered.offset[index + 1])
    v_inf, drive, v_init = lowered.v_inf[here], lowered.drive[here].copy(), lowered.v_init[here]
    theta = lowered.theta[here].copy()
    if offsets is not None:
        values = plan.net.populations[layer.name].neuron.resolve(layer.size)
        if np.isinf(values.tau_mem):
            drive = np.array(np.broadcast_to(offsets, drive.shape), dtype=np.float64)
        else:
            moved = values.v_rest + offsets
            theta, v_init, v_inf = values.v_threshold - moved, values.v_init - moved, moved
    if thresholds is not None:
        theta = np.array(np.broadcast_to(thresholds, theta.shape), dtype=np.float64) - v_inf
    return layer_arrivals.Cell(
        int(lowered.regime[index]), float(lowered.tau_mem[index]), float(lowered.tau_syn[index]),
        float(lowered.period[index]), layer.locations, layer.lanes, layer.out_width, bool(np.any(drive)),
        drive, np.ascontiguousarray(theta), np.ascontiguousarray(v_init)), v_inf


def _wires(plan, layer, weights, dtype):
    given = []
    for link in layer.links:
        own = weights is None or link.name not in weights
        weight = plan.net.projections[link.name].weight if own else weights[link.name]
        if np.shape(weight) != link.shape:
            raise InputError(f'weights of "{link.name}" have shape {np.shape(weight)}; needed: {link.shape}')
        given.append(np.asarray(weight))
    return layer_wires.wire(layer.links, given, dtype, layer.room)


def thread_count(threads):
    """Return the number of threads to use: the argument, $EVENTSIM_THREADS, or the processors at hand."""
    if threads is None:
        given = os.environ.get("EVENTSIM_THREADS", "")
        if given:
            threads = int(given) if given.isdigit() else 0
        else:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise InputError(f"threads is {threads!r}; give a whole number of at least 1, or None for all processors")
    return int(threads)


def in_threads(task, shards, threads):
    """Run ``task(*shard)`` for all shards; the results come in the order of the shards.

    Kernels release the GIL, so a pool of threads is enough; with one thread no pool is made.
    """
    if threads == 1 or len(shards) < 2:
        return [task(*shard) for shard in shards]
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(task, *shard) for shard in shards]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def forward(plan, stimulus, t_stop, precision="double", threads=None, weights=None, thresholds=None, offsets=None,
            dropped=None, altered=None, keep_events=False, attendant=None):
    """Run a batch through all layers.

    Parameters
    ----------
    plan : Plan
        Of `plan`.
    stimulus : dict of str to Spikes
        Spikes of the inputs, all over the same number of samples.
    t_stop : float
        The run covers [0, t_stop) ms.
    precision : {"double", "single"}
        Number type of accumulators and weights; times are always double.
    threads : int, optional
        Default: all processors.
    weights, thresholds, offsets : dict, optional
        Arrays to use instead of the network's weights (by projection, in the user's shape), thresholds and
        i_offset (by population).
    dropped : dict of str to bool array (samples, size), optional
        Spikes to delete, by population (inputs too): what is marked never arrives anywhere and counts as silent.
    altered : callable, optional
        ``altered(population, first, times)`` changes the spike times of samples `first` on, (samples, size), in place
        before they go on; from several threads.
    keep_events : bool
        Keep the sorted arrivals for `training.layered.backward`.
    attendant : eventsim.progress.Attendant, optional
        Told of the samples done, and asked before every shard whether to leave out the rest.

    Returns
    -------
    Activations
    """
    choose("precision", precision, tuple(SLACK))
    arrays = {name: spikes.arrays() for name, spikes in stimulus.items()}
    n_samples = next((spikes.n_samples for spikes in stimulus.values()), 1)
    silent = np.zeros(n_samples + 1, np.int64)
    for name in plan.inputs:
        if name not in arrays:
            arrays[name] = _NoSpikes(np.zeros(0), np.zeros(0, np.int32), np.zeros(0), silent)
    dropped = _checked_dropped(plan, dropped or {}, n_samples)
    for name in dropped:
        if name in stimulus:  # at inf, so that the other spikes keep their numbers
            spikes = stimulus[name]
            late = np.where(dropped[name][spikes.sample, spikes.neuron], np.inf, arrays[name].time)
            arrays[name] = arrays[name]._replace(time=late)
    result = Activations(plan, stimulus, n_samples, float(t_stop), precision)
    dtype = np.float64 if precision == "double" else np.float32
    resting = {}
    for layer in plan.layers:
        result.cells[layer.name], resting[layer.name] = _cell(
            plan, layer, (thresholds or {}).get(layer.name), (offsets or {}).get(layer.name))
        result.wires[layer.name] = _wires(plan, layer, weights, dtype)
    nothing = np.zeros((0, 0))

    def run(first, last):
        kept = {}
        if attendant is not None and attendant.cancelled():
            return first, last, kept
        for layer in plan.layers:
            events = layer_events.gather(layer.links, arrays, result.time, result.generation, first, last, t_stop)
            potential = nothing if layer.fires else result.potential[layer.name][first:last]
            layer_kernels.run_population(
                result.cells[layer.name], result.wires[layer.name], events, float(t_stop), SLACK[precision],
                result.time[layer.name][first:last], result.slope[layer.name][first:last],
                result.generation[layer.name][first:last], potential)
            if layer.name in dropped:
                lost = dropped[layer.name][first:last]
                result.time[layer.name][first:last][lost] = np.inf
                result.slope[layer.name][first:last][lost] = np.inf
            if altered is not None and layer.fires:
                altered(layer.name, first, result.time[layer.name][first:last])
            if keep_events:
                kept[layer.name] = events
        result.done[first:last] = True
        if attendant is not None:
            attendant.report(last - first)
        return first, last, kept

    shards = [(first, min(first + plan.shard, n_samples)) for first in range(0, n_samples, plan.shard)]
    done = in_threads(run, shards, thread_count(threads))
    if keep_events:
        result.shards = done
    for name, potential in result.potential.items():
        potential += resting[name]
    return result


def _checked_dropped(plan, dropped, n_samples):
    sizes = {layer.name: layer.size for layer in plan.layers}
    sizes |= {name: plan.net.populations[name].size for name in plan.inputs}
    for name, marks in dropped.items():
        choose("population", name, tuple(sizes))
        if marks.shape != (n_samples, sizes[name]):
            raise InputError(
                f'dropped spikes of "{name}" have shape {marks.shape}; needed: {(n_samples, sizes[name])}')
    return dropped


class _NoSpikes(NamedTuple):
    time: np.ndarray
    neuron: np.ndarray
    amplitude: np.ndarray
    offsets: np.ndarray
