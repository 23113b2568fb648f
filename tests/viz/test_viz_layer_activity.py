import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

import viz
from eventsim.errors import InputError


def record(epoch, silent):
    edges = np.linspace(0.0, 2.0, 5).tolist()
    layers = [
        {"name": "input", "counts": [4, 2, 0, 0], "mean": 0.4, "quantiles": [0.1, 0.2, 0.35, 0.5, 0.9]},
        {"name": "hidden", "counts": [0, 1, 3, epoch], "mean": 1.3, "quantiles": [0.6, 1.1, 1.25, 1.4, 1.9]},
        {"name": "output", "counts": [0] * 4, "mean": None, "quantiles": None},
    ]
    return {
        "epoch": epoch, "silent": {"hidden": silent, "output": 1.0},
        "gradient_norms": {"input->hidden": 0.1, "hidden->output": 10.0 * epoch},
        "spike_times": {"edges": edges, "layers": layers}, "warnings": {"output": "dead"},
    }  # fmt: skip


RECORDS = [record(1, 0.5), record(2, 0.25)]


def test_silence_and_gradients_are_curves_a_layer_and_spike_times_rows_over_one_axis():
    silent, norms, times = viz.layer_activity(RECORDS)
    assert [line.get_label() for line in silent.lines] == ["hidden", "output"]
    assert list(silent.lines[0].get_ydata()) == [50.0, 25.0]
    assert [line.get_label() for line in norms.lines] == ["input->hidden", "hidden->output"]
    assert norms.get_yscale() == "log"
    assert [label.get_text() for label in times.get_yticklabels()] == ["output", "hidden", "input"]
    assert times.get_xlim() == (0.0, 2.0) and times.get_title(loc="left") == "epoch 2"
    assert [text.get_text() for text in times.texts] == ["no spikes"]
    medians = [line.get_xdata()[0] for line in times.lines]
    assert medians == [0.35, 1.25]
    heights = [patch.get_data() for patch in times.patches]
    assert np.allclose(heights[1].values - heights[1].baseline, 0.85 * np.array([0, 1, 3, 2]) / 3)
    silent.figure.canvas.draw()


def test_an_epoch_can_be_chosen(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text("".join(json.dumps(r, sort_keys=True) + "\n" for r in RECORDS))
    assert viz.layer_activity(file, epoch=1)[2].get_title(loc="left") == "epoch 1"
    with pytest.raises(InputError, match=r"epoch 3 has no spike times; recorded: 1, 2\.") as caught:
        viz.layer_activity(file, epoch=3)
    assert "\n" not in str(caught.value)


def test_a_history_without_records_says_so():
    axes = viz.layer_activity([], axes=plt.subplots(1, 3)[1])
    assert axes[2].texts[0].get_text() == "no spike times yet"
    assert axes[0].texts[0].get_text() == "no records yet"
