"""Mutation testing of the closed forms, the event queue and the gradient: which wrong operators and numbers tests see.

    python benchmarks/mutation.py [--parts neurons queue gradient] [--each 100] [--seed 1] [--minutes 60]
        [--out benchmarks/results/mutation.json]

Needs cosmic-ray (extra "bench"), whose operators make the mutants: in a copy of the repository one operator, number,
condition or statement is changed, and the tests of that part run with the kernels as plain Python. What takes
three times as long as without a change, and 20 s, counts as noticed: it would not end. A random choice of all mutants
is tried, the same for the same seed. Finished ones are kept in the file of the figures: the same command goes on.

Left out: decorators (nothing is compiled here) and annotations. Survivors are printed with their change.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from eventsim import optional, provenance
from eventsim.errors import InputError
from training.experiment import write_json

HERE = pathlib.Path(__file__).resolve().parent
ENGINES, NEURONS = pathlib.Path("eventsim", "engines"), pathlib.Path("eventsim", "neurons")
PARTS = {
    "neurons": (
        [NEURONS / f"{name}.py" for name in (
            "if_delta", "if_exp", "lif_delta", "lif_exp", "lif_near", "lif_step", "membrane", "pair", "pair_crossing",
            "ramp", "receptors", "response", "two_exponentials")],
        [f"tests/eventsim/neurons/test_{name}.py" for name in (
            "closed_forms", "linear_flow", "edge_cases", "receptors", "response")]),
    "queue": (
        [ENGINES / f"{name}.py" for name in ("queue", "heap", "flights")],
        [f"tests/eventsim/engines/test_{name}.py" for name in (
            "queue", "semantics", "simultaneous", "heap", "same_bits")]),
    "gradient": (
        [pathlib.Path("training", f"{name}.py") for name in ("adjoint", "sweep_order", "time_constants")],
        [f"tests/training/test_{name}.py" for name in ("gradient_published", "sweep_order", "gradient_recurrent")]),
}
"""By part: the modules that are changed, and the tests that should notice."""

LEFT_OUT = ("RemoveDecorator",)
PATIENCE, LEAST_PATIENCE = 3.0, 20.0
NO_TESTS = 5  # what pytest ends with


def mutants_of(modules, seed):
    """Return all mutants of some modules as JSON takes them, in an order of chance.

    Parameters
    ----------
    modules : list of pathlib.Path
        Relative to the working folder.
    seed : int
    """
    from cosmic_ray.commands.init import init
    from cosmic_ray.work_db import WorkDB

    database = WorkDB(":memory:", WorkDB.Mode.create)
    init(modules, database, {})
    found = []
    for item in database.work_items:
        (change,) = item.mutations
        operator = change.operator_name.removeprefix("core/")
        line = change.module_path.read_text(encoding="utf-8").splitlines()[change.start_pos[0] - 1]
        if operator not in LEFT_OUT and not re.match(r"\s*def .*[|]", line):
            found.append({"module": change.module_path.as_posix(), "line": change.start_pos[0], "operator": operator,
                          "occurrence": change.occurrence, "arguments": change.operator_args})
    found.sort(key=lambda mutant: (mutant["module"], mutant["operator"], mutant["occurrence"]))
    random.Random(seed).shuffle(found)
    return found


def passed(tests, limit=None):
    """Run tests; return whether they all passed within `limit` seconds, and how long it took."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not compiled", *tests]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.monotonic()
    try:
        code = subprocess.run(command, env=environment, capture_output=True, timeout=limit, check=False).returncode
    except subprocess.TimeoutExpired:
        code = None
    if code == NO_TESTS:
        raise InputError(f"there are no tests in {' '.join(tests)}")
    return code == 0, time.monotonic() - start


def tried(mutant, tests, limit):
    """Return a mutant with its outcome and the lines that it changes."""
    from cosmic_ray.mutating import use_mutation
    from cosmic_ray.plugins import get_operator

    operator = get_operator("core/" + mutant["operator"])(**mutant["arguments"])
    with use_mutation(pathlib.Path(mutant["module"]), operator, mutant["occurrence"]) as (before, after):
        survived, seconds = passed(tests, limit)
    lines = list(zip(before.splitlines(), after.splitlines(), strict=False))
    was, became = next(((was, became) for was, became in lines if was != became), ("", ""))
    return mutant | {"survived": survived, "seconds": round(seconds, 1), "was": was.strip(), "became": became.strip()}


def campaign(options, table, save):
    """Try mutants of each part in turn until there are enough, or the time is over; `save` after each."""
    end = time.monotonic() + 60.0 * options.minutes
    for part in options.parts:
        modules, tests = PARTS[part]
        mutants = mutants_of(modules, options.seed)
        row = table.setdefault(part, {"mutants": len(mutants), "tried": []})
        if len(row["tried"]) >= options.each:
            continue
        fine, seconds = passed(tests)
        if not fine:
            raise InputError(f"the tests of {part} fail without any change; mend them first")
        limit = max(LEAST_PATIENCE, PATIENCE * seconds)
        for mutant in mutants[len(row["tried"]):options.each]:
            if time.monotonic() > end:
                return
            row["tried"].append(tried(mutant, tests, limit))
            save()
            survivors = sum(one["survived"] for one in row["tried"])
            print(f"\r{part}: {len(row['tried'])} tried, {survivors} survived ", end="", file=sys.stderr, flush=True)


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--each", type=int, default=100, help="mutants of each part (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "mutation.json")
    options = parser.parse_args()
    out = options.out.resolve()
    try:
        optional.package("cosmic_ray", "bench")
        watch = provenance.Stopwatch()
        kept = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {"seed": options.seed, "parts": {}}
        if kept["seed"] != options.seed:
            raise InputError(f'"{out}" has figures of seed {kept["seed"]}; give another --out.')

        def save():
            kept["provenance"] = provenance.record("benchmarks/mutation.py", {}, options.seed, watch.resources())
            write_json(out, kept)

        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, "copy")
            copy.mkdir()
            for name in ("eventsim", "training", "viz", "tests"):
                shutil.copytree(HERE.parent / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(HERE.parent / "setup.cfg", copy)
            os.chdir(copy)
            campaign(options, kept["parts"], save)
            os.chdir(HERE)
    except InputError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on")
    for part, row in kept["parts"].items():
        survivors = [one for one in row["tried"] if one["survived"]]
        print(f"\n{part}: {len(row['tried'])} of {row['mutants']} mutants tried, {len(survivors)} survived")
        for one in survivors:
            print(f"  {one['module']}:{one['line']}  {one['was']}  ->  {one['became']}")


if __name__ == "__main__":
    main()
