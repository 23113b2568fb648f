"""A loss, an optimiser and a data loader of PyTorch around a spiking network: digits that win their race by a margin.

The loss is the user's own: the output of the label must fire at least `MARGIN` before every other one. Its gradient
reaches the weights through exact spike times. Draws by how much the label wins, before and after learning.
Needs PyTorch (``pip install eventsim[torch]``). Run it with ``python examples/pytorch_loss.py``; it writes
``pytorch_loss.png`` where you stand.
"""

import matplotlib.pyplot as plt
import torch

import eventsim as es
import training
from viz import style

T_STOP, MARGIN = 4.0, 0.3  # ms


def tensors(split):
    """Return input spike times (the brighter, the earlier; black pixels are silent) and labels of the digits."""
    digits = training.datasets.load("digits", split)
    x = torch.from_numpy(digits.images / 16.0).reshape(len(digits.images), -1)
    return torch.where(x > 0.0, 1.0 - x, torch.inf), torch.from_numpy(digits.labels).long()


once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)  # ramps, one spike at most
net = es.Network(seed=1)
net.input("pixels", 64)
net.population("hidden", 100, once)
net.population("output", 10, once)
net.connect("pixels", "hidden", es.Dense(0.0))
net.connect("hidden", "output", es.Dense(0.0))
training.initialize.by_moments(
    net,
    window=1.0,
    kappa=2.8,
    mean={"pixels->hidden": 1.0, "hidden->output": 2.0},
    active={"pixels->hidden": 0.5, "hidden->output": 0.6},
    law="normal",
)


def lead(times, labels):
    """Return by how many ms the label's output fires before each other one, (samples, 9)."""
    times = times.clamp(max=T_STOP)  # silent outputs are as late as the horizon
    own = times.gather(1, labels[:, None])
    others = times[torch.arange(10) != labels[:, None]].reshape(-1, 9)
    return others - own


def evaluate(layer, times, labels):
    """Return the smallest lead of each sample, and the share of samples in which the label fires first."""
    with torch.no_grad():
        smallest = lead(layer(times), labels).amin(dim=1)
    return smallest, (smallest > 0.0).double().mean().item()


torch.manual_seed(1)
torch.set_num_threads(1)  # its tensors are small here; the threads are for the simulation
train, test = tensors("train"), tensors("test")
layer = training.torch.SpikeTimes(net, T_STOP, slope_floor=0.3)
batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*train), batch_size=64, shuffle=True)
optimizer = torch.optim.AdamW(layer.parameters(), lr=5e-3, weight_decay=0.1)
epochs = 6
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))

before, _ = evaluate(layer, *test)
for epoch in range(epochs):
    total = 0.0
    for times, labels in batches:
        optimizer.zero_grad()
        loss = torch.relu(MARGIN - lead(layer(times), labels)).sum(dim=1).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    after, accuracy = evaluate(layer, *test)
    print(f"epoch {epoch + 1}: loss {total / len(batches):.3f}, test accuracy {100.0 * accuracy:.2f} %")

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for place, (values, name) in enumerate(((before, "before"), (after, "after"))):
    axes.hist(values.numpy().clip(-1.0, 2.0), bins=75, range=(-1.0, 2.0), histtype="stepfilled", alpha=0.6,
              color=style.colour(1 - place), label=f"{name} learning")
axes.axvline(0.0, color=style.INK, linewidth=0.8)
axes.set(xlabel="lead of the right output over the next one (ms; outer bars: and beyond)", ylabel="test digits")
style.tidy(axes)
axes.legend(frameon=False)
figure.savefig("pytorch_loss.png", dpi=120)
