"""Watch a trained network look at a digit: spikes spread through the layers of ``models/mnist.h5``, as an animation.

Every neuron is a pixel that lights up at its spike and then fades to grey; the bars are the membranes of the ten
outputs, and the first one that reaches its threshold is the answer. Needs the file of the model, which lies in the
repository (not in the installed package), and the MNIST files in a data folder (docs/command-line.md).
Run it with ``python examples/mnist_animation.py [mnist_animation.gif [model.h5 [number of a test image]]]``; the model
is ``../models/mnist.h5`` as seen from this script unless you name one. It writes the animation to the given place.
"""

import pathlib
import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.colors import ListedColormap

import training

PAPER, LIT, REST, FONT = "#10131c", "#ffb703", "#6e96be", "#d9dde8"
STEP, FADE, HOLD, LEVELS = 0.035, 0.12, 8, 12  # ms, ms, frames at the end, colours (few make small files)
PLACES = {  # of each layer on the page (left, bottom, width, height), and tiles in a row
    "input": ((0.02, 0.24, 0.19, 0.44), 1), "hidden1": ((0.235, 0.51, 0.33, 0.32), 8),
    "hidden2": ((0.235, 0.04, 0.33, 0.37), 11), "hidden3": ((0.59, 0.04, 0.19, 0.77), 8)}


def sheet_of(values, columns, gap=1):
    """Return maps (height, width, channels) as tiles of one picture, NaN between them."""
    height, width, channels = values.shape
    sheet = np.full((-(-channels // columns) * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for channel in range(channels):
        top, left = (channel // columns) * (height + gap), (channel % columns) * (width + gap)
        sheet[top:top + height, left:left + width] = values[:, :, channel]
    return sheet


def colours():
    """Return the colours from dark over blue to the glow of a new spike; between the tiles is paper."""
    stops = np.array([[29, 34, 48], [58, 84, 124], [110, 150, 190], [255, 183, 3], [255, 236, 170]]) / 255.0
    at = np.linspace(0.0, 1.0, LEVELS)
    table = ListedColormap(np.stack([np.interp(at, (0.0, 0.25, 0.5, 0.8, 1.0), part) for part in stops.T], axis=1))
    return table.with_extremes(bad=PAPER)


def main(figure, model, number):
    """Simulate one test image and write the animation."""
    model = training.Model.load(model)
    test = training.datasets.load("mnist", "test")
    trace = model.simulate(test.images[[number]], engine="layers")
    first = {name: trace.first_spikes(name)[0].reshape(trace.network[name].shape) for name in trace.network}
    winner, decided = int(np.argmin(first["output"])), first["output"].min()
    print(f"a {test.labels[number]}: the network says {model.classes[winner]} after {decided:.3f} ms")

    page = plt.figure(figsize=(9.0, 5.0), facecolor=PAPER)
    pictures, notes = {}, {}
    for name, (place, columns) in PLACES.items():
        panel = page.add_axes(place)
        panel.set_axis_off()
        dark = sheet_of(np.zeros(first[name].shape), columns)
        pictures[name] = panel.imshow(dark, cmap=colours(), vmin=0.0, vmax=1.0, interpolation="nearest")
        notes[name] = panel.set_title("", color=FONT, fontsize=8, loc="left", pad=3)
    race = page.add_axes((0.83, 0.13, 0.15, 0.68), facecolor=PAPER)
    bars = race.barh(range(10), np.zeros(10), height=0.7)
    race.axvline(1.0, color=FONT, linewidth=0.8, linestyle=":")
    race.set(xlim=(0.0, 1.12), ylim=(9.6, -0.6), yticks=range(10), yticklabels=model.classes, xticks=[0, 1])
    race.set_xlabel("membrane / threshold", color=FONT, fontsize=8)
    race.set_title("outputs", color=FONT, fontsize=8, loc="left")
    race.tick_params(colors=FONT, length=0)
    race.spines[:].set_visible(False)
    clock = page.text(0.02, 0.91, "", color=FONT, fontsize=15, family="monospace")
    answer = page.text(0.98, 0.91, "", color=LIT, fontsize=15, ha="right")
    times = np.arange(0.0, decided + 0.25, STEP)
    thresholds = trace.network["output"].neuron.resolve(10).v_threshold
    potential = trace.membrane("output", np.arange(10), times)[0] / thresholds[:, np.newaxis]

    def draw(frame):
        frame = min(frame, len(times) - 1)
        now = times[frame]
        clock.set_text(f"{now:5.2f} ms")
        answer.set_text(f"decided: {model.classes[winner]}  at {decided:.2f} ms" if now >= decided else "")
        for name, picture in pictures.items():
            glow = 0.25 + 0.75 * np.exp(-np.maximum(now - first[name], 0.0) / FADE)  # for good, and of a new spike
            picture.set_data(sheet_of(np.where(first[name] <= now, glow, 0.0), PLACES[name][1]))
            size = " x ".join(map(str, first[name].shape))
            notes[name].set_text(f"{name}  {size}\n{np.count_nonzero(first[name] <= now):,} spikes")
        for digit, bar in enumerate(bars):
            fired = first["output"][digit] <= now
            bar.set(width=1.0 if fired else np.clip(potential[digit, frame], 0.0, 1.0), color=LIT if fired else REST)

    FuncAnimation(page, draw, frames=len(times) + HOLD).save(figure, PillowWriter(fps=10), dpi=80)
    print(f"animation: {figure}, {pathlib.Path(figure).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    given = sys.argv[1:]
    beside = pathlib.Path(sys.argv[0]).resolve().parents[1] / "models" / "mnist.h5"
    main(given[0] if given else "mnist_animation.gif", given[1] if len(given) > 1 else beside,
         int(given[2]) if len(given) > 2 else 0)
