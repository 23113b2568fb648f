"""Formulas as MathML, which browsers draw themselves: no script, no image, no network."""

import re

from docutils.utils.math import latex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def mathml(text, display, where):
    """Return a formula in LaTeX as MathML.

    Parameters
    ----------
    text : str
    display : bool
        On lines of its own.
    where : docutils.nodes.Node
        Named in the warning where the formula is not understood.
    """
    try:
        tree = latex2mathml.tex2mathml(text, as_block=display)
    except Exception as error:  # docutils raises MathError, and others for what it did not foresee
        LOGGER.warning("this formula cannot be shown: %s (%s)", text.strip(), error, location=where)
        return f"<code>{re.sub('[<&]', ' ', text)}</code>"
    return str(tree)


def inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), False, node))
    raise_skip()


def block(translator, node):
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), True, node)}</div>\n')
    raise_skip()


def raise_skip():
    """Tell docutils that the node is written."""
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
