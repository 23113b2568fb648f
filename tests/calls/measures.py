"""Measures of traces."""

from nonsense import Call
from small_runs import recurrent_run

from calls.objects import classified, method, silent_run, the_model
from eventsim import measure


def _of_all(function, /, **arguments):
    return Call(function, lambda: {"trace": classified()} | arguments)


def _of_kernels(function, /, **arguments):
    """Leave the trace as it is: a check of it in these modules would compile all kernels anew."""
    return Call(function, lambda: {"trace": classified()} | arguments, fixed=("trace",))


def _of_one(function, **arguments):
    return Call(function, lambda: {"trace": recurrent_run(), "population": "excitatory"} | arguments)


CALLS = {
    "eventsim.measure.anytime": _of_all(measure.anytime, times=[1.0, 2.0], output="out", labels=[0, 1, 0, 1]),
    "eventsim.measure.cv": _of_one(measure.cv),
    "eventsim.measure.cv2": _of_one(measure.cv2),
    "eventsim.measure.fanofactor": _of_one(measure.fanofactor),
    "eventsim.measure.isi": _of_one(measure.isi),
    "eventsim.measure.latency": _of_one(measure.latency),
    "eventsim.measure.rates": _of_one(measure.rates, t_start=1.0, t_stop=20.0),
    "eventsim.measure.mean_firing_rate": _of_one(measure.mean_firing_rate, t_start=1.0, t_stop=20.0),
    "eventsim.measure.silent_fraction": _of_one(measure.silent_fraction),
    "eventsim.measure.decide": _of_all(measure.decide, output="out", rule="first_spike", margin=None),
    "eventsim.measure.evaluate": _of_all(measure.evaluate, labels=[0, 1, 0, 1], output="out"),
    "eventsim.measure.energy": _of_all(measure.energy, until=[1.0] * 4, operation_pj=0.9, multiply_add_pj=4.6),
    "eventsim.measure.operations_by_projection": _of_kernels(measure.operations_by_projection, until=[1.0] * 4),
    "eventsim.measure.synaptic_operations": _of_kernels(measure.synaptic_operations, until=[1.0] * 4),
    "eventsim.measure.spike_counts": _of_all(measure.spike_counts, until=[1.0] * 4),
    "eventsim.measure.integrated_potential": Call(
        measure.integrated_potential, lambda: {"trace": silent_run(), "name": "out", "tau": 5.0},
        fixed=("trace", "tau")),
    "eventsim.measure.peak_potential": Call(
        measure.peak_potential, lambda: {"trace": silent_run(), "name": "out", "threads": 1}, fixed=("trace",)),
    "eventsim.measure.dense_multiply_adds": Call(measure.dense_multiply_adds, lambda: {"net": the_model().net}),
    "eventsim.measure.Decision.accuracy": Call(
        method(lambda: measure.decide(classified()), "accuracy"), {"labels": [0, 1, 0, 1]}),
}
