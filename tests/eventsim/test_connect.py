import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eventsim.connect import (
    AllToAll,
    Conv2d,
    Dense,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    OneToOne,
    Sparse,
)
from eventsim.distributions import Exponential, Normal, Uniform
from eventsim.errors import InputError
from eventsim.network import Network
from eventsim.neurons.lif import LIF

NEURON = LIF(20.0, 5.0)


def connected(source, target, connection, *, seed=1, name=None, delay=0.0):
    net = Network(seed=seed)
    a, b = net.input("a", source), net.population("b", target, NEURON)
    return net.connect(a, b, connection, name=name, delay=delay)


def recurrent(size, connection, *, seed=1):
    net = Network(seed=seed)
    net.population("b", size, NEURON)
    return net.connect("b", "b", connection)


def refusal(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def matrix(projection):
    """Return the synapses as a matrix (source, target); each pair must come once."""
    s = projection.synapses()
    result = np.zeros((projection.source.size, projection.target.size))
    code = s.source.astype(np.int64) * projection.target.size + s.target
    assert len(np.unique(code)) == len(code)
    result[s.source, s.target] = s.weight
    return result


def assert_well_formed(projection):
    s = projection.synapses()
    assert (s.source.dtype, s.target.dtype, s.weight.dtype, s.parameter.dtype) == (
        np.int32, np.int32, np.float64, np.int64,
    )  # fmt: skip
    assert len(s.source) == len(s.target) == len(s.weight) == len(s.parameter)
    np.testing.assert_array_equal(
        s.weight, projection.weight.ravel()[s.parameter] / projection.connection.pool**2
    )
    if projection.delay.ndim:
        np.testing.assert_array_equal(s.delay, projection.delay.ravel()[s.parameter])
    else:
        assert s.delay.shape == ()
    assert s.scale == projection.scale == 1 / projection.connection.pool**2


def assert_ordered(synapses):
    code = synapses.source.astype(np.int64) << 32 | synapses.target
    assert np.all(np.diff(code) > 0)


def averaged(image, pool):
    h, w, c = image.shape
    return image.reshape(h // pool, pool, w // pool, pool, c).mean(axis=(1, 3))


def convolved(image, kernel, stride, top, left, out_h, out_w):
    """Return the convolution place by place, zeros outside the image."""
    kh, kw, _, cout = kernel.shape
    result = np.zeros((out_h, out_w, cout))
    for y in range(out_h):
        for x in range(out_w):
            for i in range(kh):
                for j in range(kw):
                    row, column = y * stride + i - top, x * stride + j - left
                    if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                        result[y, x] += image[row, column] @ kernel[i, j]
    return result


# Dense


def test_dense_synapses_are_the_matrix_row_by_row():
    weight = np.arange(12.0).reshape(4, 3) + 1
    projection = connected(4, 3, Dense(weight))
    np.testing.assert_array_equal(matrix(projection), weight)
    np.testing.assert_array_equal(projection.synapses().parameter, np.arange(12))
    assert_well_formed(projection)
    assert_ordered(projection.synapses())


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_dense_with_pooling_is_the_matrix_on_the_averaged_map(pool):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(6, 12, 2))
    weight = rng.normal(size=(6 // pool * (12 // pool) * 2, 5))
    projection = connected(image.shape, 5, Dense(weight, pool=pool))
    expected = averaged(image, pool).reshape(-1) @ weight
    np.testing.assert_allclose(image.reshape(-1) @ matrix(projection), expected, rtol=1e-12)
    assert_well_formed(projection)
    assert_ordered(projection.synapses())


def test_pooling_divides_the_weight_and_does_not_multiply_by_the_inverse():
    weight = np.full((1, 1), 0.7)
    assert connected((3, 3, 1), 1, Dense(weight, pool=3)).synapses().weight[0] == 0.7 / 9


def test_one_number_is_given_to_every_weight():
    projection = connected(4, 3, Dense(0.25))
    np.testing.assert_array_equal(projection.weight, np.full((4, 3), 0.25))


def test_a_transposed_matrix_is_refused_and_recognised():
    message = refusal(lambda: connected(4, 3, Dense(np.zeros((3, 4)))))
    assert "(4, 3)" in message and "(3, 4)" in message and "transposed" in message


def test_a_pool_that_does_not_divide_the_map_is_refused():
    assert "does not divide" in refusal(lambda: connected((6, 7, 1), 2, Dense(0.1, pool=2)))
    convolution = Conv2d(0.1, pool=2, kernel=2)
    assert "does not divide" in refusal(lambda: connected((5, 5, 1), (1, 1, 1), convolution))


def test_pooling_needs_a_map():
    assert "(height, width, channels)" in refusal(lambda: connected(36, 2, Dense(0.1, pool=2)))


@pytest.mark.parametrize("pool", [0, -1, 1.5, True, "two"])
def test_a_pool_is_a_whole_number(pool):
    assert "pool" in refusal(lambda: Dense(0.1, pool=pool))


# Conv2d


@settings(max_examples=60)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([0, 1, 2, "same"]),
)  # fmt: skip
def test_conv2d_is_a_convolution_of_the_averaged_map(h, w, pool, cin, cout, kh, kw, stride, padding):
    rng = np.random.default_rng(h + 10 * w)
    image = rng.normal(size=(h * pool, w * pool, cin))
    kernel = rng.normal(size=(kh, kw, cin, cout))
    if padding == "same":
        out_h, out_w = math.ceil(h / stride), math.ceil(w / stride)
        top = max((out_h - 1) * stride + kh - h, 0) // 2
        left = max((out_w - 1) * stride + kw - w, 0) // 2
    else:
        if kh > h + 2 * padding or kw > w + 2 * padding:
            return
        out_h, out_w = (h + 2 * padding - kh) // stride + 1, (w + 2 * padding - kw) // stride + 1
        top = left = padding
    connection = Conv2d(kernel, stride=stride, padding=padding, pool=pool)
    projection = connected(image.shape, (out_h, out_w, cout), connection)
    geometry = projection.connection.geometry(projection.source, projection.target)
    assert (geometry.pad_top, geometry.pad_left, geometry.out_height, geometry.out_width) == (
        top, left, out_h, out_w,
    )  # fmt: skip
    expected = convolved(averaged(image, pool), kernel, stride, top, left, out_h, out_w)
    np.testing.assert_allclose(image.reshape(-1) @ matrix(projection), expected.reshape(-1), atol=1e-12)
    assert_well_formed(projection)
    assert_ordered(projection.synapses())


def test_same_padding_keeps_the_size_of_the_map():
    projection = connected((5, 7, 1), (5, 7, 2), Conv2d(np.ones((3, 3, 1, 2)), padding="same"))
    middle = projection.synapses().source[projection.synapses().target == (2 * 7 + 3) * 2]
    np.testing.assert_array_equal(middle, [9, 10, 11, 16, 17, 18, 23, 24, 25])


def test_a_target_of_another_shape_is_told_the_right_one():
    message = refusal(lambda: connected((8, 8, 1), (6, 6, 4), Conv2d(np.zeros((5, 5, 1, 4)))))
    assert "(4, 4, channels)" in message and "(6, 6, 4)" in message


def test_kernel_channels_must_be_those_of_the_two_maps():
    assert "(3, 3, 2, 4)" in refusal(lambda: connected((8, 8, 2), (6, 6, 4), Conv2d(np.zeros((3, 3, 1, 4)))))
    assert "(3, 3, 1, 4)" in refusal(lambda: connected((8, 8, 1), (6, 6, 4), Conv2d(np.zeros((3, 3, 1, 5)))))


def test_a_kernel_larger_than_the_map_is_refused():
    assert "larger than" in refusal(lambda: connected((4, 4, 1), (1, 1, 1), Conv2d(0.1, kernel=5)))


def test_a_drawn_kernel_needs_its_size():
    assert "kernel=(height, width)" in refusal(lambda: Conv2d(Normal(0, 1)))
    projection = connected((6, 6, 2), (4, 5, 3), Conv2d(Normal(0, 1), kernel=(3, 2)))
    assert projection.weight.shape == (3, 2, 2, 3)
    assert len(np.unique(projection.weight)) == projection.weight.size


@pytest.mark.parametrize(
    "make, named",
    [
        (lambda: Conv2d(np.zeros((3, 3))), "(kernel height, kernel width"),
        (lambda: Conv2d(np.zeros((3, 3, 1, 1)), padding="valid"), '"same"'),
        (lambda: Conv2d(np.zeros((3, 3, 1, 1)), padding=-1), "padding"),
        (lambda: Conv2d(np.zeros((3, 3, 1, 1)), stride=0), "stride"),
        (lambda: Conv2d(np.zeros((3, 3, 1, 1)), kernel=5), "leave it out"),
        (lambda: Conv2d(0.1, kernel=(1, 2, 3)), "kernel"),
        (lambda: Conv2d(0.1, kernel_size=3), "here it is kernel"),
        (lambda: Dense(0.1, weights=3), "here it is weight"),
        (lambda: FixedProbability(p_connect=0.1, p=0.1, weight=1.0), "here it is p"),
        (lambda: FixedInDegree(3, 1.0, allow_autapses=True), "here it is allow_self"),
        (lambda: AllToAll(1.0, alow_self=True), 'Did you mean "allow_self"'),
    ],
)
def test_unusable_arguments_are_refused_with_one_line(make, named):
    assert named in refusal(make)


# Sparse, OneToOne, AllToAll


def test_sparse_keeps_the_order_of_the_list_and_repeated_pairs():
    projection = connected(3, 3, Sparse([2, 0, 2], [1, 1, 1], [0.1, 0.2, 0.3]), delay=[1.0, 2.0, 3.0])
    s = projection.synapses()
    np.testing.assert_array_equal(s.source, [2, 0, 2])
    np.testing.assert_array_equal(s.target, [1, 1, 1])
    np.testing.assert_array_equal(s.weight, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(s.delay, [1.0, 2.0, 3.0])
    assert_well_formed(projection)


def test_drawn_sparse_weights_do_not_depend_on_the_order_of_the_list():
    source, target = np.array([0, 1, 2, 0, 1]), np.array([0, 0, 1, 2, 2])
    order = np.array([3, 1, 4, 0, 2])
    one = connected(3, 3, Sparse(source, target, Normal(0, 1)))
    other = connected(3, 3, Sparse(source[order], target[order], Normal(0, 1)))
    np.testing.assert_array_equal(one.weight[order], other.weight)


def test_repeated_pairs_draw_weights_of_their_own():
    projection = connected(1, 1, Sparse([0, 0, 0], [0, 0, 0], Uniform(0, 1)))
    assert len(np.unique(projection.weight)) == 3


@pytest.mark.parametrize(
    "source, target, weight, named",
    [
        ([0, 1], [0], 1.0, "one target a source"),
        ([0, 9], [0, 1], 1.0, 'source[1] is 9; "a" has neurons 0 to 2'),
        ([0, 1], [0, 3], 1.0, 'target[1] is 3; "b" has neurons 0 to 2'),
        ([-1, 1], [0, 1], 1.0, "source[0] is -1"),
        ([0.5, 1], [0, 1], 1.0, "whole numbers"),
        ([[0, 1]], [0, 1], 1.0, "one row"),
        ([[0, 1], [0]], [0, 1], 1.0, "one row"),
        (0, [0, 1], 1.0, "one row"),
        ([0, 1], [0, 1], [1.0, 2.0, 3.0], "weight of shape (2,)"),
        ([0, 1], [0, 1], [1.0, math.nan], "weight[1] is nan"),
    ],
)
def test_an_unusable_list_of_synapses_is_refused_with_one_line(source, target, weight, named):
    assert named in refusal(lambda: connected(3, 3, Sparse(source, target, weight)))


def test_no_synapses_are_allowed():
    projection = connected(3, 3, Sparse([], [], []))
    assert len(projection.synapses().source) == 0
    assert_well_formed(projection)


def test_one_to_one_joins_equal_ids():
    projection = connected((2, 2, 1), 4, OneToOne([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(matrix(projection), np.diag([1.0, 2.0, 3.0, 4.0]))
    assert "one size" in refusal(lambda: connected(3, 4, OneToOne(1.0)))


def test_all_to_all_leaves_out_self_connections_unless_allowed():
    weight = np.arange(1.0, 10.0).reshape(3, 3)
    projection = recurrent(3, AllToAll(weight))
    np.testing.assert_array_equal(matrix(projection), weight - np.diag(np.diag(weight)))
    np.testing.assert_array_equal(projection.synapses().parameter, [1, 2, 3, 5, 6, 7])
    assert_well_formed(projection)
    np.testing.assert_array_equal(matrix(recurrent(3, AllToAll(weight, allow_self=True))), weight)


def test_all_to_all_between_two_populations_has_every_pair():
    np.testing.assert_array_equal(matrix(connected(3, 3, AllToAll(0.5))), np.full((3, 3), 0.5))


# Random connectivity


@pytest.mark.parametrize("p", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_each_pair_is_connected_with_the_given_probability(p):
    projection = connected(300, 200, FixedProbability(p, 1.0))
    pairs = 300 * 200
    assert abs(len(projection.weight) - p * pairs) <= 5 * math.sqrt(pairs * p * (1 - p))
    assert_ordered(projection.synapses())
    if 0 < p < 1:
        # Both margins are binomial: compare their spread, 5 standard errors wide.
        for counts, trials in ((matrix(projection).sum(axis=0), 300), (matrix(projection).sum(axis=1), 200)):
            expected = trials * p * (1 - p)
            assert abs(counts.var() - expected) < 5 * expected * math.sqrt(2 / len(counts))


def test_pairs_are_independent_of_their_neighbours():
    connections = matrix(connected(400, 400, FixedProbability(0.3, 1.0))) > 0
    along_sources = np.corrcoef(connections[:-1].ravel(), connections[1:].ravel())[0, 1]
    along_targets = np.corrcoef(connections[:, :-1].ravel(), connections[:, 1:].ravel())[0, 1]
    assert abs(along_sources) < 5 / 400 and abs(along_targets) < 5 / 400


@pytest.mark.parametrize("k, size", [(0, 7), (1, 1), (3, 7), (4, 7), (7, 7), (5, 400)])
def test_fixed_in_degree_gives_every_target_k_different_sources(k, size):
    projection = connected(size, 50, FixedInDegree(k, 1.0))
    connections = matrix(projection)
    np.testing.assert_array_equal(connections.sum(axis=0), np.full(50, k))
    assert_ordered(projection.synapses())


@pytest.mark.parametrize("k, size", [(0, 7), (1, 1), (3, 7), (7, 7), (5, 400)])
def test_fixed_out_degree_gives_every_source_k_different_targets(k, size):
    projection = connected(50, size, FixedOutDegree(k, 1.0))
    np.testing.assert_array_equal(matrix(projection).sum(axis=1), np.full(50, k))
    assert_ordered(projection.synapses())


@pytest.mark.parametrize("k", [2, 6])
def test_every_source_is_chosen_equally_often(k):
    chosen = matrix(connected(8, 4000, FixedInDegree(k, 1.0))).sum(axis=1)
    expected = 4000 * k / 8
    # Within a target the choices exclude each other: the sum has 7 degrees of freedom, not 8.
    statistic = ((chosen - expected) ** 2).sum() / (4000 * (k / 8) * (1 - k / 8)) * 7 / 8
    assert stats.chi2(7).sf(statistic) > 1e-4


@pytest.mark.parametrize(
    "make",
    [
        lambda allow: FixedProbability(0.5, 1.0, allow_self=allow),
        lambda allow: FixedInDegree(9, 1.0, allow_self=allow),
        lambda allow: FixedOutDegree(9, 1.0, allow_self=allow),
    ],
)
def test_neurons_reach_themselves_only_where_allowed(make):
    assert np.trace(matrix(recurrent(10, make(False)))) == 0
    assert np.trace(matrix(recurrent(10, make(True)))) > 0


def test_all_neighbours_may_be_chosen_without_the_neuron_itself():
    expected = 1.0 - np.eye(6)
    for connection in (FixedInDegree(5, 1.0), FixedOutDegree(5, 1.0), FixedProbability(1.0, 1.0)):
        np.testing.assert_array_equal(matrix(recurrent(6, connection)), expected)


def test_more_neighbours_than_there_are_is_refused():
    assert "k=5 is more than the 4" in refusal(lambda: connected(4, 9, FixedInDegree(5, 1.0)))
    assert "k=6 is more than the 5" in refusal(lambda: recurrent(6, FixedOutDegree(6, 1.0)))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan, math.inf])
def test_a_probability_outside_0_to_1_is_refused(p):
    assert "probabilities, 0 to 1" in refusal(lambda: FixedProbability(p, 1.0))


def test_listed_weights_are_refused_where_synapses_are_drawn():
    assert "Use Sparse" in refusal(lambda: FixedProbability(0.5, [1.0, 2.0]))


def test_a_vanishing_probability_gives_no_synapse_and_no_warning():
    with np.errstate(all="raise"):
        assert len(connected(20, 20, FixedProbability(5e-324, 1.0)).weight) == 0


RANDOM = [
    lambda seed: FixedProbability(0.3, Normal(0, 1), seed=seed),
    lambda seed: FixedInDegree(4, Normal(0, 1), seed=seed),
    lambda seed: FixedOutDegree(4, Normal(0, 1), seed=seed),
]


@pytest.mark.parametrize("make", RANDOM)
def test_one_seed_and_name_give_one_set_of_synapses_and_weights(make):
    one, other = connected(20, 30, make(None)), connected(20, 30, make(None))
    np.testing.assert_array_equal(matrix(one), matrix(other))
    np.testing.assert_array_equal(matrix(connected(20, 30, make(1))), matrix(one))


@pytest.mark.parametrize("make", RANDOM)
def test_another_seed_or_name_gives_other_synapses_and_weights(make):
    one = matrix(connected(20, 30, make(None)))
    assert not np.array_equal(matrix(connected(20, 30, make(None), seed=2)), one)
    assert not np.array_equal(matrix(connected(20, 30, make(7))), one)
    assert not np.array_equal(matrix(connected(20, 30, make(None), name="other")), one)


@pytest.mark.parametrize(
    "connection",
    [FixedProbability(0.3, Normal(0, 1)), FixedInDegree(4, Normal(0, 1)), Dense(Normal(0, 1))],
    ids=repr,
)
def test_the_draws_of_a_target_do_not_depend_on_how_many_others_there_are(connection):
    few, many = matrix(connected(20, 10, connection)), matrix(connected(20, 3000, connection))
    np.testing.assert_array_equal(few, many[:, :10])


def test_the_out_draws_of_a_source_do_not_depend_on_how_many_others_there_are():
    few = matrix(connected(10, 20, FixedOutDegree(4, Normal(0, 1))))
    many = matrix(connected(3000, 20, FixedOutDegree(4, Normal(0, 1))))
    np.testing.assert_array_equal(few, many[:10])


# Drawn weights and delays


def test_drawn_weights_are_all_different_and_follow_the_distribution():
    projection = connected(60, 50, Dense(Normal(0, 1)))
    assert len(np.unique(projection.weight)) == 3000
    assert stats.kstest(projection.weight.ravel(), "norm").pvalue > 1e-3


def test_drawn_delays_have_the_shape_of_the_weights_and_differ_from_them():
    projection = connected(6, 5, Dense(Uniform(0, 1)), delay=Uniform(0, 1))
    assert projection.delay.shape == (6, 5)
    assert not np.any(projection.delay == projection.weight)
    assert_well_formed(projection)


def test_drawn_delays_below_zero_are_refused_with_advice():
    assert "low=0" in refusal(lambda: connected(6, 5, Dense(1.0), delay=Normal(0, 1)))
    assert np.all(connected(6, 5, Dense(1.0), delay=Normal(0, 1, low=0)).delay >= 0)
    assert np.all(connected(6, 5, Dense(1.0), delay=Exponential(1.0)).delay > 0)
