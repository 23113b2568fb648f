"""Progress of a long run: a one-line text meter on standard error, or the user's own function; and Ctrl-C."""

import sys
import threading
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


class Attendant:
    """Runs work in a thread of its own, so that Ctrl-C is taken at once and the work can end in order.

    Parameters
    ----------
    progress : None, bool, "text" or callable
        As for `meter`.
    total : int
        How many pieces the work has.
    """

    def __init__(self, progress, total):
        self._show = meter(progress)
        self._total, self._done = total, 0
        self._lock = threading.Lock()
        self._cancel, self._over = threading.Event(), threading.Event()
        self._failure = None

    def cancelled(self):
        """Return whether the work should end early."""
        return self._cancel.is_set()

    def report(self, count):
        """Say that `count` more pieces are done; any thread may call this."""
        with self._lock:
            self._done += count
            self._show(self._done / self._total)

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
