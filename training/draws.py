"""Compiled draws by counter for whole batches: by the generator of `eventsim.random`."""

import numpy as np

from eventsim import random
from eventsim._jit import closed_form, kernel

philox = closed_form(random.philox4x32)
unit = closed_form(random.to_unit_interval)


@kernel
def mark(key_0, key_1, index, epoch, rate, marks):
    """Set marks[row, neuron] with probability `rate`: four neurons share a draw, a word of 32 bits each.

    Word ``neuron % 4`` of ``philox4x32(sample, neuron // 4, epoch, 0, key)`` is below ``rate * 2**32``. A draw of
    its own for every neuron took a twelfth of a training of 13,000 neurons.

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
    none, limit = np.uint64(0), np.uint64(rate * 4294967296.0)
    n = marks.shape[1]
    for row in range(len(index)):
        for j in range(0, n, 4):
            words = philox(np.uint64(index[row]), np.uint64(j // 4), np.uint64(epoch), none, key_0, key_1)
            for k in range(min(4, n - j)):
                marks[row, j + k] = words[k] < limit
