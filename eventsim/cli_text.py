"""How the commands print: aligned pairs, numbers with their units, nested records."""


def pairs(rows, indent=""):
    """Return aligned lines of (name, text) rows."""
    rows = [(_shown(name), _shown(text)) for name, text in rows]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{indent}{name:<{width}}  {text}".rstrip() for name, text in rows)


def number(value, unit="", digits=4):
    """Return a number as text, ``none`` for None, with its unit."""
    if value is None:
        return "none"
    text = f"{value:,}" if isinstance(value, int) else f"{value:.{digits}g}"
    return f"{text} {unit}".rstrip()


def percent(share):
    """Return a share from 0 to 1 as a percentage with two decimals, ``none`` for None."""
    return "none" if share is None else f"{100.0 * share:.2f} %"


def record(value, indent=""):
    """Return lines of a nested record of plain values, a level of dicts a level of indent."""
    lines = []
    for name, item in value.items():
        if isinstance(item, dict) and item:
            lines.append(f"{indent}{_shown(name)}")
            lines.append(record(item, indent + "  "))
        else:
            lines.append(f"{indent}{_shown(name)}: {_shown(_plain(item))}")
    return "\n".join(lines)


def _shown(value):
    """Return a text of a file without the signs that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(value))


def _plain(item):
    if isinstance(item, dict) or item is None:
        return "none"
    text = ", ".join(str(part) for part in item) if isinstance(item, list) else str(item)
    return text if len(text) <= 200 else text[:197] + "..."


def evaluation(result):
    """Return the lines of what `eventsim.measure.evaluate` measured."""
    latency = result["decision_latency_ms"]
    spikes = result["spikes_per_sample"]
    operations = result["synaptic_operations_per_sample"]
    return pairs(
        [
            ("accuracy", f"{percent(result['accuracy'])} of {result['n_samples']:,} samples"),
            ("readout", f"{result['readout']}, horizon {number(result['horizon_ms'], 'ms')}"),
            ("undecided", percent(result["undecided_fraction"])),
            (
                "decision latency",
                f"mean {number(latency['mean'], 'ms')}, median {number(latency['median'], 'ms')}, "
                f"95th percentile {number(latency['p95'], 'ms')}",
            ),
            ("spikes per neuron", number(result["spikes_per_neuron"])),
            ("silent neurons", percent(result["silent_fraction"])),
            ("spikes per sample", _until(spikes)),
            ("synaptic operations per sample", _until(operations)),
        ]
    )


def disturbed(result, how):
    """Return the lines of what `training.disturb.evaluate` measured; `how`: numbers by the name of a disturbance."""
    return pairs(
        [
            ("disturbed", ", ".join(f"{key} {value:g}" for key, value in how.items())),
            ("accuracy", f"{percent(result['accuracy'])} of {result['n_samples']:,} samples"),
            ("undecided", percent(result["undecided"])),
            ("decision latency", f"mean {number(result['latency_ms'], 'ms')}"),
        ]
    )


def nodes(graph):
    """Return the lines of a graph of NIR: its nodes with their kinds and shapes, and what they lead to."""
    following = {}
    for source, target in graph.edges:
        following.setdefault(source, []).append(target)
    rows = []
    for name, node in graph.nodes.items():
        shape = next(iter((node.output_type or {}).values()), None)
        size = "" if shape is None else " x ".join(str(int(side)) for side in shape)
        leads = f" -> {', '.join(following[name])}" if name in following else ""
        rows.append((name, f"{type(node).__name__} {size}".rstrip() + leads))
    return f"graph of NIR: {len(graph.nodes)} nodes, {len(graph.edges)} edges\n{pairs(rows, '  ')}"


def _until(values):
    horizon, decision = (
        "none" if values[key] is None else f"{values[key]:,.1f}" for key in ("horizon", "decision")
    )
    return f"{horizon} to the horizon, {decision} to the decision"
