"""The same work over and over in one process: memory, open files and threads must not grow.

    python benchmarks/soak.py [--minutes 30] [--out benchmarks/results/soak.json]

A round builds networks anew, runs them on the heap, the window and the layers engine, stops one run early and goes on
with it, streams one to a file, writes and reads traces and models, learns a little over layers and over a trace, asks
for potentials and draws a raster. What the rounds do does not depend on their number, so the memory after a round is
that after any other, but for what the allocator keeps. Linux only: /proc tells memory and open files.
"""

import argparse
import gc
import json
import pathlib
import statistics
import sys
import tempfile
import threading
import time

import matplotlib as mpl

import eventsim as es
import training
import viz
from eventsim import bench_run, provenance
from training.experiment import write_json

OUT = pathlib.Path(__file__).resolve().parent / "results" / "soak.json"
FILES = pathlib.Path("/proc/self/fd")
WARM = 3
"""Rounds before the first look: kernels are compiled, caches filled."""


def recurrent(seed):
    """Return a network of 300 neurons that fire often."""
    net = es.Network(seed=seed)
    net.poisson("noise", 50, rate=100.0)
    net.population("cells", 300, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("noise", "cells", es.FixedProbability(0.2, es.Normal(1.5, 0.3)))
    net.connect("cells", "cells", es.FixedProbability(0.1, es.Normal(0.0, 1.0)), delay=es.Uniform(0.5, 2.0))
    return net


def forward(readout):
    """Return a small model: silent outputs over a trace, or spiking ones over layers."""
    net = es.Network(seed=1)
    pixels = net.input("pixels", 64)
    refractory = 1.0 if readout else es.NEVER
    hidden = net.population("hidden", 40, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=refractory))
    out = net.population("out", 10, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER if readout else 1.0,
                                           t_refractory=refractory))
    net.connect(pixels, hidden, es.Dense(es.Normal(0.3, 0.4)))
    net.connect(hidden, out, es.Dense(es.Normal(0.5, 0.5)))
    decoder = training.decode.Potential(over="maximum") if readout else training.decode.FirstSpike(tau=1.0)
    return training.Model(net, training.encode.Latency(t_max=10.0, scale=16), decoder, "out", t_stop=30.0)


def one_round(folder, digits):
    """Do everything once."""
    for engine in ("heap", "window"):
        trace = es.simulate(recurrent(2), t_stop=100.0, engine=engine, seed=3)
        trace.save(folder / "trace.h5")
        es.Trace.load(folder / "trace.h5").spikes("cells")
    run = es.Simulation(recurrent(4), seed=5)
    run.run(30.0)
    run.save(folder / "state.h5")
    es.Simulation.load(folder / "state.h5").run(30.0)
    es.simulate(recurrent(2), t_stop=100.0, seed=3, out=folder / "streamed.h5")
    for readout in (False, True):
        model = forward(readout)
        training.fit(model, digits.images[:128], digits.labels[:128], epochs=1, batch=32, progress=None)
        model.save(folder / "model.h5")
        training.Model.load(folder / "model.h5").evaluate(digits.images[:64], digits.labels[:64])
    figure = viz.raster(trace).figure
    figure.savefig(folder / "raster.png")
    mpl.pyplot.close(figure)


def looked(begun, rounds):
    """Return a row of figures of this process."""
    gc.collect()
    return {"s": round(time.monotonic() - begun, 1), "rounds": rounds, "bytes": bench_run.memory("VmRSS"),
            "open_files": len(list(FILES.iterdir())), "threads": threading.active_count()}


def grown(rows, name):
    """Return by how much the median of the last third lies above that of the middle third."""
    third = len(rows) // 3
    return statistics.median(r[name] for r in rows[-third:]) - statistics.median(r[name] for r in rows[third:2 * third])


def soak(minutes, every, say):
    """Return a row of figures every so many seconds, for so many minutes."""
    mpl.use("Agg")
    digits = training.datasets.load("digits", "train")
    rows, rounds = [], 0
    with tempfile.TemporaryDirectory() as folder:
        while rounds < WARM:
            one_round(pathlib.Path(folder), digits)
            rounds += 1
        begun = time.monotonic()
        while time.monotonic() < begun + 60.0 * minutes:
            one_round(pathlib.Path(folder), digits)
            rounds += 1
            if not rows or time.monotonic() > begun + rows[-1]["s"] + every:
                rows.append(looked(begun, rounds))
                say("{s:7.0f} s  {rounds:6,} rounds  {0:8.1f} MB  {open_files} files  {threads} threads".format(
                    rows[-1]["bytes"] / 1e6, **rows[-1]))
    return rows


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="%(default)s")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two looks (%(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=OUT, help="file of the figures, JSON")
    options = parser.parse_args()
    if not FILES.is_dir():
        sys.exit("this benchmark reads memory and open files from /proc, which this system does not have")
    watch = provenance.Stopwatch()
    rows = soak(options.minutes, options.every, lambda line: print(line, flush=True))
    if len(rows) < WARM:
        sys.exit("too short to tell; give more --minutes, or look more often with --every")
    figures = {"minutes": options.minutes, "rounds": rows[-1]["rounds"], "grown_bytes": grown(rows, "bytes"),
               "grown_files": grown(rows, "open_files"), "grown_threads": grown(rows, "threads"), "rows": rows}
    print(json.dumps({name: value for name, value in figures.items() if name != "rows"}, indent=2))
    write_json(options.out, figures | {"provenance": provenance.record("benchmark soak", {}, None, watch.resources())})


if __name__ == "__main__":
    main()
