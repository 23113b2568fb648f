"""A group of neurons or of inputs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from eventsim.neurons.lif import LIF
    from eventsim.type_aliases import Floats


class Population:
    """A group of neurons or of inputs of one shape; made by `Network.input`, `population` or `poisson`.

    Attributes
    ----------
    name : str
        Unique in the network.
    shape : tuple of int
        Maps are (height, width, channels); neuron id = row-major index.
    size : int
        Number of neurons.
    kind : str
        "input", "neurons" or "poisson".
    neuron : LIF or None
        The parameters, of kind "neurons".
    rate : ndarray of float64 (size,) or None
        In Hz, of kind "poisson".
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: Literal["input", "neurons", "poisson"],
        neuron: LIF | None = None,
        rate: Floats | None = None,
    ) -> None:
        self.name = name
        self.shape = shape
        self.size = int(np.prod(shape, dtype=np.int64))
        self.kind = kind
        self.neuron: LIF | Any = neuron  # None where `kind` says so; `Any` spares a check where the kind is known
        self.rate: Floats | Any = rate
        self._digested: tuple[Any, Any, str] | None = None

    @property
    def is_readout(self) -> bool:
        """Whether no neuron of this population can ever fire (all thresholds NEVER)."""
        return self.kind == "neurons" and bool(np.all(np.isinf(self.neuron.v_threshold)))

    def digest(self) -> str:
        """Return the SHA-256 of everything that the simulation depends on; kept until something is set.

        Neurons and rates do not change, but others may take their places. While learning from traces it is asked for
        dozens of times a batch: 5 % of an epoch where it was made anew each time.
        """
        if self._digested is not None and self._digested[0] is self.neuron and self._digested[1] is self.rate:
            return self._digested[2]
        total = hashlib.sha256(json.dumps([self.name, self.shape, self.kind]).encode())
        if self.neuron is not None:
            for name, value in self.neuron.resolve(self.size)._asdict().items():
                if name != "tau_two":
                    total.update(np.asarray(value, dtype=np.float64).data)
            tau_syn = self.neuron.tau_syn
            if isinstance(tau_syn, dict):
                total.update(json.dumps([*tau_syn.items()]).encode())
        if self.rate is not None:
            total.update(self.rate.data)
        self._digested = self.neuron, self.rate, total.hexdigest()
        return self._digested[2]

    def __repr__(self) -> str:
        inside = "" if self.neuron is None else f", {self.neuron!r}"
        return f"<Population {self.name}: {self.kind} {self.shape}{inside}>"
