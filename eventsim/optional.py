"""Packages that not everybody needs: found when they are first used, asked for in one line where they are missing."""

import importlib

from eventsim.errors import InputError


def package(name, extra):
    """Import an optional package.

    Parameters
    ----------
    name : str
        The module.
    extra : str
        The extra of eventsim that installs it.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f'this needs the package "{name}", which is not installed; pip install eventsim[{extra}]'
                         ) from None
