"""Optimisers over named arrays: SGD, Adam, AdamW, with the hyper-parameter names of torch.

An optimiser changes the arrays of a dictionary in place, in the order of their names, so that its
result does not depend on the order in which parameters were registered. What it remembers between
steps (momenta, counts) is plain arrays: `state_dict` and `load_state_dict` give bit-exact resume.

Learning-rate schedules are functions of the step number that return a factor on ``lr``; they live
in `training.schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, choose, expect

if TYPE_CHECKING:
    from eventsim.type_aliases import Array, Arrays
    from training.type_aliases import Report

_NUMBERS = {
    "lr": (0.0, np.inf),
    "momentum": (0.0, np.inf),
    "dampening": (-np.inf, np.inf),
    "weight_decay": (0.0, np.inf),
    "eps": (0.0, np.inf),
}


def _checked(name: str, value: Any) -> float:
    """Return `value` as a float, refused outside of the range of the hyper-parameter `name`."""
    low, high = _NUMBERS[name]
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and low <= number <= high):
        raise InputError(f"{name} = {value!r} cannot be used; give a finite number of at least {low:g}.")
    return number


def _checked_betas(betas: Any) -> tuple[float, float]:
    pair = tuple(arrays.numbers("betas", betas).ravel().tolist())
    if len(pair) != 2 or not all(0.0 <= b < 1.0 for b in pair):
        raise InputError(f"betas = {betas!r} cannot be used; give two numbers from 0 to below 1.")
    return pair


class Optimizer:
    """What all optimisers share: named state arrays and an in-place step.

    Attributes
    ----------
    lr : float
        Learning rate; the factor of a schedule multiplies it.
    state : dict of dict of ndarray
        ``state[slot][parameter name]``.
    """

    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, lr: float) -> None:
        self.lr = _checked("lr", lr)
        self.state: dict[str, dict[str, Array]] = {slot: {} for slot in self.slots}
        self.count: dict[str, int] = {}

    def step(
        self,
        parameters: Arrays,
        gradients: Arrays,
        factor: float = 1.0,
        scales: Mapping[str, float] | None = None,
        decayed: Collection[str] | None = None,
    ) -> None:
        """Change `parameters` in place by one step against `gradients`.

        Parameters
        ----------
        parameters, gradients : dict of ndarray
            By name; a parameter without a gradient is left alone.
        factor : float
            Factor of the schedule on the learning rate.
        scales : dict of float, optional
            Further factors by name (a drive wants a small rate of its own).
        decayed : collection of str, optional
            Names that weight decay applies to; all by default.

        Raises
        ------
        InputError
            A gradient has another shape than its parameter, or is not finite.
        """
        named = {"parameters": parameters, "gradients": gradients, "scales": {} if scales is None else scales}
        for what, value in named.items():
            expect(what, value, Mapping, "a dict by name")
        expect("decayed", () if decayed is None else decayed, Collection, "names of parameters")
        decayed = None if decayed is None else {str(name) for name in decayed}
        factor = arrays.number("factor", factor)
        for name in sorted(parameters):
            if name not in gradients:
                continue
            parameter, gradient = parameters[name], gradients[name]
            expect(f'The parameter "{name}"', parameter, np.ndarray, "an array, which is changed in place")
            expect(f'The gradient of "{name}"', gradient, np.ndarray, "an array")
            if gradient.shape != parameter.shape:
                raise InputError(
                    f'The gradient of "{name}" has shape {gradient.shape}, its parameter {parameter.shape}.'
                )
            if not np.all(np.isfinite(gradient)):
                raise InputError(
                    f'The gradient of "{name}" is not finite; lower the learning rate or set a slope floor.'
                )
            self.count[name] = self.count.get(name, 0) + 1
            rate = self.lr * factor * (1.0 if scales is None else scales.get(name, 1.0))
            decay = decayed is None or name in decayed
            self._change(name, parameter, gradient, rate, decay)

    def _change(self, name: str, parameter: Array, gradient: Array, rate: float, decay: bool) -> None:
        raise NotImplementedError

    def _slot(self, slot: str, name: str, like: Array) -> Array:
        table = self.state[slot]
        if name not in table:
            table[name] = np.zeros(like.shape, like.dtype)
        return table[name]

    def hyper_parameters(self) -> Report:
        """Return the settings as a dictionary, in torch's names, with the configuration's name as ``kind``."""
        own = {k: v for k, v in vars(self).items() if k not in ("state", "count")}
        return {
            "kind": type(self).__name__.lower(),
            **{k: list(v) if isinstance(v, tuple) else v for k, v in own.items()},
        }

    def state_dict(self) -> dict[str, Array]:
        """Return ``{"slot/parameter": array}``, copies, with the step counts as ``"count/parameter"``."""
        arrays = {
            f"{slot}/{name}": a.copy() for slot, table in self.state.items() for name, a in table.items()
        }
        arrays.update({f"count/{name}": np.array(n, dtype=np.int64) for name, n in self.count.items()})
        return arrays

    def load_state_dict(self, arrays: Arrays) -> None:
        """Take over what `state_dict` returned.

        Parameters
        ----------
        arrays : dict of ndarray

        Raises
        ------
        InputError
            A slot that this optimiser does not have.
        """
        expect("The optimiser state", arrays, Mapping, "what state_dict returned")
        self.state, self.count = {slot: {} for slot in self.slots}, {}
        for key, array in arrays.items():
            expect("A key of the optimiser state", key, str, "what state_dict returned")
            slot, _, name = key.partition("/")
            choose("The optimiser state", slot, (*self.slots, "count"))
            if slot == "count":
                self.count[name] = int(array)
            else:
                self.state[slot][name] = np.array(array)

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v}" for k, v in self.hyper_parameters().items() if k != "kind")
        return f"{type(self).__name__}({settings})"


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as documented for ``torch.optim.SGD``.

    ``g += weight_decay * p;  b = momentum * b + (1 - dampening) * g`` (``b = g`` at the first step);
    ``g = g + momentum * b`` with `nesterov`, else ``g = b``;  ``p -= lr * g``.

    Parameters
    ----------
    lr : float
    momentum, dampening, weight_decay : float
    nesterov : bool

    Raises
    ------
    InputError
        A value out of range, or `nesterov` without momentum or with dampening.
    """

    slots = ("momentum_buffer",)

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(lr)
        self.momentum = _checked("momentum", momentum)
        self.dampening = _checked("dampening", dampening)
        self.weight_decay = _checked("weight_decay", weight_decay)
        self.nesterov = arrays.flag("nesterov", nesterov)
        if self.nesterov and (self.momentum == 0.0 or self.dampening != 0.0):
            raise InputError("nesterov = True needs a momentum above 0 and a dampening of 0.")

    def _change(self, name: str, parameter: Array, gradient: Array, rate: float, decay: bool) -> None:
        if decay and self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if self.momentum:
            buffer = self._slot("momentum_buffer", name, parameter)
            if self.count[name] == 1:
                buffer[...] = gradient
            else:
                buffer *= self.momentum
                buffer += (1.0 - self.dampening) * gradient
            gradient = gradient + self.momentum * buffer if self.nesterov else buffer
        parameter -= rate * gradient


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), as documented for ``torch.optim.Adam``.

    ``m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    p -= lr (m / (1 - b1^n)) / (sqrt(v / (1 - b2^n)) + eps)``; `weight_decay` is added to the gradient.

    Parameters
    ----------
    lr : float
    betas : pair of float
    eps, weight_decay : float

    Raises
    ------
    InputError
        A value out of range.
    """

    slots = ("exp_avg", "exp_avg_sq")
    decoupled = False

    def __init__(
        self, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        super().__init__(lr)
        self.betas = _checked_betas(betas)
        self.eps = _checked("eps", eps)
        self.weight_decay = _checked("weight_decay", weight_decay)

    def _change(self, name: str, parameter: Array, gradient: Array, rate: float, decay: bool) -> None:
        if decay and self.weight_decay:
            if self.decoupled:
                parameter *= 1.0 - rate * self.weight_decay
            else:
                gradient = gradient + self.weight_decay * parameter
        first, second = self._slot("exp_avg", name, parameter), self._slot("exp_avg_sq", name, parameter)
        from training import vector_kernels

        beta1, beta2 = self.betas
        n = self.count[name]
        whole = np.ascontiguousarray(parameter)  # itself, but where it is a part of another array
        flat = [np.reshape(array, -1) for array in (whole, np.ascontiguousarray(gradient), first, second)]
        vector_kernels.adam(*flat, beta1, beta2, rate / (1.0 - beta1**n), 1.0 - beta2**n, self.eps)
        if whole is not parameter:
            parameter[...] = whole


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as ``torch.optim.AdamW``.

    ``p *= 1 - lr * weight_decay`` before Adam's step, which then knows nothing of the decay.

    Parameters
    ----------
    lr : float
    betas : pair of float
    eps, weight_decay : float

    Raises
    ------
    InputError
        A value out of range.
    """

    decoupled = True

    def __init__(
        self, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay)


KINDS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""Optimisers by the name that a configuration file uses."""


def clip_by_norm(
    gradients: dict[str, Array], limit: float | None, overwrite: bool = False
) -> tuple[dict[str, Array], float]:
    """Scale all gradients by one factor so that their joint Euclidean norm is at most `limit`.

    Parameters
    ----------
    gradients : dict of ndarray
    limit : float or None
        None: nothing is changed.
    overwrite : bool
        Scale the arrays in place: new ones are a tenth of the step of a dense network.

    Returns
    -------
    dict of ndarray, float
        The gradients, and their norm before.
    """
    _check_clip(gradients, limit)
    overwrite = arrays.flag("overwrite", overwrite)
    norm = math.sqrt(sum(sum_of_squares(gradients[name]) for name in sorted(gradients)))
    if limit is None or norm <= limit:
        return gradients, norm
    return {name: np.multiply(g, limit / norm, out=g if overwrite else None) for name, g in gradients.items()}, norm


def sum_of_squares(values: Array) -> float:
    """Return the sum of the squares of all values.

    Parameters
    ----------
    values : ndarray
    """
    from training import vector_kernels

    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        values = arrays.numbers("values", values)
    return float(vector_kernels.sum_of_squares(np.ascontiguousarray(values, np.float64).reshape(-1)))


def _check_clip(gradients: Any, limit: Any) -> None:
    expect("gradients", gradients, Mapping, "a dict of arrays by name")
    for name, gradient in gradients.items():
        expect(f'The gradient of "{name}"', gradient, np.ndarray, "an array")
    if limit is not None and not arrays.number("limit", limit) > 0.0:
        raise InputError(f"limit = {limit!r} cannot be used; give a norm above 0, or None.")


def clip_neurons(gradients: dict[str, Array], limit: float | None) -> dict[str, Array]:
    """Scale down the gradient of each neuron's incoming weights to a Euclidean norm of at most `limit`.

    Parameters
    ----------
    gradients : dict of ndarray (..., target)
        Of weights, by projection; each projection is looked at alone. All weights of an output channel of a
        convolution are those of one neuron.
    limit : float or None
        None: nothing is changed.

    Returns
    -------
    dict of ndarray
    """
    _check_clip(gradients, limit)
    if limit is None or limit == np.inf:
        return gradients
    clipped = {}
    for name, gradient in gradients.items():
        rows = gradient.reshape(-1, gradient.shape[-1])
        norm = np.sqrt(np.einsum("ij,ij->j", rows, rows))
        clipped[name] = gradient * (limit / np.maximum(norm, limit))
    return clipped
