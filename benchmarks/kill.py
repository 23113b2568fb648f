"""A run killed with SIGKILL at a random moment, again and again: every finished segment must be read back.

    python benchmarks/kill.py [--times 10] [--neurons 20000] [--seed N] [--out benchmarks/results/kill.json]

Each time a process streams a run to a file, with a segment every tenth of a second, and is killed somewhere
between its start and a while after its first segments. Then the folder is loaded. The recovered trace must hold
just the spikes up to the time that it says was reached, bit by bit those of a run that was not killed, and no
fewer than the finished segments hold.
"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

import eventsim as es
from eventsim import bench_networks, provenance

SYNAPSES = 80
PROGRAM = """
import sys
import eventsim as es
from eventsim import bench_networks
from eventsim.io import segments
segments.SECONDS = 0.1
net = bench_networks.build(bench_networks.draw("indegree", int(sys.argv[1]), int(sys.argv[2])))
es.simulate(net, t_stop=1e6, engine=sys.argv[3], seed=1, out="run.h5", record={"cells": es.Record(counts=True)})
"""


def killed(neurons, engine, moment, folder):
    """Start a run, kill it `moment` seconds after its first segment, and return the folder of its segments.

    Parameters
    ----------
    neurons : int
    engine : str
    moment : float
    folder : path-like
        Where it runs.

    Returns
    -------
    pathlib.Path
    """
    segments = pathlib.Path(folder) / "run.h5.segments"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(neurons), str(SYNAPSES), engine], cwd=folder)
    try:
        while not (segments / "000001.h5").exists():
            if process.poll() is not None:
                raise RuntimeError(f"the run ended by itself with status {process.returncode}")
            time.sleep(0.001)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
    return segments


def check(segments, neurons, engine):
    """Load what a killed run left and compare it with a run that was not killed.

    Returns
    -------
    dict
        `segments`, `half_written` files, `reached_ms`, `spikes`, and `same`: whether all is as it must be.
    """
    finished = sorted(segments.glob("[0-9]*.h5"))
    held = 0
    for path in finished:
        with h5py.File(path) as file:
            held += len(file["spikes/cells/timestamps"])
    trace = es.Trace.load(segments)
    reached = float(trace.ended[0])
    net = bench_networks.build(bench_networks.draw("indegree", neurons, SYNAPSES))
    whole = es.simulate(net, t_stop=reached, engine=engine, seed=1)
    spikes = trace.spikes("cells")
    same = trace.interrupted and held == len(spikes.time) and all(
        mine.tobytes() == yours.tobytes() for mine, yours in zip(spikes, whole.spikes("cells"), strict=True))
    same &= bool(np.array_equal(trace.counts("cells"), whole.counts("cells")))
    return {"segments": len(finished), "half_written": len(list(segments.glob(".*.part"))), "reached_ms": reached,
            "spikes": len(spikes.time), "same": same}


def main(argv=None):
    """Kill and check, print a line each time, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--neurons", type=int, default=20_000)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--longest", type=float, default=3.0, help="seconds after the first segment (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the moments (drawn, and written down)")
    parser.add_argument("--out", help="file of the figures (JSON)")
    options = parser.parse_args(argv)
    options.seed = random.randrange(2**32) if options.seed is None else options.seed
    moments = random.Random(options.seed)
    rows = []
    for turn in range(options.times):
        moment = moments.uniform(0.0, options.longest)
        with tempfile.TemporaryDirectory() as folder:
            row = {"moment_s": moment, **check(killed(options.neurons, options.engine, moment, folder),
                                               options.neurons, options.engine)}
        rows.append(row)
        print(f"{turn + 1:3}: killed {moment:.3f} s after the first segment: {row['segments']} segments, "
              f"{row['half_written']} half written, {row['spikes']:,} spikes to {row['reached_ms']:.3f} ms, "
              f"{'all as it must be' if row['same'] else 'NOT AS IT MUST BE'}", flush=True)
    if options.out:
        record = provenance.record("benchmarks/kill.py", vars(options))
        pathlib.Path(options.out).write_text(json.dumps({"provenance": record, "kills": rows}, indent=1) + "\n")
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
