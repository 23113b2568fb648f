"""One measured run in a process of its own: what ``eventsim bench`` starts for every network.

    python -m eventsim.bench_run '{"network": "delta", "duration": 1000}'

A process of its own, so that its largest memory belongs to this run. The figures are one JSON object, the last
line on standard output.
"""

import json
import math
import os
import pathlib
import statistics
import sys
import time

import numpy as np

from eventsim import bench_networks
from eventsim.errors import InputError

SETTINGS = {"network": "delta", "engine": "auto", "duration": 1000.0, "threads": 1, "neurons": None, "synapses": None,
            "samples": 1000, "precision": "double", "repeat": 3, "spikes": None, "start_only": False}
"""What a run can be told, with the defaults."""

TTFS_HORIZON = 3.0  # ms


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self):
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self):
        """Return (wall, processor) seconds."""
        return time.perf_counter() - self._wall, time.process_time() - self._processor


def memory(kind="VmHWM"):
    """Return the largest (VmHWM) or the present (VmRSS) memory of this process in bytes; None where unknown."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith(kind))
    except (OSError, StopIteration):
        return None


def measure(**settings):
    """Run one benchmark and return its figures.

    Parameters
    ----------
    **settings
        As `SETTINGS`. `repeat`: runs whose median counts. `spikes`: a file (npz) for the spikes. `start_only`: only
        the time of the first call on a small network, which compiles or loads the kernels.

    Returns
    -------
    dict
        JSON-ready.

    Raises
    ------
    InputError
        For an unknown setting or network.
    """
    for name in settings:
        if name not in SETTINGS:
            raise InputError(f'"{name}" is not a setting of a benchmark; allowed: {", ".join(SETTINGS)}')
    chosen = {**SETTINGS, **settings}
    return _ttfs(chosen) if chosen["network"] == "ttfs" else _recurrent(chosen)


def _recurrent(chosen):
    """Measure one of the recurrent networks."""
    small = {"neurons": 100} if chosen["start_only"] else {"neurons": chosen["neurons"], "synapses": chosen["synapses"]}
    clock = Clock()
    circuit = bench_networks.draw(chosen["network"], **small)
    drawn, _ = clock.read()
    figures, run = prepared(chosen, lambda: (bench_networks.build(circuit), None), chosen["duration"])
    if chosen["start_only"]:
        return figures
    figures["draw_s"] = drawn
    spikes = timed(figures, run, chosen["repeat"]).spikes("cells")
    _, noise_neuron = bench_networks.noise_spikes(circuit, chosen["duration"])
    noise = 0 if circuit.noise is None else len(circuit.noise.pointer) - 1
    events = bench_networks.synaptic_events(circuit, np.bincount(spikes.neuron, minlength=len(circuit.v_init)),
                                            np.bincount(noise_neuron, minlength=noise))
    figures.update(neurons=len(circuit.v_init), synapses=len(circuit.rows.target), spikes=len(spikes.time),
                   synaptic_events=events, mean_rate_hz=1e3 * len(spikes.time) / len(circuit.v_init)
                   / chosen["duration"], peak_memory_bytes=memory())
    limit = _scatter_seconds(circuit.rows, spikes.neuron, len(circuit.v_init))
    if noise:
        limit += _scatter_seconds(circuit.noise, noise_neuron, len(circuit.v_init))
    figures["scatter_cpu_s"] = limit
    if chosen["spikes"]:
        np.savez(chosen["spikes"], time=spikes.time, neuron=spikes.neuron)
    return figures


def _ttfs(chosen):
    """Measure inference with at most one spike a neuron."""
    from eventsim import measure as measures

    samples = 2 if chosen["start_only"] else chosen["samples"]
    images = _digits()
    figures, run = prepared(chosen, lambda: bench_networks.ttfs(samples, images), TTFS_HORIZON)
    if chosen["start_only"]:
        return figures
    trace = timed(figures, run, chosen["repeat"])
    rows = [(p.weight, trace.spikes(p.source.name) if p.source.kind == "neurons" else trace.stimulus[p.source.name])
            for p in trace.network.projections.values()]
    figures.update(samples=samples, images="synthetic" if images is None else "MNIST", duration_ms=TTFS_HORIZON,
                   neurons=410, synapses=sum(weight.size for weight, _ in rows),
                   spikes=sum(len(trace.spikes(name).time) for name in ("hidden", "output")),
                   synaptic_events=int(measures.synaptic_operations(trace).sum()), peak_memory_bytes=memory(),
                   samples_per_s=samples / figures["simulate_s"])
    figures["scatter_cpu_s"] = sum(_dense_seconds(weight, spikes.neuron) for weight, spikes in rows)
    return figures


def _digits():
    """Return the MNIST test images where $EVENTSIM_DATA has them, else None."""
    folder = pathlib.Path(os.environ.get("EVENTSIM_DATA", "data")) / "mnist"
    for path in sorted(folder.glob("t10k-images*idx3-ubyte*")):
        from eventsim.io import idx

        return idx.read(path)
    return None


def prepared(chosen, build, duration):
    """Build and lower a network, run it for an instant so that nothing is left to compile.

    Returns
    -------
    figures : dict
        With the costs so far.
    run : callable
        Runs it and returns the trace.
    """
    import eventsim as es
    from eventsim.lower import lower

    arguments = {"engine": chosen["engine"], "threads": chosen["threads"], "precision": chosen["precision"],
                 "seed": bench_networks.SEED}
    es.simulate  # noqa: B018  (loads the engines and numba; their import is no part of building)
    figures = {"simulator": "eventsim", "version": es.__version__, "network": chosen["network"],
               "threads": chosen["threads"], "precision": chosen["precision"], "duration_ms": duration,
               "start_memory_bytes": memory("VmRSS")}
    clock = Clock()
    net, stimulus = build()
    lowered = lower(net)
    figures["build_s"], figures["build_cpu_s"] = clock.read()
    figures["built_memory_bytes"] = memory("VmRSS")
    synapses = len(lowered.synapse_target)
    figures["synapse_bytes"] = sum(array.nbytes for array in lowered if getattr(array, "size", 0) == synapses)
    clock = Clock()
    trace = es.simulate(net, stimulus, t_stop=1e-3 * duration, **arguments)
    figures["compile_s"], figures["compile_cpu_s"] = clock.read()
    figures["engine"] = figures["model"] = trace.engine
    return figures, lambda: es.simulate(net, stimulus, t_stop=duration, **arguments)


def timed(figures, run, repeat):
    """Run several times, enter the medians, and return the last trace."""
    walls, processors = [], []
    for _ in range(repeat):
        clock = Clock()
        trace = run()
        wall, processor = clock.read()
        walls.append(wall)
        processors.append(processor)
    figures.update(simulate_s=statistics.median(walls), simulate_cpu_s=statistics.median(processors), repeat=repeat)
    return trace


def _scatter_seconds(rows, senders, size):
    """Return the processor seconds of adding every spike's weights to its targets, and nothing else."""
    from eventsim.bench_limit import scatter

    weight, target = np.ascontiguousarray(rows.weight), np.ascontiguousarray(rows.target)
    senders = np.ascontiguousarray(senders, np.int64)
    scatter(rows.pointer, target, weight, senders[:0], np.zeros(size))
    return _least(lambda: scatter(rows.pointer, target, weight, senders, np.zeros(size)))


def _dense_seconds(weight, senders):
    """Return the same for rows that reach every target in order."""
    from eventsim.bench_limit import add_rows

    weight = np.array(weight, np.float64)
    senders = np.ascontiguousarray(senders, np.int64)
    add_rows(weight, senders[:0], np.zeros(weight.shape[1]))
    return _least(lambda: add_rows(weight, senders, np.zeros(weight.shape[1])))


def _least(work):
    best = math.inf
    for _ in range(3):
        clock = Clock()
        work()
        best = min(best, clock.read()[1])
    return best


if __name__ == "__main__":
    try:
        print(json.dumps(measure(**json.loads(sys.argv[1])), allow_nan=False))
    except InputError as mistake:
        sys.exit(str(mistake))
