"""Training in turns: the half of the conversation that every program which trains shares.

A program says that it is ready, then waits. For each line that it is sent it trains once through its samples and
answers with what that took, so that several programs can take turns without starting again.
This file needs numpy only, like all that runs in the environment of a peer.
"""

import argparse
import json
import resource
import sys
import time

import common
import numpy as np


def arguments(description):
    """Return a parser with the options that every program takes.

    Parameters
    ----------
    description : str
        First line of the help text.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", metavar="FILE.npz", required=True, help="images (uint8) and labels")
    return parser


def samples(path):
    """Return the images and the labels of a file."""
    with np.load(path) as file:
        return file["images"], file["labels"]


class Turns:
    """The conversation.

    Parameters
    ----------
    **figures
        What to say when ready: versions, settings.
    """

    def __init__(self, **figures):
        # What a library prints must not be taken for an answer.
        self._out, sys.stdout = sys.stdout, sys.stderr
        self._say({**figures, "start_memory_bytes": common.peak_memory()})

    def wait(self):
        """Return whether another turn is wanted, once that is known, and start the clocks."""
        wanted = sys.stdin.readline() != ""
        self._wall, self._processor = time.perf_counter(), _used()
        return wanted

    def stop(self):
        """Stop the clocks: the training of this turn is over."""
        user, system = (now - before for now, before in zip(_used(), self._processor, strict=True))
        self._clocks = {"wall_s": time.perf_counter() - self._wall, "cpu_s": user + system, "system_s": system}

    def reply(self, **figures):
        """Answer with the clocks and with further figures of this turn."""
        self._say({**self._clocks, **figures, "peak_memory_bytes": common.peak_memory()})

    def _say(self, figures):
        print(json.dumps(figures), file=self._out, flush=True)


def _used():
    """Return the processor seconds of this process: its own, and those of the system on its behalf."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime
