"""Figures of small traces with one argument that is nonsense."""

import numpy as np
import pytest
from calls import figures


@pytest.mark.parametrize("name", figures.CALLS)
def test_figures_are_drawn_of_nonsense_or_refused_in_one_line(name):
    figures.CALLS[name].with_nonsense(15)


FOUND = [
    ("viz.anytime", "against", True), ("viz.anytime", "against", ()),
    ("viz.first_spikes", "limits", 0.0), ("viz.first_spikes", "limits", "ab"),
    ("viz.first_spikes", "colorbar", np.array([1, 2])), ("viz.latency", "class_names", 1.0),
    ("viz.latency", "bins", 10**400), ("viz.latency", "bins", 2**63), ("viz.membrane", "points", 1e16),
    ("viz.membrane", "points", 10**400), ("viz.membrane", "t_start", "a"), ("viz.membrane", "t_stop", ...),
    ("viz.raster", "t_start", -3e16), ("viz.raster", "t_stop", 2**31), ("viz.raster", "bin_width", 1e-320),
    ("viz.raster", "populations", 1.5), ("viz.raster", "rasterize_above", None), ("viz.hessian_norms", "norms", None),
    ("viz.layer_activity", "epoch", [[]]), ("viz.learning", "quantities", -1), ("viz.robustness", "sweeps", None),
    ("viz.robustness", "sweeps", {"a": 1}), ("viz.sharpness", "rate", 10**400), ("viz.report", "source", None),
    ("viz.report", "out", 0.0), ("viz.raster", "trace", 3), ("viz.latency", "trace", None),
]


@pytest.mark.parametrize("name, argument, value", FOUND)
def test_nonsense_that_once_came_through_is_refused_in_one_line(name, argument, value):
    figures.CALLS[name].with_one_wrong(argument, value)
