"""The figures of a run as one object that strict JSON can hold: what ``eventsim evaluate --json`` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.measure.counts import silent_fraction, spike_counts
from eventsim.measure.decision import decide
from eventsim.measure.latencies import summary_of
from eventsim.measure.operations import synaptic_operations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Array


def evaluate(trace: Trace, labels: ArrayLike | None = None, *, output: str | None = None) -> dict[str, Any]:
    """Return accuracy, latency and cost of a run.

    Parameters
    ----------
    trace : Trace
        The run; every population that can fire must be recorded.
    labels : array_like of int, optional
        True class of every sample, (samples,); default: ``trace.labels``.
    output : str, optional
        The population that decides; default: ``trace.output``.

    Returns
    -------
    dict
        `accuracy` (0 to 1; undecided counts as wrong; None without labels), `n_samples`, `readout`
        ("first_spike" or "potential"), `horizon_ms`, `undecided_fraction`, `decision_latency_ms` (`mean`,
        `median`, `p95` over decided samples), `spikes_per_sample` and `synaptic_operations_per_sample`
        (`horizon`, `decision`; undecided samples count to the horizon), `spikes_per_neuron` and
        `silent_fraction` (hidden and output neurons, to the horizon). Never infinite or NaN: None instead.

    Raises
    ------
    InputError
        No output that is clear, labels that do not fit, or a population that was not recorded.
    """
    decision = decide(trace, output)
    labels = trace.labels if labels is None else labels
    spikes = spike_counts(trace)
    latency = summary_of(decision.time[decision.decided])
    return _finite(
        {
            "accuracy": None if labels is None else decision.accuracy(labels),
            "n_samples": trace.n_samples,
            "readout": decision.rule,
            "horizon_ms": trace.t_stop,
            "undecided_fraction": _mean(~decision.decided),
            "decision_latency_ms": {key: latency[key] for key in ("mean", "median", "p95")},
            "spikes_per_sample": {
                "horizon": spikes.mean_per_sample,
                "decision": spike_counts(trace, decision.time).mean_per_sample,
            },
            "spikes_per_neuron": spikes.mean_per_neuron,
            "silent_fraction": silent_fraction(trace),
            "synaptic_operations_per_sample": {
                "horizon": _mean(synaptic_operations(trace)),
                "decision": _mean(synaptic_operations(trace, decision.time)),
            },
        }
    )


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _finite(value: Any) -> Any:
    """Return `value` with every infinite or NaN number replaced by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
