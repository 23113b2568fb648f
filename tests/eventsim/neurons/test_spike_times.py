"""Spike times of random single-neuron histories against integration of the equations to 70 digits.

The long run of the same comparison is ``benchmarks/spike_time_oracle.py``.
"""

import comparison
import histories
import numpy as np
import pytest
import regimes

COUNT = 15
"""Histories a regime."""


@pytest.mark.parametrize("regime", regimes.REGIMES, ids=lambda regime: regime.name)
def test_no_spike_is_missed_invented_or_moved(regime):
    found = comparison.compared(regime, 12345, COUNT)
    assert (found.missed, found.invented, found.moved_jumps) == (0, 0, 0)
    assert found.histories == COUNT
    assert found.undecidable <= COUNT // 3
    assert found.spikes > 0
    assert found.scaled_error < 1e-10
    if regime.ratio < 1000.0:  # elsewhere half an ulp of t is a visible part of tau_syn
        assert found.scaled_error < 1e-12
    if not regime.grazing:  # V' at a grazing crossing is known no better than its square
        assert found.slope_error < 1e-10


@pytest.mark.parametrize("regime", regimes.REGIMES[::4], ids=lambda regime: regime.name)
def test_the_reference_engine_has_the_same_bits(regime):
    batch, t_stop, _ = histories.drawn(regime, 5, COUNT)
    pairs = zip(*(histories.simulated(batch, t_stop, engine) for engine in ("heap", "reference")), strict=True)
    for heap, reference in pairs:
        assert all(np.array_equal(a, b) for a, b in zip(heap, reference, strict=True))


def drawn(every):
    """Return a few histories of each of the regimes without grazing."""
    return [history for regime in every if not regime.grazing for history in histories.drawn(regime, 1, 30)[0]]


@pytest.mark.parametrize("every", [regimes.ONE, regimes.TWO], ids=["one receptor", "two receptors"])
def test_histories_hold_what_makes_them_hard(every):
    all_histories = drawn(every)
    cells = [history.cell for history in all_histories]
    assert any(cell.v_rest > cell.v_threshold for cell in cells)
    assert any(cell.v_rest == cell.v_threshold for cell in cells)
    assert any(cell.v_init is not None and cell.v_init > cell.v_threshold for cell in cells)
    assert any(cell.i_offset < 0.0 for cell in cells) and any(cell.i_offset > 0.0 for cell in cells)
    assert {0.0, np.inf} < {cell.t_refractory for cell in cells}
    assert any(len(np.unique(history.time)) < len(history.time) for history in all_histories)
    assert any(len(history.time) == 0 for history in all_histories)


def test_both_signs_arrive_at_one_receptor_by_its_two_projections():
    assert all(np.all(history.amplitude > 0.0) and history.weight[1] < 0.0 for history in drawn(regimes.ONE))


def test_both_signs_arrive_at_each_of_two_receptors_and_some_currents_start_together_and_cancel():
    seen, cancelling = set(), 0
    for history in drawn(regimes.TWO):
        arrivals = history.arrivals()
        seen |= {(receptor, weight > 0) for _, weight, receptor in arrivals}
        starts = {}
        for time, weight, _ in arrivals:
            starts.setdefault(time, []).append(weight)
        cancelling += any(len(w) == 2 and abs(sum(w)) < 1e-3 * abs(w[0]) for w in starts.values())
    assert seen == {(0, False), (0, True), (1, False), (1, True)}
    assert cancelling > 10
