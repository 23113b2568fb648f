"""What `eventsim.measure` says of a trace, gathered for the page; what is not known stays None."""

from typing import NamedTuple

import numpy as np

from eventsim import measure
from eventsim.errors import InputError
from eventsim.lower import lower
from eventsim.senders import senders

_LARGEST = 20_000_000
"""First spikes (samples x neurons of the largest population) that are looked at; of more, the first samples."""

_PAIRS = 1 << 22  # spikes x synapses in memory at once


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
    activity = [_activity(trace, part, name) for name in trace.network.populations if _is_counted(trace, name)]
    by_projection = _or_none(operations_by_projection, trace)
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


def operations_by_projection(trace):
    """Return the synaptic operations a sample of each projection, to the end of the run.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    dict of str to float
        In the order of the network; their sum is the mean of `eventsim.measure.synaptic_operations`.

    Raises
    ------
    InputError
        A population with synapses was not recorded.
    """
    lowered = lower(trace.unchanged_network())
    totals = dict.fromkeys(trace.network.projections, 0)
    for sender in senders(trace, lowered):
        population = int(lowered.population[sender.gid])
        rows = slice(*lowered.row_ptr[[sender.gid, lowered.offset[population + 1]]])
        owner = np.repeat(np.arange(lowered.offset[population + 1] - sender.gid),
                          np.diff(lowered.row_ptr[sender.gid : lowered.offset[population + 1] + 1]))
        for number in np.unique(lowered.row_projection[rows]):
            chosen = np.arange(rows.start, rows.stop)[lowered.row_projection[rows] == number]
            row_of = np.full(owner.max() + 1, -1)
            row_of[owner[chosen - rows.start]] = chosen
            totals[lowered.projections[number]] += _arrived(lowered, sender, row_of, trace.ended)
    return {name: total / max(trace.n_samples, 1) for name, total in totals.items()}


def _arrived(lowered, sender, row_of, ended):
    """Return how many arrivals the spikes of a sender make over some rows (-1: none) before their sample ends."""
    with_row = sender.neuron < len(row_of)
    with_row[with_row] = row_of[sender.neuron[with_row]] >= 0
    row, time = row_of[sender.neuron[with_row]], sender.time[with_row]
    end = ended[sender.sample[with_row]]
    delay, fan = lowered.row_delay[row], lowered.row_stop[row] - lowered.row_start[row]
    own = delay < 0.0
    total = int(fan[~own][time[~own] + delay[~own] < end[~own]].sum())
    time, end, row = time[own], end[own], row[own]
    if len(row) == 0:
        return total
    order = np.argsort(row, kind="stable")
    time, end, row = time[order], end[order], row[order]
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    for first, last in zip(starts, [*starts[1:], len(row)], strict=True):
        synapses = slice(*(edge[row[first]] - lowered.first_delay for edge in (lowered.row_start, lowered.row_stop)))
        delays = lowered.synapse_delay[synapses]
        step = max(_PAIRS // max(len(delays), 1), 1)
        for at in range(first, last, step):
            some = slice(at, min(at + step, last))
            total += int(np.count_nonzero(time[some, None] + delays < end[some, None]))
    return total


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


def _is_counted(trace, name):
    """Return whether it is known how many spikes every neuron of a population fired."""
    if trace.network.populations[name].is_readout:
        return False
    if trace.is_complete(name):
        return name in trace.populations
    return name in trace.recording and trace.recording[name].counts


def _or_none(function, trace):
    """Return ``function(trace)``, or None where the trace does not hold what it takes."""
    try:
        return function(trace)
    except InputError:
        return None
