"""Learning from exact spike times: gradients, decoders, optimisers, models.

Names load on first use: ``import training`` costs next to nothing, numba and h5py are imported by the
first thing that needs them.
"""

import importlib
import sys
import types

_HOME = {
    "spike_time_gradient": "gradient",
    "ValueAt": "readout_loss",
    "Integral": "readout_loss",
    "Delays": "delays",
    "Model": "model",
    "fit": "fit",
    "History": "history",
    "SGD": "optimize",
    "Adam": "optimize",
    "AdamW": "optimize",
    "TTFSClassifier": "classifier",
    "train_from_config": "experiment",
}
_MODULES = (
    "adjoint",
    "architecture",
    "augment",
    "augmentation",
    "average",
    "checkpoint",
    "clocked",
    "config",
    "curvature",
    "datasets",
    "decode",
    "decode_potentials",
    "decode_times",
    "decoder",
    "delays",
    "demo",
    "discrete",
    "disturb",
    "draws",
    "dropout",
    "encode",
    "experiment",
    "first_arrival",
    "first_arrival_gradient",
    "gradient",
    "history",
    "horizon",
    "initialize",
    "layered",
    "looks",
    "measured",
    "model",
    "monitor",
    "normalize",
    "optimize",
    "parameters",
    "passes",
    "peaks",
    "policy",
    "products",
    "progress",
    "readout_loss",
    "regularize",
    "resample",
    "schedule",
    "seldom",
    "session",
    "surrogate",
    "tables",
    "time_constants",
    "torch",
    "torch_run",
    "trace_passes",
    "warp",
)

__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name):
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        from eventsim.errors import did_you_mean

        raise AttributeError(f'module "training" has no "{name}".{did_you_mean(name, __all__)}')
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})


class _Package(types.ModuleType):
    """Keep ``training.fit`` the function: importing the file of that name would replace it."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
