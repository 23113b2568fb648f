"""What hardware does to a network: jittered and lost spikes, coarse weights and times, uneven thresholds.

`evaluate` measures a model under a `Disturbance`. Everything is drawn by counter from (seed, population, sample,
neuron), so a result depends neither on batches nor on threads, and the same spikes are lost at any jitter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim import Spikes, arrays, random
from eventsim.engines import layers
from eventsim.errors import InputError, expect
from eventsim.progress import meter
from training import first_arrival
from training.decoder import as_labels
from training.encode import as_values, one_a_neuron

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.type_aliases import Floats, Meter, Precision
    from training.model import Model
    from training.type_aliases import Report

_SMALLEST = 0.01
"""Smallest factor on a threshold: a spread of 0.3 would make one in 2,000 negative."""


@dataclass(frozen=True)
class Disturbance:
    """How a network is disturbed; the defaults leave it as it is.

    Parameters
    ----------
    jitter_ms : float
        Standard deviation in ms of the error of every spike time, inputs and outputs included (normal, never
        before t = 0).
    drop : float
        Probability that a spike is lost on its way: of inputs and hidden neurons, 0 to below 1.
    weight_bits : int, optional
        Weights are rounded to ``2**bits - 1`` equally spaced values, a scale for each projection: 2 to 32.
    time_bits : int, optional
        Spike times, inputs and outputs included, are moved up to the next of ``2**bits`` steps of the horizon.
    threshold_cv : float
        Standard deviation of the thresholds over neurons, in units of their distance from the initial potential.
    seed : int

    Raises
    ------
    InputError
        A value out of range.
    """

    jitter_ms: float = 0.0
    drop: float = 0.0
    weight_bits: int | None = None
    time_bits: int | None = None
    threshold_cv: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        arrays.not_negative("", jitter_ms=self.jitter_ms, threshold_cv=self.threshold_cv)
        if not 0.0 <= arrays.number("drop", self.drop) < 1.0:
            raise InputError(f"drop = {self.drop!r} cannot be used; give a probability from 0 to below 1.")
        for name in ("weight_bits", "time_bits"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if value is not None and not (whole and 2 <= value <= 32):
                raise InputError(f"{name} = {value!r} cannot be used; give a whole number from 2 to 32.")
        arrays.integer("seed", self.seed)

    @property
    def changes(self) -> Report:
        """What is disturbed, by name; empty where nothing is."""
        nothing = asdict(Disturbance(seed=self.seed))
        return {name: value for name, value in asdict(self).items() if value != nothing[name]}

    def weights(self, net: Network) -> dict[str, Floats]:
        """Return rounded weights by projection; empty where weights are left alone.

        Parameters
        ----------
        net : Network
        """
        if self.weight_bits is None:
            return {}
        steps = 2 ** (self.weight_bits - 1) - 1
        rounded = {}
        for name in first_arrival.learned(net):
            weight = net.projections[name].weight
            scale = np.max(np.abs(weight), initial=0.0) / steps
            rounded[name] = np.rint(weight / scale) * scale if scale > 0.0 else weight
        return rounded

    def thresholds(self, net: Network) -> dict[str, Floats]:
        """Return uneven thresholds by population; empty where they are left alone.

        Parameters
        ----------
        net : Network
        """
        if self.threshold_cv == 0.0:
            return {}
        from scipy.special import ndtri

        uneven, pools = {}, first_arrival.populations(net)
        for name, population in net.populations.items():
            if population.kind != "neurons" or population.is_readout or name in pools:
                continue
            p = population.neuron.resolve(population.size)
            draws = random.uniform(random.stream_key(self.seed, f"threshold of {name}"), np.arange(population.size))
            factor = np.maximum(1.0 + self.threshold_cv * ndtri(draws), _SMALLEST)
            uneven[name] = p.v_init + (p.v_threshold - p.v_init) * factor
        return uneven

    def alter(self, name: str, first: int, times: Floats, t_stop: float, in_flight: bool = True) -> None:
        """Change the spike times of some samples of a population in place; what is lost or too late gets inf.

        Parameters
        ----------
        name : str
        first : int
            Number of the first sample.
        times : ndarray (samples, neurons)
            In ms, inf: silent.
        t_stop : float
            Horizon in ms.
        in_flight : bool
            Whether the spikes go on to other neurons, and may be lost.
        """
        from training import draws

        if self.jitter_ms > 0.0:
            draws.jitter(*random.stream_key(self.seed, f"jitter of {name}"), first, self.jitter_ms, times)
        if self.drop > 0.0 and in_flight:
            lost = np.empty(times.shape, np.bool_)
            index = np.arange(first, first + len(times))
            draws.mark(*random.stream_key(self.seed, f"loss of {name}"), index, 0, self.drop, lost)
            times[lost] = np.inf
        if self.time_bits is not None:
            step = t_stop / 2**self.time_bits
            times[...] = np.ceil(times / step) * step
        times[times >= t_stop] = np.inf

    def stimulus(self, spikes: Spikes, name: str, size: int, first: int, t_stop: float) -> Spikes:
        """Return the disturbed `Spikes` of an input population.

        Parameters
        ----------
        spikes : Spikes
            At most one a neuron and sample.
        name : str
        size : int
            Number of input neurons.
        first : int
            Number of the first sample.
        t_stop : float
            Horizon in ms.
        """
        times, amplitude = one_a_neuron(spikes, name, size)
        self.alter(name, first, times, t_stop)
        sample, neuron = np.nonzero(np.isfinite(times))
        return Spikes(times[sample, neuron], neuron, sample, amplitude[sample, neuron], spikes.n_samples)


def evaluate(
    model: Model,
    values: ArrayLike,
    labels: ArrayLike,
    disturbance: Disturbance,
    precision: Precision = "double",
    threads: int | None = None,
    batch: int = 1000,
    progress: Meter | None = None,
) -> Report:
    """Return accuracy and latency of a disturbed model over a labelled set.

    Parameters
    ----------
    model : training.Model
    values : array_like (samples, ...)
    labels : array_like of int (samples,)
    disturbance : Disturbance
    precision : {"double", "single"}
    threads : int, optional
        All processors by default; the result does not depend on it.
    batch : int
        Samples at a time; the result does not depend on it.
    progress : None, "text" or callable, optional
        As in `eventsim.simulate`.

    Returns
    -------
    dict
        accuracy (0 to 1; an undecided sample counts as wrong), undecided (0 to 1), latency_ms (mean over decided
        samples, None where none is; the horizon for a silent readout), n_samples, disturbance.

    Raises
    ------
    InputError
        No samples, labels that do not fit, or an input with several spikes a neuron.
    """
    expect("model", model, "Model", "a training.Model")
    expect("disturbance", disturbance, Disturbance, "a training.disturb.Disturbance")
    batch = arrays.integer("batch", batch, 1)
    values, labels = np.asarray(as_values(values)), as_labels(labels)
    if len(values) == 0 or labels.shape != (len(values),):
        raise InputError(f"{len(values)} samples and labels of shape {labels.shape}; give one label a sample.")
    net, t_stop, size = model.net, model.t_stop, model.net[str(model.encoder.input)].size
    plan = layers.plan(net)
    changed = {"weights": disturbance.weights(net), "thresholds": disturbance.thresholds(net)}
    parts, show = [], meter(progress, len(values), "samples")
    for start in range(0, len(values), batch):

        def altered(name: str, first: int, times: Floats, start: int = start) -> None:
            disturbance.alter(name, start + first, times, t_stop, in_flight=name != model.output)

        stimulus = {
            name: disturbance.stimulus(spikes, name, size, start, t_stop)
            for name, spikes in model.encode(values[start : start + batch]).items()
        }
        activity = layers.forward(plan, stimulus, t_stop, precision, threads, altered=altered, **changed)
        parts.append(model.read(activity))
        show(min(start + batch, len(values)) / len(values))
    show(None)
    found = model.score(np.concatenate(parts), labels)
    del found["loss"]  # of a decoder that was trained without disturbance
    return found | {"n_samples": len(values), "disturbance": asdict(disturbance)}
