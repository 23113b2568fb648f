"""Decoders: losses against finite differences, silent outputs, no NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eventsim.errors import InputError
from training import decode

DECODERS = [
    decode.FirstSpike("exponential", scale=4.0, tau=3.0),
    decode.FirstSpike("linear", scale=6.0, horizon=20.0),
    decode.FirstSpike("latency", tau=1.5, horizon=20.0),
    decode.FirstSpike("latency", tau=1.5, horizon=20.0, early=0.3, early_tau=8.0, smoothing=0.1),
    decode.Potential(scale=2.5),
]


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: f"{type(d).__name__}-{getattr(d, 'kind', '')}")
def test_gradients_agree_with_central_differences(decoder):
    rng = np.random.default_rng(1)
    x = rng.uniform(0.5, 15.0, (5, 4)) if decoder.readout == "first_spike" else rng.normal(size=(5, 4))
    labels = np.array([0, 1, 2, 3, 1])
    if decoder.readout == "first_spike":
        x[0, 1] = x[2, 2] = np.inf
    _, gradient = decoder(x, labels)
    for i, j in np.ndindex(x.shape):
        if np.isinf(x[i, j]):
            assert gradient[i, j] == 0.0
            continue
        h = 1e-5
        up, down = x.copy(), x.copy()
        up[i, j] += h
        down[i, j] -= h
        numeric = (decoder(up, labels)[0] - decoder(down, labels)[0]) / (2 * h)
        assert gradient[i, j] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


times = hnp.arrays(
    np.float64, (3, 4), elements=st.one_of(st.floats(0.0, 1e9), st.just(np.inf), st.floats(0.0, 50.0))
)


@settings(deadline=None, max_examples=60)
@given(times, st.sampled_from(DECODERS[:4]))
def test_no_times_whatever_give_nan_or_infinity(x, decoder):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, gradient = decoder(x, np.array([0, 3, 1]))
    assert np.isfinite(loss) and np.isfinite(gradient).all()


def test_all_silent_outputs_give_the_loss_of_a_guess_and_no_gradient():
    for decoder in DECODERS[:3]:
        loss, gradient = decoder(np.full((2, 4), np.inf), np.array([0, 1]))
        assert loss == pytest.approx(np.log(4)) and not gradient.any()


def test_the_largest_score_is_the_earliest_spike():
    x = np.array([[3.0, 1.0, np.inf, 2.0], [np.inf, np.inf, 0.0, 9.0]])
    for decoder in DECODERS[:3]:
        assert np.array_equal(decoder.scores(x)[0].argmax(axis=1), decoder.decide(x))


def test_decisions_go_to_the_lowest_id_on_ties_and_to_nobody_when_all_are_silent():
    x = np.array([[2.0, 1.0, 1.0], [np.inf, np.inf, np.inf]])
    assert decode.FirstSpike().decide(x).tolist() == [1, -1]


def test_a_closed_form_of_two_outputs():
    decoder = decode.FirstSpike("latency", tau=2.0, horizon=10.0)
    loss, gradient = decoder(np.array([[1.0, 3.0]]), np.array([0]))
    p = 1.0 / (1.0 + np.exp(-1.0))
    assert loss == pytest.approx(-np.log(p))
    assert gradient[0].tolist() == pytest.approx([(1 - p) / 2.0, -(1 - p) / 2.0])


def test_an_open_horizon_is_filled_in_by_the_model_or_asked_for():
    open_ended = decode.FirstSpike("linear")
    with pytest.raises(InputError, match="no horizon"):
        open_ended(np.ones((1, 2)), np.array([0]))
    assert open_ended.with_horizon(12.0).horizon == 12.0


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_survives_its_dictionary(decoder):
    assert decode.from_dict(decoder.to_dict()) == decoder


@pytest.mark.parametrize("call, words", [
    (lambda: decode.FirstSpike("exponental"), 'Did you mean "exponential"'),
    (lambda: decode.FirstSpike(tau=0.0), "tau = 0.0"),
    (lambda: decode.from_dict({"decoder": "first_spike", "taus": 1.0}), 'Did you mean "tau"'),
    (lambda: decode.FirstSpike()(np.array([[np.nan, 1.0]]), np.array([0])), "NaN"),
    (lambda: decode.FirstSpike()(np.ones((1, 2)), np.array([2])), "label 2 is out of range"),
    (lambda: decode.Potential()(np.array([[np.inf, 1.0]]), np.array([0])), "infinit"),
])  # fmt: skip
def test_bad_input_is_refused_with_one_line(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["fixed", "shift"])
def test_the_gradient_of_a_target_time_loss_equals_differences(kind):
    rng = np.random.default_rng(2)
    times, labels = rng.uniform(0.0, 9.0, (5, 4)), np.array([0, 3, 1, 2, 1])
    times[2, 0] = times[3, 2] = np.inf
    decoder = decode.TargetTime(kind, right=2.0, wrong=6.0, gap=1.5, tau=3.0, horizon=12.0, early=0.1, early_tau=4.0)
    _, gradient = decoder(times, labels)
    for at in np.ndindex(times.shape):
        if np.isinf(times[at]):
            assert gradient[at] == 0.0
            continue
        ends = []
        for step in (-1e-5, 1e-5):
            moved = times.copy()
            moved[at] += step
            ends.append(decoder(moved, labels)[0])
        assert gradient[at] == pytest.approx((ends[1] - ends[0]) / 2e-5, abs=1e-8)


def test_a_shift_of_all_output_times_does_not_change_the_shift_invariant_loss():
    times, labels = np.random.default_rng(3).uniform(0.0, 5.0, (6, 3)), np.array([0, 1, 2, 0, 1, 2])
    decoder = decode.TargetTime("shift", gap=1.0, tau=2.0, horizon=20.0)
    assert decoder(times + 3.0, labels)[0] == pytest.approx(decoder(times, labels)[0], rel=1e-13)
    reached = np.where(np.arange(3) == labels[:, None], 1.0, 2.0)
    assert decoder(reached, labels)[0] == 0.0


def test_target_times_out_of_range_are_refused():
    for wrong in ({"kind": "near"}, {"tau": 0.0}, {"right": -1.0}, {"gap": np.inf}, {"early": -1.0}):
        with pytest.raises(InputError):
            decode.TargetTime(**wrong)
    with pytest.raises(InputError, match="no learnable scale"):
        decode.TargetTime().scaled(2.0)


def test_every_decoder_comes_back_from_its_description():
    for decoder in (decode.TargetTime("fixed", wrong=3.0), decode.Potential(over="integral", tau=4.0)):
        assert decode.from_dict(decoder.to_dict()) == decoder
