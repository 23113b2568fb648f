"""Progress of a long run: a one-line text meter on standard error, or the user's own function; and Ctrl-C."""

import math
import sys
import threading
import time

from eventsim.errors import InputError


def meter(progress, amount=None, unit=""):
    """Return a function to call with the fraction done (None: finished).

    Parameters
    ----------
    progress : None, bool, "text" or callable
        None or False: nothing; True or "text": a text meter; else called as ``f(fraction, elapsed_s)``.
    amount : float, optional
        How much the whole is, in `unit`: the text meter then shows how much of it is done in a second.
    unit : str, optional
        "samples" or "ms", for instance.

    Raises
    ------
    InputError
        For anything else.
    """
    if progress is None or progress is False:
        return lambda fraction: None
    if progress is True or (isinstance(progress, str) and progress == "text"):
        return TextMeter(amount=amount, unit=unit).show
    if not callable(progress):
        raise InputError(f'progress is {progress!r}; allowed: None, True, "text", or a function f(fraction, elapsed_s)')
    start = time.monotonic()
    return lambda fraction: None if fraction is None else progress(fraction, time.monotonic() - start)


class Attendant:
    """Runs work in a thread of its own, so that Ctrl-C is taken at once and the work can end in order.

    Parameters
    ----------
    progress : None, bool, "text" or callable
        As for `meter`.
    total : int
        How many pieces the work has.
    span : float, optional
        How many ms of biological time a piece has: a single piece then tells its rate in ms, several in pieces.
    """

    def __init__(self, progress, total, span=None):
        whole = (total, "samples") if total != 1 or span is None else (span, "ms")
        self._show = meter(progress, *whole)
        self._total, self._done = total, 0
        self._begun = {}
        self._lock = threading.Lock()
        self._cancel, self._over = threading.Event(), threading.Event()
        self._failure = None

    def cancelled(self):
        """Return whether the work should end early."""
        return self._cancel.is_set()

    def report(self, count, piece=None):
        """Say that `count` more pieces are done, one of them known to `within` as `piece`; any thread may call this."""
        with self._lock:
            self._done += count
            self._begun.pop(piece, None)
            self._tell()

    def within(self, piece, fraction):
        """Say which fraction of one piece is done so far; any thread may call this."""
        with self._lock:
            self._begun[piece] = fraction
            self._tell()

    def _tell(self):
        self._show((self._done + math.fsum(self._begun.values())) / self._total)

    def attend(self, work):
        """Call ``work()``, raise what it raises, and return whether Ctrl-C was pressed; a second one raises."""
        worker = threading.Thread(target=self._quietly, args=(work,))
        interrupted = False
        try:
            worker.start()
        except KeyboardInterrupt:
            if not self._over.is_set() and worker not in threading.enumerate():  # it did not get to start
                raise
            interrupted = True
            self._cancel.set()
        while not self._over.is_set():
            try:
                # Not Thread.join: where Ctrl-C ends it early, Python 3.11 takes the thread for finished.
                while not self._over.wait(0.1):
                    pass
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                self._cancel.set()
        if self._failure is not None:
            raise self._failure
        self._show(None)
        return interrupted

    def _quietly(self, work):
        """Do the work; keep what it raises for the caller."""
        try:
            work()
        except BaseException as failure:
            self._cancel.set()
            self._failure = failure
        finally:
            self._over.set()


class TextMeter:
    """A line "42 %, 3.1 s, 125 ms/s, 4.2 s to go" that is rewritten at most five times a second.

    Parameters
    ----------
    stream : file, optional
        Default: standard error.
    amount : float, optional
        How much the whole is; default: no rate is shown.
    unit : str, optional
        Of the amount.
    """

    def __init__(self, stream=None, amount=None, unit=""):
        self._stream = sys.stderr if stream is None else stream
        self._amount, self._unit = amount, unit
        self._start = self._last = time.monotonic()
        self._width = 0

    def show(self, fraction):
        """Write the line for a fraction done; None ends it."""
        now = time.monotonic()
        if fraction is None:
            if self._width:
                self._stream.write("\n")
                self._stream.flush()
            return
        if now - self._last < 0.2:
            return
        self._last = now
        elapsed = now - self._start
        parts = [f"{100.0 * fraction:3.0f} %", _span(elapsed)]
        if self._amount is not None:
            rate = fraction * self._amount / elapsed
            parts.append(f"{rate:{',.0f' if rate >= 100.0 else '.3g'}} {self._unit}/s")
        if fraction > 0.0:
            parts.append(f"{_span(elapsed * (1.0 - fraction) / fraction)} to go")
        line = ", ".join(parts)
        self._stream.write(f"\r{line.ljust(self._width)} ")  # to the end of a longer line before
        self._stream.flush()
        self._width = len(line)


def _span(seconds):
    """Return a span of time in the unit that one reads best."""
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    minutes = seconds / 60.0
    return f"{minutes:.0f} min" if minutes < 120.0 else f"{minutes / 60.0:.1f} h"
