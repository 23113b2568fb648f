"""Spike times of random single-neuron histories against integration of the equations to 70 digits.

The long run of the same comparison is ``benchmarks/spike_time_oracle.py``.
"""

import histories
import numpy as np
import pytest

COUNT = 15
"""Histories a regime."""


@pytest.mark.parametrize("regime", histories.REGIMES, ids=lambda regime: regime.name)
def test_no_spike_is_missed_invented_or_moved(regime):
    found = histories.compared(regime, 12345, COUNT)
    assert (found.missed, found.invented, found.moved_jumps) == (0, 0, 0)
    assert found.histories == COUNT
    assert found.undecidable <= COUNT // 3
    assert found.spikes > 0
    assert found.scaled_error < 1e-10
    if regime.ratio < 1000.0:  # elsewhere half an ulp of t is a visible part of tau_syn
        assert found.scaled_error < 1e-12
    if not regime.grazing:  # V' at a grazing crossing is known no better than its square
        assert found.slope_error < 1e-10


@pytest.mark.parametrize("regime", histories.REGIMES[::4], ids=lambda regime: regime.name)
def test_the_reference_engine_has_the_same_bits(regime):
    batch, t_stop, _ = histories.drawn(regime, 5, COUNT)
    pairs = zip(*(histories.simulated(batch, t_stop, engine) for engine in ("heap", "reference")), strict=True)
    for heap, reference in pairs:
        assert all(np.array_equal(a, b) for a, b in zip(heap, reference, strict=True))


def test_histories_hold_what_makes_them_hard():
    drawn = [history for regime in histories.REGIMES[:13] for history in histories.drawn(regime, 1, 30)[0]]
    cells = [history.cell for history in drawn]
    assert any(cell.v_rest > cell.v_threshold for cell in cells)
    assert any(cell.v_rest == cell.v_threshold for cell in cells)
    assert any(cell.v_init is not None and cell.v_init > cell.v_threshold for cell in cells)
    assert any(cell.i_offset < 0.0 for cell in cells) and any(cell.i_offset > 0.0 for cell in cells)
    assert {0.0, np.inf} < {cell.t_refractory for cell in cells}
    assert any(len(np.unique(history.time)) < len(history.time) for history in drawn)
    assert any(len(history.time) == 0 for history in drawn)
    assert all(np.all(history.amplitude > 0.0) and history.weight[1] < 0.0 for history in drawn)
