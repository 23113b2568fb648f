"""Our populations as nodes of NIR: a membrane, and the synapses before it."""

import math
from typing import NamedTuple

import numpy as np

from eventsim.constants import NEVER
from eventsim.errors import InputError
from eventsim.io import nir_neurons, nir_units

_LARGEST = 4096  # neurons of which a constant drive is written as a matrix with ones on its diagonal


class Written(NamedTuple):
    """A population in the graph.

    Attributes
    ----------
    leave : str
        The node whose output is that of the population.
    entries : dict of int to (str, float)
        By receptor: the node that weights lead to, and what weights are multiplied by.
    shape : tuple
        NIR's.
    constants : dict of str to ndarray
        What nodes have yet to be driven with, flat, in NIR's order: weights that lead there take it as their bias.
    """

    leave: str
    entries: dict
    shape: tuple
    constants: dict


def write(draft, population, shape, started, feeds):
    """Add the nodes of a population of neurons.

    Parameters
    ----------
    draft : nir_write.Draft
    population : Population
    shape : tuple
        NIR's: that of the map, or (size,).
    started : dict of int to ndarray
        Currents that an onset neuron gives at t = 0, by receptor.
    feeds : bool
        Whether other populations get its spikes.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        NIR cannot say a parameter.
    """
    return _Cell(draft, population, shape, started, feeds).write()


def write_constants(draft, population, written):
    """Add nodes for the constants that no bias of weights has taken."""
    for name, constant in written.constants.items():
        led = [i for i, edge in enumerate(draft.edges) if edge[1] == name]
        what = f'population "{population.name}" has a constant drive (i_offset)'
        if not led:
            raise InputError(f"{what} and no input; NIR's constants are biases of weights: connect something to it")
        if len(written.shape) != 1:
            raise InputError(f"{what} that no bias of a convolution can say; give all places of a channel the same")
        if len(constant) > _LARGEST:
            raise InputError(f"{what} that needs a matrix of {len(constant):,} x {len(constant):,}; leave it out")
        drive = draft.add(f"{name}_drive", draft.nir.Affine(weight=np.eye(len(constant)), bias=constant))
        for i in led:
            draft.edges[i] = (draft.edges[i][0], drive)
        draft.join(drive, name)


class _Cell:
    def __init__(self, draft, population, shape, started, feeds):
        self.draft, self.population, self.shape, self.feeds = draft, population, shape, feeds
        self.p = population.neuron.resolve(population.size)
        taus = population.neuron.tau_syn
        self.taus = list(taus.values()) if isinstance(taus, dict) else [taus]
        self.leaky = math.isfinite(self.p.tau_mem)
        self.readout = bool(np.all(np.isinf(self.p.v_threshold)))
        self.once = not (self.readout or draft.metadata) and bool(np.all(self.p.t_refractory == NEVER))
        # What an onset neuron takes from a current at t = 0 is what a constant at the synapse fills in later.
        self.filling = {index: -row for index, row in started.items() if np.any(row)}
        self.offset = self.p.i_offset - sum(self.filling.values())

    def write(self):
        self._check()
        dt = self.draft.dt
        cuba = self.leaky and len(self.taus) == 1 and 0.0 < self.taus[0] < math.inf and not np.any(self.offset)
        name = leave = self.draft.add(self.population.name, self._membrane(cuba))
        self.draft.nodes[name].metadata = self._metadata()
        if self.once:
            threshold = self._values(nir_units.below(self.p.v_threshold))
            leave = self.draft.add(f"{name}_threshold", self.draft.nir.Threshold(threshold=threshold))
            self.draft.join(name, leave)
        unit = 1.0 if self.leaky else dt  # our current of 1 as a current there
        if cuba:
            unit = dt / self.p.tau_mem
            entries = {0: (name, unit)}
        else:
            entries = {index: self._entry(name, index, tau, unit) for index, tau in enumerate(self.taus)}
        constants = {}
        for index, row in self.filling.items():
            constants[entries[index][0]] = self._flat(row) * (unit * dt / self.taus[index])
        if np.any(self.offset):
            constants[name] = self._flat(self.offset) * unit
        return Written(leave, entries, self.shape, constants)

    def _entry(self, name, index, tau, unit):
        """Return the entry of a receptor: the membrane itself, or a node of its own before it."""
        nir, dt = self.draft.nir, self.draft.dt
        if tau == 0.0:
            return name, self.p.tau_mem / dt if self.leaky else 1.0
        if math.isinf(tau):
            node = nir.I(r=np.full(self.shape, 1000.0 / dt))
        else:
            node = nir.LI(
                tau=np.full(self.shape, nir_units.seconds(tau)),
                r=np.full(self.shape, tau / dt),
                v_leak=np.zeros(self.shape),
            )
        synapse = self.draft.add(f"{name}_synapse" + ("" if len(self.taus) == 1 else f"_{index + 1}"), node)
        self.draft.join(synapse, name)
        return synapse, unit

    def _membrane(self, cuba):
        nir, p, dt = self.draft.nir, self.p, self.draft.dt
        potential = self.readout or self.once
        fires = {} if potential else {
            "v_threshold": self._values(nir_units.below(p.v_threshold)), "v_reset": self._values(p.v_reset)
        }
        if not self.leaky:
            r = np.full(self.shape, 1000.0 / dt)
            return nir.I(r=r) if potential else nir.IF(r=r, **fires)
        tau_mem, leak = np.full(self.shape, nir_units.seconds(p.tau_mem)), self._values(p.v_rest)
        if cuba:
            both = {
                "tau_mem": tau_mem,
                "tau_syn": np.full(self.shape, nir_units.seconds(self.taus[0])),
                "r": np.full(self.shape, p.tau_mem / dt),
                "w_in": np.full(self.shape, self.taus[0] / dt),
                "v_leak": leak,
            }
            return nir.CubaLI(**both) if potential else nir.CubaLIF(**both, **fires)
        r = np.ones(self.shape)
        return nir.LI(tau=tau_mem, r=r, v_leak=leak) if potential else nir.LIF(tau=tau_mem, r=r, v_leak=leak, **fires)

    def _check(self):
        """Refuse what NIR cannot say."""
        what, p = f'population "{self.population.name}"', self.p
        if np.any(p.t_refractory) and not (self.readout or self.draft.metadata):
            if not self.once:
                raise InputError(
                    f"{what} has a refractory period, which NIR does not know; set t_refractory=0, or keep it as "
                    "metadata (metadata=True, --metadata), which other tools ignore"
                )
            if self.feeds:
                raise InputError(
                    f"{what} fires once (t_refractory=NEVER) and feeds others; NIR's neurons fire again: keep it as "
                    "metadata (metadata=True, --metadata), which other tools ignore, or train with t_refractory=0"
                )
        if np.any(p.v_init != self._start()) and not self.draft.metadata:
            raise InputError(
                f"{what} starts from v_init, and NIR knows no initial potential; start from "
                f"{'v_rest' if self.leaky else '0'}, or keep it as metadata (metadata=True, --metadata), which other "
                "tools ignore"
            )

    def _start(self):
        return self.p.v_rest if self.leaky else np.zeros(self.population.size)

    def _metadata(self):
        result = {}
        if self.draft.metadata:
            if np.any(self.p.t_refractory) and not self.readout:
                result[nir_neurons.REFRACTORY] = self._values(self.p.t_refractory)
            if np.any(self.p.v_init != self._start()):
                result[nir_neurons.INITIAL] = self._values(self.p.v_init)
        return result

    def _values(self, row):
        """Return one value a neuron in NIR's shape."""
        shape = self.population.shape if len(self.shape) == 3 else self.shape
        return nir_units.nir_from_ours(row, shape)

    def _flat(self, row):
        return self._values(row).reshape(-1)
