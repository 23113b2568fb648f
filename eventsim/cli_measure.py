"""``eventsim measure``: the figures of a recorded trace."""

import json

from eventsim import cli_text
from eventsim.errors import InputError


def run(arguments):
    """Print the activity of every population, the operations, and the decisions where there are labels."""
    from eventsim import Trace

    trace = Trace.load(arguments.trace)
    result = figures(trace)
    if arguments.json:
        print(json.dumps(result, indent=2, allow_nan=False))
        return
    print(f"{result['n_samples']:,} samples, horizon {cli_text.number(result['horizon_ms'], 'ms')}\n")
    for name, population in result["populations"].items():
        print(f"{name} ({population['kind']}, {population['size']:,} neurons)")
        print(cli_text.pairs(_rows(population), indent="  "))
    print(f"\n{_cost(result)}")
    if result["decision"] is not None:
        print(f"\n{cli_text.evaluation(result['decision'])}")


def figures(trace):
    """Return what is printed, as one object of plain finite numbers.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    dict
        `decision` is None where the trace has no labels or no population that decides; operations and energy
        are None where a population with synapses was not recorded as a whole. A population that was only counted
        has no first spikes; one that was recorded in part and not counted is left out.
    """
    from eventsim.measure.counts import counted_populations

    energy = _energy(trace)
    return {
        "n_samples": trace.n_samples,
        "horizon_ms": trace.t_stop,
        "populations": {name: _population(trace, name) for name in counted_populations(trace)},
        "synaptic_operations_per_sample": energy and energy.operations,
        "energy_per_sample": energy and {"spiking_nj": energy.spiking_pj / 1e3, "dense_nj": energy.dense_pj / 1e3},
        "decision": _decision(trace),
    }


def _population(trace, name):
    from eventsim import measure

    population = trace.network.populations[name]
    counts = trace.counts(name)
    spikes, summary = int(counts.sum()), {"mean": None, "median": None, "p95": None}
    if trace.is_complete(name):
        summary = measure.latency(trace, name).summary()
    return {
        "kind": population.kind,
        "size": population.size,
        "spikes_per_sample": spikes / trace.n_samples,
        "spikes_per_neuron": spikes / trace.n_samples / population.size,
        "silent_fraction": float((counts == 0).mean()),
        "first_spike_ms": {key: summary[key] for key in ("mean", "median", "p95")},
    }


def _energy(trace):
    from eventsim import measure

    senders = {projection.source.name for projection in trace.network.projections.values()}
    return measure.energy(trace) if all(map(trace.is_complete, senders)) else None


def _decision(trace):
    from eventsim import measure

    if trace.labels is None:
        return None
    try:
        return measure.evaluate(trace, trace.labels)
    except InputError:  # no clear output, or not all of the spikes it takes
        return None


def _cost(result):
    energy = result["energy_per_sample"]
    if energy is None:
        return "synaptic operations  not known: a population with synapses was not recorded as a whole"
    return cli_text.pairs(
        [
            ("synaptic operations per sample", f"{result['synaptic_operations_per_sample']:,.1f}"),
            (
                "estimated energy per sample",
                f"{cli_text.number(energy['spiking_nj'], 'nJ')}; dense network of the same shape "
                f"{cli_text.number(energy['dense_nj'], 'nJ')} (45 nm, memory traffic not counted)",
            ),
        ]
    )


def _rows(population):
    first = population["first_spike_ms"]
    return [
        (
            "spikes",
            f"{cli_text.number(population['spikes_per_sample'])} a sample, "
            f"{cli_text.number(population['spikes_per_neuron'])} a neuron",
        ),
        ("silent", cli_text.percent(population["silent_fraction"])),
        (
            "first spikes",
            f"mean {cli_text.number(first['mean'], 'ms')}, median {cli_text.number(first['median'], 'ms')}, "
            f"95th percentile {cli_text.number(first['p95'], 'ms')}",
        ),
    ]
