"""An estimate of the energy of an answer: event-driven accumulates against a dense network's multiply-adds.

Energies of one 32-bit operation in 45 nm: an addition 0.9 pJ, a multiply-add 4.6 pJ (Horowitz,
"Computing's energy problem (and what we can do about it)", ISSCC 2014). Memory traffic is not
counted, on either side; on real hardware it may dominate both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, expect_network, expect_trace
from eventsim.lower import lower
from eventsim.measure.operations import synaptic_operations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.network import Network
    from eventsim.trace import Trace

ACCUMULATE_PJ = 0.9
"""Energy of one synaptic operation (a 32-bit floating-point addition, 45 nm), pJ."""

MULTIPLY_ADD_PJ = 4.6
"""Energy of one multiply-add of a dense network (32-bit floating point, 45 nm), pJ."""


@dataclass(frozen=True)
class Energy:
    """Energy estimate a sample; memory traffic is not counted.

    Attributes
    ----------
    operations : float
        Mean synaptic operations a sample.
    multiply_adds : float
        Multiply-adds of the dense network of the same shape, once through.
    operation_pj, multiply_add_pj : float
        Energies of one of each, pJ.
    """

    operations: float
    multiply_adds: float
    operation_pj: float
    multiply_add_pj: float

    @property
    def spiking_pj(self) -> float:
        """Energy of the synaptic operations of one sample, pJ."""
        return self.operations * self.operation_pj

    @property
    def dense_pj(self) -> float:
        """Energy of the dense network's multiply-adds, pJ."""
        return self.multiply_adds * self.multiply_add_pj

    @property
    def ratio(self) -> float:
        """Spiking over dense energy (NaN for a network without synapses)."""
        return self.spiking_pj / self.dense_pj if self.dense_pj else float("nan")


def dense_multiply_adds(net: Network) -> float:
    """Return the multiply-adds of one pass through the dense network of the same shape.

    One a synapse: (inputs x outputs) of a Dense projection, and for a convolution the weights that are
    really applied (none on the padding). Under average pooling by k the dense network pools first, so the
    k^2 synapses that share a weight count as one (the additions of the pooling are left out). A recurrent
    projection counts once.

    Parameters
    ----------
    net : Network
        Any network.

    Returns
    -------
    float
        Multiply-adds a pass.
    """
    expect_network(net)
    lowered = lower(net)
    synapses = np.bincount(
        lowered.row_projection,
        weights=lowered.row_stop - lowered.row_start,
        minlength=len(lowered.projections),
    )
    return float((synapses * lowered.projection_scale).sum())


def energy(
    trace: Trace,
    until: ArrayLike | None = None,
    *,
    operation_pj: float = ACCUMULATE_PJ,
    multiply_add_pj: float = MULTIPLY_ADD_PJ,
) -> Energy:
    """Estimate the energy a sample of a run, and of the dense network of the same shape.

    Parameters
    ----------
    trace : Trace
        The run.
    until : float or array_like of float, optional
        Count operations before this instant in ms, e.g. ``decide(trace).time``; default: the end.
    operation_pj, multiply_add_pj : float, optional
        Energy of one synaptic operation and of one multiply-add, pJ; default: 45 nm figures.

    Returns
    -------
    Energy
        Operations, multiply-adds and their energies. Memory traffic is not counted.

    Raises
    ------
    InputError
        A population with synapses was not recorded, or an energy is not a positive number.
    """
    expect_trace(trace)
    for name, value in (("operation_pj", operation_pj), ("multiply_add_pj", multiply_add_pj)):
        if not 0 < arrays.number(name, value) < np.inf:
            raise InputError(f"{name} must be a positive number of picojoules, got {value}")
    operations = synaptic_operations(trace, until)
    mean = float(operations.mean()) if len(operations) else float("nan")
    return Energy(mean, dense_multiply_adds(trace.network), float(operation_pj), float(multiply_add_pj))
