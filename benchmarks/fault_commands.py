"""Commands of eventsim in children of this process, what is wrong with how they end, and what their outputs hold.

A child is forked from a process that has imported everything and runs `eventsim.cli.main`. So it takes a fraction of
a second instead of several, and a moment drawn at random falls into the work and not into the imports.
"""

import hashlib
import json
import os
import pathlib
import selectors
import shutil
import signal
import sys
import time
import traceback
from typing import NamedTuple

import numpy as np

import eventsim as es
from eventsim.cli import main
from eventsim.errors import InputError
from eventsim.io import json_lines
from training import Model, checkpoint

PATIENCE = 120.0
"""Seconds after which a child counts as hung."""

CLOCKS = ("seconds", "training_seconds", "provenance")
"""Entries of results that differ from run to run."""


class Ended(NamedTuple):
    """How a child ended: its status or else the signal, what it said and printed, and how long it took."""

    status: int | None
    signal: int | None
    said: str
    printed: str
    seconds: float

    def faults(self, statuses=(0,), signals=()):
        """Return what is wrong with it: a traceback, another signal or status, no single line where it refuses."""
        if self.signal is not None:
            return [] if self.signal in signals else [f"ended by {signal.Signals(self.signal).name}"]
        found = []
        if "Traceback" in self.said:
            found.append(f"traceback: {self.said.strip().splitlines()[-1]}")
        elif self.status not in statuses:
            found.append(f"status {self.status}: {self.said[-300:].strip()}")
        elif self.status == 1 and len(self.lines) != 1:
            found.append(f"not one line: {self.said[-300:].strip()}")
        return found

    @property
    def lines(self):
        """Lines on standard error, without those of the progress of a training."""
        return [line for line in self.said.splitlines() if not line.startswith("epoch ")]


class Child:
    """A command that runs in a folder; `prepare` is called in the child before it."""

    def __init__(self, arguments, folder, prepare=None):
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = os.pipe(), os.pipe()
        self._started = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            _work([str(argument) for argument in arguments], folder, prepare, out[1], err[1])
        os.close(out[1])
        os.close(err[1])
        self._pipes = out[0], err[0]

    def kill(self):
        """End it at once, as a loss of power would."""
        os.kill(self._pid, signal.SIGKILL)

    def ended(self):
        """Return whether it has ended; `wait` still tells how."""
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self):
        """Return how it `Ended`; after `PATIENCE` it is killed."""
        texts = {pipe: b"" for pipe in self._pipes}
        with selectors.DefaultSelector() as ready:
            for pipe in self._pipes:
                ready.register(pipe, selectors.EVENT_READ)
            while ready.get_map():
                left = self._started + PATIENCE - time.monotonic()
                for key, _ in ready.select(max(left, 0.0)):
                    piece = os.read(key.fd, 2**16)
                    texts[key.fd] += piece
                    if not piece:
                        ready.unregister(key.fd)
                if left < 0:
                    os.kill(self._pid, signal.SIGABRT)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        for pipe in self._pipes:
            os.close(pipe)
        printed, said = (texts[pipe].decode(errors="replace") for pipe in self._pipes)
        return Ended(code if code >= 0 else None, -code if code < 0 else None, said, printed,
                     time.monotonic() - self._started)


def run(arguments, folder, prepare=None):
    """Run a command to its end; return how it `Ended`."""
    return Child(arguments, folder, prepare).wait()


def _work(arguments, folder, prepare, out, err):
    status = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
        os.chdir(folder)
        if prepare is not None:
            prepare()
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Broken(str):
    """What a reader said of a file that is there and cannot be read."""


class Task(NamedTuple):
    """A command that writes, and the like of it that has written there before.

    `new` and `old` are arguments (`old` is None where the command refuses another output in its place), `target` the
    output in the folder where it runs, `state` returns the contents of the output by part, `unfinished` tells whether
    (part, contents, whole contents) is what an unfinished run may leave, and `ready` puts there what it needs.
    """

    name: str
    new: tuple
    old: tuple | None
    target: str
    state: object
    unfinished: object = lambda part, now, whole: False
    ready: object = lambda place: None
    resume: bool = False

    def again(self, place):
        """Do what a user would do after a failure; return how it `Ended`."""
        if self.resume and (place / self.target / "checkpoint.h5").is_file():
            ended = run((*self.new, "--resume"), place)
            if "belongs to another training" not in ended.said:
                return ended
        return run(self.new, place)

    def judge(self, before, after, whole):
        """Return parts that were lost, and parts that are neither the old nor the new ones nor absent."""
        lost = [part for part in before if after.get(part) is None and before[part] is not None]
        half = [f"{part}: {now if isinstance(now, Broken) else 'neither old nor new'}" for part, now in after.items()
                if isinstance(now, Broken) or not (now == before.get(part) or now == whole.get(part)
                                                   or self.unfinished(part, now, whole.get(part)))]
        if self.resume and {"log.jsonl", "checkpoint.h5"} <= after.keys() and not half:
            if after["log.jsonl"] != after["checkpoint.h5"][0][:len(after["log.jsonl"])]:
                lost.append("an epoch of the log is not in the checkpoint")
        return lost, half


def file_state(contents, name):
    """Return a function for `Task.state` of a command with one output."""
    return lambda place: {name: _read(contents, place / name)} if (place / name).exists() else {}


def folder_state(readers, name):
    """Return a function for `Task.state` of a command with a folder: `readers` by pattern of a name."""
    def state(place):
        paths = [(path, reader) for pattern, reader in readers.items() for path in (place / name).glob(pattern)]
        return {str(path.relative_to(place / name)): _read(reader, path) for path, reader in paths}
    return state


def _read(contents, path):
    try:
        return contents(path)
    except (InputError, ValueError, KeyError, OSError) as error:
        return Broken(f"{type(error).__name__}: {error}")


def bytes_of(path):
    """Return a hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trace_of(path):
    """Return a hash of the spikes and labels of a trace."""
    trace, digest = es.Trace.load(path), hashlib.sha256()
    for name in trace.populations:
        for column in trace.spikes(name):
            digest.update(np.ascontiguousarray(column).data)
    digest.update(repr((trace.t_stop, None if trace.labels is None else trace.labels.tolist())).encode())
    return digest.hexdigest()


def model_of(path):
    """Return a hash of the weights of a model."""
    model, digest = Model.load(path), hashlib.sha256()
    for projection in model.net.projections.values():
        digest.update(np.ascontiguousarray(projection.weight).data)
    return digest.hexdigest()


def log_of(path):
    """Return the records of a training without the seconds."""
    return [_timeless(record) for record in json_lines.read(path, "log")]


def looks_of(path):
    """Return how many looks at the test set are noted, as one of "none" and "some": every run adds one."""
    return "some" if json_lines.read(path, "list of looks") else "none"


def document_of(path):
    """Return a JSON object without what differs from run to run."""
    return _timeless(json.loads(path.read_text(encoding="utf-8")))


def checkpoint_of(path):
    """Return the records, the best epoch and a hash of the arrays of a checkpoint."""
    arrays, document = checkpoint.load(path)
    digest = hashlib.sha256(b"".join(name.encode() + np.ascontiguousarray(a).data for name, a in arrays.items()))
    return [_timeless(record) for record in document["records"]], document["best_epoch"], digest.hexdigest()


def _timeless(document):
    return {key: value for key, value in document.items() if key not in CLOCKS}


def copied(*sources):
    """Return a function for `Task.ready` that copies files to the folder "out"."""
    def ready(place):
        (place / "out").mkdir(exist_ok=True)
        for source in sources:
            if not (place / "out" / pathlib.Path(source).name).exists():
                shutil.copy(source, place / "out")
    return ready
