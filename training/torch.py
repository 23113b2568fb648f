"""The door to PyTorch (``pip install eventsim[torch]``): networks as modules, spike times as tensors.

`SpikeTimes` is an ordinary ``torch.nn.Module``::

    layer = training.torch.SpikeTimes(net, t_stop=20.0)
    times = layer(input_times)                  # (samples, inputs) -> (samples, outputs), ms
    times.clamp(max=20.0).mean().backward()     # exact gradients by weights and input times

Torch itself is imported when the class is first asked for, so this module can be loaded without it.
"""

import importlib
from typing import TYPE_CHECKING

from eventsim import optional
from eventsim.errors import did_you_mean

if TYPE_CHECKING:  # what `_NAMES` loads on first use, for type checkers and editors
    from training.torch_module import SpikeTimes as SpikeTimes

_NAMES = ("SpikeTimes",)

if not TYPE_CHECKING:  # to type checkers a name that is not in the tables is a mistake

    def __getattr__(name):
        if name not in _NAMES:
            raise AttributeError(f'module "{__name__}" has no "{name}".{did_you_mean(name, _NAMES)}')
        optional.package("torch", "torch")  # the real one: imports are absolute
        value = getattr(importlib.import_module("training.torch_module"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
