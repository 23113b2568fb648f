"""Compile and run the bare scatter-add in C over the spikes of a run: the limit that no simulator passes."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import common
import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parent / "scatter.c"
FLAGS = ("-O3", "-march=native", "-std=gnu11")


def run(network, spikes, folder):
    """Return the figures of the scatter-add over the spikes of a run.

    Parameters
    ----------
    network, spikes : path-like
        Files that `eventsim.bench_networks.save` and a run wrote. Noise counts as spikes of its own rows.
    folder : path-like
        For the program and its input.

    Returns
    -------
    dict or None
        None where there is no C compiler.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    folder = pathlib.Path(folder)
    subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(folder / "scatter")], check=True)
    circuit = common.load(network)
    with np.load(spikes) as file:
        parts = [(circuit.rows, file["neuron"])]
        last = float(file["time"].max(initial=0.0))
    if circuit.noise is not None:
        parts.append((circuit.noise, circuit.noise_neuron[circuit.noise_time <= last]))
    figures = {"simulator": "C", "model": "bare scatter-add", "simulate_s": 0.0, "simulate_cpu_s": 0.0,
               "synaptic_events": 0, "network": circuit.name}
    for rows, senders in parts:
        with open(folder / "rows", "wb") as file:
            np.array([max(len(rows.pointer) - 1, circuit.size), len(rows.target)], np.int64).tofile(file)
            for column, kind in ((rows.pointer, np.int64), (rows.target, np.int32), (rows.weight, np.float64)):
                column.astype(kind).tofile(file)
        with open(folder / "spikes", "wb") as file:
            np.array([len(senders)], np.int64).tofile(file)
            senders.astype(np.int32).tofile(file)
        done = subprocess.run([str(folder / "scatter"), str(folder / "rows"), str(folder / "spikes")],
                              capture_output=True, text=True, check=True)
        processor, wall, events, _ = done.stdout.split()
        figures["simulate_cpu_s"] += float(processor)
        figures["simulate_s"] += float(wall)
        figures["synaptic_events"] += int(events)
    return figures


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: run_scatter.py NETWORK.npz SPIKES.npz")
    with tempfile.TemporaryDirectory() as scratch:
        result = run(sys.argv[1], sys.argv[2], scratch)
    sys.exit("there is no C compiler (cc)") if result is None else print(json.dumps(result))
