"""Where the results come from: command, versions, seed, dates, settings, as the files have them."""

from viz.reporting import page

_LONGEST = 400
"""Characters of one value; what is longer is an array that somebody put into the settings."""


def section(contents):
    """Return the provenance of everything in a folder.

    Parameters
    ----------
    contents : Contents

    Returns
    -------
    str
        HTML.
    """
    parts = []
    model, result = contents.model, contents.result
    record = (result or {}).get("provenance") or (model.provenance if model is not None else None)
    if isinstance(record, dict):
        parts += [page.heading("Training" if result is not None else "Model"), _record(record)]
    settings = contents.config or (record.get("parameters") if isinstance(record, dict) else None)
    if isinstance(settings, dict) and settings:
        parts.append(page.folded("Settings of the training", page.pairs(_flat(settings))))
    if model is not None:
        parts += [page.heading(f"Model {model.name}"), page.pairs([
            ("output", model.output), ("horizon", f"{model.t_stop:g} ms"), ("classes", _line(model.classes)),
            ("encoder", _line(model.encoder)), ("decoder", _line(model.decoder))])]
    for name, trace in contents.traces.items():
        parts += [page.heading(f"Trace {name}"), _record(trace.provenance, trace)]
        if isinstance(trace.provenance.get("parameters"), dict):
            parts.append(page.folded("Settings of the run", page.pairs(_flat(trace.provenance["parameters"]))))
    return "\n".join(part for part in parts if part)


def _record(record, trace=None):
    """Return the parts of a provenance record that a reader looks for."""
    software, machine, used = (_dict(record, key) for key in ("software", "environment", "resources"))
    libraries = ", ".join(f"{name} {version}" for name, version in _dict(software, "libraries").items())
    rows = [("command", record.get("command")), ("date", record.get("created")),
            ("seed", record.get("seed") if trace is None else trace.seed),
            ("software", " ".join(str(software[key]) for key in ("name", "version") if key in software)),
            ("Python", software.get("python")), ("libraries", libraries),
            ("machine", ", ".join(str(machine[key]) for key in ("system", "release", "machine") if key in machine)),
            ("processors", machine.get("processors")),
            ("elapsed", _seconds(used.get("elapsed_s"))), ("processor time", _seconds(used.get("user_s"))),
            ("memory", _megabytes(used.get("max_memory_bytes")))]
    if trace is not None:
        rows.append(("network", f"fingerprint {trace.fingerprint[:16]}"))
    return page.pairs([(name, value) for name, value in rows if value not in (None, "")])


def _dict(record, key):
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _seconds(value):
    return f"{value:,.4g} s" if isinstance(value, int | float) else value


def _megabytes(value):
    return f"{value / 1e6:,.0f} MB at most" if isinstance(value, int | float) else value


def _flat(value, before=""):
    """Return (name, text) rows of nested settings: "fit.optimizer.lr", "0.005"."""
    rows = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            rows += _flat(item, f"{before}{key}.")
        else:
            rows.append((f"{before}{key}", _line(item)))
    return rows


def _line(value):
    if isinstance(value, dict):
        words = ", ".join(f"{key} {_line(item)}" for key, item in value.items())
    elif isinstance(value, list):
        words = ", ".join(map(_line, value))
    else:
        words = "none" if value is None else str(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
