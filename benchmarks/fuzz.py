"""Every reader of files against spoiled files: how many were tried, and which were neither read nor refused.

    python benchmarks/fuzz.py [--seconds 20] [--reader NAME ...] [--how objects|bytes|sealed|guided ...] [--seed N]
        [--out benchmarks/results/fuzz.json]

Four ways. *objects*: data sets, groups and attributes of a valid HDF5 file are replaced by wrong ones. *bytes*: bytes
of a valid file are flipped, cut, doubled and overwritten; our own HDF5 files have no checksum then, as files made to
harm. *sealed*: the same with the checksum that our files end with; what is read must be what was written. *guided*:
atheris, a fuzzer that looks for inputs that reach new lines of the readers (``pip install atheris``), for formats that
are read without a C library.

Readers run in child processes with 3 GiB of memory more than they begin with, and 20 s a file. Crashes, hangs and
exceptions other than `InputError` with one line are findings; crashes in the HDF5 library are counted apart.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "oracles")]

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # readers need no kernels, and instrumented ones would be compiled anew

import h5py  # noqa: E402
import numpy as np  # noqa: E402

RESULTS = REPOSITORY / "benchmarks" / "results" / "fuzz.json"
WAYS = ("objects", "bytes", "sealed", "guided")
MEMORY = 3 * 2**30
PATIENCE = 20.0  # s for one file
GUIDED = ("idx", "aedat", "aedat labels", "n-mnist", "n-mnist archive", "cifar", "dvs list", "csv", "toml", "log",
          "result", "npz", "npy")

WATCHED = ["eventsim.io", "eventsim.recordings", "eventsim.spikes", "eventsim.arrays", "training.config",
           "training.tables", "training.datasets", "training.encode", "training.architecture", "viz.reporting",
           "viz.learning", "csv", "json", "tomllib", "zipfile", "gzip"]
"""Modules whose branches atheris follows."""


def suited(reader, way):
    """Return whether a way of spoiling makes sense for a reader."""
    if way == "guided":
        return reader.name in GUIDED
    return {"objects": reader.hdf5, "bytes": True, "sealed": reader.sealed}[way]


def campaign(reader, way, seconds, seed, folder):
    """Read spoiled files for some seconds.

    Parameters
    ----------
    reader : bad_files.Reader
    way : str
    seconds : float
    seed : int
    folder : path-like
        Empty.

    Returns
    -------
    dict
        tried, read, refused; findings and crashes by what they are, hangs by case; seconds.
    """
    import bad_files

    found = {"tried": 0, "read": 0, "refused": 0, "findings": {}, "crashes": {}, "hangs": []}
    seeds = [bad_files.unsealed(data) if way == "bytes" else data for data in reader.seeds(folder)]
    if way == "sealed":
        seeds = seeds[:1]
    place = pathlib.Path(folder) / reader.place
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(seeds[0])
    expected = bad_files.verdict(reader, place)[1]  # and everything is imported and compiled before the first fork
    started, case = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        case = _child(reader, way, (seed, case), seeds, place, expected, started + seconds, found)
    return found | {"seconds": round(time.monotonic() - started, 1)}


def _child(reader, way, key, seeds, place, expected, end, found):
    """Spoil and read files in a child process until it ends; return the number of the next case."""
    seed, case = key
    take, give = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(take)
            _work(reader, way, seed, case, seeds, place, expected, end, give)
        os._exit(0)
    os.close(give)
    with open(take, "rb", buffering=0) as lines:
        rest = b""
        while True:
            ready, _, _ = select.select([lines], [], [], PATIENCE)
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                found["hangs"].append(f"case {case}")
                found["tried"] += 1
                return case + 1
            piece = lines.read(65536)
            if not piece:
                break
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                case, kind, what = json.loads(line)
                _count(found, kind, what)
                case += 1
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        found["crashes"].setdefault(name, []).append(f"case {case}")
        found["tried"] += 1
        return case + 1
    return case + (case == key[1])


def _count(found, kind, what):
    found["tried"] += 1
    if kind == "finding":
        key = re.sub(r"'[^']*'|\"[^\"]*\"|\d{2,}", "_", what.partition(" [case")[0])
        known = found["findings"].setdefault(key, {"count": 0, "example": what})
        known["count"] += 1
    else:
        found[kind] += 1


def _work(reader, way, seed, case, seeds, place, expected, end, give):
    """Spoil and read files, and say of each what came of it."""
    import bad_files
    import mutations

    _limit_memory()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    while time.monotonic() < end:
        rng = np.random.default_rng([seed, case])
        data = seeds[rng.integers(len(seeds))]
        place.unlink(missing_ok=True)
        done = ""
        if way == "objects":
            place.write_bytes(data)
            try:
                done = "; ".join(mutations.spoil_hdf5(rng, place))
            except (OSError, RuntimeError, ValueError):  # what was drawn cannot be made of this file
                case += 1
                continue
        else:
            place.write_bytes(mutations.spoiled(rng, data))
        kind, what = bad_files.verdict(reader, place)
        if way == "sealed" and kind == "read" and what != expected:
            kind, what = "finding", "read, and other than what was written"
        if kind == "finding":
            what = f"{what} [case {case}: {done[:160]}]" if done else f"{what}"
        os.write(give, json.dumps([case, kind, _placeless(what)]).encode() + b"\n")
        case += 1


def _placeless(what):
    """Return a message with "..." for temporary files, so that equal faults count as one."""
    return re.sub(re.escape(tempfile.gettempdir()) + r"/[^\s\"']*", "...", what)


def _limit_memory():
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def guided(reader, seconds, folder):
    """Let atheris look for inputs in a process of its own; return what `campaign` returns."""
    folder = pathlib.Path(folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(reader.seeds(folder)):
        (corpus / f"seed{number}").write_bytes(data)
    started = time.monotonic()
    command = [sys.executable, __file__, "--guide", reader.name, str(folder), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = {"tried": 0, "read": 0, "refused": 0, "findings": {}, "crashes": {}, "hangs": []}
    counted = folder / "counts.json"
    if counted.is_file():
        found |= json.loads(counted.read_text())
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    found["tried"] = int(executed[1]) if executed else found["tried"]
    covered = re.findall(r"cov: (\d+)", done.stderr)
    found["branches"] = [int(covered[0]), int(covered[-1])] if covered else None
    if done.returncode:
        what = done.stderr.strip().splitlines()[-1:] or [""]
        found["crashes"][f"status {done.returncode}: {what[0][:120]}"] = ["?"]
    return found | {"seconds": round(time.monotonic() - started, 1)}


def _guide(name, folder, seconds):
    """Run atheris; what it finds goes to a file, because the fuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=WATCHED):
        import bad_bytes
        import bad_files
    reader, folder = bad_files.READERS[name], pathlib.Path(folder)
    place = folder / reader.place
    place.parent.mkdir(parents=True, exist_ok=True)
    found, said = {"tried": 0, "read": 0, "refused": 0, "findings": {}}, [time.monotonic()]

    def one(data):
        place.write_bytes(data)
        kind, what = bad_files.verdict(reader, place)
        _count(found, kind, _placeless(what))
        if time.monotonic() - said[0] > 2.0 or kind == "finding":
            said[0] = time.monotonic()
            (folder / "counts.json").write_text(json.dumps(found))

    bad_bytes.EXTRA.discard("report")  # figures take half a second each
    atheris.Setup([sys.argv[0], str(folder / "corpus"), f"-max_total_time={int(seconds)}", "-timeout=20",
                   "-rss_limit_mb=3000", "-max_len=20000", "-print_final_stats=1"], one)
    atheris.Fuzz()


def main():
    """Run the campaigns asked for, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each reader and way")
    parser.add_argument("--reader", action="append")
    parser.add_argument("--how", action="append", choices=WAYS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--guide", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.guide:
        _guide(*arguments.guide, arguments.seconds)
        return
    import bad_files

    from eventsim import provenance

    rows = []
    for name in arguments.reader or bad_files.READERS:
        reader = bad_files.READERS[name]
        for way in arguments.how or WAYS:
            if not suited(reader, way) or (way == "guided" and importlib.util.find_spec("atheris") is None):
                continue
            folder = tempfile.mkdtemp(prefix="fuzz")
            try:
                found = (guided(reader, arguments.seconds, folder) if way == "guided"
                         else campaign(reader, way, arguments.seconds, arguments.seed, folder))
            finally:
                shutil.rmtree(folder)
            rows.append({"reader": name, "how": way} | found)
            print(f"{name:<16} {way:<8} {found['tried']:>8,} tried, {found['refused']:>8,} refused, "
                  f"{found['read']:>7,} read, {sum(one['count'] for one in found['findings'].values())} findings, "
                  f"{sum(map(len, found['crashes'].values()))} crashes, {len(found['hangs'])} hangs, "
                  f"{found['seconds']} s", flush=True)
            for one in sorted(found["findings"].values(), key=lambda one: -one["count"]):
                print(f"    {one['count']} x {one['example'][:400]}", flush=True)
            for what, cases in [*found["crashes"].items(), ("hang", found["hangs"])]:
                if cases:
                    print(f"    {what}: {', '.join(cases)[:200]}", flush=True)
    versions = {"h5py": h5py.version.version, "hdf5": h5py.version.hdf5_version, "numpy": np.__version__}
    arguments.out.write_text(json.dumps({"seed": arguments.seed, "libraries": versions, "campaigns": rows,
                                         "machine": provenance.record("fuzz", {}, seed=0)["environment"]}, indent=1))


if __name__ == "__main__":
    main()
