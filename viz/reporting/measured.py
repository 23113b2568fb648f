"""What `eventsim.measure` says of a trace, gathered for the page; what is not known stays None."""

from typing import NamedTuple

import numpy as np

from eventsim import measure
from eventsim.errors import InputError
from eventsim.measure.counts import counted_populations

_LARGEST = 20_000_000
"""First spikes (samples x neurons of the largest population) that are looked at; of more, the first samples."""


class Activity(NamedTuple):
    """What one population did; `never` counts the neurons without a spike in any sample."""

    name: str
    spikes_per_sample: float
    spikes_per_neuron: float
    rate: float | None
    silent: float
    never: int
    first: dict


class Measured(NamedTuple):
    """The figures of a trace.

    Attributes
    ----------
    evaluation : dict or None
        What `eventsim.measure.evaluate` returns, where the trace has labels or a named output.
    activity : list of Activity
        Of the populations whose spikes are known.
    silent, spikes_per_neuron : float or None
        Over all neurons that can fire.
    operations : float or None
        A sample, to the end of the run.
    by_projection : dict or None
        The same by projection.
    part : Trace
        The first samples, not too many for figures of all first spikes.
    """

    evaluation: dict | None
    activity: list
    silent: float | None
    spikes_per_neuron: float | None
    operations: float | None
    by_projection: dict | None
    part: object


def measured(trace):
    """Return the `Measured` of a trace."""
    evaluation = None
    if trace.n_samples and (trace.labels is not None or trace.named_output is not None):
        evaluation = _or_none(measure.evaluate, trace)
    part = first_samples(trace)
    activity = [_activity(trace, part, name) for name in counted_populations(trace)
                if not trace.network.populations[name].is_readout]
    by_projection = _or_none(_operations, trace)
    counts = _or_none(measure.spike_counts, trace)
    return Measured(
        evaluation, activity if trace.n_samples else [],
        None if counts is None else measure.silent_fraction(trace),
        None if counts is None else counts.mean_per_neuron,
        None if by_projection is None else sum(by_projection.values()), by_projection, part)


def first_samples(trace):
    """Return the trace, or its first samples where first spikes of all would fill the memory.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    Trace
        With the same network, output and settings.
    """
    largest = max((population.size for population in trace.network.populations.values()), default=1)
    count = max(_LARGEST // largest, 1)
    if trace.n_samples <= count:
        return trace
    samples = slice(0, count)
    tables = {}
    for name in trace.recorded:
        rows = slice(0, int(trace.offsets(name)[count]))
        table = trace.spikes(name)
        tables[name] = type(table)(*(column[rows] for column in table))
    counts = {name: trace.counts(name)[samples] for name, record in trace.recording.items() if record.counts}
    return type(trace)(
        trace.network, {name: spikes.select(samples) for name, spikes in trace.stimulus.items()}, tables, trace.t_stop,
        count, engine=trace.engine, reason=trace.reason, precision=trace.precision, seed=trace.seed,
        recorded=trace.recording, labels=None if trace.labels is None else trace.labels[samples],
        interrupted=trace.interrupted, provenance=trace.provenance, output=trace.named_output,
        ended=trace.ended[samples], counts=counts)


def _operations(trace):
    """Return the synaptic operations a sample by projection."""
    counts = measure.operations_by_projection(trace)
    return {name: float(count.sum()) / max(trace.n_samples, 1) for name, count in counts.items()}


def _activity(trace, part, name):
    population = trace.network.populations[name]
    counts = trace.counts(name)
    spikes = float(counts.sum()) / max(trace.n_samples, 1)
    first = {"median": None, "p95": None}
    if trace.is_complete(name):
        first = measure.latency(part, name).summary()
    rate = None
    if trace.is_complete(name) and 0.0 < trace.t_stop < np.inf:
        rate = float(np.nanmean(measure.mean_firing_rate(part, name)))
    silent = counts == 0
    return Activity(name, spikes, spikes / population.size, rate, float(silent.mean()),
                    int(silent.all(axis=0).sum()), first)


def _or_none(function, trace):
    """Return ``function(trace)``, or None where the trace does not hold what it takes."""
    try:
        return function(trace)
    except InputError:
        return None
