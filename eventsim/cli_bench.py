"""``eventsim bench``: how fast the engines run the benchmark networks, next to a bare scatter-add."""

import json
import os
import subprocess
import sys
import tempfile

from eventsim import provenance
from eventsim.errors import InputError

COLUMNS = (
    ("network", lambda f: f["network"]),
    ("engine", lambda f: f["engine"]),
    ("spikes", lambda f: f"{f['spikes']:,}"),
    ("events", lambda f: f"{f['synaptic_events']:,}"),
    ("M events/s", lambda f: f"{f['synaptic_events'] / f['simulate_s'] / 1e6:.1f}"),
    ("x scatter", lambda f: f"{f['simulate_cpu_s'] / f['scatter_cpu_s']:.1f}" if f["scatter_cpu_s"] else "none"),
    ("simulate s", lambda f: f"{f['simulate_s']:.3f}"),
    ("CPU s", lambda f: f"{f['simulate_cpu_s']:.3f}"),
    ("build s", lambda f: f"{f['build_s']:.2f}"),
    ("cold s", lambda f: _seconds(f.get("compile_cold_s"))),
    ("first s", lambda f: _seconds(f.get("compile_warm_s", f["compile_s"]))),
    ("peak MiB", lambda f: "?" if f["peak_memory_bytes"] is None else f"{f['peak_memory_bytes'] / 2**20:.0f}"),
)
"""Heading, and how to write the value, of every column of the table."""

LEGEND = """\
events: arrivals at synapses. x scatter: processor time over that of a loop that only adds the weights of the same
spikes to their targets. build: from arrays to the form that engines walk over. cold, first: the first call, which
compiles the kernels (--cold) or finds them on disk. peak: of the whole process, compiler and libraries included."""


def run(arguments):
    """Measure the networks asked for, each in a process of its own, and print a table or JSON."""
    networks = arguments.network or ["delta", "cuba", "delays", "ttfs"]
    settings = {"engine": arguments.engine, "duration": arguments.duration, "threads": arguments.threads or 1,
                "neurons": arguments.neurons, "synapses": arguments.synapses, "samples": arguments.samples,
                "precision": arguments.precision, "repeat": arguments.repeat}
    results = []
    for network in networks:
        print(f"{network} ...", file=sys.stderr)
        figures = worker(network=network, **settings)
        if arguments.cold:
            figures.update(compile_times(network, arguments.engine))
        results.append(figures)
    if arguments.json:
        print(json.dumps({"results": results, "provenance": provenance.record("bench", settings)}, indent=2))
    else:
        print(f"{table(results)}\n\n{LEGEND}")


def worker(environment=None, **settings):
    """Run `eventsim.bench_run.measure` in a new process and return its figures.

    Parameters
    ----------
    environment : dict of str to str, optional
        Variables to add.
    **settings
        As `eventsim.bench_run.SETTINGS`.

    Raises
    ------
    InputError
        With the last line that the process wrote, where it failed.
    """
    command = [sys.executable, "-m", "eventsim.bench_run", json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, **(environment or {})})
    if done.returncode:
        raise InputError((done.stderr.strip().splitlines() or ["the measuring process was killed"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def compile_times(network, engine):
    """Return the seconds of a first call with an empty folder of kernels, and with the one that it left.

    Parameters
    ----------
    network, engine : str

    Returns
    -------
    dict
        `compile_cold_s`, `compile_warm_s`.
    """
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (worker({"EVENTSIM_CACHE_DIR": cache}, network=network, engine=engine, start_only=True)
                      for _ in range(2))
    return {"compile_cold_s": cold["compile_s"], "compile_warm_s": warm["compile_s"]}


def table(results):
    """Return the figures of several runs as aligned text."""
    rows = [[heading for heading, _ in COLUMNS], *([write(figures) for _, write in COLUMNS] for figures in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [text.ljust(width) if column < 2 else text.rjust(width)
                 for column, (text, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _seconds(value):
    return "-" if value is None else f"{value:.2f}"
