"""Faults put into running commands: nothing finished is lost, nothing half written passes for whole, it goes on.

    python benchmarks/faults.py [--times 10] [--only FAULT ...] [--command NAME ...] [--seed N]
        [--out benchmarks/results/faults.json]

*kill*: SIGKILL at a random moment, just before a random operation on files, and within a random write; and a run that
streams (`benchmarks/kill.py`). *full*: a disk that is full at a random point. *read-only*: a folder that is.
*damage*: outputs cut short or with one bit flipped, read again. *both*: two processes write one output. *clock*: a
clock that runs backwards. In half of the turns an older output lies in the place: it must stay whole until the new one
is. A row counts, over so many times: what was lost; tracebacks, signals, statuses and refusals of several lines;
refusals that do not name the file and the reason; files that are neither the old nor the new ones, or damaged and read
as something else; and how often the same command (or ``train --resume``) then gave the same bits as without a fault.
"""

import argparse
import mmap
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

import fault_commands as commands
import fault_damage
import fault_lab
from fault_row import HEADER, Row

from eventsim import provenance

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results" / "faults.json"
KILLED = ("simulate", "train", "report", "convert", "sweep", "evaluate")
NEURONS = "3000"
"""Of the run that streams."""

PATIENT = 60.0
"""Seconds after which a command that should end itself is killed."""

BACKWARDS = """
import datetime, os, pathlib, time
start, calls = time.time_ns(), [0]
def time_ns():
    calls[0] += 1
    return start - 60_000_000_000 * calls[0]
class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
time.time_ns, time.time, datetime.datetime = time_ns, lambda: time_ns() / 1e9, Clock
pathlib.Path(os.environ["BACKWARDS"]).touch()
"""


def kills(lab, task, options, rng):
    """Kill a command in three ways; yield a row each."""
    whole, sizes, _ = lab.whole(task)
    seconds, most = lab.whole(task)[2], fault_lab.operations(task, lab)
    counter = mmap.mmap(-1, 8)
    for fault in ("killed at a moment", "killed at a file operation", "killed within a write"):
        row = Row(fault, task.name)
        for _ in range(options.times):
            prepare, moment = None, PATIENT
            if fault == "killed at a moment":
                moment = rng.uniform(0.0, seconds)
            elif fault == "killed at a file operation":
                number = rng.randrange(most)
                counter[:8] = bytes(8)
                prepare = _call(fault_lab.kill_at_operation, number, counter)
            else:
                prepare = _call(fault_lab.limit_files, rng.randrange(rng.choice(sizes)), True)
            with lab.place(task, old=rng.random() < 0.5) as place:
                before = task.state(place)
                child = commands.Child(task.new, place, prepare)
                end = time.monotonic() + moment
                while time.monotonic() < end and not child.ended():
                    time.sleep(0.001)
                child.kill()
                row.times += 1
                row.count("crashes", child.wait().faults(signals=(signal.SIGKILL, signal.SIGXFSZ)))
                row.judge(task, before, place, whole)
                row.go_on(task, place, whole)
        yield row


def _call(function, *arguments):
    return lambda: function(*arguments)


def streamed(options, rng):
    """Kill a run that streams, by `benchmarks/kill.py`; return the row."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "kill.json"
        command = [sys.executable, HERE / "kill.py", "--times", options.times, "--neurons", NEURONS, "--longest", "1.5",
                   "--seed", rng.randrange(2**32), "--out", out]
        ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        good = ended.stdout.count("all as it must be")
    row = Row("killed at a moment", "simulate, streamed", options.times, to_resume=options.times, resumed=good)
    row.lost = ended.stdout.count("NOT AS IT MUST BE")
    row.count("crashes", ended.stderr.strip().splitlines()[-1:] if "Traceback" in ended.stderr else [])
    return row


def kill(lab, options, rng):
    """Yield the rows of *kill*."""
    tasks = lab.tasks
    for name in options.command or KILLED:
        if name in tasks:
            yield from kills(lab, tasks[name], options, rng)
    if not options.command or "streamed" in options.command:
        yield streamed(options, rng)


def full(lab, options, rng):
    """Yield the rows of *full*."""
    with fault_lab.small_disk(lab.folder) as disk:
        way = "disk full (tmpfs)" if disk else "disk full (RLIMIT_FSIZE)"
        for task in lab.tasks.values():
            if options.command and task.name not in options.command:
                continue
            (whole, sizes, _), row = lab.whole(task), Row(way, task.name)
            for _ in range(options.times):
                with lab.place(task, rng.random() < 0.5, base=disk) as place:
                    before, prepare = task.state(place), None
                    if disk:
                        ballast = fault_lab.leave(disk, rng.choice((0, rng.randrange(sum(sizes) * 6 // 5))))
                    else:
                        prepare = _call(fault_lab.limit_files, rng.randrange(rng.choice(sizes)), False)
                    ended = commands.run(task.new, place, prepare)
                    row.times += 1
                    row.count("crashes", ended.faults(statuses=(0, 1)))
                    row.refusal(ended, task.target)
                    row.judge(task, before, place, whole)
                    if disk:
                        ballast.unlink()
                    row.go_on(task, place, whole)
            yield row


def read_only(lab, options, rng):
    """Yield the rows of *read-only*: a disk that is, and a folder of another user where this one is root."""
    with fault_lab.small_disk(lab.folder) as disk:
        ways = (["read-only (tmpfs)"] if disk else []) + ["read-only (permissions)"]
        for task in lab.tasks.values():
            if options.command and task.name not in options.command:
                continue
            whole = lab.whole(task)[0]
            for way in ways:
                mounted, row = "tmpfs" in way, Row(way, task.name)
                for _ in range(max(options.times // len(ways), 1)):
                    with lab.place(task, rng.random() < 0.5, base=disk if mounted else None) as place:
                        row.times += 1
                        _locked(task, place, disk if mounted else None, row)
                        row.go_on(task, place, whole)
                yield row


def _locked(task, place, disk, row):
    """Run a command where nothing can be written, and make it writable again."""
    before = task.state(place)
    folders = [place, *(path for path in place.iterdir() if path.is_dir())]
    if disk:
        fault_lab.remount(disk, "ro")
    else:
        for folder in folders:
            folder.chmod(0o555)
    try:
        ended = commands.run(task.new, place, None if disk or os.getuid() else fault_lab.become_nobody)
        row.count("crashes", ended.faults(statuses=(1,)))
        row.refusal(ended, task.target)
        row.count("lost", [] if task.state(place) == before else ["something changed"])
    finally:
        if disk:
            fault_lab.remount(disk, "rw")
        for folder in folders:
            folder.chmod(0o755)


def both(lab, options, rng):
    """Yield the rows of *both*: the second process starts at a random moment of the first one."""
    for task in lab.tasks.values():
        if task.name == "evaluate" or (options.command and task.name not in options.command):
            continue
        (whole, _, seconds), other = lab.whole(task), None
        if task.old:
            other = lab.whole(task._replace(new=task.old))[0]
        for label, second in (("the same", task.new), ("another", task.old)):
            if second is None:
                continue
            row, allowed = Row("two processes, one output", f"{task.name}, {label}"), [whole]
            allowed += [other] if label == "another" else []
            for _ in range(max(options.times // 2, 1)):
                with lab.place(task, old=False) as place:
                    children = [commands.Child(task.new, place)]
                    time.sleep(rng.uniform(0.0, 0.8 * seconds))
                    children.append(commands.Child(second, place))
                    ends = [child.wait() for child in children]
                    row.times += 1
                    for ended in ends:
                        row.count("crashes", ended.faults(statuses=(0, 1) if task.resume else (0,)))
                    row.count("crashes", ["both refused"] if all(ended.status == 1 for ended in ends) else [])
                    state = task.state(place)
                    mixed = [part for part in state if state[part] not in [one.get(part) for one in allowed]]
                    if state not in allowed:
                        row.count("half_written", [f"neither one nor the other: {', '.join(mixed)}" if mixed
                                                   else "files of both in one folder"])
                    row.go_on(task, place, whole)
            yield row


def clock(lab, options, rng):
    """Yield the rows of *clock*: new processes, because the clock is changed before anything is imported."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "sitecustomize.py").write_text(BACKWARDS)
        paths = [folder, str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "BACKWARDS": str(pathlib.Path(folder, "ran"))}
        for task in lab.tasks.values():
            if options.command and task.name not in options.command:
                continue
            whole, row = lab.whole(task)[0], Row("clock runs backwards", task.name)
            for _ in range(max(options.times // 5, 1)):
                with lab.place(task, old=rng.random() < 0.5) as place:
                    command = [sys.executable, "-m", "eventsim", *map(str, task.new)]
                    started = time.monotonic()
                    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True,
                                          check=False)
                    code = done.returncode
                    ended = commands.Ended(code if code >= 0 else None, -code if code < 0 else None, done.stderr,
                                           done.stdout, time.monotonic() - started)
                    row.times += 1
                    row.to_resume += 1
                    row.count("crashes", ended.faults())
                    row.resumed += task.state(place) == whole and os.path.exists(environment["BACKWARDS"])
            yield row


def damage(lab, options, rng):
    """Yield the rows of *damage*."""
    for fault, command, verdicts in fault_damage.verdicts(lab, options, rng):
        row = Row(fault, command, times=len(verdicts))
        for kind, text in verdicts:
            if kind in ("refused", "right"):
                row.resumed += 1
                row.refused += kind == "refused"
            else:
                row.count(kind, [text])
        row.to_resume = row.times
        yield row


FAULTS = {"kill": kill, "full": full, "read-only": read_only, "damage": damage, "both": both, "clock": clock}


def main(argv=None):
    """Inject the faults asked for, print a table and write it as JSON, beside lines of earlier calls."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", action="append", choices=FAULTS)
    parser.add_argument("--command", action="append", help="or, for damage, a kind of file")
    parser.add_argument("--seed", type=int, help="of everything that is drawn (drawn, and written down)")
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS, help="file of the figures (%(default)s)")
    options = parser.parse_args(argv)
    options.seed = random.randrange(2**32) if options.seed is None else options.seed
    folder, clean = tempfile.mkdtemp(prefix="faults"), True
    try:
        watch, lab = provenance.Stopwatch(), fault_lab.filled(folder)
        print(HEADER)
        for fault in options.only or FAULTS:
            for row in FAULTS[fault](lab, options, random.Random(f"{options.seed} {fault}")):
                clean &= not row.notes and row.resumed == row.to_resume
                print(row.line(), *(f"    {times} x {note}" for note, times in row.notes.items()), sep="\n", flush=True)
                record = provenance.record("benchmarks/faults.py", vars(options), options.seed, watch.resources())
                fault_lab.merge(options.out, record, {"of": fault, **asdict(row), "seed": options.seed})
    finally:
        shutil.rmtree(folder)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
