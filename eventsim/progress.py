"""Progress of a long run: a one-line text meter on standard error, or the user's own function."""

import sys
import time

from eventsim.errors import InputError


def meter(progress):
    """Return a function to call with the fraction done (None: finished).

    Parameters
    ----------
    progress : None, bool, "text" or callable
        None or False: nothing; True or "text": a text meter; else called as ``f(fraction, elapsed_s)``.

    Raises
    ------
    InputError
        For anything else.
    """
    if progress is None or progress is False:
        return lambda fraction: None
    if progress is True or progress == "text":
        return TextMeter().show
    if not callable(progress):
        raise InputError(f'progress is {progress!r}; allowed: None, True, "text", or a function f(fraction, elapsed_s)')
    start = time.monotonic()
    return lambda fraction: None if fraction is None else progress(fraction, time.monotonic() - start)


class TextMeter:
    """A line "42 %, 3.1 s, 4.2 s to go" that is rewritten at most five times a second."""

    def __init__(self, stream=None):
        self._stream = sys.stderr if stream is None else stream
        self._start = self._last = time.monotonic()
        self._shown = False

    def show(self, fraction):
        """Write the line for a fraction done; None ends it."""
        now = time.monotonic()
        if fraction is None:
            if self._shown:
                self._stream.write("\n")
                self._stream.flush()
            return
        if now - self._last < 0.2:
            return
        self._last = now
        elapsed = now - self._start
        left = elapsed * (1.0 - fraction) / fraction if fraction > 0.0 else float("nan")
        self._stream.write(f"\r{100.0 * fraction:3.0f} %, {elapsed:.1f} s, {left:.1f} s to go ")
        self._stream.flush()
        self._shown = True
