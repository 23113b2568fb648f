"""Neurons of NIR as parameters of ours; docs/nir.md derives every line.

A spike is a pulse of area dt. With R the resistance, tau in the unit of dt::

    LIF, LI     tau v' = v_leak - v + R I        a spike of weight w adds  w R dt / tau  to v
    IF, I           v' = R I                     a spike of weight w adds  w R dt        to v
    CubaLIF,    tau_syn I' = -I + w_in S         a spike of weight w adds  w w_in dt / tau_syn  to I,
    CubaLI      tau_mem v' = v_leak - v + R I    which is R times as much in our I
"""

import math
from typing import NamedTuple

import numpy as np

from eventsim.constants import NEVER
from eventsim.errors import InputError
from eventsim.io import nir_units

CONSTANTS = {
    "IF": (None, None),
    "I": (None, None),
    "LIF": ("tau", None),
    "LI": ("tau", None),
    "CubaLIF": ("tau_mem", "tau_syn"),
    "CubaLI": ("tau_mem", "tau_syn"),
}
"""The names of the time constants of a membrane and of its synapse, by kind of node."""

REFRACTORY, INITIAL = "eventsim_t_refractory_ms", "eventsim_v_init"
"""Metadata of a node: what NIR has no field for."""


class Cell(NamedTuple):
    """A node with a membrane, in NIR's shape and our units; gains have one value a neuron."""

    tau_mem: float
    tau_syn: float
    """0 where a signal drives the membrane itself."""
    jump: np.ndarray
    """By how much a spike of weight 1 lifts the membrane itself (our V)."""
    current: np.ndarray
    """What a signal of 1 means as our I: V, or V/ms where tau_mem is inf."""
    synapse: np.ndarray
    """By how much a spike of weight 1 lifts NIR's I, where the node has a synapse of its own."""
    drive: np.ndarray
    """What a constant input of 1 makes of NIR's I in the end, where the node has a synapse of its own."""
    v_leak: np.ndarray


def cell(name, kind, node, shape, dt):
    """Return the membrane of a node.

    Parameters
    ----------
    name, kind, node
        Its name, its type by name, and itself.
    shape : tuple
        NIR's.
    dt : float
        Area of a spike in ms.

    Raises
    ------
    InputError
        A parameter is no finite number, or a time constant is not one for all; the line names the node.
    """
    membrane, synapse = CONSTANTS[kind]
    tau_mem = math.inf if membrane is None else _constant(name, kind, node, membrane)
    tau_syn = 0.0 if synapse is None else _constant(name, kind, node, synapse)
    r = values(name, kind, node, "r", shape)
    seconds = dt / 1000.0
    own = values(name, kind, node, "w_in", shape) if synapse else np.zeros(shape)
    return Cell(
        tau_mem=tau_mem,
        tau_syn=tau_syn,
        jump=r * seconds if membrane is None else r * (dt / tau_mem),
        current=r / 1000.0 if membrane is None else r,
        synapse=own * (dt / tau_syn) if synapse else own,
        drive=own,
        v_leak=np.zeros(shape) if membrane is None else values(name, kind, node, "v_leak", shape),
    )


def parameters(name, kind, node, shape, cell, tau_syn, i_offset):
    """Return the arguments of `eventsim.LIF` for a node.

    Parameters
    ----------
    name, kind, node, shape
        As in `cell`.
    cell : Cell
    tau_syn : float or dict
        Of the receptors that are fed.
    i_offset : ndarray
        Flat, in NIR's order.
    """
    result = {"tau_mem": cell.tau_mem, "tau_syn": tau_syn, "i_offset": i_offset.reshape(shape)}
    if np.isfinite(cell.tau_mem):
        result["v_rest"] = cell.v_leak
    if kind in ("I", "LI", "CubaLI"):
        result["v_threshold"] = NEVER
    else:
        result["v_threshold"] = nir_units.above(values(name, kind, node, "v_threshold", shape, endless=True))
        result["v_reset"] = values(name, kind, node, "v_reset", shape)
    metadata = node.metadata if isinstance(node.metadata, dict) else {}
    for key, parameter in ((REFRACTORY, "t_refractory"), (INITIAL, "v_init")):
        if key in metadata:
            result[parameter] = _spread(name, kind, key, metadata[key], shape)
    if "v_reset" in result:
        _check_reset(name, kind, result)
    return {key: ours(value) for key, value in result.items()}


def values(name, kind, node, parameter, shape, endless=False):
    """Return a parameter of a node, one value a neuron in NIR's shape, float64; `endless` allows infinity."""
    given = getattr(node, parameter)
    if given is None:  # v_reset of a node that was made without
        given = 0.0
    result = _spread(name, kind, parameter, given, shape)
    if not np.all(np.isfinite(result) | (np.isposinf(result) if endless else False)):
        raise InputError(f'node "{name}" ({kind}) has a {parameter} that is NaN or infinite; correct it')
    return result


def _spread(name, kind, parameter, given, shape):
    result = np.asarray(given, dtype=np.float64)
    if result.size == 1:
        return np.full(shape, float(result.reshape(())))
    if result.shape != tuple(shape):
        raise InputError(f'node "{name}" ({kind}) has {parameter} of shape {result.shape}; its neurons have {shape}')
    return result


def _constant(name, kind, node, parameter):
    """Return a time constant in ms."""
    given = np.asarray(getattr(node, parameter), dtype=np.float64)
    if given.size == 0 or not (np.all(np.isfinite(given)) and np.all(given > 0.0)):
        raise InputError(f'node "{name}" ({kind}) has a {parameter} that is not a finite number above 0; correct it')
    if np.any(given != given.flat[0]):
        raise InputError(
            f'node "{name}" ({kind}) has a {parameter} for each neuron ({given.min():g} to {given.max():g} s); '
            "a population has one: split the node, or give all its neurons one"
        )
    return float(nir_units.milliseconds(given.flat[0]))


def _check_reset(name, kind, result):
    fires_again = np.asarray(result.get("t_refractory", 0.0)) != NEVER
    if np.any((result["v_reset"] >= result["v_threshold"]) & fires_again):
        raise InputError(
            f'node "{name}" ({kind}) has a v_reset that is above v_threshold: it would fire without end; lower v_reset'
        )


def ours(value):
    """Return one number where all neurons have the same one, else one row in the order of our neurons."""
    if not isinstance(value, np.ndarray):
        return value
    return float(value.flat[0]) if np.all(value == value.flat[0]) else nir_units.ours_from_nir(value)
