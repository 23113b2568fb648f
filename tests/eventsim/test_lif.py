import copy
import math
import pickle

import numpy as np
import pytest

from eventsim.constants import NEVER
from eventsim.errors import InputError
from eventsim.neurons.lif import LIF, PARAMETERS


def refusal(**parameters):
    with pytest.raises(InputError) as caught:
        LIF(**({"tau_mem": 20.0, "tau_syn": 5.0} | parameters))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_defaults_are_those_of_the_contract():
    p = LIF(20.0, 5.0).resolve(3)
    assert p._fields == (*PARAMETERS, "tau_two") and math.isnan(p.tau_two)
    assert (p.tau_mem, p.tau_syn) == (20.0, 5.0)
    expected = {"v_rest": 0, "v_threshold": 1, "v_reset": 0, "t_refractory": 0, "v_init": 0, "i_offset": 0}
    for name, value in expected.items():
        array = getattr(p, name)
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, np.full(3, value))


def test_the_potential_starts_at_rest_unless_given():
    rest = np.array([-1.0, -2.0])
    np.testing.assert_array_equal(LIF(20, 5, v_rest=rest).resolve(2).v_init, rest)
    np.testing.assert_array_equal(LIF(20, 5, v_rest=rest, v_init=0.5).resolve(2).v_init, [0.5, 0.5])


def test_resolved_arrays_are_the_callers_own():
    lif = LIF(20, 5, v_rest=np.array([0.1, 0.2]))
    lif.resolve(2).v_rest[:] = 9.0
    np.testing.assert_array_equal(lif.resolve(2).v_rest, [0.1, 0.2])


def test_a_changed_users_array_does_not_change_the_neuron():
    thresholds = np.array([1.0, 2.0])
    lif = LIF(20, 5, v_threshold=thresholds)
    thresholds[0] = 7.0
    np.testing.assert_array_equal(lif.v_threshold, [1.0, 2.0])


LIMITS = [(20, 0), (math.inf, 0), (math.inf, 5), (20, math.inf), (math.inf, math.inf)]


@pytest.mark.parametrize("tau_mem, tau_syn", LIMITS)
def test_every_limit_of_the_time_constants_is_allowed(tau_mem, tau_syn):
    p = LIF(tau_mem, tau_syn).resolve(1)
    assert (p.tau_mem, p.tau_syn) == (tau_mem, tau_syn)


@pytest.mark.parametrize("value", [0, -1.0, math.nan])
def test_a_membrane_time_constant_must_be_positive(value):
    assert "tau_mem" in refusal(tau_mem=value) and "> 0" in refusal(tau_mem=value)


@pytest.mark.parametrize("value", [-0.5, math.nan])
def test_a_synaptic_time_constant_must_not_be_negative(value):
    assert "tau_syn" in refusal(tau_syn=value)


def test_missing_time_constants_are_asked_for():
    with pytest.raises(InputError, match="LIF needs tau_syn, in ms"):
        LIF(tau_mem=20.0)
    with pytest.raises(InputError, match="LIF needs tau_mem, in ms"):
        LIF()


def test_two_receptors_keep_their_names_in_the_order_given():
    lif = LIF(20, {"fast": 5, "slow": math.inf})
    assert lif.receptors == ("fast", "slow")
    assert lif.tau_syn == {"fast": 5.0, "slow": math.inf}
    assert lif.resolve(3)[:2] == (20.0, 5.0) and lif.resolve(3).tau_two == math.inf
    assert LIF(20, 5.0).receptors == ()


def test_one_named_receptor_is_one_time_constant():
    lif = LIF(20, {"ampa": 0.0})
    assert lif.receptors == ("ampa",)
    assert lif.resolve(1).tau_syn == 0.0 and math.isnan(lif.resolve(1).tau_two)


def test_receptors_survive_copies_and_show():
    lif = LIF(20, {"e": 5.0, "i": 10.0}, v_threshold=[1.0, 2.0])
    for same in (pickle.loads(pickle.dumps(lif)), lif.replace(v_rest=0.5), lif.flattened((2,))):
        assert same.tau_syn == lif.tau_syn
    assert "tau_syn={'e': 5.0, 'i': 10.0}" in repr(lif)
    assert lif.replace(tau_syn=3.0).receptors == ()


def test_a_changed_dict_does_not_change_the_neuron():
    given = {"e": 5.0, "i": 10.0}
    lif = LIF(20, given)
    given["e"] = 1.0
    lif.tau_syn["i"] = 1.0
    assert lif.tau_syn == {"e": 5.0, "i": 10.0}


@pytest.mark.parametrize("tau_syn, words", [
    ({}, "names 0 receptors; allowed: 1 or 2"),
    ({"a": 1, "b": 2, "c": 3}, "names 3 receptors: a, b, c; allowed: 1 or 2"),
    ({"a": 1, 2: 2}, "2 cannot be the name of a receptor"),
    ({" ": 1}, "cannot be the name of a receptor"),
    ({"e": 5.0, "i": -1.0}, "tau_syn of i is -1; allowed: >= 0"),
    ({"e": 5.0, "i": None}, "LIF needs tau_syn of i"),
    ({"e": [5.0, 6.0], "i": 1.0}, "tau_syn of e must be one number"),
])  # fmt: skip
def test_receptors_that_cannot_be_are_refused_with_one_line(tau_syn, words):
    assert words in refusal(tau_syn=tau_syn)


def test_time_constants_one_a_neuron_are_refused():
    assert "one population a time constant" in refusal(tau_mem=[10.0, 20.0])


@pytest.mark.parametrize("name", ["v_rest", "v_reset", "v_init", "i_offset"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_voltages_and_drive_must_be_finite(name, value):
    assert refusal(**{name: value}).startswith(name)


def test_the_entry_that_is_wrong_is_named():
    assert refusal(v_rest=[0.0, 0.0, math.nan]).startswith("v_rest[2] is nan")
    assert refusal(t_refractory=[[1.0, -2.0]]).startswith("t_refractory[0, 1] is -2")


def test_a_threshold_may_be_never_but_not_minus_infinity_or_nan():
    assert LIF(20, 5, v_threshold=NEVER).v_threshold == math.inf
    assert "v_threshold" in refusal(v_threshold=-math.inf)
    assert "v_threshold" in refusal(v_threshold=math.nan)


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_a_refractory_period_must_not_be_negative(value):
    assert "t_refractory" in refusal(t_refractory=value)


@pytest.mark.parametrize("reset", [1.0, 2.0])
def test_a_reset_at_or_above_threshold_is_refused(reset):
    message = refusal(v_reset=reset)
    assert "v_reset" in message and "NEVER" in message


def test_a_reset_above_threshold_is_allowed_where_a_neuron_fires_once_or_never():
    LIF(20, 5, v_reset=2.0, t_refractory=NEVER)
    LIF(20, 5, v_reset=2.0, v_threshold=NEVER)


def test_the_reset_is_checked_neuron_by_neuron():
    LIF(20, 5, v_reset=[0.0, 2.0], t_refractory=[0.0, NEVER])
    assert "neuron 1" in refusal(v_reset=[0.0, 2.0], t_refractory=[NEVER, 0.0])


def test_potentials_in_millivolts_with_a_forgotten_reset_are_refused():
    assert "v_reset 0 is not below v_threshold -50" in refusal(v_rest=-65.0, v_threshold=-50.0)


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("tau_m", "tau_mem"), ("tau_syn_E", "tau_syn"), ("tau_syn_ex", "tau_syn"),
        ("v_thresh", "v_threshold"),
        ("V_th", "v_threshold"), ("V_reset", "v_reset"), ("E_L", "v_rest"), ("t_ref", "t_refractory"),
        ("tau_refrac", "t_refractory"), ("refractory", "t_refractory"), ("I_e", "i_offset"),
        ("i_e", "i_offset"),
        ("v_leak", "v_rest"), ("V_m", "v_init"),
    ],
)  # fmt: skip
def test_a_name_of_another_simulator_is_answered_with_ours(theirs, ours):
    message = refusal(**{theirs: 1.0})
    assert f'"{theirs}"' in message and ours in message


def test_where_the_unit_differs_the_error_says_so():
    assert "pA" in refusal(I_e=100.0)
    assert "capacitance" in refusal(cm=1.0) and "capacitance" in refusal(C_m=250.0)


def test_a_misspelt_parameter_is_answered_with_a_suggestion():
    assert 'Did you mean "v_threshold"?' in refusal(v_treshold=1.0)
    assert "allowed: tau_mem" in refusal(banana=1.0)


@pytest.mark.parametrize("value", ["high", None, [None], 1j, [[1.0], [1.0, 2.0]]])
def test_what_is_no_number_is_refused(value):
    assert "v_rest must be numbers" in refusal(v_rest=value)


def test_arrays_must_have_one_value_a_neuron():
    with pytest.raises(InputError, match=r"v_rest has shape \(3,\)"):
        LIF(20, 5, v_rest=[0.0, 0.1, 0.2]).resolve(4)


def test_arrays_of_different_sizes_are_refused_together():
    assert "same shape" in refusal(v_threshold=[1.0, 2.0], v_reset=[0.0, 0.0, 0.0])


def test_a_map_of_values_is_read_row_by_row():
    values = np.arange(6.0).reshape(2, 3) / 10
    np.testing.assert_array_equal(LIF(20, 5, v_rest=values).flattened((2, 3)).v_rest, values.reshape(-1))
    with pytest.raises(InputError, match=r"\(6,\) or \(3, 2\)"):
        LIF(20, 5, v_rest=values).flattened((3, 2))


def test_replace_changes_a_copy_and_checks_again():
    lif = LIF(20, 5, v_rest=0.3)
    changed = lif.replace(v_threshold=2.0)
    assert (lif.v_threshold, changed.v_threshold, changed.v_rest) == (1.0, 2.0, 0.3)
    with pytest.raises(InputError):
        lif.replace(v_reset=5.0)
    with pytest.raises(InputError, match="v_threshold"):
        lif.replace(v_th=5.0)


def test_parameters_cannot_be_assigned_or_written_through():
    lif = LIF(20, 5, v_rest=[0.1, 0.2])
    with pytest.raises(InputError, match="replace"):
        lif.v_rest = 3.0
    with pytest.raises(InputError, match="removed"):
        del lif.v_rest
    with pytest.raises(ValueError, match="read-only"):
        lif.v_rest[0] = 3.0


def test_copies_and_pickles_have_the_same_parameters():
    lif = LIF(20, 5, v_threshold=[1.0, 2.0], t_refractory=NEVER)
    for other in (copy.deepcopy(lif), pickle.loads(pickle.dumps(lif))):
        for mine, theirs in zip(lif.resolve(2), other.resolve(2), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_text_form_shows_what_differs_from_the_defaults():
    assert repr(LIF(20, 5, t_refractory=NEVER)) == "LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=inf)"
    assert "v_rest=<array (2,)>" in repr(LIF(20, 5, v_rest=[0.1, 0.2]))
