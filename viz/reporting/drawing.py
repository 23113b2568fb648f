"""A figure of matplotlib as a piece of the page: inline SVG in the colours of the page, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any
from xml.etree import ElementTree

from viz.reporting import theme
from viz.reporting.page import text

WIDTH = 4.3
"""Inches: at this width text can still be read on a phone, and two figures stand side by side on a desk."""

LONGEST = 20
"""Characters of a name beside an axis; longer ones would leave no room for the data."""

LONGEST_OF_LEGEND = 28

SMALLEST = 7.5
"""Points of the smallest text: on a phone a figure is drawn at about its own size."""

_PIXELS_A_POINT = 1.6  # at most: text of 9 points then has the size of the page's own

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched and selected
    "svg.hashsalt": "eventsim",  # else names inside the drawing are random
    "text.parse_math": False,  # a population may be called "$x$"
    "font.size": 9.0,
}
_HREF = "{http://www.w3.org/1999/xlink}href"


def drawn(draw, alt, height=3.0, width=WIDTH):
    """Draw a figure and return it as inline SVG.

    Parameters
    ----------
    draw : callable
        Called with new axes.
    alt : str
        What the figure shows, for those who cannot see it.
    height, width : float
        In inches.

    Returns
    -------
    str
        HTML.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever style the user has set: the page is the same for everyone
        matplotlib.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.subplots())
        for axes in figure.axes:
            _make_readable(axes)
        file = io.BytesIO()
        figure.savefig(file, format="svg", transparent=True, dpi=150, bbox_inches="tight", pad_inches=0.03,
                       metadata={"Date": None})
    return _inline(file.getvalue(), alt)


def shortened(name, longest=LONGEST):
    """Return a name with its middle left out where it is longer than `longest` characters."""
    if len(name) <= longest:
        return name
    head = longest // 2
    return f"{name[:head]}…{name[head + 1 - longest:]}"


def _make_readable(axes):
    """Remove the title, which the page has; shorten names; write powers of ten without mathematics; no tiny text."""
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter, NullFormatter

    axes.set_title("", loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
    names = [label.get_text() for label in axes.get_yticklabels()]
    short = ["\n".join(map(shortened, name.split("\n"))) for name in names]
    if short != names:
        axes.yaxis.set_major_formatter(FixedFormatter(short))
    for label in axes.get_legend().get_texts() if axes.get_legend() is not None else ():
        label.set_text(shortened(label.get_text(), LONGEST_OF_LEGEND))
    for label in axes.findobj(Text):
        if not axes.images:  # the tiles of a map leave no room for larger numbers
            label.set_fontsize(max(label.get_fontsize(), SMALLEST))


def _inline(svg, alt):
    """Return a file of SVG as an element of the page: colours are variables, names differ from drawing to drawing."""
    root = ElementTree.fromstring(svg)
    prefix = hashlib.sha256(svg).hexdigest()[:8]
    linked = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", svg.decode("utf-8")))
    linked = {name for pair in linked for name in pair if name}
    colours = theme.variables()
    for element in root.iter():
        for child in [one for one in element if _name(one) in ("metadata", "style")]:
            element.remove(child)  # the style sheet inside would act on the whole page
    for element in root.iter():
        element.tag, element.tail = _name(element), None
        element.text = element.text if element.tag in ("text", "tspan") else None
        attributes = dict(element.attrib)
        element.attrib.clear()
        for key, value in attributes.items():
            if key == "id":
                if value in linked:
                    element.set(key, f"{prefix}-{value}")
            elif key == _HREF:
                element.set("href", f"#{prefix}-{value[1:]}" if value.startswith("#") else value)
            else:
                element.set(key, _adapted(value, prefix, colours))
    inside = "".join(ElementTree.tostring(child, encoding="unicode") for child in root)
    box = root.get("viewBox", "")
    widest = _PIXELS_A_POINT * float(box.split()[2])
    return (f'<svg class="plot" viewBox="{text(box)}" style="max-width: {widest:.0f}px" role="img" '
            f'aria-label="{text(alt)}">{inside}</svg>')


def _name(element):
    return element.tag.rpartition("}")[2]


def _adapted(value, prefix, colours):
    """Return the value of an attribute with our colours, our font and our names."""
    value = value.replace("url(#", f"url(#{prefix}-")
    value = re.sub(r"font-family: [^;]*;? ?", "", value)  # that of the page
    value = re.sub(r"(font: [^;']*px )[^;]*", r"\1system-ui, Arial, sans-serif", value)
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: colours.get(found[0], found[0]), value)
