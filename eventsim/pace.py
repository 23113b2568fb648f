"""How far a sample goes before progress is shown, spikes are taken out, and Ctrl-C is looked for."""

TARGET_S = 0.2
"""Wall time that a chunk should take: long against the cost of starting one, short for somebody who waits."""

_FIRST_MS = 1.0
_FACTOR = 8.0
_MOST_CHUNKS = 1e6


class Pace:
    """Chooses the length of chunks by what the last ones cost. It has no influence on any result.

    Several threads may share one: samples of a batch cost about the same.
    """

    def __init__(self):
        self._length = _FIRST_MS

    def goal(self, t, t_stop):
        """Return where a chunk that begins at t should end."""
        # Not less than a millionth of the way, so that time always moves on.
        return min(t + max(self._length, t_stop / _MOST_CHUNKS), t_stop)

    def spent(self, length, seconds):
        """Learn that a chunk of `length` ms took so many seconds."""
        if length < self._length and seconds < TARGET_S:
            return  # something else ended it early, so it says nothing about longer ones
        factor = TARGET_S / max(seconds, TARGET_S / _FACTOR)
        self._length = length * max(factor, 1.0 / _FACTOR)
