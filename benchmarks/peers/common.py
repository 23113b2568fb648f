"""What the scripts of all peers share: the network that they read, the clocks, the report that they write.

A peer's script runs in the environment of that peer, so this file needs numpy only.
"""

import argparse
import json
import resource
import sys
import time
import types

import numpy as np


def arguments(description, models):
    """Return the parsed options that every peer takes.

    Parameters
    ----------
    description : str
        First line of the help text.
    models : tuple of str
        What ``--model`` may be, the default first.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("network", metavar="NETWORK.npz", help="as eventsim.bench_networks.save writes it")
    parser.add_argument("--model", choices=models, default=models[0], help="%(default)s")
    parser.add_argument("--duration", type=float, default=1000.0, help="biological time in ms (%(default)g)")
    parser.add_argument("--dt", type=float, default=0.1, help="step in ms, where there is one (%(default)g)")
    parser.add_argument("--spikes", metavar="FILE.npz", help="write every spike there")
    parser.add_argument("--out", metavar="FILE.json", required=True, help="write the figures there")
    parser.add_argument("--folder", metavar="DIR", help="folder for generated code")
    return parser.parse_args()


class Rows:
    """Synapses sorted by (source, target); `delay` is a number where all are the same."""

    def __init__(self, pointer, target, weight, delay):
        self.pointer, self.target, self.weight = pointer, target, weight
        self.delay = float(delay) if delay.ndim == 0 else delay
        self.source = np.repeat(np.arange(len(pointer) - 1, dtype=np.int32), np.diff(pointer))

    def part(self, mine):
        """Return (source, target, weight, delay) of some synapses."""
        return self.source[mine], self.target[mine], self.weight[mine], (
            self.delay if isinstance(self.delay, float) else self.delay[mine])


def load(path):
    """Return the network of a file: `name`, `neuron`, `v_init`, `rows`, `noise` and its spikes.

    Parameters
    ----------
    path : str
        As `eventsim.bench_networks.save` writes it.
    """
    with np.load(path) as file:
        columns = dict(file)
    circuit = types.SimpleNamespace(**json.loads(str(columns["settings"])))
    circuit.v_init = columns["v_init"]
    circuit.size = len(circuit.v_init)
    order = np.lexsort((columns["noise_neuron"], columns["noise_time"]))
    circuit.noise_time, circuit.noise_neuron = columns["noise_time"][order], columns["noise_neuron"][order]
    for name in ("rows", "noise"):
        fields = [columns.get(f"{name}_{field}") for field in ("pointer", "target", "weight", "delay")]
        setattr(circuit, name, None if fields[0] is None else Rows(*fields))
    circuit.receptors = circuit.neuron["tau_syn"] if isinstance(circuit.neuron["tau_syn"], dict) else None
    return circuit


class Report:
    """Clocks of the parts of a run, and the figures that come out.

    Parameters
    ----------
    simulator, version, model : str
    options : argparse.Namespace
        As `arguments` returns them.
    """

    def __init__(self, simulator, version, model, options):
        self.options = options
        self.figures = {"simulator": simulator, "version": version, "model": model, "duration_ms": options.duration,
                        "start_memory_bytes": peak_memory(), "build_s": 0.0, "compile_s": 0.0}

    def clock(self, part):
        """Return a context manager that adds the seconds spent inside to a part of the run."""
        return _Clock(self.figures, part)

    def write(self, circuit, spike_time, spike_neuron, **more):
        """Write the figures, and the spikes where asked.

        Parameters
        ----------
        circuit : object
            As `load` returns it.
        spike_time, spike_neuron : array
            In ms; in any order.
        **more
            Further figures.
        """
        figures = {**self.figures, **more}
        figures.setdefault("peak_memory_bytes", peak_memory())
        figures["network"] = circuit.name
        figures["spikes"] = len(spike_time)
        fan_out = np.diff(circuit.rows.pointer)
        events = int(fan_out[spike_neuron].sum())
        if circuit.noise is not None:
            within = circuit.noise_time < self.options.duration
            events += int(np.diff(circuit.noise.pointer)[circuit.noise_neuron[within]].sum())
        figures["synaptic_events"] = events
        if self.options.spikes:
            order = np.lexsort((spike_neuron, spike_time))
            np.savez(self.options.spikes, time=spike_time[order], neuron=spike_neuron[order])
        with open(self.options.out, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


class _Clock:
    def __init__(self, figures, part):
        self.figures, self.part = figures, part

    def __enter__(self):
        self.wall, self.processor = time.perf_counter(), processor_time()

    def __exit__(self, *error):
        self.figures[f"{self.part}_s"] = time.perf_counter() - self.wall
        self.figures[f"{self.part}_cpu_s"] = processor_time() - self.processor


def processor_time():
    """Return the processor seconds of this process and its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_memory():
    """Return the largest memory in bytes that this process has held since it was started."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):  # not Linux; there the figure may include the parent's size at the start
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
