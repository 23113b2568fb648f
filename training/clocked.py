"""A network in whole steps as a plain loop over steps, layers, neurons and synapses.

What the event-driven run of a discrete network (`training.discrete`) is compared with: no queue, no
closed form, no batch, and the same bits, since inputs are added in the order of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eventsim._jit import kernel
from eventsim.errors import InputError
from training.discrete import chain
from training.encode import one_a_neuron

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Floats


def run(net: Network, stimulus: Mapping[str, Spikes], steps: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Run every step of every sample.

    Parameters
    ----------
    net : eventsim.Network
        A chain of layers in steps, without leak.
    stimulus : dict of Spikes
        At whole times below `steps`.
    steps : int

    Returns
    -------
    dict of ndarray (samples, neurons), dict of ndarray
        Step of the spike of every neuron by population, inf: silent; V after the last step, by readout.

    Raises
    ------
    InputError
        A network that has no steps, or leaks; spikes between steps, or several of an input neuron.
    """
    n_samples = next(iter(stimulus.values())).n_samples
    times, amplitudes, potentials = {}, {}, {}
    for name, spikes in stimulus.items():
        if np.any(spikes.time != np.rint(spikes.time)):
            raise InputError(f'"{name}" has spikes between steps; give whole times.')
        times[name], amplitudes[name] = one_a_neuron(spikes, name, net[name].size)
    for name, projection, source, fires in chain(net, steps):
        p = net[name].neuron.resolve(net[name].size)
        if np.isfinite(p.tau_mem):
            raise InputError(f'"{name}" leaks (tau_mem = {p.tau_mem:g} ms); the loop over steps has no leak.')
        synapses = net.projections[projection].synapses()
        begin = np.zeros(net[source].size + 1, np.int64)
        np.cumsum(np.bincount(synapses.source, minlength=net[source].size), out=begin[1:])
        order = np.argsort(synapses.source, kind="stable")
        found = np.full((n_samples, net[name].size), np.inf)
        height = np.tile(p.v_init, (n_samples, 1))
        _layer(times[source], amplitudes.get(source, np.ones_like(times[source])), begin, synapses.target[order],
               synapses.weight[order], p.v_threshold, steps, height, found)
        if fires:
            times[name] = found
        else:
            potentials[name] = height
    return {name: time for name, time in times.items() if name not in stimulus}, potentials


@kernel
def _layer(times, amplitudes, begin, target, weight, theta, steps, height, found):
    for sample in range(len(times)):
        for t in range(steps):
            for i in range(times.shape[1]):
                if times[sample, i] == t:
                    for k in range(begin[i], begin[i + 1]):
                        height[sample, target[k]] += amplitudes[sample, i] * weight[k]
            for j in range(found.shape[1]):
                if found[sample, j] == np.inf and height[sample, j] >= theta[j]:
                    found[sample, j] = t
