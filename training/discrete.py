"""The discrete twin: time in whole steps, delta synapses, one spike at most, surrogate gradients.

Neurons of a chain of layers (methods of ETTFS, arXiv 2410.23619)::

    H[t] = leak H[t - 1] + sum_j W_j S_j[t]        leak = exp(-1 / tau_mem), 1 without leak; same-step propagation
    s[t] = 1 where H[t] >= threshold               m[t + 1] = m[t] (1 - s[t]),  m[0] = 1: not fired yet
    S[t] = s[t] m[t]                               the first step at or above the threshold is the spike

This is an ordinary network of neurons with ``tau_syn = 0`` and input spikes at whole times, one step a
millisecond: the event-driven engines run it as it is, `training.clocked` as a loop over steps with the same bits.
Here it is trained: batches as products of matrices, and back through time with the slope of a
surrogate in place of ds/dH. The latch is differentiated like all else, dS[t] = ds[t] m[t] + s[t] dm[t], so
that a neuron compares what its spike does at one step with what it would do at the next.

The products are numpy's, whose rounding may depend on the number of its threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim._jit import kernel
from eventsim.engines import layers
from eventsim.errors import InputError, choose
from eventsim.lower import lower
from training import products, surrogate
from training.layered import Gradients

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Arrays, Floats, Precision
    from training.decoder import Decoder
    from training.surrogate import Surrogate
    from training.type_aliases import Report

_DEFAULT = surrogate.Arctan()


class Activity:
    """A forward run: `time` (samples, neurons) by population, `potential` by readout, and what `learn` needs."""

    time: dict[str, Floats]
    potential: dict[str, Floats]
    sent: dict[str, Array]
    height: dict[str, Array]
    kept: dict[str, Any]

    def __init__(self) -> None:
        self.time, self.potential = {}, {}
        self.sent, self.height, self.kept = {}, {}, {}


class _Layer(NamedTuple):
    name: str
    projection: str
    source: str
    product: products.DenseProduct | products.ConvolutionProduct
    fires: bool
    leak: float
    start: np.ndarray
    theta: np.ndarray
    rest: np.ndarray


def chain(net: Network, steps: int) -> list[tuple[str, str, str, bool]]:
    """Return the neuron populations of a discrete network in their order, each with its only projection.

    Parameters
    ----------
    net : Network
    steps : int
        Steps of a sample.

    Raises
    ------
    InputError
        Anything that a clock of whole steps does not have: currents that last, delays, bias currents, several
        projections into a population.
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise InputError(f"steps = {steps!r} cannot be used; give a whole number of at least 1.")
    reason = layers.unsuited(net)
    if reason is not None:
        raise InputError(f"The network cannot run in steps: {reason}.")
    plan = layers.plan(net)
    found = []
    for layer in plan.layers:
        neuron = net[layer.name].neuron.resolve(layer.size)
        if neuron.tau_syn != 0.0:
            raise InputError(f'"{layer.name}" has tau_syn = {neuron.tau_syn:g} ms; in steps synapses have tau_syn = 0.')
        if math.isinf(neuron.tau_mem) and np.any(neuron.i_offset):
            raise InputError(f'"{layer.name}" has a bias current and would fire between steps; set i_offset to 0.')
        if len(layer.links) != 1:
            count = len(layer.links)
            raise InputError(f'"{layer.name}" has {count} incoming projections; in steps every layer has one.')
        if layer.links[0].delay:
            raise InputError(f'"{layer.links[0].name}" has a delay; in steps a spike arrives at once.')
        found.append((layer.name, layer.links[0].name, layer.links[0].source, layer.fires))
    return found


class DiscretePasses:
    """Forward and backward through a discrete network, in place of `training.passes.Passes`.

    Parameters
    ----------
    net : eventsim.Network
        A chain of layers as described above.
    steps : int
        Number of steps; input spikes are at 0 to steps - 1.
    surrogate : training.surrogate.Surrogate
    precision : {"double", "single"}
    smooth : bool
        Whether spikes are as smooth as the surrogate's step, in both directions: what the gradient can be checked
        with by differences. Times are then without meaning.

    Raises
    ------
    InputError
        A network that has no steps, with the reason.
    """

    def __init__(
        self,
        net: Network,
        steps: int,
        surrogate: Surrogate = _DEFAULT,
        precision: Precision = "double",
        smooth: bool = False,
    ) -> None:
        self.number = {"double": np.float64, "single": np.float32}[choose("precision", precision, ("double", "single"))]
        self.net, self.steps, self.surrogate = net, steps, surrogate
        self.precision, self.smooth = precision, smooth
        lowered = lower(net)
        self._layers = []
        for name, projection, source, fires in chain(net, steps):
            index = lowered.names.index(name)
            here = slice(lowered.offset[index], lowered.offset[index + 1])
            leak = math.exp(-1.0 / lowered.tau_mem[index]) if math.isfinite(lowered.tau_mem[index]) else 1.0
            self._layers.append(_Layer(
                name, projection, source, products.of(net.projections[projection]), fires, leak,
                lowered.v_init[here], lowered.theta[here], lowered.v_inf[here]))

    @property
    def settings(self) -> Report:
        """What tells two trainings apart, JSON-ready."""
        return {"steps": self.steps, "surrogate": self.surrogate.to_dict()}

    def forward(
        self,
        stimulus: Mapping[str, Spikes],
        weights: Arrays | None = None,
        thresholds: Arrays | None = None,
        offsets: Arrays | None = None,
        delays: Arrays | None = None,
        dropped: Arrays | None = None,
        learning: bool = False,
    ) -> Activity:
        """Return the `Activity` of a batch.

        Parameters
        ----------
        stimulus : dict of Spikes
            At whole times below `steps`, one spike a neuron and sample at most.
        weights, thresholds : dict of ndarray, optional
            Used instead of the network's: weights by projection, thresholds by population.
        offsets, delays : dict, optional
            As in `training.passes.Passes.forward`; must be empty.
        dropped : dict of bool ndarray (samples, size), optional
            Spikes to delete, by population.
        learning : bool
            Whether `learn` will follow.
        """
        if offsets:
            raise InputError("In steps a bias current is a threshold; learn thresholds instead of offsets.")
        weights, thresholds, dropped = weights or {}, thresholds or {}, dropped or {}
        activity = Activity()
        for name, spikes in stimulus.items():
            activity.sent[name] = self._raster(name, spikes, dropped.get(name))
        for layer in self._layers:
            sent = activity.sent[layer.source]
            n = len(sent)
            weight = np.asarray(self._own(weights, layer.projection), self.number)
            inputs, kept = layer.product.forward(sent.reshape(n * self.steps, -1), weight)
            height = inputs.reshape(n, self.steps, -1)
            theta = thresholds[layer.name] - layer.rest if layer.name in thresholds else layer.theta
            theta = theta if layer.fires else np.zeros_like(theta)
            _integrate(height, layer.leak, layer.start.astype(self.number), theta.astype(self.number))
            activity.time[layer.name] = time = np.full((n, height.shape[2]), np.inf)
            passed = None
            if layer.fires:
                passed = self.surrogate.step(height) if self.smooth else (height >= 0.0).astype(self.number)
                out = np.empty_like(height)
                _emit(passed, out, time)
                if layer.name in dropped:
                    out[np.broadcast_to(dropped[layer.name][:, None], out.shape)] = 0.0
                    time[dropped[layer.name]] = np.inf
                activity.sent[layer.name] = out
            else:
                activity.potential[layer.name] = height[:, -1].astype(np.float64) + layer.rest
            if learning:
                activity.height[layer.name] = height
                activity.kept[layer.name] = weight, kept, passed
        return activity

    def learn(
        self, activity: Activity, decoder: Decoder, output: str, labels: ArrayLike, dropped: Arrays | None = None
    ) -> tuple[float, Gradients]:
        """Return the loss of a batch and its gradients by `weights` and `thresholds`.

        Parameters
        ----------
        activity : Activity
            Of ``forward(..., learning=True)``.
        decoder : training.decode.Decoder
        output : str
        labels : ndarray of int (samples,)
        dropped : dict of bool ndarray, optional
            As in `forward`.
        """
        if output in activity.potential:
            loss, error = decoder(activity.potential[output], labels)
        else:
            loss, error = decoder.by_step(activity.sent[output].astype(np.float64), labels)
        found = Gradients()
        for layer in reversed(self._layers):
            height = activity.height[layer.name]
            weight, kept, passed = activity.kept[layer.name]
            if layer.fires:
                error = error.astype(self.number, copy=False)
                if dropped and layer.name in dropped:
                    error[np.broadcast_to(dropped[layer.name][:, None], error.shape)] = 0.0
                by_threshold = np.zeros(error.shape[2])
                _through_latch(error, passed, self.surrogate.slope(height), layer.leak, by_threshold)
                found.thresholds[layer.name] = by_threshold
            else:
                decay = layer.leak ** np.arange(self.steps - 1, -1, -1)
                error = (error[:, None, :] * decay[:, None]).astype(self.number)
            rows = error.reshape(len(height) * self.steps, -1)
            wanted = layer is not self._layers[0]
            weight_error, error = layer.product.backward(rows, weight, kept, wanted)
            found.weights[layer.projection] = weight_error.astype(np.float64)
            if wanted:
                error = error.reshape(len(height), self.steps, -1)
        return loss, found

    def _own(self, weights, projection):
        return weights[projection] if projection in weights else self.net.projections[projection].weight

    def _raster(self, name, spikes, dropped):
        """Return the spikes of an input as (samples, steps, neurons), 0 or their amplitude."""
        step = np.rint(spikes.time)
        if np.any(step != spikes.time) or np.any(step >= self.steps):
            wrong = spikes.time[(step != spikes.time) | (step >= self.steps)][0]
            raise InputError(
                f'"{name}" has a spike at {wrong:g} ms; in {self.steps} steps spikes are at the whole times 0 to '
                f"{self.steps - 1} ms. Let the encoder round: step = 1.0."
            )
        raster = np.zeros((spikes.n_samples, self.steps, self.net[name].size), self.number)
        np.add.at(raster, (spikes.sample, step.astype(np.int64), spikes.neuron), spikes.amplitude)
        if dropped is not None:
            raster[np.broadcast_to(dropped[:, None], raster.shape)] = 0.0
        return raster


@kernel
def _integrate(height, leak, start, theta):
    """Turn the input of every step (samples, steps, neurons) into V less the threshold, in place."""
    for sample in range(height.shape[0]):
        for j in range(height.shape[2]):
            height[sample, 0, j] += leak * start[j]
        for t in range(1, height.shape[1]):
            for j in range(height.shape[2]):
                height[sample, t, j] += leak * height[sample, t - 1, j]
        for t in range(height.shape[1]):
            for j in range(height.shape[2]):
                height[sample, t, j] -= theta[j]


@kernel
def _emit(passed, sent, time):
    """Send what passes for the first time, and note the first step with a whole spike."""
    for sample in range(passed.shape[0]):
        for j in range(passed.shape[2]):
            left = 1.0
            for t in range(passed.shape[1]):
                sent[sample, t, j] = passed[sample, t, j] * left
                if passed[sample, t, j] == 1.0 and time[sample, j] == math.inf:
                    time[sample, j] = t
                left *= 1.0 - passed[sample, t, j]


@kernel
def _through_latch(error, passed, slope, leak, by_threshold):
    """Turn dL/dS of every step into dL/d input, in place, and add up dL/d threshold."""
    steps, size = error.shape[1], error.shape[2]
    left = np.empty((steps + 1, size), error.dtype)
    later, carried = np.empty(size, error.dtype), np.empty(size, error.dtype)
    for sample in range(error.shape[0]):
        left[0] = 1.0
        for t in range(steps):
            for j in range(size):
                left[t + 1, j] = left[t, j] * (1.0 - passed[sample, t, j])
        later[:] = 0.0
        carried[:] = 0.0
        for back in range(steps):
            t = steps - 1 - back
            for j in range(size):
                own, step = error[sample, t, j], passed[sample, t, j]
                change = (own - later[j]) * left[t, j] * slope[sample, t, j]
                later[j] = own * step + later[j] * (1.0 - step)
                by_threshold[j] -= change
                carried[j] = change + leak * carried[j]
                error[sample, t, j] = carried[j]
