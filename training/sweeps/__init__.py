"""Sweeps: the trainings or simulations of a configuration file, with some of its values varied.

The file is that of a training (`training.config`) or of a simulation (`training.sweeps.simulations`), and a table
[sweep] says what varies and how (``training.sweeps.table``)::

    [sweep]
    kind = "random"             # grid, random, sobol
    count = 200
    seed = 1

    [sweep.values]
    fit.optimizer.lr = {low = 0.0005, high = 0.02, log = true}
    network.hidden = [[100], [200], [100, 100]]

Every point has a folder of its own in the folder of the sweep; what is finished is never done again. The figures of a
point do not depend on where, when or beside what it was done. A training is judged by validation samples, and the
test set is not looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eventsim import provenance
from eventsim.progress import meter
from eventsim.workers import workers_at
from training.sweeps import simulations, table, trainings
from training.sweeps.folder import Folder
from training.tables import read_toml

if TYPE_CHECKING:
    from eventsim.type_aliases import Meter, PathLike
    from training.sweeps.point import Job
    from training.type_aliases import Report, Settings

__all__ = ["points", "sweep_from_config"]


def sweep_from_config(
    path: PathLike,
    out: PathLike,
    scheduler: Any = None,
    workers: int | None = None,
    data: PathLike | None = None,
    progress: Meter | None = None,
) -> Report:
    """Do what is not done yet of the sweep that a TOML file describes.

    The folder `out` gets a folder for each finished point (``000000``, ``000001``, ...) with its settings
    (``config.json``), its figures (``result.json``) and, of a training, the model and its log; ``sweep.json`` and
    ``sweep.csv`` have all points with parameters, status and figures, the same bytes whatever the workers.

    Parameters
    ----------
    path : path-like
        The file of settings.
    out : path-like
        Made if it is missing; one in which this sweep was begun is gone on with.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler, or a client that is connected to one. Default: threads of this process.
    workers : int, optional
        Threads, each with a point of its own; default: all processors.
    data : path-like, optional
        Folder of the data sets; on a cluster, where its workers run.
    progress : None, "text" or callable, optional
        As in `eventsim.simulate`.

    Returns
    -------
    dict
        What ``sweep.json`` holds: ``kind``, ``settings``, ``parameters`` (their names), ``points`` (each with
        ``point``, ``parameters``, ``status``: done, failed or waiting, ``figures``, ``reason``); and ``interrupted``:
        Ctrl-C came before the end.

    Raises
    ------
    InputError
        A faulty configuration, missing data, a folder that holds something else, or no scheduler where one should be.
    """
    tables = read_toml(path)
    wanted = table.parse(tables.pop("sweep", None))
    every = [wanted.applied(tables, number) for number in range(wanted.count)]
    kind = simulations if "simulate" in tables else trainings
    job = kind.prepare(tables, every, wanted.names, data)
    settings = provenance.plain({"base": tables, "sweep": wanted.settings(), **job.identity})
    folder = Folder(out, job.kind, settings)
    parameters = [provenance.plain(wanted.parameters(number)) for number in range(wanted.count)]
    waiting = [number for number in range(wanted.count) if folder.figures(number) is None]
    failed: dict[int, str] = {}
    folder.write_summary(wanted.names, parameters, failed)
    interrupted = False
    if waiting:
        interrupted = _do(folder, job, every, parameters, waiting, failed, (scheduler, workers), progress)
    return folder.write_summary(wanted.names, parameters, failed) | {"interrupted": interrupted}


def points(path: PathLike) -> list[Report]:
    """Return the points of a sweep, the values by parameter of each, without doing anything.

    Parameters
    ----------
    path : path-like
        The file of settings.

    Returns
    -------
    list of dict

    Raises
    ------
    InputError
        A table [sweep] that cannot be used.
    """
    wanted = table.parse(read_toml(path).get("sweep"))
    return [wanted.parameters(number) for number in range(wanted.count)]


def _do(
    folder: Folder,
    job: Job,
    every: Sequence[Settings],
    parameters: list[Report],
    waiting: list[int],
    failed: dict[int, str],
    where: tuple[Any, int | None],
    progress: Meter | None,
) -> bool:
    """Do the points that wait, and keep each as it gets done; return whether Ctrl-C came first."""
    show = meter(progress, len(every), "points")
    with workers_at(*where) as workers:
        tasks = [every[number] for number in waiting]
        with contextlib.closing(workers.completed(job.function, tasks, workers.share(job.shared))) as over:
            try:
                for count, done in enumerate(over, len(every) - len(waiting) + 1):
                    number = waiting[done.number]
                    if done.failure is not None:
                        failed[number] = str(done.failure)
                    else:
                        folder.keep(number, parameters[number], done.result)
                    show(count / len(every))
            except KeyboardInterrupt:
                return True
    show(None)
    return False
