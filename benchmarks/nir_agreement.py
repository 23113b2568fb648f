"""The same test images in tools that step and here: a network trained there and run here, and one the other way.

    python benchmarks/nir_agreement.py [--epochs 10] [--samples N] [--out benchmarks/results/nir_agreement.json]

snnTorch trains leaky neurons on the embedded digits (64-100-10, pixels as latencies, 40 steps, the output with most
spikes decides) and exports them to NIR; the graph is run here. Then neurons with synaptic currents that may fire many
times are trained here (64-100-10, the first output spike decides), written to NIR, and run in snnTorch, SpikingJelly
and Norse with a step of 0.1 ms, in the latter two with one of 0.02 ms as well.

Needs `nir` and the tools (``pip install --no-deps snntorch nirtorch norse spikingjelly``).
"""

import argparse
import json
import pathlib

import numpy as np

import eventsim as es
import training
from eventsim import provenance

STEPS = 40
"""Of a sample in the network that snnTorch trains; brighter pixels fire earlier, within the first half."""

DT = 0.1  # ms


def latencies(images):
    """Return the step at which each pixel fires, (samples, 64); STEPS where it is dark."""
    values = images.reshape(len(images), -1) / 16.0
    return np.where(values > 0.0, np.round((1.0 - values) * STEPS / 2), STEPS).astype(int)


def trained_there(train, test, epochs):
    """Train in snnTorch, export, run here; return the figures."""
    import snntorch as snn
    import torch
    from snntorch.export_nir import export_to_nir

    torch.set_num_threads(1)  # more of them wait for one another longer than they work
    torch.manual_seed(1)

    def neurons(size):
        return snn.Leaky(beta=0.97 * torch.ones(size), threshold=torch.ones(size), init_hidden=True,
                         reset_mechanism="zero", reset_delay=False)

    net = torch.nn.Sequential(torch.nn.Linear(64, 100), neurons(100), torch.nn.Linear(100, 10), neurons(10))
    with torch.no_grad():
        net[0].weight.mul_(2.0)

    def counts(steps):
        for module in (net[1], net[3]):
            module.mem = torch.zeros(0)
        total = 0.0
        for step in range(STEPS):
            total = total + net((torch.as_tensor(steps) == step).float())
        return total

    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    shuffle = np.random.default_rng(1)
    there, labels = latencies(train.images), torch.as_tensor(np.asarray(train.labels), dtype=torch.long)
    for _ in range(epochs):
        order = shuffle.permutation(len(there))
        for start in range(0, len(order), 100):
            batch = order[start : start + 100]
            loss = torch.nn.functional.cross_entropy(counts(there[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    steps = latencies(test.images)
    with torch.no_grad():
        theirs = counts(steps).numpy()
    mine = spike_counts(es.io.from_nir(export_to_nir(net, torch.zeros(64))), steps)
    labels = np.asarray(test.labels)
    return {
        "samples": len(labels),
        "accuracy_there": float(np.mean(theirs.argmax(1) == labels)),
        "accuracy_here": float(np.mean(mine.argmax(1) == labels)),
        "same_decision": float(np.mean(theirs.argmax(1) == mine.argmax(1))),
        "same_counts": float(np.mean(theirs == mine)),
        "output_spikes_there": float(theirs.sum(1).mean()),
        "output_spikes_here": float(mine.sum(1).mean()),
    }


def spike_counts(net, steps):
    """Return the spikes of the 10 outputs, (samples, 10), for input spikes at whole steps."""
    sample, neuron = np.nonzero(steps < STEPS)
    time = steps[sample, neuron] * DT
    spikes = es.Spikes(time=time, neuron=neuron, sample=sample, n_samples=len(steps))
    (source,) = [name for name, p in net.populations.items() if p.kind == "input"]
    (output,) = [name for name, p in net.populations.items() if p.size == 10]
    table = es.simulate(net, {source: spikes}, t_stop=STEPS * DT - DT / 2).spikes(output)
    result = np.zeros((len(steps), 10))
    np.add.at(result, (table.sample, table.neuron), 1)
    return result


def trained_here(train, test, epochs):
    """Train here, write NIR, run in the tools; return the figures by tool."""
    neuron = es.LIF(tau_mem=10.0, tau_syn=5.0)
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    net.population("hidden", 100, neuron)
    net.population("output", 10, neuron)
    net.connect("pixels", "hidden", es.Dense(es.Normal(0.25, 0.4)))
    net.connect("hidden", "output", es.Dense(es.Normal(0.1, 0.3)))
    encoder = training.encode.Latency(t_max=5.0, scale=16)
    decoder = training.decode.FirstSpike("latency", tau=0.3, smoothing=0.1)
    model = training.Model(net, encoder, decoder, t_stop=20.0)
    optimizer = training.AdamW(5e-3)
    training.fit(model, train.images, train.labels, epochs=epochs, batch=50, optimizer=optimizer, seed=1)
    mine = model.predict(test.images)
    labels = np.asarray(test.labels)
    result = {"samples": len(labels), "accuracy_here": float(np.mean(mine == labels))}
    spikes, times = model.encode(test.images)["pixels"], model.outputs(test.images)
    tools = {"snnTorch": in_snntorch, "SpikingJelly": in_spikingjelly, "Norse": in_norse}
    runs = [(tool, DT) for tool in tools] + [("SpikingJelly", DT / 5), ("Norse", DT / 5)]
    for tool, dt in runs:
        first = first_steps(tools[tool](es.io.to_nir(model.net, dt=dt), dt), spikes, dt, model.t_stop)
        decided = np.where(np.isfinite(first).any(1), first.argmin(1), -1)
        both = np.isfinite(first) & np.isfinite(times)
        result[f"{tool}, {dt:g} ms"] = {
            "accuracy": float(np.mean(decided == labels)),
            "same_decision": float(np.mean(decided == mine)),
            "median_time_error_ms": float(np.median(np.abs(first[both] - times[both]))),
        }
    return result


def in_snntorch(graph, dt):
    """Return a function from a signal and a state to those after one step of dt (ms; here always 0.1)."""
    from snntorch.import_nir import import_from_nir

    return import_from_nir(graph)


def in_spikingjelly(graph, dt):
    """Return the same of SpikingJelly."""
    from spikingjelly.activation_based import nir_exchange

    return nir_exchange.import_from_nir(graph, dt=dt / 1000.0)


def in_norse(graph, dt):
    """Return the same of Norse."""
    from norse.torch import from_nir

    return from_nir(graph, dt=dt / 1000.0)


def first_steps(module, spikes, dt, t_stop):
    """Return the times of the first output spikes in a tool, (samples, 10), inf where there is none."""
    import torch

    place = np.round(spikes.time / dt).astype(int)
    result = np.full((spikes.n_samples, 10), np.inf)
    state = None
    with torch.no_grad():
        for step in range(round(t_stop / dt)):
            signal = torch.zeros(spikes.n_samples, 64)
            here = place == step
            signal[spikes.sample[here], spikes.neuron[here]] = 1.0
            output, state = module(signal.reshape(-1, 1, 8, 8), state)
            fired = output.numpy().reshape(spikes.n_samples, 10) > 0.0
            result[fired & np.isinf(result)] = step * dt
    return result


def main(argv=None):
    """Run both ways and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, help="images of the training and of the test set, instead of all")
    parser.add_argument("--out", default="benchmarks/results/nir_agreement.json", metavar="FILE.json")
    arguments = parser.parse_args(argv)
    train, test = (training.datasets.load("digits", part) for part in ("train", "test"))
    train, test = (data._replace(images=data.images[:arguments.samples], labels=data.labels[:arguments.samples])
                   for data in (train, test))
    result = {
        "trained_in_snntorch": trained_there(train, test, arguments.epochs),
        "trained_here": trained_here(train, test, arguments.epochs),
    }
    print(json.dumps(result, indent=1))
    record = {"result": result, "provenance": provenance.record("nir_agreement", vars(arguments))}
    pathlib.Path(arguments.out).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
