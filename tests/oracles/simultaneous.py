"""Networks in which very many spikes have one instant, with what must come out, in whole numbers that add exactly."""

import numpy as np

import eventsim as es

counter = es.LIF(tau_mem=es.NEVER, tau_syn=0.0, t_refractory=es.NEVER)
"""No leak, each arrival is a jump of V, fires at most once."""


def inputs_at_once(count):
    """Return (network, stimulus): so many input spikes at 1 ms to three neurons.

    The thresholds are the sum of the weights, more, and less by one arrival: neurons 0 and 2 fire at 1 ms.
    """
    net = es.Network(seed=1)
    net.input("in", count)
    net.population("few", 3, counter.replace(v_threshold=[count, count + 1.0, count - 1.0]))
    net.connect("in", "few", es.Dense(1.0))
    return net, es.Spikes(np.ones(count), np.arange(count))


def currents_at_once(count):
    """Return (network, stimulus): the same with weights of all sizes onto leaky neurons, whose sums round."""
    net = es.Network(seed=1)
    net.input("in", count)
    net.population("few", 3, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect("in", "few", es.Dense(es.Normal(5.0 / count, 1.0)))
    return net, es.Spikes(np.ones(count), np.arange(count))


def neurons_at_once(count, delay=0.0):
    """Return (network, stimulus): so many neurons fire at 1 ms into two.

    "full" needs all of them and fires `delay` later, "more" needs one more.
    """
    net = es.Network(seed=1)
    net.input("in", 1)
    net.population("many", count, counter)
    net.population("full", 1, counter.replace(v_threshold=count))
    net.population("more", 1, counter.replace(v_threshold=count + 1.0))
    net.connect("in", "many", es.Dense(1.0))
    for name in ("full", "more"):
        net.connect("many", name, es.Dense(1.0), delay=delay)
    return net, es.Spikes([1.0], [0])


def chain(count, closed=False, cell=counter):
    """Return (network, stimulus): a chain of neurons without delay, `closed` to a loop; each fires once at 1 ms."""
    net = es.Network(seed=1)
    net.input("in", 1)
    net.population("chain", count, cell)
    net.connect("in", "chain", es.Sparse([0], [0], 1.0))
    source = np.arange(count if closed else count - 1)
    net.connect("chain", "chain", es.Sparse(source, (source + 1) % count, 1.0))
    return net, es.Spikes([1.0], [0])
