"""Decisions: who wins and when, for output spikes and for silent readouts, and at any time between."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import eventsim as es
from eventsim.poisson import Source
from eventsim.trace import SpikeTable, Trace

INF = math.inf
T_STOP = 20.0
REGIMES = {
    "IF, delta": (INF, 0.0),
    "LIF, delta": (20.0, 0.0),
    "ramp": (INF, INF),
    "IF, exponential": (INF, 5.0),
    "LIF, step": (20.0, INF),
    "LIF, exponential": (20.0, 5.0),
    "LIF, exponential, quadratic": (10.0, 5.0),
    "LIF, exponential, swapped": (3.0, 8.0),
    "LIF, exponential, equal": (5.0, 5.0),
    "LIF, exponential, nearly equal": (5.0, 5.01),
}


def run_of(net, stimulus, tables, n_samples=1, t_stop=T_STOP):
    return Trace(net, stimulus, tables, t_stop, n_samples, engine="heap", reason="", precision="double",
                 seed=3, recorded=tuple(tables))


def table(time, neuron, sample):
    order = np.lexsort((neuron, time, sample))
    time, neuron, sample = (np.asarray(column)[order] for column in (time, neuron, sample))
    return SpikeTable(time, neuron, sample, np.ones(len(order)), np.zeros(len(order)))


def firing(first):
    """Return a trace whose output neurons first fire at `first` (samples, neurons)."""
    first = np.array(first, dtype=float)
    net = es.Network(seed=1)
    net.population("out", first.shape[1], es.LIF(tau_mem=20.0, tau_syn=5.0))
    sample, neuron = np.nonzero(np.isfinite(first))
    return run_of(net, {}, {"out": table(first[sample, neuron], neuron, sample)}, len(first))


def reading(regime, weights, spikes, n_samples=1, delay=0.5, t_stop=T_STOP, **parameters):
    """Return a run of one silent readout population fed by inputs."""
    tau_mem, tau_syn = REGIMES[regime]
    net = es.Network(seed=1)
    net.input("in", len(weights))
    neuron = es.LIF(tau_mem=tau_mem, tau_syn=tau_syn, v_threshold=es.NEVER, **parameters)
    net.population("readout", len(weights[0]), neuron)
    net.connect("in", "readout", es.Dense(weights), delay=delay)
    time, neuron, sample = spikes
    return run_of(net, {"in": es.Spikes(time, neuron, sample, n_samples=n_samples)}, {}, n_samples, t_stop)


# ------------------------------------------------------------------ output spikes


def test_the_earliest_output_spike_decides():
    decision = es.measure.decide(firing([[3.0, 1.0, 2.0], [5.0, INF, 7.0]]))
    assert decision.rule == "first_spike" and decision.output == "out"
    assert decision.label.tolist() == [1, 0]
    assert decision.time.tolist() == [1.0, 5.0]
    assert decision.decided.all() and not decision.forced.any()
    assert decision.settling_time is None


def test_ties_go_to_the_lowest_id():
    assert es.measure.decide(firing([[INF, 2.0, 2.0, 2.0]])).label.tolist() == [1]


def test_no_output_spike_by_the_horizon_is_undecided_and_counts_as_wrong():
    decision = es.measure.decide(firing([[INF, INF], [1.0, INF]]))
    assert decision.label.tolist() == [-1, 0]
    assert decision.time.tolist() == [INF, 1.0]
    assert decision.decided.tolist() == [False, True]
    assert decision.accuracy([0, 0]) == 0.5


def test_accuracy_needs_one_label_a_sample():
    with pytest.raises(es.InputError, match=r"labels have shape \(3,\)"):
        es.measure.decide(firing([[1.0]])).accuracy([0, 1, 2])


def test_a_margin_decides_that_much_after_the_first_spike_if_no_other_output_fires_meanwhile():
    first = [[2.0, 4.0, INF], [2.0, 3.0, INF], [INF, 5.0, INF], [2.0, 3.5, INF]]
    decision = es.measure.decide(firing(first), rule="margin", margin=1.5)
    assert decision.label.tolist() == [0, 0, 1, 0]
    assert decision.time.tolist() == [3.5, T_STOP, 6.5, 3.5]
    assert decision.forced.tolist() == [False, True, False, False]
    assert decision.decided.all()


def test_a_margin_that_would_end_at_the_horizon_or_later_is_decided_by_the_horizon():
    decision = es.measure.decide(firing([[18.5, INF], [18.4, INF], [INF, INF]]), rule="margin", margin=1.5)
    assert decision.label.tolist() == [0, 0, -1]
    assert decision.time.tolist() == [T_STOP, 18.4 + 1.5, INF]
    assert decision.forced.tolist() == [True, False, False]


@given(st.lists(st.lists(st.sampled_from([INF, 0.0, 1.0, 2.0, 19.0]), min_size=3, max_size=3), max_size=5))
def test_a_margin_of_zero_is_the_first_spike(first):
    run = firing(np.reshape(first, (-1, 3)))
    one, other = es.measure.decide(run), es.measure.decide(run, rule="margin", margin=0.0)
    assert np.array_equal(one.label, other.label)
    assert np.array_equal(one.time, other.time)
    assert not other.forced.any()


def test_a_single_output_neuron_has_no_competitor():
    decision = es.measure.decide(firing([[4.0], [INF]]), rule="margin", margin=2.0)
    assert decision.time.tolist() == [6.0, INF]


def test_the_output_may_be_named():
    net = es.Network(seed=1)
    for name in ("a", "b"):
        net.population(name, 1, es.LIF(tau_mem=20.0, tau_syn=5.0))
    run = run_of(net, {}, {"a": table([], [], []), "b": table([1.0], [0], [0])})
    assert es.measure.decide(run, "b").decided.all()
    assert not es.measure.decide(run, "a").decided.any()
    with pytest.raises(es.InputError, match="name one"):
        es.measure.decide(run)


@pytest.mark.parametrize("arguments, message", [
    ({"rule": "first"}, 'rule "first" is not known; allowed: first_spike, margin, potential'),
    ({"rule": "potential"}, "fires, potentials decide only on silent readouts"),
    ({"rule": "margin"}, "needs margin = a time >= 0 ms, finite; got None"),
    ({"rule": "margin", "margin": -1.0}, "got -1.0"),
    ({"rule": "margin", "margin": INF}, "got inf"),
    ({"rule": "margin", "margin": "1"}, "got 1"),
    ({"margin": 1.0}, 'rule "first_spike" takes no margin; use rule "margin"'),
    ({"output": "ou"}, 'Did you mean "out"?'),
])
def test_a_rule_that_does_not_fit_is_refused_with_one_line(arguments, message):
    with pytest.raises(es.InputError) as error:
        es.measure.decide(firing([[1.0, 2.0]]), **arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


# ------------------------------------------------------------------ silent readouts


def potentials(run, times, sample=0):
    size = run.network.populations["readout"].size
    return run.membrane("readout", np.arange(size), times, sample).v.T


spike_lists = st.lists(
    st.tuples(st.integers(0, 12).map(float), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=12)
weight_lists = st.lists(st.lists(st.floats(-1, 1).map(lambda w: round(w, 2)), min_size=3, max_size=3),
                        min_size=3, max_size=3)
drives = st.lists(st.sampled_from([-0.05, 0.0, 0.05]), min_size=3, max_size=3)


@pytest.mark.parametrize("regime", REGIMES)
@settings(max_examples=25)
@given(rows=spike_lists, weights=weight_lists, drive=drives)
def test_a_silent_readout_decides_for_its_largest_potential_at_the_horizon(regime, rows, weights, drive):
    run = reading(regime, weights, np.array(rows).T, n_samples=2, i_offset=drive)
    decision = es.measure.decide(run)
    assert decision.rule == "potential"
    assert np.array_equal(decision.label, run.potential("readout", T_STOP).argmax(axis=1))
    assert decision.time.tolist() == [T_STOP, T_STOP]
    assert decision.decided.all()


@pytest.mark.parametrize("regime", REGIMES)
@settings(max_examples=25)
@given(rows=spike_lists, weights=weight_lists, drive=drives)
def test_the_argmax_never_changes_after_the_settling_time_and_does_change_at_it(regime, rows, weights, drive):
    run = reading(regime, weights, np.array(rows).T, n_samples=2, i_offset=drive)
    decision = es.measure.decide(run)
    for sample in range(2):
        winner, settled = decision.label[sample], decision.settling_time[sample]
        after = np.linspace(settled, T_STOP, 200)[1:]
        v = potentials(run, after, sample)
        scale = np.abs(v).max() + 1e-3
        # Near the crossing two potentials differ by less than rounding.
        assert (v.max(axis=1) - v[:, winner] <= 1e-12 * scale).all()
        if settled > 0.0:
            before = potentials(run, settled * (1 - np.logspace(-13, -3, 40)), sample)
            lead = before.max(axis=1) - before[:, winner]
            assert (lead > 0).any() or (before.argmax(axis=1) != winner).any()


def test_two_potentials_that_cross_twice_between_arrivals_settle_at_the_second_crossing():
    # V_0 rises and falls again under a constant V_1 = 0.5, without any arrival after t = 0.
    run = reading("LIF, exponential", [[1.0, 0.0]], ([0.0], [0], [0]), delay=0.0, t_stop=60.0,
                  v_rest=[0.0, 0.1], v_init=[0.0, 0.1])
    decision = es.measure.decide(run)
    times = np.linspace(0.0, 60.0, 20_001)
    leads = potentials(run, times).argmax(axis=1)
    assert leads[0] == 1 and leads.min() == 0 and leads[-1] == 1
    last = np.flatnonzero(leads == 0)[-1]
    assert times[last] <= decision.settling_time[0] <= times[last + 1]
    first, second = potentials(run, decision.settling_time)[0]
    assert first == pytest.approx(second, abs=1e-15)


def test_the_settling_time_of_ramps_is_the_crossing_of_two_lines():
    # V_0 = 2 (t - 1), V_1 = 3 (t - 3): they meet at 7.
    run = reading("ramp", [[2.0, 0.0], [0.0, 3.0]], ([1.0, 3.0], [0, 1], [0, 0]), delay=0.0)
    decision = es.measure.decide(run)
    assert decision.label.tolist() == [1]
    assert decision.settling_time.tolist() == [7.0]


def test_a_change_brought_by_an_arrival_settles_at_the_arrival():
    run = reading("LIF, delta", [[1.0, 0.0], [0.0, 2.0]], ([1.0, 3.0], [0, 1], [0, 0]))
    assert es.measure.decide(run).settling_time.tolist() == [3.5]


def test_the_leader_from_the_start_has_settled_at_zero():
    run = reading("ramp", [[1.0, 0.0]], ([2.0], [0], [0]))
    assert es.measure.decide(run).settling_time.tolist() == [0.0]


def test_silence_is_decided_for_the_lowest_id():
    run = reading("LIF, exponential", [[0.0, 0.0, 0.0]], ([], [], []))
    decision = es.measure.decide(run)
    assert decision.label.tolist() == [0] and decision.settling_time.tolist() == [0.0]


def test_a_readout_is_ahead_by_a_margin_when_its_ramp_is():
    # V_0 - V_1 = 2 (t - 1) until 3, where it falls by 3 a ms.
    run = reading("ramp", [[2.0, 0.0], [0.0, 5.0]], ([1.0, 3.0], [0, 1], [0, 0]), delay=0.0)
    decision = es.measure.decide(run, rule="margin", margin=1.0)
    assert (decision.label.tolist(), decision.time.tolist()) == ([0], [1.5])
    decision = es.measure.decide(run, rule="margin", margin=5.0)
    assert (decision.label.tolist(), decision.time.tolist()) == ([1], [6.0])
    decision = es.measure.decide(run, rule="margin", margin=1000.0)
    assert (decision.label.tolist(), decision.time.tolist()) == ([1], [T_STOP])
    assert decision.forced.tolist() == [True]


@pytest.mark.parametrize("regime", REGIMES)
@settings(max_examples=25)
@given(rows=spike_lists, weights=weight_lists, drive=drives, margin=st.sampled_from([0.01, 0.1, 0.5]))
def test_the_margin_is_reached_at_the_decision_and_never_before(regime, rows, weights, drive, margin):
    run = reading(regime, weights, np.array(rows).T, n_samples=2, i_offset=drive)
    decision = es.measure.decide(run, rule="margin", margin=margin)
    for sample in range(2):
        time, winner = decision.time[sample], decision.label[sample]
        before = np.sort(potentials(run, np.linspace(0.0, time, 300), sample), axis=1)
        assert (before[:-1, -1] - before[:-1, -2] < margin * (1 + 1e-9)).all()
        if decision.forced[sample]:
            assert time == T_STOP
        else:
            assert 0.0 <= time < T_STOP
            just_after = potentials(run, [min(time * (1 + 1e-12) + 1e-12, T_STOP)], sample)[0]
            others = np.delete(just_after, winner)
            assert just_after[winner] - others.max() >= margin * (1 - 1e-9) - 1e-9


@pytest.mark.parametrize("arguments, message", [
    ({"rule": "first_spike"}, "is a silent readout and never fires"),
    ({"rule": "margin", "margin": 0.0}, "needs margin = a potential > 0"),
])
def test_a_rule_that_does_not_fit_a_readout_is_refused(arguments, message):
    run = reading("ramp", [[1.0, 0.0]], ([2.0], [0], [0]))
    with pytest.raises(es.InputError, match=message):
        es.measure.decide(run, **arguments)


@pytest.mark.parametrize("arguments", [{}, {"rule": "margin", "margin": 0.1}])
def test_a_readout_with_two_receptors_is_refused(arguments):
    net = es.Network(seed=1)
    net.input("in", 1)
    net.population("readout", 2, es.LIF(20.0, {"fast": 5.0, "slow": 10.0}, v_threshold=es.NEVER))
    net.connect("in", "readout", es.Dense(1.0), receptor="slow")
    run = es.simulate(net, {"in": es.Spikes([1.0], [0])}, 10.0, engine="reference")
    with pytest.raises(es.InputError, match='readout "readout" has two receptors'):
        es.measure.decide(run, **arguments)


def test_a_readout_fed_by_what_was_not_recorded_is_refused():
    net = es.Network(seed=1)
    net.population("hidden", 1, es.LIF(tau_mem=20.0, tau_syn=5.0, v_rest=2.0))
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    net.connect("hidden", "readout", es.Dense([[0.0, 1.0]]))
    run = run_of(net, {}, {})
    with pytest.raises(es.InputError, match='"hidden" was not recorded'):
        es.measure.decide(run)


def test_unrecorded_poisson_spikes_reach_the_readout_as_recorded_ones_do():
    net = es.Network(seed=1)
    net.poisson("noise", 20, rate=200.0)
    net.population("readout", 3, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    net.connect("noise", "readout", es.Dense(es.Normal(0.0, 1.0)))
    time, neuron = Source("noise", net["noise"].rate, seed=3, sample=0).until(T_STOP)
    drawn_again = es.measure.decide(run_of(net, {}, {}))
    recorded = es.measure.decide(run_of(net, {}, {"noise": table(time, neuron, np.zeros(len(time), int))}))
    assert drawn_again.settling_time[0] > 0
    assert drawn_again.label == recorded.label
    assert drawn_again.settling_time == recorded.settling_time


# ------------------------------------------------------------------ at any time


def test_the_guess_at_any_time_is_the_earliest_spike_so_far():
    run = firing([[3.0, 1.0], [INF, 5.0], [INF, INF]]).with_labels([1, 1, 0])
    progress = es.measure.anytime(run, [0.0, 1.0, 4.0, 6.0])
    assert progress.guess.tolist() == [[-1, -1, -1], [1, -1, -1], [1, -1, -1], [1, 1, -1]]
    assert progress.guessed.tolist() == [0.0, 1 / 3, 1 / 3, 2 / 3]
    assert progress.accuracy.tolist() == [0.0, 1 / 3, 1 / 3, 2 / 3]
    assert progress.spikes.tolist() == [0.0, 1 / 3, 2 / 3, 1.0]


@pytest.mark.parametrize("regime", REGIMES)
@settings(max_examples=15)
@given(rows=spike_lists, weights=weight_lists)
def test_the_guess_of_a_readout_at_any_time_is_its_largest_potential(regime, rows, weights):
    run = reading(regime, weights, np.array(rows).T, n_samples=2)
    times = np.array([0.0, 0.5, 1.0, 3.25, 12.5, T_STOP])
    guess = es.measure.anytime(run, times).guess
    for k, t in enumerate(times):
        assert np.array_equal(guess[k], run.potential("readout", t).argmax(axis=1))


def test_cost_so_far_agrees_with_the_counts_until_then():
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    net.input("in", 5)
    net.population("out", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "out", es.Dense(rng.normal(3.0, 1.0, (5, 4))), delay=0.5)
    net.connect("out", "out", es.AllToAll(-0.1), delay=1.0)
    spikes = es.Spikes(rng.random(40) * 10, rng.integers(0, 5, 40), rng.integers(0, 3, 40), n_samples=3)
    out = table(rng.random(30) * 15, rng.integers(0, 4, 30), rng.integers(0, 3, 30))
    run = run_of(net, {"in": spikes}, {"out": out}, n_samples=3, t_stop=15.0)
    progress = es.measure.anytime(run)
    assert len(progress.times) == 201 and progress.times[-1] == 15.0
    assert progress.accuracy is None
    for k in (0, 50, 120, 200):
        t = progress.times[k]
        assert progress.operations[k] == pytest.approx(es.measure.synaptic_operations(run, t).mean())
        assert progress.spikes[k] == pytest.approx(es.measure.spike_counts(run, t).mean_per_sample)
    assert progress.spikes[-1] == 10.0


def test_times_must_ascend():
    for times in ([2.0, 1.0], [-1.0], [math.nan], [[1.0]]):
        with pytest.raises(es.InputError, match="times must be a list"):
            es.measure.anytime(firing([[1.0]]), times)
