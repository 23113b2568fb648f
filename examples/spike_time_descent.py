"""Teach one neuron to fire at three given times, by gradient descent on its exact spike times.

Forty inputs fire once each. The loss is the squared distance of the neuron's spikes from the targets; its gradient by
weights and delays is exact, and no step is longer than a bound. A fourth spike is pushed beyond the end.
Run it with ``python examples/spike_time_descent.py [spike_time_descent.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz
from viz import style

TARGETS = np.array([18.0, 31.0, 47.0])  # ms
T_STOP, INPUTS, STEPS = 60.0, 40, 400
RATE_WEIGHT, RATE_DELAY, LONGEST = 2e-3, 2e-2, 0.02


def build(weight, delay):
    """Return a network of one leaky neuron with these weights and delays of its inputs."""
    net = es.Network(seed=1)
    net.input("source", INPUTS)
    net.population("cell", 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("source", "cell", es.Dense(weight), delay=delay, name="synapses")
    return net


def main(figure):
    """Descend, print the distance, draw the membrane before and after, and the way of the spikes."""
    draw = np.random.default_rng(4)
    weight, delay = draw.normal(0.55, 0.25, (INPUTS, 1)), np.full((INPUTS, 1), 1.0)
    stimulus = {"source": es.Spikes(time=np.sort(draw.uniform(0.0, T_STOP, INPUTS)), neuron=np.arange(INPUTS))}
    way, losses, first = [], [], None
    for step in range(STEPS):
        net = build(weight, delay)
        trace = es.simulate(net, stimulus, T_STOP, engine="heap")
        time = trace.spikes("cell").time
        first = first or trace
        error = time - np.append(TARGETS, np.full(max(len(time) - 3, 0), T_STOP + 5.0))[:len(time)]
        way += [(step, t) for t in time]
        losses.append(np.abs(error[:3]).mean())
        gradient = training.spike_time_gradient(net, trace, {"cell": error}, slope_floor=0.02)
        along = RATE_WEIGHT * gradient.weights["synapses"], RATE_DELAY * gradient.delays["synapses"]
        shorter = min(1.0, LONGEST / np.linalg.norm(along[0]))
        weight, delay = weight - shorter * along[0], np.maximum(delay - shorter * along[1], 0.1)
    print(f"spikes at {', '.join(f'{t:.4f}' for t in time)} ms; targets {', '.join(f'{t:g}' for t in TARGETS)} ms")

    sheet = plt.figure(figsize=(10.0, 5.2), layout="constrained")
    (before, spikes), (after, distance) = sheet.subplots(2, 2, width_ratios=(5, 4))
    for panel, shown, title in ((before, first, "before"), (after, trace, f"after {STEPS} steps")):
        viz.membrane(shown, "cell", axes=panel)
        panel.vlines(TARGETS, *panel.get_ylim(), color=style.colour(1), linestyle=":", linewidth=1.2, label="targets")
        panel.set_title(title, loc="left", fontsize="medium")
        panel.legend(frameon=False, fontsize="small", loc="lower right", ncols=2)
        panel.set_ylim(bottom=-0.35)
    steps, times = np.array(way).T
    spikes.plot(steps, times, ".", color=style.colour(0), markersize=1.5)
    spikes.hlines(TARGETS, 0, STEPS, color=style.colour(1), linestyle=":", linewidth=1.2)
    spikes.set(xlabel="step of descent", ylabel="spike times (ms)")
    distance.semilogy(losses, color=style.colour(0))
    distance.set(xlabel="step of descent", ylabel="mean distance (ms)")
    for panel in (spikes, distance):
        style.tidy(panel, grid="y")
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "spike_time_descent.png")
