"""A Dask cluster on this machine, for the tests of what runs on one; and the death of one of its workers."""

import contextlib
import os
import signal

import pytest


@contextlib.contextmanager
def small_cluster(workers=2):
    """Give the address of a cluster of processes with one thread each; skip where Dask is missing."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask: pip install eventsim[dask]")
    with distributed.LocalCluster(processes=True, n_workers=workers, threads_per_worker=1, dashboard_address=":0",
                                  silence_logs=50) as cluster:
        yield cluster.scheduler_address


class Killer:
    """A `progress` that kills one worker of a cluster, once, as soon as a part of the work is done.

    `killed` is its process id.
    """

    def __init__(self, address, fraction=0.1):
        self.address, self.fraction, self.killed = address, fraction, None

    def __call__(self, fraction, elapsed):
        if self.killed is None and fraction >= self.fraction:
            import distributed

            with distributed.Client(self.address, set_as_default=False) as client:
                self.killed = next(iter(client.run(os.getpid).values()))
            os.kill(self.killed, signal.SIGKILL)
