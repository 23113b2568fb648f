"""What the layers of a network do during an epoch: silence, spike times, gradients, floored slopes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.optimize import sum_of_squares

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Arrays
    from training.type_aliases import AnyActivity, Report

BINS = 40
"""Bins of the histograms of spike times, over 0 to the horizon."""

LAST = 2
"""Batches at the end of an epoch whose spike times are looked at."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

DEAD = 0.99
"""Part of silent neurons above which a layer counts as dead."""


class Monitor:
    """Sums over the batches of one epoch; deleted spikes (dropout) count neither as fired nor as silent.

    Parameters
    ----------
    batches : int
        Of the epoch.
    t_stop : float
        Horizon in ms.
    """

    def __init__(self, batches: int, t_stop: float) -> None:
        self._left = batches
        self._edges = np.linspace(0.0, t_stop, BINS + 1)
        self._fired, self._counted, self._floored, self._norms, self._times = {}, {}, {}, {}, {}
        self._batches = batches

    def add(
        self,
        stimulus: Mapping[str, Spikes],
        activity: AnyActivity,
        dropped: Arrays,
        gradients: Arrays,
        floored: Mapping[str, tuple[int, int]],
    ) -> None:
        """Look at a batch.

        Parameters
        ----------
        stimulus : dict of Spikes
        activity
            Of `training.passes.Passes.forward`.
        dropped : dict of bool ndarray (samples, size)
            Deleted spikes, by population.
        gradients : dict of ndarray
            Of the loss by the effective weights, by projection.
        floored : dict of (int, int)
            Crossings below the slope floor and crossings in all, by population.
        """
        self._left -= 1
        looked_at = self._left < LAST
        if looked_at:
            for name, spikes in stimulus.items():
                self._times.setdefault(name, []).append(np.asarray(spikes.time))
        for name, times in activity.time.items():
            if name in activity.potential:
                continue
            fired = np.isfinite(times)
            self._fired[name] = self._fired.get(name, 0) + int(np.count_nonzero(fired))
            counted = times.size - (int(np.count_nonzero(dropped[name])) if name in dropped else 0)
            self._counted[name] = self._counted.get(name, 0) + counted
            if looked_at:
                self._times.setdefault(name, []).append(times[fired])
        for name, gradient in gradients.items():
            self._norms[name] = self._norms.get(name, 0.0) + math.sqrt(sum_of_squares(gradient))
        for name, counts in floored.items():
            before = self._floored.get(name, (0, 0))
            self._floored[name] = before[0] + counts[0], before[1] + counts[1]

    def record(self, warned: Collection[str] = ()) -> Report:
        """Return what the epoch's record says of the layers, plain numbers.

        Parameters
        ----------
        warned : collection of str
            Populations that earlier records warned of.

        Returns
        -------
        dict
            ``silent`` (share, by population), ``gradient_norms`` (mean over the batches, by projection),
            ``floored`` (share, by population; with a slope floor only), ``spike_times`` (over the last
            batches: ``edges`` of the bins in ms; ``layers``, inputs first: ``name``, ``counts``, and ``mean``
            and ``quantiles`` in ms, None without spikes) and ``warnings`` (text by population).
        """
        silent = {name: 1.0 - fired / max(self._counted[name], 1) for name, fired in self._fired.items()}
        found = {
            "silent": silent,
            "gradient_norms": {name: total / self._batches for name, total in self._norms.items()},
            "spike_times": {
                "edges": self._edges.tolist(),
                "layers": [{"name": name} | self._of(parts) for name, parts in self._times.items()],
            },
            "warnings": {
                name: _advice(name, share) for name, share in silent.items() if share > DEAD and name not in warned
            },
        }
        if self._floored:
            found["floored"] = {name: low / max(fired, 1) for name, (low, fired) in self._floored.items()}
        return found

    def _of(self, parts: Sequence[Array]) -> Report:
        times = np.concatenate(parts)
        times = times[times < self._edges[-1]]
        if len(times) == 0:
            return {"counts": [0] * BINS, "mean": None, "quantiles": None}
        place = np.minimum((times / self._edges[-1] * BINS).astype(np.int64), BINS - 1)
        return {
            "counts": np.bincount(place, minlength=BINS).tolist(),
            "mean": float(times.mean()),
            "quantiles": np.quantile(times, QUANTILES).tolist(),
        }


def _advice(name: str, share: float) -> str:
    return (
        f'"{name}" is dead: {100.0 * share:.1f} % silent. Try a larger mean or gain of its initial weights, a lower '
        'learning rate (with normalisation: rates.drive), or the policies "firing" or "weight_bump".'
    )
