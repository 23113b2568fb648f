"""The Poisson inputs of one sample, drawn piece by piece and merged into its input spikes."""

import numpy as np

from eventsim.poisson import Source


class Noise:
    """All Poisson populations of one sample.

    Parameters
    ----------
    net : Network
    lowered : Lowered
    seed : int
    sample : int
    """

    _ROOM = 1e6
    """Spikes that one piece may hold on average."""

    def __init__(self, net, lowered, seed, sample):
        noisy = [p for p in net.populations.values() if p.kind == "poisson"]
        self._sources = [(p.name, int(lowered.offset[lowered.names.index(p.name)]),
                          Source(p.name, p.rate, seed, sample)) for p in noisy]
        rate = sum(float(source.rate.sum()) for _, _, source in self._sources)
        self.reach = self._ROOM / rate if rate > 0.0 else np.inf
        """How far a piece may reach, ms."""

    def __bool__(self):
        """Return whether there is any."""
        return bool(self._sources)

    def merged(self, inputs, t_stop):
        """Return the input spikes with those of the noise before t_stop merged in, and the latter as a piece."""
        time, gid = [], []
        for _, offset, source in self._sources:
            fresh, neuron = source.until(t_stop)
            time.append(fresh)
            gid.append((neuron + offset).astype(np.int32))
        time, gid = np.concatenate(time), np.concatenate(gid)
        columns = [np.concatenate(pair) for pair in zip(inputs, (time, gid, np.ones(len(time))), strict=True)]
        order = np.lexsort((columns[2], columns[1], columns[0]))
        piece = time, gid, np.full(len(time), np.inf), np.zeros(len(time), np.int32)
        return tuple(column[order] for column in columns), piece

    def export(self):
        """Return all that is needed to go on, as arrays by name."""
        found = {}
        for name, _, source in self._sources:
            found |= {f"{name}/drawn": source.drawn, f"{name}/upcoming": source.upcoming}
        return found

    def restore(self, found):
        """Go on where `export` was called."""
        for name, _, source in self._sources:
            source.drawn[:], source.upcoming[:] = found[f"{name}/drawn"], found[f"{name}/upcoming"]
