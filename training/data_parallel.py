"""Training on the workers of a Dask cluster, which share the samples of every batch.

A gradient is a sum over shards of the batch. `training.layered` forms it in a fixed order whatever the number of
threads, so the parts may come from anywhere as long as they are added up in that order: the trained weights have the
bits of a training in one process. Needs the extra `dask`: ``pip install eventsim[dask]``.

The price is traffic. In every step each worker gets the weights and sends back a table of their size for every 16
samples of a convolutional network (32 of a dense one), and the first spike times of all neurons. It pays where a
step takes much longer than that.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim.engines import layers
from eventsim.errors import InputError
from eventsim.workers import workers_at
from training import layered
from training.layered import Gradients
from training.passes import Passes

if TYPE_CHECKING:
    from eventsim.dask_workers import Cluster
    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Arrays, Precision
    from training.model import Model


class DataParallel(Passes):
    """Forward and backward of a model on the workers of a cluster, to be given to `training.fit` as `passes`.

    Parameters
    ----------
    model : training.Model
        Its network is feed-forward, and its neurons fire at most once.
    scheduler : str or distributed.Client
        Address of a Dask scheduler, or a client that is connected to one.
    precision : {"double", "single"}
    threads : int
        Threads of each part on its worker.
    slope_floor : float
        As for `training.passes.Passes`.

    Raises
    ------
    InputError
        A network or a decoder that takes traces; no scheduler answers, it has no workers, or Dask is not installed.
    """

    def __init__(
        self,
        model: Model,
        scheduler: Any,
        precision: Precision = "double",
        threads: int = 1,
        slope_floor: float = 0.0,
    ) -> None:
        reason = layers.unsuited(model.net)
        if reason is None and model.readout == "potential" and model.decoder.over != "end":
            reason = f"its decoder reads the {model.decoder.over} of a potential"
        if reason is not None:
            raise InputError(f"this model cannot be trained on a cluster: {reason}; train it without one")
        super().__init__(model.net, model.t_stop, precision, layers.thread_count(threads), slope_floor)
        if scheduler is None:
            raise InputError("training on a cluster needs the address of its scheduler; without one leave passes out")
        self._convolutional = any(layer.locations > 1 for layer in self._plan.layers)
        self._workers: Cluster | Any = workers_at(scheduler)
        self._shared = self._workers.share(_Net(model.net))

    def forward(
        self,
        stimulus: Mapping[str, Spikes],
        weights: Arrays | None = None,
        thresholds: Arrays | None = None,
        offsets: Arrays | None = None,
        delays: Arrays | None = None,
        dropped: Arrays | None = None,
        learning: bool = False,
    ) -> Spread:
        """Return the activity: `time` by population, `potential` by readout, (samples, size) each.

        Parameters
        ----------
        stimulus, weights, thresholds, offsets, delays, dropped, learning
            As for `training.passes.Passes.forward`.

        Raises
        ------
        InputError
            Delays that are learned; or the cluster went away.
        """
        if delays:
            raise InputError("delays cannot be learned on a cluster, because that takes traces; train without one")
        n_samples = next((spikes.n_samples for spikes in stimulus.values()), 1)
        grain = layers.SHARD if self._convolutional else _TOGETHER * layers.SHARD
        grains = -(-n_samples // grain)
        bounds = np.linspace(0, grains, min(self._workers.count, grains) + 1).round().astype(int) * grain
        bounds[-1] = n_samples
        given = {"weights": weights, "thresholds": thresholds, "offsets": offsets}
        how = {"t_stop": self.t_stop, "precision": self.precision, "threads": self.threads, "keep_events": learning}
        tasks = []
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            here = slice(first, last)
            tasks.append(given | how | {
                "stimulus": {name: spikes.select(here) for name, spikes in stimulus.items()},
                "dropped": {name: marks[here] for name, marks in (dropped or {}).items()},
            })  # fmt: skip
        held = self._workers.hold(_forward, tasks, self._shared) if learning else []
        if learning:
            found = self._gathered(_read, [None] * len(tasks), held)
        else:
            found = self._gathered(_forward_and_read, tasks)
        activity = Spread(self._plan, stimulus, self.t_stop, self.precision, bounds.tolist(), held,
                          bool(thresholds or offsets))
        activity.time = _stacked([time for time, _ in found])
        activity.potential = _stacked([potential for _, potential in found])
        activity.done[:] = True
        return activity

    def backward(self, activity: Any, loss_gradient: Mapping[str, Array]) -> Gradients:
        """Return the gradients ``.weights`` by projection; ``.thresholds`` and ``.offsets`` where they were given.

        Parameters
        ----------
        activity : as `forward` returned it with ``learning=True``
        loss_gradient : dict of ndarray
            As for `training.passes.Passes.backward`.
        """
        tasks = [
            _Task({name: values[first:last] for name, values in loss_gradient.items()}, self.threads,
                  self.slope_floor, self._convolutional, activity.by_neuron)
            for first, last in zip(activity.bounds, activity.bounds[1:], strict=False)
        ]  # fmt: skip
        return self._summed(self._gathered(_backward, tasks, activity.held), activity.by_neuron)

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes of tasks sent and of results received so far."""
        return self._workers.sent, self._workers.received

    def close(self) -> None:
        """Close the connection to the scheduler, unless it was given."""
        self._workers.close()

    def _gathered(self, function: Any, tasks: list[Any], held: list[Any] | None = None) -> list[Any]:
        results: list[Any] = [None] * len(tasks)
        for done in self._workers.completed(function, tasks, self._shared, held):
            if done.failure is not None:
                raise done.failure
            results[done.number] = done.result
        return results

    def _summed(self, parts: list[_Sums], by_neuron: bool) -> Gradients:
        """Add up in the order in which `training.layered.backward` does."""
        result = Gradients()
        for layer in self._plan.layers:
            total = np.zeros(sum(math.prod(link.shape) for link in layer.links))
            for part in parts:
                for row in part.rows.get(layer.name, ()):
                    total += row
            at = 0
            for link in layer.links:
                size = math.prod(link.shape)
                gradient = total[at : at + size].reshape(link.shape)
                result.weights[link.name] = gradient if link.pool == 1 else gradient / link.pool**2
                at += size
            if by_neuron:
                for sums, name in ((result.thresholds, "thresholds"), (result.offsets, "offsets")):
                    shards = [shard[name][layer.name] for part in parts for shard in part.neurons
                              if layer.name in shard[name]]
                    if shards:
                        sums[layer.name] = functools.reduce(np.add, shards, np.zeros(layer.size))
            counts = [part.floored[layer.name] for part in parts if layer.name in part.floored]
            if counts:
                result.floored[layer.name] = sum(low for low, _ in counts), sum(fired for _, fired in counts)
        return result


_TOGETHER = 2
"""Shards whose sums `training.layered` adds up in one table, in a network without convolutions."""


class Spread(layers.Activations):
    """What `DataParallel.forward` leaves: times and potentials are here, arrivals and slopes at the workers.

    Parameters
    ----------
    plan : eventsim.engines.layers.Plan
    stimulus : dict of Spikes
    t_stop : float
        Horizon in ms.
    precision : {"double", "single"}
    bounds : list of int
        First sample of each part, and the number of samples.
    held : list
        What stands for the parts at their workers.
    by_neuron : bool
        Whether gradients of thresholds and offsets will be asked for.
    """

    def __init__(
        self,
        plan: layers.Plan,
        stimulus: Mapping[str, Spikes],
        t_stop: float,
        precision: Precision,
        bounds: list[int],
        held: list[Any],
        by_neuron: bool,
    ) -> None:
        super().__init__(plan, stimulus, bounds[-1], t_stop, precision)
        self.slope, self.generation = _Elsewhere(), _Elsewhere()
        self.cells, self.wires = _Elsewhere(), _Elsewhere()
        self.bounds, self.held, self.by_neuron = bounds, held, by_neuron


class _Elsewhere(dict[str, Any]):
    """Arrays that stay at the workers."""

    def __missing__(self, name: str) -> Any:
        raise InputError(
            f'arrivals and slopes of "{name}" stay at the workers of the cluster; what needs them (the policies "peak" '
            'and "spike_rate") takes a training in one process'
        )


class _Net:
    """The network at a worker, and its plan, made there once."""

    def __init__(self, net: Network) -> None:
        self.net = net

    @functools.cached_property
    def plan(self) -> layers.Plan:
        return layers.plan(self.net)

    def __getstate__(self) -> dict[str, Any]:
        return {"net": self.net}


class _Task(NamedTuple):
    """What a worker needs for the way back."""

    loss_gradient: dict[str, Array]
    threads: int | None
    slope_floor: float
    convolutional: bool
    by_neuron: bool


class _Sums(NamedTuple):
    """What the way back of a part gives."""

    rows: dict[str, list[Array]]
    """Tables of sums by layer, each of the shards that `training.layered` puts together."""
    neurons: list[dict[str, Arrays]]
    """Sums by neuron, "thresholds" and "offsets", of each shard; empty where nobody asked."""
    floored: dict[str, tuple[int, int]]


def _forward(shared: _Net, task: dict[str, Any]) -> layers.Activations:
    return layers.forward(shared.plan, **task)


def _read(shared: _Net, task: None, activity: layers.Activations) -> tuple[Arrays, Arrays]:
    return activity.time, activity.potential


def _forward_and_read(shared: _Net, task: dict[str, Any]) -> tuple[Arrays, Arrays]:
    return _read(shared, None, _forward(shared, task))


def _backward(shared: _Net, task: _Task, activity: layers.Activations) -> _Sums:
    """Walk back through a part: through all of it for the tables, shard by shard where each has a result of its own."""
    found = _Sums({}, [], {})
    shards = [[shard] for shard in activity.shards]
    for mine in shards if task.convolutional else [activity.shards]:
        result = _walked(activity, mine, task, found.rows)
        if task.by_neuron and len(mine) == 1:
            found.neurons.append({"thresholds": result.thresholds, "offsets": result.offsets})
        for name, (low, fired) in result.floored.items():
            before = found.floored.get(name, (0, 0))
            found.floored[name] = before[0] + low, before[1] + fired
    if task.by_neuron and not found.neurons:  # again: the tables do not tell the shards apart
        for mine in shards:
            result = _walked(activity, mine, task, {})
            found.neurons.append({"thresholds": result.thresholds, "offsets": result.offsets})
    return found


def _walked(activity: layers.Activations, shards: list[Any], task: _Task, rows: dict[str, list[Array]]) -> Gradients:
    """Return the gradients of some shards of a part, and add their tables of sums to `rows`."""
    some, room = copy.copy(activity), {}
    some.shards = shards
    result = layered.backward(some.plan, some, task.loss_gradient, delays=False, threads=task.threads,
                              slope_floor=task.slope_floor, room=room)
    for (name, *_), table in room.items():
        layer = next(layer for layer in some.plan.layers if layer.name == name)
        size = sum(math.prod(link.shape) for link in layer.links)  # behind it lies what kernels are padded with
        rows.setdefault(name, []).extend(table[:, :size])
    return result


def _stacked(parts: list[Arrays]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
