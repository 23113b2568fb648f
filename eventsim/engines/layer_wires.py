"""Where the arrivals of a population go in the layers engine: places and weights of every source neuron.

A population is L locations of C lanes: one location with all neurons where every input is dense, the map
positions with their channels where one is a convolution. A source neuron reaches a rectangle of places. Its
weights for the lanes of one place lie side by side, and where they begin is linear in the place, so that a
kernel finds them without a division.
"""

from typing import NamedTuple

import numpy as np

from eventsim._jit import closed_form, kernel
from eventsim.connect.base import pooled_index
from eventsim.connect.convolution import Conv2d
from eventsim.engines import lanes

_LANES = 32


class Wires(NamedTuple):
    """The incoming projections of a population and their weights."""

    begin: np.ndarray
    """int64 (links,): where the sources of a link begin in `reach` and `start`."""
    step: np.ndarray
    """int64 (links, 2): by how much `start` moves with a place further down, and further right."""
    reach: np.ndarray
    """int32 (sources, 4): first and last y, first and last x of the places."""
    start: np.ndarray
    """int64 (sources,): where the weights for the lanes of place (0, 0) begin, reached or not."""
    room: np.ndarray
    """int64 (locations + 1,): sums of how many sources reach each location; empty where a source may have several
    spikes in a sample."""
    weight: np.ndarray
    """Effective weights (already divided by k^2 where pooled), flat, in the precision of the run; `lanes.PAD`
    zeros follow."""
    largest: float
    """Upper bound on the size of a weight."""


def rules(projection, base, out_width, n_lanes, locations):
    """Return (reach, start, step) of one projection whose weights begin at `base`."""
    connection, source, target = projection.connection, projection.source, projection.target
    row = pooled_index(source, connection.pool)
    if not isinstance(connection, Conv2d):
        whole = np.array([0, locations // out_width - 1, 0, out_width - 1], np.int32)
        return (np.tile(whole, (len(row), 1)), base + row * (locations * n_lanes),
                np.array([out_width * n_lanes, n_lanes], np.int64))
    g = connection.geometry(source, target)
    pixel, channel = np.divmod(row, g.channels)
    y, x = np.divmod(pixel, g.width)
    reach = np.stack([
        np.maximum(-((g.kernel_height - 1 - y - g.pad_top) // g.stride), 0),
        np.minimum((y + g.pad_top) // g.stride, g.out_height - 1),
        np.maximum(-((g.kernel_width - 1 - x - g.pad_left) // g.stride), 0),
        np.minimum((x + g.pad_left) // g.stride, g.out_width - 1)], axis=1).astype(np.int32)
    tap = (y + g.pad_top) * g.kernel_width + x + g.pad_left
    step = -g.stride * g.channels * n_lanes * np.array([g.kernel_width, 1], np.int64)
    return reach, base + (tap * g.channels + channel) * n_lanes, step


def room(reaches, out_width, locations):
    """Return the sums of how many sources reach each location: 0, those of the first, of the first two, ...

    Parameters
    ----------
    reaches : list of ndarray
        `Wires.reach` of each link.
    out_width, locations : int
    """
    corners = np.zeros((locations // out_width + 1, out_width + 1), np.int64)
    for reach in reaches:
        y0, y1, x0, x1 = reach[(reach[:, 0] <= reach[:, 1]) & (reach[:, 2] <= reach[:, 3])].T.astype(np.int64)
        for y, x, sign in ((y0, x0, 1), (y1 + 1, x0, -1), (y0, x1 + 1, -1), (y1 + 1, x1 + 1, 1)):
            np.add.at(corners, (y, x), sign)
    counts = corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return np.concatenate([[0], np.cumsum(counts)])


def wire(links, weights, dtype, room):
    """Return the `Wires` of a population.

    Parameters
    ----------
    links : sequence of eventsim.engines.layers.Link
    weights : list of ndarray
        One array a link, as the user sees them.
    room : ndarray
        As in `Wires`.
    dtype : numpy dtype
        Precision of the run.
    """
    total = sum(values.size for values in weights)
    flat = np.empty(total + lanes.PAD, dtype)
    flat[total:] = 0.0
    at, largest = 0, 0.0
    for link, values in zip(links, weights, strict=True):
        given = np.ascontiguousarray(values, np.float64).reshape(-1)
        largest = max(largest, _lay(given, float(link.pool * link.pool), flat[at:at + values.size]))
        at += values.size
    sizes = [len(link.start) for link in links]
    return Wires(
        np.array([sum(sizes[:n]) for n in range(len(sizes))], np.int64),
        np.array([link.step for link in links], np.int64).reshape(len(links), 2),
        np.concatenate([link.reach for link in links]) if links else np.zeros((0, 4), np.int32),
        np.concatenate([link.start for link in links]) if links else np.zeros(0, np.int64),
        room, flat, largest)


@kernel
def _lay(values, divisor, weight):
    """Write values over a divisor as weights, and return the largest size of them: once over memory, not thrice."""
    largest = np.zeros(_LANES, weight.dtype)  # side by side: one would wait for each comparison
    whole = len(values) // _LANES * _LANES
    for start in range(0, whole, _LANES):
        for lane in range(_LANES):
            weight[start + lane] = values[start + lane] / divisor
            size = abs(weight[start + lane])
            largest[lane] = size if size > largest[lane] else largest[lane]
    for k in range(whole, len(values)):
        weight[k] = values[k] / divisor
        largest[0] = max(largest[0], abs(weight[k]))
    return float(largest.max())


@closed_form
def places(wires, link, source):
    """Return (first y, last y, first x, last x, start, step down, step right) of a source neuron."""
    at = wires.begin[link] + source
    return (wires.reach[at, 0], wires.reach[at, 1], wires.reach[at, 2], wires.reach[at, 3], wires.start[at],
            wires.step[link, 0], wires.step[link, 1])
