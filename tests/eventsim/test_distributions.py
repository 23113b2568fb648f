import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eventsim import random
from eventsim.distributions import KINDS, Exponential, LogNormal, Normal, Uniform
from eventsim.errors import InputError

U = np.linspace(0.001, 0.999, 199)


def draws(distribution, count=40_000):
    return distribution.quantile(random.uniform(random.stream_key(5, "draws"), np.arange(count)))


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (Uniform(-2.0, 3.0), stats.uniform(-2.0, 5.0)),
        (Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
        (Normal(1.0, 2.0, low=0.0), stats.truncnorm(-0.5, np.inf, 1.0, 2.0)),
        (Normal(0.0, 1.0, low=-1.0, high=0.5), stats.truncnorm(-1.0, 0.5)),
        (Normal(0.0, 1.0, low=6.0, high=7.0), stats.truncnorm(6.0, 7.0)),
        (Exponential(4.0), stats.expon(scale=4.0)),
    ],
    ids=lambda part: repr(part) if type(part).__module__.startswith("eventsim") else "scipy",
)
def test_quantiles_agree_with_scipy(ours, theirs):
    np.testing.assert_allclose(theirs.cdf(ours.quantile(U)), U, rtol=1e-9)


@pytest.mark.parametrize("mean, sd", [(1.0, 0.5), (0.2, 0.1), (3.0, 3.0)])
def test_mean_and_sd_of_a_lognormal_are_those_of_its_draws(mean, sd):
    distribution = LogNormal(mean, sd)
    s = math.sqrt(math.log(1 + (sd / mean) ** 2))
    theirs = stats.lognorm(s, scale=mean * math.exp(-s * s / 2))
    assert theirs.mean() == pytest.approx(mean) and theirs.std() == pytest.approx(sd)
    np.testing.assert_allclose(theirs.cdf(distribution.quantile(U)), U, rtol=1e-9)


@pytest.mark.parametrize(
    "distribution, mean, sd",
    [
        (Uniform(0.0, 1.0), 0.5, 12**-0.5),
        (Normal(2.0, 0.5), 2.0, 0.5),
        (LogNormal(2.0, 1.0), 2.0, 1.0),
        (Exponential(3.0), 3.0, 3.0),
    ],
    ids=repr,
)
def test_draws_have_the_mean_and_sd_that_was_asked_for(distribution, mean, sd):
    values = draws(distribution)
    assert abs(values.mean() - mean) < 5 * sd / math.sqrt(len(values))
    assert values.std() == pytest.approx(sd, rel=0.03)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-100, 100),
    st.floats(0.01, 10),
    st.floats(-3, 3),
    st.floats(0.01, 3),
    st.lists(st.floats(2.0**-53, 1 - 2.0**-53), min_size=1, max_size=20),
)
def test_a_cut_normal_stays_within_its_ends_and_rises_with_u(mean, sd, low, width, u):
    distribution = Normal(mean, sd, low=mean + low * sd, high=mean + (low + width) * sd)
    values = distribution.quantile(np.sort(u))
    assert np.all((values >= distribution.low) & (values <= distribution.high))
    assert np.all(np.diff(values) >= 0)


@settings(deadline=None, max_examples=60)
@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30), st.floats(2.0**-53, 1 - 2.0**-53))
def test_a_uniform_draw_is_never_outside_its_ends(a, b, u):
    low, high = sorted((a, b))
    assert low <= Uniform(low, high).quantile(u) <= high


@pytest.mark.parametrize("distribution", [Normal(2.5, 0.0), LogNormal(2.5, 0.0), Uniform(2.5, 2.5)], ids=repr)
def test_no_spread_means_one_value(distribution):
    np.testing.assert_allclose(distribution.quantile(U), 2.5, rtol=1e-15)


@pytest.mark.parametrize(
    "make, named",
    [
        (lambda: Uniform(1.0, 0.0), "low <= high"),
        (lambda: Uniform(math.nan, 1.0), "low is nan"),
        (lambda: Uniform(0.0, math.inf), "high is inf"),
        (lambda: LogNormal(1.0, 2e30), "sd is 2e+30; allowed: finite numbers, at most 1e+30"),
        (lambda: Normal(0.0, -1.0), "sd is -1"),
        (lambda: Normal(0.0, 1.0, low=2.0, high=1.0), "low < high"),
        (lambda: Normal(0.0, 1.0, low=math.nan), "low < high"),
        (lambda: Normal(0.0, 1.0, low=50.0), "nothing to draw from"),
        (lambda: Normal(0.0, 0.0, low=1.0), "between low and high"),
        (lambda: LogNormal(0.0, 1.0), "mean is 0"),
        (lambda: Exponential(-1.0), "mean is -1"),
        (lambda: Exponential("one"), "mean must be numbers"),
        (lambda: Exponential([1.0, 2.0]), "mean must be one number"),
    ],
)
def test_impossible_parameters_are_refused_with_one_line(make, named):
    with pytest.raises(InputError) as caught:
        make()
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_equal_parameters_make_equal_distributions():
    assert Normal(1.0, 2.0) == Normal(1, 2) and hash(Normal(1.0, 2.0)) == hash(Normal(1, 2))
    assert Normal(1.0, 2.0) != Normal(1.0, 2.0, low=0.0)
    assert Uniform(1.0, 2.0) != LogNormal(1.0, 2.0)


def test_every_distribution_can_be_made_again_from_its_settings():
    for distribution in (Uniform(0, 1), Normal(0, 1, low=0), LogNormal(1, 2), Exponential(3)):
        assert KINDS[type(distribution).__name__](**distribution.settings()) == distribution
    assert repr(Normal(0, 1, low=0)) == "Normal(mean=0, sd=1, low=0, high=inf)"
