"""Decoders: from output times or potentials to class scores, and the loss with its gradient.

Two readouts, never mixed up in a report:

* *Spiking outputs*: the earliest output spike decides. The score of class c is a decreasing function of
  its spike time, so the largest score is the earliest spike; a softmax cross-entropy trains it.
  `FirstSpike` has three such functions (methods: the temporal weighting decoder of ETTFS, arXiv
  2410.23619; the cross-entropy on spike times of Goeltz et al. 2021 and of Wunderlich and Pehle 2021).
* *Silent readout*: `Potential`, a cross-entropy on the potential of neurons that never fire.

A silent output has time ``inf``. It takes part in the softmax with a finite score of its own and gets
gradient 0 (its time does not exist); a policy of `training.regularize` brings it back. No input gives NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eventsim.errors import choose, expect
from training.decode_potentials import Potential
from training.decode_times import FirstSpike, TargetTime
from training.decoder import Decoder, cross_entropy

if TYPE_CHECKING:
    from training.type_aliases import Settings

__all__ = ["KINDS", "Decoder", "FirstSpike", "Potential", "TargetTime", "cross_entropy", "from_dict"]

KINDS = {kind.kind_name: kind for kind in (FirstSpike, TargetTime, Potential)}
"""Decoders by the name that files use."""


def from_dict(settings: Settings) -> Decoder:
    """Return the decoder that `Decoder.to_dict` described.

    Parameters
    ----------
    settings : dict

    Raises
    ------
    InputError
        An unknown decoder or setting.
    """
    expect("The settings of the decoder", settings, Mapping, 'a dict such as {"decoder": "first_spike"}')
    settings = dict(settings)
    kind = KINDS[choose("decoder", settings.pop("decoder", None), KINDS)]
    for name in settings:
        choose("The decoder setting", name, tuple(kind.__dataclass_fields__))
    return kind(**settings)
