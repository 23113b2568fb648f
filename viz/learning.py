"""Learning: curves of a training, by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from eventsim.errors import InputError, did_you_mean, expect
from eventsim.io import json_lines
from viz import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eventsim.type_aliases import Array, PathLike
    from training.history import History

Log: TypeAlias = "PathLike | History | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]"
"""The forms in which `learning` takes the records of a training."""

_PARTS = {
    "train": "training",
    "training": "training",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
_SHORT = {"acc": "accuracy"}
_COLOURS = {"training": style.FAINT, "validation": style.PALETTE[0], "test": style.PALETTE[1]}
_UNITS = {
    "accuracy": "accuracy (%)",
    "error": "error (%)",
    "silent": "silent neurons (%)",
    "undecided": "undecided (%)",
    "latency_ms": "decision latency (ms)",
    "rate": "learning rate",
    "gradient_norm": "gradient norm",
    "gradient_norms": "gradient norm",
    "floored": "floored crossings (%)",
    "seconds": "duration (s)",
    "sharpness": "largest eigenvalue",
}
_SHARES = ("accuracy", "error", "silent", "undecided", "floored")  # 0 to 1, shown as percentages
_STEPS = ("epoch", "step")
_LOGARITHMIC_FROM = 30.0  # largest over smallest loss


class Curve(NamedTuple):
    """One curve: which part of the data or which population it is of, and its value at each record."""

    label: str
    values: np.ndarray


def learning(
    history: Log, quantities: str | Sequence[str] | None = None, *, axes: Axes | Sequence[Axes] | Array | None = None
) -> Array:
    """Draw the curves of a training, one panel a quantity.

    Parameters
    ----------
    history : object with `records`, list of dict, dict of list, or path
        One record an epoch, as `training.fit` returns; or the columns; or a file of JSON lines. Keys such
        as ``loss``, ``train_loss``, ``validation_loss``, ``val_acc`` are sorted into a quantity and a part
        of the data (no prefix: training). ``epoch`` or ``step`` is the x axis; without, records count
        from 1. A value that is a dict (``silent`` by population) gives one curve a key; None is a gap.
    quantities : str or sequence of str, optional
        Panels; default: "loss" and "accuracy", where recorded.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Where to draw, one a panel; default: a new figure.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One a panel, in the order of `quantities`. A large span of losses gets a logarithmic axis. The best
        validation accuracy (the epoch that `history.best_epoch` names, if any) is ringed.

    Raises
    ------
    InputError
        Something that holds no records, an unknown quantity, or a missing or damaged file.
    """
    records = records_of(history)
    panels, x, unit = curves_of(records)
    if quantities is None:
        quantities = [name for name in ("loss", "accuracy") if name in panels] or list(panels)[:2] or ["loss"]
    quantities = [quantities] if isinstance(quantities, str) else quantities
    expect("quantities", quantities, Sequence, "names of quantities, or None for the usual ones")
    quantities = [str(name) for name in quantities]
    if not quantities:
        raise InputError("quantities is empty; name at least one, or give None for the usual ones.")
    if records:
        for name in quantities:
            if name not in panels:
                raise InputError(
                    f'quantity "{name}" was not recorded; recorded: {", ".join(panels)}.'
                    + did_you_mean(name, panels)
                )
    row = style.axes_row(axes, len(quantities), (4.2 * len(quantities) + 0.6, 3.4))
    for panel, name in zip(row, quantities, strict=True):
        draw_panel(panel, name, x, unit, panels.get(name, []), getattr(history, "best_epoch", None))
    return row


def records_of(history: Log) -> list[dict[str, Any]]:
    """Return a list of dicts from any of the forms that `learning` takes."""
    if isinstance(history, (str, os.PathLike)):
        return json_lines.read(history, "history")
    history = getattr(history, "records", history)
    if isinstance(history, dict):
        columns = {key: list(values) for key, values in history.items() if np.ndim(values) == 1}
        if len({len(values) for values in columns.values()}) > 1:
            lengths = ", ".join(f"{key} {len(values)}" for key, values in columns.items())
            raise InputError(f"columns of the history differ in length: {lengths}; give one value a record")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(history, (list, tuple)) and all(isinstance(record, dict) for record in history):
        return list(history)
    raise InputError(
        f"{type(history).__name__} is no history; give what training.fit returns, a list of dicts, "
        "a dict of columns, or a file of JSON lines"
    )


def curves_of(records: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Curve]], Array, str]:
    """Return curves by quantity, the places on the x axis, and what these count."""
    keys = list(dict.fromkeys(key for record in records for key in record))
    unit = next((key for key in _STEPS if key in keys), None)
    x = np.arange(1.0, len(records) + 1)
    if unit is not None:
        x = np.array([_number(record.get(unit)) for record in records])
    panels = {}
    for key in keys:
        if key in _STEPS:
            continue
        column = [record.get(key) for record in records]
        quantity, part = _split(key)
        inner = list(dict.fromkeys(name for value in column if isinstance(value, dict) for name in value))
        if inner:
            named = [(name, [value.get(name) if isinstance(value, dict) else None for value in column])
                     for name in inner]
        else:
            named = [(part, column)]
        curves = [Curve(label, np.array([_number(value) for value in values])) for label, values in named]
        if any(np.isfinite(curve.values).any() for curve in curves):
            panels.setdefault(quantity, []).extend(curves)
    return panels, x, unit or "record"


def _split(key):
    """Return quantity and part of the data of a key: "val_acc" is accuracy, validation."""
    head, _, tail = str(key).partition("_")
    quantity, part = (tail, _PARTS[head]) if head in _PARTS and tail else (str(key), "training")
    return _SHORT.get(quantity, quantity), part


def _number(value):
    """Return a float, NaN for what is none."""
    return float(value) if isinstance(value, (int, float, np.number)) else np.nan


def draw_panel(axes: Axes, quantity: str, x: Array, unit: str, curves: Sequence[Curve], best_epoch: int | None) -> None:
    """Draw the curves of a quantity by `unit`; with `best_epoch` None the best accuracy is ringed."""
    share = quantity in _SHARES and all(np.nanmax(curve.values) <= 1.0 for curve in curves)
    factor = 100.0 if share else 1.0
    marker = "o" if x.size <= 25 else None
    for place, (label, values) in enumerate(curves):
        axes.plot(
            x,
            factor * values,
            color=_COLOURS.get(label, style.colour(place)),
            linewidth=1.5,
            marker=marker,
            markersize=3,
            label=label,
        )
    axes.set_xlabel(unit)
    axes.set_ylabel(_UNITS.get(quantity, quantity.replace("_", " ")))
    locator: Any = axes.xaxis.get_major_locator()  # the default one counts in round numbers
    locator.set_params(integer=True, min_n_ticks=1)
    style.tidy(axes, grid="y")
    if not curves:
        axes.set_xticks([])
        axes.set_yticks([])
        style.say(axes, "no records yet")
        return
    values = np.concatenate([curve.values[np.isfinite(curve.values)] for curve in curves])
    wide = values.min() > 0 and values.max() > _LOGARITHMIC_FROM * values.min()
    if wide and quantity in ("loss", "gradient_norms"):
        axes.set_yscale("log")
    if quantity == "accuracy":
        _ring_best(axes, x, factor, curves, best_epoch)
    if len(curves) > 1 or curves[0].label != "training":
        style.legend_above(axes)


def _ring_best(axes, x, factor, curves, best_epoch):
    """Ring the record that was kept, or else the best validation accuracy, and write its value."""
    from matplotlib.patheffects import withStroke

    by_label = {curve.label: curve.values for curve in curves}
    values = by_label.get("validation", by_label.get("training"))
    if values is None or not np.isfinite(values).any():
        return
    at = np.flatnonzero(x == best_epoch) if best_epoch is not None else np.array([np.nanargmax(values)])
    if at.size == 0 or not np.isfinite(values[at[0]]):
        return
    best = x[at[0]], factor * values[at[0]]
    axes.plot(*best, linestyle="none", marker="o", markersize=9, markerfacecolor="none", color=style.INK)
    low, high = axes.get_ylim()
    above = best[1] < low + 0.2 * (high - low)
    percent = f"{best[1]:.2f} %" if factor == 100.0 else f"{best[1]:.4g}"
    right = best[0] > 0.5 * (np.nanmin(x) + np.nanmax(x))
    axes.annotate(
        percent,
        best,
        xytext=(-4 if right else 4, 8 if above else -10),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom" if above else "top",
        fontsize="small",
        color=style.INK,
        path_effects=[withStroke(linewidth=2.5, foreground=axes.get_facecolor())],  # curves may pass behind
    )
