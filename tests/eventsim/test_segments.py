"""Long runs to disk: finished segments, merged at the end; what a killed or failed run leaves is read back."""

import functools
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from networks import bits, examples

import eventsim as es
from eventsim.io import aside, segments, trace_file

T_STOP = 60.0


@functools.cache
def network():
    net = es.Network(seed=3)
    noise = net.poisson("noise", 5, rate=300.0)
    net.input("source", 2)
    cells = net.population("cells", 9, es.LIF(20.0, 5.0, t_refractory=1.0))
    net.connect(noise, cells, es.FixedProbability(0.5, 1.5), delay=0.5)
    net.connect("source", cells, es.AllToAll(1.0))
    net.connect(cells, cells, es.FixedProbability(0.2, 0.5), delay=es.Uniform(0.5, 3.0))
    return net


STIMULUS = {"source": es.Spikes([1.0, 2.0, 30.0], [0, 1, 1], [0, 2, 2], n_samples=4)}
RECORD = {"noise": True, "cells": es.Record(counts=True)}


def run(out=None, **options):
    return es.simulate(network(), STIMULUS, T_STOP, **{"seed": 5, "record": RECORD, "out": out, **options})


@functools.cache
def whole():
    return run()


def same(trace, expected):
    assert bits(trace) == bits(expected)
    assert trace.ended.tolist() == expected.ended.tolist()
    assert trace.interrupted == expected.interrupted
    assert trace.recording == expected.recording
    for name, record in expected.recording.items():
        if record.counts:
            assert trace.counts(name).tolist() == expected.counts(name).tolist()


@pytest.fixture
def often(monkeypatch):
    """Write a segment every few spikes."""
    monkeypatch.setattr(segments, "ROWS", 50)
    monkeypatch.setattr(trace_file, "BLOCK", 17)


def test_a_short_run_writes_the_file_that_save_would_write(tmp_path):
    trace = run(tmp_path / "run.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]
    same(trace, whole())
    same(es.Trace.load(tmp_path / "run.h5"), whole())


@pytest.mark.parametrize("threads", [1, 3])
def test_a_long_run_is_merged_into_the_same_trace(tmp_path, often, monkeypatch, threads):
    written = []
    monkeypatch.setattr(segments, "written_aside", lambda path: written.append(path.name) or aside.written_aside(path))
    trace = run(tmp_path / "run.h5", threads=threads)
    assert written == [f"{number + 1:06d}.h5" for number in range(len(written))]
    assert len(written) >= 4
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]
    same(trace, whole())
    same(es.Trace.load(tmp_path / "run.h5"), whole())
    same(es.Trace.load(tmp_path / "run.h5", lazy=True), whole())


@settings(max_examples=examples(10))
@given(st.integers(1, 300), st.integers(1, 100), st.sampled_from((1, 2)))
def test_how_spikes_are_split_into_segments_and_blocks_changes_no_bit(tmp_path_factory, rows, block, threads):
    folder = tmp_path_factory.mktemp("split")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "ROWS", rows)
        patch.setattr(trace_file, "BLOCK", block)
        run(folder / "run.h5", threads=threads)
    same(es.Trace.load(folder / "run.h5"), whole())


def test_a_segment_is_also_written_after_some_time(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "SECONDS", 0.0)
    listed = []

    def look(now):
        listed.append(sorted(path.name for path in (tmp_path / "run.h5.segments").iterdir()))

    run(tmp_path / "run.h5", stop=look, stop_every=20.0, threads=1)
    assert {"000001.h5", "run.h5"} <= set(listed[0])
    assert len(listed[-1]) > len(listed[0])


def test_the_spikes_of_a_long_run_are_read_when_they_are_asked_for(tmp_path, often):
    trace = run(tmp_path / "run.h5")
    assert trace.number_of_spikes("cells") == whole().number_of_spikes("cells")
    assert trace.summary().splitlines()[1:] == whole().summary().splitlines()[1:]
    blocks = list(trace.blocks("cells"))
    assert max(len(block.time) for block in blocks) <= 17
    assert np.concatenate([block.time for block in blocks]).tolist() == whole().spikes("cells").time.tolist()
    trace.save(tmp_path / "copy.h5")
    same(es.Trace.load(tmp_path / "copy.h5"), whole())
    (tmp_path / "run.h5").unlink()
    with pytest.raises(es.InputError, match=r'the spikes of "cells" are in ".*run.h5", which is gone; put it back'):
        trace.spikes("cells")


def test_a_batch_in_layers_is_written_in_one_piece(tmp_path):
    net = es.Network(seed=1)
    net.input("source", 1)
    net.population("cell", 1, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect("source", "cell", es.Dense([[12.0]]))
    trace = es.simulate(net, es.Spikes([1.0], [0]), 20.0, out=tmp_path / "run.h5")
    assert trace.engine == "layers"
    assert bits(es.Trace.load(tmp_path / "run.h5")) == bits(trace)


# What is left of a run that did not end


def broken(tmp_path, when=30.0, **options):
    """Run until the user's function fails at a time of the last sample; return the folder of segments."""
    def fail(now):
        if now.sample == 3 and now.time >= when:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more") as caught:
        run(tmp_path / "run.h5", stop=fail, stop_every=5.0, threads=1, **options)
    return tmp_path / "run.h5.segments", caught.value


def check_part(part, expected):
    """Check that a recovered trace holds just the spikes up to the time that each sample had reached."""
    assert part.interrupted
    for name in expected.recorded:
        table = expected.spikes(name)
        before = table.time < part.ended[table.sample]
        assert [column[before].tobytes() for column in table] == [c.tobytes() for c in part.spikes(name)]
    for name, record in expected.recording.items():
        if record.counts:
            table = part.spikes(name)
            counts = np.zeros_like(part.counts(name))
            np.add.at(counts, (table.sample, table.neuron), 1)
            assert counts.tolist() == part.counts(name).tolist()


@pytest.mark.parametrize("lazy", [False, True])
def test_finished_segments_are_read_back_as_an_interrupted_trace(tmp_path, often, lazy):
    folder, error = broken(tmp_path)
    assert error.__notes__ == [f'what was finished is in "{folder}", for Trace.load']
    part = es.Trace.load(folder, lazy=lazy)
    assert part.ended[:3].tolist() == [T_STOP] * 3
    assert 0.0 < part.ended[3] <= 30.0
    check_part(part, whole())
    assert part.stimulus["source"] == STIMULUS["source"]
    assert part.seed == 5
    part.save(tmp_path / "part.h5")
    saved = es.Trace.load(tmp_path / "part.h5")
    assert bits(saved) == bits(part) and saved.interrupted


def test_a_run_that_fails_before_its_first_segment_leaves_nothing(tmp_path):
    broken(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_file_that_is_not_there_yet_points_to_the_segments(tmp_path, often):
    folder, _ = broken(tmp_path)
    with pytest.raises(es.InputError, match="there is no trace file") as caught:
        es.Trace.load(tmp_path / "run.h5")
    assert str(folder) in str(caught.value)


def test_a_new_run_does_not_write_over_an_unfinished_one(tmp_path, often):
    folder, _ = broken(tmp_path)
    before = sorted(folder.iterdir())
    with pytest.raises(es.InputError, match="holds an unfinished run to this file"):
        run(tmp_path / "run.h5")
    assert sorted(folder.iterdir()) == before


def test_a_folder_that_a_kill_left_half_removed_or_empty_is_no_hindrance(tmp_path, often):
    folder, _ = broken(tmp_path)
    (folder / "run.h5").unlink()
    with pytest.raises(es.InputError, match="is a folder without an unfinished run"):
        es.Trace.load(folder)
    same(run(tmp_path / "run.h5"), whole())
    folder.mkdir()
    (folder / ".000001.h5.abc.part").write_bytes(b"half")
    run(tmp_path / "run.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]


def test_a_strangers_folder_in_the_way_is_left_alone(tmp_path, often):
    folder = tmp_path / "run.h5.segments"
    folder.mkdir()
    (folder / "diary.txt").write_text("dear diary")
    with pytest.raises(es.InputError, match="is in the way and cannot be removed"):
        run(tmp_path / "run.h5")
    assert (folder / "diary.txt").read_text() == "dear diary"


def test_a_half_written_segment_is_not_taken_for_a_whole_one(tmp_path, often):
    folder, _ = broken(tmp_path)
    expected = bits(es.Trace.load(folder))
    last = max(folder.glob("0*.h5"))
    (folder / f".{last.name}.xyz.part").write_bytes(last.read_bytes()[:3000])
    assert bits(es.Trace.load(folder)) == expected


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        chunk = file["spikes/cells/timestamps"].id.get_chunk_info(0)
    data[chunk.byte_offset + 5] ^= 0xFF
    path.write_bytes(data)


def rename(path):
    path.rename(path.with_name("000999.h5"))


def exchange(path):
    path.write_bytes((path.parent / "000002.h5").read_bytes())


@pytest.mark.parametrize(("damage", "message"), [
    (cut, "000001.h5\" is damaged"), (flip, "000001.h5\" is damaged"), (rename, "lacks segment 000001.h5"),
    (exchange, "it belongs to another run"), (pathlib.Path.unlink, "lacks segment 000001.h5")])
def test_a_damaged_or_missing_segment_is_named_in_one_line(tmp_path, often, damage, message):
    folder, _ = broken(tmp_path)
    damage(folder / "000001.h5")
    with pytest.raises(es.InputError) as caught:
        es.Trace.load(folder)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_segments_of_another_run_are_refused(tmp_path, often):
    folder, _ = broken(tmp_path)
    other, _ = broken(tmp_path / "run.h5.segments", seed=6)
    (folder / "000001.h5").write_bytes((other / "000001.h5").read_bytes())
    with pytest.raises(es.InputError, match="it belongs to another run"):
        es.Trace.load(folder)


# Targets that cannot be written


def test_a_target_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    asked = []
    for out, message in ((tmp_path / "no" / "run.h5", "there is no folder"), (tmp_path, "is a folder")):
        with pytest.raises(es.InputError, match=message):
            run(out, stop=asked.append)
    assert asked == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_was_finished(tmp_path):
    """A limit on the size of files stands for a full disk."""
    program = f"""
    import resource, signal
    import eventsim as es
    from eventsim.io import segments
    from test_segments import network, STIMULUS, RECORD

    segments.ROWS = 50
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def full(now):
        if now.sample == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    try:
        es.simulate(network(), STIMULUS, {T_STOP}, seed=5, record=RECORD, out="run.h5", stop=full, stop_every=5.0,
                    threads=1)
    except es.InputError as error:
        print(error)
    """
    process = python(program, tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert len(lines) == 1, out
    assert "could not be written: File too large" in lines[0]
    assert 'what was finished is in "run.h5.segments", for Trace.load' in lines[0]
    check_part(es.Trace.load(tmp_path / "run.h5.segments"), whole())


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_disk_that_is_full_at_the_merge_keeps_all_segments(tmp_path):
    program = f"""
    import resource, signal
    import eventsim as es
    from eventsim.io import segments
    from test_segments import network, STIMULUS, RECORD

    segments.ROWS = 50
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    tables = segments.Writer.tables

    def full(*arguments):
        found = tables(*arguments)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        return found

    segments.Writer.tables = full
    try:
        es.simulate(network(), STIMULUS, {T_STOP}, seed=5, record=RECORD, out="run.h5")
    except es.InputError as error:
        print(error)
    """
    process = python(program, tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert len(lines) == 1, out
    assert "could not be written: File too large" in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5.segments"]
    part = es.Trace.load(tmp_path / "run.h5.segments")
    assert bits(part) == bits(whole())


def python(program, folder):
    """Start a program in a folder; it finds these tests."""
    path = [*sys.path, str(pathlib.Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in path if part)}
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=folder, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_after_a_kill_every_finished_segment_is_read_back(tmp_path):
    program = """
    import pathlib, time
    import eventsim as es
    from eventsim.io import segments
    from test_segments import network, STIMULUS, RECORD

    def held_up(share, elapsed):
        while pathlib.Path("run.h5.segments/000003.h5").exists():
            time.sleep(0.001)  # threads go on writing, only the merge waits: the kill may come late

    segments.ROWS = 300
    es.simulate(network(), STIMULUS, 1000.0, seed=5, record=RECORD, out="run.h5", threads=2, progress=held_up)
    """
    process = python(program, tmp_path)
    folder = tmp_path / "run.h5.segments"
    try:
        deadline = time.monotonic() + 120
        while not (folder / "000003.h5").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=240)
    finally:
        process.kill()
    held = {path.name for path in folder.glob("[0-9]*.h5")}
    part = es.Trace.load(folder)
    assert "000003.h5" in held
    expected = es.simulate(network(), STIMULUS, 1000.0, seed=5, record=RECORD)
    check_part(part, expected)
    assert sum(part.number_of_spikes(name) for name in RECORD) >= 3 * 300
