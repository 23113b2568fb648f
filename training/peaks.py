"""How close silent neurons came to their threshold, and what would bring them closer.

For a neuron that did not fire, V has a largest value V* at some t* up to the horizon. Moving a weight moves V*
by the response of its arrivals at t* (the envelope theorem; t* may move too, but V is flat or kinked there):

    dV*/dw = sum of amplitude * K(t* - s) over the arrivals s < t* of the weight.

A neuron whose inputs only pull it down has its largest V before all of them, where no weight moves it. There t* is
the arrival (or the horizon) at which V is lowest instead: where the inputs act most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsim._jit import closed_form, kernel
from eventsim.engines import layer_wires
from eventsim.neurons import membrane

if TYPE_CHECKING:
    from eventsim.engines.layers import Activations
    from eventsim.type_aliases import Flags, Floats

_BISECTIONS = 60


@closed_form
def _highest(cell, drive, v, i, span):
    """Return (V, when) of the largest V over [0, span] without arrivals, from V = v and I = i on.

    V' changes its sign once at most there.
    """
    regime, tau_mem, tau_syn = cell.regime, cell.tau_mem, cell.tau_syn
    o0, o1 = membrane.own(regime, tau_mem, tau_syn, 0.0)
    p0, p1 = membrane.psi(regime, tau_mem, tau_syn, 0.0)
    c0, c1 = v * o0 + i * p0, v * o1 + i * p1
    end_v, end_i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, span)
    if membrane.slope(regime, tau_mem, tau_syn, drive, v, i) <= 0.0:
        return (v, 0.0) if v >= end_v else (end_v, span)
    if membrane.slope(regime, tau_mem, tau_syn, drive, end_v, end_i) >= 0.0:
        return end_v, span
    low, high = 0.0, span
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        at_v, at_i = membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, middle)
        if membrane.slope(regime, tau_mem, tau_syn, drive, at_v, at_i) > 0.0:
            low = middle
        else:
            high = middle
    return membrane.local(regime, tau_mem, tau_syn, drive, c0, c1, low)[0], low


@closed_form
def _move_on(cell, j, t, v, i, last, peak, when, bottom, lowest):
    """Bring neuron j from its last touch to t; note its largest V on the way, and its lowest V at a touch."""
    top, after = _highest(cell, cell.drive[j], v[j], i[j], t - last[j])
    if top > peak[j]:
        peak[j], when[j] = top, last[j] + after
    o0, o1 = membrane.own(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    c0, c1 = v[j] * o0 + i[j] * p0, v[j] * o1 + i[j] * p1
    v[j], i[j] = membrane.local(cell.regime, cell.tau_mem, cell.tau_syn, cell.drive[j], c0, c1, t - last[j])
    last[j] = t
    if v[j] < bottom[j]:
        bottom[j], lowest[j] = v[j], t


@kernel
def _walk(cell, wires, events, t_stop, asked, peaks, gradient):
    """Write V* - v_inf of the asked neurons to `peaks`, and add the sum of dV*/dw to `gradient` (flat)."""
    n = asked.shape[1]
    v, i, last, when = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    bottom, lowest, begun = np.zeros(n), np.zeros(n), np.zeros(n)
    p0, p1 = membrane.psi(cell.regime, cell.tau_mem, cell.tau_syn, 0.0)
    for row in range(len(asked)):
        v[:], i[:], last[:], when[:] = cell.v_init, 0.0, 0.0, 0.0
        peak = peaks[row]
        peak[:] = cell.v_init
        bottom[:], lowest[:], begun[:] = cell.v_init, 0.0, t_stop
        for back in (False, True):
            for k in range(events.offsets[row], events.offsets[row + 1]):
                t = events.time[k]
                y0, y1, x0, x1, start, down, right = layer_wires.places(wires, events.link[k], events.source[k])
                for at_y in range(y0, y1 + 1):
                    for at_x in range(x0, x1 + 1):
                        lo = (at_y * cell.out_width + at_x) * cell.lanes
                        offset = start + at_y * down + at_x * right
                        for lane in range(cell.lanes):
                            j = lo + lane
                            if not asked[row, j]:
                                continue
                            if not back:
                                _move_on(cell, j, t, v, i, last, peak, when, bottom, lowest)
                                begun[j] = min(begun[j], t)
                                i[j] += wires.weight[offset + lane] * events.amplitude[k]
                            elif t < when[j]:
                                response, _ = membrane.local(
                                    cell.regime, cell.tau_mem, cell.tau_syn, 0.0, p0, p1, when[j] - t)
                                gradient[offset + lane] += events.amplitude[k] * response
            if not back:
                for j in range(n):
                    if asked[row, j]:
                        _move_on(cell, j, t_stop, v, i, last, peak, when, bottom, lowest)
                        if when[j] <= begun[j]:
                            peak[j], when[j] = bottom[j], lowest[j]


def gradient(activity: Activations, name: str, asked: Flags) -> tuple[Floats, dict[str, Floats]]:
    """Return the largest potentials of silent neurons, and the sum of their derivatives by the weights.

    Parameters
    ----------
    activity : eventsim.engines.layers.Activations
        Of a run that kept its arrivals.
    name : str
        A population with tau_syn > 0.
    asked : ndarray of bool (samples, neurons)
        Silent neurons that are asked for.

    Returns
    -------
    ndarray (samples, neurons), dict of ndarray
        V(t*) - v_threshold in V (0 where not asked), and the sum of dV*/dw over all asked, by projection in the
        user's shape.
    """
    layer = next(layer for layer in activity.plan.layers if layer.name == name)
    cell, wires = activity.cells[name], activity.wires[name]
    peaks = np.zeros(asked.shape)
    total = np.zeros(len(wires.weight))
    for first, last, kept in activity.shards:
        _walk(cell, wires, kept[name], activity.t_stop, asked[first:last], peaks[first:last], total)
    found, at = {}, 0
    for link in layer.links:
        size = int(np.prod(link.shape))
        found[link.name] = total[at : at + size].reshape(link.shape) / link.pool**2
        at += size
    return np.where(asked, peaks - cell.theta, 0.0), found
