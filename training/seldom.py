"""Policies for neurons that fire in too few samples: `Firing`, `Peak` and `WeightBump` (`training.regularize`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from training.policy import Policy, spread

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Arrays, Flags
    from training.policy import Batch


@dataclass(frozen=True)
class Firing(Policy):
    """Push up hidden neurons (channels of a convolution) that fire too seldom.

    Adds ``-strength * shortfall`` to the gradient of the drive, or of every incoming weight where the weights
    are not standardised; ``shortfall = max(0, minimum - part of (samples x places) in which it fired)``.

    Parameters
    ----------
    minimum : float
        Part that costs nothing, above 0 to 1.
    strength : float
        Loss per unit of drive or weight.
    """

    kind: ClassVar[str] = "firing"
    minimum: float = 0.05
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        arrays.positive("Firing's", strength=self.strength)
        if not 0.0 < arrays.number("Firing's minimum", self.minimum) <= 1.0:
            raise InputError(f"Firing's minimum = {self.minimum!r} must be above 0 and at most 1.")

    def gradient(self, batch: Batch) -> dict[str, Array]:
        """Return additions to dL/dw, by projection."""
        additions = {}
        for name, weight in batch.weights.items():
            target = batch.projections[name].target
            if target.is_readout or target.name == batch.output:
                continue
            fired, counted = batch.firing(target.name, weight.shape[-1])
            shortfall = np.where(counted > 0, self.minimum - fired / np.maximum(counted, 1), 0.0)
            if (shortfall > 0.0).any():
                # the gradient of the drive is the sum over the neuron's weights
                inputs = weight.size // weight.shape[-1] if name in batch.normalized else 1
                additions[name] = -self.strength / inputs * np.maximum(shortfall, 0.0)
        return additions


@dataclass(frozen=True)
class Peak(Policy):
    """Pull the largest potential of silent neurons towards the threshold (`training.peaks`).

    Adds the gradient of ``strength * mean over samples (and places) of (v_threshold - largest V)``, summed over
    hidden neurons (channels) that fire in less than `minimum` of (samples x places), where they are silent,
    and over the label's output where it is silent. Unlike a push on all weights it favours the inputs that
    arrive early enough to help. It acts on the weights of the neuron itself, not on what comes before.

    Parameters
    ----------
    minimum : float
        Part of (samples x places) in which a hidden neuron fires that costs nothing, above 0 to 1.
    strength : float
        Loss per unit of missing potential.
    """

    kind: ClassVar[str] = "peak"
    minimum: float = 0.05
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        arrays.positive("Peak's", strength=self.strength)
        if not 0.0 < arrays.number("Peak's minimum", self.minimum) <= 1.0:
            raise InputError(f"Peak's minimum = {self.minimum!r} must be above 0 and at most 1.")

    def gradient(self, batch: Batch) -> dict[str, Array]:
        """Return additions to dL/dw, by projection."""
        from training import peaks

        additions = {}
        for name in dict.fromkeys(batch.projections[name].target.name for name in batch.weights):
            groups = min(
                batch.weights[p.name].shape[-1]
                for p in batch.projections.values()
                if p.target.name == name and p.name in batch.weights
            )
            asked = self._asked(batch, name, groups)
            if asked.any():
                _, found = peaks.gradient(batch.activity, name, asked)
                factor = -self.strength / len(asked) * groups / asked.shape[1]
                additions |= {p: factor * g for p, g in found.items() if p in batch.weights}
        return additions

    def _asked(self, batch: Batch, name: str, groups: int) -> Flags:
        """Return which neurons of a population are pulled, bool (samples, neurons)."""
        silent = np.isinf(batch.times[name])
        if name == batch.output:
            own = np.zeros(silent.shape, bool)
            own[np.arange(len(own)), batch.labels] = True
            target = next(p.target for p in batch.projections.values() if p.target.name == name)
            return silent & own & (not target.is_readout)
        if name in batch.dropped:
            silent &= ~batch.dropped[name]
        fired, counted = batch.firing(name, groups)
        seldom = fired < self.minimum * counted
        return silent & np.tile(seldom, silent.shape[1] // groups)


@dataclass(frozen=True)
class WeightBump(Policy):
    """Wake neurons that were silent in more than a part of the batch.

    Parameters
    ----------
    step : float
        First addition to each incoming weight.
    limit : float
        Part of the samples that a neuron may be silent in, 0 to below 1; the default bumps only neurons
        silent in nearly all of them.
    growth : float
        Factor on the addition for every batch in a row in which the neuron was too silent.
    largest : float
        Largest addition.
    """

    kind: ClassVar[str] = "weight_bump"
    step: float = 5e-4
    limit: float = 0.99
    growth: float = 2.0
    largest: float = 0.05
    _rounds: dict = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        arrays.positive("WeightBump's", step=self.step, growth=self.growth, largest=self.largest)
        if not 0.0 <= arrays.number("WeightBump's limit", self.limit) < 1.0:
            raise InputError(f"WeightBump's limit = {self.limit!r} must be from 0 to below 1.")

    def bump(self, batch: Batch) -> dict[str, Array]:
        """Return additions to the weights, by projection; only for the first layer that is too silent.

        Later layers are silent because their inputs are; they are looked at once those spike.
        """
        targets = {p.target.name: p.target for p in batch.projections.values() if not p.target.is_readout}
        additions = {}
        for population in targets:
            fired, counted = batch.firing(population, targets[population].size)
            silent = (counted - fired) / np.maximum(counted, 1)
            rounds = np.where(silent > self.limit, self._rounds.get(population, 0) + 1, 0)
            self._rounds[population] = rounds
            if rounds.any() and not additions:
                exponent = np.minimum(np.maximum(rounds - 1, 0), 60)
                size = np.minimum(self.step * self.growth**exponent, self.largest) * (rounds > 0)
                for name, projection in batch.projections.items():
                    if projection.target.name == population and name in batch.weights:
                        additions[name] = spread(projection, size)
        return additions

    def state_dict(self) -> dict[str, Array]:
        """Return the number of silent batches in a row, by population."""
        return {name: np.asarray(rounds, dtype=np.int64) for name, rounds in self._rounds.items()}

    def load_state_dict(self, arrays: Arrays) -> None:
        """Take over what `state_dict` returned."""
        self._rounds.clear()
        self._rounds.update({name: np.array(rounds) for name, rounds in arrays.items()})
