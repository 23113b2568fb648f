"""What to do about silent neurons: they have no spike time, hence no gradient of their own.

A policy sees a batch and either adds to the gradients of the weights (`gradient`) or changes weights
after the optimiser's step (`bump`). With normalised weights both act on the drive, since
standardisation would cancel a common change of the raw weights.

* `SilentLabel`: the label's output was silent: push all its incoming weights up (the constant
  "no-spike" push of Comsa et al. 2020, here for the one output that ought to have spoken).
* `WeightSum`: the sum of a neuron's incoming weights is small: push it up (the weight-sum penalty of Mostafa
  2017; without leak and with one spike an input, a neuron whose sum is below threshold never fires).
* `Firing`: a neuron fires in too few samples: push its weights up, the harder the more are missing.
* `Peak`: pull up the largest potential of neurons that fire in too few samples, and of the silent label.
* `SpikeRate` (`training.count_rules`): hidden neurons fire more, or less, often than wished.
* `WeightBump`: a neuron was silent in too many samples: add to its incoming weights, twice as much each
  time in a row (Goeltz et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import choose, expect
from training.count_rules import SpikeRate
from training.policy import Batch, Policy, spread
from training.seldom import Firing, Peak, WeightBump

if TYPE_CHECKING:
    from eventsim.type_aliases import Array
    from training.type_aliases import Settings

__all__ = ["KINDS", "Batch", "Firing", "Peak", "Policy", "SilentLabel", "SpikeRate", "WeightBump", "WeightSum",
           "from_dict"]


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

    kind: ClassVar[str] = "silent_label"
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a strength that is not positive."""
        arrays.positive("SilentLabel's", strength=self.strength)

    def gradient(self, batch: Batch) -> dict[str, Array]:
        """Return additions to dL/dw, by projection."""
        times = batch.times[batch.output]
        own = times[np.arange(len(batch.labels)), batch.labels]
        silent = np.bincount(batch.labels[np.isinf(own)], minlength=times.shape[1])
        if not silent.any():
            return {}
        push = -self.strength * silent / len(batch.labels)
        return {
            name: spread(projection, push)
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

    kind: ClassVar[str] = "weight_sum"
    strength: float = 1.0
    minimum: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings that are not positive."""
        arrays.positive("WeightSum's", strength=self.strength, minimum=self.minimum)

    def gradient(self, batch: Batch) -> dict[str, Array]:
        """Return additions to dL/dw, by projection."""
        additions = {}
        for name, weight in batch.weights.items():
            low = weight.reshape(-1, weight.shape[-1]).sum(axis=0) < self.minimum
            if low.any():
                additions[name] = -self.strength / len(low) * low
        return additions


KINDS = {policy.kind: policy for policy in (SilentLabel, WeightSum, Firing, Peak, WeightBump, SpikeRate)}
"""Policies by the name that files use."""


def from_dict(settings: Settings) -> Policy:
    """Return the policy that `Policy.to_dict` described.

    Parameters
    ----------
    settings : dict

    Raises
    ------
    InputError
        An unknown kind or setting.
    """
    expect("The settings of the policy", settings, Mapping, 'a dict such as {"kind": "firing"}')
    settings = dict(settings)
    kind = KINDS[choose("The silent-neuron policy", settings.pop("kind", None), KINDS)]
    for name in settings:
        choose("The policy setting", name, kind.settings())
    return kind(**settings)
