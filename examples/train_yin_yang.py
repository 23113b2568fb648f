"""Learn the Yin-Yang data set (three classes of points in the plane) with first-spike times.

Every coordinate is one spike; the output neuron that fires first decides. A few epochs only: the
settings that reach the published accuracy are in ``examples/configs``. Run it with
``python examples/train_yin_yang.py``.
"""

import eventsim as es
import training

train = training.datasets.load("yin-yang", "train")
validation = training.datasets.load("yin-yang", "validation")
test = training.datasets.load("yin-yang", "test")

once = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
net = es.Network(seed=1)
net.input("point", 5)  # x, y, 1 - x, 1 - y, and a spike at a fixed time
net.population("hidden", 60, once)
net.population("output", 3, once)
net.connect("point", "hidden", es.Dense(0.0))
net.connect("hidden", "output", es.Dense(0.0))
training.initialize.by_moments(net, window=20.0, kappa=0.8)

model = training.Model(
    net,
    encoder=training.encode.Coordinates(t_max=20.0, bias=0.0),
    decoder=training.decode.FirstSpike(),
    t_stop=60.0,
    classes=train.classes,
)
training.fit(
    model,
    train.images,
    train.labels,
    validation=(validation.images, validation.labels),
    epochs=5,
    optimizer=training.AdamW(5e-3),
)
print(f"test accuracy {100.0 * model.evaluate(test.images, test.labels)['accuracy']:.2f} %")
