"""A Dask cluster on this machine, one of whose workers is killed: a sweep there must be complete and the same.

    python benchmarks/cluster.py [--points 200] [--workers 2] [--steps 4] [--out benchmarks/results/cluster.json]

The sweep has so many simulations of a small network: weights, thresholds and seeds are varied. It is done on threads
of this process, then on a cluster of processes, one of which is killed with SIGKILL when a third of the points are
done. The two summaries must be the same bytes. Then a convolutional network is trained for a few steps here and on the
cluster: the weights must be the same bits, and the bytes that a step sends to and fro are counted.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

import numpy as np

import eventsim as es
import training
from eventsim import provenance
from training.data_parallel import DataParallel
from training.experiment import write_json
from training.sweeps import sweep_from_config

SETTINGS = """
[simulate]
network = "{network}"
t_stop = 100.0

[sweep]
kind = "sobol"
count = {points}
seed = 1

[sweep.values]
weights."noise->cells" = {{low = 0.6, high = 1.4}}
neurons.cells.v_threshold = {{low = 0.8, high = 1.2}}
simulate.seed = {{low = 1, high = 1000}}
"""

BATCH = 64


def network():
    """Return a hundred neurons under noise that inhibit each other."""
    net = es.Network(seed=1)
    net.poisson("noise", 100, rate=80.0)
    net.population("cells", 100, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("noise", "cells", es.FixedInDegree(20, 1.0))
    net.connect("cells", "cells", es.FixedProbability(0.1, -0.5), delay=1.5)
    return net


def swept(folder, points, client):
    """Return what came of a sweep here and on the cluster, a worker of which dies on the way."""
    network().save(folder / "net.h5")
    file = folder / "sweep.toml"
    file.write_text(SETTINGS.format(network=folder / "net.h5", points=points), encoding="utf-8")
    death = {}

    def kill(fraction, elapsed):
        if not death and fraction > 1 / 3:
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            death["after_points"] = round(fraction * points)

    began = time.monotonic()
    here = sweep_from_config(file, folder / "here")
    middle = time.monotonic()
    there = sweep_from_config(file, folder / "there", scheduler=client, progress=kill)
    ended = time.monotonic()
    done = [point["status"] for point in there["points"]].count("done")
    same = all((folder / "here" / name).read_bytes() == (folder / "there" / name).read_bytes()
               for name in ("sweep.json", "sweep.csv"))
    return {"points": points, "killed_after_points": death.get("after_points"), "done": done,
            "complete": done == points, "identical": same and here == there, "seconds_here": middle - began,
            "seconds_cluster": ended - middle}


def trained(steps, client):
    """Return what so many steps take here and on the cluster, and what a step there sends."""
    digits = training.datasets.load("digits")
    images, labels = digits.images[: BATCH * steps], digits.labels[: BATCH * steps]
    found, models = {"steps": steps, "batch": BATCH}, []
    for where in ("here", "cluster"):
        model = convolutional()
        passes = DataParallel(model, client) if where == "cluster" else None
        if passes is not None:
            passes.forward(model.encode(images[:BATCH]))  # compiled, and the network sent
            sent, received = passes.traffic
        began = time.monotonic()
        training.fit(model, images, labels, epochs=1, batch=BATCH, progress=None, passes=passes)
        found[f"seconds_a_step_{where}"] = (time.monotonic() - began) / steps
        if passes is not None:
            found["sent_bytes_a_step"] = (passes.traffic[0] - sent) / steps
            found["received_bytes_a_step"] = (passes.traffic[1] - received) / steps
            passes.close()
        models.append(model)
    weights = [projection.weight for projection in models[0].net.projections.values()]
    others = [projection.weight for projection in models[1].net.projections.values()]
    found["weights"] = sum(weight.size for weight in weights)
    found["identical"] = all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))
    return found


def convolutional():
    """Return an untrained model of 8 x 8 digits with two convolutions."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    net.population("first", (6, 6, 32), once)
    net.population("second", (4, 4, 64), once)
    net.population("output", 10, once)
    net.connect("pixels", "first", es.Conv2d(es.Normal(0.3, 0.4), kernel=3))
    net.connect("first", "second", es.Conv2d(es.Normal(0.02, 0.06), kernel=3))
    net.connect("second", "output", es.Dense(es.Normal(0.02, 0.03)))
    encoder = training.encode.Latency(t_max=1.0, scale=16)
    return training.Model(net, encoder, training.decode.FirstSpike("latency", tau=0.1), t_stop=4.0)


def main():
    """Run both parts, print and write the figures; status 1 where anything differs."""
    import distributed

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/cluster.json"))
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(processes=True, n_workers=options.workers, threads_per_worker=1,
                                 dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        found = {"workers": options.workers, "sweep": swept(pathlib.Path(folder), options.points, client),
                 "training": trained(options.steps, client)}
    found["versions"] = {"dask": distributed.__version__, **provenance.software()["libraries"]}
    found["environment"] = provenance.environment()
    sweep = found["sweep"]
    print(f"{sweep['done']} of {sweep['points']} points done, a worker killed after {sweep['killed_after_points']}; "
          f"{'identical' if sweep['identical'] else 'DIFFERENT'}")
    print(json.dumps(found, indent=2))
    write_json(options.out, found)
    return 0 if sweep["complete"] and sweep["identical"] and found["training"]["identical"] else 1


if __name__ == "__main__":
    sys.exit(main())
