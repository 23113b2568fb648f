"""Compiled draws by counter for whole batches: by the generator of `eventsim.random`."""

import math

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


@kernel
def jitter(key_0, key_1, first, sd, times):
    """Add a normal draw of standard deviation `sd` to every finite time; what falls below 0 is put at 0.

    The draw of a neuron is that of Box and Muller (1958) from ``philox4x32(sample, neuron, 0, 0, key)``.

    Parameters
    ----------
    key_0, key_1 : uint64
        Of `eventsim.random.stream_key`.
    first : int
        Number of the first sample.
    sd : float
    times : ndarray (samples, neurons)
        Changed.
    """
    none = np.uint64(0)
    for row in range(times.shape[0]):
        for j in range(times.shape[1]):
            if times[row, j] < math.inf:
                w0, w1, w2, w3 = philox(np.uint64(first + row), np.uint64(j), none, none, key_0, key_1)
                radius = math.sqrt(-2.0 * math.log(unit(w0, w1)))
                times[row, j] = max(times[row, j] + sd * radius * math.cos(2.0 * math.pi * unit(w2, w3)), 0.0)
