"""Classify recordings of an event camera (N-MNIST) event by event; draw one of them and what the network made of it.

The camera moves three times before a digit; every event is one spike at its own time, nothing is binned. Needs the
files of N-MNIST in a data folder (docs/event-cameras.md). A few epochs only: ``examples/configs/nmnist.toml`` trains to
the end. Run it with ``python examples/nmnist.py [figure.png]``.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz

SCALE = 0.02  # the network lives 50 times as fast: 300 ms of recording are 6 ms of its time


def untrained(encoder, shape):
    """Return 17x17x2 - 12C5s2 - 100 - 10: ramp neurons that fire once, and silent readouts."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    silent = once.replace(v_threshold=es.NEVER)
    training.architecture.build(net, encoder.shape(shape), ["12C5s2", 100], once, silent, 10)
    return training.Model(net, encoder, training.decode.Potential(), "output", t_stop=7.0)


def main(figure):
    """Train on 1,000 recordings, test on 100 others, and draw."""
    train, test = (training.datasets.load("nmnist", part) for part in ("train", "test"))
    encoder = training.encode.Events(pool=2, time_scale=SCALE)
    model = untrained(encoder, train.images.shape)
    training.initialize.by_rule(model, "measured", images=train.images)
    training.fit(
        model, train.images, train.labels, epochs=12, batch=50, optimizer=training.AdamW(1e-2), schedule="cosine",
        normalize=True, rates={"gain": 0.05, "drive": 0.05}, dropout={"input": 0.2, "hidden1": 0.1, "hidden2": 0.3},
        clip=1.0, slope_floor=0.1)
    print(f"{100.0 * model.evaluate(test.images, test.labels)['accuracy']:.0f} % of 100 other recordings")

    trace = model.simulate(test.images, test.labels)
    sheet = plt.figure(figsize=(11.0, 4.2), layout="constrained")
    events, spikes, course = sheet.subplots(1, 3, width_ratios=(3, 4, 4))
    one = test.images[[0]]
    events.scatter(one.x, one.y, c=np.where(one.polarity == 1, 1.0, -1.0), s=2, cmap="coolwarm", alpha=0.4)
    events.set(aspect="equal", title=f"{len(one.time):,} events of a {test.labels[0]}", xlabel="x", ylabel="y")
    events.invert_yaxis()
    viz.raster(trace, sample=0, axes=spikes)
    known = es.measure.anytime(trace)
    course.plot(known.times / SCALE, 100.0 * known.accuracy)
    course.set(xlabel="time in the recording (ms)", ylabel="right guesses (%)", title="100 test recordings")
    sheet.savefig(figure, dpi=150)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "nmnist.png")
