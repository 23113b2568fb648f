"""The ranks of an MPI run as threads of one process: what eventsim.mpi asks of a communicator, without MPI."""

import threading

import numpy as np


class _Board:
    """Where the ranks leave what they tell each other."""

    def __init__(self, size):
        self.size, self.values = size, [None] * size
        self.barrier = threading.Barrier(size, timeout=600.0)


class Comm:
    """The communicator of one rank."""

    def __init__(self, board, rank):
        self._board, self.rank, self.size = board, rank, board.size

    def allgather(self, value):
        self._board.values[self.rank] = value
        self._board.barrier.wait()
        values = list(self._board.values)
        self._board.barrier.wait()
        return values

    def bcast(self, value):
        return self.allgather(value)[0]

    def Allgather(self, sent, received):
        received[:] = np.concatenate(self.allgather(sent.copy()))

    def Allgatherv(self, sent, received):
        into, counts = received
        pieces = self.allgather(sent.copy())
        assert [len(piece) for piece in pieces] == list(counts)
        into[:] = np.concatenate(pieces)


def on_ranks(size, work):
    """Return ``work(comm)`` of every rank, each in a thread; what a rank raises comes in place of its result."""
    board, found = _Board(size), [None] * size

    def run(rank):
        try:
            found[rank] = work(Comm(board, rank))
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
