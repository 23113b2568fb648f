"""Training on the workers of a Dask cluster, which share the samples of every batch.

A gradient is a sum over shards of the batch. `training.layered` forms it in a fixed order whatever the number of
threads, so the parts may come from anywhere as long as they are added up in that order: the trained weights have the
bits of a training in one process. Needs the extra `dask`: ``pip install eventsim[dask]``.

The price is traffic. In every step each worker gets the weights and sends back a table of their size for every 16
samples of a convolutional network (32 of a dense one), sums by neuron, and the first spike times of all neurons. It
pays where a step takes much longer than that.
"""

from __future__ import annotations

import functools
import itertools
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
        grain = self._plan.shard
        grains = -(-n_samples // grain)
        bounds = np.linspace(0, grains, min(self._workers.count, grains) + 1).round().astype(int) * grain
        bounds[-1] = n_samples
        given = {"weights": weights, "thresholds": thresholds, "offsets": offsets}
        how = {"t_stop": self.t_stop, "precision": self.precision, "threads": self.threads, "keep_events": learning}
        tasks = []
        for first, last in itertools.pairwise(bounds.tolist()):
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
        activity = Spread(self._plan, stimulus, self.t_stop, self.precision, bounds.tolist(), held)
        activity.time = _stacked([time for time, _ in found])
        activity.potential = _stacked([potential for _, potential in found])
        activity.done[:] = True
        return activity

    def backward(self, activity: Any, loss_gradient: Mapping[str, Array]) -> Gradients:
        """Return the gradients of `training.passes.Passes.backward`.

        Parameters
        ----------
        activity : as `forward` returned it with ``learning=True``
        loss_gradient : dict of ndarray
            As there.
        """
        tasks = [
            _Task({name: values[first:last] for name, values in loss_gradient.items()}, self.threads, self.slope_floor)
            for first, last in itertools.pairwise(activity.bounds)
        ]  # fmt: skip
        parts = self._gathered(_backward, tasks, activity.held)
        return layered.added_up(self._plan, parts, delays=False, floored=self.slope_floor > 0.0)

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
    """

    def __init__(
        self,
        plan: layers.Plan,
        stimulus: Mapping[str, Spikes],
        t_stop: float,
        precision: Precision,
        bounds: list[int],
        held: list[Any],
    ) -> None:
        super().__init__(plan, stimulus, bounds[-1], t_stop, precision)
        self.slope, self.generation = _Elsewhere(), _Elsewhere()
        self.cells, self.wires = _Elsewhere(), _Elsewhere()
        self.bounds, self.held = bounds, held


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


def _forward(shared: _Net, task: dict[str, Any]) -> layers.Activations:
    return layers.forward(shared.plan, **task)


def _read(shared: _Net, task: None, activity: layers.Activations) -> tuple[Arrays, Arrays]:
    return activity.time, activity.potential


def _forward_and_read(shared: _Net, task: dict[str, Any]) -> tuple[Arrays, Arrays]:
    return _read(shared, None, _forward(shared, task))


def _backward(shared: _Net, task: _Task, activity: layers.Activations) -> layered.Sums:
    return layered.sums(activity.plan, activity, task.loss_gradient, task.threads, task.slope_floor)


def _stacked(parts: list[Arrays]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
