"""The network as a drawing: populations as boxes, projections as numbered arrows, plain SVG."""

import collections
from typing import NamedTuple

from viz import style
from viz.reporting import arrows, theme, words
from viz.reporting.layout import arrange
from viz.reporting.page import text

MOST_POPULATIONS, MOST_PROJECTIONS = 40, 90
"""More could not be told apart; the tables have them all."""

_ALONE, _BESIDE = 250, 178  # width of a box: alone in its row everywhere, or with others
_BETWEEN, _NARROW_GAP, _LABEL_GAP = 74, 54, 30  # pixels between boxes of a row, and between rows
_LINE, _SMALL, _NAME = 15, 11.5, 14
_MARGIN, _LANE = 8, 26
_LOOP, _FURTHER_LOOP = 20, 17


class Box(NamedTuple):
    """A population: its place, and the lines in it."""

    name: str
    x: float
    y: float
    width: float
    height: float
    lines: list


def diagram(network, facts, numbers):
    """Return the drawing of a network.

    Parameters
    ----------
    network : Network
    facts : dict
        What ``network.describe().as_dict()`` returns.
    numbers : dict of str to int
        Number of each projection, as in the table beside.

    Returns
    -------
    str
        HTML; empty where the network is too large to be drawn, or has no populations.
    """
    if not network.populations or len(network.populations) > MOST_POPULATIONS or len(numbers) > MOST_PROJECTIONS:
        return ""
    ends = {name: (p.source.name, p.target.name) for name, p in network.projections.items()}
    layout = arrange(list(network.populations), ends)
    looping = collections.Counter(source for source, target in ends.values() if source == target)
    beside = max((_LOOP + _FURTHER_LOOP * count for count in looping.values()), default=0)
    boxes, right = _boxes_across(network, layout.rows, looping, max(_BETWEEN, beside + 10))
    ways = arrows.Ways(layout, ends, boxes, right + beside + _LANE, _LANE)
    gaps, labels = [], {}
    for row in range(len(layout.rows) - 1):
        inside = _labels(network, facts, ways, row, right)
        labels |= inside
        most = max((len(lines) for lines in inside.values()), default=0)
        gaps.append(max(_NARROW_GAP, _LABEL_GAP + _LINE * most))
    above = 44 if ways.arched else 0
    boxes, bottom = _boxes_down(boxes, layout.rows, gaps, _MARGIN + above)
    colours = {name: theme.variables()[colour.lower()] for name, colour in style.population_colours(network).items()}
    parts = []
    for name, path in ways.paths(boxes).items():
        projection = network.projections[name]
        weight = facts["projections"][name]["weight"]
        inhibits = weight is not None and weight["max"] <= 0.0 and weight["min"] < 0.0
        title = f"{numbers[name]}: {name}, {words.connection(projection)}"
        parts.append(_arrow(path, colours[projection.source.name], numbers[name], inhibits, title, labels.get(name)))
    parts += [_box(box, colours[box.name]) for box in boxes.values()]
    wide = max(ways.right if layout.lanes else 0, right + beside) + _MARGIN
    alt = f"Network: {', '.join(network.populations)}; {len(ends)} projections, listed in the table below."
    return (f'<div class="network" tabindex="0" role="region" aria-label="Network diagram">'
            f'<svg class="diagram" viewBox="0 0 {wide:.0f} {bottom + _MARGIN:.0f}" role="img" '
            f'aria-label="{text(alt)}" style="width: {1.1 * wide:.0f}px; max-width: 100%; '
            f'min-width: {0.84 * wide:.0f}px">{"".join(parts)}</svg></div>')


def _boxes_across(network, rows, looping, between):
    """Return boxes with their places across (not yet down), and how far the boxes reach to the right."""
    alone = all(len(row) == 1 for row in rows)
    width = _ALONE if alone else _BESIDE
    widths = [len(row) * width + (len(row) - 1) * between for row in rows]
    boxes = {}
    for row, wide in zip(rows, widths, strict=True):
        left = _MARGIN + 0.5 * (max(widths) - wide)
        for place, name in enumerate(row):
            lines = _lines(network.populations[name], width - 20)
            height = 34 + _LINE * (len(lines) - 1)
            if name in looping:
                height = max(height, 82)
            boxes[name] = Box(name, left + place * (width + between), 0.0, width, height, lines)
    return boxes, _MARGIN + max(widths)


def _boxes_down(boxes, rows, gaps, top):
    """Return the boxes with their places down, those of a row equally high, and the lower end."""
    placed = {}
    for row, gap in zip(rows, [*gaps, 0], strict=True):
        height = max(boxes[name].height for name in row)
        for name in row:
            placed[name] = boxes[name]._replace(y=top, height=height)
        top += height + gap
    return placed, top


def _lines(population, room):
    """Return name, shape, kind and time constants of a population as lines that fit into a box."""
    lines = [words.fitted(population.name, room, 1.1 * _NAME)]
    for part in (words.size(population), words.kind(population), words.time_constants(population)):
        if part:
            lines += words.wrapped(part, room, _SMALL, 3)
    return lines


def _labels(network, facts, ways, row, right):
    """Return the lines beside arrows below a row, by projection, where there is room for them."""
    found = {}
    for name, x in ways.upright(row).items():
        room = min([other for other in ways.others(row, name) if other > x] + [right]) - x - 18
        if room < 90:
            continue
        lines = words.wrapped(words.connection(network.projections[name]), room, _SMALL, 2)
        delays = words.delay(facts["projections"][name])
        if delays not in ("none", "0 ms"):
            lines += words.wrapped(f"delay {delays}", room, _SMALL, 2)
        found[name] = lines
    return found


def _box(box, colour):
    rows = []
    y = box.y + 22
    for place, line in enumerate(box.lines):
        kind = "name" if place == 0 else "small" if place == 1 else "small faint"
        rows.append(f'<text class="{kind}" x="{box.x + 10:.1f}" y="{y:.1f}">{text(line)}</text>')
        y += _LINE + (2 if place == 0 else 0)
    return (f'<g><title>{text(box.name)}</title><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="7" style="fill: var(--card); stroke: {colour}; stroke-width: 2"/>'
            f"{''.join(rows)}</g>")


def _arrow(path, colour, number, inhibits, title, lines):
    x, y = path.middle
    beside = "".join(
        f'<text class="small" x="{x + 15:.1f}" y="{y + 4 + _LINE * (place - 0.5 * (len(lines) - 1)):.1f}">'
        f"{text(line)}</text>" for place, line in enumerate(lines or ()))
    return (f'<g><title>{text(title)}</title><path d="{path.line}" style="fill: none; stroke: {colour}; '
            f'stroke-width: 1.8"/>{arrows.head(path, colour, inhibits)}'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9.5" style="fill: var(--card); stroke: {colour}"/>'
            f'<text class="badge" x="{x:.1f}" y="{y + 3.7:.1f}">{number}</text>{beside}</g>')
