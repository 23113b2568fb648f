"""What pages and docstrings point at.

*Names.* A single pair of backquotes in a docstring may hold a public name, with or without its package, or a parameter.
Names become links where this documentation has them, parameters stay as they are. A dotted name of a public module must
exist: a misspelt one is a warning.

*Files.* Pages link to files of the repository by relative paths, so that the links work where the repository is
looked at. Markdown files outside this folder are no pages here; they are offered for download.
"""

import re

import eventsim
import training

PUBLIC = ("viz.", *(f"{package.__name__}.{name}." for package in (eventsim, training) for name in package.__all__))
HOMES = {name: f"{package.__name__}.{name}" for package in (training, eventsim) for name in package._HOME}
MARKDOWN = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\.?/[^)#\s]+\.md)(?:#[^)]*)?\)")


def resolve(app, env, node, contnode):
    """Return the link of a name without its package, the bare text of a parameter, or None: a warning."""
    target = node["reftarget"].lstrip("~")
    if node.get("refdomain") != "py":
        return None
    head, dot, rest = target.partition(".")
    candidates = [target, HOMES[head] + dot + rest] if head in HOMES else [target]
    candidates += [f"{package}.{target}" for package in ("eventsim", "training")] if dot else []
    domain = env.domains.python_domain
    candidates += [name for name, entry in domain.objects.items()
                   if name.endswith(f".{target}") and entry.objtype in ("class", "exception")]
    for name in candidates:
        if name in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, contnode)
    return None if target.startswith(PUBLIC) else contnode


def skip(app, what, name, value, skipped, options):
    """Leave out the fields of named tuples that nobody described."""
    described = getattr(value, "__doc__", None) or ""
    return True if described.startswith("Alias for field number") else None


def offer(app, page, source):
    """Turn links to Markdown files outside this folder into downloads."""
    folder = (app.srcdir / page).parent

    def link(match):
        words, target = match.groups()
        if (folder / target).resolve().is_relative_to(app.srcdir):
            return match.group()
        return f"{{download}}`{words.replace('`', '')} <{target}>`"

    source[0] = MARKDOWN.sub(link, source[0])


def setup(app):
    """Connect all of it to Sphinx."""
    app.connect("missing-reference", resolve)
    app.connect("autodoc-skip-member", skip)
    app.connect("source-read", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
