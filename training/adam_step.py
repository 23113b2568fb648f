"""The step of Adam as one pass over memory, where numpy takes eight with as many temporary arrays."""

import math

from eventsim._jit import kernel


@kernel
def change(parameter, gradient, first, second, beta1, beta2, rate, correction, eps):
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
