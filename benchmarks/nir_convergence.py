"""Spike times of tools that step, against ours of the graph of NIR that they export, as their step shrinks.

    python benchmarks/nir_convergence.py [--steps 1 0.3 0.1 0.03 0.01] [--out benchmarks/results/nir_convergence.json]
        [--figure docs/images/nir-convergence.png]

Two layers of neurons with a constant drive, 60 ms, in snnTorch, SpikingJelly and Norse, in double precision. At every
step the tool runs its network, exports it, and the graph is run here, exactly. A tool has one network for each step:
its decays and weights depend on it. snnTorch writes every graph as if its step were 0.1 ms; times are scaled.

Needs `nir`, and those of the tools that are to be compared (``pip install --no-deps snntorch nirtorch norse ...``).
"""

import argparse
import importlib
import json
import pathlib

import numpy as np

import eventsim as es
from eventsim import provenance

TAU_MEM, TAU_SYN, T_STOP = 20.0, 5.0, 60.0
SIZES = (20, 30, 10)
DRIVE = 1.2  # of the threshold, where synapses are delta: crossings are smooth then


def problem(cuba, seed=4):
    """Return weights (source, target) of both layers in our units, and input spikes (times, neurons)."""
    draw = np.random.default_rng(seed)
    scale = 0.5 if cuba else 0.1
    layers = zip(SIZES, SIZES[1:], (0.9, 0.5), strict=False)
    weights = [draw.normal(scale * mean, scale, (a, b)) for a, b, mean in layers]
    return weights, draw.uniform(0.0, 0.8 * T_STOP, 4 * SIZES[0]), np.tile(np.arange(SIZES[0]), 4)


def snntorch(cuba, weights, dt):
    """Return the layers of snnTorch, and its graph with the factor from our time to that of the graph."""
    import snntorch as snn
    import torch
    from snntorch.export_nir import export_to_nir

    layers = []
    for weight in weights:
        # The drive enters with each step; weights of synaptic currents are those of our I times dt / tau.
        scale = dt / TAU_MEM if cuba else 1.0
        layers.append(linear(weight * scale, 0.0 if cuba else DRIVE * dt / TAU_MEM))
        size = torch.ones(weight.shape[1])
        common = {"threshold": size, "init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
        beta = (1.0 - dt / TAU_MEM) * size
        if cuba:
            layers.append(snn.Synaptic(alpha=(1.0 - dt / TAU_SYN) * size, beta=beta, **common))
        else:
            layers.append(snn.Leaky(beta=beta, **common))
    return layers, export_to_nir(torch.nn.Sequential(*layers), torch.zeros(SIZES[0])), 0.1 / dt, 0.1


def spikingjelly(cuba, weights, dt):
    """Return the same of SpikingJelly, which writes its step into the graph."""
    import torch
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

    layers = []
    for weight in weights:
        made = linear(weight * (dt / TAU_MEM if cuba else 1.0), 0.0 if cuba else DRIVE * dt / TAU_MEM)
        wrapped = layer.Linear(*weight.shape)
        wrapped.load_state_dict(made.state_dict())
        layers.append(wrapped)
        if cuba:
            layers.append(neuron.CUBALIFNode(c_decay=1.0 - dt / TAU_SYN, v_decay=1.0 - dt / TAU_MEM, v_threshold=1.0,
                                             v_reset=0.0))
        else:
            layers.append(neuron.LIFNode(tau=TAU_MEM / dt, decay_input=False))
    net = torch.nn.Sequential(*layers)
    graph = nir_exchange.export_to_nir(net, torch.zeros(1, SIZES[0]), dt=dt / 1000.0)
    functional.reset_net(net)
    return layers, graph, 1.0, dt


def norse(cuba, weights, dt):
    """Return the same of Norse, delta synapses only: its exporter drops what a spike does to its currents."""
    if cuba:
        raise ImportError("Norse exports its neurons with currents without the weight of a spike")
    import torch
    from norse.torch import LIFBoxCell, LIFBoxParameters, SequentialState, to_nir

    layers = []
    for weight in weights:
        layers.append(linear(weight * TAU_MEM / dt, DRIVE))
        parameters = LIFBoxParameters(tau_mem_inv=torch.tensor(1000.0 / TAU_MEM), v_th=torch.tensor(1.0),
                                      v_leak=torch.tensor(0.0), v_reset=torch.tensor(0.0))
        layers.append(LIFBoxCell(parameters, dt=dt / 1000.0))
    # Its exporter takes the inverse of a time constant for a decay in a step: dt=1 undoes that.
    return layers, to_nir(SequentialState(*layers), torch.zeros(1, SIZES[0]), dt=1.0), 1.0, dt


TOOLS = {"snnTorch": (snntorch, "snntorch.export_nir"), "SpikingJelly": (
    spikingjelly, "spikingjelly.activation_based.nir_exchange"), "Norse": (norse, "norse.torch")}
"""What builds a network, and the module that it needs."""


def linear(weight, bias):
    """Return a torch layer with weights (source, target) of ours and one bias."""
    import torch

    class Linear(torch.nn.Linear):
        def forward(self, signal):  # snnTorch's spikes are single precision, whatever else is
            return super().forward(signal.double())

    result = Linear(*weight.shape)
    with torch.no_grad():
        result.weight.copy_(torch.as_tensor(weight.T))
        result.bias.fill_(bias)
    return result


def stepped(layers, times, neurons, dt):
    """Return the spikes of both layers of neurons, (times, neurons) each: step k is the time k dt."""
    import torch

    steps = round(T_STOP / dt)
    place = np.round(times / dt).astype(int)
    found, states = [[], []], [None] * len(layers)
    with torch.no_grad():
        for step in range(steps):
            signal = torch.zeros(1, SIZES[0])
            signal[0, neurons[place == step]] = 1.0
            for number, module in enumerate(layers):
                signal = module(signal) if type(module).__name__ != "LIFBoxCell" else module(signal, states[number])
                if isinstance(signal, tuple):
                    signal, states[number] = signal
                if number % 2:
                    found[number // 2] += [(step * dt, int(i)) for i in np.flatnonzero(signal[0].numpy())]
    return [tuple(np.array(column) for column in zip(*spikes, strict=True)) for spikes in found]


def exact(graph, times, neurons, factor, area):
    """Return the spikes of both layers here; `factor`: from our time to that of the graph, `area` of a spike in ms."""
    net = es.io.from_nir(graph, dt=area)
    names = [name for name, p in net.populations.items() if p.kind == "neurons" and p.size > 1]
    (source,) = [name for name, p in net.populations.items() if p.kind == "input"]
    stimulus = {source: es.Spikes(time=times * factor, neuron=neurons)}
    trace = es.simulate(net, stimulus, t_stop=T_STOP * factor)
    return [(trace.spikes(name).time / factor, trace.spikes(name).neuron) for name in names]


def distances(here, there):
    """Return how far each spike is from the nearest one of its neuron in the other run, both ways: (n,) in ms.

    So spikes that one run has and the other has not count, too.
    """
    result = []
    for (time, neuron), (late, fired) in zip(here, there, strict=True):
        for i in range(max(neuron.max(), fired.max()) + 1):
            mine, theirs = time[neuron == i], late[fired == i]
            if len(mine) and len(theirs):
                apart = np.abs(mine[:, np.newaxis] - theirs)
                result += [apart.min(axis=0), apart.min(axis=1)]
            else:
                result.append(np.full(len(mine) + len(theirs), T_STOP))
    return np.concatenate(result)


def compare(tool, cuba, steps):
    """Return the figures of one tool and kind of neuron: one record a step."""
    import torch

    build, module = TOOLS[tool]
    importlib.import_module(module)
    torch.set_default_dtype(torch.float64)  # afterwards: an import may set it, too
    weights, times, neurons = problem(cuba)
    rows = []
    for dt in steps:
        layers, graph, factor, area = build(cuba, weights, dt)
        mine = exact(graph, times, neurons, factor, area)
        theirs = stepped(layers, times, neurons, dt)
        apart = distances(mine, theirs)
        rows.append({
            "dt_ms": dt, "spikes": sum(len(time) for time, _ in mine), "spikes_there": sum(len(t) for t, _ in theirs),
            "median_error_ms": float(np.median(apart)), "p95_error_ms": float(np.quantile(apart, 0.95)),
        })
    return rows


def draw(result, path):
    """Draw median errors and those that 95 % stay below against the step."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained")
    for ax, kind in zip(axes, ("LIF", "CubaLIF"), strict=True):
        for name, marker, size in zip(TOOLS, "os^", (11, 7, 4), strict=True):  # they lie on one another
            rows = result.get(f"{name} {kind}")
            if not rows:
                continue
            dt = [row["dt_ms"] for row in rows]
            (line,) = ax.loglog(dt, [row["median_error_ms"] for row in rows], marker=marker, markersize=size,
                                markerfacecolor="none", label=name)
            ax.loglog(dt, [row["p95_error_ms"] for row in rows], marker=marker, markersize=size,
                      markerfacecolor="none", linestyle=":", color=line.get_color())
        ax.loglog([0.01, 1.0], [0.005, 0.5], color="0.6", linewidth=1.0, label="half a step")
        ax.set(title=kind, xlabel="step of the tool (ms)")
        ax.legend(frameon=False)
    axes[0].set_ylabel("error of spike times (ms)\nmedian, and 95 % dotted")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(argv=None):
    """Compare with every tool that is installed, write the figures, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=float, nargs="+", default=[1.0, 0.3, 0.1, 0.03, 0.01], metavar="MS")
    parser.add_argument("--out", default="benchmarks/results/nir_convergence.json", metavar="FILE.json")
    parser.add_argument("--figure", default="docs/images/nir-convergence.png", metavar="FIGURE")
    arguments = parser.parse_args(argv)
    result = {}
    for kind in ("LIF", "CubaLIF"):
        for tool in TOOLS:
            try:
                rows = compare(tool, kind == "CubaLIF", arguments.steps)
            except ImportError as error:
                print(f"{tool} {kind}: left out ({error})")
                continue
            result[f"{tool} {kind}"] = rows
            for row in rows:
                print(f"{tool} {kind}", *(f"{key} {value:g}" for key, value in row.items()))
    record = {"result": result, "provenance": provenance.record("nir_convergence", {"steps": arguments.steps})}
    pathlib.Path(arguments.out).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(result, arguments.figure)


if __name__ == "__main__":
    main()
