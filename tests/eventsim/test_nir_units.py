"""Seconds, channel order and thresholds of NIR."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.io import nir_units


@given(st.floats(1e-6, 1e6))
def test_milliseconds_come_back_from_seconds_to_the_last_bit_but_one(time):
    again = float(nir_units.milliseconds(nir_units.seconds(time)))
    assert abs(again - time) <= np.spacing(time)


@pytest.mark.parametrize("time", [0.1, 0.5, 1.0, 2.0, 3.3, 5.0, 7.7, 10.0, 20.0, 100.0])
def test_usual_times_come_back_as_they_were(time):
    assert float(nir_units.milliseconds(nir_units.seconds(time))) == time


@given(st.floats(-1e300, 1e300))
def test_a_strict_threshold_and_ours_are_each_other_s_neighbours(threshold):
    assert float(nir_units.below(nir_units.above(threshold))) == threshold
    assert float(nir_units.above(threshold)) > threshold > float(nir_units.below(threshold))


def test_a_threshold_that_is_never_reached_stays_so():
    assert float(nir_units.above(np.inf)) == float(nir_units.below(np.inf)) == np.inf


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_maps_keep_each_value_at_its_place(channels, height, width):
    values = np.arange(channels * height * width).reshape(channels, height, width)
    row = nir_units.ours_from_nir(values)
    shape = nir_units.our_shape(values.shape)
    assert shape == (height, width, channels) and nir_units.nir_shape(shape) == values.shape
    assert row.reshape(shape)[-1, 0, 0] == values[0, -1, 0]
    np.testing.assert_array_equal(nir_units.nir_from_ours(row, shape), values)
    np.testing.assert_array_equal(values.reshape(-1)[nir_units.nir_index(values.shape)], row)
