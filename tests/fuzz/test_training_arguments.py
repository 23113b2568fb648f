"""What a training is made of, trainings, models and their files, with one argument that is nonsense."""

import numpy as np
import pytest
from calls import files_of_training, models, settings_of_training

CALLS = settings_of_training.CALLS | models.CALLS | files_of_training.CALLS
LONG = {"training.fit": 100, "training.TTFSClassifier": 30, "training.initialize.by_rule": 30,
        "training.train_from_config": 6, "training.sweep_from_config": 6}
"""Examples of functions with many arguments, or that take long; of the others 15."""


@pytest.mark.parametrize("name", CALLS)
def test_trainings_take_nonsense_or_refuse_it_in_one_line(name):
    CALLS[name].with_nonsense(LONG.get(name, 15))


SQUARE = np.array([[1, 2], [3, 4]])
FOUND = [
    ("training.fit", "slope_floor", 2**63), ("training.fit", "images", None), ("training.fit", "passes", 1.0),
    ("training.fit", "augment", "a"), ("training.fit", "schedule", SQUARE), ("training.fit", "progress", -3),
    ("training.fit", "callbacks", 0.7), ("training.fit", "rates", "test"), ("training.fit", "seed", ""),
    ("training.Model", "decoder", None), ("training.Model", "t_stop", ...), ("training.Model", "classes", True),
    ("training.Model.outputs", "batch", None), ("training.Model.outputs", "weights", 3),
    ("training.Model.evaluate", "decoder", 0.0), ("training.TTFSClassifier.fit", "X", 10**400),
    ("training.TTFSClassifier.score", "sample_weight", float("inf")),
    ("training.curvature.sharpness", "tolerance", ...), ("training.curvature.sharpness", "products", -1),
    ("training.curvature.block_norms", "probes", None), ("training.curvature.block_norms", "seed", -2),
    ("training.curvature.hessian_vector", "step", 10**400), ("training.curvature.Objective.gradient", "point", ""),
    ("training.disturb.evaluate", "batch", None), ("training.disturb.Disturbance", "jitter_ms", None),
    ("training.encode.from_dict", "settings", "a"), ("training.decode.FirstSpike.scaled", "factor", False),
    ("training.decode.FirstSpike.decide", "times", 10**400), ("training.decode.cross_entropy", "labels", None),
    ("training.optimize.clip_neurons", "limit", float("inf")), ("training.optimize.Optimizer.step", "scales", 3),
    ("training.optimize.sum_of_squares", "values", "a"), ("training.Adam", "betas", "a"),
    ("training.schedule.Cosine", "total", None), ("training.schedule.make", "steps_per_epoch", float("inf")),
    ("training.regularize.Firing", "strength", [[]]), ("training.augment.Erase", "area", "a"),
    ("training.warp.Affine", "zoom", 10**400), ("training.Delays", "longest", None),
    ("training.initialize.unit_response", "tau_mem", 0.0), ("training.initialize.kaiming_rule", "fan_in", 0.0),
    ("training.initialize.discrete_rule", "steps", -3), ("training.initialize.moment_rule", "tau_mem", -1.0),
    ("training.initialize.draw", "seed", "a"), ("training.initialize.by_moments", "mean", SQUARE),
    ("training.checkpoint.save", "document", float("inf")), ("training.History", "records", -1),
    ("training.config.parse", "tables", None), ("training.progress.duration", "seconds", float("inf")),
]


@pytest.mark.parametrize("name, argument, value", FOUND)
def test_nonsense_that_once_came_through_is_refused_in_one_line(name, argument, value):
    CALLS[name].with_one_wrong(argument, value)
