"""Kernels that go once over arrays of learned values, where numpy takes several passes with temporary arrays."""

import math

import numpy as np

from eventsim._jit import kernel

_LANES = 32
"""Sums that are kept side by side, in four vectors of eight: one sum would wait for each addition."""


@kernel
def adam(parameter, gradient, first, second, beta1, beta2, rate, correction, eps):
    """Change the parameters and both moments in place; see `training.optimize.Adam`.

    Parameters
    ----------
    parameter, gradient, first, second : ndarray (n,)
        The moments are the averages of the gradient and of its square.
    beta1, beta2 : float
        Decay of the averages.
    rate : float
        Learning rate over the correction of the first moment.
    correction : float
        Of the second moment, ``1 - beta2**n``.
    eps : float
    """
    for k in range(len(parameter)):
        g = gradient[k]
        first[k] = beta1 * first[k] + (1.0 - beta1) * g
        second[k] = beta2 * second[k] + (1.0 - beta2) * g * g
        parameter[k] -= rate * first[k] / (math.sqrt(second[k] / correction) + eps)


@kernel
def approach(average, values, part):
    """Move an average towards values by a part of the way, in place.

    Parameters
    ----------
    average, values : ndarray (n,)
    part : float
    """
    for k in range(len(average)):
        average[k] += part * (values[k] - average[k])


@kernel
def sum_of_squares(values):
    """Return the sum of squares, always added in the same order (that of BLAS depends on its threads).

    Parameters
    ----------
    values : ndarray (n,)
    """
    sums = np.zeros(_LANES)
    whole = len(values) // _LANES * _LANES
    for start in range(0, whole, _LANES):
        for lane in range(_LANES):
            sums[lane] += values[start + lane] * values[start + lane]
    total = 0.0
    for lane in range(_LANES):
        total += sums[lane]
    for k in range(whole, len(values)):
        total += values[k] * values[k]
    return total
