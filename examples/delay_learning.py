"""Learn the Yin-Yang data set with 30 hidden neurons, once with fixed delays and once with learned ones.

Every coordinate is one spike and the output neuron that fires first decides. A delay for each synapse moves spikes in
time as weights do, and more directly: DelGrad (Goeltz et al. 2025) found that delays make small networks as good as
larger ones. A few epochs only; ``examples/configs/yin_yang_delays.toml`` trains to the end.
Run it with ``python examples/delay_learning.py [figure.png]``.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es
import training

EPOCHS = 12
LONGEST = 10.0  # ms


def untrained(classes):
    """Return a model 5-30-3 of ramp neurons whose synapses all have a delay of 0.3 ms."""
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("point", 5)  # x, y, 1 - x, 1 - y, and a spike at a fixed time
    net.population("hidden", 30, once)
    net.population("output", 3, once)
    net.connect("point", "hidden", es.Dense(0.0), delay=np.full((5, 30), 0.3))
    net.connect("hidden", "output", es.Dense(0.0), delay=np.full((30, 3), 0.3))
    training.initialize.by_moments(
        net, window=2.0, kappa=2.8, mean={"point->hidden": 1.5, "hidden->output": 1.0},
        active={"point->hidden": 1.0, "hidden->output": 0.8}, law="normal")
    return training.Model(
        net, encoder=training.encode.Coordinates(t_max=2.0, bias=0.0),
        decoder=training.decode.FirstSpike("latency", tau=0.05), t_stop=8.0, classes=classes)


def main(figure):
    """Train both networks and draw their learning curves, the learned delays and the decisions over the plane."""
    train, validation, test = (training.datasets.load("yin-yang", part) for part in ("train", "validation", "test"))
    sheet = plt.figure(figsize=(11.0, 3.4), layout="constrained")
    curves, delays, plane = sheet.subplots(1, 3, width_ratios=(4, 4, 3))
    for learn, label in ((["weights"], "weights"), (["weights", "delays"], "weights and delays")):
        model = untrained(train.classes)
        history = training.fit(
            model, train.images, train.labels, validation=(validation.images, validation.labels), epochs=EPOCHS,
            batch=100, optimizer=training.AdamW(2e-2), schedule="cosine", learn=learn,
            delays=training.Delays(longest=LONGEST) if "delays" in learn else None,
            policies=[training.regularize.SilentLabel()], clip=0.5, slope_floor=0.3, progress=None)
        accuracy = 100.0 * model.evaluate(test.images, test.labels)["accuracy"]
        print(f"{label}: {accuracy:.1f} % of the test points")
        curves.plot(np.arange(1, EPOCHS + 1), 100.0 * np.array(history.column("validation_accuracy")),
                    label=f"{label} (test {accuracy:.1f} %)")
    curves.set(xlabel="epoch", ylabel="validation points right (%)", title="30 hidden neurons")
    curves.legend(frameon=False, loc="lower right")
    for name, projection in model.net.projections.items():
        delays.hist(projection.delay.ravel(), bins=np.linspace(0.0, 2.0, 41), histtype="step", label=name)
    delays.axvline(0.3, color="grey", linestyle="--", linewidth=0.8, label="before")
    delays.set(xlabel="learned delay (ms)", ylabel="synapses", title=f"delays, {LONGEST:g} ms at most")
    delays.legend(frameon=False)
    grid = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 80)] * 2), axis=-1).reshape(-1, 2)
    grid = grid[((grid - 0.5) ** 2).sum(axis=1) < 0.25]
    points = np.concatenate([grid, 1.0 - grid], axis=1)
    plane.scatter(*grid.T, c=model.predict(points), s=4, cmap="viridis")
    plane.set(aspect="equal", xlabel="x", ylabel="y", title="decisions")
    sheet.savefig(figure, dpi=150)
    print(f"figure: {figure}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "delay_learning.png")
