"""The spikes that travel: of inputs, of Poisson sources (recorded or not) and of recorded populations."""

from typing import NamedTuple

import numpy as np

from eventsim.poisson import Source


class Sender(NamedTuple):
    """The spikes of one population with synapses to deliver to, ordered by (sample, time, neuron)."""

    time: np.ndarray
    """float64 (n,), ms."""
    neuron: np.ndarray
    sample: np.ndarray
    generation: np.ndarray
    """int32 (n,)."""
    amplitude: np.ndarray
    """float64 (n,): factor on the weights."""
    gid: int
    """Global id of neuron 0, see `eventsim.lower.Lowered`."""
    caused: bool
    """Whether its spikes belong to a generation of their instant (those of inputs do not)."""


def senders(trace, lowered, target=None):
    """Return the spikes of every population that has synapses.

    Unrecorded Poisson spikes are drawn again: they depend on the seed alone.

    Parameters
    ----------
    trace : Trace
        The run.
    lowered : Lowered
        Its network in flat arrays.
    target : int, optional
        Only populations that send to the population with this number; default: all that send.

    Returns
    -------
    list of Sender
        In the order of the names of the populations. An input's spikes may lie after the end of the run.

    Raises
    ------
    InputError
        A population that sends was not recorded.
    """
    feeds = np.ones(len(lowered.projections), bool) if target is None else lowered.projection_target == target
    owner = np.repeat(np.arange(len(lowered.population)), np.diff(lowered.row_ptr))
    sending = np.unique(lowered.population[owner[feeds[lowered.row_projection]]])
    return [_sender(trace, lowered.names[index], int(lowered.offset[index])) for index in sending]


def _sender(trace, name, gid):
    population = trace.network.populations[name]
    if name in trace.stimulus:
        given = trace.stimulus[name].arrays()
        columns = given.time, given.neuron, given.sample, np.zeros(len(given.time), np.int32), given.amplitude
        return Sender(*(*columns, gid, False))
    if population.kind == "poisson" and name not in trace.populations:
        time, neuron, sample = _drawn_again(trace, population)
        return Sender(time, neuron, sample, np.zeros(len(time), np.int32), np.ones(len(time)), gid, False)
    table = trace.arrays(name)
    columns = table.time, table.neuron, table.sample, table.generation, np.ones(len(table.time))
    return Sender(*(*columns, gid, population.kind == "neurons"))


def _drawn_again(trace, population):
    """Return time, neuron and sample of the spikes of a Poisson population that was not recorded."""
    parts = [
        Source(population.name, population.rate, trace.seed, sample).until(float(trace.ended[sample]))
        for sample in range(trace.n_samples)
    ]
    if not parts:
        return np.empty(0), np.empty(0, np.int32), np.empty(0, np.int32)
    sample = np.repeat(np.arange(trace.n_samples, dtype=np.int32), [len(time) for time, _ in parts])
    return np.concatenate([time for time, _ in parts]), np.concatenate([ids for _, ids in parts]), sample
