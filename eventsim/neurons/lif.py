"""Parameters of the leaky integrate-and-fire family and their checks.

The whole family is linear between spikes::

    tau_mem dV/dt = v_rest - V + I + i_offset,   tau_syn dI/dt = -I
    an arrival adds weight * amplitude to I (to V where tau_syn = 0)
    a spike where V >= v_threshold; V is then held at v_reset for t_refractory

``tau_mem = inf``: ``dV/dt = I + i_offset`` (no leak, `v_rest` is ignored there); ``tau_syn = inf``: I does
not decay; both inf: the ramp. The two time constants choose the closed form that solves it.

Two receptors have a current each, with a time constant of its own; V feels their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Never, NoReturn

import numpy as np

from eventsim import arrays, foreign
from eventsim.constants import NEVER
from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Floats

PARAMETERS = (
    "tau_mem",
    "tau_syn",
    "v_rest",
    "v_threshold",
    "v_reset",
    "t_refractory",
    "v_init",
    "i_offset",
)
"""The names of all parameters, in the order of the constructor."""


_SHORTEST, _LONGEST = 1e-30, 1e30
"""Time constants in ms: weights, amplitudes and potentials of the largest size, divided by them, can be squared."""

_SIZES = f"allowed: 0, and sizes from {arrays.SMALLEST:g} to {arrays.LARGEST:g}"


class Parameters(NamedTuple):
    """The parameters of a population: the time constants (ms), and one value a neuron of all others."""

    tau_mem: float
    tau_syn: float
    v_rest: np.ndarray
    v_threshold: np.ndarray
    v_reset: np.ndarray
    t_refractory: np.ndarray
    v_init: np.ndarray
    i_offset: np.ndarray
    tau_two: float = math.nan
    """`tau_syn` of the second receptor; NaN where there is none."""


class LIF:
    """Leaky integrate-and-fire neurons with delta or exponential synapses, and every limit of them.

    Parameters
    ----------
    tau_mem : float
        Membrane time constant in ms, > 0; inf for neurons without leak. One for the population.
    tau_syn : float or dict of str to float
        Synaptic time constant in ms, >= 0; 0 for delta synapses, inf for a current that never decays.
        One for the population; or one for each of 1 or 2 receptors, by name: then every projection to these
        neurons names the receptor that it feeds.
    v_rest : float or array_like, optional
        Resting potential. The unit of V is the user's; weights are in the same unit.
    v_threshold : float or array_like, optional
        A neuron fires where V >= v_threshold. `eventsim.NEVER` makes a readout, which never fires.
    v_reset : float or array_like, optional
        V after a spike. Must be below `v_threshold`, except where `t_refractory` is NEVER.
    t_refractory : float or array_like, optional
        How long V is held after a spike, in ms, >= 0; `eventsim.NEVER`: each neuron fires at most once.
    v_init : float or array_like, optional
        V at t = 0; `v_rest` where not given.
    i_offset : float or array_like, optional
        Constant drive, in the unit of V (V/ms where tau_mem = inf).

    Raises
    ------
    InputError
        If a value is out of its range, NaN or of a wrong type, or if a name is not known; names of PyNN, NEST
        and Brian2 are answered with ours.

    Notes
    -----
    An array gives one value a neuron: its shape is that of the population, or (size,). Objects do not change;
    `replace` makes a changed copy.

    Examples
    --------
    >>> LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=NEVER)
    LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=inf)
    >>> LIF(tau_mem=20.0, tau_syn={"excitatory": 5.0, "inhibitory": 10.0}).receptors
    ('excitatory', 'inhibitory')
    """

    tau_mem: float
    v_rest: float | Floats
    v_threshold: float | Floats
    v_reset: float | Floats
    t_refractory: float | Floats
    v_init: float | Floats | None
    i_offset: float | Floats
    _receptors: tuple[str, ...]
    _taus: tuple[float, ...]

    def __init__(
        self,
        tau_mem: float | None = None,
        tau_syn: float | Mapping[str, float] | None = None,
        v_rest: ArrayLike = 0.0,
        v_threshold: ArrayLike = 1.0,
        v_reset: ArrayLike = 0.0,
        t_refractory: ArrayLike = 0.0,
        v_init: ArrayLike | None = None,
        i_offset: ArrayLike = 0.0,
        **unknown: Never,
    ) -> None:
        foreign.refuse("LIF", unknown, PARAMETERS, foreign.LIF)
        tau_mem = _time_constant("tau_mem", tau_mem)
        receptors, taus = _receptors(tau_syn)
        values = {
            "tau_mem": tau_mem,
            "_receptors": receptors,
            "_taus": taus,
            "v_rest": _finite("v_rest", v_rest),
            "v_threshold": _threshold(v_threshold),
            "v_reset": _finite("v_reset", v_reset),
            "t_refractory": _refractory(t_refractory),
            "v_init": None if v_init is None else _finite("v_init", v_init),
            "i_offset": _finite("i_offset", i_offset),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_reset()

    @property
    def receptors(self) -> tuple[str, ...]:
        """Names of the receptors in the order given; empty where `tau_syn` is one number."""
        return self._receptors

    @property
    def tau_syn(self) -> float | dict[str, float]:
        """Synaptic time constant in ms, or a new dict of receptor name to time constant."""
        return dict(zip(self._receptors, self._taus, strict=True)) if self._receptors else self._taus[0]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise InputError(f"LIF parameters do not change; use lif.replace({name}=...) for a changed copy.")

    def __delattr__(self, name: str) -> NoReturn:
        raise InputError(f"LIF parameters do not change; {name} cannot be removed.")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, ({name: getattr(self, name) for name in PARAMETERS},))

    def __repr__(self) -> str:
        defaults = {"v_rest": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "t_refractory": 0.0, "i_offset": 0.0}
        parts = []
        for name in PARAMETERS:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                parts.append(f"{name}=<array {value.shape}>")
            elif value is not None and value != defaults.get(name):
                parts.append(f"{name}={value!r}")
        return f"LIF({', '.join(parts)})"

    def replace(self, **changes: Any) -> LIF:
        """Return a copy with some parameters changed.

        Parameters
        ----------
        **changes
            New values by parameter name.

        Returns
        -------
        LIF

        Raises
        ------
        InputError
            As the constructor.
        """
        return LIF(**({name: getattr(self, name) for name in PARAMETERS} | changes))

    def flattened(self, shape: tuple[int, ...]) -> LIF:
        """Return the same neurons with every array as one row, for a population of a given shape.

        Parameters
        ----------
        shape : tuple of int
            The population's shape.

        Returns
        -------
        LIF
            Arrays have shape (size,), neuron id = row-major index.

        Raises
        ------
        InputError
            If an array has neither `shape` nor (size,).
        """
        shape = arrays.shape("shape", shape)
        size = int(np.prod(shape, dtype=np.int64))
        changes = {}
        for name in PARAMETERS:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                if value.shape not in ((size,), tuple(shape)):
                    allowed = f"({size},)" if len(shape) == 1 else f"({size},) or {tuple(shape)}"
                    raise InputError(
                        f"{name} has shape {value.shape}; one value a neuron means {allowed}, or give one "
                        "number."
                    )
                changes[name] = value.reshape(-1)
        return self.replace(**changes) if changes else self

    def resolve(self, size: int) -> Parameters:
        """Return every parameter with one value a neuron.

        Parameters
        ----------
        size : int
            Number of neurons.

        Returns
        -------
        values : Parameters
            `tau_mem`, `tau_syn`, `tau_two` floats (ms); the others float64 arrays (size,). `v_init` is
            `v_rest` where it was not given.

        Raises
        ------
        InputError
            If an array does not have one value a neuron.
        """
        size = arrays.integer("size", size, 1, arrays.MAXIMUM_SIZE)
        flat = self.flattened((size,))
        start = flat.v_rest if flat.v_init is None else flat.v_init

        def spread(value: ArrayLike) -> Floats:
            return np.array(np.broadcast_to(value, (size,)))

        return Parameters(
            tau_mem=flat.tau_mem,
            tau_syn=flat._taus[0],
            tau_two=flat._taus[1] if len(flat._taus) > 1 else math.nan,
            v_rest=spread(flat.v_rest),
            v_threshold=spread(flat.v_threshold),
            v_reset=spread(flat.v_reset),
            t_refractory=spread(flat.t_refractory),
            v_init=spread(start),
            i_offset=spread(flat.i_offset),
        )

    def _check_reset(self) -> None:
        """Refuse neurons that would fire again at once, for ever."""
        try:
            threshold, reset, refractory = np.broadcast_arrays(
                self.v_threshold, self.v_reset, self.t_refractory
            )
        except ValueError:
            names = ("v_threshold", "v_reset", "t_refractory")
            shapes = ", ".join(f"{name} {np.shape(getattr(self, name))}" for name in names)
            raise InputError(
                f"parameters given one a neuron must have the same shape; got {shapes}."
            ) from None
        wrong = (reset >= threshold) & (refractory != NEVER)
        if np.any(wrong):
            at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            where = f" (neuron {', '.join(str(int(p)) for p in at)})" if at else ""
            raise InputError(
                f"v_reset {reset[at]:g} is not below v_threshold {threshold[at]:g}{where}; lower v_reset, or "
                "set t_refractory=eventsim.NEVER for neurons that fire once."
            )


def _rebuild(values: dict[str, Any]) -> LIF:
    return LIF(**values)


def _receptors(tau_syn: Any) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the names of the receptors, if they have any, and the time constant of each."""
    if not isinstance(tau_syn, Mapping):
        return (), (_time_constant("tau_syn", tau_syn),)
    names = tuple(tau_syn)
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InputError(f"{name!r} cannot be the name of a receptor; use visible text.")
    if not 1 <= len(names) <= 2:
        raise InputError(
            f"tau_syn names {len(names)} receptors{': ' if names else ''}{', '.join(names)}; allowed: 1 or 2, "
            "or one number."
        )
    return names, tuple(_time_constant(f"tau_syn of {name}", tau_syn[name]) for name in names)


def _time_constant(name: str, value: Any) -> float:
    zero_allowed = name != "tau_mem"
    minimum, zero = (">= 0", "0 and ") if zero_allowed else ("> 0", "and ")
    if value is None:
        raise InputError(f"LIF needs {name}, in ms ({minimum}; inf allowed).")
    if isinstance(value, Mapping):
        raise InputError(f"{name} must be one number in ms; got a dict.")
    array = arrays.numbers(name, value)
    if array.ndim:
        raise InputError(
            f"{name} must be one number for the whole population; got shape {array.shape}: use one "
            "population a time constant."
        )
    result = float(array)
    if not (result > 0 or (result == 0 and zero_allowed)):
        raise InputError(f"{name} is {result:g}; allowed: {minimum} (ms; inf allowed).")
    if 0.0 < result < math.inf and not _SHORTEST <= result <= _LONGEST:
        raise InputError(f"{name} is {result:g}; allowed: {_SHORTEST:g} to {_LONGEST:g} ms, {zero}inf.")
    return result


def _one_or_many(array: Floats) -> float | Floats:
    if array.ndim == 0:
        return float(array)
    array.flags.writeable = False
    return array


def _finite(name: str, value: ArrayLike) -> float | Floats:
    array = arrays.numbers(name, value)
    arrays.check_each(name, array, np.isfinite(array), "allowed: finite numbers")
    arrays.check_each(name, array, arrays.of_size(array), _SIZES)
    return _one_or_many(array)


def _threshold(value: ArrayLike) -> float | Floats:
    array = arrays.numbers("v_threshold", value)
    allowed = "allowed: numbers, or inf for a readout that never fires"
    arrays.check_each("v_threshold", array, array > -np.inf, allowed)
    arrays.check_each("v_threshold", array, arrays.of_size(array) | (array == np.inf), _SIZES)
    return _one_or_many(array)


def _refractory(value: ArrayLike) -> float | Floats:
    array = arrays.numbers("t_refractory", value)
    arrays.check_each("t_refractory", array, array >= 0, "allowed: times >= 0 in ms, or inf (fires once)")
    return _one_or_many(array)
