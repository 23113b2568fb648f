"""Classify recordings of an event camera (N-MNIST) event by event; draw one of them and what the network made of it.

The camera moves three times before a digit; every event is one spike at its own time, nothing is binned. Needs the
files of N-MNIST in a data folder (docs/event-cameras.md). A few epochs only: ``examples/configs/nmnist.toml`` trains to
the end. Run it with ``python examples/nmnist.py [nmnist.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz
from viz import style

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
        model, train.images, train.labels, epochs=5, batch=50, optimizer=training.AdamW(1e-2), schedule="cosine",
        normalize=True, rates={"gain": 0.05, "drive": 0.05}, dropout={"input": 0.2, "hidden1": 0.1, "hidden2": 0.3},
        clip=1.0, slope_floor=0.1)
    print(f"{100.0 * model.evaluate(test.images, test.labels)['accuracy']:.0f} % of 100 other recordings")

    trace = model.simulate(test.images, test.labels)
    sheet = plt.figure(figsize=(11.0, 4.2), layout="constrained")
    events, spikes, course = sheet.subplots(1, 3, width_ratios=(3, 4, 4))
    one = test.images[[0]]
    colour = np.where(one.polarity == 1, style.colour(1), style.colour(0))
    events.scatter(one.x, one.y, c=colour, s=4, alpha=0.3, linewidths=0)
    events.set(aspect="equal", xlabel="x", ylabel="y", xlim=(-1, 34), ylim=(34, -1))
    events.set_title(f"{len(one.time):,} events of a {test.labels[0]}", fontsize="medium")
    viz.raster(trace, sample=0, axes=spikes)
    known = es.measure.anytime(trace)
    course.plot(known.times / SCALE, 100.0 * known.accuracy, color=style.colour(0))
    course.set(xlabel="time in the recording (ms)", ylabel="right guesses (%)", ylim=(0.0, 100.0))
    course.set_title("100 test recordings", fontsize="medium")
    style.tidy(course, grid="y")
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "nmnist.png")
