"""What a folder holds that a report can show: settings, log, result, looks at the test set, model, traces."""

import pathlib
import re
from typing import NamedTuple

from eventsim.errors import InputError
from eventsim.io import documents
from viz.learning import records_of

CONFIG, LOG, RESULT, LOOKS = "config.json", "log.jsonl", "result.json", "tests.jsonl"
"""Files of a training; beside a model NAME.h5 they may also be called NAME.config.json and so on."""

MOST_TRACES = 3
"""Traces shown; further ones are named only, because the page would become heavy."""

_SEGMENTS = ".segments"


class Model(NamedTuple):
    """What a model file says, as plain values; `network` is an `eventsim.Network`."""

    name: str
    network: object
    output: str
    t_stop: float
    classes: list
    encoder: dict
    decoder: dict
    provenance: dict | None


class Contents(NamedTuple):
    """Everything that was found; None or empty where there is none."""

    name: str
    config: dict | None
    records: list
    result: dict | None
    looks: list
    model: Model | None
    network: object
    traces: dict
    """`Trace` by the name of its file."""
    remarks: list
    """Sentences about what was found and is not shown."""


def read(source):
    """Read a folder, or one file and what belongs to it.

    Parameters
    ----------
    source : pathlib.Path
        A folder of a training or of traces, the folder of segments of an unfinished run, a trace file, a model
        file (with the files of its training beside it) or a network file.

    Returns
    -------
    Contents

    Raises
    ------
    InputError
        There is nothing of the kind, or a file is damaged.
    """
    if not source.exists():
        raise InputError(f'there is no folder or file "{source}"; give a folder of eventsim train, or a trace file')
    if _is_segments(source):
        return _found(source.name, {}, {"trace": [source]}, [])
    if source.is_dir():
        prefix, files = "", sorted(path for path in source.iterdir() if not path.name.startswith("."))
        folder = source
    else:
        prefix, files, folder = f"{source.stem}.", [source], source.parent
    by_kind, remarks = _sorted_by_kind(files, must=not source.is_dir())
    texts = {}
    if source.is_dir() or "model" in by_kind:
        found = ((what, folder / f"{prefix}{what}") for what in (CONFIG, LOG, RESULT, LOOKS))
        texts = {what: path for what, path in found if path.is_file()}
    if not texts and not by_kind.keys() & {"trace", "model", "network"}:
        raise InputError(
            f'"{source}" holds nothing to report: no {CONFIG}, {LOG} or {RESULT}, no model and no trace; give a '
            "folder of eventsim train or demo, or a trace file of eventsim simulate")
    return _found(source.resolve().name, texts, by_kind, remarks)


def _found(name, texts, by_kind, remarks):
    config = _document(texts[CONFIG]) if CONFIG in texts else None
    result = _document(texts[RESULT]) if RESULT in texts else None
    records = _log(texts[LOG]) if LOG in texts else []
    remarks += _of_one_training(config, result, records, LOG in texts)
    looks = records_of(texts[LOOKS]) if LOOKS in texts else []
    remarks += _of_the_result(result, looks, LOOKS in texts)
    models, traces = by_kind.get("model", []), by_kind.get("trace", [])
    chosen = next((path for path in models if path.name == "model.h5"), models[0] if models else None)
    model = _model(chosen) if chosen is not None else None
    networks = by_kind.get("network", [])
    network = None if model is None else model.network
    if network is None and networks and not traces:
        from eventsim import Network

        network = Network.load(networks[0])
    for paths, shown in ((models, [chosen]), (traces, traces[:MOST_TRACES])):
        rest = [path.name for path in paths if path not in shown]
        if rest:
            remarks.append(f"Not shown: {', '.join(rest)}; give the file itself to see it (eventsim report FILE).")
    return Contents(name, config, records, result, looks, model, network,
                    {path.name: _trace(path) for path in traces[:MOST_TRACES]}, remarks)


def _of_one_training(config, result, records, logged):
    """Return remarks where settings, log and result cannot be those of one finished training."""
    remarks = []
    if logged and result is not None and len(records) != result.get("epochs"):
        remarks.append(f"{LOG} has {len(records)} epochs and {RESULT} is of {result.get('epochs')}: the log is not "
                       "whole, or a later training did not end.")
    origin = None if result is None else result.get("provenance")
    if config is not None and isinstance(origin, dict) and origin.get("parameters", config) != config:
        remarks.append(f"{CONFIG} has other settings than those that {RESULT} was reached with.")
    return remarks


def _of_the_result(result, looks, noted):
    """Return a remark where the look at the test set that a result stands on is not in the list of looks."""
    test = None if result is None else result.get("test")
    accuracy = test.get("accuracy") if isinstance(test, dict) else None
    if not noted or accuracy is None or any(look.get("accuracy") == accuracy for look in looks):
        return []
    return [f"{LOOKS} has no look at the test set with the accuracy that {RESULT} states: the list is not whole."]


def _is_segments(path):
    """Tell whether a folder is what a run that did not end left behind."""
    if not path.is_dir():
        return False
    numbered = any(re.fullmatch(r"[0-9]{6,}\.h5", entry.name) for entry in path.iterdir())
    return (path / "run.h5").is_file() and (numbered or path.name.endswith(_SEGMENTS))


def _sorted_by_kind(files, must):
    """Return paths by what they are ("trace", "model", ...), and remarks on files of others; `must`: refuse those."""
    from eventsim.io.file_kind import SONATA, kind_of, kind_or_none

    by_kind, remarks = {}, []
    for path in files:
        if _is_segments(path):
            by_kind.setdefault("trace", []).append(path)
        elif path.is_file() and (path.suffix == ".h5" or must):
            kind = kind_of(path) if must else kind_or_none(path)
            if kind is None:
                remarks.append(f"{path.name} was not written by eventsim and is left out.")
            elif kind == SONATA and not must:
                remarks.append(f"{path.name} has spikes without a network and is left out.")
            by_kind.setdefault(kind, []).append(path)
    return by_kind, remarks


def _log(path):
    """Return the records of a log, checked as far as the figures need it."""
    records = records_of(path)
    for number, record in enumerate(records, start=1):
        epoch = record.get("epoch")
        if not _is_number(epoch) or not all(map(_is_plain, record.values())) or not _has_bins(record):
            raise InputError(f'line {number} of "{path}" is no record of a training; restore the file, or take it out '
                             "of the folder")
    return records


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # False for NaN


def _is_plain(value):
    """Tell whether a value is one that `training.fit` writes: a number, None, or some by name; bins are apart."""
    inner = value.values() if isinstance(value, dict) else [value]
    return all(one is None or isinstance(one, str | list) or _is_number(one) for one in inner)


def _has_bins(record):
    """Tell whether the histograms of spike times in a record, if any, can be drawn."""
    times = record.get("spike_times")
    if times is None:
        return True
    try:
        edges, layers = times["edges"], times["layers"]
        return all(map(_is_number, edges)) and edges[0] < edges[-1] and all(
            isinstance(layer["name"], str) and all(map(_is_number, layer["counts"]))
            and len(layer["counts"]) == len(edges) - 1
            and (layer["mean"] is None or (max(layer["counts"]) > 0 and all(map(_is_number, layer["quantiles"]))))
            for layer in layers)
    except (LookupError, TypeError, ValueError):
        return False


def _document(path):
    """Return the JSON object in a file."""
    try:
        document = documents.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f'"{path}" cannot be read: {error.strerror}') from None
    except ValueError:  # text that is not UTF-8, too
        document = None
    if not isinstance(document, dict):
        raise InputError(f'"{path}" is damaged: it is not a JSON object; restore it, or take it out of the folder')
    return document


def _trace(path):
    from eventsim import Trace

    return Trace.load(path)


def _model(path):
    """Read a model file; `training.Model` itself is above this package."""
    from eventsim.io import hdf5, network_file

    path = pathlib.Path(path)
    try:
        with hdf5.open_file(path) as file:
            provenance = documents.from_json(file["provenance"][()]) if "provenance" in file else None
            attributes = file.attrs
            return Model(
                path.name, network_file.read(file["network"]), str(attributes["output"]), float(attributes["t_stop"]),
                documents.from_json(attributes["classes"]), documents.from_json(attributes["encoder"]),
                documents.from_json(attributes["decoder"]), provenance)
    except hdf5.DAMAGE as error:
        raise InputError(f'"{path}" is damaged and cannot be read: {hdf5.one_line(error)}; restore it or train again'
                         ) from None
