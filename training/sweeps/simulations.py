"""A point of a sweep that is a simulation of a model or a network, with parameters varied and figures measured.

The tables of the file:

[simulate]
    ``model`` or ``network``: a file of eventsim. ``input``: of a model, a data set by name; of a network, a trace
    whose stimulus is run again, or nothing. ``split``: "validation" (default) or "train"; a sweep is for choosing, so
    the test set is not for it. ``samples = [first, last]``: those before `last`. ``t_stop`` in ms, ``seed`` of
    Poisson sources (0), ``engine``.
[neurons.NAME]
    Parameters of `eventsim.LIF` to replace in a population.
[weights], [delays]
    Factors by the name of a projection.
[disturb]
    What `training.disturb.Disturbance` takes; of a model.

Names that hold a dot cannot be varied.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

import eventsim
from eventsim import Network, measure, provenance
from eventsim.errors import InputError, choose
from eventsim.io.file_kind import kind_of
from training import datasets, disturb
from training.disturb import Disturbance
from training.model import Model
from training.sweeps.point import Found, Job, check_interrupt
from training.tables import refuse_unknown, table

if TYPE_CHECKING:
    from eventsim.trace import Trace
    from eventsim.type_aliases import Engine, PathLike
    from training.type_aliases import Report, Settings

TABLES = ("simulate", "neurons", "weights", "delays", "disturb")

FIXED = ("model", "network", "input", "split", "samples")
"""Keys of [simulate] that are the same for all points."""


# Annotations are no text here: `training.tables` checks files of settings against the types of the fields.
@dataclass(frozen=True)
class Simulate:
    """The table [simulate]; see the head of this module."""

    model: str | None = None
    network: str | None = None
    input: str | None = None
    split: str = "validation"
    samples: list | None = None
    t_stop: float | None = None
    seed: int = 0
    engine: str = "auto"


@dataclass(frozen=True)
class Tables:
    """All tables of a point."""

    simulate: Simulate
    neurons: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    disturb: Disturbance | None = None


class Base(NamedTuple):
    """What all points start from."""

    model: Model | None
    net: Network
    values: Any
    """Samples that the model encodes, or the stimulus of the network."""
    labels: Any


def prepare(
    base: "Settings", every: Sequence["Settings"], names: Sequence[str], data: "PathLike | None" = None
) -> Job:
    """Return the `Job` of a sweep of simulations: files read, points looked through.

    Parameters
    ----------
    base : dict
        Tables of the file.
    every : sequence of dict
        Tables of the points.
    names : sequence of str
        What varies.
    data : path-like, optional
        Folder of the data sets.

    Raises
    ------
    InputError
        A file that cannot be used, or a point with settings that do not fit it.
    """
    for key in FIXED:
        if f"simulate.{key}" in names:
            raise InputError(f'[sweep.values] simulate.{key} cannot vary; make a sweep for each of its values')
    start = _base(parse(base).simulate, data)
    for number, tables in enumerate(every):
        try:
            point = parse(tables)
            if number == 0:  # a copy of the network for each would take long
                _changed(start, point)
        except InputError as error:
            raise InputError(f"point {number} of the sweep cannot be simulated: {error}") from None
    return Job("simulation", {"network": start.net.fingerprint()}, simulate, start)


def parse(tables: "Settings") -> Tables:
    """Return the checked tables of a point.

    Parameters
    ----------
    tables : dict
        As `tomllib` reads them.

    Raises
    ------
    InputError
        A table, key or value that is not known.
    """
    for name, given in tables.items():
        refuse_unknown("table", name, TABLES, "")
        if not isinstance(given, dict):
            raise InputError(f'"{name}" must be a table, [{name}]; got {given!r}.')
    how = table("simulate", Simulate, tables["simulate"])
    if (how.model is None) == (how.network is None):
        raise InputError("[simulate] needs either model or network, a file; give one of the two.")
    if how.split not in ("train", "validation"):
        raise InputError(f'[simulate] split = "{how.split}" cannot be swept over, because a sweep is for choosing; '
                         'allowed: "validation", "train".')
    if how.seed < 0:
        raise InputError(f"[simulate] seed = {how.seed} cannot be used; give a whole number >= 0.")
    for name, values in tables.get("neurons", {}).items():
        if not isinstance(values, dict):
            raise InputError(f"[neurons] {name} = {values!r} is no table; give parameters, neurons.{name}.v_threshold")
    for kind in ("weights", "delays"):
        for name, value in tables.get(kind, {}).items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"[{kind}] {name} = {value!r} is no factor; give a number.")
    given = tables.get("disturb")
    disturbance = None if given is None else _disturbance(given)
    if disturbance is not None and how.model is None:
        raise InputError("[disturb] is for a model with samples; drop it.")
    return Tables(how, tables.get("neurons", {}), tables.get("weights", {}), tables.get("delays", {}), disturbance)


def simulate(base: Base, tables: "Settings") -> Found:
    """Simulate one point on one thread.

    Parameters
    ----------
    base : Base
    tables : dict
        As `tomllib` reads them.

    Returns
    -------
    Found
    """
    watch, point = provenance.Stopwatch(), parse(tables)
    changed = _changed(base, point)
    how = point.simulate
    if point.disturb is not None and changed.model is not None:
        figures = disturb.evaluate(changed.model, base.values, base.labels, point.disturb, threads=1,
                                   progress=check_interrupt)
        del figures["disturbance"]  # which is among the parameters
    elif changed.model is not None:
        trace = changed.model.simulate(base.values, base.labels, engine=how.engine, threads=1, seed=how.seed,
                                       progress=check_interrupt)
        figures = measure.evaluate(trace)
    else:
        trace = eventsim.simulate(changed.net, base.values, how.t_stop, engine=cast("Engine", how.engine), threads=1,
                                  seed=how.seed, progress=check_interrupt)
        figures = _activity(trace)
    settings = provenance.plain(asdict(point))
    record = provenance.record("sweep", settings, how.seed, watch.resources())
    return Found(settings, provenance.plain(figures), record, {})


def _base(how: Simulate, data: "PathLike | None") -> Base:
    path = how.network if how.model is None else how.model
    kind = kind_of(path)
    if kind != ("network" if how.model is None else "model"):
        raise InputError(f'[simulate] "{path}" is a {kind} file; give it under that name, or another file.')
    if how.model is not None:
        model = Model.load(how.model)
        if how.input not in datasets.NAMES:
            raise InputError(f"[simulate] a model needs samples; give input, one of {', '.join(datasets.NAMES)}.")
        values, labels, _ = datasets.load(how.input, how.split, data)  # type: ignore[arg-type]
        here = _samples(how.samples, len(labels))
        return Base(model, model.net, values[here], labels[here])
    net = eventsim.Network.load(str(how.network))
    if how.t_stop is None:
        raise InputError("[simulate] a network has no horizon of its own; give t_stop in ms.")
    if how.input is None:
        return Base(None, net, {}, None)
    trace = eventsim.Trace.load(how.input)
    stimulus = {name: spikes.select(_samples(how.samples, trace.n_samples)) for name, spikes in trace.stimulus.items()}
    return Base(None, net, stimulus, None)


def _samples(given: list[Any] | None, count: int) -> slice:
    if given is None:
        return slice(None)
    if len(given) != 2 or not all(isinstance(n, int) for n in given) or not 0 <= given[0] < given[1] <= count:
        raise InputError(f"[simulate] samples = {given!r} cannot be used; give [first, last], 0 <= first < last <= "
                         f"{count}.")
    return slice(*given)


def _changed(base: Base, point: Tables) -> Base:
    """Return a copy of the base with the parameters of a point."""
    model, net = copy.deepcopy(base.model), base.net
    net = copy.deepcopy(net) if model is None else model.net
    for name, values in point.neurons.items():
        neuron = net[choose("[neurons] population", name, tuple(net.populations))].neuron
        if neuron is None:
            raise InputError(f'[neurons] "{name}" is an input and has no parameters.')
        net.set_neuron(name, neuron.replace(**values))
    for factors, change in ((point.weights, "weight"), (point.delays, "delay")):
        for name, factor in factors.items():
            projection = net.projections[choose(f"[{change}s] projection", name, tuple(net.projections))]
            getattr(projection, f"set_{change}")(getattr(projection, change) * float(factor))
    t_stop = point.simulate.t_stop
    if model is not None:
        model = Model(net, model.encoder, model.decoder, model.output, model.t_stop if t_stop is None else t_stop,
                      model.classes)
    elif t_stop is None or not 0.0 < t_stop < float("inf"):
        raise InputError(f"[simulate] t_stop = {t_stop!r} cannot be used; give a finite time above 0 in ms.")
    return base._replace(model=model, net=net)


def _activity(trace: "Trace") -> "Report":
    """Return rates and shares by population, and the operations of the synapses."""
    populations = {}
    for name in trace.recorded:
        counts = trace.counts(name)
        populations[name] = {
            "rate_hz": float(np.mean(counts)) / trace.t_stop * 1000.0,
            "spikes_per_sample": float(counts.sum()) / trace.n_samples,
            "silent_fraction": float(np.mean(counts == 0)),
            "cv": _mean(measure.cv(trace, name)),
        }
    operations = None
    if all(trace.is_complete(projection.source.name) for projection in trace.network.projections.values()):
        operations = _mean(measure.synaptic_operations(trace))
    return {"n_samples": trace.n_samples, "horizon_ms": trace.t_stop, "populations": populations,
            "synaptic_operations_per_sample": operations}


def _mean(values: Any) -> float | None:
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None


def _disturbance(given: "Settings") -> Disturbance:
    allowed = [one.name for one in fields(Disturbance)]
    for key, value in given.items():
        refuse_unknown("key", key, allowed, "disturb")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"[disturb] {key} = {value!r} is of the wrong type; it must be a number.")
    return Disturbance(**given)
