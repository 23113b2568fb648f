"""Random recurrent networks with delays, refractory periods and neurons that fire many times, for gradients."""

import math

import numpy as np
from differences import Reading
from gradient_cases import Case, response

import eventsim as es

TAUS = ((20.0, 5.0), (10.0, 5.0), (10.0, 10.0), (10.0, 10.001), (3.0, 10.0), (math.inf, 5.0), (math.inf, math.inf),
        (10.0, math.inf), (20.0, (2.0, 8.0)), (10.0, (10.0, 3.0)), (8.0, (8.0, 8.0)), (math.inf, (2.0, 8.0)),
        (10.0, (math.inf, 4.0)))
"""tau_mem and tau_syn in ms; two of tau_syn: two receptors."""

MOST_SPIKES = 1000
"""A network that fires more often is drawn anew: without rest, excitation can multiply its spikes without end."""

READINGS = ("end", "value", "integral", "discounted", None)
"""What the loss reads of a readout; None: spikes only."""


def random_case(rng, taus, refractory="some", per_synapse=False, reading=None, inputs=8, span=30.0):
    """Return a network of two recurrent populations, which inhibit and excite each other (see `MOST_SPIKES`).

    Parameters
    ----------
    rng : numpy.random.Generator
    taus : tuple
        One of `TAUS`.
    refractory : str
        "none", "some" (each neuron its own) or "long" (longer than the delays).
    per_synapse : bool
        Every synapse has its own delay.
    reading : str or None
        One of `READINGS`.
    inputs, span : int, float
        So many input spikes within so many ms.

    Returns
    -------
    Case
    """
    tau_mem, tau_syn = taus
    receptors = ("fast", "slow") if isinstance(tau_syn, tuple) else ()
    net = es.Network(seed=0)
    source = net.input("in", 4)
    slowest = max(tau_syn) if receptors else tau_syn
    strength = 1.0 / response(tau_mem, slowest, 10.0)

    def neurons(name, size, fires=True):
        held = {"none": 0.0, "some": rng.uniform(0.3, 2.0, size), "long": rng.uniform(4.0, 8.0, size)}[refractory]
        low = -0.02 if math.isinf(tau_mem) else -0.3
        return net.population(name, size, es.LIF(
            tau_mem, dict(zip(receptors, tau_syn, strict=True)) if receptors else tau_syn, v_rest=-0.1,
            v_threshold=rng.uniform(0.8, 1.2, size) if fires else es.NEVER, v_reset=rng.uniform(-0.3, 0.1, size),
            v_init=rng.uniform(-0.4, 0.3, size), t_refractory=held if fires else es.NEVER,
            i_offset=rng.uniform(low, -2.0 * low / 3.0, size)))

    def connect(first, second, share, low, high):
        chosen = np.flatnonzero(rng.random(first.size * second.size) < share)
        ends = np.divmod(chosen, second.size)
        for receptor in receptors or (None,):
            delay = rng.uniform(0.2, 3.0, len(chosen) if per_synapse else ())
            weight = rng.uniform(low, high, len(chosen)) * strength / len(receptors or "1")
            net.connect(first, second, es.Sparse(*ends, weight), delay=delay, receptor=receptor,
                        name=f"{first.name}->{second.name} {receptor or ''}".strip())

    first, second = neurons("first", 4), neurons("second", 3)
    connect(source, first, 0.9, 0.3, 1.6)
    connect(first, second, 0.9, 0.2, 1.4)
    connect(first, first, 0.6, -0.8, 0.4)
    connect(second, first, 0.6, -0.8, 0.5)
    loss = {}
    t_stop = span + 10.0
    if reading is not None:
        out = neurons("readout", 2, fires=False)
        connect(second, out, 1.0, -1.0, 1.0)
        connect(first, out, 1.0, -1.0, 1.0)
        coefficient = rng.uniform(0.2, 1.0, 2)
        loss["readout"] = {
            "end": coefficient, "value": Reading(coefficient, time=0.7 * t_stop),
            "integral": Reading(coefficient, tau=math.inf), "discounted": Reading(coefficient, tau=15.0)}[reading]
    times = rng.uniform(0.1, span, inputs * 4)
    stimulus = es.Spikes(times, np.tile(np.arange(4), inputs), amplitude=rng.uniform(0.7, 1.3, inputs * 4))
    case = Case(net, {"in": stimulus}, t_stop, loss)
    trace = es.simulate(net, case.stimulus, t_stop, seed=0, stop=MOST_SPIKES)
    if trace.ended[0] < t_stop:
        return random_case(rng, taus, refractory, per_synapse, reading, inputs, span)
    for name, size in (("first", 4), ("second", 3)):
        most = int(np.bincount(trace.spikes(name).neuron, minlength=1).max(initial=0))
        if most and (reading is None or rng.random() < 0.5):
            loss[name] = rng.uniform(-0.5, 1.0, (size, most))
    return case
