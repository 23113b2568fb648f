"""Networks from descriptions of their layers.

===========  =============================================================================================
description  layer
===========  =============================================================================================
``600``      600 neurons, fully connected to the layer before
``"32C5"``   a map of 32 channels, convolved with a kernel of 5 x 5; then optionally a stride ``s2`` and a
             padding ``p1`` or ``same``: ``"64C3s2p1"``, ``"64C3same"``
``"P2"``     average pooling over 2 x 2, folded into the weights of the next projection (no neurons)
``"F2"``     first-arrival pooling over 2 x 2: neurons that fire with the first spike of their window
===========  =============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import eventsim
from eventsim.errors import InputError, expect
from training import first_arrival

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.neurons.lif import LIF
    from eventsim.population import Population

_PATTERN = re.compile(
    r"(?P<channels>\d+)C(?P<kernel>\d+)(?:s(?P<stride>\d+))?(?:p(?P<padding>\d+)|(?P<same>same))?"
    r"|(?P<pool>[PF])(?P<window>\d+)"
)
_ALLOWED = (
    'a number of neurons, "32C5" (channels C kernel, then s2: stride, p1 or same: padding), '
    '"P2" (average pooling) or "F2" (first arrival)'
)


class Full(NamedTuple):
    """A fully connected layer.

    Parameters
    ----------
    size : int
        Neurons.
    """

    size: int


class Convolution(NamedTuple):
    """A convolutional layer.

    Parameters
    ----------
    channels : int
        Of the map that it makes.
    kernel : int
        Edge of the square that a neuron sees.
    stride : int
        Distance of neighbours, in pixels of the map below.
    padding : int or "same"
        Rows and columns of zeros around that map.
    """

    channels: int
    kernel: int
    stride: int
    padding: int | Literal["same"]


class AveragePool(NamedTuple):
    """Average pooling of what comes before, by the next projection.

    Parameters
    ----------
    window : int
        Edge of the square that is averaged over.
    """

    window: int


class FirstArrival(NamedTuple):
    """First-arrival pooling.

    Parameters
    ----------
    window : int
        Edge of the square whose first spike counts.
    """

    window: int


def parse(description: int | str) -> Full | Convolution | AveragePool | FirstArrival:
    """Return the layer that a number or a text describes.

    Parameters
    ----------
    description : int or str
        Such as 600, "32C5s2", "P2" or "F2".

    Raises
    ------
    InputError
        No such layer.
    """
    if type(description) is int and description > 0:
        return Full(description)
    found = _PATTERN.fullmatch(description) if isinstance(description, str) else None
    if isinstance(description, str) and re.fullmatch(r"M\d+", description):
        raise InputError(
            f'The layer "{description}" cannot be simulated: the maximum over a window may spike more than '
            f'once; use "F{description[1:]}" (first arrival) or "P{description[1:]}" (average pooling).'
        )
    if found is None:
        raise InputError(f"The layer {description!r} is not known; allowed: {_ALLOWED}.")
    numbers = {key: int(value) for key, value in found.groupdict().items() if (value or "").isdigit()}
    if 0 in [value for key, value in numbers.items() if key != "padding"]:
        raise InputError(f'The layer "{description}" has a size of 0; every number but the padding is at least 1.')
    if found["pool"]:
        return (AveragePool if found["pool"] == "P" else FirstArrival)(numbers["window"])
    padding: int | Literal["same"] = "same" if found["same"] else numbers.get("padding", 0)
    return Convolution(numbers["channels"], numbers["kernel"], numbers.get("stride", 1), padding)


def build(
    net: Network,
    sample_shape: Sequence[int],
    hidden: Sequence[int | str],
    neuron: LIF,
    output: LIF,
    classes: int,
    delay: float = 0.0,
) -> None:
    """Add an input, hidden layers and an output to an empty network; all weights are 0.

    Populations are called "input", "hidden" (where there is one layer of neurons; else "hidden1", ...),
    "pool1" (first arrival, of "hidden1") and "output".

    Parameters
    ----------
    net : eventsim.Network
    sample_shape : tuple of int
        Shape of the input; (height, width) is a map of one channel where the first layer needs a map.
    hidden : sequence of int or str
        As in `parse`, from the input on.
    neuron, output : eventsim.LIF
        Of the hidden layers and of the output.
    classes : int
        Number of output neurons.
    delay : float
        Of every projection in ms; those into first-arrival pooling have none.

    Raises
    ------
    InputError
        A description that is not known or does not fit the layer before.
    """
    expect("net", net, "Network", "an empty eventsim.Network")
    for what, value in (("sample_shape", sample_shape), ("hidden", hidden)):
        expect(what, value, Sequence, "a list")
    layers = [parse(one) for one in hidden]
    if not any(isinstance(layer, Full | Convolution) for layer in layers):
        raise InputError(f"hidden = {list(hidden)!r} has no layer of neurons; give a list such as [100].")
    if layers and not isinstance(layers[0], Full) and len(sample_shape) == 2:
        sample_shape = (*sample_shape, 1)
    before = net.input("input", tuple(sample_shape))
    only = sum(isinstance(layer, Full | Convolution) for layer in layers) == 1
    number, pool = 0, 1
    for layer, text in zip(layers, hidden, strict=True):
        if not isinstance(layer, Full) and len(before.shape) != 3:
            raise InputError(
                f'The layer "{text}" needs a map (height, width, channels) before it; '
                f'"{before.name}" has shape {before.shape}.'
            )
        if isinstance(layer, AveragePool):
            pool *= layer.window
            _divides(before, pool, text)
            continue
        if isinstance(layer, FirstArrival):
            if pool > 1:
                raise InputError(f'The layer "{text}" follows average pooling, which has no spikes to pool; swap them.')
            _divides(before, layer.window, text)
            height, width, channels = before.shape
            shape = (height // layer.window, width // layer.window, channels)
            after = net.population(f"pool{number}", shape, first_arrival.neuron())
            net.connect(before, after, first_arrival.connection(channels, layer.window))
            before = after
            continue
        number += 1
        name = "hidden" if only else f"hidden{number}"
        if isinstance(layer, Full):
            after = net.population(name, layer.size, neuron)
            rule = eventsim.Dense(0.0, pool=pool)
        else:
            sides = [_places(layer, side // pool, text) for side in before.shape[:2]]
            after = net.population(name, (*sides, layer.channels), neuron)
            rule = eventsim.Conv2d(0.0, layer.stride, layer.padding, pool, kernel=layer.kernel)
        net.connect(before, after, rule, delay=delay)
        before, pool = after, 1
    net.connect(before, net.population("output", classes, output), eventsim.Dense(0.0, pool=pool), delay=delay)


def _divides(source: Population, window: int, text: object) -> None:
    height, width = source.shape[:2]
    if height % window or width % window:
        raise InputError(
            f'The layer "{text}" pools windows of {window} x {window}, which do not divide the map of '
            f'"{source.name}", {height} x {width}; choose sizes that do.'
        )


def _places(layer: Convolution, side: int, text: object) -> int:
    """Return the number of places along one side of a convolution's map."""
    if layer.padding == "same":
        return -(-side // layer.stride)
    left = side + 2 * layer.padding - layer.kernel
    if left < 0:
        raise InputError(
            f'The layer "{text}" has a kernel of {layer.kernel}, larger than the map before it with its padding, '
            f"{side + 2 * layer.padding}; use a smaller kernel or more padding."
        )
    return left // layer.stride + 1
