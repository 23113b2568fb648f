"""What is learned: named arrays, and the way from them to the weights, thresholds and offsets of the network.

Names are ``weight/PROJECTION``, or with normalisation ``raw/``, ``gain/`` and ``drive/PROJECTION``; and
``threshold/POPULATION``, ``offset/POPULATION``; ``delay/PROJECTION``; and ``scale/decoder``, the logarithm of a
factor on the decoder's scores. The optimiser sees only these arrays; the engine sees only what `effective` returns. The
neurons of a map that a convolution feeds share the threshold and the offset of their channel, as they share its
weights.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eventsim import arrays
from eventsim.connect import Conv2d
from eventsim.errors import InputError, choose, expect
from training import first_arrival, normalize
from training.delays import Delays

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.type_aliases import Array, Arrays
    from training.decoder import Decoder
    from training.delays import Shared

LEARNABLE = ("weights", "thresholds", "offsets", "delays", "decoder")
KINDS = ("weight", "raw", "gain", "drive", "threshold", "offset", "delay", "scale")


class Effective(NamedTuple):
    """What the engine uses instead of the network's own numbers."""

    weights: dict[str, Array]
    """By projection, in the user's shape."""
    thresholds: dict[str, Array]
    """By population, one value a neuron."""
    offsets: dict[str, Array]
    """By population, one value a neuron: i_offset in V, or in V/ms where tau_mem = inf."""
    delays: dict[str, Array]
    """By projection, in the shape of its weights, ms."""


def channels(net: Network, name: str) -> int:
    """Return how many values tell the neurons of a population apart: its channels where a Conv2d feeds it."""
    population = net[name]
    convolved = any(p.target is population and isinstance(p.connection, Conv2d) for p in net.projections.values())
    return population.shape[-1] if convolved else population.size


class Parameters:
    """Learnable arrays of a network.

    Weights into first-arrival pooling (`training.first_arrival`) are structure and never learned.

    Parameters
    ----------
    net : eventsim.Network
    learn : sequence of {"weights", "thresholds", "offsets", "delays", "decoder"}
    normalized : bool or collection of str
        Projections whose weights are standardised, by name; True: all.
    rates : dict of float, optional
        Factor on the learning rate by kind of array: weight, raw, gain, drive, threshold, offset, delay, scale.
    delays : training.delays.Delays, optional
        Which synapses share a delay, and its bounds; by default each has its own.

    Attributes
    ----------
    arrays : dict of ndarray
        The values, changed in place by the optimiser.
    scales : dict of float
        Factor on the learning rate by array name.
    decayed : set of str
        Arrays that weight decay applies to.
    normalized : frozenset of str
        Projections whose weights are standardised.
    learned : tuple of str
        As given.
    """

    def __init__(
        self,
        net: Network,
        learn: str | Sequence[str] = ("weights",),
        normalized: bool | Collection[str] = False,
        rates: Mapping[str, float] | None = None,
        delays: Delays | None = None,
    ) -> None:
        if not isinstance(learn, str):
            expect("learn", learn, Collection, f"names of {', '.join(LEARNABLE)}")
        for name, value, kind, words in (
                ("rates", rates, Mapping, "a dict of factors by kind"), ("delays", delays, Delays, "training.Delays")):
            if value is not None:
                expect(name, value, kind, words)
        if not isinstance(normalized, bool):
            expect("normalize", normalized, Collection, "True, False or names of projections")
        learn = (learn,) if isinstance(learn, str) else tuple(learn)
        for what in learn:
            choose("learn", what, LEARNABLE)
        if not learn:
            raise InputError(f"learn is empty; name at least one of {', '.join(LEARNABLE)}.")
        for kind, factor in (rates or {}).items():
            choose("The learning-rate factor", kind, KINDS)
            if not 0.0 <= arrays.number(f'rates["{kind}"]', factor) < math.inf:
                raise InputError(f'rates["{kind}"] = {factor!r} cannot be used; give a finite factor of at least 0.')
        pools = first_arrival.populations(net)
        learnable = first_arrival.learned(net)
        names = tuple(learnable if normalized else ()) if isinstance(normalized, bool) else tuple(normalized)
        for name in names:
            choose("The normalised projection", name, learnable)
        if names and "weights" not in learn:
            raise InputError('Normalised weights are learned weights; add "weights" to learn.')
        self.arrays: dict[str, Array] = {}
        self.normalized = frozenset(names)
        self._weights = learnable if "weights" in learn else []
        self._thresholds, self._offsets, self._places = [], [], {}
        for name in self._weights:
            weight = net.projections[name].weight
            if name in self.normalized:
                raw, gain, drive = normalize.split(weight)
                self.arrays |= {f"raw/{name}": raw, f"gain/{name}": gain, f"drive/{name}": drive}
            else:
                self.arrays[f"weight/{name}"] = np.array(weight, dtype=np.float64)
        for name, population in net.populations.items():
            if population.kind != "neurons" or name in pools:
                continue
            p = population.neuron.resolve(population.size)
            self._places[name] = population.size // channels(net, name)
            if "thresholds" in learn and np.isfinite(p.v_threshold).all():
                self.arrays[f"threshold/{name}"] = self._shared("v_threshold", name, p.v_threshold)
                reset = self._shared("v_reset", name, p.v_reset)
                self._thresholds.append((name, reset + 1e-3 * (self.arrays[f"threshold/{name}"] - reset)))
            if "offsets" in learn:
                self.arrays[f"offset/{name}"] = self._shared("i_offset", name, p.i_offset)
                self._offsets.append(name)
        self._delays: dict[str, Shared] = {}
        if "delays" in learn:
            self._delays = (Delays() if delays is None else delays).shared(net)
            for name, shared in self._delays.items():
                self.arrays[f"delay/{name}"] = shared.start()
        elif delays is not None:
            raise InputError('delays are given but not learned; add "delays" to learn.')
        self.learned = learn
        if "decoder" in learn:
            self.arrays["scale/decoder"] = np.zeros(1)
        rates = rates or {}
        self.scales = {name: float(rates.get(name.split("/", 1)[0], 1.0)) for name in self.arrays}
        self.decayed = {name for name in self.arrays if name.startswith(("weight/", "raw/"))}

    def _shared(self, what: str, name: str, values: Array) -> Array:
        """Return one value a channel of `values` (one a neuron), refused where the places differ."""
        rows = values.reshape(self._places[name], -1)
        if (rows != rows[0]).any():
            raise InputError(
                f'{what} of "{name}" differs between the places of a convolution, which share what is learned; '
                "give one value a channel."
            )
        return rows[0].copy()

    def effective(self, arrays: Arrays | None = None) -> Effective:
        """Return the `Effective` weights, thresholds and offsets that the engine uses.

        Parameters
        ----------
        arrays : dict of ndarray, optional
            Used instead of the learnable arrays (an average of them, for instance).
        """
        arrays = self.arrays if arrays is None else arrays
        weights = {}
        for name in self._weights:
            if name in self.normalized:
                weights[name] = normalize.forward(*(arrays[f"{k}/{name}"] for k in ("raw", "gain", "drive")))
            else:
                weights[name] = arrays[f"weight/{name}"]
        return Effective(
            weights,
            {name: np.tile(arrays[f"threshold/{name}"], self._places[name]) for name, _ in self._thresholds},
            {name: np.tile(arrays[f"offset/{name}"], self._places[name]) for name in self._offsets},
            {name: shared.spread(arrays[f"delay/{name}"]) for name, shared in self._delays.items()},
        )

    def decoder(self, given: Decoder, arrays: Arrays | None = None) -> Decoder:
        """Return the decoder `given`, its scores multiplied by the learned factor.

        Parameters
        ----------
        given : training.decode.Decoder
        arrays : dict of ndarray, optional
            Used instead of the learnable arrays.
        """
        arrays = self.arrays if arrays is None else arrays
        return given.scaled(math.exp(arrays["scale/decoder"][0])) if "scale/decoder" in arrays else given

    def backward(
        self, weights: Arrays, thresholds: Arrays, offsets: Arrays, delays: Arrays | None = None, scale: float = 0.0
    ) -> dict[str, Array]:
        """Return the gradient of every array from those of what is `effective`.

        Parameters
        ----------
        weights : dict of ndarray
            By projection.
        thresholds, offsets : dict of ndarray
            By population, one value a neuron.
        delays : dict of ndarray, optional
            By projection, in the shape of its weights; needed where they are learned.
        scale : float
            `training.decode.Decoder.log_scale_gradient`.

        Returns
        -------
        dict of ndarray
        """
        gradients = {"scale/decoder": np.array([scale])} if "scale/decoder" in self.arrays else {}
        for name in self._weights:
            if name in self.normalized:
                parts = normalize.backward(
                    self.arrays[f"raw/{name}"], self.arrays[f"gain/{name}"], weights[name]
                )
                gradients |= {
                    f"{kind}/{name}": g for kind, g in zip(("raw", "gain", "drive"), parts, strict=True)
                }
            else:
                gradients[f"weight/{name}"] = weights[name]
        for name, _ in self._thresholds:
            gradients[f"threshold/{name}"] = thresholds[name].reshape(self._places[name], -1).sum(axis=0)
        for name in self._offsets:
            gradients[f"offset/{name}"] = offsets[name].reshape(self._places[name], -1).sum(axis=0)
        for name, shared in self._delays.items():
            gradients[f"delay/{name}"] = shared.collect((delays or {})[name])
        return gradients

    def additive(self, projection: str) -> Array | None:
        """Return the array that takes a common addition to a neuron's weights (targets on its last axis).

        It is the drive of a normalised projection, since standardisation would cancel an addition to the raw
        weights; None where the weights are not learned.
        """
        for kind in ("drive", "weight"):
            if f"{kind}/{projection}" in self.arrays:
                return self.arrays[f"{kind}/{projection}"]
        return None

    def project(self) -> None:
        """Bring thresholds that a step moved too far back above the reset potential, and delays within their bounds."""
        for name, lowest in self._thresholds:
            np.maximum(self.arrays[f"threshold/{name}"], lowest, out=self.arrays[f"threshold/{name}"])
        for name, shared in self._delays.items():
            shared.bound(self.arrays[f"delay/{name}"])

    def delay_bounds(self) -> dict[str, tuple[float, float]]:
        """Return (shortest, longest) in ms of the learned delays, by projection."""
        return {name: shared.bounds for name, shared in self._delays.items()}

    def snapshot(self) -> dict[str, Array]:
        """Return copies of all arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def restore(self, arrays: Arrays) -> None:
        """Copy `arrays` (of `snapshot`) back in.

        Raises
        ------
        InputError
            Other names or shapes than this network has.
        """
        given = {name: np.shape(a) for name, a in arrays.items()}
        own = {name: a.shape for name, a in self.arrays.items()}
        if given != own:
            raise InputError(
                f"The saved parameters {given} do not fit this network's {own}; use the same network."
            )
        for name, array in arrays.items():
            self.arrays[name][...] = array

    def fold(self, net: Network) -> None:
        """Write what is `effective` into `net`: plain numbers, no normalisation left."""
        write_into(net, *self.effective())


def write_into(
    net: Network,
    weights: Arrays | None = None,
    thresholds: Arrays | None = None,
    offsets: Arrays | None = None,
    delays: Arrays | None = None,
) -> None:
    """Write weights and delays by projection, thresholds and i_offset by population, into a network."""
    for name, weight in (weights or {}).items():
        net.projections[name].set_weight(weight)
    for name, delay in (delays or {}).items():
        net.projections[name].set_delay(delay)
    for parameter, given in (("v_threshold", thresholds), ("i_offset", offsets)):
        for name, values in (given or {}).items():
            net.set_neuron(name, net[name].neuron.replace(**{parameter: values}))
