"""The filter: how much input a neuron takes before it can fire in a span of time.

Every neuron gets a limit on the accumulator that its arrivals feed, for the time [now, end). With
v = V - v_inf, theta = v_threshold - v_inf and the largest current J that the limit allows,

    delta synapses:      V >= v_threshold needs c >= (theta - drive t) / phi(t) at some t of the span;
    leaky membrane:      V' <= (J - V) / tau_mem, so V stays below theta
                         while J <= v + (theta - v) tau_mem / (end - now);
    without leak:        while J <= (theta - v) / (end - now) - drive.

The comparison is one-sided by margins (1e-9) far above rounding, so a neuron below its limit has no
spike in any exact treatment, and results do not depend on the filter. Two receptors share J.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import (
    ALIKE,
    BASE,
    C0,
    C1,
    C2,
    DRIVE,
    DRIVE_ALL,
    GRAIN,
    INPUTS,
    JUMPS,
    KIND,
    LEAKY,
    LIKE,
    LIMIT,
    LIMIT_TWO,
    PAIR_DRIVEN,
    PAIR_JUMPS,
    PAIR_LEAKY,
    REGIME,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    THETA,
    THETA_ALL,
)
from eventsim.neurons import receptors
from eventsim.neurons.membrane import IF_DELTA

_MARGIN = 1e-9
_ROUNDING = 1e-14
_FAR = 1e200
"""Beyond every accumulator, however small the number that it is multiplied by; inf times 0 would be no number."""

(A0, A1, A2, BLUR, SHARE, LEAK, BOTH, UP_ONE, UP_TWO, HOLD_ONE, HOLD_TWO, SINK_ONE, SINK_TWO, ROOM, LESS,
 DRIFT, COARSE) = range(17)
UNITS = 17
"""Columns of `units` (one row a population), for limits over one span of time.

A: V per unit of the accumulators; BLUR: by how much less sure. SHARE: current that brings V up by 1 in the span;
LEAK: 1 where V itself counts as a current. BOTH: 1 where both receptors are excited. UP: accumulator per current
(_FAR where nothing excites the receptor). HOLD, SINK: largest current to come of an accumulator of 1, of -1 (0 where
the limit itself is on it). ROOM: how far v_inf is below the threshold, LESS: the drive, where all neurons of the
population are alike. For delta synapses: SHARE is the limit where all are alike, else from DRIFT and UP_ONE at the
start of the span, A0 and UP_TWO at its end. COARSE: what rounding of the arrivals to come may move V by, with a margin.
"""


@inner
def measure(pops, units, excites, now, end):
    """Work out `units` for the limits of [now, end)."""
    for p in range(len(pops)):
        kind, like = pops[p, KIND], np.int64(pops[p, LIKE])
        if like < p:
            for column in range(UNITS):
                units[p, column] = units[like, column]
        elif kind == JUMPS:
            _measure_jumps(pops, units, p, now - pops[p, BASE], end - pops[p, BASE])
        elif kind != INPUTS and kind != PAIR_JUMPS:
            _measure_currents(pops, units, excites, p, now - pops[p, BASE], end - pops[p, BASE], end - now)


@inner
def _measure_jumps(pops, units, p, s, to):
    regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
    units[p, UP_ONE] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s)[0]
    units[p, UP_TWO] = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, to)[0]
    units[p, DRIFT] = s if regime == IF_DELTA else 0.0
    units[p, A0] = to if regime == IF_DELTA else 0.0
    units[p, COARSE] = _MARGIN * pops[p, GRAIN]
    units[p, SHARE] = _limit_jump(units, p, pops[p, THETA_ALL], pops[p, DRIVE_ALL])


@inner
def _measure_currents(pops, units, excites, p, s, to, span):
    kind, regime = pops[p, KIND], int(pops[p, REGIME])
    tau_mem, tau_syn, tau_two = pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    two_receptors = kind == PAIR_LEAKY or kind == PAIR_DRIVEN
    leaky = kind == LEAKY or kind == PAIR_LEAKY
    units[p, LEAK] = 1.0 if leaky else 0.0
    units[p, COARSE] = _MARGIN * pops[p, GRAIN]
    units[p, DRIFT] = 0.0 if leaky else s
    a0, b0, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 1.0, 0.0, 0.0, s)
    a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)
    a2, b2, ends_one, ends_two = 0.0, 0.0, 0.0, 0.0
    if two_receptors:
        a2, _, b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)
        _, ends_one, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, to)
        _, _, ends_two = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, to)
    units[p, A0], units[p, A1], units[p, A2] = a0, a1, a2
    units[p, BLUR] = _MARGIN * max(abs(a0), abs(a1), abs(a2))
    # V rises by span / pace for a current of 1, and is the difference of two terms of this size, rounded.
    pace = tau_mem if leaky else 1.0
    term = max(abs(a0) / b0 if b0 > 0.0 else abs(a1) / b1, abs(a2) / b2 if b2 > 0.0 else 0.0)
    units[p, SHARE] = (1.0 - _MARGIN - _ROUNDING * term * pace / span) * pace / span
    one, two = excites[p, 0] or not two_receptors, excites[p, 1]
    units[p, BOTH] = 1.0 if one and two else 0.0
    units[p, UP_ONE] = 1.0 / (b0 if b0 > 0.0 else b1) if one else _FAR
    units[p, UP_TWO] = 1.0 / b2 if two else _FAR
    units[p, HOLD_ONE] = 0.0 if one and not two else b1 * (1.0 + _MARGIN)
    units[p, HOLD_TWO] = 0.0 if two and not one else b2 * (1.0 + _MARGIN)
    # Of a receptor that nothing excites a negative current is there until the end, decayed.
    units[p, SINK_ONE] = 0.0 if one else ends_one * (1.0 - _MARGIN)
    units[p, SINK_TWO] = 0.0 if two else ends_two * (1.0 - _MARGIN)
    units[p, ROOM], units[p, LESS] = _room(units, p, pops[p, THETA_ALL], pops[p, DRIVE_ALL])


@inner
def _low(theta):
    return theta - _MARGIN * abs(theta) if theta < math.inf else theta


@inner
def _limit_jump(units, p, theta, drive):
    """Return the limit of a neuron with delta synapses."""
    slack = _low(theta) - _MARGIN * abs(drive) * units[p, A0] - units[p, COARSE]
    a = (slack - drive * units[p, DRIFT]) * units[p, UP_ONE]
    b = (slack - drive * units[p, A0]) * units[p, UP_TWO]
    return a if a < b else b


@inner
def _room(units, p, theta, drive):
    """Return the ROOM and LESS of a neuron."""
    x = drive * units[p, DRIFT]
    less = (1.0 - units[p, LEAK]) * (drive + _MARGIN * abs(drive))
    return _low(theta) - x - _MARGIN * abs(x) - units[p, COARSE], less


@inlined
def line_of(units, p):
    """Return what `limits_of_currents` needs of a population, read once for a loop that writes to tables."""
    return (units[p, A0], units[p, A1], units[p, A2], units[p, BLUR], units[p, SHARE], units[p, LEAK], units[p, BOTH],
            units[p, UP_ONE], units[p, UP_TWO], units[p, HOLD_ONE], units[p, HOLD_TWO], units[p, SINK_ONE],
            units[p, SINK_TWO])


@inlined
def limits_of_currents(line, room, less, c0, c1, c2):
    """Return the limits of a neuron with one or two currents; -inf: none that is safe."""
    a0, a1, a2, blur, share, leak, both, up1, up2, hold1, hold2, sink1, sink2 = line
    v, unsure = a0 * c0 + a1 * c1 + a2 * c2, blur * (abs(c0) + abs(c1) + abs(c2))
    room -= v + unsure
    most = share * room + leak * (v - unsure) - less
    if both == 1.0:
        has1, has2 = max(c1, 0.0), max(c2, 0.0)
        most -= hold1 * has1 + hold2 * has2
        limit, other = has1 + 0.5 * most * up1, has2 + 0.5 * most * up2
    else:
        most -= c1 * (hold1 if c1 > 0.0 else sink1) + c2 * (hold2 if c2 > 0.0 else sink2)
        limit, other = most * up1, most * up2
    # A negative current that decays would rise past a negative limit by itself.
    safe = room > 0.0 and most > 0.0
    return limit if safe else -math.inf, other if safe else -math.inf


@inlined
def limits_of(cell, slow, pops, units, p, kind, j):
    """Return the limits of neuron j, which may differ from its like in its threshold and drive."""
    theta, drive = slow[j, THETA], slow[j, DRIVE]
    if kind == JUMPS:
        return _limit_jump(units, p, theta, drive), math.inf
    if kind == PAIR_JUMPS:
        only = -math.inf if theta < math.inf else math.inf
        return only, only
    room, less = units[p, ROOM], units[p, LESS]
    if pops[p, ALIKE] == 0.0:
        room, less = _room(units, p, theta, drive)
    c2 = cell[j, C2] if cell.shape[1] > 4 else 0.0
    return limits_of_currents(line_of(units, p), room, less, cell[j, C0], cell[j, C1], c2)


@inner
def at_limit(cell, pops, p, kind, j):
    """Return whether the accumulators of neuron j are at a limit."""
    if kind == PAIR_LEAKY or kind == PAIR_DRIVEN or kind == PAIR_JUMPS:
        return cell[j, C1] >= cell[j, LIMIT] or cell[j, C2] >= cell[j, LIMIT_TWO]
    return cell[j, C0 if kind == JUMPS or pops[p, TAU_SYN] == math.inf else C1] >= cell[j, LIMIT]
