"""The workers of a Dask cluster; the only module that knows Dask.

Functions, tasks and results travel as bytes made here, so that arrays arrive as they left: Dask's own way makes some of
them read-only, for which kernels would be compiled again. A task whose worker died is done again on another one, by
Dask; so is what had been sent or left there, because everything is a task or the outcome of one.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any, NamedTuple

import eventsim
from eventsim.errors import InputError
from eventsim.optional import package
from eventsim.workers import Done, Over, Workers

ANSWER_WITHIN = 30.0
"""Seconds to wait for a scheduler to answer."""

WORKER_WITHIN = 30.0
"""Seconds to wait for its first worker."""

_KEPT = 8
"""Shared things that a worker keeps unpacked."""


class Shared(NamedTuple):
    """Something that all tasks need, at the cluster."""

    future: Any
    """Of (digest, bytes)."""


class Cluster(Workers):
    """The workers of a Dask scheduler.

    Parameters
    ----------
    scheduler : str or distributed.Client
        An address, or a client that stays open afterwards.

    Attributes
    ----------
    sent, received : int
        Bytes of tasks and results so far; what is done again counts once.

    Raises
    ------
    InputError
        Dask is not installed, no scheduler answers there, or it has no workers.
    """

    def __init__(self, scheduler: Any) -> None:
        self._dask = package("dask", "dask")
        self._distributed = package("distributed", "dask")
        self.sent = self.received = 0
        self._own = not isinstance(scheduler, self._distributed.Client)
        self._client = scheduler
        self._said = f'the Dask scheduler at "{scheduler}"' if self._own else "the Dask cluster"
        if self._own:
            self._client = self._connected(scheduler)
        try:
            self._client.wait_for_workers(1, timeout=WORKER_WITHIN)
        except TimeoutError:
            self.close()
            raise InputError(f"{self._said} has no workers; start some (dask worker ADDRESS)") from None

    def _connected(self, address: Any) -> Any:
        try:
            return self._distributed.Client(address, timeout=ANSWER_WITHIN, set_as_default=False)
        except (AssertionError, OSError, ValueError, TypeError):  # no answer; an address of no known form
            raise InputError(
                f'no Dask scheduler answers at "{address}"; give the address that it prints when it starts (dask '
                "scheduler), or leave it out to run on this machine"
            ) from None

    @property
    def count(self) -> int:  # type: ignore[override]  # workers come and go
        """Threads of the workers that there are now, at least 1."""
        return max(1, sum(self._client.nthreads().values()))

    def share(self, value: object) -> Any:
        """Send what all tasks need, and return what to give as `shared`; lost copies are sent again by Dask.

        Parameters
        ----------
        value : object
        """
        if isinstance(value, Shared):
            return value
        packed = self._packed(value)
        digest = hashlib.sha256(packed).hexdigest()
        return Shared(self._submit(_itself, (digest, packed)))

    def completed(
        self, function: Callable[..., Any], tasks: Sequence[Any], shared: Any = None, held: Sequence[Any] | None = None
    ) -> Over:
        """Yield the tasks as they get done, as described at `Workers.completed`.

        Parameters
        ----------
        function, tasks, shared
            As there.
        held : sequence, optional
            Of `hold`, one a task: the function is called as ``function(shared, task, held)``, where that lies.
        """
        shared = self.share(shared)
        futures: dict[Any, int] = {}
        try:
            for number, task in enumerate(tasks):
                arguments = [shared.future] if held is None else [shared.future, held[number]]
                packed = self._packed((function, task))
                futures[self._submit(_called, eventsim.__version__, packed, *arguments)] = number
            for future in self._distributed.as_completed(list(futures), loop=self._client.loop):
                yield self._done(futures.pop(future), future)
        finally:
            if futures:
                self._client.cancel(list(futures))

    def hold(self, function: Callable[..., Any], tasks: Sequence[Any], shared: Any = None) -> list[Any]:
        """Begin tasks whose results stay where they are made, and return what stands for them.

        Parameters
        ----------
        function, tasks, shared
            As for `completed`.
        """
        shared = self.share(shared)
        return [
            self._submit(_holding, eventsim.__version__, self._packed((function, task)), shared.future)
            for task in tasks
        ]

    def close(self) -> None:
        """Close the connection, unless it was given."""
        if self._own:
            self._client.close()

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with self._dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):  # it is meant so
            return self._client.submit(function, *arguments, pure=False)

    def _packed(self, value: object) -> bytes:
        try:  # cloudpickle comes with Dask; it takes functions that pickle does not
            packed: bytes = package("cloudpickle", "dask").dumps(value, protocol=5)
        except (TypeError, AttributeError, pickle.PicklingError) as failure:
            raise InputError(f"something cannot be sent to the workers: {failure}") from None
        self.sent += len(packed)
        return packed

    def _done(self, number: int, future: Any) -> Done:
        if future.status == "error":
            return Done(number, None, self._failure(future.exception()))
        try:
            packed = future.result()
        except (CancelledError, OSError):
            raise InputError(f"{self._said} went away; what was done is kept, run it again to go on") from None
        self.received += len(packed)
        return Done(number, pickle.loads(packed), None)

    def _failure(self, failure: BaseException) -> InputError:
        """Return what a task was refused with; raise what stops all of them."""
        if isinstance(failure, InputError):
            return failure
        if isinstance(failure, self._distributed.KilledWorker):
            return InputError("the workers that tried this died, one after the other; their logs say why (not enough "
                              "memory, often)")
        if isinstance(failure, ModuleNotFoundError):
            raise InputError(f'{self._said} has no package "{failure.name}"; install eventsim {eventsim.__version__} '
                             "where its scheduler and workers run")
        raise failure


class Held:
    """A result that stays at a worker. Moved to another one, its arrays stay writable."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        return _held_again, (pickle.dumps(self.value, protocol=5),)


def _held_again(packed: bytes) -> Held:
    return Held(pickle.loads(packed))


def _itself(value: Any) -> Any:
    return value


def _called(version: str, packed: bytes, shared: tuple[str, bytes], *held: Held) -> bytes:
    """Do a task at a worker."""
    function, task = _unpacked_task(version, packed)
    return pickle.dumps(function(_unpacked(*shared), task, *(one.value for one in held)), protocol=5)


def _holding(version: str, packed: bytes, shared: tuple[str, bytes]) -> Held:
    """Do a task at a worker and leave the result there."""
    function, task = _unpacked_task(version, packed)
    return Held(function(_unpacked(*shared), task))


def _unpacked_task(version: str, packed: bytes) -> Any:
    if version != eventsim.__version__:
        raise InputError(
            f"a worker has eventsim {eventsim.__version__}, here is {version}; install the same version there")
    return pickle.loads(packed)


_ALONE = threading.Lock()
_SHARED: dict[str, Any] = {}


def _unpacked(digest: str, packed: bytes) -> Any:
    """Return a shared thing, which a worker unpacks once."""
    with _ALONE:
        if digest not in _SHARED:
            while len(_SHARED) >= _KEPT:
                del _SHARED[next(iter(_SHARED))]
            _SHARED[digest] = pickle.loads(packed)
        return _SHARED[digest]
