"""Analytic gradients against central differences, regime by regime, on random networks.

Weights, delays (one for all or one a synapse), thresholds, input times and offsets; losses on spike times
and on potentials of readouts; dense, pooled, convolved, skipping and lateral projections, several spikes
an input, amplitudes, moving origins. Then recurrent networks with delays, refractory periods and neurons that fire many
times, with one or two receptors: all these and resets, starts, refractory periods and time constants; losses on spike
times and on values and integrals of the membrane of readouts. What is compared, how, and what is counted apart:
``tests/oracles/differences.py``. Prints a table by regime and writes JSON.

    python benchmarks/gradient_check.py [--networks 24] [--seed 1] [--out FILE]

Exit status 1 if a gradient is off by more than the tolerance.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

from eventsim import provenance
from training import experiment

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "oracles"))

import differences  # noqa: E402  (lies in the folder just named)
import recurrent_cases  # noqa: E402
from gradient_cases import LAYOUTS, REGIMES, random_case  # noqa: E402


def check_regime(taus, networks, rng):
    """Return the figures of one regime of feed-forward networks (`_checked`)."""

    def cases():
        for number in range(networks):
            yield random_case(
                rng, taus, REGIMES[rng.integers(len(REGIMES))] if rng.random() < 0.3 else None,
                LAYOUTS[number % len(LAYOUTS)], readout=number % 3 == 2,
                offset=rng.random() < 0.5, per_synapse=rng.random() < 0.5, busy=rng.random() < 0.5,
                span=(10.0, 150.0)[int(rng.random() < 0.3)])

    return _checked(cases(), rng, taus_too=False)


def check_recurrent(taus, networks, rng):
    """Return the figures of one regime of recurrent networks (`_checked`)."""

    def cases():
        for number in range(networks):
            yield recurrent_cases.random_case(
                rng, taus, ("none", "some", "long")[number % 3], per_synapse=rng.random() < 0.5,
                reading=recurrent_cases.READINGS[number % len(recurrent_cases.READINGS)],
                span=(20.0, 150.0)[int(rng.random() < 0.3)])

    return _checked(cases(), rng, taus_too=True, limit=4)


def _checked(cases, rng, taus_too, limit=12):
    """Return figures of many cases: networks, how many grazed, and by kind: checked, apart, worst ratio."""
    kinds = {kind: {"checked": 0, "not_zero": 0, "apart_order_changes": 0, "apart_unsettled": 0, "apart_too_small": 0,
                    "worst_ratio": 0.0}
             for kind in differences.KINDS if taus_too or kind not in differences.TAUS}
    networks = grazing = spikes = 0
    for case in cases:
        networks += 1
        trace, gradients = differences.over_trace(case, taus_too)
        spikes += sum(len(trace.spikes(p.name).time) for p in differences.neurons_of(case))
        if differences.grazes(case, trace):
            grazing += 1
            continue
        for kind in gradients:
            found = differences.compare(case, trace, gradients, kind, rng, limit)
            figures = kinds[kind]
            figures["checked"] += len(found.ratio)
            figures["not_zero"] += found.not_zero
            figures["apart_order_changes"] += found.order_changes
            figures["apart_unsettled"] += found.unsettled
            figures["apart_too_small"] += found.too_small
            figures["worst_ratio"] = max(figures["worst_ratio"], float(found.ratio.max(initial=0.0)))
    return {"networks": networks, "apart_grazing": grazing, "spikes": spikes, "kinds": kinds}


def named(taus):
    """Return a regime's name."""
    tau_mem, tau_syn = taus
    pair = "+".join(f"{tau:g}" for tau in tau_syn) if isinstance(tau_syn, tuple) else f"{tau_syn:g}"
    return f"tau_mem={tau_mem:g} tau_syn={pair}"


def main(arguments=None):
    """Check every regime, print a table and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", type=int, default=24, help="random networks a regime")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "gradient_check.json")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    regimes = {}
    todo = [("", taus, check_regime) for taus in REGIMES]
    todo += [("recurrent, ", taus, check_recurrent) for taus in recurrent_cases.TAUS]
    for number, (what, taus, check) in enumerate(todo):
        figures = check(taus, chosen.networks, np.random.default_rng((chosen.seed, number)))
        regimes[what + named(taus)] = figures
        row = "  ".join(f"{kind} {found['checked']} {found['worst_ratio']:.1e}"
                        for kind, found in figures["kinds"].items())
        print(f"{what}{named(taus)}: {row}", flush=True)
    worst = max(found["worst_ratio"] for figures in regimes.values() for found in figures["kinds"].values())
    passed = worst <= differences.TOLERANCE
    result = {
        "tolerance": differences.TOLERANCE, "passed": passed, "worst_ratio": worst, "regimes": regimes,
        "provenance": provenance.record(
            "gradient_check", {"networks": chosen.networks, "seed": chosen.seed}, chosen.seed,
            {"elapsed_s": time.perf_counter() - started}),
    }
    experiment.write_json(chosen.out, result)
    print(f"worst ratio {worst:.2e} (tolerance {differences.TOLERANCE:g})")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
