"""The ways of the arrows of a network diagram: down to the next row, sideways, over others, back to the box, around.

A way that skips rows or leads upwards goes around in a lane to the right of all boxes. It leaves or enters a box
on its right where nothing stands there, else above or below, through the gap between two rows.
"""

from typing import NamedTuple

DOWN, LOOP, BESIDE, ARCH, AROUND = "down", "loop", "beside", "arch", "around"

_STRAIGHT = 12.0  # pixels aside at most that still count as upright
_HEAD = 8.0  # pixels of the head of an arrow
_CORNER = 8.0
_BELOW_LOOPS = 50.0  # pixels from the top of a box to its first port at a side, below those of loops


class Path(NamedTuple):
    """A way: its line (SVG), where it ends, the direction there (x, y), and where its number stands."""

    line: str
    end: tuple
    direction: tuple
    middle: tuple


class Ways:
    """The ways of all projections of a network.

    Parameters
    ----------
    layout : viz.reporting.layout.Layout
    ends : dict of str to (str, str)
        Source and target by projection.
    boxes : dict of str to Box
        With their places across.
    first_lane, lane : float
        Where the innermost lane is, and the distance of two lanes, in pixels.

    Attributes
    ----------
    kinds : dict of str to str
        Kind of way by projection.
    arched : bool
        Whether an arrow rises above the first row.
    right : float
        How far the ways reach to the right, in pixels.
    """

    def __init__(self, layout, ends, boxes, first_lane, lane):
        self._rows, self._ends, self._boxes = layout.rows, ends, boxes
        self._row = {name: number for number, row in enumerate(layout.rows) for name in row}
        self._lane = {name: first_lane + lane * number for name, number in layout.lanes.items()}
        self.kinds = {name: self._kind(name) for name in ends}
        self.right = max([first_lane, *(x + 12 for x in self._lane.values())])
        self.arched = any(kind == ARCH and self._row[ends[name][0]] == 0 for name, kind in self.kinds.items())
        self._looping = {ends[name][0] for name, kind in self.kinds.items() if kind == LOOP}
        self._sides = {name: self._sides_of(name) for name in ends}
        self._turn = {name: number for number, name in enumerate(self._lane)}  # sets runs through a gap apart
        self._x = self._across()
        self._share, self._shared = self._shares()

    def upright(self, row):
        """Return the projections that lead straight down from a row, with their x."""
        return {name: x1 for name, x1, x2 in self._down(row) if abs(x1 - x2) <= _STRAIGHT}

    def others(self, row, but):
        """Return the smallest x of every other way through the gap below a row."""
        found = [min(x1, x2) for name, x1, x2 in self._down(row) if name != but]
        for name, kind in self.kinds.items():
            if kind == AROUND:
                for end in (0, 1):
                    side, at = self._sides[name][end], self._row[self._ends[name][end]]
                    if (side, at) in (("bottom", row), ("top", row + 1)):
                        found.append(self._x[name, end])
        return found

    def paths(self, boxes):
        """Return the `Path` of every projection; `boxes` with their places across and down."""
        self._boxes = boxes
        make = {DOWN: self._downward, LOOP: self._loop, BESIDE: self._beside, ARCH: self._arch, AROUND: self._around}
        return {name: make[kind](name) for name, kind in self.kinds.items()}

    def _kind(self, name):
        source, target = self._ends[name]
        if source == target:
            return LOOP
        if name in self._lane:
            return AROUND
        if self._row[source] != self._row[target]:
            return DOWN
        row = self._rows[self._row[source]]
        return BESIDE if abs(row.index(source) - row.index(target)) == 1 else ARCH

    def _sides_of(self, name):
        """Return the side of its source and of its target that a way uses."""
        source, target = self._ends[name]
        kind = self.kinds[name]
        if kind != AROUND:
            return {DOWN: ("bottom", "top"), ARCH: ("top", "top")}.get(kind, ("side", "side"))
        upwards = self._row[source] > self._row[target]
        sides = ("top", "bottom") if upwards else ("bottom", "top")
        is_last = [self._rows[self._row[end]][-1] == end for end in (source, target)]
        return tuple("right" if last else side for side, last in zip(sides, is_last, strict=True))

    def _across(self):
        """Return x of every port on an upper or lower side, by (projection, 0 at the source or 1 at the target)."""
        users = {}
        for name, ends in self._ends.items():
            for end in (0, 1):
                side, box = self._sides[name][end], ends[end]
                if side in ("top", "bottom"):
                    towards = self._lane.get(name, self._boxes[ends[1 - end]].x)
                    users.setdefault((box, side), []).append((towards, name, end))
        x = {}
        for (box, _), ways in users.items():
            left, width = self._boxes[box].x, self._boxes[box].width
            for place, (_, name, end) in enumerate(sorted(ways), 1):
                x[name, end] = left + width * place / (len(ways) + 1)
        for name, kind in self.kinds.items():
            source, target = self._ends[name]
            if kind == DOWN and len(users[source, "bottom"]) == len(users[target, "top"]) == 1:
                above, below = self._boxes[source], self._boxes[target]
                left, right = max(above.x, below.x), min(above.x + above.width, below.x + below.width)
                if right - left > 40:  # straight down, to the left, so that words fit beside it
                    x[name, 0] = x[name, 1] = left + 0.2 * (right - left)
        return x

    def _shares(self):
        """Return the place of each way among those that use one side of a box, and how many these are."""
        users = {}
        for name, ends in self._ends.items():
            for end in (0, 1) if self.kinds[name] == AROUND else (0,):
                if self._sides[name][end] in ("side", "right"):
                    key = self.kinds[name], frozenset(ends) if self.kinds[name] != AROUND else ends[end]
                    users.setdefault(key, []).append((name, end))
        place = {user: number for group in users.values() for number, user in enumerate(group)}
        return place, {user: len(group) for group in users.values() for user in group}

    def _down(self, row):
        """Yield (projection, x above, x below) of the ways from a row to the next."""
        for name, kind in self.kinds.items():
            if kind == DOWN and self._row[self._ends[name][0]] == row:
                yield name, self._x[name, 0], self._x[name, 1]

    def _side_y(self, name, end):
        """Return y of a port at the side of a box."""
        box = self._boxes[self._ends[name][end]]
        top = _BELOW_LOOPS if box.name in self._looping else 10.0
        room = box.height - top - 6
        return box.y + top + room * (self._share[name, end] + 1) / (self._shared[name, end] + 1)

    def _downward(self, name):
        source, target = (self._boxes[box] for box in self._ends[name])
        x1, x2, y1, y2 = self._x[name, 0], self._x[name, 1], source.y + source.height, target.y
        middle = 0.5 * (y1 + y2)
        line = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2 - _HEAD:.1f}"
        return Path(line, (x2, y2), (0, 1), (0.5 * (x1 + x2), middle - 2))

    def _loop(self, name):
        box, place = self._boxes[self._ends[name][0]], self._share[name, 0]
        x, y1, y2, out = box.x + box.width, box.y + 14, box.y + 36, 34 + 22 * place
        line = f"M{x:.1f},{y1:.1f} C{x + out:.1f},{y1 - 6:.1f} {x + out:.1f},{y2 + 6:.1f} {x + _HEAD:.1f},{y2:.1f}"
        return Path(line, (x, y2), (-1, 0), (x + 0.75 * out, 0.5 * (y1 + y2)))

    def _beside(self, name):
        source, target = (self._boxes[box] for box in self._ends[name])
        y, step = self._side_y(name, 0), 1 if target.x > source.x else -1
        x1 = source.x + source.width if step > 0 else source.x
        x2 = target.x if step > 0 else target.x + target.width
        at = 0.3 if self._share[name, 0] % 2 == 0 else 0.7  # of two close to each other the numbers stand apart
        left, right = sorted((x1, x2))
        return Path(f"M{x1:.1f},{y:.1f} H{x2 - step * _HEAD:.1f}", (x2, y), (step, 0), (left + at * (right - left), y))

    def _arch(self, name):
        source, target = (self._boxes[box] for box in self._ends[name])
        x1, x2, y = self._x[name, 0], self._x[name, 1], source.y
        top = y - 44
        line = f"M{x1:.1f},{y:.1f} C{x1:.1f},{top:.1f} {x2:.1f},{top:.1f} {x2:.1f},{target.y - _HEAD:.1f}"
        return Path(line, (x2, target.y), (0, 1), (0.5 * (x1 + x2), y - 33))

    def _around(self, name):
        lane, points = self._lane[name], []
        for end in (0, 1):
            box, side = self._boxes[self._ends[name][end]], self._sides[name][end]
            if side == "right":
                y = self._side_y(name, end)
                ways = [(box.x + box.width, y), (lane, y)]
            else:
                edge, out = (box.y, -1) if side == "top" else (box.y + box.height, 1)
                run = edge + out * (14 + 3 * (self._turn[name] % 4))
                ways = [(self._x[name, end], edge), (self._x[name, end], run), (lane, run)]
            points += ways if end == 0 else ways[::-1]
        (x1, y1), (x2, y2) = points[-2:]
        direction = ((x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1))
        tip = (x2 - _HEAD * direction[0], y2 - _HEAD * direction[1])
        middle = sum(y for x, y in points if x == lane) / 2
        return Path(_rounded([*points[:-1], tip]), (x2, y2), direction, (lane, middle))


def head(path, colour, inhibits):
    """Return the head of an arrow: a triangle, or a bar where all weights inhibit."""
    (x, y), (dx, dy) = path.end, path.direction
    if inhibits:
        x, y = x - 3 * dx, y - 3 * dy
        bar = f"M{x - 6 * dy:.1f},{y - 6 * dx:.1f} L{x + 6 * dy:.1f},{y + 6 * dx:.1f}"
        stem = f"M{x:.1f},{y:.1f} L{x - 5 * dx:.1f},{y - 5 * dy:.1f}"
        return f'<path d="{bar} {stem}" style="fill: none; stroke: {colour}; stroke-width: 2.6"/>'
    back = x - _HEAD * 1.1 * dx, y - _HEAD * 1.1 * dy
    corners = (x, y), (back[0] - 4.5 * dy, back[1] - 4.5 * dx), (back[0] + 4.5 * dy, back[1] + 4.5 * dx)
    return f'<path d="M{" L".join(f"{a:.1f},{b:.1f}" for a, b in corners)} Z" style="fill: {colour}"/>'


def _rounded(points):
    """Return a line through points whose corners are rounded."""
    line = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
        x1, y1 = _towards((x, y), before)
        x2, y2 = _towards((x, y), after)
        line += f" L{x1:.1f},{y1:.1f} Q{x:.1f},{y:.1f} {x2:.1f},{y2:.1f}"
    return f"{line} L{points[-1][0]:.1f},{points[-1][1]:.1f}"


def _towards(corner, other):
    """Return the point on the way from a corner to another point where its rounding begins."""
    (x, y), (a, b) = corner, other
    length = max(abs(a - x), abs(b - y))
    part = min(_CORNER, 0.5 * length) / length if length else 0.0
    return x + part * (a - x), y + part * (b - y)
