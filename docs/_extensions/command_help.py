"""The directive ``command-help``: what ``eventsim COMMAND --help`` prints, from the parser itself."""

import argparse
import os
from unittest import mock

from docutils import nodes
from docutils.parsers.rst import Directive

from eventsim.cli import build_parser

WIDTH = "88"


def commands():
    """Return the parsers of all commands by name, that of the program itself under ""."""
    program = build_parser()
    found = {"": program}
    for action in program._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


class CommandHelp(Directive):
    """One section a command, with its help."""

    def run(self):
        """Return the sections."""
        found = []
        with mock.patch.dict(os.environ, COLUMNS=WIDTH, NO_COLOR="1"):
            for name, parser in commands().items():
                section = nodes.section(ids=[f"eventsim-{name}" if name else "eventsim-command"])
                section += nodes.title(text=f"eventsim {name}".strip())
                section += nodes.literal_block(text=parser.format_help(), language="none")
                found.append(section)
        return found


def setup(app):
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
