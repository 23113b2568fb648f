"""Spiking neural networks simulated spike by spike, in exact time.

Names load on first use, so that ``import eventsim`` costs next to nothing: the kernels (numba),
scipy and matplotlib are imported by the first thing that needs them.
"""

import importlib
import sys
import types

__version__ = "0.1.0"

_HOME = {
    "NEVER": "constants",
    "InputError": "errors",
    "LIF": "neurons.lif",
    "Network": "network",
    "Population": "network",
    "Recordings": "recordings",
    "Projection": "network",
    "Dense": "connect",
    "Conv2d": "connect",
    "Sparse": "connect",
    "OneToOne": "connect",
    "AllToAll": "connect",
    "FixedProbability": "connect",
    "FixedInDegree": "connect",
    "FixedOutDegree": "connect",
    "Uniform": "distributions",
    "Normal": "distributions",
    "LogNormal": "distributions",
    "Exponential": "distributions",
    "Spikes": "spikes",
    "simulate": "simulate",
    "Simulation": "simulate",
    "Trace": "trace",
    "Record": "recording",
}
_MODULES = ("encode", "io", "measure")

__all__ = ["__version__", *sorted([*_HOME, *_MODULES])]


def __getattr__(name):
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        from eventsim.errors import did_you_mean

        raise AttributeError(f'module "eventsim" has no "{name}".{did_you_mean(name, __all__)}')
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})


class _Package(types.ModuleType):
    """Keep ``eventsim.simulate`` the function: importing the file of that name would replace it."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
