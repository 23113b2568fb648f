"""Where the boxes of a network diagram stand: rows in the direction of the signal, lanes for what goes around them.

The network is drawn from top to bottom, so that it fits a narrow window. Populations that excite or inhibit each other
in both directions stand side by side; what skips a row, or leads back, takes a lane to the right of all boxes.
"""

import itertools
from typing import NamedTuple

ACROSS = 4
"""Boxes in a row; more go into a row below."""


class Layout(NamedTuple):
    """Places of populations and projections."""

    rows: list
    """Names of populations, row by row, the first at the top."""
    lanes: dict
    """Lane (0 the innermost) of each projection that goes around, by its name."""


def arrange(populations, projections):
    """Return rows and lanes.

    Parameters
    ----------
    populations : sequence of str
        In the order of creation.
    projections : dict of str to (str, str)
        Source and target by the name of the projection.

    Returns
    -------
    Layout
    """
    ends = sorted(set(projections.values()))
    groups = _mutual(populations, ends)
    order = _in_signal_order(groups, ends)
    ranks = _ranks(order, ends)
    rows = []
    for rank in range(max(ranks, default=-1) + 1):
        members = [name for group, at in zip(order, ranks, strict=True) if at == rank for name in group]
        members.sort(key=list(populations).index)
        rows += [members[start : start + ACROSS] for start in range(0, len(members), ACROSS)]
    _untangle(rows, ends)
    return Layout(rows, _lanes(rows, projections))


def _mutual(populations, ends):
    """Return groups of populations that reach each other directly in both directions."""
    group_of = {name: [name] for name in populations}
    for source, target in sorted(ends):
        if source != target and (target, source) in ends and group_of[source] is not group_of[target]:
            joined = group_of[source] + group_of[target]
            for name in joined:
                group_of[name] = joined
    return list({id(group): group for group in group_of.values()}.values())


def _in_signal_order(groups, ends):
    """Return the groups such that signals go forward; a circle is cut at the population that was made first."""
    waiting, order = list(groups), []
    while waiting:
        left = {name for group in waiting for name in group}

        def is_free(group, left=left):
            return not any(s in left and s not in group for s, t in ends if t in group)

        chosen = next(filter(is_free, waiting), waiting[0])
        waiting.remove(chosen)
        order.append(chosen)
    return order


def _ranks(order, ends):
    """Return the row of each group: one below the lowest that feeds it; sources just above what they feed."""
    at = {name: place for place, group in enumerate(order) for name in group}
    forward = {(at[s], at[t]) for s, t in ends if at[s] < at[t]}
    ranks = [0] * len(order)
    for place in range(len(order)):
        ranks[place] = max((ranks[s] + 1 for s, t in forward if t == place), default=0)
    fed = {t for _, t in forward}
    for place in range(len(order)):
        if place not in fed:
            ranks[place] = max(min((ranks[t] - 1 for s, t in forward if s == place), default=0), 0)
    return ranks


def _untangle(rows, ends):
    """Reorder each row by the mean place of what feeds it, so that fewer arrows cross."""
    for above, row in itertools.pairwise(rows):
        def place(name, above=above, row=row):
            feeding = [above.index(s) / max(len(above) - 1, 1) for s, t in ends if t == name and s in above]
            return sum(feeding) / len(feeding) if feeding else row.index(name) / max(len(row) - 1, 1)

        row.sort(key=dict(zip(row, map(place, row), strict=True)).get)


def _lanes(rows, projections):
    """Return a lane for each projection that leads upwards or skips a row; none overlap."""
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    spans = {}
    for name, (source, target) in projections.items():
        if row_of[target] - row_of[source] not in (0, 1):
            spans[name] = sorted((row_of[source], row_of[target]))
    lanes, taken = {}, []
    for name, (first, last) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1][0])):
        lane = next((k for k, used in enumerate(taken) if all(last < a or first > b for a, b in used)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((first, last))
        lanes[name] = lane
    return lanes
