"""Spikes as a table in plain text, one row each: what any other program can read.

A file begins with comment lines (``# key: value``): number of samples, end of the run, populations, units and
provenance. Then come a line of column names and the rows, separated by commas::

    sample,population,neuron,time_ms
    0,output,3,1.2499999999999998

Numbers are written with as many digits as it takes to read back the same float64. Further columns: ``slope`` where it
is asked for, ``amplitude`` where a spike has one other than 1.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from eventsim import provenance
from eventsim.arrays import flag
from eventsim.errors import InputError
from eventsim.io import documents, exchange
from eventsim.io.aside import written_aside
from eventsim.io.plain_file import path_of
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import PathLike

_BLOCK = 65536  # rows written at once
_UNFILLED = 2**24  # samples that a file may have beyond its rows
_UNITS = "time_ms in ms from the start of the sample; slope = V'(t-) at the crossing in 1/ms; inf: a jump"
_NUMBERS = {"sample": (int, "a whole number"), "neuron": (int, "a whole number"), "time_ms": (float, "a number"),
            "amplitude": (float, "a number")}


def to_csv(
    source: Trace | Mapping[str, Spikes] | Spikes,
    path: PathLike,
    populations: str | Sequence[str] | None = None,
    slope: bool = False,
) -> None:
    """Write spikes as a table in plain text, one row a spike.

    Parameters
    ----------
    source : Trace, Spikes, or dict of str to Spikes
        A run, or a stimulus of one or several inputs.
    path : str or path-like
        The file; an existing one is replaced.
    populations : str or list of str, optional
        What to write; default: all recorded populations of a trace (inputs where they are named), all of a dict. Of a
        bare `Spikes`: its name in the file, default "input".
    slope : bool, optional
        Add the slope of the membrane at each crossing (traces only).

    Raises
    ------
    InputError
        Names that are not there, slopes of spikes that have none, or a file that cannot be written.

    Notes
    -----
    Columns: sample, population, neuron, time_ms; then slope, amplitude (see the module). Rows are ordered by
    population, sample, time and neuron. UTF-8.
    """
    slope = flag("slope", slope)
    every = exchange.exported(source, populations)
    n_samples = exchange.number_of_samples(source)
    if slope and not isinstance(source, Trace):
        raise InputError("Spikes have no slopes; leave slope out, or give the trace")
    amplitude = any(columns.amplitude is not None for columns in every)
    names = ["sample", "population", "neuron", "time_ms"] + ["slope"] * slope + ["amplitude"] * amplitude
    with written_aside(path) as aside, open(aside, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in _facts(source, every, n_samples))
        file.write(",".join(names) + "\n")
        for columns in every:
            _write(file, columns, slope, amplitude)


def from_csv(path: PathLike, population: str | None = None) -> Spikes:
    """Read the spikes of one population from a table in plain text, for use as a stimulus.

    Parameters
    ----------
    path : str or path-like
        A file of `to_csv`, or any with the columns ``neuron`` and ``time_ms``; ``sample``, ``population`` and
        ``amplitude`` are used where they are there, others are left alone. Lines that begin with # are comments.
    population : str, optional
        Which one; may be left out where the file has one only.

    Returns
    -------
    Spikes
        As many samples as the file says in ``# n_samples: N``; without it, the largest sample + 1.

    Raises
    ------
    InputError
        Missing or foreign file, a column that is missing, a row that does not fit (with its line), a population that
        is not there, or spikes that `Spikes` refuses.
    """
    path = path_of(path)
    where = f'"{path}"'
    if not os.path.isfile(path):
        raise InputError(f"there is no file {where}; give a table of spikes in text")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            facts, rows = _parsed(where, file)
    except UnicodeDecodeError:
        raise InputError(f"{where} is not text (UTF-8); give a table of spikes in text") from None
    except csv.Error as error:
        raise InputError(f"{where} cannot be read as a table: {error}; take another copy") from None
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}") from None
    names = list(dict.fromkeys([*_known_populations(facts), *rows]))
    columns = {name: [] for name in _NUMBERS}
    if names or population is not None:
        columns = rows.get(exchange.one_of(where, population, names), columns)
    n_samples = _known_samples(where, facts)
    claimed = max([n_samples or 0, *columns["sample"]])
    if claimed > _UNFILLED + sum(len(rows[name]["time_ms"]) for name in rows):
        raise InputError(f"{where} is said to be of {claimed} samples, more than a table of its length can be of")
    return exchange.incoming(
        where, columns["time_ms"], columns["neuron"], columns["sample"] or 0, columns["amplitude"] or 1.0,
        n_samples=n_samples)


def _facts(source, every, n_samples):
    """Return the pairs that stand at the top of a file."""
    yield "content", "spikes, one a row"
    yield "n_samples", n_samples
    if isinstance(source, Trace):
        yield "t_stop_ms", repr(source.t_stop)
    yield "populations", json.dumps([columns.name for columns in every], ensure_ascii=False)
    yield "units", _UNITS
    if isinstance(source, Trace) and source.provenance:
        yield "provenance", json.dumps(provenance.plain(source.provenance), allow_nan=False, ensure_ascii=False)


def _write(file, columns, slope, amplitude):
    name = _quoted(columns.name)
    for first in range(0, len(columns.time), _BLOCK):
        rows = slice(first, first + _BLOCK)
        count = len(columns.time[rows])
        texts = [map(str, columns.sample[rows].tolist()), [name] * count,
                 map(str, columns.neuron[rows].tolist()), map(repr, columns.time[rows].tolist())]
        if slope:
            texts.append(map(repr, columns.slope[rows].tolist()))
        if amplitude:
            each = ["1.0"] * count if columns.amplitude is None else map(repr, columns.amplitude[rows].tolist())
            texts.append(each)
        file.writelines(f"{','.join(row)}\n" for row in zip(*texts, strict=True))


def _quoted(name):
    """Return a name as a field; one with a # is quoted too, for readers that take comments from there on."""
    field = io.StringIO()
    csv.writer(field, quoting=csv.QUOTE_ALL if "#" in name else csv.QUOTE_MINIMAL, lineterminator="").writerow([name])
    return field.getvalue()


def _parsed(where, file):
    """Return the pairs of the comment lines, and a dict of columns (lists) by population."""
    facts, number = {}, 0

    def lines():
        nonlocal number
        for number, line in enumerate(file, 1):  # noqa: B007 (read by the loop below)
            if line.startswith("#"):
                key, _, value = line[1:].partition(":")
                facts.setdefault(key.strip(), value.strip())
            elif line.strip():
                yield line

    reader = csv.reader(lines(), strict=True)
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in ("neuron", "time_ms") if name not in header]
    if missing:
        raise InputError(f"{where} has no column {' and no column '.join(missing)}; its columns are: "
                         f"{', '.join(header)[:120] or 'none'}; give a table with neuron and time_ms")
    places = [(name, header.index(name), *_NUMBERS[name]) for name in _NUMBERS if name in header]
    place = header.index("population") if "population" in header else None
    rows = {}
    for row in reader:
        if len(row) != len(header):
            raise InputError(f"line {number} of {where} has {len(row)} fields, not {len(header)}; it is cut short or "
                             "damaged")
        name = exchange.DEFAULT_NAME if place is None else row[place]
        columns = rows.setdefault(name, {column: [] for column in _NUMBERS})
        for column, at, convert, allowed in places:
            try:
                columns[column].append(convert(row[at]))
            except ValueError:
                raise InputError(f"line {number} of {where} has {row[at][:40]!r} as {column}; {allowed} is needed"
                                 ) from None
    return facts, rows


def _known_populations(facts):
    """Return the populations that the comments name, silent ones included."""
    try:
        names = documents.from_json(facts.get("populations", "[]"))
    except ValueError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _known_samples(where, facts):
    if "n_samples" not in facts:
        return None
    try:
        return int(facts["n_samples"])
    except ValueError:
        raise InputError(f"{where} says n_samples: {facts['n_samples'][:40]!r}; a whole number is needed") from None
