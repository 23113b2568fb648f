"""Spike files in the SONATA layout: written for other programs, and read as a stimulus.

A SONATA spike file has, for each population, a group ``/spikes/<population>`` with the data sets ``timestamps``
(attribute ``units``) and ``node_ids``, and an attribute ``sorting`` (none, by_id or by_time). It has one axis of time
and knows neither samples nor amplitudes. Trace files have this layout too, see `eventsim.io.trace_file`; what they
hold beyond it is used where they are read here.

Reference: SONATA developer guide, section on spike files (Dai et al. 2020,
https://doi.org/10.1371/journal.pcbi.1007696).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import h5py
import numpy as np

from eventsim import arrays, provenance
from eventsim.errors import InputError, choose
from eventsim.io import exchange, hdf5, trace_file
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import PathLike

SORTINGS = ("by_time", "by_id")

UNITS = {"ms": 1.0, "millisecond": 1.0, "milliseconds": 1.0, "s": 1000.0, "sec": 1000.0, "second": 1000.0,
         "seconds": 1000.0}
"""Milliseconds in a unit of time, by the names that files give it."""


def to_sonata(
    source: Trace | Mapping[str, Spikes] | Spikes,
    path: PathLike,
    populations: str | Sequence[str] | None = None,
    sample: int | None = None,
    sorting: Literal["by_time", "by_id"] = "by_time",
) -> None:
    """Write spikes to a plain SONATA spike file.

    Parameters
    ----------
    source : Trace, Spikes, or dict of str to Spikes
        A run, or a stimulus of one or several inputs.
    path : str or path-like
        The file; an existing one is replaced.
    populations : str or list of str, optional
        What to write; default: all recorded populations of a trace (inputs where they are named), all of a dict. Of a
        bare `Spikes`: its name in the file, default "input".
    sample : int, optional
        The sample to write; needed where there are several, because a SONATA file has one axis of time. Times stay
        those of the sample.
    sorting : {"by_time", "by_id"}, optional
        Order of the spikes in the file.

    Raises
    ------
    InputError
        Several samples and none chosen, amplitudes other than 1, names that are not there, or a file that cannot be
        written.

    Notes
    -----
    Times are float64 in ms, node ids uint64, bit for bit those of the trace. The provenance of a trace goes along as
    JSON text in ``/provenance``, which readers of SONATA do not look at.

    Examples
    --------
    >>> import eventsim as es
    >>> es.io.to_sonata(es.Spikes([3.0, 1.5], [0, 7]), "input.h5", "thalamus")      # doctest: +SKIP
    >>> es.io.from_sonata("input.h5").time                                          # doctest: +SKIP
    array([1.5, 3. ])
    """
    choose("sorting", sorting, SORTINGS)
    every = exchange.exported(source, populations)
    n_samples = exchange.number_of_samples(source)
    sample = _one_sample(sample, n_samples)
    for columns in every:
        exchange.refuse_amplitudes(columns, "a SONATA file")
    with hdf5_aside(path) as file:
        file.attrs["magic"] = np.uint32(trace_file.SONATA_MAGIC)
        file.attrs["version"] = np.array(trace_file.SONATA_VERSION, np.uint32)
        spikes = file.create_group("spikes")
        for columns in every:
            _write(spikes.create_group(columns.name), columns, sample, sorting)
        if isinstance(source, Trace):
            file["provenance"] = provenance.to_json(source.provenance)


def from_sonata(path: PathLike, population: str | None = None) -> Spikes:
    """Read the spikes of one population of a SONATA spike file, for use as a stimulus.

    Parameters
    ----------
    path : str or path-like
        A SONATA spike file, in any order of its spikes; or a trace file.
    population : str, optional
        Which one; may be left out where the file has one only.

    Returns
    -------
    Spikes
        Neuron = node id; amplitude 1; times in ms, converted where the attribute ``units`` says seconds (ms where the
        attribute is missing). One sample; from a trace file the samples of the run.

    Raises
    ------
    InputError
        Missing, truncated, damaged or foreign file, a population that is not there, times in another unit, or spikes
        that `Spikes` refuses.

    Notes
    -----
    The attribute ``sorting`` is not relied on: the spikes are sorted here.
    """
    with _opened(path) as (file, where):
        group, name = _group(file, where, population)
        label = f'population "{name}" of {where}'
        time = trace_file.read_column(group, "timestamps")
        neuron = trace_file.read_column(group, "node_ids")
        if time.ndim != 1 or time.shape != neuron.shape:
            raise InputError(f"{label} has timestamps of shape {time.shape} and node_ids of shape {neuron.shape}; it "
                             "is damaged: give one of each a spike")
        if time.dtype.kind not in "fiu" or neuron.dtype.kind not in "iu":
            raise InputError(f"{label} has timestamps of type {time.dtype} and node_ids of type {neuron.dtype}; "
                             "allowed: numbers, and whole numbers")
        scale = _milliseconds(group["timestamps"].attrs.get("units", "ms"), label)
        sample, n_samples = 0, 1
        if hdf5.plain(file.attrs, "format") == trace_file.FORMAT:
            sample, n_samples = trace_file.read_column(group, "sample"), len(trace_file.read_column(file, "ended"))
    return exchange.incoming(label, time.astype(np.float64) * scale, neuron, sample, n_samples=n_samples)


def population_names(path: PathLike) -> list[str]:
    """Return the names of the populations of a SONATA spike file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        As `from_sonata`.
    """
    with _opened(path) as (file, where):
        return _names(file, where)


def _one_sample(sample, n_samples):
    if n_samples == 0:
        raise InputError("there is no sample to write; give spikes of one sample at least")
    if sample is None:
        if n_samples != 1:
            raise InputError(f"there are {n_samples} samples, and a SONATA file has one axis of time; choose one of "
                             f"them: sample=0 to {n_samples - 1}, a file for each")
        return 0
    return arrays.integer("sample", sample, 0, n_samples - 1)


def _write(group, columns, sample, sorting):
    mine = columns.sample == sample
    time, neuron = columns.time[mine], columns.neuron[mine].astype(np.uint64)
    if sorting == "by_id":
        order = np.argsort(neuron, kind="stable")  # they are in order of time already
        time, neuron = time[order], neuron[order]
    code = h5py.check_enum_dtype(trace_file.SORTING)[sorting]
    group.attrs.create("sorting", code, dtype=trace_file.SORTING)
    trace_file.write_column(group, "timestamps", time, compressed=False).attrs["units"] = "ms"
    trace_file.write_column(group, "node_ids", neuron, compressed=False)


@contextlib.contextmanager
def _opened(path):
    """Give the open file and how to call it in an error, and turn what damage raises into one line."""
    path = path_of(path)
    where = f'"{path}"'
    if not os.path.isfile(path):
        raise InputError(f"there is no file {where}; give a SONATA spike file (HDF5)")
    try:
        file = hdf5.open_file(path, ours=False, links=True)
    except OSError:
        raise InputError(f"{where} is not an HDF5 file, or it is cut short; give a SONATA spike file") from None
    except InputError as error:
        raise InputError(f"{where} is damaged: {error}; take another copy") from None
    with file:
        try:
            yield file, where
        except InputError as error:
            raise InputError(str(error) if where in str(error) else f"{where}: {error}") from None
        except hdf5.DAMAGE as error:
            raise InputError(f"{where} is damaged: {hdf5.one_line(error)}; take another copy") from None


def _names(file, where):
    if not isinstance(file.get("spikes"), h5py.Group):
        raise InputError(f'{where} has no group "spikes"; give a SONATA spike file')
    spikes = file["spikes"]
    names = [name for name in spikes if isinstance(spikes.get(name), h5py.Group)]
    if not names and len(spikes):
        raise InputError(f"{where} has no groups of populations in /spikes but {', '.join(spikes)}; give a file with "
                         "/spikes/<population>/timestamps and node_ids")
    return names


def _group(file, where, population):
    name = exchange.one_of(where, population, _names(file, where))
    group = file["spikes"][name]
    for needed in ("timestamps", "node_ids"):
        if not isinstance(group.get(needed), h5py.Dataset):
            raise InputError(f'population "{name}" of {where} has no data set "{needed}"; give a SONATA spike file')
    return group, name


def _milliseconds(units, label):
    """Return how many ms are in the unit that a file names."""
    name = units.decode(errors="replace") if isinstance(units, bytes) else str(units)
    if name.strip() not in UNITS:
        raise InputError(f'{label} has times in "{name}"; allowed: {", ".join(UNITS)}; convert them first')
    return UNITS[name.strip()]
