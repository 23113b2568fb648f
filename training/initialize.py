"""Initial weights that make every layer spike: from the neuron's response and the number of active inputs.

Spikes are sparse in time, so the rules for dense activations leave deep spiking layers silent. Here
the variance of the weights follows from the second moment of the postsynaptic potential (PSP):

* *Continuous time*: with presynaptic spikes uniform on a window ``Tw`` and a unit PSP ``K``,
  ``Var V(t) = N Var(W) m2(t)``, ``m2(t) = (1 / Tw) int_0^t K(s)^2 ds``. `moment_rule` chooses
  ``Var(W) = (theta / kappa)^2 / (N m2(Tw / 2))``: the threshold lies `kappa` standard deviations above
  the mean at mid-window. ``N`` counts the inputs that do spike.
* *Discrete time*, one spike in ``T`` steps, delta synapses: ``Var(W) = T / N`` (ETTFS-init, arXiv
  2410.23619), the same rule with ``m2 = 1 / T``.
* *Measured*: `measured` scales one layer after the other on a batch of real input until the wished
  part of its neurons fires.

Draws are counter-based: one uniform number a weight, keyed by (seed, projection name, index).
"""

import math

import numpy as np

from eventsim import random
from eventsim.errors import InputError, choose

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(96)


def unit_response(tau_mem, tau_syn, s):
    """Return the membrane potential a time `s` (ms, >= 0) after the arrival of one spike of weight 1.

    The solution of ``tau_mem V' = -V + I, tau_syn I' = -I`` from ``V = 0, I = 1``, and of its limits
    (``tau_syn = 0``: from ``V = 1``; ``tau_mem = inf``: ``V' = I``).
    """
    s = np.asarray(s, dtype=np.float64)
    if tau_syn == 0.0:
        return np.ones_like(s) if math.isinf(tau_mem) else np.exp(-s / tau_mem)
    if math.isinf(tau_mem):
        return s.copy() if math.isinf(tau_syn) else -tau_syn * np.expm1(-s / tau_syn)
    if math.isinf(tau_syn):
        return -np.expm1(-s / tau_mem)
    rate = 1.0 / tau_syn - 1.0 / tau_mem
    x = rate * s
    # (1 - exp(-x)) / x -> 1 where the time constants meet; the product stays finite there
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = np.where(np.abs(x) < 1e-8, 1.0 - 0.5 * x, -np.expm1(-x) / x)
    return np.exp(-s / tau_mem) * (s / tau_mem) * shape


def response_moments(tau_mem, tau_syn, window, until=None):
    """Return the first two moments of the response to one spike at a random time.

    ``m_k = (1 / window) int_0^until K(s)^k ds`` for a spike uniform on [0, `window`], seen at `until`.

    Parameters
    ----------
    tau_mem, tau_syn : float
        Time constants in ms.
    window : float
        Width in ms of the window of the presynaptic spikes.
    until : float, optional
        Instant in ms, at most `window`; half of it when None.

    Returns
    -------
    float, float
        Mean and mean square of the response.
    """
    if not (math.isfinite(window) and window > 0.0):
        raise InputError(
            f"window = {window!r} cannot be used; give the width in ms of the window of input spikes."
        )
    until = 0.5 * window if until is None else until
    # two halves, the first one short: the response may rise much faster than it falls
    short = min(until, 20.0 * min(tau_mem, tau_syn) if tau_syn > 0.0 else until)
    first = second = 0.0
    for low, high in ((0.0, short), (short, until)):
        if high > low:
            response = unit_response(tau_mem, tau_syn, low + 0.5 * (high - low) * (_NODES + 1.0))
            first += 0.5 * (high - low) * float(_NODE_WEIGHTS @ response)
            second += 0.5 * (high - low) * float(_NODE_WEIGHTS @ response**2)
    return first / window, second / window


def moment_rule(tau_mem, tau_syn, fan_in, window, threshold=1.0, kappa=1.2, mean=0.0, active=1.0):
    """Return mean and standard deviation of the weights by the PSP moment rule.

    Parameters
    ----------
    tau_mem, tau_syn : float
        Time constants in ms of the receiving neurons.
    fan_in : int
        Inputs a neuron.
    window : float
        Width in ms of the window in which inputs spike.
    threshold : float
        Distance from rest to the threshold.
    kappa : float
        Standard deviations of the potential that reach from its mean to the threshold at mid-window.
    mean : float
        Mean potential at the end of the window, in units of the threshold: 0 for balanced weights, 1 and more
        to make every neuron fire.
    active : float
        Part of the inputs that spike in a sample, 0 to 1.

    Returns
    -------
    float, float
    """
    for name, value in (("fan_in", fan_in), ("kappa", kappa), ("active", active), ("threshold", threshold)):
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{name} = {value!r} cannot be used; give a finite number above 0.")
    n = fan_in * active
    _, second = response_moments(tau_mem, tau_syn, window)
    first, _ = response_moments(tau_mem, tau_syn, window, window)
    return mean * threshold / (n * first), threshold / kappa / math.sqrt(n * second)


def discrete_rule(fan_in, steps, threshold=1.0):
    """Return mean 0 and deviation ``threshold sqrt(T / N)``, for one spike in `steps` steps (ETTFS-init)."""
    return 0.0, threshold * math.sqrt(steps / fan_in)


def kaiming_rule(fan_in, gain=2.0**0.5):
    """Return mean 0 and deviation ``gain / sqrt(N)`` (He et al. 2015), the rule for dense activations."""
    return 0.0, gain / math.sqrt(fan_in)


def draw(shape, mean, sd, seed, name, law="uniform"):
    """Return weights of the given moments, a function of (seed, name, index) alone.

    Parameters
    ----------
    shape : tuple of int
    mean, sd : float
    seed : int
    name : str
        Of the projection.
    law : {"uniform", "normal"}

    Returns
    -------
    ndarray of float64
    """
    choose("law", law, ("uniform", "normal"))
    u = random.uniform(random.stream_key(seed, f"weights of {name}"), np.arange(math.prod(shape)))
    if law == "uniform":
        standard = math.sqrt(3.0) * (2.0 * u - 1.0)
    else:
        from scipy.special import ndtri

        standard = ndtri(u)
    return (mean + sd * standard).reshape(shape)


def fan_in(projection):
    """Return the largest number of synapses of `projection` onto one neuron."""
    targets = projection.synapses().target
    return int(np.bincount(targets, minlength=1).max()) if len(targets) else 0


def by_moments(net, window, seed=None, kappa=1.2, mean=0.0, active=1.0, law="uniform"):
    """Give all projections of `net` weights by `moment_rule`.

    Parameters
    ----------
    net : eventsim.Network
        Its weights are replaced.
    window : float or dict of float
        Width in ms of the window of the spikes that arrive; a dictionary is by projection name.
    seed : int, optional
        The network's own seed when None.
    kappa, mean, active : float or dict of float
        As in `moment_rule`, for all or by projection name.
    law : {"uniform", "normal"}

    Raises
    ------
    InputError
        Unknown projection names, or values out of range.
    """
    seed = net.seed if seed is None else seed
    settings = {"window": window, "kappa": kappa, "mean": mean, "active": active}
    for setting in settings.values():
        for name in setting if isinstance(setting, dict) else ():
            choose("projection", name, tuple(net.projections))
    for name, projection in net.projections.items():
        here = {k: v[name] if isinstance(v, dict) else v for k, v in settings.items()}
        taus = projection.target.neuron.tau_mem, projection.tau_syn
        mu, sd = moment_rule(*taus, fan_in(projection), threshold=_distance(projection.target), **here)
        projection.set_weight(draw(projection.weight.shape, mu, sd, seed, name, law))


def _distance(population):
    """Return the mean distance from rest to threshold, 1 for a readout that never fires."""
    p = population.neuron.resolve(population.size)
    rest = 0.0 if math.isinf(p.tau_mem) else p.v_rest
    distance = np.mean(p.v_threshold - rest)
    return float(distance) if np.isfinite(distance) and distance > 0.0 else 1.0


def measured(net, stimulus, t_stop, firing=0.7, readout_sd=1.0, rounds=12, engine=None):
    """Scale the weights of `net`, layer by layer, until each layer behaves as wished on one batch.

    A spiking population is scaled until the part `firing` of its (sample, neuron) pairs has fired by
    `t_stop`; a readout until its potentials have standard deviation `readout_sd` (the data-dependent twin of
    `moment_rule`, after LSUV, Mishkin and Matas 2016). More weight means more and earlier spikes only where
    the mean drive is positive; a part that no scale reaches is approached as far as a factor of 1000 allows.

    Parameters
    ----------
    net : eventsim.Network
        Feed-forward, single-spike; its weights are replaced by scaled ones.
    stimulus : dict of Spikes
    t_stop : float
        Horizon in ms.
    firing : float or dict of float
        By population name, or one for all.
    readout_sd : float
    rounds : int
        Bisections a population.
    engine : module, optional
        What runs the layers; `eventsim.engines.layers` by default.

    Returns
    -------
    dict of float
        The factor of each population's incoming weights.
    """
    if engine is None:
        from eventsim.engines import layers as engine
    plan = engine.plan(net)
    weights = {name: np.array(p.weight) for name, p in net.projections.items()}
    factors = {}
    for population in _forward_order(net):
        incoming = [name for name, p in net.projections.items() if p.target.name == population.name]
        base = {name: weights[name] for name in incoming}

        def run(factor, base=base):
            weights.update({name: w * factor for name, w in base.items()})
            return engine.forward(plan, stimulus, t_stop, weights=weights)

        if not np.isfinite(population.neuron.resolve(population.size).v_threshold).all():
            sd = float(np.std(run(1.0).potential[population.name]))
            factors[population.name] = readout_sd / sd if sd > 0.0 else 1.0
        else:
            wished = firing[population.name] if isinstance(firing, dict) else firing
            low, high = -3.0, 3.0
            for _ in range(rounds):
                middle = 0.5 * (low + high)
                fired = float(np.mean(np.isfinite(run(10.0**middle).time[population.name])))
                low, high = (middle, high) if fired < wished else (low, middle)
            factors[population.name] = 10.0 ** (0.5 * (low + high))
        weights.update({name: w * factors[population.name] for name, w in base.items()})
    for name, projection in net.projections.items():
        projection.set_weight(weights[name])
    return factors


def _forward_order(net):
    """Return the populations with neurons, each after all that project to it."""
    waiting = [p for p in net.populations.values() if p.kind == "neurons"]
    sources = {
        p.name: {q.source.name for q in net.projections.values() if q.target.name == p.name} for p in waiting
    }
    order = []
    while waiting:
        open_names = {p.name for p in waiting}
        ready = [p for p in waiting if not sources[p.name] & open_names]
        if not ready:
            raise InputError("The network is recurrent; measured initialisation needs a feed-forward one.")
        order += ready
        waiting = [p for p in waiting if p not in ready]
    return order
