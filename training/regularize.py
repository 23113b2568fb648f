"""What to do about silent neurons: they have no spike time, hence no gradient of their own.

A policy sees a batch and either adds to the gradients of the weights (`gradient`) or changes weights
after the optimiser's step (`bump`). With normalised weights both act on the drive, since
standardisation would cancel a common change of the raw weights.

* `SilentLabel`: the label's output was silent: push all its incoming weights up (the constant
  "no-spike" push of Comsa et al. 2020, here for the one output that ought to have spoken).
* `WeightSum`: the sum of a neuron's incoming weights is small: push it up (the weight-sum penalty of Mostafa
  2017; without leak and with one spike an input, a neuron whose sum is below threshold never fires).
* `Firing`: a neuron fires in too few samples: push its weights up, the harder the more are missing.
* `WeightBump`: a neuron was silent in too many samples: add to its incoming weights, twice as much each
  time in a row (Goeltz et al. 2021).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from eventsim.errors import InputError, choose


class Batch(NamedTuple):
    """What a policy may look at.

    ``weights``: effective weights by projection; ``times``: first-spike times (samples, size) by population;
    ``labels`` (samples,); ``output``: name of the output population; ``projections``: by name;
    ``normalized``: names of the projections whose weights are standardised; ``dropped``: deleted spikes
    (samples, size) by population, which are ``inf`` in the times.
    """

    weights: dict
    times: dict
    labels: np.ndarray
    output: str
    projections: dict
    normalized: frozenset = frozenset()
    dropped: Mapping = MappingProxyType({})

    def firing(self, population, groups):
        """Return in how many of (samples x places) each group of neurons fired, and how many there were.

        Deleted spikes count neither as fired nor as silent.

        Parameters
        ----------
        population : str
        groups : int
            Neurons, or channels of a map.

        Returns
        -------
        ndarray of int (groups,), ndarray of int (groups,)
        """
        times = self.times[population]
        fired = np.isfinite(times).sum(axis=0)
        counted = np.full(times.shape[1], len(times))
        if population in self.dropped:
            counted -= self.dropped[population].sum(axis=0)
        return fired.reshape(-1, groups).sum(axis=0), counted.reshape(-1, groups).sum(axis=0)


class Policy:
    """Base of the policies: no gradient, no bump, no memory."""

    def gradient(self, batch):
        """Return additions to dL/dw, arrays that broadcast to the weights, by projection."""
        return {}

    def bump(self, batch):
        """Return additions to the weights, arrays that broadcast to the weights, by projection."""
        return {}

    def state_dict(self):
        """Return what the policy remembers between batches, as arrays by name."""
        return {}

    def load_state_dict(self, arrays):
        """Take over what `state_dict` returned."""

    def to_dict(self):
        """Return the kind and the settings, ready for JSON."""
        settings = {k: v for k, v in asdict(self).items() if k in self.settings()}
        return {"kind": next(k for k, v in KINDS.items() if v is type(self)), **settings}

    @classmethod
    def settings(cls):
        """Return the names of the settings."""
        return tuple(name for name, f in cls.__dataclass_fields__.items() if f.init)


def _positive(owner, **values):
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(f"{owner} {name} = {value!r} cannot be used; give a finite number above 0.")


def _spread(projection, per_neuron):
    """Return one value a target neuron as an array over the last axis of the weights of `projection`.

    The places of a convolution share the weights of their channel: it gets the mean over them.
    """
    return per_neuron.reshape(-1, projection.weight.shape[-1]).mean(axis=0)


@dataclass(frozen=True)
class SilentLabel(Policy):
    """Push up the output that should have spoken and was silent.

    Adds ``-strength * (part of the batch in which output c was the label and silent)`` to the gradient of
    every weight into output c.

    Parameters
    ----------
    strength : float
        Loss per unit of weight.
    """

    strength: float = 1.0

    def __post_init__(self):
        """Refuse a strength that is not positive."""
        _positive("SilentLabel's", strength=self.strength)

    def gradient(self, batch):
        """Return additions to dL/dw, by projection."""
        times = batch.times[batch.output]
        own = times[np.arange(len(batch.labels)), batch.labels]
        silent = np.bincount(batch.labels[np.isinf(own)], minlength=times.shape[1])
        if not silent.any():
            return {}
        push = -self.strength * silent / len(batch.labels)
        return {
            name: _spread(projection, push)
            for name, projection in batch.projections.items()
            if projection.target.name == batch.output and name in batch.weights
        }


@dataclass(frozen=True)
class WeightSum(Policy):
    """Keep the sum of a neuron's incoming weights above a floor.

    Adds the gradient of ``strength * mean over neurons of max(0, minimum - sum of incoming weights)``,
    projection by projection (over the channels of a convolution, whose places share their weights).

    Parameters
    ----------
    strength : float
    minimum : float
        Smallest sum that costs nothing, in the unit of V.
    """

    strength: float = 1.0
    minimum: float = 1.0

    def __post_init__(self):
        """Refuse settings that are not positive."""
        _positive("WeightSum's", strength=self.strength, minimum=self.minimum)

    def gradient(self, batch):
        """Return additions to dL/dw, by projection."""
        additions = {}
        for name, weight in batch.weights.items():
            low = weight.reshape(-1, weight.shape[-1]).sum(axis=0) < self.minimum
            if low.any():
                additions[name] = -self.strength / len(low) * low
        return additions


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

    minimum: float = 0.05
    strength: float = 1.0

    def __post_init__(self):
        """Refuse settings out of range."""
        _positive("Firing's", strength=self.strength)
        if not 0.0 < self.minimum <= 1.0:
            raise InputError(f"Firing's minimum = {self.minimum!r} must be above 0 and at most 1.")

    def gradient(self, batch):
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

    step: float = 5e-4
    limit: float = 0.99
    growth: float = 2.0
    largest: float = 0.05
    _rounds: dict = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self):
        """Refuse settings out of range."""
        _positive("WeightBump's", step=self.step, growth=self.growth, largest=self.largest)
        if not 0.0 <= self.limit < 1.0:
            raise InputError(f"WeightBump's limit = {self.limit!r} must be from 0 to below 1.")

    def bump(self, batch):
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
                        additions[name] = _spread(projection, size)
        return additions

    def state_dict(self):
        """Return the number of silent batches in a row, by population."""
        return {name: np.asarray(rounds, dtype=np.int64) for name, rounds in self._rounds.items()}

    def load_state_dict(self, arrays):
        """Take over what `state_dict` returned."""
        self._rounds.clear()
        self._rounds.update({name: np.array(rounds) for name, rounds in arrays.items()})


KINDS = {"silent_label": SilentLabel, "weight_sum": WeightSum, "firing": Firing, "weight_bump": WeightBump}
"""Policies by the name that files use."""


def from_dict(settings):
    """Return the policy that `Policy.to_dict` described.

    Raises
    ------
    InputError
        An unknown kind or setting.
    """
    settings = dict(settings)
    kind = KINDS[choose("The silent-neuron policy", settings.pop("kind", None), KINDS)]
    for name in settings:
        choose("The policy setting", name, kind.settings())
    return kind(**settings)
