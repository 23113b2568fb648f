"""Which engine runs a network, and why."""

from eventsim.engines import heap, layers, reference, window
from eventsim.engines.prepared import shortest_delay
from eventsim.errors import InputError
from eventsim.lower import lower

ENGINES = ("auto", "heap", "window", "layers", "reference")

SAMPLES = {"heap": heap.Sample, "window": window.Sample, "reference": reference.Sample}
"""Engines that run a sample piece by piece, by name."""


MOST_SHARDS = 1024
"""Into more parts, each with tables of its own, no sample is cut: no machine has so many processors."""

MANY_SYNAPSES = 2_000_000
"""From so many synapses on, a single sample is worth several threads (a window of threads costs 10 to 40 us)."""

SHORT, FULL = 0.1, 100.0
"""Windows that are shorter (ms) pay from so many synapses times their length (ms) on; below, most of them are empty.

Both engines took the same time at 130 (1,000 neurons at 76 Hz), 150 (100 neurons at 20 Hz) and 12 (33 neurons that fire
once in 8 ms). In the last of these networks heap was 150 times as fast at 0.02, which learned delays come to.
"""


def shards_for(engine, lowered, n_samples, threads):
    """Return into how many shards, each with a thread, a sample is cut."""
    many = engine == "window" and n_samples == 1 and len(lowered.synapse_weight) >= MANY_SYNAPSES
    return min(threads, MOST_SHARDS) if many else 1


def choose_engine(net, engine, precision="double", stops=False, piecewise=False):
    """Return the engine to run and the reason.

    Parameters
    ----------
    net : Network
    engine : str
        One of `ENGINES`.
    precision : {"double", "single"}
    stops : bool
        Whether the run has a stop condition.
    piecewise : bool
        Whether the run is to be continued later.

    Returns
    -------
    (str, str)

    Raises
    ------
    InputError
        For an engine that cannot run this.
    """
    noisy = any(p.kind == "poisson" for p in net.populations.values())
    reason = "asked for"
    if engine == "auto":
        unsuited = "it is run piece by piece" if piecewise else "a stop condition" if stops else layers.unsuited(net)
        if unsuited is None and noisy:
            unsuited = "Poisson inputs"
        if unsuited is None:
            engine, reason = "layers", "feed-forward, single spikes"
        else:
            lowered = lower(net)
            shortest = shortest_delay(lowered)
            instant = window.unsuited(shortest)
            synapses = len(lowered.synapse_weight)
            if instant is None and shortest < SHORT and synapses * shortest < FULL:
                instant = f"{synapses} synapses leave most windows of {shortest:g} ms empty"
            engine = "window" if instant is None else "heap"
            between = f"every spike takes at least {shortest:g} ms to another neuron" if shortest < float("inf") else (
                "no neuron sends to another")
            reason = f"no layers: {unsuited}; {between if instant is None else instant}"
    elif engine == "window":
        instant = window.unsuited(shortest_delay(lower(net)))
        if instant is not None:
            raise InputError(f'engine "window" cannot run this: {instant}; use "heap"')
    if engine == "layers" and piecewise:
        raise InputError('a Simulation runs piece by piece, which engine "layers" cannot; use "heap", "window" or '
                         "simulate()")
    if engine == "layers" and stops:
        raise InputError('engine "layers" has no stop condition, because it runs layer after layer; use "heap"')
    if engine == "layers" and noisy:
        raise InputError('engine "layers" has no Poisson inputs; use "heap", or give the spikes as a stimulus')
    if precision == "single" and engine != "layers":
        raise InputError(f'precision "single" exists in engine "layers" only, and "{engine}" runs here ({reason})')
    return engine, reason
