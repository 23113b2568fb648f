"""Decide early or wait: accuracy against elapsed time and against work, for several amounts of patience.

A network 64-128-10 learns the digits of the package; its ten outputs are silent, and the largest potential is the
guess, which can be asked for at any time. A careful rule waits until one potential leads by a margin; each margin is
one point of accuracy, time and synaptic operations up to the decision.
Run it with ``python examples/anytime_decision.py [anytime_decision.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz
from viz import style

MARGINS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # units of the potential


def trained():
    """Return a model that has seen the training digits a few times."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=2)
    net.input("pixels", (8, 8, 1))
    net.population("hidden", 128, once)
    net.population("output", 10, once.replace(v_threshold=es.NEVER))
    net.connect("pixels", "hidden", es.Dense(es.Normal(0.06, 0.15)))
    net.connect("hidden", "output", es.Dense(es.Normal(0.0, 0.08)))
    model = training.Model(net, training.encode.Latency(t_max=1.0, scale=16), training.decode.Potential(),
                           "output", t_stop=2.0)
    digits = training.datasets.load("digits")
    training.fit(model, digits.images, digits.labels, epochs=8, optimizer=training.AdamW(5e-3), schedule="cosine")
    return model


def main(figure):
    """Train, replay the test digits, and draw the guess at any time and the decision for each margin."""
    model, test = trained(), training.datasets.load("digits", "test")
    trace = model.simulate(test.images, test.labels)
    sheet = plt.figure(figsize=(9.0, 4.0), layout="constrained")
    time, work = sheet.subplots(1, 2)
    viz.anytime(trace, axes=[time, work])
    for panel in (time, work):
        panel.lines[1].set_label("right, asked at a time")
        panel.set(ylim=(0.0, 103.0), xlim=(0.0, None))
    dense = es.measure.dense_multiply_adds(model.net)
    points = []
    for margin in MARGINS:
        decision = es.measure.decide(trace, rule="margin", margin=margin)
        operations = es.measure.synaptic_operations(trace, decision.time).mean()
        points.append((decision.time.mean(), operations, 100.0 * decision.accuracy(test.labels)))
        print(f"margin {margin:4.2f}: {points[-1][2]:5.2f} % right, decided after {points[-1][0]:.2f} ms and "
              f"{operations:5,.0f} operations ({operations / dense:.0%} of the dense network's), "
              f"{np.mean(decision.forced):4.0%} at the horizon")
    *costs, right = np.array(points).T
    for panel, cost in zip((time, work), costs, strict=True):
        panel.plot(cost, right, "o-", color=style.colour(1), markersize=4, label="right, decided by a margin of ...")
        for margin, x, y in list(zip(MARGINS, cost, right, strict=True))[:4]:
            panel.annotate(f"{margin:g}", (x, y), xytext=(-6, 1), textcoords="offset points", ha="right",
                           fontsize="small", color=style.darker(style.colour(1)))
        panel.lines[0].remove()  # every sample has a guess at any time
        panel.get_legend().remove()
    time.legend(frameon=False, fontsize="small", loc="lower right")
    sheet.savefig(figure, dpi=120)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "anytime_decision.png")
