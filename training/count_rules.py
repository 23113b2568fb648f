"""Substitutes for the derivative of a number of spikes, which is 0 wherever it exists: approximate, by name.

A number of spikes changes by whole steps, so no gradient follows from it. Two published rules put something else in its
place. Both give what `training.spike_time_gradient` takes, one value a recorded spike, so that everything behind the
spikes is differentiated exactly:

* `of_counts`: a later spike counts for less, dn/dt = -1 a unit of time (BATS: Bacho & Chu, "Exploring Trade-Offs in
  Spiking Neural Networks", Neural Computation 35, 2023);
* `SpikeRate`: every spike is charged for the potential that made it (mlGeNN; Nowotny, Turner & Knight, "Loss shaping
  enhances exact gradient learning with EventProp in spiking neural networks", 2022).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose, expect, expect_trace
from training.policy import Policy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Floats


def of_counts(trace: Trace, population: str, error: ArrayLike, per_ms: float = 1.0) -> Floats:
    """Return a substitute for dL/dt of every spike of a population, from dL/dn of its numbers of spikes.

    Parameters
    ----------
    trace : eventsim.Trace
        With all spikes of the population.
    population : str
    error : array_like (samples, size)
        dL/dn: how the loss changes with the number of spikes of a neuron.
    per_ms : float
        How much less a spike counts for each ms by which it comes later.

    Returns
    -------
    numpy.ndarray
        float64, one value a recorded spike in the order of the trace, for `training.spike_time_gradient`.

    Raises
    ------
    InputError
        An error of another shape, NaN or infinite; a population that was not recorded.
    """
    expect_trace(trace)
    spikes = trace.spikes(population)
    given = arrays.numbers(f'error of the counts of "{population}"', error)
    shape = trace.n_samples, trace.network.populations[population].size
    if given.shape != shape or not np.isfinite(given).all():
        raise InputError(f'error of the counts of "{population}" has shape {given.shape}; give finite numbers of shape '
                         f"{shape}, (samples, neurons)")
    arrays.not_negative("", per_ms=per_ms)
    return -per_ms * given[spikes.sample, spikes.neuron]


@dataclass(frozen=True)
class SpikeRate(Policy):
    """Pull the mean number of spikes a sample of every hidden neuron towards a target.

    Each spike counts as if the loss had, at the fixed instant of the spike, the derivative
    ``strength * (n - target) / samples`` by V, n being the neuron's mean number of spikes a sample of the batch.
    (mlGeNN adds the same to the adjoint of V, where it is divided by tau_mem.) A neuron without a spike feels
    nothing: `Firing` and `Peak` are for those.

    Parameters
    ----------
    target : float
        Spikes a sample.
    strength : float
        Of neurons that fire more often.
    lower : float, optional
        Of those that fire more seldom; default: the same strength.
    populations : sequence of str, optional
        Default: all that can fire, the output left out.
    """

    kind: ClassVar[str] = "spike_rate"
    target: float
    strength: float = 1.0
    lower: float | None = None
    populations: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are negative or not finite."""
        for name, value in (("target", self.target), ("strength", self.strength), ("lower", self.lower)):
            if value is not None:
                arrays.not_negative("SpikeRate's", **{name: value})
        if self.populations is not None:
            expect("SpikeRate's populations", self.populations, Collection, "a list of names")

    def charges(self, activity: Any, net: Network, output: str) -> dict[str, Floats]:
        """Return additions to dL/dt of the spikes, by population (``Policy.charges`` of `training.regularize`)."""
        firing = [name for name, p in net.populations.items() if p.kind == "neurons" and not p.is_readout]
        names = [name for name in firing if name != output] if self.populations is None else self.populations
        return {choose("SpikeRate's population", name, firing): self._of(activity, name) for name in names}

    def _of(self, activity: Any, name: str) -> Floats:
        trace = getattr(activity, "trace", None)
        if trace is not None:
            spikes = trace.spikes(name)
            return -self._charge(trace.counts(name))[spikes.neuron] * _finite(spikes.slope)
        if not hasattr(activity, "slope"):
            raise InputError("SpikeRate needs spikes in continuous time; a network in steps has no V' to divide by")
        fired = np.isfinite(activity.time[name])
        return -self._charge(fired) * np.where(fired, _finite(activity.slope[name]), 0.0)

    def _charge(self, counts: Array) -> Floats:
        """Return what V of every neuron is charged at a spike; V' dt = -dV turns it into dL/dt."""
        excess = counts.mean(axis=0) - self.target
        lower = self.strength if self.lower is None else self.lower
        return np.where(excess > 0.0, self.strength, lower) * excess / len(counts)


def _finite(slope: Array) -> Floats:
    """Return V' of spikes, 0 where V jumped: no small change of V moves such a spike."""
    return np.where(np.isfinite(slope), slope, 0.0)
