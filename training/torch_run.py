"""Runs of a network whose parameters come anew with every call, and their gradients: numpy in, numpy out.

`training.torch_module` puts tensors around it. A feed-forward single-spike network goes through the layers engine and
`training.layered.backward`; any other through `eventsim.simulate` and `training.spike_time_gradient`. Either gives the
spike times of `eventsim.simulate`, bit for bit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import eventsim
from eventsim import arrays
from eventsim.engines import layers
from eventsim.errors import InputError, choose
from eventsim.lower import lower
from eventsim.network import Network
from eventsim.stops import positive
from training import first_arrival, layered
from training.gradient import spike_time_gradient
from training.parameters import write_into
from training.trace_passes import of_first_spikes

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Arrays, Floats, Which
    from training.gradient import SpikeTimeGradient
    from training.layered import Gradients

KINDS = ("weights", "delays", "thresholds", "offsets")
"""What may come anew: weights and delays by projection, thresholds and i_offset by population."""


class Run(NamedTuple):
    """What a forward run leaves for its gradients."""

    plan: Any
    """Of the layers engine; None where there is a trace."""
    net: Any
    """The network of the trace."""
    result: Any
    """`eventsim.engines.layers.Activations` or `eventsim.Trace`."""


class Runner:
    """Forward and backward of one network.

    Runs do not disturb each other: several may wait for their gradients, also in several threads.

    Parameters
    ----------
    net : eventsim.Network
        Copied: what happens to it later has no influence.
    t_stop : float
        Horizon in ms.
    outputs : sequence of str or Population, optional
        Populations to return; default: the only one that feeds no other.
    threads : int, optional
        All processors by default; the results do not depend on it.
    slope_floor : float
        Smallest V' in V/ms that a gradient is divided by.

    Attributes
    ----------
    net : eventsim.Network
        The copy, as it was given.
    outputs : tuple of str
    reason : str or None
        Why traces are taken and not the layers engine; None: the layers engine is taken.

    Raises
    ------
    InputError
        No network, Poisson inputs, no such output, or settings out of range.
    """

    def __init__(
        self,
        net: Network,
        t_stop: float,
        outputs: Sequence[Which] | None = None,
        threads: int | None = None,
        slope_floor: float = 0.0,
    ) -> None:
        if not isinstance(net, Network):
            raise InputError(f"the network is a {type(net).__name__}; give an es.Network")
        noise = [p.name for p in net.populations.values() if p.kind == "poisson"]
        if noise:
            raise InputError(
                f'"{noise[0]}" is a Poisson input, whose spikes have no gradient; make it an input and give its spikes')
        if not (math.isfinite(slope_floor) and slope_floor >= 0.0):
            raise InputError(f"slope_floor is {slope_floor!r}; allowed: finite numbers >= 0")
        self.net = copy.deepcopy(net)
        self.t_stop, self.threads, self.slope_floor = positive("t_stop", t_stop), threads, float(slope_floor)
        layers.thread_count(threads)
        self.outputs = _outputs(net, outputs)
        self.reason = layers.unsuited(net)
        self._plan = None if self.reason else layers.plan(copy.deepcopy(net))
        self._latest: tuple[Any, Network] | None = None
        self._rooms = []

    def __reduce__(self):
        return type(self), (self.net, self.t_stop, self.outputs, self.threads, self.slope_floor)

    def own(self, kind: str) -> dict[str, Floats]:
        """Return the network's own parameters of one of `KINDS` that a gradient may change, by name."""
        if kind in ("weights", "delays"):
            return {name: getattr(self.net.projections[name], kind[:-1]) for name in first_arrival.learned(self.net)}
        pools = first_arrival.populations(self.net)
        neurons = {name: p for name, p in self.net.populations.items() if p.kind == "neurons" and name not in pools}
        if kind == "offsets":
            return {name: p.neuron.resolve(p.size).i_offset for name, p in neurons.items()}
        return {name: p.neuron.resolve(p.size).v_threshold for name, p in neurons.items() if not p.is_readout}

    def forward(
        self, stimulus: Mapping[str, Spikes], given: Mapping[str, Arrays], learning: bool
    ) -> tuple[list[Floats], Run]:
        """Run a batch.

        Parameters
        ----------
        stimulus : dict of str to Spikes
        given : dict of str to dict of str to ndarray
            By one of `KINDS` and by name: what to use instead of the network's own, checked by `checked`.
        learning : bool
            Whether `backward` will follow.

        Returns
        -------
        list of ndarray (samples, neurons)
            By output: first-spike times in ms, inf where silent; of a readout, V(t_stop).
        Run
        """
        delays = given.get("delays", {})
        if self._plan is not None and not any(delay.ndim for delay in delays.values()):
            plan = _delayed(self._plan, delays)
            found = layers.forward(plan, stimulus, self.t_stop, threads=self.threads, weights=given.get("weights"),
                                   thresholds=given.get("thresholds"), offsets=given.get("offsets"),
                                   keep_events=learning)
            values = [found.potential.get(name, found.time[name]) for name in self.outputs]
            return values, Run(plan, None, found)
        net = self._with(given)
        if learning:
            lower(net, learning=True)
        trace = eventsim.simulate(net, stimulus, self.t_stop, threads=self.threads, seed=0)
        if trace.interrupted:  # Ctrl-C: a part of the run is no result here
            raise KeyboardInterrupt
        values = [trace.potential(name) if net[name].is_readout else trace.first_spikes(name) for name in self.outputs]
        return values, Run(None, net, trace)

    def backward(
        self, run: Run, errors: Sequence[Array], input_times: bool = True, delays: bool = True
    ) -> Gradients | SpikeTimeGradient:
        """Return the gradients of a run: `weights`, `delays`, `thresholds`, `offsets`, `input_times` by name.

        Parameters
        ----------
        run : Run
            Of ``forward(..., learning=True)``.
        errors : list of ndarray (samples, neurons)
            By output: dL/dt (ignored where silent), or dL/dV of a readout.
        input_times, delays : bool
            Whether these are wanted; without, some of them are missing.

        Raises
        ------
        InputError
            Delta synapses, or errors that are NaN or infinite where a neuron fired.
        """
        by_name = dict(zip(self.outputs, errors, strict=True))
        if run.plan is not None:
            room = self._rooms.pop() if self._rooms else {}
            found = layered.backward(run.plan, run.result, by_name, input_times, delays, self.threads,
                                     self.slope_floor, room)
            self._rooms.append(room)
            return found
        for name, error in by_name.items():
            if not run.net[name].is_readout:
                by_name[name] = of_first_spikes(run.result, name, error)
        return spike_time_gradient(run.net, run.result, by_name, self.threads, self.slope_floor)

    def network(self, given: Mapping[str, Arrays]) -> Network:
        """Return a new network with other parameters, as `forward` takes them."""
        net = copy.deepcopy(self.net)
        write_into(net, **{kind: given.get(kind) for kind in KINDS})
        return net

    def _with(self, given):
        """Return the network of `network`, the latest one again where nothing differs: it is lowered once."""
        latest = self._latest
        if latest is None or not _same(latest[0], given):
            self._latest = latest = given, self.network(given)
        return latest[1]


def checked(kind: str, name: str, values: Floats, own: Runner) -> Floats:
    """Return values of one parameter as the engines take them.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    name : str
        Of the projection or population.
    values : ndarray of float64
    own : Runner
        Whose network they are for.

    Raises
    ------
    InputError
        A shape that does not fit, or a value that is not allowed.
    """
    what = f'{kind} of "{name}"'
    if kind in ("weights", "delays"):
        shape = own.net.projections[name].weight.shape
        allowed = [shape] if kind == "weights" else [shape, ()]
    else:
        population = own.net[name]
        shape = (population.size,)
        allowed = list(dict.fromkeys([shape, population.shape]))
    if values.shape not in allowed:
        raise InputError(f"{what} have shape {values.shape}; needed: {' or '.join(map(str, allowed))}")
    if kind == "delays":
        good, rule = (values >= 0.0) & (values < np.inf), "delays are finite and >= 0 ms: clamp them after every step"
    elif kind == "thresholds":
        good, rule = values > -np.inf, "thresholds are numbers, or inf for a neuron that never fires"
    else:
        good, rule = np.isfinite(values), f"{kind} are finite: lower the learning rate, or clip the gradient"
    arrays.check_each(what, values, good, rule)
    return values if kind in ("weights", "delays") else values.reshape(shape)


def _outputs(net, given):
    """Return the names of the output populations."""
    neurons = [name for name, p in net.populations.items() if p.kind == "neurons"]
    if given is None:
        feeding = {p.source.name for p in net.projections.values() if p.source is not p.target}
        given = [name for name in neurons if name not in feeding]
        if len(given) != 1:
            raise InputError(f"populations that feed no other: {', '.join(given) or 'none'}; name one: output=...")
    names = tuple(getattr(one, "name", one) for one in given)
    for name in names:
        choose("The output population", name, neurons)
    if not names or len(set(names)) < len(names):
        raise InputError(f"output names {', '.join(names) or 'nothing'}; name one population or several different ones")
    return names


def _delayed(plan, delays):
    """Return a plan with other delays, by projection."""
    if not delays:
        return plan
    changed = tuple(
        layer._replace(links=tuple(
            link._replace(delay=float(delays.get(link.name, link.delay)) + 0.0) for link in layer.links))
        for layer in plan.layers)  # fmt: skip
    return plan._replace(layers=changed)


def _same(mine, others):
    """Return whether two sets of parameters are equal."""
    if {kind: set(mine[kind]) for kind in mine} != {kind: set(others[kind]) for kind in others}:
        return False
    return all(np.array_equal(values, others[kind][name]) for kind in mine for name, values in mine[kind].items())
