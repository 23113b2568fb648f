"""Spike trains of Neo, for Elephant and whatever else computes on them, and back.

A trace becomes a ``neo.Block`` with a ``neo.Segment`` for each sample, in it a ``neo.SpikeTrain`` for each recorded
neuron, and a ``neo.Group`` for each population with its trains of all samples.

Reference: Garcia et al., Front. Neuroinform. 8:10 (2014); https://neo.readthedocs.io.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

import eventsim
from eventsim import arrays, optional, provenance
from eventsim.errors import InputError, expect
from eventsim.io import exchange

if TYPE_CHECKING:
    import neo

    from eventsim.spikes import Spikes
    from eventsim.trace import Trace
    from eventsim.type_aliases import Samples

START = "t_start"
"""What to give as `origin` of `from_neo` to count times from the start of each segment."""


def to_neo(trace: Trace, populations: str | Sequence[str] | None = None, samples: Samples | None = None) -> neo.Block:
    """Return the spikes of a trace as a Neo block.

    Parameters
    ----------
    trace : Trace
        The run.
    populations : str or list of str, optional
        Default: all recorded populations; name inputs to have them too.
    samples : int, slice, or array_like of int or bool, optional
        Default: all. A train takes half a millisecond to make, silent ones too.

    Returns
    -------
    neo.Block
        Times in ms. `t_start` and `t_stop` of a train are the span in which its neuron was recorded: 0 to the end of
        the sample, which is earlier than the end of the run where the sample was ended at its decision; of an
        `es.Record` with a span, that one. Annotations of a train: `population`, `neuron` (id), `sample`, and `label`
        where there are labels (in the segment too); array annotation: `slope` (1/ms). Annotations of the block: how
        the run was made, `provenance` as JSON text.

    Raises
    ------
    InputError
        Not a trace, a population or a sample that is not there, amplitudes other than 1, or Neo is not installed
        (``pip install eventsim[neo]``).
    """
    exchange.check_trace("to_neo", trace)
    neo = optional.package("neo", "neo")
    every = exchange.exported(trace, populations)
    wanted = exchange.chosen_samples(trace.n_samples, samples)
    block = neo.Block(name="eventsim trace", **_about(trace))
    for sample in wanted:
        block.segments.append(neo.Segment(name=f"sample {sample}", index=sample, **_of_sample(trace, sample)))
    for columns in every:
        exchange.refuse_amplitudes(columns, "a Neo block")
        group = neo.Group(name=columns.name, population=columns.name)
        block.groups.append(group)
        trains = exchange.Trains(trace, columns)
        for segment, sample in zip(block.segments, wanted, strict=True):
            made = [_train(neo, trace, columns, trains, sample, neuron) for neuron in trains.neurons]
            segment.spiketrains.extend(made)
            group.spiketrains.extend(made)
    return block


def from_neo(
    source: neo.Block | neo.Segment | Sequence[neo.Segment] | Sequence[neo.SpikeTrain],
    population: str | None = None,
    key: str = "neuron",
    origin: float | Literal["t_start"] = 0.0,
) -> Spikes:
    """Return spike trains of Neo as spikes, for use as a stimulus.

    Parameters
    ----------
    source : neo.Block, neo.Segment, list of neo.Segment, or list of neo.SpikeTrain
        Each segment is a sample; a list of trains is one sample.
    population : str, optional
        Trains with this annotation `population`; may be left out where they name one at most.
    key : str, optional
        The annotation of a train that holds the id of its neuron (PyNN: "source_index"). Where no train has it, the
        id is the place of the train in its segment, among those of the population.
    origin : float or "t_start", optional
        The time in ms, on the axis of the trains, that becomes t = 0 of a sample; "t_start": the start of each
        segment. Spikes before it are refused.

    Returns
    -------
    Spikes
        Times in ms whatever unit of time the trains have; amplitude 1.

    Raises
    ------
    InputError
        What is given is none of these, ids on some trains only, a population that is not there or not clear, spikes
        before the origin, or Neo is not installed (``pip install eventsim[neo]``).
    """
    neo = optional.package("neo", "neo")
    start = None if isinstance(origin, str) and origin == START else arrays.number("origin", origin)
    if start is not None and not np.isfinite(start):
        raise InputError(f'origin is {start:g} ms; give a finite time, or "{START}"')
    expect("key", key, str, "the name of an annotation")
    if population is not None:
        expect("population", population, str, "the name of one, or leave it out")
    samples = _segments(neo, source)
    if population is None:
        named = {name for trains in samples for train in trains if (name := _population(train)) is not None}
        if len(named) > 1:
            exchange.one_of("what is given", None, sorted(named))
    else:
        samples = [[train for train in trains if _population(train) == population] for trains in samples]
        if not any(samples):
            raise InputError(f'no spike train has the annotation population "{population}"; check the name')
    ids = _ids(samples, key)
    times, neurons, owners = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for sample, (trains, own) in enumerate(zip(samples, ids, strict=True)):
        zero = min((float(train.t_start.rescale("ms")) for train in trains), default=0.0) if start is None else start
        for train, neuron in zip(trains, own, strict=True):
            time = _milliseconds(train) - zero
            if len(time) and time.min() < 0:
                raise InputError(f"sample {sample} has a spike at {time.min() + zero:g} ms, before the origin at "
                                 f'{zero:g} ms; give origin="t_start", or an earlier time')
            times.append(time)
            neurons.append(np.full(len(time), neuron))
            owners.append(np.full(len(time), sample))
    return exchange.incoming("the spike trains", np.concatenate(times), np.concatenate(neurons),
                             np.concatenate(owners), n_samples=len(samples))


def _about(trace):
    return {"t_stop_ms": trace.t_stop, "n_samples": trace.n_samples, "engine": trace.engine,
            "precision": trace.precision, "seed": trace.seed, "fingerprint": trace.fingerprint,
            "eventsim_version": eventsim.__version__, "provenance": provenance.to_json(trace.provenance)}


def _of_sample(trace, sample):
    return {"sample": sample} | ({} if trace.labels is None else {"label": int(trace.labels[sample])})


def _train(neo, trace, columns, trains, sample, neuron):
    rows = trains.rows(sample, neuron)
    start, stop = trains.span(sample)
    return neo.SpikeTrain(
        columns.time[rows], t_stop=stop, units="ms", t_start=start, name=f"{columns.name} {neuron}",
        array_annotations={"slope": columns.slope[rows]}, population=columns.name, neuron=neuron,
        **_of_sample(trace, sample))


def _segments(neo, source):
    """Return a list of spike trains for each sample."""
    if isinstance(source, neo.Block):
        source = source.segments
    if isinstance(source, neo.Segment):
        return [list(source.spiketrains)]
    try:
        items = [] if isinstance(source, neo.SpikeTrain) else list(source)
    except TypeError:
        items = []
    for kind in (neo.Segment, neo.SpikeTrain):
        if items and all(isinstance(item, kind) for item in items):
            return [list(item.spiketrains) for item in items] if kind is neo.Segment else [items]
    raise InputError(f"from_neo takes a neo.Block, neo.Segment, or a list of segments or of spike trains; got "
                     f"{type(source).__name__}, or it is empty")


def _population(train):
    name = train.annotations.get("population")
    return None if name is None else str(name)


def _ids(samples, key):
    """Return the neuron of every train, by sample."""
    have = [key in train.annotations for trains in samples for train in trains]
    if not any(have):
        return [range(len(trains)) for trains in samples]
    if not all(have):
        raise InputError(f'{have.count(False)} of {len(have)} spike trains have no annotation "{key}"; give it to all, '
                         "or name another: key=...")
    ids = [[train.annotations[key] for train in trains] for trains in samples]
    for own in ids:
        for value in own:
            arrays.integer(f'the annotation "{key}" of a spike train', value, 0, arrays.MAXIMUM_SIZE)
    return ids


def _milliseconds(train):
    return np.asarray(train.rescale("ms").magnitude, np.float64)
