"""Derivatives of single neurons against the closed forms that were published for single regimes."""

import math

import mpmath
import numpy as np
import published_forms
import pytest
from networks import examples

import eventsim as es
import training
from eventsim.engines import layers
from training import layered

NEURONS = examples(120)
INPUTS = 12

FAMILIES = {
    "ReL-PSP": (math.inf, math.inf, 0.4, published_forms.rel_psp, ()),
    "Mostafa": (math.inf, 5.0, 0.6, published_forms.mostafa, (5.0,)),
    "Fast and Deep, equal": (7.0, 7.0, 2.0, published_forms.fast_and_deep_equal, (7.0,)),
    "Fast and Deep, double": (9.0, 4.5, 2.5, published_forms.fast_and_deep_double, (4.5,)),
}
"""tau_mem, tau_syn, size of the weights, the published form and its time constant."""


def single_neurons(tau_mem, tau_syn, size):
    """Return net, stimulus, weights, times and thresholds (from rest) of neurons looked at in one sample each.

    Sample s drives all neurons with its own input times; only neuron s counts there.
    """
    rng = np.random.default_rng(20)
    rest = 0.0 if math.isinf(tau_mem) else 0.25
    theta = rng.uniform(0.5, 1.5, NEURONS)
    weights = rng.uniform(-0.4, 1.0, (INPUTS, NEURONS)) * size
    times = rng.uniform(0.0, 12.0, (NEURONS, INPUTS))
    net = es.Network(seed=0)
    net.input("in", INPUTS)
    net.population("cell", NEURONS, es.LIF(
        tau_mem, tau_syn, v_rest=rest, v_threshold=theta + rest, t_refractory=es.NEVER))
    net.connect("in", "cell", es.Dense(weights))
    stimulus = {"in": es.Spikes(times, np.arange(INPUTS), np.arange(NEURONS)[:, None])}
    return net, stimulus, weights, times, (theta + rest) - rest


def over_the_trace(net, stimulus):
    trace = es.simulate(net, stimulus, t_stop=100.0)
    spikes = trace.spikes("cell")
    found = training.spike_time_gradient(net, trace, {"cell": 1.0 * (spikes.neuron == spikes.sample)})
    return np.diag(trace.first_spikes("cell")), found


def in_layers(net, stimulus):
    plan = layers.plan(net)
    activations = layers.forward(plan, stimulus, 100.0, keep_events=True)
    found = layered.backward(plan, activations, {"cell": np.eye(NEURONS)}, input_times=True)
    return np.diag(activations.time["cell"]), found


@pytest.mark.parametrize("gradient", [over_the_trace, in_layers])
@pytest.mark.parametrize("family", FAMILIES)
def test_single_neurons_have_the_published_spike_times_and_derivatives(family, gradient):
    tau_mem, tau_syn, size, published, constants = FAMILIES[family]
    net, stimulus, weights, times, theta = single_neurons(tau_mem, tau_syn, size)
    spike, found = gradient(net, stimulus)
    by_weight, by_time = found.weights["in->cell"].T, found.input_times["in"].reshape(NEURONS, INPUTS)
    fired = np.flatnonzero(np.isfinite(spike))
    assert len(fired) > NEURONS / 2
    with mpmath.workdps(50):
        for j in fired:
            causes = times[j] < spike[j]
            w, t = ([mpmath.mpf(x) for x in values[causes]] for values in (weights[:, j], times[j]))
            time, *derivatives = published(w, t, mpmath.mpf(theta[j]), *map(mpmath.mpf, constants))
            assert abs(spike[j] - float(time)) <= 1e-13 * float(time)
            # Only the ratio of weights and threshold counts: sum w dT/dw + theta dT/dtheta = 0.
            by_threshold = -mpmath.fdot(w, derivatives[0]) / mpmath.mpf(theta[j])
            ours = by_weight[j, causes], by_time[j, causes], found.thresholds["cell"][j:j + 1]
            for mine, theirs in zip(ours, (*derivatives, [by_threshold]), strict=True):
                theirs = np.array([float(x) for x in theirs])
                assert np.abs(mine - theirs).max() <= 1e-12 * np.abs(theirs).max()
            assert not by_weight[j, ~causes].any() and not by_time[j, ~causes].any()
