"""Tell orders of spikes apart with learned delays alone: every weight is the same, and stays so.

Eight channels fire once each, 1 ms apart, in one of sixteen orders, with jitter. As many leaky neurons see all
channels; the one whose membrane rises highest is the answer. Equal weights and delays make them equal. Learned delays
undo the order of one class for each neuron, so that its spikes arrive together. For comparison the same with learned
weights and equal delays.
Run it with ``python examples/delay_learning.py [delay_learning.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
from viz import style

CHANNELS, CLASSES, APART, JITTER = 8, 16, 1.0, 0.5  # the last two in ms
LONGEST, EPOCHS = 10.0, 10


def patterns(orders, count, rng):
    """Return recordings of eight pixels, one event each, and which of the orders each of them has."""
    label = rng.integers(0, CLASSES, count)
    time = 2.0 + APART * np.argsort(orders, axis=1)[label] + rng.normal(0.0, JITTER, (count, CHANNELS))
    by_time = np.argsort(time, axis=1)
    pixel = by_time.ravel()
    recordings = es.Recordings(np.take_along_axis(time, by_time, axis=1).ravel(), pixel, np.zeros_like(pixel),
                               np.ones_like(pixel), np.arange(count + 1) * CHANNELS, shape=(1, CHANNELS))
    return recordings, label


def untrained(learn, rng):
    """Return eight inputs and a silent neuron for each order; what is learned starts with a little spread."""
    shape, encoder = (CHANNELS, CLASSES), training.encode.Events(polarity="merged")
    spread = rng.uniform(-0.5, 0.5, shape)
    net = es.Network(seed=1)
    net.input("channels", encoder.shape((1, CHANNELS)))
    net.population("order", CLASSES, es.LIF(tau_mem=3.0, tau_syn=1.0, v_threshold=es.NEVER))
    net.connect("channels", "order", es.Dense(1.0 + spread * (learn == "weights")),
                delay=np.full(shape, 5.0) + spread * (learn == "delays"), name="lines")
    return training.Model(net, encoder, training.decode.Potential(scale=5.0, over="maximum"), "order", t_stop=30.0)


def main(figure):
    """Train delays, and weights; draw arrivals before and after, the learned delays, and accuracy by epoch."""
    rng = np.random.default_rng(3)
    orders = np.array([rng.permutation(CHANNELS) for _ in range(CLASSES)])
    (train, labels), (test, truth) = patterns(orders, 500, rng), patterns(orders, 700, rng)
    sheet = plt.figure(figsize=(11.5, 3.9), layout="constrained")
    arrivals, lines, curve = sheet.subplots(1, 3, width_ratios=(4, 3, 4))
    for place, learn in enumerate(("delays", "weights")):
        model = untrained(learn, rng)
        before = model.net.projections["lines"].delay.copy()
        history = training.fit(
            model, train, labels, validation=(test[:200], truth[:200]), epochs=EPOCHS, batch=20, progress=None,
            optimizer=training.AdamW(0.15 if learn == "delays" else 0.05, weight_decay=0.0), schedule="cosine",
            learn=[learn], delays=training.Delays(longest=LONGEST) if learn == "delays" else None)
        accuracy = 100.0 * model.evaluate(test[200:], truth[200:])["accuracy"]
        print(f"{learn} alone: {accuracy:.1f} % of new patterns")
        curve.plot(np.arange(1, EPOCHS + 1), 100.0 * np.array(history.column("validation_accuracy")), ".-",
                   color=style.colour(place), label=f"{learn} alone ({accuracy:.0f} % of new patterns)")
        if learn == "delays":
            after = model.net.projections["lines"].delay
    one = test[[np.flatnonzero(truth == 0)[0]]]
    for delay, colour, name in ((before, style.FAINT, "before"), (after, style.colour(0), "after learning")):
        arrivals.plot(one.time + delay[one.x, 0], one.x, "|", markersize=13, mew=2.0, color=colour, label=name)
    arrivals.set(ylabel="channel", yticks=range(CHANNELS))
    arrivals.set_xlabel("arrival of one pattern at its neuron (ms)")
    ideal = np.argsort(orders, axis=1).T
    lines.plot(APART * (ideal.mean() - ideal), after - after.mean(axis=0), "o", color=style.colour(0), markersize=3)
    lines.axline((0.0, 0.0), slope=1.0, color=style.RULE, zorder=0)
    lines.set(xlabel="delay that undoes the order (ms)", ylabel="learned delay (ms)")
    lines.set_title("both less their mean", fontsize="medium")
    curve.set(xlabel="epoch", ylabel="patterns right (%)", ylim=(0.0, 103.0))
    curve.legend(frameon=False, fontsize="small", loc="lower right")
    for panel in (arrivals, lines, curve):
        style.tidy(panel)
    style.legend_above(arrivals)
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "delay_learning.png")
