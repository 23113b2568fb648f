"""The whole page, section by section."""

from viz.reporting import learned, origin, page, simulated, structure, summary
from viz.reporting.measured import measured


def page_of(contents):
    """Return the page about what was found.

    Parameters
    ----------
    contents : Contents

    Returns
    -------
    str
        HTML.
    """
    found = {name: measured(trace) for name, trace in contents.traces.items()}
    networks = _networks(contents)
    facts = {title: network.describe().as_dict() for title, network in networks.items()}
    sections = [
        ("summary", "Summary", summary.headline(contents, found)),
        ("warnings", "Warnings", page.warnings(summary.warnings(contents, facts, found))),
    ]
    for number, (title, network) in enumerate(networks.items()):
        sections.append((f"network{number or ''}", title, structure.section(network, facts[title])))
    sections.append(("training", "Training", learned.section(contents)))
    for number, (name, trace) in enumerate(contents.traces.items()):
        inside = simulated.section(name, trace, found[name])
        sections.append((f"simulation{number or ''}", f"Simulation {name}", inside))
    sections.append(("provenance", "Provenance", origin.section(contents)))
    return page.document(contents.name, _subtitle(contents), sections)


def _networks(contents):
    """Return every network once, by the title of its section."""
    networks, seen = {}, set()
    candidates = [("Network", contents.network)]
    candidates += [(f"Network of {name}", trace.network) for name, trace in contents.traces.items()]
    for title, network in candidates:
        if network is not None and network.fingerprint() not in seen:
            seen.add(network.fingerprint())
            networks["Network" if not networks else title] = network
    return networks


def _subtitle(contents):
    parts = []
    if contents.records or contents.result is not None or contents.config is not None:
        name = (contents.result or {}).get("dataset")
        parts.append("training" + (f" on {name}" if name else ""))
    if contents.model is not None:
        parts.append(f"model {contents.model.name}")
    parts += [f"{name}, {summary.samples_of(trace)}" for name, trace in contents.traces.items()]
    return "; ".join(parts)
