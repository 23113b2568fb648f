"""The network of a trace: inside the trace, or, where it is large, in a file of its own that the trace names.

The file is called by the network's fingerprint and lies beside the trace, so that all traces of a network
share one. The trace holds the fingerprint and the path relative to its own folder.
"""

import os
import pathlib
import re

from eventsim.errors import InputError
from eventsim.io import hdf5, network_file

LARGEST = 64 * 2**20
"""Bytes of weights, delays and lists of synapses above which a network goes into a file of its own."""

_NAME = re.compile(r"network-[0-9a-f]{16}\.h5")


class NotThere(InputError):
    """The network's own file is missing, or holds another network."""


def size(net):
    """Return how many bytes a network takes in a file, uncompressed; only large arrays are counted."""
    total = 0
    for projection in net.projections.values():
        total += projection.weight.nbytes + projection.delay.nbytes
        total += sum(ids.nbytes for ids in projection.pairs or ())
    return total


def write(group, net, folder, link_folder):
    """Write a network into an empty group, or beside the trace and its name into the group.

    Parameters
    ----------
    group : h5py.Group
    net : Network
    folder : path-like
        Folder of the trace.
    link_folder : path-like
        Folder of a network file.

    Raises
    ------
    InputError
        The network file cannot be written.
    """
    if size(net) <= LARGEST:
        network_file.write(group, net)
        return
    fingerprint = net.fingerprint()
    path = pathlib.Path(link_folder) / f"network-{fingerprint[:16]}.h5"
    if not path.exists():  # the name says what is in it
        network_file.save(path, net)
    group.attrs["fingerprint"] = fingerprint
    group.attrs["path"] = pathlib.PurePath(os.path.relpath(path, folder)).as_posix()


def read(group, folder):
    """Return the network of a group that `write` filled.

    Parameters
    ----------
    group : h5py.Group
    folder : path-like
        Folder of the trace.

    Returns
    -------
    Network

    Raises
    ------
    NotThere
        The network's own file is missing, or holds another network.
    InputError
        The network is damaged.
    """
    if "path" not in group.attrs:
        return network_file.read(group)
    said = pathlib.PurePosixPath(hdf5.text(group.attrs, "path"))
    if not _NAME.fullmatch(said.name) or str(said.parent) not in (".", ".."):
        raise InputError("its network is said to be in a file that is neither beside it nor in the folder above, or "
                         "has another name than such files have")
    path = pathlib.Path(folder) / said
    if not path.is_file():
        raise NotThere(f'its network is in "{path}", which is missing; put that file there')
    net = network_file.load(path)
    if net.fingerprint() != hdf5.plain(group.attrs, "fingerprint"):
        raise NotThere(f'its network is not the one in "{path}" (fingerprints differ); put the right file there')
    return net
