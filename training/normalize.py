"""Weight standardisation with a learnable affine that folds into plain weights.

The incoming weights of each neuron are standardised and then given a gain and a drive::

    hat = (raw - mean(raw)) / (sd(raw) + eps)          mean and sd over the inputs of the neuron
    weight = gain * hat + drive

so their mean (`drive`) and spread (`gain`) are two numbers a neuron, which no drift of the raw weights
can move (weight normalisation of ETTFS, arXiv 2410.23619; weight standardisation, Qiao et al. 2019).
What is deployed is `weight`, plain numbers. The drive wants a small learning rate: one step of it moves
the sum of all weights of the neuron by fan-in times as much.
"""

import numpy as np

from eventsim.errors import InputError

_EPS = 1e-12


def _checked(raw):
    if raw.ndim != 2 or raw.shape[0] < 2:
        raise InputError(
            f"Weight normalisation got weights of shape {raw.shape}; "
            "it needs a Dense projection with 2 or more inputs."
        )


def split(weight):
    """Return raw weights, gain and drive whose `forward` is `weight` (source, target)."""
    weight = np.asarray(weight, dtype=np.float64)
    _checked(weight)
    return weight.copy(), weight.std(axis=0), weight.mean(axis=0)


def forward(raw, gain, drive):
    """Return the effective weights (source, target).

    Parameters
    ----------
    raw : ndarray (source, target)
    gain, drive : ndarray (target,)

    Returns
    -------
    ndarray (source, target)
    """
    _checked(raw)
    centred = raw - raw.mean(axis=0)
    return gain * (centred / (raw.std(axis=0) + _EPS)) + drive


def backward(raw, gain, gradient):
    """Return the gradients with respect to raw weights, gain and drive.

    Parameters
    ----------
    raw : ndarray (source, target)
    gain : ndarray (target,)
    gradient : ndarray (source, target)
        With respect to the effective weights.

    Returns
    -------
    ndarray (source, target), ndarray (target,), ndarray (target,)
    """
    _checked(raw)
    n = raw.shape[0]
    centred = raw - raw.mean(axis=0)
    sd = raw.std(axis=0)
    hat = centred / (sd + _EPS)
    gain_gradient = np.sum(gradient * hat, axis=0)
    drive_gradient = np.sum(gradient, axis=0)
    direction = np.divide(centred, n * sd, out=np.zeros_like(centred), where=sd > 0.0)  # d sd / d raw
    raw_gradient = gain / (sd + _EPS) * (gradient - drive_gradient / n - direction * gain_gradient)
    return raw_gradient, gain_gradient, drive_gradient
