"""What the commands read from and write to: the kinds of our files, the samples that --input names."""

import pathlib

from eventsim.errors import InputError, did_you_mean

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
    import h5py

    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f'there is no file "{path}"; check the path')
    try:
        with h5py.File(path, "r") as file:
            kind = KINDS.get(file.attrs.get("format")) or (SONATA if _is_sonata(file) else None)
    except (OSError, RuntimeError):
        raise InputError(f'"{path}" is not an HDF5 file, or is cut short; give a file of eventsim') from None
    if kind is None:
        raise InputError(f'"{path}" was not written by eventsim; give a {", ".join(KINDS.values())} file')
    return kind


def _is_sonata(file):
    """Tell whether an open HDF5 file has spikes where SONATA files have them."""
    spikes = file.get("spikes")
    groups = [] if not hasattr(spikes, "values") else spikes.values()
    return any(hasattr(group, "values") and "timestamps" in group for group in groups)


def check_target(path):
    """Raise `InputError` where a file could not be written at the end of a long run."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise InputError(f'"{path}" cannot be written: there is no folder "{path.parent}"; make it first')
    if path.is_dir():
        raise InputError(f'"{path}" is a folder; give the name of a file to write')


def sonata_stimulus(path, net):
    """Return the stimulus of a network that a SONATA spike file holds, a dict of `Spikes` by input.

    Populations go to the inputs of the same name; the only one goes to the only input whatever its name.

    Raises
    ------
    InputError
        The file cannot be read, or a population of it belongs to no input.
    """
    from eventsim.io import sonata

    names = sonata.population_names(path)
    inputs = [name for name, population in net.populations.items() if population.kind == "input"]
    if len(names) == len(inputs) == 1:
        return {inputs[0]: sonata.from_sonata(path)}
    strangers = [name for name in names if name not in inputs]
    if strangers or not names:
        raise InputError(
            f'"{path}" has the populations {", ".join(names) or "none"}, but the inputs of the network are '
            f'{", ".join(inputs) or "none"}; give a file with the names of inputs (es.io.to_sonata writes one)'
        )
    return {name: sonata.from_sonata(path, name) for name in names}


def dataset(arguments, name):
    """Return the samples and labels of the data set `name` that --split, --samples and --data choose."""
    from training import datasets

    images, labels, _ = datasets.load(name, arguments.split, arguments.data)
    return _chosen(arguments, name, images, labels)


def images(arguments, path):
    """Return the samples, and the labels or None, of a file of images (.npy, .npz, IDX)."""
    path = pathlib.Path(path)
    if not path.is_file():
        from training.datasets import NAMES

        raise InputError(
            f'input "{path}" is neither a file nor a data set; give a file of images, a trace, or one of '
            f"{', '.join(NAMES)}.{did_you_mean(path, NAMES)}"
        )
    if path.suffix in (".npy", ".npz"):
        values, labels = _numpy(path)
    else:
        from eventsim.io import idx

        values, labels = idx.read(path), None
    return _chosen(arguments, path, values, labels)


def check_samples(arguments, name, n_samples):
    """Raise `InputError` where --samples chooses none of the samples there are."""
    if len(range(n_samples)[arguments.samples]) == 0:
        raise InputError(f'"{name}" has {n_samples} samples; --samples chose none of them')


def _chosen(arguments, name, values, labels):
    check_samples(arguments, name, len(values))
    return values[arguments.samples], None if labels is None else labels[arguments.samples]


def _numpy(path):
    import numpy as np

    try:
        content = np.load(path, allow_pickle=False)
        if path.suffix == ".npy":
            values, labels = content, None
        else:
            values, labels = content["images"], content["labels"] if "labels" in content else None
    except KeyError:
        raise InputError(f'"{path}" has no array "images"; it has {", ".join(content) or "none"}') from None
    except Exception:  # numpy passes on what zip, zlib and its own parser raise
        raise InputError(f'"{path}" is not a numpy file of plain numbers, or it is damaged') from None
    if values.ndim < 2 or (labels is not None and labels.shape != values.shape[:1]):
        shapes = values.shape if labels is None else f"{values.shape} and labels {labels.shape}"
        raise InputError(f'"{path}" has images of shape {shapes}; give (samples, ...), one label a sample')
    return values, labels
