"""The optional package `nir`: finding it, and reading and writing its files."""

import pathlib

from eventsim import optional
from eventsim.errors import InputError
from eventsim.io.aside import written_aside


def package():
    """Return the package `nir`.

    Raises
    ------
    InputError
        It is not installed.
    """
    return optional.package("nir", "nir")


def is_nir(path):
    """Return whether a file is laid out as one of NIR; the package is not needed for that."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "version" in file and isinstance(file.get("node"), h5py.Group) and "type" in file["node"]
    except OSError:
        return False


def read(path):
    """Return the graph in a file of NIR.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    InputError
        The file is missing, no file of NIR, or damaged; or the package is not installed.
    """
    nir = package()
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f'there is no file "{path}"; check the path')
    if not is_nir(path):
        raise InputError(f'"{path}" is not a file of NIR; give one that nir.write or eventsim convert wrote')
    try:
        # Its own check refuses graphs that are well defined, kernels that are not square for instance.
        graph = nir.read(path, type_check=False)
    except Exception as error:  # the package passes on what h5py, its assertions and its nodes raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f'"{path}" cannot be read as NIR: {reason}') from None
    if not isinstance(graph, nir.NIRGraph):
        raise InputError(f'"{path}" holds one {type(graph).__name__} and no graph; give the file of a graph')
    return graph


def write(path, graph):
    """Write a graph to a file of NIR, aside first, then renamed.

    Parameters
    ----------
    path : str or path-like
        An existing file is replaced.
    graph : nir.NIRGraph

    Raises
    ------
    InputError
        The file cannot be written.
    """
    nir = package()
    with written_aside(path) as aside:
        nir.write(aside, graph)
