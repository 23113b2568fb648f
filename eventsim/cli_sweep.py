"""``eventsim sweep``: do the points of a sweep that are not done yet, and say which is best."""

import argparse
import json
import pathlib
import sys
from typing import Any

from eventsim import cli_text
from eventsim.errors import InputError

BEST = 5
"""Trainings that are listed."""


def run(arguments: argparse.Namespace) -> None:
    """Do the sweep and print how many points are done, the best ones of a sweep of trainings, and where the rest is."""
    from training import sweep_from_config

    summary = sweep_from_config(arguments.config, arguments.out, scheduler=arguments.scheduler,
                                workers=arguments.workers, data=arguments.data, progress=sys.stderr.isatty())
    interrupted = summary.pop("interrupted")
    print(json.dumps(summary, indent=2, allow_nan=False) if arguments.json else _text(summary, arguments.out))
    failed = [point for point in summary["points"] if point["status"] == "failed"]
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise InputError(f"{len(failed)} of {len(summary['points'])} points failed, point {failed[0]['point']} because "
                         f"{failed[0]['reason']}")


def _text(summary: dict[str, Any], out: str) -> str:
    points = summary["points"]
    done = [point for point in points if point["status"] == "done"]
    rows = [("points", f"{len(done):,} of {len(points):,} done"), ("results", pathlib.Path(out) / "sweep.csv")]
    if summary["kind"] == "training":
        rows += [(f"point {point['point']}", _of_training(point)) for point in sorted(done, key=_merit)[:BEST]]
    return cli_text.pairs(rows)


def _merit(point: dict[str, Any]) -> tuple[float, float, int]:
    """Return what sorts the best training first, as `training.fit` chooses its best epoch."""
    figures = point["figures"]
    return -figures["validation_accuracy"], figures["validation_loss"], point["point"]


def _of_training(point: dict[str, Any]) -> str:
    values = ", ".join(f"{name} = {_short(value)}" for name, value in point["parameters"].items())
    return f"validation accuracy {cli_text.percent(point['figures']['validation_accuracy'])}, {values}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
