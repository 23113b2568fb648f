"""Queues on plain tables, for kernels: an indexed heap of candidates, first-in first-out lanes, a heap of flights.

The *indexed heap* orders the slots of candidates by the time of their next event of their own: `own` (time
by slot), and in `lists` the columns IDS (slots in heap order) and PLACE (position of a slot). The times
change in place. Slots begin at 0 (one shard).

Spikes under way live in one *pool* (`times`: NEXT, EMITTED, AMPLITUDE; `places`: ROW, AT, SENDER, AFTER). Those
of a delay that all synapses of a row share leave in the order in which they came (a lane, a linked list);
the others are in a heap ordered by the time of their next delivery. All heaps are 4-ary; equal times may
leave in any order, because an engine takes all events of an instant before it acts.
"""

from eventsim._jit import inner
from eventsim.engines.cells import IDS, PLACE
from eventsim.engines.deliveries import NEXT

AFTER = 3
"""Column of `places`: the following entry of the lane, or of the unused ones; -1: none."""


@inner
def _up(own, lists, at):
    slot = lists[IDS, at]
    time = own[slot]
    while at > 0:
        parent = (at - 1) >> 2
        other = lists[IDS, parent]
        if own[other] <= time:
            break
        lists[IDS, at] = other
        lists[PLACE, other] = at
        at = parent
    lists[IDS, at] = slot
    lists[PLACE, slot] = at


@inner
def _down(own, lists, size, at):
    slot = lists[IDS, at]
    time = own[slot]
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        best_time = own[lists[IDS, first]]
        for child in range(first + 1, min(first + 4, size)):
            child_time = own[lists[IDS, child]]
            if child_time < best_time:
                best = child
                best_time = child_time
        if best_time >= time:
            break
        other = lists[IDS, best]
        lists[IDS, at] = other
        lists[PLACE, other] = at
        at = best
    lists[IDS, at] = slot
    lists[PLACE, slot] = at


@inner
def add(own, lists, size, slot):
    """Add a slot, whose time is set, to a heap of `size`."""
    lists[IDS, size] = slot
    _up(own, lists, size)


@inner
def change(own, lists, size, slot, time):
    """Change the time of a slot in a heap of `size`."""
    before = own[slot]
    own[slot] = time
    if time < before:
        _up(own, lists, lists[PLACE, slot])
    elif time > before:
        _down(own, lists, size, lists[PLACE, slot])


@inner
def push(times, heap, size, entry):
    """Add a pool entry, whose NEXT is set, to the heap of flights; return its new size."""
    time = times[entry, NEXT]
    at = size
    while at > 0:
        parent = (at - 1) >> 2
        if times[heap[parent], NEXT] <= time:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = entry
    return size + 1


@inner
def pop(times, heap, size):
    """Remove the earliest entry, which the caller has read at index 0; return the new size."""
    size -= 1
    entry = heap[size]
    time = times[entry, NEXT]
    at = 0
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        for child in range(first + 1, min(first + 4, size)):
            if times[heap[child], NEXT] < times[heap[best], NEXT]:
                best = child
        if times[heap[best], NEXT] >= time:
            break
        heap[at] = heap[best]
        at = best
    heap[at] = entry
    return size
