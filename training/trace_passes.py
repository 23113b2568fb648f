"""Forward and backward through any network for a batch: a recorded run, and the adjoint sweep over its trace.

What the layers engine cannot run (recurrence, neurons that fire many times, a delay for each synapse, two receptors)
is simulated spike by spike; the gradient is `training.spike_time_gradient`. Feed-forward single-spike networks learn
several times faster in `training.passes.Passes`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import eventsim
from eventsim import Spikes, measure
from eventsim.errors import InputError
from eventsim.lower import lower
from training.gradient import spike_time_gradient
from training.layered import Gradients
from training.parameters import write_into
from training.passes import with_charges
from training.readout_loss import Integral, ValueAt

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Arrays, Engine, Floats
    from training.decoder import Decoder
    from training.model import Model


class Activity:
    """What a run did, as decoders, policies and monitors read it.

    Attributes
    ----------
    trace : eventsim.Trace
    time : dict of ndarray (samples, size)
        First spike of every neuron that can fire in ms, inf: silent.
    potential : dict of ndarray (samples, size)
        What the decoder reads of the readout.
    at : ndarray (samples, size) or None
        When the largest potential was reached, ms.
    delays : bool
        Whether the run was given delays, whose gradients are then wanted.
    """

    def __init__(
        self, trace: Trace, decoder: Decoder, output: str, delays: bool = False, threads: int | None = None
    ) -> None:
        self.trace, self.delays = trace, delays
        self.potential: dict[str, Floats] = {}
        self.at: Floats | Any = None
        populations = trace.network.populations.values()
        self.time = {p.name: trace.first_spikes(p.name) for p in populations if p.kind == "neurons"}
        if decoder.readout != "potential":
            return
        if decoder.over == "maximum":
            self.potential[output], self.at = measure.peak_potential(trace, output, threads)
        elif decoder.over == "integral":
            self.potential[output] = measure.integrated_potential(trace, output, _discount(decoder))
        else:
            self.potential[output] = trace.potential(output)


class TracePasses:
    """The passes of a model whose network may have any topology.

    Parameters
    ----------
    model : training.Model
    threads : int, optional
        All processors by default; the results do not depend on it.
    slope_floor : float
        Smallest V', in V/ms, that the gradient is divided by.
    engine : str
        Of `eventsim.simulate`.

    Raises
    ------
    InputError
        Delta synapses, which have no gradient.
    """

    precision = "double"

    def __init__(
        self, model: Model, threads: int | None = None, slope_floor: float = 0.0, engine: Engine = "auto"
    ) -> None:
        self._model, self._net = model, model.net
        self.threads, self.slope_floor, self._engine = threads, slope_floor, engine
        self.settings = "trace"

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
        """Return the `Activity` of a batch; parameters as `training.passes.Passes.forward`, and delays by projection.

        Weights, thresholds, offsets and delays are written into the network.
        """
        write_into(self._net, weights, thresholds, offsets, delays)
        if learning:
            lower(self._net, learning=True)
        trace = eventsim.simulate(
            self._net, _without(stimulus, dropped or {}), self._model.t_stop, engine=self._engine,
            threads=self.threads)
        return Activity(trace, self._model.decoder, self._model.output, bool(delays), self.threads)

    def learn(
        self,
        activity: Activity,
        decoder: Decoder,
        output: str,
        labels: ArrayLike,
        dropped: Arrays | None = None,
        charges: Arrays | None = None,
    ) -> tuple[float, Gradients]:
        """Return the loss of a batch and its gradients by `weights`, `thresholds`, `offsets` and `delays`."""
        read = activity.potential[output] if decoder.readout == "potential" else activity.time[output]
        loss, error = decoder(read, labels)
        if decoder.readout != "potential":
            given = of_first_spikes(activity.trace, output, error)
        elif decoder.over == "maximum":
            given = ValueAt(activity.at, error)
        elif decoder.over == "integral":
            given = Integral(error, _discount(decoder))
        else:
            given = error
        found = spike_time_gradient(self._net, activity.trace, with_charges({output: given}, charges), self.threads,
                                    self.slope_floor, inputs=activity.delays)
        gradients = Gradients()
        gradients.weights, gradients.delays = found.weights, found.delays
        gradients.thresholds, gradients.offsets = found.thresholds, found.offsets
        gradients.floored = self._floored(activity.trace)
        return loss, gradients

    def _floored(self, trace: Trace) -> dict[str, tuple[int, int]]:
        if not self.slope_floor:
            return {}
        counts = {}
        for name, population in self._net.populations.items():
            if population.kind == "neurons" and not population.is_readout:
                slope = trace.spikes(name).slope
                counts[name] = int(np.count_nonzero(slope < self.slope_floor)), len(slope)
        return counts


def _discount(decoder: Decoder) -> float:
    return math.inf if decoder.tau is None else decoder.tau


def of_first_spikes(trace: Trace, name: str, error: Array) -> Floats:
    """Return dL/dt by recorded spike from dL/dt of first spikes, (samples, size)."""
    table = trace.spikes(name)
    _, first = np.unique(np.asarray(table.sample, np.int64) * error.shape[1] + table.neuron, return_index=True)
    result = np.zeros(len(table.time))
    result[first] = error[table.sample[first], table.neuron[first]]
    return result


def _without(stimulus: Mapping[str, Spikes], dropped: Arrays) -> dict[str, Spikes]:
    """Return a stimulus without the input spikes that are dropped, bool (samples, size) by population."""
    left = dict(stimulus)
    for name, gone in dropped.items():
        if name not in stimulus:
            raise InputError(
                f'spikes of "{name}" cannot be dropped in a recurrent or many-spike network; give dropout for inputs')
        spikes = stimulus[name]
        kept = ~gone[spikes.sample, spikes.neuron]
        left[name] = Spikes(spikes.time[kept], spikes.neuron[kept], spikes.sample[kept], spikes.amplitude[kept],
                            spikes.n_samples)
    return left
