"""The network: its drawing, and what the boxes and arrows leave out."""

from viz.reporting import page, words
from viz.reporting.diagram import diagram

_POPULATIONS = [("population", "text"), ("neurons", "text"), ("kind", "text"), ("parameters", "text"),
                ("synapses onto a neuron", "number")]
_PROJECTIONS = [("projection", "text"), ("arrow", "number"), ("type", "text"), ("synapses", "number"),
                ("weights", "text"), ("delays", "text")]


def section(network, facts):
    """Return drawing and tables of a network.

    Parameters
    ----------
    network : Network
    facts : dict
        What ``network.describe().as_dict()`` returns.

    Returns
    -------
    str
        HTML.
    """
    numbers = {name: number for number, name in enumerate(network.projections, 1)}
    drawing = diagram(network, facts, numbers)
    total = (f"{facts['n_neurons']:,} neurons, {facts['n_inputs']:,} inputs, {facts['n_synapses']:,} synapses with "
             f"{facts['n_parameters']:,} weights.")
    how = ("Arrows have the numbers of the table and the colour of what they come from; a bar at the end: all weights "
           "inhibit.")
    if not drawing:
        how = "The network has too many parts to be drawn; the tables have them all." if network.populations else ""
    return "\n".join(part for part in (
        page.paragraph(total), drawing, page.paragraph(how, "faint") if how else "",
        page.table("Populations", _POPULATIONS, [_population(one, facts) for one in network.populations.values()]),
        page.table("Projections", _PROJECTIONS,
                   [_projection(one, numbers[name], facts) for name, one in network.projections.items()]),
    ) if part)


def _population(population, facts):
    fan_in = facts["populations"][population.name].get("fan_in")
    parameters = ", ".join(part for part in (words.time_constants(population), words.levels(population)) if part)
    return (population.name, words.size(population), words.kind(population), parameters or words.NOTHING,
            words.NOTHING if fan_in is None else f"{fan_in['mean']:,.4g}")


def _projection(projection, number, facts):
    about, ends = facts["projections"][projection.name], f"{projection.source.name}->{projection.target.name}"
    name = projection.name if projection.name == ends else f"{projection.name} ({ends})"
    kind = words.connection(projection) + ("" if projection.receptor is None else f", to {projection.receptor}")
    return (name, str(number), kind, f"{about['n_synapses']:,}", words.weights(about), words.delay(about))
