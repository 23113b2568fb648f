"""Exponential moving average of learned arrays: validated and kept instead of the last step's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eventsim.arrays import number
from eventsim.errors import InputError, expect

if TYPE_CHECKING:
    from eventsim.type_aliases import Arrays


class Average:
    """Average over the steps of a training (Polyak and Juditsky 1992; with warm-up, as in TensorFlow).

    Parameters
    ----------
    arrays : dict of ndarray
        The arrays at the start, copied.
    decay : float
        Part of the average that a step keeps, 0 to below 1; after step n at most ``(1 + n) / (10 + n)``, so
        that the beginning is soon forgotten.

    Attributes
    ----------
    arrays : dict of ndarray
        The average.

    Raises
    ------
    InputError
        A decay out of range.
    """

    def __init__(self, arrays: Arrays, decay: float) -> None:
        if not 0.0 <= number("ema", decay) < 1.0:
            raise InputError(f"ema = {decay!r} cannot be used; give the decay a step, from 0 to below 1, as 0.999.")
        expect("arrays", arrays, Mapping, "a dict of arrays by name")
        self.decay = float(decay)
        self.arrays = {name: np.array(array, order="C") for name, array in arrays.items()}

    def update(self, arrays: Arrays, step: int) -> None:
        """Take in `arrays` after the step number `step` (from 1)."""
        part = 1.0 - min(self.decay, (1.0 + step) / (10.0 + step))
        from training import vector_kernels

        for name, average in self.arrays.items():
            vector_kernels.approach(average.reshape(-1), np.ascontiguousarray(arrays[name]).reshape(-1), part)
