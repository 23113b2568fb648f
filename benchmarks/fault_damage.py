"""Outputs of commands, cut short or with one bit flipped, and the commands that read them."""

import shutil
import tempfile
from pathlib import Path

import fault_commands as commands

SAMPLES = ("--input", "digits", "--samples", "0:50", "--seed", "1", "--threads", "1", "--out", "again.h5")
TRACE_COMMANDS = (
    ("info", "{}"), ("measure", "{}", "--json"), ("plot", "raster", "{}", "-o", "raster.png"),
    ("report", "{}", "--out", "page.html"),
)  # fmt: skip
READ = {
    "model": ("new/model.h5", (
        ("info", "{}"), ("evaluate", "{}", "--dataset", "digits", "--samples", "0:100", "--json"),
        ("simulate", "{}", *SAMPLES), ("report", "new", "--out", "page.html"))),
    "checkpoint": ("new/checkpoint.h5", (("info", "{}"), ("train", "longer.toml", "--out", "new", "--resume"))),
    "trace": ("new.h5", (*TRACE_COMMANDS, ("convert", "{}", "spikes.csv"))),
    "network": ("network.h5", (("info", "{}"), (
        "simulate", "{}", "--t-stop", "50", "--seed", "1", "--threads", "1", "--out", "again.h5"))),
    "SONATA": ("sonata.h5", (("info", "{}"), ("convert", "{}", "spikes.csv"))),
    "segments": ("run.h5.segments", TRACE_COMMANDS),
    "log.jsonl": ("new/log.jsonl", (("report", "new", "--out", "page.html"),
                                    ("train", "longer.toml", "--out", "new", "--resume"))),
    "result.json": ("new/result.json", (("report", "new", "--out", "page.html"),)),
    "config.json": ("new/config.json", (("report", "new", "--out", "page.html"),)),
    "tests.jsonl": ("new/tests.jsonl", (("report", "new", "--out", "page.html"),)),
}  # fmt: skip
"""By kind of file: where it lies, and the commands that read it ("{}" stands for it)."""

REMARKS = (b"the log is not whole", b"has other settings than", b"the list is not whole")
"""What a page says of files that do not fit together."""


def page_of(path):
    """Return a hash of a page, or its remark that files do not fit together."""
    found = [remark for remark in REMARKS if remark in path.read_bytes()]
    return found[0].decode() if found else commands.bytes_of(path)


STATES = {"again.h5": commands.trace_of, "raster.png": commands.bytes_of, "page.html": page_of,
          "spikes.csv": commands.bytes_of}
"""By name of an output that a reading command writes: what it holds."""


def verdicts(lab, options, rng):
    """Damage each kind of file and read it with each command.

    Yields
    ------
    str, str, list of (str, str)
        The fault, file and command, and of each time what came of it: "refused", "right", or "crashes" or
        "half_written" with what happened.
    """
    for kind, (name, readers) in READ.items():
        if options.command and kind not in options.command:
            continue
        for reader in readers:
            whole, _ = _answer(lab, name, reader, None)
            for fault, spoil in (("cut short", cut), ("a bit flipped", flipped)):
                found = []
                for _ in range(options.times):
                    answer, ended = _answer(lab, name, reader, lambda data, spoil=spoil: spoil(data, rng), rng)
                    found.append(verdict(whole, answer, ended))
                yield fault, f"{kind}, {reader[0]}", found


def verdict(whole, answer, ended):
    """Return what came of reading a damaged file, as (kind, text)."""
    faults = ended.faults(statuses=(0, 1))
    if faults:
        return "crashes", faults[0]
    if ended.status == 1:
        return "refused", ended.said
    if answer.get("page.html", "").encode() in REMARKS:
        return "refused", answer["page.html"]
    other = [part for part in sorted({*whole, *answer}) if whole.get(part) != answer.get(part)]
    return ("half_written", f"read as something else: {', '.join(other)}") if other else ("right", "")


def cut(data, rng):
    """Return the beginning of a file."""
    return data[:rng.randrange(len(data))]


def flipped(data, rng):
    """Return a file with one bit flipped."""
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1:]


def _answer(lab, name, reader, spoil, rng=None):
    """Return what a command says and writes in a copy of the laboratory, and how it `Ended`."""
    with tempfile.TemporaryDirectory(dir=lab.folder, prefix="place") as folder:
        place = Path(folder)
        for part in {name.partition("/")[0], "longer.toml"}:
            source = lab.folder / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, place / part)
        target = place / name
        if spoil is not None:
            if target.is_dir():
                target = rng.choice(sorted(path for path in target.iterdir() if not path.name.startswith(".")))
            target.write_bytes(spoil(target.read_bytes()))
        ended = commands.run([part.format(name) for part in reader], place)
        answer = {"what is printed": ended.printed} if reader[0] != "train" else {
            part: what for part, what in commands.folder_state({
                "model.h5": commands.model_of, "log.jsonl": commands.log_of}, "new")(place).items()}
        for part, contents in STATES.items():
            answer |= commands.file_state(contents, part)(place)
        return answer, ended
