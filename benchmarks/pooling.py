"""Average, maximum and first-arrival pooling in one trained network, event by event.

    python benchmarks/pooling.py models/mnist.h5 --dataset mnist [--split train] [--samples 1000]
        [--out benchmarks/results/pooling.json]

The average pooling of a trained network is replaced by populations that take the maximum over their windows in every
instant, as max pooling does in every time step: they fire whenever a spike arrives, spikes of one instant once. Each
passed spike gets the weight of the average. So a pooled neuron fires several times, and the outputs are
those of the average but where spikes coincide. With first-arrival pooling it fires once, and its spike gets the weight
of the whole window; the network was not trained with it. All three run on the heap engine.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

import eventsim as es
from eventsim import provenance
from training import Model, datasets, first_arrival

KINDS = ("average", "maximum", "first arrival")


def pooled(net, kind):
    """Return a network with the average pooling of `net` replaced, and the names of the pooling populations.

    Parameters
    ----------
    net : eventsim.Network
    kind : {"maximum", "first arrival"}
    """
    new, names = es.Network(seed=net.seed), []
    once = first_arrival.neuron()
    neuron = once.replace(t_refractory=0.0) if kind == "maximum" else once
    for name, population in net.populations.items():
        if population.kind == "input":
            new.input(name, population.shape)
            continue
        for projection in net.projections.values():
            k = projection.connection.pool
            if projection.target is population and k > 1:
                height, width, channels = projection.source.shape
                names.append(f"{projection.source.name} pooled")
                new.population(names[-1], (height // k, width // k, channels), neuron)
                new.connect(projection.source.name, names[-1], first_arrival.connection(channels, k))
        new.population(name, population.shape, population.neuron)
    for name, projection in net.projections.items():
        settings = dict(projection.connection.settings())
        settings.pop("kernel", None)
        source, weight, k = projection.source.name, np.array(projection.weight), settings.pop("pool", 1)
        if k > 1:
            source = f"{source} pooled"
            weight = weight / (k * k) if kind == "maximum" else weight
        rule = type(projection.connection)(weight, **settings)
        new.connect(source, projection.target.name, rule, delay=projection.delay, name=name)
    return new, names


def compare(model, images, labels, threads):
    """Return accuracy, spikes and the spikes of pooled neurons by kind of pooling.

    Parameters
    ----------
    model : training.Model
        With average pooling.
    images : ndarray (samples, ...)
    labels : ndarray of int (samples,)
    threads : int or None

    Returns
    -------
    dict
    """
    found, decided = {}, {}
    for kind in KINDS:
        net, pools = (model.net, []) if kind == "average" else pooled(model.net, kind)
        twin = Model(net, model.encoder, model.decoder, model.output, model.t_stop, model.classes)
        trace = twin.simulate(images, engine="heap", threads=threads)
        read = trace.first_spikes(model.output)
        decided[kind] = twin.decoder.decide(read)
        found[kind] = {
            "accuracy": float(np.mean(decided[kind] == labels)),
            "changed": int(np.sum(decided[kind] != decided["average"])),
            "spikes_a_sample": sum(len(trace.spikes(n).time) for n in net.populations
                                   if net[n].kind == "neurons") / len(images),
        }  # fmt: skip
        for name in pools:
            spikes = trace.spikes(name)
            counts = np.bincount(spikes.sample * net[name].size + spikes.neuron)
            found[kind][name] = {"neurons_that_fire": float(np.sum(counts > 0) / len(images)),
                                 "spikes_of_one": float(counts.sum() / max(np.sum(counts > 0), 1)),
                                 "most": int(counts.max(initial=0)),
                                 "several": float(np.sum(counts > 1) / max(np.sum(counts > 0), 1))}  # fmt: skip
    return found


def main():
    """Compare the poolings of the model that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--dataset", required=True, choices=datasets.NAMES)
    parser.add_argument("--data")
    parser.add_argument("--split", default="train")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    model = Model.load(options.model)
    if all(p.connection.pool == 1 for p in model.net.projections.values()):
        parser.error(f"{options.model} has no average pooling")
    if model.readout == "potential":
        parser.error(f"{options.model} has no spiking outputs")
    watch = provenance.Stopwatch()
    data = datasets.load(options.dataset, options.split, options.data)
    found = compare(model, data.images[:options.samples], data.labels[:options.samples], options.threads)
    result = {"model": options.model.name, "dataset": options.dataset, "split": options.split,
              "samples": min(options.samples, len(data.labels)), "poolings": found}  # fmt: skip
    print(json.dumps(result, indent=2))
    if options.out:
        result["provenance"] = provenance.record("benchmark pooling", {"model": options.model.name}, None,
                                                 watch.resources())  # fmt: skip
        options.out.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
