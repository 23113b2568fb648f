"""Learn handwritten digits, then watch the decisions: who fires when, and how soon the answer is there.

A network 64-128-10 of neurons that fire once learns the 8 x 8 digits that come with the package. The brighter a pixel,
the earlier its spike; the output neuron that fires first is the answer. A few epochs only: ``eventsim demo`` trains to
the end. Run it with ``python examples/digits.py [digits.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt

import eventsim as es
import training
import viz

SHOWN = 3  # of the test digits


def untrained():
    """Return the model 64-128-10 of ramp neurons."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    net.population("hidden", 128, once)
    net.population("output", 10, once)
    net.connect("pixels", "hidden", es.Dense(0.0))
    net.connect("hidden", "output", es.Dense(0.0))
    training.initialize.by_moments(
        net, window=1.0, kappa=2.8, mean={"pixels->hidden": 1.0, "hidden->output": 2.0},
        active={"pixels->hidden": 0.5, "hidden->output": 0.6}, law="normal")
    return training.Model(net, training.encode.Latency(t_max=1.0, scale=16),
                          training.decode.FirstSpike("latency", tau=0.05, smoothing=0.1), t_stop=4.0)


def main(figure):
    """Train, replay the test digits event by event, and draw one of them and the latencies of all."""
    train, validation = training.datasets.split_validation(training.datasets.load("digits"), 300)
    test = training.datasets.load("digits", "test")
    model = untrained()
    training.fit(model, train.images, train.labels, validation=(validation.images, validation.labels), epochs=12,
                 batch=64, optimizer=training.AdamW(5e-3, weight_decay=0.1), schedule="cosine", slope_floor=0.3,
                 policies=[training.regularize.SilentLabel()])
    trace = model.simulate(test.images, test.labels, engine="heap")
    result = es.measure.evaluate(trace)
    decision = es.measure.decide(trace)
    print(f"{100.0 * result['accuracy']:.2f} % of {len(test.labels):,} test digits, decided after "
          f"{result['decision_latency_ms']['mean']:.2f} ms on average")

    sheet = plt.figure(figsize=(11.0, 6.6), layout="constrained")
    upper, lower = sheet.subfigures(2, 1, height_ratios=(4, 3))
    picture, raster = upper.subplots(1, 2, width_ratios=(2, 3))
    viz.first_spikes(trace, "pixels", SHOWN, axes=picture)
    viz.raster(trace, SHOWN, t_stop=2.0, axes=raster)
    raster.axvline(decision.time[SHOWN], color=viz.style.INK, linewidth=1.0, linestyle="--")
    raster.set_title(f"a {test.labels[SHOWN]}: output {decision.label[SHOWN]} fires first, "
                     f"after {decision.time[SHOWN]:.2f} ms", loc="left", fontsize="medium")
    layers, outcome = lower.subplots(1, 2)
    viz.latency(trace, axes=layers)
    viz.latency(trace, "outcome", axes=outcome)
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits.png")
