"""What the commands read: the samples that --input names."""

import pathlib

from eventsim.errors import InputError, did_you_mean


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
    if not all(isinstance(one, np.ndarray) and one.dtype.kind in "biuf" for one in (values, labels) if one is not None):
        raise InputError(f'"{path}" holds something else than plain numbers; give arrays of numbers')
    if values.ndim < 2 or (labels is not None and labels.shape != values.shape[:1]):
        shapes = values.shape if labels is None else f"{values.shape} and labels {labels.shape}"
        raise InputError(f'"{path}" has images of shape {shapes}; give (samples, ...), one label a sample')
    return values, labels
