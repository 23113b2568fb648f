"""What a time step costs: spikes of one neuron, exact and with Euler steps of shrinking size.

The same input arrives at the same neuron. The exact engine gives the spikes of the equations; a clock-driven loop moves
every spike to its grid, feeds the error back through the reset, and may lose or invent spikes.
Run it with ``python examples/step_error.py [step_error.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import viz
from viz import style

TAU_MEM, TAU_SYN, T_STOP = 20.0, 5.0, 200.0
STEPS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # ms
DRAWN = (1.0, 0.1, 0.01)


def stepped(times, weights, dt):
    """Return the spike times of a forward Euler loop with step `dt` (ms)."""
    v = i = 0.0
    spikes = []
    steps = round(T_STOP / dt)
    arrivals = np.bincount(np.ceil(times / dt).astype(int), weights, minlength=steps + 1).tolist()
    for step in range(steps):
        i += arrivals[step]
        v += dt * (i - v) / TAU_MEM
        i -= dt * i / TAU_SYN
        if v >= 1.0:
            spikes.append((step + 1) * dt)
            v = 0.0
    return np.array(spikes)


def main(figure):
    """Print how far the steps are off, and draw the membrane with the spikes of both."""
    draw = np.random.default_rng(1)
    times, weights = np.sort(draw.uniform(0.0, T_STOP, 60)), draw.normal(1.0, 1.2, 60)
    net = es.Network()
    net.input("source", 60)
    net.population("cell", 1, es.LIF(TAU_MEM, TAU_SYN))
    net.connect("source", "cell", es.Dense(weights[:, np.newaxis]))
    trace = es.simulate(net, {"source": es.Spikes(time=times, neuron=np.arange(60))}, t_stop=T_STOP)
    exact = trace.spikes("cell").time

    sheet = plt.figure(figsize=(10.0, 4.6), layout="constrained")
    left, right = sheet.subfigures(1, 2, width_ratios=(5, 3))
    membrane, rows = left.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    viz.membrane(trace, "cell", axes=membrane)
    membrane.set(title="", xlabel="")
    membrane.set_title("the exact membrane and its spikes", loc="left", fontsize="medium")
    membrane.get_legend().remove()
    rows.plot(exact, np.zeros(len(exact)), "|", color=style.INK, markersize=11, markeredgewidth=1.5)
    print(f"exact: {len(exact)} spikes")
    errors = []
    for dt in STEPS:
        spikes = stepped(times, weights, dt)
        shared = min(len(spikes), len(exact))
        errors.append(np.abs(spikes[:shared] - exact[:shared]).max())  # spikes paired in their order
        print(f"step {dt:5.3f} ms: {len(spikes)} spikes, worst time error {errors[-1]:.4f} ms")
        if dt in DRAWN:
            place = 1 + DRAWN.index(dt)
            rows.plot(spikes, np.full(len(spikes), place), "|", color=style.colour(place), markersize=11,
                      markeredgewidth=1.5)
    rows.set(yticks=range(4), yticklabels=["exact", *(f"steps of {dt:g} ms" for dt in DRAWN)], ylim=(3.6, -0.6))
    style.time_axis(rows)
    worst = right.subplots()
    worst.loglog(STEPS, errors, "o-", color=style.colour(0))
    worst.set(xlabel="step (ms)", ylabel="worst error of a spike time (ms)")
    for panel in (rows, worst):
        style.tidy(panel, grid="both" if panel is worst else "x")
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "step_error.png")
