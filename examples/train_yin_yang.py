"""Learn the Yin-Yang data set (three classes of points in the plane) with first-spike times.

Every coordinate is one spike; the output neuron that fires first decides. A few epochs only:
``examples/configs/yin_yang.toml`` trains to the end. Run it with ``python examples/train_yin_yang.py``.
"""

import eventsim as es
import training

train = training.datasets.load("yin-yang", "train")
validation = training.datasets.load("yin-yang", "validation")
test = training.datasets.load("yin-yang", "test")

once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)  # ramps
net = es.Network(seed=1)
net.input("point", 5)  # x, y, 1 - x, 1 - y, and a spike at a fixed time
net.population("hidden", 120, once)
net.population("output", 3, once)
net.connect("point", "hidden", es.Dense(0.0))
net.connect("hidden", "output", es.Dense(0.0))
training.initialize.by_moments(
    net,
    window=2.0,
    kappa=2.8,
    mean={"point->hidden": 1.5, "hidden->output": 1.0},
    active={"point->hidden": 1.0, "hidden->output": 0.8},
    law="normal",
)

model = training.Model(
    net,
    encoder=training.encode.Coordinates(t_max=2.0, bias=0.0),
    decoder=training.decode.FirstSpike("latency", tau=0.05),
    t_stop=6.0,
    classes=train.classes,
)
training.fit(
    model,
    train.images,
    train.labels,
    validation=(validation.images, validation.labels),
    epochs=10,
    batch=100,
    optimizer=training.AdamW(5e-3),
    schedule="cosine",
    policies=[training.regularize.SilentLabel()],
    clip=0.5,
    slope_floor=0.3,
)
print(f"test accuracy {100.0 * model.evaluate(test.images, test.labels)['accuracy']:.2f} %")
