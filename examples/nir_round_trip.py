"""The same network here and, by way of NIR, in small steps: what a time step does to its spikes.

A network is written to a file of NIR, read back, and simulated exactly. The graph is also run as tools without events
run it: every node by one step of Euler's method after another, a spike as a 1 for one step. Needs the package nir
(``pip install eventsim[nir]``). Run it with ``python examples/nir_round_trip.py``; it writes ``network.nir`` and
``nir_round_trip.png`` where you stand.
"""

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
from viz import style

T_STOP = 60.0  # ms

net = es.Network(seed=3)
net.input("source", 20)
net.population("cells", 30, es.LIF(tau_mem=20.0, tau_syn=5.0))
net.connect("source", "cells", es.Dense(es.Normal(0.45, 0.25)))
draw = np.random.default_rng(1)
times, neurons = draw.uniform(0.0, 0.8 * T_STOP, 80), np.tile(np.arange(20), 4)
stimulus = {"source": es.Spikes(time=times, neuron=neurons)}

es.io.to_nir(net, "network.nir", dt=0.1)
again = es.io.from_nir("network.nir")
exact, returned = (es.simulate(n, stimulus, t_stop=T_STOP).spikes("cells") for n in (net, again))
assert np.array_equal(exact.neuron, returned.neuron)
apart = np.abs(exact.time - returned.time).max()
print(f"{len(exact.time)} spikes; written and read again they differ by {apart:.1g} ms at most")


def stepped(dt):
    """Return the spikes of the graph in steps of dt (ms), a spike being a 1 for one step."""
    graph = es.io.to_nir(net, dt=dt)  # the constants of the nodes depend on the step
    (weights,) = [node.weight for node in graph.nodes.values() if type(node).__name__ == "Linear"]
    node, step = graph.nodes["cells"], dt / 1000.0  # NIR counts seconds
    v, i, found = np.zeros(30), np.zeros(30), []
    place = np.round(times / dt).astype(int)
    for k in range(round(T_STOP / dt)):
        spikes = np.bincount(neurons[place == k], minlength=20)
        i = i + step / node.tau_syn * (node.w_in * (weights @ spikes) - i)
        v = v + step / node.tau_mem * (node.v_leak - v + node.r * i)
        fired = v > node.v_threshold
        v = np.where(fired, node.v_reset, v)
        found += [(k * dt, int(cell)) for cell in np.flatnonzero(fired)]
    time, cell = zip(*found, strict=True)
    return np.array(time), np.array(cell)


figure, (above, below) = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained", width_ratios=(5, 3))
above.plot(exact.time, exact.neuron, "|", color=style.INK, markersize=8, label="exact")
steps, errors = (3.0, 1.0, 0.3, 0.1, 0.03), []
for dt in steps:
    time, cell = stepped(dt)
    nearest = [np.abs(time[cell == j] - t).min(initial=T_STOP) for t, j in zip(exact.time, exact.neuron, strict=True)]
    errors.append(np.median(nearest))
    print(f"step {dt:4.2f} ms: {len(time)} spikes, median error {errors[-1]:.3f} ms")
    if dt == 1.0:
        above.plot(time, cell, "o", color=style.colour(1), markersize=3, label="the same graph in steps of 1 ms")
above.set(xlabel="time (ms)", ylabel="neuron")
style.legend_above(above)
below.loglog(steps, errors, "o-", color=style.colour(0))
below.set(xlabel="step (ms)", ylabel="median error of a spike time (ms)")
style.tidy(above)
style.tidy(below, grid="both")
figure.savefig("nir_round_trip.png", dpi=120)
