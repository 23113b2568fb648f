"""Curvature of a loss: Hessian-vector products, the largest eigenvalue, and how much each array contributes.

The gradient of spike times is exact, so a Hessian-vector product is one central difference of two gradients,
H v = (g(p + h v) - g(p - h v)) / 2h. The loss is smooth where the order of events does not change; over a batch, events
that appear or vanish within the step add a term of their own, which a smaller step makes rarer and larger.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays as numbers
from eventsim.errors import InputError, expect
from training.decoder import as_labels
from training.encode import as_values
from training.parameters import Parameters
from training.passes import loss_and_gradients, suited
from training.progress import Callback

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Floats, Values
    from training.model import Model
    from training.type_aliases import Report


class Objective:
    """The loss of a model on a fixed batch, as a function of one vector of all its learnable numbers.

    Parameters
    ----------
    model : training.Model
    values : array_like (samples, ...)
        As the model's encoder takes them.
    labels : array_like of int (samples,)
    parameters : training.parameters.Parameters, optional
        What is learned; by default all weights as they are.
    threads : int, optional
        All processors by default.

    Attributes
    ----------
    blocks : dict of slice
        Where each array lies in the vector, by its name.
    """

    def __init__(
        self,
        model: Model,
        values: Values,
        labels: ArrayLike,
        parameters: Parameters | None = None,
        threads: int | None = None,
    ) -> None:
        expect("model", model, "Model", "a training.Model")
        if parameters is not None:
            expect("parameters", parameters, Parameters, "training.parameters.Parameters")
        if len(as_values(values)) == 0:
            raise InputError("There are no samples to take a loss over; give at least one.")
        self._model, self._labels = model, as_labels(labels)
        self._parameters = Parameters(model.net) if parameters is None else parameters
        self._passes = suited(model, threads=threads, delays="delays" in self._parameters.learned)
        self._stimulus = model.encode(values)
        self.blocks: dict[str, slice] = {}
        start = 0
        for name, array in self._parameters.arrays.items():
            self.blocks[name] = slice(start, start + array.size)
            start += array.size

    def point(self) -> Floats:
        """Return the vector of the parameters as they are."""
        return np.concatenate([array.ravel() for array in self._parameters.arrays.values()])

    def gradient(self, point: Floats) -> tuple[float, Floats]:
        """Return the loss and its gradient at a vector.

        Parameters
        ----------
        point : ndarray (size,)
            The arrays one after the other, flattened.
        """
        parameters = self._parameters
        point = _vector("point", point, self)
        arrays = {name: point[self.blocks[name]].reshape(array.shape) for name, array in parameters.arrays.items()}
        kept = parameters.snapshot()
        parameters.restore(arrays)
        try:
            decoder = parameters.decoder(self._model.decoder)
            effective = parameters.effective()
            activity = self._passes.forward(self._stimulus, *effective, learning=True)
            read = self._model.read(activity)
            loss, found = loss_and_gradients(
                self._passes, activity, read, decoder, self._model.output, self._labels)
            scale = decoder.log_scale_gradient(read, self._labels) if "scale/decoder" in arrays else 0.0
            weights = {name: found.weights[name] for name in effective.weights}
            gradients = parameters.backward(weights, found.thresholds, found.offsets, found.delays, scale)
        finally:
            parameters.restore(kept)
        return loss, np.concatenate([gradients[name].ravel() for name in parameters.arrays])


_SHORTEST = 1e-14
"""Shortest relative step: shorter ones change no number."""


def _vector(what: str, value: Floats, objective: Objective) -> Floats:
    """Return a vector of as many numbers as the objective has parameters, or raise `InputError`."""
    expect("objective", objective, Objective, "a training.curvature.Objective")
    found, size = numbers.numbers(what, value), len(objective.point())
    if found.shape != (size,) or not np.isfinite(found).all():
        raise InputError(f"{what} has shape {found.shape}; give {size} finite numbers, one a parameter.")
    return found


def _check_step(step: float) -> None:
    if not _SHORTEST <= numbers.number("step", step) <= 1.0:
        raise InputError(f"step = {step!r} cannot be used; give a relative length from {_SHORTEST:g} to 1.")


def hessian_vector(objective: Objective, vector: Floats, step: float = 1e-4) -> Floats:
    """Return the Hessian of the loss times a vector.

    Parameters
    ----------
    objective : Objective
    vector : ndarray
    step : float
        Length of the step along the vector to either side, relative to the length of the parameters.

    Returns
    -------
    ndarray
    """
    vector = _vector("vector", vector, objective)
    _check_step(step)
    size = float(np.linalg.norm(vector))
    if size == 0.0:
        return np.zeros_like(vector)
    point = objective.point()
    length = step * max(float(np.linalg.norm(point)), 1e-12) / size
    ahead, behind = (objective.gradient(point + sign * length * vector)[1] for sign in (1.0, -1.0))
    return (ahead - behind) / (2.0 * length)


def sharpness(
    objective: Objective, step: float = 1e-4, tolerance: float = 1e-2, seed: int = 0, products: int = 100
) -> float:
    """Return the largest eigenvalue of the Hessian, found by Lanczos' iteration.

    Gradient descent at rate r is stable while it stays below 2 / r; full-batch training hovers there (Cohen et al.,
    "Gradient descent on neural networks typically occurs at the edge of stability", ICLR 2021).

    Parameters
    ----------
    objective : Objective
    step : float
        As in `hessian_vector`.
    tolerance : float
        Relative accuracy.
    seed : int
        Of the first vector.
    products : int
        Most iterations of the restarted method.

    Returns
    -------
    float
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    expect("objective", objective, Objective, "a training.curvature.Objective")
    _check_step(step)
    numbers.not_negative("", tolerance=tolerance)
    seed, products = numbers.integer("seed", seed, 0), numbers.integer("products", products, 1)
    n = len(objective.point())
    if n < 3:
        matrix = np.array([hessian_vector(objective, row, step) for row in np.eye(n)])
        return float(np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[-1])
    operator = LinearOperator((n, n), matvec=lambda v: hessian_vector(objective, v.ravel(), step), dtype=np.float64)
    start = np.random.default_rng(seed).normal(size=n)
    try:
        return float(eigsh(operator, k=1, which="LA", v0=start, tol=tolerance, maxiter=products,
                           return_eigenvectors=False)[0])
    except ArpackNoConvergence as error:
        return float(error.eigenvalues[0]) if len(error.eigenvalues) else math.nan


def block_norms(objective: Objective, probes: int = 8, step: float = 1e-4, seed: int = 0) -> dict[str, float]:
    """Return the Frobenius norm of each array's own block of the Hessian, estimated by random signs.

    With v = +-1 in one block and 0 elsewhere, the mean of ``|(H v)_block|^2`` is the squared norm. At the start of a
    training, how the norms grow or shrink from layer to layer tells a good initialisation from a bad one.

    Parameters
    ----------
    objective : Objective
    probes : int
        Random vectors a block.
    step : float
        As in `hessian_vector`.
    seed : int

    Returns
    -------
    dict of float
        By the name of the array.
    """
    expect("objective", objective, Objective, "a training.curvature.Objective")
    _check_step(step)
    probes = numbers.integer("probes", probes, 1)
    rng = np.random.default_rng(numbers.integer("seed", seed, 0))
    norms = {}
    for name, block in objective.blocks.items():
        total = 0.0
        for _ in range(probes):
            vector = np.zeros(len(objective.point()))
            vector[block] = rng.choice([-1.0, 1.0], block.stop - block.start)
            total += float(np.sum(hessian_vector(objective, vector, step)[block] ** 2))
        norms[name] = math.sqrt(total / probes)
    return norms


class Sharpness(Callback):
    """Adds ``sharpness`` to the record of every so many epochs: that of the loss over a fixed batch.

    Parameters
    ----------
    model : training.Model
        The one that is trained.
    values, labels
        The batch.
    every : int
        Epochs between two measurements.
    **settings
        Of `sharpness`.

    Raises
    ------
    InputError
        An `every` that is no whole number of at least 1.
    """

    def __init__(self, model: Model, values: Values, labels: ArrayLike, every: int = 1, **settings: Any) -> None:
        if isinstance(every, bool) or not isinstance(every, int | np.integer) or every < 1:
            raise InputError(f"every = {every!r} cannot be used; give a whole number of epochs, at least 1.")
        expect("model", model, "Model", "a training.Model")
        self._batch, self._every, self._settings = (model, values, labels), every, settings

    def measure(self, epoch: int, parameters: Parameters) -> Report:
        """Return the sharpness, None in the epochs between."""
        found = None
        if epoch % self._every == 0:
            found = sharpness(Objective(*self._batch, parameters), **self._settings)
        return {"sharpness": found}
