"""Four engines, the same bits: two networks on each engine that takes them, compared spike by spike, and timed.

A feed-forward network of neurons that fire once runs on all four engines, a recurrent one that fires on on three; the
layers engine takes no recurrence. Spike times must be equal to the last bit. Times are of one thread, without
compiling, and shown as multiples of the fastest. Run it with
``python examples/engine_comparison.py [engine_comparison.png]``; it writes the figure there.
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
from viz import style

ENGINES = ("reference", "heap", "window", "layers")


def feed_forward():
    """Return a name, a network 100-200-10 of single-spike neurons, its input of 12 samples, and its horizon."""
    once = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("source", 100)
    net.population("hidden", 200, once)
    net.population("output", 10, once)
    net.connect("source", "hidden", es.Dense(es.Normal(0.1, 0.25)), delay=0.5)
    net.connect("hidden", "output", es.Dense(es.Normal(0.03, 0.1)), delay=0.5)
    values = np.random.default_rng(1).random((12, 100))
    return "feed-forward, one spike a neuron", net, {"source": es.encode.latency(values, t_max=20.0)}, 60.0


def recurrent():
    """Return a name, a recurrent network of 500 neurons with a continuum of delays, no input, and its horizon."""
    cells = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0)
    net = es.Network(seed=2)
    net.population("excitatory", 400, cells)
    net.population("inhibitory", 100, cells)
    net.poisson("noise", 500, rate=20.0)
    for target in ("excitatory", "inhibitory"):
        net.connect("noise", target, es.FixedInDegree(50, 0.4), delay=1.0)
        net.connect("excitatory", target, es.FixedProbability(0.1, 0.3), delay=es.Uniform(0.5, 2.5))
        net.connect("inhibitory", target, es.FixedProbability(0.1, -1.5), delay=es.Uniform(0.5, 1.5))
    return "recurrent, with noise and delays", net, {}, 60.0


def run(net, stimulus, t_stop, engine):
    """Return the trace and the processor time in s of the fastest run of several, on one thread."""
    seconds = []
    for _ in range(1 if engine == "reference" else 6):  # the first one may compile
        started = time.process_time()
        trace = es.simulate(net, stimulus, t_stop, engine=engine, threads=1, seed=5)
        seconds.append(time.process_time() - started)
    return trace, min(seconds)


def bits(trace):
    """Return time, neuron and sample of all spikes as bytes."""
    tables = [trace.spikes(name) for name in trace.recorded]
    return b"".join(part.tobytes() for table in tables for part in (table.time, table.neuron, table.sample))


def main(figure):
    """Compare, print, and draw the spikes of all engines over each other, and their times."""
    sheet = plt.figure(figsize=(11.0, 6.2), layout="constrained")
    rows = sheet.subplots(2, 2, width_ratios=(5, 3))
    for (spikes, times), (name, net, stimulus, t_stop), shown in zip(
            rows, (feed_forward(), recurrent()), ("hidden", "excitatory"), strict=True):
        engines = ENGINES if "feed" in name else ENGINES[:3]
        results = {engine: run(net, stimulus, t_stop, engine) for engine in engines}
        reference, fastest = results["reference"][0], min(seconds for _, seconds in results.values())
        total = sum(len(reference.spikes(population).time) for population in reference.recorded)
        print(f"{name}: {total:,} spikes")
        for place, (engine, (trace, seconds)) in enumerate(results.items()):
            same = "the same bits" if bits(trace) == bits(reference) else "OTHER BITS"
            print(f"  {engine:9s} {same}, {seconds / fastest:6.1f} times the time of the fastest")
            table = trace.spikes(shown)
            some = (table.sample == 0) & (table.neuron < 12)
            foot = table.neuron[some] + 0.2 * place
            spikes.vlines(table.time[some], foot, foot + 0.2, color=style.colour(place), linewidth=2.5, label=engine)
            times.barh(place, seconds / fastest, color=style.colour(place))
            times.text(seconds / fastest * 1.15, place, f"{seconds / fastest:,.1f}", va="center", fontsize="small")
        spikes.set(ylabel=f"neuron of {shown}", yticks=range(0, 13, 4))
        agree = "the same bits" if len({bits(trace) for trace, _ in results.values()}) == 1 else "NOT THE SAME BITS"
        spikes.set_title(f"{name}: {total:,} spikes, {agree}", loc="left", fontsize="medium", pad=20.0)
        style.time_axis(spikes)
        spikes.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 0.98), ncols=4)
        times.set(xscale="log", xlabel="time of a run / the fastest", yticks=range(len(engines)), yticklabels=engines)
        times.set_xlim(0.7, 4.0 * max(seconds / fastest for _, seconds in results.values()))
        times.invert_yaxis()
        for panel in (spikes, times):
            style.tidy(panel)
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "engine_comparison.png")
