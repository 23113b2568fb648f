"""``eventsim plot``: draw a figure of a recorded trace."""

import pathlib

from eventsim.errors import InputError
from eventsim.io.aside import check_target

FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "webp", "eps", "ps", "tif", "tiff")


def run(arguments):
    """Draw and write the figure."""
    from eventsim import Trace

    check_figure(arguments.out)
    trace = Trace.load(arguments.trace)
    axes = draw(
        arguments.figure, trace, arguments.sample, arguments.population, arguments.neurons, arguments.by
    )
    write(axes, arguments.out)
    print(f"written: {arguments.out}")


def draw(figure, trace, sample=0, population=None, neurons=None, by="population"):
    """Return the axes of one of the figures of `eventsim.cli.FIGURES`."""
    import viz

    if figure == "raster":
        return viz.raster(trace, sample, populations=population)
    if figure == "latency":
        return viz.latency(trace, by, populations=population)
    if figure == "anytime":
        return viz.anytime(trace)
    name = trace.output if population is None else population
    if figure == "first-spikes":
        return viz.first_spikes(trace, name, sample)
    return viz.membrane(trace, name, neurons, sample)


def check_figure(path):
    """Raise `InputError` where the figure could not be written, or its ending names no format."""
    check_target(path)
    ending = pathlib.Path(path).suffix[1:].lower()
    if ending not in FORMATS:
        raise InputError(f'"{path}" does not end with a format of figures; allowed: {", ".join(FORMATS)}')


def write(axes, path):
    """Write the figure that holds `axes` (one, or an array of them), whole or not at all, and close it."""
    import matplotlib.pyplot
    import numpy as np

    from eventsim.io.aside import written_aside

    figure = np.ravel(axes)[0].figure
    with written_aside(path) as aside:
        figure.savefig(aside, format=pathlib.Path(path).suffix[1:].lower(), dpi=150, bbox_inches="tight")
    matplotlib.pyplot.close(figure)
