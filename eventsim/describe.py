"""What a network looks like before it runs: sizes, fan-in, drive against threshold, and likely mistakes.

The drive of a neuron is how far one spike from every source at the best moment could lift it: the sum of its
positive weights times the peak of the potential after one arrival of weight 1 (receptor by receptor), over the
distance from rest to threshold. Below 1 the neuron cannot fire unless its sources fire repeatedly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import arrays
from eventsim.choice import choose_engine
from eventsim.lower import is_in_order, lower

if TYPE_CHECKING:
    from eventsim.network import Network

_STATE = 700
"""Bytes a neuron while it is simulated: state, lists, spikes under way and of a window, and the kernels' tables."""

_INPUT_SPIKE, _RECORDED_SPIKE = 80, {"layers": 43, "window": 85, "heap": 85}
"""Bytes a spike at the worst moment (measured, `benchmarks/load.py`): an input's while it is put in order (32 later), a
recorded one's by engine, while the trace is put together (28 later)."""

_ACTIVATION = 20
"""Bytes a neuron and sample in the layers engine: time, slope and generation."""

_ID, _WEIGHT, _PARAMETER, _DELAY, _PLACE, _COMPARED = 4, 8, 8, 8, 8, 3
"""Bytes a synapse of what is made on the way to the flat form."""


class Description:
    """The facts about a network and the warnings drawn from them.

    Attributes
    ----------
    warnings : list of str
        One sentence each.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self.warnings = list(facts["warnings"])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values (JSON without NaN or Infinity; None where there is no value)."""
        return self._facts

    def __str__(self) -> str:
        return _as_text(self._facts)

    __repr__ = __str__


def describe(net: Network) -> Description:
    """Return the description of a network.

    Parameters
    ----------
    net : Network
        What to look at.

    Returns
    -------
    Description
    """
    fan_in, positive, fan_out = {}, {}, {}
    for name, population in net.populations.items():
        fan_in[name] = np.zeros(population.size, dtype=np.int64)
        fan_out[name] = np.zeros(population.size, dtype=np.int64)
        receptors = population.neuron.receptors if population.kind == "neurons" else ()
        positive[name] = np.zeros((max(len(receptors), 1), population.size))
    projections, sizes = {}, {}
    for name, projection in net.projections.items():
        synapses = projection.synapses()
        source, target = projection.source, projection.target
        fan_out[source.name] += arrays.tally(synapses.source, source.size)
        fan_in[target.name] += arrays.tally(synapses.target, target.size)
        sizes[name], count = _bytes_a_synapse(projection, synapses), len(synapses.source)
        np.maximum(synapses.weight, 0.0, out=synapses.weight)
        positive[target.name][projection.receptor_index] += arrays.tally(
            synapses.target, target.size, synapses.weight)
        del synapses  # before anything else is copied: they are 16 to 32 bytes each
        projections[name] = _projection_facts(projection, count)
    populations = {
        name: _population_facts(population, fan_in[name], fan_out[name], positive[name])
        for name, population in net.populations.items()
    }
    synapse_count = sum(facts["n_synapses"] for facts in projections.values())
    facts = {
        "seed": net.seed,
        "n_inputs": sum(p.size for p in net.populations.values() if p.kind != "neurons"),
        "n_neurons": sum(p.size for p in net.populations.values() if p.kind == "neurons"),
        "n_synapses": synapse_count,
        "n_parameters": sum(projection.weight.size for projection in net.projections.values()),
        "populations": populations,
        "projections": projections,
    }
    lowered = lower(net)
    engine, reason = choose_engine(net, "auto")
    facts["engine"] = {"name": engine, "reason": reason}
    tables = sum(column.nbytes for column in lowered if isinstance(column, np.ndarray))
    facts["memory_bytes"] = {
        "network": _stored_bytes(net),
        "preparing": _preparing_bytes(projections, sizes),
        "engine": tables + _STATE * facts["n_neurons"],
        "a_sample": _ACTIVATION * facts["n_neurons"] if engine == "layers" else 0,
        "an_input_spike": _INPUT_SPIKE,
        "a_recorded_spike": _RECORDED_SPIKE[engine],
    }
    facts["warnings"] = list(_warnings(net, facts))
    return Description(facts)


def unit_peak(tau_mem, tau_syn):
    """Return the highest potential after one arrival of weight 1 at rest.

    Parameters
    ----------
    tau_mem, tau_syn : float
        Time constants in ms; 0 and inf as in `eventsim.LIF`.

    Returns
    -------
    float
        In units of V (inf for the ramp, which rises for ever).

    Notes
    -----
    With r = tau_mem / tau_syn the potential ``(e^(-t/tau_mem) - e^(-t/tau_syn)) / (r - 1)`` peaks at
    ``r^(-r / (r - 1))``, which is 1/e for r = 1.
    """
    if tau_syn == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return tau_syn
    if math.isinf(tau_syn):
        return 1.0
    ratio = tau_mem / tau_syn
    if ratio == 1.0:
        return math.exp(-1.0)
    if ratio == 0.0 or math.isinf(ratio):
        return 1.0 if ratio == 0.0 else 0.0
    return math.exp(-ratio * math.log(ratio) / (ratio - 1.0))


def _population_facts(population, fan_in, fan_out, positive):
    facts = {"kind": population.kind, "shape": list(population.shape), "size": population.size}
    if population.kind == "poisson":
        facts["rate_hz"] = _range(population.rate)
    if population.kind == "neurons":
        facts["readout"] = population.is_readout
        facts["receptors"] = list(population.neuron.receptors)
        facts["fan_in"] = _range(fan_in)
        facts["without_input"] = int(np.count_nonzero(fan_in == 0))
        facts.update(_drive_facts(population, positive))
    facts["without_output"] = int(np.count_nonzero(fan_out == 0))
    facts["isolated"] = int(np.count_nonzero((fan_in == 0) & (fan_out == 0)))
    return facts


def _drive_facts(population, positive):
    """Return how many neurons fire on their own, and the drive of the others."""
    p = population.neuron.resolve(population.size)
    if math.isinf(p.tau_mem):
        start, rises = p.v_init, p.i_offset > 0.0
    else:
        start = np.maximum(p.v_init, p.v_rest + p.i_offset)
        rises = p.v_rest + p.i_offset > p.v_threshold
    at_once = p.v_init >= p.v_threshold
    can_fire = np.isfinite(p.v_threshold)
    alone = can_fire & (rises | at_once)
    passive = can_fire & ~alone & (start < p.v_threshold)
    lift = np.zeros(int(np.count_nonzero(passive)))
    for tau_syn, weight in zip((p.tau_syn, p.tau_two), positive[:, passive], strict=False):
        peak = unit_peak(p.tau_mem, tau_syn)
        # 0 * inf: a ramp without excitation has no drive.
        lift += np.where(weight > 0.0, peak, 0.0) if math.isinf(peak) else weight * peak
    drive = lift / (p.v_threshold[passive] - start[passive])
    return {
        "fires_at_start": int(np.count_nonzero(at_once & can_fire)),
        "fires_without_input": int(np.count_nonzero(alone)),
        "drive": _range(drive),
        "out_of_reach": int(np.count_nonzero(drive < 1.0)),
        "driven": int(np.count_nonzero(passive)),
    }


def _projection_facts(projection, count):
    return {
        "kind": type(projection.connection).__name__,
        "source": projection.source.name,
        "target": projection.target.name,
        "receptor": projection.receptor,
        "n_synapses": count,
        "n_parameters": int(projection.weight.size),
        "weight_shape": list(projection.weight.shape),
        "weight": _range(projection.weight),
        "delay_ms": _range(projection.delay),
    }


def _range(values):
    """Return min, median, mean and max; None for what is not finite, and where there is nothing."""
    values = np.asarray(values, dtype=np.float64).reshape(-1)
    if not len(values):
        return None
    numbers = {"min": values.min(), "median": np.median(values), "mean": values.mean(), "max": values.max()}
    return {name: float(value) if np.isfinite(value) else None for name, value in numbers.items()}


def _stored_bytes(net):
    total = 0
    for population in net.populations.values():
        total += 8 * population.size * (6 if population.kind == "neurons" else 1)
    for projection in net.projections.values():
        total += projection.weight.nbytes + projection.delay.nbytes
        total += sum(ids.nbytes for ids in projection.pairs or ())
    return total


def _bytes_a_synapse(projection, synapses):
    """Return what a synapse of a projection takes: while it is put in order, until all are there, and in the end."""
    delay = _DELAY if synapses.delay.ndim else 0
    shared = _ID if projection.pairs is not None else 0  # a list of pairs is read where it is
    flat = _ID + _WEIGHT + delay
    drawn = 2 * (_ID - shared) + _WEIGHT + _PARAMETER + delay
    if is_in_order(synapses.source, synapses.delay, synapses.target, synapses.weight):
        return drawn + _COMPARED, flat - shared, flat
    return drawn + _PLACE + 2 * _ID + _WEIGHT + _PARAMETER + delay, flat, flat


def _preparing_bytes(projections, sizes):
    """Return the most that is held at a time while `lower` makes the flat form, beside the network itself."""
    most, kept, flat = 0, 0, 0
    for name in sorted(projections):
        count, (drawn, waiting, final) = projections[name]["n_synapses"], sizes[name]
        most, kept, flat = max(most, kept + drawn * count), kept + waiting * count, flat + final * count
    return max(most, kept + flat)


def _warnings(net, facts):
    if not net.populations:
        yield "the network has no populations; add an input and a population, and connect them."
    awake = _awake(net, facts)
    feeding = {projection.source.name for projection in net.projections.values()}
    for name, population in net.populations.items():
        about = facts["populations"][name]
        if population.kind == "poisson" and not np.any(population.rate > 0.0):
            yield f'"{name}" never fires: all its rates are 0 Hz.'
        if population.kind != "neurons":
            if name not in feeding:
                yield f'"{name}" feeds no population; connect it or leave it out.'
            continue
        yield from _warnings_of_neurons(name, about, name in awake)
    for name, about in facts["projections"].items():
        if about["n_synapses"] == 0:
            yield f'projection "{name}" has no synapses.'
        elif about["weight"]["min"] == about["weight"]["max"] == 0.0:
            yield f'all weights of projection "{name}" are 0: it has no effect.'


def _warnings_of_neurons(name, about, reached):
    size = about["size"]
    if about["fires_at_start"]:
        some = _some(about["fires_at_start"], size)
        yield f'{some} of "{name}" fire at t = 0: v_init is not below v_threshold.'
    if about["fires_without_input"] > about["fires_at_start"]:
        some = _some(about["fires_without_input"], size)
        yield (
            f'{some} of "{name}" fire without input: v_rest + i_offset is above v_threshold, or a '
            "constant drive has no leak."
        )
    if not reached:
        yield f'"{name}" stays silent: no input reaches it, and nothing in it fires on its own.'
        return
    if 0 < about["without_input"] < size:
        yield f'{_some(about["without_input"], size)} of "{name}" have no incoming synapse.'
    if about["driven"] and about["out_of_reach"] == about["driven"]:
        best = about["drive"]["max"]
        if best == 0.0:
            yield f'no neuron of "{name}" can fire on its input: it has no positive weight.'
        else:
            yield (
                f'no neuron of "{name}" can fire on one spike from every source: the positive weights add '
                f"up to {best:.3g} of the way to the threshold at best; make them at least {1.0 / best:.3g} "
                "times larger."
            )


def _awake(net, facts):
    """Return the names of populations that spikes can reach: from inputs, or from neurons that fire alone."""
    awake = {
        name
        for name, about in facts["populations"].items()
        if about["kind"] != "neurons" or about["fires_without_input"]
    }
    waiting = list(awake)
    while waiting:
        here = waiting.pop()
        for about in facts["projections"].values():
            if about["source"] == here and about["n_synapses"] and about["target"] not in awake:
                awake.add(about["target"])
                waiting.append(about["target"])
    return awake


def _some(count, size):
    return f"all {size:,} neurons" if count == size else f"{count:,} of {size:,} neurons"


def _as_text(facts):
    lines = [
        f"Network: {len(facts['populations'])} populations ({facts['n_inputs']:,} inputs, "
        f"{facts['n_neurons']:,} neurons), {len(facts['projections'])} projections, "
        f"{facts['n_synapses']:,} synapses, {facts['n_parameters']:,} weights, seed {facts['seed']}"
    ]
    lines += _table(_population_row(name, about) for name, about in facts["populations"].items())
    lines += _table(_projection_row(name, about) for name, about in facts["projections"].items())
    memory = facts["memory_bytes"]
    stored, prepared, simulated = (_size(memory[name]) for name in ("network", "preparing", "engine"))
    lines.append(f"  memory: {stored} stored; {prepared} more while it is prepared, then {simulated} and, a recorded "
                 f"spike, {memory['a_recorded_spike']} B")
    lines.append(f"  engine: {facts['engine']['name']} ({facts['engine']['reason']})")
    lines += [f"  warning: {text}" for text in facts["warnings"]]
    return "\n".join(lines)


def _population_row(name, about):
    kind = "readout" if about.get("readout") else about["kind"]
    row = [name, kind, " x ".join(str(n) for n in about["shape"]), "", ""]
    if about["kind"] == "neurons":
        row[3] = f"fan-in {_spread(about['fan_in'])}"
        if about["drive"]:
            row[4] = f"drive / threshold {_spread(about['drive'])}"
    elif about["kind"] == "poisson":
        row[3] = f"rate {_spread(about['rate_hz'])} Hz"
    return row


def _projection_row(name, about):
    weights = " x ".join(str(n) for n in about["weight_shape"])
    spread = f"weights {_spread(about['weight'])}" if about["weight"] else "no weights"
    delay = f"delay {_spread(about['delay_ms'])} ms" if about["delay_ms"] else ""
    receptor = f"to {about['receptor']}" if about["receptor"] is not None else ""
    return [name, about["kind"], f"{about['n_synapses']:,} synapses", f"{spread} ({weights})", delay, receptor]


def _table(rows):
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _spread(numbers):
    """Return "3", or "1 to 5 (median 3)"; what is not finite is "unbounded"."""
    low, middle, high = (_number(numbers[name]) for name in ("min", "median", "max"))
    return low if low == high else f"{low} to {high} (median {middle})"


def _number(value):
    return "unbounded" if value is None else f"{value:.4g}"


def _size(count):
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
