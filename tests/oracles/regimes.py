"""The regimes of a neuron that spike times are compared in: one receptor or two, ordinary and grazing histories."""

import math
from typing import NamedTuple

import numpy as np

INF = math.inf


class Regime(NamedTuple):
    """A row of the table."""

    name: str
    ratio: float
    """tau_mem in units of a time that is drawn; inf: no leak."""
    taus: tuple = (1.0,)
    """tau_syn of each receptor in that unit; 0: delta, inf: never decays."""
    offset: bool = True
    """Whether some neurons have a constant drive."""
    grazing: bool = False
    """Put the threshold at a peak of V, a little above or below."""


ONE = (
    Regime("LIF, tau_mem = tau_syn", 1.0),
    Regime("LIF, tau_mem = 1.0001 tau_syn", 1.0001),
    Regime("LIF, tau_mem = 1.04 tau_syn", 1.04),
    Regime("LIF, tau_mem = 2 tau_syn", 2.0),
    Regime("LIF, tau_mem = 0.3 tau_syn", 0.3),
    Regime("LIF, tau_mem = 7.3 tau_syn", 7.3),
    Regime("LIF, tau_mem = 1000 tau_syn", 1000.0),
    Regime("LIF, step currents (tau_syn = inf)", 1.0, (INF,)),
    Regime("LIF, delta synapses", 1.0, (0.0,)),
    Regime("IF, exponential synapses", INF, offset=False),
    Regime("IF, exponential synapses, offset", INF),
    Regime("IF, ramp (tau_syn = inf)", INF, (INF,)),
    Regime("IF, delta synapses", INF, (0.0,)),
    Regime("grazing, LIF, tau_mem = tau_syn", 1.0, grazing=True),
    Regime("grazing, LIF, tau_mem = 1.0001 tau_syn", 1.0001, grazing=True),
    Regime("grazing, LIF, tau_mem = 2 tau_syn", 2.0, grazing=True),
    Regime("grazing, LIF, tau_mem = 0.3 tau_syn", 0.3, grazing=True),
    Regime("grazing, LIF, tau_mem = 7.3 tau_syn", 7.3, grazing=True),
    Regime("grazing, LIF, tau_mem = 1000 tau_syn", 1000.0, grazing=True),
    Regime("grazing, IF, exponential synapses, offset", INF, grazing=True),
)
"""One receptor. Steps, ramps and delta synapses have no smooth peak to graze."""


def _two(ratio, first, second, offset=True, grazing=False):
    """Return a regime of two receptors with a name made of its numbers."""
    kind = "IF" if ratio == INF else f"LIF {ratio:.12g}"
    name = f"{'grazing, ' if grazing else ''}two receptors, {kind}, {first:.12g} and {second:.12g}"
    return Regime(name if offset else f"{name}, no offset", ratio, (first, second), offset, grazing)


TWO = (
    _two(4.0, 1.0, 2.0),
    _two(1.5, 3.0, 1.0),
    _two(0.3, 1.0, 2.5),
    _two(1000.0, 1.0, 30.0),
    _two(4.0, 1.0, 1.0),
    _two(4.0, 1.0, 1.0001),
    _two(4.0, 1.000000001, 1.0),
    _two(1.0, 1.0, 1.0),
    _two(1.0, 1.0, 2.5),
    _two(1.0001, 1.0, 1.02),
    _two(4.0, 0.0, 1.0),
    _two(0.5, 1.0, 0.0),
    _two(1.0, 0.0, 0.0),
    _two(4.0, 1.0, INF),
    _two(1.01, INF, 1.0),
    _two(1.0, 0.0, INF),
    _two(1.0, INF, INF),
    _two(INF, 1.0, 2.0),
    _two(INF, 1.0, 2.0, offset=False),
    _two(INF, 1.0001, 1.0),
    _two(INF, 0.0, 1.0),
    _two(INF, 1.0, INF),
    _two(INF, INF, 0.0),
    _two(4.0, 1.0, 2.0, grazing=True),
    _two(1.5, 3.0, 1.0, grazing=True),
    _two(0.3, 1.0, 2.5, grazing=True),
    _two(1000.0, 1.0, 30.0, grazing=True),
    _two(4.0, 1.0, 1.0001, grazing=True),
    _two(4.0, 1.000000001, 1.0, grazing=True),
    _two(1.0, 1.0, 2.5, grazing=True),
    _two(1.0001, 1.0, 1.02, grazing=True),
    _two(4.0, 0.0, 1.0, grazing=True),
    _two(4.0, 1.0, INF, grazing=True),
    _two(INF, 1.0, 2.0, grazing=True),
    _two(INF, 1.0001, 1.0, grazing=True),
    _two(INF, 1.0, INF, grazing=True),
)
"""Two receptors. The numbers are tau_mem and both tau_syn in the unit that is drawn."""

REGIMES = (*ONE, *TWO)
"""All regimes. What is drawn depends on the place in this list: append."""


def time_constants(regime, rng):
    """Draw tau_mem and the tau_syn of all receptors of a regime, ms."""
    unit = float(np.exp(rng.uniform(math.log(0.5), math.log(15.0))))
    if regime.ratio == 1000.0:
        unit = float(np.exp(rng.uniform(math.log(0.02), math.log(0.5))))
    return regime.ratio * unit, tuple(tau * unit for tau in regime.taus)
