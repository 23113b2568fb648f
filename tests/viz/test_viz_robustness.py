import numpy as np
import pytest

import viz
from eventsim.errors import InputError


def result(undisturbed):
    sweeps = {
        "jitter_ms": [{"value": 0.01, "accuracy": [0.9, 0.8]}, {"value": 0.1, "accuracy": [0.5, 0.3]}],
        "weight_bits": [{"value": 8, "accuracy": [0.9]}, {"value": 2, "accuracy": [0.2]}],
        "drop": [{"value": 0.05, "accuracy": [0.7, 0.7]}],
    }
    return {"undisturbed": undisturbed, "sweeps": sweeps}


def test_every_disturbance_has_a_panel_with_a_curve_a_model():
    row = viz.robustness({"one": result(0.95), "two": result(0.85)})
    labels = [panel.get_xlabel() for panel in row]
    assert labels == ["jitter of spike times (ms)", "lost spikes (%)", "bits of a weight"]
    curves = [line for line in row[0].lines if line.get_label() in ("one", "two")]
    assert len(curves) == 2
    assert np.allclose(curves[0].get_xdata(), [0.01, 0.1]) and np.allclose(curves[0].get_ydata(), [85.0, 40.0])
    dashed = [line.get_ydata()[0] for line in row[0].lines if line.get_linestyle() == "--"]
    assert dashed == [95.0, 85.0]
    assert [line.get_xdata()[0] for line in row[1].lines if line.get_label() == "one"] == [5.0]
    assert row[2].xaxis_inverted()
    assert [text.get_text() for text in row[0].get_legend().get_texts()] == ["one", "two"]
    row[0].figure.canvas.draw()


@pytest.mark.parametrize("sweeps", [{}, {"one": {"undisturbed": 1.0, "sweeps": {"heat": []}}}])
def test_what_is_not_known_is_refused(sweeps):
    with pytest.raises(InputError, match="known: jitter_ms, drop"):
        viz.robustness(sweeps)
