import numpy as np
import pytest

import viz
from eventsim.errors import InputError


def test_hessian_norms_are_bars_a_layer_and_a_group():
    panel = viz.hessian_norms({"one": {"weight/a": 1.0, "weight/b": 2.0}, "two": {"weight/a": 3.0, "weight/b": 4.0}})
    heights = [bar.get_height() for bar in panel.patches]
    assert heights == [1.0, 2.0, 3.0, 4.0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["a", "b"]
    assert np.unique([round(bar.get_x(), 9) for bar in panel.patches]).size == 4
    panel.figure.canvas.draw()


def test_norms_that_do_not_belong_together_are_refused():
    for norms in ({}, {"a": {}}, {"a": {"x": 1.0}, "b": {"y": 1.0}}):
        with pytest.raises(InputError, match="the same arrays"):
            viz.hessian_norms(norms)
