"""Brunel's network (J. Comput. Neurosci. 8, 2000) in four regimes: synchronous or not, regular or not.

Excitatory and inhibitory neurons with voltage jumps and delays of 1.5 ms. Two numbers choose the regime: g, how much
stronger inhibition is, and the external rate as a multiple of the one that would reach the threshold without the rest.
Beside the measured rate stands Brunel's theory: the stationary rate that agrees with itself in diffusion approximation.
Scaled down: 5,000 neurons instead of 12,500, with the paper's 1,250 synapses each and their strength; mean and variance
of the input are the paper's, but neurons share 25 % of it instead of 10 %, which makes the population swing more, also
where it should be asynchronous. The external drive comes as Poisson trains of 100 Hz a neuron with the variance of the
paper's 1,000 synapses, and the rest of their mean as a constant.
Run it with ``python examples/brunel.py [brunel.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx

import eventsim as es
from viz import style

SIZES, INDEGREE = {"excitatory": 4000, "inhibitory": 1000}, {"excitatory": 1000, "inhibitory": 250}
TAU, REST, THRESHOLD, RESET, JUMP, DELAY = 20.0, 2.0, 20.0, 10.0, 0.1, 1.5  # ms and mV
SYNAPSES, NOISE = 1000, 100.0  # external ones of the paper; rate of the trains that stand for them, Hz
AT_THRESHOLD = 1000.0 * THRESHOLD / (SYNAPSES * JUMP * TAU)  # Hz: external rate whose mean reaches the threshold
REGIMES = {  # g, external rate / threshold rate, duration in ms: the panels A to D of Brunel's figure 8
    "synchronous regular": (3.0, 2.0, 70.0),
    "synchronous irregular, fast": (6.0, 4.0, 120.0),
    "asynchronous irregular": (5.0, 2.0, 200.0),
    "synchronous irregular, slow": (4.5, 0.9, 300.0),
}


def build():
    """Return the network; `choose` sets its regime."""
    net = es.Network(seed=1)
    for name, size in SIZES.items():
        net.population(name, size, es.LIF(tau_mem=TAU, tau_syn=0.0, v_threshold=THRESHOLD, v_reset=RESET,
                                          t_refractory=REST, v_init=np.random.default_rng(1).uniform(0.0, 20.0, size)))
        net.connect(net.poisson(f"external {name}", size, NOISE), name, es.OneToOne(0.0), delay=DELAY, name=name)
    for target in SIZES:
        for source, indegree in INDEGREE.items():
            net.connect(source, target, es.FixedInDegree(indegree, JUMP), delay=DELAY, name=f"{source} to {target}")
    return net


def choose(net, g, drive):
    """Set inhibition g times as strong as excitation, and the external drive."""
    rate = SYNAPSES * drive * AT_THRESHOLD
    jump = JUMP * np.sqrt(rate / NOISE)
    for name, size in SIZES.items():
        net.projections[f"inhibitory to {name}"].set_weight(np.full(INDEGREE["inhibitory"] * size, -g * JUMP))
        net.projections[name].set_weight(np.full(size, jump))
        net.set_neuron(name, net[name].neuron.replace(i_offset=(JUMP * rate - jump * NOISE) * TAU / 1000.0))


def theory(g, drive):
    """Return the stationary rate in Hz, by the first-passage time of a neuron under noise of that very rate."""
    def fired(rate):
        external, tau = drive * AT_THRESHOLD, TAU / 1000.0
        mean = SYNAPSES * JUMP * tau * (external + rate * (1.0 - g / 4.0))
        spread = np.sqrt(SYNAPSES * JUMP**2 * tau * (external + rate * (1.0 + g**2 / 4.0)))
        area, _ = quad(lambda u: erfcx(-u), (RESET - mean) / spread, (THRESHOLD - mean) / spread)
        return 1.0 / (REST / 1000.0 + tau * np.sqrt(np.pi) * area)
    return brentq(lambda rate: fired(rate) - rate, 0.01, 499.0)


def main(figure):
    """Simulate the four regimes, print their rates, and draw rasters and population rates."""
    sheet = plt.figure(figsize=(11.0, 5.4), layout="constrained")
    panels = sheet.subplots(2, 4, height_ratios=(3, 2), sharex="col")
    net = build()
    for column, (name, (g, drive, duration)) in enumerate(REGIMES.items()):
        choose(net, g, drive)
        trace = es.simulate(net, t_stop=duration, seed=1)
        spikes = trace.spikes("excitatory")
        rate, expected = es.measure.mean_firing_rate(trace, "excitatory", t_start=30.0).mean(), theory(g, drive)
        print(f"{name:28s} g = {g:g}, drive {drive:g}: {rate:5.1f} Hz, theory {expected:5.1f} Hz")
        raster, course = panels[:, column]
        some = spikes.neuron < 60
        raster.plot(spikes.time[some], spikes.neuron[some], "|", color=style.colour(0), markersize=2.6)
        raster.set_title(f"{name}\ng = {g:g}, drive {drive:g}\n{rate:.1f} Hz (theory {expected:.1f})", fontsize=10)
        count, edges = np.histogram(spikes.time, np.linspace(0.0, duration, 241))
        hertz = 1000.0 * count / (SIZES["excitatory"] * duration / 240.0)
        course.stairs(hertz, edges, fill=True, color=style.colour(0))
        course.set_xlim(0.4 * duration, duration)
        course.set_xlabel("time (ms)")
        style.tidy(raster)
        style.tidy(course)
    panels[0, 0].set_ylabel("neuron (60 of 4,000)")
    panels[1, 0].set_ylabel("rate (Hz a neuron)")
    sheet.savefig(figure, dpi=120)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "brunel.png")
