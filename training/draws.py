"""Compiled draws by counter for whole batches: the same numbers as `eventsim.random.uniform`."""

import numpy as np

from eventsim import random
from eventsim._jit import closed_form, kernel

philox = closed_form(random.philox4x32)
unit = closed_form(random.to_unit_interval)


@kernel
def mark(key_0, key_1, index, epoch, rate, marks):
    """Set marks[row, neuron] where ``random.uniform(key, sample, neuron, epoch) < rate``.

    Parameters
    ----------
    key_0, key_1 : uint64
        Of `eventsim.random.stream_key`.
    index : ndarray of int64 (samples,)
    epoch : int
    rate : float
    marks : ndarray of bool (samples, neurons)
        Written.
    """
    none = np.uint64(0)
    for row in range(len(index)):
        for j in range(marks.shape[1]):
            a, b, _, _ = philox(np.uint64(index[row]), np.uint64(j), np.uint64(epoch), none, key_0, key_1)
            marks[row, j] = unit(a, b) < rate
