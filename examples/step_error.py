"""What a time step costs: spikes of one neuron, exact and with Euler steps of shrinking size.

The same input arrives at the same neuron. The exact engine gives the spikes of the equations; a
clock-driven loop moves every spike to its grid, feeds the error back through the reset, and may lose
or invent spikes. Run it with ``python examples/step_error.py``.
"""

import numpy as np

import eventsim as es

TAU_MEM, TAU_SYN, T_STOP = 20.0, 5.0, 200.0
draw = np.random.default_rng(1)
times = np.sort(draw.uniform(0.0, T_STOP, 60))
weights = draw.normal(1.0, 1.2, 60)

net = es.Network()
net.input("source", 60)
net.population("cell", 1, es.LIF(TAU_MEM, TAU_SYN))
net.connect("source", "cell", es.Dense(weights[:, np.newaxis]))
stimulus = {"source": es.Spikes(time=times, neuron=np.arange(60))}
exact = es.simulate(net, stimulus, t_stop=T_STOP).spikes("cell").time


def stepped(dt):
    """Return the spike times of a forward Euler loop with step `dt` (ms)."""
    v = i = 0.0
    spikes = []
    steps = round(T_STOP / dt)
    arrivals = np.bincount(np.ceil(times / dt).astype(int), weights, minlength=steps + 1)
    for step in range(steps):
        i += arrivals[step]
        v += dt * (i - v) / TAU_MEM
        i -= dt * i / TAU_SYN
        if v >= 1.0:
            spikes.append((step + 1) * dt)
            v = 0.0
    return np.array(spikes)


print(f"exact: {len(exact)} spikes")
for dt in (1.0, 0.1, 0.01, 0.001):
    spikes = stepped(dt)
    shared = min(len(spikes), len(exact))
    error = np.abs(spikes[:shared] - exact[:shared]).max()  # spikes paired in their order
    print(f"step {dt:5.3f} ms: {len(spikes)} spikes, worst time error {error:.4f} ms")
