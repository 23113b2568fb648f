"""The CUBA network: 4,000 neurons with exponential currents keep each other firing irregularly, without any noise.

Vogels and Abbott (J. Neurosci. 25, 2005) in the form of benchmark 2 of Brette et al. (J. Comput. Neurosci. 23, 2007):
3,200 excitatory and 800 inhibitory neurons, 2 % of all pairs connected, currents of 5 and 10 ms on two receptors. The
resting potential lies 1 mV above the threshold, so that the network starts by itself. Weights are Brian2's, 1.62 and
-9 mV, and arrive after 0.1 ms. Run it with ``python examples/cuba.py [cuba.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import viz
from viz import style

DURATION, WARM_UP = 2200.0, 200.0  # ms
SIZES = {"excitatory": 3200, "inhibitory": 800}


def network():
    """Return the network; its two populations differ only in the receptor that they feed."""
    net = es.Network(seed=1)
    draw = np.random.default_rng(1)
    for name, size in SIZES.items():
        net.population(name, size, es.LIF(
            tau_mem=20.0, tau_syn={"excitatory": 5.0, "inhibitory": 10.0}, v_rest=-49.0, v_threshold=-50.0,
            v_reset=-60.0, t_refractory=5.0, v_init=draw.uniform(-60.0, -50.0, size)))
    for source, weight in (("excitatory", 1.62), ("inhibitory", -9.0)):
        for target in SIZES:
            net.connect(source, target, es.FixedProbability(0.02, weight), delay=0.1, receptor=source)
    return net


def main(figure):
    """Simulate two seconds; print rate and irregularity; draw raster, statistics and membranes."""
    trace = es.simulate(network(), t_stop=DURATION)
    rate = {name: es.measure.mean_firing_rate(trace, name, t_start=WARM_UP)[0] for name in SIZES}
    cv = {name: es.measure.cv(trace, name)[trace.counts(name) >= 10] for name in SIZES}  # fewer say little
    for name in SIZES:
        print(f"{name}: {rate[name].mean():.1f} Hz a neuron, CV of the intervals {cv[name].mean():.2f}")

    sheet = plt.figure(figsize=(11.0, 7.2), layout="constrained")
    upper, lower = sheet.subfigures(2, 1, height_ratios=(3, 2))
    end = WARM_UP + 200.0
    rows = viz.raster(trace, rates=True, t_start=WARM_UP, t_stop=end, bin_width=2.0, axes=upper.subplots())
    rows[1].set_title("CUBA: 4,000 neurons, no noise, no time step", loc="left", fontsize="medium")
    membrane, rates, irregular = lower.subplots(1, 3, width_ratios=(5, 3, 3))
    viz.membrane(trace, "excitatory", neurons=[3, 7], t_start=WARM_UP, t_stop=end, axes=membrane)
    membrane.set(title="", ylabel="membrane (mV)")
    membrane.set_title("two of them", loc="left", fontsize="medium")
    membrane.get_legend().remove()
    for panel, values, top, label in ((rates, rate, 30.0, "rate (Hz)"), (irregular, cv, 1.5, "CV of the intervals")):
        for place, name in enumerate(SIZES):
            percent = np.full(len(values[name]), 100.0 / len(values[name]))
            panel.hist(values[name], np.linspace(0.0, top, 31), weights=percent, histtype="step", linewidth=1.4,
                       color=style.colour(place), label=name)
        panel.set(xlabel=label, ylabel="neurons (%)", xlim=(0.0, top))
        style.tidy(panel)
        style.legend_above(panel)
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cuba.png")
