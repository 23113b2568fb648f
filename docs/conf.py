"""Sphinx settings of this documentation; ``make docs`` builds it into ``docs/_build/html``, without network."""

import pathlib
import re
import sys

from numpydoc.xref import DEFAULT_LINKS

import eventsim
import training

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "eventsim"
author = "eventsim contributors"
release = version = eventsim.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_parser", "mathml", "references", "command_help"]
exclude_patterns = ["_build", "_extensions"]

# Pages are Markdown that also reads well where the repository is looked at: links are relative and end in .md.
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

nitpicky = True
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_mock_imports = ["torch"]
autodoc_preserve_defaults = True
maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
DEFAULT_LINKS.clear()  # words such as "sequence" would lead to pages of others, which a build without network has not
HOMES = {name: f"{package.__name__}.{name}" for package in (eventsim, training) for name in package._HOME}
DIRECTIVE = re.compile(r"^\.\. (?:currentmodule|automodule|(autoclass)):: ([\w.]+)", re.MULTILINE)


def classes():
    """Yield the full names of the classes that the pages of the reference describe."""
    for page in sorted((HERE / "api").glob("*.md")):
        module = ""
        for kind, name in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            if kind:
                yield f"{module}.{name}"
            else:
                module = name


# A full name is an alias of itself; numpydoc links it only where the two differ (`references` takes the "~" away).
numpydoc_xref_aliases = HOMES | {name: f"~{name}" for name in classes()}

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"eventsim {release}"
html_static_path = ["_static"]
html_css_files = ["eventsim.css"]
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5394", "color-brand-content": "#0b5394"},
    "dark_css_variables": {"color-brand-primary": "#8ab8ec", "color-brand-content": "#8ab8ec"},
}
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
