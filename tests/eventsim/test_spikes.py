import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import InputError
from eventsim.spikes import Spikes

# Few distinct values, so that ties are common; large ones, so that keys wider than 16 bits occur.
TIMES = st.sampled_from([0.0, -0.0, 5e-324, 0.1, np.nextafter(0.1, 1), 3.0, 1e300, np.inf])
NEURONS = st.sampled_from([0, 1, 2, 65535, 65536, 131072, 2**31 - 1])
AMPLITUDES = st.sampled_from([-2.0, -0.0, 0.0, 1.0, 1.5])
ROWS = st.lists(st.tuples(TIMES, NEURONS, st.integers(0, 3), AMPLITUDES), max_size=30)


def columns(rows):
    return [np.array([row[k] for row in rows]) for k in range(4)]


def error(*args, **kwargs):
    with pytest.raises(InputError) as caught:
        Spikes(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@settings(deadline=None)
@given(ROWS)
def test_spikes_are_sorted_by_sample_time_neuron_amplitude_and_equal_ones_keep_their_order(rows):
    spikes = Spikes(*columns(rows), n_samples=4)
    kept = [k for k in range(len(rows)) if np.isfinite(rows[k][0])]
    expected = sorted(kept, key=lambda k: (rows[k][2], rows[k][0], rows[k][1], rows[k][3]))
    assert spikes.given.tolist() == expected
    assert spikes.time.tolist() == [rows[k][0] for k in expected]
    assert spikes.neuron.tolist() == [rows[k][1] for k in expected]
    assert spikes.sample.tolist() == [rows[k][2] for k in expected]
    assert spikes.amplitude.tolist() == [rows[k][3] for k in expected]
    assert spikes.n_given == len(rows)


@settings(deadline=None)
@given(ROWS)
def test_offsets_cut_the_spikes_into_samples(rows):
    spikes = Spikes(*columns(rows), n_samples=6)
    assert spikes.offsets[0] == 0 and spikes.offsets[-1] == len(spikes)
    for sample in range(6):
        assert (spikes.sample[spikes.offsets[sample]:spikes.offsets[sample + 1]] == sample).all()


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_in_which_spikes_are_given_does_not_matter(rows, shuffler):
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    assert Spikes(*columns(rows), n_samples=4) == Spikes(*columns(shuffled), n_samples=4)


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(-4, 3), max_size=6))
def test_selected_samples_are_renumbered_in_the_order_asked_for(rows, wanted):
    spikes = Spikes(*columns(rows), n_samples=4)
    part = spikes.select(wanted)
    assert part.n_samples == len(wanted)
    for number, sample in enumerate(wanted):
        theirs = slice(*part.offsets[number:number + 2])
        mine = spikes.sample == sample % 4
        assert (part.sample[theirs] == number).all()
        assert part.given[theirs].tolist() == spikes.given[mine].tolist()
        assert part.time[theirs].tolist() == spikes.time[mine].tolist()
        assert part.neuron[theirs].tolist() == spikes.neuron[mine].tolist()
        assert part.amplitude[theirs].tolist() == spikes.amplitude[mine].tolist()


def test_a_slice_a_mask_and_a_number_select_samples():
    spikes = Spikes([1, 2, 3, 4], neuron=0, sample=[0, 1, 2, 2])
    assert spikes.select(slice(1, None)) == Spikes([2, 3, 4], 0, [0, 1, 1])
    assert spikes.select([True, False, True]) == spikes.select([0, 2])
    assert spikes.select(1) == Spikes(2, 0)
    assert spikes.select([]).n_samples == 0


def test_a_contiguous_choice_shares_memory():
    spikes = Spikes([1, 2, 3], neuron=0, sample=[0, 1, 2])
    assert np.shares_memory(spikes.select(slice(1, 3)).time, spikes.time)


@pytest.mark.parametrize("samples", [3, [-4], [0.5], [True], "all"])
def test_selecting_a_sample_that_does_not_exist_is_refused(samples):
    with pytest.raises(InputError, match="0 to 2"):
        Spikes([1, 2, 3], neuron=0, sample=[0, 1, 2]).select(samples)


def test_the_columns_have_the_documented_types():
    spikes = Spikes([1], [2], [0])
    types = [column.dtype for column in spikes.arrays()] + [spikes.given.dtype]
    assert types == [np.float64, np.int32, np.int32, np.float64, np.int64, np.int64]


def test_duplicate_spikes_are_all_kept():
    assert len(Spikes([1, 1, 1], neuron=0)) == 3


def test_an_infinite_time_is_no_spike_but_its_sample_counts():
    spikes = Spikes([np.inf, 1.0], neuron=[0, 1], sample=[4, 0])
    assert len(spikes) == 1 and spikes.n_samples == 5 and spikes.given.tolist() == [1]


def test_a_negative_zero_becomes_zero():
    spikes = Spikes([-0.0], 0, amplitude=-0.0)
    assert not np.signbit(spikes.time[0]) and not np.signbit(spikes.amplitude[0])


def test_arrays_are_broadcast_against_each_other():
    spikes = Spikes(np.ones((2, 3)), neuron=np.arange(3), sample=np.arange(2)[:, np.newaxis])
    assert spikes.neuron.tolist() == [0, 1, 2] * 2 and spikes.sample.tolist() == [0, 0, 0, 1, 1, 1]


def test_whole_numbers_in_floats_are_taken_as_indices():
    assert Spikes([1.0], np.array([3.0]), np.array([1.0])) == Spikes([1.0], 3, 1)


def test_no_spikes_are_one_silent_sample():
    assert Spikes([], []).n_samples == 1 and len(Spikes([], [])) == 0


def test_empty_makes_silent_samples():
    assert Spikes.empty(3).offsets.tolist() == [0, 0, 0, 0]
    assert Spikes.empty(0).n_samples == 0


def test_the_columns_cannot_be_written_and_kernels_get_the_same_memory_writable():
    spikes = Spikes([2, 1], 0)
    with pytest.raises(ValueError):
        spikes.time[0] = 0.0
    assert np.shares_memory(spikes.arrays().time, spikes.time)
    assert all(column.flags.writeable and column.flags.c_contiguous for column in spikes.arrays())


def test_changing_the_users_array_afterwards_changes_no_spike():
    arrays = [np.array([1.0, 2.0]), np.zeros(2, np.int32), np.zeros(2, np.int32), np.ones(2)]
    spikes = Spikes(*arrays)
    for array in arrays:
        array[:] = 7
    assert spikes == Spikes([1.0, 2.0], 0)


def test_spikes_survive_pickling():
    spikes = Spikes([2, 1, 3], [0, 1, 2], [0, 0, 2], [1.0, -1.0, 0.5])
    again = pickle.loads(pickle.dumps(spikes))
    assert again == spikes and not again.time.flags.writeable


def test_spikes_differ_when_a_column_or_the_number_of_samples_differs():
    spikes = Spikes([1, 2], 0)
    assert spikes != Spikes([1, 3], 0) and spikes != Spikes([1, 2], 0, n_samples=2) and spikes != "spikes"


def test_the_representation_tells_numbers_and_span():
    assert repr(Spikes([2, 0.5], 0)) == "Spikes(2 spikes, 1 samples, 0.5 to 2 ms)"
    assert repr(Spikes.empty(2)) == "Spikes(0 spikes, 2 samples)"


def test_a_nan_time_is_refused_with_its_position():
    assert "time[1] of the spikes is nan" in error([0, np.nan], 0)


def test_a_negative_time_is_refused_with_what_is_allowed():
    message = error([-0.5], 0)
    assert "-0.5" in message and ">= 0 ms" in message


@pytest.mark.parametrize("neuron", [-1, 2**31, 2**40, 1.5, np.nan, np.inf, True, "two", None])
def test_a_neuron_that_is_no_index_is_refused(neuron):
    assert "neuron" in error([1.0], neuron)


@pytest.mark.parametrize("sample", [-1, 0.5, 2**31])
def test_a_sample_that_is_no_index_is_refused(sample):
    assert "sample" in error([1.0], 0, sample)


@pytest.mark.parametrize("amplitude", [np.nan, np.inf, -np.inf])
def test_an_amplitude_that_is_not_finite_is_refused(amplitude):
    assert "amplitudes are finite" in error([1.0], 0, amplitude=amplitude)


def test_shapes_that_do_not_broadcast_are_refused_with_the_shapes():
    assert "(2,), (3,)" in error([1, 2], [1, 2, 3])


@pytest.mark.parametrize("time", ["soon", [[1, 2], [3]], None, 1j])
def test_times_that_are_not_numbers_are_refused(time):
    assert "time" in error(time, 0)


def test_a_sample_beyond_the_number_of_samples_is_refused():
    assert "n_samples is 2" in error([1], 0, sample=2, n_samples=2)


@pytest.mark.parametrize("n_samples", [-1, 1.5, "3", 2**31])
def test_a_number_of_samples_that_is_no_count_is_refused(n_samples):
    assert "n_samples is" in error([], [], n_samples=n_samples)


def test_a_neuron_outside_the_population_is_refused_with_its_name():
    population = SimpleNamespace(name="pixels", size=4)
    Spikes([1], 3).check(population)
    Spikes.empty().check(population)
    with pytest.raises(InputError, match='neuron 4 of population "pixels", which has 4 neurons'):
        Spikes([1], 4).check(population)
