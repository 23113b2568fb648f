"""Spike dropout while training: each spike is deleted with some probability, drawn by counter.

What is deleted is a function of (seed, population, sample, neuron, epoch), so that it depends neither on the
batch nor on what was drawn before. The weights of the projections that leave a population are divided by
1 - p for the step, so that what arrives is the same on average (Srivastava et al. 2014); those into
first-arrival pooling stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays, random
from eventsim.errors import InputError, choose, expect, expect_network
from training import first_arrival

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.type_aliases import Array, Arrays, Flags


class Dropout:
    """The rates of a network.

    Parameters
    ----------
    net : eventsim.Network
    rate : float or dict of float
        Probability that a spike is deleted, 0 to below 1: one for the inputs and all hidden populations, or by
        population name.
    output : str
        Name of the output population, whose spikes are the decision and never deleted.

    Raises
    ------
    InputError
        A rate out of range, or for a population that has none.
    """

    def __init__(self, net: Network, rate: float | dict[str, float], output: str) -> None:
        expect_network(net)
        expect("output", output, str, "the name of a population")
        allowed = [name for name, p in net.populations.items() if name != output and not p.is_readout]
        rates = rate if isinstance(rate, dict) else dict.fromkeys(allowed, rate)
        for name, value in rates.items():
            choose("dropout: population", name, allowed)
            if not 0.0 <= arrays.number(f'dropout of "{name}"', value) < 1.0:
                raise InputError(f'dropout of "{name}" = {value!r} cannot be used; give a rate from 0 to below 1.')
        self.rates = {name: float(value) for name, value in rates.items() if value > 0.0}
        self._sizes = {name: net[name].size for name in self.rates}
        self._factors = {
            name: 1.0 / (1.0 - self.rates[net.projections[name].source.name])
            for name in first_arrival.learned(net)
            if net.projections[name].source.name in self.rates
        }

    def draw(self, index: Array, epoch: int, seed: int) -> dict[str, Flags]:
        """Return what is deleted: bool (samples, neurons) by population.

        Parameters
        ----------
        index : ndarray of int (samples,)
            Numbers of the samples in the training set.
        epoch, seed : int
        """
        from training import draws

        index = np.ascontiguousarray(index, dtype=np.int64)
        marks = {}
        for name, rate in self.rates.items():
            marks[name] = np.empty((len(index), self._sizes[name]), np.bool_)
            draws.mark(*random.stream_key(seed, f"dropout of {name}"), index, epoch, rate, marks[name])
        return marks

    def weights(self, net: Network, weights: Arrays | None) -> dict[str, Array]:
        """Return `weights` (by projection; the network's where not given) divided by 1 - p of their source.

        Parameters
        ----------
        net : Network
        weights : dict of ndarray or None
            By projection.
        """
        weights = dict(weights or {})
        scaled = {
            name: factor * (weights[name] if name in weights else net.projections[name].weight)
            for name, factor in self._factors.items()
        }
        return weights | scaled

    def backward(self, gradients: Arrays) -> dict[str, Array]:
        """Return the gradients of `weights` from those of the scaled weights, by projection.

        Parameters
        ----------
        gradients : dict of ndarray
            By the scaled weights, by projection.
        """
        return {
            name: self._factors[name] * gradient if name in self._factors else gradient
            for name, gradient in gradients.items()
        }
