"""The horizon of a trained network: no longer than its decisions take.

While training, the horizon leaves every output time to spike. Afterwards the earliest output spike decides, and what
comes later changes nothing: spikes after the latest decision can be left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError
from training.encode import as_values

if TYPE_CHECKING:
    from eventsim.type_aliases import Values
    from training.model import Model

SAMPLES = 5000
"""Training samples that are looked at where there is no validation set."""


def trimmed(model: Model, images: Values, factor: float = 1.1, threads: int | None = None) -> float:
    """Return `factor` times the latest decision over some samples, at most the model's horizon.

    No decision over these samples changes with the shorter horizon; an undecided one stays so.

    Parameters
    ----------
    model : training.Model
    images : ndarray (samples, ...)
    factor : float
        At least 1: room for later decisions over other samples.
    threads : int, optional
        All processors by default; the result does not depend on it.

    Returns
    -------
    float
        In ms; the model's own horizon for a silent readout, or where nothing is decided.

    Raises
    ------
    InputError
        A factor below 1.
    """
    if not (math.isfinite(factor) and factor >= 1.0):
        raise InputError(f"The factor on the latest decision is {factor!r}; give a finite number of at least 1.")
    if model.readout == "potential" or len(as_values(images)) == 0:
        return model.t_stop
    first = model.outputs(images, threads=threads).min(axis=1)
    decided = first[np.isfinite(first)]
    # the run covers [0, t_stop): the latest decision itself must lie before it
    latest = np.nextafter(decided.max(initial=0.0), math.inf)
    return float(min(factor * latest, model.t_stop)) if len(decided) else model.t_stop
