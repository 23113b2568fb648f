import json
import math

import mpmath
import numpy as np
import pytest

from eventsim.connect import Conv2d, Dense, FixedInDegree, OneToOne, Sparse
from eventsim.constants import NEVER
from eventsim.describe import unit_peak
from eventsim.network import Network
from eventsim.neurons.lif import LIF


def small(neuron, weight=1.0, sources=4):
    net = Network(seed=1)
    net.input("in", sources)
    net.population("h", 2, neuron)
    net.connect("in", "h", Dense(weight))
    return net


def one_warning(net):
    warnings = net.describe().warnings
    assert len(warnings) == 1
    return warnings[0]


RATIOS = [(20.0, 5.0), (5.0, 20.0), (10.0, 10.001), (1000.0, 1.0), (7.3, 1.0)]


@pytest.mark.parametrize("tau_mem, tau_syn", RATIOS)
def test_the_peak_of_one_arrival_is_that_of_the_integrated_potential(tau_mem, tau_syn):
    # V of tau_mem V' = I - V with I = e^(-t / tau_syn), by quadrature, where V' = 0.
    def potential(t):
        return mpmath.quad(lambda s: mpmath.e ** (-(t - s) / tau_mem - s / tau_syn) / tau_mem, [0, t])

    top = mpmath.findroot(
        lambda t: potential(t) - mpmath.e ** (-t / tau_syn),
        tau_mem * tau_syn * math.log(tau_mem / tau_syn) / (tau_mem - tau_syn),
    )
    assert unit_peak(tau_mem, tau_syn) == pytest.approx(float(potential(top)), rel=1e-9)


def test_the_peak_in_every_limit_of_the_time_constants():
    assert unit_peak(20.0, 0.0) == unit_peak(math.inf, 0.0) == 1.0  # a jump of V
    assert unit_peak(math.inf, 5.0) == 5.0  # the charge of one arrival
    assert unit_peak(20.0, math.inf) == 1.0  # approached from below
    assert unit_peak(math.inf, math.inf) == math.inf  # the ramp
    assert unit_peak(10.0, 10.0) == pytest.approx(math.exp(-1), rel=1e-15)
    assert unit_peak(10.0, 10.0 * (1 + 1e-9)) == pytest.approx(math.exp(-1), rel=1e-8)
    assert unit_peak(1e-300, 1e300) == 1.0 and unit_peak(1e300, 1e-300) == 0.0


def test_a_healthy_network_is_counted_and_not_warned_about():
    net = Network(seed=1)
    net.input("pixels", (6, 6, 1))
    net.population("maps", (4, 4, 2), LIF(20.0, 5.0))
    net.population("out", 3, LIF(20.0, 5.0, v_threshold=NEVER))
    net.connect("pixels", "maps", Conv2d(np.ones((3, 3, 1, 2))), delay=0.5)
    net.connect("maps", "out", Dense(np.ones((8, 3)), pool=2))
    facts = net.describe().as_dict()
    assert net.describe().warnings == facts["warnings"] == []
    assert (facts["n_inputs"], facts["n_neurons"], facts["n_synapses"], facts["n_parameters"]) == (
        36, 35, 16 * 9 * 2 + 32 * 3, 18 + 24,
    )  # fmt: skip
    assert facts["populations"]["maps"]["fan_in"] == {"min": 9, "median": 9, "mean": 9, "max": 9}
    assert facts["populations"]["out"]["readout"] is True and facts["populations"]["out"]["drive"] is None
    assert facts["projections"]["pixels->maps"]["delay_ms"]["max"] == 0.5


def test_drive_is_the_positive_weights_times_the_peak_over_the_way_to_threshold():
    neuron = LIF(20.0, 5.0, v_rest=-2.0, v_threshold=3.0, v_reset=-2.0)
    facts = small(neuron, np.array([[4.0, 6.0], [3.0, 9.0], [-50.0, 0.0], [0.0, 0.0]])).describe().as_dict()
    peak = unit_peak(20.0, 5.0)
    drive = facts["populations"]["h"]["drive"]
    assert (drive["min"], drive["max"]) == pytest.approx((7 * peak / 5, 15 * peak / 5))


def test_drive_counts_every_receptor_with_the_peak_of_its_own():
    net = Network(seed=1)
    net.input("in", 4)
    net.population("h", 2, LIF(20.0, {"e": 5.0, "i": 10.0}))
    net.connect("in", "h", Dense(1.0), receptor="e")
    net.connect("in", "h", Dense(-0.5), receptor="i", name="against")
    net.connect("in", "h", Dense(0.25), receptor="i", name="with")
    about = net.describe().as_dict()
    expected = 4 * unit_peak(20.0, 5.0) + unit_peak(20.0, 10.0)
    assert about["populations"]["h"]["drive"]["max"] == pytest.approx(expected, rel=1e-12)
    assert about["populations"]["h"]["receptors"] == ["e", "i"]
    assert about["projections"]["against"]["receptor"] == "i"
    assert "to i" in str(net.describe())


def test_weights_too_small_are_reported_with_the_factor_that_is_missing():
    warning = one_warning(small(LIF(20.0, 0.0), 0.1))
    assert "no neuron of \"h\" can fire on one spike from every source" in warning
    assert "0.4 of the way" in warning and "2.5 times larger" in warning
    assert small(LIF(20.0, 0.0), 0.25).describe().warnings == []


def test_pooled_weights_are_counted_as_what_they_do():
    net = Network(seed=1)
    net.input("in", (2, 2, 1))
    net.population("h", 1, LIF(20.0, 0.0))
    net.connect("in", "h", Dense(0.9, pool=2))  # four synapses of 0.9 / 4
    assert net.describe().as_dict()["populations"]["h"]["drive"]["max"] == pytest.approx(0.9)
    assert "can fire on one spike" in one_warning(net)


def test_a_population_without_positive_weight_is_reported():
    assert "it has no positive weight" in one_warning(small(LIF(20.0, 5.0), -1.0))
    assert "it has no positive weight" in one_warning(small(LIF(math.inf, math.inf), -1.0))


def test_the_ramp_reaches_any_threshold():
    description = small(LIF(math.inf, math.inf, v_threshold=1e9), 1e-6).describe()
    assert description.warnings == []
    assert "unbounded" in str(description)


@pytest.mark.parametrize(
    "neuron", [LIF(20, 5, v_rest=2.0), LIF(20, 5, i_offset=1.5), LIF(math.inf, 5, i_offset=0.1)], ids=repr
)
def test_neurons_that_fire_without_input_are_reported(neuron):
    assert "fire without input" in " ".join(small(neuron.replace(v_init=0.0), 5.0).describe().warnings)


def test_rest_at_the_threshold_is_never_reached_from_below():
    assert small(LIF(20, 5, v_rest=1.0, v_init=0.0), 5.0).describe().warnings == []


def test_neurons_that_start_at_their_threshold_are_reported():
    assert 'all 2 neurons of "h" fire at t = 0' in one_warning(small(LIF(20, 5, v_init=1.0), 5.0))


def test_a_population_that_no_input_can_reach_is_reported():
    net = small(LIF(20, 5), 5.0)
    net.population("lost", 3, LIF(20, 5))
    net.population("follower", 3, LIF(20, 5))
    net.connect("lost", "follower", OneToOne(9.0))
    warnings = net.describe().warnings
    assert len(warnings) == 2
    assert all("stays silent: no input reaches it" in text for text in warnings)


def test_a_loop_that_starts_itself_needs_no_input():
    net = Network(seed=1)
    net.population("pacemaker", 1, LIF(20, 5, v_rest=2.0, v_init=0.0))
    net.population("follower", 1, LIF(20, 5))
    net.connect("pacemaker", "follower", OneToOne(9.0))
    assert not any("silent" in text for text in net.describe().warnings)


def test_isolated_neurons_are_counted():
    net = Network(seed=1)
    net.input("in", 3)
    net.population("h", 4, LIF(20, 5))
    net.connect("in", "h", Sparse([0, 1], [0, 1], 9.0))
    net.connect("h", "h", Sparse([2], [1], 9.0))
    facts = net.describe().as_dict()["populations"]
    assert (facts["h"]["without_input"], facts["h"]["without_output"], facts["h"]["isolated"]) == (2, 3, 1)
    assert facts["in"]["without_output"] == 1
    assert '2 of 4 neurons of "h" have no incoming synapse' in one_warning(net)


def test_what_has_no_effect_is_reported():
    net = small(LIF(20, 5), 5.0)
    net.input("unused", 2)
    net.poisson("quiet", 2, rate=0.0)
    net.connect("quiet", "h", Dense(1.0))
    net.connect("in", "h", Dense(0.0), name="zeros")
    net.connect("in", "h", Sparse([], [], []), name="none")
    warnings = " ".join(net.describe().warnings)
    assert '"unused" feeds no population' in warnings
    assert '"quiet" never fires' in warnings
    assert 'all weights of projection "zeros" are 0' in warnings
    assert 'projection "none" has no synapses' in warnings


def test_an_empty_network_says_what_to_add():
    assert "no populations" in one_warning(Network(seed=1))


def test_the_facts_are_plain_json_without_infinity_or_nan():
    net = small(LIF(math.inf, math.inf), np.array([[1.0, 0.0]] * 4))
    net.poisson("noise", 2, rate=[1.0, 5.0])
    net.connect("noise", "h", FixedInDegree(1, 1.0), delay=[0.5, 1.0])
    facts = net.describe().as_dict()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_memory_counts_what_is_stored():
    net = small(LIF(20, 5), 5.0)
    stored = net.describe().as_dict()["memory_bytes"]["network"]
    net.connect("in", "h", Dense(0.1), delay=np.ones((4, 2)))
    assert net.describe().as_dict()["memory_bytes"]["network"] - stored == 2 * 8 * 8


def test_the_engine_that_will_run_is_named_with_the_reason():
    described = small(LIF(20, 5), 5.0).describe()
    engine = described.as_dict()["engine"]
    assert engine["name"] == "window"
    assert "may fire more than once" in engine["reason"]
    assert f"engine: window ({engine['reason']})" in str(described)


def test_memory_of_a_run_grows_by_twelve_bytes_a_synapse_and_eight_more_with_delays_of_its_own():
    def needed(n, delay):
        net = Network()
        net.population("h", n, LIF(20, 5))
        net.connect("h", "h", Dense(np.full((n, n), 0.1)), delay=delay)
        return net.describe().as_dict()["memory_bytes"]["engine"]

    delays = 1.0 + np.arange(40 * 40).reshape(40, 40) / 1000.0
    assert needed(40, delays) - needed(40, 1.0) == 8 * 40 * 40
    assert 12 * 40 * 40 <= needed(40, 1.0) <= 12 * 40 * 40 + 1000 * 40


def test_memory_while_a_network_is_prepared_is_that_of_its_largest_projection_and_of_those_before_it():
    def needed(*connections, delay=1.0):
        net = Network()
        net.population("h", 30, LIF(20, 5))
        for number, connection in enumerate(connections):
            net.connect("h", "h", connection, delay=delay, name=str(number))
        return net.describe().as_dict()["memory_bytes"]["preparing"]

    dense = Dense(np.full((30, 30), 0.1))
    mixed = Sparse(np.arange(29, -1, -1), np.arange(30), 0.1)
    assert needed(dense) == 27 * 900  # ids 4 and 4, weight 8, parameter 8, and 3 to compare
    assert needed(dense, dense) == (12 + 12) * 1800  # putting together is the most
    assert needed(dense, mixed) == 27 * 900
    assert needed(mixed) == (8 + 8 + 8 + 24) * 30  # the list's own ids; to be put in order
    assert needed(mixed, delay=np.linspace(1.0, 2.0, 30)) == (24 + 8 + 32) * 30


def test_memory_of_samples_and_spikes_is_that_of_the_engine_that_will_run():
    once, often = (small(LIF(20, 5, t_refractory=t), 5.0).describe().as_dict()["memory_bytes"] for t in (NEVER, 1.0))
    assert (once["a_sample"], often["a_sample"]) == (20 * 2, 0)
    assert once["a_recorded_spike"] < often["a_recorded_spike"]


def test_the_text_names_every_part_and_every_warning():
    net = small(LIF(20, 0), 0.1)
    net.poisson("noise", 2, rate=[1.0, 5.0])
    text = str(net.describe())
    assert text == repr(net.describe())
    for part in ("in->h", "noise", "Dense", "8 synapses", "fan-in 4", "rate 1 to 5", "warning: ", "seed 1"):
        assert part in text
