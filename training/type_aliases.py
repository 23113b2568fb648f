"""Types that the signatures of `training` share; nothing is computed here. See also `eventsim.type_aliases`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from eventsim.type_aliases import Array

if TYPE_CHECKING:
    from eventsim.engines.layers import Activations
    from training import discrete, trace_passes
    from training.passes import Passes

AnyPasses: TypeAlias = "Passes | trace_passes.TracePasses | discrete.DiscretePasses"
"""What computes forward and backward."""
AnyActivity: TypeAlias = "Activations | trace_passes.Activity | discrete.Activity"
"""What a forward run leaves."""

Learnable: TypeAlias = Literal["weights", "thresholds", "offsets", "delays", "decoder"]
Schedules: TypeAlias = Literal["constant", "cosine", "step"] | Callable[[int], float]
"""The factor on the learning rate, by name or as a function of the step."""
Augmenter: TypeAlias = Callable[[Array, Array, int, int], Array]
"""Takes images, their numbers in the training set, epoch and seed; returns images."""
Report: TypeAlias = dict[str, Any]
"""Figures by name, ready for JSON."""
Settings: TypeAlias = Mapping[str, Any]
"""What a `to_dict` returned, or a table of a file of settings."""
PerProjection: TypeAlias = float | dict[str, float]
"""One number for all projections, or by name."""
Listed: TypeAlias = float | Sequence[float]
"""One number for all projections, or one each in the order of the network."""
