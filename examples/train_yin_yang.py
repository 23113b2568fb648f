"""Learn the Yin-Yang data set (three classes of points in the plane) with first-spike times; draw what it decides.

Every coordinate is one spike; the output neuron that fires first decides. A few epochs only:
``examples/configs/yin_yang.toml`` trains to the end. Run it with
``python examples/train_yin_yang.py [train_yin_yang.png]``; it writes the figure there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

import eventsim as es
import training
import viz
from viz import style


def untrained(classes):
    """Return a model 5-120-3 of ramp neurons that fire once."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("point", 5)  # x, y, 1 - x, 1 - y, and a spike at a fixed time
    net.population("hidden", 120, once)
    net.population("output", 3, once)
    net.connect("point", "hidden", es.Dense(0.0))
    net.connect("hidden", "output", es.Dense(0.0))
    training.initialize.by_moments(
        net, window=2.0, kappa=2.8, mean={"point->hidden": 1.5, "hidden->output": 1.0},
        active={"point->hidden": 1.0, "hidden->output": 0.8}, law="normal")
    return training.Model(
        net, encoder=training.encode.Coordinates(t_max=2.0, bias=0.0),
        decoder=training.decode.FirstSpike("latency", tau=0.05), t_stop=6.0, classes=classes)


def main(figure):
    """Train, test, and draw the learning curve, and decision and decision time over the plane."""
    train, validation, test = (training.datasets.load("yin-yang", part) for part in ("train", "validation", "test"))
    model = untrained(train.classes)
    history = training.fit(
        model, train.images, train.labels, validation=(validation.images, validation.labels), epochs=10, batch=100,
        optimizer=training.AdamW(5e-3), schedule="cosine", policies=[training.regularize.SilentLabel()], clip=0.5,
        slope_floor=0.3)
    print(f"test accuracy {100.0 * model.evaluate(test.images, test.labels)['accuracy']:.2f} %")

    grid = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 120)] * 2), axis=-1)
    inside = ((grid - 0.5) ** 2).sum(axis=2) < 0.25
    points = grid[inside]
    decision = es.measure.decide(model.simulate(np.concatenate([points, 1.0 - points], axis=1)))
    sheet = plt.figure(figsize=(11.0, 3.7), layout="constrained")
    curve, winner, latency = sheet.subplots(1, 3, width_ratios=(4, 3.2, 3.2))
    viz.learning(history, quantities="accuracy", axes=curve)
    three = ListedColormap([style.colour(place) for place in range(3)])
    when = np.where(decision.decided, decision.time, np.nan)
    for panel, values, look in ((winner, decision.label, three), (latency, when, style.TIME_MAP)):
        picture = np.full(inside.shape, np.nan)
        picture[inside] = values
        image = panel.imshow(picture, origin="lower", extent=(0.0, 1.0, 0.0, 1.0), interpolation="nearest", cmap=look)
        panel.set(xlabel="x", ylabel="y", title="which output fires first" if panel is winner else "and when")
        style.tidy(panel)
    sheet.colorbar(image, ax=latency, label="decision time (ms)", shrink=0.75)
    sheet.savefig(figure, dpi=120)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "train_yin_yang.png")
