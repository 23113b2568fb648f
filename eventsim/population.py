"""A group of neurons or of inputs."""

import hashlib
import json

import numpy as np


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

    def __init__(self, name, shape, kind, neuron=None, rate=None):
        self.name = name
        self.shape = shape
        self.size = int(np.prod(shape, dtype=np.int64))
        self.kind = kind
        self.neuron = neuron
        self.rate = rate

    @property
    def is_readout(self):
        """Whether no neuron of this population can ever fire (all thresholds NEVER)."""
        return self.kind == "neurons" and bool(np.all(np.isinf(self.neuron.v_threshold)))

    def digest(self):
        """Return the SHA-256 of everything that the simulation depends on."""
        total = hashlib.sha256(json.dumps([self.name, self.shape, self.kind]).encode())
        if self.neuron is not None:
            for name, value in self.neuron.resolve(self.size)._asdict().items():
                if name != "tau_two":
                    total.update(np.asarray(value, dtype=np.float64).data)
            if self.neuron.receptors:
                total.update(json.dumps([*self.neuron.tau_syn.items()]).encode())
        if self.rate is not None:
            total.update(self.rate.data)
        return total.hexdigest()

    def __repr__(self):
        inside = "" if self.neuron is None else f", {self.neuron!r}"
        return f"<Population {self.name}: {self.kind} {self.shape}{inside}>"
