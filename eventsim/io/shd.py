"""Read the Spiking Heidelberg Digits: spoken digits as spikes of 700 channels of a model cochlea.

An HDF5 file: ``spikes/times`` and ``spikes/units``, an array of variable length a sample (times in seconds, units 0
to 699), ``labels``, a number a sample, and ``extra/keys``, the name of each class; B. Cramer, Y. Stradmann, J.
Schemmel, F. Zenke, IEEE TNNLS 33:2744 (2022). Other entries (speakers) are ignored. The layout is that of the
published description; no published file was at hand to test it on.
"""

import os
from typing import NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.io import hdf5
from eventsim.io.plain_file import path_of
from eventsim.recordings import Recordings

SHAPE = (1, 700)
"""A cochlea is a sensor of one row; a unit is a column."""

_MS_PER_S = 1000.0


class Labelled(NamedTuple):
    """The contents of a file."""

    recordings: Recordings
    labels: np.ndarray
    """Class of each recording, int64."""
    classes: tuple
    """Names of the classes, by label."""


def read(path):
    """Read a file of labelled recordings.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Labelled
        Shape (1, 700), x = unit, polarity 1; times in ms.

    Raises
    ------
    InputError
        For a file that is missing, not HDF5, without one of the entries, or with entries that do not fit together;
        the error names the entry and the sample.
    """
    name = os.fspath(path_of(path))
    if not os.path.isfile(name):
        raise InputError(f'there is no file "{name}"; give an HDF5 file of the Spiking Heidelberg Digits')
    try:
        with hdf5.open_file(name, ours=False, links=True) as file:
            times, units, labels, keys = (file[key][()] for key in
                                          ("spikes/times", "spikes/units", "labels", "extra/keys"))
            classes = tuple(key.decode() if isinstance(key, bytes) else str(key) for key in keys)
            labels = np.asarray(labels).astype(np.int64)
            lengths = [np.array([len(row) for row in rows], np.int64) for rows in (times, units)]
            times, units = (np.concatenate([np.zeros(0), *rows]).astype(np.float64) for rows in (times, units))
    except KeyError as error:
        raise InputError(f'"{name}" has not all of spikes/times, spikes/units, labels, extra/keys '
                         f"({hdf5.one_line(error)}); give a file of the Spiking Heidelberg Digits") from None
    except hdf5.DAMAGE as error:
        raise InputError(f'"{name}" cannot be read as a file of the Spiking Heidelberg Digits '
                         f"({hdf5.one_line(error)}); it is of another kind, cut short or damaged: get it again"
                         ) from None
    return Labelled(_recordings(name, times, units, lengths, labels, len(classes)), labels, classes)


def _recordings(name, times, units, lengths, labels, n_classes):
    """Check the columns against each other, and return the recordings."""
    if len({len(lengths[0]), len(lengths[1]), *labels.shape[:1]}) != 1 or labels.ndim != 1:
        raise InputError(f'"{name}" has {len(lengths[0])} rows of times, {len(lengths[1])} of units and labels of '
                         f"shape {labels.shape}; it is damaged: get it again")
    unlike = np.flatnonzero(lengths[0] != lengths[1])
    if unlike.size:
        at = unlike[0]
        raise InputError(f'sample {at} of "{name}" has {lengths[0][at]} times and {lengths[1][at]} units; it is '
                         "damaged: get it again")
    offset = np.concatenate([[0], np.cumsum(lengths[0])])
    for what, values, good, allowed in (
        ("time", times, np.isfinite(times) & (times >= 0.0), "times are finite and >= 0 s"),
        ("unit", units, (units >= 0) & (units < SHAPE[1]), f"units are 0 to {SHAPE[1] - 1}"),
    ):
        if not good.all():
            first = int(np.argmin(good))
            sample = int(np.searchsorted(offset, first, side="right")) - 1
            raise InputError(f'sample {sample} of "{name}" has the {what} {values[first]:g}; {allowed}: it is damaged, '
                             "get it again")
    unknown = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if unknown.size:
        raise InputError(f'sample {unknown[0]} of "{name}" has the label {labels[unknown[0]]}, but the file names '
                         f"{n_classes} classes; it is damaged: get it again")
    return Recordings(times * _MS_PER_S, units, np.zeros(times.size, np.int32), np.ones(times.size, np.int8),
                      offset, shape=SHAPE)
