"""Find the files of a data set: first the folder asked for, then ``$EVENTSIM_DATA``, then ``./data``."""

import os
import pathlib

from eventsim.errors import InputError


def roots(data=None):
    """Return the data folders to look in, first the one to prefer.

    Parameters
    ----------
    data : path-like, optional
        A folder that holds one folder a data set.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    InputError
        If `data` is given and is not a folder.
    """
    folders = []
    if data is not None:
        if not pathlib.Path(data).is_dir():
            raise InputError(f'the data folder "{os.fspath(data)}" does not exist; give the folder that '
                             "holds one folder a data set, such as mnist/")
        folders.append(pathlib.Path(data))
    if os.environ.get("EVENTSIM_DATA"):
        folders.append(pathlib.Path(os.environ["EVENTSIM_DATA"]))
    folders.append(pathlib.Path("data"))
    return folders


def find(folder, names, source, data=None):
    """Return the path of the first file that exists.

    Parameters
    ----------
    folder : str
        Folder of the data set inside a data folder.
    names : sequence of str
        Names under which the file may be stored, the one to prefer first.
    source : str
        Where the public can get the file, for the error.
    data : path-like, optional
        A data folder to prefer.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If there is no such file; names the file, the places and the source.
    """
    places = [root / folder for root in roots(data)]
    for place in places:
        for name in names:
            if (place / name).is_file():
                return place / name
    looked = ", ".join(f'"{place}"' for place in places)
    hint = "" if os.environ.get("EVENTSIM_DATA") else " (EVENTSIM_DATA is not set)"
    raise InputError(f"the file {' or '.join(names)} is missing; looked in {looked}{hint}; "
                     f"get it from its public source, {source}")
