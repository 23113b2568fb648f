"""Every command with files and arguments that are wrong: one line and status 1, or usage and status 2."""

import json
import os

import bad_files
import h5py
import numpy as np
import pytest

from eventsim.cli import main

COMMANDS = {
    "info": ["info", "FILE"], "measure": ["measure", "FILE"], "measure --json": ["measure", "FILE", "--json"],
    "plot": ["plot", "raster", "FILE", "-o", "OUT.png"], "report": ["report", "FILE", "--out", "OUT.html"],
    "train": ["train", "FILE", "--out", "OUT"], "evaluate": ["evaluate", "FILE", "--dataset", "digits"],
    "simulate": ["simulate", "FILE", "--input", "digits", "--out", "OUT.h5"],
    "simulate network": ["simulate", "FILE", "--t-stop", "1", "--out", "OUT.h5"],
    "convert csv": ["convert", "FILE", "OUT.csv"], "convert nir": ["convert", "FILE", "OUT.nir"],
    "convert h5": ["convert", "FILE", "OUT.h5"],
}


def _forged(path):
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["format_version"] = "eventsim trace", 2
        file.create_dataset("ended", (10**12,), "f8", chunks=(2**20,), compression=1)


def _linked(path):
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "eventsim network"
        file["populations"] = h5py.ExternalLink("other.h5", "/")


def _odd(path):
    with h5py.File(path, "w") as file:
        file.attrs["format"] = np.array([1, 2])
        file.create_group("spikes/x")["timestamps"] = np.array([b"a", b"b"])


FILES = {
    "missing": lambda path: None,
    "blank": lambda path: path.write_bytes(b"\0" * 8),  # an empty one is a configuration: every setting has a default
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(3000)),
    "text": lambda path: path.write_text("[[[[\nneuron,time_ms\n1,x\n"),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "forged": _forged, "linked": _linked, "odd": _odd,
    "cut": lambda path: path.write_bytes(bad_files.READERS["network"].seeds(path.parent)[0][:2500]),
    "flipped": lambda path: path.write_bytes(_flipped(bad_files.READERS["model"].seeds(path.parent)[0])),
}


def _flipped(data):
    return data[:1500] + bytes([data[1500] ^ 4]) + data[1501:]


@pytest.fixture(scope="module", params=FILES)
def bad(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    FILES[request.param](folder / "file.h5")
    return folder / "file.h5"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_file_ends_a_command_with_one_line(name, bad, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [str(bad) if word == "FILE" else word for word in COMMANDS[name]]
    status = main(words)
    printed, said = capsys.readouterr()
    if status == 0:
        assert name == "info" and said == "", printed
        return
    assert status == 1 and said.startswith("eventsim: error: ") and said.count("\n") == 1, said
    assert "Traceback" not in said and said.strip().isprintable()
    assert not [path for path in tmp_path.iterdir() if not path.is_dir()], "something half done was left"


WRONG = {
    "no command": [], "unknown": ["fly"], "no file": ["info"], "engine": ["simulate", "m.h5", "--engine", "warp"],
    "samples": ["evaluate", "m.h5", "--dataset", "digits", "--samples", "5:1"],
    "threads": ["evaluate", "m.h5", "--dataset", "digits", "--threads", "0"],
    "number": ["simulate", "m.h5", "--t-stop", "soon", "--out", "x.h5"],
    "figure": ["plot", "cake", "t.h5", "-o", "x.png"], "dt": ["convert", "a", "b", "--dt", "-1"],
    "neurons": ["plot", "membrane", "t.h5", "-o", "x.png", "--neurons", "1,a"],
    "duration": ["bench", "--duration", "nan"], "level": ["--log", "loud", "info", "x"],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_ends_with_status_2(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(WRONG[name])
    assert ended.value.code == 2 and "Traceback" not in capsys.readouterr().err


NAMES = ["no\nline", "\x1b[31mred", "a/b", "", "x" * 3000, "nul\0"]


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("words", [
    ["info", "NAME"], ["measure", "NAME"], ["report", "NAME"], ["convert", "NAME", "o.csv"],
    ["train", "NAME", "--out", "o"], ["plot", "raster", "t.h5", "-o", "NAME"], ["simulate", "NAME", "--out", "o.h5"],
    ["simulate", "m.h5", "--out", "NAME"], ["evaluate", "m.h5", "--dataset", "NAME"]])
def test_odd_names_end_with_one_line(text, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([text if word == "NAME" else word for word in words]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.strip().isprintable(), said


def test_what_a_file_says_cannot_command_the_terminal(tmp_path, capsys):
    path = tmp_path / "file.h5"
    path.write_bytes(bad_files.READERS["model"].seeds(tmp_path)[0])
    with h5py.File(path, "r+") as file:
        del file["provenance"]
        file["provenance"] = json.dumps({"command": "\x1b]0;title\x07", "ver\x1b[2Jsion": [1, "\x1b[31m"]})
    assert main(["info", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out
