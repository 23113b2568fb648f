"""The filter of the lean window kernel: one number a population, in place of a limit a neuron.

Where all neurons of a population share their constants, what keeps them below the threshold until `end` is the
same for all. With v = V - v_inf, theta = v_threshold - v_inf:

    delta synapses:      c stays below min((theta - drive t) / phi(t)) over the span;
    leaky membrane:      V' <= (J - V) / tau_mem, so V stays below theta
                         while v < theta and v + (1 - e^(-span / tau_mem)) (J - v) < theta,

where J is the largest current to come: a cap that no accumulator of a current may exceed (those that do are near,
whatever their V) and, of a receptor that nothing excites, what is left at the end of its current of now. All
margins are far above rounding (see `limits`), so results do not depend on the filter nor on the caps.
"""

import math

import numpy as np

from eventsim._jit import inlined, inner
from eventsim.engines.cells import (
    BASE,
    DRIVE_ALL,
    GRAIN,
    INPUTS,
    JUMPS,
    KIND,
    LEAKY,
    LIKE,
    PAIR_LEAKY,
    REGIME,
    TAU_MEM,
    TAU_SYN,
    TAU_TWO,
    THETA_ALL,
)
from eventsim.engines.limits import _MARGIN, _ROUNDING
from eventsim.neurons import receptors
from eventsim.neurons.membrane import IF_DELTA

(LINE, TOP, A0, A1, A2, BLUR, REST, PUSH_ONE, PUSH_TWO, SINK_ONE, SINK_TWO, CAP_ONE, CAP_TWO) = range(13)
LINES = 13
"""Columns of `lines` (one row a population), for one span of time.

LINE: what the bound on V stays below, of delta synapses the accumulator; TOP: the threshold. A: V per unit of the
accumulators; BLUR: by how much less sure. REST: what is left of V at the end. PUSH: what the accumulator of a current
adds to V in the span at most; SINK: the same of a receptor that nothing excites. CAP: see above.
"""

_NOTHING = 1e-300
"""The cap where nothing excites a receptor: only the mark of a candidate is above it."""

_FAR = 1e200
"""The cap where neurons never fire."""


@inner
def draw_caps(pops, caps, highest, now):
    """Work out the accumulators `caps` that belong to the currents `highest` at the start of a horizon."""
    for p in range(len(pops)):
        two = pops[p, KIND] == PAIR_LEAKY
        if two or pops[p, KIND] == LEAKY:
            regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
            tau_two, s = pops[p, TAU_TWO], now - pops[p, BASE]
            caps[p, 0] = highest[p, 0] / receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)[1]
            if two:
                b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)[2]
                caps[p, 1] = highest[p, 1] / b2


@inner
def draw_lines(pops, lines, caps, excites, start, end):
    """Work out `lines` for [start, end)."""
    for p in range(len(pops)):
        like = np.int64(pops[p, LIKE])
        if pops[p, KIND] == INPUTS:
            continue
        if like < p:
            for column in range(LINES):
                lines[p, column] = lines[like, column]
        elif pops[p, KIND] == JUMPS:
            lines[p, LINE] = _jump_line(pops, p, start - pops[p, BASE], end - pops[p, BASE])
        else:
            _current_line(pops, lines, caps, excites, p, start - pops[p, BASE], end - pops[p, BASE])


@inner
def _jump_line(pops, p, s, to):
    regime, tau_mem, tau_syn = int(pops[p, REGIME]), pops[p, TAU_MEM], pops[p, TAU_SYN]
    theta, drive = pops[p, THETA_ALL], pops[p, DRIVE_ALL]
    if theta == math.inf:
        return math.inf
    up = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, s)[0]
    up_end = 1.0 / receptors.local(regime, tau_mem, tau_syn, 0.0, 0.0, 1.0, 0.0, 0.0, to)[0]
    slack = theta - _MARGIN * abs(theta) - _MARGIN * pops[p, GRAIN]
    if regime == IF_DELTA:
        slack -= _MARGIN * abs(drive) * to
        return min(slack - drive * s, slack - drive * to)
    return min(slack * up, slack * up_end)


@inner
def _current_line(pops, lines, caps, excites, p, s, to):
    regime = int(pops[p, REGIME])
    tau_mem, tau_syn, tau_two = pops[p, TAU_MEM], pops[p, TAU_SYN], pops[p, TAU_TWO]
    two = pops[p, KIND] == PAIR_LEAKY
    theta = pops[p, THETA_ALL]
    a0, _, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 1.0, 0.0, 0.0, s)
    a1, b1, _ = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 1.0, 0.0, s)
    a2, b2, last2 = 0.0, 0.0, 0.0
    rise = -math.expm1((s - to) / tau_mem)
    last1 = b1 * math.exp((s - to) / tau_syn)
    if two:
        a2, _, b2 = receptors.local(regime, tau_mem, tau_syn, tau_two, 0.0, 0.0, 0.0, 1.0, s)
        last2 = b2 * math.exp((s - to) / tau_two)
    most, lines[p, CAP_TWO] = 0.0, _NOTHING
    lines[p, SINK_TWO], lines[p, SINK_ONE], lines[p, PUSH_ONE], lines[p, PUSH_TWO] = 0.0, 0.0, 0.0, 0.0
    up = rise * (1.0 + _MARGIN)
    if excites[p, 0] or not two:
        lines[p, CAP_ONE] = caps[p, 0]
        most += caps[p, 0] * b1
        lines[p, PUSH_ONE] = up * b1
    else:
        lines[p, CAP_ONE], lines[p, SINK_ONE] = _NOTHING, rise * last1 * (1.0 - _MARGIN)
    if two and excites[p, 1]:
        lines[p, CAP_TWO] = caps[p, 1]
        most += caps[p, 1] * b2
        lines[p, PUSH_TWO] = up * b2
    elif two:
        lines[p, SINK_TWO] = rise * last2 * (1.0 - _MARGIN)
    if theta == math.inf:  # no current is too large; inf would be multiplied by a push of 0
        lines[p, CAP_ONE], lines[p, CAP_TWO] = _FAR, _FAR
        lines[p, PUSH_ONE], lines[p, PUSH_TWO] = 0.0, 0.0
    term = max(abs(a0), abs(a1) / b1, abs(a2) / b2 if two else 0.0)
    lines[p, A0], lines[p, A1], lines[p, A2] = a0, a1, a2
    lines[p, BLUR] = _MARGIN * max(abs(a0), abs(a1), abs(a2))
    lines[p, REST] = 1.0 - rise
    top = theta - _MARGIN * abs(theta) - _MARGIN * pops[p, GRAIN] if theta < math.inf else math.inf
    lines[p, TOP] = top
    lines[p, LINE] = top - 100.0 * _ROUNDING * term * most


@inlined
def line_of(lines, p):
    """Return what `above` needs of a population, read once for a loop that writes to tables."""
    return (lines[p, LINE], lines[p, TOP], lines[p, A0], lines[p, A1], lines[p, A2], lines[p, BLUR], lines[p, REST],
            lines[p, PUSH_ONE], lines[p, PUSH_TWO], lines[p, SINK_ONE], lines[p, SINK_TWO], lines[p, CAP_ONE],
            lines[p, CAP_TWO])


@inlined
def over(line, v, unsure, c1, c2):
    """Return whether a neuron with currents may fire from such a V - v_inf on, by the lines of its population."""
    least, top, _, _, _, _, rest, push1, push2, sink1, sink2, cap1, cap2 = line
    most = push1 * max(c1, cap1) + push2 * max(c2, cap2)
    return (v * rest + most + sink1 * c1 + sink2 * c2 + unsure >= least) | (v >= top)


@inlined
def above_alone(line, c0, c1, c2):
    """Return whether a neuron with currents may fire without further arrivals."""
    least, top, a0, a1, a2, blur, rest, push1, push2, sink1, sink2, _, _ = line
    unsure = blur * (abs(c0) + abs(c1) + abs(c2))
    v = a0 * c0 + a1 * c1 + a2 * c2 + unsure
    most = push1 * max(c1, 0.0) + push2 * max(c2, 0.0) + sink1 * c1 + sink2 * c2
    return (v * rest + most + unsure >= least) | (v >= top)


@inlined
def above_after(line, c0, c1, c2, d1, d2):
    """As `above`, with an arrival to come that makes d1 and d2 of the currents."""
    _, _, a0, a1, a2, blur, _, _, _, _, _, _, _ = line
    unsure = blur * (abs(c0) + abs(c1) + abs(c2))
    return over(line, a0 * c0 + a1 * c1 + a2 * c2 + unsure, unsure, max(c1, d1), max(c2, d2))


@inlined
def above(line, c0, c1, c2):
    """Return whether a neuron with currents may fire, by the lines of its population."""
    _, _, a0, a1, a2, blur, _, _, _, _, _, _, _ = line
    unsure = blur * (abs(c0) + abs(c1) + abs(c2))
    return over(line, a0 * c0 + a1 * c1 + a2 * c2 + unsure, unsure, c1, c2)
