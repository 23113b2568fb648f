"""Two priority queues on plain arrays, for kernels.

The *indexed heap* holds at most one entry a neuron (its next event of its own) and changes it in
place: `key` (time by neuron), `ids` (neurons in heap order), `place` (position of a neuron in
`ids`, -1: absent). The *flight queue* holds the spikes under way, one entry each, ordered by the
time of their next delivery. Both are 4-ary; equal times may leave in any order, because an engine
takes all events of an instant before it acts.
"""

from eventsim._jit import closed_form


@closed_form
def _sift_up(key, ids, place, at):
    item = ids[at]
    time = key[item]
    while at > 0:
        parent = (at - 1) >> 2
        other = ids[parent]
        if key[other] <= time:
            break
        ids[at] = other
        place[other] = at
        at = parent
    ids[at] = item
    place[item] = at


@closed_form
def _sift_down(key, ids, place, size, at):
    item = ids[at]
    time = key[item]
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        best_time = key[ids[first]]
        last = first + 4
        if last > size:
            last = size
        for child in range(first + 1, last):
            child_time = key[ids[child]]
            if child_time < best_time:
                best = child
                best_time = child_time
        if best_time >= time:
            break
        other = ids[best]
        ids[at] = other
        place[other] = at
        at = best
    ids[at] = item
    place[item] = at


@closed_form
def schedule(key, ids, place, size, item, time):
    """Set the time of `item`, adding it where absent; return the new size."""
    at = place[item]
    if at < 0:
        key[item] = time
        ids[size] = item
        place[item] = size
        _sift_up(key, ids, place, size)
        return size + 1
    before = key[item]
    key[item] = time
    if time < before:
        _sift_up(key, ids, place, at)
    elif time > before:
        _sift_down(key, ids, place, size, at)
    return size


@closed_form
def cancel(key, ids, place, size, item):
    """Remove `item` if present; return the new size."""
    at = place[item]
    if at < 0:
        return size
    place[item] = -1
    size -= 1
    if at < size:
        moved = ids[size]
        ids[at] = moved
        place[moved] = at
        _sift_up(key, ids, place, at)
        _sift_down(key, ids, place, size, place[moved])
    return size


@closed_form
def push_flight(flight, size, time, source, group, amplitude, emitted):
    """Add a spike under way; return the new size. The arrays of `flight` must have room."""
    at = size
    while at > 0:
        parent = (at - 1) >> 2
        if flight.time[parent] <= time:
            break
        flight.time[at] = flight.time[parent]
        flight.source[at] = flight.source[parent]
        flight.group[at] = flight.group[parent]
        flight.amplitude[at] = flight.amplitude[parent]
        flight.emitted[at] = flight.emitted[parent]
        at = parent
    flight.time[at] = time
    flight.source[at] = source
    flight.group[at] = group
    flight.amplitude[at] = amplitude
    flight.emitted[at] = emitted
    return size + 1


@closed_form
def pop_flight(flight, size):
    """Remove the earliest entry, which the caller has read at index 0; return the new size."""
    size -= 1
    time = flight.time[size]
    at = 0
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        last = first + 4
        if last > size:
            last = size
        for child in range(first + 1, last):
            if flight.time[child] < flight.time[best]:
                best = child
        if flight.time[best] >= time:
            break
        flight.time[at] = flight.time[best]
        flight.source[at] = flight.source[best]
        flight.group[at] = flight.group[best]
        flight.amplitude[at] = flight.amplitude[best]
        flight.emitted[at] = flight.emitted[best]
        at = best
    flight.time[at] = time
    flight.source[at] = flight.source[size]
    flight.group[at] = flight.group[size]
    flight.amplitude[at] = flight.amplitude[size]
    flight.emitted[at] = flight.emitted[size]
    return size
