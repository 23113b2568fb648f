"""The networks of the benchmarks: those of ``eventsim bench``, and one neuron under many inputs.

    python benchmarks/networks.py delta --duration 1000 --out delta.npz

writes one of them as a file of arrays.
"""

import argparse

import numpy as np

from eventsim import bench_networks
from eventsim.bench_networks import BRETTE, NETWORKS, SEED, Circuit, Rows, build, draw, noise_spikes, save, ttfs

__all__ = ["NETWORKS", "SEED", "Circuit", "Rows", "build", "draw", "noise_spikes", "one_neuron", "save", "ttfs"]


def one_neuron(inputs_per_second, sources=5):
    """Return one leaky neuron with exponential currents under Poisson input.

    Parameters
    ----------
    inputs_per_second : float
        Arrivals at the neuron, four of five excitatory.
    sources : int, optional
        Noise neurons that share them.

    Returns
    -------
    Circuit
        With the input's mean and variance kept: weights scale with the root of the rate, and the mean that this
        leaves over is made up for by the resting potential.
    """
    scale = np.sqrt(1000.0 / inputs_per_second)
    weight = np.where(np.arange(sources) % 5 == 4, -2.0, 2.0) * scale
    pointer = np.arange(sources + 1, dtype=np.int64)
    noise = Rows(pointer, np.zeros(sources, np.int32), weight, np.array(1.0))
    silent = Rows(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0), np.array(1.0))
    tau_e, tau_i = 5.0, 10.0
    mean = 2.0 * scale * inputs_per_second / 1000.0 * (0.8 * tau_e - 0.2 * tau_i)
    neuron = {**BRETTE, "v_rest": -51.0 - mean, "tau_syn": {"excitatory": tau_e, "inhibitory": tau_i}}
    return Circuit(f"one-{inputs_per_second:g}", neuron, np.array([-60.0]), silent, noise,
                   inputs_per_second / sources)


def main():
    """Write one network for a simulator that runs elsewhere."""
    parser = argparse.ArgumentParser(description=main.__doc__.splitlines()[0])
    parser.add_argument("network", choices=tuple(NETWORKS))
    parser.add_argument("--neurons", type=int)
    parser.add_argument("--synapses", type=int)
    parser.add_argument("--duration", type=float, default=1000.0, help="of the noise, ms (%(default)g)")
    parser.add_argument("--out", metavar="FILE.npz", required=True)
    arguments = parser.parse_args()
    circuit = draw(arguments.network, arguments.neurons, arguments.synapses)
    bench_networks.save(circuit, arguments.out, arguments.duration)


if __name__ == "__main__":
    main()
