"""Detect one order of three cues among all six with a small recurrent network, and draw what it does.

Three channels send a volley each, in one of six orders; "A, then B, then C" is the sequence to detect, and half of the
samples are it. The neurons fire as often as they like and excite or inhibit each
other with learned weights and delays; the largest potential that a readout reaches counts as its vote.
Run it with ``python examples/sequence_detection.py [sequence_detection.png]``; it writes the figure there.
"""

import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz

ORDERS = np.array(list(itertools.permutations(range(3))))  # the first one, (0, 1, 2), is to be detected
VOLLEY = 4  # spikes a cue


def sequences(count, rng):
    """Return recordings of a camera with three pixels, and labels: 1 where the order is A, B, C."""
    number = np.where(rng.random(count) < 0.5, 0, rng.integers(1, len(ORDERS), count))
    begin = np.empty((count, 3))
    begin[np.arange(count)[:, None], ORDERS[number]] = 2.0 + 8.0 * np.arange(3) + rng.uniform(-1.5, 1.5, (count, 3))
    time = begin[:, :, None] + 0.7 * np.arange(VOLLEY) + rng.normal(0.0, 0.1, (count, 3, VOLLEY))
    time = np.maximum(time, 0.0).reshape(count, -1)
    order = np.argsort(time, axis=1)
    x = np.take_along_axis(np.repeat(np.arange(3), VOLLEY)[None].repeat(count, 0), order, axis=1)
    cues = es.Recordings(np.take_along_axis(time, order, axis=1).ravel(), x.ravel(), np.zeros(x.size, int),
                         np.ones(x.size, int), np.arange(count + 1) * 3 * VOLLEY, shape=(1, 3))
    return cues, (number == 0).astype(int)


def network(encoder, rng):
    """Return three inputs, 20 recurrent neurons and two silent readouts."""
    net = es.Network(seed=1)
    cues = net.input("cues", encoder.shape((1, 3)))
    ring = net.population("ring", 20, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    vote = net.population("vote", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    net.connect(cues, ring, es.Dense(rng.normal(1.5, 1.5, (3, 20))), delay=rng.uniform(0.5, 8.0, (3, 20)))
    net.connect(ring, ring, es.Dense(rng.normal(0.0, 1.0, (20, 20))), delay=rng.uniform(0.5, 8.0, (20, 20)))
    net.connect(ring, vote, es.Dense(rng.normal(0.0, 1.0, (20, 2))), delay=1.0)
    return net


def main(figure):
    """Train, test on new sequences, and draw a detected and a rejected one."""
    rng = np.random.default_rng(1)
    encoder = training.encode.Events(polarity="merged")
    (train, labels), (test, truth) = sequences(1200, rng), sequences(600, rng)
    model = training.Model(network(encoder, rng), encoder, training.decode.Potential(scale=4.0, over="maximum"), "vote",
                           t_stop=40.0, classes=["another order", "A, B, C"])
    history = training.fit(
        model, train, labels, validation=(test[:200], truth[:200]), epochs=5, batch=40, optimizer=training.AdamW(8e-3),
        schedule="cosine", learn=["weights", "delays"], clip=1.0, slope_floor=0.02,
        delays=training.Delays(shortest=0.1, longest=15.0, projections=["cues->ring", "ring->ring"]))
    print(f"new sequences: {100.0 * model.evaluate(test[200:], truth[200:])['accuracy']:.1f} % right")

    sheet = plt.figure(figsize=(10.0, 5.6), layout="constrained")
    axes = sheet.subplots(2, 3, width_ratios=(4, 4, 3), height_ratios=(3, 2))
    for column, kind in enumerate((1, 0)):
        trace = model.simulate(test[[np.flatnonzero(truth == kind)[0]]])
        viz.raster(trace, axes=axes[0, column]).set_title(f"shown: {model.classes[kind]}", loc="left")
        panel = viz.membrane(trace, "vote", axes=axes[1, column])
        panel.set_title("", loc="left")
        panel.set_ylabel("potential of the vote")
        panel.legend(model.classes, frameon=False, fontsize="small", loc="lower left")
    viz.learning(history, axes=axes[:, 2])
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sequence_detection.png")
