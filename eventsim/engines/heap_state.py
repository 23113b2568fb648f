"""What the heap engine reads and writes: the network as flat arrays, and the state of one sample."""

from typing import NamedTuple

import numpy as np

from eventsim.lower import piece

HEAP_SIZE, FLIGHT_SIZE, RECORD_SIZE, INPUT, STAMP, ARRIVALS, SPIKES, WATCHED = range(8)
"""Places in `State.counters`."""

COUNTER_OF = {"flight": FLIGHT_SIZE, "record": RECORD_SIZE}
"""Which counter says how many entries of a growing part of the state are in use."""


class Net(NamedTuple):
    """What the kernel reads of a network (see `eventsim.lower.Lowered`)."""

    population: np.ndarray
    regime: np.ndarray
    tau_mem: np.ndarray
    tau_syn: np.ndarray
    period: np.ndarray
    drive: np.ndarray
    theta: np.ndarray
    v_reset: np.ndarray
    v_init: np.ndarray
    t_refractory: np.ndarray
    group_ptr: np.ndarray
    group_delay: np.ndarray
    group_projection: np.ndarray
    group_start: np.ndarray
    group_stop: np.ndarray
    synapse_target: np.ndarray
    synapse_weight: np.ndarray
    projection_target: np.ndarray


class Flight(NamedTuple):
    """Spikes under way, see `eventsim.queue`."""

    time: np.ndarray
    source: np.ndarray
    group: np.ndarray
    amplitude: np.ndarray
    emitted: np.ndarray


class Due(NamedTuple):
    """Delay groups that arrive at the present instant."""

    source: np.ndarray
    group: np.ndarray
    amplitude: np.ndarray


class Record(NamedTuple):
    """Spikes of neurons in the order in which they occurred."""

    time: np.ndarray
    neuron: np.ndarray
    slope: np.ndarray
    generation: np.ndarray


class State(NamedTuple):
    """All that changes while one sample runs; N neurons."""

    c0: np.ndarray
    c1: np.ndarray
    origin: np.ndarray
    """(N,) int64: number of the origin that c0, c1 refer to."""
    release: np.ndarray
    """(N,) end of the refractory period; -inf: none, inf: never again."""
    last_spike: np.ndarray
    crossing: np.ndarray
    """(N,) predicted crossing, or a lower bound on it; valid while the neuron is in the heap."""
    bounded: np.ndarray
    """(N,) int64: 1 while `crossing` is a lower bound only."""
    seen: np.ndarray
    """(N,) when the neuron was touched last: what the crossing is computed from."""
    key: np.ndarray
    ids: np.ndarray
    place: np.ndarray
    touched: np.ndarray
    """(N,) int64: generation stamp of the last touch."""
    opened: np.ndarray
    """(N,) int64: instant stamp of the last touch."""
    before0: np.ndarray
    before1: np.ndarray
    """(N,) accumulators just before the arrivals of the present instant."""
    counters: np.ndarray
    """(8,) int64: sizes of heap, flight and record, inputs taken, stamp, arrivals delivered, spikes fired,
    spikes fired by the watched neurons."""
    clock: np.ndarray
    """(1,) the last instant that was processed; -1 before the first."""
    flight: Flight
    record: Record


def net_of(lowered):
    """Return the kernel's view of a lowered network."""
    row, start, stop, delay = [], [], [], []
    for r in range(len(lowered.row_start)):
        at = int(lowered.row_start[r])
        while at < lowered.row_stop[r]:
            begin = at
            d, at = piece(lowered.row_delay, lowered.row_stop, lowered.synapse_delay, lowered.first_delay, r, at)
            row.append(r), start.append(begin), stop.append(at), delay.append(d)
    row, delay = np.array(row, np.int64), np.array(delay, float)
    start, stop = np.array(start, np.int64), np.array(stop, np.int64)
    source = np.searchsorted(lowered.row_ptr, row, side="right") - 1
    projection = lowered.row_projection[row]
    order = np.lexsort((projection, delay, source))
    pointer = np.zeros(len(lowered.row_ptr), np.int64)
    np.cumsum(np.bincount(source, minlength=len(pointer) - 1), out=pointer[1:])
    groups = {"group_ptr": pointer, "group_delay": delay[order], "group_projection": projection[order],
              "group_start": start[order], "group_stop": stop[order]}
    return Net(*(groups.get(field, getattr(lowered, field, None)) for field in Net._fields))


def due_room(room):
    """Return an empty list of `room` entries for delay groups."""
    return Due(np.zeros(room, np.int32), np.zeros(room, np.int64), np.zeros(room))


def _flight(room):
    return Flight(np.zeros(room), np.zeros(room, np.int32), np.zeros(room, np.int64), np.zeros(room), np.zeros(room))


def _record(room):
    return Record(np.zeros(room), np.zeros(room, np.int32), np.zeros(room), np.zeros(room, np.int32))


def blank(lowered):
    """Return a state without accumulators or predictions."""
    n = len(lowered.population)
    return State(
        np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.full(n, -np.inf), np.full(n, -1.0),
        np.full(n, np.inf), np.zeros(n, np.int64), np.zeros(n), np.full(n, np.inf), np.zeros(n, np.int32),
        np.full(n, -1, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n),
        np.zeros(8, np.int64), np.full(1, -1.0), _flight(2 * n + 64), _record(2 * n + 64))


def with_room(state):
    """Return `state` with flight and record arrays twice as long."""
    def longer(arrays):
        return type(arrays)(*(np.concatenate((a, np.zeros(len(a), a.dtype))) for a in arrays))

    return state._replace(flight=longer(state.flight), record=longer(state.record))


def take_record(state):
    """Return the spikes recorded so far as arrays (time, neuron, slope, generation) and empty the record."""
    size = int(state.counters[RECORD_SIZE])
    state.counters[RECORD_SIZE] = 0
    return tuple(column[:size].copy() for column in state.record)


def export(state):
    """Return the arrays of a state by name, of the growing ones only what is in use."""
    arrays = {}
    for name, value in zip(State._fields, state, strict=True):
        if name in COUNTER_OF:
            size = int(state.counters[COUNTER_OF[name]])
            arrays |= {f"{name}/{field}": column[:size] for field, column in zip(value._fields, value, strict=True)}
        else:
            arrays[name] = value
    return arrays


def restored(fresh, arrays):
    """Return the state of which `export` returned `arrays`; `fresh`: a state of the same network."""
    values = []
    for name, value in zip(State._fields, fresh, strict=True):
        if name in COUNTER_OF:
            columns = [(arrays[f"{name}/{field}"], like) for field, like in zip(value._fields, value, strict=True)]
            value = type(value)(*(np.concatenate((used, np.zeros_like(like))) for used, like in columns))
        else:
            value = np.array(arrays[name], value.dtype)
        values.append(value)
    return State(*values)
