"""Pieces of HTML: everything that comes from a file passes through `text` on its way into the page."""

import html

from viz.reporting import theme

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page: nothing from elsewhere, and no script, whatever a file held."""


def text(value):
    """Return anything as text that HTML shows as it is, quotation marks included."""
    return html.escape(str(value), quote=True)


def document(title, subtitle, sections):
    """Return the page.

    Parameters
    ----------
    title, subtitle : str
        Plain text.
    sections : sequence of (str, str, str)
        Anchor, heading (plain text) and HTML of each; those without HTML are left out.

    Returns
    -------
    str
    """
    held = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{anchor}">{text(heading)}</a>' for anchor, heading, _ in held)
    body = "\n".join(
        f'<section id="{anchor}">\n<h2>{text(heading)}</h2>\n{inside}\n</section>' for anchor, heading, inside in held)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title)} - eventsim report</title>
<style>{theme.style_sheet()}</style>
</head>
<body>
<header>
<h1>{text(title)}</h1>
<p class="faint">{text(subtitle)}</p>
<nav aria-label="Sections">{links}</nav>
</header>
<main>
{body}
</main>
<footer>Made with <code>eventsim report</code> from the files in this folder only; times in milliseconds.</footer>
</body>
</html>
"""


def paragraph(value, kind=""):
    """Return a paragraph of plain text."""
    return f"<p{_kind(kind)}>{text(value)}</p>"


def heading(value):
    """Return a heading within a section."""
    return f"<h3>{text(value)}</h3>"


def cards(rows):
    """Return a group of headline numbers.

    Parameters
    ----------
    rows : sequence of (str, str, str)
        Label, value and a note (may be empty) of each, plain text. The first one stands out.
    """
    if not rows:
        return ""
    parts = []
    for place, (label, value, note) in enumerate(rows):
        below = f'<span class="note">{text(note)}</span>' if note else ""
        parts.append(
            f'<div class="card{" main" if place == 0 else ""}"><span class="label">{text(label)}</span>'
            f'<span class="value">{text(value)}</span>{below}</div>')
    return f'<div class="cards">{"".join(parts)}</div>'


def table(caption, columns, rows):
    """Return a table; on a phone each row becomes a block of named values.

    Parameters
    ----------
    caption : str
    columns : sequence of (str, str)
        Heading, and "number" or "text".
    rows : sequence of sequence of str
        Plain text; the first cell is the heading of its row.
    """
    if not rows:
        return ""
    head = "".join(f'<th scope="col"{_kind(kind)}>{text(name)}</th>' for name, kind in columns)
    lines = []
    for row in rows:
        first, *rest = row
        cells = "".join(f'<td{_kind(kind)} data-label="{text(name)}">{text(cell)}</td>'
                        for cell, (name, kind) in zip(rest, columns[1:], strict=True))
        lines.append(f'<tr><th scope="row">{text(first)}</th>{cells}</tr>')
    return (f'<div class="table" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
            f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>"
            + "\n".join(lines) + "</tbody></table></div>")


def pairs(rows):
    """Return a list of (name, value) rows; both plain text."""
    inside = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in rows)
    return f"<dl>{inside}</dl>" if inside else ""


def folded(title, inside):
    """Return HTML that a reader opens by its title; paper shows it."""
    return f"<details><summary>{text(title)}</summary>{inside}</details>" if inside else ""


def warnings(lines):
    """Return a list of warnings, plain text."""
    inside = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<ul class="warnings">{inside}</ul>' if inside else ""


def figure(title, picture, caption=""):
    """Return a picture (HTML) with its title and caption (plain text)."""
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{text(title)}</h3>{picture}{below}</figure>"


def figures(parts):
    """Return figures side by side where there is room; empty ones are left out."""
    inside = "\n".join(part for part in parts if part)
    return f'<div class="figures">\n{inside}\n</div>' if inside else ""


def _kind(kind):
    return f' class="{kind}"' if kind else ""
