"""What policies about silent neurons share: what they see, and what they may answer (`training.regularize`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.projection import Projection
    from eventsim.type_aliases import Array, Arrays, Floats, Integers
    from training.type_aliases import Report


class Batch(NamedTuple):
    """What a policy may look at.

    ``weights``: effective weights by projection; ``times``: first-spike times (samples, size) by population;
    ``labels`` (samples,); ``output``: name of the output population; ``projections``: by name;
    ``normalized``: names of the projections whose weights are standardised; ``dropped``: deleted spikes
    (samples, size) by population, which are ``inf`` in the times; ``activity``: of the run, with its arrivals.
    """

    weights: dict[str, Array]
    times: dict[str, Array]
    labels: Array
    output: str
    projections: Mapping[str, Projection]
    normalized: frozenset[str] = frozenset()
    dropped: Arrays = MappingProxyType({})
    activity: Any = None

    def firing(self, population: str, groups: int) -> tuple[Integers, Integers]:
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
    """Base of the policies: no gradient, no charge, no bump, no memory. `kind` is the name that files use."""

    kind: ClassVar[str | None] = None
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # the policies are dataclasses

    def gradient(self, batch: Batch) -> dict[str, Array]:
        """Return additions to dL/dw, arrays that broadcast to the weights, by projection.

        Parameters
        ----------
        batch : Batch
        """
        return {}

    def charges(self, activity: Any, net: Network, output: str) -> dict[str, Floats]:
        """Return additions to dL/dt of spikes before the backward pass, by population.

        Parameters
        ----------
        activity : Activity
            Of a forward pass (`training.passes`).
        net : eventsim.Network
        output : str
            The population that decides.

        Returns
        -------
        dict of ndarray
            One value a recorded spike over traces, else (samples, size).
        """
        return {}

    def bump(self, batch: Batch) -> dict[str, Array]:
        """Return additions to the weights, arrays that broadcast to the weights, by projection.

        Parameters
        ----------
        batch : Batch
        """
        return {}

    def state_dict(self) -> dict[str, Array]:
        """Return what the policy remembers between batches, as arrays by name."""
        return {}

    def load_state_dict(self, arrays: Arrays) -> None:
        """Take over what `state_dict` returned.

        Parameters
        ----------
        arrays : dict of ndarray
        """

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        settings = {k: v for k, v in asdict(self).items() if k in self.settings()}
        return {"kind": self.kind, **settings}

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Return the names of the settings."""
        return tuple(name for name, f in cls.__dataclass_fields__.items() if f.init)


def spread(projection: Projection, per_neuron: Array) -> Array:
    """Return one value a target neuron as an array over the last axis of the weights of `projection`.

    The places of a convolution share the weights of their channel: it gets the mean over them.
    """
    return per_neuron.reshape(-1, projection.weight.shape[-1]).mean(axis=0)
