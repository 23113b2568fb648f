"""The gradient of first-arrival pooling (`training.first_arrival`).

A pooled neuron fires at the time T of the arrival that fired it, so dT/ds = 1 for that arrival (of several at one
instant: the first in the engine's order) and 0 for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsim._jit import kernel
from eventsim.engines import layer_wires
from eventsim.neurons import membrane
from training.first_arrival import at_once

if TYPE_CHECKING:
    from eventsim.engines.layer_arrivals import Cell
    from eventsim.engines.layer_wires import Wires


def is_one(cell: Cell, wires: Wires) -> bool:
    """Return whether a layer of a run is first-arrival pooling.

    Parameters
    ----------
    cell : eventsim.engines.layer_arrivals.Cell
    wires : eventsim.engines.layer_wires.Wires
    """
    return cell.regime == membrane.IF_DELTA and not cell.driven and at_once(wires.weight, cell.theta - cell.v_init)


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
