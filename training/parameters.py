"""What is learned: named arrays, and the way from them to the weights and thresholds of the network.

Names are ``weight/PROJECTION``, or with normalisation ``raw/``, ``gain/`` and ``drive/PROJECTION``; and
``threshold/POPULATION``. The optimiser sees only these arrays; the engine sees only what `effective` returns.
"""

import numpy as np

from eventsim.errors import InputError, choose
from training import normalize

LEARNABLE = ("weights", "thresholds")
KINDS = ("weight", "raw", "gain", "drive", "threshold")


class Parameters:
    """Learnable arrays of a network.

    Parameters
    ----------
    net : eventsim.Network
    learn : sequence of {"weights", "thresholds"}
    normalized : bool or collection of str
        Projections (Dense) whose weights are standardised, by name; True: all.
    rates : dict of float, optional
        Factor on the learning rate by kind of array: weight, raw, gain, drive, threshold.

    Attributes
    ----------
    arrays : dict of ndarray
        The values, changed in place by the optimiser.
    scales : dict of float
        Factor on the learning rate by array name.
    decayed : set of str
        Arrays that weight decay applies to.
    """

    def __init__(self, net, learn=("weights",), normalized=False, rates=None):
        learn = (learn,) if isinstance(learn, str) else tuple(learn)
        for what in learn:
            choose("learn", what, LEARNABLE)
        if not learn:
            raise InputError(f"learn is empty; name at least one of {', '.join(LEARNABLE)}.")
        for kind in rates or {}:
            choose("The learning-rate factor", kind, KINDS)
        names = tuple(net.projections) if normalized is True else tuple(normalized or ())
        for name in names:
            choose("The normalised projection", name, tuple(net.projections))
        if names and "weights" not in learn:
            raise InputError('Normalised weights are learned weights; add "weights" to learn.')
        self.arrays = {}
        self._weights, self._thresholds = [], []
        if "weights" in learn:
            for name, projection in net.projections.items():
                self._weights.append((name, name in names))
                if name in names:
                    raw, gain, drive = normalize.split(projection.weight)
                    self.arrays |= {f"raw/{name}": raw, f"gain/{name}": gain, f"drive/{name}": drive}
                else:
                    self.arrays[f"weight/{name}"] = np.array(projection.weight, dtype=np.float64)
        if "thresholds" in learn:
            for name, population in net.populations.items():
                if population.kind == "neurons":
                    p = population.neuron.resolve(population.size)
                    if np.isfinite(p.v_threshold).all():
                        self._thresholds.append((name, p.v_reset + 1e-3 * (p.v_threshold - p.v_reset)))
                        self.arrays[f"threshold/{name}"] = np.array(p.v_threshold)
        rates = rates or {}
        self.scales = {name: float(rates.get(name.split("/", 1)[0], 1.0)) for name in self.arrays}
        self.decayed = {name for name in self.arrays if name.startswith(("weight/", "raw/"))}

    def effective(self):
        """Return the weights by projection and the thresholds by population that the engine uses."""
        weights = {}
        for name, normalized in self._weights:
            if normalized:
                weights[name] = normalize.forward(
                    *(self.arrays[f"{k}/{name}"] for k in ("raw", "gain", "drive"))
                )
            else:
                weights[name] = self.arrays[f"weight/{name}"]
        return weights, {name: self.arrays[f"threshold/{name}"] for name, _ in self._thresholds}

    def backward(self, weights, thresholds):
        """Return the gradient of every array from those of the effective weights and thresholds.

        Parameters
        ----------
        weights : dict of ndarray
            By projection.
        thresholds : dict of ndarray
            By population.

        Returns
        -------
        dict of ndarray
        """
        gradients = {}
        for name, normalized in self._weights:
            if normalized:
                parts = normalize.backward(
                    self.arrays[f"raw/{name}"], self.arrays[f"gain/{name}"], weights[name]
                )
                gradients |= {
                    f"{kind}/{name}": g for kind, g in zip(("raw", "gain", "drive"), parts, strict=True)
                }
            else:
                gradients[f"weight/{name}"] = weights[name]
        for name, _ in self._thresholds:
            gradients[f"threshold/{name}"] = thresholds[name]
        return gradients

    def additive(self, projection):
        """Return the array that takes a common addition to a neuron's weights (targets on its last axis).

        It is the drive of a normalised projection, since standardisation would cancel an addition to the raw
        weights; None where the weights are not learned.
        """
        for kind in ("drive", "weight"):
            if f"{kind}/{projection}" in self.arrays:
                return self.arrays[f"{kind}/{projection}"]
        return None

    def project(self):
        """Bring thresholds that a step moved too far back above the reset potential."""
        for name, lowest in self._thresholds:
            np.maximum(self.arrays[f"threshold/{name}"], lowest, out=self.arrays[f"threshold/{name}"])

    def snapshot(self):
        """Return copies of all arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def restore(self, arrays):
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

    def fold(self, net):
        """Write the effective weights and thresholds into `net`: plain numbers, no normalisation left."""
        weights, thresholds = self.effective()
        for name, weight in weights.items():
            net.projections[name].set_weight(weight)
        for name, threshold in thresholds.items():
            net.set_neuron(name, net[name].neuron.replace(v_threshold=threshold))
