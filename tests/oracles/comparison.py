"""Spikes of random single-neuron histories on an engine against the oracle's, spike by spike."""

import math
from typing import NamedTuple

import histories
import mpmath
import neuron_oracle
import numpy as np

MOST = 25
"""Spikes compared in one history."""

APART = 1e-6
"""A spike farther than this from the oracle's (ms) is another spike, unless V is as good as at the threshold there."""


class Comparison(NamedTuple):
    """Histories of one regime against the oracle; sums and worst values, so that parts can be merged."""

    histories: int = 0
    arrivals: int = 0
    spikes: int = 0
    crossings: int = 0
    """Spikes that no jump caused."""
    undecidable: int = 0
    missed: int = 0
    invented: int = 0
    moved_jumps: int = 0
    """Spikes caused by an arrival that are not at exactly its time."""
    time_error: float = 0.0
    """Worst |dt|, ms."""
    scaled_error: float = 0.0
    """Worst |dt| V' / threshold."""
    unrounded_error: float = 0.0
    """The same of the part of |dt| that exceeds half an ulp of t: what no double could avoid is left out."""
    slope_error: float = 0.0
    """Worst error of the recorded V', relative to |V'| + threshold / time constant."""

    def merged(self, other):
        """Return both together."""
        sums = [a + b for a, b in zip(self[:8], other[:8], strict=True)]
        return Comparison(*sums, *(max(a, b) for a, b in zip(self[8:], other[8:], strict=True)))


def compared(regime, seed, count=histories.BATCH, engine="heap"):
    """Return the `Comparison` of `count` random histories of a regime with the oracle."""
    batch, t_stop, flow = histories.drawn(regime, seed, count)
    result = Comparison()
    for history, spikes in zip(batch, histories.simulated(batch, t_stop, engine), strict=True):
        result = result.merged(against_oracle(history, spikes, t_stop, flow))
    return result


def against_oracle(history, spikes, t_stop, flow=None):
    """Return the `Comparison` of the spikes of one history, a `SpikeTable`, with the oracle's."""
    cell, arrivals = history.cell, history.arrivals()
    outcome = neuron_oracle.run(cell, arrivals, t_stop, MOST, flow)
    expected = len(outcome.times)
    certain = (spikes.time <= outcome.end) & (spikes.time < outcome.undecided)
    # Where the outcome ends with its last spike, the engine's may come later by its error.
    size = min(max(int(np.sum(certain)), min(expected, len(spikes.time))), MOST)
    missed, invented = max(expected - size, 0), max(size - expected, 0)
    worst_time = worst_scaled = worst_unrounded = worst_slope = 0.0
    crossings = moved = 0
    finite = [tau for tau in (cell.tau_mem, *cell.taus) if 0.0 < tau < math.inf]
    scale = neuron_oracle.scale_of(cell)
    floor = scale / min(finite, default=1.0)
    for k in range(min(size, expected)):
        exact, slope = outcome.times[k], outcome.slopes[k]
        difference = float(abs(mpmath.mpf(float(spikes.time[k])) - exact))
        if difference > APART and difference * slope > neuron_oracle.UNDECIDABLE * scale:
            missed, invented = missed + 1, invented + 1
            break
        if slope == mpmath.inf:
            moved += int(difference != 0.0 or spikes.slope[k] != math.inf)
            continue
        crossings += 1
        slope = float(slope)
        worst_time = max(worst_time, difference)
        worst_scaled = max(worst_scaled, difference * slope / scale)
        beyond = max(difference - 0.5 * math.ulp(float(exact)), 0.0)
        worst_unrounded = max(worst_unrounded, beyond * slope / scale)
        worst_slope = max(worst_slope, abs(float(spikes.slope[k]) - slope) / (slope + floor))
    return Comparison(1, len(arrivals), expected, crossings, int(outcome.undecided < math.inf), missed, invented,
                      moved, worst_time, worst_scaled, worst_unrounded, worst_slope)
