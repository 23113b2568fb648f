"""First-arrival pooling: a neuron that fires with the earliest spike of its window.

It is a population of IF neurons with delta synapses whose every incoming weight is zero or lifts a neuron
from rest to its threshold at once: the first arrival of a non-zero weight fires it. (The minimum of spike
times is the max pooling of time-to-first-spike networks; Stanojevic et al. 2024.) Its time is that of the
arrival that fired it, so

    dT/ds = 1 for that arrival (of several at one instant: the first in the engine's order), 0 for others,

and it does not change with the weights, which are structure and not learned.
"""

import math

import numpy as np

from eventsim._jit import kernel
from eventsim.connect import Conv2d
from eventsim.engines import layer_wires
from eventsim.neurons import membrane
from eventsim.neurons.lif import LIF


def neuron():
    """Return the parameters of a pooling neuron: fires once, when a weight of 1 arrives."""
    return LIF(tau_mem=math.inf, tau_syn=0.0, v_threshold=1.0, t_refractory=math.inf)


def connection(channels, k):
    """Return the connection from a map of `channels` to its pooled map: windows of k x k, channel by channel."""
    return Conv2d(np.broadcast_to(np.eye(channels), (k, k, channels, channels)), stride=k)


def _at_once(weight, step):
    """Return whether every weight is zero or at least the largest way to the threshold, and one is."""
    used = weight[weight != 0.0]
    return bool(used.size) and bool((used >= step.max(initial=0.0)).all() and (step > 0.0).all())


def populations(net):
    """Return the names of the first-arrival populations of a network."""
    found = set()
    for name, population in net.populations.items():
        if population.kind != "neurons" or population.neuron.receptors or population.neuron.tau_syn != 0.0:
            continue
        p = population.neuron.resolve(population.size)
        if not math.isinf(p.tau_mem) or p.i_offset.any():
            continue
        incoming = [q.weight * q.scale for q in net.projections.values() if q.target is population]
        if incoming and _at_once(np.concatenate([w.ravel() for w in incoming]), p.v_threshold - p.v_init):
            found.add(name)
    return frozenset(found)


def is_one(cell, wires):
    """Return whether a layer of a run is first-arrival pooling.

    Parameters
    ----------
    cell : eventsim.engines.layer_arrivals.Cell
    wires : eventsim.engines.layer_wires.Wires
    """
    return cell.regime == membrane.IF_DELTA and not cell.driven and _at_once(wires.weight, cell.theta - cell.v_init)


@kernel
def backward(cell, wires, events, spike, error, arrival_error):
    """Add the error of every spike to the arrival that caused it.

    Parameters
    ----------
    cell, wires, events
        Of the layer and a range of samples.
    spike, error : ndarray (samples, neurons)
        T (inf: silent) and dL/dT.
    arrival_error : ndarray (arrivals,)
        dL/ds, added to.
    """
    open_still = np.zeros(spike.shape[1], np.bool_)
    for row in range(len(events.offsets) - 1):
        open_still[:] = True
        for k in range(events.offsets[row], events.offsets[row + 1]):
            t = events.time[k]
            y0, y1, x0, x1, start, down, right = layer_wires.places(wires, events.link[k], events.source[k])
            for at_y in range(y0, y1 + 1):
                for at_x in range(x0, x1 + 1):
                    lo = (at_y * cell.out_width + at_x) * cell.lanes
                    offset = start + at_y * down + at_x * right
                    for lane in range(cell.lanes):
                        j = lo + lane
                        if open_still[j] and spike[row, j] == t and wires.weight[offset + lane] != 0.0:
                            open_still[j] = False
                            arrival_error[k] += error[row, j]
