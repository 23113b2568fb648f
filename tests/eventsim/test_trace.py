"""The trace: columns in one order, read-only, and errors that name what is there."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import eventsim as es
from eventsim.trace import SpikeTable, Trace

NAN, INF = float("nan"), float("inf")


def network():
    net = es.Network(seed=1)
    net.input("in", 3)
    net.poisson("noise", 2, rate=10.0)
    net.population("hidden", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.population("out", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("in", "hidden", es.Dense(1.0))
    net.connect("noise", "hidden", es.Dense(0.1))
    net.connect("hidden", "hidden", es.Dense(0.1), delay=1.0)
    net.connect("hidden", "out", es.Dense(1.0))
    net.connect("out", "out", es.Dense(-0.1), delay=1.0)
    return net


def table(time, neuron, sample, slope=1.0, generation=0):
    columns = np.broadcast_arrays(np.asarray(time, float), neuron, sample, slope, generation)
    return SpikeTable(*(np.array(column) for column in columns))


HIDDEN = table([1.0, 2.0, 2.0, 0.5], [1, 0, 1, 0], [0, 0, 0, 2])


def trace(net=None, tables=None, **changes):
    settings = {"engine": "heap", "reason": "asked for", "precision": "double", "seed": 7, "recorded": ()}
    stimulus = {"in": es.Spikes([0.5, 25.0, 0.0], [0, 1, 2], [0, 0, 1], n_samples=3)}
    tables = {"hidden": HIDDEN, "out": table([], [], [])} if tables is None else tables
    return Trace(net or network(), stimulus, tables, 20.0, 3, **(settings | changes))


def test_spikes_are_columns_in_the_order_of_sample_time_and_neuron():
    spikes = trace().spikes("hidden")
    assert spikes.time.tolist() == [1.0, 2.0, 2.0, 0.5]
    assert spikes.neuron.tolist() == [1, 0, 1, 0]
    assert spikes.sample.tolist() == [0, 0, 0, 2]
    assert [column.dtype for column in spikes] == [np.float64, np.int32, np.int32, np.float64, np.int32]
    assert trace().offsets("hidden").tolist() == [0, 3, 3, 4]


def test_no_array_of_a_trace_can_be_written_to():
    run = trace(labels=[0, 1, 0])
    for array in (*run.spikes("hidden"), *run.spikes("in"), run.labels, run.ended):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_input_spikes_come_from_the_stimulus_as_far_as_the_run_went():
    spikes = trace().spikes("in")
    assert spikes.time.tolist() == [0.5, 0.0]
    assert spikes.sample.tolist() == [0, 1]
    assert spikes.slope.tolist() == [INF, INF]
    assert trace(ended=[0.5, 20.0, 20.0]).spikes("in").time.tolist() == [0.0]


def test_first_spikes_are_the_earliest_and_infinite_where_silent():
    assert trace().first_spikes("hidden").tolist() == [[2.0, 1.0], [INF, INF], [0.5, INF]]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 1)), max_size=30))
def test_first_spikes_are_the_minimum_over_the_spikes_of_each_neuron(rows):
    rows = sorted(rows)
    columns = np.array(rows, dtype=float).reshape(-1, 3).T
    run = trace(tables={"hidden": table(columns[1], columns[2].astype(int), columns[0].astype(int))})
    expected = np.full((3, 2), INF)
    for sample, time, neuron in rows:
        expected[sample, neuron] = min(expected[sample, neuron], time)
    assert np.array_equal(run.first_spikes("hidden"), expected)


def test_a_population_is_known_by_name_or_by_handle():
    net = network()
    run = trace(net)
    assert np.array_equal(run.spikes(net["hidden"]).time, run.spikes("hidden").time)


def test_populations_are_the_inputs_and_what_was_recorded_in_the_order_of_the_network():
    assert trace().populations == ("in", "hidden", "out")


@pytest.mark.parametrize("name, message", [
    ("noise", "was not recorded; this trace holds: in, hidden, out."),
    ("hiden", 'is not in the network; this trace holds: in, hidden, out. Did you mean "hidden"?'),
])
def test_a_population_without_spikes_here_is_refused_with_the_names_that_are(name, message):
    with pytest.raises(es.InputError) as error:
        trace().spikes(name)
    assert str(error.value) == f'population "{name}" {message}'


def test_an_input_without_a_stimulus_and_a_readout_have_no_spikes():
    net = network()
    net.input("idle", 2)
    net.population("readout", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=es.NEVER))
    run = trace(net)
    assert len(run.spikes("idle").time) == len(run.spikes("readout").time) == 0


def test_recorded_poisson_spikes_are_spikes_like_others():
    run = trace(tables={"noise": table([3.0], [1], [1], slope=INF)})
    assert run.populations == ("in", "noise")
    assert run.spikes("noise").time.tolist() == [3.0]


@pytest.mark.parametrize("columns, message", [
    (([2.0, 1.0], [0, 0], [0, 0]), "not ordered"),
    (([1.0, 1.0], [1, 0], [0, 0]), "not ordered"),
    (([1.0, 1.0], [0, 0], [1, 0]), "not ordered"),
    (([1.0], [2], [0]), 'neuron ids of "hidden" must be 0 to 1'),
    (([1.0], [0], [3]), 'samples of "hidden" must be 0 to 2'),
    (([NAN], [0], [0]), "finite and >= 0"),
    (([-1.0], [0], [0]), "finite and >= 0"),
    (([1.0], [0], [0], NAN), "slopes"),
])
def test_a_table_that_cannot_be_a_recording_is_refused(columns, message):
    with pytest.raises(es.InputError, match=message):
        trace(tables={"hidden": table(*columns)})


def test_columns_of_different_length_are_refused():
    with pytest.raises(es.InputError, match="one entry a spike"):
        trace(tables={"hidden": HIDDEN._replace(slope=np.ones(2))})


def test_tables_and_stimuli_of_the_wrong_kind_of_population_are_refused():
    with pytest.raises(es.InputError, match="its spikes are its stimulus"):
        trace(tables={"in": HIDDEN})
    with pytest.raises(es.InputError, match='"hiden" is not known'):
        trace(tables={"hiden": HIDDEN})
    with pytest.raises(es.InputError, match="a stimulus goes to inputs only"):
        Trace(network(), {"hidden": es.Spikes.empty(1)}, {}, 1.0, 1,
              engine="heap", reason="", precision="double", seed=1, recorded=())


def test_a_stimulus_with_another_number_of_samples_is_refused():
    with pytest.raises(es.InputError, match="has 1 samples and the run 2; they must agree"):
        Trace(network(), {"in": es.Spikes.empty(1)}, {}, 1.0, 2,
              engine="heap", reason="", precision="double", seed=1, recorded=())


def test_the_output_is_the_only_population_that_feeds_no_other():
    assert trace().output == "out"


def test_an_output_that_is_not_clear_must_be_named():
    net = network()
    net.population("second", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    with pytest.raises(es.InputError, match=r"feed no other: out, second; name one"):
        trace(net).output  # noqa: B018
    assert trace(net, output="second").output == "second"
    assert trace(net).with_output("out").output == "out"


def test_an_input_cannot_be_the_output():
    with pytest.raises(es.InputError, match='"in" is an input'):
        trace(output="in")


def test_labels_are_one_whole_number_a_sample():
    run = trace()
    assert run.labels is None
    assert run.with_labels([1, 0, 1]).labels.tolist() == [1, 0, 1]
    assert run.labels is None
    for wrong in ([0, 1], [0.0, 1.0, 2.0], [[0, 1, 2]], ["a", "b", "c"]):
        with pytest.raises(es.InputError, match="labels must be 3 whole numbers"):
            run.with_labels(wrong)


def test_a_trace_notices_that_its_network_was_changed():
    net = network()
    run = trace(net)
    assert run.unchanged_network() is net
    net.projections["hidden->out"].set_delay(2.0)
    with pytest.raises(es.InputError, match="changed after this run"):
        run.unchanged_network()
    assert len(run.spikes("hidden").time) == 4


def test_the_summary_says_what_was_run_and_counts_spikes():
    text = trace(labels=[0, 1, 0], interrupted=True).summary()
    assert text.splitlines()[0] == (
        "Trace: 3 samples, 0 to 20 ms, engine heap (asked for), double precision, seed 7, labelled, "
        "interrupted")
    assert text.splitlines()[2].split() == ["hidden", "neurons", "2", "neurons,", "4", "spikes"]
    assert repr(trace()) == trace().summary()


def test_the_end_of_each_sample_is_the_horizon_unless_given():
    assert trace().ended.tolist() == [20.0, 20.0, 20.0]
    assert trace(ended=[5.0, 20.0, 30.0]).ended.tolist() == [5.0, 20.0, 20.0]
    for wrong in ([1.0], [NAN, 1.0, 1.0], [-1.0, 1.0, 1.0]):
        with pytest.raises(es.InputError, match="ended must be 3 times"):
            trace(ended=wrong)
