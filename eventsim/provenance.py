"""Where a result comes from: software, parameters, seed, environment and resources, as plain JSON.

The record has the parts of the tskit provenance schema: `software`, `parameters`, `environment` and
`resources`, and the seed that was really used. It goes into every trace and model file.
"""

import datetime
import functools
import importlib.metadata
import json
import math
import os
import platform
import sys
import time

import eventsim

SCHEMA = "1.0"
"""Version of the record's layout."""

_LIBRARIES = ("numpy", "numba", "scipy", "h5py")


@functools.cache  # each look-up parses a file of metadata: 5 ms for every run
def _version(distribution):
    """Return an installed version without importing the package, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def software():
    """Return the versions that a result depends on.

    Returns
    -------
    dict
        `name`, `version`, `python`, and the versions of `libraries` by name.
    """
    libraries = {name: version for name in _LIBRARIES if (version := _version(name)) is not None}
    return {
        "name": "eventsim",
        "version": eventsim.__version__,
        "python": platform.python_version(),
        "libraries": libraries,
    }


def environment():
    """Return the machine's kind, without names of people, hosts or folders.

    Returns
    -------
    dict
        `system`, `release`, `machine` and the number of `processors` that this process may use.
    """
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        processors = os.cpu_count()
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": processors,
    }


class Stopwatch:
    """Measure what a piece of work costs: start it before, ask `resources` after."""

    def __init__(self):
        self._wall = time.perf_counter()
        self._times = os.times()

    def resources(self):
        """Return what was used since the start.

        Returns
        -------
        dict
            `elapsed_s`, `user_s`, `system_s` in seconds, and `max_memory_bytes` of the process so far
            (None where the system does not tell).
        """
        now = os.times()
        return {
            "elapsed_s": time.perf_counter() - self._wall,
            "user_s": now.user - self._times.user,
            "system_s": now.system - self._times.system,
            "max_memory_bytes": _max_memory(),
        }


def _max_memory():
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def record(command, parameters=None, seed=None, resources=None):
    """Return the provenance of a result.

    Parameters
    ----------
    command : str
        What was done, e.g. "simulate" or "train".
    parameters : dict, optional
        Arguments of the command. Values that JSON does not know are written as it can say them: arrays as
        lists, infinite numbers as "inf", anything else as text.
    seed : int, optional
        The seed really used, also where the user gave none.
    resources : dict, optional
        What `Stopwatch.resources` returned.

    Returns
    -------
    dict
        JSON-ready: `schema`, `created` (UTC), `software`, `command`, `parameters`, `seed`, `environment`,
        `resources`.

    Examples
    --------
    >>> record("simulate", {"t_stop": 20.0}, seed=7)["seed"]
    7
    """
    return {
        "schema": SCHEMA,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "software": software(),
        "command": command,
        "parameters": plain(parameters or {}),
        "seed": plain(seed),
        "environment": environment(),
        "resources": plain(resources or {}),
    }


def plain(value):
    """Return `value` made of dicts, lists, strings, finite numbers, booleans and None only.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    object
        What strict JSON can hold; infinite and NaN numbers become "inf", "-inf" and "nan".
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [plain(item) for item in items]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if hasattr(value, "tolist"):  # arrays and scalars of numpy
        listed = value.tolist()
        return plain(listed) if type(listed) is not type(value) else str(value)
    return str(value)


def to_json(provenance):
    """Return a provenance record as one JSON text.

    Parameters
    ----------
    provenance : dict
        What `record` returned; other values pass through `plain`.

    Returns
    -------
    str
        Strict JSON (no NaN, no Infinity), keys in the order given.
    """
    return json.dumps(plain(provenance), allow_nan=False, ensure_ascii=False, indent=1)
