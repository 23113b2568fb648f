"""First-arrival pooling: a neuron that fires with the earliest spike of its window.

It is a population of IF neurons with delta synapses whose every incoming weight is zero or lifts a neuron
from rest to its threshold at once: the first arrival of a non-zero weight fires it. (The minimum of spike
times is the max pooling of time-to-first-spike networks; Stanojevic et al. 2024.) Its time is that of the
arrival that fired it, so

    dT/ds = 1 for that arrival (of several at one instant: the first in the engine's order), 0 for others,

and it does not change with the weights, which are structure and not learned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventsim.connect import Conv2d
from eventsim.errors import expect_network
from eventsim.neurons.lif import LIF

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.type_aliases import Array


def neuron() -> LIF:
    """Return the parameters of a pooling neuron: fires once, when a weight of 1 arrives."""
    return LIF(tau_mem=math.inf, tau_syn=0.0, v_threshold=1.0, t_refractory=math.inf)


def connection(channels: int, k: int) -> Conv2d:
    """Return the connection from a map of `channels` to its pooled map: windows of k x k, channel by channel."""
    return Conv2d(np.broadcast_to(np.eye(channels), (k, k, channels, channels)), stride=k)


def at_once(weight: Array, step: Array) -> bool:
    """Return whether every weight is zero or lifts every neuron to its threshold, and one is not zero.

    Parameters
    ----------
    weight : ndarray
        Effective weights (divided by pool^2).
    step : ndarray (neurons,)
        Way from the initial potential to the threshold.
    """
    used = weight[weight != 0.0]
    return bool(used.size) and bool((used >= step.max(initial=0.0)).all() and (step > 0.0).all())


def populations(net: Network) -> frozenset[str]:
    """Return the names of the first-arrival populations of a network."""
    expect_network(net)
    found = set()
    for name, population in net.populations.items():
        if population.kind != "neurons" or population.neuron.receptors or population.neuron.tau_syn != 0.0:
            continue
        p = population.neuron.resolve(population.size)
        if not math.isinf(p.tau_mem) or p.i_offset.any():
            continue
        incoming = [q.weight * q.scale for q in net.projections.values() if q.target is population]
        if incoming and at_once(np.concatenate([w.ravel() for w in incoming]), p.v_threshold - p.v_init):
            found.add(name)
    return frozenset(found)


def learned(net: Network) -> tuple[str, ...]:
    """Return the names of the projections whose weights may be learned: all but those into pooling."""
    pools = populations(net)
    return tuple(name for name, p in net.projections.items() if p.target.name not in pools)
