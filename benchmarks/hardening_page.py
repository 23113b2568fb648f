"""The page in docs of what was tried to break the program, made from the recorded figures alone.

    python benchmarks/hardening_page.py

Reads ``benchmarks/results/`` and writes ``docs/hardening.md``. A section is there as soon as its file is. Why a mutant
survives is written by hand, as "why" beside it in ``mutation.json``.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "hardening.md"
sys.path.append(str(HERE))

from results_page import RESULTS, number, read, table  # noqa: E402  (lies in a folder just named)

FAULTS = {
    "kill": "killed (SIGKILL)", "full": "disk full", "read-only": "read-only folder", "damage": "damaged output",
    "both": "two processes, one output", "clock": "clock runs backwards"}


def faults(found):
    """Yield the section of faults."""
    rows = found["rows"]
    yield from ["## Faults", "",
                "`benchmarks/faults.py`: commands killed, starved of disk, damaged. Lost: a finished output is gone or "
                "changed. Half written: something incomplete passes for whole. Goes on: the same command gives the "
                "same bits afterwards, of the times where it was asked to.", ""]
    lines = []
    for fault, commands in _by(rows, lambda row: (FAULTS[row["of"]], row["fault"])):
        total = {name: sum(row[name] for row in commands)
                 for name in ("times", "lost", "half_written", "crashes", "unclear", "resumed", "to_resume")}
        names = sorted({row["command"].split(",")[-1 if row["of"] == "damage" else 0].strip() for row in commands})
        lines.append((*fault, ", ".join(names), total["times"], total["lost"], total["half_written"], total["crashes"],
                      total["unclear"], f"{total['resumed']} of {total['to_resume']}"))
    yield from table(("fault", "how", "commands", "times", "lost", "half written", "crashes", "unclear refusals",
                      "goes on"), lines)
    notes = [f"- {row['fault']}, {row['command']}: {note} ({count})" for row in rows
             for note, count in row["notes"].items()]
    if notes:
        yield from ["What the counts stand for:", "", *notes, ""]


def _by(rows, key):
    """Return rows in groups of equal keys, in the order in which the keys come first."""
    groups = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.items()


def inputs(found):
    """Yield the section of bad inputs."""
    yield from ["## Spoiled files", "",
                "`benchmarks/fuzz.py`, every reader: bytes changed at random or guided by coverage, HDF5 objects "
                "changed, and the same sealed with a right checksum. Findings: read as something else, or refused "
                "without a clear line.", ""]
    lines = []
    for reader, campaigns in _by(found["campaigns"], lambda one: one["reader"]):
        total = [sum(one[name] for one in campaigns) for name in ("tried", "refused", "read")]
        bad = [sum(len(one[name]) for one in campaigns) for name in ("findings", "crashes", "hangs")]
        lines.append((reader, ", ".join(dict.fromkeys(one["how"] for one in campaigns)),
                      *(f"{count:,}" for count in total), *bad, f"{sum(one['seconds'] for one in campaigns):.0f}"))
    yield from table(("reader", "how", "tried", "refused", "read", "findings", "crashes", "hangs", "s"), lines)
    tried = sum(one["tried"] for one in found["campaigns"])
    seconds = sum(one["seconds"] for one in found["campaigns"])
    yield from [f"{tried:,} inputs in {seconds / 60:.0f} minutes. The hang is inside the HDF5 library, on damaged "
                "bytes of a file without our checksum.", ""]


def extremes(found):
    """Yield the section of extreme numbers."""
    yield from ["## Extreme numbers", "",
                f"`benchmarks/extremes.py`: {found['what'][0].lower()}{found['what'][1:]}", ""]
    names = {"any": "any network, heap and reference", "windows": "with delays, window too",
             "layers": "feed-forward, layers too", "alone": f"one neuron, oracle of {found['digits']} digits"}
    bounds = read(RESULTS / "extremes_bounds.json")
    lines = []
    for checked, runs in (("", found), (", bounds checked", bounds)):
        for name, one in runs["found"].items() if runs else ():
            oracle = one.get("oracle", {})
            lines.append((names[name] + checked, f"{one['cases']:,}", f"{one['spikes']:,}", one["refused"],
                          len(one["differences"]), len(one["failures"]), number(oracle.get("missed"), "{}"),
                          number(oracle.get("invented"), "{}")))
    yield from table(
        ("networks", "cases", "spikes", "refused", "differences", "crashes", "missed", "invented"), lines)
    if bounds:
        yield from ["Bounds checked: the kernels compiled with `NUMBA_BOUNDSCHECK=1`.", ""]


def load(found):
    """Yield the section of large networks and batches."""
    yield from ["## Load", "",
                "`benchmarks/load.py`: the memory that `describe()` states beforehand, and the largest that was used "
                "above the memory before, each in a process of its own.", ""]
    lines = []
    for one in found["results"]:
        lines.append((one["case"], one["engine"], f"{one['synapses']:,}", f"{one['recorded_spikes']:,}",
                      *_stated(one, "preparing"), *_stated(one, "ordering"), *_stated(one, "running"),
                      f"{one['simulate_s']:.1f}"))
    yield from table(("case", "engine", "synapses", "spikes recorded", "prepared, MB", "of stated",
                      "inputs in order, MB", "of stated", "run, MB", "of stated", "run, s"), lines)


def _stated(one, part):
    """Return the memory of a part in MB, and its ratio to what was stated; "-" below 10 MB."""
    if one[f"{part}_stated"] < 10e6:
        return "-", "-"
    return f"{one[part] / 1e6:,.0f}", f"{one[part] / one[f'{part}_stated']:.2f}"


def soak(found):
    """Yield the section of the same work for a long time."""
    first, last = found["rows"][0], found["rows"][-1]
    yield from ["## The same for a long time", "",
                f"`benchmarks/soak.py`: {found['minutes']:.0f} minutes, {found['rounds']:,} rounds of building, "
                "simulating, saving, loading, learning and drawing in one process.", ""]
    memory = (f"{one / 1e6:.1f}" for one in (first["bytes"], last["bytes"]))
    yield from table(("", "after the first rounds", "at the end", "last third over middle third"), [
        ("memory, MB", *memory, f"{found['grown_bytes'] / 1e6:+.1f}"),
        ("open files", first["open_files"], last["open_files"], f"{found['grown_files']:+g}"),
        ("threads", first["threads"], last["threads"], f"{found['grown_threads']:+g}")])


def cluster(found):
    """Yield the section of workers that are killed, and of ranks."""
    ranks = read(RESULTS / "mpi_scaling.json")
    sweep, steps = found["sweep"], found["training"]
    yield from ["## Several processes", "",
                f"- `benchmarks/cluster.py`: a sweep of {sweep['points']} simulations on {found['workers']} workers of "
                f"a local Dask cluster, one killed after {sweep['killed_after_points']}: {sweep['done']} done, "
                f"{'identical' if sweep['identical'] else 'not identical'} to those of one process. Data-parallel "
                f"training: {steps['steps']} steps, {'the same weights' if steps['identical'] else 'other weights'}."]
    if ranks:
        numbers = ", ".join(str(one["ranks"]) for one in ranks["strong"])
        same = all(one["same_bits"] for one in ranks["strong"])
        yield f"- `benchmarks/mpi_scaling.py`: {numbers} ranks: {'the bits of one process' if same else 'other bits'}."
    yield ""


def mutation(found):
    """Yield the section of mutants."""
    yield from ["## Mutants", "",
                "`benchmarks/mutation.py`: one operator, number, condition or statement is changed, and the tests of "
                "that part run with the kernels as plain Python. Mutants are drawn at random from all.", ""]
    yield from table(("part", "mutants", "tried", "noticed", "survived"), [
        (part, f"{row['mutants']:,}", len(row["tried"]), sum(not one["survived"] for one in row["tried"]),
         sum(one["survived"] for one in row["tried"])) for part, row in found["parts"].items()])
    survivors = [one for row in found["parts"].values() for one in row["tried"] if one["survived"]]
    if survivors:
        yield from ["The survivors:", ""]
        yield from table(("module", "line", "was", "became", "why no test notices"), [
            (f"`{one['module']}`", one["line"], _code(one["was"]), _code(one["became"]), one["why"])
            for one in survivors])


def _code(line):
    """Return a line of code for a cell of a table."""
    return "`" + line.replace("|", "\\|") + "`"


SECTIONS = {"faults": faults, "fuzz": inputs, "extremes": extremes, "load": load, "soak": soak, "cluster": cluster,
            "mutation": mutation}
"""By file of figures, in the order of the page; each function is given what its file holds."""


def page():
    """Return the text of the page."""
    head = ["# What was tried to break it", "", "Made by `python benchmarks/hardening_page.py` from the files in "
            "`benchmarks/results/`. What is not covered is in "
            "[limits.md](limits.md#damaged-and-forged-files-and-nonsense).", ""]
    held = ((section, read(RESULTS / f"{file}.json")) for file, section in SECTIONS.items())
    lines = [line for section, found in held if found is not None for line in section(found)]
    return "\n".join(head + lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(HERE.parent))
