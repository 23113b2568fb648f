"""Where faults are injected: small inputs of the commands, folders to run in, disks that are full or read-only."""

import contextlib
import json
import mmap
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import fault_commands as commands

import eventsim as es
from eventsim.io import segments
from training import experiment

TRAINING = """
[data]
name = "digits"
validation = 3000
[network]
hidden = [20]
tau_mem = inf
tau_syn = inf
t_stop = 4.0
[encoder]
kind = "latency"
scale = 16.0
[decoder]
kind = "latency"
tau = 0.05
[fit]
epochs = 4
batch = 64
optimizer = {kind = "adamw", lr = 0.01}
threads = 1
"""
SWEEP = '\n[sweep]\nkind = "grid"\n[sweep.values]\nfit.optimizer.lr = [0.005, 0.01, 0.02]\n'
DISK = 16 * 2**20
NOBODY = 65534

TRAINED = {"model.h5": commands.model_of, "config.json": commands.bytes_of, "log.jsonl": commands.log_of,
           "result.json": commands.document_of, "checkpoint.h5": commands.checkpoint_of,
           "tests.jsonl": commands.looks_of}
SWEPT = {"sweep.json": commands.document_of, "0*/result.json": commands.document_of, "0*/model.h5": commands.model_of,
         "0*/config.json": commands.bytes_of, "0*/log.jsonl": commands.log_of}


class Lab:
    """A folder with inputs, and the `fault_commands.Task` of each command that runs there, by name."""

    def __init__(self, folder, tasks):
        self.folder, self.tasks = pathlib.Path(folder), {task.name: task for task in tasks}
        self.folder.chmod(0o755)  # for commands of another user

    @contextlib.contextmanager
    def place(self, task, old, base=None):
        """Give an empty folder to run in, with what `task` needs, and with an older output where `old` is true."""
        with tempfile.TemporaryDirectory(dir=base or self.folder, prefix="place") as folder:
            place = pathlib.Path(folder)
            place.chmod(0o755)
            task.ready(place)
            if old and task.old is not None:
                before = commands.run(task.old, place)
                if before.status != 0:
                    raise RuntimeError(f"eventsim {task.name} failed without a fault: {before.said}")
            yield place

    def whole(self, task):
        """Run it without a fault; return the state of its output, its bytes and how long it took."""
        with self.place(task, old=False) as place:
            ended = commands.run(task.new, place)
            if ended.status != 0:
                raise RuntimeError(f"eventsim {task.name} failed without a fault: {ended.said}")
            sizes = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
            return task.state(place), sizes, ended.seconds


def filled(folder):
    """Return a `Lab` with small inputs: two trainings, traces of both, a network, segments of a run that was killed."""
    folder = pathlib.Path(folder)
    older = TRAINING.replace("epochs = 4", "epochs = 2").replace("[fit]", "[fit]\nseed = 5")
    longer = TRAINING.replace("epochs = 4", "epochs = 5")
    for name, text in (("new", TRAINING), ("old", older), ("longer", longer), ("sweep", TRAINING + SWEEP)):
        (folder / f"{name}.toml").write_text(text)
    for name, samples in (("new", "0:100"), ("old", "100:150")):
        _do("train", folder / f"{name}.toml", "--out", folder / name)
        _do("simulate", folder / name / "model.h5", "--input", "digits", "--samples", samples, "--seed", "1",
            "--threads", "1", "--out", folder / f"{name}.h5")
    _do("convert", folder / "new.h5", folder / "sonata.h5", "--sample", "3")
    net = es.Network(seed=1)
    net.poisson("noise", 50, rate=100.0)
    net.population("cells", 20, es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=2.0))
    net.connect("noise", "cells", es.FixedInDegree(20, 1.0))
    net.save(folder / "network.h5")
    _leave_segments(folder)
    _do("measure", folder / "new.h5", "--json")
    lab = Lab(folder, _tasks(folder))
    for task in lab.tasks.values():
        with lab.place(task, old=False) as place, contextlib.chdir(place):
            _do(*task.new)
    return lab


def _do(*arguments):
    """Run a command in this process, so that modules and kernels are loaded before the first child."""
    with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        status = commands.main([str(argument) for argument in arguments])
    if status != 0:
        raise RuntimeError(f"eventsim {' '.join(map(str, arguments))} ended with status {status}")


def _leave_segments(here):
    folder = here / "run.h5.segments"
    child = commands.Child(("simulate", "network.h5", "--t-stop", "1e7", "--seed", "1", "--out", "run.h5"), here,
                           lambda: setattr(segments, "SECONDS", 0.0))
    while not (folder / "000003.h5").exists() and not child.ended():
        time.sleep(0.002)
    child.kill()
    if child.wait().signal != signal.SIGKILL or not (folder / "000003.h5").exists():
        raise RuntimeError("the run that leaves segments ended by itself")


def _tasks(here):
    """Return what writes; its inputs lie in the folder `here`."""
    task = commands.Task

    def run(name, samples):
        return ("simulate", here / name / "model.h5", "--input", "digits", "--samples", samples, "--seed", "1",
                "--threads", "1", "--out", "out.h5")

    def train(name):
        return ("train", here / f"{name}.toml", "--out", "out")

    look = ("evaluate", "out/model.h5", "--dataset", "digits")
    return [
        task("simulate", run("new", "0:200"), run("old", "200:300"), "out.h5",
             commands.file_state(commands.trace_of, "out.h5")),
        task("train", train("new"), train("old"), "out", commands.folder_state(TRAINED, "out"), _begun,
             resume=True),
        task("report", ("report", here / "new", "--out", "out.html"), ("report", here / "old", "--out", "out.html"),
             "out.html", commands.file_state(commands.bytes_of, "out.html")),
        task("convert", ("convert", here / "new.h5", "out.csv"), ("convert", here / "old.h5", "out.csv"),
             "out.csv", commands.file_state(commands.bytes_of, "out.csv")),
        task("sweep", ("sweep", here / "sweep.toml", "--out", "out", "--workers", "1"), None, "out",
             commands.folder_state(SWEPT, "out"), _swept),
        task("plot", ("plot", "raster", here / "new.h5", "-o", "out.png"),
             ("plot", "raster", here / "old.h5", "-o", "out.png"), "out.png",
             commands.file_state(commands.bytes_of, "out.png")),
        task("evaluate", look, look, "out", commands.folder_state({"tests.jsonl": commands.looks_of}, "out"),
             lambda part, now, whole: now == "none", _touched(here / "new" / "model.h5")),
    ]  # fmt: skip


def _begun(part, now, whole):
    """Tell whether a log or a checkpoint holds the first epochs of a training."""
    if part == "log.jsonl":
        return now == whole[:len(now)]
    return part == "checkpoint.h5" and now[0] == whole[0][:len(now[0])]


def _swept(part, now, whole):
    """Tell whether a summary says of every point what the whole one says, or that it waits."""
    return part == "sweep.json" and all(
        mine == yours or mine["status"] == "waiting"
        for mine, yours in zip(now["points"], whole["points"], strict=True))


def _touched(model):
    """Return what puts a model and an empty list of looks into the folder "out"."""
    def ready(place):
        commands.copied(model)(place)
        (place / "out" / "tests.jsonl").touch()
    return ready


def kill_at_operation(number, counter):
    """Kill this process just before its file operation `number`; count them in the shared memory `counter`."""
    def hook(event, arguments):
        write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if write or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree"):
            done = struct.unpack("q", counter[:8])[0]
            if done == number:
                os.kill(os.getpid(), signal.SIGKILL)
            counter[:8] = struct.pack("q", done + 1)
    sys.addaudithook(hook)


def operations(task, lab):
    """Return how many file operations a command does."""
    counter = mmap.mmap(-1, 8)
    with lab.place(task, old=False) as place:
        commands.run(task.new, place, lambda: kill_at_operation(-1, counter))
    return struct.unpack("q", counter[:8])[0]


def limit_files(size, kill):
    """Let no file of this process grow beyond `size`: a write beyond fails, or kills the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def become_nobody():
    """Give up the rights of root, whom the bits of permission do not bind."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@contextlib.contextmanager
def small_disk(folder):
    """Give a folder that is a small disk in memory; None where mounting is not permitted."""
    disk = pathlib.Path(folder) / "disk"
    disk.mkdir()
    mounted = False
    try:
        mounted = _said("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", disk) == 0
        yield disk if mounted else None
    finally:
        if mounted:
            _said("umount", disk)
        shutil.rmtree(disk, ignore_errors=True)


def remount(disk, how):
    """Make a small disk read-only ("ro") or writable ("rw") again."""
    if _said("mount", "-o", f"remount,{how}", disk):
        raise RuntimeError(f'"{disk}" cannot be remounted')


def _said(*command):
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode
    except OSError:
        return 1


def leave(disk, free):
    """Fill a small disk up to `free` bytes; return the file to delete for more."""
    ballast = disk / "ballast"
    left = os.statvfs(disk)
    with open(ballast, "wb") as file:
        size = max(left.f_bavail * left.f_frsize - free, 0) // left.f_frsize * left.f_frsize
        if size:
            os.posix_fallocate(file.fileno(), 0, size)
    return ballast


def merge(path, record, row):
    """Write a line of the table to a JSON file, in the place of the same one and beside others of earlier calls."""
    earlier = json.loads(path.read_text())["rows"] if path.is_file() else []
    same = [row["fault"], row["command"]]
    rows = [one for one in earlier if [one["fault"], one["command"]] != same]
    experiment.write_json(path, {"provenance": record, "rows": [*rows, row]})
