"""What the kinds of sweeps hand to the one that does them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from eventsim.workers import cancelled

if TYPE_CHECKING:
    from training.type_aliases import Report, Settings


class Found(NamedTuple):
    """What a point gave."""

    config: Report
    """All its settings, defaults filled in."""
    figures: Report
    """The same whenever and wherever it is done."""
    provenance: Report
    files: dict[str, bytes]
    """What else goes into its folder, by name."""


class Job(NamedTuple):
    """A sweep that was looked through and can be done."""

    kind: str
    """"training" or "simulation"."""
    identity: Report
    """What tells it from other sweeps beside its settings."""
    function: Callable[[Any, Settings], Found]
    """Does one point of `shared` and the tables of its settings."""
    shared: Any


def check_interrupt(*unused: object) -> None:
    """Raise `KeyboardInterrupt` where Ctrl-C was pressed while another thread waits for this one."""
    if cancelled():
        raise KeyboardInterrupt
