"""Hessian-vector products, sharpness and block norms, against a Hessian of second differences of the loss."""

import numpy as np
import pytest
from calls.objects import forward_net

import training
from eventsim.errors import InputError
from training import curvature, decode, encode
from training.parameters import Parameters

VALUES = np.random.default_rng(0).uniform(0.1, 0.9, (3, 3))
LABELS = np.array([0, 1, 0])


def model(decoder=None):
    """Return a model 3-4-2 of neurons that fire once."""
    decoder = decoder or decode.FirstSpike(tau=2.0)
    return training.Model(forward_net(), encode.Latency(t_max=4.0), decoder, "out", 30.0)


def hessian(objective, step=3e-4):
    """Return the Hessian by second differences of the loss alone."""
    point = objective.point()
    n = len(point)
    result = np.zeros((n, n))
    unit = step * np.eye(n)
    for i in range(n):
        for j in range(i, n):
            ends = [objective.gradient(point + a * unit[i] + b * unit[j])[0] for a in (1, -1) for b in (1, -1)]
            result[i, j] = result[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4.0 * step * step)
    return result


@pytest.mark.parametrize("learn", [("weights",), ("weights", "delays")])
def test_products_eigenvalue_and_norms_are_those_of_the_hessian(learn):
    m = model()
    objective = curvature.Objective(m, VALUES, LABELS, Parameters(m.net, learn), threads=1)
    before = objective.point()
    if learn != ("weights",):
        for name in ("in->hidden", "hidden->out"):
            before[objective.blocks[f"delay/{name}"]] = 0.5
        objective._parameters.restore({name: before[block].reshape(objective._parameters.arrays[name].shape)
                                       for name, block in objective.blocks.items()})
    expected = hessian(objective)
    size = np.abs(expected).max()
    found = np.array([curvature.hessian_vector(objective, row) for row in np.eye(len(expected))])
    assert np.abs(found - expected).max() < 1e-3 * size
    assert np.abs(found - found.T).max() < 1e-5 * size
    assert curvature.sharpness(objective, tolerance=1e-6) == pytest.approx(np.linalg.eigvalsh(found)[-1], rel=1e-3)
    norms = curvature.block_norms(objective, probes=200)
    for name, block in objective.blocks.items():
        assert norms[name] == pytest.approx(np.linalg.norm(found[block, block]), rel=0.25), name
    assert np.array_equal(objective.point(), before)


def test_the_gradient_of_an_objective_is_that_of_its_loss():
    objective = curvature.Objective(model(), VALUES, LABELS, threads=1)
    point = objective.point()
    _, gradient = objective.gradient(point)
    direction = np.random.default_rng(1).normal(size=len(point))
    ends = [objective.gradient(point + step * direction)[0] for step in (1e-5, -1e-5)]
    assert gradient @ direction == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-7)


def test_a_training_records_its_sharpness():
    m = model()
    shown = curvature.Sharpness(m, VALUES, LABELS, every=2)
    history = training.fit(m, VALUES, LABELS, epochs=4, optimizer=training.SGD(0.01), callbacks=[shown], progress=None)
    found = [record["sharpness"] for record in history.records]
    assert found[0] is None and found[2] is None and found[1] > 0.0 and found[3] > 0.0
    again = curvature.sharpness(curvature.Objective(m, VALUES, LABELS))
    assert found[3] == pytest.approx(again, rel=0.02)


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="at least one"):
        curvature.Objective(model(), np.zeros((0, 3)), [])
    with pytest.raises(InputError, match="every = 0"):
        curvature.Sharpness(model(), VALUES, LABELS, every=0)
