"""Networks in HDF5, alone or as a group inside a trace or a model.

Layout, version 1; numbers are in the units of `eventsim.network` (ms, Hz, the user's V)::

    /                          format, format_version, seed (text: it may exceed 63 bits)
    /populations/<number>/     name, kind, shape; order of creation
        neuron/<parameter>     one number, or one a neuron; v_init only where it was given
        neuron/tau_syn         where receptors have names: one number each, and the names (JSON) in its
                               attribute "receptors"
        rate                   kind "poisson"
    /projections/<number>/     name, source, target, kind, settings (JSON), rule (JSON: weights as given);
                               receptor, where the target's have names
        weight, delay          as arrays, whatever they were drawn from
        source_id, target_id   where the synapses are listed or drawn one by one

There is no pickle in it, and reading checks as much as building does.
"""

import json
import math

import numpy as np

from eventsim import arrays
from eventsim.connect import KINDS
from eventsim.distributions import KINDS as DISTRIBUTIONS
from eventsim.distributions import Distribution
from eventsim.errors import InputError
from eventsim.io import documents, hdf5
from eventsim.io.aside import hdf5_aside
from eventsim.io.plain_file import path_of
from eventsim.network import Network
from eventsim.neurons.lif import LIF, PARAMETERS

FORMAT = "eventsim network"
FORMAT_VERSION = 1

_CHUNK = 65536  # entries
_UNSTORED = 2**24  # neurons of maps with shared weights and parameters, of which a file has next to nothing


def save(path, net):
    """Write a network to a file of its own, aside first, then renamed.

    Parameters
    ----------
    path : str or path-like
        The file; an existing one is replaced.
    net : Network
        What to write.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    with hdf5_aside(path) as file:
        write(file, net)


def load(path):
    """Read a network from a file of its own.

    Parameters
    ----------
    path : str or path-like
        A file that `save` made.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        Missing, truncated, damaged or foreign file, or one of a later version.
    """
    path = path_of(path)
    if not path.is_file():
        raise InputError(f'there is no network file "{path}"; check the path.')
    try:
        file = hdf5.open_file(path)
    except OSError:
        raise InputError(
            f'"{path}" is not an HDF5 file, or it is cut short; give a file that Network.save wrote.'
        ) from None
    except InputError as error:
        raise InputError(f'"{path}" is damaged: {error}; take another copy.') from None
    with file:
        try:
            return read(file)
        except InputError as error:
            raise InputError(f'"{path}": {error}') from None


def write(group, net):
    """Write a network into an empty HDF5 group (a file is one).

    Parameters
    ----------
    group : h5py.Group
        Where to.
    net : Network
        What to write.
    """
    group.attrs["format"] = FORMAT
    group.attrs["format_version"] = FORMAT_VERSION
    group.attrs["seed"] = str(net.seed)
    populations = group.create_group("populations")
    for number, population in enumerate(net.populations.values()):
        _write_population(populations.create_group(f"{number:04d}"), population)
    projections = group.create_group("projections")
    for number, projection in enumerate(net.projections.values()):
        _write_projection(projections.create_group(f"{number:04d}"), projection)


def read(group):
    """Read a network from an HDF5 group that `write` filled.

    Parameters
    ----------
    group : h5py.Group
        Where from.

    Returns
    -------
    Network
        With the same fingerprint.

    Raises
    ------
    InputError
        If the group holds no network, one of a later version, or a damaged one.
    """
    kind = hdf5.plain(group.attrs, "format")
    if kind != FORMAT:
        ours = isinstance(kind, str) and kind.startswith("eventsim") and kind.isprintable()
        found = f"a file of {kind}" if ours else "an HDF5 file of another program"
        raise InputError(f"this is {found}, not a network; give a file that Network.save wrote.")
    version = hdf5.plain(group.attrs, "format_version")
    if version != FORMAT_VERSION:
        raise InputError(f"network format version {version}; this eventsim reads version {FORMAT_VERSION}.")
    try:
        net = Network(seed=int(group.attrs["seed"]))
        room = _UNSTORED + group.file.id.get_filesize()
        for part in _in_order(group["populations"]):
            room -= math.prod(_shape(part))
            if room < 0:
                raise InputError("its populations claim more neurons than such a file can be of")
            _read_population(net, part)
        for part in _in_order(group["projections"]):
            _read_projection(net, part)
    except hdf5.DAMAGE as error:
        raise InputError(f"the network is damaged: {hdf5.one_line(error)}") from None
    return net


def _in_order(group):
    return [group[number] for number in sorted(group, key=int)]


def _write_population(group, population):
    group.attrs["name"] = population.name
    group.attrs["kind"] = population.kind
    group.attrs["shape"] = np.array(population.shape, dtype=np.int64)
    if population.kind == "poisson":
        _write_array(group, "rate", population.rate)
    if population.kind == "neurons":
        neuron = group.create_group("neuron")
        for name in PARAMETERS:
            value = getattr(population.neuron, name)
            if isinstance(value, dict):
                _write_array(neuron, name, np.array(list(value.values())))
                neuron[name].attrs["receptors"] = json.dumps(list(value))
            elif value is not None:
                _write_array(neuron, name, np.asarray(value, dtype=np.float64))


def _read_population(net, group):
    name, kind = group.attrs["name"], group.attrs["kind"]
    shape = _shape(group)
    if kind == "input":
        net.input(name, shape)
    elif kind == "poisson":
        net.poisson(name, shape, rate=group["rate"][()])
    elif kind == "neurons":
        net.population(name, shape, LIF(**{key: _parameter(value) for key, value in group["neuron"].items()}))
    else:
        raise InputError(f'population "{name}" is of the unknown kind "{kind}"')


def _shape(group):
    return tuple(int(n) for n in group.attrs["shape"])


def _parameter(dataset):
    """Return the values of a neuron parameter, by receptor where they are named."""
    if "receptors" not in dataset.attrs:
        return dataset[()]
    return dict(zip(documents.from_json(dataset.attrs["receptors"]), dataset[()].tolist(), strict=True))


def _write_projection(group, projection):
    connection = projection.connection
    group.attrs["name"] = projection.name
    group.attrs["source"] = projection.source.name
    group.attrs["target"] = projection.target.name
    if projection.receptor is not None:
        group.attrs["receptor"] = projection.receptor
    group.attrs["kind"] = type(connection).__name__
    group.attrs["settings"] = json.dumps(connection.settings(), sort_keys=True)
    group.attrs["rule"] = json.dumps(rule_of(connection.weight), sort_keys=True)
    _write_array(group, "weight", projection.weight)
    _write_array(group, "delay", projection.delay)
    if projection.pairs is not None:
        # Sorted ids shrink to a tenth; weights would not, so they are left as they are.
        _write_array(group, "source_id", projection.pairs[0], compression=4)
        _write_array(group, "target_id", projection.pairs[1], compression=4)


def _read_projection(net, group):
    kind = group.attrs["kind"]
    if kind not in KINDS:
        raise InputError(f'projection "{group.attrs["name"]}" is of the unknown kind "{kind}"')
    pairs = (group["source_id"][()], group["target_id"][()]) if "source_id" in group else None
    weight = group["weight"][()]
    if weight.ndim == 0:
        raise InputError(f'projection "{group.attrs["name"]}" has one weight, not one a synapse')
    rule = weight_of(documents.from_json(group.attrs["rule"]), weight)
    listed = {"source": pairs[0], "target": pairs[1]} if kind == "Sparse" and pairs else {}
    connection = KINDS[kind](**listed, weight=rule, **documents.from_json(group.attrs["settings"]))
    ends = group.attrs["source"], group.attrs["target"]
    known = (pairs, weight, group["delay"][()], group.attrs.get("receptor"))
    net.restore(*ends, connection, group.attrs["name"], *known)


def rule_of(weight):
    """Return how weights were given as plain values: a number, a distribution, or "array".

    Parameters
    ----------
    weight : float, Distribution, or None for one value a synapse
    """
    if isinstance(weight, Distribution):
        finite = {name: value for name, value in weight.settings().items() if math.isfinite(value)}
        return {"distribution": type(weight).__name__, **finite}
    return "array" if weight is None else weight


def weight_of(rule, weight):
    """Return what `rule_of` described: a number, a distribution, or `weight` where it was an array.

    Parameters
    ----------
    rule : float, str or dict
    weight : ndarray or None

    Raises
    ------
    InputError
        The rule is no number.
    """
    if isinstance(rule, dict):
        kind = rule.pop("distribution")
        return DISTRIBUTIONS[kind](**rule)
    return weight if rule == "array" else arrays.number("weight", rule)


def _write_array(group, name, array, compression=None):
    if array.ndim == 0 or array.size == 0:
        group.create_dataset(name, data=array)
        return
    group.create_dataset(
        name,
        data=array,
        chunks=_chunks(array.shape),  # checksums need chunks
        fletcher32=True,
        shuffle=compression is not None,
        compression=compression,
    )


def _chunks(shape):
    """Return a chunk of at most `_CHUNK` entries that is one run of memory."""
    chunks, room = [], _CHUNK
    for size in reversed(shape):
        chunks.append(max(1, min(size, room)))
        room //= chunks[-1]
    return tuple(reversed(chunks))
