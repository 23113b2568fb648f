"""Where many independent tasks are done: threads of this process, or the workers of a Dask cluster.

Everything that can use a cluster goes through `workers_at`: without an address it gives `Threads`, with one it gives
`eventsim.dask_workers.Cluster`. A task is worked on by a function of a module, ``function(shared, task)``, so that it
can be sent; `shared` is what all tasks need, sent once, and must be left as it is. Which worker does a task, and in
which order they are done, must have no influence on any result.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple, Self, TypeAlias

from eventsim.engines.layers import thread_count
from eventsim.errors import InputError
from eventsim.progress import meter


class Done(NamedTuple):
    """A task that is over."""

    number: int
    """Its place in the list of tasks."""
    result: Any
    """What the function returned; None where it refused the task."""
    failure: InputError | None
    """Why there is no result."""


Over: TypeAlias = Generator[Done, None, None]
"""Tasks as they get done."""


class Workers:
    """Base of what does tasks; a context manager.

    Attributes
    ----------
    count : int
        How many tasks are worked on at a time.
    """

    count: int

    def share(self, value: object) -> Any:
        """Return what to give as `shared`, to send it once for several calls.

        Parameters
        ----------
        value : object
            Anything that can be pickled.
        """
        return value

    def completed(self, function: Callable[..., Any], tasks: Sequence[Any], shared: Any = None) -> Over:
        """Yield the tasks as they get done; closing the iterator, or Ctrl-C, ends the rest.

        Parameters
        ----------
        function : callable
            Of a module, ``function(shared, task)``. An `InputError` that it raises is a `Done.failure`; anything
            else that it raises ends the iteration.
        tasks : sequence
        shared : object
            Of `share`.

        Yields
        ------
        Done
        """
        raise NotImplementedError

    def map(
        self, function: Callable[..., Any], tasks: Sequence[Any], shared: Any = None, progress: Any = None
    ) -> list[Any]:
        """Return the results in the order of the tasks.

        Parameters
        ----------
        function, tasks, shared
            As for `completed`.
        progress : None, "text" or callable
            As in `eventsim.simulate`.

        Raises
        ------
        InputError
            The first that a task raised.
        """
        results, show = [None] * len(tasks), meter(progress, len(tasks), "tasks")
        with contextlib.closing(self.completed(function, tasks, shared)) as over:
            for count, done in enumerate(over, 1):
                if done.failure is not None:
                    raise done.failure
                results[done.number] = done.result
                show(count / len(tasks))
        show(None)
        return results

    def close(self) -> None:
        """Let go of the workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Threads(Workers):
    """Threads of this process. Kernels release Python's lock while they run.

    Parameters
    ----------
    count : int, optional
        Default: $EVENTSIM_THREADS, else all processors.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = thread_count(count)

    def completed(self, function: Callable[..., Any], tasks: Sequence[Any], shared: Any = None) -> Over:
        """Yield the tasks as they get done, as described at `Workers.completed`."""
        stop = threading.Event()

        def run(task: Any) -> Any:
            _THREAD.stop = stop
            return function(shared, task)

        pool = ThreadPoolExecutor(self.count)
        try:
            numbers = {pool.submit(run, task): number for number, task in enumerate(tasks)}
            for future in as_completed(numbers):
                number = numbers[future]
                try:
                    done = Done(number, future.result(), None)
                except InputError as failure:
                    done = Done(number, None, failure)
                yield done
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


_THREAD = threading.local()


def cancelled() -> bool:
    """Return whether the task that this thread works on should end early: Ctrl-C was pressed.

    Tasks on a cluster are not told: those under way run to their end.
    """
    stop = getattr(_THREAD, "stop", None)
    return stop is not None and stop.is_set()


def workers_at(scheduler: Any = None, count: int | None = None) -> Workers:
    """Return the workers to use.

    Parameters
    ----------
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler, such as "tcp://10.0.0.1:8786", or a client that is connected to one.
        Default: threads of this process.
    count : int, optional
        Threads; default: all processors. A cluster has what it has.

    Raises
    ------
    InputError
        No scheduler answers there, it has no workers, Dask is not installed, or a count was given for a cluster.
    """
    if scheduler is None:
        return Threads(count)
    if count is not None:
        raise InputError(f"{count} workers were asked for, but those of the cluster are used; leave the number out")
    from eventsim.dask_workers import Cluster

    return Cluster(scheduler)
