"""Classify what an event camera sees, event by event; needs no files, because the camera is simulated.

The 8 x 8 digits of the package move before a simulated camera of 14 x 14 pixels along the three saccades of N-MNIST,
300 ms. Each change of brightness is one event, and one spike at its own time: nothing is binned. ``examples/nmnist.py``
does the same with real recordings.
Run it with ``python examples/event_camera.py [event_camera.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training
import viz
from viz import style

SCALE = 0.02  # the network lives 50 times as fast: 300 ms of recording are 6 ms of its time
TRAIN, TEST = 1500, 500


def recorded(split, count):
    """Return synthetic recordings of the first digits of a split, and their labels."""
    digits = training.datasets.load("digits", split)
    return training.datasets.saccades.record(digits.images[:count] / 16.0), digits.labels[:count]


def untrained(encoder, shape):
    """Return 14x14x2 - 100 - 10: ramp neurons that fire once, and silent readouts."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    training.architecture.build(net, encoder.shape(shape), [100], once, once.replace(v_threshold=es.NEVER), 10)
    return training.Model(net, encoder, training.decode.Potential(), "output", t_stop=6.5)


def main(figure):
    """Train, test on other recordings, and draw one in space and time with what the network makes of it."""
    (train, labels), (test, truth) = recorded("train", TRAIN), recorded("test", TEST)
    encoder = training.encode.Events(time_scale=SCALE)
    model = untrained(encoder, train.shape)
    training.initialize.by_rule(model, "measured", images=train)
    training.fit(model, train, labels, epochs=6, batch=50, optimizer=training.AdamW(1e-2), schedule="cosine",
                 normalize=True, rates={"gain": 0.05, "drive": 0.05}, clip=1.0, slope_floor=0.1)
    trace = model.simulate(test, truth)
    known = es.measure.anytime(trace)
    print(f"{100.0 * known.accuracy[-1]:.1f} % of {TEST} other recordings")

    shown = int(np.flatnonzero(truth == 3)[0])
    one = test[[shown]]
    sheet = plt.figure(figsize=(12.0, 4.4), layout="constrained")
    left, middle, right = sheet.subfigures(1, 3, width_ratios=(4, 5, 3))
    space = left.add_subplot(projection="3d")
    colour = np.where(one.polarity == 1, style.colour(1), style.colour(0))
    space.scatter(one.time, one.x, -one.y.astype(float), c=colour, s=3, depthshade=False, linewidths=0)
    space.set_box_aspect((2.0, 1.0, 1.0), zoom=1.0)
    space.view_init(elev=20, azim=-60)
    space.set_xlabel("time (ms)", labelpad=12.0)
    space.set(ylabel="x", zlabel="y", xticks=(0, 100, 200, 300), yticks=(0, 13), zticks=(-13, 0), zticklabels=(13, 0))
    space.set_title(f"{len(one.time):,} events: brighter (orange), darker (blue)", fontsize="medium")
    spikes = middle.subplots()
    viz.raster(trace, sample=shown, axes=spikes)
    spikes.set(xlabel="time of the network (ms), 50 times as fast")
    course = right.subplots()
    course.plot(known.times / SCALE, 100.0 * known.accuracy, color=style.colour(0))
    for turn in (100.0, 200.0):
        course.axvline(turn, color=style.RULE, linewidth=1.0, zorder=0)
    course.set(xlabel="time in the recording (ms)", ylabel="right guesses (%)", ylim=(0.0, 100.0), xlim=(0.0, 310.0))
    course.set_title(f"{TEST} recordings, three saccades", fontsize="medium")
    style.tidy(course, grid="y")
    sheet.savefig(figure, dpi=110)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "event_camera.png")
