"""A recurrent network of excitation and inhibition, driven by Poisson noise; draws its raster.

Run it with ``python examples/balanced_network.py``; it writes ``balanced_network.png`` where you stand.
"""

import eventsim as es
import viz

neuron = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0)
net = es.Network(seed=2)
net.population("excitatory", 400, neuron)
net.population("inhibitory", 100, neuron)
net.poisson("noise", 500, rate=20.0)

for target in ("excitatory", "inhibitory"):
    net.connect("noise", target, es.FixedInDegree(50, 0.5), delay=1.0)
    net.connect("excitatory", target, es.FixedProbability(0.1, 0.3), delay=es.Uniform(0.5, 2.5))
    net.connect("inhibitory", target, es.FixedProbability(0.1, -1.5), delay=es.Uniform(0.5, 1.5))

trace = es.simulate(net, {}, t_stop=500.0)
for name in ("excitatory", "inhibitory"):
    rate = es.measure.mean_firing_rate(trace, name).mean()
    print(f"{name}: {rate:.1f} Hz a neuron")

axes = viz.raster(trace, rates=True)
axes[0].figure.savefig("balanced_network.png", dpi=120)
