"""A simulation: raster, latencies, the answer at any time, maps of first spikes, and what it cost."""

import numpy as np

from eventsim.errors import InputError
from viz.reporting import page, words
from viz.reporting.drawing import drawn

MOST_MARKS = 20_000
"""Spikes in a raster; of more, a shorter window is shown."""

_MOST_CLASSES = 30
_MOST_MAPS = 6
_LARGEST_MAP = 100_000  # neurons

_RATE = ("rate (Hz)", "number")
_ACTIVITY = [("population", "text"), ("neurons", "number"), ("spikes a sample", "number"),
             ("spikes a neuron", "number"), _RATE, ("silent in a sample", "number"),
             ("never fire", "number"), ("first spike, median (ms)", "number"), ("95th percentile (ms)", "number")]
_OPERATIONS = [("projection", "text"), ("operations a sample", "number"), ("share", "number")]


def section(name, trace, found):
    """Return figures and tables of a trace.

    Parameters
    ----------
    name : str
        Of its file.
    trace : Trace
    found : Measured

    Returns
    -------
    str
        HTML.
    """
    parts = [page.paragraph(_about(trace))]
    if trace.n_samples:
        parts.append(page.figures([_raster(name, trace), *_latencies(name, trace, found), *_anytime(name, trace),
                                   *_maps(name, trace)]))
    parts.append(_activity(name, trace, found))
    parts.append(_costs(name, found))
    return "\n".join(part for part in parts if part)


def window(trace, sample, names, most=MOST_MARKS):
    """Return how much of a sample a raster of at most `most` spikes can show.

    Parameters
    ----------
    trace : Trace
    sample : int
    names : sequence of str
        Populations that are shown.
    most : int
        Spikes.

    Returns
    -------
    (float, int, int)
        End of the window in ms, spikes in it, spikes of the whole sample.
    """
    from viz.selection import rows_of_sample

    times = np.concatenate([np.empty(0), *(rows_of_sample(trace, name, sample).time for name in names)])
    if len(times) <= most:
        return trace.t_stop, len(times), len(times)
    stop = float(np.partition(times, most)[most])
    inside = int(np.count_nonzero(times < stop))
    if inside == 0:  # so many spikes in the first instant
        return trace.t_stop, len(times), len(times)
    return stop, inside, len(times)


def _about(trace):
    seed = "" if trace.seed is None else f", seed {trace.seed}"
    return (f"Engine {trace.engine} ({trace.reason}), {trace.precision} precision{seed}"
            + ("; labelled." if trace.labels is not None else "; without labels."))


def _raster(name, trace):
    import viz
    from viz.selection import populations_of, sample_name

    names = populations_of(trace, None)
    stop, inside, total = window(trace, 0, names)
    many = len(names) > 8
    if stop < trace.t_stop:
        caption = (f"The first {stop:.4g} of {trace.t_stop:g} ms, {inside:,} of {total:,} spikes: all of them would "
                   "be a black band.")
    else:
        caption = f"All {total:,} spikes."
    caption = f"{sample_name(trace, 0).capitalize()}. {caption} One mark a spike, one row a neuron."

    def draw(axes):
        ways = viz.raster(trace, 0, axes=axes, rates=trace.n_samples == 1, t_stop=stop)
        for one in np.ravel(np.asarray(ways))[1:]:
            one.set_ylabel("rate\n(Hz)", fontsize="small")

    picture = drawn(draw, f"Raster of the spikes of {', '.join(names)} in sample 0 of {name}.", 4.6 if many else 3.6)
    return page.figure("Raster", picture, caption)


def _latencies(name, trace, found):
    import viz
    from viz.selection import populations_of

    part = found.part
    of = "" if part is trace else f" Over the first {part.n_samples:,} of {trace.n_samples:,} samples."
    names = [one for one in populations_of(part, None) if part.is_complete(one)]
    if names:
        picture = drawn(lambda axes: viz.latency(part, populations=names, axes=axes),
                        f"Distributions of first spikes by population in {name}.", 0.9 + 0.55 * len(names))
        yield page.figure("First spikes by population", picture,
                          "First spike of every neuron in every sample, each row scaled to its own peak; line: median, "
                          f"bar: 5th to 95th percentile, thick: quartiles.{of}")
    if found.evaluation is None or trace.labels is None:
        return
    yield _attempt("Decisions, right and wrong", lambda axes: viz.latency(trace, "outcome", axes=axes),
                   f"Distributions of decision times of right and wrong decisions in {name}.", 2.3,
                   "Time of every decision from stimulus onset, right and wrong ones; rows as above.")
    if len(np.unique(trace.labels)) <= _MOST_CLASSES:
        height = 1.0 + 0.34 * len(np.unique(trace.labels))
        yield _attempt("Decisions by class", lambda axes: viz.latency(trace, "class", axes=axes),
                       f"Distributions of decision times by true class in {name}.", height,
                       "Time of every decision by true class.")


def _anytime(name, trace):
    import viz

    if trace.labels is None and trace.named_output is None:
        return
    caption = ("Share of samples whose guess is right, if it is taken at this {}; grey: share with a guess at all."
               if trace.labels is not None else "Share of samples whose guess at this {} is that of the end; grey: "
               "share with a guess at all.")
    for against, title, what in (("time", "Accuracy at any time", "time"),
                                 ("operations", "Accuracy at any cost", "number of synaptic operations")):
        yield _attempt(title, lambda axes, one=against: viz.anytime(trace, against=one, axes=axes),
                       f"{title}: share of right samples in {name} against {what}.", 2.9, caption.format(what))


def _maps(name, trace):
    import viz
    from viz.selection import sample_name

    shown = [one for one in trace.populations if len(trace.network.populations[one].shape) in (2, 3)
             and trace.network.populations[one].size <= _LARGEST_MAP
             and not trace.network.populations[one].is_readout]
    for population in shown[:_MOST_MAPS]:
        shape = trace.network.populations[population].shape
        yield _attempt(f"First spikes of {population}",
                       lambda axes, one=population: viz.first_spikes(trace, one, 0, axes=axes),
                       f"Map of the first spike of every neuron of {population} in sample 0 of {name}.", 3.8,
                       f"{sample_name(trace, 0).capitalize()}, {words.sides(shape)}; hatched: silent.")


def _attempt(title, draw, alt, height, caption):
    """Return a figure, or the reason why it cannot be drawn: a population that was not recorded, for instance."""
    try:
        return page.figure(title, drawn(draw, alt, height), caption)
    except InputError as error:
        return page.figure(title, page.paragraph(f"Not drawn: {error}", "faint"))


def _activity(name, trace, found):
    rows = [_row(trace, one) for one in found.activity]
    columns = list(_ACTIVITY)
    if found.evaluation is not None:  # of neurons that fire once, the rate says nothing
        place = columns.index(_RATE)
        columns, rows = columns[:place] + columns[place + 1 :], [row[:place] + row[place + 1 :] for row in rows]
    return page.table(f"Spikes by population, {name}", columns, rows)


def _row(trace, one):
    return (one.name, f"{trace.network.populations[one.name].size:,}", words.number(one.spikes_per_sample),
            words.number(one.spikes_per_neuron, 3), words.number(one.rate, 3), words.share(one.silent),
            f"{one.never:,}", words.number(one.first["median"]), words.number(one.first["p95"]))


def _costs(name, found):
    if found.by_projection is None:
        return page.paragraph(
            "Synaptic operations are not known: a population with synapses was not recorded as a whole.", "faint")
    total = sum(found.by_projection.values())
    rows = [(projection, words.number(count), words.share(count / total if total else None))
            for projection, count in found.by_projection.items()]
    return page.table(f"Synaptic operations by projection, {name}", _OPERATIONS, [
        *rows, ("total", words.number(total), words.share(1.0 if total else None))])
