"""Colours of the page on light and on dark ground, and its style sheet.

Figures are drawn in the colours of `viz.style`; in the page each of them is a variable, so that the same drawing is
legible on both grounds. Paper gets the light ones.
"""

from viz import style

_PAGE = {
    "ground": ("#f6f7f8", "#14171a"),
    "card": ("#ffffff", "#1d2125"),
    "ink": ("#1f2328", "#e4e7ea"),
    "faint": ("#5f6871", "#a3acb5"),
    "rule": ("#d9dce0", "#3a4149"),
    "link": ("#005a8c", "#6bb8ee"),
    "silent": (style.SILENT_FACE, "#2a2f35"),
    "hatch": (style.SILENT_HATCH, "#59626b"),
    "warn": ("#fff4e5", "#3a2a14"),
    "warn-edge": (style.WRONG, "#f08f45"),
}
"""Colour by name of a variable: on light, on dark ground."""

_ON_DARK = ("#4aa3e0", "#f08f45", "#35c49b", "#e09dc3", "#f2b63d", "#86cdf5")
_GREYS_ON_DARK = ("#a2a8ae", "#c3c8cd")


def variables():
    """Return the variable that stands for each colour of a figure, by the colour in hexadecimal.

    Returns
    -------
    dict of str to str
        Lower-case "#rrggbb" to "var(--name)".
    """
    from matplotlib.colors import to_hex

    found = {"#000000": "ink", style.INK: "ink", style.FAINT: "faint", style.RULE: "rule", "#ffffff": "card",
             style.SILENT_FACE: "silent", style.SILENT_HATCH: "hatch"}
    for name, colour in _marks():
        found[colour] = name
        found[to_hex(style.darker(colour))] = f"{name}-text"
    return {colour.lower(): f"var(--{name})" for colour, name in found.items()}


def style_sheet():
    """Return the style sheet of the page."""
    return _SHEET.replace("@LIGHT@", _declared(0)).replace("@DARK@", _declared(1))


def _marks():
    """Yield (name of the variable, colour) of what populations are drawn in."""
    for place, colour in enumerate(style.PALETTE):
        yield f"p{place}", colour
    for place, colour in enumerate(style.INPUT_GREYS):
        yield f"g{place}", colour


def _declared(ground):
    from matplotlib.colors import to_hex

    lines = {name: pair[ground] for name, pair in _PAGE.items()}
    bright = (*_ON_DARK, *_GREYS_ON_DARK)
    for (name, colour), on_dark in zip(_marks(), bright, strict=True):
        lines[name] = on_dark if ground else colour
        lines[f"{name}-text"] = on_dark if ground else to_hex(style.darker(colour))
    return " ".join(f"--{name}: {colour.lower()};" for name, colour in lines.items())


_SHEET = """
:root { color-scheme: light dark; @LIGHT@ }
@media screen and (prefers-color-scheme: dark) { :root { @DARK@ } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 28px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.25rem; margin: 36px 0 10px; line-height: 1.25; }
h3 { font-size: 1rem; margin: 22px 0 8px; }
p { margin: 6px 0; max-width: 76ch; }
a { color: var(--link); }
code { font: 0.9em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.faint, figcaption, .note { color: var(--faint); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0 0; font-size: 0.92rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 10px; margin: 10px 0 4px; }
.card, figure, .table, details, .network { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.card { padding: 10px 12px; }
.card .label { display: block; font-size: 0.82rem; color: var(--faint); line-height: 1.3; }
.card .value { display: block; font-size: 1.4rem; font-weight: 600; line-height: 1.3; }
.card .note { display: block; font-size: 0.8rem; line-height: 1.3; }
.card.main { border-color: var(--p0); border-width: 2px; padding: 9px 11px; }
.warnings { list-style: none; margin: 8px 0; padding: 0; }
.warnings li { background: var(--warn); border-left: 4px solid var(--warn-edge); border-radius: 4px;
  padding: 8px 12px; margin: 6px 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 14px;
  margin: 10px 0; }
figure { margin: 0; padding: 10px 12px; min-width: 0; }
figure h3 { margin: 0 0 6px; }
figcaption { font-size: 0.85rem; line-height: 1.4; margin-top: 6px; }
.plot { display: block; width: 100%; height: auto; margin: 0 auto; fill: var(--ink); }
.plot * { stroke-linejoin: round; stroke-linecap: butt; }
.network { padding: 10px; overflow-x: auto; margin: 10px 0; }
.diagram { display: block; margin: 0 auto; height: auto; }
.diagram text { fill: var(--ink); font-family: inherit; }
.diagram .small { font-size: 11.5px; }
.diagram .name { font-size: 14px; font-weight: 600; }
.diagram .faint { fill: var(--faint); }
.diagram .badge { font-size: 10.5px; font-weight: 600; text-anchor: middle; }
.table { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; line-height: 1.35; overflow-wrap: normal; }
th, td { text-align: left; padding: 6px 10px; border-top: 1px solid var(--rule); vertical-align: top; }
thead th { border-top: 0; color: var(--faint); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 9.5em; max-width: 18em; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .number { white-space: normal; }
td.text { min-width: 9em; max-width: 30em; overflow-wrap: anywhere; }
caption { text-align: left; padding: 8px 10px 2px; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(7em, max-content) 1fr; gap: 2px 14px; margin: 10px 0; }
dt { color: var(--faint); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
details { padding: 8px 12px; margin: 10px 0; }
details dl { font-size: 0.88rem; }
summary { cursor: pointer; font-weight: 600; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
footer { font-size: 0.85rem; color: var(--faint); padding-top: 28px; padding-bottom: 32px; }
@media (max-width: 480px) {
  .cards { grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 6px; }
}
@media screen and (max-width: 760px) {
  table, caption, tbody, tr, tbody th, td { display: block; width: 100%; max-width: none; }
  thead { display: none; }
  tr { border-top: 1px solid var(--rule); padding: 6px 0; }
  tbody th { border: 0; padding: 2px 10px; }
  td { border: 0; padding: 1px 10px; display: flex; justify-content: space-between; gap: 12px; text-align: right; }
  td::before { content: attr(data-label); color: var(--faint); text-align: left; flex: none; max-width: 55%; }
  .number { white-space: normal; }
}
@media print {
  @page { margin: 14mm; }
  body { background: none; font-size: 10pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, summary::marker { display: none; }
  .figures { grid-template-columns: 1fr 1fr; }
  figure, .card, tr, .warnings li { break-inside: avoid; }
  h2, h3, h2 + p { break-after: avoid; }
  .table, .network { overflow: visible; border: 0; }
  .diagram { min-width: 0 !important; max-height: 180mm; }
  table { font-size: 7.5pt; }
  th, td { padding: 3px 5px; }
  td.text, tbody th { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
