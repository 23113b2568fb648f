"""Reading and writing files: networks, traces, spike files, IDX arrays, and graphs of NIR.

The converters to and from formats of other programs load on first use, and import those programs' packages only when
they are called.
"""

import importlib

_HOME = {
    "from_csv": "text",
    "from_neo": "neo",
    "from_nir": "nir_read",
    "from_nwb": "nwb",
    "from_sonata": "sonata",
    "to_csv": "text",
    "to_neo": "neo",
    "to_nir": "nir_write",
    "to_nwb": "nwb",
    "to_sonata": "sonata",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        from eventsim.errors import did_you_mean

        raise AttributeError(f'module "eventsim.io" has no "{name}".{did_you_mean(name, __all__)}')
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
