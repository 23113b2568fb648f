"""What the ranks of a run write, and how it is put together again.

For a run to ``run.h5`` the folder ``run.h5.ranks`` holds one HDF5 file a rank, ``0000.h5`` and so on::

    /                       format, format_version, run (a digest of what was run), rank, ranks, t_stop, n_samples,
                            seed, window, rows (whether the synapses are there)
    /spikes/<population>/   timestamps, node_ids (in the whole network), sample, slope, generation: of the rank's own
                            neurons, ordered by (sample, time, neuron)
    /recording/, /counts/   see `eventsim.io.trace_file`; counts of the rank's own neurons
    /projections/<number>/  weight, delay, source_id, target_id of the rank's own synapses, see
                            `eventsim.io.network_file`; place: where a listed synapse is in the user's list

and that of rank 0 also /network (the populations), /stimulus, /provenance, and of each projection its name, source,
target, kind, settings, rule and receptor.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import network, provenance
from eventsim.connect import KINDS
from eventsim.connect.part import joined
from eventsim.errors import InputError, choose
from eventsim.io import documents, hdf5, network_file, trace_file
from eventsim.io.aside import check_target, hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.spike_table import SpikeTable
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.mpi.network import Network
    from eventsim.mpi.share import Share
    from eventsim.type_aliases import PathLike

FORMAT = "eventsim rank"
FORMAT_VERSION = 1

_COLUMNS = ("timestamps", "node_ids", "sample", "slope", "generation")


def folder_of(path: PathLike) -> pathlib.Path:
    """Return the folder of the ranks' files for a run to a path."""
    path = path_of(path)
    if not path.name:
        raise InputError(f'"{path}" names no run; give the out= of eventsim.mpi.simulate')
    return path.with_name(path.name + ".ranks")


def check(out: PathLike) -> None:
    """Raise `InputError` where a run to `out` could not be written."""
    check_target(out)
    if folder_of(out).is_file():
        raise InputError(f'"{folder_of(out)}" is a file and must be a folder; remove it, or choose another name')


def begin(out: PathLike, rank: int) -> None:
    """Make the folder, and remove the files of a run before this one; done by rank 0."""
    folder = folder_of(out)
    if rank != 0:
        return
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("[0-9][0-9][0-9][0-9]*.h5"):
            old.unlink()
    except OSError as error:
        raise InputError(f'"{folder}" cannot be written: {error.strerror}; choose another folder') from None


def write(out: PathLike, net: Network, run: Any, share: Share) -> None:
    """Write what one rank has."""
    folder = folder_of(out)
    if not folder.is_dir():
        raise InputError(f'"{folder}", which rank 0 made, is not there; choose a folder that all ranks see')
    with hdf5_aside(_file(folder, net.rank)) as file:
        file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, run=run.name, rank=net.rank, ranks=net.ranks,
                          t_stop=run.t_stop, n_samples=run.n_samples, seed=json.dumps(int(run.seed)),
                          window=share.costs.window, rows=run.rows)
        spikes = file.create_group("spikes")
        for name, record in run.recording.items():
            if record.keeps_spikes:
                group, table = spikes.create_group(name), share.spikes(name)
                for column, values in zip(_COLUMNS, table, strict=True):
                    trace_file.write_column(group, column, values)
        counted = {name: share.counts(name) for name, record in run.recording.items() if record.counts}
        trace_file.write_recording(file, run.recording, counted)
        projections = file.create_group("projections")
        for number, name in enumerate(net.rules):
            group = projections.create_group(f"{number:04d}")
            if net.rank == 0:
                _describe(group, name, net, run)
            if run.rows:
                _write_rows(group, net.part.projections[name])
        if net.rank == 0:
            network_file.write(file.create_group("network"), _populations(net))
            stimulus = file.create_group("stimulus")
            for name, given in run.stimulus.items():
                trace_file.write_stimulus(stimulus.create_group(name), given)
            parameters = {"t_stop": run.t_stop, "ranks": net.ranks, "threads": run.threads,
                          "window": share.costs.window}
            file["provenance"] = provenance.to_json(provenance.record("mpi.simulate", parameters, run.seed))


def _file(folder: pathlib.Path, rank: int) -> pathlib.Path:
    return folder / f"{rank:04d}.h5"


def _populations(net: Network) -> network.Network:
    """Return the whole network without projections."""
    bare = network.Network(net.seed)
    for name, population in net.populations.items():
        if population.kind == "input":
            bare.input(name, population.shape)
        elif population.kind == "poisson":
            bare.poisson(name, population.shape, population.rate)
        else:
            bare.population(name, population.shape, population.neuron)
    return bare


def _describe(group: Any, name: str, net: Network, run: Any) -> None:
    rule, (source, target, receptor) = net.rules[name], run.ends[name]
    group.attrs.update(name=name, source=source, target=target, kind=type(rule).__name__,
                       settings=json.dumps(rule.settings(), sort_keys=True),
                       rule=json.dumps(network_file.rule_of(rule.weight), sort_keys=True))
    if receptor is not None:
        group.attrs["receptor"] = receptor


def _write_rows(group: Any, link: Any) -> None:
    trace_file.write_column(group, "weight", link.weight)
    trace_file.write_column(group, "delay", link.delay)
    if link.pairs is not None:
        trace_file.write_column(group, "source_id", link.pairs[0])
        trace_file.write_column(group, "target_id", link.pairs[1])
        if link.connection.places is not None:
            trace_file.write_column(group, "place", link.connection.places)


def load(path: PathLike) -> Trace:
    """Return the trace of a run that several ranks made: what `eventsim.simulate` would have returned in one process.

    Needs no MPI. The whole network and all recorded spikes must fit into memory. ``load("run.h5").save("run.h5")``
    makes an ordinary trace file of it.

    Parameters
    ----------
    path : str or path-like
        The `out` of `eventsim.mpi.simulate`, or the folder itself.

    Returns
    -------
    Trace

    Raises
    ------
    InputError
        The files are missing, damaged, of different runs, or hold no synapses.
    """
    with _opened(path) as parts:
        first = parts[0]
        if not first.attrs["rows"]:
            raise InputError("its ranks kept no synapses (rows=False), so that there is no network for a trace; read "
                             "the spikes with eventsim.mpi.spikes")
        n_samples = int(first.attrs["n_samples"])
        net = network_file.read(first["network"])
        for number in sorted(first["projections"]):
            _restore(net, [part["projections"][number] for part in parts])
        recording, _ = trace_file.read_recording(first)
        every = [trace_file.read_recording(part)[1] for part in parts]
        counts = {name: np.concatenate([one[name] for one in every], axis=1) for name in every[0]}
        return Trace(
            net,
            {name: trace_file.read_stimulus(group, n_samples) for name, group in first["stimulus"].items()},
            {name: _merged([part["spikes"][name] for part in parts]) for name in first["spikes"]},
            float(first.attrs["t_stop"]), n_samples, engine="window", reason=f"shared by {len(parts)} ranks",
            precision="double", seed=documents.from_json(first.attrs["seed"]), recorded=recording, counts=counts,
            provenance=documents.from_json(first["provenance"][()]))


def spikes(path: PathLike, name: str) -> SpikeTable:
    """Return the spikes of a population that several ranks recorded, without the network.

    Parameters
    ----------
    path : str or path-like
        As for `load`.
    name : str
        A recorded population.

    Returns
    -------
    SpikeTable
        Ordered by (sample, time, neuron).

    Raises
    ------
    InputError
        The files are missing, damaged or of different runs, or the population was not recorded.
    """
    with _opened(path) as parts:
        name = choose("recorded population", getattr(name, "name", name), tuple(parts[0]["spikes"]))
        return _merged([part["spikes"][name] for part in parts])


@contextlib.contextmanager
def _opened(path: PathLike) -> Iterator[list[Any]]:
    """Give the files of all ranks, in their order."""
    folder = path_of(path)
    folder = folder if folder.is_dir() else folder_of(folder)
    if not _file(folder, 0).is_file():
        raise InputError(f'there is no run of several ranks in "{folder}"; give the out= of eventsim.mpi.simulate')
    with contextlib.ExitStack() as stack:
        try:
            parts = [stack.enter_context(_open(folder, 0))]
            for rank in range(1, int(parts[0].attrs["ranks"])):
                parts.append(stack.enter_context(_open(folder, rank)))
                if parts[rank].attrs["run"] != parts[0].attrs["run"]:
                    raise InputError(f'"{_file(folder, rank).name}" belongs to another run')
            yield parts
        except InputError as error:
            raise InputError(f'"{folder}" cannot be read: {error}') from None
        except hdf5.DAMAGE as error:
            raise InputError(f'"{folder}" is damaged: {hdf5.one_line(error)}; take another copy') from None


def _open(folder: pathlib.Path, rank: int) -> Any:
    path = _file(folder, rank)
    try:
        file = hdf5.open_file(path)
    except FileNotFoundError:
        raise InputError(f'"{path.name}" is missing; put it back, or let all ranks finish') from None
    except InputError as error:
        raise InputError(f'"{path.name}" is damaged: {error}; take another copy') from None
    if hdf5.plain(file.attrs, "format") != FORMAT or hdf5.plain(file.attrs, "format_version") != FORMAT_VERSION:
        file.close()
        raise InputError(f'"{path.name}" is not the file of a rank, format version {FORMAT_VERSION}')
    return file


def _restore(net: network.Network, groups: list[Any]) -> None:
    """Add a projection to a network from the parts of all ranks."""
    about = groups[0].attrs
    kind: Any = KINDS[about["kind"]]
    read: Callable[[str], list[np.ndarray]] = lambda name: [  # noqa: E731
        trace_file.read_column(group, name) for group in groups]
    pairs, places = None, None
    if "source_id" in groups[0]:
        source, target = np.concatenate(read("source_id")), np.concatenate(read("target_id"))
        if "place" in groups[0]:
            places = np.argsort(np.concatenate(read("place")), kind="stable")
        else:
            places = np.lexsort((target, source))
        pairs = source[places], target[places]
    rule = network_file.weight_of(documents.from_json(about["rule"]), None)
    listed = {} if pairs is None or "place" not in groups[0] else dict(zip(("source", "target"), pairs, strict=True))
    weight, delay = (joined(kind, read(name), places) for name in ("weight", "delay"))
    connection = kind(**listed, weight=weight if rule is None else rule, **documents.from_json(about["settings"]))
    net.restore(about["source"], about["target"], connection, about["name"], pairs, weight, delay,
                about.get("receptor"))


def _merged(groups: list[Any]) -> SpikeTable:
    """Return the spikes of all ranks in the order of (sample, time, neuron)."""
    columns = [np.concatenate([trace_file.read_column(group, name) for group in groups]) for name in _COLUMNS]
    order = np.lexsort((columns[1], columns[0], columns[2]))
    time, neuron, sample, slope, generation = (column[order] for column in columns)
    return SpikeTable(time, neuron, sample, slope, generation)
