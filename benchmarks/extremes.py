"""Networks with numbers at the ends of what is allowed, on every engine and against an oracle of 150 digits.

    python benchmarks/extremes.py [--seconds 120] [--seed 0] [--out benchmarks/results/extremes.json]

Random cases as those of ``tests/eventsim/engines/test_extremes.py`` (`extreme_cases`): time constants of 1e-6 to 1e6 ms
in any ratio, 0 and inf, weights of 1e-12 to 1e12, 0 and denormal, times that are equal or next to each other,
thresholds below, at and far above rest. Four kinds: *any* topology (reference and heap engine), *windows* (also the
window engine), *layers* (feed-forward, all engines), *alone* (one neuron, each of its spikes and silences against its
exact membrane). Warnings are errors. A case that takes more than a minute (the first of a kind, which compiles: a
quarter of an hour) ends the process, which says which it was.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import time
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "oracles")]

import extreme_cases  # noqa: E402  (lies in the folder just named)
import extreme_oracle  # noqa: E402
from networks import bits  # noqa: E402

from eventsim import provenance  # noqa: E402
from eventsim.errors import InputError  # noqa: E402
from training import experiment  # noqa: E402

RESULTS = HERE / "results" / "extremes.json"
LIMIT = 40
"""A sample ends after so many spikes, but not on the layers engine."""

PATIENCE, COMPILING = 60, 900
"""s for one case, and for the first of a kind, which compiles."""

KINDS = {"any": ("reference", "heap"), "windows": ("reference", "heap", "window"),
         "layers": ("reference", "heap", "window", "layers"), "alone": ("reference", "heap", "window")}


def case_of(kind, seed):
    """Return the case of a kind with a number."""
    numbers = random.Random(f"{kind} {seed}")
    if kind == "alone":
        return extreme_cases.alone(numbers)
    return extreme_cases.network(numbers, layered=kind == "layers", windows=kind == "windows")


def ran(case, engine, stop):
    """Return (trace, or None where a run is refused or fails; the reason)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return case.run(engine, record=case.everything, stop=stop), ""
    except InputError as problem:
        return None, f"refused: {problem}"
    except Exception as problem:  # whatever it is, it is a finding
        return None, f"{type(problem).__name__}: {problem}"


def tried(kind, seed, row):
    """Run one case on its engines and add what was found to `row`; return the `Check` of the oracle or None."""
    case = case_of(kind, seed)
    outcomes = {}
    for engine in KINDS[kind]:
        trace, why = ran(case, engine, None if kind == "layers" else LIMIT)
        if trace is not None:
            outcomes[engine] = trace
        elif why.startswith("refused"):
            row["refused"] += 1
        else:
            row["failures"][f"{engine}, {seed}"] = why
    row["cases"] += 1
    found = [(bits(trace), trace.ended.tolist()) for trace in outcomes.values()]
    row["differences"] += [seed] * any(one != found[0] for one in found[1:])
    if "heap" not in outcomes:
        return None
    trace = outcomes["heap"]
    row["spikes"] += sum(len(trace.spikes(name).time) for name in case.everything)
    if kind != "alone":
        return None
    spikes = trace.spikes("cell").time.tolist()
    check = extreme_oracle.checked(case, spikes, float(min(trace.ended[0], case.t_stop)))
    row["wrong"] += [seed] * (check.missed + check.invented > 0)
    return check


def campaign(seconds, seed):
    """Try cases of each kind in turn for so many seconds; return what was found, by kind."""
    rows = {kind: {"cases": 0, "spikes": 0, "refused": 0, "differences": [], "failures": {}} for kind in KINDS}
    rows["alone"]["wrong"] = []
    total, end, number = extreme_oracle.Check(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for kind, row in rows.items():
            print(f"\r{kind} {1_000_000 * seed + number} ", end="", file=sys.stderr, flush=True)
            signal.alarm(PATIENCE if row["cases"] else COMPILING)
            check = tried(kind, 1_000_000 * seed + number, row)
            signal.alarm(0)
            total = total if check is None else total.merged(check)
        number += 1
    rows["alone"]["oracle"] = total._asdict()
    return rows


def main(arguments=None):
    """Run the campaign, print and write what was found; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args(arguments)
    watch = provenance.Stopwatch()
    rows = campaign(options.seconds, options.seed)
    print(file=sys.stderr)
    print(json.dumps(rows, indent=1))
    content = {"what": __doc__.splitlines()[0], "tolerance": extreme_oracle.TOLERANCE,
               "digits": extreme_oracle.DIGITS, "found": rows,
               "provenance": provenance.record("benchmarks/extremes.py", {"seconds": options.seconds}, options.seed,
                                               watch.resources())}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    experiment.write_json(options.out, content)
    return int(any(row["differences"] or row["failures"] or row.get("wrong") for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
