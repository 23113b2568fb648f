"""Populations and projections in a few words: for the boxes and arrows of the diagram, and for tables."""

import math
import unicodedata

import numpy as np

NOTHING = "\N{EN DASH}"
"""What stands for a number that is not known, or does not exist."""

_TIMES = " \N{MULTIPLICATION SIGN} "
_UNSAID = {"pool": 1, "stride": 1, "padding": 0, "allow_self": False, "seed": None}
"""Settings of a connection that go without saying."""


def size(population):
    """Return "8 x 8 x 1 = 64 neurons"."""
    count = f"{population.size:,}"
    if len(population.shape) > 1:
        count = f"{sides(population.shape)} = {count}"
    return f"{count} neuron{'' if population.size == 1 else 's'}"


def sides(shape):
    """Return the sides of a map or of a kernel with a sign of multiplication between them."""
    return _TIMES.join(map(str, shape))


def kind(population):
    """Return what the neurons of a population are."""
    if population.kind == "input":
        return "input"
    if population.kind == "poisson":
        return f"Poisson noise, {spread(population.rate)} Hz"
    neuron = population.neuron
    taus = np.atleast_1d([*neuron.tau_syn.values()] if neuron.receptors else neuron.tau_syn)
    if math.isinf(neuron.tau_mem) and np.isinf(taus).all():
        name = "ramp neurons"
    else:
        name = f"{'IF' if math.isinf(neuron.tau_mem) else 'LIF'}, {' and '.join(dict.fromkeys(map(_synapse, taus)))}"
    if population.is_readout:
        return f"silent readout: {name}"
    if np.all(np.isinf(neuron.t_refractory)):
        return f"{name}, one spike at most"
    return name


def time_constants(population):
    """Return the time constants of a population of neurons that are neither 0 nor infinite, in ms."""
    if population.kind != "neurons":
        return ""
    neuron, found = population.neuron, []
    if not math.isinf(neuron.tau_mem):
        found.append(f"τ mem {neuron.tau_mem:g} ms")
    taus = neuron.tau_syn if neuron.receptors else {"": neuron.tau_syn}
    for receptor, tau in taus.items():
        if receptor or (0.0 < tau < math.inf):
            found.append(f"τ syn {_plain(tau)} ms {receptor}".rstrip())
    rest = np.asarray(neuron.t_refractory, dtype=float)
    if np.isfinite(rest).any() and np.any(rest > 0.0):
        found.append(f"refractory {spread(rest)} ms")
    return ", ".join(part.replace(" ", "\u00a0") for part in found)  # lines break between the parts


def levels(population):
    """Return threshold, reset, start and drive of a population of neurons, where they are not the usual ones."""
    if population.kind != "neurons":
        return ""
    neuron = population.neuron
    found = [] if population.is_readout else [f"threshold {spread(neuron.v_threshold)}"]
    for name, value, usual in (("rest", neuron.v_rest, 0.0), ("reset", neuron.v_reset, 0.0),
                               ("start", neuron.v_init, None), ("drive", neuron.i_offset, 0.0)):
        if value is not None and np.any(np.asarray(value) != usual):
            found.append(f"{name} {spread(value)}")
    return ", ".join(found)


def connection(projection):
    """Return type and settings of a projection: "Conv2d", its kernel, "stride 2"."""
    rule = projection.connection
    settings = {name: value for name, value in rule.settings().items() if value != _UNSAID.get(name, math.nan)}
    words = type(rule).__name__
    kernel = settings.pop("kernel", None)
    if kernel is not None:
        words += f" {sides(kernel)}"
    if "pool" in settings:
        settings["average pooling"] = settings.pop("pool")
    said = [f"{name.replace('_', ' ')} {_plain(value)}" for name, value in settings.items()]
    return ", ".join([words, *said])


def delay(facts):
    """Return the delays of a projection, from the facts of `eventsim.describe`."""
    return _range(facts["delay_ms"], "none", " ms")


def weights(facts):
    """Return the range of the weights of a projection."""
    return _range(facts["weight"], "none", "")


def spread(values):
    """Return "3", or "1 to 5"."""
    values = np.asarray(values, dtype=float)
    low, high = _plain(values.min()), _plain(values.max())
    return low if low == high else f"{low} to {high}"


def number(value, digits=4):
    """Return a number, thousands set apart where it has them; a dash for None."""
    if value is None:
        return NOTHING
    value = float(value)
    if math.isinf(value) or math.isnan(value):
        return NOTHING
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def share(value):
    """Return a share from 0 to 1 as a percentage; a dash for None."""
    return NOTHING if value is None or math.isnan(value) else f"{100.0 * value:.2f} %"


def width(words, size):
    """Return about how wide a text is in pixels; on the safe side for the usual fonts."""
    ems = 0.0
    for sign in words:
        if unicodedata.east_asian_width(sign) in "WF":
            ems += 1.05
        elif sign in "mwMW@%" or sign.isupper():
            ems += 0.78
        elif sign in " .,:;'il|!()[]":
            ems += 0.34
        else:
            ems += 0.62
    return ems * size


def wrapped(words, room, size, lines):
    """Return a text in at most `lines` lines that fit into `room` pixels; what does not fit ends with an ellipsis."""
    found = [""]
    for word in words.split(" "):
        longer = f"{found[-1]} {word}".strip()
        if width(longer, size) <= room or not found[-1]:
            found[-1] = longer
        else:
            found.append(word)
    rest = " ".join(found[lines - 1 :])
    return [fitted(line, room, size) for line in [*found[: lines - 1], rest] if line]


def fitted(words, room, size):
    """Return a text, cut with an ellipsis where it is wider than `room` pixels."""
    if width(words, size) <= room:
        return words
    while words and width(f"{words}…", size) > room:
        words = words[:-1]
    return f"{words.rstrip()}…"


def _synapse(tau):
    if tau == 0.0:
        return "delta synapses"
    return "lasting currents" if math.isinf(tau) else "exponential currents"


def _plain(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _range(facts, without, unit):
    if facts is None:
        return without
    low, middle, high = (f"{facts[name]:.3g}" for name in ("min", "median", "max"))
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}, median {middle}"
