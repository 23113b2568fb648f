import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

import eventsim as es
import viz

RECORDS = [
    {
        "epoch": 1,
        "loss": 2.0,
        "accuracy": 0.5,
        "validation_loss": 2.1,
        "validation_accuracy": 0.45,
        "silent": {"hidden": 0.4, "output": 0.1},
    },
    {
        "epoch": 2,
        "loss": 1.0,
        "accuracy": 0.8,
        "validation_loss": 1.2,
        "validation_accuracy": 0.75,
        "silent": {"hidden": 0.3, "output": 0.0},
    },
    {
        "epoch": 3,
        "loss": 0.5,
        "accuracy": 0.9,
        "validation_loss": 1.3,
        "validation_accuracy": 0.7,
        "silent": {"hidden": 0.2, "output": 0.0},
    },
]


class Records:
    """Stands for what a training returns."""

    def __init__(self, records, best_epoch=None):
        self.records = records
        self.best_epoch = best_epoch


def curves(axes):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def ring(axes):
    return [(*line.get_xdata(), *line.get_ydata()) for line in axes.lines if line.get_markersize() == 9]


def test_loss_and_accuracy_are_panels_over_epochs_with_training_and_validation():
    loss, accuracy = viz.learning(RECORDS)
    assert curves(loss) == {
        "training": ([1, 2, 3], [2.0, 1.0, 0.5]),
        "validation": ([1, 2, 3], [2.1, 1.2, 1.3]),
    }
    assert curves(accuracy)["validation"][1] == pytest.approx([45.0, 75.0, 70.0])
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert accuracy.get_ylabel() == "accuracy (%)"


def test_all_forms_of_a_history_give_the_same_curves(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(
        "".join(json.dumps(record) + "\n" for record in RECORDS) + '{"epoch": 4, "lo', encoding="utf-8"
    )
    columns = {key: [record[key] for record in RECORDS] for key in RECORDS[0]}
    wanted = [curves(panel) for panel in viz.learning(RECORDS)]
    for history in (Records(RECORDS), columns, path, str(path), tuple(RECORDS)):
        assert [curves(panel) for panel in viz.learning(history)] == wanted


@pytest.mark.parametrize(
    ("key", "quantity", "label"),
    [
        ("loss", "loss", "training"),
        ("train_loss", "loss", "training"),
        ("val_acc", "accuracy", "validation"),
        ("valid_accuracy", "accuracy", "validation"),
        ("test_accuracy", "accuracy", "test"),
        ("latency_ms", "latency_ms", "training"),
        ("validation", "validation", "training"),
    ],
)
def test_keys_are_sorted_into_a_quantity_and_a_part_of_the_data(key, quantity, label):
    (panel,) = viz.learning([{key: 0.5}, {key: 0.25}], quantity)
    assert list(curves(panel)) == [label]
    assert panel.get_xlabel() == "record"


def test_the_best_validation_accuracy_is_ringed_or_the_epoch_that_was_kept():
    assert ring(viz.learning(RECORDS)[1]) == [(2, 75.0)]
    kept = viz.learning(Records(RECORDS, best_epoch=3))[1]
    assert ring(kept) == [(3, pytest.approx(70.0))]
    assert [text.get_text() for text in kept.texts] == ["70.00 %"]


def test_a_quantity_by_population_has_one_curve_a_population():
    (panel,) = viz.learning(RECORDS, "silent")
    assert curves(panel)["hidden"][1] == pytest.approx([40.0, 30.0, 20.0])
    assert list(curves(panel)) == ["hidden", "output"]
    assert panel.get_ylabel() == "silent neurons (%)"


def test_missing_values_are_gaps_and_a_part_without_any_is_left_out():
    records = [
        {"epoch": 1, "loss": 1.0, "validation_loss": None},
        {"epoch": 2, "loss": None, "validation_loss": None},
        {"epoch": 3, "loss": 0.5, "validation_loss": None},
    ]
    (panel,) = viz.learning(records)
    assert list(curves(panel)) == ["training"]
    np.testing.assert_array_equal(curves(panel)["training"][1], [1.0, np.nan, 0.5])


def test_a_loss_that_falls_by_orders_of_magnitude_gets_a_logarithmic_axis():
    assert viz.learning([{"loss": 1.0}, {"loss": 1e-3}])[0].get_yscale() == "log"
    assert viz.learning([{"loss": 1.0}, {"loss": 0.5}])[0].get_yscale() == "linear"
    assert viz.learning([{"loss": 1.0}, {"loss": 0.0}])[0].get_yscale() == "linear"


def test_no_records_yet_is_said_and_one_record_is_a_point():
    for empty in ([], {}, Records([])):
        (panel,) = viz.learning(empty)
        assert [text.get_text() for text in panel.texts] == ["no records yet"]
    single = viz.learning(RECORDS[:1])[0]
    assert single.lines[0].get_marker() == "o"
    single.figure.canvas.draw()


def test_given_axes_are_drawn_on():
    figure, axes = plt.subplots()
    assert list(viz.learning(RECORDS, "accuracy", axes=axes)) == [axes]
    assert plt.get_fignums() == [figure.number]


def test_an_unknown_quantity_is_refused_with_a_suggestion():
    with pytest.raises(es.InputError, match=r'quantity "los" was not recorded; .* Did you mean "loss"\?'):
        viz.learning(RECORDS, ["los"])


def test_columns_of_different_length_are_refused():
    with pytest.raises(es.InputError, match="differ in length: loss 2, accuracy 1"):
        viz.learning({"loss": [1, 2], "accuracy": [1]})


def test_what_is_no_history_is_refused():
    with pytest.raises(es.InputError, match=r"int is no history; give what training\.fit returns"):
        viz.learning(3)


def test_a_missing_or_damaged_file_is_refused_with_one_line(tmp_path):
    with pytest.raises(es.InputError, match="cannot be read: No such file or directory"):
        viz.learning(tmp_path / "none.jsonl")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text('{"loss": 1}\nloss 2\n', encoding="utf-8")
    with pytest.raises(es.InputError, match=r"line 2 of .* is no JSON object; give one object a line"):
        viz.learning(damaged)
