"""Training that starts from what another training learned: longer, on more samples, or on other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import InputError, expect_network
from training.model import Model
from training.parameters import write_into

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.projection import Projection
    from eventsim.type_aliases import PathLike


def take_over(net: Network, path: PathLike) -> None:
    """Write the weights, delays, thresholds and i_offset of a trained model into a network of the same layers.

    Everything else stays the network's own: time constants, horizon, encoder and decoder may be others, and so may the
    readout, whose threshold is not taken over where one of the two never fires.
    Weights that were standardised while they were trained (`training.normalize`) are plain in the file, smaller than
    the arrays that the optimiser had moved: going on wants a learning rate that is smaller in proportion.

    Parameters
    ----------
    net : eventsim.Network
        Changed in place, or left as it is where the model does not fit.
    path : path-like
        A model file (`Model.save`).

    Raises
    ------
    InputError
        No network, no such model, or one whose populations or projections have other names or sizes, or whose
        projections join other neurons.
    """
    expect_network(net)
    trained = Model.load(path).net
    sizes = [
        {name: p.size for name, p in network.populations.items()}
        | {name: p.weight.shape for name, p in network.projections.items()} for network in (trained, net)
    ]  # fmt: skip
    if sizes[0] != sizes[1]:
        name = next(name for name in sizes[0] | sizes[1] if sizes[0].get(name) != sizes[1].get(name))
        there, here = (f"has {found[name]}" if name in found else "has none" for found in sizes)
        raise InputError(f'"{path}" does not fit the network: for "{name}" the file {there}, the network {here}; start '
                         "from a model of the same layers.")
    for name, projection in net.projections.items():
        if not _joins_the_same(projection, trained.projections[name]):
            raise InputError(f'"{path}" does not fit the network: "{name}" joins other neurons there; start from a '
                             "model of the same layers.")
    neurons = {name: p.neuron for name, p in trained.populations.items() if p.kind == "neurons"}
    readouts = {name for name in neurons if trained[name].is_readout or net[name].is_readout}
    write_into(
        net,
        {name: p.weight for name, p in trained.projections.items()},
        {name: np.asarray(neuron.v_threshold) for name, neuron in neurons.items() if name not in readouts},
        {name: np.asarray(neuron.i_offset) for name, neuron in neurons.items()},
        {name: p.delay for name, p in trained.projections.items()},
    )


def _joins_the_same(one: Projection, other: Projection) -> bool:
    ends = [(p.source.name, p.source.kind, p.target.name, p.target.kind, p.receptor) for p in (one, other)]
    return ends[0] == ends[1] and np.array_equal(one.pairs, other.pairs)  # type: ignore[arg-type]  # None: all pairs
