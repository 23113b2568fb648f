"""Which samples, populations and times of a trace a figure shows; refusals name what there is."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, expect, expect_trace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.population import Population
    from eventsim.spike_table import SpikeTable
    from eventsim.trace import Trace
    from eventsim.type_aliases import Integers, Several, Which


def check_trace(trace: Trace) -> None:
    """Raise `InputError` unless `trace` is one."""
    expect_trace(trace)


def samples_of(trace: Trace, sample: Any) -> Integers:
    """Return the samples asked for.

    Parameters
    ----------
    trace : Trace
        Says how many samples there are.
    sample : int, sequence of int, slice, or None
        None: all.

    Returns
    -------
    numpy.ndarray
        int64 (samples,), in the order asked for.

    Raises
    ------
    InputError
        A sample that the trace does not have, or something that is no sample number.
    """
    check_trace(trace)
    count = trace.n_samples
    if sample is None:
        return np.arange(count)
    if isinstance(sample, slice):
        return np.arange(count)[sample]
    try:
        chosen = [operator.index(one) for one in np.atleast_1d(sample)]
    except (TypeError, ValueError):
        chosen = [-1]
    if not all(0 <= one < count for one in chosen):
        held = f"samples 0 to {count - 1}" if count else "no samples"
        raise InputError(
            f"sample {sample!r} is not in this trace ({held}); give one, a list, or None for all"
        )
    return np.array(chosen, dtype=np.int64)


def sample_name(trace: Trace, sample: int) -> str:
    """Return "sample 3", with the true class where the trace has labels.

    Parameters
    ----------
    trace : Trace
        The run.
    sample : int
        A sample of it.

    Returns
    -------
    str
        Text for a title.
    """
    return f"sample {sample}" + ("" if trace.labels is None else f", class {trace.labels[sample]}")


def one_sample(trace: Trace, sample: Any) -> int:
    """Return one sample number, checked.

    Parameters
    ----------
    trace : Trace
        The run.
    sample : int
        Or a sequence of one.

    Returns
    -------
    int
        The sample.

    Raises
    ------
    InputError
        A sample that the trace does not have, or several.
    """
    chosen = samples_of(trace, sample)
    if chosen.size != 1:
        raise InputError(f"sample {sample!r} names {chosen.size} samples; this figure shows one")
    return int(chosen[0])


def populations_of(trace: Trace, populations: Several | None) -> list[str]:
    """Return the names of the populations asked for, in the order of the network.

    Parameters
    ----------
    trace : Trace
        Says which populations were recorded.
    populations : str, sequence of str, or None
        None: all that can fire and were recorded (a population whose thresholds are all ``inf`` never
        fires).

    Returns
    -------
    list of str
        Names.

    Raises
    ------
    InputError
        A population that is unknown or was not recorded.
    """
    check_trace(trace)
    if populations is None:
        return [name for name in trace.populations if not trace.network.populations[name].is_readout]
    one = isinstance(populations, str) or hasattr(populations, "name")
    several: Any = [populations] if one else populations
    expect("populations", several, Iterable, "a name, a list of names, or None for all")
    asked = [getattr(each, "name", each) for each in several]
    for name in asked:
        trace.spikes(name)  # raises the trace's own one-line error
    return [name for name in trace.network.populations if name in asked]


def one_population(trace: Trace, population: Which) -> Population:
    """Return the population of a name or handle.

    Parameters
    ----------
    trace : Trace
        The run.
    population : str or Population
        A population with recorded spikes, or a silent readout.

    Returns
    -------
    Population
        Of the trace's network.

    Raises
    ------
    InputError
        A population that is unknown or was not recorded.
    """
    check_trace(trace)
    name: Any = getattr(population, "name", population)
    trace.spikes(name)
    return trace.network.populations[name]


def window(trace: Trace, t_start: float, t_stop: float | None) -> tuple[float, float]:
    """Return the shown window.

    Parameters
    ----------
    trace : Trace
        The run.
    t_start : float
        Beginning in ms.
    t_stop : float or None
        End in ms; None: the end of the run.

    Returns
    -------
    tuple of float
        Beginning and end in ms.

    Raises
    ------
    InputError
        A window that is empty, not a number, or infinite.
    """
    start = arrays.number("t_start", t_start)
    stop = trace.t_stop if t_stop is None else arrays.number("t_stop", t_stop)
    if not (np.isfinite(start) and np.isfinite(stop) and start < stop):
        raise InputError(
            f"window {start:g} to {stop:g} ms is empty or endless; t_start < t_stop, both finite"
        )
    return start, stop


def rows_of_sample(trace: Trace, name: str, sample: int) -> SpikeTable:
    """Return the spikes of one population in one sample.

    Parameters
    ----------
    trace : Trace
        The run.
    name : str
        A population with recorded spikes.
    sample : int
        A sample of the trace.

    Returns
    -------
    SpikeTable
        Views of the columns of the trace, ordered by (time, neuron).
    """
    table, offsets = trace.spikes(name), trace.offsets(name)
    part = slice(int(offsets[sample]), int(offsets[sample + 1]))
    return type(table)(*(column[part] for column in table))


def labels_of(trace: Trace, labels: ArrayLike | None) -> Integers | None:
    """Return the true classes: those given, else those of the trace, else None.

    Parameters
    ----------
    trace : Trace
        The run.
    labels : array_like of int or None
        True classes, (samples,).

    Returns
    -------
    numpy.ndarray or None
        int64 (samples,).

    Raises
    ------
    InputError
        Not one whole number a sample.
    """
    check_trace(trace)
    if labels is None:
        return trace.labels
    return trace.with_labels(labels).labels
