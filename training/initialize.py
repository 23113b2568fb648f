"""Initial weights that make every layer spike: from the neuron's response and the number of active inputs.

Spikes are sparse in time, so the rules for dense activations leave deep spiking layers silent. Here
the variance of the weights follows from the second moment of the postsynaptic potential (PSP):

* *Continuous time*: with presynaptic spikes uniform on a window ``Tw`` and a unit PSP ``K``,
  ``Var V(t) = N Var(W) m2(t)``, ``m2(t) = (1 / Tw) int_0^t K(s)^2 ds``. `moment_rule` chooses
  ``Var(W) = (theta / kappa)^2 / (N m2(Tw / 2))``: the threshold lies `kappa` standard deviations above
  the mean at mid-window. ``N`` counts the inputs that do spike.
* *Discrete time*, one spike in ``T`` steps, delta synapses: ``Var(W) = T / N`` (ETTFS-init, arXiv
  2410.23619), the same rule with ``m2 = 1 / T``.
* *Bias current*, neurons without leak: `current_rule` gives every neuron a constant current that alone would
  make it fire at a chosen instant, and weights of mean 0 that move it from there. What the weights add to the
  slope of V is then of the order of the current, so that few slopes are near 0, where spike times and their
  gradients explode, and dT/dw varies little: the neuron is nearly linear in its inputs, as a ReLU unit is.
* *Measured*: `measured` scales one layer after the other on a batch of real input until the wished
  part of its neurons fires.

Draws are counter-based: one uniform number a weight, keyed by (seed, projection name, index).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventsim import arrays, random
from eventsim.connect import Conv2d, Dense
from eventsim.errors import InputError, choose, expect
from training import first_arrival, normalize
from training.encode import as_values
from training.measured import measured

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.population import Population
    from eventsim.projection import Projection
    from eventsim.type_aliases import Floats, Values
    from training.model import Model
    from training.type_aliases import Listed, PerProjection

_SHORTEST = 1e-100
"""Shortest time constant in ms: divided by shorter ones, times leave the range of numbers."""

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(96)


def unit_response(tau_mem: float, tau_syn: float, s: ArrayLike) -> Floats:
    """Return the membrane potential a time `s` (ms, >= 0) after the arrival of one spike of weight 1.

    The solution of ``tau_mem V' = -V + I, tau_syn I' = -I`` from ``V = 0, I = 1``, and of its limits
    (``tau_syn = 0``: from ``V = 1``; ``tau_mem = inf``: ``V' = I``).

    Parameters
    ----------
    tau_mem, tau_syn : float
        Time constants in ms.
    s : array_like
        Time since the arrival in ms.
    """
    _check_taus(tau_mem, tau_syn)
    s = arrays.numbers("s", s)
    arrays.check_each("s", s, np.isfinite(s) & (s >= 0.0), "a time since the arrival is finite and at least 0 ms")
    if tau_syn == 0.0:
        return np.ones_like(s) if math.isinf(tau_mem) else np.exp(-s / tau_mem)
    if math.isinf(tau_mem):
        return s.copy() if math.isinf(tau_syn) else -tau_syn * np.expm1(-s / tau_syn)
    if math.isinf(tau_syn):
        return -np.expm1(-s / tau_mem)
    x = abs(1.0 / tau_syn - 1.0 / tau_mem) * s
    # (1 - exp(-x)) / x -> 1 where the time constants meet; with the slower decay before it nothing overflows
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = np.where(x < 1e-8, 1.0 - 0.5 * x, -np.expm1(-x) / x)
    return np.exp(-s / max(tau_mem, tau_syn)) * (s / tau_mem) * shape


def _check_taus(tau_mem: float, tau_syn: float) -> None:
    mem, syn = arrays.number("tau_mem", tau_mem), arrays.number("tau_syn", tau_syn)
    if not mem >= _SHORTEST or not (syn >= _SHORTEST or syn == 0.0):
        raise InputError(f"tau_mem = {tau_mem!r} and tau_syn = {tau_syn!r} ms cannot be used; give tau_mem above 0 and "
                         f"tau_syn at least 0 (the shortest that is told from 0 is {_SHORTEST:g} ms).")


def response_moments(tau_mem: float, tau_syn: float, window: float, until: float | None = None) -> tuple[float, float]:
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
    _check_taus(tau_mem, tau_syn)
    if not _SHORTEST <= arrays.number("window", window) < math.inf:
        raise InputError(
            f"window = {window!r} cannot be used; give the width in ms of the window of input spikes."
        )
    if until is not None and not 0.0 <= arrays.number("until", until) <= window:
        raise InputError(f"until = {until!r} cannot be used; give an instant in ms, from 0 to the window.")
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


def moment_rule(
    tau_mem: float,
    tau_syn: float,
    fan_in: int,
    window: float,
    threshold: float = 1.0,
    kappa: float = 1.2,
    mean: float = 0.0,
    active: float = 1.0,
    pool: int = 1,
) -> tuple[float, float]:
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
    pool : int
        Average pooling before the projection: pool^2 inputs share a weight, each with weight / pool^2, so
        that their responses average out.

    Returns
    -------
    float, float
        Of the weights as the user sees them, before they are divided by pool^2.
    """
    arrays.positive("", fan_in=fan_in, kappa=kappa, active=active, threshold=threshold)
    alike = arrays.integer("pool", pool, 1, arrays.MAXIMUM_SIZE) ** 2
    if not math.isfinite(arrays.number("mean", mean)):
        raise InputError(f"mean = {mean!r} cannot be used; give a finite number.")
    n = fan_in / alike * active
    half, second = response_moments(tau_mem, tau_syn, window)
    if alike > 1:  # mean square of the mean of so many responses
        second = (second + (alike - 1) * active * half * half) / alike
    first, _ = response_moments(tau_mem, tau_syn, window, window)
    if not (n * first > 0.0 and n * second > 0.0):
        raise InputError(f"Spikes in {window!r} ms raise no potential of neurons with tau_mem = {tau_mem!r} ms; give a "
                         "window and time constants that are nearer to each other.")
    return mean * threshold / (n * first), threshold / kappa / math.sqrt(n * second)


def discrete_rule(fan_in: int, steps: float, threshold: float = 1.0) -> tuple[float, float]:
    """Return mean 0 and deviation ``threshold sqrt(T / N)``, for one spike in `steps` steps (ETTFS-init).

    Parameters
    ----------
    fan_in : int
        Synapses of a neuron.
    steps : int
        Steps of a sample.
    threshold : float
        In the unit of V.
    """
    arrays.positive("", fan_in=fan_in, steps=steps, threshold=threshold)
    return 0.0, threshold * math.sqrt(steps / fan_in)


def kaiming_rule(fan_in: int, gain: float = 2.0**0.5) -> tuple[float, float]:
    """Return mean 0 and deviation ``gain / sqrt(N)`` (He et al. 2015), the rule for dense activations.

    Parameters
    ----------
    fan_in : int
        Synapses of a neuron.
    gain : float
    """
    arrays.positive("", fan_in=fan_in, gain=gain)
    return 0.0, gain / math.sqrt(fan_in)


def current_rule(
    fan_in: int, alone: float, spread: float, threshold: float = 1.0, active: float = 1.0, pool: int = 1
) -> tuple[float, float]:
    """Return the bias current and the standard deviation of weights of mean 0 beside it.

    Stanojevic et al. (2023, "An exact mapping from ReLU networks to spiking neural networks") give every neuron a
    fixed slope of V to make its spike time linear in its inputs; here it is the mean of a slope that inputs
    change, so that all layers share one clock.

    Parameters
    ----------
    fan_in : int
        Inputs a neuron.
    alone : float
        When a neuron fires without any input, in ms.
    spread : float
        Standard deviation of the sum of the weights of all active inputs, in units of the current.
    threshold : float
        Distance from rest to the threshold.
    active : float
        Part of the inputs that spike in a sample, 0 to 1.
    pool : int
        Average pooling before the projection, as in `moment_rule`.

    Returns
    -------
    float, float
        Current in V/ms; deviation of the weights as the user sees them, before they are divided by pool^2.
    """
    arrays.positive("", fan_in=fan_in, alone=alone, spread=spread, active=active, threshold=threshold)
    alike = arrays.integer("pool", pool, 1, arrays.MAXIMUM_SIZE) ** 2
    current = threshold / alone
    return current, spread * current / math.sqrt(fan_in / alike * active * (1.0 + (alike - 1) * active) / alike)


def draw(
    shape: tuple[int, ...], mean: float, sd: float, seed: int, name: str, law: Literal["uniform", "normal"] = "uniform"
) -> Floats:
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
    shape, seed = arrays.shape("shape", shape), arrays.integer("seed", seed)
    mean, sd = arrays.number("mean", mean), arrays.number("sd", sd)
    if not (math.isfinite(mean) and 0.0 <= sd < math.inf):
        raise InputError(f"Weights of mean {mean:g} and deviation {sd:g} cannot be drawn; give finite moments, the "
                         "deviation at least 0.")
    u = random.uniform(random.stream_key(seed, f"weights of {name}"), np.arange(math.prod(shape)))
    if law == "uniform":
        standard = math.sqrt(3.0) * (2.0 * u - 1.0)
    else:
        from scipy.special import ndtri

        standard = ndtri(u)
    return (mean + sd * standard).reshape(shape)


def fan_in(projection: Projection) -> int:
    """Return the largest number of synapses of `projection` onto one neuron (of a map: away from its rim)."""
    expect("projection", projection, "Projection", "one of net.projections")
    if isinstance(projection.connection, Dense | Conv2d):
        return math.prod(projection.weight.shape[:-1]) * projection.connection.pool**2
    targets = projection.synapses().target
    return int(np.bincount(targets, minlength=1).max()) if len(targets) else 0


def by_moments(
    net: Network,
    window: PerProjection,
    seed: int | None = None,
    kappa: PerProjection = 1.2,
    mean: PerProjection = 0.0,
    active: PerProjection = 1.0,
    law: Literal["uniform", "normal"] = "uniform",
) -> None:
    """Give all projections of `net` weights by `moment_rule`, but for those into first-arrival pooling.

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

    def moments(projection: Projection, **here: float) -> tuple[float, float]:
        return moment_rule(
            projection.target.neuron.tau_mem, projection.tau_syn, fan_in(projection), pool=projection.connection.pool,
            threshold=_distance(projection.target), **here,
        )  # fmt: skip

    _draw_all(net, moments, seed, law, {"window": window, "kappa": kappa, "mean": mean, "active": active})


def by_current(
    net: Network,
    alone: PerProjection,
    spread: PerProjection = 1.0,
    active: PerProjection = 0.5,
    law: Literal["uniform", "normal"] = "normal",
    seed: int | None = None,
) -> None:
    """Give all neurons of `net` a bias current and all projections weights beside it, by `current_rule`.

    The incoming weights of each neuron have exactly mean 0 and the wished deviation. A readout that never fires
    gets the weights alone. Projections into first-arrival pooling keep theirs.

    Parameters
    ----------
    net : eventsim.Network
        Of neurons without leak. Its weights and the i_offset of its neurons are replaced.
    alone, spread, active : float or dict of float
        As in `current_rule`, for all or by projection name.
    law : {"normal", "uniform"}
    seed : int, optional
        The network's own seed when None.

    Raises
    ------
    InputError
        Leaky neurons, unknown projection names, or values out of range.
    """

    def moments(projection: Projection, **here: float) -> tuple[float, float]:
        target = projection.target
        if not math.isinf(target.neuron.tau_mem):
            raise InputError(
                f'The rule "current" needs neurons without leak; "{target.name}" has tau_mem = '
                f"{target.neuron.tau_mem:g} ms. Use tau_mem = inf, or the rule \"moments\"."
            )
        current, sd = current_rule(
            fan_in(projection), threshold=_distance(target), pool=projection.connection.pool, **here
        )
        if not target.is_readout:
            net.set_neuron(target.name, target.neuron.replace(i_offset=current))
        return 0.0, sd

    _draw_all(net, moments, seed, law, {"alone": alone, "spread": spread, "active": active}, exact=True)


def _draw_all(
    net: Network,
    moments: Callable[..., tuple[float, float]],
    seed: int | None,
    law: Literal["uniform", "normal"],
    settings: Mapping[str, Any],
    exact: bool = False,
) -> None:
    """Draw the learned weights of `net` with ``moments(projection, **settings)``, each setting one or by name.

    exact: the moments are those of the incoming weights of each neuron, not of the law that they are drawn from.
    """
    for setting in settings.values():
        for name in setting if isinstance(setting, dict) else ():
            choose("projection", name, tuple(net.projections))
        lacking = set(first_arrival.learned(net)) - setting.keys() if isinstance(setting, dict) else ()
        if lacking:
            raise InputError(f'A setting lacks the projection "{min(lacking)}"; give one value each, or one for all.')
    for name in first_arrival.learned(net):
        projection = net.projections[name]
        here = {k: v[name] if isinstance(v, dict) else v for k, v in settings.items()}
        mu, sd = moments(projection, **here)
        weight = draw(projection.weight.shape, mu, sd, net.seed if seed is None else seed, name, law)
        if exact:
            each = np.ones(weight.shape[-1])
            weight = normalize.forward(weight, sd * each, mu * each)
        projection.set_weight(weight)


def _distance(population: Population) -> float:
    """Return the mean distance from rest to threshold, 1 for a readout that never fires."""
    p = population.neuron.resolve(population.size)
    rest = 0.0 if math.isinf(p.tau_mem) else p.v_rest
    distance = np.mean(p.v_threshold - rest)
    return float(distance) if np.isfinite(distance) and distance > 0.0 else 1.0


RULES = ("moments", "measured", "current", "discrete", "kaiming")
"""Rules of the initial weights by the name that files use."""

SAMPLES = 256
"""Training samples that the rule "measured" looks at."""


def by_rule(
    model: Model,
    rule: Literal["moments", "discrete", "kaiming", "measured", "current"] = "moments",
    law: Literal["uniform", "normal"] = "uniform",
    gain: Listed = 1.0,
    *,
    window: Listed = 1.0,
    kappa: Listed = 1.2,
    mean: Listed = 0.0,
    active: Listed = 1.0,
    steps: Listed = 8.0,
    firing: Listed = 0.5,
    readout_sd: float = 1.0,
    alone: Listed = 1.0,
    spread: Listed = 1.0,
    images: Values | None = None,
    threads: int | None = None,
) -> None:
    """Give the network of a model initial weights by the name of a rule.

    A setting is one value, or a list with one value a projection with learned weights (`firing`: one a
    population that spikes), in the order of the network.

    Parameters
    ----------
    model : training.Model
        The weights of its network are replaced.
    rule : {"moments", "measured", "current", "discrete", "kaiming"}
        `by_moments`; the same weights, scaled as in `measured` on the first 256 `images`; `by_current`;
        `discrete_rule`; `kaiming_rule`.
    law : {"uniform", "normal"}
    gain : float or list
        Factor on the weights that the rule gives.
    window, kappa, mean, active : float or list
        Of "moments" and "measured", as in `moment_rule`.
    steps : float or list
        Of "discrete".
    firing, readout_sd : float or list, float
        Of "measured".
    alone, spread : float or list
        Of "current", as in `current_rule`, with `active`.
    images : ndarray (samples, ...), optional
        Training samples, for "measured".
    threads : int, optional
        All processors by default; the result does not depend on it.

    Raises
    ------
    InputError
        An unknown rule, a list of another length, or no images to measure on.
    """
    expect("model", model, "Model", "a training.Model")
    net = model.net
    choose("The rule of the initial weights", rule, RULES)
    names = first_arrival.learned(net)
    spiking = list(dict.fromkeys(
        net.projections[name].target.name for name in names if not net.projections[name].target.is_readout
    ))  # fmt: skip
    gains = _by_name("gain", gain, names)
    if rule in ("moments", "measured"):
        settings = {"window": window, "kappa": kappa, "mean": mean, "active": active}
        by_moments(net, law=law, **{key: _by_name(key, value, names) for key, value in settings.items()})
    elif rule == "current":
        settings = {"alone": alone, "spread": spread, "active": active}
        by_current(net, law=law, **{key: _by_name(key, value, names) for key, value in settings.items()})
    elif rule == "discrete":
        _draw_all(net, _discrete, None, law, {"steps": _by_name("steps", steps, names)})
    else:
        _draw_all(net, _kaiming, None, law, {})
    if rule == "measured":
        if images is None:
            raise InputError('The rule "measured" needs training samples; give images=.')
        values = as_values(images)
        if len(values) == 0:
            raise InputError('The rule "measured" needs training samples; there are none in images.')
        stimulus = model.encode(values[:SAMPLES])
        measured(net, stimulus, model.t_stop, _by_name("firing", firing, spiking, "layer"), readout_sd, threads=threads)
    for name in names:
        factor = arrays.number("gain", gains[name] if isinstance(gains, dict) else gains)
        if factor != 1.0:
            with np.errstate(over="ignore", invalid="ignore"):  # refused below
                weight = factor * net.projections[name].weight
            net.projections[name].set_weight(weight)


def _discrete(projection: Projection, steps: float) -> tuple[float, float]:
    return discrete_rule(math.prod(projection.weight.shape[:-1]), steps, _distance(projection.target))


def _kaiming(projection: Projection) -> tuple[float, float]:
    return kaiming_rule(math.prod(projection.weight.shape[:-1]))


def _by_name(key: str, value: Any, names: Sequence[str], each: str = "projection") -> Any:
    if isinstance(value, dict):
        lacking = [name for name in names if name not in value]
        if lacking:
            raise InputError(f'{key} lacks the {each} "{lacking[0]}"; give one value each, or one for all.')
    if not isinstance(value, list):
        return value
    if len(value) != len(names):
        raise InputError(
            f"[network.initial] {key} has {len(value)} values for {len(names)} {each}s; "
            "give one each, or one for all."
        )
    return dict(zip(names, value, strict=True))
