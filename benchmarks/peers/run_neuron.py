"""Run a benchmark network in NEURON: artificial cells that move their own next event (`net_move`)."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import common
import numpy as np

CELLS = pathlib.Path(__file__).resolve().parent / "neuron_cells"

options = common.arguments(__doc__.splitlines()[0], ("events",))
folder = pathlib.Path(options.folder or tempfile.mkdtemp())
translator = pathlib.Path(sys.executable).with_name("nrnivmodl")
os.environ["NEURON_MODULE_OPTIONS"] = "-nogui"
try:
    from neuron import h
except ImportError as error:
    sys.exit(f"NEURON cannot be imported: {error}")

circuit = common.load(options.network)
report = common.Report("NEURON", h.nrnversion(0), options.model, options)
if circuit.receptors and (circuit.receptors, circuit.neuron["tau_mem"]) != ({"excitatory": 5.0, "inhibitory": 10.0},
                                                                            20.0):
    sys.exit("the NEURON cell has the time constants 5, 10 and 20 ms only")
with report.clock("compile"):
    for source in CELLS.glob("*.mod"):
        shutil.copy(source, folder)
    made = subprocess.run([translator], cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"nrnivmodl needs a C++ compiler and make: {made.stderr.splitlines()[-1:]}")
    h.nrn_load_dll(str(next(folder.glob("*/libnrnmech.*"))))

names = {"v_rest": "v_rest", "v_threshold": "v_threshold", "v_reset": "v_reset", "t_refractory": "t_ref"}


def connected(sources, rows):
    """Return one NetCon a synapse."""
    made = []
    for source, target, weight, delay in zip(*(np.broadcast_to(part, len(rows.target)).tolist()
                                               for part in rows.part(slice(None))), strict=True):
        made.append(h.NetCon(sources[source], cells[target], 0.0, delay, weight))
    return made


with report.clock("build"):
    cells = []
    for potential in circuit.v_init.tolist():
        cell = h.LifExp() if circuit.receptors else h.LifDelta()
        for ours, theirs in names.items():
            setattr(cell, theirs, circuit.neuron[ours])
        if not circuit.receptors:
            cell.tau_mem = circuit.neuron["tau_mem"]
        cell.v_init = potential
        cells.append(cell)
    connections = connected(cells, circuit.rows)
    times, senders = h.Vector(), h.Vector()
    watches = [h.NetCon(cell, None) for cell in cells]
    for number, watch in enumerate(watches):
        watch.record(times, senders, number)
    noise = [] if circuit.noise is None else [h.Relay() for _ in circuit.noise.pointer[1:]]
    if noise:
        connections += connected(noise, circuit.noise)
    doors = [h.NetCon(None, relay, 0.0, 0.0, 1.0) for relay in noise]
    solver = h.CVode()
    solver.active(1)
    h.finitialize()
    for time, sender in zip(circuit.noise_time.tolist(), circuit.noise_neuron.tolist(), strict=True):
        if time < options.duration:
            doors[sender].event(time)
with report.clock("simulate"):
    solver.solve(options.duration)
report.write(circuit, np.array(times), np.array(senders).astype(np.int64))
