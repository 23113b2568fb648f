"""Derivatives by time constants: how V at every spike moves with them while all spike times stand still.

One run through the trace in the order of time. With the response K of a current and the decay D of a potential
(`eventsim.neurons.response`), the state of a neuron after h ms is V D(h) + I K(h); the product rule gives the
derivatives x = dV/dtau and y = dI/dtau the same step. A reset sets V, and so x = 0. At a spike the adjoint has
dL/dV = delta, at a value that the loss reads dL/dV itself: dL/dtau is the sum of these times x.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim._jit import inner, kernel
from eventsim.lower import piece
from eventsim.neurons import response
from training.adjoint import RELEASE, SPIKE

if TYPE_CHECKING:
    from eventsim.lower import Lowered
    from eventsim.network import Network
    from eventsim.type_aliases import Floats
    from training.adjoint import Events, Net, Spikes
    from training.gradient import SpikeTimeGradient


class Arrivals(NamedTuple):
    """Everything that arrives in one sample, unsorted."""

    spike: np.ndarray
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    time: np.ndarray


@kernel
def _count_arrivals(net, spikes, first, last, t_stop):
    """Return how many pieces of rows the spikes first to last reach before t_stop."""
    size = 0
    for k in range(first, last):
        for row in range(net.row_ptr[spikes.gid[k]], net.row_ptr[spikes.gid[k] + 1]):
            stop = net.row_start[row]
            while stop < net.row_stop[row]:
                delay, stop = piece(net.row_delay, net.row_stop, net.synapse_delay, net.first_delay, row, stop)
                if not spikes.time[k] + delay < t_stop:
                    break
                size += 1
    return size


@kernel
def _write_arrivals(net, spikes, first, last, t_stop, arrivals):
    """Write them."""
    size = 0
    for k in range(first, last):
        for row in range(net.row_ptr[spikes.gid[k]], net.row_ptr[spikes.gid[k] + 1]):
            stop = net.row_start[row]
            while stop < net.row_stop[row]:
                start = stop
                delay, stop = piece(net.row_delay, net.row_stop, net.synapse_delay, net.first_delay, row, start)
                time = spikes.time[k] + delay
                if not time < t_stop:
                    break
                arrivals.spike[size], arrivals.row[size] = k, row
                arrivals.start[size], arrivals.stop[size], arrivals.time[size] = start, stop, time
                size += 1


def _arrivals_of(net, spikes, first, last, t_stop):
    """Return the `Arrivals` of a sample and the order of their times."""
    size = _count_arrivals(net, spikes, first, last, t_stop)
    arrivals = Arrivals(*[*(np.empty(size, np.int64) for _ in range(4)), np.empty(size)])
    _write_arrivals(net, spikes, first, last, t_stop, arrivals)
    return arrivals, np.argsort(arrivals.time, kind="stable")


SPAN, DECAY, DECAY_BY_MEM = range(3)
K, K_BY_MEM, K_BY_SYN, LEFT, SLOPE = range(5)
"""Columns of `moves`, one row a population: how far it moves V and currents, then five for each receptor."""


@inner
def _move(net, p, h, moves):
    """Write what `h` ms do to the neurons of a population."""
    tau_mem = net.tau_mem[p]
    moves[p, SPAN] = h
    moves[p, DECAY], moves[p, DECAY_BY_MEM] = response.of_potential(tau_mem, h)
    for r in range(2):
        tau, at = net.tau_two[p] if r == 1 else net.tau_syn[p], 3 + 5 * r
        if tau == 0.0:
            break
        moves[p, at + K], moves[p, at + K_BY_MEM], moves[p, at + K_BY_SYN] = response.of_current(tau_mem, tau, h)
        b = response.rate(tau)
        moves[p, at + LEFT], moves[p, at + SLOPE] = math.exp(-b * h), h * b * b


@inner
def _flow(net, p, j, h, held, v, i, y, x, moves):
    """Bring neuron j forward by h ms. `i`, `y`: by receptor; `x`: by tau_mem and by each receptor's tau.

    `moves` keeps what the last span did: where an arrival reaches all neurons, most share one.
    """
    if h == 0.0:
        return
    if h != moves[p, SPAN]:
        _move(net, p, h, moves)
    charge, by_mem, decay = 0.0, 0.0, moves[p, DECAY]
    for r in range(2):
        if (net.tau_two[p] if r == 1 else net.tau_syn[p]) == 0.0:
            break
        at = 3 + 5 * r
        charge += i[j, r] * moves[p, at + K]
        by_mem += i[j, r] * moves[p, at + K_BY_MEM]
        x[j, r + 1] = x[j, r + 1] * decay + y[j, r] * moves[p, at + K] + i[j, r] * moves[p, at + K_BY_SYN]
        y[j, r] = (y[j, r] + i[j, r] * moves[p, at + SLOPE]) * moves[p, at + LEFT]
        i[j, r] *= moves[p, at + LEFT]
    x[j, 0] = x[j, 0] * decay + v[j] * moves[p, DECAY_BY_MEM] + by_mem
    v[j] = v[j] * decay + charge
    if math.isinf(net.tau_mem[p]):
        v[j] += net.drive[j] * h
    if held[j]:
        v[j] = net.v_reset[j]
        x[j, 0] = x[j, 1] = x[j, 2] = 0.0


@kernel
def _follow(net, spikes, events, by_time, arrivals, order, asked, integral, tau, t_stop, moved, by_integral):
    """Write dV/dtau at some events to `moved`; add to `by_integral` (populations, 3).

    `by_time`: the events of the sample in the order of time and kind; `order`: its arrivals in the order of time.
    """
    n = len(net.population)
    v = net.v_init.copy()
    i, y, x = np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 3))
    held, since, moves = np.zeros(n, np.bool_), np.zeros(n), np.full((len(net.regime), 13), -1.0)
    k, next_event = 0, 0
    while next_event < len(by_time):
        e = by_time[next_event]
        # Arrivals at the instant of a spike come after it: they are no causes of it.
        if k < len(order) and arrivals.time[order[k]] < events.time[e]:
            a = order[k]
            k += 1
            s = arrivals.time[a]
            receptor = net.projection_receptor[net.row_projection[arrivals.row[a]]]
            p = net.population[net.synapse_target[arrivals.start[a]]]
            for synapse in range(arrivals.start[a], arrivals.stop[a]):
                j = net.synapse_target[synapse]
                _flow(net, p, j, s - since[j], held, v, i, y, x, moves)
                since[j] = s
                i[j, receptor] += net.synapse_weight[synapse] * spikes.amplitude[arrivals.spike[a]]
            continue
        j, t = events.gid[e], events.time[e]
        _flow(net, net.population[j], j, t - since[j], held, v, i, y, x, moves)
        since[j] = t
        if events.kind[e] == RELEASE:
            held[j] = False
        else:
            moved[e, 0], moved[e, 1], moved[e, 2] = x[j, 0], x[j, 1], x[j, 2]
            if events.kind[e] == SPIKE:
                held[j] = True
                v[j] = net.v_reset[j]
                x[j, 0] = x[j, 1] = x[j, 2] = 0.0
        next_event += 1
    for a in range(len(arrivals.spike)):
        p = net.population[net.synapse_target[arrivals.start[a]]]
        if not asked[p]:
            continue
        s = arrivals.time[a]
        receptor = net.projection_receptor[net.row_projection[arrivals.row[a]]]
        taken = net.tau_two[p] if receptor == 1 else net.tau_syn[p]
        _, by_mem, by_syn = response.integral_of_current(
            net.tau_mem[p], taken, tau[net.synapse_target[arrivals.start[a]]], t_stop - s)
        for synapse in range(arrivals.start[a], arrivals.stop[a]):
            j = net.synapse_target[synapse]
            pull = integral[j] * net.synapse_weight[synapse] * spikes.amplitude[arrivals.spike[a]] * math.exp(
                -s * response.rate(tau[j]))
            by_integral[p, 0] += pull * by_mem
            by_integral[p, 1 + receptor] += pull * by_syn
    for j in range(n):
        p = net.population[j]
        if asked[p]:
            _, by_mem = response.integral_of_potential(net.tau_mem[p], tau[j], t_stop)
            by_integral[p, 0] += integral[j] * net.v_init[j] * by_mem


class Course:
    """Collects, sample by sample, how V at the events of a trace moves with the time constants."""

    def __init__(self, lowered: Lowered, events: Events, n_samples: int) -> None:
        self._events = events
        self._moved = np.zeros((len(events.time), 3))
        self._by_integral = np.zeros((n_samples, len(lowered.names), 3))

    def follow(
        self,
        net: Net,
        spikes: Spikes,
        first: int,
        last: int,
        begin: int,
        end: int,
        integrals: Any,
        sample: int,
        t_stop: float,
    ) -> None:
        """Run through one sample, whose spikes are first to last and whose events begin to end."""
        arrivals, order = _arrivals_of(net, spikes, first, last, t_stop)
        by_time = begin + np.lexsort((self._events.kind[begin:end], self._events.time[begin:end]))
        _follow(net, spikes, self._events, by_time, arrivals, order, integrals.asked, integrals.error[sample],
                integrals.tau, t_stop, self._moved, self._by_integral[sample])

    def add(self, result: SpikeTimeGradient, net: Network, lowered: Lowered, delta: Floats) -> None:
        """Write `tau_mem` and `tau_syn` of a `SpikeTimeGradient`; `delta`: dL/dV by spike."""
        events = self._events
        pull = np.where(events.kind == SPIKE, delta[events.number], np.where(events.kind == RELEASE, 0.0, events.error))
        population = lowered.population[events.gid]
        total = self._by_integral.sum(axis=0)
        for column in range(3):
            total[:, column] += np.bincount(population, pull * self._moved[:, column], len(lowered.names))
        for index, name in enumerate(lowered.names):
            if lowered.regime[index] >= 0:
                result.tau_mem[name] = total[index, 0].copy()
                both = len(net.populations[name].neuron.receptors) > 1
                result.tau_syn[name] = total[index, 1:].copy() if both else total[index, 1].copy()
