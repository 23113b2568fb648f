"""Forward and backward through a network for a batch: the layers engine and its gradient behind two calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventsim import arrays
from eventsim.errors import InputError, choose

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.engines.layers import Activations
    from eventsim.network import Network
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Arrays, Precision
    from training.decoder import Decoder
    from training.layered import Gradients
    from training.model import Model
    from training.trace_passes import TracePasses
    from training.type_aliases import AnyPasses


def suited(
    model: Model,
    precision: Precision = "double",
    threads: int | None = None,
    slope_floor: float = 0.0,
    delays: bool = False,
) -> Passes | TracePasses:
    """Return the passes of a model: of the layers engine where it can run the network, else over traces.

    Parameters
    ----------
    model : training.Model
    precision, threads, slope_floor
        As for `Passes`.
    delays : bool
        Delays are learned, which takes traces.

    Raises
    ------
    InputError
        Single precision or delta synapses where the network needs traces.
    """
    from eventsim.engines import layers
    from training.trace_passes import TracePasses

    choose("precision", precision, ("double", "single"))
    reason = layers.unsuited(model.net)
    if delays:
        reason = "its delays are learned"
    elif model.decoder.readout == "potential" and model.decoder.over != "end":
        reason = f"its decoder reads the {model.decoder.over} of a potential"
    if reason is None:
        return Passes(model.net, model.t_stop, precision, threads, slope_floor)
    if precision != "double":
        raise InputError(f"This network is trained in double precision ({reason}); leave precision out.")
    return TracePasses(model, threads, slope_floor)


def loss_and_gradients(
    passes: AnyPasses,
    activity: Any,
    read: Array,
    decoder: Decoder,
    output: str,
    labels: ArrayLike,
    dropped: Arrays | None = None,
    charges: Arrays | None = None,
) -> tuple[float, Any]:
    """Return the loss of a batch and the gradients of its parameters.

    Parameters
    ----------
    passes : Passes or the like
        With `learn` they go from the labels to the gradients themselves: spikes at whole steps have no derivative
        by time, and a loss on a whole course of V is none on its last value.
    activity : as their `forward` returned it
    read : ndarray (samples, classes)
        What the decoder reads of it.
    decoder : training.decoder.Decoder
    output : str
        The population that it reads.
    labels : ndarray of int (samples,)
    dropped : dict of bool ndarray, optional
        As `forward` took it.
    charges : dict of ndarray, optional
        Additions to dL/dt of spikes, by population (``Policy.charges`` of `training.regularize`).
    """
    more = {"charges": charges} if charges else {}
    if hasattr(passes, "learn"):
        return passes.learn(activity, decoder, output, labels, dropped, **more)
    loss, loss_gradient = decoder(read, labels)
    return loss, passes.backward(activity, with_charges({output: loss_gradient}, charges))


def with_charges(loss_gradient: dict[str, Any], charges: Arrays | None) -> dict[str, Any]:
    """Return a loss gradient by population with additions to it.

    Parameters
    ----------
    loss_gradient : dict
        By population.
    charges : dict of ndarray or None
        As for `loss_and_gradients`.
    """
    for name, addition in (charges or {}).items():
        loss_gradient[name] = loss_gradient[name] + addition if name in loss_gradient else addition
    return loss_gradient


def checked_floor(slope_floor: float) -> float:
    """Return a slope floor as a float (kernels are compiled for one), refused where it is no slope."""
    floor = arrays.number("slope_floor", slope_floor)
    if not 0.0 <= floor < math.inf:
        raise InputError(f"slope_floor is {slope_floor!r}; allowed: finite numbers >= 0")
    return floor


class Passes:
    """The passes of one network.

    Parameters
    ----------
    net : eventsim.Network
        Feed-forward, single-spike.
    t_stop : float
        Horizon in ms.
    precision : {"double", "single"}
    threads : int, optional
        All processors by default; the results do not depend on it.
    slope_floor : float
        Smallest V' in V/ms that the gradient is divided by: bounds the pull of grazing crossings.

    Raises
    ------
    InputError
        A network that the layers engine cannot run, with the reason.
    """

    def __init__(
        self,
        net: Network,
        t_stop: float,
        precision: Precision = "double",
        threads: int | None = None,
        slope_floor: float = 0.0,
    ) -> None:
        from eventsim.engines import layers

        self._layers = layers
        slope_floor = checked_floor(slope_floor)
        for population in net.populations.values():
            if population.kind == "neurons" and len(population.neuron.receptors) > 1:
                raise InputError(
                    f'neurons of "{population.name}" have two receptors; training needs neurons with one.')
        self._plan = layers.plan(net)
        self.t_stop, self.precision, self.threads, self.slope_floor = t_stop, precision, threads, slope_floor
        self._room = {}

    def forward(
        self,
        stimulus: Mapping[str, Spikes],
        weights: Arrays | None = None,
        thresholds: Arrays | None = None,
        offsets: Arrays | None = None,
        delays: Arrays | None = None,
        dropped: Arrays | None = None,
        learning: bool = False,
    ) -> Activations:
        """Return the activity: `time`, `slope` by population, `potential` by readout, (samples, size) each.

        Parameters
        ----------
        stimulus : dict of Spikes
        weights, thresholds, offsets : dict of ndarray, optional
            Used instead of the network's: weights by projection, thresholds and i_offset by population.
        delays : dict, optional
            Empty: these networks have fixed delays.
        dropped : dict of bool ndarray (samples, size), optional
            Spikes to delete, by population.
        learning : bool
            Whether `backward` will follow.
        """
        return self._layers.forward(
            self._plan,
            stimulus,
            self.t_stop,
            precision=self.precision,
            threads=self.threads,
            weights=weights,
            thresholds=thresholds,
            offsets=offsets,
            dropped=dropped,
            keep_events=learning,
        )

    def backward(self, activity: Activations, loss_gradient: Mapping[str, Array]) -> Gradients:
        """Return the gradients ``.weights`` by projection, ``.thresholds`` and ``.offsets`` by population.

        With a slope floor, ``.floored`` counts by population: crossings below the floor, crossings in all.

        Parameters
        ----------
        activity : as `forward` returned it with ``learning=True``
        loss_gradient : dict of ndarray
            dL/dt by spiking population or dL/dV by readout, (samples, size).
        """
        from training import layered

        return layered.backward(
            self._plan, activity, loss_gradient, delays=False, threads=self.threads, slope_floor=self.slope_floor,
            room=self._room,
        )  # fmt: skip
