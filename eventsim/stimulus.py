"""What a user gives as the stimulus, checked, and as the columns that engines take."""

from collections.abc import Mapping

import numpy as np

from eventsim.errors import InputError, choose
from eventsim.spikes import Spikes


def checked_stimulus(net, stimulus):
    """Return the stimulus by input name and the number of samples.

    Parameters
    ----------
    net : Network
    stimulus : None, Spikes or dict of str to Spikes

    Returns
    -------
    (dict of str to Spikes, int)

    Raises
    ------
    InputError
        For inputs that do not exist, spikes that do not fit them, or different numbers of samples.
    """
    inputs = [p.name for p in net.populations.values() if p.kind == "input"]
    listed = ", ".join(inputs) or "none"
    if isinstance(stimulus, Spikes):
        if len(inputs) != 1:
            raise InputError(f"the network has {len(inputs)} inputs ({listed}); give a dict of es.Spikes by input name")
        stimulus = {inputs[0]: stimulus}
    if stimulus is not None and not isinstance(stimulus, Mapping):
        raise InputError(f"the stimulus is a {type(stimulus).__name__}; give a dict of es.Spikes by input name")
    checked = {}
    for given, spikes in (stimulus or {}).items():
        name = getattr(given, "name", given)
        if name in net.populations and name not in inputs:
            raise InputError(f'"{name}" is not an input, so it takes no stimulus; inputs are: {listed}')
        choose("input", name, inputs or ["none"])
        if not isinstance(spikes, Spikes):
            raise InputError(f'the stimulus of "{name}" is a {type(spikes).__name__}; give es.Spikes(time, neuron)')
        spikes.check(net.populations[name])
        checked[name] = spikes
    counts = {spikes.n_samples for spikes in checked.values()}
    if len(counts) > 1:
        listed = ", ".join(f"{name}: {spikes.n_samples}" for name, spikes in checked.items())
        raise InputError(f"the inputs have different numbers of samples ({listed}); give n_samples= to Spikes")
    return checked, counts.pop() if counts else 1


class InputColumns:
    """The input spikes of all samples as one row of columns, handed over chunk by chunk.

    Parameters
    ----------
    stimulus : dict of str to Spikes
    lowered : Lowered
    n_samples : int
    """

    def __init__(self, stimulus, lowered, n_samples):
        names = [name for name in sorted(stimulus) if len(stimulus[name])]
        shift = {name: lowered.offset[lowered.names.index(name)] for name in names}
        arrays = {name: stimulus[name].arrays() for name in names}
        if len(names) == 1:
            one = arrays[names[0]]
            self._columns = one.time, (one.neuron + shift[names[0]]).astype(np.int32), one.amplitude
            self._offsets = one.offsets
            return
        parts = [(a.sample, a.time, (a.neuron + shift[name]).astype(np.int32), a.amplitude)
                 for name, a in arrays.items()]
        if not parts:
            self._columns = np.zeros(0), np.zeros(0, np.int32), np.zeros(0)
            self._offsets = np.zeros(n_samples + 1, np.int64)
            return
        sample, time, gid, amplitude = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((amplitude, gid, time, sample))
        self._columns = time[order], gid[order], amplitude[order]
        self._offsets = np.searchsorted(sample[order], np.arange(n_samples + 1)).astype(np.int64)

    def first(self, index):
        """Return the number of the first spike of a sample."""
        return int(self._offsets[index])

    def until(self, index, first, t):
        """Return (time, gid, amplitude) of the spikes of a sample from number `first` on and before t; the next number.

        Views, sorted by all three.
        """
        last = int(self._offsets[index + 1])
        upto = first + int(np.searchsorted(self._columns[0][first:last], t, side="left"))
        return tuple(column[first:upto] for column in self._columns), upto
