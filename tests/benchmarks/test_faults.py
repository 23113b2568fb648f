"""`benchmarks/faults.py`: one small case of each fault, and faults of a command that the table must show."""

import os
import pathlib
import random
import signal
import sys
import types

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import fault_commands  # noqa: E402  (lies in a folder just named)
import fault_lab  # noqa: E402
import faults  # noqa: E402
from fault_row import Row  # noqa: E402

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
OPTIONS = types.SimpleNamespace(times=2, command=["convert", "SONATA"])


@pytest.fixture
def lab(tmp_path):
    """Return a laboratory with one command, which needs no kernels."""
    for name, count in (("new", 400), ("old", 300)):
        rows = "".join(f"{0.5 * row},{row % 7},cells\n" for row in range(count))
        (tmp_path / f"{name}.csv").write_text(f"time_ms,neuron,population\n{rows}")
    (tmp_path / "longer.toml").touch()
    task = fault_commands.Task("convert", ("convert", tmp_path / "new.csv", "out.h5"),
                               ("convert", tmp_path / "old.csv", "out.h5"), "out.h5",
                               fault_commands.file_state(fault_commands.bytes_of, "out.h5"))
    assert fault_commands.run(("convert", "new.csv", "sonata.h5"), tmp_path).faults() == []
    return fault_lab.Lab(tmp_path, [task])


@pytest.mark.whole
@pytest.mark.parametrize("fault", faults.FAULTS)
def test_a_command_survives(fault, lab):
    rows = list(faults.FAULTS[fault](lab, OPTIONS, random.Random(1)))
    assert rows
    for row in rows:
        assert row.times >= 1 and row.notes == {} and row.resumed == row.to_resume


@pytest.mark.whole
def test_a_file_written_in_its_place_is_found_half_written(lab, monkeypatch):
    def careless(arguments):
        pathlib.Path("out.h5").write_bytes(bytes(20_000))
        return 0

    monkeypatch.setattr(fault_commands, "main", careless)
    options = types.SimpleNamespace(times=5, command=["convert"])
    rows = {row.fault: row for row in faults.kill(lab, options, random.Random(2))}
    assert rows["killed within a write"].half_written >= 4


@pytest.mark.whole
def test_a_traceback_and_two_lines_and_a_silent_end_are_crashes(lab, monkeypatch):
    def ends(say, status):
        def main(arguments):
            say()
            return status
        monkeypatch.setattr(fault_commands, "main", main)
        return fault_commands.run((), lab.folder)

    def fail():
        raise ValueError("no such thing")

    def two_lines():
        print("one\ntwo", file=sys.stderr)

    assert ends(fail, 0).faults(statuses=(0, 1)) == ["traceback: ValueError: no such thing"]
    assert ends(two_lines, 1).faults(statuses=(0, 1))[0].startswith("not one line")
    assert ends(lambda: None, 1).faults()[0].startswith("status 1")
    assert ends(lambda: os.kill(os.getpid(), signal.SIGKILL), 0).faults() == ["ended by SIGKILL"]


def test_a_refusal_without_a_name_is_unclear():
    row = Row("disk full", "convert")
    row.refusal(fault_commands.Ended(1, None, "eventsim: error: [Errno 28] No space left on device", "", 0.1), "out.h5")
    assert row.unclear == 1
    row.refusal(fault_commands.Ended(1, None, 'error: "out.h5": No space left on device', "", 0.1), "out.h5")
    assert row.unclear == 1


def test_what_is_gone_is_lost_and_what_is_cut_is_half_written(lab, tmp_path):
    task = lab.tasks["convert"]
    (tmp_path / "out.h5").write_bytes(b"whole")
    whole = task.state(tmp_path)
    (tmp_path / "out.h5").write_bytes(b"who")
    assert task.judge(whole, task.state(tmp_path), whole) == ([], ["out.h5: neither old nor new"])
    (tmp_path / "out.h5").unlink()
    assert task.judge(whole, task.state(tmp_path), whole) == (["out.h5"], [])
