"""Loggers "eventsim" and "training": silent unless the program that uses the packages sets them up.

A line at level INFO for every run, epoch and file; layers that do not fire and interrupted work at level WARNING.
"""

import logging


def logger(name):
    """Return the logger of a module.

    Parameters
    ----------
    name : str
        Its ``__name__``.

    Returns
    -------
    logging.Logger
    """
    top = logging.getLogger(name.partition(".")[0])
    if not top.handlers:  # without one, warnings of a library go to the standard error, where progress is shown
        top.addHandler(logging.NullHandler())
    return logging.getLogger(name)
