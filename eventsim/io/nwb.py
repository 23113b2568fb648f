"""Spikes in Neurodata Without Borders (NWB) files: a table of units, one a neuron, and a table of trials, one a sample.

NWB has one axis of time, in seconds. The samples lie on it one after the other; the trials say where each begins.

Reference: Ruebel et al., eLife 11:e78362 (2022); https://pynwb.readthedocs.io.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eventsim import arrays, optional, provenance
from eventsim.errors import InputError, expect
from eventsim.io import exchange, hdf5
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.trace import Trace
    from eventsim.type_aliases import PathLike, Samples

_MS_PER_S = 1000.0


def to_nwb(
    trace: Trace,
    path: PathLike,
    populations: str | Sequence[str] | None = None,
    samples: Samples | None = None,
    spacing: float | None = None,
    session_description: str | None = None,
    identifier: str | None = None,
    session_start_time: datetime.datetime | None = None,
) -> None:
    """Write the spikes of a trace to an NWB file.

    Parameters
    ----------
    trace : Trace
        The run.
    path : str or path-like
        The file; an existing one is replaced.
    populations : str or list of str, optional
        Default: all recorded populations; name inputs to have them too.
    samples : int, slice, or array_like of int or bool, optional
        Default: all.
    spacing : float, optional
        From the start of one sample to the start of the next, in ms, at least `t_stop`; default: `t_stop`.
    session_description, identifier : str, optional
        What every NWB file has; default: a line on the run, and fingerprint and seed of the run.
    session_start_time : datetime.datetime, optional
        With a time zone; default: when the run was made, by its provenance.

    Raises
    ------
    InputError
        Not a trace, names or samples that are not there, amplitudes other than 1, no start time, a file that cannot
        be written, or pynwb is not installed (``pip install eventsim[nwb]``).

    Notes
    -----
    Table ``units``: `spike_times` and `obs_intervals` (s), `population`, `neuron` (id). Table ``trials``: `start_time`,
    `stop_time` (s; the end of a sample that was ended at its decision is just after that spike), `sample`, and
    `label` where there are labels. ``notes``: the provenance as JSON text. Sums and seconds round times: what is read
    back differs by the spacing of float64 numbers at the time on the axis, 2e-11 ms at 100 s.
    """
    exchange.check_trace("to_nwb", trace)
    pynwb = optional.package("pynwb", "nwb")
    for name, text in (("session_description", session_description), ("identifier", identifier)):
        if text is not None:
            expect(name, text, str, "text, or leave it out")
    every = exchange.exported(trace, populations)
    if not every:
        raise InputError("an NWB file of no populations says nothing; name at least one")
    for columns in every:
        exchange.refuse_amplitudes(columns, "an NWB file")
    chosen = exchange.chosen_samples(trace.n_samples, samples)
    if not chosen:
        raise InputError("an NWB file of no samples says nothing; choose at least one of the trace")
    axis = _Axis(trace, chosen, spacing)
    content = pynwb.NWBFile(
        session_description=session_description or f"eventsim, engine {trace.engine}: {len(axis.samples)} samples of "
        f"{trace.t_stop:g} ms, one every {axis.spacing:g} ms",
        identifier=identifier or f"eventsim-{trace.fingerprint[:16]}-{trace.seed}",
        session_start_time=_start_time(trace, session_start_time),
        notes=provenance.to_json(trace.provenance))
    _add_trials(content, trace, axis, every)
    _add_units(content, trace, axis, every)
    with hdf5_aside(path) as file, pynwb.NWBHDF5IO(file=file, mode="w") as io:
        io.write(content)


def from_nwb(path: PathLike, population: str | None = None, trials: bool = True) -> Spikes:
    """Read the spikes of the units of an NWB file, for use as a stimulus.

    Parameters
    ----------
    path : str or path-like
        An NWB file of any program.
    population : str, optional
        Units with this entry in a column `population`; may be left out where there is one at most.
    trials : bool, optional
        Where the file has trials, make each a sample: its spikes in [start_time, stop_time), times from its start.
        Spikes outside of trials are left out. False: one sample, the whole axis of time.

    Returns
    -------
    Spikes
        Times in ms; neuron = the column `neuron` of the units where there is one, else the row of the unit, among
        those of the population.

    Raises
    ------
    InputError
        Missing, damaged or foreign file, one without spike times, a population that is not there or not clear, spikes
        before t = 0, or pynwb is not installed (``pip install eventsim[nwb]``).
    """
    pynwb = optional.package("pynwb", "nwb")
    path = path_of(path)
    where = f'"{path}"'
    if not os.path.isfile(path):
        raise InputError(f"there is no file {where}; give an NWB file")
    try:
        hdf5.open_file(path, ours=False, links=True).close()
        with pynwb.NWBHDF5IO(os.fspath(path), mode="r") as io:
            content = io.read()
            neurons, trains = _units(where, content.units, population)
            starts, stops = _trials(where, content.trials) if trials and content.trials is not None else (None, None)
    except Exception as error:  # pynwb passes on what h5py, hdmf and its own checks raise
        if isinstance(error, InputError) and where in str(error):
            raise
        raise InputError(f"{where} cannot be read as an NWB file ({hdf5.one_line(error)}); it is of another kind or "
                         "damaged") from None
    if starts is None or stops is None:
        starts, stops = np.zeros(1), np.full(1, np.inf)
        if any(len(train) and train.min() < 0 for train in trains):
            raise InputError(f"{where} has spikes before t = 0 of its axis of time; a sample begins at 0")
    times, ids, owners = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for neuron, given in zip(neurons, trains, strict=True):
        train = np.sort(given)
        first, last = (np.searchsorted(train, edge, side="left") for edge in (starts, stops))
        for sample in np.flatnonzero(last > first):
            mine = train[first[sample]:last[sample]]
            times.append((mine - starts[sample]) * _MS_PER_S)
            ids.append(np.full(len(mine), neuron))
            owners.append(np.full(len(mine), sample))
    return exchange.incoming(where, np.concatenate(times), np.concatenate(ids), np.concatenate(owners),
                             n_samples=len(starts))


class _Axis:
    """The axis of time of a file: where the samples lie on it, in seconds."""

    def __init__(self, trace, samples, spacing):
        self.samples = samples
        self.spacing = trace.t_stop if spacing is None else arrays.number("spacing", spacing)
        if not trace.t_stop <= self.spacing < math.inf:
            raise InputError(f"spacing is {self.spacing:g} ms; samples would overlap: give at least t_stop, "
                             f"{trace.t_stop:g} ms")
        self._starts = np.arange(len(samples) + 1) * self.spacing / _MS_PER_S

    def start(self, place):
        return self._starts[place]

    def seconds(self, place, time):
        """Return times (ms) of the sample at a place in seconds; rounding takes none to the start of the next."""
        return np.minimum(self.edges(place, time), np.nextafter(self._starts[place + 1], 0.0))

    def edges(self, place, time):
        """Return times (ms) at which something begins or ends in the sample at a place, in seconds."""
        return np.minimum((place * self.spacing + time) / _MS_PER_S, self._starts[place + 1])

    def stop(self, place, ended, last):
        """Return the end of a sample, and just after its last spike (ms) where that is at the end."""
        return float(max(self.edges(place, ended), np.nextafter(self.seconds(place, last), np.inf)))


def _start_time(trace, given):
    if given is None:
        try:
            given = datetime.datetime.fromisoformat(trace.provenance["created"])
        except (KeyError, TypeError, ValueError):
            raise InputError("the trace does not say when it was made, and an NWB file must; give session_start_time="
                             "datetime.datetime(..., tzinfo=...)") from None
    if not isinstance(given, datetime.datetime) or given.tzinfo is None:
        raise InputError(f"session_start_time is {given!r}; give a datetime.datetime with a time zone (tzinfo)")
    return given


def _add_trials(content, trace, axis, every):
    last = np.full(trace.n_samples, -np.inf)
    for columns in every:
        np.maximum.at(last, columns.sample, columns.time)
    content.add_trial_column("sample", "number of the sample in the trace")
    if trace.labels is not None:
        content.add_trial_column("label", "true class of the sample")
    for place, sample in enumerate(axis.samples):
        label = {} if trace.labels is None else {"label": int(trace.labels[sample])}
        stop = axis.stop(place, trace.ended[sample], max(last[sample], 0.0))
        content.add_trial(start_time=float(axis.start(place)), stop_time=stop, sample=sample, **label)


def _add_units(content, trace, axis, every):
    content.add_unit_column("population", "population of the network")
    content.add_unit_column("neuron", "id of the neuron in its population")
    for columns in every:
        trains = exchange.Trains(trace, columns)
        spans = [(place, *trains.span(sample)) for place, sample in enumerate(axis.samples)]
        observed = np.array([axis.edges(place, np.array(span)) for place, *span in spans if span[0] < span[1]])
        for neuron in trains.neurons:
            times = [axis.seconds(place, columns.time[trains.rows(sample, neuron)])
                     for place, sample in enumerate(axis.samples)]
            content.add_unit(spike_times=np.concatenate([np.zeros(0), *times]),
                             obs_intervals=observed.reshape(-1, 2), population=columns.name, neuron=neuron)


def _units(where, units, population):
    """Return the neurons and their spike times (s), of one population."""
    if units is None or "spike_times" not in units.colnames:
        raise InputError(f"{where} has no units with spike times; give an NWB file of sorted or simulated spikes")
    chosen = np.arange(len(units))
    names = [str(name) for name in units["population"][:]] if "population" in units.colnames else []
    if population is not None or len(set(names)) > 1:
        name = exchange.one_of(where, population, sorted(set(names)))
        chosen = np.flatnonzero(np.array(names) == name)
    ids = np.asarray(units["neuron"][:])[chosen] if "neuron" in units.colnames else np.arange(len(chosen))
    if ids.dtype.kind not in "iu":
        raise InputError(f'{where} has a column "neuron" that holds no whole numbers; rename it')
    trains = [np.asarray(units["spike_times"][int(row)], np.float64) for row in chosen]
    for row, train in zip(chosen, trains, strict=True):
        if not np.isfinite(train).all():
            raise InputError(f"unit {row} of {where} has a spike time that is not a finite number; it is damaged")
    return ids.tolist(), trains


def _trials(where, trials):
    starts, stops = (np.asarray(trials[name][:], np.float64) for name in ("start_time", "stop_time"))
    good = np.isfinite(starts) & (stops >= starts)
    if not good.all():
        raise InputError(f"trial {int(np.argmin(good))} of {where} does not end after it begins; give trials=False to "
                         "read the whole axis of time")
    return starts, stops
