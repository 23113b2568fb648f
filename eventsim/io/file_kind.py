"""What kind of file a file is, by what it says of itself."""


from eventsim.errors import InputError
from eventsim.io import hdf5
from eventsim.io.plain_file import path_of

KINDS = {
    "eventsim trace": "trace",
    "eventsim network": "network",
    "eventsim simulation": "simulation",
    "eventsim-model": "model",
    "eventsim-checkpoint": "checkpoint",
}
"""The kind of a file by its attribute "format"."""

SONATA = "SONATA spike"
"""The kind of a spike file of another program."""


def kind_of(path):
    """Return the kind of a file: a value of `KINDS`, or `SONATA`.

    Raises
    ------
    InputError
        The file is missing, not HDF5, or of no kind that is known.
    """
    kind = kind_or_none(path)
    if kind is None:
        raise InputError(f'"{path}" was not written by eventsim; give a {", ".join(KINDS.values())} file')
    return kind


def kind_or_none(path):
    """Return the kind of a file as `kind_of` does, None for one of another program."""
    path = path_of(path)
    if not path.is_file():
        raise InputError(f'there is no file "{path}"; check the path')
    try:
        with hdf5.open_file(path, ours=False, links=True) as file:
            return KINDS.get(hdf5.plain(file.attrs, "format")) or (SONATA if _is_sonata(file) else None)
    except InputError as error:
        raise InputError(f'"{path}" is damaged: {error}; take another copy') from None
    except (OSError, RuntimeError):
        raise InputError(f'"{path}" is not an HDF5 file, or is cut short; give a file of eventsim') from None


def _is_sonata(file):
    """Tell whether an open HDF5 file has spikes where SONATA files have them."""
    spikes = file.get("spikes")
    groups = [] if not hasattr(spikes, "values") else spikes.values()
    return any(hasattr(group, "values") and "timestamps" in group for group in groups)
