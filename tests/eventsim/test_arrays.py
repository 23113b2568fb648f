"""`eventsim.arrays.tally` against `numpy.bincount`; the checks of arguments are tested where they are used."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import arrays


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=20), st.integers(1, 5))
def test_a_tally_in_parts_is_the_bincount_of_all(ids, part):
    ids, whole = np.array(ids, np.int32), arrays._PART
    arrays._PART = part
    try:
        counts, sums = arrays.tally(ids, 8), arrays.tally(ids, 8, np.arange(len(ids)) - 3.0)
    finally:
        arrays._PART = whole
    assert counts.dtype == np.int64 and sums.dtype == np.float64
    assert counts.tolist() == np.bincount(ids, minlength=8).tolist()
    assert sums.tolist() == np.bincount(ids, np.arange(len(ids)) - 3.0, 8).tolist()
