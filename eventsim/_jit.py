"""The only place that decides how a kernel is compiled.

Closed forms are declared with `closed_form`: plain Python when Python calls them (the reference
engine does), compiled when a kernel calls them. Kernels are declared with `kernel`: nopython,
releasing the GIL, never fastmath (``inf`` means "no spike" here, and every bit counts).

Compiled kernels are cached on disk. Numba does not notice a change in a function that a cached
kernel calls, so the cache folder is named by a hash of all kernel sources, the numba version, the
processor and the debugging switches. ``EVENTSIM_CACHE_DIR`` moves it, ``EVENTSIM_CACHE=0`` turns
it off.
"""

import hashlib
import os
import pathlib
import platform
import sys
import threading
import types

import numba
from numba.core import config
from numba.extending import register_jitable

closed_form = register_jitable(forceinline=False)

inner = register_jitable(_nrt=False, forceinline=False)
"""For functions on arrays that kernels call often: compiled without reference counts, which cost 5 ns an array and
call (half of the run time of an engine, measured). Such a function must not make, keep or return an array."""

inlined = register_jitable(_nrt=False, forceinline=True)
"""The same for functions that kernels call very often in one or two places: passing ten tables costs 50 ns a call."""


def _kernel_sources():
    """Yield the content of every file whose code or constants end up in kernels, in a fixed order.

    These are the files that use this module, and two that kernels take functions and constants from.
    """
    root = pathlib.Path(__file__).resolve().parent
    for folder in (root, root.parent / "training"):
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            if b"_jit" in content or path.name in ("constants.py", "random.py"):
                yield content


def _default_cache_root():
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or pathlib.Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "eventsim"


def cache_directory():
    """Return the folder of the compiled kernels for these sources, this numba and this processor."""
    digest = hashlib.sha256()
    for content in _kernel_sources():
        digest.update(content)
    processor = f"{platform.machine()} {config.CPU_NAME or ''} {_processor_name()}"
    for part in (numba.__version__, sys.version, processor, str(config.BOUNDSCHECK), str(config.OPT)):
        digest.update(part.encode())
    root = os.environ.get("EVENTSIM_CACHE_DIR") or _default_cache_root()
    return pathlib.Path(root) / f"kernels-{digest.hexdigest()[:20]}"


def _processor_name():
    import llvmlite.binding

    return llvmlite.binding.get_host_cpu_name()


def _usable(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    except OSError:
        return False


_FOLDER = None
if not config.DISABLE_JIT and os.environ.get("EVENTSIM_CACHE", "1") != "0":
    _candidate = cache_directory()
    _FOLDER = str(_candidate) if _usable(_candidate) else None


def kernel(function):
    """Compile `function` on first call, without the GIL, cached on disk where that is possible."""
    return _compiled(function)


def parallel_kernel(function):
    """As `kernel`, with the loops over `numba.prange` spread over threads (and nothing else made parallel).

    Two calls at a time from different Python threads abort the process under some of numba's threading
    layers: the caller holds `PARALLEL`. In a process forked from one that used threads, OpenMP ends the process
    at the first loop: the caller asks `forked`.
    """
    # Numba's cache knows a function by its name alone, not by how it was compiled.
    twin = types.FunctionType(function.__code__, function.__globals__, f"{function.__name__}_in_threads",
                              closure=function.__closure__)
    twin.__module__, twin.__qualname__ = function.__module__, f"{function.__qualname__}_in_threads"
    return _compiled(twin, parallel={**dict.fromkeys(_AUTOMATIC, False), "prange": True})


PARALLEL = threading.Lock()
"""Held while a parallel kernel runs; a forked process gets it free."""

_HOME = os.getpid()


def forked():
    """Return whether this process was forked after eventsim was imported: it may have no threads in kernels."""
    return os.getpid() != _HOME


if hasattr(os, "register_at_fork"):  # no process is forked while another of its threads holds it
    os.register_at_fork(before=PARALLEL.acquire, after_in_parent=PARALLEL.release, after_in_child=PARALLEL.release)

_AUTOMATIC = ("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion")


def _compiled(function, **options):
    if config.DISABLE_JIT:
        return function
    if _FOLDER is None:
        return numba.njit(nogil=True, error_model="numpy", **options)(function)
    before = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER  # read by numba's cache locator while it decorates
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True, **options)(function)
    finally:
        config.CACHE_DIR = before
