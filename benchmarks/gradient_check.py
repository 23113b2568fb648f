"""Analytic gradients against central differences, regime by regime, on random networks.

Weights, delays (one for all or one a synapse), thresholds, input times and offsets; losses on spike times
and on potentials of readouts; dense, pooled, convolved, skipping and lateral projections, several spikes
an input, amplitudes, moving origins. What is compared, how, and what is counted apart:
``tests/oracles/differences.py``. Prints a table by regime and writes JSON.

    python benchmarks/gradient_check.py [--networks 24] [--seed 1] [--out FILE]

Exit status 1 if a gradient is off by more than the tolerance.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np

from eventsim import provenance
from eventsim.engines import layers
from eventsim.io.aside import written_aside

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "oracles"))

import differences  # noqa: E402  (lies in the folder just named)
from gradient_cases import LAYOUTS, REGIMES, random_case  # noqa: E402


def check_regime(taus, networks, rng):
    """Return the figures of one regime: networks, how many grazed, and by kind: checked, apart, worst ratio."""
    kinds = {kind: {"checked": 0, "not_zero": 0, "apart_order_changes": 0, "apart_too_small": 0, "worst_ratio": 0.0}
             for kind in differences.KINDS}
    grazing = spikes = 0
    for number in range(networks):
        case = random_case(
            rng, taus, REGIMES[rng.integers(len(REGIMES))] if rng.random() < 0.3 else None,
            LAYOUTS[number % len(LAYOUTS)], readout=number % 3 == 2,
            offset=rng.random() < 0.5, per_synapse=rng.random() < 0.5, busy=rng.random() < 0.5,
            span=(10.0, 150.0)[int(rng.random() < 0.3)])
        trace, gradients = differences.over_trace(case)
        spikes += sum(len(trace.spikes(p.name).time) for p in case.net.populations.values() if p.kind == "neurons")
        if differences.grazes(case, trace):
            grazing += 1
            continue
        if layers.unsuited(case.net) is None:
            gradients["offsets"] = differences.in_layers(case)["offsets"]
        for kind in gradients:
            found = differences.compare(case, trace, gradients, kind, rng)
            figures = kinds[kind]
            figures["checked"] += len(found.ratio)
            figures["not_zero"] += found.not_zero
            figures["apart_order_changes"] += found.order_changes
            figures["apart_too_small"] += found.too_small
            figures["worst_ratio"] = max(figures["worst_ratio"], float(found.ratio.max(initial=0.0)))
    return {"networks": networks, "apart_grazing": grazing, "spikes": spikes, "kinds": kinds}


def main(arguments=None):
    """Check every regime, print a table and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", type=int, default=24, help="random networks a regime")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "gradient_check.json")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    regimes = {}
    for number, taus in enumerate(REGIMES):
        figures = check_regime(taus, chosen.networks, np.random.default_rng((chosen.seed, number)))
        regimes["tau_mem={:g} tau_syn={:g}".format(*taus)] = figures
        row = "  ".join(f"{kind} {found['checked']} {found['worst_ratio']:.1e}"
                        for kind, found in figures["kinds"].items())
        print(f"({taus[0]:g}, {taus[1]:g}): {row}", flush=True)
    worst = max(found["worst_ratio"] for figures in regimes.values() for found in figures["kinds"].values())
    passed = worst <= differences.TOLERANCE
    result = {
        "tolerance": differences.TOLERANCE, "passed": passed, "worst_ratio": worst, "regimes": regimes,
        "provenance": provenance.record(
            "gradient_check", {"networks": chosen.networks, "seed": chosen.seed}, chosen.seed,
            {"elapsed_s": time.perf_counter() - started}),
    }
    with written_aside(chosen.out) as aside:
        aside.write_text(json.dumps(result, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    print(f"worst ratio {worst:.2e} (tolerance {differences.TOLERANCE:g})")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
