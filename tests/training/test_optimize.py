"""Optimisers against the formulas that torch documents, written out for one number."""

import math

import numpy as np
import pytest

from eventsim.errors import InputError
from training import SGD, Adam, AdamW, optimize, schedule

GRADIENTS = [0.3, -1.2, 0.7, 0.0, 2.5]


def run(optimizer, start=0.8):
    parameters = {"weight/a": np.array([start])}
    for g in GRADIENTS:
        optimizer.step(parameters, {"weight/a": np.array([g])})
    return parameters["weight/a"][0]


def torch_sgd(lr, momentum, dampening, decay, nesterov, p=0.8):
    b = None
    for g in GRADIENTS:
        g = g + decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
    return p


def torch_adam(lr, betas, eps, decay, decoupled, p=0.8):
    m = v = 0.0
    for t, g in enumerate(GRADIENTS, 1):
        if decoupled:
            p = p - lr * decay * p
        else:
            g = g + decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        p = p - lr * (m / (1 - betas[0] ** t)) / (math.sqrt(v / (1 - betas[1] ** t)) + eps)
    return p


@pytest.mark.parametrize("momentum, dampening, decay, nesterov", [
    (0.0, 0.0, 0.0, False), (0.9, 0.0, 0.0, False), (0.9, 0.1, 0.05, False), (0.9, 0.0, 0.05, True),
])  # fmt: skip
def test_sgd_follows_the_documented_formula(momentum, dampening, decay, nesterov):
    mine = run(SGD(0.1, momentum, dampening, decay, nesterov))
    assert mine == pytest.approx(torch_sgd(0.1, momentum, dampening, decay, nesterov), rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_follows_the_documented_formula(decay):
    assert run(Adam(0.05, (0.8, 0.95), 1e-6, decay)) == pytest.approx(
        torch_adam(0.05, (0.8, 0.95), 1e-6, decay, False), rel=1e-13
    )


def test_adamw_decays_the_weight_itself():
    assert run(AdamW(0.05, (0.8, 0.95), 1e-6, 0.1)) == pytest.approx(
        torch_adam(0.05, (0.8, 0.95), 1e-6, 0.1, True), rel=1e-13
    )


def test_adamw_has_the_default_decay_of_torch():
    assert AdamW().weight_decay == 1e-2 and AdamW().betas == (0.9, 0.999) and AdamW().eps == 1e-8


@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9), lambda: Adam(0.1), lambda: AdamW(0.1)])
def test_a_restored_optimizer_goes_on_with_the_same_bits(make):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(6, 3, 2))
    whole, first = {"w": np.ones((3, 2))}, {"w": np.ones((3, 2))}
    one, two, three = make(), make(), make()
    for g in gradients:
        one.step(whole, {"w": g})
    for g in gradients[:4]:
        two.step(first, {"w": g})
    three.load_state_dict(two.state_dict())
    for g in gradients[4:]:
        three.step(first, {"w": g})
    assert np.array_equal(whole["w"], first["w"])


def test_scales_and_decayed_names_are_respected():
    parameters = {"weight/a": np.array([1.0]), "drive/a": np.array([1.0])}
    zero = {name: np.zeros(1) for name in parameters}
    AdamW(0.1, weight_decay=0.5).step(parameters, zero, decayed={"weight/a"})
    assert parameters["weight/a"][0] == pytest.approx(0.95) and parameters["drive/a"][0] == 1.0
    SGD(1.0).step(parameters, {"drive/a": np.array([1.0])}, factor=0.5, scales={"drive/a": 0.1})
    assert parameters["drive/a"][0] == pytest.approx(0.95)


def test_a_gradient_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="not finite"):
        SGD(0.1).step({"w": np.zeros(2)}, {"w": np.array([0.0, np.nan])})


@pytest.mark.parametrize("make", [
    lambda: Adam(-1.0), lambda: SGD(0.1, nesterov=True), lambda: Adam(0.1, betas=(0.9, 1.0)),
    lambda: AdamW(float("nan")),
])  # fmt: skip
def test_hyper_parameters_out_of_range_are_refused_in_one_line(make):
    with pytest.raises(InputError) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_clipping_scales_all_gradients_by_one_factor():
    gradients, norm = optimize.clip_by_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}, 1.0)
    assert norm == 5.0
    assert gradients["a"][0] == pytest.approx(0.6) and gradients["b"][0, 0] == pytest.approx(0.8)
    untouched, _ = optimize.clip_by_norm({"a": np.array([3.0])}, 5.0)
    assert untouched["a"][0] == 3.0


def test_clipping_leaves_the_arrays_it_was_given_unless_it_may_overwrite_them():
    given = {"a": np.array([3.0, 4.0])}
    optimize.clip_by_norm(given, 1.0)
    assert given["a"].tolist() == [3.0, 4.0]
    clipped, _ = optimize.clip_by_norm(given, 1.0, overwrite=True)
    assert clipped["a"] is given["a"] and given["a"] == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("count", [0, 1, 31, 32, 100, 1000])
def test_the_sum_of_squares_is_the_exact_one_to_rounding(count):
    values = np.random.default_rng(count).normal(size=(count, 1))
    exact = math.fsum(value * value for value in values.ravel().tolist())
    assert optimize.sum_of_squares(values) == pytest.approx(exact, rel=1e-14)


def test_a_cosine_schedule_rises_and_falls_to_its_floor():
    cosine = schedule.Cosine(total=110, floor=0.1, warm_up=10)
    assert cosine(0) == pytest.approx(1 / 11)
    assert cosine(10) == pytest.approx(1.0)
    assert cosine(60) == pytest.approx(0.1 + 0.9 * 0.5)
    assert cosine(110) == pytest.approx(0.1) and cosine(500) == pytest.approx(0.1)


def test_a_step_schedule_multiplies_at_each_step():
    steps = schedule.Step(every=10, gamma=0.5)
    assert [steps(n) for n in (0, 9, 10, 25)] == [1.0, 1.0, 0.5, 0.25]


def test_schedules_by_name_end_with_the_training():
    cosine = schedule.make("cosine", epochs=3, steps_per_epoch=5)
    assert cosine(0) == 1.0 and cosine(15) == pytest.approx(0.0, abs=1e-15)
    assert schedule.make(None, 3, 5)(14) == 1.0
    with pytest.raises(InputError, match='Did you mean "cosine"'):
        schedule.make("cosin", 3, 5)
