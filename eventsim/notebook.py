"""Tables of networks, traces and trainings for notebooks; a name that a user gave is text, whatever it holds."""

import html

import numpy as np

_CELL = "text-align: left; vertical-align: top"


def table(caption, columns, rows):
    """Return a table as HTML.

    Parameters
    ----------
    caption : str
        A line above it.
    columns : sequence of str
        The heads.
    rows : iterable of sequence
        Anything that has a text; one a line.

    Returns
    -------
    str
    """
    def line(tag, values):
        cells = (f'<{tag} style="{_CELL}">{html.escape(str(value))}</{tag}>' for value in values)
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return (f'<table><caption style="text-align: left; white-space: pre-line">{html.escape(caption)}</caption>'
            f"<thead>{line('th', columns)}</thead><tbody>{body}</tbody></table>")


def of_network(net):
    """Return the populations and projections of a `Network` as HTML."""
    populations = [(name, population.kind, "x".join(map(str, population.shape)),
                    population.neuron if population.kind == "neurons" else "") for name, population in
                   net.populations.items()]
    projections = [(name, f"{link.source.name} → {link.target.name}", link.receptor or "", repr(link.connection),
                    _delay(link.delay)) for name, link in net.projections.items()]
    return table(repr(net)[1:-1], ("population", "kind", "shape", "neurons"), populations) + (
        table("", ("projection", "from → to", "receptor", "connection", "delay (ms)"), projections)
        if projections else "")


def of_trace(trace):
    """Return what a `Trace` recorded as HTML."""
    rows = []
    for name in trace.populations:
        population = trace.network.populations[name]
        part = "" if trace.is_complete(name) else "partly recorded"
        rows.append((name, population.kind, f"{population.size:,}", f"{len(trace.spikes(name).time):,}", part))
    return table(trace.summary().splitlines()[0], ("population", "kind", "neurons", "spikes", ""), rows)


def _delay(delay):
    if delay.ndim == 0:
        return f"{float(delay):g}"
    return f"{np.min(delay):g} to {np.max(delay):g}" if delay.size else "none"
