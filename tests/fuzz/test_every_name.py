"""Every public function, class and method is tried with nonsense, or stands here with the reason why not."""

import fnmatch
import inspect

import pytest
from calls import construction, figures, files, files_of_training, measures, models, running, settings_of_training
from test_docs_site import INSIDE, REFERENCE, described, found

TABLES = (construction, running, measures, files, settings_of_training, models, files_of_training, figures)
CALLS = {name: call for table in TABLES for name, call in table.CALLS.items()}

NOT_TRIED = {
    "made by the package and handed to users": [
        "eventsim.Population", "eventsim.Projection", "eventsim.Trace", "eventsim.measure.Decision",
        "eventsim.measure.Energy", "eventsim.measure.Intervals", "eventsim.measure.Latency",
        "eventsim.measure.Progress", "eventsim.measure.SpikeCounts", "eventsim.mpi.Share", "eventsim.mpi.share.Costs",
        "training.architecture.Full", "training.architecture.Convolution", "training.architecture.AveragePool",
        "training.architecture.FirstArrival", "training.datasets.Dataset", "training.discrete.Activity",
        "training.gradient.SpikeTimeGradient", "training.regularize.Batch", "training.data_parallel.Spread",
        "training.monitor.Monitor", "training.progress.Call"],
    "tables of a configuration file, which training.config.parse checks": [
        "training.config.Data", "training.config.Initial", "training.config.NetworkTable", "training.config.Fit",
        "training.config.Config", "training.config.Config.passes", "training.experiment.run"],
    "called by the network with what it has checked": [
        "eventsim.Network.restore", "eventsim.Projection.drawn", "eventsim.Projection.restored",
        "eventsim.Conv2d.geometry", "eventsim.Trace.with_spikes", "eventsim.mpi.Share.spikes",
        "eventsim.mpi.Share.counts"],
    "called by training.fit with what it has checked": [
        "training.progress.Callback.*", "training.regularize.Policy.*",
        "training.regularize.Batch.*", "training.average.Average.update", "training.dropout.Dropout.*",
        "training.monitor.Monitor.*", "training.discrete.DiscretePasses.*", "training.decode.*.by_step",
        "training.Delays.shared", "training.surrogate.*.step", "training.surrogate.*.slope",
        "training.encode.one_a_neuron", "training.encode.sample_shape", "training.encode.Encoder.for_input",
        "training.disturb.Disturbance.alter", "training.disturb.Disturbance.stimulus"],
    "bases that users derive from": [
        "training.encode.Encoder", "training.encode.Encoder.spikes", "training.decode.Decoder",
        "training.decode.Decoder.decide", "training.decode.Decoder.scaled", "training.decode.Decoder.with_horizon",
        "training.decode.Decoder.log_scale_gradient", "training.optimize.Optimizer", "training.schedule.Schedule",
        "training.surrogate.Surrogate", "training.regularize.Policy", "training.progress.Callback"],
    "needs a cluster": ["training.data_parallel.DataParallel"],
    "of two modules that are checked together with the spikes that they make": [
        "eventsim.encode.spike_list", "eventsim.Spikes.check"],
    "a switch that the methods of scikit-learn have": ["training.TTFSClassifier.get_params"],
}
"""Patterns of full names, by the reason."""


def _takes_something(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")] != []


def _kept(name):
    return f"{found(name).__module__}.{found(name).__qualname__}"


def described_calls():
    """Yield the names in the reference of functions, of classes, and of the methods that a class adds to its bases."""
    for page in REFERENCE:
        if page.name == INSIDE or page.name == "pytorch.md":
            continue
        for name in described(page):
            value = found(name)
            if inspect.isfunction(value):
                yield name
            if inspect.isclass(value):
                yield name
                inherited = {part for base in value.__mro__[1:] for part in vars(base)}
                for part, member in vars(value).items():
                    method = member if inspect.isfunction(member) else getattr(member, "__func__", None)
                    if not part.startswith("_") and part not in inherited and method and _takes_something(method):
                        yield f"{name}.{part}"


def test_every_public_name_is_tried_with_nonsense_or_says_why_not():
    tried = {_kept(name) for name, call in CALLS.items() if not call.needs}
    tried |= set(CALLS)
    patterns = [pattern for group in NOT_TRIED.values() for pattern in group]
    lacking = [name for name in described_calls() if name not in tried and _kept(name) not in tried
               and not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    assert lacking == []


def test_no_reason_is_left_of_a_name_that_is_gone():
    names = list(described_calls())
    gone = [pattern for group in NOT_TRIED.values() for pattern in group if not fnmatch.filter(names, pattern)]
    assert gone == []


@pytest.mark.parametrize("name", CALLS)
def test_the_arguments_that_are_replaced_one_by_one_are_taken_as_they_are(name):
    """Where they were refused, nonsense would never be looked at."""
    if CALLS[name].needs:
        pytest.importorskip(CALLS[name].needs, reason=f"needs {CALLS[name].needs}")
    CALLS[name].function(**CALLS[name].good())
