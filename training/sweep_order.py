"""The order in which a sweep meets spikes and other events, found without sorting what is sorted already."""

import numpy as np

from eventsim._jit import kernel
from training.adjoint import RELEASE, SPIKE, VALUE


@kernel
def merged(sample, time, gid, bounds):
    """Return the order by (sample, time, gid) of columns that lie one after another; each is in that order by itself.

    `bounds`: (columns + 1,) where they begin. Neighbours are merged in pairs until one is left.
    """
    order, other = np.arange(len(time)), np.empty(len(time), np.int64)
    ends = bounds.copy()
    while len(ends) > 2:
        kept = [ends[0]]
        for pair in range(0, len(ends) - 1, 2):
            if pair + 2 == len(ends):  # nothing to merge the last one with
                other[ends[pair]:ends[pair + 1]] = order[ends[pair]:ends[pair + 1]]
                kept.append(ends[pair + 1])
                break
            a, b = ends[pair], ends[pair + 1]
            middle, stop = b, ends[pair + 2]
            for at in range(a, stop):
                take_b = a == middle
                if not take_b and b < stop:
                    m, n = order[a], order[b]
                    if sample[m] != sample[n]:
                        take_b = sample[n] < sample[m]
                    elif time[m] != time[n]:
                        take_b = time[n] < time[m]
                    else:
                        take_b = gid[n] < gid[m]
                if take_b:
                    other[at] = order[b]
                    b += 1
                else:
                    other[at] = order[a]
                    a += 1
            kept.append(stop)
        order, other = other, order
        ends = np.array(kept)
    return order


@kernel
def events_by_neuron(spike_time, spike_gid, bounds, fires, t_refractory, ended, values_time, values_gid, values_error,
                     values_bounds):
    """Return what happens to neurons but for arrivals, by (sample, gid, time), and where to find it.

    Spikes are ordered by (sample, time), values that the loss reads too; `bounds`, `values_bounds`: (samples + 1,).
    A neuron's spike is followed by the end of its refractory period, if that comes before the end of the run.

    Returns
    -------
    sample, time, kind, gid, number, error
        The columns of `training.adjoint.Events`.
    of_spike, others, events_bounds, others_bounds
        Those of `training.adjoint.Order`.
    """
    samples, neurons = len(ended), len(fires)
    room = 2 * len(spike_time) + len(values_time)
    sample, time, kind = np.empty(room, np.int64), np.empty(room), np.empty(room, np.int64)
    gid, number, error = np.empty(room, np.int64), np.empty(room, np.int64), np.zeros(room)
    of_spike, others = np.full(len(spike_time), -1), np.empty(room, np.int64)
    events_bounds, others_bounds = np.zeros(samples + 1, np.int64), np.zeros(samples + 1, np.int64)
    place = np.zeros(neurons, np.int64)
    size = n_others = 0
    for s in range(samples):
        place[:] = 0
        for k in range(bounds[s], bounds[s + 1]):
            j = spike_gid[k]
            if fires[j]:
                place[j] += 2 if spike_time[k] + t_refractory[j] < ended[s] else 1
        for k in range(values_bounds[s], values_bounds[s + 1]):
            place[values_gid[k]] += 1
        begin = size
        for j in range(neurons):
            count = place[j]
            place[j] = size
            size += count
        first = n_others
        for k in range(bounds[s], bounds[s + 1]):
            j = spike_gid[k]
            if not fires[j]:
                continue
            e = place[j]
            of_spike[k] = e
            time[e], kind[e], gid[e], number[e] = spike_time[k], SPIKE, j, k
            end = spike_time[k] + t_refractory[j]
            if end < ended[s]:
                e += 1
                time[e], kind[e], gid[e], number[e] = end, RELEASE, j, k
                others[n_others] = e
                n_others += 1
            place[j] = e + 1
        for k in range(values_bounds[s], values_bounds[s + 1]):
            j = values_gid[k]
            e = place[j]
            place[j] = e + 1
            time[e], kind[e], gid[e], number[e], error[e] = values_time[k], VALUE, j, -1, values_error[k]
            others[n_others] = e
            n_others += 1
        sample[begin:size] = s
        here = others[first:n_others]
        for k in range(1, len(here)):
            if time[here[k - 1]] > time[here[k]]:
                here[:] = here[np.argsort(time[here], kind="mergesort")]
                break
        events_bounds[s + 1], others_bounds[s + 1] = size, n_others
    return (sample[:size], time[:size], kind[:size], gid[:size], number[:size], error[:size], of_spike,
            others[:n_others], events_bounds, others_bounds)
