"""Weight standardisation with a learnable affine that folds into plain weights.

The incoming weights of each neuron are standardised and then given a gain and a drive::

    hat = (raw - mean(raw)) / (sd(raw) + eps)          mean and sd over the inputs of the neuron
    weight = gain * hat + drive

so their mean (`drive`) and spread (`gain`) are two numbers a neuron, which no drift of the raw weights
can move (weight normalisation of ETTFS, arXiv 2410.23619; weight standardisation, Qiao et al. 2019).
What is deployed is `weight`, plain numbers. The drive wants a small learning rate: one step of it moves
the sum of all weights of the neuron by fan-in times as much.

The last axis of the weights is the target: a neuron of a Dense projection (source, target), an output
channel of a Conv2d (kernel height, kernel width, in, out). Statistics go over all axes but the last.
An affine of the input, ``X = gain * (hat . S) + bias``, is a gain here and a learned i_offset of the
population (`training.parameters`, "offsets").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.type_aliases import Array

_EPS = 1e-12


def _rows(raw: Array) -> Array:
    """Return `raw` as (inputs, targets)."""
    if raw.ndim < 2 or math.prod(raw.shape[:-1]) < 2:
        raise InputError(
            f"Weight normalisation got weights of shape {raw.shape}; it needs a Dense projection "
            "(source, target) or a Conv2d (height, width, in, out) with 2 or more inputs a neuron."
        )
    return raw.reshape(-1, raw.shape[-1])


def _centred(rows: Array) -> tuple[Array, Array]:
    """Return `rows` less their mean over the inputs, and their standard deviation."""
    centred = rows - rows.mean(axis=0)
    return centred, np.sqrt(np.einsum("ij,ij->j", centred, centred) / len(rows))


def split(weight: Array) -> tuple[Array, Array, Array]:
    """Return raw weights, gain and drive whose `forward` is `weight` (..., target)."""
    weight = np.array(weight, dtype=np.float64)
    rows = _rows(weight)
    return weight, _centred(rows)[1], rows.mean(axis=0)


def forward(raw: Array, gain: Array, drive: Array) -> Array:
    """Return the effective weights.

    Parameters
    ----------
    raw : ndarray (..., target)
    gain, drive : ndarray (target,)

    Returns
    -------
    ndarray (..., target)
    """
    weight, sd = _centred(_rows(raw))
    weight *= gain / (sd + _EPS)
    weight += drive
    return weight.reshape(raw.shape)


def backward(raw: Array, gain: Array, gradient: Array) -> tuple[Array, Array, Array]:
    """Return the gradients with respect to raw weights, gain and drive.

    Parameters
    ----------
    raw : ndarray (..., target)
    gain : ndarray (target,)
    gradient : ndarray (..., target)
        With respect to the effective weights.

    Returns
    -------
    ndarray (..., target), ndarray (target,), ndarray (target,)
    """
    rows, upstream = _rows(raw), _rows(gradient)
    n = len(rows)
    centred, sd = _centred(rows)
    gain_gradient = np.einsum("ij,ij->j", upstream, centred) / (sd + _EPS)
    drive_gradient = upstream.sum(axis=0)
    # d sd / d raw = centred / (n sd), nothing where all weights are equal
    pull = np.divide(gain_gradient, n * sd, out=np.zeros_like(sd), where=sd > 0.0)
    raw_gradient = np.multiply(centred, -pull, out=centred)
    raw_gradient += upstream
    raw_gradient -= drive_gradient / n
    raw_gradient *= gain / (sd + _EPS)
    return raw_gradient.reshape(raw.shape), gain_gradient, drive_gradient
