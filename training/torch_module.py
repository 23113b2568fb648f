"""The module behind `training.torch`: exact spike times as functions that PyTorch can differentiate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eventsim import Spikes
from eventsim.errors import InputError, choose, expect
from training.passes import checked_floor
from training.torch_run import KINDS, Runner, checked

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.type_aliases import Several

_DTYPES = (torch.float64, torch.float32)


class SpikeTimes(torch.nn.Module):
    """A network as a function from tensors of input spike times to tensors of first-spike times.

    The gradient is exact, and that of the network's own parameters comes with it, so any loss, optimiser and module
    of PyTorch can be put before and behind. A neuron that does not fire has time inf and gradient zero:
    ``times.clamp(max=module.t_stop)`` puts it at the horizon.

    Parameters
    ----------
    net : eventsim.Network
        Of any topology, without Poisson inputs. Copied: `network` returns one with what was learned.
    t_stop : float
        Horizon in ms.
    output : str or Population, or a sequence of these, optional
        What `forward` returns; default: the only population that feeds no other.
    learn : sequence of {"weights", "delays", "thresholds", "offsets"}
        Which of the network's own parameters become ``torch.nn.Parameter``, in double precision: weights and delays
        by projection, in the user's shapes (a shared delay is one number), thresholds and offsets (i_offset) by
        population, (neurons,). Weights into first-arrival pooling are structure and never learned.
    threads : int, optional
        All processors by default; the results do not depend on it.
    slope_floor : float
        Smallest V' in V/ms that a gradient is divided by: bounds the pull of grazing crossings. 0: the exact gradient.

    Attributes
    ----------
    weights, delays, thresholds, offsets : torch.nn.ParameterDict
        By name; empty where not learned.
    t_stop : float
    outputs : tuple of str

    Raises
    ------
    InputError
        No network, no such output, nothing of that kind to learn, or a name that torch does not allow.
    """

    def __init__(
        self,
        net: Network,
        t_stop: float = 20.0,
        output: Several | None = None,
        learn: str | Sequence[str] = ("weights",),
        threads: int | None = None,
        slope_floor: float = 0.0,
    ) -> None:
        super().__init__()
        one = output is None or isinstance(output, str) or hasattr(output, "name")
        self._single = one
        outputs: Any = [output] if one and output is not None else output
        if outputs is not None:
            expect("output", outputs, Collection, "a name or a list of names of populations")
        self._runner = Runner(net, t_stop, outputs, threads, checked_floor(slope_floor))
        self.t_stop, self.outputs = self._runner.t_stop, self._runner.outputs
        if not isinstance(learn, str):
            expect("learn", learn, Collection, f"names of {', '.join(KINDS)}")
        learn = (learn,) if isinstance(learn, str) else tuple(learn)
        for kind in learn:
            choose("learn", kind, KINDS)
        for kind in KINDS:
            setattr(self, kind, _parameters(kind, self._runner.own(kind) if kind in learn else {}))

    def forward(
        self,
        times: torch.Tensor | Mapping[str, torch.Tensor],
        weights: Mapping[str, torch.Tensor] | None = None,
        delays: Mapping[str, torch.Tensor] | None = None,
        thresholds: Mapping[str, torch.Tensor] | None = None,
        offsets: Mapping[str, torch.Tensor] | None = None,
    ) -> Any:
        """Return the first-spike times of the outputs, or the potentials of silent readouts.

        Parameters
        ----------
        times : Tensor, or dict of str to Tensor by input
            Input spike times in ms, inf: no spike. Shape (samples, neurons); of a map also (samples, height, width,
            channels); (samples, neurons, spikes) for several spikes a neuron, in any order. Inputs left out are silent.
        weights, delays, thresholds, offsets : dict of str to Tensor, optional
            Used instead of the module's or the network's own, by projection or population; gradients go to them.
            A delay may be one number or one a weight, whatever the network has.

        Returns
        -------
        Tensor (samples, neurons), or dict of str to Tensor
            Times in ms, inf where silent; V(t_stop) of a readout. A dict where several outputs were named. In the
            type of the input times; float32 is computed in double.

        Raises
        ------
        InputError
            Tensors that are not on the CPU or not float32 or float64, shapes and values that do not fit, unknown
            names. In the backward pass: delta synapses, loss gradients that are NaN or infinite.
        """
        times = self._checked_times(times)
        given = self._given({"weights": weights, "delays": delays, "thresholds": thresholds, "offsets": offsets})
        tensors = [*times.values(), *(tensor for by_name in given.values() for tensor in by_name.values())]
        call = _Call(self._runner, times, given, torch.is_grad_enabled() and any(t.requires_grad for t in tensors))
        found = _Run.apply(call, *tensors) if call.learning else call.forward()
        return found[0] if self._single else dict(zip(self.outputs, found, strict=True))

    def network(self) -> Network:
        """Return the network with the module's parameters, a new `eventsim.Network`, to simulate or to save."""
        given = self._given({})
        return self._runner.network({kind: _as_arrays(self._runner, kind, given[kind]) for kind in KINDS})

    def extra_repr(self) -> str:
        """Return what `repr` shows: outputs, horizon, and what computes the gradient."""
        way = "layers engine" if self._runner.reason is None else f"over traces: {self._runner.reason}"
        return f"output={', '.join(self.outputs)}, t_stop={self.t_stop:g}, {way}"

    def _checked_times(self, times):
        inputs = [name for name, p in self._runner.net.populations.items() if p.kind == "input"]
        if isinstance(times, torch.Tensor):
            if len(inputs) != 1:
                listed = ", ".join(inputs) or "none"
                raise InputError(f"the network has {len(inputs)} inputs ({listed}); give a dict of tensors by input")
            times = {inputs[0]: times}
        if not isinstance(times, dict) or not times:
            raise InputError(f"the input times are {_what(times)}; give a tensor, or a dict of tensors by input")
        times = {getattr(name, "name", name): tensor for name, tensor in times.items()}
        for name, tensor in times.items():
            choose("input", name, inputs or ["none"])
            _check(f'input times of "{name}"', tensor)
            population = self._runner.net[name]
            flat = tensor.ndim in (2, 3) and tensor.shape[1] == population.size
            if not flat and tensor.shape[1:] != population.shape:
                size, shape = population.size, ", ".join(map(str, population.shape))
                allowed = dict.fromkeys((f"(samples, {shape})", f"(samples, {size})", f"(samples, {size}, spikes)"))
                raise InputError(
                    f'input times of "{name}" have shape {tuple(tensor.shape)}; needed: {" or ".join(allowed)}')
        counts = {len(tensor) for tensor in times.values()}
        if len(counts) > 1:
            raise InputError(f"the inputs have {' and '.join(map(str, sorted(counts)))} samples; give as many to each")
        return times

    def _given(self, replaced):
        """Return the parameters in use by kind and name: those given, else the module's own."""
        given = {}
        for kind in KINDS:
            given[kind] = dict(getattr(self, kind).items())
            mine = {} if replaced.get(kind) is None else replaced[kind]
            if not isinstance(mine, dict):
                raise InputError(f"{kind} are {_what(mine)}; give a dict of tensors by name")
            for key, tensor in mine.items():
                name = choose(kind, getattr(key, "name", key), tuple(self._runner.own(kind)))
                _check(f'{kind} of "{name}"', tensor)
                given[kind][name] = tensor
        return given


class _Call:
    """One call of the module: numpy arrays towards the engines, tensors towards torch."""

    def __init__(self, runner, times, given, learning):
        self.learning, self._runner = learning, runner
        self._dtype = torch.float64 if any(t.dtype == torch.float64 for t in times.values()) else torch.float32
        self._stimulus = {name: _spikes(runner.net[name].size, tensor) for name, tensor in times.items()}
        self._values = {kind: _as_arrays(runner, kind, given[kind]) for kind in KINDS}
        kept = {"input_times": times, **given}
        self._places = [(kind, name, tensor.shape, tensor.dtype)
                        for kind, by_name in kept.items() for name, tensor in by_name.items()]

    def forward(self):
        """Return a tensor an output."""
        values, self._run = self._runner.forward(self._stimulus, self._values, self.learning)
        return tuple(torch.from_numpy(np.ascontiguousarray(one)).to(self._dtype) for one in values)

    def backward(self, errors, needed):
        """Return a gradient for every tensor of the call, None where it is not needed."""
        kinds = {place[0] for need, place in zip(needed, self._places, strict=True) if need}
        found = self._runner.backward(self._run, [_array(error) for error in errors],
                                      "input_times" in kinds, "delays" in kinds)
        gradients = []
        for need, (kind, name, shape, dtype) in zip(needed, self._places, strict=True):
            value = np.asarray(getattr(found, kind)[name], np.float64).reshape(shape) if need else None
            gradients.append(None if value is None else torch.from_numpy(value).to(dtype))
        return gradients


class _Run(torch.autograd.Function):
    """A call as a node of torch's graph."""

    @staticmethod
    def forward(ctx, call, *tensors):
        ctx.call = call
        return call.forward()

    @staticmethod
    def backward(ctx, *errors):
        found = ctx.call.backward(errors, ctx.needs_input_grad[1:])
        if torch.is_grad_enabled():  # create_graph=True; once_differentiable of torch lets constant errors pass
            once = iter(_Once.apply(*(one.requires_grad_() for one in found if one is not None)))
            found = [None if one is None else next(once) for one in found]
        return None, *found


class _Once(torch.autograd.Function):
    """Gradients that refuse to be differentiated."""

    @staticmethod
    def forward(ctx, *gradients):
        return tuple(one.view_as(one) for one in gradients)

    @staticmethod
    def backward(ctx, *errors):
        raise InputError("second derivatives of spike times are not known; keep gradients of SpikeTimes out of losses")


def _parameters(kind, own):
    """Return a ParameterDict of the network's own values."""
    result = torch.nn.ParameterDict()
    for name, values in own.items():
        if "." in name or hasattr(result, name):
            raise InputError(f'{kind} of "{name}" cannot be learned: torch allows no such name of a parameter; '
                             'give another name, without "."')
        result[name] = torch.nn.Parameter(torch.from_numpy(np.array(values, dtype=np.float64)))
    return result


def _what(value):
    return "an empty dict" if isinstance(value, dict) and not value else f"a {type(value).__name__}"


def _check(what, tensor):
    """Refuse what is no tensor of real numbers in the memory of the processor."""
    if not isinstance(tensor, torch.Tensor):
        raise InputError(f"{what} are {_what(tensor)}; give a torch.Tensor")
    if tensor.device.type != "cpu" or tensor.layout != torch.strided:
        kind = f'on device "{tensor.device}"' if tensor.device.type != "cpu" else f"of layout {tensor.layout}"
        raise InputError(f"{what} are {kind}; eventsim runs on the CPU: give dense tensors on it, .cpu()")
    if tensor.dtype not in _DTYPES:
        raise InputError(f"{what} are of type {tensor.dtype}; give torch.float64 or torch.float32")


def _array(tensor):
    """Return a new float64 array."""
    return np.array(tensor.detach().numpy(), dtype=np.float64)


def _as_arrays(runner, kind, by_name):
    return {name: checked(kind, name, _array(tensor), runner) for name, tensor in by_name.items()}


def _spikes(size, tensor):
    """Return the spikes of an input of `size` neurons; `given` counts the tensor's entries in their order."""
    samples = len(tensor)
    spikes = tensor.shape[2] if tensor.ndim == 3 and tensor.shape[1] == size else 1
    times = _array(tensor).reshape(samples, size, spikes)
    return Spikes(times, np.arange(size)[:, None], np.arange(samples)[:, None, None], n_samples=samples)
