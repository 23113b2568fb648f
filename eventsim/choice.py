"""Which engine runs a network, and why."""

from eventsim.engines import heap, layers, reference
from eventsim.errors import InputError

ENGINES = ("auto", "heap", "layers", "reference")

SAMPLES = {"heap": heap.Sample, "reference": reference.Sample}
"""Engines that run a sample piece by piece, by name."""


def choose_engine(net, engine, precision, stops):
    """Return the engine to run and the reason.

    Parameters
    ----------
    net : Network
    engine : str
        One of `ENGINES`.
    precision : {"double", "single"}
    stops : bool
        Whether the run has a stop condition.

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
        unsuited = "a stop condition" if stops else layers.unsuited(net)
        if unsuited is None and noisy:
            unsuited = "Poisson inputs"
        engine = "layers" if unsuited is None else "heap"
        reason = "feed-forward, single spikes" if unsuited is None else unsuited
    if engine == "layers" and stops:
        raise InputError('engine "layers" has no stop condition, because it runs layer after layer; use "heap"')
    if engine == "layers" and noisy:
        raise InputError('engine "layers" has no Poisson inputs; use "heap", or give the spikes as a stimulus')
    if precision == "single" and engine != "layers":
        raise InputError(f'precision "single" exists in engine "layers" only, and "{engine}" runs here ({reason})')
    return engine, reason
