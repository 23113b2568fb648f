"""A long run that streams to disk: memory of the process while it goes on, while segments are merged, and after.

    python benchmarks/streaming.py [--neurons 100000] [--synapses 80] [--duration 60000] [--engine auto]
        [--dir FOLDER] [--out benchmarks/results/streaming.json]

Resident and peak memory are printed against the time of the run. Constant means: what the second half of the run
adds to the peak is a small share of it, although its spikes would fill far more. The merged file is read back
block by block: its spikes are counted and are in order.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import threading
import time

import numpy as np

import eventsim as es
from eventsim import bench_networks, bench_run, provenance

BYTES_A_SPIKE = 28
"""Time, neuron, sample, slope and generation of a spike in memory."""


class Memory:
    """Looks at the memory of this process now and then, in a thread of its own.

    Parameters
    ----------
    every : float
        Seconds between two looks.
    """

    def __init__(self, every):
        self._every, self._over = every, threading.Event()
        self.rows, self.done, self.doing = [], 0.0, "run"
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def look(self):
        """Add a row and print it."""
        row = {"s": time.monotonic() - self._begun, "doing": self.doing, "done": self.done,
               "bytes": bench_run.memory("VmRSS") or 0, "peak_bytes": bench_run.memory("VmHWM") or 0}
        self.rows.append(row)
        print(f"{row['s']:8.1f} s  {row['doing']:5}  {100.0 * row['done']:5.1f} %  resident "
              f"{row['bytes'] / 2**20:8,.0f} MiB  peak {row['peak_bytes'] / 2**20:8,.0f} MiB", flush=True)

    def end(self):
        """Look a last time and stop."""
        self._over.set()
        self._thread.join()
        self.look()

    def _watch(self):
        while not self._over.wait(self._every):
            self.look()


def measure(neurons, synapses, duration, engine, folder, every):
    """Run the network to a file and return the figures.

    Parameters
    ----------
    neurons, synapses : int
        Size of the network, and synapses onto each neuron.
    duration : float
        In ms.
    engine : str
    folder : path-like
        Where the trace goes.
    every : float
        Seconds between two looks at the memory.

    Returns
    -------
    dict
    """
    net = bench_networks.build(bench_networks.draw("indegree", neurons, synapses))
    path = pathlib.Path(folder) / "run.h5"
    memory = Memory(every)

    def progress(fraction, _):
        memory.done = fraction
        if fraction == 1.0:
            memory.look()
            memory.doing = "merge"

    begun = time.monotonic()
    trace = es.simulate(net, t_stop=duration, engine=engine, seed=1, out=path, progress=progress)
    wall = time.monotonic() - begun
    memory.doing = "read"
    spikes, last, ordered = 0, 0.0, True
    for block in trace.blocks("cells"):
        spikes += len(block.time)
        ordered &= bool(block.time[0] >= last and (np.diff(block.time) >= 0.0).all())
        last = float(block.time[-1])
    memory.end()
    half = max((row["peak_bytes"] for row in memory.rows if row["doing"] == "run" and row["done"] <= 0.5), default=0)
    at_end = max(row["peak_bytes"] for row in memory.rows if row["doing"] == "run")
    return {
        "neurons": neurons, "synapses_a_neuron": synapses, "duration_ms": duration, "engine": trace.engine,
        "wall_s": wall, "spikes": spikes, "rate_hz": 1000.0 * spikes / neurons / duration, "in_order": ordered,
        "spikes_as_arrays_bytes": BYTES_A_SPIKE * spikes, "file_bytes": path.stat().st_size,
        "peak_at_half_bytes": half, "peak_at_end_bytes": at_end, "peak_with_merge_bytes": memory.rows[-1]["peak_bytes"],
        "memory": memory.rows,
    }


def main(argv=None):
    """Run the benchmark, print a summary and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=100_000)
    parser.add_argument("--synapses", type=int, default=80, help="onto each neuron (%(default)s)")
    parser.add_argument("--duration", type=float, default=60_000.0, help="ms (%(default)s)")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks (%(default)s)")
    parser.add_argument("--dir", help="folder of the trace (a temporary one, removed at the end)")
    parser.add_argument("--out", help="file of the figures (JSON)")
    options = parser.parse_args(argv)
    arguments = options.neurons, options.synapses, options.duration, options.engine
    if options.dir is None:
        with tempfile.TemporaryDirectory() as folder:
            result = measure(*arguments, folder, options.every)
    else:
        result = measure(*arguments, options.dir, options.every)
    print(f"{result['spikes']:,} spikes at {result['rate_hz']:.1f} Hz in {result['wall_s']:.0f} s on engine "
          f"{result['engine']}; file {result['file_bytes'] / 2**20:,.0f} MiB, as arrays "
          f"{result['spikes_as_arrays_bytes'] / 2**20:,.0f} MiB\n"
          f"peak at half time {result['peak_at_half_bytes'] / 2**20:,.0f} MiB, at the end "
          f"{result['peak_at_end_bytes'] / 2**20:,.0f} MiB, merge and reading included "
          f"{result['peak_with_merge_bytes'] / 2**20:,.0f} MiB; in order: {result['in_order']}")
    if options.out:
        record = provenance.record("benchmarks/streaming.py", vars(options))
        pathlib.Path(options.out).write_text(json.dumps({"provenance": record, **result}, indent=1) + "\n")
    return 0 if result["in_order"] else 1


if __name__ == "__main__":
    sys.exit(main())
