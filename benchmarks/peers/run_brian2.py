"""Run a benchmark network in Brian2, compiled ahead (cpp_standalone) or function by function (cython)."""

import os
import sys
import tempfile
import time

import common
import numpy as np

options = common.arguments(__doc__.splitlines()[0], ("cpp_standalone", "cython"))
try:
    import brian2
except ImportError as error:
    sys.exit(f"Brian2 cannot be imported: {error}")

folder = os.path.abspath(options.folder or tempfile.mkdtemp())
brian2.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-ffast-math", "-march=native", "-std=c++11"]
brian2.prefs.codegen.cpp.headers = ["<fstream>", "<string>", "<time.h>"]
brian2.prefs.codegen.runtime.cython.cache_dir = os.path.join(folder, "cython")
brian2.prefs.logging.file_log = False
brian2.prefs.devices.cpp_standalone.openmp_threads = 0
ms = brian2.ms
standalone = options.model == "cpp_standalone"
if standalone:
    brian2.set_device("cpp_standalone", build_on_run=False)
else:
    brian2.prefs.codegen.target = "cython"
brian2.defaultclock.dt = options.dt * ms
circuit = common.load(options.network)
report = common.Report("Brian2", brian2.__version__, options.model, options)

neuron = circuit.neuron
constants = {"v_rest": neuron["v_rest"], "tau_mem": neuron["tau_mem"] * ms, "v_threshold": neuron["v_threshold"],
             "v_reset": neuron["v_reset"]}
if circuit.receptors:
    constants.update(tau_e=circuit.receptors["excitatory"] * ms, tau_i=circuit.receptors["inhibitory"] * ms)
    equations = """dv/dt = (v_rest - v + g_e + g_i) / tau_mem : 1 (unless refractory)
                   dg_e/dt = -g_e / tau_e : 1
                   dg_i/dt = -g_i / tau_i : 1"""
    kinds = (("g_e", True), ("g_i", False))
else:
    equations = "dv/dt = (v_rest - v) / tau_mem : 1 (unless refractory)"
    kinds = (("v", True), ("v", False))


def connected(sources, targets, rows):
    """Return Synapses objects: one a sign of the weight, with the weight inside the code where it is one number."""
    made = []
    for variable, positive in kinds:
        source, target, weight, delay = rows.part((rows.weight > 0) == positive)
        if len(source) == 0:
            continue
        one_weight = np.ptp(weight) == 0
        what = repr(float(weight[0])) if one_weight else "w"
        synapses = brian2.Synapses(sources, targets, "" if one_weight else "w : 1", on_pre=f"{variable} += {what}",
                                   delay=delay * ms if isinstance(delay, float) else None)
        synapses.connect(i=source, j=target)
        if not one_weight:
            synapses.w = weight
        if not isinstance(delay, float):
            synapses.delay = delay * ms
        made.append(synapses)
    return made


def generated():
    """Return the noise as a group that fires at given times, and its rows.

    A member of such a group fires once a step at most: the k-th spike of one sender within a step goes to its k-th
    copy, which has the same synapses.
    """
    count = len(circuit.noise.pointer) - 1
    step = np.maximum(np.ceil(circuit.noise_time / options.dt - 1e-9).astype(np.int64) - 1, 0)
    order = np.lexsort((circuit.noise_neuron, step))
    step, sender = step[order], circuit.noise_neuron[order].astype(np.int64)
    first = np.concatenate(([True], (np.diff(step) != 0) | (np.diff(sender) != 0)))
    rank = np.arange(len(step)) - np.maximum.accumulate(np.where(first, np.arange(len(step)), 0))
    copies = int(rank.max()) + 1
    rows = circuit.noise
    pointer = np.concatenate([rows.pointer[:-1] + k * rows.pointer[-1] for k in range(copies)]
                             + [[copies * rows.pointer[-1]]])
    delay = np.array(rows.delay) if isinstance(rows.delay, float) else np.tile(rows.delay, copies)
    group = brian2.SpikeGeneratorGroup(copies * count, sender + rank * count, step * options.dt * ms)
    return group, common.Rows(pointer, np.tile(rows.target, copies), np.tile(rows.weight, copies), delay)


network = brian2.Network()
with report.clock("build"):
    cells = brian2.NeuronGroup(circuit.size, equations, threshold="v >= v_threshold", reset="v = v_reset",
                               refractory=neuron["t_refractory"] * ms, method="exact", namespace=constants)
    cells.v = circuit.v_init
    monitor = brian2.SpikeMonitor(cells)
    network.add(cells, monitor, connected(cells, cells, circuit.rows))
    if circuit.noise is not None:
        noise, rows = generated()
        network.add(noise, connected(noise, cells, rows))

more = {"dt_ms": options.dt}
if standalone:
    # The generated program writes what its clocks say; its own start (reading arrays, making synapses) is building.
    clocks = os.path.join(folder, "clocks.txt")
    stamp = """{{ struct timespec now; clock_gettime({clock}, &now);
                  std::ifstream status("/proc/self/status"); std::string line, peak = "0";
                  while (std::getline(status, line)) if (line.rfind("VmHWM:", 0) == 0) peak = line.substr(6);
                  std::ofstream("{path}", std::ios::app) << now.tv_sec << " " << now.tv_nsec << " "
                                                         << std::stol(peak) << std::endl; }}"""
    if os.path.exists(clocks):
        os.remove(clocks)
    for slot in ("before_network_run", "after_network_run"):
        for clock in ("CLOCK_MONOTONIC", "CLOCK_PROCESS_CPUTIME_ID"):
            brian2.device.insert_code(slot, stamp.format(clock=clock, path=clocks))
    network.run(options.duration * ms)
    with report.clock("compile"):
        brian2.device.build(directory=os.path.join(folder, "standalone"), compile=True, run=False)
    program_start = time.perf_counter()
    brian2.device.run(directory=os.path.join(folder, "standalone"), with_output=False, run_args=[])
    program = time.perf_counter() - program_start
    rows = np.loadtxt(clocks, dtype=np.int64)
    wall_0, cpu_0, wall_1, cpu_1 = rows[:, 0] + 1e-9 * rows[:, 1]
    more.update(simulate_s=wall_1 - wall_0, simulate_cpu_s=cpu_1 - cpu_0, peak_memory_bytes=1024 * int(rows[-1, 2]),
                start_memory_bytes=0, build_s=report.figures["build_s"] + program - (wall_1 - wall_0))
else:
    with report.clock("compile"):
        network.run(0 * ms)
        network.store()
        network.run(1 * ms)
        network.restore()
    with report.clock("simulate"):
        network.run(options.duration * ms)
# A spike carries the start of the step at whose end the threshold was tested: the test's own time is one step later.
report.write(circuit, np.asarray(monitor.t / ms) + options.dt, np.asarray(monitor.i), **more)
