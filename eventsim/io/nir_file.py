"""The optional package `nir`: finding it, and reading and writing its files."""


from eventsim import optional
from eventsim.errors import InputError
from eventsim.io import hdf5
from eventsim.io.aside import written_aside
from eventsim.io.plain_file import path_of


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
        with hdf5.open_file(path, ours=False, links=True) as file:
            return "version" in file and isinstance(file.get("node"), h5py.Group) and "type" in file["node"]
    except (OSError, InputError):
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
    path = path_of(path)
    if not path.is_file():
        raise InputError(f'there is no file "{path}"; check the path')
    if not is_nir(path):
        raise InputError(f'"{path}" is not a file of NIR; give one that nir.write or eventsim convert wrote')
    try:
        hdf5.open_file(path, ours=False).close()  # the package follows links, in a circle too
        # Its own check refuses graphs that are well defined, kernels that are not square for instance.
        graph = nir.read(path, type_check=False)
    except Exception as error:  # the package passes on what h5py, its assertions and its nodes raise
        raise InputError(f'"{path}" cannot be read as NIR: {hdf5.one_line(error)}') from None
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
