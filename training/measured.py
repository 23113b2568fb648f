"""Initial weights scaled, layer by layer, until each layer behaves as wished on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError
from training import first_arrival

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from training.type_aliases import PerProjection

SATURATED = 0.9
"""Largest part of what a layer can reach at most that may be wished for."""


def measured(
    net: Network,
    stimulus: Mapping[str, Spikes],
    t_stop: float,
    firing: PerProjection = 0.7,
    readout_sd: float = 1.0,
    rounds: int = 12,
    engine: Any = None,
    threads: int | None = None,
) -> dict[str, float]:
    """Scale the weights of `net`, layer by layer, until each layer behaves as wished on one batch.

    A spiking population is scaled until the part `firing` of its (sample, neuron) pairs has fired by
    `t_stop`; a readout until its potentials have standard deviation `readout_sd` (the data-dependent twin of
    `initialize.moment_rule`, after LSUV, Mishkin and Matas 2016). More weight means more and earlier spikes
    only where the mean drive is positive, and dark places of a map have no input at all, so there is a largest
    part that fires; close to it weights lose all measure and every spike comes at once. First-arrival pooling is
    left alone.

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
    threads : int, optional
        All processors by default; the result does not depend on it.

    Returns
    -------
    dict of float
        The factor of each population's incoming weights.

    Raises
    ------
    InputError
        A part that fires out of range or out of reach, with what is in reach.
    """
    if engine is None:
        from eventsim.engines import layers as engine
    plan = engine.plan(net)
    weights = {name: np.array(p.weight) for name, p in net.projections.items()}
    for part in firing.values() if isinstance(firing, dict) else [firing]:
        if not 0.0 < arrays.number("firing", part) < 1.0:
            raise InputError(f"firing = {part!r} cannot be reached; give the part that fires, above 0 and below 1.")
    if not 0.0 < arrays.number("readout_sd", readout_sd) < np.inf:
        raise InputError(f"readout_sd = {readout_sd!r} cannot be used; give a finite deviation above 0.")
    factors = {}
    pools = first_arrival.populations(net)
    for last, layer in enumerate(plan.layers):
        if layer.name in pools:
            continue
        population = net[layer.name]
        incoming = [name for name, p in net.projections.items() if p.target.name == population.name]
        base = {name: weights[name] for name in incoming}
        part = plan._replace(layers=plan.layers[: last + 1])  # what comes after it changes nothing here

        def run(factor: float, base: Any = base, part: Any = part) -> Any:
            weights.update({name: w * factor for name, w in base.items()})
            return engine.forward(part, stimulus, t_stop, threads=threads, weights=weights)

        if not np.isfinite(population.neuron.resolve(population.size).v_threshold).all():
            sd = float(np.std(run(1.0).potential[population.name]))
            factors[population.name] = readout_sd / sd if sd > 0.0 else 1.0
        else:
            wished = firing[population.name] if isinstance(firing, dict) else firing

            def fired(exponent: float, run: Any = run, name: str = population.name) -> float:
                return float(np.mean(np.isfinite(run(10.0**exponent).time[name])))

            low, high = -3.0, 3.0
            most = fired(high)
            if wished > SATURATED * most:
                raise InputError(
                    f'firing = {wished:g} of "{population.name}" is out of reach: whatever the scale of its weights, '
                    f"at most {most:.3g} fire; ask for at most {SATURATED * most:.2g}, or for a larger mean."
                )
            for _ in range(rounds):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if fired(middle) < wished else (low, middle)
            factors[population.name] = 10.0 ** (0.5 * (low + high))
        weights.update({name: w * factors[population.name] for name, w in base.items()})
    for name, projection in net.projections.items():
        projection.set_weight(weights[name])
    return factors
